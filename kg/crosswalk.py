"""Classes of a product or of the ontology come in, what each says for the labels of a legend goes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.descent import ClassTree, Descent
from kg.errors import LegendError
from kg.legend import LandClass, Legend, legend_names, load_legend
from kg.scheme import usual_covers


def crosswalk(
    classes: Sequence[str], legend: Legend, tree: ClassTree, *, sources: Sequence[Legend] = ()
) -> NDArray[np.float64]:
    """How much each source class speaks for each label of a legend.

    A legend class goes through its graded crosswalk; a core class goes to the labels whose kind (or related use) is
    above or below it (`kg.descent`), else through what usually covers it; a label that is only a part of its kind
    (broad match) stands for what is below the kind where nothing says what covers that. Labels of one kind share by
    what they hold.

    Args:
        classes: E class IRIs: core classes, or classes of legends.
        legend: Target, K labels.
        tree: Subsumption of core classes.
        sources: Legends, besides the shipped ones, that `classes` may come from.

    Returns:
        (E, K) float64, row e = P(label | class e); rows sum to 1, or are all 0 when the class says nothing about
        the labels.

    Raises:
        LegendError: A class belongs to no known legend.
    """
    walk = _Crosswalk(legend, tree, {one.iri: one for one in sources})
    return np.array([walk.row(iri) for iri in classes], dtype=np.float64).reshape(
        len(classes), len(legend)
    )


class _Crosswalk:
    """Rows of one crosswalk."""

    def __init__(self, legend: Legend, tree: ClassTree, sources: dict[str, Legend]) -> None:
        self.legend, self.sources = legend, sources
        labels = [((one.kind, *one.related), one.core) for one in legend.classes]
        whole = {one.kind for one in legend.classes if not one.partly}
        self.descent = Descent(
            labels, tree, usual_covers(), {one.kind for one in legend.classes} - whole
        )

    def row(self, iri: str) -> NDArray[np.float64]:
        """P(label | class): (K,), sums to 1 or 0."""
        own = self._labels(lambda one: one.iri == iri)
        own = own if own.any() else self._labels(lambda one: iri in one.broader)
        if own.any():
            return np.asarray(own / own.sum())
        if not iri.startswith((vocab.LEGEND, *(f"{scheme}/" for scheme in self.sources))):
            return self.descent.row(iri)
        every = self._source(iri)
        same = [one for one in every if one.iri == iri]
        found = same[:1] or [one for one in every if iri in one.broader]
        if not found:
            raise LegendError(
                f"no legend has a class <{iri}>", f"legends: {', '.join(legend_names())}"
            )
        own = self._labels(lambda one: one.iri in found[0].broader)
        if own.any():
            return np.asarray(own / own.sum())
        return self.descent.mixed([pair for one in found for pair in one.core])

    def _labels(self, chosen: Callable[[LandClass], bool]) -> NDArray[np.float64]:
        return np.array([float(chosen(one)) for one in self.legend.classes], dtype=np.float64)

    def _source(self, iri: str) -> tuple[LandClass, ...]:
        scheme = iri.rpartition("/")[0]
        if scheme in self.sources:
            return self.sources[scheme].classes
        name = scheme.removeprefix(vocab.LEGEND)
        variants = [one for one in legend_names() if one.partition(":")[0] == name]
        return tuple(one for variant in variants for one in load_legend(variant).classes)
