"""A graph and the name of a model come in, a PyKEEN model that can be trained goes out. The one door to PyKEEN."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from kg.embeddings.indexed import IndexedGraph
from kg.errors import MissingExtraError

if TYPE_CHECKING:
    from torch import Tensor

MODELS = ("TransE", "RotatE", "ComplEx", "DistMult", "DistMultLiteral", "CompGCN")
_COMPLEX = ("RotatE", "ComplEx")
_SPREAD = {"TransE": 0.1, "RotatE": 0.1, "ComplEx": 0.3, "DistMult": 0.3}
_CUBES, _DROPOUT = 0.01, 0.3


def pykeen_model(
    name: str, graph: IndexedGraph, dim: int, seed: int, literals: NDArray[np.float32] | None = None
) -> Any:
    """A PyKEEN model as a `kg.embeddings.loop.LinkModel`.

    TransE (Bordes 2013, Euclidean), RotatE (Sun 2019), ComplEx (Trouillon 2016) and DistMult (Yang 2015) are PyKEEN's
    interactions over plain embeddings; DistMultLiteral (Kristiadi 2019) and CompGCN (Vashishth 2020) its models.

    Args:
        name: One of `MODELS`.
        graph: The graph; CompGCN passes messages over its triples.
        dim: Numbers per entity; complex models take that many complex numbers.
        seed: Seed of the first values.
        literals: (entity, column) numbers known of each entity; needed by DistMultLiteral.

    Raises:
        MissingExtraError: PyKEEN or torch is not installed.
    """
    with quiet_pykeen():
        import torch

        torch.manual_seed(seed)
        model = _made(name, graph, dim, literals)
        return _wrapped()(name, model)


@contextmanager
def quiet_pykeen() -> Iterator[None]:
    """PyKEEN without its notices: it warns at import (a torch deprecation), and logs on a CPU.

    Raises:
        MissingExtraError: PyKEEN or torch is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = logging.root.manager.disable
        try:
            import pykeen.models  # noqa: F401
        except ImportError as error:
            raise MissingExtraError("graph embedding", "vision", error) from error
        logging.disable(logging.WARNING)
        try:
            yield
        finally:
            logging.disable(before)


def _made(name: str, graph: IndexedGraph, dim: int, literals: NDArray[np.float32] | None) -> Any:
    import torch
    from pykeen.models import CompGCN, DistMultLiteral, ERModel
    from pykeen.triples import CoreTriplesFactory, TriplesNumericLiteralsFactory

    size = {"num_entities": len(graph.entities), "num_relations": len(graph.relations)}
    ids = torch.from_numpy(graph.ids)
    if name == "CompGCN":
        factory = CoreTriplesFactory.create(ids, create_inverse_triples=True, **size)
        return CompGCN(triples_factory=factory, embedding_dim=dim)
    if name == "DistMultLiteral":
        numbers = np.zeros((len(graph.entities), 0), np.float32) if literals is None else literals
        told = TriplesNumericLiteralsFactory(
            mapped_triples=ids,
            entity_to_id={iri: i for i, iri in enumerate(graph.entities)},
            relation_to_id={iri: i for i, iri in enumerate(graph.relations)},
            numeric_literals=numbers,
            literals_to_id={str(i): i for i in range(numbers.shape[1])},
        )
        return DistMultLiteral(triples_factory=told, embedding_dim=dim)
    factory = CoreTriplesFactory.create(ids, **size)
    kind = torch.cfloat if name in _COMPLEX else torch.float
    how = {
        "shape": dim, "dtype": kind, "initializer": torch.nn.init.normal_,
        "initializer_kwargs": {"std": _SPREAD[name]},
    }  # fmt: skip
    return ERModel(
        triples_factory=factory,
        interaction=name,
        interaction_kwargs={"p": 2} if name == "TransE" else None,
        entity_representations_kwargs=how,
        relation_representations_kwargs=how,
    )


def _wrapped() -> Any:
    from torch import is_complex
    from torch.nn import Module

    class PykeenModel(Module):
        """The vectors of a PyKEEN model, real parts before imaginary ones."""

        def __init__(self, name: str, model: Any) -> None:
            super().__init__()
            self.model, self.name = model, name
            self.decoder = "DistMult" if name in ("CompGCN", "DistMultLiteral") else name
            distances = name in ("TransE", "RotatE")
            self.dropout, self.cubes = (0.0, 0.0) if distances else (_DROPOUT, _CUBES)

        def tables(self) -> tuple[Tensor, Tensor]:
            """(entity, dimension) and (relation, dimension); CompGCN's inverse relations are left out."""
            self.model.post_parameter_update()  # CompGCN forgets what it made of the former parameters
            entities = _real(self.model.entity_representations[0](indices=None))
            relations = _real(self.model.relation_representations[0](indices=None))
            return entities, relations[::2] if self.name == "CompGCN" else relations

        def new_epoch(self, epoch: int) -> None:
            """Nothing changes from epoch to epoch."""
            self.train()

    def _real(values: Tensor) -> Tensor:
        import torch

        return torch.cat([values.real, values.imag], dim=1) if is_complex(values) else values

    return PykeenModel
