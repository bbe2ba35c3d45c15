"""What the page on models of one's own shows in Python runs as it stands, and can be built."""

import re

import pytest

from golden.network import Network
from tb.cache import repository
from tb.cli_case import lutloom

BLOCKS = re.findall(r"^```python\n(.*?)^```", (repository() / "docs/own_model.md").read_text(),
                    re.MULTILINE | re.DOTALL)


@pytest.mark.usefixtures("in_an_empty_folder")
def test_both_ways() -> None:
    assert len(BLOCKS) == 2
    exec("\n".join(BLOCKS), {"__name__": "__main__"})
    assert lutloom("plan", "mine.npz", "--luts", "1000")[0] == 0
    assert lutloom("verify", "mine.npz", "--plan", "plan.json", "--frames", "2",
                   "--no-stalls")[0] == 0
    assert lutloom("lower", "checkpoint.npz")[0] == 0
    assert [layer.name for layer in Network.load("network.npz").layers][-1] == "argmax"
