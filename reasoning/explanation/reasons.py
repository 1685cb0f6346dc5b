"""What was changed at a place, and why: the graph of a run comes in, plain values go out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Set
from pathlib import Path

from kg import vocab
from kg.errors import GridError, InputError, SourceError
from kg.raster import read_grid, read_raster
from kg.results import QueryResult, Term
from kg.statements import double, integer, iri
from kg.store import KnowledgeGraph
from reasoning.explanation.accounts import Account, Reason
from reasoning.explanation.sentences import TERMS

__all__ = [
    "Account",
    "Reason",
    "every_account",
    "explain_at",
    "explanations_in",
    "read_accounts",
    "reason_at",
    "reason_number",
    "reason_of",
]

EXPLANATIONS = "explanations.trig"
"""The graph of the run, in the folder of a run."""
REASONS = "reasons.tif"
"""Correction of each pixel (int32, -1 where unchanged), in the folder of a run."""
_HOLDS = {
    EXPLANATIONS: "why each correction was made",
    REASONS: "which correction a pixel belongs to; --region and --top do without",
}

_CORRECTION = re.compile(r"/correction/(\d+)[/>]")
_CORRECTIONS = """
SELECT ?c ?index ?region ?before ?after ?beforeEn ?beforeZh ?afterEn ?afterZh ?pixels ?area ?lon ?lat
  ?logOdds ?confidence ?en ?zh ?wkt WHERE {
  GRAPH ?g {
    ?c a run:Correction ; prov:wasGeneratedBy ?run ; run:region ?region ; run:index ?index ;
      run:before ?before ; run:after ?after ; run:pixels ?pixels ; run:area ?area ; run:lon ?lon ;
      run:lat ?lat ; run:logOdds ?logOdds ; run:confidence ?confidence ; run:sentence ?en , ?zh .
    ?before skos:prefLabel ?beforeEn , ?beforeZh . ?after skos:prefLabel ?afterEn , ?afterZh .
    OPTIONAL { ?c geo:hasGeometry/geo:asWKT ?wkt }
    WHERE_IT_IS
    FILTER(LANG(?en) = "en" && LANG(?zh) = "zh" && LANG(?beforeEn) = "en" && LANG(?beforeZh) = "zh")
    FILTER(LANG(?afterEn) = "en" && LANG(?afterZh) = "zh")
  }
} ORDER BY DESC(?area) ?run ?index
"""
_PARTS = """
SELECT ?c ?part ?kind ?term ?value ?share ?evidence WHERE {
  VALUES ?c { THESE }
  GRAPH ?g {
    ?c run:contribution ?part .
    ?part run:kind ?kind ; run:term ?term ; run:value ?value ; run:share ?share .
    OPTIONAL { ?part run:evidence ?evidence }
  }
} ORDER BY ?c DESC(ABS(?value)) ?term ?evidence
"""
_EXCLUDED = (
    "SELECT ?c ?rule { VALUES ?c { THESE } GRAPH ?g { ?c run:excludedBy ?rule } } ORDER BY ?rule"
)
_LABELS = """
SELECT ?term ?label WHERE { GRAPH ?g {
  { ?term a run:Rule ; rdfs:label ?label } UNION { ?usage prov:entity ?term ; rdfs:label ?label }
} }
"""


def reason_at(
    graph: KnowledgeGraph, lon: float, lat: float, run: str | None = None
) -> list[Account]:
    """Corrections whose outline holds a point.

    Args:
        graph: Graph with the explanations of runs.
        lon: Longitude, degrees, CRS84.
        lat: Latitude, degrees, CRS84.
        run: Name or IRI of the run; default every run in the graph.

    Returns:
        Largest first; empty where nothing was changed.
    """
    x, y = double(lon), double(lat)
    where = (
        "?c run:west ?west ; run:east ?east ; run:south ?south ; run:north ?north . "
        f"FILTER(?west <= {x} && ?east >= {x} && ?south <= {y} && ?north >= {y})"
    )
    found = _find(graph, where, run)
    return _accounts(graph, [row for row in found if _holds(row["wkt"], lon, lat)])


def reason_of(graph: KnowledgeGraph, region: int | str, run: str | None = None) -> list[Account]:
    """Corrections of a region.

    Args:
        graph: Graph with the explanations of runs.
        region: Number of the region, or its IRI.
        run: Name or IRI of the run; default every run in the graph.

    Returns:
        Largest first; empty where nothing was changed.
    """
    numbered = isinstance(region, int)
    where = f"?region run:index {integer(int(region))} ." if numbered else ""
    where = where or f"FILTER(?region = {iri(str(region))})"
    return _accounts(graph, _find(graph, where, run))


def reason_number(graph: KnowledgeGraph, index: int, run: str | None = None) -> list[Account]:
    """The correction with this number, one per run.

    Args:
        graph: Graph with the explanations of runs.
        index: Pixel value in `reasons.tif`.
        run: Name or IRI of the run; default every run in the graph.
    """
    return _accounts(graph, _find(graph, f"?c run:index {integer(index)} .", run))


def every_account(graph: KnowledgeGraph) -> list[Account]:
    """Every correction of the one run in a graph, in the order of their numbers."""
    return sorted(_accounts(graph, _find(graph, "", None)), key=lambda one: one.index)


def explain_at(folder: str | Path, lon: float, lat: float) -> list[Account]:
    """What happened to the pixel under a point, from the folder of a run.

    Args:
        folder: Folder that `reasons.tif` and `explanations.trig` are in.
        lon: Longitude, degrees, CRS84.
        lat: Latitude, degrees, CRS84.

    Returns:
        One account, or none where the pixel was not changed.

    Raises:
        InputError: The folder is not that of a run.
        GridError: The point is outside the map.
    """
    path = _part(folder, REASONS)
    grid = read_grid(path)
    rows, cols = grid.rowcol(lon, lat)
    row, col = int(rows // 1), int(cols // 1)
    if not (0 <= row < grid.height and 0 <= col < grid.width):
        west, south, east, north = grid.lonlat_bounds
        raise GridError(
            f"{lon} {lat} lies outside {path}, which covers {west:.5f} {south:.5f} .. "
            f"{east:.5f} {north:.5f} (lon lat)",
            "give longitude first, then latitude; west and south are negative",
        )
    index = int(read_raster(path, window=(row, col, 1, 1)).values[0, 0, 0])
    return read_accounts(folder, [index]) if index >= 0 else []


def read_accounts(folder: str | Path, numbers: Iterable[int]) -> list[Account]:
    """Some corrections from the folder of a run, without loading the rest.

    Args:
        folder: Folder that `explanations.trig` is in, as `Explanation.trig` wrote it.
        numbers: Numbers of the corrections; those that the run does not have are left out.

    Returns:
        In the order of their numbers.

    Raises:
        InputError: The folder is not that of a run.
        SourceError: `explanations.trig` is broken.
    """
    wanted = set(numbers)
    path = _part(folder, EXPLANATIONS)
    text = "".join(_excerpt(path, wanted))
    wanted &= {int(number) for number in _CORRECTION.findall(text)}
    graph = KnowledgeGraph()
    try:
        graph.load_text(text, "trig")
    except SourceError as error:  # its line is one of the excerpt
        raise SourceError(f"{path}: not valid RDF", "make the run again, --overwrite") from error
    return [account for number in sorted(wanted) for account in reason_number(graph, number)]


def explanations_in(folder: str | Path) -> Path:
    """The graph of the run in its folder.

    Raises:
        InputError: The folder is not that of a run, or the file is gone.
    """
    return _part(folder, EXPLANATIONS)


def _excerpt(path: Path, numbers: Set[int]) -> Iterator[str]:
    """Lines of the TriG file, less the paragraphs of other corrections."""
    keep = True
    with path.open(encoding="utf-8") as file:
        for line in file:
            if line.startswith("  <"):
                found = _CORRECTION.search(line)
                keep = found is None or int(found[1]) in numbers
            if keep or line == "}\n":
                yield line


def _part(folder: str | Path, name: str) -> Path:
    path = Path(folder) / name
    if not path.is_file():
        raise InputError(
            f"{folder}: no {name}, which the folder of a run has (it says {_HOLDS[name]})",
            "put it back, or make the run again with --overwrite",
        )
    return path


def _find(graph: KnowledgeGraph, where: str, run: str | None) -> list[Mapping[str, Term | None]]:
    """Rows of corrections that a graph pattern over ?c and ?region picks."""
    if run is not None:
        where += f" FILTER(?run = {iri(run if ':' in run else f'{vocab.ID}run/{run}')})"
    return list(graph.query(_CORRECTIONS.replace("WHERE_IT_IS", where)).records())


def _holds(wkt: Term | None, lon: float, lat: float) -> bool:
    """Whether the outline covers the point; without an outline its bounds decide."""
    if not wkt:
        return True
    from kg.geometry import parse_wkt

    outline, point = parse_wkt([wkt.value, f"POINT ({lon!r} {lat!r})"])
    return bool(outline.covers(point))


def _accounts(graph: KnowledgeGraph, rows: list[Mapping[str, Term | None]]) -> list[Account]:
    if not rows:
        return []
    named = [(str(row["c"]), row) for row in rows]
    these = " ".join(iri(c) for c, _ in named)
    labels = _labels(graph.query(_LABELS))
    reasons = _reasons(graph.query(_PARTS.replace("THESE", these)), labels)
    excluded: dict[str, list[str]] = {}
    for c, rule in graph.query(_EXCLUDED.replace("THESE", these)):
        excluded.setdefault(str(c), []).append(str(rule))
    return [
        _account(row, tuple(reasons.get(c, ())), tuple(excluded.get(c, ()))) for c, row in named
    ]


def _account(
    row: Mapping[str, Term | None], reasons: tuple[Reason, ...], excluded: tuple[str, ...]
) -> Account:
    text = {name: str(value) for name, value in row.items()}
    return Account(
        iri=text["c"],
        index=int(text["index"]),
        region=text["region"],
        before=text["before"],
        after=text["after"],
        labels=(text["beforeEn"], text["afterEn"]),
        labels_zh=(text["beforeZh"], text["afterZh"]),
        pixels=int(text["pixels"]),
        area=float(text["area"]),
        lon=float(text["lon"]),
        lat=float(text["lat"]),
        log_odds=float(text["logOdds"]),
        confidence=float(text["confidence"]),
        sentence=text["en"],
        sentence_zh=text["zh"],
        reasons=reasons,
        excluded_by=excluded,
    )


def _labels(found: QueryResult) -> dict[str, tuple[str, str]]:
    """Term IRI -> (English, Chinese); a name without a language serves for both."""
    names = dict(TERMS)
    for term, label in found:
        if term is None or label is None:
            continue
        en, zh = names.get(str(term), (str(label), str(label)))
        names[str(term)] = (str(label), zh) if label.language != "zh" else (en, str(label))
    return names


def _reasons(found: QueryResult, labels: Mapping[str, tuple[str, str]]) -> dict[str, list[Reason]]:
    """Correction IRI -> its reasons, largest magnitude first."""
    parts: dict[tuple[str, str], list[Mapping[str, Term | None]]] = {}
    for row in found.records():
        parts.setdefault((str(row["c"]), str(row["part"])), []).append(row)
    out: dict[str, list[Reason]] = {}
    for (name, _), rows in parts.items():
        text = {key: str(value) for key, value in rows[0].items()}
        label, label_zh = labels.get(text["term"], (vocab.curie(text["term"]),) * 2)
        evidence = tuple(str(row["evidence"]) for row in rows if row["evidence"])
        value, share = float(text["value"]), float(text["share"])
        reason = Reason(text["kind"], text["term"], label, label_zh, value, share, evidence)
        out.setdefault(name, []).append(reason)
    return out
