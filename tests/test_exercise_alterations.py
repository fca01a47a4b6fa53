"""A wrong result that would be right for other arguments is told with them."""

from __future__ import annotations

import pytest
import torch

from helpers.exercises import alterations, nb01, nb03, nb05, nb09, nb10, nb11, nb12, nb13
from helpers.exercises.engine import NOT_YET
from tests.exercise_tools import unwrapped


@pytest.mark.parametrize(
    ("exercise", "answer", "text"),
    [
        (
            nb01.rnn_cell,
            lambda x, h, w, u, b: torch.tanh(x @ w.T + h @ u.T - b),
            "if bias were its negative.",
        ),
        (
            nb12.layer_norm,
            lambda x, gain, bias, eps: nb12.layer_norm.reference(x, bias, gain, eps),
            "if gain and bias were exchanged.",
        ),
        (
            nb11.without_head,
            lambda mixed, weight, head: nb11.without_head.reference(mixed, weight.T, head),
            "if output_weight were transposed.",
        ),
        (
            nb09.rotate_positions,
            lambda encoding, shift: nb09.rotate_positions.reference(encoding, shift + 1),
            "if shift were one larger.",
        ),
        (
            nb10.next_word_probabilities,
            lambda logits, temperature, k: nb10.next_word_probabilities.reference(-logits, 1.0, k),
            "",
        ),
        (
            nb10.next_word_probabilities,
            lambda logits, t, k: nb10.next_word_probabilities.reference(-logits, t, k),
            "if logits were its negative.",
        ),
        (
            nb13.cached_step,
            lambda query, key, *rest: nb13.cached_step.reference(query, 0 * key, *rest),
            "if key were all 0: is it left out?",
        ),
        (
            nb12.warm_up_rates,
            lambda steps, width, warm_up: nb12.warm_up_rates.reference(steps + 1, width, warm_up),
            "if steps were one larger.",
        ),
        (
            nb05.attentional_vectors,
            lambda context, states, w: nb05.attentional_vectors.reference(context, 2 * states, w),
            "if states were twice as large.",
        ),
    ],
    ids=lambda value: getattr(value, "name", "answer"),
)
def test_other_arguments_are_told(exercise, answer, text):
    verdict = exercise.verdict(answer)
    assert (verdict.kind, verdict.misconception) == (NOT_YET, "")
    assert text in unwrapped(verdict.message)
    assert ("This would be right" in verdict.message) == bool(text)


def test_arguments_stay_as_they_are():
    case = torch.ones(2, 2), torch.tensor([1, 2]), 3, 0.5, [4, 5], torch.tensor([True]), len
    names = ["square", "lengths", "k", "rate", "words", "mask", "cell"]
    words = [words for words, _ in alterations.altered(case, names)]
    assert len(set(words)) == len(words)
    assert {name for name in names if any(text.startswith(name) for text in words)} == {*names[:-1]}
    assert torch.equal(case[0], torch.ones(2, 2))
    assert case[2:5] == (3, 0.5, [4, 5])


def test_very_large_number_is_not_altered():
    assert list(alterations.altered((2, 10**16, 3), ["numbers", "values", "vocabulary"])) == []
    verdict = nb03.words_that_fit.verdict(lambda numbers, values, vocabulary: numbers + 1)
    assert "would be right" not in verdict.message
