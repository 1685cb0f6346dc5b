"""Numbers and fields as a protocol buffer holds them, for tests that write such files by hand."""


def code(value: int) -> bytes:
    """A number; a negative one as its 64 bits."""
    found = []
    value &= 2**64 - 1
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def field(number: int, value: int | bytes) -> bytes:
    """A field that is a number, or bytes."""
    if isinstance(value, int):
        return code(number << 3) + code(value)
    return code(number << 3 | 2) + code(len(value)) + value
