"""Embeddings of all the knowledge that ships: held-out links, pairs that anyone would call alike, hidden classes.

    python benchmarks/embeddings.py [--models TransE RGCN ...] [--seeds 0 1 2] [--hide 60] [--json FILE]
    python benchmarks/embeddings.py --trainers

Links: a tenth of the triples is held out (all triples between two entities together: no inverse, symmetric or doubled
relation leaks); filtered, both sides. Controls: the same model on a graph whose tails are dealt out anew within each
relation ("shuffled"), random vectors, and how often a tail goes with a relation ("frequency"), which needs no vector.
Pairs: benchmarks/semantic_pairs.csv, written before any embedding was made; rank of one among scene concepts and core
classes by cosine to the other, both ways, apart for pairs that the graph links and pairs that it does not.
Hidden: classes are left out of training and placed without training; how many of their 10 nearest are the 10 nearest
that they have when trained with all, beside random vectors.
"""

from __future__ import annotations

import argparse
import csv
import json
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.text import SentenceEncoder
from kg import vocab
from kg.embed import MODELS, Beside, EmbedSettings, embed_graph, extend_embedding
from kg.embedding import KGEmbedding
from kg.embeddings.content import Content, content_of, shipped_graph
from kg.embeddings.decoders import DECODERS, link_scores
from kg.embeddings.fixed import likeness_scores
from kg.embeddings.indexed import index_triples
from kg.embeddings.nearest import unit_rows
from kg.embeddings.ranking import link_metrics
from kg.embeddings.splits import split_rows
from kg.triples import Triple

PAIRS = Path(__file__).with_name("semantic_pairs.csv")
NEAR = 10


def words_of(content: Content) -> Beside:
    """Sentence vectors and numbers of the entities."""
    encoder = SentenceEncoder()

    def texts(entities: Sequence[str]) -> NDArray[np.float32]:
        told = content.sentences(entities)
        return np.where(np.array([bool(s) for s in told])[:, None], encoder.encode(told), 0).astype(
            np.float32
        )

    return Beside(texts, content.columns)


def shuffled(triples: Sequence[Triple], seed: int) -> list[Triple]:
    """Tails (with their weights) dealt out anew within each relation: who has how many links stays."""
    rng, rows = np.random.default_rng(seed), defaultdict(list)
    for triple in triples:
        rows[triple.relation].append(triple)
    found = []
    for same in rows.values():
        order = rng.permutation(len(same))
        found += [
            t._replace(tail=same[j].tail, weight=same[j].weight)
            for t, j in zip(same, order, strict=True)
        ]
    return found


def links(
    found: KGEmbedding, known: Sequence[Triple], triples: Sequence[Triple], seed: int
) -> dict[str, float]:
    """How well vectors made of other triples rank the held-out ones of the real graph."""
    graph = index_triples(triples)
    train, test = split_rows(graph, 0.1, seed)
    assert found.entities == graph.entities
    if len(found.relation_vectors):
        name = found.model if found.model in DECODERS else "DistMult"
        scores = link_scores(name, found.vectors, found.relation_vectors)
    else:
        scores = likeness_scores(found.vectors, index_triples(known))
    return link_metrics(scores, graph.ids[test], graph.ids[train], len(graph.entities))


def likeness(found: KGEmbedding, triples: Sequence[Triple]) -> dict[str, float]:
    """Ranks of the pairs: mean reciprocal, and share among the first 10; linked pairs apart."""
    with PAIRS.open(encoding="utf-8") as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))[1:]
    linked = {frozenset((t.head, t.tail)) for t in triples}
    classes = [iri for iri in found.entities if iri.startswith((vocab.SCENE, vocab.CORE))]
    place = {iri: i for i, iri in enumerate(classes)}
    unit = unit_rows(found.lookup(classes))
    ranks: dict[bool, list[float]] = {True: [], False: []}
    for names in rows:
        one, other = (vocab.expand(name) for name in names)
        for a, b in ((one, other), (other, one)):
            like = unit @ unit[place[a]]
            like[place[a]] = -2
            better = (like > like[place[b]]).sum() + (like == like[place[b]]).sum() / 2 + 0.5
            ranks[frozenset((a, b)) in linked].append(float(better))
    return {
        f"{word} {name}": float(value)
        for word, kind in (("linked", True), ("unlinked", False))
        for name, value in (
            ("mrr", np.mean([1 / r for r in ranks[kind]])),
            ("hits_at_10", np.mean([r <= NEAR for r in ranks[kind]])),
        )
    } | {"pairs linked": len(ranks[True]) / 2, "pairs unlinked": len(ranks[False]) / 2}


def near(found: KGEmbedding, iris: Sequence[str], among: Sequence[str]) -> list[set[int]]:
    """The 10 nearest of each among some classes, itself left out."""
    unit, asked = unit_rows(found.lookup(among)), unit_rows(found.lookup(iris))
    like = asked @ unit.T
    for i, iri in enumerate(iris):
        like[i, [j for j, other in enumerate(among) if other == iri]] = -2
    return [set(row[:NEAR].tolist()) for row in np.argsort(-like, axis=1, kind="stable")]


def hidden(
    full: KGEmbedding,
    triples: Sequence[Triple],
    beside: Beside,
    settings: EmbedSettings,
    count: int,
) -> dict[str, float]:
    """Classes left out, then placed: overlap of their nearest with those of the full training."""
    classes = [iri for iri in full.entities if iri.startswith((vocab.SCENE, vocab.CORE))]
    heads = sorted({t.head for t in triples} & set(classes))
    rng = np.random.default_rng(7)
    out = set(rng.choice(heads, count, replace=False).tolist())
    kept = [t for t in triples if not {t.head, t.tail} & out]
    entities = {e for t in kept for e in (t.head, t.tail)}
    new = [t for t in triples if {t.head, t.tail} & out and {t.head, t.tail} & entities]
    made = embed_graph(kept, settings, beside=beside)
    assert beside.texts is not None
    placed = extend_embedding(made, new, beside.texts)
    asked = sorted(out & set(placed.entities))
    among = [iri for iri in classes if iri in entities]
    wanted = near(full, asked, among)
    rows = {iri: i for i, iri in enumerate(placed.entities)}
    guess = placed.vectors.copy()
    guess[[rows[iri] for iri in asked]] = rng.normal(size=(len(asked), guess.shape[1]))
    lost = KGEmbedding(placed.entities, (), guess, placed.relation_vectors, {}, "", "", 0)
    overlap = {
        name: float(
            np.mean([len(a & b) / NEAR for a, b in zip(wanted, near(e, asked, among), strict=True)])
        )
        for name, e in (("placed", placed), ("random", lost))
    }
    return overlap | {"classes": float(len(asked))}


def one(model: str, seed: int, content: Content, beside: Beside, hide: int) -> dict[str, Any]:
    """All figures of a model and a seed."""
    triples, settings = content.triples, EmbedSettings(model, seed=seed)
    start, used = time.perf_counter(), time.process_time()
    full = embed_graph(triples, settings, beside=beside)
    seconds = time.perf_counter() - start, time.process_time() - used
    graph = index_triples(triples)
    train, _ = split_rows(graph, 0.1, seed)
    shown = [triples[i] for i in train]  # content is sorted as the index is
    alone = EmbedSettings(model, seed=seed, held_out=0)
    mixed = shuffled(shown, seed)
    control = embed_graph(mixed, alone, beside=beside)
    return {
        "seconds": seconds[0], "processor": seconds[1], "links": dict(full.metrics),
        "shuffled": links(control, mixed, triples, seed), "pairs": likeness(full, triples),
        "pairs shuffled": likeness(control, triples), "hidden": hidden(full, triples, beside, alone, hide),
    }  # fmt: skip


def controls(triples: Sequence[Triple], seed: int) -> dict[str, Any]:
    """Random vectors, and how often each tail goes with the relation."""
    graph = index_triples(triples)
    train, test = split_rows(graph, 0.1, seed)
    shown, count = graph.only(train), len(graph.entities)
    vectors = np.random.default_rng(seed).normal(size=(count, 64)).astype(np.float32)
    rows = {"random vectors": vectors, "frequency": np.ones((count, 1), np.float32)}
    found: dict[str, Any] = {
        name: {"links": link_metrics(likeness_scores(v, shown), graph.ids[test], shown.ids, count)}
        for name, v in rows.items()
    }
    guess = KGEmbedding(graph.entities, (), vectors, vectors[:0], {}, "", "", 0)
    found["random vectors"]["pairs"] = likeness(guess, triples)
    return found


def trainers(triples: Sequence[Triple], epochs: int = 20, repeats: int = 3) -> None:
    """Processor seconds an epoch of TransE: the plain loop beside PyKEEN's trainer, in turn, one thread each."""
    import torch
    from pykeen.training import SLCWATrainingLoop
    from pykeen.triples import CoreTriplesFactory

    from kg.embeddings.loop import Training, one_thread, train
    from kg.embeddings.pykeen_models import pykeen_model, quiet_pykeen

    graph = index_triples(triples)
    size = {"num_entities": len(graph.entities), "num_relations": len(graph.relations)}
    factory = CoreTriplesFactory.create(torch.from_numpy(graph.ids), **size)
    found: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        for batch in (None, len(graph.ids), 256):
            with one_thread(), quiet_pykeen():
                wrapped = pykeen_model("TransE", graph, 64, 0)
                start = time.process_time()
                if batch is None:
                    train(wrapped, graph, Training(epochs, 0.02), lambda _: None)
                else:
                    adam = torch.optim.Adam(wrapped.parameters(), lr=0.02)
                    loop = SLCWATrainingLoop(
                        model=wrapped.model, triples_factory=factory, optimizer=adam,
                        negative_sampler_kwargs={"num_negs_per_pos": 32},
                    )  # fmt: skip
                    loop.train(factory, num_epochs=epochs, batch_size=batch, use_tqdm=False)
                name = (
                    "plain loop, 2 x 256 candidates"
                    if batch is None
                    else f"PyKEEN, 32 negatives, batch {batch}"
                )
                found[name].append((time.process_time() - start) / epochs)
    for name, seconds in found.items():
        print(f"{name:36s} {np.median(seconds):7.3f} processor s an epoch (median of {repeats})")


def line(name: str, rows: list[dict[str, Any]]) -> str:
    """One row of the table: means over seeds."""

    def mean(*keys: str) -> str:
        values = [row for row in rows]
        for key in keys:
            values = [v.get(key, {}) if isinstance(v, dict) else v for v in values]
        numbers = [v for v in values if isinstance(v, float)]
        return f"{np.mean(numbers):6.3f}" if numbers else "     -"

    parts = [
        " ".join(mean("links", k) for k in ("mrr", "hits_at_1", "hits_at_3", "hits_at_10")),
        mean("shuffled", "mrr"),
        " ".join(
            mean("pairs", f"{w} {k}") for w in ("linked", "unlinked") for k in ("mrr", "hits_at_10")
        ),
        " ".join(mean("pairs shuffled", f"{w} mrr") for w in ("linked", "unlinked")),
        " ".join(mean("hidden", k) for k in ("placed", "random")),
        f"{np.mean([r.get('processor', 0) for r in rows]):6.1f}",
    ]
    return f"{name:16s} " + " | ".join(parts)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="*", default=list(MODELS), choices=MODELS)
    parser.add_argument("--seeds", type=int, nargs="*", default=[0, 1, 2])
    parser.add_argument("--hide", type=int, default=60, help="classes to hide")
    parser.add_argument("--json", type=Path)
    parser.add_argument(
        "--trainers", action="store_true", help="only an epoch beside PyKEEN's own trainer"
    )
    given = parser.parse_args()
    content = content_of(shipped_graph())
    if given.trainers:
        trainers(content.triples)
        return
    graph, beside = index_triples(content.triples), words_of(content)
    start = time.perf_counter()
    assert beside.texts is not None
    beside.texts(graph.entities)
    print(f"{len(graph.entities)} entities, {len(graph.relations)} relations, {len(graph.ids)} triples, seeds "
          f"{given.seeds}; sentence vectors in {time.perf_counter() - start:.1f} s")  # fmt: skip
    print("model            links: mrr, hits at 1, 3, 10 | shuffled mrr | pairs linked: mrr, hits at 10; unlinked | "
          "pairs shuffled: mrr | hidden: placed, random | processor s")  # fmt: skip
    table: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for seed in given.seeds:
        for name, row in controls(content.triples, seed).items():
            table[name].append(row)
    for name in list(table):
        print(line(name, table[name]), flush=True)
    for model in given.models:
        for seed in given.seeds:
            table[model].append(one(model, seed, content, beside, given.hide))
        print(line(model, table[model]), flush=True)
    if given.json:
        given.json.write_text(json.dumps(table, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
