"""Legends: official codes, crosswalks, and the code lists that real files use."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from kg.crosswalk import crosswalk
from kg.errors import LegendError
from kg.legend import legend_names, load_legend, membership
from kg.ontology import load_ontology
from kg.vocab import CORE, LEGEND

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"

OFFICIAL = {
    "worldcover": [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100],
    "nlcd": [11, 12, 21, 22, 23, 24, 31, 41, 42, 43, 51, 52, 71, 72, 73, 74, 81, 82, 90, 95],
    "globeland30": [10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 255],
    "fromglc10": [10, 20, 30, 40, 50, 60, 70, 80, 90, 100],
    "dynamicworld": list(range(9)),
    "esri": [1, 2, 4, 5, 7, 8, 9, 11],
    "esri:2020": [1, 2, 3, 4, 5, 6, 7, 8, 9],
    "corine:44": list(range(1, 45)),
    "corine:49": list(range(1, 50)),
    "corine:level1": [1, 2, 3, 4, 5],
    "corine:level2": [11, 12, 13, 14, 21, 22, 23, 24, 31, 32, 33, 41, 42, 51, 52],
    "modis_igbp": list(range(1, 18)),
    "modis_igbp:v5": list(range(17)),
    "chesapeake7": [1, 2, 3, 4, 5, 6],
    "chesapeake13": list(range(1, 13)),
    "loveda": list(range(1, 8)),
    "loveda:zero": list(range(7)),
    "isprs": list(range(6)),
    "isprs:one": list(range(1, 7)),
    "isprs:torchgeo": list(range(6)),
    "deepglobe": list(range(6)),
    "openearthmap": list(range(1, 9)),
    "town": list(range(10, 90, 10)),
    "s2korea": [10, 30, 50, 70, 100],
    "s2korea:pred": list(range(5)),
    "dubai6": list(range(6)),
    "dronedeploy6": list(range(6)),
    "kampala2": [0, 1],
    "nwpu_vhr10": list(range(1, 11)),
}


@pytest.fixture(scope="module")
def tree():
    return load_ontology()


def real(file):
    if not (DATA / file).is_file():
        pytest.skip(f"../shared/data/{file} is not here")
    import rasterio

    return rasterio


def row(source, legend, tree):
    shares = crosswalk([source], legend, tree)[0]
    return {legend.codes[k]: round(float(shares[k]), 4) for k in np.flatnonzero(shares)}


@pytest.mark.parametrize("name", OFFICIAL)
def test_official_codes(name):
    assert list(load_legend(name).codes) == OFFICIAL[name]


def test_corine_has_its_44_classes_with_both_levels_above():
    legend = load_legend("corine")
    assert len(legend) == 44
    assert (legend.codes[0], legend.codes[-1]) == (111, 523)
    assert legend.names()[312] == "Coniferous forest"
    assert [one.broader for one in legend.classes if one.iri == f"{LEGEND}corine/312"] == [
        (f"{LEGEND}corine/31", f"{LEGEND}corine/3")
    ]


def test_corine_variants_name_the_same_classes():
    order, national = load_legend("corine:44"), load_legend("corine:49")
    assert order.classes[order.codes.index(23)].iri == f"{LEGEND}corine/311"
    assert national.names()[16] == "Race courses"
    assert f"{LEGEND}corine/512" in national.classes[national.codes.index(48)].broader


@pytest.mark.parametrize("name", legend_names())
def test_every_class_means_something_in_the_core_ontology(name, tree):
    for one in load_legend(name).classes:
        assert tree.is_class(one.kind), one.iri
        assert sum(share for _, share in one.core) == pytest.approx(1), one.iri
        assert all(tree.is_class(core) for core, _ in one.core), one.iri
        assert all(tree.is_class(use) for use in one.related), one.iri
        assert one.label, one.iri
        assert one.label_zh, one.iri


def test_encode_and_decode_are_inverse():
    for name in legend_names():
        legend = load_legend(name)
        codes = np.array([[*legend.codes, legend.nodata[0]]])
        indices = legend.encode(codes)
        assert indices.tolist() == [[*range(len(legend)), -1]]
        assert indices.dtype == np.int16
        assert np.array_equal(legend.decode(indices), codes)


def test_the_nodata_value_of_a_file_is_no_observation():
    legend = load_legend("worldcover")
    assert legend.encode(np.array([10, 17]), nodata=17).tolist() == [0, -1]
    assert legend.encode(np.array([10.0, np.nan])).tolist() == [0, -1]


def test_the_lccs_classes_of_esa_have_their_regional_codes():
    legend = load_legend("esa_cci")
    regional = [code for code in legend.codes if code % 10]
    assert len(legend) == 37
    assert len([code for code in legend.codes if not code % 10]) == 22
    assert regional == [11, 12, 61, 62, 71, 72, 81, 82, 121, 122, 151, 152, 153, 201, 202]
    for code in regional:
        above = legend.classes[legend.codes.index(code)].broader
        assert above == (f"{LEGEND}esa_cci/{code // 10 * 10}",)


def test_a_code_with_narrower_codes_stays_itself(tree):
    cci = load_legend("esa_cci")
    assert np.array_equal(crosswalk([one.iri for one in cci.classes], cci, tree), np.eye(37))
    igbp = load_legend("modis_igbp")
    assert row(f"{LEGEND}esa_cci/70", igbp, tree) == {1: 1.0}
    assert row(f"{LEGEND}esa_cci/62", igbp, tree) == {
        4: 0.5,
        8: 0.3,
        9: 0.2,
    }  # open woods over grass


@pytest.mark.parametrize("level", [1, 2])
def test_corine_levels_add_up(level, tree):
    official, coarse = load_legend("corine"), load_legend(f"corine:level{level}")
    shares = crosswalk([one.iri for one in official.classes], coarse, tree)
    found = [coarse.codes[k] for k in shares.argmax(axis=1)]
    assert found == [code // 10 ** (3 - level) for code in official.codes]
    assert np.all(shares.max(axis=1) == 1)


def test_versions_of_a_product_say_the_same(tree):
    new, old = load_legend("modis_igbp"), load_legend("modis_igbp:v5")
    assert {one.iri for one in new.classes} == {one.iri for one in old.classes}
    assert old.classes[0].kind == CORE + "Water" and old.codes[0] == 0
    assert load_legend("isprs:torchgeo").names()[0] == "Clutter/background"


def test_trees_are_trees_before_they_are_trees_over_something(tree):
    legend = load_legend("chesapeake13")
    assert row(CORE + "TreeCover", legend, tree) == {3: 1.0}
    woody = np.flatnonzero(membership(legend, tree, CORE + "Woody"))
    assert [legend.codes[k] for k in woody] == [3, 4, 10, 11, 12]
    assert row(f"{LEGEND}chesapeake13/12", load_legend("openearthmap"), tree) == {4: 0.4, 5: 0.6}


def test_legends_that_have_all_unknown_codes_are_offered():
    numbers = np.array([1.0, 44, 45, 49, np.nan, 255])  # a CORINE file numbered 1..49
    with pytest.raises(LegendError) as caught:
        load_legend("corine").encode(numbers, nodata=255)
    assert caught.value.hint == "choose one that has all these codes: corine:49"
    with pytest.raises(LegendError) as caught:
        load_legend("corine").encode(np.array([7777]))
    assert caught.value.hint.endswith(", ".join(legend_names()))


def test_unknown_codes_are_named():
    with pytest.raises(LegendError, match=r"worldcover: unknown class code 7, 12; expected 10, 20"):
        load_legend("worldcover").encode(np.array([[7, 10], [12, 7]], dtype=np.uint8))
    with pytest.raises(LegendError, match=r"unknown class code 0\.5;"):
        load_legend("dynamicworld").encode(np.array([0.5, 1.0]))
    with pytest.raises(LegendError, match=r"class index 11\.\.11 found, -1\.\.10 expected"):
        load_legend("worldcover").decode([11])


def test_unknown_legends_and_classes_are_named():
    with pytest.raises(
        LegendError, match=r"no legend 'atlantis'\none of .*, corine, corine:44,"
    ) as caught:
        load_legend("atlantis")
    assert caught.value.hint
    with pytest.raises(LegendError, match=r"no code list '7'; found 44, 49, level1, level2"):
        load_legend("corine:7")
    with pytest.raises(LegendError, match="worldcover: no class <https://x>"):
        load_legend("worldcover").index("https://x")
    assert load_legend("worldcover").index(f"{LEGEND}worldcover/80") == 7


def test_a_legend_of_ones_own_is_read_anew_after_an_edit(tmp_path):
    path = tmp_path / "own.ttl"
    text = Path(__file__).resolve().parents[2] / "ontologies" / "legends" / "town.ttl"
    path.write_text(text.read_text(encoding="utf-8"), encoding="utf-8")
    assert load_legend(path).names()[20] == "Beach"
    path.write_text(
        text.read_text(encoding="utf-8").replace('"Beach"', '"Strand"'), encoding="utf-8"
    )
    assert load_legend(str(path)).names()[20] == "Strand"
    path.write_text(
        text.read_text(encoding="utf-8").replace("code 20", "code 30"), encoding="utf-8"
    )
    with pytest.raises(LegendError, match=r"codes \[30\] stand twice"):
        load_legend(path)


def test_membership_follows_the_ontology(tree):
    cover = load_legend("worldcover")
    assert [cover.codes[k] for k in np.flatnonzero(membership(cover, tree, CORE + "Water"))] == [80]
    woody = np.flatnonzero(membership(cover, tree, CORE + "Woody"))
    assert [cover.codes[k] for k in woody] == [10, 20, 95]
    national = load_legend("corine:49")
    forest = np.flatnonzero(membership(national, tree, f"{LEGEND}corine/31"))
    assert [national.codes[k] for k in forest] == list(range(23, 31))


@pytest.mark.parametrize("target", ["town", "worldcover", "s2korea", "corine:44"])
def test_nlcd_says_something_sound_in_every_legend(target, tree):
    nlcd, legend = load_legend("nlcd"), load_legend(target)
    shares = crosswalk([one.iri for one in nlcd.classes], legend, tree)
    sums = shares.sum(axis=1)
    assert shares.shape == (20, len(legend))
    assert shares.min() >= 0
    assert np.all((np.abs(sums - 1) < 1e-12) | (sums == 0))
    silent = [nlcd.codes[e] for e in np.flatnonzero(sums == 0)]
    assert silent == ([12] if target == "town" else [])  # no snow in town


def test_crosswalks_are_graded(tree):
    town, nlcd = load_legend("town"), load_legend("nlcd")
    open_space = row(f"{LEGEND}nlcd/21", town, tree)
    assert open_space == {40: 0.6, 30: 0.3, 70: 0.06, 60: 0.04}
    building = row(CORE + "Building", nlcd, tree)
    assert building[24] > building[23] > building[22] > 0
    assert sum(building.values()) == pytest.approx(1, abs=1e-3)
    assert row(CORE + "Lake", nlcd, tree) == {11: 1.0}
    assert row(f"{LEGEND}worldcover/10", nlcd, tree) == {41: 0.3333, 42: 0.3333, 43: 0.3333}


def test_uses_speak_through_a_mixed_class_or_their_usual_cover(tree):
    assert row(CORE + "Residential", load_legend("corine"), tree) == {112: 1.0}
    assert row(CORE + "GolfCourse", load_legend("corine"), tree) == {142: 1.0}
    assert row(CORE + "Residential", load_legend("town"), tree) == {
        40: 0.32,
        60: 0.28,
        70: 0.22,
        30: 0.18,
    }
    assert row(CORE + "Vehicle", load_legend("town"), tree) == {}


def test_classes_of_one_legend_stay_themselves(tree):
    national, official = load_legend("corine:49"), load_legend("corine")
    assert row(f"{LEGEND}corine/3122", official, tree) == {312: 1.0}
    assert set(row(f"{LEGEND}corine/312", national, tree)) == {25, 26, 27}
    assert row(f"{LEGEND}corine/51", official, tree) == {511: 0.5, 512: 0.5}
    cover = load_legend("worldcover")
    assert np.array_equal(crosswalk([one.iri for one in cover.classes], cover, tree), np.eye(11))


def test_a_class_of_no_legend_is_named(tree):
    with pytest.raises(LegendError, match=r"no legend has a class <.*worldcover/11>"):
        crosswalk([f"{LEGEND}worldcover/11"], load_legend("town"), tree)


def test_a_legend_of_ones_own_can_be_a_source(tmp_path, tree):
    path = tmp_path / "own.ttl"
    text = Path(__file__).resolve().parents[2] / "ontologies" / "legends" / "town.ttl"
    own = text.read_text(encoding="utf-8").replace(LEGEND + "town", "https://example.org/own")
    path.write_text(own, encoding="utf-8")
    shares = crosswalk(
        ["https://example.org/own/20"],
        load_legend("worldcover"),
        tree,
        sources=[load_legend(path)],
    )
    assert shares[0, 5] == 1.0  # beach sand is bare


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("geo/helsinki/corine_20m_helsinki.tif", "corine:49"),
        ("geo/aachen/clc-aachen_clipped.tif", "corine:44"),
        ("geo/zion/zion_nlcd2011_30m.tif", "nlcd"),
    ],
)
def test_the_codes_of_real_files_are_known(file, name):
    rasterio = real(file)
    with rasterio.open(DATA / file) as source:
        codes, nodata = source.read(1), source.nodata
    legend = load_legend(name)
    indices = legend.encode(codes, nodata=nodata)
    assert np.array_equal(legend.decode(indices)[indices >= 0], codes[indices >= 0])
    assert (indices >= 0).mean() > 0.4


@pytest.mark.parametrize(
    ("file", "name", "other"),
    [
        # its extraction sites are black, its service units have the colour of its industry
        ("geo/helsinki/corine_20m_helsinki.tif", "corine:49", {3, 8}),
        ("geo/aachen/clc-aachen_clipped.tif", "corine:44", set()),
        ("geo/sao_tome/ESA_WorldCover_10m_2020_v100_N00E006_Map.tif", "worldcover", set()),
        ("geo/sao_tome/ESA_WorldCover_10m_2021_v200_N00E006_Map.tif", "worldcover", set()),
    ],
)
def test_colours_are_those_of_the_real_products(file, name, other):
    rasterio = real(file)
    with rasterio.open(DATA / file) as source:
        found = source.colormap(1)
    table = load_legend(name).colour_table()
    apart = {code: np.abs(np.subtract(found[code][:3], table[code])).max() for code in table}
    assert {code for code, difference in apart.items() if difference > 2} == other


@pytest.mark.parametrize(
    ("file", "folder", "name", "codes"),
    [
        ("s2_korea_10m.zip", "masks/", "s2korea", {10, 30, 50, 70, 100}),
        ("s2_korea_10m.zip", "pred/", "s2korea:pred", {0, 1, 2, 3, 4}),
        ("dronedeploy_sample_300.zip", "masks/", "dronedeploy6", {0, 1, 2, 3, 4, 5}),
        ("dubai_mbrsc_1024.zip", "masks/Tile1", "dubai6", {0, 1, 2, 3, 4, 5}),
    ],
)
def test_the_codes_of_real_masks_are_known(file, folder, name, codes):
    real(f"segmentation/{file}")
    from PIL import Image

    found: set[int] = set()
    with zipfile.ZipFile(DATA / "segmentation" / file) as archive:
        for member in [one for one in archive.namelist() if one.startswith(folder)][:150]:
            with archive.open(member) as stream:
                found |= set(np.unique(np.asarray(Image.open(stream))).tolist())
    legend = load_legend(name)
    assert legend.encode(np.array(sorted(found))).max() == len(legend) - 1
    assert found - set(legend.nodata) == codes


def test_dubai_names_are_those_of_its_own_list():
    real("segmentation/dubai_mbrsc_1024.zip")
    with zipfile.ZipFile(DATA / "segmentation" / "dubai_mbrsc_1024.zip") as archive:
        names = json.loads(archive.read("meta.json"))["classes"]
    ours = [one.kind.removeprefix(CORE) for one in load_legend("dubai6").classes]
    assert names == ["land_unpaved", "water", "building", "vegetation", "road", "unlabeled"]
    assert ours == ["BareSoil", "Water", "Building", "Vegetation", "Road", "LandCover"]


def test_vhr10_has_a_class_for_every_box():
    real("segmentation/nwpu_vhr10_512_webp75.zip")
    with zipfile.ZipFile(DATA / "segmentation" / "nwpu_vhr10_512_webp75.zip") as archive:
        images = json.loads(archive.read("boxes.json")).values()
    found = {box[0].replace("_", " ") for image in images for box in image["boxes"]}
    assert {name.lower() for name in load_legend("nwpu_vhr10").names().values()} == found


@pytest.mark.parametrize(
    ("legend", "core", "expected"),
    [
        ("esa_cci", "Paddy", {"20": 1.0}),
        ("esa_cci", "SeagrassBed", {"210": 1.0}),
        ("esa_cci", "Cropland", {"10": 1.0}),
        ("corine", "SpoilHeap", {"131": 1.0}),
        ("corine", "PeatExtraction", {"412": 1.0}),
        ("corine", "Reedbed", {"411": 1.0}),
        ("corine", "Shingle", {"331": 1.0}),
        ("corine", "Agroforestry", {"244": 1.0}),
        ("corine", "Mangrove", {"311": 1.0}),
        ("corine", "Railway", {"122": 1.0}),
        ("corine", "OilPalmPlantation", {"222": 1.0}),
        ("corine", "ForestPlantation", {"311": 1 / 3, "312": 1 / 3, "313": 1 / 3}),
        ("worldcover", "OilPalmPlantation", {"10": 1.0}),
        ("worldcover", "CerealField", {"40": 1.0}),
        ("worldcover", "WoodyWetland", {"10": 1.0}),
        ("worldcover", "TeaPlantation", {"20": 1.0}),
        ("nlcd", "Orchard", {"82": 1.0}),
        ("dynamicworld", "MudFlat", {"0": 0.4, "7": 0.6}),
        ("esri", "Reedbed", {"4": 1.0}),
        ("esri", "OpenShrubland", {"11": 1.0}),
        ("esri", "SeagrassBed", {"1": 1.0}),
        ("openearthmap", "BambooGrove", {"5": 1.0}),
        ("isprs", "BambooGrove", {"3": 1.0}),
        ("loveda", "Quarry", {"5": 0.95, "4": 0.05}),
        ("globeland30", "Lagoon", {"255": 1.0}),
    ],
)
def test_classes_reach_the_label_that_its_manual_puts_them_in(legend, core, expected):
    """No label that is only a part of a wide class catches what it has no place for."""
    named = load_legend(legend)
    row = crosswalk([CORE + core], named, load_ontology())[0]
    found = {
        one.iri.rpartition("/")[2]: round(float(share), 3)
        for one, share in zip(named.classes, row, strict=True)
        if share > 0
    }
    assert found == {code: round(share, 3) for code, share in expected.items()}
