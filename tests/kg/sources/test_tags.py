import csv
import re
from collections import defaultdict
from pathlib import Path

import pytest

from kg import vocab
from kg.alignments import read_alignments
from kg.errors import SourceError
from kg.features import ancestors
from kg.ontology import read_owl
from kg.sources.tags import TagTable, load_tags, parse_width

ROOT = Path(__file__).resolve().parents[3]
HEAD = "key,value,geometry,class,width_m,note\n"
ROWS = """building,*,area,ll:Building,,
natural,water,area,ll:Water,,
water,river,area,ll:River,,
natural,wood,area,ll:TreeCover,,
landuse,forest,area,ll:TreeCover,,
landuse,residential,area,ll:Residential,,
amenity,school,area,ll:School,,
highway,*,line,ll:Road,4,
highway,residential,line,ll:Road,6,any note
highway,pedestrian,area,ll:Pavement,,
barrier,hedge,line,ll:Shrubland,2,
leisure,park,area,ll:Park,,
natural,cliff,area,ll:Cliff,,
waterway,canal,area,ll:Canal,,
waterway,canal,line,ll:Canal,8,
"""


@pytest.fixture
def table(tmp_path: Path) -> TagTable:
    path = tmp_path / "tags.csv"
    path.write_text(HEAD + ROWS, encoding="utf-8")
    return load_tags(path)


def classes(table: TagTable, geometry: str, **tags: str) -> list[str]:
    match = table.match(tags, geometry)
    return [] if match is None else [vocab.curie(c) for c in match.classes]


def test_named_value_beats_star(table):
    match = table.match({"highway": "residential"}, "line")
    assert (match.width, match.tags) == (6.0, ("highway=residential",))
    assert table.match({"highway": "track"}, "line").width == 4.0


def test_class_below_another_beats_it(table):
    assert classes(table, "area", natural="water", water="river") == ["ll:River"]


def test_one_cover_and_one_use(table):
    assert classes(table, "area", amenity="school", building="school") == [
        "ll:Building",
        "ll:School",
    ]
    assert classes(table, "area", natural="wood", landuse="forest") == ["ll:TreeCover"]
    assert classes(table, "area", landuse="forest", leisure="park") == ["ll:TreeCover", "ll:Park"]


def test_geometry_decides_which_rows_count(table):
    assert classes(table, "line", building="yes") == []
    assert classes(table, "node", natural="water") == []


@pytest.mark.parametrize(
    "hidden", [{"tunnel": "yes"}, {"location": "underground"}, {"tunnel": "culvert"}]
)
def test_what_cannot_be_seen_from_above_is_left_out(table, hidden):
    assert table.match({"highway": "residential", **hidden}, "line") is None


@pytest.mark.parametrize("value", ["no", "razed", "proposed", "0", "No", "false", "none", "n"])
def test_star_does_not_mean_what_is_not_there(table, value):
    assert classes(table, "area", building=value) == []


def test_first_of_several_values_counts(table):
    assert classes(table, "area", landuse="residential;forest") == ["ll:Residential"]


@pytest.mark.parametrize(
    ("tags", "area"),
    [
        ({"building": "yes"}, True),
        ({"highway": "residential"}, False),
        ({"highway": "pedestrian"}, False),
        ({"highway": "pedestrian", "area": "yes"}, True),
        ({"barrier": "hedge", "landuse": "residential"}, True),
        ({"natural": "wood", "area": "no"}, False),
        ({"natural": "cliff"}, True),
        ({"waterway": "canal"}, False),
        ({"name": "nothing"}, False),
    ],
)
def test_closed_ways_that_are_areas(table, tags, area):
    assert table.is_area(tags) is area


@pytest.mark.parametrize(
    ("text", "metres"),
    [
        ("6", 6.0),
        ("6.5 m", 6.5),
        ("3,5", 3.5),
        ("10'", 3.048),
        ("20 ft", 6.096),
        ("narrow", None),
        ("-3", None),
        ("0", None),
        ("5000", None),
        ("", None),
    ],
)
def test_widths(text, metres):
    assert parse_width(text) == metres


def test_width_tag_beats_usual_width(table):
    assert table.match({"highway": "residential", "width": "9 m"}, "line").width == 9.0
    assert table.match({"highway": "residential", "width": "wide"}, "line").width == 6.0


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("key,value,class\n", "lacks the column(s) geometry, width_m"),
        (HEAD + "a,b,blob,ll:X,,\n", "tags.csv:2: geometry is 'blob'"),
        (HEAD + "a,b,area,ll:X,wide,\n", "tags.csv:2: width_m is 'wide'"),
        (HEAD + "a,,area,ll:X,,\n", "tags.csv:2: key, value and class"),
    ],
)
def test_broken_tables_are_refused(tmp_path, text, part):
    path = tmp_path / "tags.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SourceError) as error:
        load_tags(path)
    assert part in error.value.message
    assert error.value.hint


def test_missing_table(tmp_path):
    with pytest.raises(SourceError, match="cannot be read"):
        load_tags(tmp_path / "none.csv")


FOREIGN = "http://www.worldkg.org/schema/"
OTHER_MEANING = {
    ("building", "substation"): "the building, not the use of the ground",
    ("building", "museum"): "the building, not the use of the ground",
    ("building", "sports_centre"): "the building, not the use of the ground",
    ("landuse", "warehouse"): "the ground around, not the building",
    ("landuse", "garage"): "the ground around, not the building",
    ("landuse", "stable"): "the ground around, not the building",
    ("bridge:support", "pier"): "what a bridge stands on, not where ships lie",
    ("piste:type", "playground"): "a place for skiers",
    ("railway", "rail"): "an area of tracks",
    ("crop", "grass"): "grown as fodder, not a lawn",
    ("natural", "grass"): "any grass, the class above",
    ("landuse", "grassland"): "any grass, the class above",
}


def test_tags_and_alignments_name_one_class():
    """WorldKG names its classes after tags: who asks in its words finds what the tags of that name became.

    `features-of-a-foreign-class` found no silo and no forest where the map had them.
    """
    aligned = defaultdict(set)
    for one in read_alignments(read_owl(ROOT / "ontologies" / "alignments.ttl")):
        if one.term.startswith(FOREIGN) and one.match.endswith(("exactMatch", "closeMatch")):
            aligned[one.term.removeprefix(FOREIGN)].add(one.cls)
    wrong = {}
    table = (ROOT / "ontologies" / "osm-tags.csv").read_text(encoding="utf-8")
    for row in csv.DictReader(table.splitlines()):
        key, value = row["key"], row["value"]
        short, whole = (
            "".join(w.capitalize() for w in re.split("[_ :]", t)) for t in (value, f"{key}_{value}")
        )
        named = aligned.get(whole) or aligned.get(short) or set()
        if named and not named & ancestors(vocab.expand(row["class"])):
            wrong[key, value] = row["class"], named
    assert wrong.keys() == OTHER_MEANING.keys(), wrong
