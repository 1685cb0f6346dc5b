"""The phrases that corrections are told in, English and Chinese; `sentences.py` fills them in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    """One language: every phrase is a `str.format` template.

    Attributes:
        column: 0 for English, 1 for Chinese: which of a pair of names is used.
        what: Opening; before, after, area, pixels, lat, lon.
        one, many: Number of pixels; n.
        because: The reasons; how, reasons.
        how: In words, the share of the strongest reason: over 90 %, over 50 %, less.
        share: Share of the first reason; share.
        reason: One reason; name, value, share, features.
        feature: A feature or cell and what its source says it is; entity, name.
        features: Evidence behind a reason, one feature; first.
        features_more: The same, several; first, n, more.
        features_least: The same, where only so many are kept; first, n, more.
        rest, rest_one: Reasons too small to list, and just one; n, value.
        joins: Separator of a list, and the last one.
        excluded: A hard rule removed the class before; before, rules.
        excluded_for: The same, and reasons spoke for it; before, rules, reasons.
        hard: A rule that is hard; name.
        alone: Smoothness alone; network, value.
        lesson: A lesson about the network's errors alone; after, value.
        slight: Nothing spoke for it.
        against: Strongest reason against; name, value.
        network: The network was undecided, leaned to after, disagreed, disagreed strongly;
            before, after, times, value.
        given: The same where labels were given instead of a network.
        total: The sum; total, times, before, after, confidence.
        total_excluded: The sum where it is negative; total, confidence.
        total_best: The sum in a best labelling; total, before.
        alike, alike_more: Other classes were as likely as the one after: one, or one and more; before, after, name, n.
        units: Area in square metres, hectares, square kilometres.
        space: Between phrases.
    """

    column: int
    what: str
    one: str
    many: str
    because: str
    how: tuple[str, str, str]
    share: str
    reason: str
    feature: str
    features: str
    features_more: str
    features_least: str
    rest: str
    rest_one: str
    joins: tuple[str, str]
    excluded: str
    excluded_for: str
    hard: str
    alone: str
    lesson: str
    slight: str
    against: str
    network: tuple[str, str, str, str]
    given: tuple[str, str, str, str]
    total: str
    total_excluded: str
    total_best: str
    alike: str
    alike_more: str
    units: tuple[str, str, str]
    space: str


EN = Wording(
    column=0,
    what="“{before}” became “{after}” on {area} ({pixels}) at {lat}, {lon}: ",
    one="1 pixel",
    many="{n:,} pixels",
    because="{how} because of {reasons}.",
    how=("almost entirely", "mostly", "in the first place"),
    share="{share} of the case for it",
    reason="{name} ({value}, {share}{features})",
    feature="{entity}, “{name}”",
    features="; {first}",
    features_more="; {first} and {more} more",
    features_least="; {first} and at least {more} more",
    rest="{n} smaller reasons ({value})",
    rest_one="a smaller reason ({value})",
    joins=(", then ", " and "),
    excluded="“{before}” is excluded here by {rules}.",
    excluded_for="“{before}” is excluded here by {rules}; {reasons} spoke for the new class.",
    hard="the hard rule “{name}”",
    alone="smoothness alone did it, the neighbouring pixels outvoted {network} ({value} nats); "
    "no rule and no evidence spoke for it.",
    lesson="because this network usually errs here: labels and ground like these speak for “{after}” where the truth "
    "is known ({value} nats); no rule and no evidence spoke for it.",
    slight="only slight differences spoke for it.",
    against="Against it spoke {name} ({value}).",
    network=(
        "The network itself was undecided ({value}).",
        "The network itself leaned to “{after}” ({value}).",
        "The network itself disagreed: it held “{before}” {times} times as likely ({value}).",
        "The network itself disagreed strongly: "
        "it held “{before}” {times} times as likely ({value}).",
    ),
    given=(
        "The given labels left it open ({value}).",
        "The given labels leaned to “{after}” ({value}).",
        "The given labels said “{before}”, which counts as {times} times as likely ({value}).",
        "The given labels said “{before}”, which counts as {times} times as likely ({value}).",
    ),
    total="In sum {total} nats: “{after}” is {times} times as likely as “{before}”, "
    "probability {confidence}.",
    total_excluded="Without the exclusion the sum would be {total} nats; probability {confidence}.",
    total_best="In sum {total} nats: so much would going back to “{before}” cost.",
    alike="All this speaks against “{before}”, but not for “{after}” in particular: “{name}” was as likely.",
    alike_more="All this speaks against “{before}”, but not for “{after}” in particular: “{name}” and {n} more "
    "were as likely.",
    units=("m²", "ha", "km²"),
    space=" ",
)

ZH = Wording(
    column=1,
    what="{lat}、{lon} 处 {area}({pixels})由“{before}”改为“{after}”:",
    one="1 个像元",
    many="{n:,} 个像元",
    because="{how}依据{reasons}。",
    how=("几乎完全", "主要", "首先"),
    share="占支持理由的 {share}",
    reason="{name}({value},{share}{features})",
    feature="{entity}“{name}”",
    features=";{first}",
    features_more=";{first}等 {n} 处",
    features_least=";{first}等至少 {n} 处",
    rest="另外 {n} 项较小的理由({value})",
    rest_one="另一项较小的理由({value})",
    joins=("、", "和"),
    excluded="“{before}”在此被{rules}排除。",
    excluded_for="“{before}”在此被{rules}排除;{reasons}支持新类别。",
    hard="硬规则“{name}”",
    alone="仅由平滑所致,相邻像元的意见压过了{network}({value} 奈特);没有规则或证据支持此改动。",
    lesson="因为该网络在此处常常出错:在已知真值的地方,这样的标签和地面支持“{after}”({value} 奈特);"
    "没有规则或证据支持此改动。",
    slight="支持理由都很微弱。",
    against="{name}则反对({value})。",
    network=(
        "网络本身未作定论({value})。",
        "网络本身倾向“{after}”({value})。",
        "网络本身不同意:它认为“{before}”的可能性是“{after}”的 {times} 倍({value})。",
        "网络本身强烈反对:它认为“{before}”的可能性是“{after}”的 {times} 倍({value})。",
    ),
    given=(
        "给定标签未作定论({value})。",
        "给定标签倾向“{after}”({value})。",
        "给定标签为“{before}”,按 {times} 倍可能计({value})。",
        "给定标签为“{before}”,按 {times} 倍可能计({value})。",
    ),
    total="合计 {total} 奈特:“{after}”的可能性是“{before}”的 {times} 倍,概率 {confidence}。",
    total_excluded="若不排除,合计为 {total} 奈特;概率 {confidence}。",
    total_best="合计 {total} 奈特:改回“{before}”要付出这么多代价。",
    alike="以上理由反对“{before}”,但并不特别支持“{after}”:“{name}”同样可能。",
    alike_more="以上理由反对“{before}”,但并不特别支持“{after}”:“{name}”及另外 {n} 个类别同样可能。",
    units=("平方米", "公顷", "平方千米"),
    space="",
)
