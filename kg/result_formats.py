"""Answers of SPARQL come in, the formats that clients ask a server for go out.

SPARQL 1.1 Query Results JSON, CSV and TSV, SPARQL Query Results XML (W3C, 2013); Turtle, N-Triples (W3C, 2014).
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement, tostring

from kg.errors import QueryError
from kg.results import QueryResult, Term

_XML = "http://www.w3.org/2005/sparql-results#"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def to_tsv(result: QueryResult) -> str:
    """Tab-separated terms in the syntax of Turtle; ASK, for which the format has nothing: "true" or "false"."""
    if result.form == "ask":
        return "true\n" if result else "false\n"
    lines = ["\t".join(f"?{name}" for name in result.variables)]
    lines += ["\t".join("" if one is None else one.ntriples for one in row) for row in result]
    return "\n".join(lines) + "\n"


def to_xml(result: QueryResult) -> str:
    """XML; characters that XML has no place for are left out."""
    root = Element("sparql", xmlns=_XML)
    head = SubElement(root, "head")
    if result.form == "ask":
        SubElement(root, "boolean").text = "true" if result else "false"
    else:
        for name in result.variables:
            SubElement(head, "variable", name=name)
        rows = SubElement(root, "results")
        for row in result:
            shown = SubElement(rows, "result")
            for name, one in zip(result.variables, row, strict=True):
                if one is not None:
                    _binding(SubElement(shown, "binding", name=name), one)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _binding(parent: Element, term: Term) -> None:
    one = SubElement(parent, term.kind)
    one.text = "".join(letter for letter in term.value if letter >= " " or letter in "\t\n\r")
    if term.language:
        one.set(_LANG, term.language)
    elif term.kind == "literal" and term.datatype:
        one.set("datatype", term.datatype)


def to_ntriples(result: QueryResult) -> str:
    """One triple a line."""
    return "".join(
        f"{' '.join(one.ntriples for one in row if one is not None)} .\n" for row in result
    )


Writer = Callable[[QueryResult], str]
_ROWS: dict[str, Writer] = {
    "application/sparql-results+json": QueryResult.to_json,
    "application/sparql-results+xml": to_xml,
    "text/csv": QueryResult.to_csv,
    "text/tab-separated-values": to_tsv,
}
_TRIPLES: dict[str, Writer] = {
    "text/turtle": QueryResult.to_turtle,
    "application/n-triples": to_ntriples,
}
_OTHERS = {
    "application/json": "application/sparql-results+json",
    "text/plain": "application/n-triples",
}


def written(result: QueryResult, accept: str) -> tuple[str, str]:
    """(media type, text) of an answer in the form that a client likes best.

    Args:
        result: The answer.
        accept: What the client takes, as in the header of that name; "" for anything.

    Raises:
        QueryError: It takes no form that such an answer has.
    """
    known = _TRIPLES if result.form == "graph" else _ROWS
    for wanted in _liked(accept or "*/*"):
        name = _OTHERS.get(wanted, wanted)
        for kind in known:
            if name in (kind, "*/*", f"{kind.partition('/')[0]}/*"):
                return kind, known[kind](result)
    raise QueryError(
        f"no answer to {'CONSTRUCT' if result.form == 'graph' else result.form.upper()} as {accept}",
        f"ask for {', '.join(known)}",
    )


def _liked(accept: str) -> list[str]:
    """Media types, those that are liked best first; what is not wanted at all left out."""
    told = list[tuple[float, int, str]]()
    for number, part in enumerate(accept.split(",")):
        kind, *parameters = (word.strip() for word in part.lower().split(";"))
        weight = 1.0
        for word in parameters:
            if word.startswith("q="):
                try:
                    weight = float(word[2:])
                except ValueError:
                    weight = 0.0
        if kind and weight > 0:
            told.append((-weight, number, kind))
    return [kind for _, _, kind in sorted(told)]
