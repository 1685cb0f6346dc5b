"""A layer and the date of the image come in; the layer with the chance that places have not changed since goes out."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date

from kg import vocab
from kg.errors import InputError
from kg.evidence import EvidenceLayer

CHANGE = {vocab.PRODUCT_CELL: 0.0064, vocab.OSM_FEATURE: 0.02}
"""Kind -> share of places that become another class in a year.

Products: 32 % of the land changed in 60 years (K. Winkler et al., "Global land use changes are four times greater than
previously estimated", Nature Communications 12, 2501, 2021): -ln(0.68) / 60. Features: expert judgement; what people
map lies where they build.
"""
USUAL = 0.02
"""The same for other kinds (expert judgement)."""


def aged(layer: EvidenceLayer, taken: str | None) -> EvidenceLayer:
    """Say how likely the places of a layer are unchanged in the image: exp(-rate * years between them).

    Evidence that is newer than the image is as doubtful as older one.

    Args:
        layer: Its `date` and `change`; without a date nothing is said.
        taken: Date of the image, "2021", "2021-06" or "2021-06-30"; None or "" where unknown.

    Returns:
        The layer with `fresh`; itself where a date is unknown.

    Raises:
        InputError: A date that is none, or a rate below 0.
    """
    if not taken or not layer.date:
        return layer
    rate = CHANGE.get(layer.kind, USUAL) if layer.change is None else layer.change
    if not 0 <= rate < math.inf:
        raise InputError(f"layer {layer.name} changes by {rate} a year", "give 0 or more")
    years = abs(year_of(taken, "the image") - year_of(layer.date, f"layer {layer.name}"))
    return replace(layer, fresh=math.exp(-rate * years))


def year_of(text: str, what: str) -> float:
    """A date as years: "2021" is its middle, 2021.5.

    Raises:
        InputError: It is no ISO 8601 date.
    """
    parts = text.partition("T")[0].split("-")
    try:
        year = date(int(parts[0]), 1, 1).year
        if len(parts) == 1:
            return year + 0.5
        if len(parts) == 2:
            return year + (date(year, int(parts[1]), 1).month - 0.5) / 12
        day = date(year, int(parts[1]), int(parts[2]))
        return year + (day.timetuple().tm_yday - 0.5) / 365.25
    except (ValueError, IndexError) as error:
        raise InputError(
            f"{what} has the date {text!r}, expected 2021, 2021-06 or 2021-06-30", "correct it"
        ) from error
