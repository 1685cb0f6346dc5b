"""Lines about images that are read: not one a batch, what was left out or read before once, and how long is left."""

import pytest

import landlore as ll
import landlore.progress
from fusion.backbones.vectors import EmbedProgress
from landlore.progress import ImageTeller, Paced, time_left


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(landlore.progress, "monotonic", lambda: now[0])
    return now


def test_few_lines_say_how_far_it_is_and_how_long_it_takes(clock):
    told = []
    teller = ImageTeller(told.append)
    for done in range(32, 3201, 32):
        clock[0] += 3.0
        teller(EmbedProgress(done, 3200, 0, 0, ""))
    assert told[0] == "images 32 of 3,200, about 5 min left"
    assert told[1] == "images 160 of 3,200, about 5 min left"
    assert told[-1] == "images 3,200 of 3,200"
    assert len(told) == 26


def test_what_was_read_before_and_what_cannot_be_used_is_said_once(clock):
    told = []
    teller = ImageTeller(told.append)
    for done, kept, lost in ((32, 32, 0), (64, 64, 1), (96, 64, 2), (128, 64, 2)):
        clock[0] += 20.0
        fault = "a.tif: 13 bands\nname them" if lost else ""
        teller(EmbedProgress(done, 10_000, kept, lost, fault))
    assert told == [
        "images 32 of 10,000",
        "left out: a.tif: 13 bands",
        "images 64 of 10,000, 1 left out",
        "images 64 of 10,000 were read before, by an interrupted run",
        "images 96 of 10,000, 2 left out, about 310 min left",
        "images 128 of 10,000, 2 left out, about 206 min left",
    ]


def test_time_is_left_out_where_it_is_short_or_not_known():
    assert time_left(10.0, 3, 10_000) == ""
    assert time_left(10.0, 100, 500) == ""
    assert time_left(60.0, 100, 1000) == ", about 10 min left"


def test_what_a_stage_is_at_is_told_only_where_it_was_quiet(clock):
    told = []
    tell = Paced(told.append, quiet=4.0)
    tell("reasoning")
    for step in range(1, 11):
        clock[0] += 1.5
        tell.within(f"step {step}")
    tell("writing")
    tell.within("a file")
    assert told == ["reasoning", "  step 3", "  step 6", "  step 9", "writing"]
    Paced(None)("nobody listens")


def test_a_long_correction_tells_what_it_is_at(village, monkeypatch, tmp_path):
    def lines(quiet, out):
        monkeypatch.setattr(landlore.progress.Paced.__init__, "__defaults__", (quiet,))
        told = []
        sources = ll.Sources(osm=str(village / "house.osm"))
        ll.correct(
            village / "labels.tif",
            legend="town",
            sources=sources,
            out=tmp_path / out,
            progress=told.append,
        )
        return told

    plain, full = lines(1e9, "a"), lines(0.0, "b")
    assert not [line for line in plain if line.startswith(" ")]
    within = [line.strip() for line in full if line.startswith("  ")]
    wanted = ("finding regions", "measuring ", "finding what lies", "compiling rule:", "inference begins",
              "inference, step 1: 4,175 nodes still moving, by ",
              "inference, step 2: ", "adding up ", "corrections.csv", "figure.png")  # fmt: skip
    for start in wanted:
        assert any(line.startswith(start) for line in within), (start, within)
    assert [line for line in full if not line.startswith("  ")] == plain
    for name in ("corrected.tif", "corrections.csv"):  # whoever listens changes nothing
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_a_long_build_tells_how_far_a_source_is(village, monkeypatch, tmp_path):
    monkeypatch.setattr(landlore.progress.Paced.__init__, "__defaults__", (0.0,))
    told = []
    sources = ll.Sources(osm=str(village / "house.osm"))
    built = ll.build(tmp_path / "graph", sources, relations=False, progress=told.append)
    count = built.report.sources[0].statements
    assert told[0] == "reading OpenStreetMap, house.osm"
    assert told[-1] == f"  {count:,} statements so far"
