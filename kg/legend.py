"""Legends: the official codes of a product come in, classes that the core ontology understands go out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LandClass:
    """One class of a legend (a SKOS concept).

    Attributes:
        iri: Concept IRI, `<vocab.LEGEND>worldcover/10`.
        label: English name.
        label_zh: Chinese name.
        broader: IRIs of broader concepts within the legend.
        core: (core class IRI, share) pairs of the graded crosswalk; shares sum to 1. A class that means the
            same as one core class has the one pair with share 1.
        kind: IRI of the one core class that this class is (exact, close or broad match): decides whether a label
            is "below" a class named in a rule.
    """

    iri: str
    label: str
    label_zh: str = ""
    broader: tuple[str, ...] = ()
    core: tuple[tuple[str, float], ...] = ()
    kind: str = ""


@dataclass(frozen=True)
class Legend:
    """Class codes of a product or of a model's output.

    Attributes:
        iri: Concept scheme IRI, `<vocab.LEGEND>worldcover`.
        name: Short name ("worldcover").
        classes: One per code, in code order; the order of every class axis.
        codes: Official pixel values.
        colours: (red, green, blue) 0..255 per class.
        nodata: Pixel values that mean "no observation".
    """

    iri: str
    name: str
    classes: tuple[LandClass, ...]
    codes: tuple[int, ...]
    colours: tuple[tuple[int, int, int], ...]
    nodata: tuple[int, ...] = (0,)
