"""What is written on figures: class and reason names come in, legends and a scale bar are drawn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from kg.grid import Grid

INK, MUTED = (28, 32, 38), (104, 110, 118)
_LINE, _TITLE, _SWATCH = 33, 36, 22
_SIZE = 20


@dataclass(frozen=True)
class Legend:
    """A list of colours and names.

    Attributes:
        title: Line above the entries.
        entries: (name, colour, number or "") of each.
        columns: How many stand side by side.
    """

    title: str
    entries: tuple[tuple[str, tuple[int, int, int], str], ...]
    columns: int


@lru_cache(maxsize=16)
def font(size: int) -> Any:
    """Pillow's own font in this size, so that a figure looks the same everywhere."""
    from PIL import ImageFont

    return ImageFont.load_default(size=size)


def legend_height(legend: Legend, width: int) -> int:
    """Height in pixels of a legend of this width."""
    return _TITLE + _LINE * math.ceil(len(legend.entries) / legend.columns)


def draw_legend(draw: Any, place: tuple[int, int], legend: Legend, width: int) -> None:
    """Draw a legend, filled column by column.

    Args:
        draw: `PIL.ImageDraw.ImageDraw` to draw on.
        place: Left and top, pixels.
        legend: What to draw.
        width: Pixels it may take.
    """
    left, top = place
    draw.text((left, top), legend.title, fill=MUTED, font=font(19))
    rows = max(1, math.ceil(len(legend.entries) / legend.columns))
    wide = width // legend.columns
    for i, (name, colour, number) in enumerate(legend.entries):
        x, y = left + i // rows * wide, top + _TITLE + i % rows * _LINE
        draw.rectangle((x, y, x + _SWATCH, y + _SWATCH), fill=colour, outline=MUTED)
        room = wide - _SWATCH - 26 - (60 if number else 0)
        draw.text((x + _SWATCH + 10, y), _shortened(draw, name, room), fill=INK, font=font(_SIZE))
        if number:
            draw.text((x + wide, y), number, fill=MUTED, font=font(_SIZE), anchor="ra")


def _shortened(draw: Any, name: str, room: int) -> str:
    if draw.textlength(name, font=font(_SIZE)) <= room:
        return name
    while name and draw.textlength(name + "...", font=font(_SIZE)) > room:
        name = name[:-1]
    return name.rstrip(" ,") + "..."


def draw_scale(draw: Any, place: tuple[int, int], grid: Grid, scale: float) -> None:
    """Draw a scale bar of a round length, about 110 pixels.

    Args:
        draw: `PIL.ImageDraw.ImageDraw` to draw on.
        place: Left and bottom, pixels.
        grid: Gives the metres per pixel of the map.
        scale: Pixels of the figure per pixel of the map.
    """
    metres = grid.pixel_size[0] / scale
    power = 10.0 ** math.floor(math.log10(110 * metres))
    length = max(n * power for n in (1, 2, 5, 10) if n * power <= 150 * metres)
    wide = round(length / metres)
    name = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    left, bottom = place
    draw.rectangle((left - 7, bottom - 27, left + wide + 7, bottom + 9), fill=(255, 255, 255))
    draw.line((left, bottom, left + wide, bottom), fill=INK, width=3)
    draw.text((left + wide / 2, bottom - 5), name, fill=INK, font=font(17), anchor="ms")
