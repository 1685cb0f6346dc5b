"""A graph comes in, its embedding goes out as one file."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kg.errors import OutputError
from landlore.outputs import keep_inputs


@dataclass(frozen=True)
class Embedded:
    """An embedding that was written.

    Attributes:
        path: The file.
        entities, relations: How many.
        metrics: Link prediction on held-out triples (mrr, hits_at_1, ...).
    """

    path: Path
    entities: int
    relations: int
    metrics: dict[str, float]

    def to_record(self) -> dict[str, Any]:
        """As one JSON-ready mapping."""
        return asdict(self) | {"path": str(self.path)}


def embed(
    out: str | Path,
    *,
    graph: str | Path | None = None,
    model: str = "TransE",
    dim: int = 64,
    epochs: int = 100,
    seed: int = 0,
) -> Embedded:
    """Embed a knowledge graph with a KG-embedding model.

    Args:
        out: File ending in .safetensors; appears whole or not at all.
        graph: Run folder, graph folder or RDF file; default the scene concepts that ship.
        model: TransE, DistMult, RotatE or ComplEx.
        dim: Numbers per entity.
        epochs: Passes over all triples.
        seed: Seed of everything random.

    Raises:
        MissingExtraError: PyKEEN or torch is not installed.
        InputError: Unknown model, or a graph with too few triples.
        OutputError: The file exists as a folder, or cannot be written.
    """
    from kg.embed import EmbedSettings, embed_graph
    from kg.embedding import save_embedding
    from kg.scenes import load_scenes
    from landlore.graph import open_graph

    if Path(out).suffix != ".safetensors":
        raise OutputError(
            f"{out}: expected a name that ends in .safetensors", "landlore embed graph.safetensors"
        )
    keep_inputs([out], [graph])
    triples = load_scenes().graph if graph is None else tuple(open_graph(graph).triples())
    found = embed_graph(triples, EmbedSettings(model=model, dim=dim, epochs=epochs, seed=seed))
    save_embedding(found, out)
    return Embedded(Path(out), len(found.entities), len(found.relations), dict(found.metrics))
