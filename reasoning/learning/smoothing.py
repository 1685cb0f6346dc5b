"""How strongly smoothness should act: held-out maps come in, a factor on the learned smoothness goes out.

Pseudo-likelihood asks which smoothness makes each true label likely beside its neighbours; which one makes the best
map is another question, as it is for every smoothing filter whose knob is tuned. So the learned smoothness is doubled
as long as held-out tiles gain from it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reasoning.learning.learned import Mapped

FACTORS = (2.0, 4.0, 8.0)
"""What is tried after 1, in turn."""


def choose_smoothing(mapped: Callable[[float], Sequence[Mapped]], margin: float) -> float:
    """The factor from which on held-out tiles gain no more.

    Args:
        mapped: Factor on the learned smoothness -> the held-out tiles, mapped; asked until the gain ends.
        margin: Mean IoU by which a factor must beat the one before.

    Returns:
        1, or the last of `FACTORS` that still gained.
    """
    best, score = 1.0, Mapped.together(mapped(1.0)).mean_iou
    for factor in FACTORS:
        found = Mapped.together(mapped(factor)).mean_iou
        if found < score + margin:
            break
        best, score = factor, found
    return best
