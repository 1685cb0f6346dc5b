"""Scenes from files to ranked classes, reasons and RDF: invented embeddings with a known answer."""

import json

import numpy as np
import pytest

import landlore as ll
from kg.errors import InputError, OutputError
from kg.scenes import load_scenes, strength
from landlore.classified import ClassifySettings
from landlore.scenes import classify

SEEN = ("airport", "beach", "forest", "farmland", "parking", "mountain", "port", "residential")
UNSEEN = ("desert", "river")
GRADED = ClassifySettings(blocks=("graded",))


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """Images look like a random projection of the attributes of their class: what a good backbone would do."""
    knowledge, rng = load_scenes(), np.random.default_rng(0)
    names = SEEN + UNSEEN
    stated = [[(t, strength(t)) for t in knowledge.find(name).triples] for name in names]
    table = knowledge.attributes(stated)
    prototypes = table @ rng.normal(size=(table.shape[1], 64))
    labels = np.repeat(np.arange(len(names)), 6)
    spread = 0.3 * prototypes.std() * rng.normal(size=(len(labels), 64))
    path = tmp_path_factory.mktemp("scenes") / "features.npz"
    np.savez(
        path,
        images=(prototypes[labels] + spread).astype(np.float32),
        labels=labels,
        names=np.array(names),
    )
    return path


def test_unseen_classes_are_recognised_by_their_attributes(features):
    done = classify(features, seen=SEEN, settings=GRADED)
    assert done.scores.classes == UNSEEN
    assert done.scores.unseen.all()
    assert done.accuracy >= 0.9
    assert np.allclose(done.scores.scores.sum(axis=1), 1, atol=1e-5)


def test_classes_of_a_data_set_are_candidates_and_spelt_as_in_the_file(features):
    settings = ClassifySettings(blocks=("graded",), classes="NWPU-RESISC45")
    done = classify(features, seen=[n for n in SEEN if n != "beach"], settings=settings)
    assert done.scores.classes == ("beach", "desert", "river")  # NWPU has no other of the file's
    assert done.knowledge.words("storage_tank") == "storage tank"
    named = features.parent / "named.npz"
    file = np.load(features)
    np.savez(named, images=file["images"], names=np.array(("salt pan", "quarry")))
    other = classify(named, seen=str(features), settings=settings).scores.classes
    assert other == load_scenes().of_list("nwpu").official  # not those of the file
    assert done.accuracy > 0.5  # seven seen classes are few, a third would be chance
    with pytest.raises(InputError, match="no class list 'nwpu45x'"):
        classify(features, seen=SEEN, settings=ClassifySettings(classes="nwpu45x"))


def test_reasons_add_up_and_name_statements(features):
    done = classify(features, seen=SEEN, settings=GRADED)
    for item, reason in enumerate(done.reasons):
        assert sum(p.contribution for p in reason.parts) == pytest.approx(reason.log_odds, abs=1e-4)
        best = done.scores.scores[item]
        assert reason.log_odds == pytest.approx(float(np.log(best.max() / best.min())), abs=1e-4)
    assert any(p.kind == "triple" for p in done.reasons[0].parts)


def test_outputs_can_be_queried(features, tmp_path):
    out = tmp_path / "scenes"
    done = classify(features, seen=SEEN, settings=GRADED, out=out)
    assert sorted(p.name for p in out.iterdir()) == [
        "answers.csv",
        "explanations.trig",
        "graph.trig",
        "run.json",
        "scores.csv",
    ]
    rows = ll.query(
        out, "SELECT ?item ?name { ?a a run:SceneAnswer ; run:item ?item ; run:answerName ?name }"
    ).rows
    winner = {
        i: done.scores.classes[k]
        for i, k in zip(done.scores.items, done.scores.scores.argmax(1), strict=True)
    }
    assert {str(item): str(name) for item, name in rows} == winner
    assert len(ll.query(out, "SELECT ?what { sc:River ?r ?n . ?n ll:value ?what }").rows) >= 6
    assert json.loads((out / "run.json").read_text())["accuracy"] == done.accuracy
    with pytest.raises(OutputError):
        classify(features, seen=SEEN, settings=GRADED, out=out)


def test_the_same_command_gives_the_same_bytes(features, tmp_path):
    for name in ("one", "two"):
        classify(features, seen=SEEN, settings=GRADED, out=tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(
    ("images", "labels", "seen", "part"),
    [
        ("features.npz", (), ("airport", "volcano"), "volcano"),
        ("none.npz", (), SEEN, "none.npz"),
        ("features.npz", ("desert", "desert"), SEEN, "desert"),
        ("photos", ("desert", "river"), None, "photos: no such file"),
    ],
)
def test_wrong_input_is_named(features, images, labels, seen, part):
    with pytest.raises(InputError, match=part):
        classify(features.parent / images, labels, seen=seen, settings=GRADED)


def test_seen_classes_may_be_asked_about_too(features):
    """Of classes that are both, every second image trains; no image does both."""
    done = classify(features, (*SEEN, *UNSEEN), seen=SEEN, settings=GRADED)
    assert len(done.scores.items) == 3 * len(SEEN) + 6 * len(UNSEEN)
    assert done.scores.unseen.tolist() == [False] * len(SEEN) + [True] * len(UNSEEN)
    assert done.accuracy > 0.85
    kinds = {part.kind for reason in done.reasons for part in reason.parts}
    assert "own images" in kinds


def test_none_of_these_is_said_kept_and_can_be_asked_for(features, tmp_path):
    asked = ("desert", "river", "forest", "port")
    seen = tuple(name for name in SEEN if name not in asked[2:])
    settings = ClassifySettings(blocks=("graded",), abstain=0.05)
    file = np.load(features)
    strange = (
        tmp_path / "strange.npz"
    )  # images of two classes; one of them is known, but not asked about
    rows = np.isin(file["labels"], [file["names"].tolist().index(n) for n in ("airport", "river")])
    np.savez(strange, images=file["images"][rows])
    taught = tmp_path / "taught.npz"
    known = np.isin(file["labels"], [file["names"].tolist().index(n) for n in seen])
    labels = np.array([seen.index(file["names"][c]) for c in file["labels"][known]])
    np.savez(taught, images=file["images"][known], labels=labels, names=np.array(seen))
    out = tmp_path / "scenes"
    done = classify(strange, asked, seen=taught, settings=settings, out=out)
    outside = np.array([reason.outside for reason in done.reasons])
    assert outside[:6].sum() >= 5 and outside[6:].sum() <= 1
    head, *lines = (out / "scores.csv").read_text().splitlines()
    assert head.endswith(",none of these")
    assert [line.rsplit(",", 1)[1] == "1" for line in lines] == outside.tolist()
    found = ll.query(out, "SELECT ?item { ?a run:noneOfThese true ; run:item ?item }").rows
    assert len(found) == outside.sum()
    with pytest.raises(InputError, match="not asked about"):
        classify(features, (*SEEN, *UNSEEN), seen=SEEN, settings=settings)
    with pytest.raises(InputError, match="right answers"):
        classify(features, seen=SEEN, settings=ClassifySettings(blocks=("graded",), abstain=1.5))


def asked_for(*words):
    from typer.testing import CliRunner

    from landlore.cli import app

    return CliRunner().invoke(app, ["classify", *words])


def test_how_many_are_none_of_these_is_printed_and_kept(features, tmp_path):
    seen = ",".join(n for n in SEEN if n not in ("port", "forest"))
    out = tmp_path / "out"
    words = [str(features), "--seen", seen, "-l", "desert", "-l", "river", "--blocks", "graded"]
    done = asked_for(*words, "--abstain", "0.05", "-o", str(out))
    kept = json.loads((out / "run.json").read_text())["none_of_these"]
    assert f"none of these: {kept} of 12 images" in done.output
    column = [line.rsplit(",", 1)[1] for line in (out / "scores.csv").read_text().splitlines()]
    assert column[1:].count("1") == kept


def test_names_without_a_text_vector_are_named(features, tmp_path):
    file = np.load(features)
    path = tmp_path / "texts.npz"
    texts = np.random.default_rng(0).normal(size=(len(SEEN + UNSEEN), 64)).astype(np.float32)
    np.savez(path, images=file["images"], names=file["names"], labels=file["labels"], texts=texts)
    with pytest.raises(
        InputError, match=r"no text vector of salt pan; .* airport, beach"
    ) as raised:
        classify(path, ("river", "salt pan"), settings=GRADED)
    assert "--seen" in raised.value.hint
    np.savez(path, images=file["images"], names=file["names"], texts=texts)  # nothing is labelled
    every = classify(path, settings=GRADED).scores
    two = classify(path, ("river", "beach"), settings=GRADED).scores
    columns = [every.classes.index(name) for name in two.classes]
    odds = np.log(every.scores[:, columns]) @ (1, -1)
    np.testing.assert_allclose(np.log(two.scores) @ (1, -1), odds, rtol=1e-3)


def test_several_class_lists_are_refused(features):
    done = asked_for(str(features), "--classes", "nwpu", "--classes", "eurosat")
    assert isinstance(done.exception, InputError)
    assert "nwpu, eurosat" in str(done.exception)


def test_after_looking_at_all_images_the_rival_means_something(features):
    """Classes that lost far behind are told apart, and the log-odds are those of the probabilities."""
    settings = ClassifySettings(blocks=("graded",), transductive=True)
    names = ("desert", "river", "port", "forest")
    done = classify(features, names, seen=[n for n in SEEN if n not in names], settings=settings)
    assert done.accuracy > 0.9
    for item, reason in enumerate(done.reasons):
        row = np.sort(done.scores.scores[item])[::-1].astype(np.float64)
        if row[1] > 1e-30:
            assert reason.log_odds == pytest.approx(np.log(row[0] / row[1]), rel=1e-2)
    assert len({round(reason.log_odds, 3) for reason in done.reasons}) > len(done.reasons) / 2
