from __future__ import annotations

import numpy as np

from fusion.metric import BETWEEN, SHRINK, Metric, learn_metric


def images(loud: float = 6.0):
    """Three classes apart in the first two directions; within each, the third direction varies most."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(3), 80)
    centres = np.array([[3.0, 0, 0, 9], [0, 3.0, 0, 9], [-3.0, 0, 0, 9]])
    noise = rng.normal(size=(len(labels), 4)) * [0.3, 0.3, loud, 0.3]
    points = centres[labels] + noise
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32), labels


def test_what_varies_within_classes_counts_for_less():
    points, labels = images()
    viewed = learn_metric(points, labels).view(points)
    np.testing.assert_allclose(np.linalg.norm(viewed, axis=1), 1)

    def ratio(rows):
        means = np.stack([rows[labels == c].mean(axis=0) for c in range(3)])
        return ((means - means.mean(axis=0)) ** 2).sum() / ((rows - means[labels]) ** 2).mean()

    assert ratio(viewed) > 1.05 * ratio(points)


def test_images_without_a_label_do_not_count():
    points, labels = images()
    strange = np.vstack([points, np.eye(4, dtype=np.float32)])
    more = np.concatenate([labels, np.full(4, -1)])
    np.testing.assert_array_equal(
        learn_metric(strange, more).view(points), learn_metric(points, labels).view(points)
    )


def test_one_image_a_class_teaches_no_view():
    points, labels = images()
    assert learn_metric(points[::80], labels[::80]) == Metric()
    np.testing.assert_allclose(Metric().view(points), points, atol=1e-6)


def test_fewer_images_than_dimensions_give_the_written_out_view():
    points, labels = images()
    wide = np.hstack([points, np.random.default_rng(1).normal(0, 0.1, (240, 20))])[::20]
    wide = (wide / np.linalg.norm(wide, axis=1, keepdims=True)).astype(np.float32)
    kinds, rows = labels[::20], wide.astype(np.float64)
    means = np.stack([rows[kinds == c].mean(axis=0) for c in range(3)])
    within = (rows - means[kinds]).T @ (rows - means[kinds]) / (len(rows) - 3)
    spread = means / np.linalg.norm(means, axis=1, keepdims=True)
    spread = spread - spread.mean(axis=0)
    scatter = within + BETWEEN / 3 * spread.T @ spread
    scatter /= np.trace(scatter) / scatter.shape[0]
    wanted = np.linalg.inv((1 - SHRINK) * scatter + SHRINK * np.eye(scatter.shape[0]))
    metric = learn_metric(wide, kinds)
    assert metric.axes.shape[1] < wide.shape[1]
    products = rows @ wanted @ rows.T
    lengths = np.sqrt(np.diag(products))
    np.testing.assert_allclose(
        metric.view(wide) @ metric.view(wide).T, products / np.outer(lengths, lengths), atol=1e-10
    )


def test_many_images_at_once_are_viewed_like_each_by_itself():
    points, labels = images()
    metric = learn_metric(points, labels)
    alone = np.vstack([metric.view(row[None]) for row in points])
    np.testing.assert_allclose(metric.view(points), alone, atol=1e-12)
