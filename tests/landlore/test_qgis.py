from xml.etree import ElementTree

import pytest

from kg.legend import load_legend
from landlore.qgis import write_style


@pytest.mark.parametrize("name", ["town", "worldcover", "corine"])
def test_every_code_has_its_name_and_colour(tmp_path, name):
    legend = load_legend(name)
    text = write_style(tmp_path / "map.qml", legend).read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE qgis>\n")
    style = ElementTree.fromstring(text)
    renderer = style.find("pipe/rasterrenderer")
    assert (renderer.get("type"), renderer.get("band")) == ("paletted", "1")
    entries = {int(e.get("value")): e for e in renderer.iter("paletteEntry")}
    assert list(entries) == sorted(legend.codes)
    assert {code: e.get("label") for code, e in entries.items()} == legend.names()
    for code, rgb in legend.colour_table().items():
        assert bytes.fromhex(entries[code].get("color")[1:]) == bytes(rgb)


def test_the_same_legend_gives_the_same_bytes(tmp_path):
    one, other = (write_style(tmp_path / f"{n}.qml", load_legend("nlcd")) for n in "ab")
    assert one.read_bytes() == other.read_bytes()
