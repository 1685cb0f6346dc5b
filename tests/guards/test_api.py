"""The public names are exactly these, and each says what it takes and gives."""

import inspect
from pathlib import Path

import landlore as ll

NAMES = [
    "Corrected", "EvidenceLayer", "Grid", "KnowledgeGraph", "LandloreError", "Legend", "Prediction", "Raster",
    "RunSettings", "Sources", "TileFiles", "build", "classify", "correct", "correct_tiles", "demo", "embed",
    "estimate_confidence", "explain", "export_corrections", "export_project", "fetch", "find", "import_graph",
    "interpret", "interpret_tiles", "learn", "learn_confidence", "legend_names", "load_legend",
    "load_ontology", "load_rules", "mine", "open_graph", "query", "read_raster", "read_settings", "select", "serve",
    "suggest_mapping", "what_if", "why_not", "write_page",
]  # fmt: skip


def test_all_is_exact():
    assert sorted(ll.__all__) == sorted(NAMES)


def test_each_name_has_a_docstring():
    for name in NAMES:
        assert inspect.getdoc(getattr(ll, name)), name


def test_dir_lists_the_lazy_names():
    assert set(NAMES) <= set(dir(ll))


def test_no_public_name_is_a_module_of_the_package():
    home = Path(ll.__file__).parent  # importing landlore.x would put the module in place of ll.x
    assert not {p.stem for p in home.iterdir()} & set(NAMES)
