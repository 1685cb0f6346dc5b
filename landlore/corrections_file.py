"""The folder of a run comes in; its corrections as a vector file (GeoPackage, GeoJSON) for QGIS go out."""

from __future__ import annotations

import csv
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError, OutputError
from kg.folder import check_place
from kg.outlines import STRIP, outlines
from kg.raster import read_grid
from kg.store import KnowledgeGraph
from kg.vector_file import Batch, check_vector_name, words, write_vector
from landlore.outputs import keep_inputs
from landlore.run_folder import AGAIN, KNOWN, TILES, read_record
from landlore.tile import inner_pixels, of_part, parts_of

LAYER = "corrections"
_ROWS, _REASONS = "corrections.csv", "reasons.tif"
_WHOLE = {
    "index": np.int32,
    "region": np.int32,
    "before_code": np.int32,
    "after_code": np.int32,
    "pixels": np.int64,
}
_REAL = ("area_m2", "log_odds", "confidence")


@dataclass(frozen=True)
class Exported:
    """A vector file.

    Attributes:
        path: Where it is.
        count: How many corrections it has.
    """

    path: Path
    count: int


def export_corrections(
    run: str | Path,
    out: str | Path,
    *,
    lang: str = "en",
    overwrite: bool = False,
    strip: int = STRIP,
) -> Exported:
    """Write one outline per correction, with what it was, what it became and why.

    Columns: `index` (as in `reasons.tif`), `region`, `before`, `after`, `before_code`, `after_code`, `pixels`,
    `area_m2`, `confidence`, `log_odds` (nats), `reason` (the largest one, as `--what-if drop=` takes it), `sentence`,
    `iri`. Licences and sources of the run stand in the metadata of the layer. Of a folder of tiles, `tile` comes first,
    and a patch across tiles is one outline in each, of its pixels there.

    Args:
        run: Run folder of `correct` or `interpret`, or folder of tiles; not one by regions, which has no outlines.
        out: `.gpkg`, in the CRS of the run, or `.geojson`, in CRS84.
        lang: Language of the sentences, "en" or "zh".
        overwrite: Replace `out`.
        strip: Pixels that are read at a time; outlines do not depend on it.

    Raises:
        InputError: Not a run folder of a map, or a file of it is gone or broken.
        OutputError: `out` exists, is of another kind, or cannot be written.
    """
    if lang not in ("en", "zh"):
        raise InputError(f"--lang {lang!r}: known are en and zh", "--lang en")
    home, target = Path(run), Path(out)
    told = check_run(home)
    check_vector_name(target)
    keep_inputs([target], [home / name for name in (_ROWS, _REASONS, KNOWN)])
    check_place(target)
    if target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already", "add --overwrite, or choose another place")
    written: list[int] = []
    batches = _batches(home, told, (lang, strip), written)
    crs = read_grid(home / "corrected.tif").crs
    write_vector(target, batches, crs=crs, layer=LAYER, metadata=_metadata(home, told))
    return Exported(target, sum(written))


def check_run(home: Path) -> Mapping[str, Any]:
    """The record of a run that has outlines, or of a folder of tiles that have.

    Raises:
        InputError: Not such a run, or a file of it is gone.
    """
    told = read_record(home, tiles=True)
    if told.get("job") == TILES:
        for part in parts_of(home, told):
            check_run(part.folder)
        return told
    if "images" in told:
        raise InputError(
            f"{home}: a run of scenes has no map", f"landlore query {home} --name scene-answers"
        )
    if told.get("job") == "by-region":
        raise InputError(
            f"{home}: a run by regions keeps no outlines of what changed",
            f"{home / _ROWS} has the places of the largest; or correct a part of the map without --by-region",
        )
    for name in (_ROWS, _REASONS, "corrected.tif"):
        if not (home / name).is_file():
            raise InputError(f"{home}: no {name}, which the folder of a run has", AGAIN)
    return told


class _Rows:
    """Rows of `corrections.csv` by the number of their correction; only where each begins is in memory."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._starts = file, array("q")
        self._names = _cells(file.readline())
        place = file.tell()
        within = False
        for line in file:
            if not within:
                self._starts.append(place)
            within ^= _opens(line)
            place += len(line)
        if lost := {"index", "cause", "sentence_en", *_WHOLE, *_REAL} - {*self._names}:
            raise InputError(f"{file.name}: broken (no column {', '.join(sorted(lost))})", AGAIN)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, number: int) -> dict[str, str]:
        """The row of a correction.

        Raises:
            InputError: It has none, or the file was changed.
        """
        found: dict[str, str] = {}
        if 0 <= number < len(self._starts):
            self._file.seek(self._starts[number])
            line = self._file.readline()
            while _opens(line) and (more := self._file.readline()):
                line += more
            found = dict(zip(self._names, _cells(line), strict=False))
        if found.get("index") != str(number):
            raise InputError(
                f"{self._file.name}: broken (row {number} is not correction {number})", AGAIN
            )
        return found


def _opens(lines: bytes) -> bool:
    """Whether a quoted cell goes on after these lines."""
    return lines.count(b'"') % 2 == 1


def _cells(line: bytes) -> list[str]:
    return next(csv.reader([line.decode("utf-8-sig")]), [])


def _batches(
    home: Path, told: Mapping[str, Any], how: tuple[str, int], written: list[int]
) -> Iterator[Batch]:
    """Outlines with their columns, run after run; how many there are is noted on the way."""
    lang, strip = how
    for part in parts_of(home, told):
        mine = read_record(part.folder)
        names = {one["graph"]: one["name"] for one in mine["sources"]}
        held = inner_pixels(part)
        with (part.folder / _ROWS).open("rb") as file:
            rows = _Rows(file)
            shapes = outlines(part.folder / _REASONS, strip=strip, window=part.window)
            for numbers, wkb in shapes:
                found = [of_part(rows[number], held) for number in numbers.tolist()]
                written.append(len(found))
                tile = {"tile": words([part.tile] * len(found))} if part.tile else {}
                yield wkb, tile | _columns(found, names, f"{mine['run']}/correction/", lang)


def _columns(
    rows: list[dict[str, str]], names: Mapping[str, str], iri: str, lang: str
) -> dict[str, NDArray[Any]]:
    def whole(name: str) -> NDArray[Any]:
        """A column of whole numbers."""
        return np.array([int(row[name]) for row in rows], _WHOLE[name])

    def real(name: str) -> NDArray[Any]:
        """A column of other numbers."""
        return np.array([float(row[name]) for row in rows], np.float64)

    causes = (reason_name(row["cause"], names) for row in rows)
    return {
        "index": whole("index"), "region": whole("region"), "before": words(row["before"] for row in rows),
        "after": words(row["after"] for row in rows), "before_code": whole("before_code"),
        "after_code": whole("after_code"), "pixels": whole("pixels"), "area_m2": real("area_m2"),
        "confidence": real("confidence"), "log_odds": real("log_odds"), "reason": words(causes),
        "sentence": words(row[f"sentence_{lang}"] for row in rows),
        "iri": words(iri + row["index"] for row in rows),
    }  # fmt: skip


def reason_name(cause: str, names: Mapping[str, str]) -> str:
    """A source by its name, a rule or another term by the end of its short IRI.

    Args:
        cause: IRI of a source, or short IRI ("rule:water-min-width", "run:Smoothness").
        names: IRI of a source -> its name.
    """
    if cause in names:
        return names[cause]
    return cause if "://" in cause else cause.rpartition(":")[2].lower()


def _metadata(home: Path, told: Mapping[str, Any]) -> dict[str, str]:
    """Who made it, and from what, under which licences."""
    lines = source_lines(home, told)
    made = (
        f"{told['model']} by Landlore, {told['run']}"
        if "run" in told
        else f"{home.absolute().name} by Landlore"
    )
    return {
        "description": f"Corrections of {made}",
        "sources": " | ".join(lines) or "no source beside the map and the rules",
    }


def source_lines(home: Path, told: Mapping[str, Any]) -> list[str]:
    """Title, licence and rights of each source of a run.

    Args:
        home: Run folder.
        told: What its `run.json` says.
    """
    from landlore.page_facts import source_rows

    rows: list[dict[str, str]] = []
    for place in (home / KNOWN, home / "graph"):  # of a run, of tiles
        if place.exists():
            rows += source_rows(KnowledgeGraph.open(place))
    lines = [
        "; ".join(
            filter(None, (row["title"], row["licence"] or "no licence stated", row["rights"]))
        )
        for row in rows
    ]
    given = ((told.get("inputs") or {}).get("sources") or {}).get("graph")
    if not lines and given:
        lines = [f"the graph {Path(given).name}, which names its sources and licences"]
    return lines
