"""`landlore fetch`: tiles with ranges of bytes and an Overpass interpreter, both on this machine."""

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from affine import Affine

import landlore as ll
from kg.cog import write_raster
from kg.errors import InputError, OutputError, SourceError
from kg.grid import Grid
from kg.raster import Raster, read_raster
from kg.sources.osm import OsmSource

WEST, SOUTH, EAST, NORTH = BOUNDS = 8.996, 48.5, 9.004, 48.503
COVER = "v200/2021/map/ESA_WorldCover_10m_2021_v200_N48E{0:03d}_Map.tif"
ELEVATION = (
    "Copernicus_DSM_COG_10_N48_00_E{0:03d}_00_DEM/Copernicus_DSM_COG_10_N48_00_E{0:03d}_00_DEM.tif"
)
HOUSE = """<?xml version="1.0" encoding="UTF-8"?>
<osm version="0.6" generator="Overpass API">
<meta osm_base="2026-11-20T10:11:12Z"/>
 <node id="1" lat="48.5010" lon="8.9980"/><node id="2" lat="48.5010" lon="8.9990"/>
 <node id="3" lat="48.5015" lon="8.9990"/><node id="4" lat="48.5015" lon="8.9980"/>
 <way id="7"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="4"/><nd ref="1"/><tag k="building" v="house"/></way>
</osm>
"""


class Handler(BaseHTTPRequestHandler):
    """Answers for the `web` of its server."""

    def do_HEAD(self):
        self.do_GET(body=False)

    def do_GET(self, body=True):
        web, path = self.server.web, self.path.lstrip("/")
        web.asked.append((self.command, path, self.headers.get("User-Agent")))
        if path not in web.files:
            return self.reply(404, b"no")
        data, wanted = web.files[path].read_bytes(), self.headers.get("Range")
        if not wanted:
            return self.reply(200, data, body=body)
        first, last = re.fullmatch(r"bytes=(\d+)-(\d*)", wanted).groups()
        first, last = int(first), min(int(last or len(data)), len(data) - 1)
        told = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
        return self.reply(206, data[first : last + 1], told, body)

    def do_POST(self):
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.web.questions.append((form["data"][0], self.headers["User-Agent"]))
        self.reply(*self.server.web.answer)

    def reply(self, code, data, told=(), body=True):
        self.send_response(code)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data)))
        for name, value in dict(told).items():
            self.send_header(name, value)
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


class Web:
    """Files by path, and one answer to every question; what was asked is kept."""

    def __init__(self):
        self.files, self.asked, self.questions = {}, [], []
        self.answer = (200, HOUSE.encode())
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.web, self.url = self, f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def servers(self):
        return {name: self.url for name in ("worldcover", "dem")} | {"osm": f"{self.url}/api"}

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def web(tmp_path, monkeypatch):
    """Two tiles of each product that meet at 9 degrees east, each only near there."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    found = Web()
    rng = np.random.default_rng(0)
    for corner, west in ((6, 8.99), (9, 9.0)):
        codes = rng.choice([10, 30, 50, 80], (1, 240, 120)).astype(np.uint8)
        grid = Grid("EPSG:4326", Affine(1 / 12000, 0, west, 0, -1 / 12000, 48.51), 240, 120)
        found.files[COVER.format(corner)] = write_raster(
            tmp_path / f"c{corner}.tif", Raster(codes, grid, 0)
        )
    for corner, west in ((8, 8.98), (9, 9.0)):  # pixels are points: half a pixel further out
        dx, dy = 1 / 2400, 1 / 3600
        grid = Grid("EPSG:4326", Affine(dx, 0, west - dx / 2, 0, -dy, 48.52 + dy / 2), 140, 49)
        lon, _ = grid.lonlat(np.full(49, 0.5), np.arange(49) + 0.5)
        high = np.broadcast_to(1000 * (lon - 8), (1, 140, 49)).astype(np.float32)
        found.files[ELEVATION.format(corner)] = write_raster(
            tmp_path / f"d{corner}.tif", Raster(high, grid, None), overviews="average"
        )
    yield found
    found.close()


def test_an_area_comes_whole_from_two_tiles(web, tmp_path):
    done = ll.fetch(BOUNDS, tmp_path / "area", margin=0, servers=web.servers)
    assert sorted(one.name for one in (tmp_path / "area").iterdir()) == [
        "dem.tif", "fetched.json", "osm.osm.pbf", "worldcover.tif",
    ]  # fmt: skip
    cover = read_raster(done.path("worldcover"))
    left, right = (read_raster(web.files[COVER.format(corner)]).values for corner in (6, 9))
    both = np.concatenate([left, right], axis=2)  # from 8.99 E, 48.51 N
    assert cover.values.shape == (1, 36, 96)
    assert (cover.values == both[:, 84:120, 72:168]).all()
    assert cover.grid.bounds == pytest.approx(BOUNDS)
    dem = read_raster(done.path("dem"))
    lon, _ = dem.grid.lonlat(np.full(dem.grid.width, 0.5), np.arange(dem.grid.width) + 0.5)
    assert dem.values[0] == pytest.approx(
        np.broadcast_to(1000 * (lon - 8), dem.grid.shape), abs=0.2
    )  # a pixel is 0.42 m of this slope; between tiles it is seen from one side

    source = OsmSource(done.path("osm"))
    assert source.describe().date == done.files["osm"].date == "2026-11-20"
    assert "way/7" in "".join(source.ntriples())


def test_it_is_said_whose_they_are_and_how_they_were_asked_for(web, tmp_path):
    done = ll.fetch(BOUNDS, tmp_path / "area", margin=0, servers=web.servers)
    told = json.loads((tmp_path / "area" / "fetched.json").read_text(encoding="utf-8"))
    assert told["bounds"] == list(BOUNDS) and set(told["files"]) == {"worldcover", "osm", "dem"}
    assert told["files"]["osm"]["attribution"] == "© OpenStreetMap contributors"
    assert told["files"]["worldcover"]["origin"] == [
        f"{web.url}/{COVER.format(corner)}" for corner in (6, 9)
    ]
    assert (
        done.files["worldcover"].date == "2021"
        and "AIRBUS" in done.files["dem"].attribution.upper()
    )
    ((question, agent),) = web.questions
    assert "node(48.500000,8.996000,48.503000,9.004000);" in question and "landlore" in agent
    assert all("landlore" in agent for _, _, agent in web.asked)


def test_what_came_is_kept_when_a_server_fails(web, tmp_path, landlore):
    words = [
        "fetch",
        "--bounds",
        ",".join(map(str, BOUNDS)),
        "-o",
        tmp_path / "area",
        "--margin",
        "0",
    ]
    for name, url in web.servers.items():
        words += ["--server", f"{name}={url}"]
    web.answer = (429, b"rate_limited")
    code, _, said = landlore(*words)
    assert (
        code == 2
        and "the server is busy (429 rate_limited)" in said
        and "what has come is kept" in said
    )
    assert sorted(one.name for one in (tmp_path / "area").iterdir()) == [
        "fetched.json",
        "worldcover.tif",
    ]
    before, web.asked[:], web.answer = len(web.files), [], (200, HOUSE.encode())
    code, told, said = landlore(*words)
    assert code == 0 and "there already" in said and "2026-11-20" in told
    assert not [path for _, path, _ in web.asked if "WorldCover" in path] and before
    with pytest.raises(OutputError, match="holds another area"):
        ll.fetch((8.99, *BOUNDS[1:]), tmp_path / "area", margin=0, servers=web.servers)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, b"<osm><remark> runtime error: Query timed out in \"query\" </remark></osm>"), "gave up"),
        ((200, HOUSE.encode()[:-9]), "the answer is cut"),
        ((200, b"<html>busy</html>"), "no OpenStreetMap data"),
        ((200, b"<osm version='0.6'><node id='x'/></osm>"), "no OpenStreetMap data"),
        ((400, b"<html>static error</html>"), "refuses"),
        ((504, b"<html>gateway</html>"), "busy"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_told(web, tmp_path, answer, said):
    web.answer = answer
    with pytest.raises(SourceError, match=said):
        ll.fetch(BOUNDS, tmp_path / "area", what=["osm"], margin=0, servers=web.servers)
    assert not list((tmp_path / "area").iterdir())


def test_sea_silence_and_wrong_words_are_told(web, tmp_path):
    out = tmp_path / "area"
    with pytest.raises(SourceError, match="no tile at"):
        ll.fetch((20.0, 0.0, 20.1, 0.1), out, what=["worldcover"], servers=web.servers)
    with pytest.raises(SourceError, match="does not answer"):
        ll.fetch(BOUNDS, out, what=["dem"], servers={"dem": "http://127.0.0.1:9"})
    web.files[COVER.format(6)] = tmp_path / "text.tif"
    web.files[COVER.format(6)].write_text("no raster")
    with pytest.raises(SourceError, match="over the web"):
        ll.fetch(BOUNDS, out, what=["worldcover"], servers=web.servers)
    with pytest.raises(InputError, match="nothing that is fetched"):
        ll.fetch(BOUNDS, out, what=["wordcover"])
    with pytest.raises(InputError, match="no square of degrees"):
        ll.fetch((9.0, 48.0, 8.0, 49.0), out)
    with pytest.raises(InputError, match="square degrees"):
        ll.fetch((7.0, 47.0, 9.0, 49.0), out, what=["osm"], servers=web.servers)
    with pytest.raises(InputError, match="pixels lie in"):
        ll.fetch((0.0, 40.0, 9.0, 49.0), out, what=["worldcover"], servers=web.servers)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(OutputError, match="was not fetched"):
        ll.fetch(BOUNDS, tmp_path / "mine", servers=web.servers)


def test_a_map_is_corrected_by_what_was_fetched_for_it(web, tmp_path, landlore):
    grid = Grid("EPSG:32632", Affine(10, 0, 499750, 0, -10, 5372300), 30, 50)
    labels = write_raster(
        tmp_path / "labels.tif", Raster(np.full((1, 30, 50), 30, np.uint8), grid, 0)
    )
    words = [word for name, url in web.servers.items() for word in ("--server", f"{name}={url}")]
    code, told, _ = landlore("fetch", labels, "-o", tmp_path / "area", *words)
    assert code == 0
    line = told.splitlines()[-1]
    assert line.startswith(
        f"landlore interpret {labels} --landcover worldcover={tmp_path / 'area'}"
    )
    options = line.split()[3:]
    code, told, said = landlore(
        "correct", labels, "--legend", "worldcover", *options[:-2], "-o", tmp_path / "run"
    )
    assert code == 0, said
    sources = json.loads((tmp_path / "run" / "run.json").read_text())["sources"]
    assert {one["name"] for one in sources} == {"osm", "worldcover"}


def test_real_tiles_by_their_real_names(tmp_path, monkeypatch):
    home = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "geo" / "sao_tome"
    if not home.is_dir():
        pytest.skip("needs ../shared/data/geo/sao_tome")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = Web()
    names = {
        "worldcover": ("v200/2021/map", "2021_v200"),
        "worldcover2020": ("v100/2020/map", "2020_v100"),
    }
    for folder, stem in names.values():
        name = f"ESA_WorldCover_10m_{stem}_N00E006_Map.tif"
        found.files[f"{folder}/{name}"] = home / name
    island = (6.6, 0.2, 6.7, 0.3)
    done = ll.fetch(
        island, tmp_path / "area", what=[*names], margin=0, servers=dict.fromkeys(names, found.url)
    )
    for name, (_, stem) in names.items():
        whole = home / f"ESA_WorldCover_10m_{stem}_N00E006_Map.tif"
        window = ((3 * 12000) - 3600, 7200, 1200, 1200)
        assert (
            read_raster(done.path(name)).values == read_raster(whole, window=window).values
        ).all()
    found.close()
