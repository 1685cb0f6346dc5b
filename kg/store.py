"""RDF files and statements come in, one knowledge graph that answers SPARQL goes out. The one door to pyoxigraph."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kg.errors import SourceError


def read_turtle(path: str | Path) -> list[tuple[Any, Any, Any]]:
    """Read a Turtle file.

    Args:
        path: A `.ttl` file, UTF-8.

    Returns:
        (subject, predicate, object) in file order, as pyoxigraph terms (`NamedNode`, `BlankNode`, `Literal`:
        all have `.value`; literals also `.datatype` and `.language`).

    Raises:
        SourceError: The file is missing or is not Turtle; the message names file and line.
    """
    try:
        data = Path(path).read_bytes()
        quads = ox.parse(data, ox.RdfFormat.TURTLE, base_iri=Path(path).resolve().as_uri())
        return [(quad.subject, quad.predicate, quad.object) for quad in quads]
    except SyntaxError as error:
        raise syntax_error(path, error) from error
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error.strerror})", "check the path") from error


def syntax_error(path: str | Path, error: SyntaxError) -> SourceError:
    """The SourceError for RDF that does not parse: "file:line: reason"."""
    line = f":{error.lineno}" if error.lineno else ""
    reason = str(error.msg).partition(": ")[2] or str(error.msg)
    return SourceError(f"{path}{line}: not valid RDF: {reason}", f"edit {path} at that line")
