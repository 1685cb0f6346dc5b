"""What a run knows beside its image: file names come in, graph sources and evidence layers go out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from kg import vocab
from kg.errors import LegendError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import Legend, legend_names, load_legend
from kg.raster import read_grid
from kg.sources import no_file
from landlore.kinds import check_kind, path_text, path_texts
from landlore.stated import stated

if TYPE_CHECKING:
    from kg.sources import Source
    from kg.store import KnowledgeGraph

GUESSES = {
    "worldcover": "worldcover", "nlcd": "nlcd", "chesapeake13": "(chesapeake|baywide).?13",
    "chesapeake7": "chesapeake|baywide.?7", "corine:level1": r"(corine|clc).*l(evel)?[_-]?1(?!\d)",
    "corine:level2": r"(corine|clc).*l(evel)?[_-]?2(?!\d)", "corine:49": "corine_20m", "corine": "corine|clc",
    "globeland30": "globeland", "fromglc10": "from_?glc", "dynamicworld": "dynamic_?world",
    "modis_igbp:v5": r"mcd12q1\..*\.005\.", "modis_igbp": "mcd12|igbp", "esa_cci": "esa_?cci|c3s-lccs|lccs",
    "loveda": "loveda", "isprs": "isprs|potsdam|vaihingen", "deepglobe": "deepglobe",
    "openearthmap": "openearthmap|open_earth_map", "esri": "esri",
}  # fmt: skip
"""Legend -> pattern in file names (lower case) that means it, most telling first."""

_LISTS = ("landcover", "osm", "vector", "facts", "imports", "bands", "rules", "add_rules")
_SINGLE = ("graph", "image", "dem")


@dataclass(frozen=True)
class Sources:
    """Files beside the image or prediction; each may be left out.

    Attributes:
        landcover: Land-cover products, "nlcd=PATH" or a path whose name says the legend.
        osm: OpenStreetMap extracts (.osm.pbf, .osm, .osm.gz).
        vector: Vector files with OSM-like columns (.gpkg, .shp, .geojson).
        facts: Expert facts in Turtle.
        imports: Mapping files (TOML) of graphs and tables of other people (`kg.imports`).
        graph: A graph folder that `landlore build` made; used instead of building one.
        image: Image on the grid of the prediction: colours and indices of regions.
        bands: Names of the image's bands, where the file has none.
        dem: Elevation in metres.
        rules: Rule files (OWL); default those that ship.
        add_rules: Rule files beside those of `rules`.
        alignments: Let a graph that is built say what core classes are called in ENVO, SWEET, WorldKG, Wikidata ...
        cell: Product pixels per graph cell, along each side; default so that a product has about 10,000 cells.
        stated: What is known of sources and not in their files: "date", "licence" or "attribution" -> source -> text
            (`landlore.stated`).
    """

    landcover: tuple[str, ...] = ()
    osm: tuple[str, ...] = ()
    vector: tuple[str, ...] = ()
    facts: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    graph: str | None = None
    image: str | None = None
    bands: tuple[str, ...] | None = None
    dem: str | None = None
    rules: tuple[str, ...] | None = None
    add_rules: tuple[str, ...] = ()
    alignments: bool = True
    cell: int | None = None
    stated: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in (*_LISTS, *_SINGLE):
            where, value = f"Sources: {name}", getattr(self, name)
            found = path_texts(where, value) if name in _LISTS else path_text(where, value)
            object.__setattr__(self, name, found)
        check_kind("Sources: cell", self.cell, "int | None")

    @property
    def paths(self) -> tuple[str, ...]:
        """Every file and folder that is named, products without their legend; rule files only where given."""
        files = [product_words(word)[1] for word in self.landcover]
        files += [
            *self.osm,
            *self.vector,
            *self.facts,
            *self.imports,
            *(self.rules or ()),
            *self.add_rules,
        ]
        return (*files, *(one for one in (self.graph, self.image, self.dem) if one))


@dataclass(frozen=True)
class Product:
    """A land-cover product: where it is and how its codes are read."""

    name: str
    path: Path
    legend: Legend


def products(names: Sequence[str]) -> tuple[Product, ...]:
    """Read "nlcd=PATH" or guess the legend from the file name.

    Raises:
        LegendError: No legend of that name, or none can be guessed.
    """
    found: list[Product] = []
    for text in names:
        legend, path = product_words(text)
        loaded = load_legend(legend or _guess(path))
        number = sum(p.legend.name == loaded.name for p in found)
        found.append(Product(_numbered(_kind(loaded), number), Path(path), loaded))
    return tuple(found)


def _kind(legend: Legend) -> str:
    return legend.name.replace(":", "-")


def product_words(text: str) -> tuple[str, str]:
    """Legend and path of "nlcd=PATH"; a path alone has the legend ""."""
    legend, given, path = text.partition("=")
    alone = not given or Path(text).exists()  # a path may have "=" in it
    return ("", text) if alone else (legend, path)


def _guess(path: str) -> str:
    name = Path(path).name.lower()
    for legend, pattern in GUESSES.items():
        if re.search(pattern, name):
            return legend
    raise LegendError(
        f"{path}: its name does not say which legend it uses; known: {', '.join(legend_names())}",
        f"write it as LEGEND=PATH, for example worldcover={path}",
    )


def graph_sources(
    sources: Sources,
    bounds: tuple[float, float, float, float] | None = None,
    former: Mapping[str, str] | None = None,
) -> list[Source]:
    """One graph source per file, in the order products, OSM, vector files, facts, imports.

    Args:
        sources: The files.
        bounds: (west, south, east, north) degrees; sources are read inside of it only.
        former: Named graph -> fingerprint (`kg.build.fingerprints`) of a graph that is to be updated: what it has
            already keeps its name there, in whatever order the files are given.
    """
    from kg.imports.mapping import read_mapping
    from kg.imports.source import ImportSource
    from kg.sources.expert import ExpertSource
    from kg.sources.landcover import LandCoverSource
    from kg.sources.osm import OsmSource
    from kg.sources.vector import VectorSource

    many: list[tuple[str, Callable[..., Source]]] = [
        (
            _kind(p.legend),
            partial(LandCoverSource, p.path, p.legend, cell=sources.cell, bounds=bounds),
        )
        for p in products(sources.landcover)
    ]
    many += [("osm", partial(OsmSource, _there(p), bounds=bounds)) for p in sources.osm]
    many += [("vector", partial(VectorSource, _there(p), bounds=bounds)) for p in sources.vector]
    found = _named(many, former or {})
    found += [ExpertSource(_there(p)) for p in sources.facts]
    found += [ImportSource(read_mapping(_there(p))) for p in sources.imports]
    return stated(found, sources.stated)


def _named(
    many: Sequence[tuple[str, Callable[..., Source]]], former: Mapping[str, str]
) -> list[Source]:
    """Sources of which there may be several of a kind: "osm", "osm-2" ..., or as a former graph calls them."""
    from kg.build import fingerprint

    names = [""] * len(many)
    for i, (kind, make) in enumerate(many if former else ()):
        found = fingerprint(make(name=kind).describe())
        same = sorted(iri.removeprefix(vocab.GRAPH) for iri, of in former.items() if of == found)
        pattern = rf"{re.escape(kind)}(-\d+)?"
        hits = (name for name in same if re.fullmatch(pattern, name) and name not in names)
        names[i] = next(hits, "")
    for i, (kind, _) in enumerate(many):
        free = (name for n in count() if (name := _numbered(kind, n)) not in names)
        names[i] = names[i] or next(free)
    return [make(name=name) for (_, make), name in zip(many, names, strict=True)]


def imported_files(sources: Sources) -> list[Path]:
    """The graphs and tables that the mappings of `sources` name.

    Raises:
        SourceError: A mapping cannot be read.
    """
    from kg.imports.mapping import read_mapping

    return [read_mapping(_there(path)).file for path in sources.imports]


def _numbered(name: str, i: int) -> str:
    return name if i == 0 else f"{name}-{i + 1}"


def _there(path: str) -> Path:
    if not Path(path).is_file():
        raise no_file(path)
    return Path(path)


def kept_graph(graph: KnowledgeGraph, sources: Sources) -> KnowledgeGraph | None:
    """What a run writes of what it knew: all of it; of a graph on disk only what the products beside it are.

    Args:
        graph: What was known.
        sources: Of the run.
    """
    from kg.build import provenance
    from kg.statements import ntriples
    from kg.store import KnowledgeGraph

    if not graph.read_only:
        return graph
    kept = KnowledgeGraph()
    for source in graph_sources(Sources(landcover=sources.landcover)):
        if source.iri not in graph.graphs():
            kept.replace_graph(source.iri, ntriples([provenance(source.iri, source.describe())]))
    return kept if sources.landcover else None


def product_layers(sources: Sources, grid: Grid) -> tuple[EvidenceLayer, ...]:
    """Each product, laid on the grid of the image; pixels of a finer product are taken together.

    Raises:
        GridError: A product has no CRS or does not reach the image.
        LegendError: A product has codes that its legend does not know.
    """
    from kg.sources.observed import observed
    from kg.sources.product import product_layer

    return tuple(
        product_layer(
            p.path, p.legend, grid,
            name=p.name, cell=_pixels_taken(p.path, grid), date=observed(p.path, p.legend.name),
        )
        for p in products(sources.landcover)
    )  # fmt: skip


def _pixels_taken(path: Path, grid: Grid) -> int:
    """Pixels of a product along the side of a cell that is about as large as a pixel of the image."""
    return max(1, round(max(grid.pixel_size) / max(read_grid(path).pixel_size)))


def feature_layers(graph: KnowledgeGraph, grid: Grid) -> tuple[EvidenceLayer, ...]:
    """The mapped features of the graph, one layer per source that has any on the grid."""
    from kg.spatial import features_layer

    found = []
    for iri in graph.graphs():
        name = iri.removeprefix(vocab.GRAPH)
        if re.split("[-/]", name)[0] in ("osm", "vector", "file"):
            layer = features_layer(graph, grid, graph_iri=iri, name=_told(graph, iri, name))
            if (layer.cell >= 0).any():
                found.append(layer)
    return tuple(found)


def _told(graph: KnowledgeGraph, iri: str, name: str) -> str:
    """What a source is called in reasons: a vector file by its file name."""
    if not name.startswith("vector"):
        return name
    for (file,) in graph.query(f"SELECT ?f {{ <{iri}> ll:file ?f }}"):
        if file is not None:
            return str(file.value)
    return name
