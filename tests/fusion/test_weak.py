from __future__ import annotations

import numpy as np
import pytest
from affine import Affine
from three_classes import LEGEND

from fusion.weak import CellTargets, cell_targets, cell_trust
from kg import vocab
from kg.errors import LegendError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.legend import load_legend

GRID = Grid("EPSG:32632", Affine(10, 0, 500_000, 0, -10, 5_000_000), 8, 8)


def _layer(shares: list[list[float]], classes: tuple[str, ...]) -> EvidenceLayer:
    cell = np.zeros(GRID.shape, np.int32)
    rows = np.asarray(shares, np.float32)
    names = tuple(f"urn:cell/{i}" for i in range(len(rows)))
    return EvidenceLayer("p", vocab.PRODUCT_CELL, "urn:g", GRID, cell, rows, classes, names)


def test_own_classes_are_taken_as_they_are_whatever_their_order():
    targets = cell_targets(_layer([[0.2, 0.8], [1, 0]], ("urn:x/2", "urn:x/0")), LEGEND)
    assert targets.shares == pytest.approx(np.array([[0.8, 0, 0.2], [0, 0, 1]]), abs=1e-6)
    assert targets.same.all()
    assert not targets.majority


def test_one_class_per_cell_is_a_majority_product():
    assert cell_targets(_layer([[0, 1], [1, 0]], ("urn:x/2", "urn:x/0")), LEGEND).majority


def test_cells_without_shares_are_unusable():
    targets = cell_targets(_layer([[0.0, 0.0], [0.5, 0.5]], ("urn:x/0", "urn:x/1")), LEGEND)
    assert targets.usable.tolist() == [False, True]


def test_graded_classes_are_not_called_the_same():
    town = load_legend("town")
    water, built = vocab.LEGEND + "worldcover/80", vocab.LEGEND + "worldcover/50"
    targets = cell_targets(_layer([[1, 0], [0, 1]], (water, built)), town)
    assert targets.same.tolist() == [True, False]
    assert targets.shares.sum(axis=1) == pytest.approx([1, 1])
    assert (targets.shares[1] > 0).sum() > 1
    assert targets.majority


def test_a_product_that_says_nothing_is_an_error():
    with pytest.raises(LegendError, match="no class of p"):
        cell_targets(_layer([[0.0]], ("urn:x/0",)), LEGEND)


@pytest.mark.parametrize("majority", [False, True])
def test_trust_finds_false_cells(majority):
    rng = np.random.default_rng(0)
    means = rng.dirichlet(np.full(6, 0.15), 1500)
    shares = np.stack([rng.multinomial(40, m / m.sum()) / 40 for m in means * (1 - 1e-9)])
    if majority:
        shares = np.eye(6)[shares.argmax(axis=1)]
    false = rng.random(1500) < 0.15
    given = shares.copy()
    given[false] = shares[rng.integers(0, 1500, false.sum())]
    false &= np.abs(given - shares).sum(axis=1) > 0.1
    found = cell_trust(means, CellTargets(given, np.ones(1500, bool), majority))
    suspect = found.trust < 0.5
    assert (suspect & false).sum() / suspect.sum() >= 0.8
    assert (suspect & false).sum() / false.sum() >= 0.6
    assert found.noise == pytest.approx(false.mean(), abs=0.05)


def test_a_clean_product_is_trusted():
    means = np.random.default_rng(1).dirichlet(np.full(5, 0.2), 500)
    found = cell_trust(means, CellTargets(means, np.ones(500, bool), False))
    assert (found.trust > 0.5).mean() > 0.99
    assert found.noise < 0.02
