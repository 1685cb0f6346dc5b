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


def test_as_many_as_asked_for_nearest_first():
    (found,) = nearest(MADE, ["ll:Lake"], 5)
    assert [iri for iri, _ in found.near] == [IRIS[1], IRIS[2]]


def test_an_unknown_name_is_told_with_the_nearest():
    with pytest.raises(InputError, match="lake"):
        nearest(MADE, ["ll:Laek"])
