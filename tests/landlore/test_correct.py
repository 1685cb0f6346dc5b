"""`landlore.correct` in Python: what comes in by which door, and what each switch does."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from drawn import write_house

import landlore as ll
from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.cog import write_raster
from kg.errors import GridError, InputError, RuleError
from kg.grid import Grid
from kg.raster import Raster, read_raster
from landlore.maps import interpret

GRID = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 80, 100)
TOWN = ll.load_legend("town")
WATER, TREES, GRASS, BUILDING = (TOWN.codes.index(code) for code in (10, 30, 40, 60))
HOUSE = (slice(20, 32), slice(30, 45))
DITCH = (slice(60, 61), slice(10, 14))


def labels():
    """Grass with trees; a house that was missed, and a one-pixel stripe of water."""
    found = np.full(GRID.shape, GRASS)
    found[:, 70:] = TREES
    found[DITCH] = WATER
    return found


def house(path):
    """The house as OpenStreetMap XML."""
    write_house(path, GRID, *HOUSE)
    return str(path)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = tmp_path_factory.mktemp("correct")
    house(home / "house.osm")
    codes = np.array(TOWN.codes, np.uint8)[labels()]
    write_raster(home / "labels.tif", Raster(codes[None], GRID, 0))
    return home


@pytest.fixture
def osm(home):
    return ll.Sources(osm=str(home / "house.osm"))


def correct(home, sources=None, **settings):
    chosen = ll.RunSettings(**{"confidence": 0.6, **settings})
    return ll.correct(
        home / "labels.tif", legend="town", sources=sources, settings=chosen
    ).corrected


def test_a_mapped_house_is_found_and_its_way_is_the_reason(home, osm):
    done = ll.correct(
        home / "labels.tif", legend="town", sources=osm, settings=ll.RunSettings(confidence=0.6)
    )
    assert (done.corrected.after.labels[HOUSE] == BUILDING).mean() > 0.9
    (found,) = [c for c in done.corrected.corrections if c.after == TOWN.classes[BUILDING].iri]
    assert found.evidence == ("https://www.openstreetmap.org/way/7",)
    assert found.contributions[0].term == vocab.GRAPH + "osm"
    assert done.folder is None and done.image is None
    assert done.graph.query(f"ASK {{ <{done.explanation.run}> a run:Run }}")
    assert "OpenStreetMap" in done.explanation.sentences_en[done.corrected.corrections.index(found)]


def test_a_prediction_from_memory_is_the_same_as_from_a_file(home, osm):
    given = prediction_from_labels(labels(), TOWN, GRID, confidence=0.6, model="labels.tif")
    memory = ll.correct(given, sources=osm).corrected
    file = correct(home, osm)
    assert np.array_equal(memory.after.probabilities, file.after.probabilities)
    assert memory.corrections == file.corrections


def test_evidence_and_rules_and_smoothness_can_be_switched_off(home, osm):
    everything = correct(home, osm)
    assert (everything.after.labels[DITCH] != WATER).all()
    silent = correct(home, osm, evidence=0, rules=0, smoothness=0)
    assert not silent.changed.any()
    assert silent.after.probabilities == pytest.approx(silent.before.probabilities, abs=1e-6)
    no_evidence = correct(home, osm, evidence=0)
    assert not (no_evidence.after.labels[HOUSE] == BUILDING).any()
    without = correct(home, osm, rules=0)
    assert without.axioms == ()
    kinds = {c.kind for one in without.corrections for c in one.contributions}
    assert "axiom" not in kinds and "evidence" in kinds


def test_rules_count_by_the_factor(home):
    once, twice = (correct(home, rules=factor, smoothness=0) for factor in (1.0, 2.0))
    weights = [{a.iri: a.weight for a in done.axioms} for done in (once, twice)]
    assert weights[0] and weights[1] == {iri: 2 * weight for iri, weight in weights[0].items()}


def test_a_graph_that_was_built_gives_the_same_answer(home, osm):
    built = ll.build(home / "graph", osm).path
    given, made = correct(home, ll.Sources(graph=str(built))), correct(home, osm)
    assert given.corrections == made.corrections
    folder = home / "from-graph"
    ll.correct(home / "labels.tif", legend="town", sources=ll.Sources(graph=str(built)), out=folder,
               settings=ll.RunSettings(confidence=0.6))  # fmt: skip
    assert not (folder / "graph.trig").exists(), "the graph is there already"
    assert len(ll.query(folder, "SELECT ?c { ?c a run:Correction }")) == len(made.corrections)
    assert not ll.query(built, "ASK { ?c a run:Correction }"), "and stays as it was"


def test_what_came_in_names_the_run(home, osm):
    names = [
        ll.correct(home / "labels.tif", legend="town", sources=sources, settings=settings).explanation.run
        for sources, settings in [
            (osm, None), (osm, ll.RunSettings(overwrite=True)), (None, None), (osm, ll.RunSettings(rules=0)),
        ]
    ]  # fmt: skip
    assert names[0] == names[1] and len(set(names)) == 3


def test_stages_are_told(home, osm):
    told = []
    ll.correct(home / "labels.tif", legend="town", sources=osm, progress=told.append)
    assert told[0] == "building the knowledge graph" and told[-1].startswith("explaining ")


def test_explain_where_something_changed_and_where_not(home, osm):
    out = home / "explained"
    ll.correct(
        home / "labels.tif",
        legend="town",
        sources=osm,
        out=out,
        settings=ll.RunSettings(confidence=0.6),
    )
    lon, lat = (float(v) for v in GRID.lonlat(26.5, 37.5))
    (why,) = ll.explain(out, place=(lon, lat))
    assert why.labels == ("Grass", "Building")
    assert sum(r.value for r in why.reasons) == pytest.approx(why.log_odds, abs=1e-6)
    nothing = tuple(float(v) for v in GRID.lonlat(5.5, 5.5))
    assert ll.explain(out, place=nothing) == []
    with pytest.raises(GridError):
        ll.explain(out, place=(0.0, 0.0))
    assert json.loads((out / "run.json").read_text())["changed_pixels"] == int(
        read_raster(out / "changed.tif").values.sum()
    )


def test_expert_facts_are_in_the_graph_and_change_nothing(home, tmp_path):
    facts = tmp_path / "facts.ttl"
    facts.write_text(
        '<> <http://purl.org/dc/terms/source> "a survey" .\n'
        "<https://example.org/site> a <https://w3id.org/landlore/core#Quarry> ."
    )
    done = ll.correct(home / "labels.tif", legend="town", sources=ll.Sources(facts=str(facts)))
    assert done.graph.query("ASK { GRAPH ?g { <https://example.org/site> a ll:Quarry } }")


def test_rules_of_your_own_replace_those_that_ship(home):
    rules = Path(vocab.__file__).parents[1] / "ontologies" / "rules" / "water.ttl"
    done = correct(home, ll.Sources(rules=str(rules)))
    assert {a.iri.rpartition("#")[2].partition("-")[0] for a in done.axioms} == {"water"}
    with pytest.raises(RuleError, match=r"none\.ttl"):
        correct(home, ll.Sources(rules="none.ttl"))


def test_interpret_needs_a_product(home):
    with pytest.raises(InputError, match="no land-cover product"):
        interpret(home / "labels.tif")


def test_image_on_another_grid(home, tmp_path):
    path = tmp_path / "image.tif"
    other = replace(GRID, width=GRID.width - 1)
    write_raster(path, Raster(np.ones((3, *other.shape), np.uint8), other), overviews="average")
    with pytest.raises(GridError, match="differs from the prediction's"):
        correct(home, ll.Sources(image=str(path)))
