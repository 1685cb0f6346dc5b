"""What a run used and made: a corrected map comes in, PROV-O statements about the run go out."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote

from fusion.prediction import Lesson
from kg import statements as rdf
from kg import vocab
from kg.statements import Statements
from reasoning.correction import Corrected
from reasoning.explanation.sentences import GIVEN_LABELS, Names

if TYPE_CHECKING:
    from kg.ontology import Ontology

_A = vocab.RDF + "type"
_LABEL = vocab.RDFS + "label"
_RUN, _PROV, _DCT = vocab.RUN, vocab.PROV, vocab.DCT
_SOFTWARE = vocab.BASE + "software"


def run_statements(done: Corrected, run: str, when: str | None) -> Iterator[Statements]:
    """The run itself: how it went, what it used, what came out."""
    model = _model(done)
    pairs = [
        (_A, f"<{_RUN}Run>"),
        (_A, f"<{_PROV}Activity>"),
        (_LABEL, rdf.text(f"correction run {run.rsplit('/', 1)[1]}", "en")),
        (_LABEL, rdf.text(f"校正运行 {run.rsplit('/', 1)[1]}", "zh")),
        (_RUN + "corrections", rdf.integer(len(done.corrections))),
        (_RUN + "pixels", rdf.integer(done.changed_pixels)),
        (_RUN + "steps", rdf.integer(done.trace.steps)),
        (_RUN + "residual", rdf.double(done.trace.residual)),
        (_RUN + "stopped", rdf.text(done.trace.stopped)),
        (_RUN + "input", f"<{run}/before>"),
        (_RUN + "output", f"<{run}/after>"),
        (_PROV + "wasAssociatedWith", f"<{_SOFTWARE}>"),
    ]
    if done.trace.energy:
        pairs.append((_RUN + "energy", rdf.double(done.trace.energy[-1])))
    if when:
        pairs.append((_PROV + "endedAtTime", rdf.typed(when, vocab.XSD + "dateTime")))
    used = [f"{run}/before", model, *(layer.source for layer in done.layers)]
    used += [_file(name) for name in _files(done)]
    if done.before.lesson is not None:
        lesson = _lesson(done.before.lesson)
        used.append(lesson)
        pairs.append((_RUN + "lesson", rdf.iri(lesson)))
    pairs += [(_PROV + "used", rdf.iri(entity)) for entity in used]
    usages = range(len(done.layers))
    pairs += [(_PROV + "qualifiedUsage", f"<{run}/source/{i}>") for i in usages]
    pairs += [(_RUN + "rule", rdf.iri(axiom.iri)) for axiom in done.axioms]
    yield run, pairs


def input_statements(done: Corrected, run: str, names: Names) -> Iterator[Statements]:
    """The software, the model, the maps, the sources, the rule files and the classes."""
    entity, model, legend = f"<{_PROV}Entity>", _model(done), done.before.legend
    yield _SOFTWARE, [(_A, f"<{_PROV}SoftwareAgent>"), (_LABEL, rdf.text("Landlore"))]
    yield model, [(_A, entity), (_LABEL, rdf.text(done.before.model))]
    shared = [(_A, f"<{_RUN}Map>"), (_A, entity), (_RUN + "legend", rdf.iri(legend.iri))]
    yield f"{run}/before", [*shared, (_PROV + "wasDerivedFrom", rdf.iri(model))]
    yield (
        f"{run}/after",
        [
            *shared,
            (_PROV + "wasGeneratedBy", f"<{run}>"),
            (_PROV + "wasDerivedFrom", f"<{run}/before>"),
        ],
    )
    for i, layer in enumerate(done.layers):
        pairs = [
            (_A, f"<{_PROV}Usage>"),
            (_PROV + "entity", rdf.iri(layer.source)),
            (_LABEL, rdf.text(names.terms[layer.source][0])),
            (_RUN + "tolerance", rdf.double(layer.tolerance)),
            (_RUN + "reliability", rdf.double(layer.reliability)),
        ]
        if layer.date:
            pairs.append((_DCT + "date", rdf.text(layer.date)))
        yield f"{run}/source/{i}", pairs
    if done.before.from_labels:
        pairs = [(_A, f"<{_PROV}Usage>"), (_PROV + "entity", rdf.iri(vocab.NETWORK))]
        pairs += [
            (_LABEL, rdf.text(GIVEN_LABELS[0], "en")),
            (_LABEL, rdf.text(GIVEN_LABELS[1], "zh")),
        ]
        yield f"{run}/labels", pairs
    if done.before.lesson is not None:
        lesson = _lesson(done.before.lesson)
        yield lesson, [(_A, entity), (_LABEL, rdf.text(done.before.lesson.name))]
    for name in _files(done):
        yield _file(name), [(_A, entity), (_LABEL, rdf.text(name))]
    for code, land in zip(legend.codes, legend.classes, strict=True):
        yield (
            land.iri,
            [
                (_A, f"<{vocab.SKOS}Concept>"),
                (vocab.SKOS + "prefLabel", rdf.text(land.label, "en")),
                (vocab.SKOS + "prefLabel", rdf.text(land.label_zh or land.label, "zh")),
                (vocab.SKOS + "notation", rdf.text(str(code))),
                (vocab.SKOS + "inScheme", rdf.iri(legend.iri)),
            ],
        )


def rule_statements(done: Corrected, ontology: Ontology) -> Iterator[Statements]:
    """The axioms in force, as they were: label, Manchester syntax, weight, citation."""
    from kg.manchester import manchester

    for axiom in done.axioms:
        pairs = [
            (_A, f"<{_RUN}Rule>"),
            (_A, f"<{_PROV}Entity>"),
            (_LABEL, rdf.text(axiom.label, "en")),
            (_LABEL, rdf.text(axiom.label_zh or axiom.label, "zh")),
            (vocab.RDFS + "comment", rdf.text(manchester(axiom, ontology))),
            (_RUN + "hard", rdf.boolean(axiom.hard)),
            (_DCT + "source", rdf.text(axiom.citation)),
            (_RUN + "file", rdf.text(axiom.file)),
        ]
        if axiom.file:
            pairs.append((_PROV + "wasDerivedFrom", rdf.iri(_file(axiom.file))))
        if not axiom.hard:
            pairs.append((_RUN + "weight", rdf.double(axiom.weight)))
        yield axiom.iri, pairs


def evidence_statements(names: Names) -> Iterator[Statements]:
    """The features and cells that corrections name, as the run saw them."""
    for entity in sorted(names.said):
        land, share = names.said[entity]
        yield (
            entity,
            [
                (_A, f"<{_PROV}Entity>"),
                (_PROV + "wasDerivedFrom", rdf.iri(names.owner[entity])),
                (_RUN + "observedClass", rdf.iri(land)),
                (_RUN + "observedShare", rdf.double(round(share, 6))),
            ],
        )


def region_statements(done: Corrected, run: str) -> Iterator[Statements]:
    """The regions that corrections belong to, with the measures that rules speak of."""
    core = vocab.CORE
    columns = {
        core + "area": done.regions.area,
        core + "perimeter": done.regions.perimeter,
        core + "meanWidth": done.regions.mean_width,
        core + "minWidth": done.regions.min_width,
        core + "elongation": done.regions.elongation,
    }
    for region in sorted({c.region for c in done.corrections}):
        land = done.before.legend.classes[int(done.regions.cls[region])]
        pairs = [
            (_A, f"<{core}Region>"),
            (_RUN + "index", rdf.integer(region)),
            (_RUN + "pixels", rdf.integer(int(done.regions.count[region]))),
            (core + "hasCover", rdf.iri(land.iri)),
        ]
        values = ((p, float(column[region])) for p, column in columns.items())
        pairs += [(p, rdf.decimal(value)) for p, value in values if math.isfinite(value)]
        yield f"{run}/region/{region}", pairs


def _model(done: Corrected) -> str:
    return f"{vocab.ID}model/{quote(done.before.model, safe='')}"


def _lesson(lesson: Lesson) -> str:
    return _file(quote(lesson.name, safe=""))


def _file(name: str) -> str:
    return f"{vocab.ID}file/{name}"


def _files(done: Corrected) -> list[str]:
    return sorted({axiom.file for axiom in done.axioms if axiom.file})
