"""A number and a noun come in; both together go out as people say them: "1 rule", "2,000 rules", "1 class"."""

from __future__ import annotations

_SIBILANTS = ("s", "x", "ch", "sh")


def counted(number: int, noun: str, plural: str = "") -> str:
    """How many of what.

    Args:
        number: How many.
        noun: In the singular; words before the noun are kept ("labelled tile").
        plural: Where it is neither noun + "s", nor + "es" after a sibilant, nor "-ies" for "-y" after a consonant.

    Example:
        >>> counted(1, "fault"), counted(12345, "fault"), counted(2, "class"), counted(3, "entity")
        ('1 fault', '12,345 faults', '2 classes', '3 entities')
    """
    return f"{number:,} {noun if number == 1 else plural or _plural(noun)}"


def _plural(noun: str) -> str:
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(_SIBILANTS) else f"{noun}s"
