"""The step from what is known to a corrected map: a prediction and layers come in, a run that can be asked goes out."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fusion.prediction import Prediction
from kg.errors import InputError, LandloreWarning, RuleError
from kg.grid import Grid
from kg.ontology import load_ontology
from kg.raster import Raster
from kg.rules import load_rules, shipped_rules
from kg.spelling import meant
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
        image: On its grid, or None.
        dem: Elevation in metres on its grid, or None.
    """

    products: tuple[EvidenceLayer, ...]
    features: tuple[EvidenceLayer, ...]
    axioms: tuple[Axiom, ...]
    image: Raster | None
    dem: Raster | None


def known_layers(
    products: Sequence[EvidenceLayer],
    features: Sequence[EvidenceLayer],
    axioms: tuple[Axiom, ...],
    beside: tuple[Raster | None, Raster | None],
    settings: RunSettings,
) -> Known:
    """What is known, with the dates of sources that the settings state; `beside` are image and elevation.

    Raises:
        InputError: The settings speak of a source that the run does not have; the nearest is named.

    Warns:
        LandloreWarning: The image has a date and a source has none, so that it does not age.
    """
    names = [layer.name for layer in (*products, *features)]
    for option, stated in (
        ("--source-date", settings.dates),
        ("--reliability", settings.reliability),
    ):
        for name in sorted(stated.keys() - set(names)):
            raise InputError(
                f"{option} {name}={stated[name]}: the run has no source {name!r} on its ground",
                f"{meant(name, names)} known: {', '.join(names)}".strip()
                if names
                else "add the source",
            )
    dated = [
        tuple(replace(layer, date=settings.dates.get(layer.name, layer.date)) for layer in layers)
        for layers in (products, features)
    ]
    undated = [layer.name for layers in dated for layer in layers if not layer.date]
    if settings.date and undated:
        warnings.warn(
            f"--date {settings.date}: {', '.join(undated)} without a date of their own count in full; "
            f"--source-date {undated[0]}=YEAR states one",
            LandloreWarning,
            stacklevel=2,
        )
    return Known(dated[0], dated[1], axioms, *beside)


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
        sources: Its rule files may hold learned numbers.
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
        image=known.image,
        dem=known.dem,
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
        image=known.image,
        dem=known.dem,
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
    from reasoning.learning.fit_file import read_fit
    from reasoning.settings import CorrectSettings

    base = CorrectSettings(
        smoothness=settings.smoothness,
        evidence=settings.evidence,
        mode=settings.mode,
        nodes=settings.nodes,
        superpixel=settings.superpixel,
        seed=settings.seed,
        strengths={layer.name: 0.0 for layer in silent},
        date=settings.date,
        reliabilities=settings.reliability,
    )
    given = [*(sources.rules or ()), *sources.add_rules]
    files = [settings.calibration] if settings.calibration else given
    fit = read_fit(files) if files else None
    if fit is None and settings.calibration:
        raise RuleError(
            f"{settings.calibration}: holds no learned numbers, expected a file of landlore learn",
            "landlore learn makes one",
        )
    return base if fit is None else fit.beside(base)


def read_beside(sources: Sources, grid: Grid) -> tuple[Raster | None, Raster | None]:
    """The image and the elevation on the grid of the prediction, or None.

    Raises:
        InputError: One cannot be read or lies elsewhere, or bands are named and no image is.
    """
    if sources.bands and not sources.image:
        raise InputError(
            "--bands: names the bands of an image, and no --image is given", "add --image"
        )
    image = read_image(sources.image, bands=sources.bands, grid=grid) if sources.image else None
    return image, read_terrain(sources.dem, grid) if sources.dem else None


def chosen_axioms(sources: Sources, settings: RunSettings) -> tuple[Axiom, ...]:
    """The rules of a run, their weights times the setting.

    Raises:
        RuleError: A file without rules, or a rule that cannot be read.
    """
    from reasoning.learning.fit_file import read_fit

    rules = load_rules(rule_files(sources), load_ontology())
    given = [*(sources.rules or ()), *sources.add_rules]
    silent = [path for path in given if not any(a.file == Path(path).name for a in rules)]
    if given and len(silent) == len(given) and read_fit(given) is None:
        raise RuleError(f"{silent[0]}: holds no rule", "docs/rules.md shows one")
    return (
        tuple(replace(a, weight=a.weight * settings.rules) for a in rules) if settings.rules else ()
    )


def rule_files(sources: Sources) -> list[Path]:
    """The rule files of a run: those that are given, or those that ship, and those that are added."""
    start = shipped_rules() if sources.rules is None else map(Path, sources.rules)
    return [*start, *map(Path, sources.add_rules)]


def run_name(corrected: Corrected, settings: RunSettings) -> str:
    """A name that depends on what came in and what came out, so that only the same run has the same name."""
    before, after = corrected.before, corrected.after
    digest = hashlib.sha256(before.probabilities.tobytes())
    digest.update(after.probabilities.tobytes())
    if before.lesson is not None:
        digest.update(before.lesson.probabilities.tobytes())
    for layer in corrected.layers:
        digest.update(layer.cell.tobytes() + layer.shares.tobytes())
    rules = [(axiom.iri, axiom.weight) for axiom in corrected.axioms]
    told = (before.model, before.grid, rules, [layer.source for layer in corrected.layers])
    kept = settings.with_files(lambda path: Path(path).name)
    digest.update(repr((told, replace(kept, overwrite=False))).encode())
    return digest.hexdigest()[:12]
