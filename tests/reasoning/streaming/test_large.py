"""Rasters corrected by strips: the same map, whatever the strips, and the same as in memory."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from scipy.ndimage import label

from fusion.prediction import prediction_from_labels
from kg import vocab
from kg.axiom import Axiom
from kg.cog import class_names, write_raster
from kg.errors import InputError, LegendError, RasterError
from kg.expressions import And, Facet, Named, Only
from kg.grid import Grid
from kg.legend import load_legend
from kg.raster import Raster, read_raster
from kg.store import KnowledgeGraph
from reasoning.correct import correct
from reasoning.settings import CorrectSettings
from reasoning.streaming.large import correct_large
from reasoning.streaming.result import LargeSettings

LEGEND = load_legend("worldcover")
AREA = vocab.CORE + "area"
TILE = (
    Path(__file__).resolve().parents[4]
    / "shared/data/geo/sao_tome/ESA_WorldCover_10m_2020_v100_N00E006_Map.tif"
)


def enclosed(name, most):
    """What is small and surrounded by a class alone is that class."""
    around = Named(vocab.CORE + name)
    left = And((Facet(AREA, "<", most, 0.0), Only(vocab.CORE + "surroundedBy", around)))
    return Axiom(
        vocab.RULE + f"enclosed-{name}",
        f"specks in {name}",
        "",
        left,
        around,
        6.0,
        False,
        "drawn",
        "x.ttl",
    )


RULES = [enclosed("TreeCover", 30_000.0), enclosed("Grassland", 30_000.0)]


def codes_of(seed, height=90, width=70, dtype=np.uint8):
    rng = np.random.default_rng(seed)
    coarse = rng.choice(
        [0, 10, 30, 80], (height // 30 + 1, width // 30 + 1), p=[0.1, 0.4, 0.3, 0.2]
    )
    codes = np.kron(coarse, np.ones((30, 30), int))[:height, :width]
    for _ in range(60):
        y, x = rng.integers(0, height), rng.integers(0, width)
        codes[y : y + 3, x : x + 2] = rng.choice([10, 30, 50])
    return codes.astype(dtype)


def saved(path, codes, nodata=0):
    grid = Grid("EPSG:4326", Affine(1 / 12000, 0, 6, 0, -1 / 12000, 40), *codes.shape)
    write_raster(path, Raster(codes[None], grid, nodata, ("class",)))
    return path


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """(folder, result, explanation) of one raster cut in three ways."""
    home = tmp_path_factory.mktemp("large")
    path = saved(home / "codes.tif", codes_of(3))
    out = []
    for rows in (7, 64, 1000):
        folder = home / f"run{rows}"
        knobs = LargeSettings(rows=rows, listed=5)
        out.append(
            (folder, *correct_large(path, "worldcover", folder, axioms=RULES, settings=knobs))
        )
    return path, out


def test_every_strip_height_gives_the_same_bytes(runs):
    for name in ("corrected.tif", "explanations.trig"):
        assert len({(folder / name).read_bytes() for folder, _, _ in runs[1]}) == 1


def test_the_map_is_that_of_the_raster_in_memory(runs):
    path, ((folder, done, _), *_) = runs
    block = read_raster(path)
    labels = LEGEND.encode(block.values[0], nodata=0)
    whole = correct(
        prediction_from_labels(labels, LEGEND, block.grid, model="codes.tif"),
        axioms=RULES,
        settings=CorrectSettings(nodes="regions"),
    )
    assert whole.changed.sum() == done.changed_pixels > 50
    written = read_raster(folder / "corrected.tif").values[0]
    assert (written == np.append(LEGEND.codes, 0)[whole.after.labels]).all()
    assert len(whole.regions) == len(done.regions)


def test_all_changes_are_counted_and_the_largest_explained(runs):
    folder, done, why = runs[1][0]
    assert len(done.corrections) == 5 < done.changed_regions
    assert sum(pixels for _, pixels in done.changes.values()) == done.changed_pixels
    assert sum(regions for regions, _ in done.causes.values()) == done.changed_regions
    assert set(done.causes) <= {rule.iri for rule in RULES}
    sizes = [one.pixels for one in done.corrections]
    assert sizes == sorted(sizes, reverse=True)
    for one, (west, south, east, north) in zip(done.corrections, why.bounds, strict=True):
        assert sum(c.value for c in one.contributions) == pytest.approx(one.log_odds, abs=1e-6)
        assert west < one.lon < east and south < one.lat < north
        assert one.area == pytest.approx(done.regions.area[one.region])
    graph = KnowledgeGraph.open(folder / "explanations.trig")
    rows = graph.query(
        "SELECT ?p ?n WHERE { GRAPH ?g { ?r a run:Run ; run:pixels ?p ; run:corrections ?n } }"
    ).rows
    assert [[int(str(v)) for v in row] for row in rows] == [[done.changed_pixels, 5]]


def test_widths_are_measured_where_a_rule_asks_for_them(runs, tmp_path):
    path, ((plain, _, _), *_) = runs
    wide = Facet(vocab.CORE + "minWidth", ">=", 30.0, 0.0)
    water = Named(vocab.CORE + "Water")
    narrow = Axiom(vocab.RULE + "wide", "", "", water, wide, 6.0, False, "drawn", "x.ttl")
    done, _ = correct_large(path, LEGEND, tmp_path / "run", axioms=[*RULES, narrow])
    assert (done.regions.min_width > 0).all() and dict(done.inactive) == {}
    word = vocab.CORE + "minWidth"
    texts = [(f / "explanations.trig").read_text() for f in (tmp_path / "run", plain)]
    assert [word in text or "ll:minWidth" in text for text in texts] == [True, False]


def test_the_file_opens_as_other_outputs_do(runs):
    folder, _, _ = runs[1][0]
    found = read_raster(folder / "corrected.tif")
    assert found.nodata == 0 and found.values.dtype == np.uint8
    assert class_names(folder / "corrected.tif")[80] == "Permanent water bodies"


@pytest.mark.parametrize("dtype", [np.uint16, np.int16, np.int32])
def test_other_types_give_the_same_map(runs, tmp_path, dtype):
    path = saved(tmp_path / "codes.tif", codes_of(3, dtype=dtype))
    correct_large(path, LEGEND, tmp_path / "run", axioms=RULES, settings=LargeSettings(rows=50))
    one, two = (read_raster(f / "corrected.tif").values for f in (tmp_path / "run", runs[1][0][0]))
    assert (one == two).all()


def test_one_region_and_rules_that_cannot_act(tmp_path):
    path = saved(tmp_path / "codes.tif", np.full((20, 30), 80, np.uint8))
    done, why = correct_large(path, LEGEND, tmp_path / "run")
    assert len(done.regions) == 1 and done.changed_pixels == 0 and why.sentences_en == ()
    assert dict(done.inactive)[vocab.RULE + "water-flat"]


@pytest.mark.parametrize(
    ("codes", "error", "words"),
    [
        (np.zeros((5, 5), np.uint8), RasterError, "all pixels are nodata"),
        (np.full((5, 5), 11, np.uint8), LegendError, "unknown class code 11"),
        (np.full((5, 5), 1100, np.int16), LegendError, "unknown class code 1100"),
    ],
)
def test_bad_rasters_are_two_lines_and_leave_nothing(tmp_path, codes, error, words):
    path = saved(tmp_path / "codes.tif", codes)
    with pytest.raises(error, match=words):
        correct_large(path, LEGEND, tmp_path / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["codes.tif"]


def test_several_bands_and_bad_knobs_are_refused(tmp_path):
    grid = Grid("EPSG:4326", Affine(1e-4, 0, 6, 0, -1e-4, 40), 5, 5)
    write_raster(tmp_path / "two.tif", Raster(np.ones((2, 5, 5), np.uint8), grid, 0, ("a", "b")))
    with pytest.raises(RasterError, match="2 bands"):
        correct_large(tmp_path / "two.tif", LEGEND, tmp_path / "run")
    for wrong in ({"rows": 0}, {"listed": -1}):
        with pytest.raises(InputError, match="expected"):
            replace(LargeSettings(), **wrong)


def test_an_interruption_leaves_nothing_behind(tmp_path):
    path = saved(tmp_path / "codes.tif", codes_of(1))

    def stop(text):
        if text.startswith("map: strip 2"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        correct_large(
            path,
            LEGEND,
            tmp_path / "run",
            axioms=RULES,
            settings=LargeSettings(rows=16),
            progress=stop,
        )
    assert [p.name for p in tmp_path.iterdir()] == ["codes.tif"]


ISLAND = (31_000, 5_000, 3000, 4000)


@pytest.fixture
def island(tmp_path):
    """São Tomé alone, cut out of the tile."""
    if not TILE.is_file():
        pytest.skip(f"{TILE} is not here")
    cut = read_raster(TILE, window=ISLAND)
    write_raster(tmp_path / "island.tif", cut)
    return tmp_path / "island.tif", cut.values[0]


def test_an_island_of_worldcover(island, tmp_path):
    path, before = island
    done, why = correct_large(path, LEGEND, tmp_path / "run", axioms=RULES)
    after = read_raster(tmp_path / "run/corrected.tif").values[0]
    assert len(done.regions) == sum(label(before == code)[1] for code in LEGEND.codes) > 10_000
    assert (before != after).sum() == done.changed_pixels > 1000
    assert ((before == 0) == (after == 0)).all()
    assert len(why.sentences_en) == min(1000, done.changed_regions)


@pytest.mark.slow
@pytest.mark.skipif(not TILE.is_file(), reason=f"{TILE} is not here")
def test_a_whole_worldcover_tile(tmp_path):
    done, why = correct_large(TILE, LEGEND, tmp_path / "run", axioms=RULES)
    assert len(done.regions) == 21_738  # as connected-components-3d counts on the whole array
    assert done.changed_pixels > 0 and len(why.sentences_en) == min(1000, done.changed_regions)
    before, after = (
        read_raster(p, window=ISLAND).values for p in (TILE, tmp_path / "run/corrected.tif")
    )
    assert ((before == 0) == (after == 0)).all()
