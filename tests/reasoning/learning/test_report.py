"""Reports: a harmful rule is proposed for removal, a helpful one is not; intervals; the written forms agree."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest

from kg.errors import InputError
from kg.ontology import Facet
from kg.store import KnowledgeGraph
from reasoning.correct import correct
from reasoning.learning.checked import Checks, fit_rules, learn_checked
from reasoning.learning.effects import tile_effects
from reasoning.learning.learned import Mapped, Trial
from reasoning.learning.report import RuleReport, bootstrap, rule_report, wilson
from reasoning.learning.report_text import (
    remarks,
    report_csv,
    report_table,
    report_turtle,
    score_table,
    summary,
    trial_table,
)
from reasoning.learning.staged import Stages
from reasoning.settings import CorrectSettings

QUICK = Stages(rounds=1, shrinkage=3e-4, balance=0.0, polished=False)
SETTINGS = CorrectSettings(tolerance=1e-3)


def learn(tiles, rules):
    return learn_checked(
        tiles, {"rules": rules}, SETTINGS, stages=QUICK, checks=Checks(most_folds=2)
    )


@pytest.fixture(scope="module")
def all_rules(rules):
    """The rules, and one that takes every large building for something else."""
    harmful = replace(
        rules[1], iri=rules[2].iri + "-not", label="building-small", weight=3.0, left=rules[2].left,
        right=Facet(rules[1].right.property, "<=", 3000.0, 0.0),
    )  # fmt: skip
    return (*rules, harmful)


@pytest.fixture(scope="module")
def tiles(drawn_tiles):
    return [replace(t, truth=t.truth[:48, :48], prediction=_cut(t.prediction)) for t in drawn_tiles]


def _cut(prediction):
    grid = prediction.grid.window(0, 0, 48, 48)
    p = np.ascontiguousarray(prediction.probabilities[:, :48, :48])
    return replace(prediction, probabilities=p, grid=grid)


@pytest.mark.parametrize(
    ("helped", "harmed", "gain", "said"),
    [
        (30, 20, 0.01, "maybe helps"),
        (30, 20, 0.0, "maybe helps"),
        (30, 20, -0.01, "more pixels right than wrong, but a lower mean IoU"),
        (20, 30, 0.01, "harms here, maybe by chance"),
        (20, 20, 0.01, "as often right as wrong"),
        (20, 20, -0.01, "harms the mean IoU here"),
    ],
)
def test_a_rule_that_lowers_the_mean_iou_is_never_called_helpful(helped, harmed, gain, said):
    report = RuleReport(
        iri="r", label="r", expert=1.0, learned=1.0, tiles=2, regions=2, pixels=90, changed=60,
        helped=helped, harmed=harmed, net=(-5.0, 9.0), gain=gain, wilson=(0.1, 0.9), removal=False,
    )  # fmt: skip
    assert report.verdict == said
    assert "helps" not in replace(report, net=(1.0, 9.0), gain=-0.01).verdict


@pytest.fixture(scope="module")
def both(tiles, all_rules):
    learned = learn(tiles, all_rules)
    return learned, rule_report(tiles, learned)


def test_rules_that_truth_does_not_follow_are_proposed_for_removal_and_no_others(both):
    _, reports = both
    removed = [one.label for one in reports if one.removal]
    assert removed[0] == "building-small"
    assert set(removed) <= {"building-small", "lone"}  # of these two, truth follows neither
    worst = reports[0]
    assert worst.net[1] < 0
    assert worst.harmed > worst.helped
    assert worst.gain < 0
    assert worst.learned < 0.5
    assert worst.verdict == "harms: proposed for removal"
    best = next(one for one in reports if one.label == "field-wide")
    assert best.helped > best.harmed
    assert best.net[0] > 0
    assert best.verdict == "helps"


def test_leave_one_out_is_a_solution_without_the_rule(both, tiles, all_rules):
    learned, reports = both
    fits = {t: fit for held, fit in learned.fold_fits for t in held}
    changed = helped = harmed = 0
    for i, tile in enumerate(tiles):
        fit = replace(fits[i], axioms=learned.expert.axioms)
        settings = fit.settings(CorrectSettings())
        some = [a for a in fit.axioms if a.label != "building-small"]
        with_it, without = (
            correct(tile.prediction, axioms=axioms, settings=settings).after.labels
            for axioms in (fit.axioms, some)
        )
        different = with_it != without
        changed += different.sum()
        helped += (different & (with_it == tile.truth)).sum()
        harmed += (different & (without == tile.truth)).sum()
    worst = reports[0]
    assert (worst.changed, worst.helped, worst.harmed) == (changed, helped, harmed)


def test_one_step_is_close_for_rules_about_the_region_itself(both, tiles):
    learned, reports = both
    quick = rule_report(tiles, learned, method="one step")
    for one in reports:
        if one.label != "lone":
            (other,) = [r for r in quick if r.iri == one.iri]
            assert abs(other.changed - one.changed) <= 0.35 * one.changed
            assert other.removal == one.removal


def test_learned_weights_leave_little_of_a_harmful_rule(both, tiles):
    learned, reports = both
    after = rule_report(tiles, learned, weights="learned")
    (left,) = [one for one in after if one.label == "building-small"]
    assert left.harmed < 0.2 * reports[0].harmed


def test_a_rule_that_does_not_fire_has_no_effect(tiles, rules):
    silent = replace(rules[0], right=replace(rules[0].right, value=0.5))
    fit = fit_rules(tiles[:2], (silent,), SETTINGS, QUICK)
    assert tile_effects(tiles[:1], [fit], CorrectSettings()) == ()


def test_the_written_forms_say_the_same(both):
    _, reports = both
    rows = list(csv.DictReader(io.StringIO(report_csv(reports))))
    assert [row["rule"] for row in rows] == ["rule:" + r.iri.rpartition("#")[2] for r in reports]
    assert rows[0]["proposed_for_removal"] == "true"
    assert int(rows[0]["wrong_to_right"]) == reports[0].helped
    assert int(rows[0]["right_to_wrong"]) == reports[0].harmed
    assert int(rows[0]["balance"]) == reports[0].helped - reports[0].harmed
    assert "proposed for removal" in report_table(reports).splitlines()[2]
    graph = KnowledgeGraph()
    graph.load_text(report_turtle(reports), graph="ex:report")
    found = graph.query(
        "SELECT ?rule ?net { ?r a run:RuleReport ; run:rule ?rule ; run:net ?net ; run:proposedForRemoval true }"
    ).to_table()
    assert "lone-not" in found
    assert str(reports[0].helped - reports[0].harmed) in found


def test_the_table_says_over_what_and_both_directions(both, tiles):
    learned, _ = both
    lines = score_table(learned).splitlines()
    pixels = sum(int(tile.known.sum()) for tile in tiles)
    assert lines[0] == (
        f"Held out in turn: 4 tiles of 4 scenes, in 2 parts; {pixels:,d} pixels of known truth."
    )
    assert (
        lines[2]
        == f"Smoothness is {learned.smoother:g} times what was fitted, as held-out tiles prefer."
    )
    head = lines[3].split("  ")
    assert [word.strip() for word in head if word.strip()] == [
        "mean IoU", "accuracy", "wrong -> right", "right -> wrong",
    ]  # fmt: skip
    found = learned.mapped("rules")
    row = lines[8]
    assert row.startswith("calibration, smoothness and rules learned")
    assert f"{found.fixed:,d}" in row
    assert f"{found.broken:,d}" in row
    assert [("<- kept" in line) for line in lines[4:9]].count(True) == 1
    assert "rules with a weight" in summary(learned)


def test_the_table_of_class_weights_marks_the_one_that_was_taken():
    maps = [Mapped(np.array([[9.0 - i, i], [3.0, 8.0]]), 5 * i, 1234) for i in (2, 1, 1)]
    trials = [Trial(balance, one) for balance, one in zip((0.25, 0.5, 0.75), maps, strict=True)]
    lines = trial_table(trials).splitlines()
    assert lines[3].split("  ")[0] == "(1 / share) ** 0.5"
    assert ["<- taken" in line for line in lines] == [False, False, False, True, False]
    assert "1,234" in lines[3]
    assert f"{100 * maps[1].mean_iou:.2f}" in lines[3]
    assert trial_table(()) == ""


def test_intervals():
    assert bootstrap(np.zeros(4)) == (0.0, 0.0)
    low, high = bootstrap(np.array([10.0, -2.0, 3.0, 5.0, 8.0]))
    assert low < 24 < high
    assert bootstrap(np.array([10.0, -2.0, 3.0, 5.0, 8.0])) == (low, high)
    assert wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert wilson(0, 0) == (0.0, 1.0)


def test_one_scene_gives_no_report(tiles, rules, both):
    learned = learn(tiles[:1], rules)
    with pytest.raises(
        InputError, match=r"no tile was held out.*\ngive tiles of at least two scenes"
    ):
        rule_report(tiles[:1], learned)
    with pytest.raises(InputError, match="weights is 'best'"):
        rule_report(tiles, both[0], weights="best")
    assert "nothing could be held out" in score_table(learned)
    assert remarks(learned)[-1].splitlines()[1].startswith("give tiles of two scenes")


def test_remarks_name_classes_and_rules_that_say_nothing(tiles, rules):
    silent = replace(rules[0], right=replace(rules[0].right, value=0.5))
    few = [replace(t, truth=np.where(t.truth == 1, -1, t.truth)) for t in tiles[:2]]
    said = remarks(learn(few, (silent,)))
    assert "no pixel is truly Road" in said[0]
    assert "keep their weight: field-wide" in said[1]
    assert all(len(one.splitlines()) == 2 for one in said)
