"""Commands about ontologies: files come in, what is wrong or missing goes out; a name comes in, its IRI goes out."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from kg.counted import counted
from kg.vocab import curie
from landlore.cli.options import MOST, AsJson
from landlore.cli.printing import say

if TYPE_CHECKING:
    from kg.ontology_check import OntologyCheck
    from kg.sources.coverage import TagCoverage

_SHOWN = 20


def check_ontology(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Ontologies, legends, scenes; default: all that ship."),
    ] = None,
    reasoner: Annotated[bool, typer.Option(help="Ask HermiT too (seconds).")] = True,
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with ontologies, legends and scenes: names, definitions, shares, matches, logic, SHACL."""
    from kg.ontology_check import check_ontology as check_files

    found = check_files(files or (), reasoner=reasoner)
    if as_json:
        record = {
            **asdict(found),
            "files": [str(path) for path in found.files],
            "fine": found.is_fine,
        }
        say(json.dumps(record, ensure_ascii=False))
    else:
        _tell(found)
    if not found.is_fine:
        raise typer.Exit(1)


def check_osm(
    extract: Annotated[
        Path, typer.Argument(help="OpenStreetMap extract (.osm.pbf, .osm, .osm.gz).")
    ],
    least: Annotated[
        float, typer.Option(min=0, max=1, help="Share of the tagged area that must get a class.")
    ] = 0.95,
    as_json: AsJson = False,
) -> None:
    """Say how much of the tagged ground of an extract gets a class, and which tags do not."""
    from kg.sources.coverage import tag_coverage

    found = tag_coverage(extract)
    if as_json:
        say(json.dumps({**asdict(found), "path": str(found.path), "share": found.share}))
    else:
        _tell_coverage(found)
    if found.share < least:
        if not as_json:
            say(f"fails: less than --least {least:g} of the tagged area has a class")
        raise typer.Exit(1)


def find(
    words: Annotated[str, typer.Argument(help="Part of a name, English or Chinese.")],
    graph: Annotated[
        str | None,
        typer.Argument(help="Run folder, graph folder, RDF file or server; default: what ships."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=MOST, help="How many to print.")] = 20,
    as_json: AsJson = False,
) -> None:
    """Find the IRI behind a name: classes, relations, measures, rules, scenes, classes of legends."""
    from landlore.finding import find as look
    from landlore.finding import nearest

    found = look(words, graph)
    if as_json:
        say(json.dumps([asdict(one) for one in found], ensure_ascii=False))
    shown = [] if as_json else found[:top]
    width = max((len(curie(one.iri)) for one in shown), default=0)
    for one in shown:
        code = f", code {one.code}" if one.code else ""
        say(f"{curie(one.iri):<{width}}  {one.kind + code:<16} {' · '.join(one.labels)}")
    if len(found) > top and not as_json:
        say(f"... and {len(found) - top} more; --top N prints more")
    if not found:
        near = nearest(words, graph)
        if not as_json:
            say(f"nothing is called {words!r}" + (f"; known: {', '.join(near)}" if near else ""))
        raise typer.Exit(1)


def _tell(found: OntologyCheck) -> None:
    from kg.ontology_check import CHECKS

    wrong = [fault.check for fault in found.faults]
    for check in CHECKS:
        why = found.skipped.get(check)
        say(f"{check:11} {f'not run: {why}' if why else wrong.count(check) or 'fine'}")
    for fault in found.faults:
        say(f"{fault.check}: {f'{fault.file}: ' if fault.file else ''}{fault.what}")
    not_run = "".join(f"; {check} not run: {why}" for check, why in found.skipped.items())
    say(
        f"{counted(len(found.files), 'file')}: {counted(found.classes, 'class')}, "
        f"{counted(found.relations, 'property')}, {counted(found.concepts, 'concept')}, "
        f"{counted(found.alignments, 'alignment')}; {counted(len(found.faults), 'fault')}{not_run}"
    )


def _tell_coverage(found: TagCoverage) -> None:
    for tags, number, area in found.rest[:_SHOWN]:
        say(f"{area / 1e4:10.2f} ha  {number:6}  {tags}")
    if len(found.rest) > _SHOWN:
        say(f"... and {counted(len(found.rest) - _SHOWN, 'more kind')} of tags without a class")
    say(
        f"{found.path.name}: {counted(found.polygons, 'tagged polygon')}, {found.area / 1e6:.2f} km2, "
        f"{100 * found.share:.2f} % of it has a class; {found.extents / 1e6:.2f} km2 of boundaries not counted"
    )
