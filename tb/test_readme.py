"""What the README shows in Python runs as it stands, in an empty folder."""

import re
from pathlib import Path

import pytest

from tb.cache import repository

BLOCKS = re.findall(r"^```python\n(.*?)^```", (repository() / "README.md").read_text(),
                    re.MULTILINE | re.DOTALL)


@pytest.mark.usefixtures("in_an_empty_folder")
@pytest.mark.parametrize("program, made", [
    *zip(BLOCKS, ["sfc.v", "small.npz", "residual.v"], strict=True)],
    ids=["accelerator", "network", "convolution"])
def test_program(program: str, made: str) -> None:
    exec(program, {"__name__": "__main__"})
    assert Path(made).stat().st_size > 500
