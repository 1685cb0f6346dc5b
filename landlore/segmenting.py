"""A map without labels: what is known on the grid of an image comes in, what its product teaches of it goes out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from fusion.prediction import Prediction
from kg.errors import InputError
from kg.legend import Legend, load_legend
from landlore.reason import Known, terms_known
from landlore.settings import RunSettings
from landlore.sources import Product, Sources, products

Progress = Callable[[str], None]


def taught_by(sources: Sources, settings: RunSettings) -> Product:
    """The product that a map is learned from: the first.

    Raises:
        InputError: There is none, or a lesson about another network is given.
    """
    if settings.lesson:
        raise InputError(
            f"interpret: a lesson ({settings.lesson}) is about the labels of another network, and here a map is made",
            "leave lesson out, or landlore correct LABELS --lesson LESSON --image IMAGE",
        )
    known = products(sources.landcover)
    if not known:
        raise InputError(
            "interpret: no land-cover product to learn from", "add --landcover nlcd=PATH"
        )
    return known[0]


def legend_of(legend: str | Legend | None, sources: Sources) -> Legend:
    """The legend of a map that is learned: the one that is given, or that of the product."""
    if legend is None:
        return products(sources.landcover)[0].legend
    return load_legend(legend) if isinstance(legend, str) else legend


def teller(tell: Progress | None) -> Callable[[float, str], None]:
    """Tells of every fifth of the work."""
    told = [0.0]

    def progress(share: float, what: str) -> None:
        """Tell, where the next fifth is done."""
        if tell and share >= told[0]:
            told[0] = share + 0.2
            tell(f"  {share:4.0%} {what}")

    return progress


def segment_known(
    known: Known,
    legend: Legend,
    sources: Sources,
    how: tuple[RunSettings, Progress | None],
) -> Prediction:
    """Learn a map from the first product; with a knowledge loss twice, the second time taught by the rules.

    Args:
        known: Image and products on one grid.
        legend: Labels of the map.
        sources: What is known, for the rules.
        how: Settings, and who is told of the work.

    Raises:
        InputError: No image, or nothing to learn from.
    """
    from fusion.segment import segment
    from fusion.settings import SegmentSettings

    settings, tell = how
    image, dem = known.image, known.dem
    if image is None:
        raise InputError("interpret: no image", "landlore interpret IMAGE ...")
    knobs = SegmentSettings(seed=settings.seed, steps=settings.steps)
    layer = known.products[0]
    found = segment(image, layer, legend, dem=dem, settings=knobs, progress=teller(tell))
    if not settings.knowledge_loss:
        return found
    from landlore.knowledge_loss import knowledge_loss

    terms = terms_known(found, known, sources, settings)
    taught = replace(knobs, losses=(knowledge_loss(terms, settings.knowledge_loss),))
    return segment(image, layer, legend, dem=dem, settings=taught, progress=teller(tell))
