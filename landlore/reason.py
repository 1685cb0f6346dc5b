"""The step from what is known to a corrected map: a prediction and layers come in, a run that can be asked goes out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fusion.prediction import Prediction
from kg.errors import InputError, RuleError
from kg.grid import Grid
from kg.ontology import load_ontology
from kg.raster import Raster
from kg.rules import load_rules
from landlore.inputs import read_image, read_terrain
from landlore.settings import RunSettings
from landlore.sources import Sources

if TYPE_CHECKING:
    from kg.evidence import EvidenceLayer
    from kg.ontology import Axiom
    from reasoning.correction import Corrected
    from reasoning.settings import CorrectSettings
    from reasoning.solved import Solved
    from reasoning.terms import Terms


@dataclass(frozen=True)
class Known:
    """What is known of the ground under a prediction.

    Attributes:
        products: Land-cover products on its grid.
        features: Mapped features on its grid.
        axioms: Rules, weighed.
    """

    products: tuple[EvidenceLayer, ...]
    features: tuple[EvidenceLayer, ...]
    axioms: tuple[Axiom, ...]


def reason(
    prediction: Prediction,
    known: Known,
    sources: Sources,
    settings: RunSettings,
    *,
    learned: bool,
) -> Solved:
    """Correct a prediction.

    Args:
        prediction: What is corrected.
        known: What speaks.
        sources: Image and terrain beside it.
        settings: How.
        learned: The prediction was learned from the first product, which then gives facts to rules, but does not
            speak twice.

    Raises:
        InputError: As `reasoning.correct.correct`.
    """
    from reasoning.correct import solve

    return solve(
        prediction,
        layers=(*known.products, *known.features),
        axioms=known.axioms,
        image=side_image(sources, prediction.grid),
        dem=read_terrain(sources.dem, prediction.grid) if sources.dem else None,
        settings=correct_settings(sources, settings, known.products[:1] if learned else ()),
    )


def terms_known(
    prediction: Prediction, known: Known, sources: Sources, settings: RunSettings
) -> Terms:
    """What a correction of a learned prediction would be decided by, without deciding."""
    from reasoning.correct import terms_of

    terms, _, _ = terms_of(
        prediction,
        layers=(*known.products, *known.features),
        axioms=known.axioms,
        image=side_image(sources, prediction.grid),
        dem=read_terrain(sources.dem, prediction.grid) if sources.dem else None,
        settings=correct_settings(sources, settings, known.products[:1]),
    )
    return terms


def correct_settings(
    sources: Sources, settings: RunSettings, silent: Sequence[EvidenceLayer] = ()
) -> CorrectSettings:
    """The reasoner's knobs; numbers that were learned come from a rule file or from a calibration file.

    Args:
        sources: Its rule files may hold learned numbers.
        settings: Of the run; a calibration file wins over those of rule files.
        silent: Layers that give facts to rules but do not speak.

    Raises:
        RuleError: The calibration file holds no learned numbers.
    """
    from reasoning.learning.file import read_fit
    from reasoning.settings import CorrectSettings

    base = CorrectSettings(
        smoothness=settings.smoothness,
        evidence=settings.evidence,
        mode=settings.mode,
        nodes=settings.nodes,
        superpixel=settings.superpixel,
        seed=settings.seed,
        strengths={layer.name: 0.0 for layer in silent},
    )
    files = [settings.calibration] if settings.calibration else list(sources.rules or ())
    fit = read_fit(files) if files else None
    if fit is None and settings.calibration:
        raise RuleError(
            f"{settings.calibration}: holds no learned numbers, expected a file of landlore learn",
            "landlore learn makes one",
        )
    return base if fit is None else fit.beside(base)


def side_image(sources: Sources, grid: Grid) -> Raster | None:
    """The image on the grid of the prediction, or None.

    Raises:
        InputError: It cannot be read or lies elsewhere, or its bands are named and it is not.
    """
    if sources.bands and not sources.image:
        raise InputError(
            "--bands: names the bands of an image, and no --image is given", "add --image"
        )
    return read_image(sources.image, bands=sources.bands, grid=grid) if sources.image else None


def chosen_axioms(sources: Sources, settings: RunSettings) -> tuple[Axiom, ...]:
    """The rules of a run, their weights times the setting.

    Raises:
        RuleError: A file without rules, or a rule that cannot be read.
    """
    files = None if sources.rules is None else [Path(p) for p in sources.rules]
    rules = load_rules(files, load_ontology())
    if files and not rules:
        raise RuleError(f"{files[0]}: holds no rule", "docs/rules.md shows one")
    return (
        tuple(replace(a, weight=a.weight * settings.rules) for a in rules) if settings.rules else ()
    )


def run_name(corrected: Corrected, settings: RunSettings) -> str:
    """A name that depends on what came in and what came out, so that only the same run has the same name."""
    before, after = corrected.before, corrected.after
    digest = hashlib.sha256(before.probabilities.tobytes())
    digest.update(after.probabilities.tobytes())
    for layer in corrected.layers:
        digest.update(layer.cell.tobytes() + layer.shares.tobytes())
    rules = [(axiom.iri, axiom.weight) for axiom in corrected.axioms]
    told = (before.model, before.grid, rules, [layer.source for layer in corrected.layers])
    digest.update(repr((told, replace(settings, overwrite=False))).encode())
    return digest.hexdigest()[:12]
