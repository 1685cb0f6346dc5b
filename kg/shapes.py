"""RDF files come in, what the SHACL shapes refuse about them goes out. The one door to pyshacl."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

from kg.files import shipped

_SH = "http://www.w3.org/ns/shacl#"


def shape_faults(paths: Sequence[Path], skipped: dict[str, str]) -> Iterator[str]:
    """What `ontologies/shapes.ttl` refuses about files, taken together (W3C SHACL, 20 July 2017).

    Args:
        paths: Turtle, TriG, N-Triples or RDF/XML files that can be read.
        skipped: Gets the key "SHACL" and a reason where pyshacl is not installed.

    Yields:
        One sentence per violation: the node, the path and the shape's message; warnings are left out.
    """
    if importlib.util.find_spec("pyshacl") is None:
        skipped["SHACL"] = "needs pyshacl: pip install pyshacl"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pyshacl
        from rdflib import RDF, Graph, URIRef

        data = Graph()
        for path in paths:
            try:
                data.parse(path)
            except Exception as error:  # rdflib raises whatever its parsers stumble over
                reason = (str(error).splitlines() or [type(error).__name__])[0]
                skipped["SHACL"] = f"{path} cannot be read as RDF by its name ({reason})"
                return
        _, report, _ = pyshacl.validate(
            data, shacl_graph=Graph().parse(shipped("ontologies/shapes.ttl")), allow_warnings=True
        )
    for result in sorted(report.subjects(RDF.type, URIRef(_SH + "ValidationResult"))):
        if report.value(result, URIRef(_SH + "resultSeverity")) == URIRef(_SH + "Violation"):
            node = report.value(result, URIRef(_SH + "focusNode"))
            message = report.value(result, URIRef(_SH + "resultMessage"))
            over = report.value(result, URIRef(_SH + "resultPath"))
            yield f"{node}{f' {over}' if isinstance(over, URIRef) else ''}: {message}"
