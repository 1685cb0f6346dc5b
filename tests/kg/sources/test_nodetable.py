import numpy as np
import pytest

from kg.sources import nodetable
from kg.sources.columns import Nodes, Strings, Tags
from kg.sources.nodetable import NodeTable

NONE = np.zeros(0, np.int64)


def nodes(ids: list[int], xy: list[tuple[int, int]]) -> Nodes:
    tags = Tags(Strings(b"", NONE.reshape(0, 2)), NONE, NONE, np.zeros(len(ids) + 1, np.int64))
    return Nodes(np.array(ids), tags, np.array(xy))


@pytest.mark.parametrize("near", [0, 100])
def test_nodes_are_found_in_any_order_and_after_more_have_come(monkeypatch, near):
    monkeypatch.setattr(nodetable, "_NEAR", near)  # a large table, a small one
    with NodeTable() as table:
        assert table.find(np.array([1]))[1].tolist() == [False]
        table.add(nodes([5, -2], [(50, 51), (-20, -21)]))
        places, known = table.find(np.array([-2, 3, 5, 9]))
        assert known.tolist() == [True, False, True, False]
        assert places[known].tolist() == [[-20, -21], [50, 51]]
        table.add(nodes([3, 2**40], [(30, 31), (1_800_000_000, 900_000_000)]))
        places, known = table.find(np.array([2**40, 3, 4]))
        assert known.tolist() == [True, True, False]
        assert places[:2].tolist() == [[1_800_000_000, 900_000_000], [30, 31]]


def test_nodes_that_are_not_on_earth_are_not_known():
    with NodeTable() as table:
        table.add(nodes([1, 2], [(1_800_000_001, 0), (0, 2**40)]))
        assert table.find(np.array([1, 2]))[1].tolist() == [False, False]
