"""Patterns come in, one after the other; a SPARQL 1.1 SELECT that every store answers goes out.

>>> from kg.select import select
>>> houses = select("?f", "?w").where("?f", "a", "ll:House").where("?f", "ll:width", "?w")
>>> print(houses.without("?f", "geo:sfWithin", "?park").filter("?w", ">", 10).limit(3).sparql)
SELECT DISTINCT ?f ?w WHERE {
  GRAPH ?graph1 { ?f <http://www.w3.org/1999/02/22-rdf-syntax-ns#type> <https://w3id.org/landlore/core#House> }
  GRAPH ?graph2 { ?f <https://w3id.org/landlore/core#width> ?w }
  MINUS { GRAPH ?graph3 { ?f <http://www.opengis.net/ont/geosparql#sfWithin> ?park } }
  FILTER(?w > 10)
} ORDER BY ?f ?w LIMIT 3
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

from kg import vocab
from kg.errors import QueryError
from kg.prefixed import full_iri
from kg.statements import iri, text

Value = str | int | float | bool
"""A variable "?x", an IRI ("ll:House", "http://...", "<any:thing>"), "a" for rdf:type, a number, a truth value, or
words: '"Pond"@en'."""

_VARIABLE = re.compile(r"\?[A-Za-z_][A-Za-z0-9_]*\Z")
_WORDS = re.compile(r'"(.*)"(?:@([A-Za-z][A-Za-z0-9-]*))?\Z', re.DOTALL)
_SIGNS = ("<", "<=", "=", "!=", ">=", ">")


@dataclass(frozen=True)
class Select:
    """A question, put together by its methods; each returns a new one. `kg.select.select` begins one.

    Every pattern stands in a `GRAPH` of its own, so that servers without a union of graphs answer too, and rows are
    distinct and sorted, so that the same graph gives the same rows. What is to be absent becomes `MINUS`, never
    `NOT EXISTS`, which embedded stores answer a hundred times slower.

    Attributes:
        variables: Columns, "?x".
        parts: Lines of the WHERE clause.
        counted: Variable whose distinct values are counted per row, or "".
        order: Variables that come first in the order, "DESC(?x)" for falling.
        most: Largest number of rows, or None.
        bound: Variables that a pattern has.
        used: Named graphs that were given a variable.
    """

    variables: tuple[str, ...]
    parts: tuple[str, ...] = ()
    counted: str = ""
    order: tuple[str, ...] = ()
    most: int | None = None
    bound: frozenset[str] = frozenset()
    used: int = 0

    def where(
        self, subject: Value, predicate: Value, value: Value, *, graph: str | None = None
    ) -> Select:
        """Keep what has this statement; `graph` names the graph that holds it ("?g", or an IRI)."""
        return self._with(subject, predicate, value, graph, "{}")

    def optional(
        self, subject: Value, predicate: Value, value: Value, *, graph: str | None = None
    ) -> Select:
        """Add what this statement says, where there is one."""
        return self._with(subject, predicate, value, graph, "OPTIONAL {{ {} }}")

    def without(
        self, subject: Value, predicate: Value, value: Value, *, graph: str | None = None
    ) -> Select:
        """Leave out what has this statement.

        Raises:
            QueryError: It shares no variable with the patterns before, so that it would leave out nothing.
        """
        found = self._with(subject, predicate, value, graph, "MINUS {{ {} }}")
        if not _variables(subject, predicate, value) & self.bound:
            raise QueryError(
                f"without({subject!r}, {predicate!r}, {value!r}): shares no variable with what comes before",
                "say first, with where(), what the variable is",
            )
        return replace(found, bound=self.bound)

    def below(self, variable: str, cls: str) -> Select:
        """Keep things of a class or of any class below it (the ontology has to be in the graph)."""
        kind = f"?kind{self.used + 1}"
        sub = self.where(variable, "a", kind)
        known = f"{_term(cls)} a {_term('owl:Class')}"  # one graph, in which the path is followed
        above = f"{kind} {_term('rdfs:subClassOf')}* {_term(cls)}"
        part = f"GRAPH ?graph{sub.used + 1} {{ {known} . {above} }}"
        return replace(sub, parts=(*sub.parts, part), used=sub.used + 1)

    def filter(self, variable: str, sign: str, value: Value) -> Select:
        """Keep rows where the comparison holds.

        Args:
            variable: "?x".
            sign: One of < <= = != >= >.
            value: What it is compared with.

        Raises:
            QueryError: Another sign, or no variable.
        """
        if sign not in _SIGNS:
            raise QueryError(f"filter: unknown sign {sign!r}", f"use one of {' '.join(_SIGNS)}")
        line = f"FILTER({_variable(variable)} {sign} {_term(value)})"
        return replace(self, parts=(*self.parts, line))

    def count(self, variable: str) -> Select:
        """Add a column `?count`: how many different values of the variable each row stands for."""
        return replace(self, counted=_variable(variable))

    def order_by(self, variable: str, *, descending: bool = False) -> Select:
        """Sort by this variable, before those that were named later and all others."""
        name = _variable(variable)
        return replace(self, order=(*self.order, f"DESC({name})" if descending else name))

    def limit(self, rows: int) -> Select:
        """Give at most so many rows.

        Raises:
            QueryError: Not a whole number of 1 or more.
        """
        if not isinstance(rows, int) or rows < 1:
            raise QueryError(f"limit({rows!r}): expected a whole number of 1 or more", "limit(10)")
        return replace(self, most=rows)

    @property
    def sparql(self) -> str:
        """The question as SPARQL 1.1, without prefixes to declare.

        Raises:
            QueryError: A column that no pattern has, or no pattern at all.
        """
        asked = {*self.variables, *filter(None, [self.counted])}
        if unknown := sorted(asked - self.bound):
            raise QueryError(
                f"select: no pattern has {', '.join(unknown)}", "name it in where() or optional()"
            )
        named = {part.removeprefix("DESC(").removesuffix(")") for part in self.order}
        rest = [name for name in self.variables if name not in named]
        count = f" (COUNT(DISTINCT {self.counted}) AS ?count)" if self.counted else ""
        lines = "".join(f"  {part}\n" for part in self.parts)
        head = f"SELECT DISTINCT {' '.join(self.variables)}{count} WHERE {{\n{lines}}}"
        groups = f" GROUP BY {' '.join(self.variables)}" if count and self.variables else ""
        order = [*self.order, *rest]
        tail = f" ORDER BY {' '.join(order)}" if order else ""
        return head + groups + tail + (f" LIMIT {self.most}" if self.most else "")

    def __str__(self) -> str:
        """The SPARQL."""
        return self.sparql

    def _with(
        self, subject: Value, predicate: Value, value: Value, graph: str | None, form: str
    ) -> Select:
        place = f"?graph{self.used + 1}" if graph is None else graph
        line = f"GRAPH {_term(place)} {{ {_term(subject)} {_term(predicate)} {_term(value)} }}"
        known = self.bound | _variables(subject, predicate, value, place)
        return replace(
            self, parts=(*self.parts, form.format(line)), bound=known, used=self.used + 1
        )


def select(*variables: str) -> Select:
    """Begin a question.

    Args:
        variables: Columns of the answer, "?x".

    Raises:
        QueryError: Not the name of a variable.
    """
    return Select(tuple(_variable(name) for name in variables))


def _variable(name: str) -> str:
    if not _VARIABLE.match(name):
        raise QueryError(f"{name!r} is no variable", "write it with a question mark: ?feature")
    return name


def _variables(*values: Value) -> frozenset[str]:
    return frozenset(v for v in values if isinstance(v, str) and _VARIABLE.match(v))


def _term(value: Value) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        if not math.isfinite(value):
            raise QueryError(
                f"{value} is no number that SPARQL can compare", "give a finite number"
            )
        return repr(value) if isinstance(value, int) or "e" in repr(value) else f"{value!r}e0"
    if value == "a":
        return iri(vocab.RDF + "type")
    if _VARIABLE.match(value):
        return value
    if words := _WORDS.match(value):
        return text(words[1], words[2] or "")
    name = full_iri(value)
    if name is None:
        raise QueryError(
            f"{value!r} is neither a variable, an IRI nor words in quotes",
            """write ?name, ll:Name, http://..., or '"words"'""",
        )
    return iri(name)
