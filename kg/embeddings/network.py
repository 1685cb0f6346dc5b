"""Words of entities and weighted edges come in, a vector per entity goes out: a relational graph network.

R-GCN (Schlichtkrull et al. 2018): two layers, basis decomposition, DistMult as the decoder. The one door of kg to
torch_geometric; `kg.embeddings.rgcn` loads it when it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch_geometric.nn import MessagePassing

from kg.embeddings.indexed import Ids, IndexedGraph

LAYERS = 2
_BASES, _SHOWN = 4, 0.5
Edges = tuple[Tensor, Tensor, Tensor]
"""(2, edge) source and target, (edge,) relation, (edge,) strength."""


class WeightedRelationConv(MessagePassing):  # type: ignore[misc]
    """R-GCN's layer with a weight on each edge, which torch_geometric's own layer does not take.

    Args:
        width: Numbers per entity.
        relations: How many, inverse ones counted too.
    """

    def __init__(self, width: int, relations: int) -> None:
        super().__init__(aggr="sum")
        self.bases = nn.Parameter(torch.empty(_BASES, width, width))
        self.shares = nn.Parameter(torch.empty(relations, _BASES))
        self.own = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.bases)
        nn.init.xavier_uniform_(self.shares)

    def forward(self, x: Tensor, edges: Tensor, kinds: Tensor, strengths: Tensor) -> Tensor:
        """(entity, dimension) in and out."""
        mixed = torch.einsum("nd,bde->nbe", x, self.bases).reshape(len(x), -1)
        out: Tensor = self.own(x) + self.propagate(edges, x=mixed, kinds=kinds, strengths=strengths)
        return out

    def message(self, x_j: Tensor, kinds: Tensor, strengths: Tensor) -> Tensor:
        """What the source of each edge says to its target."""
        each = x_j.view(len(x_j), _BASES, -1)
        return strengths[:, None] * (each * self.shares[kinds][:, :, None]).sum(1)


class RelationalNetwork(nn.Module):
    """Words -> vectors, by rounds of messages; a `kg.embeddings.loop.LinkModel`.

    Args:
        graph: Messages pass along its triples, both ways.
        texts: (entity, column) what each entity starts from.
        dim: Numbers per entity.
    """

    decoder, dropout, cubes = "DistMult", 0.3, 0.0

    def __init__(self, graph: IndexedGraph, texts: NDArray[np.float32], dim: int) -> None:
        super().__init__()
        self.graph, self.texts = graph, torch.from_numpy(texts)
        count = len(graph.relations)
        self.start = nn.Linear(texts.shape[1], dim)
        self.layers = nn.ModuleList(WeightedRelationConv(dim, 2 * count) for _ in range(LAYERS))
        self.relations = nn.Parameter(torch.empty(count, dim))
        nn.init.normal_(self.relations, std=0.3)
        self.edges = both_ways(graph)

    def new_epoch(self, epoch: int) -> None:
        """Half of the triples carry messages, a new half each time: no triple is learned by heart."""
        shown = torch.rand(len(self.graph.ids)) < _SHOWN
        self.edges = both_ways(self.graph.only(np.flatnonzero(shown.numpy())))

    def train(self, mode: bool = True) -> RelationalNetwork:
        """When it no longer learns, all triples carry messages."""
        super().train(mode)
        if not mode:
            self.edges = both_ways(self.graph)
        return self

    def tables(self) -> tuple[Tensor, Tensor]:
        """(entity, dimension) and (relation, dimension)."""
        return self.states()[-1], self.relations

    def states(self, held: Sequence[Tensor] = ()) -> list[Tensor]:
        """What each round makes of each entity, first to last; the first entities are held at given states."""
        found = [self.start(self.texts).tanh()]
        for number, layer in enumerate(self.layers):
            if held:
                found[-1] = torch.cat([held[number], found[-1][len(held[number]) :]])
            found.append(found[-1] + layer(found[-1], *self.edges).tanh())
        return found


def both_ways(graph: IndexedGraph) -> Edges:
    """Both directions of each triple; what arrives at an entity by one relation has strengths that sum to 1."""
    heads, kinds, tails = graph.ids.T
    ways = np.concatenate([kinds, kinds + len(graph.relations)])
    target: Ids = np.concatenate([tails, heads])
    strengths = np.tile(graph.weights.astype(np.float64), 2)
    _, place = np.unique(target * (2 * len(graph.relations)) + ways, return_inverse=True)
    strengths /= np.bincount(place, strengths)[place]
    edges = np.stack([np.concatenate([heads, tails]), target])
    return (
        torch.from_numpy(edges),
        torch.from_numpy(ways),
        torch.from_numpy(strengths.astype(np.float32)),
    )
