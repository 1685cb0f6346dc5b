"""Landlore: knowledge-graph-guided interpretation of remote-sensing images, with a reason for every correction.

    >>> import landlore as ll
    >>> ll.load_legend("worldcover").names()[80]
    'Permanent water bodies'

Names are loaded when first used: `import landlore` costs numpy, rasterio and pyoxigraph, no torch.
"""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from inspect import isfunction
from pathlib import Path
from typing import TYPE_CHECKING, Any


def _check_siblings() -> None:
    """Another package called `kg`, `fusion` or `reasoning` may hide ours: say so, clearly and at once."""
    home = Path(__file__).resolve().parent.parent
    for name in ("kg", "fusion", "reasoning"):
        spec = find_spec(name)
        origin = Path(spec.origin).resolve() if spec and spec.origin else None
        if origin is None or origin.parent.parent != home:
            raise ImportError(
                f"landlore needs its own package {name!r} in {home}, but Python finds {origin}: "
                "another package of that name hides it; use a fresh virtual environment"
            )


_check_siblings()

_HOMES = {
    "Corrected": "reasoning.correction",
    "EvidenceLayer": "kg.evidence",
    "Grid": "kg.grid",
    "KnowledgeGraph": "kg.store",
    "LandloreError": "kg.errors",
    "Legend": "kg.legend",
    "Prediction": "fusion.prediction",
    "Raster": "kg.raster",
    "RunSettings": "landlore.settings",
    "Sources": "landlore.sources",
    "TileFiles": "landlore.labelled",
    "build": "landlore.graph",
    "classify": "landlore.scenes",
    "correct": "landlore.maps",
    "correct_tiles": "landlore.tiled",
    "demo": "landlore.showcase",
    "embed": "landlore.embedding",
    "estimate_confidence": "landlore.certainty",
    "explain": "landlore.ask",
    "export_corrections": "landlore.corrections_file",
    "export_project": "landlore.qgis_project",
    "fetch": "landlore.fetching",
    "find": "landlore.finding",
    "import_graph": "landlore.importing",
    "interpret": "landlore.maps",
    "interpret_tiles": "landlore.interpreted",
    "learn": "landlore.learning",
    "learn_confidence": "landlore.certainty",
    "legend_names": "kg.legend",
    "load_legend": "kg.legend",
    "load_ontology": "kg.ontology",
    "load_rules": "kg.rules",
    "mine": "landlore.learning",
    "open_graph": "landlore.graph",
    "query": "landlore.ask",
    "read_raster": "kg.raster",
    "read_settings": "landlore.settings",
    "select": "kg.select",
    "serve": "landlore.server",
    "suggest_mapping": "landlore.importing",
    "what_if": "landlore.ask",
    "why_not": "landlore.ask",
    "write_page": "landlore.page",
}

__all__ = [
    "Corrected",
    "EvidenceLayer",
    "Grid",
    "KnowledgeGraph",
    "LandloreError",
    "Legend",
    "Prediction",
    "Raster",
    "RunSettings",
    "Sources",
    "TileFiles",
    "build",
    "classify",
    "correct",
    "correct_tiles",
    "demo",
    "embed",
    "estimate_confidence",
    "explain",
    "export_corrections",
    "export_project",
    "fetch",
    "find",
    "import_graph",
    "interpret",
    "interpret_tiles",
    "learn",
    "learn_confidence",
    "legend_names",
    "load_legend",
    "load_ontology",
    "load_rules",
    "mine",
    "open_graph",
    "query",
    "read_raster",
    "read_settings",
    "select",
    "serve",
    "suggest_mapping",
    "what_if",
    "why_not",
    "write_page",
]

if TYPE_CHECKING:
    from fusion.prediction import Prediction
    from kg.errors import LandloreError
    from kg.evidence import EvidenceLayer
    from kg.grid import Grid
    from kg.legend import Legend, legend_names, load_legend
    from kg.ontology import load_ontology
    from kg.raster import Raster, read_raster
    from kg.rules import load_rules
    from kg.select import select
    from kg.store import KnowledgeGraph
    from landlore.ask import explain, query, what_if, why_not
    from landlore.certainty import estimate_confidence, learn_confidence
    from landlore.corrections_file import export_corrections
    from landlore.embedding import embed
    from landlore.fetching import fetch
    from landlore.finding import find
    from landlore.graph import build, open_graph
    from landlore.importing import import_graph, suggest_mapping
    from landlore.interpreted import interpret_tiles
    from landlore.labelled import TileFiles
    from landlore.learning import learn, mine
    from landlore.maps import correct, interpret
    from landlore.page import write_page
    from landlore.qgis_project import export_project
    from landlore.scenes import classify
    from landlore.settings import RunSettings, read_settings
    from landlore.showcase import demo
    from landlore.sources import Sources
    from landlore.tiled import correct_tiles
    from reasoning.correction import Corrected


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(_HOMES[name]), name)
        if isfunction(value):
            from landlore.kinds import checked

            value = checked(value)
        globals()[name] = value
        return value
    raise AttributeError(f"module 'landlore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
