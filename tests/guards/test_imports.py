"""What `import landlore` and `landlore --help` cost."""

import json
import subprocess
import sys
import time

HEAVY = {"torch", "pykeen", "owlready2", "torch_geometric", "transformers", "sentence_transformers", "numba", "pandas",
         "rdflib", "shapely", "pyogrio", "osmium", "scipy", "matplotlib"}  # fmt: skip


def run(code):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


def test_import_loads_nothing_heavy():
    code = "import json, sys, landlore; print(json.dumps(sorted({m.split('.')[0] for m in sys.modules})))"
    assert not HEAVY & set(json.loads(run(code)))


def test_reasoning_never_loads_torch():
    code = "import sys, reasoning.correct, reasoning.explain; print('torch' in sys.modules)"
    assert run(code).strip() == "False"


def test_help_is_quick():
    times = []
    for _ in range(5):
        start = time.perf_counter()
        done = subprocess.run(
            [sys.executable, "-m", "landlore", "--help"], capture_output=True, text=True, check=True
        )
        times.append(time.perf_counter() - start)
    assert "interpret" in done.stdout
    assert min(times) < 0.5, times
