"""Tables of recipe files: their keys, of which kinds; a message for each that is wrong or missing.

Keys and kinds are the fields of a dataclass with their annotations: int, float (which takes
integers), str, bool, dict, ``tuple[kind, ...]`` and ``list[kind]`` (arrays), ``Mapping[str, kind]``
(a table) and ``kind | None``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, replace
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

__all__ = ["changed", "checked", "kinds_of", "made"]

T = TypeVar("T")

_NAMES = {int: ("an integer", "integers"), float: ("a number", "numbers"),
          str: ("a text", "texts"), bool: ("true or false", "true and false"),
          dict: ("a table", "tables")}


def _name(kind: Any) -> str:
    """The kind in words."""
    if get_origin(kind) is UnionType:
        return " or ".join(_name(one) for one in get_args(kind) if one is not NoneType)
    if get_origin(kind) is None:
        return _NAMES[kind][0]
    what = "a table" if get_origin(kind) is Mapping else "a list"
    return f"{what} of {_NAMES[next(one for one in get_args(kind)[::-1] if one is not ...)][1]}"


def _fits(value: Any, kind: Any) -> bool:
    """Is ``value`` of the kind?"""
    origin, of = get_origin(kind), get_args(kind)
    if origin is UnionType:
        return any(_fits(value, one) for one in of)
    if origin is Mapping:
        return isinstance(value, dict) and all(_fits(one, of[1]) for one in value.values())
    if origin is not None:
        return isinstance(value, list | tuple) and all(_fits(one, of[0]) for one in value)
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def kinds_of(kind: type[Any], without: Iterable[str] = ()) -> dict[str, Any]:
    """Fields of a dataclass, but those ``without``, with their annotations."""
    hints = get_type_hints(kind)
    return {field.name: hints[field.name] for field in fields(kind) if field.name not in without}


def checked(where: str, table: Any, kinds: Mapping[str, Any], needed: Iterable[str] = ()
            ) -> dict[str, Any]:
    """``table`` itself, whose keys are some of ``kinds`` and all that are ``needed``.

    Raises ValueError that names ``where`` it stands and the key, for what is no table, for unknown
    and missing keys, and for values of another kind.
    """
    if not isinstance(table, dict):
        raise ValueError(f"{where}: must be a table, not {table!r}")
    for key in table:
        if key not in kinds:
            near = get_close_matches(key, sorted(kinds), 1)
            way = f'; did you mean "{near[0]}"?' if near else f"; it has {', '.join(sorted(kinds))}"
            raise ValueError(f'{where}: unknown key "{key}"{way}')
    missing = [key for key in needed if key not in table]
    if missing:
        raise ValueError(f"{where}: {' and '.join(missing)} must be given")
    for key, value in table.items():
        if not _fits(value, kinds[key]):
            raise ValueError(f"{where}: {key} must be {_name(kinds[key])}, not {value!r}")
    return table


def made(where: str, table: Any, kind: type[T]) -> T:
    """The dataclass ``kind`` with the values of a table; what it refuses tells ``where``."""
    needed = [field.name for field in fields(kind)  # type: ignore[arg-type]
              if field.default is MISSING and field.default_factory is MISSING]
    values = checked(where, table, kinds_of(kind), needed)
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error


def changed(where: str, value: T, table: Any, without: Iterable[str] = ()) -> T:
    """A dataclass with the fields that a table changes, none of those ``without``."""
    changes = checked(where, table, kinds_of(type(value), without))
    try:
        return replace(value, **changes)  # type: ignore[type-var]
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}: {error}") from error
