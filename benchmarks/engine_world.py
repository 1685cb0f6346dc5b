"""The same regions and the same five rules for every engine: a seeded world comes out, and what breaks which rule.

Regions lie on a square lattice, each beside its 4 neighbours; labels are those of WorldCover in clumps; widths,
indices, slopes and mapped buildings are drawn so that about a fifth of the regions break a rule. Facts are crisp (a
region is covered or not), because most engines know no degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from scipy.sparse import coo_matrix, csr_matrix

from kg import vocab
from kg.axiom import Axiom
from kg.expressions import And, Expression, Facet, Named, Not, Some
from kg.legend import Legend, load_legend
from kg.ontology import Ontology, load_ontology
from reasoning.facts import ADJACENT_TO, Facts

LL = vocab.CORE
RULES = ("narrow water", "brown trees", "steep crops", "wetland by town", "mapped building")
"""What each rule calls the regions that break it."""

Codes = NDArray[np.int64]


@dataclass(frozen=True)
class World:
    """Regions as columns.

    Attributes:
        label: (region,) row of the legend.
        width: (region,) metres.
        ndvi: (region,) mean index.
        slope: (region,) degrees.
        mapped: (region,) True where a mapped building covers it.
        pairs: (pair, 2) regions that touch, each pair once.
        legend: Names the labels.
        ontology: Says which classes are below which.
    """

    label: NDArray[np.int64]
    width: NDArray[np.float64]
    ndvi: NDArray[np.float64]
    slope: NDArray[np.float64]
    mapped: NDArray[np.bool_]
    pairs: NDArray[np.int64]
    legend: Legend
    ontology: Ontology

    def __len__(self) -> int:
        return len(self.label)

    @property
    def facts(self) -> Facts:
        """The world as our engine takes it."""
        n = len(self)
        half = coo_matrix((np.full(len(self.pairs), 0.25), self.pairs.T), shape=(n, n))
        return Facts(
            {LL + "minWidth": self.width, LL + "meanNdvi": self.ndvi, LL + "meanSlope": self.slope},
            {(vocab.OSM_FEATURE, LL + "Building"): self.mapped.astype(np.float64)},
            {ADJACENT_TO: csr_matrix(half + half.T)},
        )

    def below(self, short: str) -> list[int]:
        """Rows of the legend whose class is below a core class."""
        inside = self.ontology.below(LL + short)
        return [k for k, one in enumerate(self.legend.classes) if one.kind in inside]

    def types(self, label: int) -> list[str]:
        """Short names of the classes that the rules name and that this label is below."""
        return [name for name in NAMED if label in self.below(name)]


NAMED = ("Water", "TreeCover", "Cropland", "HerbaceousWetland", "BuiltUp", "Vegetation")
"""Classes that the rules name. Every engine is given each region's classes ready-made, superclasses included."""


def build(n: int, seed: int) -> World:
    """A world of about `n` regions (the next smaller square)."""
    side = int(np.sqrt(n))
    rng = np.random.default_rng(seed)
    legend = load_legend("worldcover")
    fields = [gaussian_filter(rng.normal(size=(side, side)), 1) for _ in legend.classes]
    where = np.arange(side * side).reshape(side, side)
    beside = np.stack([where[:, :-1], where[:, 1:]], -1).reshape(-1, 2)
    below = np.stack([where[:-1], where[1:]], -1).reshape(-1, 2)
    return World(
        label=np.argmax(fields, axis=0).ravel(),
        width=np.round(rng.lognormal(2.2, 0.8, side * side), 4),
        ndvi=np.round(rng.beta(2, 2, side * side), 4),
        slope=np.round(rng.gamma(2, 6, side * side), 4),
        mapped=rng.random(side * side) < 0.15,
        pairs=np.concatenate([beside, below]),
        legend=legend,
        ontology=load_ontology(),
    )


def axioms() -> tuple[Axiom, ...]:
    """The five rules as weighted class axioms."""
    building = And((Named(vocab.OSM_FEATURE), Named(LL + "Building")))
    sides: tuple[tuple[str, Expression], ...] = (
        ("Water", Facet(LL + "minWidth", ">=", 6.0)),
        ("TreeCover", Facet(LL + "meanNdvi", ">=", 0.3)),
        ("Cropland", Facet(LL + "meanSlope", "<=", 15.0)),
        ("HerbaceousWetland", Not(Some(ADJACENT_TO, Named(LL + "BuiltUp")))),
        ("Vegetation", Not(Some(vocab.COVERED_BY, building))),
    )
    return tuple(
        Axiom(
            f"{vocab.RULE}bench{i}",
            RULES[i],
            "",
            Named(LL + left),
            right,
            1.0,
            False,
            "none",
            "bench",
        )
        for i, (left, right) in enumerate(sides)
    )


def expected(world: World) -> Codes:
    """What breaks which rule, straight from the columns: rule * regions + region, sorted."""
    n = len(world)

    def is_a(short: str) -> NDArray[np.bool_]:
        return np.isin(world.label, world.below(short))

    town, beside = is_a("BuiltUp"), np.zeros(n, bool)
    a, b = world.pairs.T
    beside[a[town[b]]] = True
    beside[b[town[a]]] = True
    broken = (
        is_a("Water") & (world.width < 6.0),
        is_a("TreeCover") & (world.ndvi < 0.3),
        is_a("Cropland") & (world.slope > 15.0),
        is_a("HerbaceousWetland") & beside,
        is_a("Vegetation") & world.mapped,
    )
    return np.concatenate([i * n + np.flatnonzero(hit) for i, hit in enumerate(broken)])


def write_triples(world: World, path: Path) -> None:
    """The world as N-Triples; regions are `urn:r:NUMBER`, the mapped building is `urn:b`."""
    kind = f"<{vocab.RDF}type>"
    types = [
        "".join(f"{{r}} {kind} <{LL}{name}> .\n" for name in world.types(k))
        for k in range(len(world.legend))
    ]
    double = f"^^<{vocab.XSD}double>"
    columns = (("minWidth", world.width), ("meanNdvi", world.ndvi), ("meanSlope", world.slope))
    with path.open("w") as out:
        out.write(f"<urn:b> {kind} <{vocab.OSM_FEATURE}> .\n<urn:b> {kind} <{LL}Building> .\n")
        for i, label in enumerate(world.label.tolist()):
            r = f"<urn:r:{i}>"
            out.write(types[label].format(r=r))
            for name, values in columns:
                out.write(f'{r} <{LL}{name}> "{float(values[i])!r}"{double} .\n')
            if world.mapped[i]:
                out.write(f"{r} <{vocab.COVERED_BY}> <urn:b> .\n")
        for a, b in world.pairs.tolist():
            out.write(f"<urn:r:{a}> <{ADJACENT_TO}> <urn:r:{b}> .\n")
            out.write(f"<urn:r:{b}> <{ADJACENT_TO}> <urn:r:{a}> .\n")


def write_tables(world: World, folder: Path) -> None:
    """The tables for PSL, which compares no numbers: regions that break a bound are given to it ready-made."""
    n, codes = len(world), expected(world)
    bounds = codes[codes // n != 3]
    both = np.concatenate([world.pairs, world.pairs[:, ::-1]])
    for name, rows in (
        ("broken", np.unique(bounds % n)[:, None]),
        ("beside", both),
        (
            "wetland",
            np.flatnonzero(np.isin(world.label, world.below("HerbaceousWetland")))[:, None],
        ),
        ("town", np.flatnonzero(np.isin(world.label, world.below("BuiltUp")))[:, None]),
        ("keeps", np.arange(n)[:, None]),
    ):
        np.savetxt(folder / f"{name}.psl", rows, fmt="%d", delimiter="\t")
