"""A graph comes in, its embedding goes out as one file; the neighbours of its entities are told from the file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.counted import counted
from kg.errors import InputError, OutputError
from landlore.outputs import keep_inputs

if TYPE_CHECKING:
    from kg.embed import EmbedSettings, Known
    from kg.embeddings.content import Content
    from kg.embeddings.nearest import Neighbours


@dataclass(frozen=True)
class Embedded:
    """An embedding that was written.

    Attributes:
        path: The file.
        entities, relations: How many.
        new: Entities that were placed without training.
        metrics: Link prediction on held-out triples (mrr, hits_at_1, ...).
    """

    path: Path
    entities: int
    relations: int
    new: int
    metrics: dict[str, float]

    def to_record(self) -> dict[str, Any]:
        """As one JSON-ready mapping."""
        return asdict(self) | {"path": str(self.path)}


def embed(
    out: str | Path,
    *,
    graph: str | Path | None = None,
    settings: EmbedSettings | None = None,
    extend: str | Path | None = None,
    overwrite: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Embedded:
    """Embed a knowledge graph, or place the new entities of a graph in an embedding that is there.

    A run that was stopped goes on from `OUT.part` when it is started again, and gives the same bytes.

    Args:
        out: File ending in .safetensors; appears whole or not at all.
        graph: Run folder, graph folder or RDF file; default all that ships: core ontology, legends, scene concepts,
            class lists, alignments.
        settings: Model, size, length and seed (`kg.embed.EmbedSettings`).
        extend: An embedding: nothing is trained, the new entities of `graph` get vectors from their words, types
            and neighbours, known ones keep theirs.
        overwrite: Replace an embedding that is there; nothing else is ever replaced.
        progress: Called with (stage, done, in all).

    Raises:
        MissingExtraError: A package of the extra `vision` is not installed.
        InputError: Unknown model, a graph with too few triples, or with nothing new in it.
        OutputError: The file exists, or cannot be written.
    """
    from kg.embed import Beside, embed_graph, extend_embedding
    from kg.embedding import load_embedding, save_embedding

    place = Path(out)
    keep_inputs([out], [graph, extend])
    _free(place, overwrite)
    known = None if extend is None else load_embedding(extend)
    content = _content(graph)
    texts, tell = _texts(content), progress or (lambda *_: None)
    if known is None:
        found = embed_graph(
            content.triples, settings, beside=Beside(texts, content.columns),
            progress=lambda done, total: tell(_stage(settings, total), done, total), keep=Path(f"{out}.part"),
        )  # fmt: skip
    else:
        found = extend_embedding(known, content.triples, texts)
    save_embedding(found, place)
    new = 0 if known is None else len(found.entities) - len(known.entities)
    return Embedded(place, len(found.entities), len(found.relations), new, dict(found.metrics))


def _stage(settings: EmbedSettings | None, total: int) -> str:
    """What is counted: the epochs of one training, or of the two that a measure needs."""
    from kg.embed import EmbedSettings

    each = (settings or EmbedSettings()).epochs
    if total == each:
        return "epochs"
    return f"epochs of two trainings of {each} (one without the held-out links, one with all)"


def _free(place: Path, overwrite: bool) -> None:
    """Refuse, before anything is read, a place where no embedding can be put."""
    from kg.embedding import load_embedding
    from kg.folder import check_place

    if place.suffix != ".safetensors":
        raise OutputError(
            f"{place}: expected a name that ends in .safetensors",
            "landlore embed graph.safetensors",
        )
    check_place(place)
    if not place.exists():
        return
    try:
        count = len(load_embedding(place).entities)
    except InputError as error:
        raise OutputError(
            f"{place}: exists and was not written by landlore embed", "choose another place"
        ) from error
    if not overwrite:
        raise OutputError(
            f"{place}: exists already, an embedding of {counted(count, 'entity')}",
            f"--neighbours NAME asks it, --overwrite replaces it; or choose another place: {place.stem}-2.safetensors",
        )


def neighbours(
    file: str | Path, names: Sequence[str], *, count: int = 10, graph: str | Path | None = None
) -> tuple[Neighbours, ...]:
    """The nearest entities of some, by cosine.

    Args:
        file: An embedding.
        names: IRIs, prefixed names, ends of IRIs or labels.
        count: How many neighbours of each.
        graph: The graph of the embedding, for labels; default all that ships.

    Raises:
        InputError: Not an embedding, or a name that it does not know.
    """
    from kg.embedding import load_embedding
    from kg.embeddings.nearest import nearest

    return nearest(load_embedding(file), names, count, words=_content(graph).words)


def _content(graph: str | Path | None) -> Content:
    from kg.embeddings.content import content_of, shipped_graph
    from landlore.graph import open_graph

    return content_of(shipped_graph() if graph is None else open_graph(graph))


def _texts(content: Content) -> Known:
    """Sentence vectors of the words of entities; rows of 0 for those without words."""
    import numpy as np

    from fusion.text import SentenceEncoder

    encoder = SentenceEncoder()

    def texts(entities: Sequence[str]) -> Any:
        """Sentence vectors of some entities; 0 where one has no words."""
        sentences = content.sentences(entities)
        vectors = encoder.encode(sentences)
        return np.where(np.array([bool(s) for s in sentences])[:, None], vectors, np.float32(0))

    return texts
