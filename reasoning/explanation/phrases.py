"""Numbers and lists in words: areas, degrees, odds and nats come in, the way people write them goes out."""

from __future__ import annotations

import math
import re

from reasoning.explanation.wording import Wording

_SEAM = re.compile(r"(?<=[一-鿿])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[一-鿿])")


def join(items: list[str], words: Wording) -> str:
    """Items as one list: commas, and the language's word before the last."""
    comma, last = words.joins
    return comma.join(items[:-1]) + (last if len(items) > 1 else "") + "".join(items[-1:])


def area(square_metres: float, units: tuple[str, str, str]) -> str:
    """An area in square metres, hectares or square kilometres, whichever reads best."""
    if square_metres < 10_000:
        return f"{square_metres:,.{0 if square_metres >= 10 else 1}f} {units[0]}"
    if square_metres < 1_000_000:
        return f"{square_metres / 10_000:.1f} {units[1]}"
    return f"{square_metres / 1_000_000:,.1f} {units[2]}"


def degrees(value: float, sides: str) -> str:
    """Degrees with the side of the equator or meridian, such as "NS"."""
    return f"{abs(value):.5f}° {sides[0] if value >= 0 else sides[1]}"


def times(nats: float) -> str:
    """How many times as likely so many nats are."""
    odds = math.exp(min(nats, 30.0))
    return f"{odds:.1f}" if odds < 10 else f"{odds:,.0f}" if odds < 10_000 else "10,000+"


def signed(value: float) -> str:
    """Nats with their sign."""
    return f"{value:+.2f}".replace("-", "−")


def spaced(text: str) -> str:
    """A space between a Chinese character and a Latin letter or digit, as Chinese print has it."""
    return _SEAM.sub(" ", text)
