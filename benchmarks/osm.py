"""How fast OpenStreetMap extracts become triples: seconds, triples and triples per second of each extract.

    python benchmarks/osm.py [EXTRACT ...] [--repeats 5] [--pyrosm PYTHON [--start]] [--grow N] [--json FILE]

Without arguments: every extract under ../shared/data/geo. `seconds` is the median wall time of reading the extract and
writing N-Triples (no store), `cpu` the median processor time of the same runs (what a busy machine changes least);
`load` adds one load into a graph. `--pyrosm` names the interpreter of an environment of its own with pyrosm (it reads
.pbf only): its buildings, land use, natural, network and points of interest as frames, in turn with ours. The two do
not make the same: a frame has all tags of these five layers in columns, we classify every object of the tag table and
write text. Both are warm: neither counts its imports. `--start` adds processor seconds of whole processes that read
one extract each, start of Python and imports counted, in turn. `--grow` writes so many copies of the one extract named
into one file, side by side and with numbers of their own, and reads that once in a process of its own: seconds and the
peak of its memory, beside those of the extract alone.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from kg import vocab
from kg.sources.osm import OsmSource
from kg.store import KnowledgeGraph

DATA = Path(__file__).resolve().parents[1].parent / "shared" / "data" / "geo"
COLUMNS = (
    "extract",
    "bytes",
    "triples",
    "seconds",
    "triples_per_second",
    "cpu",
    "load",
    "triples_per_cpu_second",
)


PYROSM = """
import sys, time, warnings
warnings.filterwarnings("ignore")
from pyrosm import OSM
for line in sys.stdin:
    wall, cpu, osm, found = time.perf_counter(), time.process_time(), OSM(line.strip()), 0
    for get in (osm.get_buildings, osm.get_landuse, osm.get_natural, osm.get_pois, lambda: osm.get_network("all")):
        frame = get()
        found += 0 if frame is None else len(frame)
    print(time.perf_counter() - wall, time.process_time() - cpu, found, flush=True)
"""


class Pyrosm:
    """pyrosm in a process of its own, that reads an extract when it is told to."""

    def __init__(self, python: Path) -> None:
        command = [str(python), "-c", PYROSM]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def read(self, path: Path) -> tuple[float, float, int]:
        """Wall and processor seconds, and rows of all frames."""
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{path}\n")
        self.process.stdin.flush()
        wall, cpu, rows = self.process.stdout.readline().split()
        return float(wall), float(cpu), int(rows)


def extracts() -> list[Path]:
    return sorted(p for p in DATA.rglob("*.osm*") if p.is_file())


def with_start(command: list[str], told: str = "") -> float:
    """Processor seconds of a whole process."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, input=told, text=True, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def measure_start(path: Path, repeats: int, python: Path) -> dict[str, float]:
    """Processor seconds of our whole process and of pyrosm's, medians of runs in turn."""
    ours, theirs = [], []
    for _ in range(repeats):
        ours.append(with_start([sys.executable, "-c", READ, str(path)]))
        theirs.append(with_start([str(python), "-c", PYROSM], f"{path}\n"))
    return {"start_cpu": statistics.median(ours), "start_pyrosm_cpu": statistics.median(theirs)}


def measure(path: Path, repeats: int, peer: Pyrosm | None = None) -> dict[str, Any]:
    source = OsmSource(path)
    walls, cpus, triples = [], [], 0
    theirs: list[tuple[float, float, int]] = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        triples = sum(chunk.count("\n") for chunk in source.ntriples())
        walls.append(time.perf_counter() - wall)
        cpus.append(time.process_time() - cpu)
        if peer is not None and path.suffix == ".pbf":
            theirs.append(peer.read(path))
    start = time.perf_counter()
    KnowledgeGraph().replace_graph(source.iri, source.ntriples())
    load = time.perf_counter() - start
    seconds = statistics.median(walls)
    values = (
        path.name,
        path.stat().st_size,
        triples,
        seconds,
        triples / seconds,
        statistics.median(cpus),
        load,
        triples / statistics.median(cpus),
    )
    row = dict(zip(COLUMNS, values, strict=True))
    if theirs:
        wall, cpu = (statistics.median(one[i] for one in theirs) for i in (0, 1))
        row |= {"pyrosm": wall, "pyrosm_cpu": cpu, "pyrosm_rows": theirs[0][2]}
        row |= {"ratio": wall / seconds, "cpu_ratio": cpu / row["cpu"]}
        row["features"] = sum(chunk.count(f"<{vocab.CORE}osmId>") for chunk in source.ntriples())
    return row


READ = """
import resource, sys, time
from kg.sources.osm import OsmSource
start, triples = time.process_time(), 0
for chunk in OsmSource(sys.argv[1]).ntriples():
    triples += chunk.count("\\n")
print(triples, time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def grow(path: Path, copies: int, out: Path) -> None:
    """Write copies of an extract into one, each with numbers of its own, a tenth of a degree further east."""
    import osmium

    step = 1 << 36
    with osmium.SimpleWriter(str(out), overwrite=True) as writer:
        for kind in "nwr":  # an extract has its nodes first, then ways, then relations
            for copy in range(copies):
                for one in osmium.FileProcessor(str(path)):
                    if one.type_str() != kind:
                        continue
                    more = copy * step
                    changed: dict[str, Any] = {"id": one.id + more}
                    if kind == "n":
                        changed["location"] = (one.lon + 0.1 * copy, one.lat)
                    elif kind == "w":
                        changed["nodes"] = [node.ref + more for node in one.nodes]
                    else:
                        changed["members"] = [(m.type, m.ref + more, m.role) for m in one.members]
                    writer.add(one.replace(**changed))


def measure_grown(path: Path, copies: int) -> dict[str, Any]:
    """Memory and time of an extract, and of so many copies of it in one file."""
    report: dict[str, Any] = {"extract": path.name, "copies": copies}
    with tempfile.TemporaryDirectory() as folder:
        large = Path(folder) / "large.osm.pbf"
        grow(path, copies, large)
        for name, one in (("alone", path), ("grown", large)):
            told = subprocess.run(
                [sys.executable, "-c", READ, str(one)], check=True, capture_output=True, text=True
            )
            triples, cpu, peak = map(float, told.stdout.split())
            report[name] = {
                "bytes": one.stat().st_size,
                "triples": int(triples),
                "cpu": cpu,
                "peak_mib": peak,
            }
            print(
                f"{name:6} {one.stat().st_size / 1e6:8.1f} MB {int(triples):11,} triples {cpu:7.1f} s "
                f"{triples / cpu:9,.0f} / s, peak {peak:,.0f} MiB",
                flush=True,
            )
    return report


def versions() -> dict[str, str]:
    from importlib.metadata import version

    names = ("osmium", "pyoxigraph", "numpy")
    return {"python": platform.python_version(), **{name: version(name) for name in names}}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("extracts", nargs="*", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--pyrosm", type=Path, metavar="PYTHON")
    parser.add_argument("--start", action="store_true")
    parser.add_argument("--grow", type=int, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    paths = options.extracts or extracts()
    if not paths:
        print(
            f"no extracts under {DATA}\ngive one: python benchmarks/osm.py EXTRACT.osm.pbf",
            file=sys.stderr,
        )
        return 2
    if options.grow:
        report = measure_grown(paths[0], options.grow)
        if options.json:
            options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
        return 0
    print(
        f"{'extract':30} {'triples':>9} {'seconds':>8} {'triples/s':>10} {'cpu s':>7} {'with load':>9}"
        f" {'triples/cpu s':>13}"
    )
    rows = []
    peer = Pyrosm(options.pyrosm) if options.pyrosm else None
    for path in paths:
        row = measure(path, options.repeats, peer)
        rows.append(row)
        print(
            f"{row['extract']:30} {row['triples']:9,} {row['seconds']:8.2f} {row['triples_per_second']:10,.0f}"
            f" {row['cpu']:7.2f} {row['load']:9.2f} {row['triples_per_cpu_second']:13,.0f}"
        )
        if "ratio" in row:
            print(
                f"{'pyrosm / ours':>30} {row['ratio']:.1f} by wall time, {row['cpu_ratio']:.1f} by processor time "
                f"({row['pyrosm_rows']:,} rows in {row['pyrosm']:.2f} s; ours {row['features']:,} features)"
            )
        if "ratio" in row and options.start:
            row |= measure_start(path, options.repeats, options.pyrosm)
            ours, theirs = row["start_cpu"], row["start_pyrosm_cpu"]
            print(
                f"{'whole processes':>30} {ours:.2f} and {theirs:.2f} s of processor time, {theirs / ours:.1f} times"
            )
    if options.json:
        report = {"versions": versions(), "repeats": options.repeats, "extracts": rows}
        options.json.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
