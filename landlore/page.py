"""The folder of a run comes in; one HTML file that needs nothing else goes out: before, after, and why."""

from __future__ import annotations

import base64
import io
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.errors import InputError, OutputError
from kg.folder import replace_file
from landlore.outputs import keep_inputs
from landlore.page_parts import page_parts
from landlore.page_record import PageRecord, read_page
from landlore.sources import product_words

REPORT = "report.html"
"""Its name in the folder of a run."""
_WEB = Path(__file__).parent / "web"
_SCRIPTS = ("record.js", "map.js", "page.js")
_QUALITY = 74
"""Of the JPEG of the image."""


@dataclass(frozen=True)
class Report:
    """A page that was written.

    Attributes:
        path: The HTML file.
        truth: What became right and wrong (`landlore.truth.Scores.facts`), or None without a truth.
    """

    path: Path
    truth: dict[str, Any] | None


def write_page(
    run: str | Path,
    out: str | Path | None = None,
    *,
    truth: str | Path | None = None,
    note: str = "",
    lang: str = "en",
    overwrite: bool = False,
) -> Report:
    """Write the report of a run: maps before, after and why, every correction with its sums, sources and licences.

    The page makes no request to anywhere and opens from a disk; the same run gives the same bytes.

    Args:
        run: Run folder of `correct` or `interpret`.
        out: HTML file; default `report.html` in the run folder, which is replaced.
        truth: Raster of official codes on the grid of the map, or "LEGEND=PATH", to count what became right and wrong.
        note: A line that the reader must not miss.
        lang: "en" or "zh".
        overwrite: Replace `out`.

    Raises:
        InputError: Not a run folder of a map, or a file of it is gone; the truth does not fit.
        OutputError: `out` exists, is not named .html, or cannot be written.
    """
    if lang not in ("en", "zh"):
        raise InputError(f"--lang {lang!r}: known are en and zh", "--lang en")
    target = Path(run) / REPORT if out is None else Path(out)
    if target.suffix not in (".html", ".htm"):
        raise OutputError(f"{target}: expected a name that ends in .html", f"-o {target}.html")
    keep_inputs([target], [] if truth is None else [product_words(str(truth))[1]])
    if out is not None and target.exists() and not overwrite:
        raise OutputError(f"{target}: exists already", "add --overwrite, or choose another file")
    record = read_page(run, truth, lang)
    replace_file(target, page_html(record, note, lang).encode())
    return Report(target, record.facts["truth"])


def page_html(record: PageRecord, note: str = "", lang: str = "en") -> str:
    """The page of a run.

    Args:
        record: What it shows.
        note: A line that the reader must not miss.
        lang: "en" or "zh".
    """
    words = json.loads((_WEB / "words.json").read_text(encoding="utf-8"))[lang]
    height, width = record.after.shape
    facts = {
        **record.facts, "width": width, "height": height,
        "words": words, "deep": record.reason.dtype == np.uint32,
    }  # fmt: skip
    text = json.dumps(facts, ensure_ascii=False, separators=(",", ":"))
    parts = page_parts(record.facts, note, words) | {
        "lang": lang,
        **{f"w.{key}": phrase for key, phrase in words.items()},
        "css": (_WEB / "report.css").read_text(encoding="utf-8"),
        "js": "\n".join((_WEB / name).read_text(encoding="utf-8") for name in _SCRIPTS),
        "facts": _packed(text.encode()),
        "after": _packed(record.after.tobytes()),
        "reason": _packed(record.reason.astype(record.reason.dtype.newbyteorder("<")).tobytes()),
        "photo": "" if record.photo is None else _jpeg(record.photo),
    }
    page = (_WEB / "report.html").read_text(encoding="utf-8")
    return re.sub(r"\{\{([\w.]+)\}\}", lambda place: parts[place[1]], page)


def _packed(data: bytes) -> str:
    return base64.b64encode(zlib.compress(data, 9)).decode()


def _jpeg(pixels: NDArray[np.uint8]) -> str:
    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, optimize=True)
    return base64.b64encode(file.getvalue()).decode()
