"""Numbers and nouns agree."""

import pytest

from kg.counted import counted


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (0, "fault", "0 faults"),
        (1, "fault", "1 fault"),
        (1_000_000, "pixel", "1,000,000 pixels"),
        (1, "class", "1 class"),
        (2, "class", "2 classes"),
        (2, "property", "2 properties"),
        (2, "day", "2 days"),
        (3, "labelled tile", "3 labelled tiles"),
    ],
)
def test_one_is_singular_and_the_rest_plural(number, noun, said):
    assert counted(number, noun) == said


def test_a_plural_of_its_own_can_be_given():
    assert (counted(1, "index", "indices"), counted(2, "index", "indices")) == (
        "1 index",
        "2 indices",
    )
