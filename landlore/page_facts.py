"""What a page says about a run: corrections, reasons and files of a run come in, plain JSON-ready facts go out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg import vocab
from kg.legend import Legend
from kg.queries import load_query
from kg.raster import Raster
from landlore.figure import reason_colours
from reasoning.explanation.sentences import GIVEN_LABELS

if TYPE_CHECKING:
    from kg.store import KnowledgeGraph
    from landlore.truth import Scores
    from reasoning.explanation.accounts import Account

TOLD = 500
"""So many corrections, the largest, have their sentence on the page; all have their reasons."""
_KIND = {
    vocab.NETWORK: "network", vocab.LESSON: "lesson", vocab.CALIBRATION: "calibration", vocab.SMOOTHNESS: "smoothness",
}  # fmt: skip
_RULES = """SELECT ?rule ?label ?axiom ?citation { GRAPH ?g {
  ?rule a run:Rule ; rdfs:label ?label ; rdfs:comment ?axiom FILTER(LANG(?label) = "LANGUAGE")
  OPTIONAL { ?rule dct:source ?citation } } }"""

Facts = dict[str, Any]


def run_facts(run: Facts, told: Facts, corrected: Raster, step: int) -> Facts:
    """The run itself: what came in, how large it is, how inference ended; `step` thins the map out."""
    height, width = corrected.values.shape[1:]
    lon, lat = corrected.grid.lonlat([0, 0, height, height], [0, width, 0, width])
    return {
        "name": str(run["run"]).rpartition("/")[2],
        "model": run["model"],
        "job": told["job"],
        "labels": bool(told["from_labels"]),
        "pixels": run["pixels"],
        "changed": run["changed_pixels"],
        "area": run["changed_pixels"] * corrected.grid.pixel_area,
        "corners": [
            [round(float(x), 7), round(float(y), 7)] for x, y in zip(lon, lat, strict=True)
        ],
        "metres": corrected.grid.pixel_size[0] * step,
        "step": step,
        "steps": run["inference"]["steps"],
        "stopped": run["inference"]["stopped"],
        "idle": {vocab.curie(iri): why for iri, why in sorted(run["inactive_rules"].items())},
        "settings": told["settings"],
    }


def class_facts(
    labels: NDArray[np.int16],
    number: NDArray[np.int32],
    accounts: Sequence[Account],
    named: tuple[Legend, str],
) -> list[Facts]:
    """Every class of the legend, named in a language, with its pixels before and after."""
    legend, lang = named
    iris = [one.iri for one in legend.classes]
    after = np.bincount(labels[labels >= 0], minlength=len(iris))
    before = after.copy()
    changed = np.bincount(number[number >= 0], minlength=len(accounts))
    for count, one in zip(changed, accounts, strict=True):
        before[iris.index(one.before)] += count
        before[iris.index(one.after)] -= count
    return [
        {
            "name": (one.label_zh or one.label) if lang == "zh" else one.label,
            "colour": "#{:02x}{:02x}{:02x}".format(*colour), "before": int(a), "after": int(b),
        }
        for one, colour, a, b in zip(legend.classes, legend.colours, before, after, strict=True)
    ]  # fmt: skip


def rule_rows(graph: KnowledgeGraph, lang: str) -> dict[str, Facts]:
    """IRI -> "label" in a language, "axiom" and "citation" of each rule."""
    rows = graph.query(_RULES.replace("LANGUAGE", lang)).records()
    return {
        str(row["rule"]): {key: str(row[key] or "") for key in ("label", "axiom", "citation")}
        for row in rows
    }


def known_terms(
    accounts: Sequence[Account],
    causes: Mapping[int, str],
    rules: Mapping[str, Facts],
    told: Facts,
    lang: str,
) -> dict[str, Facts]:
    """Term IRI -> name, kind, colour and, of rules, what they say; those that decided most pixels first."""
    pixels: Counter[str] = Counter()
    names: dict[str, str] = {}
    for one in accounts:
        pixels[causes[one.index]] += one.pixels
        for reason in one.reasons:
            names.setdefault(reason.term, reason.label_zh if lang == "zh" else reason.label)
    if told["from_labels"]:
        names[vocab.NETWORK] = GIVEN_LABELS[lang == "zh"]
    order = sorted({*names, *pixels, *rules}, key=lambda term: (-pixels[term], term))
    colours = reason_colours(order, set(rules))
    return {
        term: {
            "iri": vocab.curie(term),
            "name": rules[term]["label"] if term in rules else names.get(term, vocab.curie(term)),
            "kind": "axiom" if term in rules else _KIND.get(term, "evidence"),
            "colour": "#{:02x}{:02x}{:02x}".format(*colours[term]),
            "axiom": rules[term]["axiom"] if term in rules else "",
            "cite": rules[term]["citation"] if term in rules else "",
        }
        for term in order
    }  # fmt: skip


def with_scores(
    terms: Mapping[str, Facts],
    accounts: Sequence[Account],
    causes: Mapping[int, str],
    scores: Scores | None,
) -> list[Facts]:
    """Terms with the pixels and corrections that each decided, and of these what became right and wrong."""
    keys = ("pixels", "corrections", *(("fixed", "broken") if scores else ()))
    sums = {term: dict.fromkeys(keys, 0) for term in terms}
    for one in accounts:
        mine = sums[causes[one.index]]
        mine["pixels"] += one.pixels
        mine["corrections"] += 1
        if scores:
            mine["fixed"] += int(scores.fixed[one.index])
            mine["broken"] += int(scores.broken[one.index])
    return [{**fact, **sums[term]} for term, fact in terms.items()]


def correction_rows(
    accounts: Sequence[Account],
    causes: Mapping[int, str],
    terms: Sequence[str],
    named: tuple[Legend, str],
    boxes: NDArray[np.int64],
) -> list[list[Any]]:
    """One short list per correction; `web/record.js` names its columns."""
    row = {term: i for i, term in enumerate(terms)}
    entity = {iri: i for i, iri in enumerate(entities(accounts))}
    classes = {one.iri: i for i, one in enumerate(named[0].classes)}
    return [
        [
            classes[one.before], classes[one.after], one.pixels, round(one.area, 1),
            round(one.lon, 6), round(one.lat, 6), round(one.log_odds, 4), round(one.confidence, 4),
            row[causes[one.index]], boxes[one.index].tolist(),
            [n for r in one.reasons for n in (row[r.term], round(r.value, 4))],
            sorted({entity[iri] for r in one.reasons for iri in r.evidence}),
            [row[rule] for rule in one.excluded_by],
            int(one.region.rpartition("/")[2]),
            _why(one, named[1]) if one.index < TOLD else "",
        ]
        for one in accounts
    ]  # fmt: skip


def _why(one: Account, lang: str) -> str:
    """The sentence without what and where, which stand above it, and without the sum, which stands below."""
    if lang == "zh":
        return one.sentence_zh.partition("”:")[2].partition("合计 ")[0]
    return one.sentence.partition(": ")[2].partition(" In sum ")[0]


def flows(accounts: Sequence[Account], legend: Legend) -> list[tuple[int, int, float]]:
    """(class before, class after, square metres) by the order of the legend, most ground first."""
    classes = {one.iri: i for i, one in enumerate(legend.classes)}
    sums: dict[tuple[int, int], float] = {}
    for one in accounts:
        pair = classes[one.before], classes[one.after]
        sums[pair] = sums.get(pair, 0.0) + round(one.area, 1)
    return [
        (a, b, area) for (a, b), area in sorted(sums.items(), key=lambda one: (-one[1], one[0]))
    ]


def entities(accounts: Sequence[Account]) -> list[str]:
    """IRIs of all features and cells that corrections name, sorted."""
    return sorted({iri for one in accounts for reason in one.reasons for iri in reason.evidence})


def source_rows(graph: KnowledgeGraph) -> list[dict[str, str]]:
    """Title, licence and origin of each source; not of what Landlore itself puts into graphs."""
    from kg.build import OWN

    rows = graph.query(load_query("sources-and-licences").sparql).records()
    return [
        {name: str(value) if value else "" for name, value in row.items()}
        for row in rows
        if str(row["source"]) not in OWN
    ]
