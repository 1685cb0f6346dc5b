"""Class expressions as values: roles read backwards, counts, forms that mean the same."""

import pytest

from kg.expressions import (
    And,
    Count,
    Facet,
    Named,
    children,
    inverse,
    is_inverse,
    key,
    property_of,
    soften,
)

A, B = Named("http://x#A"), Named("http://x#B")


def test_a_role_read_backwards_twice_is_itself():
    role = "http://x#within"
    assert inverse(inverse(role)) == role
    assert is_inverse(inverse(role))
    assert not is_inverse(role)
    assert property_of(inverse(role)) == property_of(role) == role


@pytest.mark.parametrize(("low", "high"), [(1, 3), (2, 1), (-1, None)])
def test_a_count_is_min_max_or_exactly(low, high):
    with pytest.raises(ValueError, match="no min, max or exactly"):
        Count("http://x#r", low, high, A)


def test_counts_of_one_role_differ_by_their_bounds():
    counts = [Count("r", *b, A) for b in ((2, None), (0, 2), (2, 2), (0, 0), (0, None))]
    assert [c.word for c in counts] == ["min", "max", "exactly", "max", "min"]
    assert [c.number for c in counts] == [2, 2, 2, 0, 0]
    assert len({key(c) for c in counts}) == 5


def test_operands_of_a_filler_are_a_set():
    assert key(Count("r", 2, None, And((A, B)))) == key(Count("r", 2, None, And((B, A))))


def test_tolerance_reaches_inside_a_count():
    wide = Facet("p", ">=", 5.0)
    (inside,) = children(soften(Count("r", 2, None, wide), "p", 1.5))
    assert inside == Facet("p", ">=", 5.0, 1.5)
