"""The exercises: right answers pass, wrong ones earn their own message, and nothing ever breaks."""

from __future__ import annotations

import dataclasses
import inspect
import math
import re
import time
from importlib import import_module

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import cross_entropy

from helpers.exercises import (
    REGISTRY,
    comparing,
    nb00,
    nb01,
    nb02,
    nb03,
    nb04,
    nb05,
    nb06,
    nb07,
    nb08,
    nb09,
    nb10,
    nb11,
    running,
)
from helpers.exercises.engine import CORRECT, NOT_ATTEMPTED, NOT_YET, SLOW
from helpers.exercises.inputs import Dice
from tests.exercise_tools import define, unwrapped

EXERCISES = list(REGISTRY.values())
WRONG = [(exercise, wrong) for exercise in EXERCISES for wrong in exercise.wrong_answers]
LOOPS = (
    nb01.rnn_cell,
    nb01.gru_cell,
    nb03.loss_by_length,
    nb03.recall_by_distance,
    nb03.reverse_source,
    nb05.scaled_dot_scores,
    nb05.general_scores,
    nb05.concat_scores,
    nb05.attentional_vectors,
    nb05.mean_slope,
    nb06.alignment_error,
    nb06.without_largest,
    nb06.check_map,
    nb02.last_states,
    nb02.decoder_inputs,
    nb02.masked_loss,
    nb04.additive_scores,
    nb04.masked_softmax,
    nb04.context_vectors,
    nb04.decoder_step,
    nb07.cut_cells,
    nb07.with_positions,
    nb07.bag_answers,
    nb07.frames,
    nb08.attention_outputs,
    nb08.masked_outputs,
    nb09.self_attention,
    nb09.rotate_positions,
    nb10.combine_masks,
    nb10.language_model_loss,
    nb11.split_heads,
    nb11.multi_head_attention,
)

each = pytest.mark.parametrize("exercise", EXERCISES, ids=lambda exercise: exercise.name)


def test_registry_names_every_exercise_of_each_notebook():
    assert [e.name for e in EXERCISES if e.name.startswith("nb02")] == [
        e.name for e in nb02.EXERCISES
    ]
    for name, exercise in REGISTRY.items():
        assert name == exercise.name
        module = import_module(f"helpers.exercises.{name.partition('.')[0]}")
        assert getattr(module, exercise.short_name) is exercise
        assert exercise in module.EXERCISES
        assert exercise.reference.__name__ == exercise.short_name
    for number in {name.partition(".")[0] for name in REGISTRY} - {"nb00"}:  # 00 is a warm-up
        module = import_module(f"helpers.exercises.{number}")
        assert len(module.EXERCISES) >= 4
        wholes = [exercise for exercise in module.EXERCISES if exercise.whole]
        builds = 2 if number == "nb13" else 1  # the search and the loop that makes the pieces
        assert len(wholes) <= builds
        assert 2 <= sum(exercise.core for exercise in module.EXERCISES) <= 4


@each
def test_exercise_is_complete(exercise):
    assert 1 <= exercise.difficulty <= 5
    assert 5 <= exercise.minutes <= 30
    assert len(exercise.hints) >= 3
    assert exercise.title
    assert exercise.why
    assert len(exercise.wrong_answers) >= 4
    messages = {wrong.message for wrong in exercise.wrong_answers}
    assert len(messages) == len({wrong.name for wrong in exercise.wrong_answers})
    assert len(messages) == len(exercise.wrong_answers)
    arguments = [list(inspect.signature(f).parameters) for f in (exercise.spec, exercise.reference)]
    assert arguments[0] == arguments[1]
    texts = [*messages, *exercise.hints, exercise.why, exercise.title]
    assert not any(re.search(r"!(?!=)|\bsimply\b|\bobviously\b", text) for text in texts)
    assert repr(exercise).startswith(exercise.short_name)


@each
@pytest.mark.parametrize("seed", [2014, 1, 2, 3, 4, 5])
def test_cases_confuse_no_two_axes(exercise, seed):
    cases = exercise.cases(Dice(seed))
    assert len(cases) >= 4
    for case in cases:
        sizes = list(exercise.sizes(*case).values())
        assert len(set(sizes)) == len(sizes), (exercise.name, exercise.sizes(*case))
        symbols = set(re.findall(r"\w+", " ".join(exercise.returns.values())))
        assert symbols <= set(exercise.sizes(*case)), exercise.name


@each
def test_reference_is_correct(exercise):
    assert exercise.verdict(exercise.reference).passed


@each
def test_reference_is_not_taken_for_the_learners_answer(exercise, capsys):
    """It stands under the learner's name after a cell that ended in a SyntaxError."""
    assert exercise.check(exercise.reference) is exercise.reference
    out = capsys.readouterr().out
    assert out.startswith(f"… {exercise.short_name}: not checked\n") and "correct" not in out
    kind = "class" if isinstance(exercise.reference, type) else "function"
    assert f"the course's own version, and not your {kind}." in unwrapped(out)
    assert all(len(line) <= 88 for line in out.splitlines())


@each
def test_solution_pasted_into_the_notebook_is_correct_and_is_used(exercise, capsys):
    pasted = define(exercise, exercise.source)
    assert exercise.check(pasted) is pasted
    assert capsys.readouterr().out == f"✓ {exercise.short_name}: correct\n"
    assert exercise.status == CORRECT


@pytest.mark.parametrize(
    ("exercise", "wrong"), WRONG, ids=[f"{exercise.name}-{wrong.name}" for exercise, wrong in WRONG]
)
def test_wrong_answer_earns_its_own_message(exercise, wrong, capsys):
    assert exercise.check(wrong.function) is exercise.reference
    out = capsys.readouterr().out
    assert out.startswith(f"✗ {exercise.short_name}: not yet\n{wrong.message}\n")
    assert "The smallest input that shows it: " in out
    assert out.endswith(f"A hint: ex.{exercise.short_name}.hint()\n")
    assert all(len(line) <= 90 for line in out.splitlines())


@each
def test_stub_is_not_attempted(exercise, capsys):
    untouched = 'raise NotImplementedError("your turn")'
    assert untouched in exercise.stub
    for body in (untouched, "pass", "...", "return ..."):
        stub = define(exercise, exercise.stub.replace(untouched, body))
        assert exercise.check(stub) is exercise.reference
        assert capsys.readouterr().out.startswith(f"… {exercise.short_name}: not attempted\n")
    assert exercise.verdict(None).kind == NOT_ATTEMPTED


@pytest.mark.parametrize("exercise", LOOPS, ids=lambda exercise: exercise.name)
def test_loop_is_correct_but_slow_and_does_not_stall(exercise, capsys):
    start = time.thread_time()
    assert exercise.check(exercise.spec) is exercise.reference
    assert time.thread_time() - start < 2
    out = capsys.readouterr().out
    assert out.startswith(f"✓ {exercise.short_name}: correct but slow\n")
    assert "a Python loop goes over the data" in unwrapped(out)
    assert f"{exercise.slow_hint} The course's own version" in unwrapped(out)
    assert all(len(line) <= 90 for line in out.splitlines())


@pytest.mark.parametrize("exercise", [e for e in EXERCISES if e not in LOOPS])
def test_specification_is_right(exercise):
    assert exercise.verdict(exercise.spec).kind in (CORRECT, SLOW)


def doubled(value):
    if isinstance(value, torch.Tensor):
        return value.double() if value.is_floating_point() else value
    if dataclasses.is_dataclass(value):
        fields = {f.name: doubled(getattr(value, f.name)) for f in dataclasses.fields(value)}
        return type(value)(**fields)
    return value


@each
@settings(max_examples=6, deadline=None, derandomize=True)
@given(seed=st.integers(0, 10**6))
def test_reference_is_the_loop_specification(exercise, seed):
    for case in exercise.cases(Dice(seed)):
        case = [doubled(value) for value in case]
        expected, got = (
            exercise.plain(exercise.spec)(*running.copies(case)),
            exercise.plain(exercise.reference)(*running.copies(case)),
        )
        assert type(expected) is type(got)
        zeros = exercise.exact_zeros(*case)
        assert comparing.difference(expected, got, zeros.get("result")) is None
        for one, other in zip(running.tensors(expected), running.tensors(got), strict=True):
            # A model that is built for words alone has its parameters in float32.
            close = {"rtol": 1e-4, "atol": 1e-5} if one.dtype == torch.float32 else {}
            torch.testing.assert_close(other, one, **(close or {"rtol": 1e-9, "atol": 1e-12}))


def one_hot_states(states, lengths):
    places = torch.nn.functional.one_hot(lengths - 1, states.size(1))
    return (states * places.unsqueeze(-1)).sum(dim=1)


def loss_by_hand(logits, targets, pad=0):
    losses = -torch.log_softmax(logits, dim=-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (losses * (targets != pad)).sum() / (targets != pad).sum()


def sums_of_real_losses(losses, real, lengths, edges):
    inside = torch.stack([(low <= lengths) & (lengths <= high) for low, high in edges])  # (N, B)
    words = (inside.unsqueeze(2) & real).double()  # (N, B, T)
    return ((words * losses).sum(dim=(1, 2)) / words.sum(dim=(1, 2))).to(losses)


def painted_softmax(scores, mask):
    return torch.nan_to_num(torch.softmax(scores.masked_fill(~mask, -math.inf), dim=-1))


def shifted_in_place(targets, start=1, end=2, pad=0):
    both = torch.full((2, len(targets), 1 + max(map(len, targets))), pad)
    for b, words in enumerate(targets):
        both[0, b, : len(words) + 1] = torch.tensor([start, *words])
        both[1, b, : len(words) + 1] = torch.tensor([*words, end])
    return list(both)


def score_step_by_step(q, k, v):
    return torch.stack([torch.tanh(q[:, t : t + 1] + k) @ v for t in range(q.size(1))], dim=1)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb02.shift_targets, shifted_in_place),
        (nb02.last_states, one_hot_states),
        (nb02.decoder_inputs, lambda e, c: torch.cat([e, c[:, None].repeat(1, e.size(1), 1)], 2)),
        (nb02.masked_loss, loss_by_hand),
        (nb02.masked_loss, lambda x, y, pad=0: cross_entropy(x.mT, y, ignore_index=pad)),
        (nb04.additive_scores, score_step_by_step),
        (
            nb04.additive_scores,
            lambda q, k, v: (torch.tanh(q[:, :, None] + k[:, None]) * v).sum(-1),
        ),
        (nb03.loss_by_length, sums_of_real_losses),
        (nb04.masked_softmax, painted_softmax),
        (nb04.context_vectors, lambda w, x: torch.einsum("bts,bsc->btc", w, x)),
    ],
    ids=lambda value: getattr(value, "name", "answer"),
)
def test_other_right_ways_are_right(exercise, answer):
    assert exercise.verdict(answer).kind in (CORRECT, SLOW)


@each
def test_solution_is_the_references_own_source_with_its_reason(exercise, capsys):
    exercise.solution()
    out = capsys.readouterr().out
    assert inspect.getsource(exercise.reference) in out
    assert unwrapped(f"Why: {exercise.why}") in unwrapped(out)
    assert len(define_body(exercise)) <= (40 if exercise.whole else 10)


def define_body(exercise):
    """The lines of the reference below its docstring."""
    return exercise.source.split('"""')[-1].strip().splitlines()


def test_padding_may_hold_any_finite_number_and_large_ones_are_tried():
    """No NaN, because a right answer may multiply padding by 0, as three answers above do."""
    any_number = re.compile(r"\bany (?:finite )?numbers?\b")
    found = [e for e in EXERCISES if "padding" in e.stub and any_number.search(e.stub)]
    assert {e.name for e in found} == {
        *("nb02.last_states", "nb02.masked_loss", "nb03.loss_by_length", "nb08.masked_outputs"),
        *("nb10.language_model_loss", "nb12.smoothed_loss"),
    }
    for exercise in found:
        assert "finite" in any_number.search(exercise.stub).group(), exercise.name
        numbers = [
            value.abs().max()
            for case in exercise.cases(Dice(0))
            for value in case
            if isinstance(value, torch.Tensor) and value.is_floating_point()
        ]
        assert max(numbers) >= 1e4, exercise.name
        assert torch.stack(numbers).isfinite().all(), exercise.name


def test_padding_must_be_exactly_without_weight_and_without_gradient():
    def leaking_weights(scores, mask):
        return nb04.masked_softmax.reference(scores, mask) + 1e-7 * ~mask

    def leaking_gradient(logits, targets, pad=0):
        leak = 1e-9 * logits[targets == pad].sum()
        return nb02.masked_loss.reference(logits, targets, pad) + leak

    assert nb04.masked_softmax.verdict(leaking_weights).kind == NOT_YET
    verdict = nb02.masked_loss.verdict(leaking_gradient)
    assert verdict.kind == NOT_YET
    assert "the gradient that reaches logits is not" in verdict.message


@pytest.mark.parametrize(("where", "kind"), [("words", CORRECT), ("empty rows", NOT_YET)])
def test_rounding_in_a_gradient_counts_in_empty_rows_only(where, kind):
    def noisy_gradient(scores, mask):
        allowed = mask if where == "words" else ~mask.any(dim=-1, keepdim=True)
        noise = 6e-8 * (scores - scores.detach()) * allowed  # 0, but its gradient is not
        return nb04.masked_softmax.reference(scores, mask) + noise

    assert nb04.masked_softmax.verdict(noisy_gradient).kind == kind


def divided_by_what_is_left(scores, mask):
    left = torch.softmax(scores, dim=-1) * mask
    return left / (left.sum(dim=-1, keepdim=True) + 1e-9)


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        (nb04.masked_softmax, divided_by_what_is_left, "renormalised"),
        (
            nb04.masked_softmax,
            lambda x, m: torch.softmax(x.masked_fill(~m, -1e9), -1).masked_fill(~m, 0),
            "finite_zeroed",
        ),
        (
            nb02.masked_loss,
            lambda x, y, pad=0: cross_entropy(x.view(len(x), x.size(2), -1), y, ignore_index=pad),
            "reshaped",
        ),
    ],
)
def test_slip_in_other_words_is_known_too(exercise, answer, name):
    assert exercise.verdict(answer).misconception == name


@pytest.mark.parametrize(
    ("exercise", "name", "shown"),
    [
        (nb00.softmax, "no_exp", "scores = [-1, 2]"),
        (nb02.clipped_matches, "of_the_reference", "candidate of 3 words, reference of 5 words, "),
        (nb03.words_that_fit, "strictly_fewer", "numbers = 3\n  values = 8\n  vocabulary = 2"),
        (nb03.null_curve, "straight_line", "got: [0.625, 0.25, -0.5]"),
        (nb03.loss_by_length, "high_left_out", "edges = [(1, 2), (4, 5)]"),
        (nb03.recall_by_distance, "padding_right", "expected: [0.5, 0, 1]\n  got: [0.5, 0.5, 1]"),
        (nb03.recall_by_distance, "above_one", "got: [0.5, 1, 2]"),
        (nb03.reverse_source, "rolled", "expected: [[9, 8, 7]]\n  got: [[9, 7, 8]]"),
        (nb04.masked_softmax, "finite", "got: [[[0, 0, 1]], [[0, 0, 1]]]"),
        (nb04.masked_softmax, "renormalised", "scores = [[[0, 200], [1, 200], [-1, 0.5]]]"),
    ],
)
def test_input_shown_fits_the_words(exercise, name, shown):
    (wrong,) = (wrong for wrong in exercise.wrong_answers if wrong.name == name)
    assert shown in exercise.verdict(wrong.function).details
