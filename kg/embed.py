"""Weighted triples come in, a vector per entity and relation goes out; new entities get theirs without training."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.embedding import KGEmbedding, graph_hash
from kg.embeddings import inductive
from kg.embeddings.fixed import graded_vectors, likeness_scores
from kg.embeddings.indexed import IndexedGraph, index_triples
from kg.embeddings.ranking import Scores, link_metrics
from kg.embeddings.splits import split_rows
from kg.embeddings.stated import FIXED, MODELS, RATES, EmbedSettings, check_settings
from kg.errors import InputError
from kg.triples import Triple

__all__ = ["MODELS", "Beside", "EmbedSettings", "Known", "embed_graph", "extend_embedding"]

Known = Callable[[Sequence[str]], NDArray[np.float32]]
"""Entities -> (entity, column) numbers known of each; rows of 0 where nothing is known."""


@dataclass(frozen=True)
class Beside:
    """What is known beside the triples.

    Attributes:
        texts: Sentence vectors of the entities' words; needed by "RGCN" and "text", and for new entities.
        literals: Further numbers for "DistMultLiteral".
    """

    texts: Known | None = None
    literals: Known | None = None


def embed_graph(
    triples: Sequence[Triple],
    settings: EmbedSettings | None = None,
    *,
    beside: Beside | None = None,
    progress: Callable[[int, int], None] | None = None,
    keep: Path | None = None,
) -> KGEmbedding:
    """Embed a weighted graph.

    Ids are sorted and all randomness is seeded, so the same triples give the same vectors on the same machine. The
    metrics come from a first run without the held-out triples; the vectors from a second run with all of them.

    Args:
        triples: At least 4 distinct statements.
        settings: Model, size, length and seed; default `EmbedSettings()`.
        beside: Words and numbers of the entities.
        progress: Called with (epochs done, epochs in all).
        keep: Folder for the state on the way, from which a killed run goes on; removed at the end.

    Raises:
        InputError: Unknown model, one that needs texts without any, a setting of another kind or out of its range,
            too few triples, or a weight that is not in (0, 1].
        MissingExtraError: PyKEEN, torch or torch_geometric is not installed.
    """
    settings = settings or EmbedSettings()
    beside = beside or Beside()
    check_settings(settings)
    _check(settings, beside)
    graph = index_triples(triples)
    train, test = split_rows(graph, settings.held_out, settings.seed)
    runs = 1 if settings.model in FIXED or not len(test) else 2
    run = _Run(
        settings, beside, progress or (lambda *_: None), runs, _folder(triples, settings, keep)
    )
    metrics: dict[str, float] = {}
    if len(test):
        shown = graph.only(train)
        scores = run.scores(shown, run.fit(shown, 0))
        count = len(graph.entities)
        metrics = link_metrics(scores, graph.ids[test], shown.ids, count)
        alike = likeness_scores(np.ones((count, 1), np.float32), shown)
        metrics["frequency_mrr"] = link_metrics(alike, graph.ids[test], shown.ids, count)["mrr"]
    vectors, relation_vectors, parts = run.fit(graph, runs - 1)
    if keep is not None:
        shutil.rmtree(keep, ignore_errors=True)
    digest, model = graph_hash(triples), settings.model
    return KGEmbedding(
        graph.entities, graph.relations, vectors, relation_vectors, metrics, digest, model, settings.seed, parts
    )  # fmt: skip


def extend_embedding(
    embedding: KGEmbedding, triples: Sequence[Triple], texts: Known
) -> KGEmbedding:
    """The same embedding with vectors for new entities, found from their words, types and neighbours.

    Nothing is trained, and known entities keep their vectors. R-GCN passes its messages to the new ones; every other
    model uses the regression that was fitted when it was made (`kg.embeddings.inductive`).

    Args:
        embedding: Made with texts.
        triples: Statements about new entities; what they say of known ones alone is left aside.
        texts: Sentence vectors by the model that made those of the embedding.

    Raises:
        InputError: The embedding was made without texts, or nothing in the triples is new.
        MissingExtraError: torch_geometric is not installed, and the embedding is an R-GCN.
    """
    if not embedding.parts:
        raise InputError(
            "the embedding was made without words, so it cannot place new entities",
            "make it again with: landlore embed",
        )
    graph = inductive.arrange(
        (embedding.entities, embedding.relations), index_triples(triples, fewest=1)
    )
    known = len(embedding.entities)
    new = graph.entities[known:]
    if not new:
        raise InputError(
            "nothing in the graph is new to the embedding", "give statements about new entities"
        )
    words, parts = texts(new), dict(embedding.parts)
    order = np.argsort(np.array(graph.entities))
    if embedding.model == "RGCN":
        from kg.embeddings.rgcn import in_order, new_vectors

        found, parts = new_vectors(embedding.parts, graph, words)
        parts = in_order(parts, order)
    else:
        found = inductive.map_vectors(embedding.parts, embedding.vectors, graph, words)
        if inductive.TYPE not in embedding.relations:
            at = dict(zip(embedding.entities, embedding.vectors, strict=True))
            found = inductive.beside_classes(found, new, at, triples)
    return replace(
        embedding,
        entities=tuple(graph.entities[i] for i in order),
        vectors=np.ascontiguousarray(np.vstack([embedding.vectors, found])[order]),
        graph_hash=hashlib.sha256(
            f"{embedding.graph_hash} {graph_hash(triples)}".encode()
        ).hexdigest(),
        parts=parts,
    )


Fitted = tuple[NDArray[np.float32], NDArray[np.float32], dict[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class _Run:
    """One embedding of whole and of thinned graphs."""

    settings: EmbedSettings
    beside: Beside
    progress: Callable[[int, int], None]
    runs: int
    folder: Path | None

    def fit(self, graph: IndexedGraph, number: int) -> Fitted:
        """Vectors of entities and relations, and what new entities need."""
        name, texts = self.settings.model, self.beside.texts
        words = texts(graph.entities) if texts else None
        if name in FIXED:
            made = words if name == "text" else graded_vectors(graph, self.settings.dim)
            assert made is not None  # _check has seen to it
            vectors, relations = made, np.zeros((0, made.shape[1]), np.float32)
        else:
            model = self._trained(graph, number, words)
            if name == "RGCN":
                from kg.embeddings.rgcn import learned_parts

                return *_tables(model), learned_parts(model)
            vectors, relations = _tables(model)
        parts = {} if words is None else inductive.fit_map(vectors, graph, words)
        return vectors, relations, parts

    def scores(self, graph: IndexedGraph, fitted: Fitted) -> Scores:
        """How the fitted vectors rank links."""
        vectors, relation_vectors, _ = fitted
        if self.settings.model in FIXED:
            return likeness_scores(vectors, graph)
        from kg.embeddings.decoders import DECODERS, link_scores

        name = self.settings.model
        return link_scores(name if name in DECODERS else "DistMult", vectors, relation_vectors)

    def _trained(self, graph: IndexedGraph, number: int, words: NDArray[np.float32] | None) -> Any:
        from kg.embeddings.loop import Training, one_thread, train
        from kg.embeddings.pykeen_models import pykeen_model

        how, total = self.settings, self.settings.epochs * self.runs
        keep = None if self.folder is None else self.folder / f"run{number}.pt"
        told = Training(how.epochs, how.rate or RATES[how.model], how.candidates, how.seed, keep)
        with one_thread():
            if how.model == "RGCN":
                from kg.embeddings.rgcn import relational_network

                assert words is not None  # _check has seen to it
                model = relational_network(graph, words, how.dim, how.seed)
            else:
                model = pykeen_model(
                    how.model, graph, how.dim, how.seed, self._literals(graph, words)
                )
            train(model, graph, told, lambda done: self.progress(number * how.epochs + done, total))
        return model

    def _literals(
        self, graph: IndexedGraph, words: NDArray[np.float32] | None
    ) -> NDArray[np.float32] | None:
        given = [] if words is None else [words]
        given += [self.beside.literals(graph.entities)] if self.beside.literals else []
        return np.hstack(given) if given else None


def _check(settings: EmbedSettings, beside: Beside) -> None:
    if settings.model in ("RGCN", "text") and beside.texts is None:
        raise InputError(
            f"the embedding model {settings.model} needs words of the entities",
            "give texts, or take another model",
        )


def _tables(model: Any) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    import torch

    with torch.no_grad():
        vectors, relations = (np.ascontiguousarray(t.numpy(), np.float32) for t in model.tables())
    return vectors, relations


def _folder(triples: Sequence[Triple], settings: EmbedSettings, keep: Path | None) -> Path | None:
    """The folder of a run's states; states of another graph or other settings in it are removed."""
    if keep is None:
        return None
    key = json.dumps(asdict(settings) | {"graph": graph_hash(triples)}, sort_keys=True)
    known = keep / "key.json"
    if known.is_file() and known.read_text() != key:
        shutil.rmtree(keep)
    try:
        keep.mkdir(exist_ok=True)
        known.write_text(key)
    except OSError as error:
        from kg.folder import unwritable

        raise unwritable(keep, error) from error
    return keep
