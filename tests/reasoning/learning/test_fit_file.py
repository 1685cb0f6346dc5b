"""The learned file: it gives the same numbers and the same correction again, byte for byte."""

import pytest

from kg.errors import RuleError
from kg.legend import load_legend
from kg.ontology import load_ontology
from kg.rules import load_rules
from reasoning.correct import correct
from reasoning.learning.fit import Fit
from reasoning.learning.fit_file import fit_turtle, read_fit, write_learned
from reasoning.settings import CorrectSettings


@pytest.fixture(scope="module")
def path(learned, tmp_path_factory):
    return write_learned(learned, tmp_path_factory.mktemp("learned") / "learned.ttl")


def test_the_file_gives_the_same_numbers(learned, path):
    fit = read_fit([path])
    assert (fit.smoothness, fit.strengths) == (learned.fit.smoothness, learned.fit.strengths)
    assert fit.calibration.temperature == learned.calibration.temperature
    again = dict(zip(fit.calibration.classes, fit.calibration.bias, strict=True))
    assert again == dict(zip(learned.calibration.classes, learned.calibration.bias, strict=True))
    for one, other in zip(fit.axioms, learned.axioms, strict=True):
        assert (one.iri, one.left, one.right, one.weight, one.citation) == (
            other.iri, other.left, other.right, other.weight, other.citation,
        )  # fmt: skip


def test_the_file_gives_the_same_correction(learned, path, drawn_tiles):
    tile, base, runs = drawn_tiles[0], CorrectSettings(), []
    for fit in (learned.fit, read_fit([path])):
        runs.append(correct(tile.prediction, axioms=fit.axioms, settings=fit.settings(base)))
    first, again = runs
    assert first.after.probabilities.tobytes() == again.after.probabilities.tobytes()
    assert first.corrections == again.corrections
    assert first.changed.sum() > 100


def test_the_file_says_what_the_expert_said(learned, path):
    text = path.read_text()
    assert text.count("run#expertWeight> 1.0") == 3
    assert text.count("run#learnedWeight>") == 3 + 1
    assert "run#weightLow>" in text
    assert "Mean IoU of 4 held-out tiles of 4 scenes" in text
    assert "run#temperature>" in text
    assert path.read_text() == write_learned(learned, path).read_text()


def test_an_editor_may_save_it_again(learned, path, tmp_path):
    import rdflib

    graph = rdflib.Graph().parse(path, format="turtle")
    saved = tmp_path / "saved.owl"
    graph.serialize(saved, format="xml")
    fit, before = read_fit([saved]), read_fit([path])
    assert (fit.calibration, fit.smoothness) == (before.calibration, before.smoothness)
    assert [a.weight for a in fit.axioms] == [a.weight for a in before.axioms]


def test_strengths_of_layers_come_back(tmp_path, rules):
    fit = Fit(tuple(rules), None, {"osm": 0.5, "nlcd": 1.25}, 0.3)
    path = tmp_path / "a.ttl"
    path.write_text(fit_turtle(fit, load_ontology(), title="a"))
    again = read_fit([path])
    assert (again.strengths, again.calibration, again.smoothness) == (fit.strengths, None, 0.3)


def test_caution_comes_back(tmp_path, rules):
    fit = Fit(tuple(rules), None, {}, 0.3).cautious(0.75, load_legend("s2korea"))
    path = tmp_path / "a.ttl"
    path.write_text(fit_turtle(fit, load_ontology(), title="a"))
    again = read_fit([path]).calibration
    assert (again.caution, again.temperature) == (0.75, 1.0)
    assert dict(zip(again.classes, again.bias, strict=True)) == dict.fromkeys(again.classes, 0.0)


def test_plain_rules_hold_no_fit_and_damage_is_named(path, tmp_path):
    from kg.files import shipped

    water = shipped("ontologies/rules/water.ttl")
    assert read_fit([water]) is None
    both = read_fit([path, water])
    assert len(both.axioms) == 3 + len(load_rules([water]))
    with pytest.raises(RuleError, match=r"stand in .* and .*\ngive one learned file"):
        read_fit([path, path])
    broken = tmp_path / "broken.ttl"
    broken.write_text(
        path.read_text().replace("run#learnedSmoothness> 0", 'run#learnedSmoothness> "x" , 0')
    )
    with pytest.raises(RuleError, match=r"broken\.ttl: the learned numbers are damaged"):
        read_fit([broken])
