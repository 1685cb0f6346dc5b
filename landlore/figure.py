"""The figure of a run: maps before and after come in, one picture of before, after and why goes out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.counted import counted
from kg.raster import Raster
from landlore.lettering import INK, MUTED, Legend, draw_legend, draw_scale, font, legend_height

if TYPE_CHECKING:
    from PIL.Image import Image

    from reasoning.correction import Corrected
    from reasoning.explanation.sentences import Names

WIDTH = 1600
_MARGIN, _GAP, _HEAD, _TITLE = 36, 22, 84, 46
_PANEL = (WIDTH - 2 * _MARGIN - 2 * _GAP) // 3
_PAPER = (255, 255, 255)
_NOTHING = (244, 244, 242)
_RULES = (
    (214, 39, 40),
    (255, 127, 14),
    (233, 30, 140),
    (140, 86, 75),
    (188, 160, 0),
    (255, 99, 99),
)
_EVIDENCE = ((31, 119, 200), (0, 160, 150), (86, 180, 233), (20, 70, 130))
_SMOOTH, _OTHER = (125, 85, 190), (90, 90, 90)

Colours = NDArray[np.uint8]
Box = tuple[int, int, int, int]
"""Row, column, height and width in pixels of the map."""


@dataclass(frozen=True)
class _Cause:
    term: str
    name: str
    colour: tuple[int, int, int]
    pixels: int


def draw_figure(corrected: Corrected, names: Names, *, image: Raster | None = None) -> Image:
    """Draw the map before, the map after, and what changed each pixel, with a closer look below.

    Args:
        corrected: The run's result.
        names: What classes, rules and sources are called.
        image: Image on the same grid; its red, green and blue (or first) bands lie, greyed, under
            the changes.

    Returns:
        An RGB picture 1600 pixels wide.
    """
    from PIL import Image, ImageDraw

    causes = _causes(corrected, names)
    height, width = corrected.after.grid.shape
    boxes = [(0, 0, height, width), *_closer(corrected.changed)]
    rows = [_fit(box) for box in boxes]
    legends = (_class_legend(corrected), _cause_legend(causes, corrected))
    widths = (2 * _PANEL + _GAP, _PANEL)
    below = max(legend_height(one, wide) for one, wide in zip(legends, widths, strict=True))
    tall = _HEAD + _TITLE + sum(h + _GAP for _, h in rows) + below + _MARGIN
    picture = Image.new("RGB", (WIDTH, tall), _PAPER)
    draw = ImageDraw.Draw(picture)
    _draw_head(draw, corrected)
    top = _HEAD + _TITLE
    for box, size in zip(boxes, rows, strict=True):
        panels = _panels(corrected, causes, image, box, size)
        for i, panel in enumerate(panels):
            left = _MARGIN + i * (_PANEL + _GAP)
            place = (left + (_PANEL - size[0]) // 2, top)
            picture.paste(panel, place)
            _frame(draw, place, size, MUTED, 1)
            if box is boxes[0]:
                _mark(draw, place, size, boxes)
        scale = size[0] / box[3]
        draw_scale(draw, (_MARGIN + 14, top + size[1] - 18), corrected.after.grid, scale)
        top += size[1] + _GAP
    draw_legend(draw, (_MARGIN, top), legends[0], widths[0])
    draw_legend(draw, (_MARGIN + 2 * (_PANEL + _GAP), top), legends[1], widths[1])
    return picture


def _causes(corrected: Corrected, names: Names) -> tuple[_Cause, ...]:
    """What changed pixels, most pixels first, each with a colour of its kind."""
    from reasoning.explanation.sentences import cause

    pixels: dict[str, int] = {}
    for correction in corrected.corrections:
        term = cause(correction)
        pixels[term] = pixels.get(term, 0) + correction.pixels
    order = sorted(pixels, key=lambda t: (-pixels[t], t))
    colours = reason_colours(order, set(names.rules))
    return tuple(_Cause(t, _called(t, names), colours[t], pixels[t]) for t in order)


def _called(term: str, names: Names) -> str:
    if term in names.rules:
        return f"Rule: {names.rules[term][0]}"
    plain = {
        vocab.SMOOTHNESS: "Smoothness",
        vocab.NETWORK: "Small differences only",
        vocab.LESSON: "Usual errors of the network",
    }
    return plain.get(term) or names.terms[term][0]


def reason_colours(terms: Sequence[str], rules: Collection[str]) -> dict[str, tuple[int, int, int]]:
    """A colour for each reason: warm for rules, cool for evidence, purple for smoothness.

    Args:
        terms: Term IRIs, those that decided most pixels first.
        rules: Those of them that are rules.
    """
    warm, cool, found = iter(_RULES), iter(_EVIDENCE), {}
    for term in terms:
        if term == vocab.SMOOTHNESS:
            found[term] = _SMOOTH
        elif term == vocab.NETWORK:
            found[term] = _OTHER
        else:
            found[term] = next(warm if term in rules else cool, _OTHER)
    return found


def _closer(changed: NDArray[np.bool_]) -> list[Box]:
    """The window, a quarter of the map wide, with the most changed pixels; none on a small map."""
    height, width = changed.shape
    if max(height, width) < 300 or not changed.any():
        return []
    tall, wide = max(1, height // 4), max(1, width // 4)
    sums = np.zeros((height + 1, width + 1), np.int64)
    sums[1:, 1:] = changed.cumsum(0, dtype=np.int64).cumsum(1)
    rows = np.arange(0, height - tall + 1, max(1, tall // 8))
    cols = np.arange(0, width - wide + 1, max(1, wide // 8))
    inside = (
        sums[np.ix_(rows + tall, cols + wide)]
        - sums[np.ix_(rows, cols + wide)]
        - sums[np.ix_(rows + tall, cols)]
        + sums[np.ix_(rows, cols)]
    )
    row, col = np.unravel_index(int(inside.argmax()), inside.shape)
    return [(int(rows[row]), int(cols[col]), tall, wide)]


def _fit(box: Box) -> tuple[int, int]:
    """Width and height of a panel for a part of the map, in the shape of that part."""
    _, _, height, width = box
    scale = min(_PANEL / width, 1.35 * _PANEL / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def _panels(
    corrected: Corrected,
    causes: Sequence[_Cause],
    image: Raster | None,
    box: Box,
    size: tuple[int, int],
) -> list[Image]:
    from PIL import Image

    row, col, height, width = box
    step = max(1, width // (4 * size[0]))
    part = (slice(row, row + height, step), slice(col, col + width, step))
    palette = np.array([*corrected.after.legend.colours, _NOTHING], np.uint8)
    maps = [_scaled(palette[p.labels[part]], size) for p in (corrected.before, corrected.after)]
    under = _under(image, palette[corrected.before.labels[part]], part)
    colours = _cause_colours(corrected, causes)[corrected.index[part]]
    over = Image.fromarray(colours).resize(size, _filter(colours, size))
    over.putalpha(over.getchannel("A").point([min(255, 2 * a) for a in range(256)]))
    why = _scaled(under, size)
    why.paste(over, (0, 0), over)
    return [*maps, why]


def _cause_colours(corrected: Corrected, causes: Sequence[_Cause]) -> Colours:
    """(correction + 1, 4): colour of each correction's cause; the last row is transparent."""
    from reasoning.explanation.sentences import cause

    colour = {c.term: (*c.colour, 255) for c in causes}
    rows = [colour[cause(correction)] for correction in corrected.corrections]
    return np.array([*rows, (0, 0, 0, 0)], np.uint8)


def _under(image: Raster | None, labels: Colours, part: tuple[slice, slice]) -> Colours:
    """A pale grey background: the image, or the classes when there is none."""
    if image is None:
        grey = labels.astype(np.float64) @ (0.3, 0.59, 0.11)
        return np.repeat((215 + grey * 0.13)[..., None], 3, axis=2).astype(np.uint8)
    wanted = [image.bands.index(b) for b in ("red", "green", "blue") if b in image.bands]
    bands = image.values[wanted or slice(0, 3)][:, part[0], part[1]].astype(np.float64)
    valid = image.valid[part]
    if not valid.any():
        return np.full((*valid.shape, 3), _NOTHING, np.uint8)
    grey = bands.mean(axis=0)
    low, high = np.percentile(grey[valid], (2, 98))
    light = np.clip((grey - low) / max(high - low, 1e-9), 0, 1)
    tone = np.where(valid, 140 + 108 * light**0.8, 244)
    return np.repeat(tone[..., None], 3, axis=2).astype(np.uint8)


def _scaled(pixels: Colours, size: tuple[int, int]) -> Image:
    from PIL import Image

    return Image.fromarray(pixels).resize(size, _filter(pixels, size))


def _filter(pixels: Colours, size: tuple[int, int]) -> Any:
    """Mean of the pixels when there are too many, sharp squares when there are few."""
    from PIL.Image import Resampling

    return Resampling.BOX if pixels.shape[1] > size[0] else Resampling.NEAREST


def _draw_head(draw: Any, corrected: Corrected) -> None:
    valid, changed = int(corrected.after.valid.sum()), int(corrected.changed.sum())
    share = changed / valid if valid else 0.0
    area = changed * corrected.after.grid.pixel_area / 10_000
    draw.text((_MARGIN, 22), "The corrected map and its reasons", fill=INK, font=font(32))
    told = (
        f"{changed:,} of {counted(valid, 'pixel')} changed ({share:.1%}, {area:,.1f} ha) "
        f"in {counted(len(corrected.corrections), 'correction')}"
    )
    draw.text((WIDTH - _MARGIN, 34), told, fill=MUTED, font=font(21), anchor="ra")
    titles = (
        ("Before", "as it was given" if corrected.before.from_labels else "what the network said"),
        ("After", "with evidence, smoothness and rules"),
        ("Why", "the strongest reason of each change"),
    )
    for i, (title, more) in enumerate(titles):
        left = _MARGIN + i * (_PANEL + _GAP)
        draw.text((left, _HEAD + 6), title, fill=INK, font=font(25))
        wide = draw.textlength(title, font=font(25))
        draw.text((left + wide + 12, _HEAD + 11), more, fill=MUTED, font=font(19))


def _frame(
    draw: Any, place: tuple[int, int], size: tuple[int, int], colour: Any, width: int
) -> None:
    right, bottom = place[0] + size[0] - 1, place[1] + size[1] - 1
    draw.rectangle((*place, right, bottom), outline=colour, width=width)


def _mark(draw: Any, place: tuple[int, int], size: tuple[int, int], boxes: list[Box]) -> None:
    """Show on the whole map where the closer look lies."""
    scale = size[0] / boxes[0][3]
    for row, col, height, width in boxes[1:]:
        corner = (place[0] + round(col * scale), place[1] + round(row * scale))
        shape = (round(width * scale), round(height * scale))
        _frame(draw, corner, shape, (255, 255, 255), 4)
        _frame(draw, (corner[0] + 1, corner[1] + 1), (shape[0] - 2, shape[1] - 2), INK, 2)


def _class_legend(corrected: Corrected) -> Legend:
    legend = corrected.after.legend
    seen = {int(k) for p in (corrected.before, corrected.after) for k in np.unique(p.labels)}
    shown = [k for k in range(len(legend.classes)) if k in seen]
    return Legend(
        "Classes", tuple((legend.classes[k].label, legend.colours[k], "") for k in shown), 3
    )


def _cause_legend(causes: Sequence[_Cause], corrected: Corrected) -> Legend:
    total = max(1, int(corrected.changed.sum()))
    entries = tuple((c.name, c.colour, _percent(c.pixels / total)) for c in causes[:9])
    rest = sum(c.pixels for c in causes[9:])
    if rest:
        entries += ((f"{len(causes) - 9} more", _OTHER, _percent(rest / total)),)
    return Legend("Strongest reason, share of the changed pixels", entries, 1)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.005 else "< 1%"
