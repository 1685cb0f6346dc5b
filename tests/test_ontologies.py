"""Guards over the ontology files: complete, documented, consistent, and without dangling names."""

import csv
import re
import shutil
from collections import Counter
from pathlib import Path

import pytest

from kg.files import core_files
from kg.legend import legend_names, load_legend
from kg.ontology import check_consistent, load_ontology
from kg.scheme import usual_covers
from kg.sources.tags import load_tags
from kg.store import read_turtle
from kg.vocab import BASE, CORE, DCT, GEO, OWL, RDF, RDFS, SKOS

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "ontologies"
LEGENDS = sorted((FOLDER / "legends").glob("*.ttl"))
_DL = "http://www.w3.org/ns/owl-profile/DL"

TREE = """
LandCover: Vegetation Water Wetland Bare SnowIce Artificial
Vegetation: Woody Herbaceous Cropland MossLichen
Woody: TreeCover Shrubland
TreeCover: EvergreenForest DeciduousForest BroadleavedForest NeedleleavedForest MixedForest Mangrove
Shrubland: DwarfScrub
Herbaceous: Grassland
Grassland: Pasture
Cropland: AnnualCrop PermanentCrop Paddy
PermanentCrop: Orchard Vineyard
Water: Sea InlandWater SwimmingPool
InlandWater: Lake River Reservoir Canal Stream Pond
Wetland: HerbaceousWetland WoodyWetland Saltmarsh TidalFlat
Bare: BareSoil BareRock Sand
Sand: BeachSand
SnowIce: PermanentSnow Glacier
Artificial: BuiltUp Building ConstructionSite Quarry Dump
BuiltUp: Building Pavement Railway
Pavement: Road Parking Runway
LandUse: Residential Commercial Industrial Recreation Park Cemetery Military Farm Harbour Airport School
LandObject: SwimmingPool Bridge Pier Dam Ship Vehicle StorageTank Stadium Greenhouse
Evidence: OsmFeature ProductCell ExpertFact
"""
UNITS = {
    "area": "m2",
    "perimeter": "m",
    "meanWidth": "m",
    "minWidth": "m",
    "elongation": "1",
    "meanNdvi": "1",
    "meanNdwi": "1",
    "meanBrightness": "1",
    "meanElevation": "m",
    "meanSlope": "degree",
    "distanceToWater": "m",
    "distanceToSea": "m",
}
# OGC 22-047r1, 7.4 to 7.6: the relations of the three families that hold between regions at once
RCC8 = {
    "eq": ("sfEquals", "ehEquals"),
    "dc": ("sfDisjoint", "ehDisjoint"),
    "ec": ("sfTouches", "ehMeet"),
    "po": ("sfOverlaps", "ehOverlap"),
    "tpp": ("sfWithin", "ehCoveredBy"),
    "tppi": ("sfContains", "ehCovers"),
    "ntpp": ("sfWithin", "ehInside"),
    "ntppi": ("sfContains", "ehContains"),
}


@pytest.fixture(scope="module")
def tree():
    return load_ontology()


@pytest.fixture(scope="module")
def terms():
    """Predicate -> subject -> values, of the core ontology."""
    found = {}
    for path in core_files():
        for subject, predicate, value in read_turtle(path):
            found.setdefault(predicate.value, {}).setdefault(subject.value, []).append(value)
    return found


def of_type(terms, name):
    return [s for s, types in terms[RDF + "type"].items() if OWL + name in [t.value for t in types]]


@pytest.mark.parametrize("line", TREE.split("\n")[1:-1])
def test_the_classes_that_everyone_uses_stand_where_they_should(line, tree):
    above, _, below = line.partition(": ")
    for name in below.split():
        assert CORE + name in tree.below(CORE + above)


def test_every_class_is_named_in_two_languages_and_defined_once(terms):
    classes = [iri for iri in of_type(terms, "Class") if iri.startswith(CORE)]
    assert len(classes) >= 550
    for iri in classes:
        labels = {label.language for label in terms[RDFS + "label"][iri]}
        definitions = terms[SKOS + "definition"][iri]
        assert labels == {"en", "zh"}, iri
        assert [one.language for one in definitions] == ["en"], iri
        assert definitions[0].value.endswith("."), iri
    for language in ("en", "zh"):
        labels = [
            x.value for i in classes for x in terms[RDFS + "label"][i] if x.language == language
        ]
        assert [label for label, count in Counter(labels).items() if count > 1] == []


def test_every_property_is_named_in_two_languages_and_defined(terms):
    for kind in ("ObjectProperty", "DatatypeProperty", "AnnotationProperty"):
        for iri in (one for one in of_type(terms, kind) if one.startswith(CORE)):
            assert {label.language for label in terms[RDFS + "label"][iri]} == {"en", "zh"}, iri
            assert terms[SKOS + "definition"][iri], iri


def test_terms_of_others_are_named_in_two_languages_too():
    """Where one of our files declares them, so that a reader of both languages meets no bare IRI."""
    kinds = {OWL + "Class", OWL + "ObjectProperty", OWL + "DatatypeProperty", SKOS + "Concept"}
    declared, names = set(), {}
    for path in FOLDER.rglob("*.ttl"):
        for subject, predicate, value in read_turtle(path):
            if predicate.value == RDF + "type" and value.value in kinds:
                declared.add(subject.value)
            elif predicate.value in (RDFS + "label", SKOS + "prefLabel"):
                names.setdefault(subject.value, set()).add(value.language)
    assert len(declared) > 1500
    bare = {i for i in declared if "//" in i and not names.get(i, set()) >= {"en", "zh"}}
    assert not bare


def test_no_superclass_is_undeclared(terms):
    declared = set(of_type(terms, "Class"))
    for iri, above in terms[RDFS + "subClassOf"].items():
        assert {one.value for one in above} <= declared, iri


def test_facts_carry_their_units(tree):
    assert {name: tree.data_properties[CORE + name] for name in UNITS} == UNITS


def test_relations_are_aligned_with_geosparql(terms):
    above = {
        iri.removeprefix(CORE): {
            one.value.removeprefix(GEO) for one in values if one.value.startswith(GEO)
        }
        for iri, values in terms[RDFS + "subPropertyOf"].items()
    }
    assert {name: found for name, found in above.items() if found} == {
        **{f"rcc8{name}": {f"rcc8{name}", *others} for name, others in RCC8.items()},
        "touches": {"sfTouches"},
        "adjacentTo": {"sfTouches"},
        "within": {"sfWithin"},
        "contains": {"sfContains"},
        "overlaps": {"sfOverlaps"},
        "crosses": {"sfCrosses"},
        "intersects": {"sfIntersects"},
        "apartFrom": {"sfDisjoint", "ehDisjoint"},
        "sameExtentAs": {"sfEquals", "ehEquals"},
    }


def test_what_may_be_counted_is_simple(tree):
    counted = {CORE + name for name in ("hasPart", "touches", "near", "contains")}
    assert not tree.roles.needed(counted) & tree.roles.transitive
    assert tree.roles.transitive & tree.roles.above(CORE + "hasPart")


def test_core_says_what_its_parts_are_and_protege_finds_them():
    named = {o.value for _, p, o in read_turtle(FOLDER / "core.ttl") if p.value == OWL + "imports"}
    assert named == {f"{BASE}core/{path.stem}" for path in (FOLDER / "core").glob("*.ttl")}
    catalog = re.findall(r'name="(.*?)" uri="(.*?)"', (FOLDER / "catalog-v001.xml").read_text())
    assert named | {BASE + "core"} <= {name for name, _ in catalog}
    for name, file in catalog:
        types = [
            (s.value, o.value) for s, p, o in read_turtle(FOLDER / file) if p.value == RDF + "type"
        ]
        heads = [iri for iri, kind in types if kind == OWL + "Ontology"]
        assert heads == [name], file


def test_core_is_consistent_under_hermit():
    if shutil.which("java") is None:
        pytest.skip("HermiT needs Java, and no `java` was found")
    assert check_consistent() == ()


@pytest.mark.parametrize("path", [*core_files(), FOLDER / "covers.ttl"], ids=lambda path: path.stem)
def test_each_ontology_has_version_licence_and_citation(path):
    head = {p.value: o for s, p, o in read_turtle(path) if not s.value.startswith((CORE, GEO))}
    for predicate in (
        OWL + "versionIRI",
        DCT + "title",
        DCT + "license",
        DCT + "bibliographicCitation",
    ):
        assert head[predicate].value, predicate
    assert head[OWL + "versionIRI"].value.endswith("/0.2.0")


def test_each_owl_file_states_its_profile():
    """`landlore check ontology` and the test of rules check that it holds."""
    owl = {path for path in FOLDER.rglob("*.ttl") if _is_owl(path)}
    profiles = {
        path: {o.value for _, p, o in read_turtle(path) if p.value == DCT + "conformsTo"}
        for path in owl
    }
    assert len(owl) >= 20
    assert {path for path, found in profiles.items() if found != {_DL}} == set()


def _is_owl(path):
    """Whether a file declares classes or properties."""
    kinds = {OWL + kind for kind in ("Class", "ObjectProperty", "DatatypeProperty")}
    return any(p.value == RDF + "type" and o.value in kinds for _, p, o in read_turtle(path))


@pytest.mark.parametrize("path", LEGENDS, ids=lambda path: path.stem)
def test_each_legend_has_version_licence_and_citation(path):
    legend = load_legend(path)
    head = [(p.value, o) for s, p, o in read_turtle(path) if s.value == legend.iri]
    predicates = {predicate for predicate, _ in head}
    assert {
        OWL + "versionInfo",
        DCT + "license",
        DCT + "source",
        DCT + "bibliographicCitation",
    } <= predicates
    assert {o.language for p, o in head if p == DCT + "title"} == {"en", "zh"}
    assert legend.iri.endswith(f"/{path.stem}")


def test_colours_tell_the_classes_of_a_legend_apart():
    shaded = {
        "corine:49",
        "esa_cci",
    }  # as published: whole groups, and regional classes, share a colour
    for name in set(legend_names()) - shaded:
        colours = load_legend(name).colours
        assert len(set(colours)) == len(colours), name


def test_nothing_is_disjoint_with_what_it_is_below(tree):
    for pair in tree.disjoint:
        one, other = sorted(pair)
        assert not tree.below(one) & tree.below(other), pair


def test_usual_covers_name_classes_of_the_core(tree):
    for iri, pairs in usual_covers().items():
        assert tree.is_class(iri), iri
        assert all(tree.is_class(core) for core, _ in pairs), iri


def test_the_tag_table_is_sound(tree):
    with (FOLDER / "osm-tags.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    seen = Counter((row["key"], row["value"], row["geometry"], row["where"]) for row in rows)
    assert len(rows) >= 800
    assert [key for key, count in seen.items() if count > 1] == []
    for row in rows:
        assert tree.is_class(CORE + row["class"].removeprefix("ll:")), row
        assert (row["geometry"] == "line") == bool(row["width_m"]), row
        assert not row["width_m"] or 0 < float(row["width_m"]) <= 50, row
        said = [word for word in row["where"].split() if word.startswith("ll:")]
        assert all(tree.is_class(CORE + word.removeprefix("ll:")) for word in said), row


@pytest.mark.parametrize(
    ("tags", "geometry", "classes", "width"),
    [
        ({"natural": "water", "water": "river"}, "area", {"River"}, None),
        ({"building": "apartments"}, "area", {"ApartmentBuilding"}, None),
        ({"building": "church"}, "area", {"Church"}, None),
        ({"building": "no_such_kind"}, "area", {"Building"}, None),
        ({"amenity": "school", "building": "yes"}, "area", {"Building", "School"}, None),
        (
            {"landuse": "forest", "leaf_type": "needleleaved"},
            "area",
            {"NeedleleavedForest"},
            None,
        ),
        ({"leisure": "pitch", "sport": "tennis"}, "area", {"TennisCourt"}, None),
        ({"highway": "motorway"}, "line", {"Motorway"}, 12.0),
        ({"highway": "cycleway"}, "line", {"Cycleway"}, 2.5),
        ({"highway": "residential", "width": "4.5"}, "line", {"LocalRoad"}, 4.5),
        ({"waterway": "stream"}, "line", {"Stream"}, 2.0),
        ({"railway": "rail"}, "line", {"Railway"}, 4.0),
        ({"power": "generator", "generator:source": "wind"}, "node", {"WindTurbine"}, None),
    ],
)
def test_tags_become_the_right_class(tags, geometry, classes, width):
    match = load_tags().match(tags, geometry)
    assert {iri.removeprefix(CORE) for iri in match.classes} == classes
    assert match.width == width
