"""What the map under an image says for its class: made-up maps with known answers, and a real extract."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import rasterio
import shapely
import shapely.affinity
from affine import Affine

from kg import vocab
from kg.errors import InputError, LandloreWarning
from kg.features import Features, read_features
from kg.footprints import map_shares
from kg.scenes import load_scenes
from kg.sources.geosparql import feature_lines, feature_pairs
from kg.store import KnowledgeGraph
from landlore.classified import ClassifySettings
from landlore.scene_places import outline_of, place_prior, prior_of
from landlore.scenes import classify

MONACO = Path(__file__).resolve().parents[3] / "shared/data/geo/osm/monaco_2021.osm.pbf"
OSM = vocab.GRAPH + "osm"
METRE = 1 / 111_000  # degrees, near enough on the equator at 9 degrees east
NAMES = ("port", "forest", "residential")


def square(x: float, y: float, side: float):
    """A square in CRS84, in metres from a point on the equator."""
    return shapely.box(9 + x * METRE, y * METRE, 9 + (x + side) * METRE, (y + side) * METRE)


def corners(shape):
    return np.array(shape.exterior.coords)


def village() -> KnowledgeGraph:
    """A wood of 400 m in the west, a village in the east; nothing else in 4 km."""
    graph, lines = KnowledgeGraph(), []
    things = [
        ("wood", "TreeCover", square(0, 0, 400)),
        ("far", "TreeCover", square(3600, 3600, 20)),
    ]
    things += [
        (f"house{i}{j}", "Building", square(2000 + 40 * i, 40 * j, 25))
        for i in range(8)
        for j in range(8)
    ]
    for name, cls, shape in things:
        lines.append(feature_lines(f"<urn:{name}>", feature_pairs([vocab.CORE + cls]), shape.wkt))
    graph.replace_graph(OSM, lines)
    return graph


def picture(folder: Path, name: str, x: float, y: float, side: float = 300) -> str:
    """A georeferenced black image whose lower left corner lies there."""
    path, step = folder / f"{name}.tif", side * METRE / 8
    place = Affine(step, 0, 9 + x * METRE, 0, -step, (y + side) * METRE)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        width=8,
        height=8,
        count=3,
        dtype="uint8",
        crs="OGC:CRS84",
        transform=place,
    ) as out:
        out.write(np.zeros((3, 8, 8), np.uint8))
    return str(path)


def concepts(names=NAMES):
    knowledge = load_scenes()
    return [knowledge.find(name) for name in names]


def test_shares_are_areas_and_classes_above_count_too():
    features = read_features(village())
    mapped = map_shares(
        features, [corners(square(200, 0, 400)), None, corners(square(1000, 2000, 100))]
    )
    share = dict(zip(mapped.classes, mapped.shares[0], strict=True))
    assert share[vocab.CORE + "TreeCover"] == pytest.approx(0.5, abs=0.01)
    assert share[vocab.CORE + "Building"] == 0
    assert share[vocab.CORE + "LandCover"] == pytest.approx(0.5, abs=0.01)
    assert np.isnan(mapped.shares[1:]).all()  # no coordinates; nothing on the map
    assert len(mapped.usual) >= 2


def test_the_map_speaks_for_classes_that_state_what_it_shows(tmp_path):
    items = [picture(tmp_path, "west", 50, 50), picture(tmp_path, "east", 2000, 0)]
    prior = place_prior(items, concepts(), village())
    assert prior.known.all()
    assert prior.logs.argmax(axis=1).tolist() == [1, 2]
    np.testing.assert_allclose(sum(prior.pieces.values()), prior.logs)
    parts = prior.parts(0, (1, 2))
    assert sum(p.contribution for p in parts) == pytest.approx(prior.logs[0, 1] - prior.logs[0, 2])
    assert {p.kind for p in parts} == {"map"}
    assert max(parts, key=lambda p: p.contribution).value == vocab.CORE + "TreeCover"


def test_what_a_class_does_not_state_says_nothing():
    mapped = map_shares(read_features(village()), [corners(square(50, 50, 300))])
    nameless = prior_of(mapped, [None, *concepts()])
    assert not nameless.logs[:, 0].any()
    nothing = map_shares(Features((), (), (), np.empty(0), ()), [corners(square(0, 0, 9))])
    assert not prior_of(nothing, concepts()).logs.any()


def test_images_without_coordinates_are_named(tmp_path):
    with pytest.raises(InputError, match="no coordinates"):
        place_prior(["row0"], concepts(), village())
    with pytest.raises(InputError, match="no map features"):
        place_prior([picture(tmp_path, "a", 0, 0)], concepts(), KnowledgeGraph())
    assert outline_of(str(Path(__file__))) is None


def test_classify_adds_the_map_to_the_log_odds_and_says_so(tmp_path):
    items = [picture(tmp_path, "west", 50, 50), picture(tmp_path, "away", 0, 9000)]
    graph = tmp_path / "graph.trig"
    village().save(graph)
    rng = np.random.default_rng(0)
    texts = rng.normal(size=(3, 16)).astype(np.float32)
    path = tmp_path / "features.npz"
    np.savez(path, images=rng.normal(size=(2, 16)), items=items, names=np.array(NAMES), texts=texts)
    settings = ClassifySettings(blocks=("graded",))
    plain = classify(path, settings=settings)
    with pytest.warns(LandloreWarning, match="nothing under 1 of 2 images"):
        done = classify(path, settings=ClassifySettings(blocks=("graded",), map=str(graph)))
    before, after = (np.log(d.scores.scores.astype(float)) for d in (plain, done))
    prior = place_prior(items, concepts(), village()).logs
    shift = after - before - prior
    np.testing.assert_allclose(shift, shift[:, :1] + np.zeros(3), atol=1e-3)
    np.testing.assert_array_equal(done.scores.scores[1], plain.scores.scores[1])
    for reason in done.reasons:
        assert sum(p.contribution for p in reason.parts) == pytest.approx(reason.log_odds, abs=1e-3)
    assert "map" in {p.kind for p in done.reasons[0].parts}
    assert "on the map cover tree" in " ".join(sentences(done)).lower()


def sentences(done):
    from reasoning.scenes.scene import scene_sentences

    return [text for r in done.reasons for text in scene_sentences(r, done.knowledge, most=20)]


def test_a_real_extract_tells_its_port_and_another_place_of_it_does_not(tmp_path):
    """Port Hercule on the map of Monaco; the control looks at the map 600 m further inland."""
    if not MONACO.exists():
        pytest.skip(f"{MONACO} is absent")
    from kg.sources.osm import OsmSource

    graph, names = KnowledgeGraph(), ("port", "forest", "desert", "farmland", "mountain", "meadow")
    graph.replace_graph(OSM, OsmSource(MONACO).ntriples())
    features = read_features(graph)
    port = shapely.box(7.4225, 43.7345, 7.4285, 43.7375)
    elsewhere = shapely.affinity.translate(port, -0.006, 0.004)
    right, control = prior_of(
        map_shares(features, [corners(port), corners(elsewhere)]), concepts(names)
    ).logs
    assert names[int(right.argmax())] == "port"
    assert right[0] - np.sort(right)[-2] > 0.3
    assert right[0] - control[0] > 0.5
