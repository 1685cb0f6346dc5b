from dataclasses import replace

import pytest

from kg import vocab
from kg.ontology import load_ontology
from reasoning.correction import MOST_EVIDENCE, Contribution
from reasoning.explanation.sentences import (
    cause,
    names_of,
    sentence_en,
    sentence_zh,
    smoothness_alone,
    support,
)


@pytest.fixture(scope="module")
def names(handmade):
    return names_of(handmade, load_ontology())


def test_evidence_and_rules(handmade, names):
    assert sentence_en(handmade.corrections[0], names) == (
        "“Water” became “Building” on 1,200 m² (12 pixels) at 48.03315° N, 15.00034° E: "
        "mostly because of OpenStreetMap (+2.25, 58% of the case for it; way/11, “building” and 1 more), then "
        "the rule “Water is at least 12 m wide” (+1.12, 29%) and the rule “Mapped buildings are "
        "buildings” (+0.50, 13%). Against it spoke smoothness (−0.50). The network itself "
        "disagreed: it held “Water” 5.8 times as likely (−1.75). In sum +1.62 nats: “Building” is "
        "5.1 times as likely as “Water”, probability 0.90."
    )
    assert sentence_zh(handmade.corrections[0], names) == (
        "48.03315° N、15.00034° E 处 1,200 平方米(12 个像元)由“水体”改为“建筑”:主要依据"
        " OpenStreetMap(+2.25,占支持理由的 58%;way/11“建筑物”等 2 处)、规则“水体宽度不小于 12 米”"
        "(+1.12,29%)和规则“已测绘的建筑是建筑”(+0.50,13%)。平滑则反对(−0.50)。网络本身"
        "不同意:它认为“水体”的可能性是“建筑”的 5.8 倍(−1.75)。合计 +1.62 奈特:“建筑”的可能性是"
        "“水体”的 5.1 倍,概率 0.90。"
    )


def test_where_no_more_features_are_kept_there_may_be_others(handmade, names):
    first = handmade.corrections[0]
    many = replace(first, evidence=first.evidence * (MOST_EVIDENCE // 2))
    assert "way/11, “building” and at least 7 more)" in sentence_en(many, names)
    assert "way/11“建筑物”等至少 8 处)" in sentence_zh(many, names)


def test_smoothness_alone_says_so(handmade, names):
    correction = handmade.corrections[1]
    assert smoothness_alone(correction)
    assert "smoothness alone did it" in sentence_en(correction, names)
    assert "no rule and no evidence spoke for it" in sentence_en(correction, names)
    assert "The network itself was undecided (−0.06)" in sentence_en(correction, names)
    assert "仅由平滑所致" in sentence_zh(correction, names)
    assert "没有规则或证据" in sentence_zh(correction, names)


def test_smoothness_with_a_rule_beside_it_is_not_alone(handmade):
    rule = Contribution(vocab.RULE + "water-min-width", "axiom", 0.4)
    both = replace(
        handmade.corrections[1], contributions=(*handmade.corrections[1].contributions, rule)
    )
    assert not smoothness_alone(both)
    assert cause(both) == vocab.SMOOTHNESS


def test_excluded_by_a_hard_rule(handmade, names):
    correction = handmade.corrections[2]
    english, chinese = sentence_en(correction, names), sentence_zh(correction, names)
    assert "“Ice” is excluded here by the hard rule “No glacier below 500 m”" in english
    assert "Without the exclusion the sum would be −1.50 nats" in english
    assert "硬规则“海拔 500 米以下无冰川”排除" in chinese
    assert not smoothness_alone(correction)


def test_the_network_against_it(handmade, names):
    correction = handmade.corrections[3]
    english, chinese = sentence_en(correction, names), sentence_zh(correction, names)
    assert "almost entirely because of the rule “Water is at least 12 m wide”" in english
    assert "Against it spoke NLCD (−0.75)" in english
    assert "disagreed strongly: it held “Water” 12 times as likely (−2.50)" in english
    assert "网络本身强烈反对" in chinese


def test_cause(handmade):
    causes = [cause(c) for c in handmade.corrections]
    rule = vocab.RULE
    assert causes == [
        vocab.GRAPH + "osm", vocab.SMOOTHNESS, rule + "no-ice", rule + "water-min-width",
    ]  # fmt: skip


def test_support_counts_only_what_speaks_for_it(handmade):
    assert support(handmade.corrections[0]) == 2.25 + 1.125 + 0.5


def test_small_reasons_are_told_together(handmade, names):
    first = handmade.corrections[0]
    product = Contribution(vocab.GRAPH + "nlcd", "evidence", 0.25)
    four = replace(first, contributions=(*first.contributions, product))
    assert "(+0.50, 12%) and a smaller reason (+0.25)" in sentence_en(four, names)
    assert "另一项较小的理由(+0.25)" in sentence_zh(four, names)
    again = replace(four, contributions=(*four.contributions, product))
    assert "and 2 smaller reasons (+0.50)" in sentence_en(again, names)
    speck = product._replace(value=0.03)
    told = sentence_en(replace(first, contributions=(*first.contributions, speck)), names)
    assert "smaller" not in told and "+0.03" not in told, "under a twentieth of the case"


def test_evidence_is_named_by_what_it_was_seen_as(handmade, names):
    assert names.said["https://www.openstreetmap.org/way/11"] == (vocab.CORE + "Building", 1.0)
    assert names.classes[vocab.CORE + "Grassland"] == ("grassland", "草地")
    assert "cell/0/1, “grassland”" in sentence_en(handmade.corrections[2], names)
    plain = names_of(handmade)
    assert plain.classes[vocab.CORE + "Grassland"] == ("ll:Grassland", "ll:Grassland")


def test_classes_of_another_legend_are_named(handmade):
    osm, nlcd = handmade.layers
    foreign = replace(nlcd, classes=(vocab.LEGEND + "nlcd/21", vocab.LEGEND + "nlcd/71"))
    names = names_of(replace(handmade, layers=(osm, foreign)))
    assert names.classes[vocab.LEGEND + "nlcd/71"][0].lower().startswith("grassland")


def test_nothing_but_the_network(handmade, names):
    only = replace(
        handmade.corrections[1],
        contributions=(Contribution(vocab.NETWORK, "network", 0.5),),
        log_odds=0.5,
    )
    assert cause(only) == vocab.NETWORK
    assert "only slight differences" in sentence_en(only, names)
    assert "leaned to “Grass” (+0.50)" in sentence_en(only, names)
    assert "倾向“草地”" in sentence_zh(only, names)


@pytest.mark.parametrize(
    ("area", "english", "chinese"),
    [
        (4.25, "4.2 m²", "4.2 平方米"),
        (52_300.0, "5.2 ha", "5.2 公顷"),
        (3_410_000.0, "3.4 km²", "3.4 平方千米"),
    ],
)
def test_areas(handmade, names, area, english, chinese):
    correction = replace(handmade.corrections[1], area=area, pixels=1)
    assert f"on {english} (1 pixel)" in sentence_en(correction, names)
    assert f"{chinese}(1 个像元)" in sentence_zh(correction, names)


def test_southern_and_western_places(handmade, names):
    correction = replace(handmade.corrections[1], lat=-34.02, lon=-20.44)
    assert "34.02000° S, 20.44000° W" in sentence_en(correction, names)


def test_given_labels_are_not_called_a_network(handmade):
    given = replace(handmade, before=replace(handmade.before, from_labels=True))
    names = names_of(given)
    texts = [sentence_en(c, names) for c in given.corrections]
    assert not any("network" in text for text in texts)
    assert "The given labels said “Water”, which counts as 12 times as likely (−2.50)" in texts[3]
    assert "the neighbouring pixels outvoted the given labels" in texts[1]
    assert all("网络" not in sentence_zh(c, names) for c in given.corrections)
