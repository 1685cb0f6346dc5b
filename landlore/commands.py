"""What each command does once its words are read: values come in, printed lines go out."""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import InputError, MissingExtraError, QueryError
from kg.vocab import curie
from landlore import words
from landlore.settings import RunSettings, read_settings
from landlore.sources import Sources

if TYPE_CHECKING:
    from fusion.prediction import SceneScores
    from landlore.interpret import Interpretation

Tell = Callable[[str], None]
Chosen = tuple[Path | None, Mapping[str, Any]]
Shown = tuple[Tell, bool]
VISION = (
    "torch",
    "torch_geometric",
    "pykeen",
    "sentence_transformers",
    "transformers",
    "safetensors",
)


def say(text: str = "") -> None:
    """Print one line on standard output."""
    sys.stdout.write(text + "\n")


def need_vision(command: str) -> None:
    """Stop with two lines when the extra is not installed.

    Raises:
        MissingExtraError: A package of the extra is missing.
    """
    missing = [name for name in VISION if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(f"{command}: {', '.join(missing)}", "vision")


def build(
    out: Path,
    given: Sources,
    bounds: tuple[float, float, float, float] | None,
    relations: bool,
    overwrite: bool,
    tell: Tell,
    as_json: bool,
) -> None:
    """`landlore build`."""
    from landlore.graph import build as build_graph

    built = build_graph(
        out, given, bounds=bounds, relations=relations, overwrite=overwrite, progress=tell
    )
    counts = {source.info.title: source.statements for source in built.report.sources}
    counts |= {curie(relation): n for relation, n in sorted(built.relations.items())}
    if as_json:
        say(json.dumps({"graph": str(out), "triples": built.report.triples, "statements": counts}))
        return
    for name, count in counts.items():
        say(f"{count:>12,}  {name}")
    say(
        f"{built.report.triples:>12,}  statements in all, in {out}; ask with: landlore query {out} --name list"
    )


def _run_settings(chosen: Chosen) -> RunSettings:
    path, given = chosen
    return read_settings(path, **given)


def correct(
    prediction: Path, legend: str, given: Sources, chosen: Chosen, out: Path, shown: Shown
) -> None:
    """`landlore correct`."""
    from landlore.interpret import correct as run

    settings, (tell, as_json) = _run_settings(chosen), shown
    done = run(prediction, legend=legend, sources=given, settings=settings, out=out, progress=tell)
    _report(done, as_json)


def interpret(
    image: Path, legend: str | None, given: Sources, chosen: Chosen, out: Path, shown: Shown
) -> None:
    """`landlore interpret`."""
    from landlore.interpret import interpret as run

    settings, (tell, as_json) = _run_settings(chosen), shown
    done = run(image, legend=legend, sources=given, settings=settings, out=out, progress=tell)
    _report(done, as_json)


def _report(done: Interpretation, as_json: bool) -> None:
    from landlore.interpret import telling_sentences

    folder = done.folder or Path()
    corrected = done.corrected
    summary = {
        "folder": str(folder),
        "corrections": len(corrected.corrections),
        "changed_pixels": int(corrected.changed.sum()),
        "regions": len(corrected.regions.count),
        "triples": len(done.graph),
        "steps": corrected.trace.steps,
        "stopped": corrected.trace.stopped,
    }
    if as_json:
        say(json.dumps(summary))
        return
    say(
        f"{summary['changed_pixels']:,} pixels in {summary['corrections']:,} corrections changed; "
        f"inference {corrected.trace.stopped} after {corrected.trace.steps} steps"
    )
    idle = len(corrected.inactive)
    if idle:
        say(
            f"{idle} rules could not act here (run.json says why); some need --dem, or --bands with names"
        )
    for sentence in telling_sentences(done):
        say(f"  {sentence}")
    say(f"{folder / 'figure.png'}: before, after, why")
    say(f"landlore explain {folder}")


def explain(
    run: Path, at: str | None, region: int | None, top: int, lang: str, as_json: bool
) -> None:
    """`landlore explain`."""
    from landlore.ask import account_record, account_text
    from landlore.ask import explain as ask

    if lang not in ("en", "zh"):
        raise InputError(f"--lang {lang!r}: known are en and zh", "--lang en")
    found = ask(run, place=words.parse_place(at) if at else None, region=region, top=top)
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


def query(
    graph: Path | None, sparql: str | None, name: str | None, values: list[str], form: str
) -> None:
    """`landlore query`."""
    from kg.queries import load_query, query_names
    from landlore.graph import open_graph

    if name == "list":
        for known in query_names():
            loaded = load_query(known)
            takes = "".join(f" --set {p.name}={p.default}" for p in loaded.parameters)
            say(f"{known:<24} {loaded.title}{f' ({takes.strip()})' if takes else ''}")
        return
    if (sparql is None) == (name is None):
        raise QueryError(
            "query: expected either SPARQL or --name", "landlore query RUN --name list"
        )
    if graph is None:
        raise QueryError("query: no run, graph or RDF file given", "landlore query RUN --name list")
    text = (
        load_query(name, words.named_values(values)).sparql
        if name
        else words.sparql_text(sparql or "")
    )
    forms = {"table": "to_table", "csv": "to_csv", "json": "to_json", "ttl": "to_turtle"}
    if form not in forms:
        raise QueryError(f"--format {form!r}: known are {', '.join(forms)}", "--format table")
    answer = getattr(open_graph(graph).query(text), forms[form])()
    sys.stdout.write(answer if answer.endswith("\n") else answer + "\n")


def demo(out: Path, seed: int, tell: Tell, as_json: bool) -> None:
    """`landlore demo`."""
    from landlore.demo import demo as run

    done = run(out, seed=seed, progress=tell)
    say(json.dumps(done.to_record()) if as_json else done.to_text())


def embed(out: Path, graph: Path | None, how: tuple[str, int, int, int], as_json: bool) -> None:
    """`landlore embed`."""
    from landlore.embedding import embed as run

    model, dim, epochs, seed = how
    done = run(out, graph=graph, model=model, dim=dim, epochs=epochs, seed=seed)
    if as_json:
        say(json.dumps(done.to_record()))
        return
    figures = ", ".join(f"{name} {value:.3f}" for name, value in sorted(done.metrics.items()))
    say(
        f"{done.entities} entities, {done.relations} relations in {done.path}; held-out triples: {figures}"
    )


def classify(
    images: list[str], labels: list[str], how: Mapping[str, Any], tell: Tell, as_json: bool
) -> None:
    """`landlore classify`."""
    from landlore.scenes import ClassifySettings
    from landlore.scenes import classify as run
    from reasoning.scene import scene_sentences

    settings = ClassifySettings(
        blocks=tuple(b.strip() for b in how["blocks"].split(",") if b.strip()),
        transductive=how["transductive"],
        model=how["model"],
        embedding=str(how["embedding"]) if how["embedding"] else None,
        overwrite=how["overwrite"],
    )
    seen = how["seen"]
    if seen is not None and not seen.endswith(".npz"):
        seen = [name.strip() for name in seen.split(",")]
    given = images[0] if len(images) == 1 else images
    done = run(given, labels, seen=seen, settings=settings, out=how["out"], progress=tell)
    if as_json:
        say(json.dumps(_ranked(done.scores, done.accuracy, how["top"])))
        return
    for reason in done.reasons[: how["show"]]:
        say(scene_sentences(reason, done.knowledge)[0])
    if len(done.reasons) > how["show"]:
        say(
            f"... and {len(done.reasons) - how['show']} more; --out FOLDER keeps all, --show N prints more"
        )
    if done.accuracy is not None:
        say(
            f"accuracy against the labels in the file: {done.accuracy:.4f} ({len(done.reasons)} images)"
        )


def _ranked(scores: SceneScores, accuracy: float | None, top: int) -> dict[str, Any]:
    best = (-scores.scores).argsort(axis=1, kind="stable")[:, :top]
    return {
        "model": scores.model,
        "accuracy": accuracy,
        "answers": [
            {"item": item, "classes": [[scores.classes[k], round(float(row[k]), 6)] for k in order]}
            for item, row, order in zip(scores.items, scores.scores, best, strict=True)
        ],
    }


def doctor() -> None:
    """`landlore doctor`."""
    import shutil
    from importlib.metadata import PackageNotFoundError, version

    for name in ("numpy", "rasterio", "pyoxigraph", "owlready2", "osmium", "numba", *VISION):
        try:
            say(f"{name:<24} {version(name.replace('_', '-'))}")
        except PackageNotFoundError:
            extra = "pip install 'landlore[vision]'" if name in VISION else "pip install landlore"
            say(f"{name:<24} missing: {extra}")
    say(
        f"{'java (HermiT)':<24} {shutil.which('java') or 'missing: ontologies are read, not checked for consistency'}"
    )
