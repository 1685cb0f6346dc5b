import io
import zlib

import numpy as np
import pytest
from protobuf import code, field

from kg.sources.columns import Nodes, Ways
from kg.sources.pbf import DAMAGE, PbfFile, open_pbf


def packed(values: list[int], *, signed: bool = False) -> bytes:
    return b"".join(code(v << 1 ^ v >> 63 if signed else v) for v in values)


def blob(kind: bytes, data: bytes, *, deflated: bool = True) -> bytes:
    body = field(2, len(data)) + (field(3, zlib.compress(data)) if deflated else field(1, data))
    header = field(1, kind) + field(3, len(body))
    return len(header).to_bytes(4, "big") + header + body


def block(texts: list[bytes], *groups: bytes, **numbers: int) -> bytes:
    table = field(1, b"".join(field(1, text) for text in texts))
    told = b"".join(field({"step": 17, "lat": 19, "lon": 20}[k], v) for k, v in numbers.items())
    return table + b"".join(field(2, group) for group in groups) + told


def opened(*blobs: bytes, features: tuple[bytes, ...] = (b"DenseNodes",)) -> PbfFile:
    header = b"".join(field(4, name) for name in (b"OsmSchema-V0.6", *features))
    return open_pbf(io.BytesIO(b"".join([blob(b"OSMHeader", header), *blobs])))


def dense(told: list[int], count: int = 3) -> bytes:
    places = packed([10, -30, 5][:count], signed=True)
    body = field(1, packed([7, 1, -20][:count], signed=True)) + field(8, places) + field(9, places)
    return field(2, body + field(10, packed(told)))


TEXTS = [b"", b"natural", b"tree", b"name", "Pälvi".encode()]


def test_dense_nodes_their_places_and_tags():
    data = block(TEXTS, dense([1, 2, 0, 0, 3, 4, 1, 2, 0]))
    (nodes,) = opened(blob(b"OSMData", data)).blocks()
    assert isinstance(nodes, Nodes)
    assert nodes.ids.tolist() == [7, 8, -12]
    assert nodes.xy.tolist() == [[10, 10], [-20, -20], [-15, -15]]
    assert nodes.tags.of(np.arange(3)) == [
        {"natural": "tree"}, {}, {"name": "Pälvi", "natural": "tree"},
    ]  # fmt: skip
    assert nodes.tags.having({"name", "place"}).tolist() == [False, False, True]
    assert nodes.tags.of(np.array([2, 0]), {"name"}) == [{"name": "Pälvi"}, {}]
    one, none, other = nodes.tags.codes(np.arange(3), {"natural"})
    assert one == other != none


def test_an_empty_value_ends_no_node_and_nodes_may_be_bare():
    (nodes,) = opened(blob(b"OSMData", block(TEXTS, dense([3, 0, 0, 1, 2, 0, 0])))).blocks()
    assert nodes.tags.of(np.arange(3)) == [{"name": ""}, {"natural": "tree"}, {}]
    (bare,) = opened(blob(b"OSMData", block(TEXTS, dense([])), deflated=False)).blocks()
    assert bare.tags.of(np.arange(3)) == [{}, {}, {}]


def test_coarse_steps_and_offsets():
    (nodes,) = opened(
        blob(b"OSMData", block(TEXTS, dense([]), step=1000, lat=250, lon=-250))
    ).blocks()
    assert nodes.xy.tolist() == [[97, 102], [-202, -197], [-152, -147]]


def test_relations_are_found_wherever_they_stand():
    relation = field(1, 3) + field(2, packed([1])) + field(3, packed([2]))
    relation += (
        field(8, packed([3, 0]))
        + field(9, packed([40, 2], signed=True))
        + field(10, packed([1, 0]))
    )
    way = field(1, 40) + field(8, packed([7, 1, -1], signed=True))
    data = block(TEXTS, field(4, relation)), block(TEXTS, field(3, way) + field(3, field(1, 41)))
    file = opened(*(blob(b"OSMData", one) for one in data))
    (found,) = file.relations()
    members = found.members(np.array([0]))
    assert members.refs.tolist() == [40, 42]
    assert members.are_ways.tolist() == [True, False]
    assert members.starts.tolist() == [0, 2]
    assert found.tags.strings.of(members.roles) == ["name", ""]
    (ways,) = file.blocks()
    assert isinstance(ways, Ways)
    assert ways.refs.tolist() == [7, 8, 7]
    assert ways.starts.tolist() == [0, 3, 3]
    declared = opened(*(blob(b"OSMData", one) for one in data), features=(b"DenseNodes", b"Sort"))
    assert file.is_plain
    assert not declared.is_plain, "what a reader must know, this one does not"


@pytest.mark.parametrize("cut", [3, 30, 90])
def test_damage_is_one_of_few_errors(cut):
    whole = blob(b"OSMHeader", field(4, b"DenseNodes")) + blob(
        b"OSMData", block(TEXTS, dense([1, 2, 0, 0, 0]))
    )
    with pytest.raises(DAMAGE):
        assert open_pbf(io.BytesIO(whole[:cut])).is_plain


def test_damage_anywhere_is_told():
    data = block(
        TEXTS,
        dense([1, 2, 0, 0, 0]),
        field(3, field(1, 40) + field(8, packed([7, 1], signed=True))),
    )
    told = 0
    for at in range(len(data)):
        broken = data[:at] + b"\xff" + data[at + 1 :]
        try:
            list(opened(blob(b"OSMData", broken)).blocks())
        except DAMAGE:
            told += 1
    assert told > len(data) / 3, "other bytes are texts and coordinates, which may be anything"
