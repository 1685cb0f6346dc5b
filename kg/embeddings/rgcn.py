"""A weighted graph and words of its entities come in, a relational graph network, or vectors of new entities, go out.

Its entities start from their words and from nothing else, so that one that it has never seen gets a vector as all do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.embeddings.geometric import graph_layers
from kg.embeddings.indexed import IndexedGraph

_NETWORK, _STATE = "network.", "state."


def relational_network(graph: IndexedGraph, texts: NDArray[np.float32], dim: int, seed: int) -> Any:
    """An untrained `kg.embeddings.network.RelationalNetwork`.

    Args:
        graph: Messages pass along its triples, both ways, each as strong as its weight.
        texts: (entity, column) what each entity starts from.
        dim: Numbers per entity.
        seed: Seed of the first values.

    Raises:
        MissingExtraError: torch_geometric is not installed.
    """
    graph_layers("graph networks")
    import torch

    from kg.embeddings.network import RelationalNetwork

    torch.manual_seed(seed)
    return RelationalNetwork(graph, texts, dim)


def learned_parts(network: Any) -> dict[str, NDArray[np.float32]]:
    """What a trained network needs to give new entities vectors: its parameters, and the states of known entities."""
    import torch

    with torch.no_grad():
        states = network.states()
    found = {f"{_NETWORK}{name}": value for name, value in network.state_dict().items()}
    found |= {f"{_STATE}{number}": state for number, state in enumerate(states[:-1])}
    return {name: np.ascontiguousarray(value.numpy()) for name, value in found.items()}


def new_vectors(
    parts: Mapping[str, NDArray[np.float32]], graph: IndexedGraph, texts: NDArray[np.float32]
) -> tuple[NDArray[np.float32], dict[str, NDArray[np.float32]]]:
    """Vectors of entities that a network has never seen, by the rounds of messages that it has learned.

    Args:
        parts: As `learned_parts` gave them.
        graph: Known entities first, in their order, then the new ones; what is said of the new ones.
        texts: (new entity, column) what these start from.

    Returns:
        (new entity, dimension) float32; known entities stay as they are. And the parts that all of them make together,
        in the order of the graph (`in_order`).
    """
    import torch

    names = sorted(name for name in parts if name.startswith(_STATE))
    held = [torch.from_numpy(parts[name]) for name in names]
    known, dim = held[0].shape
    words = np.vstack([np.zeros((known, texts.shape[1]), np.float32), texts])
    network = relational_network(graph, words, dim, seed=0)
    learned = {k.removeprefix(_NETWORK): v for k, v in parts.items() if k.startswith(_NETWORK)}
    network.load_state_dict({name: torch.from_numpy(value) for name, value in learned.items()})
    with torch.no_grad():
        *states, last = network.states(held)
    whole = dict(parts) | {name: s.numpy() for name, s in zip(names, states, strict=True)}
    return np.ascontiguousarray(last[known:].numpy(), np.float32), whole


def in_order(
    parts: Mapping[str, NDArray[np.float32]], order: NDArray[np.intp]
) -> dict[str, NDArray[np.float32]]:
    """The same parts where the entities stand in another order."""
    return {
        name: np.ascontiguousarray(value[order]) if name.startswith(_STATE) else value
        for name, value in parts.items()
    }
