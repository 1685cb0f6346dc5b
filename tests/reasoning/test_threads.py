"""Blocks of rows by several threads: order, errors, work inside of work, and a process that forks."""

import multiprocessing
import sys

import numpy as np
import pytest

from kg import compiled
from reasoning.threads import in_blocks


@pytest.fixture(params=[1, 2, 3])
def threads(request, monkeypatch):
    monkeypatch.setattr(compiled, "THREADS", request.param)


def test_results_come_in_order(threads):
    out = np.zeros(1000)

    def work(first, last):
        out[first:last] = 1
        return first, last

    assert in_blocks(work, 1000, 64) == [(i, min(i + 64, 1000)) for i in range(0, 1000, 64)]
    assert out.all() and in_blocks(work, 0, 64) == []


def test_work_inside_of_work_ends(threads):
    def inner(first, last):
        return last - first

    def outer(first, last):
        return sum(in_blocks(inner, last - first, 3))

    assert sum(in_blocks(outer, 500, 10)) == 500


def test_an_error_reaches_the_caller_and_the_next_call_works(threads):
    def fails(first, last):
        if first == 40:
            raise ValueError("row 40")

    with pytest.raises(ValueError, match="row 40"):
        in_blocks(fails, 100, 20)
    assert in_blocks(lambda first, last: first, 100, 50) == [0, 50]


def total(queue):
    queue.put(sum(in_blocks(lambda first, last: last - first, 1000, 10)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forks by default")
def test_a_child_has_threads_of_its_own(monkeypatch):
    monkeypatch.setattr(compiled, "THREADS", 2)
    assert sum(in_blocks(lambda first, last: last - first, 1000, 10)) == 1000
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    child = fork.Process(target=total, args=(queue,))
    child.start()
    assert queue.get(timeout=120) == 1000
    child.join(120)
    assert child.exitcode == 0
