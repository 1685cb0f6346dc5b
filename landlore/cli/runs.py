"""Commands that ask a run: a folder and a question come in, sentences or rows go out."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from kg.counted import counted
from landlore.cli.options import MOST, AsJson, Lang, Overwrite, Store
from landlore.cli.printing import say, teller


def explain(
    run: Annotated[str, typer.Argument(help="Run folder, or the server it was published to.")],
    at: Annotated[
        str | None, typer.Option(help="LON,LAT in degrees, or as printed: '60.17° N, 24.94° E'.")
    ] = None,
    region: Annotated[int | None, typer.Option(min=0, max=MOST, help="Number of a region.")] = None,
    top: Annotated[
        int,
        typer.Option(
            min=1, max=100_000, help="Without a place: how many of the largest corrections."
        ),
    ] = 5,
    lang: Lang = "en",
    changes: Annotated[
        list[str],
        typer.Option(
            "--what-if",
            help="drop=TERM or weight=TERM:VALUE: solve again without it, or with another weight. May be repeated.",
        ),
    ] = [],
    wanted: Annotated[
        str | None,
        typer.Option("--why-not", help="Class: what would it take for the place to be of it?"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say why a place, a region or the largest corrections were changed, and what would change them."""
    from kg.errors import InputError
    from landlore.ask import account_record, account_text
    from landlore.ask import explain as ask
    from landlore.cli import questions, words

    if lang not in ("en", "zh"):
        raise InputError(f"--lang {lang!r}: known are en and zh", "--lang en")
    if at and region is not None:
        raise InputError("explain: a place and a region are given", "leave out --at or --region")
    place = words.parse_place(at) if at else None
    if changes or wanted is not None:
        asked = questions.Asked(Path(run), place, region, lang, as_json)
        questions.answer(asked, words.changed_values(changes), wanted)
        return
    found = ask(run, place=place, region=region, top=top)
    if as_json:
        say(json.dumps([account_record(a) for a in found], ensure_ascii=False))
        return
    if not found:
        say("nothing was changed there" if lang == "en" else "此处未作更改")
    for account in found[:top]:
        say(account_text(account, lang))
    if len(found) > top:
        say(
            f"... and {len(found) - top} more; --top N shows more"
            if lang == "en"
            else f"……另有 {len(found) - top} 条"
        )


def publish(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    store: Annotated[str, typer.Argument(help="Address of a SPARQL 1.1 server.")],
    as_json: AsJson = False,
) -> None:
    """Send the reasons of a run to a SPARQL server, where `query` and `explain` find them."""
    from landlore.publish import publish as run_it

    done = run_it(run, store)
    if as_json:
        say(json.dumps({"store": done.url, "statements": done.graphs}))
        return
    for iri, count in done.graphs.items():
        say(f"{count:>12,}  {iri}")
    say(f"in {done.url}; ask with: landlore explain {done.url} --at LON,LAT")


def query(
    graph: Annotated[
        str | None, typer.Argument(help="Run folder, graph folder, RDF file or server.")
    ] = None,
    sparql: Annotated[str | None, typer.Argument(help="SPARQL, or @FILE.")] = None,
    name: Annotated[str | None, typer.Option(help="Named query; `--name list` lists them.")] = None,
    values: Annotated[list[str], typer.Option("--set", help="NAME=VALUE for a named query.")] = [],
    form: Annotated[str, typer.Option("--format", "-f", help="table, csv, json or ttl.")] = "table",
    store: Store = None,
) -> None:
    """Ask a run or a graph in SPARQL."""
    from kg.errors import QueryError
    from kg.queries import load_query
    from landlore.cli import words
    from landlore.graph import open_graph
    from landlore.remarks import remarks
    from reasoning.progress import heard_by

    if name == "list":
        _list_queries()
        return
    if store is not None and sparql is None:  # the only word is the question
        graph, sparql = None, graph
    if (sparql is None) == (name is None):
        raise QueryError(
            "query: expected either SPARQL or --name", "landlore query RUN --name list"
        )
    place = words.one_place(graph, store)
    given = words.named_values(values)
    if given and not name:
        raise QueryError(
            "--set fills the values of a named query only", "add --name, or leave --set out"
        )
    named = load_query(name, given) if name else None
    text = named.sparql if named else words.sparql_text(sparql or "")
    forms = {"table": "to_table", "csv": "to_csv", "json": "to_json", "ttl": "to_turtle"}
    if form not in forms:
        raise QueryError(f"--format {form!r}: known are {', '.join(forms)}", "--format table")
    with heard_by(teller(quiet=False)):
        opened = open_graph(place)
    found = opened.query(text)
    answer = getattr(found, forms[form])()
    sys.stdout.write(answer if answer.endswith("\n") else answer + "\n")
    sys.stdout.flush()
    for line in remarks(opened, found, text, (named, given)):
        sys.stderr.write(f"· {line}\n")


def report(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="HTML file; default RUN/report.html.")
    ] = None,
    truth: Annotated[
        str | None,
        typer.Option(
            help="Raster of official codes, PATH or LEGEND=PATH: counts what became right and wrong."
        ),
    ] = None,
    note: Annotated[str, typer.Option(help="A line that readers must not miss.")] = "",
    lang: Lang = "en",
    overwrite: Overwrite = False,
) -> None:
    """Write one HTML file with before, after, and the reasons of every correction; it opens from a disk."""
    from landlore.page import write_page
    from landlore.truth import score_lines

    done = write_page(run, out, truth=truth, note=note, lang=lang, overwrite=overwrite)
    for line in score_lines(done.truth) if done.truth else ():
        say(line)
    size = done.path.stat().st_size / 1e6
    say(f"{done.path}: before, after, why ({size:.1f} MB; open it in a browser)")


def export(
    run: Annotated[Path, typer.Argument(help="Run folder.")],
    out: Annotated[
        Path,
        typer.Argument(
            help="File ending in .gpkg (CRS of the run), .geojson (degrees), or .qgs (a QGIS project)."
        ),
    ],
    lang: Lang = "en",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Write the corrections of a run for QGIS, an outline each: before, after, why; or a project of the run."""
    from landlore.corrections_file import export_corrections
    from landlore.qgis_project import SUFFIX, export_project

    write = export_project if out.suffix.lower() == SUFFIX else export_corrections
    done = write(run, out, lang=lang, overwrite=overwrite)
    if as_json:
        say(json.dumps({"out": str(done.path), "corrections": done.count}))
        return
    say(f"{done.path}: {counted(done.count, 'correction')}")


def _list_queries() -> None:
    from kg.queries import load_query, query_names

    for known in query_names():
        loaded = load_query(known)
        takes = "".join(f" --set {p.name}={p.default}" for p in loaded.parameters)
        say(f"{known:<24} {loaded.title}{f' ({takes.strip()})' if takes else ''}")
