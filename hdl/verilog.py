"""Amaranth component to RTLIL and Verilog.

The text depends on the hardware alone (no source locations, no dates), so that equal designs
have equal text and a build can be found again by its hash.
"""

import gc
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from amaranth.back import rtlil
from amaranth.lib import wiring

from hdl.yosys import run_yosys

__all__ = ["port_names", "to_rtlil", "to_verilog", "write_verilog"]

_ATTRIBUTES = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")


@contextmanager
def _without_garbage_collection() -> Iterator[None]:
    # Elaboration only allocates; collections in between cost a third of the time.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def port_names(component: wiring.Component) -> list[str]:
    """Names of the top's data ports, path parts joined by ``__`` (``i__payload``).

    Raises ValueError where two ports would get one name, or one the name of clock or reset.
    """
    names: list[str] = []
    for path, _, _ in component.signature.flatten(component):
        name = "__".join(map(str, path))
        if name in names:
            raise ValueError(f"{type(component).__name__}: two ports are called {name!r} in "
                             "Verilog; rename a member so that the paths joined by '__' differ")
        if name in ("clk", "rst"):
            raise ValueError(f"{type(component).__name__}: the port {name!r} collides with the "
                             "clock or reset of the domain sync; rename the member")
        names.append(name)
    return names


def to_rtlil(component: wiring.Component, name: str = "top") -> str:
    """RTLIL text of the component, its top module called ``name``; memories with their content.

    Ports are those of the signature as ``port_names`` gives them, then ``clk`` and ``rst`` if
    the design has registers. Raises ValueError as ``port_names`` does.
    """
    port_names(component)
    with _without_garbage_collection():
        return rtlil.convert(component, name=name, emit_src=False)


def write_verilog(component: wiring.Component, path: Path, name: str = "top", *,
                  memory_files: bool = False) -> list[Path]:
    """Write the component as Verilog to ``path``; return the files written, that one first.

    memory_files: initial memory contents go to files beside it (``top-1.mem``, binary digits,
    read by ``$readmemb`` relative to the working folder of the simulation), which simulators
    load many times faster than an ``initial`` block. Raises ValueError as ``port_names`` does,
    ToolError if Yosys fails (its log then stays in the temporary folder that is named).
    """
    path = Path(path)
    folder = Path(tempfile.mkdtemp(prefix="lutloom-verilog-"))
    (folder / "design.il").write_text(to_rtlil(component, name))
    remove = " ".join(f"-remove {attribute}" for attribute in _ATTRIBUTES)
    run_yosys([
        "read_rtlil design.il",
        # As Amaranth's own back end does: the processes it emits are fit for Verilog as they are.
        "proc -nomux -norom",
        "memory_collect",
        # Wires of no bits, which Verilog has not: [-1:0] would be two.
        "delete w:* s:0 %i",
        f"attrmap {remove}",
        f"attrmap -modattr {remove}",
        f"write_verilog -norename {'-extmem ' if memory_files else ''}{name}.v",
    ], folder / "yosys.log")
    path.parent.mkdir(parents=True, exist_ok=True)
    contents = sorted(folder.glob("*.mem"))
    written = [path, *(path.parent / memory.name for memory in contents)]
    for source, target in zip([folder / f"{name}.v", *contents], written, strict=True):
        shutil.copyfile(source, target)
    shutil.rmtree(folder)
    return written


def to_verilog(component: wiring.Component, name: str = "top") -> str:
    """Verilog text of the component, memory contents included; see ``write_verilog``."""
    with tempfile.TemporaryDirectory(prefix="lutloom-verilog-") as folder:
        return write_verilog(component, Path(folder) / f"{name}.v", name)[0].read_text()
