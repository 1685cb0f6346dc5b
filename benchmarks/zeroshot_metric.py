"""Zero-shot scenes: what the metric of the seen classes is worth, by its two numbers.

    python benchmarks/zeroshot_metric.py [--data ../shared/data] [--features FILE.npz ...] [--draws 60]

Data, draws and class vectors (text + graded) as in benchmarks/zeroshot_ablation.py; inductive accuracy in percent, and
its difference to image vectors as they are, with its standard error over draws (too small, draws overlap). "sphere":
share of a sphere in the covariance; "between": weight of the scatter of class means. The last row is the default.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from zeroshot import MODELS
from zeroshot_ablation import accuracies

from fusion import metric
from fusion.backbone import FeatureSet, read_features
from fusion.classgraph import class_vectors
from fusion.splits import Splits, draw_splits, read_splits
from kg.files import shipped
from kg.scenes import load_scenes

SETTINGS = (
    (1.0, 0.0), (0.98, 0.0), (0.95, 0.0), (0.9, 0.0), (0.8, 0.0), (0.6, 0.0), (metric.SHRINK, metric.BETWEEN)
)  # fmt: skip


def table(sets: list[FeatureSet], splits: Splits, draws: int) -> None:
    """Print one line a setting."""
    vectors, base = class_vectors(splits.classes, load_scenes()), None
    for metric.SHRINK, metric.BETWEEN in SETTINGS:
        metric._learned.cache_clear()
        values = np.array([accuracies(one, [vectors], splits, draws)[0] for one in sets])
        mean = values.mean(axis=0)
        base = mean if base is None else base
        error = (mean - base).std(ddof=1) / draws**0.5
        cells = " ".join(f"{v:6.1f}" for v in values.mean(axis=1))
        print(f"sphere {metric.SHRINK:.2f} between {metric.BETWEEN:.1f}  {cells} | mean {mean.mean():5.1f}"
              f"  {(mean - base).mean():+5.1f} (se {error:.1f})", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--draws", type=int, default=60)
    parser.add_argument("--features", type=Path, nargs="*", default=[])
    parser.add_argument(
        "--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data"
    )
    given = parser.parse_args()
    if not given.features:
        path = given.data / "features" / "whu_rs19_vlm_b32_fp16.npz"
        sets = [read_features(path, model=f"{m}_ViT-B-32") for m in MODELS]
        print(f"WHU-RS19, 14 seen / 5 unseen, {given.draws} draws: {', '.join(MODELS)}")
        table(sets, read_splits(shipped("data/splits/whu_rs19_14_5.json")), given.draws)
    for path in given.features:
        images, unseen = read_features(path), len(read_features(path).names) // 3
        splits = draw_splits(path.stem, images.names, unseen=unseen, draws=given.draws, seed=19)
        print(
            f"{path.stem}, {len(images.names) - unseen} seen / {unseen} unseen, {given.draws} draws"
        )
        table([images], splits, given.draws)


if __name__ == "__main__":
    main()
