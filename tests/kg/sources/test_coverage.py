"""How much of the tagged ground of an extract gets a class."""

import math
from pathlib import Path

import pytest

from kg.errors import SourceError
from kg.sources.coverage import tag_coverage

DATA = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "geo"
NODE = '<node id="{}" version="1" lat="{}" lon="{}"/>'
SQUARE = [(0, 0), (0, 0.01), (0.01, 0.01), (0.01, 0)]


def extract(folder, *areas):
    """An extract of squares of 0.01 degrees at the equator, one per dictionary of tags."""
    nodes, ways = [], []
    for i, tags in enumerate(areas):
        first = 10 * i + 1
        nodes += [NODE.format(first + k, lat, lon + i) for k, (lat, lon) in enumerate(SQUARE)]
        refs = "".join(f'<nd ref="{first + k % 4}"/>' for k in range(5))
        text = "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags.items())
        ways.append(f'<way id="{i + 1}" version="1">{refs}{text}</way>')
    path = folder / "own.osm"
    path.write_text(f'<osm version="0.6">{"".join(nodes + ways)}</osm>')
    return path


def test_ground_without_a_class_is_named_by_its_tags(tmp_path):
    found = tag_coverage(
        extract(
            tmp_path,
            {"landuse": "forest", "name": "Wood"},
            {"castle_type": "palace", "name": "Palace"},
            {"barrier": "hedge"},  # a ring that is a line
            {"boundary": "administrative", "admin_level": "8"},
            {"name": "nothing else"},
            {"demolished:building": "yes"},
            {"building": "yes", "tunnel": "yes"},  # cannot be seen
        )
    )
    square = 1_112.0**2  # 0.01 degrees at the equator, in m
    assert found.rest == (("castle_type=palace", 1, pytest.approx(found.area / 3)),)
    assert found.polygons == 3
    assert found.area == pytest.approx(3 * square, rel=0.001)
    assert found.share == pytest.approx(2 / 3)
    assert found.extents == pytest.approx(found.area / 3)


@pytest.mark.parametrize(
    "file",
    ["osm/monaco_2021.osm.pbf", "osm/andorra_2013.osm.pbf", "osm/kotka_2019.osm.pbf"],
)  # fmt: skip
def test_nearly_all_tagged_ground_of_real_extracts_gets_a_class(file):
    if not (DATA / file).is_file():
        pytest.skip(f"../shared/data/geo/{file} is not here")
    found = tag_coverage(DATA / file)
    assert found.polygons > 500
    assert found.share > 0.99


def test_damaged_and_empty_extracts_are_refused(tmp_path):
    whole = extract(tmp_path, {"landuse": "forest"}).read_text()
    broken = {
        "cut.osm": whole[: len(whole) // 2],
        "word.osm": whole.replace('id="1"', 'id="x"', 1),
        "large.osm": whole.replace('id="1"', 'id="9223372036854775808"', 1),
        "cut.osm.pbf": "no blocks",
    }
    for name, text in broken.items():
        (tmp_path / name).write_text(text)
        with pytest.raises(SourceError, match=rf"{name}: truncated or not OpenStreetMap data"):
            tag_coverage(tmp_path / name)
    (tmp_path / "empty.osm").write_text('<osm version="0.6"></osm>')
    with pytest.raises(SourceError, match="no closed way or multipolygon that is tagged"):
        tag_coverage(tmp_path / "empty.osm")


@pytest.mark.skipif(not DATA.exists(), reason="no ../shared/data")
def test_flipped_bytes_of_a_real_extract_are_refused(tmp_path):
    whole = bytearray((DATA / "osm/monaco_2021.osm.pbf").read_bytes())
    for at in range(5_000, len(whole), len(whole) // 6):
        damaged = whole[:]
        damaged[at : at + 40] = bytes(40)
        path = tmp_path / "damaged.osm.pbf"
        path.write_bytes(damaged)
        with pytest.raises(SourceError, match="truncated or not OpenStreetMap data"):
            tag_coverage(path)


def ring(folder, places):
    nodes = "".join(NODE.format(i, lat, lon) for i, (lon, lat) in enumerate(places, 1))
    refs = "".join(f'<nd ref="{i % len(places) + 1}"/>' for i in range(len(places) + 1))
    path = folder / "ring.osm"
    path.write_text(
        f'<osm version="0.6">{nodes}<way id="1" version="1">{refs}<tag k="natural" v="water"/></way></osm>'
    )
    return path


def test_way_across_180_degrees_is_as_large_as_elsewhere(tmp_path):
    here = tag_coverage(ring(tmp_path, [(9.9, 0), (10.1, 0), (10.1, 0.1), (9.9, 0.1)])).area
    there = [(179.9, 0), (-179.9, 0), (-179.9, 0.1), (179.9, 0.1)]
    assert tag_coverage(ring(tmp_path, there)).area == pytest.approx(here)


@pytest.mark.parametrize("lat", [80, -80])
def test_ring_around_a_pole_counts_up_to_it(tmp_path, lat):
    places = [(lon, lat + 0.001 * (180 - abs(lon))) for lon in range(-170, 180, 10)]
    cap = 2 * math.pi * 6_371_007.2**2 * (1 - math.sin(math.radians(80)))
    assert tag_coverage(ring(tmp_path, places)).area == pytest.approx(cap, rel=0.02)
