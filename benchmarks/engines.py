"""Five rules over the same regions, by every engine that can state them: ours beside its peers, in one interleaved run.

    python benchmarks/engines.py [--sizes 1000 10000 100000] [--repeats 5] [--budget 120] [--json FILE]

The rules (three bounds, one about neighbours, one about mapped buildings) are broken by about a fifth of the regions.
Printed for each engine and size: seconds of loading, median seconds of finding every broken rule, the ratio to ours,
whether it found exactly the same, and what reasons it can give. "ours, soft" does more than all others: inference of
marginals to the fixed point and the contribution of every axiom to every region; it has to give a reason for each
crisp finding. HermiT gets class definitions, Pellet SWRL rules (owlready2 0.48, in a throw-away environment made for
the run, with pslpython); PSL gets broken bounds ready-made and is measured at soft inference, so it finds regions, not
rules. An engine that is not installed, and sizes that would take hours, are left out and named.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from engine_peers import Engine, engines
from engine_world import RULES, Codes, World, build, expected, write_tables, write_triples

REASONERS = {
    "hermit": ("HermiT, definitions", 10_000, "none"),
    "pellet": ("Pellet, SWRL", 10_000, "none"),
    "psl": ("PSL, soft", 10_000, "none"),
}
THROW_AWAY = ("owlready2==0.48", "pslpython==2.4.1", "setuptools<81")
SCRIPT = Path(__file__).with_name("engine_reasoners.py")


def environment(folder: Path) -> Path | None:
    """A virtual environment with packages that conflict with ours; its Python, or None where it cannot be made."""
    python = folder / "bin" / "python"
    if not python.exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *THROW_AWAY], check=True)
        except (subprocess.CalledProcessError, OSError) as error:
            print(f"Pellet and PSL are left out: no environment for them ({error})")
            return None
    return python


def measure(engine: Engine, world: World, folder: Path, repeats: int, budget: float) -> Any:
    """Load once, then fire as often as asked, or as the budget of seconds allows."""
    start = time.perf_counter()
    kept = engine.load(world, folder)
    loaded, seconds = time.perf_counter() - start, []
    while len(seconds) < repeats and (not seconds or sum(seconds) < budget):
        start = time.perf_counter()
        found = engine.fire(kept)
        seconds.append(time.perf_counter() - start)
    return loaded, seconds, found


def outside(name: str, python: Path, folder: Path, repeats: int, limit: float) -> Any:
    """The same for a reasoner in a process of its own; stopped, with nothing found, after `limit` seconds."""
    words = [str(python), str(SCRIPT), name, str(folder), str(repeats)]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # its Java too
            return 0.0, [limit], None
    if process.returncode:
        raise RuntimeError((err.strip().splitlines() or ["no message"])[-1])
    told = json.loads(out.strip().splitlines()[-1])
    return median(told["load"]), told["fire"], np.array(told["found"], np.int64).reshape(-1, 2)


def agreement(name: str, found: Codes | None, wanted: Codes, n: int) -> str:
    """How what was found compares with the straight reading of the columns."""
    if found is None:
        return "STOPPED"
    if name == "ours, soft":
        return "covers" if np.isin(wanted, found).all() else "MISSES"
    if name == "PSL, soft":
        return (
            "regions" if np.array_equal(np.unique(found % n), np.unique(wanted % n)) else "differs"
        )
    return "same" if np.array_equal(np.sort(found), np.sort(wanted)) else "DIFFERS"


def row(name: str, explains: str, got: Any, ours: float, wanted: Codes, n: int) -> dict[str, Any]:
    loaded, seconds, found = got
    middle = median(seconds)
    return {
        "engine": name, "load": loaded, "seconds": middle, "runs": len(seconds),
        "times_ours": middle / ours, "agrees": agreement(name, found, wanted, n), "reasons": explains,
    }  # fmt: skip


def compare(n: int, chosen: argparse.Namespace, python: Path | None, folder: Path) -> Any:
    """All engines at one size."""
    world = build(n, chosen.seed)
    wanted = expected(world)
    write_triples(world, folder / "world.nt")
    write_tables(world, folder)
    per_rule = np.bincount(wanted // len(world), minlength=5)
    print(
        f"\n{len(world)} regions, {len(wanted)} broken rules: {dict(zip(RULES, per_rule.tolist(), strict=True))}"
    )
    rows: list[dict[str, Any]] = []
    for engine in engines():
        if n > max(engine.largest, chosen.largest):
            continue
        try:
            got = measure(engine, world, folder, chosen.repeats, chosen.budget)
        except ImportError as error:
            print(f"{engine.name}: left out, {error.name} is not installed")
            continue
        ours = rows[0]["seconds"] if rows else median(got[1])
        rows.append(row(engine.name, engine.explains, got, ours, wanted, len(world)))
        show(rows[-1])
    for name, (title, largest, explains) in REASONERS.items():
        runner = Path(sys.executable) if name == "hermit" else python
        if n > largest or runner is None or shutil.which("java") is None:
            continue
        try:
            loaded, seconds, pairs = outside(
                name, runner, folder, chosen.repeats if n <= 1000 else 1, chosen.limit
            )
        except RuntimeError as error:
            print(f"{title}: failed ({error})")
            continue
        found = None if pairs is None else pairs[:, 0] * len(world) + pairs[:, 1]
        got = loaded, seconds, found
        rows.append(row(title, explains, got, rows[0]["seconds"], wanted, len(world)))
        show(rows[-1])
    return {"regions": len(world), "broken": per_rule.tolist(), "engines": rows}


def show(one: dict[str, Any]) -> None:
    print(
        f"{one['engine']:22}{one['load']:9.2f} s load{one['seconds']:12.4f} s x{one['runs']}"
        f"{one['times_ours']:12.1f} times ours  {one['agrees']:8} reasons: {one['reasons']}",
        flush=True,
    )


def main() -> None:
    words = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    words.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    words.add_argument("--repeats", type=int, default=5)
    words.add_argument("--budget", type=float, default=120, help="seconds per engine and size")
    words.add_argument("--limit", type=float, default=300, help="seconds per outside reasoner")
    words.add_argument("--largest", type=int, default=0, help="ask every engine up to this size")
    words.add_argument("--seed", type=int, default=0)
    words.add_argument("--environment", type=Path, help="keep the throw-away environment here")
    words.add_argument("--json", type=Path)
    chosen = words.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        python = environment(chosen.environment or Path(scratch) / "env")
        ours = engines()[1]
        ours.fire(ours.load(build(100, 0), Path(scratch)))  # compile once, outside the clock
        sizes = [compare(n, chosen, python, Path(scratch)) for n in chosen.sizes]
    versions = {}
    for name in (
        "numpy",
        "numba",
        "pyoxigraph",
        "rdflib",
        "pyshacl",
        "owlready2",
        "duckdb",
        "nemo_python",
    ):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "missing"
    print(f"\n{versions}, throw-away: {', '.join(THROW_AWAY)}, seed {chosen.seed}")
    if chosen.json:
        found = {"sizes": sizes, "versions": versions, "machine": platform.machine()}
        chosen.json.write_text(json.dumps(found | {"seed": chosen.seed}, indent=1) + "\n")


if __name__ == "__main__":
    main()
