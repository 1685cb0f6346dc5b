"""A correction in words: its additive reasons come in, an English and a Chinese text go out.

Each text says what changed, on how much ground and where; the strongest reasons, with their share
of everything that spoke for the change and their value in nats; what spoke against it; what the
network held; and the sum. Where a hard rule removed the class before, or smoothness or a lesson
alone moved the pixels, the text says so plainly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kg import vocab
from kg.legend import legend_names, load_legend
from reasoning.correction import BEST, MOST_EVIDENCE, Contribution, Corrected, Correction
from reasoning.explanation.phrases import area, degrees, join, signed, spaced, times
from reasoning.explanation.wording import EN, ZH, Wording

if TYPE_CHECKING:
    from kg.ontology import Ontology

TERMS = {
    vocab.NETWORK: ("the network", "网络"),
    vocab.SMOOTHNESS: ("smoothness", "平滑"),
    vocab.CALIBRATION: ("calibration", "校准"),
    vocab.LESSON: ("the usual errors of this network", "该网络的常见误差"),
}
"""Terms that every run may have: (English, Chinese) name."""
GIVEN_LABELS = ("the given labels", "给定标签")
"""What the network is called where there was none: a map of labels was given."""

SLIGHT = 0.01
"""Nats below which a contribution counts as silent (it moves the odds by one percent)."""

_LISTED = 3
_SMALL = 0.05  # share of the case below which a reason is not worth its own words
_SOURCES = {
    "osm": "OpenStreetMap",
    "worldcover": "WorldCover",
    "nlcd": "NLCD",
    "corine": "CORINE Land Cover",
    "globeland30": "GlobeLand30",
    "fromglc10": "FROM-GLC10",
    "dynamicworld": "Dynamic World",
    "esri": "Esri Land Cover",
}


@dataclass(frozen=True)
class Names:
    """What classes, reasons and evidence are called.

    Attributes:
        classes: Class IRI -> (English, Chinese) label.
        terms: Term IRI of a contribution -> (English, Chinese) name.
        rules: Rule IRI -> (English, Chinese) bare label.
        owner: IRI of a feature or cell -> term IRI of the source that holds it.
        said: IRI of a feature or cell -> (class IRI, share) of the class it mostly is.
        best: The corrections are those of a best labelling, whose sums are costs and no probabilities.
    """

    classes: Mapping[str, tuple[str, str]]
    terms: Mapping[str, tuple[str, str]]
    rules: Mapping[str, tuple[str, str]]
    owner: Mapping[str, str]
    said: Mapping[str, tuple[str, float]]
    best: bool = False


def names_of(corrected: Corrected, ontology: Ontology | None = None) -> Names:
    """Names of everything that the corrections of a run mention.

    Args:
        corrected: The run's result.
        ontology: Names core classes that evidence is of; without it they keep their short IRIs.
    """
    classes = {c.iri: (c.label, c.label_zh or c.label) for c in corrected.before.legend.classes}
    terms = dict(TERMS)
    if corrected.before.from_labels:
        terms[vocab.NETWORK] = GIVEN_LABELS
    for layer in corrected.layers:
        name = _source_name(layer.name)
        terms[layer.source] = (name, name)
    rules = {a.iri: (a.label, a.label_zh or a.label) for a in corrected.axioms}
    terms |= {iri: (f"the rule “{en}”", f"规则“{zh}”") for iri, (en, zh) in rules.items()}
    used = {entity for correction in corrected.corrections for entity in correction.evidence}
    owner, said = {}, {}
    for layer in corrected.layers:
        for row, entity in enumerate(layer.entities if used else ()):
            if entity in used:
                best = int(layer.shares[row].argmax())
                owner[entity] = layer.source
                said[entity] = (layer.classes[best], float(layer.shares[row, best]))
    for iri in sorted({iri for iri, _ in said.values()} - classes.keys()):
        classes[iri] = _label(iri, ontology)
    return Names(classes, terms, rules, owner, said, corrected.trace.stopped == BEST)


def _source_name(name: str) -> str:
    """What a layer is called: "osm-2" is the second OpenStreetMap extract, "corine-49" a list of codes."""
    known, _, number = name.lower().partition("-")
    if known not in _SOURCES:
        return name
    return f"{_SOURCES[known]} {number}" if len(number) == 1 else _SOURCES[known]


def _label(iri: str, ontology: Ontology | None) -> tuple[str, str]:
    """(English, Chinese) label of a core class or of a class of a legend that ships."""
    if ontology is not None and ontology.is_class(iri):
        return ontology.label(iri), ontology.label(iri, "zh")
    name = iri.removeprefix(vocab.LEGEND).partition("/")[0]
    if iri.startswith(vocab.LEGEND) and name in legend_names():
        found = [c for c in load_legend(name).classes if c.iri == iri]
        if found:
            return found[0].label, found[0].label_zh or found[0].label
    return vocab.curie(iri), vocab.curie(iri)


def support(correction: Correction) -> float:
    """Sum of the contributions that speak for the change, nats."""
    return sum(c.value for c in correction.contributions if c.value > 0)


def cause(correction: Correction) -> str:
    """IRI of the one term that made the change.

    The first hard rule that removed the class before; else the term other than the network with
    the largest value for the change; else the network, because nothing else spoke for it.
    """
    if correction.excluded_by:
        return correction.excluded_by[0]
    reasons = _reasons(correction)
    return reasons[0].term if reasons else vocab.NETWORK


def smoothness_alone(correction: Correction) -> bool:
    """Whether smoothness moved the pixels and neither a rule nor evidence spoke for it."""
    return _alone(correction) == "smoothness"


def _alone(correction: Correction) -> str:
    """The one kind of reason that spoke for the change besides the network; "" where there are none, or several."""
    kinds = {c.kind for c in _reasons(correction)}
    return kinds.pop() if len(kinds) == 1 and not correction.excluded_by else ""


def sentence_en(correction: Correction, names: Names) -> str:
    """The correction and its reasons in English."""
    return _tell(correction, names, EN)


def sentence_zh(correction: Correction, names: Names) -> str:
    """The correction and its reasons in Chinese."""
    return _tell(correction, names, ZH)


def _tell(correction: Correction, names: Names, words: Wording) -> str:
    before = names.classes[correction.before][words.column]
    after = names.classes[correction.after][words.column]
    opening = words.what.format(
        before=before,
        after=after,
        area=area(correction.area, words.units),
        pixels=(words.one if correction.pixels == 1 else words.many).format(n=correction.pixels),
        lat=degrees(correction.lat, "NS"),
        lon=degrees(correction.lon, "EW"),
    )
    parts = [
        _why(correction, names, words),
        _against(correction, names, words),
        _network(correction, (before, after), names, words),
        _choice(correction, (before, after), names, words),
        _total(correction, (before, after), names, words),
    ]
    text = opening + words.space.join(part for part in parts if part)
    return text if words is EN else spaced(text)


def _why(correction: Correction, names: Names, words: Wording) -> str:
    listed = _listed(correction, names, words)
    if correction.excluded_by:
        hard = [
            words.hard.format(name=names.rules[r][words.column]) for r in correction.excluded_by
        ]
        before = names.classes[correction.before][words.column]
        phrase = words.excluded_for if listed else words.excluded
        return phrase.format(before=before, rules=join(hard, words), reasons=listed)
    alone = {"smoothness": words.alone, "lesson": words.lesson}.get(_alone(correction))
    if alone:
        network, after = names.terms[vocab.NETWORK], names.classes[correction.after]
        value = signed(_reasons(correction)[0].value)
        column = words.column
        return alone.format(network=network[column], after=after[column], value=value)
    if not listed:
        return words.slight
    share = _reasons(correction)[0].value / support(correction)
    how = words.how[0 if share > 0.9 else 1 if share > 0.5 else 2]
    return words.because.format(how=how, reasons=listed)


def _reasons(correction: Correction) -> list[Contribution]:
    """What speaks for the change besides the network, strongest first."""
    reasons = [c for c in correction.contributions if c.kind != "network" and c.value > SLIGHT]
    return sorted(reasons, key=lambda c: -c.value)


def _listed(correction: Correction, names: Names, words: Wording) -> str:
    """The strongest reasons for the change as one list; "" when there is none."""
    reasons, total = _reasons(correction), support(correction)
    items, worth = [], [r for r in reasons[1:_LISTED] if r.value >= _SMALL * total]
    for place, reason in enumerate([*reasons[:1], *worth]):
        share = f"{reason.value / total:.0%}"
        items.append(
            words.reason.format(
                name=names.terms[reason.term][words.column],
                value=signed(reason.value),
                share=words.share.format(share=share) if place == 0 else share,
                features=_features(reason, correction, names, words),
            )
        )
    rest = reasons[1 + len(worth) :]
    left = sum(c.value for c in rest)
    if left >= _SMALL * total > 0:
        phrase = words.rest_one if len(rest) == 1 else words.rest
        items.append(phrase.format(n=len(rest), value=signed(left)))
    return join(items, words)


def _features(reason: Contribution, correction: Correction, names: Names, words: Wording) -> str:
    """The evidence of one source under the changed pixels, in brackets after its name."""
    mine = [e for e in correction.evidence if names.owner.get(e) == reason.term]
    if not mine:
        return ""
    first = words.feature.format(
        entity=short_entity(mine[0]), name=names.classes[names.said[mine[0]][0]][words.column]
    )
    several = len(correction.evidence) >= MOST_EVIDENCE
    more = words.features_least if several else words.features_more
    phrase = words.features if len(mine) == 1 else more
    return phrase.format(first=first, n=len(mine), more=len(mine) - 1)


def short_entity(entity: str) -> str:
    """What a sentence calls a feature or a cell, the last parts of its IRI: "way/123", "cell/3/5"."""
    parts = entity.split("/")
    return "/".join(parts[-3:] if parts[-3:-2] == ["cell"] else parts[-2:])


def _against(correction: Correction, names: Names, words: Wording) -> str:
    """The strongest reason against the change, if it weighs a tenth of those for it."""
    against = [c for c in correction.contributions if c.kind != "network" and c.value < -SLIGHT]
    worst = min(against, key=lambda c: c.value, default=None)
    if worst is None or -worst.value < support(correction) / 10:
        return ""
    return words.against.format(
        name=names.terms[worst.term][words.column], value=signed(worst.value)
    )


def _network(correction: Correction, classes: tuple[str, str], names: Names, words: Wording) -> str:
    value = sum(c.value for c in correction.contributions if c.kind == "network")
    tone = 0 if abs(value) < 0.1 else 1 if value > 0 else 2 if value > -2 else 3
    phrases = words.given if names.terms[vocab.NETWORK] == GIVEN_LABELS else words.network
    before, after = classes
    return phrases[tone].format(
        before=before, after=after, times=times(-value), value=signed(value)
    )


def _choice(correction: Correction, classes: tuple[str, str], names: Names, words: Wording) -> str:
    """Whether the reasons chose the class after among the others."""
    if not correction.alike:
        return ""
    first, rest = names.classes[correction.alike[0]][words.column], len(correction.alike) - 1
    phrase = words.alike_more if rest else words.alike
    return phrase.format(before=classes[0], after=classes[1], name=first, n=rest)


def _total(correction: Correction, classes: tuple[str, str], names: Names, words: Wording) -> str:
    before, after = classes
    plain = words.total_best if names.best else words.total
    phrase = words.total_excluded if correction.log_odds < 0 else plain
    return phrase.format(
        total=signed(correction.log_odds),
        times=times(correction.log_odds),
        before=before,
        after=after,
        confidence=f"{correction.confidence:.2f}",
    )
