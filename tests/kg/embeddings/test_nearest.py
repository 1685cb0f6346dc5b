import numpy as np
import pytest

from kg import vocab
from kg.embedding import KGEmbedding
from kg.embeddings.nearest import nearest
from kg.errors import InputError

IRIS = tuple(sorted(vocab.CORE + name for name in ("Lake", "Pond", "Road")))
MADE = KGEmbedding(
    IRIS, (), np.array([[1, 0], [1, 0.1], [-1, 0]], np.float32), np.zeros((0, 2), np.float32), {}, "", "TransE", 0
)  # fmt: skip


@pytest.mark.parametrize("name", [IRIS[0], "ll:Lake", "lake", "open water"])
def test_names_of_all_kinds_are_understood(name):
    (found,) = nearest(MADE, [name], 1, words={IRIS[0]: "open water: a lake"})
    assert found.entity == IRIS[0]
    assert found.near[0][0] == IRIS[1]
    assert found.near[0][1] == pytest.approx(1 / 1.01**0.5, abs=1e-6)


@pytest.mark.parametrize("best", [vocab.CORE + "Wood", vocab.SCENE + "Wood", f"{vocab.LEGEND}w/10"])
def test_of_one_name_a_core_class_comes_before_a_scene_and_this_before_a_legend(best):
    others = {f"{vocab.LEGEND}w/10", f"{vocab.LEGEND}w/9", "a:wood", "z:wood"}
    others -= {f"{vocab.LEGEND}w/9"} if best.startswith(vocab.LEGEND) else set()
    others |= {vocab.SCENE + "Wood"} if best.startswith(vocab.CORE) else set()
    iris = tuple(sorted({best} | others))
    rows = np.eye(len(iris), dtype=np.float32)
    made = KGEmbedding(iris, (), rows, rows[:0], {}, "", "TransE", 0)
    (found,) = nearest(made, ["tree cover"], 1, words={iri: "tree cover: wood" for iri in iris})
    assert found.entity == best


def test_as_many_as_asked_for_nearest_first():
    (found,) = nearest(MADE, ["ll:Lake"], 5)
    assert [iri for iri, _ in found.near] == [IRIS[1], IRIS[2]]


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(InputError, match="lake"):
        nearest(MADE, ["ll:Laek"])
