from importlib.util import find_spec

import numpy as np
import pytest

from kg.embeddings.decoders import link_scores
from kg.embeddings.indexed import index_triples
from kg.triples import Triple

pytestmark = pytest.mark.skipif(find_spec("pykeen") is None, reason="needs the vision extra")
TRIPLES = [Triple(f"e{i}", f"r{i % 2}", f"e{(3 * i + 1) % 9}", 1.0) for i in range(9)]


@pytest.mark.parametrize(
    "name", ["TransE", "RotatE", "ComplEx", "DistMult", "DistMultLiteral", "CompGCN"]
)
def test_scores_are_those_of_pykeen(name):
    import torch

    from kg.embeddings.pykeen_models import pykeen_model, quiet_pykeen

    graph = index_triples(TRIPLES)
    wrapped = pykeen_model(name, graph, 6, 0, np.ones((9, 2), np.float32)).eval()
    with torch.no_grad(), quiet_pykeen():
        if (
            name == "RotatE"
        ):  # PyKEEN keeps relations at length 1 after each step, we in each question
            table = wrapped.model.relation_representations[0]._embeddings.weight
            table.copy_(
                torch.view_as_real(torch.polar(torch.ones(2, 6), torch.rand(2, 6))).reshape(2, -1)
            )
        vectors, relations = (t.numpy() for t in wrapped.tables())
        heads, tails = link_scores(wrapped.decoder, vectors, relations)(graph.ids)
        ids = torch.from_numpy(graph.ids)
        wanted = [wrapped.model.predict_h(ids[:, 1:]), wrapped.model.predict_t(ids[:, :2])]
    if name == "CompGCN":  # asks for heads by the inverse relation, which is another question
        np.testing.assert_allclose(tails, wanted[1].numpy(), atol=1e-5)
        return
    np.testing.assert_allclose(heads, wanted[0].numpy(), atol=1e-5)
    np.testing.assert_allclose(tails, wanted[1].numpy(), atol=1e-5)
