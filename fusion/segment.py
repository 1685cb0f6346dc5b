"""A map without labels: an image and a coarser product come in, a `Prediction` at the image's resolution goes out.

Pixels learn from the product's cells by label proportions (`fusion.train`), cells that disagree with the image
are found (`fusion.weak`), and predictions are made to agree with the others (`fusion.rake`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.features import check_image
from fusion.field import check_fields, field_of, whole_part
from fusion.learn import learn
from fusion.prediction import Prediction
from fusion.settings import SegmentSettings
from fusion.weak import CellTrust
from kg.evidence import EvidenceLayer
from kg.legend import Legend
from kg.raster import Raster

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Segmented:
    """A map made from a product, and how far each cell of the product was believed.

    Attributes:
        prediction: The map.
        trust: Trust of each cell of the layer.
        raked: (cell,) bool: cells that the map was made to agree with.
    """

    prediction: Prediction
    trust: CellTrust
    raked: NDArray[np.bool_]


def segment(
    image: Raster,
    layer: EvidenceLayer,
    legend: Legend,
    *,
    dem: Raster | None = None,
    settings: SegmentSettings | None = None,
    progress: Progress | None = None,
) -> Prediction:
    """Map an image from a product, without any label of its own.

    Args:
        image: (band, y, x) measurements.
        layer: The product on the image's grid (`kg.sources.landcover.product_layer`).
        legend: Labels of the map.
        dem: Elevation in metres on the image's grid.
        settings: Knobs; default `SegmentSettings()`.
        progress: Called with the share done (0..1) and what is being done.

    Returns:
        Probabilities on the image's grid; all 0 where the image has no observation.

    Raises:
        GridError: `layer` or `dem` is on another grid, or no cell lies under a valid pixel.
        RasterError: The image has no valid pixel.
        LegendError: The product's classes say nothing about the legend.
        MissingExtraError: torch is not installed.
    """
    return segment_cells(
        image, layer, legend, dem=dem, settings=settings, progress=progress
    ).prediction


def segment_cells(
    image: Raster,
    layer: EvidenceLayer,
    legend: Legend,
    *,
    dem: Raster | None = None,
    settings: SegmentSettings | None = None,
    progress: Progress | None = None,
) -> Segmented:
    """As `segment`, with the trust in each cell; arguments and errors are the same."""
    options, tell = settings or SegmentSettings(), progress or (lambda share, what: None)
    check_image(image, dem)
    field = field_of(whole_part(image, layer, dem), legend)
    check_fields([field], layer, legend)
    learned, (seen,) = learn([field], options, tell)
    tell(0.9, "raking")
    agreed, trust, raked = learned.agree(seen)
    out = np.zeros((field.cell.size, len(legend.classes)), np.float32)
    out[seen.stack.place] = agreed
    probabilities = np.ascontiguousarray(out.T).reshape(-1, *image.grid.shape)
    tell(1.0, "done")
    name = learned_name(layer.name, options)
    return Segmented(Prediction(probabilities, legend, image.grid, name), trust, raked)


def learned_name(product: str, settings: SegmentSettings) -> str:
    """What made a map that a product taught; stored as provenance."""
    return f"label proportions from {product}, seed {settings.seed}"
