import numpy as np
import pytest
from protobuf import code, field

from kg.sources.varints import eights, fields, items, spans, undelta, varint, varints, zigzag


def array(data: bytes) -> np.ndarray:
    return np.frombuffer(data, np.uint8)


NUMBERS = [0, 1, 127, 128, 300, 2**31, 2**62 + 5]


def test_numbers_one_by_one_and_all_at_once():
    data = b"".join(map(code, NUMBERS))
    values, ends = varints(array(data))
    assert values.tolist() == NUMBERS
    assert ends[-1] == len(data)
    assert varint(data, 0) == (0, 1)
    assert varint(code(300), 0) == (300, 2)
    assert varints(array(code(2**64 - 7)))[0].tolist() == [-7]
    assert varints(array(b""))[0].tolist() == []


def test_eight_bytes_from_each_byte_on():
    words = eights(array(b"\x01\x02"))
    assert words.tolist() == [0x0201, 0x02, *[0] * 9]


def test_signed_numbers():
    assert zigzag(np.array([0, 1, 2, 3, -1])).tolist() == [0, -1, 1, -2, -(2**63)]


@pytest.mark.parametrize("data", [b"\x80", b"\xff" * 11 + b"\x01"])
def test_cut_and_endless_numbers_are_refused(data):
    with pytest.raises(ValueError, match="cut or too long"):
        varints(array(data))


def test_fields_of_a_message():
    data = field(1, 300) + field(2, b"water") + field(17, 5)
    assert list(fields(data, 0, len(data))) == [(1, 300, -1), (2, 5, 10), (17, 5, -1)]
    with pytest.raises(ValueError, match="no field"):
        list(fields(field(2, b"water")[:-1], 0, 6))
    with pytest.raises(ValueError, match="no field"):
        list(fields(b"\x0d\x00\x00\x00\x00", 0, 5))  # four bytes, not a number


def test_items_of_a_repeated_field():
    data = field(1, b"a" * 200) + field(1, b"") + field(1, b"bc")
    assert [data[a:b] for a, b in items(data, 0, len(data), 1)] == [b"a" * 200, b"", b"bc"]
    with pytest.raises(ValueError, match="among"):
        items(data + field(2, b"c"), 0, len(data) + 3, 1)
    with pytest.raises(ValueError, match="cut"):
        items(data, 0, len(data) - 1, 1)


def test_spans_and_differences():
    index, starts = spans(np.array([5, 9, 9]), np.array([7, 9, 10]))
    assert index.tolist() == [5, 6, 9]
    assert starts.tolist() == [0, 2, 2, 3]
    assert undelta(np.array([5, 1, -2]), starts).tolist() == [5, 6, -2]
