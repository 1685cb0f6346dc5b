"""A public function comes in; the same one that refuses arguments of another kind in two lines goes out."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from numbers import Integral, Real
from os import PathLike
from typing import Any

from kg.errors import InputError, known_words

_APART = re.compile(r"\s*\|\s*(?![^\[]*\])")
_PLAIN: dict[str, type | tuple[type, ...]] = {
    "str": str, "Path": PathLike, "None": type(None), "float": Real, "Mapping": Mapping,
    "Sequence": Sequence,
}  # fmt: skip
_SAID = {
    "str": "text", "Path": "a path", "None": "None", "int": "a whole number", "float": "a number",
    "bool": "True or False", "tuple[float, float]": "two numbers in brackets",
    "tuple[float, float, float, float]": "four numbers in brackets",
    "tuple[int, int, int, int]": "four whole numbers in brackets",
    "Mapping": "a mapping", "Sequence": "a sequence", "Callable": "a function",
}  # fmt: skip
_EXAMPLES = {
    "Path": "a path, such as 'town.osm.pbf'",
    "tuple[float, float]": "(24.94, 60.17), longitude first",
    "tuple[float, float, float, float]": "(24.9, 60.1, 25.0, 60.2), west, south, east, north",
    "Sources": 'll.Sources(osm="town.osm.pbf")',
    "RunSettings": "ll.RunSettings(smoothness=1.0)",
    "EmbedSettings": 'kg.embed.EmbedSettings(model="TransE")',
}


def checked(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with a look at what it is given: kinds are those of its annotations, contents are left to it.

    Args:
        function: A public one, annotated.
    """
    signature = inspect.signature(function)

    @wraps(function)
    def looked_at(*args: Any, **kwargs: Any) -> Any:
        """Refuse what is of another kind; a wrong number of arguments is left to Python."""
        for name, value in signature.bind(*args, **kwargs).arguments.items():
            check_kind(
                f"{function.__name__}: {name}", value, str(signature.parameters[name].annotation)
            )
        return function(*args, **kwargs)

    return looked_at


def check_kind(where: str, value: object, annotation: str) -> None:
    """Let a value pass that an annotation allows.

    Args:
        where: What it was given for, "build: sources".
        value: Whatever was given.
        annotation: As it is written, "str | Path | None".

    Raises:
        InputError: The value is of another kind.
    """
    kinds = _APART.split(annotation)
    if any(_is_of(kind, value) for kind in kinds):
        return
    said = [_SAID.get(kind, _SAID.get(kind.partition("[")[0], kind)) for kind in kinds]
    shown = repr(value)[:60]
    example = next((_EXAMPLES[kind] for kind in reversed(kinds) if kind in _EXAMPLES), "")
    raise InputError(
        f"{where} is {shown}, expected {' or '.join(dict.fromkeys(said))}",
        f"give {example or said[0]}",
    )


def check_word(where: str, word: str, known: Sequence[str]) -> None:
    """Let a word pass that is known.

    Raises:
        InputError: It is not.
    """
    if word not in known:
        raise InputError(f"{where} is {word!r}", known_words(word, known))


def check_bounds(where: str, bounds: tuple[float, float, float, float] | None) -> None:
    """Let (west, south, east, north) pass that are degrees in that order; None is the globe.

    Raises:
        InputError: They are not.
    """
    west, south, east, north = bounds or (-180.0, -90.0, 180.0, 90.0)
    if not (-180 <= west < east <= 180 and -90 <= south < north <= 90):
        raise InputError(
            f"{where} are {bounds}, expected degrees in the order west, south, east, north",
            "bounds=(24.9, 60.1, 25.0, 60.2)",
        )


def path_text(where: str, value: Any) -> str | None:
    """A path or a name as text; None stays None.

    Raises:
        InputError: It is something else.
    """
    check_kind(where, value, "str | Path | None")
    return None if value is None else str(value)


def path_texts(where: str, value: Any) -> tuple[str, ...] | None:
    """One path or several as texts; None stays None.

    Raises:
        InputError: It is something else.
    """
    if value is None:
        return None
    many = [value] if isinstance(value, (str, PathLike)) else value
    if isinstance(many, Mapping) or not isinstance(many, Iterable):
        check_kind(where, value, "str | Path | Sequence")
    found = tuple(many)
    for one in found:
        check_kind(where, one, "str | Path")
    return tuple(map(str, found))


def _is_of(kind: str, value: object) -> bool:
    name, _, inner = kind.partition("[")
    if name == "tuple" and "..." not in inner:
        parts = inner.removesuffix("]").split(", ")
        return (
            isinstance(value, (tuple, list))
            and len(value) == len(parts)
            and all(_is_of(part, one) for part, one in zip(parts, value, strict=True))
        )
    if name in ("int", "bool"):
        return isinstance(value, bool) == (name == "bool") and isinstance(value, (Integral, bool))
    if name in _PLAIN:
        return isinstance(value, _PLAIN[name]) and not isinstance(value, bool)
    if name in ("Callable", "Progress"):
        return callable(value)
    if name in ("Literal", "Bounds", "Any"):  # the function itself looks at these
        return not isinstance(value, type(None))
    return any(base.__name__ == name for base in type(value).__mro__)
