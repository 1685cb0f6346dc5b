import numpy as np

from kg.embeddings.ranking import filtered_ranks, link_metrics

TRAIN = np.array([[0, 0, 1], [0, 0, 2]], np.int64)
TEST = np.array([[0, 0, 3]], np.int64)


def fixed(head, tail):
    return lambda ids: (
        np.tile(np.array(head, np.float32), (len(ids), 1)),
        np.tile(np.array(tail, np.float32), (len(ids), 1)),
    )


def test_known_answers_are_no_wrong_answers():
    scores = fixed([9, 1, 1, 1, 1], [0, 8, 7, 5, 6])  # entities 1 and 2 are known tails
    np.testing.assert_array_equal(filtered_ranks(scores, TEST, TRAIN), [[1, 2]])


def test_equal_scores_share_their_ranks():
    ranks = filtered_ranks(fixed([1] * 5, [1] * 5), TEST, TRAIN)
    np.testing.assert_array_equal(
        ranks, [[3, 2]]
    )  # mean place among 5, and among the 3 that are left


def test_metrics_by_hand():
    found = link_metrics(fixed([9, 1, 1, 1, 1], [0, 8, 7, 5, 6]), TEST, TRAIN, 5)
    assert found["mrr"] == 0.75
    assert (found["hits_at_1"], found["hits_at_3"], found["hits_at_10"]) == (0.5, 1.0, 1.0)
    assert round(found["random_mrr"], 6) == round((1 + 1 / 2 + 1 / 3 + 1 / 4 + 1 / 5) / 5, 6)
