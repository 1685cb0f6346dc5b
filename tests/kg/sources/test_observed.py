"""Which year a product shows: from its tags, then from the names that publishers give; never guessed."""

from pathlib import Path

import numpy as np
import pytest
import rasterio

from kg.sources.landcover import LandCoverSource
from kg.sources.observed import observed

GEO = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "geo"


@pytest.mark.parametrize(
    ("name", "legend", "year"),
    [
        ("ESA_WorldCover_10m_2021_v200_N60E024_Map.tif", "worldcover", "2021"),
        ("U2018_CLC2012_V2020_20u1.tif", "corine:level2", "2012"),
        ("nlcd_2019_land_cover_l48_20210604.tif", "nlcd", "2019"),
        ("Annual_NLCD_LndCov_2021_CU_C1V0.tif", "nlcd", "2021"),
        ("zion_nlcd2011_30m.tif", "nlcd", "2011"),
        ("n49_30_2010lc030.tif", "globeland30", "2010"),
        ("34V_20210101-20220101.tif", "esri", "2021"),
        ("MCD12Q1.A2019001.h18v03.061.tif", "modis_igbp", "2019"),
        ("C3S-LC-L4-LCCS-Map-300m-P1Y-2018-v2.1.1.tif", "esa_cci", "2018"),
        ("fromglc10_2017v01.tif", "fromglc10", "2017"),
        ("clc2012_to_clc2018.tif", "corine", None),
        ("worldcover_helsinki.tif", "worldcover", None),
        ("ESA_WorldCover_10m_2021_v200_N60E024_Map.tif", "nlcd", None),
        ("nlcd_20210604.tif", "nlcd", None),
    ],
)
def test_the_names_of_publishers(tmp_path, name, legend, year):
    assert observed(tmp_path / name, legend) == year


def test_tags_come_first_and_years_of_production_do_not_count(tmp_path):
    path = tmp_path / "ESA_WorldCover_10m_2020_v100_x.tif"
    with rasterio.open(
        path, "w", driver="GTiff", width=2, height=2, count=1, dtype="uint8", crs="EPSG:4326",
        transform=rasterio.Affine(0.1, 0, 24, 0, -0.1, 60),
    ) as file:  # fmt: skip
        file.write(np.full((1, 2, 2), 10, np.uint8))
    with rasterio.open(path, "r+") as file:
        file.update_tags(TIFFTAG_DATETIME="2023:01:01 00:00:00", creation_time="2022-10-21")
    assert observed(path, "worldcover") == "2020"
    with rasterio.open(path, "r+") as file:
        file.update_tags(time_start="2021-01-01T00:00:00Z", time_end="2021-12-31T23:59:59Z")
    assert observed(path, "worldcover") == "2021"
    assert LandCoverSource(path, "worldcover").describe().date == "2021"
    assert LandCoverSource(path, "worldcover", date="2019").describe().date == "2019"


@pytest.mark.skipif(not GEO.is_dir(), reason="no ../shared/data")
def test_real_products():
    tile = GEO / "sao_tome" / "ESA_WorldCover_10m_2021_v200_N00E006_Map.tif"
    assert observed(tile, "worldcover") == "2021"
    assert observed(GEO / "helsinki" / "corine_20m_helsinki.tif", "corine:49") is None
