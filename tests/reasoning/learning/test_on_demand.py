"""Items on demand: made when asked for, and no more of them kept than there is room for."""

import pytest

from reasoning.learning.on_demand import OnDemand, only


def test_the_first_items_are_kept_and_others_made_again():
    made = []

    def make(i):
        made.append(i)
        return i * 10

    items = OnDemand(make, 4, size=lambda _: 2.0, room=5.0)
    assert (list(items), list(items)) == ([0, 10, 20, 30], [0, 10, 20, 30])
    assert made == [0, 1, 2, 3, 2, 3]
    assert items[-1] == 30
    assert items[1:3] == [10, 20]
    with pytest.raises(IndexError):
        items[4]


def test_some_items_are_made_when_asked_for():
    made = []
    some = only(OnDemand(lambda i: made.append(i) or i, 5), [3, 1])
    assert len(some) == 2
    assert made == []
    assert list(some) == [3, 1]
