"""Files that commands take and write: what a name stands for, and checks before any work."""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from pathlib import Path
from typing import Any

import golden

__all__ = ["NETWORKS", "beside", "check_outputs", "checked", "is_name", "load_data",
           "network_file"]

NETWORKS = Path(golden.__path__[0]) / "zoo" / "networks"
_OUTPUTS = "out", "json", "page", "wiring"  # options that name what a command writes


def is_name(path: Path, folder: Path) -> bool:
    """Does ``path`` name a file of ``folder``, without .npz, and not a file or folder of one's own?

    A folder called as such a file is none that could be meant.
    """
    bare = len(path.parts) == 1 and not path.suffix and not path.is_file()
    return bare and (not path.is_dir() or (folder / f"{path}.npz").is_file())


def network_file(path: Path) -> Path:
    """The file itself, or that of a network that comes along and is called so.

    Raises ValueError for the name of a trained model, which must be lowered first, and for names
    that nothing has.
    """
    if not is_name(path, NETWORKS):
        return path
    if (file := NETWORKS / f"{path}.npz").is_file():
        return file
    if (NETWORKS.parent / f"{path}.npz").is_file():
        raise ValueError(f"{path} is a trained model, no network yet: `lutloom lower {path}` makes "
                         f"build/{path}/network.npz of it")
    names = ", ".join(sorted(file.stem for file in NETWORKS.glob("*.npz")))
    raise ValueError(f'network must be a file, or one of {names}, not "{path}"')


def beside(network: Path, name: str) -> Path:
    """Where a command writes by default: beside the network, to build/NAME for one that comes
    along."""
    along = network.resolve().parent == NETWORKS.resolve()
    return (Path("build") / network.stem if along else network.parent) / name


def check_outputs(outputs: Mapping[str, Path | None], inputs: Iterable[Path]) -> None:
    """Raise ValueError for an output that is an input or another output, or that a file is above.

    outputs : option -> what it names, if it was given
    """
    taken = {path.resolve(): "is read, too" for path in inputs}
    for option, path in outputs.items():
        if path is None:
            continue
        if above := next((above for above in path.parents if above.is_file()), None):
            raise ValueError(f"--{option} {path}: {above} is a file, no folder; name another place")
        if why := taken.get(path.resolve()):
            raise ValueError(f"--{option} {path}: this file {why}; name another one")
        taken[path.resolve()] = f"is what --{option} writes"


def load_data(name: str, folder: Path | None, way_out: str) -> Any:
    """``golden.data.load``, whose errors also tell what does without the data set."""
    from golden.data import load

    try:
        return load(name, folder)
    except (ValueError, OSError) as error:
        error.add_note(way_out)
        raise


def checked(command: Callable[..., None]) -> Callable[..., None]:
    """The command, with the files that it is given checked before it begins."""
    @wraps(command)
    def run(**arguments: Any) -> None:
        outputs = {name: arguments[name] for name in _OUTPUTS if name in arguments}
        given = [one for name, value in arguments.items() if name not in _OUTPUTS
                 for one in (value if isinstance(value, list) else [value])]
        check_outputs(outputs, [Path(one) for one in given
                                if isinstance(one, str | Path) and Path(one).is_file()])
        command(**arguments)

    return run
