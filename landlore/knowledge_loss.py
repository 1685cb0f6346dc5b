"""Rules as a teacher: the compiled rules of a run come in, a loss on pixel probabilities with its gradient goes out.

Regions and facts are frozen: those of a first map. In each batch the marginals of a region are the mean of its pixels
there; of regions without a pixel in the batch, what the first map said. With b_r pixels of region r in a batch of n,

    loss = weight / n * sum_a w_a * sum_r b_r * penalty_a(r)

so that a pixel is told as much per nat as in inference. `fusion.pixel_loss` carries it through torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError
from reasoning.inference.region_terms import Penalty
from reasoning.regions.graph import region_means
from reasoning.terms import Terms

Floats = NDArray[np.float64]


@dataclass(eq=False)
class KnowledgeLoss:
    """A `fusion.settings.PixelLoss` made of rules.

    Attributes:
        axioms: (weight, compiled axiom) pairs.
        region: (place,) region of each pixel of the image, row by row, -1 for none.
        means: (region + fixed, class) marginals of regions that a batch does not touch.
        weight: Of the whole loss.
    """

    axioms: tuple[tuple[float, Penalty], ...]
    region: NDArray[np.int32]
    means: Floats
    weight: float
    _gradient: Floats = field(default_factory=lambda: np.zeros((0, 0)), repr=False)

    def forward(self, probabilities: Floats, pixels: NDArray[np.int64]) -> float:
        """The loss of a batch.

        Args:
            probabilities: (pixel, class) float64.
            pixels: (pixel,) place of each row, row * width + column.
        """
        region = self.region[pixels]
        inside = region >= 0
        rows, p = region[inside], probabilities[inside]
        count = np.bincount(rows, minlength=len(self.means)).astype(np.float64)
        here = count > 0
        sums = np.stack([np.bincount(rows, column, len(count)) for column in p.T], axis=1)
        means = np.where(here[:, None], sums / np.maximum(count, 1)[:, None], self.means)
        scale = self.weight / max(len(pixels), 1)
        value, pulled = 0.0, np.zeros_like(means)
        for weight, axiom in self.axioms:
            value += weight * float(count @ axiom.penalty(means))
            pulled += weight * axiom.gradient(means, count)
        self._gradient = np.zeros(probabilities.shape)
        self._gradient[inside] = scale * pulled[rows] / count[rows][:, None]
        return scale * value

    def backward(self) -> Floats:
        """(pixel, class) gradient of the last `forward`."""
        return self._gradient


def knowledge_loss(terms: Terms, weight: float) -> KnowledgeLoss:
    """The rules of a run as a loss.

    Args:
        terms: Of a first map (`reasoning.correct.terms_of`): its regions, facts and compiled rules.
        weight: Of the whole loss.

    Returns:
        The loss; hard rules about a single region are no part of it (they take classes away after training).

    Raises:
        InputError: A weight below 0, or no rule that can act.
    """
    if not 0 < weight < np.inf:
        raise InputError(
            f"knowledge loss of weight {weight}, expected more than 0", "for example 0.1"
        )
    axioms = tuple((value, one) for one, value in terms.axioms() if value > 0)
    if not axioms:
        raise InputError(
            "knowledge loss: no rule can act on this map", "give rules, or leave the loss out"
        )
    label, n = terms.regions.label, len(terms.regions)
    own = np.stack([region_means(label, n, plane) for plane in terms.before.probabilities], axis=1)
    means = np.concatenate([own, terms.fixed()])
    return KnowledgeLoss(axioms, label.ravel(), means, weight)
