"""Whoever listens hears what long work is at; nobody else does."""

from reasoning.progress import at, heard_by


def test_lines_are_heard_inside_of_the_block_only():
    outer, inner = [], []
    at("before")
    with heard_by(outer.append):
        at("one")
        with heard_by(inner.append):
            at("two")
        with heard_by(None):
            at("nobody")
        at("three")
    at("after")
    assert (outer, inner) == (["one", "three"], ["two"])
