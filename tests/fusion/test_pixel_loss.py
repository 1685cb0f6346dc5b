"""A loss from outside torch: its gradient is torch's, for any tensor of probabilities."""

import numpy as np
import pytest
import torch

from fusion.pixel_loss import pixel_loss


class Entropyish:
    """sum_i c[place_i] * p_i . p_i: quadratic, with another factor at each place."""

    def __init__(self, factor):
        self.factor = factor

    def forward(self, probabilities, pixels):
        self.last = probabilities, self.factor[pixels]
        return float((self.last[1] * (probabilities**2).sum(axis=1)).sum())

    def backward(self):
        p, c = self.last
        return 2 * c[:, None] * p


LOSS = Entropyish(np.linspace(0.5, 2.0, 12))
PIXELS = np.array([3, 0, 3, 11])


def test_gradcheck_passes():
    logits = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    logits.requires_grad_()
    assert torch.autograd.gradcheck(
        lambda z: pixel_loss(torch.softmax(z, dim=1), PIXELS, LOSS), (logits,)
    )


def test_any_float_type_keeps_its_type():
    p = torch.softmax(torch.randn(4, 3), dim=1).requires_grad_()
    value = pixel_loss(p, PIXELS, LOSS)
    (2 * value).backward()
    assert value.dtype == torch.float32 and value.ndim == 0
    expected = 2 * LOSS.factor[PIXELS][:, None] * p.detach().numpy() * 2
    assert p.grad.numpy() == pytest.approx(expected, rel=1e-6)


def test_places_must_match():
    with pytest.raises(ValueError, match="one place per pixel"):
        pixel_loss(torch.ones(3, 2), np.arange(2), LOSS)
