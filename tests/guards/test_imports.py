"""What `import landlore` and `landlore --help` cost."""

import json
import resource
import subprocess
import sys

HEAVY = {"torch", "pykeen", "owlready2", "torch_geometric", "transformers", "sentence_transformers", "numba", "pandas",
         "rdflib", "shapely", "pyogrio", "osmium", "scipy", "matplotlib"}  # fmt: skip


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_import_loads_nothing_heavy():
    code = "import json, sys, landlore; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    assert not HEAVY & set(json.loads(run(code)))


def test_reasoning_never_loads_torch():
    code = "import sys, reasoning.correct, reasoning.explanation.explain; print('torch' in sys.modules)"
    assert run(code).strip() == "False"


def test_help_is_quick():
    """Processor seconds of the whole process: what the wall clock shows on a machine with nothing else to do."""
    seconds = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        words = [sys.executable, "-m", "landlore", "--help"]
        done = subprocess.run(words, capture_output=True, text=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert "interpret" in done.stdout
    assert min(seconds) < 0.5, seconds


def test_reading_an_extract_loads_no_raster_library():
    code = "import sys, kg.sources.osm; print({'rasterio', 'shapely', 'osmium', 'numba'} & set(sys.modules))"
    assert run(code).strip() == "set()"
