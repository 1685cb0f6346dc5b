"""What the named graphs that Landlore writes itself say about themselves."""

from __future__ import annotations

from collections.abc import Iterable

from kg import vocab
from kg.statements import Statements, iri, text

LICENCE = "https://www.apache.org/licenses/LICENSE-2.0"
"""Of the ontologies that ship."""


def described(
    graph: str, titles: tuple[str, str], *, sources: Iterable[str] = (), licence: str = ""
) -> Statements:
    """A graph's title, what it was derived from and its licence (PROV-O entity, Dublin Core).

    Args:
        graph: IRI of the named graph.
        titles: In English and Chinese.
        sources: IRIs of the graphs that it was derived from; their licences are its own.
        licence: IRI, of what was derived from nothing.
    """
    pairs = [(vocab.RDF + "type", iri(vocab.PROV + "Entity"))]
    pairs += [
        (vocab.DCT + "title", text(title, tag))
        for title, tag in zip(titles, ("en", "zh"), strict=True)
    ]
    pairs += [(vocab.DCT + "license", iri(licence))] if licence else []
    return graph, pairs + [
        (vocab.PROV + "wasDerivedFrom", iri(source)) for source in sorted(sources)
    ]
