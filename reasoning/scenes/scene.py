"""Reasons of scene answers come in; statements for the run's named graph and sentences in two languages go out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from kg import statements as rdf
from kg import vocab
from kg.errors import InputError
from kg.reasons import ScenePart, SceneReason
from kg.scenes import RELATIONS, SceneKnowledge
from kg.statements import Statements

_A, _RUN, _PROV = vocab.RDF + "type", vocab.RUN, vocab.PROV
_EN = dict(zip(RELATIONS, ("cover", "with", "pattern:", "used for", "near"), strict=True))
_ZH = dict(zip(RELATIONS, ("覆盖", "含有", "形态:", "用途:", "邻近"), strict=True))
_BLOCKS_EN = {
    "text": "its name and definition",
    "kge": "its links in the graph",
    "image-text": "likeness to its prompt",
    "prior": "its standing on an average image",
    "own images": "images known of it",
    "seen": "what classes with known images are held back by",
    "other images": "similar images",
    "aligned": "its statements, by a network",
}
_BLOCKS_ZH = {
    "text": "名称与定义",
    "kge": "图谱中的关联",
    "image-text": "与提示词的相似度",
    "prior": "在平均图像上的得分",
    "own images": "该类已知图像",
    "seen": "属于已见类别",
    "other images": "相似图像",
    "aligned": "网络所读的陈述",
}


_RULES = ("axiom", "excluded")
"""Kinds of parts that are about an axiom."""
_STATED = ("triple", "map")
"""Kinds of parts that are about a statement of a class."""


def scene_graph(run: str) -> str:
    """IRI of the named graph of a scene run.

    Raises:
        InputError: `run` cannot be part of an IRI.
    """
    if not run or not all(c.isascii() and (c.isalnum() or c in "-_.") for c in run):
        raise InputError(
            f"run name {run!r}: expected letters, digits, '-', '_' and '.'", "for example run-1"
        )
    return f"{vocab.GRAPH}run/{run}"


def scene_statements(
    reasons: Sequence[SceneReason],
    knowledge: SceneKnowledge,
    *,
    run: str,
    model: str,
    when: str | None = None,
) -> Iterator[Statements]:
    """A scene run as RDF, without blank nodes, in a fixed order; `kg.statements.ntriples` writes it.

    Args:
        reasons: One per image.
        knowledge: Names the values.
        run: Name of the run; the same name replaces the run.
        model: What made the scores (`SceneScores.model`).
        when: ISO 8601 date and time at which the run ended; left out when None.

    Raises:
        InputError: `run` cannot be part of an IRI, or `when` is not a date.
    """
    scene_graph(run)
    this = f"{vocab.ID}run/{run}"
    yield (
        this,
        [
            (_A, f"<{_RUN}SceneRun>"),
            (_A, f"<{_PROV}Activity>"),
            (vocab.RDFS + "label", rdf.text(f"scene run {run}", "en")),
            (vocab.RDFS + "label", rdf.text(f"场景分类运行 {run}", "zh")),
            (_PROV + "used", f"<{vocab.BASE}scene>"),
            (vocab.DCT + "description", rdf.text(model)),
            *(
                [(_PROV + "endedAtTime", rdf.typed(_moment(when), vocab.XSD + "dateTime"))]
                if when
                else []
            ),
        ],
    )
    for i, reason in enumerate(reasons):
        yield from _answer(f"{this}/scene/{i}", i, reason, knowledge, this)


def _moment(when: str) -> str:
    try:
        return datetime.fromisoformat(when).isoformat()
    except ValueError as error:
        raise InputError(
            f"time {when!r}: expected ISO 8601", "for example 2026-01-31T12:00:00"
        ) from error


def _answer(
    this: str, index: int, reason: SceneReason, knowledge: SceneKnowledge, run: str
) -> Iterator[Statements]:
    english, chinese = scene_sentences(reason, knowledge)
    pairs = [
        (_A, f"<{_RUN}SceneAnswer>"),
        (_A, f"<{_PROV}Entity>"),
        (_RUN + "index", rdf.integer(index)),
        (_PROV + "wasGeneratedBy", f"<{run}>"),
        (_RUN + "item", rdf.text(reason.item)),
        (_RUN + "answerName", rdf.text(reason.answer)),
        (_RUN + "rivalName", rdf.text(reason.rival)),
        (_RUN + "probability", rdf.double(reason.probability)),
        (_RUN + "logOdds", rdf.double(reason.log_odds)),
        (_RUN + "sentence", rdf.text(english, "en")),
        (_RUN + "sentence", rdf.text(chinese, "zh")),
    ]
    iris = (("answer", reason.answer_iri), ("rival", reason.rival_iri))
    pairs += [(_RUN + name, rdf.iri(value)) for name, value in iris if value]
    pairs += [(_RUN + "nearSeen", rdf.text(name)) for name in reason.near]
    pairs += [(_RUN + "answerLender", rdf.iri(iri)) for iri in reason.answer_lenders]
    pairs += [(_RUN + "rivalLender", rdf.iri(iri)) for iri in reason.rival_lenders]
    pairs += [(_RUN + "noneOfThese", rdf.typed("true", vocab.XSD + "boolean"))] * reason.outside
    pairs += [(_RUN + "contribution", f"<{this}/reason/{n}>") for n in range(len(reason.parts))]
    yield this, pairs
    for n, part in enumerate(reason.parts):
        yield f"{this}/reason/{n}", _part(part)


def _part(part: ScenePart) -> list[tuple[str, str]]:
    pairs = [
        (_A, f"<{_RUN}SceneReason>"),
        (_RUN + "kind", rdf.text(part.kind)),
        (_RUN + "value", rdf.double(part.contribution)),
    ]
    if part.kind in _RULES:
        pairs.append((_RUN + "about", rdf.iri(part.value)))
    if part.kind in _STATED:
        pairs += [
            (_RUN + "relation", rdf.iri(part.relation)),
            (_RUN + "about", rdf.iri(part.value)),
            (_RUN + "answerWeight", rdf.double(part.answer_weight)),
            (_RUN + "rivalWeight", rdf.double(part.rival_weight)),
        ]
    return pairs


def scene_sentences(
    reason: SceneReason, knowledge: SceneKnowledge, *, most: int = 3
) -> tuple[str, str]:
    """The answer and its strongest reasons for and against, in English and in Chinese.

    Args:
        reason: Why an image got its class.
        knowledge: Names the values.
        most: Reasons named on each side.
    """
    spoke = [p for p in reason.parts if p.contribution > 0][:most]
    gone = [knowledge.label(p.value) for p in reason.parts if p.kind == "excluded"]
    gone_zh = [knowledge.label(p.value, "zh") for p in reason.parts if p.kind == "excluded"]
    against = [p for p in reason.parts if p.contribution < 0][:most]
    odds = f"{reason.log_odds:+.2f}"
    english = (
        f"{reason.item}: {reason.answer} ({reason.probability:.2f}) rather than {reason.rival}, log-odds {odds}. "
        f"For it: {_list(spoke, lambda p: _words(p, knowledge, 'en'), ', ')}; "
        f"against it: {_list(against, lambda p: _words(p, knowledge, 'en'), ', ', 'nothing')}."
    )
    chinese = (
        f"{reason.item}:判为{_chinese(reason.answer, reason.answer_iri, knowledge)}({reason.probability:.2f}),"
        f"而非{_chinese(reason.rival, reason.rival_iri, knowledge)},对数几率 {odds}。"
        f"支持:{_list(spoke, lambda p: _words(p, knowledge, 'zh'), '、', '无')};"
        f"反对:{_list(against, lambda p: _words(p, knowledge, 'zh'), '、', '无')}。"
    )
    if reason.outside:
        english += f" Yet it is none of these, more like {reason.near[0]}."
        chinese += f"但更像{reason.near[0]},不属于所问的任何类别。"
    if gone:
        english += f" The class that scored best is excluded by: {'; '.join(gone)}."
        chinese += f"得分最高的类别被排除:{';'.join(gone_zh)}。"
    return english, chinese


def _chinese(name: str, iri: str, knowledge: SceneKnowledge) -> str:
    return knowledge.label(iri, "zh") if iri else name


def _list(
    parts: Sequence[ScenePart], words: Callable[[ScenePart], str], comma: str, none: str = "nothing"
) -> str:
    return comma.join(words(part) for part in parts) or none


def _words(part: ScenePart, knowledge: SceneKnowledge, language: str) -> str:
    number = f"{part.contribution:+.2f}"
    if part.kind in _RULES:
        rule = "规则" if language == "zh" else "rule"
        return f"{rule} “{knowledge.label(part.value, language)}” {number}"
    if part.kind not in _STATED:
        return (
            f"{(_BLOCKS_ZH if language == 'zh' else _BLOCKS_EN).get(part.kind, part.kind)} {number}"
        )
    label = knowledge.label(part.value, language)
    said = f"{part.answer_weight:g} / {part.rival_weight:g}"
    relation = (_ZH if language == "zh" else _EN).get(part.relation, "")
    place = {"zh": "地图上", "en": "on the map "}[language] if part.kind == "map" else ""
    return f"{place}{relation} {label} ({said}) {number}"
