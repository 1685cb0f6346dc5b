"""What-if and why-not in words: flips and knobs come in, an English or a Chinese text goes out."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from fusion.prediction import Prediction
from kg import vocab
from reasoning.explanation.phrases import area, degrees, signed, spaced, times
from reasoning.explanation.sentences import Names
from reasoning.explanation.whatif import Flip, WhatIf
from reasoning.explanation.whynot import Knob, WhyNot
from reasoning.explanation.wording import EN, ZH, Wording

_LISTED = 8
_SAME_CLASS = 5  # flips of one pair of classes that are told with their place

_WORDS: Mapping[str, tuple[str, str]] = {
    "drop": ("without {name}", "去掉{name}"),
    "set": ("with {name} at {value} instead of {old}", "{name}取 {value} 而非 {old}"),
    "none": ("{change}: no pixel would have another class.", "{change}:没有像元会改变类别。"),
    "some": ("{change}: {pixels} ({area}) would have another class.", "{change}:{pixels}({area})会改变类别。"),
    "pair": (
        "“{now}” would become “{then}” on {area} ({pixels}) in {regions}, first at {lat}, {lon} ({odds}).",
        "“{now}”将变为“{then}”,{area}({pixels}),涉及 {regions},首处位于 {lat}、{lon}({odds})。",
    ),
    "regions": ("{n} regions", "{n} 个区域"),
    "region": ("1 region", "1 个区域"),
    "more": ("Pairs of classes left out: {n}.", "另有 {n} 对类别。"),
    "here": (
        "At {lat}, {lon}: “{now}” would become “{then}” (probability {p}).",
        "{lat}、{lon} 处:“{now}”将变为“{then}”(概率 {p})。",
    ),
    "stays": (
        "At {lat}, {lon}: “{now}” would stay (probability {p}, was {was}).",
        "{lat}、{lon} 处:“{now}”保持不变(概率 {p},原为 {was})。",
    ),
    "window": (
        "Solved again in {w} x {h} pixels; everything outside was held as it is.",
        "在 {w} x {h} 像元内重新求解,其外保持不变。",
    ),
    "whole": ("Solved again for the whole map.", "对整幅图重新求解。"),
    "why": (
        "At {lat}, {lon} it is “{now}” and not “{wanted}”: “{now}” is {times} times as likely ({odds}), by {parts}.",
        "{lat}、{lon} 处为“{now}”而非“{wanted}”:“{now}”的可能性是 {times} 倍({odds}),来自{parts}。",
    ),
    "gone": (
        "At {lat}, {lon} it is “{now}” and cannot be “{wanted}”: {rules} excludes it.",
        "{lat}、{lon} 处为“{now}”,不可能为“{wanted}”:被{rules}排除。",
    ),
    "least": ("The smallest single change that gives “{wanted}”: {knob}.", "得到“{wanted}”的最小单项改动:{knob}。"),
    "also": ("So would, alone: {knobs}.", "单独也可以的改动:{knobs}。"),
    "no single": (
        "No single change gives “{wanted}”: not {knobs}.",
        "没有任何单项改动能得到“{wanted}”:包括{knobs}。",
    ),
    "others": ("Nothing does it alone among: {knobs}.", "以下各项单独都不行:{knobs}。"),
    "knob": ("{name} at {value} instead of {old} ({share} {way})", "{name}取 {value} 而非 {old}({way} {share})"),
    "dropped": ("{name} left out", "去掉{name}"),
    "network": ("{name} {value} nats more for it", "{name}多支持 {value} 奈特"),
    "certain": ("for certain", "确定"),
    "less": ("less", "减少"),
    "extra": ("more", "增加"),
}  # fmt: skip


def _say(key: str, words: Wording, **parts: object) -> str:
    return _WORDS[key][words.column].format(**parts)


def _list(items: list[str], words: Wording) -> str:
    """Things side by side, in no order of their own."""
    comma, last = (", ", " and ") if words is EN else ("、", "和")
    return comma.join(items[:-1]) + (last if len(items) > 1 else "") + "".join(items[-1:])


def _pixels(n: int, words: Wording) -> str:
    return (words.one if n == 1 else words.many).format(n=n)


def told_what_if(
    found: WhatIf, names: Names, before: Prediction, old: Mapping[str, float], lang: str = "en"
) -> list[str]:
    """A what-if as lines of text.

    Args:
        found: What would flip.
        names: What classes and terms are called (`reasoning.explanation.sentences.names_of`).
        before: Gives the grid.
        old: Values of the run (`Terms.values`).
        lang: "en" or "zh".
    """
    words = ZH if lang == "zh" else EN
    changes = [
        _say("set" if value else "drop", words, name=names.terms[term][words.column], value=f"{value:g}",
             old=f"{old[term]:g}")
        for term, value in found.change.values.items()
    ]  # fmt: skip
    change = _list(changes, words)
    change = change[:1].upper() + change[1:]
    total = area(found.pixels * before.grid.pixel_area, words.units)
    key = "some" if found.flips else "none"
    lines = [_say(key, words, change=change, pixels=_pixels(found.pixels, words), area=total)]
    pairs: dict[tuple[str, str], list[Flip]] = {}
    for flip in found.flips:
        pairs.setdefault((flip.now, flip.then), []).append(flip)
    ranked = sorted(pairs.values(), key=lambda flips: -sum(f.pixels for f in flips))
    lines += ["  " + _pair(flips, names, words) for flips in ranked[:_LISTED]]
    if len(ranked) > _LISTED:
        lines.append("  " + _say("more", words, n=len(ranked) - _LISTED))
    lines.append(_solved(found, before, words))
    return [line if words is EN else spaced(line) for line in lines]


def _pair(flips: list[Flip], names: Names, words: Wording) -> str:
    pixels, first = sum(flip.pixels for flip in flips), flips[0]
    regions = len({flip.region for flip in flips})
    odds = sum(flip.log_odds * flip.pixels for flip in flips) / pixels
    told = signed(odds) if math.isfinite(odds) else _WORDS["certain"][words.column]
    return _say(
        "pair", words,
        now=names.classes[first.now][words.column], then=names.classes[first.then][words.column],
        area=area(sum(flip.area for flip in flips), words.units), pixels=_pixels(pixels, words),
        regions=_say("region" if regions == 1 else "regions", words, n=regions),
        lat=degrees(first.lat, "NS"), lon=degrees(first.lon, "EW"), odds=told,
    )  # fmt: skip


def _solved(found: WhatIf, before: Prediction, words: Wording) -> str:
    rows, cols = found.window
    size = (rows.stop - rows.start, cols.stop - cols.start)
    return _say("whole" if size == before.grid.shape else "window", words, h=size[0], w=size[1])


def told_place(
    found: WhatIf, place: tuple[int, int], names: Names, after: Prediction, lang: str = "en"
) -> str:
    """What a what-if means at one pixel.

    Args:
        found: What would flip; its window holds the pixel.
        place: Row and column.
        names: What classes are called.
        after: The corrected prediction as it is.
        lang: "en" or "zh".
    """
    words = ZH if lang == "zh" else EN
    row, col = place
    now = int(after.labels[row, col])
    then = int(found.labels[row - found.window[0].start, col - found.window[1].start])
    q = found.q[row - found.window[0].start, col - found.window[1].start]
    lon, lat = (float(v) for v in after.grid.lonlat(row + 0.5, col + 0.5))
    classes = after.legend.classes
    text = _say(
        "stays" if now == then else "here", words,
        lat=degrees(lat, "NS"), lon=degrees(lon, "EW"),
        now=names.classes[classes[now].iri][words.column],
        then=names.classes[classes[then].iri][words.column],
        p=f"{q[then]:.2f}", was=f"{after.probabilities[now, row, col]:.2f}",
    )  # fmt: skip
    return text if words is EN else spaced(text)


def told_why_not(found: WhyNot, names: Names, before: Prediction, lang: str = "en") -> list[str]:
    """A why-not as lines of text.

    Args:
        found: The knobs.
        names: What classes and terms are called.
        before: Gives the grid.
        lang: "en" or "zh".
    """
    words = ZH if lang == "zh" else EN
    lon, lat = (float(v) for v in before.grid.lonlat(found.row + 0.5, found.col + 0.5))
    here = {"lat": degrees(lat, "NS"), "lon": degrees(lon, "EW")}
    wanted = names.classes[found.wanted][words.column]
    now = names.classes[found.now][words.column]
    if found.excluded_by:
        rules = _list([names.terms[rule][words.column] for rule in found.excluded_by], words)
        lines = [_say("gone", words, now=now, wanted=wanted, rules=rules, **here)]
    else:
        parts = _list(_parts(found, names, words), words)
        odds = {"times": times(found.log_odds), "odds": signed(found.log_odds)}
        lines = [_say("why", words, now=now, wanted=wanted, parts=parts, **odds, **here)]
    lines += _answers(found, wanted, names, words)
    return [line if words is EN else spaced(line) for line in lines]


def _parts(found: WhyNot, names: Names, words: Wording) -> list[str]:
    """What the log-odds are made of, largest magnitude first; what is under 0.0005 nats counts together."""
    ranked = sorted(found.parts, key=lambda part: (-abs(part[2]), part[0]))
    shown = [part for part in ranked if abs(part[2]) >= 0.0005][:_LISTED]
    listed = [f"{names.terms[term][words.column]} {signed(value)}" for term, _, value in shown]
    rest = [value for _, _, value in ranked[len(shown) :] if value]
    if rest:
        phrase = words.rest_one if len(rest) == 1 else words.rest
        listed.append(phrase.format(n=len(rest), value=signed(float(np.sum(rest)))))
    return listed


def _answers(found: WhyNot, wanted: str, names: Names, words: Wording) -> list[str]:
    failed = [names.terms[k.term][words.column] for k in found.knobs if k.needed is None]
    if not found.possible:
        return [_say("no single", words, wanted=wanted, knobs=_list(failed, words))]
    best, *rest = [_knob(knob, names, words) for knob in found.possible]
    lines = [_say("least", words, wanted=wanted, knob=best)]
    if rest:
        lines.append(_say("also", words, knobs=_list(rest, words)))
    if failed:
        lines.append(_say("others", words, knobs=_list(failed, words)))
    return lines


def _knob(knob: Knob, names: Names, words: Wording) -> str:
    name, needed = names.terms[knob.term][words.column], knob.needed or 0.0
    if knob.term == vocab.NETWORK:
        return _say("network", words, name=name, value=f"{needed:.2f}")
    if needed == 0 or math.isinf(knob.value):
        return _say("dropped", words, name=name)
    way = _WORDS["less" if needed < knob.value else "extra"][words.column]
    share = f"{knob.size:.0%}"
    return _say(
        "knob",
        words,
        name=name,
        value=f"{needed:.3g}",
        old=f"{knob.value:.3g}",
        share=share,
        way=way,
    )
