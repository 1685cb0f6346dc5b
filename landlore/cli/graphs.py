"""Commands about graphs: sources come in, a graph or its embedding goes out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from kg.counted import counted
from kg.vocab import GRAPH, curie
from landlore.cli.options import (
    MOST,
    AsJson,
    Facts,
    Imports,
    Landcover,
    Osm,
    Overwrite,
    SourceDate,
    SourceLicence,
    SourceRights,
    Store,
    Vector,
)
from landlore.cli.printing import counter, need_vision, say, teller

if TYPE_CHECKING:
    from kg.build import BuiltSource


def build(
    out: Annotated[
        str | None,
        typer.Argument(help="Folder, or file ending in .trig, .nq or .ttl; or --store."),
    ] = None,
    landcover: Landcover = [],
    osm: Osm = [],
    vector: Vector = [],
    facts: Facts = [],
    imports: Imports = [],
    cell: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="Product pixels per graph cell, along each side."),
    ] = None,
    bounds: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    relations: Annotated[
        bool, typer.Option(help="Find spatial relations between features.")
    ] = True,
    rcc8: Annotated[
        bool, typer.Option("--rcc8", help="Say how areas that meet do so in RCC-8, too.")
    ] = False,
    alignments: Annotated[
        bool, typer.Option(help="Say what classes are called in ENVO, SWEET, WorldKG, Wikidata ...")
    ] = True,
    source_date: SourceDate = [],
    source_licence: SourceLicence = [],
    source_rights: SourceRights = [],
    overwrite: Overwrite = False,
    update: Annotated[
        bool, typer.Option("--update", help="Read only sources that have changed; keep the rest.")
    ] = False,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Build a knowledge graph from products, OpenStreetMap, vector files and expert facts."""
    from landlore.cli import words
    from landlore.graph import build as run

    sources = words.sources(
        landcover=landcover, osm=osm, vector=vector, facts=facts, imports=imports, cell=cell,
        alignments=alignments, stated=words.of_origin(source_date, source_licence, source_rights),
    )  # fmt: skip
    place = words.one_place(out, store)
    existing = "update" if update else "replace" if overwrite else "refuse"
    built = run(
        place, sources, bounds=words.parse_bounds(bounds), existing=existing,
        relations="rcc8" if rcc8 and relations else relations, progress=teller(as_json),
    )  # fmt: skip
    counts = {
        f"{source.info.title}{' (unchanged)' if source.kept else ''}": source.statements
        for source in built.report.sources
    }
    counts |= {curie(relation): n for relation, n in sorted(built.relations.items())}
    if as_json:
        say(
            json.dumps(
                {"graph": str(built.path), "triples": built.report.triples, "statements": counts}
            )
        )
        return
    for name, count in counts.items():
        say(f"{count:>12,}  {name}")
    ask = f"landlore query {built.path} --name list"
    say(f"{built.report.triples:>12,}  statements in all, in {built.path}; ask with: {ask}")
    for line in _unknown_origins(built.report.sources):
        say(line)
    if str(built.path).endswith(".ttl"):
        say(
            "Turtle holds no named graphs: what came from which source is not kept apart, and --update and measure "
            "refuse it; .trig, .nq or a folder keeps it"
        )


def _unknown_origins(sources: Sequence[BuiltSource]) -> Iterator[str]:
    """What nobody knows about sources, and how it is said."""
    for word, option, example in (
        ("licence", "--source-licence", "CC-BY-4.0"),
        ("date", "--source-date", "2021"),
    ):
        names = [one.iri.removeprefix(GRAPH) for one in sources if not getattr(one.info, word)]
        if names:
            yield f"no {word} known: {', '.join(names)}; {option} {names[0]}={example} states one"


def measure(
    graph: Annotated[
        str | None, typer.Argument(help="Graph folder, .trig or .nq file of `landlore build`.")
    ] = None,
    store: Store = None,
    as_json: AsJson = False,
) -> None:
    """Measure what classes are made of and lie beside, and write it into the graph as weights."""
    from landlore.cli import words
    from landlore.measuring import measure as run

    place = words.one_place(graph, store)
    found = run(place)
    if as_json:
        say(json.dumps({"graph": place, "statements": found}))
        return
    for name, count in found.items():
        say(f"{count:>12,}  ll:{name}")
    say(f"compare with the expert's: landlore query {place} --name measured-and-expert")


def embed(
    out: Annotated[Path, typer.Argument(help="File ending in .safetensors.")],
    graph: Annotated[
        Path | None, typer.Option(help="Graph to embed; default: all the knowledge that ships.")
    ] = None,
    model: Annotated[
        str,
        typer.Option(
            help="TransE, RotatE, ComplEx, DistMult, DistMultLiteral, CompGCN, RGCN; text or graded: not trained."
        ),
    ] = "TransE",
    dim: Annotated[int, typer.Option(min=1, max=4096, help="Numbers per entity.")] = 64,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the triples.")] = 200,
    seed: Annotated[int, typer.Option(min=0, max=MOST, help="Seed of everything random.")] = 0,
    extend: Annotated[
        Path | None,
        typer.Option(help="Embedding to place what is new in --graph in, without training."),
    ] = None,
    neighbours: Annotated[
        list[str],
        typer.Option(
            help="Print what lies nearest to this entity; reads OUT where it is there. May be repeated."
        ),
    ] = [],
    count: Annotated[int, typer.Option(min=1, help="How many neighbours.")] = 10,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
) -> None:
    """Embed a knowledge graph, place new entities in an embedding, or tell what lies near in one."""
    need_vision("landlore embed")
    from kg.embed import EmbedSettings
    from landlore.embedding import embed as run
    from landlore.embedding import neighbours as ask

    record: dict[str, Any] = {"path": str(out)}
    if not neighbours or overwrite or not out.exists():
        done = run(
            out, graph=graph, settings=EmbedSettings(model=model, dim=dim, epochs=epochs, seed=seed), extend=extend,
            overwrite=overwrite, progress=counter(as_json),
        )  # fmt: skip
        record = done.to_record()
        more = f"{done.new} placed without training; " if extend else ""
        line = f"{counted(done.entities, 'entity')}, {counted(done.relations, 'relation')} in {done.path}; {more}"
        if not as_json:
            say(f"{line}{_told_links(done.metrics)}".rstrip("; "))
    found = ask(out, neighbours, count=count, graph=graph) if neighbours else ()
    if as_json:
        say(json.dumps(record | {"neighbours": {n.entity: n.near for n in found}}))
        return
    for one in found:
        say(curie(one.entity))
        for iri, cosine in one.near:
            say(f"  {cosine:6.3f}  {curie(iri)}")


def _told_links(metrics: Mapping[str, float]) -> str:
    """How well held-out links were predicted, beside what needs no embedding; "" where nothing was held out."""
    if not metrics:
        return ""
    hits = ", ".join(f"hits@{k} {metrics[f'hits_at_{k}']:.3f}" for k in (1, 3, 10))
    return (
        f"held-out links: MRR {metrics['mrr']:.3f}, {hits}; to beat: MRR {metrics['frequency_mrr']:.3f} by how often "
        f"an entity stands with the relation ({metrics['random_mrr']:.3f} at random)"
    )
