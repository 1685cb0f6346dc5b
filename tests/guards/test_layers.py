"""The one-way flow and the doors: who may import what."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(
    p for top in ("kg", "fusion", "reasoning", "landlore") for p in (ROOT / top).rglob("*.py")
)

DOORS = {
    "rasterio": {"kg/grid.py", "kg/raster.py", "kg/burn.py", "kg/by_blocks.py", "kg/cog.py"},
    "pyoxigraph": {
        "kg/store.py",
        "kg/rdf.py",
        "kg/canonical.py",
        "kg/disk.py",
        "kg/geof.py",
        "kg/imports/triples.py",
    },
    "owlready2": {"kg/ontology.py"},
    "osmium": {"kg/sources/osm.py", "kg/sources/assembly.py"},
    "pyogrio": {"kg/sources/vector.py", "kg/imports/sheets.py", "kg/vector_file.py"},
    "shapely": {
        "kg/spatial.py",
        "kg/footprints.py",
        "kg/geometry.py",
        "kg/geof.py",
        "kg/globe.py",
        "kg/outlines.py",
    },
    "pykeen": {"kg/embeddings/pykeen_models.py"},
    "numba": {"kg/compiled.py"},
}
TORCH = {
    f"kg/embeddings/{n}.py" for n in ("decoders", "loop", "network", "pykeen_models", "rgcn")
} | {"kg/embed.py"}
RANK = {"kg": 0, "fusion": 1, "reasoning": 2, "landlore": 3}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_heavy_dependencies_come_through_their_door(path):
    here = str(path.relative_to(ROOT))
    for name in imports(path):
        top = name.split(".")[0]
        assert here in DOORS.get(top, {here}), f"{here} imports {top}; only {DOORS[top]} may"
        if top == "torch":
            assert here in TORCH or here.startswith("fusion/"), f"{here} imports torch"
            assert here != "fusion/prediction.py"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_flow_one_way(path):
    layer = path.relative_to(ROOT).parts[0]
    for name in imports(path):
        top = name.split(".")[0]
        assert RANK.get(top, 0) <= RANK[layer], f"{layer} imports {name}"
        if layer == "reasoning" and top == "fusion":
            assert name.startswith("fusion.prediction"), f"reasoning imports {name}"
