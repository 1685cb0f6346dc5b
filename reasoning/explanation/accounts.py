"""A correction as the graph of a run tells it: plain values that tables and pages are made from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """One additive reason of a correction.

    Attributes:
        kind: "network", "lesson", "calibration", "evidence", "smoothness" or "axiom".
        term: `vocab.NETWORK`, `vocab.LESSON`, `vocab.CALIBRATION`, `vocab.SMOOTHNESS`, the graph of a source, or the
            IRI of a rule.
        label, label_zh: What the term is called.
        value: Nats; positive speaks for the class after.
        share: Share of a positive value in everything that spoke for the change, 0..1.
        evidence: IRIs of the features and cells behind it.
    """

    kind: str
    term: str
    label: str
    label_zh: str
    value: float
    share: float
    evidence: tuple[str, ...]


@dataclass(frozen=True)
class Account:
    """A correction as the graph tells it.

    Attributes:
        iri: IRI of the correction.
        index: Its value in `reasons.tif`.
        region: IRI of its region.
        before, after: Class IRIs.
        labels: (before, after), English.
        labels_zh: (before, after), Chinese.
        pixels: Pixels changed.
        area: Square metres.
        lon, lat: A changed pixel near the middle, degrees CRS84.
        log_odds: Sum of the values of `reasons`, nats.
        confidence: Mean probability of the class after.
        sentence, sentence_zh: The correction in words.
        reasons: Largest magnitude first.
        excluded_by: IRIs of hard rules that removed the class before.
    """

    iri: str
    index: int
    region: str
    before: str
    after: str
    labels: tuple[str, str]
    labels_zh: tuple[str, str]
    pixels: int
    area: float
    lon: float
    lat: float
    log_odds: float
    confidence: float
    sentence: str
    sentence_zh: str
    reasons: tuple[Reason, ...]
    excluded_by: tuple[str, ...]
