"""Landlore's own network: a weights file makes a backbone with seen classes, and training makes such a file."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from fusion.backbones.choice import open_backbone
from fusion.backbones.compact import FORMAT, STAGES, WIDTHS, CompactBackbone, network
from kg.errors import InputError

torch = pytest.importorskip("torch")
LENGTH = 3 * sum(WIDTHS[-STAGES:])
ROOT = Path(__file__).resolve().parents[3]


def write(path, form=FORMAT):
    from safetensors.torch import save_file

    torch.manual_seed(0)
    tensors = {
        f"network.{k}": v.half() if v.is_floating_point() else v
        for k, v in network().state_dict().items()
    }
    generator = torch.Generator().manual_seed(1)
    tensors |= {
        "mean": torch.zeros(LENGTH), "deviation": torch.full((LENGTH,), 0.5),
        "seen.vectors": torch.randn((6, LENGTH), generator=generator).half(),
        "seen.labels": torch.tensor([0, 0, 0, 1, 1, 1], dtype=torch.int16),
    }  # fmt: skip
    save_file(
        tensors, path, {"format": form, "record": json.dumps({"classes": ["forest", "beach"]})}
    )
    return path


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    return write(tmp_path_factory.mktemp("weights") / "compact.safetensors")


def test_a_weights_file_is_a_backbone(weights):
    backbone = open_backbone(weights)
    assert isinstance(backbone, CompactBackbone) and not backbone.reads_text
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 255, shape, dtype=np.uint8) for shape in ((64, 64, 3), (200, 150, 3))]
    vectors = backbone.images(images)
    assert vectors.shape == (2, LENGTH) and np.isfinite(vectors).all()
    np.testing.assert_allclose(backbone.images(images[1:])[0], vectors[1], rtol=1e-4, atol=1e-5)
    assert not np.allclose(vectors[0], vectors[1], atol=1e-3)


def test_it_carries_images_of_its_classes(weights):
    seen = CompactBackbone(weights).seen()
    assert seen.names == ("forest", "beach") and seen.labels.tolist() == [0, 0, 0, 1, 1, 1]
    np.testing.assert_allclose(np.linalg.norm(seen.vectors, axis=1), 1, atol=1e-5)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match="no weights of Landlore"):
        CompactBackbone(write(tmp_path / "other.safetensors", "something else"))
    with pytest.raises(InputError, match="no weights of Landlore"):
        CompactBackbone(tmp_path / "nowhere.safetensors")


@pytest.fixture
def training(monkeypatch):
    monkeypatch.syspath_prepend(ROOT / "training")
    for name in ("compact", "views", "probe"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    import compact

    monkeypatch.setattr(compact, "BATCH", 8)
    monkeypatch.setattr(compact, "SEEN_PER_CLASS", 3)
    monkeypatch.setattr(compact, "COARSE_SIDE", 32)
    return compact


def make_work(folder, training):
    """Views whose colour is their class, taught by a teacher that sees the colour."""
    rng = np.random.default_rng(0)
    names = (*training.EUROSAT, "beach", "bridge", "desert")
    (folder / "classes.json").write_text(json.dumps(names))
    for name, first, count, side in (("small", 0, 10, 32), ("large", 10, 3, 40)):
        labels = np.repeat(np.arange(count), 6)
        colour = rng.integers(30, 220, (len(names), 3))
        noise = rng.integers(-20, 20, (len(labels), side, side, 3))
        pixels = np.clip(colour[labels + first][:, None, None] + noise, 0, 255).astype(np.uint8)
        np.save(folder / f"{name}.npy", pixels)
        np.save(folder / f"{name}_labels.npy", labels)
        np.save(folder / f"{name}_teacher.npy", pixels.mean(axis=(1, 2)).astype(np.float16))
    return names


def test_training_learns_goes_on_and_exports(tmp_path, training):
    names = make_work(tmp_path, training)
    run = training.Training(tmp_path, names, seed=0)
    losses = [run.step(np.cos(0.01 * i), 32) for i in range(24)]
    assert np.mean(losses[-6:]) < 0.8 * np.mean(losses[:6])
    run.keep()
    again = training.Training(tmp_path, names, seed=0)
    assert again.steps == 24
    for a, b in zip(
        run.heads.state_dict().values(), again.heads.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b)
    options = type(
        "Options", (), {"work": tmp_path, "weights": tmp_path / "out" / "w.safetensors", "seed": 0}
    )
    training.export(options)
    backbone = CompactBackbone(options.weights)
    assert backbone.seen().names == names
    assert np.bincount(backbone.seen().labels).tolist() == [3] * len(names)
    assert options.weights.stat().st_size < 16 * 2**20


def test_the_weights_that_ship_know_sand():
    """Bright even sand, as plain as can be drawn, is nearer to deserts or beaches than to any other class."""
    from landlore.own_weights import default_weights

    backbone = open_backbone(default_weights())
    seen = backbone.seen()
    assert len(seen.names) == 22
    noise = np.random.default_rng(0).normal(0, 4, (224, 224, 3))
    sand = ([220, 190, 140] + noise).clip(0, 255).astype(np.uint8)
    near = seen.vectors @ backbone.images([sand])[0]
    means = [near[seen.labels == i].mean() for i in range(22)]
    assert seen.names[int(np.argmax(means))] in ("desert", "beach")
