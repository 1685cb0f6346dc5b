"""Shares that were measured and that experts state come in, each pair on one level of classes goes out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from kg import vocab
from kg.features import ancestors
from kg.store import KnowledgeGraph

Shares = Mapping[str, float]

_OBJECT = vocab.CORE + "LandObject"
_GROUND = frozenset({vocab.CORE + "LandCover", _OBJECT})
_SAID = """SELECT ?class ?by ?what ?share {
  { GRAPH ?g { ?class ll:crosswalk ?n . ?n ll:value ?what ; ll:weight ?share } BIND(?class AS ?by) }
  UNION { GRAPH ?g { ?by ?match ?class ; ll:hasCover ?n . ?n ll:value ?what ; ll:weight ?share
      FILTER(?match IN (skos:exactMatch, skos:closeMatch) && STRSTARTS(STR(?class), STR(ll:))) } }
  UNION { GRAPH ?g { ?class ll:hasCover ?n . ?n ll:value ?what ; ll:weight ?share
      FILTER(STRSTARTS(STR(?class), STR(ll:)) && ?g != <MEASURED>) } BIND(?class AS ?by) }
}"""


def stated_shares(graph: KnowledgeGraph, measured: str) -> dict[str, dict[str, float]]:
    """What experts say that classes are made of; the mean, where several statements speak of one class.

    Args:
        graph: With crosswalks of legends, scene concepts matched with core classes, or covers of core classes.
        measured: IRI of the named graph of what was measured, which is left out.

    Returns:
        Class -> core class -> share.
    """
    said: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for row in graph.query(_SAID.replace("MEASURED", measured)):
        cls, by, what, share = map(str, row)
        said[cls][by][what] = float(share)
    means: dict[str, dict[str, float]] = {}
    for cls, voices in said.items():
        names = sorted({what for shares in voices.values() for what in shares})
        means[cls] = {
            what: sum(shares.get(what, 0.0) for shares in voices.values()) / len(voices)
            for what in names
        }
    return means


def pairs(measured: Shares, stated: Shares) -> Iterator[tuple[str, float | None, float | None]]:
    """Each class that either side names, with its share on both sides; None where a side cannot tell.

    Args:
        measured: Core class -> share, of one class that was measured.
        stated: The same as experts say it.
    """
    for what in sorted({*measured, *stated}):
        yield what, share_of(what, measured), share_of(what, stated)


def share_of(what: str, shares: Shares) -> float | None:
    """The share of a class: the sum of those of it and of classes below it.

    None where the shares do not tell: there are none, or one of them is of a class that may hold some of it (one above
    it, or a use beside a cover: a park may hold lawn). Objects are mapped for themselves, so that a use beside them
    holds none; a cover or object that is not among others has a share of 0.
    """
    if not shares:
        return None
    total, of = 0.0, ancestors(what)
    for cls, share in shares.items():
        above = ancestors(cls)
        if what in above:
            total += share
        elif cls in of or not (_OBJECT in of or (_GROUND & above and _GROUND & of)):
            return None
    return min(total, 1.0)
