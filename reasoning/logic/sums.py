"""Many graded truths come in, few with the same weighted sum go out: those that look along the same links become one.

A rule for each pair of classes asks "amid some Water" as often as there are classes; its chances and slopes are the
same for all of them, so only the coefficients of the states have to be added up. Exact: sums change their order alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from reasoning.logic.blocks import Block
from reasoning.logic.truth import Form, Link

States = tuple[int, ...]


def merged(weighted: Iterable[tuple[float, Form]]) -> list[tuple[float, Form]]:
    """Add up forms that have the same links.

    Args:
        weighted: (weight, form) pairs over the same regions.

    Returns:
        (1.0, form) pairs in the order in which their links first came; the weighted sum of values and slopes is that
        of what came in.
    """
    found: dict[object, tuple[tuple[Link, ...], list[tuple[float, States, Block]]]] = {}
    for weight, form in weighted:
        same = tuple(_sign(link) for link in form.links)
        _, terms = found.setdefault(same, (form.links, []))
        terms += [(weight, states, block) for states, block in form.blocks]
    return [(1.0, Form(links, _added(terms))) for links, terms in found.values()]


def _added(terms: list[tuple[float, States, Block]]) -> tuple[tuple[States, Block], ...]:
    """Blocks of each state, those of the same factor per region as one."""
    rows: dict[object, Block] = {}
    own: list[tuple[States, Block]] = []
    where: dict[object, States] = {}
    for weight, states, block in terms:
        scaled = Block(weight * block.row, block.column, block.full)
        if block.full is not None:
            own.append((states, scaled))
            continue
        place = states, len(block.row), _content(block.column)
        where[place] = states
        known = rows.get(place)
        rows[place] = scaled if known is None else Block(known.row + scaled.row, block.column)
    return (*((where[place], block) for place, block in rows.items()), *own)


def _sign(link: Link) -> object:
    """Equal for links that have the same chances."""
    origin = None if link.origin is None else id(link.origin)
    inner = tuple(_sign(one) for one in link.filler.links)
    blocks = tuple(
        (
            states,
            block.row.tobytes(),
            _content(block.column),
            None if block.full is None else id(block.full),
        )
        for states, block in link.filler.blocks
    )
    return id(link.matrix.data), origin, link.at_least, inner, blocks


def _content(column: np.ndarray) -> object:
    return column.tobytes() if len(column) == 1 else id(column)
