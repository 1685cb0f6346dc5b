import pytest

from kg import vocab
from kg.sources.geosparql import feature_frame, feature_lines, feature_pairs

PAGE = "https://www.openstreetmap.org/"


@pytest.mark.parametrize("width", [None, 6.5])
def test_a_frame_holds_the_lines_of_a_feature(width):
    pairs = feature_pairs([vocab.CORE + "Road"], ["highway=track"])
    before, after = feature_frame(PAGE, pairs, width)
    wkt = "LINESTRING(0 0,1 1)"
    whole = feature_lines(f"<{PAGE}way/7>", pairs, wkt, osm_id="way/7", width=width)
    assert "way/7".join(before) + wkt + "way/7".join(after) == whole
    assert ('"6.500"' in whole) is (width is not None)
