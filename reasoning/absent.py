"""What a run was given comes in; why facts that rules may ask for are missing goes out."""

from __future__ import annotations

import re
from collections.abc import Set

from kg import vocab
from kg.raster import Raster
from reasoning.regions.measures import ALIASES, INDICES, TEXTURES
from reasoning.space.relations import DOWNHILL_OF, UPHILL_OF


def why_absent(image: Raster | None, high: bool, kinds: Set[str]) -> dict[str, str]:
    """Why roles, facts and kinds of evidence are missing that more inputs would give.

    Args:
        image: The image of the run, or None.
        high: Whether elevation is known.
        kinds: Kinds of evidence that there are.

    Returns:
        IRI -> why; the option that would help, if one does, stands in brackets at the end.
    """
    heights = (UPHILL_OF, DOWNHILL_OF, vocab.CORE + "meanElevation", vocab.CORE + "meanSlope")
    colours = (*TEXTURES, *(vocab.CORE + name for name in (*INDICES, "meanBrightness")))
    out = {} if high else dict.fromkeys(heights, "no elevation model was given (--dem)")
    if image is None:
        out |= dict.fromkeys(colours, "no image was given (--image)")
    else:
        out |= _lacking(image)
    if vocab.OSM_FEATURE not in kinds:
        out[vocab.OSM_FEATURE] = "no mapped feature of this place was given (--osm)"
    if vocab.PRODUCT_CELL not in kinds:
        out[vocab.PRODUCT_CELL] = "no land-cover product was given (--landcover)"
    return out


def _lacking(image: Raster) -> dict[str, str]:
    """Why an image does not give a mean or a texture: data property IRI -> which band it does not name.

    The option `--bands` stands in brackets where bands have no names of their own.
    """
    visible, known = ("red", "green", "blue"), {name.lower() for name in image.bands}
    needed = INDICES | {"meanBrightness": visible, "ndviDeviation": INDICES["meanNdvi"]}
    needed |= dict.fromkeys(("brightnessDeviation", "brightnessContrast"), visible)
    unnamed = any(re.fullmatch(r"band\d+", name) for name in known)
    out = {}
    for name, bands in needed.items():
        gone = [band for band in bands if not known.intersection(ALIASES.get(band, (band,)))]
        if gone:
            way = " (--bands)" if unnamed else ""
            out[vocab.CORE + name] = f"no band of the image is named {gone[0]}{way}"
    return out
