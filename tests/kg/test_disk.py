"""Databases in folders: copies without some of their graphs."""

import pyoxigraph as ox
import pytest

from kg.disk import copy_without, size_of

SOME, MANY = ox.NamedNode("ex:some"), ox.NamedNode("ex:many")


def filled(folder=None):
    store = ox.Store() if folder is None else ox.Store(str(folder))
    for graph, count in ((SOME, 3), (MANY, 30), (ox.DefaultGraph(), 2)):
        lines = "".join(f"<ex:s> <ex:p> <ex:o{n}> .\n" for n in range(count))
        store.bulk_load(lines.encode(), ox.RdfFormat.N_TRIPLES, to_graph=graph)
    store.flush()
    return store


@pytest.mark.parametrize("most", [500_000, 1], ids=["sharing files", "copied"])
@pytest.mark.parametrize("gone", [(), (SOME,), (MANY,), (SOME, MANY)], ids=len)
def test_a_copy_on_disk_lacks_what_is_left_out(tmp_path, monkeypatch, gone, most):
    monkeypatch.setattr("kg.disk._MANY", most)
    store = filled(tmp_path / "one")
    copy = copy_without(store, gone, tmp_path / "two")
    expected = {SOME: 3, MANY: 30} | dict.fromkeys(gone, 0)
    assert {graph: size_of(copy, graph) for graph in expected} == expected
    assert len(copy) == sum(expected.values()) + 2
    assert set(copy.named_graphs()) == {SOME, MANY} - set(gone)


def test_a_copy_that_shares_files_is_a_database_of_its_own(tmp_path):
    store = filled(tmp_path / "one")
    copy = copy_without(store, (SOME,), tmp_path / "two")
    copy.add(ox.Quad(ox.NamedNode("ex:s"), ox.NamedNode("ex:p"), ox.NamedNode("ex:new"), SOME))
    copy.flush()
    assert size_of(store, SOME) == 3 and size_of(copy, SOME) == 1
    tables = [{one.name for one in (tmp_path / name).glob("*.sst")} for name in ("one", "two")]
    shared = tables[0] & tables[1]
    same = [(tmp_path / "one" / name).samefile(tmp_path / "two" / name) for name in shared]
    assert shared and all(same)


def test_a_copy_in_memory():
    copy = copy_without(filled(), (MANY,))
    assert len(copy) == 5 and size_of(copy, MANY) == 0
