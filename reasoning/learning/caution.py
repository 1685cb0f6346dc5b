"""How sure a change must be: a way of mapping and a ratio come in, the nats that hold a label as given go out.

Class weights buy rare classes with common ones: the mean IoU rises, and more pixels may be broken than fixed. Whoever
cannot have that asks for so many fixed pixels per broken one. The label as given then gets so many nats beside
(`Calibration.caution`), the fewest with which held-out tiles keep the ratio: a term like any other, that explanations
name and sums of contributions hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from reasoning.learning.learned import Mapped

NATS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
"""What is tried, in turn."""
HELD = ", a change outweighs {:g} nats"
"""End of the name of a way that is held."""


def choose_caution(
    mapped: Callable[[float], Sequence[Mapped]], ratio: float
) -> tuple[float, Sequence[Mapped]] | None:
    """The least caution with which held-out tiles have so many fixed pixels per broken one.

    Args:
        mapped: Caution in nats -> the held-out tiles, mapped.
        ratio: Least number of pixels put right per pixel put wrong.

    Returns:
        The caution and its maps; None where no caution is enough, or where so much is needed that nothing is fixed.
    """
    for nats in NATS:
        maps = mapped(nats)
        both = Mapped.together(maps)
        if both.fixed and both.fixed >= ratio * both.broken:
            return nats, maps
    return None
