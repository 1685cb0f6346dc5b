import pytest

from kg import vocab
from reasoning.explanation.reasons import reason_at, reason_number, reason_of

RUN = vocab.ID + "run/small"


def centre(handmade, row, col):
    lon, lat = handmade.before.grid.lonlat(row + 0.5, col + 0.5)
    return float(lon), float(lat)


def test_reason_at_a_changed_pixel(handmade_graph, handmade):
    (found,) = reason_at(handmade_graph, *centre(handmade, 4, 4))
    correction = handmade.corrections[0]
    assert found.iri == f"{RUN}/correction/0"
    assert found.labels == ("Water", "Building") and found.labels_zh == ("水体", "建筑")
    assert (found.pixels, found.area, found.confidence) == (12, 1200.0, 0.9)
    assert [r.value for r in found.reasons] == [c.value for c in correction.contributions]
    assert sum(r.value for r in found.reasons) == pytest.approx(found.log_odds, abs=1e-12)
    best = found.reasons[0]
    assert (best.label, best.kind) == ("OpenStreetMap", "evidence")
    assert [e.rsplit("/", 1)[1] for e in best.evidence] == ["11", "12"]
    assert best.share == pytest.approx(2.25 / 3.875)
    assert {r.label_zh for r in found.reasons} >= {"网络", "平滑", "水体宽度不小于 12 米"}
    assert found.sentence.startswith("“Water” became “Building”")


def test_reason_at_an_unchanged_pixel_is_empty(handmade_graph, handmade):
    assert reason_at(handmade_graph, *centre(handmade, 0, 0)) == []
    assert reason_at(handmade_graph, *centre(handmade, 6, 3)) == []


def test_reason_of_a_region_by_number_and_by_iri(handmade_graph):
    (one,) = reason_of(handmade_graph, 3)
    (same,) = reason_of(handmade_graph, f"{RUN}/region/3", run="small")
    assert one == same
    assert one.excluded_by == (vocab.RULE + "no-ice",)
    assert reason_of(handmade_graph, 99) == []
    assert reason_of(handmade_graph, 3, run="another") == []


def test_reason_number(handmade_graph):
    (found,) = reason_number(handmade_graph, 1, run=RUN)
    assert found.index == 1 and found.region == f"{RUN}/region/2"
