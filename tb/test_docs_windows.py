"""What the page on windows shows in Python runs as it stands: the core and its proof."""

import re

from tb.cache import repository

BLOCKS = re.findall(r"^```python\n(.*?)^```", (repository() / "docs/windows.md").read_text(),
                    re.MULTILINE | re.DOTALL)


def test_worked_example() -> None:
    assert len(BLOCKS) == 2
    exec("\n".join(BLOCKS), {"__name__": "__main__"})
