"""Sets of parameters for the testbenches."""

from typing import Any

import pytest

__all__ = ["rtl_only"]


def rtl_only(*values: Any) -> Any:
    """A set of parameters that does not run as a netlist, too (see ``tb/conftest.py``)."""
    return pytest.param(*values, marks=pytest.mark.rtl_only)
