"""An unknown table or RDF file comes in, the text of a mapping to start from goes out."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from pathlib import Path
from typing import Any

from kg import vocab
from kg.counted import counted
from kg.errors import SourceError
from kg.imports.mapping import LEAVE_OUT, Columns, ImportMapping
from kg.imports.report import ImportReport
from kg.imports.sheets import sheet_names
from kg.imports.source import ImportSource
from kg.imports.tables import ROLES, SHEETS, is_table, table_rows
from kg.imports.vocabulary import Vocabulary
from kg.ontology import load_ontology

MARK = "An empty value is not decided yet; see docs/import.md."
"""Ends the first line of every mapping that was suggested."""
PLAIN = Columns()
"""A table of which nothing is known."""
_LOOKED_AT = 2000
_LISTED = 300
_WORDS = {
    "head": (
        "head", "subject", "entity1", "source entity", "from", "class", "concept", "h",
        "头实体", "头节点", "主体", "主语", "实体1", "起点", "场景", "概念", "类别", "类",
    ),
    "relation": (
        "relation", "predicate", "property", "relationship", "rel", "r", "关系", "谓词", "谓语", "联系", "属性",
    ),
    "tail": (
        "tail", "object", "entity2", "target", "to", "value", "t",
        "尾实体", "尾节点", "客体", "宾语", "实体2", "终点", "对象", "目标", "值",
    ),
    "weight": (
        "weight", "share", "score", "strength", "probability", "fraction",
        "比例", "占比", "份额", "强度", "概率", "得分",
    ),
    "confidence": ("confidence", "certainty", "reliability", "可信度", "可靠性", "确定性"),
    "source": ("source", "citation", "reference", "provenance", "来源", "出处", "引文", "引用", "参考文献", "文献"),
    "licence": ("licence", "license", "rights", "许可", "许可证", "许可协议", "授权"),
    "date": ("date", "year", "issued", "日期", "年份", "发布日期", "时间"),
}  # fmt: skip
"""Role of a column -> what its name may be, best first; beside what the ontology calls it."""


@dataclass(frozen=True)
class Suggestion:
    """A mapping to start from.

    Attributes:
        text: The mapping file.
        report: What would be understood with it.
    """

    text: str
    report: ImportReport


def guess_mapping(file: Path, known: Columns = PLAIN) -> ImportMapping:
    """What can be told of a file without a mapping: its columns, and nothing about its words.

    Args:
        file: Table or RDF.
        known: Encoding, delimiter and sheet of a table, as far as they are known.

    Raises:
        SourceError: The file cannot be read, or its columns cannot be told.
    """
    table = guess_columns(file, known) if is_table(file) else None
    return ImportMapping(None, file, file.name.split(".")[0], table=table)


def guess_columns(file: Path, known: Columns = PLAIN) -> Columns:
    """The columns of a table, by the names in its first row, else by what they hold; of sheets the first that fits.

    Args:
        file: The table.
        known: Encoding, delimiter and sheet, as far as they are known; nothing else counts.

    Raises:
        SourceError: Nowhere two columns of words.
    """
    found_out = not known.sheet and file.suffix.lower() in SHEETS
    for sheet in sheet_names(file) if found_out else (known.sheet,):
        columns = Columns(sheet=sheet, delimiter=known.delimiter, encoding=known.encoding)
        rows = [cells for _, cells in islice(table_rows(file, columns), _LOOKED_AT) if any(cells)]
        found = _roles(rows) if rows else {}
        if found:
            header = isinstance(found["head"], str)
            return replace(columns, header=header, **found)
    raise SourceError(
        f"{file}: found no head, relation and tail, that is no two columns of words",
        "write a mapping by hand (docs/import.md)",
    )


def _roles(rows: Sequence[Sequence[str]]) -> dict[str, Any]:
    """Role -> name of its column, or its number where no row holds names; nothing where head or tail is missing."""
    first, rest = rows[0], rows[1:]
    named = _by_name(first)
    header = {"head", "tail"} <= named.keys() or _is_header(first, rest)
    places = {**_by_content(rest if header else rows, {*named.values()} if header else set())}
    places.update(named if header else {})
    if not {"head", "tail"} <= places.keys():
        return {}
    return {role: first[i] if header else i + 1 for role, i in sorted(places.items())}


def _by_name(header: Sequence[str]) -> dict[str, int]:
    names = [name.casefold().replace("_", " ").strip() for name in header]
    found: dict[str, int] = {}
    labels = load_ontology().labels
    for role, known in _WORDS.items():
        ours = (labels.get((vocab.CORE + role, language), "") for language in ("en", "zh"))
        words = (*known, *(label.casefold() for label in ours if label))
        free = (
            names.index(w) for w in words if w in names and names.index(w) not in found.values()
        )
        place = next(free, None)
        if place is not None:
            found[role] = place
    return found


def _is_header(first: Sequence[str], rest: Sequence[Sequence[str]]) -> bool:
    """Whether some column holds numbers everywhere but in its first row."""
    for i, word in enumerate(first):
        below = [row[i] for row in rest if i < len(row) and row[i]]
        if word and _is_word(word) and below and not any(map(_is_word, below)):
            return True
    return False


def _by_content(rows: Sequence[Sequence[str]], taken: set[int]) -> dict[str, int]:
    """Role -> place of its column: of those with words, the one with the fewest different ones is the relation."""
    width = max(map(len, rows), default=0)
    columns = [[row[i] for row in rows if i < len(row) and row[i]] for i in range(width)]
    words = [
        i for i, cells in enumerate(columns)
        if i not in taken and len(cells) > len(rows) // 2 and sum(map(_is_word, cells)) > 0.8 * len(cells)
    ][:3]  # fmt: skip
    if len(words) < 2:
        return {}
    few = min(words, key=lambda i: len(set(columns[i]))) if len(words) > 2 else None
    head, tail = [i for i in words if i != few]
    return {"head": head, "tail": tail} | ({} if few is None else {"relation": few})


def _is_word(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return True
    return False


def suggest_mapping(
    file: str | Path, beside: Path | None = None, known: Columns = PLAIN
) -> Suggestion:
    """Write a mapping to start from: columns, relations and terms by frequency, each with the nearest of ours.

    What is understood by itself stands there as a remark; what is not has an empty value, which means "not decided".

    Args:
        file: Table or RDF.
        beside: Folder in which the mapping will lie; None is that of the file.
        known: Encoding, delimiter and sheet of a table, as far as they are known.

    Raises:
        SourceError: The file cannot be read, or its columns cannot be told.
    """
    mapping = guess_mapping(Path(file), known)
    source = ImportSource(mapping, Vocabulary())
    report = source.report()
    home = mapping.file.parent if beside is None else beside
    place = os.path.relpath(mapping.file, home)
    return Suggestion("\n".join(_lines(mapping, place, report)) + "\n", report)


def _lines(mapping: ImportMapping, place: str, report: ImportReport) -> Iterator[str]:
    yield f"# What the words of {mapping.file.name} mean. {MARK}"
    yield f"file = {_quoted(Path(place).as_posix())}"
    yield f"name = {_quoted(mapping.name)}"
    yield from ("", "[source]")
    yield 'title = ""'
    yield 'citation = ""      # whom to cite; needed'
    yield 'licence = ""       # IRI, such as https://creativecommons.org/licenses/by/4.0/'
    yield 'date = ""          # 2021 or 2021-06-30'
    yield "# confidence = 0.8 # share of its statements that are right"
    if mapping.table is not None:
        yield from _table(mapping.table)
        if report.unused:
            yield f"# not used: {', '.join(map(_quoted, report.unused))}"
    yield ""
    yield "[relations]   # theirs = ours, with ^ the other way round, and a weight if none is stated"
    yield from _listed(report, "relation")
    yield ""
    yield '[terms]       # theirs = ours, or "keep" (as a concept of its own), or "leave-out"'
    yield from _listed(report, "term")
    yield from ("", "[unknown]     # what happens to the rest")
    yield f"terms = {_quoted(LEAVE_OUT)}"
    yield f"relations = {_quoted(LEAVE_OUT)}"


def _table(table: Columns) -> Iterator[str]:
    yield from ("", "[table]       # names of columns, or their numbers from 1")
    for one in fields(table):
        value = getattr(table, one.name)
        if value != one.default:
            yield f"{one.name} = {_quoted(value)}"
    for role in ROLES:
        if getattr(table, role) == "" and role != "relation":
            yield f"# {role} ="
    if table.relation == "":
        yield 'relation_is = ""   # the relation of every row, such as "ll:hasPart"'


def _listed(report: ImportReport, kind: str) -> Iterator[str]:
    """What is unknown, to be filled in; then what is understood by itself, as remarks."""
    unknown = [one for one in report.unknown if one.kind == kind]
    for one in unknown[:_LISTED]:
        near = f"; nearest: {vocab.curie(one.iri)} ({one.label})" if one.iri else ""
        yield f'{_quoted(one.term)} = ""  # {counted(one.count, "time")}{near}'
    if len(unknown) > _LISTED:
        yield f"# and {len(unknown) - _LISTED} more; landlore import --dry-run --json lists all"
    for known in [one for one in report.known if one.kind == kind][:_LISTED]:
        ours = f"{_quoted(known.term)} = {_quoted(vocab.curie(known.iri))}"
        yield f"# {ours}  # {counted(known.count, 'time')}, by {known.by}"


def _quoted(value: str | int | float | bool) -> str:
    """A value in the syntax of TOML, whose words are those of JSON."""
    return json.dumps(value, ensure_ascii=False)
