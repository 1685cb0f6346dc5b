"""Losses from outside torch: an object with `forward` and `backward` comes in, a differentiable torch scalar goes out.

Anything that can say how bad probabilities are, and in which direction they become better, can teach a network: logic
compiled to penalties, for example. This module knows numpy arrays and torch tensors, nothing of what the loss means.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from fusion.settings import PixelLoss


class _Carried(torch.autograd.Function):
    """Carries a `PixelLoss` through torch: its value forwards, its own gradient backwards."""

    @staticmethod
    def forward(ctx: Any, probabilities: Any, loss: PixelLoss, pixels: NDArray[np.int64]) -> Any:
        """The value of the loss; its gradient is kept."""
        value = loss.forward(probabilities.detach().cpu().double().numpy(), pixels)
        gradient = np.ascontiguousarray(loss.backward())
        ctx.save_for_backward(torch.from_numpy(gradient).to(probabilities))
        return probabilities.new_tensor(value)

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> Any:
        """The gradient that was kept."""
        (gradient,) = ctx.saved_tensors
        return outer[0] * gradient, None, None


def pixel_loss(probabilities: Any, pixels: NDArray[np.int64], loss: PixelLoss) -> Any:
    """The loss of some pixels as a torch scalar that can be differentiated.

    Args:
        probabilities: (pixel, label) torch tensor of any float type on any device; rows sum to 1. The output of
            `softmax` of any network.
        pixels: (pixel,) place of each row in the image, row * width + column; one may come twice.
        loss: Computed in float64 on the processor.

    Returns:
        A scalar of the type and on the device of `probabilities`.

    Raises:
        ValueError: Not one place per row.
    """
    if probabilities.ndim != 2 or len(pixels) != len(probabilities):
        raise ValueError(
            f"probabilities {tuple(probabilities.shape)} with {len(pixels)} places; expected (pixel, label) and one "
            "place per pixel"
        )
    return _Carried.apply(probabilities, loss, pixels)  # type: ignore[no-untyped-call]
