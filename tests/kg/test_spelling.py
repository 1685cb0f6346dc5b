"""Names that are offered for a misspelt one are near it; where nothing is near, nothing is offered."""

import pytest

from kg.errors import LegendError
from kg.legend import legend_names, load_legend
from kg.spelling import meant, near_names


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("worldcovr", "worldcover"),
        ("World_Cover", "worldcover"),
        ("esaworldcover", "worldcover"),
        ("corin", "corine"),
        ("modis", "modis_igbp"),
        ("nlc", "nlcd"),
        ("globeland", "globeland30"),
    ],
)
def test_a_misspelt_legend_names_the_one_that_was_meant(word, near):
    with pytest.raises(LegendError) as wrong:
        load_legend(word)
    assert wrong.value.hint.startswith(f"did you mean {near!r}"), wrong.value.hint


@pytest.mark.parametrize("word", ["mymap", "map", "town2town", "", "x", "zebra"])
def test_what_is_like_nothing_gets_no_guess(word):
    assert near_names(word, legend_names()) == []
    with pytest.raises(LegendError) as wrong:
        load_legend(word)
    assert "did you mean" not in wrong.value.hint and ".ttl" in wrong.value.hint


def test_a_misspelt_list_of_codes_is_told():
    with pytest.raises(LegendError) as wrong:
        load_legend("corine:levl1")
    assert wrong.value.hint == "did you mean 'level1'?"


def test_as_many_as_asked_for_the_nearest_first():
    known = ["water-min-width", "water", "smoothness"]
    assert near_names("water-min-widht", known, 2) == ["water-min-width"]
    assert near_names("Water", known, 2) == ["water", "water-min-width"]
    assert meant("grass", known) == ""
