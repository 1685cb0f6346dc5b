"""An account for people: the feature that the sentence names stands first, and long lists are counted."""

import pytest

from landlore.ask import account_text
from reasoning.explanation.accounts import Account, Reason

OSM = "https://www.openstreetmap.org/way/"


def account(count, sentence="(+3.1; way/30, “road” and more)", sentence_zh="(+3.1;way/30“道路”等)"):
    """A correction for one reason with so many features, of which the sentence names way/30."""
    entities = tuple(f"{OSM}{n}" for n in (3, 300, 30, *range(31, 28 + count)))
    reason = Reason("evidence", "osm", "OpenStreetMap", "OpenStreetMap", 3.1, 1.0, entities)
    return Account(
        iri="c", index=0, region="r/0", before="b", after="a", labels=("b", "a"), labels_zh=("b", "a"),
        pixels=1, area=1.0, lon=0.0, lat=0.0, log_odds=3.1, confidence=0.9, sentence=sentence,
        sentence_zh=sentence_zh, reasons=(reason,), excluded_by=(),
    )  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_feature_that_the_sentence_names_comes_first(lang):
    lines = [line.strip() for line in account_text(account(3), lang).splitlines()[2:-1]]
    assert lines == [f"{OSM}30", f"{OSM}3", f"{OSM}300"]


@pytest.mark.parametrize(
    ("count", "lang", "rest"),
    [(4, "en", "and 1 more"), (7, "en", "and 4 more"), (8, "en", "and at least 5 more"), (8, "zh", "另有至少 5 处")],
)  # fmt: skip
def test_more_than_three_are_counted(count, lang, rest):
    lines = [line.strip() for line in account_text(account(count), lang).splitlines()[2:-1]]
    assert len(lines) == 4 and lines[0] == f"{OSM}30" and lines[-1] == rest
