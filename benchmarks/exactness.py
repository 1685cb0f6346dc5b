"""Inference beside enumeration: small graphs with compiled axioms, by range of weights.

    python benchmarks/exactness.py [--graphs 100] [--regions 7] [--classes 3] [--weights 0.5 1 3 6 12] [--json FILE]

Each graph has axioms of every form (facts, some, only, min/max/exactly n, not, and, or) and, in every second one,
smoothness between neighbours. Printed by largest weight: error of the mean-field marginals against exact ones (mean,
95th percentile and largest over nodes and labels), share of nodes whose likeliest label is the exact one's, share of
runs that converged, and the share of graphs in which mode "map" reaches the least energy of all labellings. Controls:
the marginals' labels taken as they are, and the network's own labels.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from kg.ontology import load_ontology
from kg.schema import Ontology
from reasoning.inference.anneal import solve_map
from reasoning.inference.copies import copies
from reasoning.inference.exact import enumerate_labels
from reasoning.inference.infer import Problem, infer
from reasoning.inference.layout import lay_out
from reasoning.inference.random_graphs import GraphKind, random_graph

NEAR = 1e-9
"""Nats by which energies may differ and still be the same."""


def one(problem: Problem) -> dict[str, Any]:
    """Everything that is compared on one graph."""
    exact, solution, best = enumerate_labels(problem), infer(problem), solve_map(problem)
    own = copies(lay_out(problem, None).field, 1).energies(problem.unary[0].argmax(axis=1)[None])
    right = solution.q[0].argmax(axis=1) == exact.marginals.argmax(axis=1)
    return {
        "errors": np.abs(solution.q[0] - exact.marginals).ravel(),
        "same": right,
        "converged": solution.trace.stopped == "converged",
        "map": best.energy <= exact.energy + NEAR,
        "marginals": best.start <= exact.energy + NEAR,
        "network": float(own[0][0]) <= exact.energy + NEAR,
        "gap": best.energy - exact.energy,
    }


def row(kind: dict[str, Any], graphs: int, weight: float, ontology: Ontology) -> dict[str, Any]:
    """One line of the table."""
    found = []
    for seed in range(graphs):
        drawn = GraphKind(**kind, weight=weight, smoothness=weight if seed % 2 else 0.0)
        found.append(one(random_graph(seed, drawn, ontology)))
    errors = np.concatenate([f["errors"] for f in found])
    out: dict[str, Any] = {"weight": weight, "mean": float(errors.mean())}
    out |= {"p95": float(np.quantile(errors, 0.95)), "largest": float(errors.max())}
    out["same"] = float(np.concatenate([f["same"] for f in found]).mean())
    for name in ("converged", "map", "marginals", "network"):
        out[name] = float(np.mean([f[name] for f in found]))
    return out | {"worst_gap": max(f["gap"] for f in found)}


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name, value in (("graphs", 100), ("regions", 7), ("classes", 3)):
        words.add_argument(f"--{name}", type=int, default=value)
    words.add_argument("--weights", type=float, nargs="+", default=[0.5, 1, 3, 6, 12])
    words.add_argument("--json", type=Path)
    chosen, ontology = words.parse_args(), load_ontology()
    kind = {"regions": chosen.regions, "classes": chosen.classes}
    print(f"{chosen.graphs} graphs a row, {kind}, seeds 0 to {chosen.graphs - 1}")
    print(
        "weights up to | error: mean   p95  largest | same label | converged | least energy reached by"
    )
    print(
        "              |                            |            |           |   map  marginals  network"
    )
    rows = []
    for weight in chosen.weights:
        r = row(kind, chosen.graphs, weight, ontology)
        rows.append(r)
        print(
            f"{weight:13g} |      {r['mean']:.4f} {r['p95']:.3f} {r['largest']:8.3f} | {r['same']:10.1%} |"
            f" {r['converged']:9.0%} | {r['map']:5.0%} {r['marginals']:10.0%} {r['network']:8.0%}",
            flush=True,
        )
    if chosen.json:
        found = {"graphs": chosen.graphs, **kind, "rows": rows}
        chosen.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
