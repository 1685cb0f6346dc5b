"""Vectors of a knowledge graph as a value, with the file they are kept in; a file of another graph is refused."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError, MissingExtraError
from kg.folder import replace_file
from kg.triples import Triple

_PART = "part."
_SUM = "checksum"


@dataclass(frozen=True)
class KGEmbedding:
    """Vectors of a knowledge graph.

    Attributes:
        entities: Entity IRIs, sorted.
        relations: Relation IRIs, sorted.
        vectors: (entity, dimension) float32; complex models give real and imaginary parts side by side.
        relation_vectors: (relation, dimension) float32.
        metrics: Link prediction on held-out triples (filtered, both sides): "mrr", "hits_at_1", "hits_at_3",
            "hits_at_10"; to beat: "frequency_mrr", by how often an entity stands with the relation, and "random_mrr".
        graph_hash: SHA-256 of the triples, see `graph_hash`.
        model: One of `kg.embed.MODELS`.
        seed: Seed of initial values, split and candidates.
        parts: What gives new entities vectors (`kg.embed.extend_embedding`); empty where there was no text.
    """

    entities: tuple[str, ...]
    relations: tuple[str, ...]
    vectors: NDArray[np.float32]
    relation_vectors: NDArray[np.float32]
    metrics: Mapping[str, float]
    graph_hash: str
    model: str
    seed: int
    parts: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)

    def lookup(self, iris: Sequence[str]) -> NDArray[np.float32]:
        """(iri, dimension) float32 vectors; zeros for an IRI that is not in the graph."""
        row = {iri: i for i, iri in enumerate(self.entities)}
        out = np.zeros((len(iris), self.vectors.shape[1]), np.float32)
        for i, iri in enumerate(iris):
            if iri in row:
                out[i] = self.vectors[row[iri]]
        return out


def graph_hash(triples: Sequence[Triple]) -> str:
    """SHA-256 of the sorted triples with weights to 6 digits: same knowledge, same hash, in any order."""
    lines = sorted(f"{t.head}\t{t.relation}\t{t.tail}\t{t.weight:.6f}" for t in triples)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _checksum(header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """SHA-256 of names, measures and arrays."""
    sums = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    for name in sorted(arrays):
        one = np.ascontiguousarray(arrays[name])
        sums.update(f"{name} {one.dtype.str} {one.shape}".encode())
        sums.update(one.data)
    return sums.hexdigest()


def save_embedding(embedding: KGEmbedding, path: str | Path) -> Path:
    """Write an embedding as safetensors; it appears whole or not at all.

    Raises:
        OutputError: The file cannot be written.
        MissingExtraError: safetensors is not installed.
    """
    try:
        from safetensors.numpy import save
    except ImportError as error:
        raise MissingExtraError("saving an embedding", "vision", error) from error
    header: dict[str, Any] = {
        "entities": list(embedding.entities),
        "relations": list(embedding.relations),
        "metrics": dict(embedding.metrics),
        "graph_hash": embedding.graph_hash,
        "model": embedding.model,
        "seed": embedding.seed,
    }
    target = Path(path)
    arrays = {"vectors": embedding.vectors, "relation_vectors": embedding.relation_vectors}
    arrays |= {f"{_PART}{name}": part for name, part in embedding.parts.items()}
    header[_SUM] = _checksum(header, arrays)
    body = save(arrays, metadata={"landlore": json.dumps(header, sort_keys=True)})
    replace_file(target, body)
    return target


def load_embedding(path: str | Path, *, triples: Sequence[Triple] | None = None) -> KGEmbedding:
    """Read an embedding.

    Args:
        path: File written by `save_embedding`.
        triples: The graph it will be used with; when given, an embedding of another graph is refused.

    Raises:
        InputError: No such file, not an embedding, damaged, or made from another graph.
        MissingExtraError: safetensors is not installed.
    """
    try:
        from safetensors import SafetensorError, safe_open
    except ImportError as error:
        raise MissingExtraError("reading an embedding", "vision", error) from error
    try:
        with safe_open(str(path), framework="numpy") as file:
            header = json.loads(file.metadata()["landlore"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            found = header.pop(_SUM, None)  # files of before have none
            if found is not None and found != _checksum(header, arrays):
                raise InputError(
                    f"{path}: is damaged, its content is not what was written (checksum)",
                    "copy it again, or make it anew with: landlore embed",
                )
            vectors, relation_vectors = arrays.pop("vectors"), arrays.pop("relation_vectors")
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: not a graph embedding ({error})", "make one with: landlore embed"
        ) from error
    if triples is not None and (found := graph_hash(triples)) != header["graph_hash"]:
        raise InputError(
            f"{path}: embeds graph {header['graph_hash'][:12]}, the graph in use is {found[:12]}",
            "embed the graph again with: landlore embed",
        )
    return KGEmbedding(
        tuple(header["entities"]),
        tuple(header["relations"]),
        vectors,
        relation_vectors,
        header["metrics"],
        header["graph_hash"],
        header["model"],
        header["seed"],
        {name.removeprefix(_PART): part for name, part in arrays.items()},
    )
