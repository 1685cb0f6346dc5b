from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from protobuf import code, field

from kg.sources.messages import Messages
from kg.sources.varints import items

numbers = st.integers(-(2**63), 2**63 - 1)
message = st.dictionaries(st.sampled_from([1, 2, 8, 17]), st.lists(numbers, max_size=4), max_size=4)


def read(bodies: list[bytes]) -> Messages:
    data = b"".join(field(3, body) for body in bodies)
    return Messages(np.frombuffer(data, np.uint8), items(data, 0, len(data), 3))


def packed(told: dict[int, list[int]]) -> bytes:
    return b"".join(field(n, b"".join(map(code, values))) for n, values in told.items())


@given(st.lists(message, min_size=1, max_size=6))
def test_fields_of_many_messages_in_any_order(told):
    found = read([packed(one) for one in told])
    for number in (1, 2, 8, 17):
        values, starts = found.numbers(number)
        rows = [values[a:b].tolist() for a, b in pairwise(starts)]
        assert rows == [one.get(number, []) for one in told]


@given(st.lists(numbers, min_size=1, max_size=6))
def test_plain_numbers_however_long(values):
    found = read(
        [field(1, value) + field(4, b"\xff\xff a text, never asked for") for value in values]
    )
    assert found.each(1).tolist() == values


def test_some_messages_only():
    found = read([packed({8: [1, 2]}), packed({}), packed({8: [3]})])
    values, starts = found.numbers(8, np.array([2, 1]))
    assert values.tolist() == [3]
    assert starts.tolist() == [0, 1, 1]
    with pytest.raises(ValueError, match="not one number"):
        found.each(8)


@pytest.mark.parametrize(
    "body",
    [
        field(1, 7) + b"\x0d\x00\x00\x00\x00",  # four bytes, not a number
        field(2, b"water")[:-1],  # reaches beyond its message
        code(1 << 3) + b"\x80",  # ends within a number
    ],
)
def test_damage_is_told(body):
    with pytest.raises(ValueError, match="no number"):
        read([body])


def test_a_field_that_ends_within_a_number():
    found = read([field(2, b"\x01\x80"), field(2, b"\x01")])
    with pytest.raises(ValueError, match="ends within"):
        found.numbers(2)
