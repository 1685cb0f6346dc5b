"""What the base install does without the `vision` extra."""

import importlib.util
import sys

import numpy as np
import pytest
from affine import Affine

from kg.cog import write_raster
from kg.grid import Grid
from kg.raster import Raster
from landlore import cli
from landlore.cli import printing

NEED_VISION = {
    "interpret": ["interpret", "image.tif", "--landcover", "nlcd=x.tif", "-o", "out"],
    "classify": ["classify", "features.npz", "-l", "airport"],
    "embed": ["embed", "graph.safetensors"],
    "demo": ["demo"],
}
BLOCK = """
import sys, importlib.abc
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {vision!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
from landlore.cli import main
main()
"""


@pytest.mark.parametrize("name", NEED_VISION)
def test_commands_of_the_extra_name_it(name, monkeypatch, capsys):
    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda n, *a: None if n in printing.VISION else real(n, *a)
    )
    monkeypatch.setattr(sys, "argv", ["landlore", *NEED_VISION[name]])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    lines = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert len(lines) == 2
    assert f"landlore {name} needs packages that are not installed (torch, " in lines[0]
    assert lines[1] == "  try: pip install 'landlore[vision]'"


def test_correct_query_and_explain_work_without_it(tmp_path):
    import subprocess

    codes = np.full((1, 60, 60), 10, np.uint8)
    codes[0, 20:22, 20:22] = 80
    grid = Grid("EPSG:32630", Affine(2, 0, 500_000, 0, -2, 5_500_000), 60, 60)
    write_raster(tmp_path / "labels.tif", Raster(codes, grid, 0))

    def landlore(*words):
        code = BLOCK.format(vision=set(printing.VISION))
        return subprocess.run(
            [sys.executable, "-c", code, *words],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )

    done = landlore("correct", "labels.tif", "-o", "run", "--confidence", "0.3")
    assert done.returncode == 0, done.stderr
    asked = landlore("query", "run", "--name", "runs")
    assert asked.returncode == 0, asked.stderr
    told = landlore("explain", "run")
    assert told.returncode == 0, told.stderr
    assert "Permanent water" in told.stdout
