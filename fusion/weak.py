"""Weak labels: a product laid on the image comes in, class shares per cell and how far to trust them go out.

No torch here. A *cell* is a row of an `EvidenceLayer`: a pixel or a block of pixels of a coarser product.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg.errors import LegendError
from kg.evidence import EvidenceLayer
from kg.legend import Legend

Floats = NDArray[np.float64]

_SAME = 0.999  # a crosswalk row with this much in one label means the same as that label
_GRADED = 0.01  # share of a cell that may be of graded classes, and the cell still be raked
_KNOWN = 0.5  # share of a cell that must be of classes which the legend can say
_KAPPAS = (
    0.5,
    0.75,
    1.0,
    1.25,
    1.5,
    1.75,
    2.0,
    3.0,
    4.0,
    6.0,
    8.0,
    16.0,
    32.0,
)  # candidates: independent observations that a cell is worth
_REFERENCES = 400  # cells that stand for "any cell" in the trust model
_FITTED = 20_000  # cells that the trust model is fitted to, and weighed at a time
_LEAST = 1e-6  # share of a class that no cell of the sample names
_FEWEST = 20  # cells below which none is doubted


@dataclass(frozen=True)
class CellTargets:
    """What the pixels of each cell should add up to.

    Attributes:
        shares: (cell, label) float64; rows sum to 1, all 0 for cells that say nothing of the legend.
        same: (cell,) bool: the classes in the cell mean the same as labels (no graded crosswalk).
        majority: True when every cell names one class only: its largest, not its whole content.
    """

    shares: Floats
    same: NDArray[np.bool_]
    majority: bool

    @property
    def usable(self) -> NDArray[np.bool_]:
        """(cell,) bool: cells that say something."""
        usable: NDArray[np.bool_] = self.shares.sum(axis=1) > 0.5
        return usable


def cell_targets(layer: EvidenceLayer, legend: Legend) -> CellTargets:
    """Turn the shares of a product's classes into shares of the legend's labels.

    Args:
        layer: The product on the image's grid.
        legend: Labels wanted; the product's classes reach them by `kg.legend.crosswalk`.

    Raises:
        LegendError: No class of the product says anything about the legend.
    """
    targets = targets_of(layer, legend)
    if not targets.usable.any():
        raise no_class(layer, legend)
    return targets


def no_class(layer: EvidenceLayer, legend: Legend) -> LegendError:
    """The error for a product of which no class says anything about the legend."""
    return LegendError(
        f"no class of {layer.name} ({len(layer.classes)} classes) means a class of legend "
        f"{legend.name}",
        "give --legend with the product's own legend, or one that its classes map to",
    )


def targets_of(layer: EvidenceLayer, legend: Legend) -> CellTargets:
    """As `cell_targets`, of a part of a product, in which there may be no class that says anything."""
    table = crosswalk_of(layer.classes, legend)
    shares = np.nan_to_num(np.asarray(layer.shares, np.float64))
    out = shares @ table
    known = out.sum(axis=1)
    out = np.where(known[:, None] > _KNOWN, out / np.maximum(known, 1e-12)[:, None], 0.0)
    graded = shares @ (table.max(axis=1) < _SAME)
    named = shares.max(axis=1)[known > _KNOWN]
    return CellTargets(out, graded <= _GRADED, bool((named > _SAME).sum() > 0.99 * len(named)))


def crosswalk_of(classes: tuple[str, ...], legend: Legend) -> Floats:
    """(class, label) share of each label in each class; the identity for the legend's own classes."""
    labels = [c.iri for c in legend.classes]
    if set(classes) <= set(labels):
        return np.eye(len(labels))[[labels.index(c) for c in classes]]
    from kg.crosswalk import crosswalk
    from kg.ontology import load_ontology

    table: Floats = crosswalk(classes, legend, load_ontology())
    return table


@dataclass(frozen=True)
class CellTrust:
    """Which cells agree with the image.

    Attributes:
        trust: (cell,) float64 probability that the cell's shares belong to the place; 1 for unusable cells.
        noise: Estimated share of false cells.
        kappa: Independent observations that a cell is worth, by maximum likelihood.
    """

    trust: Floats
    noise: float
    kappa: float

    @property
    def suspect(self) -> NDArray[np.bool_]:
        """(cell,) bool: cells to look at, three times as likely false as true."""
        found: NDArray[np.bool_] = self.trust < 0.25
        return found


@dataclass(frozen=True)
class TrustFit:
    """A mixture of true and false cells as it was found; says of any cell how far it is to be believed.

    Attributes:
        majority: Whether cells name their largest class only.
        prior: (label,) mean shares of the cells that it was found on.
        references: (reference, label) logarithms of the mean predictions of cells that stand for any cell.
        noise: Estimated share of false cells.
        kappa: Independent observations that a cell is worth.
    """

    majority: bool
    prior: Floats
    references: Floats
    noise: float
    kappa: float

    def trust(self, means: Floats, targets: CellTargets) -> Floats:
        """(cell,) probability that the shares of a cell belong to its place; 1 where nothing can be said.

        Args:
            means: (cell, label) mean predicted probability of the pixels of each cell; NaN where it has none.
            targets: What the product says.
        """
        rows = np.flatnonzero(targets.usable & np.isfinite(means).all(axis=1))
        found, clip = np.ones(len(means)), np.log(np.maximum(means, 1e-4))
        model = _Likelihood(self.majority, self.prior, self.references)
        for at in range(0, len(rows), _FITTED):
            part = rows[at : at + _FITTED]
            ratio = model.ratio(clip[part], targets.shares[part], self.kappa)
            found[part] = _posterior(ratio, self.noise)
        return found


def fit_trust(
    means: Floats, targets: CellTargets, *, seed: int = 0, weight: Floats | None = None
) -> TrustFit | None:
    """Find how many cells are false: a mixture of two components.

    A cell's shares y are drawn either from its own mean prediction m (likelihood prod m_k ** (kappa y_k)) or
    from that of any cell (the mean of that likelihood over a sample of cells); the share of the second
    component is found by EM, kappa by maximum likelihood over a short list.

    Args:
        means: (cell, label) mean predicted probability of the pixels of each cell; NaN where it has none.
        targets: What the product says.
        seed: Fixes the sample of cells.
        weight: (cell,) how many cells each stands for, where some were likelier to be looked at; None: one.

    Returns:
        None where there are too few cells to doubt any.
    """
    rows = np.flatnonzero(targets.usable & np.isfinite(means).all(axis=1))
    if len(rows) < _FEWEST:
        return None
    rng = np.random.default_rng(seed)
    if weight is None:
        sample = rng.permutation(rows)[:_FITTED]
    else:
        chance = weight[rows] / weight[rows].sum()
        sample = rng.choice(rows, min(len(rows), _FITTED), p=chance)
    known, clip = targets.shares[sample], np.log(np.maximum(means, 1e-4))
    prior, references = known.mean(axis=0), clip[sample[:_REFERENCES]]
    model = _Likelihood(targets.majority, prior, references)
    fits = [(_mixture(model.ratio(clip[sample], known, kappa)), kappa) for kappa in _KAPPAS]
    (noise, _), kappa = max(fits, key=lambda fit: fit[0][1])
    return TrustFit(targets.majority, prior, references, noise, kappa)


def cell_trust(means: Floats, targets: CellTargets, *, seed: int = 0) -> CellTrust:
    """Find the mixture, and say how far each cell is believed; all of them where there are too few to doubt any.

    Args:
        means: (cell, label) mean predicted probability of the pixels of each cell; NaN where it has none.
        targets: What the product says.
        seed: Fixes the sample of cells.
    """
    return trust_by(fit_trust(means, targets, seed=seed), means, targets)


def trust_by(fit: TrustFit | None, means: Floats, targets: CellTargets) -> CellTrust:
    """How far each cell is believed by a mixture that was found before; None believes all."""
    if fit is None:
        return CellTrust(np.ones(len(means)), 0.0, 1.0)
    return CellTrust(fit.trust(means, targets), fit.noise, fit.kappa)


@dataclass(frozen=True)
class _Likelihood:
    """How likely shares are in their own cell against any cell."""

    majority: bool
    prior: Floats
    references: Floats

    def ratio(self, log_m: Floats, y: Floats, kappa: float) -> Floats:
        """(cell,) log of own : any."""
        sharp, others = kappa * log_m, kappa * self.references
        if not self.majority:
            return np.asarray((y * sharp).sum(axis=1) - _log_mean_exp(y @ others.T))
        # one observation, which class is largest, drawn from normalised powers
        sharp = sharp - np.log(np.exp(sharp).sum(axis=1, keepdims=True))
        return np.asarray((y * sharp).sum(axis=1) - np.log(np.maximum(y @ self.prior, _LEAST)))


def _log_mean_exp(values: Floats) -> Floats:
    top = values.max(axis=1, keepdims=True)
    out: Floats = top[:, 0] + np.log(np.exp(values - top).mean(axis=1))
    return out


def _posterior(ratio: Floats, noise: float) -> Floats:
    odds = (1 - noise) * np.exp(np.clip(ratio, -60, 60))
    return np.asarray(odds / (odds + noise))


def _mixture(ratio: Floats) -> tuple[float, float]:
    """EM for the noise rate, given log likelihood ratios own : any; the rate, and the mean log-likelihood."""
    noise = 0.1
    for _ in range(60):
        noise = float(np.clip(1 - _posterior(ratio, noise).mean(), 1e-4, 0.9))
    odds = (1 - noise) * np.exp(np.clip(ratio, -60, 60))
    return noise, float(np.log(odds + noise).mean())
