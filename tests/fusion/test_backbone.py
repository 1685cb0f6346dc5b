from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from fusion.backbone import FeatureSet, read_features, same_backbone, save_features, unit_rows
from kg.errors import InputError

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"
RNG = np.random.default_rng(0)


def test_plain_layout(tmp_path):
    path = tmp_path / "f.npz"
    np.savez(path, features=RNG.normal(size=(4, 8)).astype(np.float16), items=["a", "b", "c", "d"])
    found = read_features(path)
    assert found.items == ("a", "b", "c", "d")
    assert found.labels is None
    assert found.vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(found.vectors, axis=1), 1, atol=1e-6)


def test_labels_names_and_texts(tmp_path):
    path = tmp_path / "f.npz"
    arrays = {"images": RNG.normal(size=(4, 8)), "labels": [1, 0, 1, 2], "names": ["x", "y", "z"]}
    np.savez(path, texts=RNG.normal(size=(5, 3, 8)), **arrays)
    found = read_features(path)
    assert found.names == ("x", "y", "z")
    assert found.texts.shape == (3, 8)
    some = found.only(["z", "y"])
    assert some.items == ("row0", "row2", "row3")
    assert some.labels.tolist() == [1, 1, 0]
    np.testing.assert_array_equal(some.texts, found.texts[[2, 1]])


def test_labels_may_be_words(tmp_path):
    path = tmp_path / "f.npz"
    np.savez(path, embeddings=RNG.normal(size=(3, 8)), labels=["lake", "beach", "lake"])
    found = read_features(path)
    assert found.names == ("beach", "lake")
    assert found.labels.tolist() == [1, 0, 1]


def test_several_backbones_in_one_file_must_be_told_apart(tmp_path):
    path = tmp_path / "f.npz"
    np.savez(path, A_images=RNG.normal(size=(3, 8)), B_images=RNG.normal(size=(3, 6)))
    assert read_features(path, model="B").vectors.shape == (3, 6)
    for model in (None, "C"):
        with pytest.raises(InputError, match="holds features of A, B"):
            read_features(path, model=model)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pixels": np.ones((3, 8))}, "no image vectors; found arrays pixels"),
        ({"images": np.ones(8)}, "expected \\(image, dimension\\)"),
        ({"images": np.array([[1.0, 2.0], [np.nan, 1.0]])}, "first in row 1"),
        ({"images": np.zeros((2, 2))}, "2 of 2 vectors are zero"),
        ({"images": np.ones((3, 8)), "labels": [0, 1]}, "labels of shape"),
        ({"images": np.ones((3, 8)), "labels": [0, 1, 5], "names": ["a", "b"]}, "label 5 but 2"),
        (
            {"images": np.ones((3, 8)), "names": ["a"], "texts": np.ones((2, 8))},
            "text vectors of shape",
        ),
        ({"images": np.ones((3, 8)), "items": ["a"]}, "3 vectors but 1 names"),
    ],
)
def test_other_layouts_are_refused(tmp_path, arrays, message):
    path = tmp_path / "f.npz"
    np.savez(path, **arrays)
    with pytest.raises(InputError, match=message):
        read_features(path)


def test_files_that_are_no_features_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"not a readable \.npz"):
        read_features(tmp_path / "none.npz")
    (tmp_path / "text.npz").write_text("hello", encoding="utf-8")
    with pytest.raises(InputError, match=r"not a readable \.npz"):
        read_features(tmp_path / "text.npz")
    with pytest.raises(InputError, match="no class called moor"):
        np.savez(tmp_path / "f.npz", images=np.ones((1, 2)), labels=["lake"])
        read_features(tmp_path / "f.npz").only(["moor"])


def test_features_that_were_saved_come_back_and_bytes_do_not_change(tmp_path):
    made = FeatureSet(
        ("a", "b"),
        unit_rows(RNG.normal(size=(2, 8)), "x"),
        "clip",
        np.array([1, 0]),
        ("x", "y"),
        made_by='{"k":1}',
    )
    for name in ("1.npz", "2.npz"):
        save_features(made, tmp_path / name)
    assert (tmp_path / "1.npz").read_bytes() == (tmp_path / "2.npz").read_bytes()
    found = read_features(tmp_path / "1.npz")
    assert (found.items, found.names, found.model, found.made_by) == (
        made.items, made.names, "clip", made.made_by,
    )  # fmt: skip
    np.testing.assert_allclose(found.vectors, made.vectors, atol=1e-7)


def test_vectors_of_different_backbones_do_not_meet():
    one, other, unknown = (
        FeatureSet(("a",), np.ones((1, 1), np.float32), "m", made_by=by)
        for by in ('{"weights":"1","crop":224}', '{"weights":"2","crop":224}', "")
    )
    same_backbone(one, one)
    same_backbone(one, unknown)
    with pytest.raises(InputError, match=r"made differently \(weights\)"):
        same_backbone(one, other)


def test_whu_rs19_file_reads_and_text_alone_scores_as_published():
    path = DATA / "features" / "whu_rs19_vlm_b32_fp16.npz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    for model, expected in (
        ("CLIP", 0.813),
        ("RemoteCLIP", 0.952),
        ("GeoRSCLIP", 0.888),
        ("SkyCLIP50", 0.910),
    ):
        found = read_features(path, model=f"{model}_ViT-B-32")
        assert found.vectors.shape == (1005, 512)
        accuracy = ((found.vectors @ found.texts.T).argmax(axis=1) == found.labels).mean()
        assert accuracy == pytest.approx(expected, abs=0.001)
