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
        (HEAD.strip() + ",where\na,b,area,ll:X,,,sometimes\n", "tags.csv:2: where is 'sometimes'"),
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


CONDITIONS = """natural,wood,area,ll:TreeCover,,,
natural,scrub,area,ll:Shrubland,,,
landuse,forest,area,ll:TreeCover,,,
leisure,pitch,area,ll:SportsPitch,,,
leisure,*,area,ll:Recreation,,,
building,*,area,ll:Building,,,
waterway,stream,line,ll:Stream,2,,
waterway,stream,line,ll:IntermittentStream,2,,intermittent=yes
leaf_type,broadleaved,area,ll:BroadleavedForest,,,ll:TreeCover
leaf_type,broadleaved,area,ll:BroadleavedEvergreenForest,,,leaf_cycle=evergreen ll:TreeCover
surface,grass,area,ll:Lawn,,,alone
"""


@pytest.fixture
def conditional(tmp_path: Path) -> TagTable:
    path = tmp_path / "where.csv"
    path.write_text(HEAD.replace("note", "note,where") + CONDITIONS, encoding="utf-8")
    return load_tags(path)


@pytest.mark.parametrize(
    ("tags", "geometry", "found"),
    [
        ({"waterway": "stream"}, "line", ["Stream"]),
        ({"waterway": "stream", "intermittent": "yes"}, "line", ["IntermittentStream"]),
        ({"waterway": "stream", "intermittent": "no"}, "line", ["Stream"]),
        ({"natural": "wood", "leaf_type": "broadleaved"}, "area", ["BroadleavedForest"]),
        (
            {"leaf_cycle": "evergreen", "leaf_type": "broadleaved", "natural": "wood"},
            "area",
            ["BroadleavedEvergreenForest"],
        ),
        ({"natural": "scrub", "leaf_type": "broadleaved"}, "area", ["Shrubland"]),
        ({"leaf_type": "broadleaved"}, "area", []),
        ({"leaf_type": "broadleaved", "leaf_cycle": "evergreen"}, "area", []),
        ({"surface": "grass"}, "area", ["Lawn"]),
        ({"surface": "grass", "building": "any"}, "area", ["Building"]),
        ({"surface": "grass", "leisure": "pitch"}, "area", ["Lawn", "SportsPitch"]),
    ],
)
def test_a_row_counts_only_where_it_says(conditional, tags, geometry, found):
    assert classes(conditional, geometry, **tags) == [f"ll:{one}" for one in found]


def test_tags_that_rows_ask_for_decide(conditional):
    assert {"intermittent", "leaf_cycle"} <= conditional.deciding
    assert "intermittent" not in conditional.keys


MEANT = [
    # leaves tell of woods alone
    ("natural=wood leaf_type=broadleaved", "BroadleavedForest"),
    ("landuse=forest leaf_type=needleleaved", "NeedleleavedForest"),
    ("landuse=forest leaf_type=mixed", "MixedForest"),
    ("natural=wood leaf_type=broadleaved leaf_cycle=evergreen", "BroadleavedEvergreenForest"),
    ("natural=wood leaf_type=broadleaved leaf_cycle=deciduous", "BroadleavedDeciduousForest"),
    ("natural=wood leaf_type=needleleaved leaf_cycle=deciduous", "NeedleleavedDeciduousForest"),
    ("natural=wood leaf_type=needleleaved leaf_cycle=evergreen", "NeedleleavedEvergreenForest"),
    ("natural=wood leaf_cycle=evergreen", "EvergreenForest"),
    ("natural=wood leaf_cycle=deciduous", "DeciduousForest"),
    ("natural=wood wood=coniferous", "NeedleleavedForest"),
    ("natural=scrub leaf_type=broadleaved", "Shrubland"),
    ("natural=tree_row leaf_type=broadleaved", "TreeRow"),
    ("barrier=hedge leaf_type=broadleaved", "Hedge"),
    ("landuse=orchard leaf_type=broadleaved", "Orchard"),
    ("leisure=park leaf_type=broadleaved", "Park"),
    ("landuse=forest natural=wetland wetland=swamp leaf_type=broadleaved", "Swamp"),
    # surfaces tell what it is where nothing else does
    ("aeroway=runway surface=grass", "Runway"),
    ("amenity=parking surface=grass", "Parking"),
    ("leisure=pitch sport=tennis surface=clay", "TennisCourt"),
    ("highway=pedestrian surface=clay", "Square"),
    ("railway=platform surface=tartan", "Platform"),
    ("landuse=grassland surface=grass", "Grassland"),
    ("building=odd surface=grass", "Building"),
    ("leisure=pitch surface=artificial_turf", "ArtificialTurf SportsPitch"),
    ("surface=grass", "Lawn"),
    # the class that says it
    ("building=residential", "ResidentialBuilding"),
    ("building=construction", "BuildingUnderConstruction"),
    ("building=presbytery", "House"),
    ("leisure=pitch sport=american_football", "RugbyField"),
    ("leisure=pitch sport=multi", "SportsPitch"),
    ("leisure=sports_centre sport=multi", "SportsCentre"),
    ("leisure=pitch sport=cricket", "CricketField"),
    ("leisure=horse_riding", "EquestrianCentre"),
    ("leisure=sports_centre sport=equestrian", "EquestrianCentre"),
    ("leisure=paddock", "Pasture"),
    ("landuse=paddock", "Pasture"),
    ("leisure=showground", "Fairground"),
    ("highway=services", "ServiceArea"),
    ("landuse=orchard trees=oil_palms", "OilPalmPlantation"),
    ("landuse=orchard trees=banana_plants", "BananaPlantation"),
    ("landuse=orchard trees=orange_trees", "CitrusOrchard"),
    ("landuse=orchard trees=lemon_trees", "CitrusOrchard"),
    ("landuse=orchard trees=almond_trees", "NutOrchard"),
    ("landuse=orchard trees=walnut_trees", "NutOrchard"),
    ("landuse=orchard trees=hazel_plants", "NutOrchard"),
    ("landuse=farmland trees=rubber_trees", "RubberPlantation"),
    ("landuse=meadow crop=hay", "Hayfield"),
    ("historic=battlefield", ""),
    ("amenity=marketplace", "Market"),
    ("amenity=recycling", "RecyclingSite"),
    ("man_made=petroleum_site", "OilField"),
    ("man_made=clearcut", "ClearCut"),
    ("landuse=logging", "ClearCut"),
    ("landuse=clearcut", "ClearCut"),
    ("amenity=hunting_stand", "Tower"),
    ("tourism=wilderness_hut building=yes", "Cabin"),
    ("tourism=apartment", "Commercial"),
    ("military=range landuse=military", "TrainingGround"),
    ("natural=flowerbed", "FlowerBed"),
    ("landuse=flowerbed", "FlowerBed"),
    ("landcover=flowerbed", "FlowerBed"),
    ("natural=water water=fishpond", "FishPond"),
    ("natural=boulders", "Boulders"),
    ("power=plant plant:source=nuclear", "NuclearPowerPlant"),
    ("power=plant plant:source=coal;gas", "ThermalPowerPlant"),
    ("power=plant plant:source=hydro", "HydroPowerPlant"),
    ("power=plant plant:source=geothermal", "GeothermalPowerPlant"),
    ("landuse=farmland crop=wheat", "CerealField"),
    ("landuse=farmland crop=maize", "MaizeField"),
    ("landuse=farmland crop=sunflower", "OilseedField"),
    ("landuse=farmland crop=potato", "RootCropField"),
    ("landuse=farmland crop=vegetables", "VegetableField"),
    ("landuse=farmland crop=cotton", "CottonField"),
    ("landuse=farmland crop=sugarcane", "SugarcaneField"),
    ("landuse=farmland crop=tea", "TeaPlantation"),
    ("landuse=farmland crop=hop", "HopGarden"),
    ("landuse=farmland crop=strawberry", "BerryField"),
    ("landuse=farmland crop=unheard_of", "Cropland"),
]
MEANT_OF_LINES = [
    ("aerialway=chair_lift", "Aerialway"),
    ("highway=bus_guideway", "Busway"),
    ("highway=services", "ServiceRoad"),
    ("waterway=stream intermittent=yes", "IntermittentStream"),
    ("waterway=stream intermittent=no", "Stream"),
    ("waterway=river intermittent=yes", "River"),
]


@pytest.mark.parametrize(("tags", "found"), MEANT)
def test_what_the_shipped_table_says_of_areas(tags, found):
    said = dict(tag.split("=") for tag in tags.split())
    for pairs in (said, dict(reversed(said.items()))):
        assert classes(load_tags(), "area", **pairs) == [f"ll:{one}" for one in found.split()]


@pytest.mark.parametrize(("tags", "found"), MEANT_OF_LINES)
def test_what_the_shipped_table_says_of_lines(tags, found):
    said = dict(tag.split("=") for tag in tags.split())
    assert classes(load_tags(), "line", **said) == [f"ll:{one}" for one in found.split()]


def test_a_beehive_is_no_monument():
    assert load_tags().match({"man_made": "beehive"}, "node") is None


FOREIGN = "http://www.worldkg.org/schema/"
FOUND_BY = ("exactMatch", "closeMatch", "broadMatch")  # as the query takes them
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
        if one.term.startswith(FOREIGN) and one.match.endswith(FOUND_BY):
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
