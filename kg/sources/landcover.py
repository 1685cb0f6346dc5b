"""A land-cover product and its legend come in, class shares and class adjacency as RDF go out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.errors import RasterError
from kg.evidence import PRODUCTS_RIGHT
from kg.legend import Legend, legend_names, load_legend
from kg.raster import read_grid
from kg.sources import SourceInfo, checksum
from kg.sources.counts import Bounds, CellCounts, cell_iri, count_classes, window_of
from kg.sources.observed import observed
from kg.sources.product import product_layer
from kg.statements import Statements, integer, iri, ntriples, text, typed

__all__ = ["LandCoverSource", "product_layer"]

_MOST = 1_000_000  # cells of one source
_CELLS = 10_000  # cells that a source has about, when no size is given
_CC_BY = "https://creativecommons.org/licenses/by/4.0/"
_PRODUCTS = {  # legend -> licence of the product, the line that it asks for, where it can be had
    "worldcover": (
        _CC_BY,
        "© ESA WorldCover project; contains modified Copernicus Sentinel data processed by the "
        "ESA WorldCover consortium",
        "https://esa-worldcover.org/",
    ),
    "dynamicworld": (
        _CC_BY,
        "Dynamic World V1, produced by Google and World Resources Institute from Sentinel data",
        "https://dynamicworld.app/",
    ),
    "esri": (
        _CC_BY,
        "Sentinel-2 land use/land cover, Impact Observatory, Microsoft and Esri",
        "https://livingatlas.arcgis.com/landcover/",
    ),
    "corine": (
        "https://land.copernicus.eu/en/data-policy",
        "European Union's Copernicus Land Monitoring Service information",
        "https://land.copernicus.eu/en/products/corine-land-cover",
    ),
    "nlcd": (
        "https://creativecommons.org/publicdomain/mark/1.0/",
        "U.S. Geological Survey, National Land Cover Database",
        "https://www.mrlc.gov/",
    ),
}


_CONFIDENCE = {"worldcover": 0.65, "dynamicworld": 0.72, "esri": 0.75}
"""Overall accuracy of the products of 2020 on one global sample (Venter et al. 2022, doi:10.3390/rs14164101)."""


class LandCoverSource:
    """A land-cover raster as a source of the graph, read by windows.

    Each cell with at least one valid pixel becomes a `ll:ProductCell` with its class shares
    (`ll:hasCover`) and its outline; the classes get `ll:adjacentTo` with the metres of boundary
    that they share and, as weight, the share of the first one's boundary; the graph itself gets the
    shares of the whole.

    Args:
        path: Raster of class codes; the first band is read.
        legend: What the codes mean, or its name ("worldcover", "corine:49").
        name: Name of the graph; default that of the legend.
        cell: Pixels along a side of a cell; default so that there are about 10,000 cells.
        bounds: Only the cells that touch (west, south, east, north), degrees.
        date: Date of observation, "2021"; default the year that tags or the official name of the file state.

    Raises:
        LegendError: No legend of that name.

    Example:
        >>> source = LandCoverSource("nlcd.tif", "nlcd", date="2011")
        >>> source.iri
        'https://w3id.org/landlore/graph/nlcd'
    """

    def __init__(
        self,
        path: str | Path,
        legend: Legend | str,
        *,
        name: str | None = None,
        cell: int | None = None,
        bounds: Bounds | None = None,
        date: str | None = None,
    ) -> None:
        self.path = Path(path)
        self.legend = load_legend(legend) if isinstance(legend, str) else legend
        self.name = name or self.legend.name.replace(":", "-")
        self.cell, self.bounds, self.date = cell, bounds, date
        if cell is not None and cell < 1:
            raise RasterError(f"cells of {cell} pixels, at least 1 expected", "give cell=32")

    @property
    def iri(self) -> str:
        """IRI of the named graph."""
        return f"{vocab.GRAPH}{self.name}"

    def describe(self) -> SourceInfo:
        """Title, licence and attribution of the product (where known), date and checksum."""
        product = self.legend.name.partition(":")[0]
        licence, attribution, url = _PRODUCTS.get(product, ("", "", ""))
        return SourceInfo(
            title=f"{self.legend.name} land cover, {self.path.name}",
            licence=licence,
            attribution=attribution,
            date=self.date or observed(self.path, self.legend.name),
            path=self.path,
            sha256=checksum(self.path),
            url=url,
            confidence=_CONFIDENCE.get(product),
            assumed=PRODUCTS_RIGHT,
            settings=repr((self.legend.name, self.cell, self.bounds)),
        )

    def count(self) -> CellCounts:
        """Class counts per cell and boundary lengths.

        Raises:
            GridError: The file has no CRS, or no overlap with the bounds.
            RasterError: Unreadable, or nothing but nodata.
            LegendError: A code is not in the legend.
        """
        grid = read_grid(self.path)
        window = (0, 0, grid.height, grid.width)
        if self.bounds is not None:
            window = window_of(self.path, grid, self.bounds)
        cell = self.cell or max(1, math.ceil(math.sqrt(window[2] * window[3] / _CELLS)))
        return count_classes(self.path, self.legend, cell, window, most=_MOST)

    def ntriples(self) -> Iterator[str]:
        """Statements as N-Triples, row by row: the same file gives the same bytes.

        Raises:
            GridError, RasterError, LegendError: See `count`.
        """
        found = self.count()
        yield from ntriples(self._classes(found))
        yield from ntriples(self._cells(found))

    def _classes(self, found: CellCounts) -> Iterator[Statements]:
        """Shares of the whole, and which class borders which."""
        if self.legend.name not in legend_names():  # the graph has the shipped ones already
            yield from self._legend()
        yield from self._cover(self.iri, found.counts.sum((0, 1), dtype=np.int64))
        for i, j in np.argwhere(found.boundary > 0):
            one, other = self.legend.classes[i].iri, self.legend.classes[j].iri
            codes = self.legend.codes[i], self.legend.codes[j]
            node = f"{vocab.ID}{self.name}/adjacent/{codes[0]}/{codes[1]}"
            yield one, [(vocab.CORE + "adjacentTo", iri(node))]
            yield (
                node,
                [
                    (vocab.VALUE, iri(other)),
                    (vocab.WEIGHT, _decimal(found.boundary[i, j] / found.boundary[i].sum())),
                    (vocab.CORE + "boundaryLength", _decimal(found.boundary[i, j], 1)),
                ],
            )

    def _legend(self) -> Iterator[Statements]:
        for one in self.legend.classes:
            labels = [text(one.label, "en")] + [text(zh, "zh") for zh in (one.label_zh,) if zh]
            pairs = [(_TYPE, iri(vocab.SKOS + "Concept"))]
            pairs += [(vocab.SKOS + "inScheme", iri(self.legend.iri))]
            pairs += [(vocab.SKOS + "prefLabel", label) for label in labels]
            pairs += [(vocab.SKOS + "broadMatch", iri(kind)) for kind in (one.kind,) if kind]
            yield one.iri, pairs

    def _cells(self, found: CellCounts) -> Iterator[Statements]:
        kinds = [(_TYPE, iri(kind)) for kind in (vocab.GEO + "Feature", vocab.PRODUCT_CELL)]
        for r, c, wkt in _outlines(found):
            row, col = found.row + r, found.col + c
            subject = cell_iri(self.name, found.cell, row, col)
            yield (
                subject,
                [
                    *kinds,
                    (vocab.CORE + "row", integer(row)),
                    (vocab.CORE + "column", integer(col)),
                    (vocab.GEO + "hasGeometry", iri(f"{subject}#geometry")),
                ],
            )
            yield f"{subject}#geometry", [(vocab.GEO + "asWKT", typed(wkt, _WKT))]
            yield from self._cover(subject, found.counts[r, c])

    def _cover(self, subject: str, counts: NDArray[np.integer]) -> Iterator[Statements]:
        """`subject ll:hasCover [ ll:value CLASS ; ll:weight SHARE ]` for the classes that occur."""
        total = int(counts.sum())
        for k in np.flatnonzero(counts):
            node = f"{subject}#cover-{self.legend.codes[k]}"
            share = _decimal(int(counts[k]) / total)
            yield subject, [(vocab.CORE + "hasCover", iri(node))]
            yield node, [(vocab.VALUE, iri(self.legend.classes[k].iri)), (vocab.WEIGHT, share)]


_TYPE = vocab.RDF + "type"
_WKT = vocab.GEO + "wktLiteral"


def _decimal(value: float, digits: int = 6) -> str:
    return typed(f"{value:.{digits}f}", vocab.XSD + "decimal")


def _outlines(found: CellCounts) -> Iterator[tuple[int, int, str]]:
    """(row, column, CRS84 WKT polygon) of the cells that hold anything; ring counter-clockwise."""
    rows, cols = found.counts.shape[:2]
    r = np.minimum((found.row + np.arange(rows + 1)) * found.cell, found.grid.height)
    c = np.minimum((found.col + np.arange(cols + 1)) * found.cell, found.grid.width)
    lon, lat = found.grid.lonlat(*np.meshgrid(r, c, indexing="ij"))
    corners = np.array([[1, 0], [1, 1], [0, 1], [0, 0], [1, 0]])
    for row, col in np.argwhere(found.counts.any(axis=2)):
        at = (row + corners[:, 0], col + corners[:, 1])
        ring = ", ".join(f"{x:.7f} {y:.7f}" for x, y in zip(lon[at], lat[at], strict=True))
        yield int(row), int(col), f"<{vocab.CRS84}> POLYGON(({ring}))"
