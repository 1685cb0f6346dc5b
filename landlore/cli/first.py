"""The commands that a newcomer types first: what is installed, and a whole run on a simulated town."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from landlore.cli.options import MOST, AsJson
from landlore.cli.printing import VISION, need_vision, say, teller


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the outputs.")] = Path(
        "landlore-demo"
    ),
    seed: Annotated[int, typer.Option(min=0, max=MOST, help="Seed of the scene.")] = 7,
    as_json: AsJson = False,
) -> None:
    """Interpret a SIMULATED coastal town, print what was corrected and why, and write the outputs."""
    need_vision("landlore demo")
    from landlore.showcase import demo as run

    done = run(out, seed=seed, progress=teller(as_json))
    say(json.dumps(done.to_record()) if as_json else done.to_text())


def doctor() -> None:
    """Say what is installed and what is missing."""
    import shutil
    from importlib.metadata import PackageNotFoundError, version

    for name in ("numpy", "rasterio", "pyoxigraph", "owlready2", "osmium", "numba", *VISION):
        try:
            say(f"{name:<24} {version(name.replace('_', '-'))}")
        except PackageNotFoundError:
            extra = "pip install 'landlore[vision]'" if name in VISION else "pip install landlore"
            say(f"{name:<24} missing: {extra}")
    say(
        f"{'java (HermiT)':<24} {shutil.which('java') or 'missing: ontologies are read, not checked for consistency'}"
    )
