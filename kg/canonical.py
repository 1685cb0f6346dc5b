"""N-Quads come in, RDF text with the same bytes for the same statements goes out.

With `kg.store` and `kg.rdf` a door to pyoxigraph.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import pyoxigraph as ox

from kg import vocab


def canonical(nquads: bytes, *, graphs: bool = True) -> list[bytes]:
    """Sorted lines of N-Quads (or N-Triples) that do not depend on how the statements came in.

    Blank nodes are named by RDF Dataset Canonicalization (W3C RDFC-1.0).
    """
    lines = nquads.splitlines()
    blank = [line for line in lines if line.startswith(b"_:") or b" _:" in line]
    if blank:
        lines = sorted(set(lines) - set(blank))
        data = ox.Dataset(ox.parse(b"\n".join(blank), ox.RdfFormat.N_QUADS))
        data.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
        named = ox.serialize(data, format=ox.RdfFormat.N_QUADS)
        lines += (named or b"").splitlines()
    if not graphs:
        quads = ox.parse(b"\n".join(lines), ox.RdfFormat.N_QUADS)
        flat = ox.serialize((q.triple for q in quads), format=ox.RdfFormat.N_TRIPLES)
        lines = list(set((flat or b"").splitlines()))
    return sorted(lines)


def serialise(nquads: bytes, known: ox.RdfFormat) -> bytes:
    """RDF text with the same bytes for the same statements; formats without graphs merge them."""
    lines = canonical(nquads, graphs=known.supports_datasets)
    plain = ox.RdfFormat.N_QUADS if known.supports_datasets else ox.RdfFormat.N_TRIPLES
    body = b"".join(line + b"\n" for line in lines)
    if known == plain:
        return body
    quads = sorted(ox.parse(body, plain), key=lambda quad: (str(quad.graph_name), str(quad)))
    found: Iterable[Any] = quads if known.supports_datasets else (quad.triple for quad in quads)
    return _tidy(ox.serialize(found, format=known, prefixes=vocab.PREFIXES) or b"")


def _tidy(data: bytes) -> bytes:
    """Prefix lines sorted, those that are not used left out."""
    head = re.match(rb"(?:@prefix [^\n]*\n)*", data)
    cut = head.end() if head else 0
    lines, body = data[:cut].splitlines(keepends=True), data[cut:]
    return b"".join(sorted(line for line in lines if line.split(b" ")[1] in body)) + body
