"""Class names come in, class vectors go out: [sentence | graded attributes | graph embedding], blocks scaled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusion.text import SentenceEncoder
from kg.embedding import KGEmbedding
from kg.embeddings.geometric import graph_layers
from kg.errors import InputError
from kg.scenes import SceneConcept, SceneKnowledge, strength
from kg.triples import Triple

SCALES: Mapping[str, float] = {"text": 0.5, "graded": 1.0, "kge": 0.5}
"""Blocks and their scales: what the graph says leads, names and link structure refine it."""


@dataclass(frozen=True)
class ClassVectors:
    """Classes as points that images can be compared with.

    Attributes:
        names: As given.
        concepts: The scene concept of each name, or None.
        statements: For each class its (triple, strength) pairs; those of a class without a concept are borrowed
            from the nearest concepts, and their heads say from which.
        blocks: Block name -> (class, dimension) float64, rows of unit length (or all 0 where nothing is known).
        scales: Block name -> scale.
        norms: (class,) length of the graded rows before they were brought to unit length.
    """

    names: tuple[str, ...]
    concepts: tuple[SceneConcept | None, ...]
    statements: tuple[tuple[tuple[Triple, float], ...], ...]
    blocks: Mapping[str, NDArray[np.float64]]
    scales: Mapping[str, float]
    norms: NDArray[np.float64]

    @property
    def iris(self) -> tuple[str, ...]:
        """Concept IRI of each class, "" for a name outside the ontology."""
        return tuple(c.iri if c else "" for c in self.concepts)

    @property
    def lenders(self) -> tuple[tuple[str, ...], ...]:
        """For each class without a concept, IRIs of the concepts whose statements stand in; () for the others."""
        return tuple(
            () if own else tuple(dict.fromkeys(triple.head for triple, _ in said))
            for own, said in zip(self.concepts, self.statements, strict=True)
        )

    @property
    def stacked(self) -> NDArray[np.float64]:
        """(class, dimension): the blocks side by side, each times its scale."""
        return np.hstack([self.scales[name] * block for name, block in self.blocks.items()])


def class_vectors(
    names: Sequence[str],
    knowledge: SceneKnowledge,
    *,
    blocks: Sequence[str] = ("text", "graded"),
    embedding: KGEmbedding | None = None,
    encoder: SentenceEncoder | None = None,
    borrow: int = 3,
) -> ClassVectors:
    """Vectors of classes.

    Args:
        names: Class names in any form that `SceneKnowledge.find` understands; others are taken as plain words.
        knowledge: Scene concepts.
        blocks: Which of "text" (sentence vector of name and definition), "graded" (attribute table) and "kge" (not in
            the default: over four seeds it adds less than a point, see benchmarks/zeroshot.py).
        embedding: Graph embedding; needed for "kge".
        encoder: Sentence model; default the one that ships with the `vision` extra.
        borrow: A class without a concept takes over the graded statements and the embedding of that many concepts
            nearest by sentence, weighted by similarity; 0 leaves it with its text alone.

    Raises:
        InputError: No or doubled class names, unknown block, "kge" without an embedding, or one of another graph.
        MissingExtraError: A package of the `vision` extra is missing.
    """
    _check(names, blocks, embedding, knowledge)
    concepts = tuple(knowledge.find(name) for name in names)
    lent = np.zeros((len(names), len(knowledge.concepts)))
    row = {c.iri: i for i, c in enumerate(knowledge.concepts)}
    for i, concept in enumerate(concepts):
        if concept is not None:
            lent[i, row[concept.iri]] = 1.0
    unknown = [i for i, concept in enumerate(concepts) if concept is None]
    if unknown and borrow and set(blocks) - {"text"}:
        lent[unknown] = _nearest(
            [names[i] for i in unknown], knowledge, encoder or SentenceEncoder(), borrow
        )
    statements = tuple(_statements(weights, knowledge) for weights in lent)
    table = knowledge.attributes(statements)
    made: dict[str, NDArray[np.float64]] = {}
    for block in blocks:
        if block == "text":
            made[block] = _sentences(names, concepts, encoder or SentenceEncoder())
        elif block == "graded":
            made[block] = _unit(table)
        elif embedding is not None:
            vectors = _unit(
                embedding.lookup([c.iri for c in knowledge.concepts]).astype(np.float64)
            )
            made[block] = _unit(
                propagate(vectors, lent) if unknown else vectors[lent.argmax(axis=1)]
            )
    scales = {block: SCALES[block] for block in made}
    return ClassVectors(
        tuple(names), concepts, statements, made, scales, np.linalg.norm(table, axis=1)
    )


def propagate(values: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """One round of message passing over a class graph: each target sums what its neighbours hold.

    Args:
        values: (source, dimension) what the source nodes hold.
        weights: (target, source) edge weights, mostly 0.

    Returns:
        (target, dimension) float64, the weighted sums.

    Raises:
        MissingExtraError: torch_geometric is not installed.
    """
    layers = graph_layers("message passing over the class graph")
    import torch

    target, source = np.nonzero(weights)
    edges = torch.from_numpy(np.stack([source, target]))
    strengths = torch.from_numpy(weights[target, source])
    nodes = (
        torch.from_numpy(values),
        torch.zeros(len(weights), values.shape[1], dtype=torch.float64),
    )
    summed: NDArray[np.float64] = layers.SimpleConv(aggr="sum")(nodes, edges, strengths).numpy()
    return summed


def check_class_names(names: Sequence[str]) -> None:
    """Make sure that each class is named, and once.

    Raises:
        InputError: None is, a name is empty, or one comes twice.
    """
    if not names or any(not name.strip() for name in names):
        raise InputError(
            "the class list is empty or has an empty name", "name classes with -l, e.g. -l airport"
        )
    doubled = (
        sorted({name for name in names if list(names).count(name) > 1})
        if len(set(names)) < len(names)
        else []
    )
    if doubled:
        raise InputError(f"class named twice: {', '.join(doubled)}", "name each class once")


def _check(
    names: Sequence[str],
    blocks: Sequence[str],
    embedding: KGEmbedding | None,
    knowledge: SceneKnowledge,
) -> None:
    check_class_names(names)
    wrong = [block for block in blocks if block not in SCALES]
    if wrong or not blocks:
        raise InputError(
            f"unknown block {', '.join(wrong) or '(none)'}", f"choose from {', '.join(SCALES)}"
        )
    if "kge" in blocks:
        iris = [c.iri for c in knowledge.concepts]
        if embedding is None:
            raise InputError("block kge needs a graph embedding", "make one with: landlore embed")
        if missing := sorted(set(iris) - set(embedding.entities)):
            raise InputError(
                f"the graph embedding has no vector for {len(missing)} scene concepts, e.g. {missing[0]}",
                "embed the graph again with: landlore embed",
            )


def _sentences(
    names: Sequence[str], concepts: Sequence[SceneConcept | None], encoder: SentenceEncoder
) -> NDArray[np.float64]:
    texts = [
        f"{c.label}: {c.definition}" if c else name for name, c in zip(names, concepts, strict=True)
    ]
    return encoder.encode(texts).astype(np.float64)


def _nearest(
    names: Sequence[str], knowledge: SceneKnowledge, encoder: SentenceEncoder, count: int
) -> NDArray[np.float64]:
    """(name, concept) weights of the `count` nearest concepts by sentence, summing to 1."""
    theirs = encoder.encode([f"{c.label}: {c.definition}" for c in knowledge.concepts])
    similar = (encoder.encode(list(names)) @ theirs.T).astype(np.float64)
    order = np.argsort(-similar, axis=1, kind="stable")[:, :count]
    weights = np.zeros_like(similar)
    best = np.maximum(np.take_along_axis(similar, order, 1), 1e-6)
    np.put_along_axis(weights, order, best / best.sum(axis=1, keepdims=True), 1)
    return weights


def _statements(
    weights: NDArray[np.float64], knowledge: SceneKnowledge
) -> tuple[tuple[Triple, float], ...]:
    lenders = [(knowledge.concepts[j], weights[j]) for j in np.nonzero(weights)[0]]
    return tuple((t, float(w) * strength(t)) for concept, w in lenders for t in concept.triples)


def _unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    unit: NDArray[np.float64] = rows / np.where(length > 0, length, 1.0)
    return unit
