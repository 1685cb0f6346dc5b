"""Rings that are not plain and members of multipolygons come in, polygons with their holes go out. A door to osmium."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from kg.sources.shapes import Shapes

_ROLES = ("outer", "inner", "")


def assembled_rings(rings: Shapes) -> list[str]:
    """WKT of closed ways that are areas, by osmium's assembler; "" where no valid area comes of one."""
    return _assembled(_way_lines(rings, "yes"), len(rings))


def assembled_relations(ways: Shapes, members: Sequence[Sequence[tuple[int, str]]]) -> list[str]:
    """WKT of multipolygons by osmium's assembler; "" where no valid area comes of one.

    Args:
        ways: Their ways.
        members: Row of each way and its role, for each multipolygon.
    """
    return _assembled(chain(_way_lines(ways, "no"), _relation_lines(members)), len(members))


def _way_lines(ways: Shapes, area: str) -> Iterator[str]:
    """Ways in osmium's text format (OPL); where a node lies stands in the way itself."""
    for i, text in enumerate(ways.texts(",n1x", "y"), 1):
        yield f"w{i} Tarea={area} Nn1x{text}\n"


def _relation_lines(members: Sequence[Sequence[tuple[int, str]]]) -> Iterator[str]:
    for i, some in enumerate(members, 1):
        told = (f"w{row + 1}@{role if role in _ROLES else 'other'}" for row, role in some)
        yield f"r{i} Ttype=multipolygon M{','.join(told)}\n"


def _assembled(lines: Iterator[str], count: int) -> list[str]:
    import osmium

    if not count:
        return []
    manager, wkt = osmium.area.AreaManager(), osmium.geom.WKTFactory()
    opl, areas = osmium.io.FileBuffer("".join(lines).encode(), "opl"), osmium.BufferIterator()
    with osmium.io.Reader(opl, osmium.osm.RELATION) as reader:
        osmium.apply(reader, manager.first_pass_handler())
    with osmium.io.Reader(opl) as reader:
        osmium.apply(reader, manager.second_pass_to_buffer(areas))
    found = [""] * count
    for item in areas:
        try:
            found[item.orig_id() - 1] = _polygon(wkt.create_multipolygon(item))
        except (osmium.InvalidLocationError, RuntimeError):
            continue
    return found


def _polygon(wkt: str) -> str:
    """A multipolygon of one part as a polygon."""
    return wkt if ")),((" in wkt else f"POLYGON{wkt[len('MULTIPOLYGON(') : -1]}"


def write_extract(source: Path, target: Path, stamp: str = "") -> None:
    """Rewrite an extract in another format.

    Args:
        source: `.osm`, `.osm.gz` or `.osm.pbf`.
        target: The same; by its ending.
        stamp: When the data were so, "2026-11-20T10:00:00Z", for the header.

    Raises:
        RuntimeError, ValueError: It cannot be read.
    """
    import osmium

    header = osmium.io.Header()
    header.set("generator", "landlore")
    if stamp:
        header.set("osmosis_replication_timestamp", stamp)
    with (
        osmium.io.Reader(str(source)) as reader,
        osmium.SimpleWriter(str(target), header=header) as writer,
    ):
        osmium.apply(reader, writer)
