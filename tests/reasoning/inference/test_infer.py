"""Mean-field inference: F never rises, gradients are gradients, the end is a softmax of log p - g."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reasoning.inference.infer import EXCLUDED, Held, Problem, infer, region_message
from reasoning.inference.smooth import neighbour_weights, smoothness_gradient


@dataclass(frozen=True)
class Own:
    """Penalty of a region's own label."""

    table: np.ndarray
    local: bool = True

    def penalty(self, q):
        return (self.table * q).sum(axis=1)

    def gradient(self, q, b):
        return b[:, None] * self.table


@dataclass(frozen=True)
class Linked:
    """Penalty of label `mine` beside label `theirs`, by how much of the boundary they share."""

    relation: np.ndarray
    mine: int
    theirs: int
    local: bool = False

    def penalty(self, q):
        return q[:, self.mine] * (1 - np.prod(1 - self.relation * q[:, self.theirs], axis=1))

    def gradient(self, q, b):
        parts = 1 - self.relation * q[:, self.theirs]
        whole = np.prod(parts, axis=1)
        out = np.zeros_like(q)
        out[:, self.mine] += b * (1 - whole)
        pull = (b * q[:, self.mine] * whole)[:, None] * self.relation / parts
        out[:, self.theirs] += pull.sum(axis=0)
        return out


def drawn(seed, *, strength=0.5, weight=1.0):
    """A random problem: blobs of regions with gaps, random scores, random penalties."""
    rng = np.random.default_rng(seed)
    height, width, k = rng.integers(2, 12), rng.integers(2, 12), rng.integers(2, 6)
    blocks = rng.integers(0, 3, (-(-height // 3), -(-width // 3))).repeat(3, 0).repeat(3, 1)
    blocks = (
        blocks[:height, :width] * 100
        + np.arange(width) // 3
        + 10 * (np.arange(height) // 3)[:, None]
    )
    blocks[rng.random((height, width)) < 0.1] = -1
    blocks[0, 0] = 0
    names, region = np.unique(blocks, return_inverse=True)
    region = (region.reshape(blocks.shape) - (names[0] < 0)).astype(np.int32)
    n = region.max() + 1
    relation = rng.random((n, n)) * (rng.random((n, n)) < 0.4) * 0.9
    np.fill_diagonal(relation, 0)
    scores = rng.normal(0, 2, (height, width, k))
    unary = scores - np.log(np.exp(scores).sum(axis=2, keepdims=True))
    right, down = neighbour_weights(region, strength)
    axioms = [(weight * rng.random(), Own(rng.random((n, k)))) for _ in range(3)]
    axioms += [(weight * rng.random(), Linked(relation, *rng.integers(0, k, 2))) for _ in range(4)]
    return Problem(
        unary, right, down, region, np.ones(region.shape), tuple(axioms), np.empty((0, k))
    )


def energy(problem, q):
    """F written out directly."""
    inside = problem.region >= 0
    v = q[inside]
    pixels = (v * (np.log(np.maximum(v, 1e-300)) - problem.unary[inside])).sum()
    beside = (problem.right[:, :-1, None] * (q[:, 1:] - q[:, :-1]) ** 2).sum()
    below = (problem.down[:-1, :, None] * (q[1:] - q[:-1]) ** 2).sum()
    count = np.bincount(problem.region[inside])
    means = np.stack([v[problem.region[inside] == r].mean(axis=0) for r in range(len(count))])
    return (
        pixels + (beside + below) / 2 + sum(w * count @ a.penalty(means) for w, a in problem.axioms)
    )


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([0.0, 0.5, 3.0]), st.sampled_from([0.3, 3.0, 30.0]))
def test_free_energy_never_rises_and_is_the_stated_one(seed, strength, weight):
    problem = drawn(seed, strength=strength, weight=weight)
    solution = infer(problem, max_steps=40)
    f = np.array(solution.trace.energy)
    assert (np.diff(f) <= 0).all()
    assert f[-1] == pytest.approx(energy(problem, solution.at), rel=1e-9, abs=1e-9)
    assert solution.trace.steps == len(f) - 1
    assert solution.q[problem.region >= 0].sum(axis=1) == pytest.approx(1)
    assert not solution.q[problem.region < 0].any()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31))
def test_moderate_problems_converge(seed):
    solution = infer(drawn(seed), max_steps=300)
    assert solution.trace.stopped == "converged"
    assert np.abs(solution.q - solution.at).max() <= 1e-8


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_without_linked_axioms_the_end_is_the_minimum(seed):
    """F is convex then: no state near the end is lower."""
    full = drawn(seed)
    problem = replace(full, axioms=full.axioms[:3])
    solution = infer(problem, max_steps=300)
    inside, rng = problem.region >= 0, np.random.default_rng(seed)
    lowest = energy(problem, solution.q)
    for size in (1e-4, 1e-2, 1.0):
        near = solution.q * np.exp(size * rng.normal(size=solution.q.shape))
        near = np.where(
            inside[..., None], near / np.where(inside, near.sum(axis=2), 1)[..., None], 0
        )
        assert energy(problem, near) >= lowest - 1e-9


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([1, 5, 50]))
def test_every_pixel_is_the_softmax_of_its_stored_terms(seed, steps):
    """Log-odds = network and evidence + smoothness + axioms, also where inference was cut short."""
    problem = drawn(seed, strength=1.0, weight=3.0)
    solution = infer(problem, max_steps=steps)
    rows, cols = np.nonzero(problem.region >= 0)
    region = problem.region[rows, cols]
    score = problem.unary[rows, cols] - smoothness_gradient(
        solution.at, problem.right, problem.down, rows, cols
    )
    b = np.bincount(region).astype(float)
    for weight, axiom in problem.axioms:
        score -= weight * region_message(axiom, solution.means, b)[region]
    logs = np.log(solution.q[rows, cols])
    assert logs - logs[:, :1] == pytest.approx(score - score[:, :1], abs=1e-6)


def test_message_is_the_gradient_of_the_energy():
    problem = drawn(7)
    solution = infer(problem, max_steps=3)
    rows, cols = np.nonzero(problem.region >= 0)
    count = np.bincount(problem.region[rows, cols]).astype(float)
    y, x = rows[len(rows) // 2], cols[len(cols) // 2]
    message = sum(
        w * region_message(a, solution.means, count)[problem.region[y, x]]
        for w, a in problem.axioms
    )
    rough = smoothness_gradient(
        solution.at, problem.right, problem.down, np.array([y]), np.array([x])
    )[0]
    for k in range(problem.unary.shape[2]):
        up, low = solution.at.copy(), solution.at.copy()
        up[y, x, k] += 1e-6
        low[y, x, k] -= 1e-6
        slope = (energy(problem, up) - energy(problem, low)) / 2e-6
        kl = np.log(solution.at[y, x, k]) + 1 - problem.unary[y, x, k]
        assert slope == pytest.approx(kl + rough[k] + message[k], abs=1e-4)


def test_same_input_same_bytes():
    one, two = infer(drawn(3)), infer(drawn(3))
    assert one.q.tobytes() == two.q.tobytes()
    assert one.trace == two.trace


def test_without_terms_the_network_stays():
    problem = drawn(5, strength=0.0)
    bare = replace(problem, axioms=())
    solution = infer(bare)
    inside = problem.region >= 0
    assert solution.trace.steps == 0
    assert solution.q[inside] == pytest.approx(np.exp(problem.unary[inside]))


def test_removed_labels_stay_at_zero():
    problem = drawn(11)
    problem.unary[..., 0] = EXCLUDED
    solution = infer(problem)
    assert not solution.q[..., 0].any()
    assert np.isfinite(solution.trace.energy).all()


def test_a_lonely_pixel_gives_way_when_its_neighbours_outweigh_it():
    region = np.zeros((5, 5), np.int32)
    for strength, stays in ((0.2, True), (0.7, False)):
        p = np.full((5, 5, 2), (0.999, 0.001))
        p[2, 2] = (0.1, 0.9)  # log-odds 2.2
        right, down = neighbour_weights(region, strength)
        problem = Problem(np.log(p), right, down, region, np.ones((5, 5)), (), np.empty((0, 2)))
        assert (infer(problem).q[2, 2, 1] > 0.5) == stays


def test_whole_regions_as_nodes_weigh_by_their_pixels():
    """One node of 3 pixels and one of 1 give the same F as four pixels without smoothness."""
    pixels = np.log(np.array([[[0.7, 0.3]] * 3 + [[0.4, 0.6]]]))
    relation = np.array([[0.0, 0.5], [0.5, 0.0]])
    axioms = ((1.0, Linked(relation, 0, 1)),)
    none = np.zeros((1, 4)), np.zeros((1, 4))
    region = np.array([[0, 0, 0, 1]], np.int32)
    full = infer(Problem(pixels, *none, region, np.ones((1, 4)), axioms, np.empty((0, 2))))
    nodes = Problem(
        pixels[:, 2:], none[0][:, :2], none[1][:, :2], region[:, 2:], np.array([[3.0, 1.0]]), axioms,
        np.empty((0, 2)),
    )  # fmt: skip
    small = infer(nodes)
    assert small.trace.energy[-1] == pytest.approx(full.trace.energy[-1])
    assert small.q[0] == pytest.approx(full.q[0, 2:])


def test_a_window_with_everything_else_held_ends_where_the_whole_map_does():
    """At the fixed point of the map, a window of it with a held margin is at its fixed point too."""
    rng = np.random.default_rng(3)
    unary = rng.normal(size=(20, 24, 3))
    region = (np.arange(20)[:, None] // 5 * 4 + np.arange(24) // 6).astype(np.int32)
    right, down = np.full((20, 24), 0.2), np.full((20, 24), 0.2)
    right[:, -1], down[-1] = 0, 0
    whole = Problem(unary, right, down, region, np.ones((20, 24)), (), np.empty((0, 3)))
    solved = infer(whole, tolerance=1e-10, max_steps=200)
    cut = (slice(4, 12), slice(7, 15))
    free = np.zeros((8, 8), bool)
    free[1:-1, 1:-1] = True
    inside = np.zeros((20, 24), bool)
    inside[cut] = True
    sums = np.stack(
        [np.bincount(region[~inside], solved.q[~inside][:, k], 16) for k in range(3)], axis=1
    )
    held = Held(solved.q[cut], free, sums, np.bincount(region[~inside], minlength=16) * 1.0)
    part = Problem(unary[cut], right[cut], down[cut], region[cut], np.ones((8, 8)), (), whole.fixed)
    again = infer(part, tolerance=1e-10, max_steps=200, held=held)
    assert again.trace.stopped == "converged" and again.trace.steps > 1
    assert again.q == pytest.approx(solved.q[cut], abs=1e-8)
    assert np.array_equal(again.q[~free], solved.q[cut][~free])
