"""Drawn tiles: noisy predictions, and truth that follows known weights exactly."""

from dataclasses import replace

import numpy as np
import pytest
from affine import Affine
from scipy.ndimage import gaussian_filter

from fusion.prediction import Prediction
from kg import vocab
from kg.grid import Grid
from kg.legend import load_legend
from kg.ontology import Axiom, Facet, Named, Not, Some
from reasoning.learning.calibration import Calibration
from reasoning.learning.fit import Parameters, expert_fit
from reasoning.learning.prepared import choices_of, choose_pixels, prepare
from reasoning.learning.tiles import LabelledTile
from reasoning.settings import CorrectSettings

LL = vocab.CORE
LEGEND = load_legend("s2korea")
BUILDING, ROAD, FIELD, FOREST, OTHER = range(5)


def rule(name, left, right, weight=1.0, hard=False):
    return Axiom(vocab.RULE + name, name, "", left, right, weight, hard, "a test", "test.ttl")


RULES = (
    rule("field-wide", Named(LL + "Cropland"), Facet(LL + "minWidth", ">=", 40.0)),
    rule("forest-large", Named(LL + "TreeCover"), Facet(LL + "area", ">=", 2000.0, 500.0)),
    rule("lone", Named(LL + "Building"), Not(Some(LL + "adjacentTo", Named(LL + "TreeCover")))),
)
TRUE = {"field-wide": 1.8, "forest-large": 0.4, "lone": 0.0}


def noisy(seed, size=64):
    """Smooth class fields with noise on top."""
    rng = np.random.default_rng(seed)
    fields = np.stack([gaussian_filter(rng.normal(size=(size, size)), 3) for _ in LEGEND.classes])
    scores = 1.5 * fields / fields.std() + rng.normal(0, 0.8, fields.shape)
    p = np.exp(scores - scores.max(axis=0))
    p /= p.sum(axis=0)
    grid = Grid("EPSG:32652", Affine(10, 0, 500000, 0, -10, 4000000), size, size)
    return Prediction(p.astype(np.float32), LEGEND, grid, "drawn")


def drawn_tile(seed, true=TRUE, *, temperature=1.5, size=64, rules=RULES):
    """A tile whose truth is drawn from the model itself, with weights `true` and marginals of the rules' weights."""
    blank = LabelledTile(noisy(seed, size), np.zeros((size, size), np.int16), name=f"drawn {seed}")
    settings = CorrectSettings()
    tile = prepare(blank, rules, settings)
    expert = expert_fit(rules, (), settings)
    parameters = Parameters.of(LEGEND, expert, tile.rules)
    iris = tuple(one.iri for one in LEGEND.classes)
    fit = replace(
        expert,
        axioms=tuple(replace(a, weight=true[a.label]) for a in expert.axioms),
        calibration=Calibration(temperature, (0.3, -0.1, 0.1, -0.5, 0.2), iris),
    )
    pixels = choose_pixels(tile, density=1e6, per_tile=10**6)
    choices = choices_of(tile, tile.solve(expert), parameters, pixels)
    scores = choices.scores(parameters.vector(fit))
    drawn = (scores + np.random.default_rng(seed).gumbel(size=scores.shape)).argmax(axis=1)
    truth = np.full((size, size), -1, np.int16)
    truth[pixels[0], pixels[1]] = drawn
    return replace(blank, truth=truth)


@pytest.fixture(scope="session")
def rules():
    """Three rules of weight 1."""
    return RULES


@pytest.fixture(scope="session")
def true_weights():
    """Label of each rule -> the weight that truth follows."""
    return TRUE


@pytest.fixture(scope="session")
def draw_tile():
    """The function that draws a tile."""
    return drawn_tile


@pytest.fixture(scope="session")
def drawn_tiles():
    """Four tiles whose truth follows `TRUE`."""
    return [drawn_tile(seed) for seed in range(4)]


@pytest.fixture(scope="session")
def learned(drawn_tiles):
    """What is learned from them, without class weights."""
    from reasoning.learning.checked import Checks, learn_checked
    from reasoning.learning.staged import Stages

    stages = Stages(rounds=1, shrinkage=3e-5, hold=0.0, balance=0.0, polished=False)
    settings = CorrectSettings(tolerance=1e-3)
    return learn_checked(
        drawn_tiles, {"rules": RULES}, settings, stages=stages, checks=Checks(most_folds=2)
    )
