"""What is known of each region besides its label: regions, evidence layers and side rasters come in, columns go out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import bmat, coo_matrix, csr_matrix

from fusion.prediction import Prediction
from kg import vocab
from kg.errors import LegendError
from kg.evidence import EvidenceLayer
from kg.legend import LandClass, Legend, legend_names, load_legend
from kg.raster import Raster
from kg.schema import Ontology
from reasoning.absent import why_absent
from reasoning.progress import at
from reasoning.regions.graph import RegionGraph
from reasoning.regions.measures import TEXTURES, distances, spectral, terrain, textures
from reasoning.regions.unseen import EDGE, edge_distances, fact_ranges
from reasoning.space.rcc import topology
from reasoning.space.relations import (
    ADJACENT_TO,
    SURROUNDED_BY,
    Measurer,
    roles_of,
)

__all__ = ["ADJACENT_TO", "SURROUNDED_BY", "Beside", "Facts", "core_classes", "gather_facts"]

Column = NDArray[np.float64]
Key = TypeVar("Key", bound=tuple[str, ...])


@dataclass(frozen=True)
class Facts:
    """Columns of facts, one value per region.

    Attributes:
        data: Data property IRI -> (region,) float64 in the property's unit; NaN where unknown.
        shares: (kind IRI, class IRI) -> (region,) float64 share of the region that evidence of this kind covers
            with this class, 0..1; class IRIs are core classes.
        relations: Role IRI -> (region, region) sparse matrix with values in 0..1, zero diagonal.
        origin: (region,) the region that each row stands for, where rows repeat a region (`limit_messages`);
            None: each for itself. Counts ask each region once.
        absent: Data property or role IRI -> why this run does not have it, where that can be said.
        topology: (RCC-8 role IRI, kind IRI, class IRI) -> (region,) float64, how far evidence of this kind and class
            has this relation to the region, 0..1.
        ranges: Data property IRI -> least and greatest value that each region may have, where the image edge or
            nodata cuts it; a bound that not all of that range agrees on is unknown.
    """

    data: Mapping[str, NDArray[np.float64]]
    shares: Mapping[tuple[str, str], NDArray[np.float64]]
    relations: Mapping[str, csr_matrix]
    origin: NDArray[np.intp] | None = None
    absent: Mapping[str, str] = field(default_factory=dict)
    topology: Mapping[tuple[str, str, str], Column] = field(default_factory=dict)
    ranges: Mapping[str, tuple[Column, Column]] = field(default_factory=dict)


@dataclass(frozen=True)
class Beside:
    """Rasters beside the labels.

    Attributes:
        image: Bands by name, on the grid of the labels; gives indices and brightness.
        dem: Elevation in metres on any overlapping grid; gives elevation, slope, uphill and downhill.
    """

    image: Raster | None = None
    dem: Raster | None = None


def gather_facts(
    regions: RegionGraph,
    prediction: Prediction,
    layers: Sequence[EvidenceLayer],
    ontology: Ontology,
    *,
    beside: Beside | None = None,
    wanted: frozenset[str] | None = None,
) -> Facts:
    """Collect what rules may ask of the regions.

    Args:
        regions: Regions of the prediction.
        prediction: What the regions were made from.
        layers: Evidence on the prediction's grid.
        ontology: Subsumption of core classes; distances of roles.
        beside: Image and elevation.
        wanted: Roles and data properties that rules ask for (IRIs); None for those that cost little.

    Returns:
        Facts. What cannot be had from these inputs is absent, which makes its rules inactive.

    Raises:
        GridError: The elevation does not overlap the prediction.
        LegendError: A layer's class belongs to no known legend.
        RuleError: A role has no usable distance, or one too large for the raster.
    """
    beside = beside or Beside()
    edge = edge_distances(regions, prediction.grid)
    columns = shapes(regions) | {EDGE: edge} | distances(regions, prediction, ontology)
    ranges = fact_ranges(regions, columns, edge)
    if beside.image is not None:
        columns |= spectral(regions, beside.image)
        if wanted is not None and wanted.intersection(TEXTURES):
            columns |= textures(regions, beside.image)
    if beside.dem is not None:
        columns |= terrain(regions, prediction, beside.dem)
    at("finding what lies beside what")
    roles = roles_of(wanted, ontology.roles.above, ontology.role_notes)
    elevation = columns.get(vocab.CORE + "meanElevation")
    return Facts(
        data=columns,
        shares=_largest(layers, lambda one: _layer_shares(one, regions, prediction.legend)),
        relations=Measurer(regions, prediction.grid, roles, elevation).relations(),
        absent=why_absent(beside.image, elevation is not None, {layer.kind for layer in layers}),
        topology=_topology(layers, regions, prediction.legend, wanted),
        ranges=ranges,
    )


def shapes(regions: RegionGraph) -> dict[str, Column]:
    """Data properties that the region graph alone gives: IRI -> (region,) float64 in the property's unit."""
    data = {
        "area": regions.area,
        "perimeter": regions.perimeter,
        "meanWidth": regions.mean_width,
        "minWidth": regions.min_width,
        "elongation": regions.elongation,
        "compactness": 4 * np.pi * regions.area / regions.perimeter**2,
        "neighbourCount": np.diff(regions.adjacency.indptr).astype(np.float64),
    }
    return {vocab.CORE + name: values for name, values in data.items()}


def _topology(
    layers: Sequence[EvidenceLayer],
    regions: RegionGraph,
    legend: Legend,
    wanted: frozenset[str] | None,
) -> dict[tuple[str, str, str], Column]:
    """RCC-8 relations to features, where a rule asks for one; product cells and views are no features."""
    if wanted is None or not wanted.intersection(vocab.RCC8):
        return {}
    drawn = [layer for layer in layers if layer.entities and layer.kind != vocab.PRODUCT_CELL]
    return _largest(drawn, lambda one: topology(regions, one, _cell_shares(one, legend)))


def _largest(
    layers: Sequence[EvidenceLayer], ask: Callable[[EvidenceLayer], Mapping[Key, Column]]
) -> dict[Key, Column]:
    """What layers say, the larger where several say the same."""
    out: dict[Key, Column] = {}
    for layer in layers:
        for key, column in ask(layer).items():
            out[key] = np.maximum(out[key], column) if key in out else column
    return out


def cells_under(
    region: NDArray[np.int32], cell: NDArray[np.int32], regions: int, cells: int
) -> csr_matrix:
    """(region, cell) pixel counts: how many pixels of each region lie on each cell of a layer."""
    both = (region >= 0) & (cell >= 0)
    rows, cols = region[both], cell[both]
    counts = coo_matrix((np.ones(len(rows)), (rows, cols)), shape=(regions, cells)).tocsr()
    counts.sort_indices()
    return counts


def _layer_shares(
    layer: EvidenceLayer, regions: RegionGraph, legend: Legend
) -> dict[tuple[str, str], Column]:
    """(kind, core class IRI) -> share of each region that the layer covers with it."""
    counts = cells_under(regions.label, layer.cell, len(regions), len(layer.shares))
    return {
        (layer.kind, core): np.asarray(counts @ share) / regions.count
        for core, share in _cell_shares(layer, legend).items()
    }


def _cell_shares(layer: EvidenceLayer, legend: Legend) -> dict[str, Column]:
    """Core class IRI -> (cell,) share of it in each cell."""
    out: dict[str, Column] = {}
    for column, iri in enumerate(layer.classes):
        for core, part in core_classes(iri, legend):
            share = part * layer.shares[:, column].astype(np.float64)
            out[core] = out[core] + share if core in out else share
    return out


def core_classes(iri: str, legend: Legend) -> tuple[tuple[str, float], ...]:
    """What a class is made of in core classes.

    Args:
        iri: Core class IRI, or class IRI of `legend` or of a legend that ships with Landlore.
        legend: Looked at first.

    Returns:
        (core class IRI, share) pairs: the graded crosswalk of a legend class, or the core class itself with 1.

    Raises:
        LegendError: A legend class that no legend has.
    """
    found = _find(iri, legend.classes)
    if found is None and not iri.startswith(vocab.LEGEND):
        return ((iri, 1.0),)
    if found is None:
        name = iri.removeprefix(vocab.LEGEND).partition("/")[0]
        variants = [one for one in legend_names() if one.partition(":")[0] == name]
        found = _find(iri, [c for one in variants for c in load_legend(one).classes])
    if found is None:
        raise LegendError(f"no legend has a class <{iri}>", f"legends: {', '.join(legend_names())}")
    return found.core or ((found.kind, 1.0),)


def _find(iri: str, classes: Sequence[LandClass]) -> LandClass | None:
    exact = next((one for one in classes if one.iri == iri), None)
    return exact or next((one for one in classes if iri in one.broader), None)


def limit_messages(
    facts: Facts, count: NDArray[np.int64], cap: float
) -> tuple[Facts, NDArray[np.intp]]:
    """Bound what a rule about a large region may tell the pixels of a small neighbour.

    The penalty of region r, with a_r pixels, sends each pixel of its neighbour s a message of at most
    w * R_rs * a_r / a_s nats. Where R_rs * a_r exceeds cap * a_s, the relation is split: a part R' = cap * a_s / a_r
    looks at the neighbour as it changes, the rest (R - R') / (1 - R') at the neighbour as the network saw it, which
    stays fixed. The free energy stays one function, so inference still descends, and r's own truth is unchanged
    while s is as the network saw it.

    Args:
        facts: Facts of n regions.
        count: (region,) pixels.
        cap: Nats per pixel and unit of weight.

    Returns:
        Facts of n + m rows, the last m for neighbours that stay fixed, and (m,) the regions that they repeat.
    """
    split = {role: _excess(matrix, count, cap) for role, matrix in facts.relations.items()}
    rows = np.unique(
        np.concatenate([over.indices for _, over in split.values()] or [np.empty(0, np.intp)])
    )
    if not len(rows):
        return facts, rows.astype(np.intp)
    relations = {}
    for role, (kept, over) in split.items():
        empty = csr_matrix((len(rows), len(rows)))
        relations[role] = bmat(
            [[kept, over[:, rows]], [csr_matrix((len(rows), len(count))), empty]]
        ).tocsr()
    origin = np.concatenate([np.arange(len(count)), rows]).astype(np.intp)
    data = {name: column[origin] for name, column in facts.data.items()}
    shares = {pair: column[origin] for pair, column in facts.shares.items()}
    topology = {key: column[origin] for key, column in facts.topology.items()}
    ranges = {name: (low[origin], high[origin]) for name, (low, high) in facts.ranges.items()}
    limited = Facts(data, shares, relations, origin, facts.absent, topology, ranges)
    return limited, rows.astype(np.intp)


def _excess(
    matrix: csr_matrix, count: NDArray[np.int64], cap: float
) -> tuple[csr_matrix, csr_matrix]:
    """The part of a relation that is kept, and the part that looks at fixed neighbours."""
    source = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    most = cap * count[matrix.indices] / np.maximum(count[source], 1)
    kept = np.minimum(matrix.data, most)
    rest = np.where(kept < matrix.data, (matrix.data - kept) / np.maximum(1 - kept, 1e-12), 0)
    over = csr_matrix(
        (np.clip(rest, 0, 1), matrix.indices, matrix.indptr), shape=matrix.shape, copy=True
    )
    over.eliminate_zeros()
    return csr_matrix((kept, matrix.indices, matrix.indptr), shape=matrix.shape, copy=True), over
