"""Sources come in, a knowledge graph with one named graph per source and its provenance goes out."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from kg import vocab
from kg.described import LICENCE, described
from kg.errors import SourceError
from kg.files import core_files, shipped
from kg.measure import MEASURED
from kg.relations import RELATIONS
from kg.sources import Source, SourceInfo, checksum
from kg.statements import Statements, decimal, iri, ntriples, text
from kg.store import KnowledgeGraph, read_turtle

ONTOLOGY = vocab.GRAPH + "ontology"
"""Named graph of the core ontology, the legends and the vocabulary of runs."""
ALIGNMENTS = vocab.GRAPH + "alignments"
"""Named graph of what core classes are called in ENVO, SWEET, WorldKG and Wikidata; one in LinkedGeoData."""
SCENES = vocab.GRAPH + "scenes"
"""Named graph of scene concepts and of what usually covers uses and mixed classes."""
_TITLES = {
    SCENES: ("Landlore: scene concepts and usual covers", "Landlore 场景概念与常见覆盖"),
    ONTOLOGY: (
        "Landlore: core ontology, vocabulary of runs, legends",
        "Landlore 核心本体、运行词汇与图例",
    ),
    ALIGNMENTS: ("Landlore: alignments with other vocabularies", "Landlore 与其他词汇的对齐"),
}
OWN = (ONTOLOGY, ALIGNMENTS, SCENES, RELATIONS, MEASURED)
"""Named graphs that Landlore writes itself; no source is called so."""

Progress = Callable[[str, int], None]
"""Called with the title of the source that is read and the number of its statements so far."""


@dataclass(frozen=True)
class BuiltSource:
    """What came of one source.

    Attributes:
        iri: Its named graph.
        info: Title, licence, checksum.
        statements: What its named graph holds besides its provenance.
        kept: It had not changed since it was read, and was not read again.
    """

    iri: str
    info: SourceInfo
    statements: int
    kept: bool = False


@dataclass(frozen=True)
class BuildReport:
    """What a build put into the graph.

    Attributes:
        sources: One per source, in the order given.
        triples: Statements in the whole graph afterwards.
    """

    sources: tuple[BuiltSource, ...]
    triples: int


def build_graph(
    sources: Sequence[Source],
    graph: KnowledgeGraph,
    *,
    changed_only: bool = False,
    shared: Sequence[str] = (),
    progress: Progress | None = None,
) -> BuildReport:
    """Put sources into a graph, each into a named graph of its own beside its provenance.

    The graphs of these sources are replaced, those of others kept. All of it happens or none: when
    a source fails, or the program is killed, the graph is what it was before. `ONTOLOGY` is
    written along, so that queries can follow `rdfs:subClassOf` and show labels.

    Args:
        sources: What to read (`LandCoverSource`, `OsmSource`, `VectorSource`, `ExpertSource`).
        graph: Where to put it.
        changed_only: Leave out sources that the graph has already, of the same file, settings, ontology and tag table,
            read by the same version of Landlore.
        shared: What else that ships is written along: `SCENES`, `ALIGNMENTS`.
        progress: Told now and then how far it is.

    Raises:
        SourceError: A source cannot be read, or two would fill the same named graph.
        InputError: Other reasons for which a source refuses its file.
        OutputError: The graph cannot be written.
    """
    tell = progress or (lambda title, statements: None)
    _check_names(sources)
    twice = sorted({s.iri for s in sources if sum(o.iri == s.iri for o in sources) > 1})
    if twice:
        raise SourceError(
            f"two sources would fill the graph <{twice[0]}>", "give one of them another name="
        )
    counters = [_Counter(source, source.describe(), tell) for source in sources]
    former = fingerprints(graph) if changed_only else {}
    new = [c for c in counters if former.get(c.source.iri) != fingerprint(c.info)]
    parts = {c.source.iri: chain(ntriples([provenance(c.source.iri, c.info)]), c) for c in new}
    common = (ONTOLOGY, *shared)
    if new or not {*common} <= {*graph.graphs()}:
        graph.replace_graphs({**{iri: _shared_lines(iri) for iri in common}, **parts})
    sizes = _sizes(graph)
    built = []
    for c in counters:
        count = sizes[c.source.iri] - len(provenance(c.source.iri, c.info)[1])
        built.append(BuiltSource(c.source.iri, c.info, count, c not in new))
    return BuildReport(tuple(built), len(graph))


def _check_names(sources: Sequence[Source]) -> None:
    """Refuse a source that is called like a graph that Landlore writes itself."""
    for source in sources:
        if source.iri in OWN or source.iri.startswith(f"{vocab.GRAPH}run/"):
            path = source.describe().path
            name = source.iri.removeprefix(vocab.GRAPH)
            raise SourceError(
                f"{path or 'a source'}: would fill the graph <{source.iri}>, which Landlore writes itself",
                f'rename the file, or give a mapping another name, such as name = "my-{name}"',
            )


def _shared_lines(graph: str) -> Iterator[str]:
    """What ships and stands in built graphs: the ontology with its fingerprint, alignments, scene concepts."""
    about = ntriples([described(graph, _TITLES[graph], licence=LICENCE)])
    if graph == ALIGNMENTS:
        return chain(about, ontology_lines((shipped("ontologies/alignments.ttl"),)))
    if graph == SCENES:
        files = (
            shipped("ontologies/covers.ttl"),
            *sorted(shipped("ontologies/scenes").glob("*.ttl")),
        )
        return chain(about, ontology_lines(files))
    made = ntriples([(ONTOLOGY, [(vocab.FINGERPRINT, text(_digest()))])])
    return chain(about, made, ontology_lines())


def _sizes(graph: KnowledgeGraph) -> dict[str, int]:
    """Named graph -> how many statements it has."""
    counted = "SELECT ?g (COUNT(*) AS ?n) { GRAPH ?g { ?s ?p ?o } } GROUP BY ?g"
    return {str(one): int(str(count)) for one, count in graph.query(counted)}


def fingerprint(info: SourceInfo) -> str:
    """What the content of a source depends on: file, settings, ontology, tag table and version; "" if not known."""
    if not info.sha256:
        return ""
    return _digest(info.sha256, info.settings)


def _digest(*more: str) -> str:
    tables = (*ontology_files(), shipped("ontologies/osm-tags.csv"))
    parts = [version("landlore"), *more, *map(checksum, tables)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def fingerprints(graph: KnowledgeGraph) -> dict[str, str]:
    """Named graph -> the fingerprint of the source that it was built from."""
    asked = f"SELECT ?g ?f {{ GRAPH ?g {{ ?g <{vocab.FINGERPRINT}> ?f }} }}"
    return {str(source): str(found) for source, found in graph.query(asked)}


class _Counter:
    """The chunks of a source, counted while they pass."""

    def __init__(self, source: Source, info: SourceInfo, tell: Progress) -> None:
        self.source, self.info, self.tell, self.statements = source, info, tell, 0

    def __iter__(self) -> Iterator[str]:
        for chunk in self.source.ntriples():
            self.statements += chunk.count("\n")
            self.tell(self.info.title, self.statements)
            yield chunk


_ASSUMED = (
    ("The confidence is assumed: nobody is known to have measured it as for others.", "en"),
    ("置信度为假定值:未见同等条件下的实测结果。", "zh"),
)


def provenance(graph: str, info: SourceInfo) -> Statements:
    """What a named graph says about itself (DCAT 3 dataset, PROV-O entity).

    Args:
        graph: IRI of the named graph.
        info: Where its content comes from.
    """
    pairs = [
        (vocab.RDF + "type", iri(vocab.DCAT + "Dataset")),
        (vocab.RDF + "type", iri(vocab.PROV + "Entity")),
        (vocab.DCT + "title", text(info.title)),
    ]
    optional = (
        (vocab.DCT + "license", info.licence, iri if ":" in info.licence else text),
        (vocab.DCT + "rights", info.attribution, text),
        (vocab.DCT + "bibliographicCitation", info.citation, text),
        (vocab.DCT + "issued", info.date or "", text),
        (vocab.FILE, info.path.name if info.path else "", text),
        (vocab.CORE + "sha256", info.sha256, text),
        (vocab.FINGERPRINT, fingerprint(info), text),
        (vocab.PROV + "wasDerivedFrom", info.url, iri),
    )
    right = info.confidence if info.confidence is not None else info.assumed
    if right is not None:
        pairs.append((vocab.CORE + "confidence", decimal(right)))
    if info.confidence is None and right is not None:
        pairs += [(vocab.RDFS + "comment", text(*one)) for one in _ASSUMED]
    return graph, pairs + [(role, write(value)) for role, value, write in optional if value]


def ontology_files() -> tuple[Path, ...]:
    """The shipped files that go into `ONTOLOGY`: core ontology, run vocabulary, legends; sorted."""
    folder = shipped("ontologies")
    return (*core_files(), folder / "run.ttl", *sorted((folder / "legends").glob("*.ttl")))


def ontology_lines(files: Sequence[Path] = ()) -> Iterator[str]:
    """N-Triples of Turtle files, blank nodes kept apart by file.

    Args:
        files: Which; none means `ontology_files`.

    Raises:
        SourceError: A file is missing or not Turtle.
    """
    for number, path in enumerate(files or ontology_files()):
        names: dict[str, str] = {}
        lines = []
        for triple in read_turtle(path):
            terms = (_local(str(term), number, names) for term in triple)
            lines.append(" ".join(terms) + " .\n")
        yield "".join(lines)


def _local(term: str, number: int, names: dict[str, str]) -> str:
    if not term.startswith("_:"):
        return term
    return names.setdefault(term, f"_:f{number}b{len(names)}")
