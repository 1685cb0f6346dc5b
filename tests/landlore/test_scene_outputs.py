"""The tables of a scene run: likeliest classes with reasons, in two languages, and class names that nobody knows."""

import csv
import json

import numpy as np
import pytest

import fusion.classgraph
import landlore as ll
from kg.scenes import load_scenes, strength
from landlore.classified import ClassifySettings
from landlore.scenes import classify

SEEN = ("airport", "forest", "farmland", "parking", "mountain", "port")


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Images of the seen classes with labels, and of a desert without, as their statements are."""
    knowledge, rng = load_scenes(), np.random.default_rng(0)
    names = (*SEEN, "desert")
    said = [[(t, strength(t)) for t in knowledge.find(n).triples] for n in names]
    table = knowledge.attributes(said)
    images = np.repeat(table @ rng.normal(size=(table.shape[1], 32)), 3, axis=0)
    noisy = (images + 0.2 * images.std() * rng.normal(size=images.shape)).astype(np.float32)
    folder = tmp_path_factory.mktemp("tables")
    labels = np.repeat(np.arange(len(SEEN)), 3)
    np.savez(folder / "seen.npz", images=noisy[:-3], labels=labels, names=np.array(SEEN))
    np.savez(folder / "asked.npz", images=noisy[-3:])
    return folder / "asked.npz", str(folder / "seen.npz")


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("lang", "word"), [("en", "rather than"), ("zh", "判为")])
def test_the_likeliest_classes_come_with_a_sentence(files, tmp_path, lang, word):
    settings = ClassifySettings(blocks=("graded",), top=2, lang=lang)
    asked = ("沙漠", "river", "beach")
    done = classify(files[0], asked, seen=files[1], settings=settings, out=tmp_path / "run")
    rows = rows_of(tmp_path / "run" / "answers.csv")
    assert list(rows[0]) == ["item", "class 1", "probability 1", "class 2", "probability 2", "why"]
    for row, scores in zip(rows, done.scores.scores, strict=True):
        first, second = np.argsort(-scores, kind="stable")[:2]
        assert (row["class 1"], row["class 2"]) == (asked[first], asked[second])
        assert float(row["probability 1"]) == pytest.approx(scores[first], abs=1e-6)
        assert word in row["why"]
    assert "沙漠" in (tmp_path / "run" / "run.json").read_text(encoding="utf-8")


class Letters:
    """Sentence vectors that count letters."""

    def encode(self, texts):
        counts = np.array([[text.count(chr(c)) for c in range(97, 123)] for text in texts], float)
        return (counts / np.linalg.norm(counts, axis=1, keepdims=True)).astype(np.float32)


def test_a_class_name_that_nobody_knows_is_said_and_recorded(files, tmp_path, monkeypatch):
    monkeypatch.setattr(fusion.classgraph, "SentenceEncoder", Letters)
    told = []
    done = classify(
        files[0], ("dessert", "river"), seen=files[1], out=tmp_path / "run", progress=told.append
    )
    assert told[0].startswith("no concept is called 'dessert'")
    assert "did you mean 'desert'" in told[0]
    assert not any("river" in line for line in told)
    assert len(done.borrowed["dessert"]) == 3
    kept = json.loads((tmp_path / "run" / "run.json").read_text(encoding="utf-8"))
    assert kept["borrowed"] == {"dessert": list(done.borrowed["dessert"])}
    rows = ll.query(
        tmp_path / "run",
        "SELECT DISTINCT ?name { { ?a run:answerName 'dessert' ; run:answerLender ?lender } UNION"
        " { ?a run:rivalName 'dessert' ; run:rivalLender ?lender }"
        " ?lender skos:prefLabel ?name FILTER (LANG(?name) = 'en') }",
    ).rows
    assert {name.value for (name,) in rows} == set(done.borrowed["dessert"])


@pytest.mark.parametrize(("transductive", "seen"), [(True, False), (True, True), (False, False)])
def test_probabilities_that_were_not_rehearsed_are_said(files, tmp_path, transductive, seen):
    told, path, names = [], tmp_path / "texts.npz", ("desert", "river")
    texts = np.random.default_rng(0).normal(size=(2, 32)).astype(np.float32)
    np.savez(path, images=np.load(files[0])["images"], names=np.array(names), texts=texts)
    settings = ClassifySettings(blocks=("graded",), transductive=transductive)
    classify(path, names, seen=files[1] if seen else None, settings=settings, progress=told.append)
    assert any("not rehearsed" in line for line in told) == (transductive and not seen)
