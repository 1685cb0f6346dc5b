"""Rules as a loss: gradcheck through torch, and a network that learns to keep them."""

import numpy as np
import pytest
import torch
from affine import Affine
from scipy.ndimage import gaussian_filter

from fusion.pixel_loss import pixel_loss
from fusion.prediction import Prediction
from kg import vocab
from kg.errors import InputError
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import Axiom, Facet, Named, Some
from landlore.knowledge_loss import knowledge_loss
from reasoning.correct import terms_of

LEGEND = load_legend("town")
K, LL = len(LEGEND.classes), vocab.CORE
WATER = 0
GRID = Grid("EPSG:32633", Affine(10, 0, 500000, 0, -10, 5300000), 20, 24)


def axiom(name, left, right, weight):
    return Axiom(vocab.RULE + name, name, name, left, right, weight, False, "a test", "test.ttl")


NARROW = axiom("water-min-width", Named(LL + "Water"), Facet(LL + "minWidth", ">=", 500), 2.0)
BESIDE = axiom("b", Named(LL + "BeachSand"), Some(LL + "adjacentTo", Named(LL + "Water")), 1.5)


@pytest.fixture(scope="module")
def terms():
    rng = np.random.default_rng(2)
    fields = np.stack([gaussian_filter(rng.normal(size=GRID.shape), 2) for _ in range(K)])
    p = np.exp(4 * fields / fields.std())
    p /= p.sum(axis=0)
    p[:, :2, :2] = 0
    before = Prediction(p.astype(np.float32), LEGEND, GRID, "drawn")
    found, _, idle = terms_of(before, axioms=[NARROW, BESIDE])
    assert not idle
    return found


def test_gradcheck_passes_through_regions_and_their_neighbours(terms):
    loss = knowledge_loss(terms, 0.7)
    pixels = np.random.default_rng(3).integers(0, GRID.height * GRID.width, 40)
    pixels[:3] = 0, pixels[5], pixels[6]  # a place without prediction, and places that come twice
    logits = torch.randn(40, K, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    logits.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: pixel_loss(torch.softmax(z, dim=1), pixels, loss), (logits,)
    )
    p = torch.softmax(logits, dim=1).detach().numpy()
    assert loss.forward(p, pixels) > 0 and not loss.backward()[0].any()


def test_the_whole_map_at_once_is_what_inference_pays(terms):
    """With every pixel in the batch the loss is the rules' part of the free energy, per pixel."""
    loss, label = knowledge_loss(terms, 1.0), terms.regions.label
    pixels = np.flatnonzero(label.ravel() >= 0)
    p = terms.before.probabilities.reshape(K, -1).T[pixels].astype(np.float64)
    count = np.concatenate([terms.regions.count, np.zeros(len(terms.repeated))])
    paid = sum(w * float(count @ one.penalty(loss.means)) for one, w in terms.axioms())
    assert loss.forward(p, pixels) == pytest.approx(paid / len(pixels), rel=1e-5)


def test_descending_it_teaches_the_rule(terms):
    loss = knowledge_loss(terms, 1.0)
    pixels = np.flatnonzero(terms.regions.label.ravel() >= 0)
    start = terms.before.probabilities.reshape(K, -1).T[pixels]
    logits = torch.log(torch.from_numpy(start).double().clamp_min(1e-4)).requires_grad_()
    optimiser = torch.optim.Adam([logits], lr=0.1)
    values = []
    for _ in range(60):
        optimiser.zero_grad()
        value = pixel_loss(torch.softmax(logits, dim=1), pixels, loss)
        value.backward()
        optimiser.step()
        values.append(value.item())
    water = torch.softmax(logits, dim=1).detach().numpy()[:, WATER].mean()
    assert values[-1] < 0.2 * values[0] and water < 0.3 * start[:, WATER].mean()


def test_losses_that_cannot_be(terms):
    with pytest.raises(InputError, match="weight -1"):
        knowledge_loss(terms, -1)
    empty, _, _ = terms_of(terms.before, axioms=[])
    with pytest.raises(InputError, match="no rule can act"):
        knowledge_loss(empty, 1.0)
