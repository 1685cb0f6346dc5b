"""Axioms about scenes: exact contributions, counts, an open world, hard axioms, and the axioms that ship."""

from itertools import product

import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st

from fusion.prediction import SceneScores, prediction_from_labels
from kg import vocab
from kg.axiom import Axiom
from kg.errors import InputError, RuleError
from kg.expressions import And, Count, Facet, Named, Not, Only, Or, Some
from kg.files import shipped
from kg.grid import Grid
from kg.legend import load_legend
from kg.manchester import manchester
from kg.ontology import load_ontology
from kg.rules import load_rules, schema_of
from kg.scenes import load_scenes, scene_files
from reasoning.scenes.scene_axioms import correct_scenes
from reasoning.scenes.scene_parts import (
    HAS_COVER,
    HAS_PART,
    SHARE,
    Found,
    SceneEvidence,
    cover,
    covers_of,
)

ONTOLOGY = load_ontology([shipped("ontologies/core.ttl"), *scene_files()])
FILE = shipped("ontologies/rules/scenes/scenes.ttl")
SHIPPED = load_rules([FILE], ONTOLOGY)
SCHEMA = schema_of(SHIPPED, ONTOLOGY)
LL, SC = vocab.CORE, vocab.SCENE
NAMES = ("Airport", "Beach", "Forest", "Port", "outside")
IRIS = (*(SC + name for name in NAMES[:-1]), "")


def scores(rows):
    table = np.array(rows, np.float32)
    return SceneScores(
        tuple(f"{i}.png" for i in range(len(table))), NAMES, IRIS, table, np.ones(5, bool), "toy"
    )


FLAT = [[0.2] * 5]


def named(name):
    return Named((SC if name in NAMES else LL) + name)


def axiom(left, right, *, weight=1.0, hard=False, name="a"):
    return Axiom(
        vocab.RULE + name, f"rule {name}", "", named(left), right, weight, hard, "", "f.ttl"
    )


def evidence(*found, sought=()):
    things = tuple(Found(HAS_PART, LL + name, chance) for name, chance in found)
    return SceneEvidence(things, frozenset((HAS_PART, LL + name) for name in sought))


def cost(right, seen, left="Airport"):
    """Nats that one axiom of weight 1 takes from each class of one image."""
    done = correct_scenes(scores(FLAT), {"0.png": seen}, [axiom(left, right)], SCHEMA)
    return done.costs[0, 0] if len(done.axioms) else np.zeros(5)


RUNWAY = Some(HAS_PART, Named(LL + "Runway"))


def test_a_missing_part_speaks_against_its_class_only():
    assert cost(RUNWAY, evidence(sought=("Runway",))).tolist() == [1, 0, 0, 0, 0]
    assert cost(RUNWAY, evidence(("Runway", 0.7), sought=("Runway",)))[0] == pytest.approx(0.3)
    both = evidence(("Runway", 0.7), ("Runway", 0.5), sought=("Runway",))
    assert cost(RUNWAY, both)[0] == pytest.approx(0.3 * 0.5)


def test_what_was_not_looked_for_never_punishes():
    for seen in (evidence(), evidence(("Ship", 1.0), sought=("Ship",)), evidence(("Runway", 0.4))):
        assert not cost(RUNWAY, seen).any()
    wide = evidence(sought=("Pavement",))  # no pavement at all: no runway either
    assert cost(RUNWAY, wide)[0] == 1
    some = evidence(("Pavement", 0.5), sought=("Pavement",))  # pavement, which may be one
    assert not cost(RUNWAY, some).any()


def test_a_narrower_thing_counts_for_a_wider_class():
    water = Some(HAS_PART, Named(LL + "Pavement"))
    assert cost(water, evidence(("Runway", 0.9), sought=("Pavement",)))[0] == pytest.approx(0.1)


def at_least(number, chances):
    """Poisson-binomial tail, by enumeration."""
    total = 0.0
    for bits in product((0, 1), repeat=len(chances)):
        if sum(bits) >= number:
            total += np.prod([p if bit else 1 - p for p, bit in zip(chances, bits, strict=True)])
    return total


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=5), st.integers(1, 4))
def test_numbers_of_parts_follow_the_poisson_binomial(chances, number):
    seen = evidence(*(("Ship", p) for p in chances), sought=("Ship",))
    found = cost(Count(HAS_PART, number, None, Named(LL + "Ship")), seen, "Port")
    assert found[3] == pytest.approx(1 - at_least(number, chances), abs=1e-9)


def test_too_many_found_things_break_a_maximum_even_where_more_may_be_there():
    few = Count(HAS_PART, 0, 1, Named(LL + "Ship"))
    for sought in ((), ("Ship",)):
        seen = evidence(("Ship", 1.0), ("Ship", 0.5), sought=sought)
        assert cost(few, seen, "Beach")[1] == pytest.approx(0.5)
    exactly = Count(HAS_PART, 2, 2, Named(LL + "Ship"))
    assert not cost(exactly, evidence(("Ship", 1.0)), "Beach").any()
    assert cost(exactly, evidence(("Ship", 1.0), sought=("Ship",)), "Beach")[1] == 1


def test_on_the_left_only_what_is_known_fires():
    empty = And((Named(SC + "Beach"), Not(Some(HAS_PART, Named(LL + "Ship")))))
    rule = Axiom("a", "a", "", empty, Named(SC + "Forest"), 1.0, False, "", "f.ttl")
    for seen, expected in ((evidence(), 0), (evidence(sought=("Ship",)), 1)):
        done = correct_scenes(scores(FLAT), {"0.png": seen}, [rule], SCHEMA)
        assert (done.costs.sum() if len(done.axioms) else 0) == expected


def test_only_is_broken_by_what_was_found():
    only = Only(HAS_PART, Named(LL + "Ship"))
    assert not cost(only, evidence(("Ship", 1.0)), "Port").any()
    assert cost(only, evidence(("Runway", 0.6)), "Port")[3] == pytest.approx(0.6)


def test_covers_are_graded_and_their_share_can_be_bounded():
    trees = Named(LL + "TreeCover")
    looked = frozenset(((HAS_COVER, LL + "TreeCover"),))
    some = Some(HAS_COVER, trees)
    much = Some(HAS_COVER, And((trees, Facet(SHARE, ">=", 0.3))))
    for share, lack, little in ((0.5, 0, 0), (0.1, 0, 1), (0.01, 0.8, 1)):
        seen = SceneEvidence((cover(LL + "TreeCover", share),), looked)
        assert cost(some, seen, "Forest")[2] == pytest.approx(lack)
        assert cost(much, seen, "Forest")[2] == pytest.approx(little)


def test_a_segmentation_gives_covers_by_the_crosswalk_of_its_legend():
    legend = load_legend("town")
    labels = np.array([[0, 0, 0, 2], [2, 2, 2, -1]], np.int16)
    grid = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), 2, 4)
    seen = covers_of(prediction_from_labels(labels, legend, grid))
    assert sum(one.share for one in seen.found) == pytest.approx(1)
    water = {one.cls: one.share for one in seen.found}[LL + "Water"]
    assert water == pytest.approx(3 / 7)
    assert (HAS_COVER, LL + "Water") in seen.looked_for
    assert cost(Some(HAS_COVER, Named(LL + "Water")), seen, "Beach").sum() == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10**6))
def test_contributions_sum_to_the_change_of_log_odds(seed):
    rng = np.random.default_rng(seed)
    before = scores(rng.dirichlet(np.ones(5), 4))
    pool = ("Runway", "Ship", "Water", "TreeCover", "Vehicle")
    known = {
        item: evidence(
            *((rng.choice(pool), rng.random()) for _ in range(rng.integers(0, 6))),
            sought=rng.choice(pool, 3),
        )
        for item in before.items
    }
    ship, water = (Named(LL + name) for name in ("Ship", "Water"))
    rules = [
        axiom("Airport", RUNWAY, weight=rng.uniform(0, 3), name="a"),
        axiom("Port", Count(HAS_PART, 2, None, ship), weight=rng.uniform(0, 3), name="b"),
        axiom("Beach", Or((Some(HAS_PART, water), Some(HAS_PART, ship))), name="c"),
        axiom("Forest", Not(Some(HAS_PART, ship)), weight=2.0, name="d"),
    ]
    done = correct_scenes(before, known, rules, SCHEMA)
    assert done.after.scores.sum(axis=1) == pytest.approx(1, abs=1e-6)
    for item, (one, other) in product(range(4), [(0, 1), (2, 3), (4, 0)]):
        old, new = (np.log(s.scores[item].astype(float)) for s in (before, done.after))
        change = (new[one] - new[other]) - (old[one] - old[other])
        parts = done.parts(item, (one, other))
        assert sum(part.contribution for part in parts) == pytest.approx(change, abs=1e-6)


def test_a_hard_axiom_removes_a_class_and_stands_outside_the_sum():
    hard = axiom("Airport", RUNWAY, hard=True)
    before = scores([[0.6, 0.1, 0.1, 0.1, 0.1]])
    done = correct_scenes(before, {"0.png": evidence(sought=("Runway",))}, [hard], SCHEMA)
    assert done.after.scores[0] == pytest.approx([0, 0.25, 0.25, 0.25, 0.25])
    (part,) = done.parts(0, done.best(0))
    assert (part.kind, part.value, part.contribution) == ("excluded", hard.iri, 0)


def test_hard_axioms_that_leave_nothing_are_named_with_the_image():
    hard = [axiom(name, RUNWAY, hard=True, name=name) for name in NAMES[:4]]
    before = SceneScores(
        ("x.png",), NAMES[:4], IRIS[:4], np.full((1, 4), 0.25, np.float32), np.ones(4, bool), ""
    )
    with pytest.raises(RuleError, match=r"rule Airport \(f.ttl\).*leave no class for x.png"):
        correct_scenes(before, {"x.png": evidence(sought=("Runway",))}, hard, SCHEMA)


def test_without_evidence_nothing_changes_by_a_bit():
    before = scores(np.random.default_rng(0).dirichlet(np.ones(5), 3))
    done = correct_scenes(before, {}, SHIPPED, ONTOLOGY)
    assert done.after.scores.tobytes() == before.scores.tobytes()
    assert done.axioms == ()
    reasons = dict(done.inactive)
    assert "no image says" in reasons[vocab.RULE + "scene-airport-runway"]
    assert reasons[vocab.RULE + "scene-desert-bare"]
    assert len(reasons) == len(SHIPPED)


def test_bad_evidence_and_unknown_names_are_errors():
    with pytest.raises(InputError, match=r"probability 1\.5"):
        Found(HAS_PART, LL + "Ship", 1.5)
    with pytest.raises(InputError, match="ll:near"):
        Found(LL + "near", LL + "Ship", 0.5)
    with pytest.raises(InputError, match="NaN"):
        correct_scenes(scores([[np.nan] * 5]), {}, [], SCHEMA)
    with pytest.raises(RuleError, match="unknown class ll:Runwayy"):
        correct_scenes(
            scores(FLAT), {}, [axiom("Airport", Some(HAS_PART, Named(LL + "Runwayy")))], SCHEMA
        )


def test_axioms_that_ship_are_cited_named_and_rendered_as_they_say():
    assert len(SHIPPED) >= 10
    concepts = {one.iri for one in load_scenes().concepts}
    for rule in SHIPPED:
        assert rule.comment == manchester(rule, SCHEMA)
        assert len(rule.citation) > 40 and rule.label_zh
        assert rule.left.iri in concepts
    assert not {rule.iri for rule in SHIPPED} & {rule.iri for rule in load_rules()}


def test_shuffled_axioms_do_not_help():
    """Images whose parts are those of their class: the axioms raise accuracy, axioms about other classes do not."""
    rng, names = np.random.default_rng(5), [one.left.iri for one in SHIPPED]
    iris = tuple(dict.fromkeys(names))
    truth = np.arange(len(iris)).repeat(4)
    table = rng.dirichlet(np.ones(len(iris)), len(truth)) + 0.15 * np.eye(len(iris))[truth]
    table /= table.sum(axis=1, keepdims=True)
    items = tuple(map(str, range(len(truth))))
    before = SceneScores(
        items, iris, iris, table.astype(np.float32), np.ones(len(iris), bool), "toy"
    )
    sought = frozenset((r, p.iri) for rule in SHIPPED for r, p in asked(rule.right))
    known = {
        item: SceneEvidence(
            tuple(
                Found(r, p.iri, 0.9, 0.5) for rule in SHIPPED if rule.left.iri == iris[k]
                for r, p in asked(rule.right) if not isinstance(rule.right, Not) for _ in range(6)
            ),
            sought,
        )
        for item, k in zip(items, truth, strict=True)
    }  # fmt: skip

    def right(rules):
        done = correct_scenes(before, known, rules, SCHEMA).after.scores
        return (done.argmax(axis=1) == truth).mean()

    moved = [
        Axiom(r.iri, r.label, "", o.left, r.right, r.weight, False, "", r.file)
        for r, o in zip(SHIPPED, [*SHIPPED[4:], *SHIPPED[:4]], strict=True)
    ]
    plain = (table.argmax(axis=1) == truth).mean()
    assert right(SHIPPED) > plain + 0.2
    assert right(moved) < plain - 0.1


def asked(side):
    """(role, class) of the relations in a side of a shipped axiom."""
    if isinstance(side, Not):
        return asked(side.part)
    filler = side.filler
    return [(side.role, filler.parts[0] if isinstance(filler, And) else filler)]
