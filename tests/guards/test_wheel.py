"""The built wheel carries everything: ontologies and data are found in it, without the checkout."""

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CODE = """
import sys
sys.path = [sys.argv[1]] + [p for p in sys.path if p and p != sys.argv[2]]
import landlore as ll
from kg.files import shipped
assert str(shipped("ontologies/core.ttl")).startswith(sys.argv[1]), shipped("ontologies/core.ttl")
assert shipped("data/demo/recipe.toml").exists()
assert shipped("data/splits").exists() and shipped("ontologies/queries").exists()
print(len(ll.load_rules(None, ll.load_ontology())), ll.load_legend("nlcd").names()[11])
"""


def test_wheel_is_complete(tmp_path):
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert wheel.stat().st_size < 16_000_000
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
        assert "kg/py.typed" in archive.namelist()
        web = {name for name in archive.namelist() if name.startswith("landlore/web/")}
        assert web == {f"landlore/web/{p.name}" for p in (ROOT / "landlore" / "web").iterdir()}
    words = [sys.executable, "-c", CODE, str(tmp_path / "site"), str(ROOT)]
    run = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    rules, name = run.stdout.split(maxsplit=1)
    assert int(rules) >= 12
    assert name.strip() == "Open water"
