"""What is given by mistake, or would be used otherwise than meant, is told: bands, facts, holes, dates, rules."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from affine import Affine

import landlore as ll
from kg import vocab
from kg.cog import write_raster
from kg.errors import InputError, LandloreWarning, OutputError
from kg.evidence import EvidenceLayer
from kg.grid import Grid
from kg.raster import Raster
from landlore.cli.idle import told_idle
from landlore.cli.printing import told_inference
from landlore.inputs import read_image
from landlore.maps import telling_sentences
from landlore.outputs import keep_inputs
from landlore.reason import known_layers, rule_files
from landlore.rerun import solve_again
from reasoning.correction import BEST, Trace

GRID = Grid("EPSG:32630", Affine(10, 0, 500_000, 0, -10, 5_500_000), 40, 40)
RULES = Path(vocab.__file__).parents[1] / "ontologies" / "rules"
RULE = f"""
@prefix ll: <{vocab.CORE}> . @prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> . @prefix dct: <http://purl.org/dc/terms/> .
ll:Water rdfs:subClassOf ll:Vegetation .
[] a owl:Axiom ; owl:annotatedSource ll:Water ; owl:annotatedProperty rdfs:subClassOf ;
  owl:annotatedTarget ll:Vegetation ; dct:identifier "dry" ; rdfs:label "no water"@en ; ll:weight 9.0 ;
  dct:source "a test" .
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    codes = np.full((1, 40, 40), 10, np.uint8)
    codes[:, 20:] = 80
    write_raster(tmp_path / "labels.tif", Raster(codes, GRID, 0))
    image = np.full((4, 40, 40), 0.3, np.float32)
    write_raster(tmp_path / "image.tif", Raster(image, GRID, None), overviews="average")
    image[3, 5, :7], image[0, 9, 9] = np.nan, np.inf
    image[:, 30] = np.nan
    write_raster(tmp_path / "holes.tif", Raster(image, GRID, None), overviews="average")
    (tmp_path / "mine.ttl").write_text(RULE)
    (tmp_path / "words.ttl").write_text(f"@prefix ll: <{vocab.CORE}> . ll:Water a ll:Thing .")
    monkeypatch.chdir(tmp_path)
    return tmp_path


WRONG = {
    "rules as facts": ("build g --facts mine.ttl", "mine.ttl: holds rules", "--add-rules mine.ttl"),
    "an image as terrain": ("correct labels.tif --dem image.tif -o out", "image.tif: has 4 bands", "-b 1"),
    "a sure label": ("correct labels.tif --confidence 1 -o out", "less than 1", "can never be corrected"),
    "no calibration": ("correct labels.tif --calibration none.ttl -o out", "none.ttl", "check the path"),
    "calibration that is none": ("correct labels.tif --calibration mine.ttl -o out", "no learned numbers", "learn"),
    "added file without rules": ("correct labels.tif --add-rules words.ttl -o out", "words.ttl: holds no rule", ""),
    "no date": ("correct labels.tif --date soon -o out", "the image has the date 'soon'", "2021-06-30"),
    "dates without a date": ("correct labels.tif --source-date a=2021 -o out", "no --date", "add --date"),
    "a date of nothing": ("correct labels.tif --date 2021 --source-date osm -o out", "SOURCE=VALUE", "nlcd=2011"),
    "trust above 1": ("correct labels.tif --reliability osm=2 -o out", "2.0, expected 0..1", "0.9"),
    "trust in words": ("correct labels.tif --reliability osm=much -o out", "expected a number", "osm=0.9"),
    "trust twice": ("correct labels.tif --reliability a=1 --reliability a=0 -o out", "a twice", "once"),
    "trust in nobody": ("correct labels.tif --reliability osm=0.5 -o out", "no source 'osm'", "add the source"),
    "dates by region": ("correct labels.tif --by-region --date 2021 -o out", "--date 2021", "leave"),
    "values without a name": ("query mine.ttl ASK{} --set a=b", "named query only", "--name"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_two_lines_before_anything_is_made(name, folder, landlore):
    line, *told = WRONG[name]
    code, out, err = landlore(*line.split())
    assert code == 2 and not out
    assert all(part in err for part in told), err
    assert "reasoning" not in err, "told late"
    assert not (folder / "out").exists()


REPLACING = {
    "its own map": "correct run/a.tif -o run --overwrite",
    "its own map, by region": "correct run/a.tif -o run --overwrite --by-region",
    "a map below a link": "correct link/a.tif -o run --overwrite",
    "the legend": "correct labels.tif --legend run/a.ttl -o run --overwrite",
    "a product": "correct labels.tif --landcover nlcd=run/a.tif -o run --overwrite",
    "the graph": "correct labels.tif --graph run -o run --overwrite",
    "the calibration": "correct labels.tif --calibration run/a.ttl -o run --overwrite",
    "the settings": "correct labels.tif --settings run/a.toml -o run --overwrite",
    "the image": "interpret run/a.tif --landcover nlcd=n.tif -o run --overwrite",
    "the settings of an image": "interpret labels.tif --landcover nlcd=n.tif --settings run/a.toml -o run --overwrite",
    "embeddings": "classify run/a.npz -l lake -o run --overwrite",
    "one of many images": "classify labels.tif run/a.tif --model m -l lake -o run --overwrite",
    "rules about scenes": "classify e.npz -l lake --rules run/a.ttl -o run --overwrite",
    "facts": "build run/a.ttl --facts run/a.ttl --overwrite",
    "facts in the graph": "build run --facts run/a.ttl --update",
    "an embedded graph": "embed run/a.safetensors --graph run/a.safetensors",
    "rules that are learned from": "learn labels.tif --truth labels.tif --rules run/a.ttl -o run/a.ttl",
    "the truth": "mine labels.tif --truth run/a.ttl -o run/a.ttl",
    "a report over the truth": "learn labels.tif --truth run/a.tif -o l.ttl --report run/a.tif",
    "the page's truth": "report run --truth run/a.html -o run/a.html --overwrite",
}  # fmt: skip


@pytest.mark.parametrize("what", REPLACING)
def test_no_output_replaces_what_is_read(what, folder, landlore):
    names = [f"a.{kind}" for kind in ("tif", "ttl", "toml", "npz", "html", "safetensors")]
    (folder / "run").mkdir()
    (folder / "link").symlink_to("run")
    for name in (*names, "run.json", "CURRENT"):
        (folder / "run" / name).write_text("no file that could be read")
    code, out, err = landlore(*REPLACING[what].split())
    assert code == 2 and not out and "would be replaced" in err, err
    assert re.fullmatch(r"error: .+\n  try: choose another place, for example \S+-2\S*\n", err)
    assert all((folder / "run" / name).read_text().startswith("no file") for name in names)


def test_what_is_read_may_lie_beside_and_above_an_output(folder):
    keep_inputs(["labels-2.tif", "new"], ["labels.tif", None, "x" * 300, 3, folder])
    with pytest.raises(OutputError, match=r"holds labels\.tif, which is read"):
        keep_inputs([folder], ["labels.tif"])


def test_a_page_is_html(folder, landlore):
    code, _, err = landlore(*["report", "run", "-o", "labels.tif", "--overwrite"])
    assert code == 2 and "labels.tif: expected a name that ends in .html" in err


def test_pixels_without_a_value_in_some_bands_are_counted(folder, landlore):
    with pytest.warns(
        LandloreWarning, match=r"8 of 1,600 pixels count as nodata.*band1 1, band4 7"
    ):
        read_image("holes.tif")
    _, _, err = landlore(*["correct", "labels.tif", "--image", "holes.tif", "-o", "out"])
    assert err.count("warning: ") == 1 and "holes.tif: 8 of 1,600 pixels" in err
    read_image("image.tif")  # no warning, and nodata in every band is none either


def test_rules_are_added_to_those_that_ship_and_kept_for_later(folder, landlore):
    shipped = sorted(path.name for path in RULES.glob("*.ttl"))
    added = [p.name for p in rule_files(ll.Sources(add_rules="mine.ttl"))]
    assert added == [*shipped, "mine.ttl"]
    both = ll.Sources(rules=("a.ttl",), add_rules=("mine.ttl",))
    assert [p.name for p in rule_files(both)] == ["a.ttl", "mine.ttl"]
    code, _, _ = landlore(*["correct", "labels.tif", "--add-rules", "mine.ttl", "-o", "out"])
    told = json.loads((folder / "out" / "run.json").read_text())
    assert code == 0 and told["inputs"]["sources"]["add_rules"] == ["../mine.ttl"]
    every = [*told["rules"], *told["inactive_rules"]]
    assert f"{vocab.RULE}dry" in told["rules"] and f"{vocab.RULE}water-min-area" in every
    again = solve_again(folder / "out").corrected
    assert again.changed_pixels == told["changed_pixels"] == 800


def test_a_calibration_of_another_legend_is_told_at_once(folder, landlore):
    learned = """@prefix run: <https://w3id.org/landlore/run#> . @prefix ll: <https://w3id.org/landlore/core#> .
      <> a run:Learned ; run:temperature 1.5 ; run:learnedSmoothness 0.5 ;
        run:classBias [ ll:value <https://w3id.org/landlore/legend/town/10> ; ll:weight 0.0 ] ."""
    (folder / "fit.ttl").write_text(learned)
    code, _, err = landlore(*["correct", "labels.tif", "--calibration", "fit.ttl", "-o", "out"])
    assert code == 2 and "no bias for" in err and "worldcover" in err and "building" not in err


def layer(name, date=None):
    cells = np.zeros((40, 40), np.int32)
    core = (vocab.CORE + "Water",)
    return EvidenceLayer(name, vocab.PRODUCT_CELL, vocab.GRAPH + name, GRID, cells, np.ones((1, 1), np.float32),
                         core, (vocab.ID + "cell/0",), date=date)  # fmt: skip


def test_dates_of_sources_are_stated_and_missing_ones_told():
    settings = ll.RunSettings(date="2021-06-01", dates={"nlcd": 2011})
    found = known_layers([layer("nlcd")], [layer("osm", "2020")], (), (None, None), settings)
    assert [one.date for one in (*found.products, *found.features)] == ["2011", "2020"]
    with pytest.warns(LandloreWarning, match="nlcd without a date of their own"):
        known_layers([layer("nlcd")], [], (), (None, None), ll.RunSettings(date="2021"))
    with pytest.raises(InputError, match="no source 'nlc'") as wrong:
        known_layers(
            [layer("nlcd")], [], (), (None, None), ll.RunSettings(reliability={"nlc": 0.5})
        )
    assert "did you mean 'nlcd'" in wrong.value.hint


def test_an_old_and_a_doubtful_source_weigh_less(folder):
    write_raster(folder / "nlcd.tif", Raster(np.full((1, 40, 40), 11, np.uint8), GRID, 0))
    sources = ll.Sources(landcover="nlcd.tif", rules=("mine.ttl",))
    usual = {"confidence": 0.6, "rules": 0.0, "smoothness": 0.0}

    def nats(**more):
        done = ll.correct("labels.tif", sources=sources, settings=ll.RunSettings(**usual, **more))
        return done.corrected.corrections[0].contributions[0].value

    today = nats(date="2011", dates={"nlcd": "2011"})
    assert nats(date="2021", dates={"nlcd": "2011"}) < today - 0.05
    assert nats(reliability={"nlcd": 0.7}) < today - 0.5


def test_settings_of_a_file_may_be_tables_and_dates(folder):
    (folder / "s.toml").write_text("date = 2021-06-01\nreliability = { osm = 0.7 }\n")
    read = ll.read_settings("s.toml")
    assert (read.date, read.reliability) == ("2021-06-01", {"osm": 0.7})
    (folder / "s.toml").write_text("reliability = 0.7\n")
    with pytest.raises(InputError, match="expected a table of sources"):
        ll.read_settings("s.toml")


def idle(landlore, line):
    """Option that is named after a run -> the rules that it would help."""
    _, out, _ = landlore(*line.split())
    return {
        option: names.split(", ")
        for option, names in re.findall(r"  for want of (--\w+) \(.*?\): (.+)", out)
    }


def test_which_rule_lacks_which_input_is_told_and_only_where_that_would_help(folder, landlore):
    bare = idle(landlore, "correct labels.tif -o out")
    assert set(bare) == {"--dem", "--image", "--osm"}
    assert "water-flat" in bare["--dem"] and "snow-ndsi" in bare["--image"]
    unnamed = idle(landlore, "correct labels.tif --image image.tif -o 2")
    assert unnamed["--bands"] == bare["--image"] and "--image" not in unnamed
    names = "--bands blue,green,red,nir"
    named = idle(landlore, f"correct labels.tif --image image.tif {names} -o 3")
    assert set(named) == {"--dem", "--osm"}, "no name of a band makes a short-wave band of it"
    told = json.loads((folder / "3" / "run.json").read_text())["inactive_rules"]
    assert told[vocab.RULE + "snow-ndsi"].endswith("no band of the image is named swir")
    write_raster(folder / "town.tif", Raster(np.full((1, 40, 40), 10, np.uint8), GRID, 0))
    town = idle(landlore, "correct town.tif --legend town -o 4")
    assert "water-flat" in town["--dem"]
    assert "mangrove-low" in bare["--dem"] and "mangrove-low" not in town["--dem"]


def test_why_nothing_changed_is_told(folder, landlore):
    write_raster(folder / "even.tif", Raster(np.full((1, 40, 40), 10, np.uint8), GRID, 0))
    _, out, _ = landlore("correct", "even.tif", "--legend", "town", "-o", "5")
    others = len(ll.load_legend("town")) - 1
    assert f"held with 0.8, {np.log(0.8 / 0.2 * others):.1f} nats" in out
    assert "--landcover" in out and "--lesson" in out


def test_no_remark_where_every_rule_acts():
    assert not list(told_idle(()))
    alone = [(vocab.RULE + "a", "no region of this run can break it, whatever its label")]
    assert list(told_idle(alone)) == [
        "1 rule could not act here:",
        "  no region here can break them, whatever its class: a",
    ]


def test_rules_that_could_not_act_are_told_by_cause(folder, landlore):
    _, out, _ = landlore("correct", "labels.tif", "--image", "image.tif", "-o", "6",
                         "--bands", "blue,green,red,nir")  # fmt: skip
    told = out.splitlines()
    start = next(i for i, line in enumerate(told) if line.endswith(" rules could not act here:"))
    lines = [line for line in told[start + 1 :] if line.startswith("  ") and ": " in line]
    causes = dict(line.strip().rsplit(": ", 1) for line in lines if "“" not in line)
    assert "snow-ndsi" in causes["for want of a band named swir in the image"]
    assert (
        "for want of --dem (elevation)" in causes
        and "for want of --osm (mapped features)" in causes
    )
    number = sum(len(names.split(", ")) for names in causes.values())
    assert told[start] == f"{number} rules could not act here:"
    lost = "the legend worldcover has no class that they are about"
    assert "building-min-area" in causes[lost], causes


@pytest.mark.parametrize(
    ("trace", "told"),
    [
        (Trace((), 1e-9, 15, "converged"), "inference converged after 15 steps"),
        (
            Trace((), 3e-4, 60, "cap"),
            "was cut off after 60 steps, its limit, before it had settled",
        ),
        (Trace((), 3e-4, 1, "no descent"), "ended after 1 step: none fits better"),
        (Trace((), 0.0, 8, BEST), "the best labelling of 8 searches was taken"),
    ],
)
def test_how_inference_ended_in_words(trace, told):
    assert told in told_inference(trace)


def test_a_run_without_its_reasons_says_what_is_gone(folder, landlore):
    rules = ll.Sources(rules=("mine.ttl",))
    ll.correct("labels.tif", sources=rules, out="out", settings=ll.RunSettings(confidence=0.6))
    (folder / "out" / "reasons.tif").unlink()
    place = "{},{}".format(*map(float, GRID.lonlat(30.5, 30.5)))
    code, _, err = landlore(*f"explain out --at={place}".split())
    assert code == 2 and "no reasons.tif" in err and "--overwrite" in err
    assert landlore(*["explain", "out", "--top", "1"])[0] == 0
    (folder / "out" / "explanations.trig").unlink()
    code, _, err = landlore(*["explain", "out", "--region", "1"])
    assert code == 2 and "no explanations.trig" in err


def test_colours_of_codes_above_255_are_said_to_be_in_the_style(folder, landlore):
    codes = np.full((1, 40, 40), 512, np.uint16)
    write_raster(folder / "sea.tif", Raster(codes, GRID, 0))
    _, out, _ = landlore(*["correct", "sea.tif", "--legend", "corine", "-o", "out"])
    assert "codes above 255, and no colour table: its colours are in corrected.qml" in out
    assert 'value="512"' in (folder / "out" / "corrected.qml").read_text()
    _, out, _ = landlore(
        *["correct", "sea.tif", "--legend", "corine", "--by-region", "-o", "large"]
    )
    assert (
        "codes above 255" in out
        and 'value="512"' in (folder / "large" / "corrected.qml").read_text()
    )
    _, out, _ = landlore(*["correct", "labels.tif", "-o", "plain"])
    assert "colour table" not in out


def test_examples_are_plain_ones_first_one_for_each_reason():
    def one(term, log_odds):
        reasons = (SimpleNamespace(kind="rule", term=term, value=1.0),)
        return SimpleNamespace(contributions=reasons, log_odds=log_odds)

    corrections = [one("osm", 5.0), one("smooth", 0.1), one("rule", 0.2), one("rule", 2.0)]
    run = SimpleNamespace(
        corrected=SimpleNamespace(corrections=corrections),
        explanation=SimpleNamespace(sentences_en=["a", "b", "c", "d"]),
    )
    assert telling_sentences(run) == ["a", "d", "b"]
