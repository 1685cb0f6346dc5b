"""Bounds come in; what OpenStreetMap has there goes out as an extract (.osm.pbf) with the date of its data.

Asks a server of the Overpass API, https://wiki.openstreetmap.org/wiki/Overpass_API.
"""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from kg.errors import InputError, SourceError
from kg.fetch.products import Bounds, Tell
from kg.fetch.web import post
from kg.folder import unwritable
from kg.sources.assembly import write_extract

SERVER = "https://overpass-api.de/api/interpreter"
URL = "https://www.openstreetmap.org/copyright"
LICENCE = "https://opendatacommons.org/licenses/odbl/1-0/"
ATTRIBUTION = "© OpenStreetMap contributors"
WAIT = 180
"""Seconds that the server may work on the question."""
_MOST = 1.0
"""Square degrees that are asked for at once."""
_ENDS = 4096
_QUERY = """[out:xml][timeout:{wait}];
(
  node({box});
  way({box});
  relation["type"="multipolygon"]({box});
  relation["type"="boundary"]["boundary"!="administrative"]({box});
);
(._;>;);
out body;
"""


def fetch_osm(bounds: Bounds, target: Path, *, server: str = "", tell: Tell) -> str:
    """Write an extract; it appears whole or not at all.

    Every node and way that lies or reaches into the bounds, multipolygons and boundaries of protected areas whole.

    Args:
        bounds: What to enclose.
        target: A file ending in .osm.pbf.
        server: Address of an Overpass interpreter, in place of the public one.
        tell: Told how far it is.

    Returns:
        Day of the data, "2026-11-20", or "" where the server does not say it.

    Raises:
        InputError: Too large an area for such a server.
        SourceError: The server does not answer, or gives up.
        OutputError: The file cannot be written.
    """
    west, south, east, north = bounds
    if (east - west) * (north - south) > _MOST:
        raise InputError(
            f"OpenStreetMap: {(east - west) * (north - south):.1f} square degrees, and Overpass servers answer for "
            f"about {_MOST:.0f}",
            "leave it out (--what worldcover,dem), and download an extract of the region (download.geofabrik.de)",
        )
    url = server or SERVER
    box = f"{south:.6f},{west:.6f},{north:.6f},{east:.6f}"
    tell(f"OpenStreetMap: asking {url}")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".landlore-") as room:
            answer, extract = Path(room) / "answer.osm", Path(room) / "extract.osm.pbf"
            query = _QUERY.format(wait=WAIT, box=box)
            post(
                url, {"data": query}, answer, timeout=WAIT + 60,
                tell=lambda line: tell(f"OpenStreetMap: {line}"),
            )  # fmt: skip
            stamp = _checked(answer, url)
            write_extract(answer, extract, stamp)
            extract.replace(target)
    except OSError as error:
        raise unwritable(target, error) from error
    except (RuntimeError, ValueError) as error:  # osmium's
        raise SourceError(
            f"{url}: what came is no OpenStreetMap data ({error})",
            "name another server: --server osm=https://HOST/api/interpreter",
        ) from error
    return stamp[:10]


def _checked(answer: Path, url: str) -> str:
    """When the data were so ("2026-11-20T10:00:00Z"), "" where that is not said.

    Raises:
        SourceError: The server gave up, or the answer is cut: both come with a status of 200.
    """
    with answer.open("rb") as file:
        head = file.read(_ENDS).decode(errors="replace")
        file.seek(max(0, answer.stat().st_size - _ENDS))
        tail = file.read().decode(errors="replace")
    if said := re.search(r"<remark>\s*(.*?)\s*</remark>", tail, re.DOTALL):
        raise SourceError(
            f"{url}: gave up ({' '.join(said[1].split())[:200]})",
            "ask for a smaller area, or wait some minutes and type the same again: what has come is kept",
        )
    if not tail.rstrip().endswith("</osm>"):
        kind = "the answer is cut" if "<osm" in head else "the answer is no OpenStreetMap data"
        raise SourceError(
            f"{url}: {kind}", "type the same again later, or name another server with --server"
        )
    stamp = re.search(r'osm_base="([^"]*)"', head)
    return stamp[1] if stamp else ""
