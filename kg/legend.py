"""Legends: the official codes of a product come in, classes that the core ontology understands go out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike, NDArray

from kg.codes import UNKNOWN, places, shown
from kg.descent import ClassTree
from kg.errors import LegendError
from kg.files import shipped
from kg.scheme import Scheme, read_scheme
from kg.spelling import meant


@dataclass(frozen=True)
class LandClass:
    """One class of a legend (a SKOS concept).

    Attributes:
        iri: Concept IRI, `<vocab.LEGEND>worldcover/10`.
        label: English name.
        label_zh: Chinese name.
        broader: IRIs of all broader concepts within the legend, nearest first.
        core: (core class IRI, share) pairs of the graded crosswalk; shares sum to 1 (one pair for a class of one).
        kind: IRI of the one core class that it is (exact, close or broad match): what a label is "below", in rules.
        related: IRIs of uses and objects (related match) that stand for this class in crosswalks, as a residential
            area does for discontinuous urban fabric.
        partly: The class is only a part of its kind (broad match): what lies below the kind need not be in it.
    """

    iri: str
    label: str
    label_zh: str = ""
    broader: tuple[str, ...] = ()
    core: tuple[tuple[str, float], ...] = ()
    kind: str = ""
    related: tuple[str, ...] = ()
    partly: bool = False


@dataclass(frozen=True)
class Legend:
    """Class codes of a product or of a model's output.

    Attributes:
        iri: Concept scheme IRI, `<vocab.LEGEND>worldcover`.
        name: Short name ("worldcover"), with the variant of the codes if there is one ("corine:44").
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

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.classes)

    def index(self, iri: str) -> int:
        """Place of a class on the class axis.

        Args:
            iri: IRI of a class of this legend.

        Raises:
            LegendError: The legend has no such class.
        """
        iris = [one.iri for one in self.classes]
        if iri in iris:
            return iris.index(iri)
        raise LegendError(
            f"legend {self.name}: no class <{iri}>",
            f"its classes are <{self.iri}/CODE>: {self.named_codes()}",
        )

    def encode(
        self, codes: ArrayLike, *, nodata: float | None = None, path: str | Path = ""
    ) -> NDArray[np.int16]:
        """Turn pixel values into class indices.

        Args:
            codes: Pixel values, any shape; integers, or floats that hold whole numbers or NaN.
            nodata: One more value that means "no observation" (that of the raster file).
            path: The file that the values come from, for the message.

        Returns:
            Indices into `classes`, same shape, int16; -1 where nothing was observed.

        Raises:
            LegendError: A value is neither a code of the legend nor nodata; the message names the values.
        """
        values = np.asarray(codes)
        nothing = self.nodata if nodata is None else (*self.nodata, nodata)
        known = {float(value): -1 for value in nothing}
        known |= {float(code): place for place, code in enumerate(self.codes) if code != nodata}
        indices = places(values, known)
        if indices.size and indices.min() == UNKNOWN:
            where = f"{path}: " if path else ""
            raise LegendError(
                f"{where}legend {self.name}: unknown class code {shown(values[indices == UNKNOWN])}; "
                f"expected {self.named_codes()}",
                _to_choose(values[indices != -1]),
            )
        return indices

    def decode(self, indices: ArrayLike) -> NDArray[np.int32]:
        """Turn class indices into official pixel values.

        Args:
            indices: Indices into `classes`, any shape; -1 becomes the first nodata value.

        Returns:
            Pixel values, same shape, int32.

        Raises:
            LegendError: An index is outside the legend.
        """
        found = np.asarray(indices)
        if found.size and (found.min() < -1 or found.max() >= len(self)):
            raise LegendError(
                f"legend {self.name}: class index {found.min()}..{found.max()} found, -1..{len(self) - 1} expected",
                "give indices made by Legend.encode of the same legend",
            )
        table = np.array([*self.codes, self.nodata[0] if self.nodata else -1], dtype=np.int32)
        return np.asarray(table[found])

    def colour_table(self) -> dict[int, tuple[int, int, int]]:
        """Official pixel value -> (red, green, blue), 0..255."""
        return dict(zip(self.codes, self.colours, strict=True))

    def names(self) -> dict[int, str]:
        """Official pixel value -> English name."""
        return {code: one.label for code, one in zip(self.codes, self.classes, strict=True)}

    def named_codes(self, most: int = 12) -> str:
        """The codes as a short text for messages: "10, 20, 30 ... (11 codes)"."""
        text = ", ".join(map(str, self.codes[:most]))
        return text if len(self) <= most else f"{text} ... {self.codes[-1]} ({len(self)} codes)"


def _to_choose(values: NDArray[np.generic]) -> str:
    """The hint for pixel values that a legend does not have: the legends that have them all, else every legend."""
    seen = np.unique(values).tolist()
    every = {name: load_legend(name) for name in legend_names()}
    fitting = [name for name, one in every.items() if {*one.codes, *one.nodata}.issuperset(seen)]
    what = "one that has all these codes" if fitting else "the legend that the file was made with"
    return f"choose {what}: {', '.join(fitting or every)}"


def legend_names() -> tuple[str, ...]:
    """Names of the legends that ship with Landlore, variants included ("corine", "corine:44")."""
    paths = sorted(shipped("ontologies/legends").glob("*.ttl"))
    return tuple(
        f"{path.stem}:{codes}" if codes else path.stem
        for path in paths
        for codes in read_scheme(path).nodata
    )


def load_legend(name_or_path: str | Path, *, codes: str | None = None) -> Legend:
    """Read a legend.

    Args:
        name_or_path: "worldcover", "corine", "corine:44" (a variant of the codes), or the path of a `.ttl` file.
        codes: Variant of the codes; the same as after the colon of a name. Default: the official codes.

    Raises:
        LegendError: No such legend or variant, or a file that is not a legend.
        SourceError: The file is missing or not Turtle.

    Example:
        >>> load_legend("worldcover").names()[80]
        'Permanent water bodies'
    """
    path = Path(name_or_path)
    if path.suffix != ".ttl":
        name, _, variant = str(name_or_path).partition(":")
        path, codes = shipped(f"ontologies/legends/{name}.ttl"), codes or variant
        if not path.is_file():
            near = meant(name, legend_names(), 2)
            hint = near or f"one of {', '.join(legend_names())}, or a .ttl file"
            raise LegendError(f"no legend {name!r}", hint)
    return _legend(read_scheme(path), path, codes or "")


def _legend(scheme: Scheme, path: Path, codes: str) -> Legend:
    if codes not in scheme.nodata:
        found = ", ".join(filter(None, scheme.nodata)) or "none"
        hint = meant(codes, filter(None, scheme.nodata)) or f"try {path.stem!r}"
        raise LegendError(f"legend {path.stem}: no code list {codes!r}; found {found}", hint)
    chosen = sorted(
        (one.codes[codes], one.iri) for one in scheme.concepts.values() if codes in one.codes
    )
    numbers = tuple(code for code, _ in chosen)
    if len(set(numbers)) != len(numbers) or not numbers:
        twice = sorted({code for code in numbers if numbers.count(code) > 1})
        raise LegendError(
            f"{path}: codes {twice} stand twice, or no concept has a code", "edit ll:code there"
        )
    return Legend(
        iri=scheme.iri,
        name=f"{path.stem}:{codes}" if codes else path.stem,
        classes=tuple(_land_class(scheme, iri) for _, iri in chosen),
        codes=numbers,
        colours=tuple(scheme.concepts[iri].colour for _, iri in chosen),
        nodata=scheme.nodata[codes],
    )


def _land_class(scheme: Scheme, iri: str) -> LandClass:
    one = scheme.concepts[iri]
    label = one.labels.get("en") or iri.rpartition("/")[2]
    return LandClass(
        iri, label, one.labels.get("zh", ""), scheme.broader(iri),
        core=one.core, kind=one.kind, related=one.related, partly=one.partly,
    )  # fmt: skip


def membership(legend: Legend, tree: ClassTree, class_iri: str) -> NDArray[np.bool_]:
    """Which labels are a class: their kind is the class or below it.

    Args:
        legend: Labels, K of them.
        tree: Subsumption.
        class_iri: Core class IRI, or the IRI of a legend class (then: that label and the narrower ones).

    Returns:
        (K,) bool.
    """
    below = tree.below(class_iri) | {class_iri}
    return np.array(
        [one.kind in below or class_iri in (one.iri, *one.broader) for one in legend.classes],
        dtype=bool,
    )
