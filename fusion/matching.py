"""Groups of images and what classes should look like come in; which group is which class goes out, for all at once.

Looking at all images together finds groups well and names them badly: two groups may carry each other's name, and each
image by itself hardly tells. The groups' means tell it together, because the prediction says more than where a class
lies: predicted prototypes of related classes err alike, so how groups lie to each other counts too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_F64 = NDArray[np.float64]
Ints = NDArray[np.int64]


def match_groups(means: _F64, predicted: _F64, covariance: _F64) -> Ints:
    """The naming of groups under which they are most probable, by swaps of two names from the present naming on.

    Args:
        means: (class, dimension) mean image of each group, in the order of the names they have now.
        predicted: (class, dimension) what the classes should look like.
        covariance: (class, class) of the prediction's error, the same in each dimension; positive definite.

    Returns:
        (class,) the group of each class: a permutation. The density of a normal distribution around `predicted` never
        falls with a swap; the best of all namings is not promised (the problem is a quadratic assignment).
    """
    precision: _F64 = np.linalg.inv(covariance).astype(np.float64)
    order = np.arange(len(means))
    for _ in range(len(means)):  # each swap lowers the cost; more than this many were never seen
        gain = _gains(precision, means[order], predicted)
        first, second = np.unravel_index(int(np.argmin(gain)), gain.shape)
        if gain[first, second] >= -1e-9:
            break
        order[[first, second]] = order[[second, first]]
    return order


def _gains(precision: _F64, means: _F64, predicted: _F64) -> _F64:
    """(class, class) by how much the cost changes when two classes swap their groups.

    The cost is tr(P (M - F)(M - F)') for precision P, means M and prediction F. A swap adds d = m_b - m_a to row a and
    takes it from row b: with e = e_a - e_b the change is 2 e'P(M - F)d + (e'P e)(d'd).
    """
    pull = precision @ (means - predicted) @ means.T  # (class, group)
    own = np.diag(pull)
    squared = (means**2).sum(axis=1)
    apart = squared[:, None] + squared - 2 * means @ means.T
    stiff = np.diag(precision)[:, None] + np.diag(precision) - 2 * precision
    gains: _F64 = 2 * (pull + pull.T - own[:, None] - own) + stiff * apart
    return gains
