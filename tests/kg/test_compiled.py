from __future__ import annotations

import numpy as np

from kg.compiled import THREADS, compiled


def test_compiled_code_does_what_the_plain_function_does():
    def total(values):
        out = 0.0
        for value in values:
            out += value
        return out

    rows = np.random.default_rng(0).normal(size=1000)
    assert compiled(total)(rows) == total(rows)
    assert THREADS >= 1
