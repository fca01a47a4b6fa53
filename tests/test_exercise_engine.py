"""The exercise engine: what a verdict says, what it leaves untouched, and that it never breaks."""

from __future__ import annotations

import builtins
import dataclasses
import json
import math
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import platformdirs
import pytest
import torch

from helpers.exercises import (
    REGISTRY,
    comparing,
    nb02,
    nb03,
    nb04,
    nb08,
    nb10,
    nb11,
    nb12,
    progress,
    remembering,
    restoring,
    running,
)
from helpers.exercises.engine import CORRECT, NOT_YET, RAISED, SLOW
from helpers.exercises.inputs import Dice
from tests.exercise_tools import define, unwrapped

EXERCISES = list(REGISTRY.values())


def named(value):
    """The name of an exercise or of a function, for the test's name."""
    return getattr(value, "name", getattr(value, "__name__", None))


def test_a_busy_machine_makes_nothing_slow():
    def delayed(queries, keys, v):
        time.sleep(0.05)  # what a busy machine does to a call
        return nb04.additive_scores.reference(queries, keys, v)

    assert nb04.additive_scores.verdict(delayed).kind == CORRECT


def parameters(module):
    return sum(tensor.numel() for tensor in module.parameters())


def embed_by_one_hot(words, table, positions):
    one_hot = torch.nn.functional.one_hot(words, table.size(0)).float()
    return one_hot @ (table * table.size(1) ** 0.5) + positions[: words.size(1)]


def two_rows_a_sentence(targets, start=1, end=2, pad=0):
    longest = max(map(len, targets)) + 1
    fed = torch.full((len(targets), longest), pad)
    wanted = torch.full((len(targets), longest), pad)
    for row in range(len(targets)):
        words = targets[row]
        number = len(words)
        fed[row, 0] = start
        fed[row, 1 : number + 1] = torch.tensor(words)
        wanted[row, :number] = torch.tensor(words)
        wanted[row, number] = end
    return fed, wanted


def count_in_dictionaries(candidate, reference, n):
    limits, found = {}, {}
    for words, counts in ((candidate, found), (reference, limits)):
        for first in range(len(words) - n + 1):
            gram = tuple(words[first : first + n])
            if gram not in counts:
                counts[gram] = 0
            counts[gram] += 1
    matches = 0
    for gram, count in found.items():
        if gram in limits:
            matches += min(count, limits[gram])
    return matches, sum(found.values())


NO_LOOP_MORE_THAN_NEEDED = [
    (
        nb11.head_parameters,
        lambda width, heads, length: (
            parameters(torch.nn.MultiheadAttention(width, heads, bias=False)),
            heads * length * length,
        ),
    ),
    (
        nb12.block_parameters,
        lambda width, mlp, length: (
            parameters(torch.nn.TransformerEncoderLayer(width, 1, mlp)) - 4 * width,
            parameters(torch.nn.TransformerDecoderLayer(width, 1, mlp)) - 8 * width,
        ),
    ),
    (nb12.embed_words, embed_by_one_hot),
    (nb02.shift_targets, two_rows_a_sentence),
    (nb02.clipped_matches, count_in_dictionaries),
    (
        nb04.additive_scores,  # the slower order of the same sums
        lambda q, k, v: (
            (torch.tanh(q[:, :, None] + k[:, None]).double() * v.double()).sum(-1).float()
        ),
    ),
]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("exercise", "answer"), NO_LOOP_MORE_THAN_NEEDED, ids=named)
def test_what_has_no_loop_over_the_data_is_not_slow(exercise, answer, threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert exercise.verdict(answer).kind == CORRECT
    finally:
        torch.set_num_threads(before)


def states_in_a_list(states, lengths):
    return torch.stack([row[n - 1] for row, n in zip(states, lengths, strict=True)])


def states_by_map(states, lengths):
    return torch.stack(list(map(lambda row, n: row[n - 1], states, lengths)))


def causal_by_numbers(length):
    return torch.tensor([[key <= query for key in range(length)] for query in range(length)])


def causal_by_a_generator(length):
    return torch.stack([torch.arange(length) <= query for query in range(length)])


def sum_key_by_key(weights, values):
    return sum(weights[:, :, s : s + 1] * values[:, s : s + 1] for s in range(values.size(1)))


PYTHON_LOOPS = [
    (nb02.last_states, states_in_a_list),
    (nb02.last_states, states_by_map),
    (nb10.causal_mask, causal_by_numbers),
    (nb10.causal_mask, causal_by_a_generator),
    (nb04.context_vectors, sum_key_by_key),
]


@pytest.mark.parametrize(("exercise", "answer"), PYTHON_LOOPS, ids=named)
@pytest.mark.parametrize("compiled", [False, True])
def test_python_loop_over_the_data_is_slow(exercise, answer, compiled):
    function = torch.compile(answer, backend="eager") if compiled else answer
    verdict = exercise.verdict(function)
    assert verdict.kind == SLOW
    assert "a Python loop goes over the data" in unwrapped(verdict.message)


def test_steps_are_counted_alike_at_every_run_and_stopped_at_the_limit():
    def squares(size):
        return [number * number for number in range(size)]

    counts = [running.counted(squares, (size,))[1].steps for size in (10, 10, 20)]
    assert counts[0] == counts[1]
    assert 10 <= counts[2] - counts[0] <= 20
    outcome, counter = running.counted(squares, (10**9,), limit=1000)
    assert (outcome.value, counter.stopped, counter.steps) == (None, True, 1001)
    few, many = (running.counted(torch.square, (torch.ones(n),))[1].steps for n in (1, 10_000))
    assert few == many


def test_counting_leaves_a_trace_function_as_it_was():
    seen, before = [], sys.gettrace()

    def trace(frame, event, argument):
        seen.append(event)

    sys.settrace(trace)
    try:
        running.counted(lambda: 1, ())
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)


def causal_table(length):
    return torch.ones(64, 64, dtype=torch.bool).tril()[:length, :length]


def causal_buffer(length):
    mask = torch.zeros(length, length, dtype=torch.bool)
    mask[:64, :64] = torch.ones(64, 64, dtype=torch.bool).tril()[:length, :length]
    return mask


def few_places(states, lengths):
    places = torch.arange(20 if len(states) > 20 else len(states))
    return states[places, lengths - 1]


def first_hundred_keys(query, keys, values, scale):
    scores = keys[:100] @ query / scale
    return torch.softmax(scores, dim=0) @ values[:100]


@pytest.mark.parametrize(
    ("exercise", "answer", "text"),
    [
        (nb10.causal_mask, causal_table, "expected (T, T) = (200, 200), yours is (64, 64)"),
        (nb10.causal_mask, causal_buffer, "mask holds other numbers"),
        (nb08.soft_lookup, first_hundred_keys, "holds other numbers"),
    ],
    ids=["table", "buffer", "first keys"],
)
def test_fixed_size_fails_at_training_size(exercise, answer, text):
    verdict = exercise.verdict(answer)
    assert verdict.kind == NOT_YET
    assert text in unwrapped(verdict.message)
    assert "but not at training size" in unwrapped(verdict.message)


def test_error_at_training_size_is_the_functions_own():
    verdict = nb02.last_states.verdict(few_places)
    assert verdict.kind == RAISED
    assert "line 3: return states[places, lengths - 1]" in verdict.message


def test_raised_shows_the_type_the_text_and_the_line(capsys):
    def additive_scores(queries, keys, v):
        sums = queries + keys
        return sums @ v

    assert nb04.additive_scores.check(additive_scores) is nb04.additive_scores.reference
    out = capsys.readouterr().out
    assert out.startswith("✗ additive_scores: your code raised\nRuntimeError: The size of tensor a")
    assert "  line 2: sums = queries + keys\n" in out
    assert "The smallest input that shows it: B=1, T=3, S=4, D=2\n  queries = [[[" in out


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb02.decoder_inputs, lambda e, c: torch.cat([e, c])),
        (nb02.decoder_inputs, lambda e, c: torch.cat([e, c.unsqueeze(1)], dim=-1)),
        (nb04.additive_scores, lambda q, k, v: torch.tanh(q + k) @ v),
        (nb04.context_vectors, lambda w, x: w * x),
        (nb04.context_vectors, lambda w, x: w.mT @ x),
    ],
)
def test_error_about_sizes_gets_a_hint_about_the_shapes(exercise, answer):
    verdict = exercise.verdict(answer)
    assert verdict.kind == RAISED
    assert exercise.shapes_hint.startswith("The shapes are (")
    assert unwrapped(verdict.message).endswith(exercise.shapes_hint)


def test_other_errors_get_no_hint_about_the_shapes():
    def no_such_name(weights, values):
        return weights.shapes @ values

    for answer in (no_such_name, lambda w, x: w.long() @ x, lambda w, x: w[None][3]):
        verdict = nb04.context_vectors.verdict(answer)
        assert (verdict.kind, "The shapes are" in verdict.message) == (RAISED, False), verdict


def test_line_shown_is_the_learners_own_when_a_library_or_toy_raises():
    def decoder_step(embedded, state, look, cell):
        context, weights = look(state)
        return cell(torch.cat([embedded, context], dim=7), state), context, weights

    verdict = nb04.decoder_step.verdict(decoder_step)
    assert verdict.kind == RAISED
    assert "line 3: return cell(torch.cat([embedded, context], dim=7), state)" in verdict.message

    def greedy(step, state, start=1, end=2, max_length=50):
        return step("le", state)

    verdict = nb02.greedy.verdict(greedy)
    assert (verdict.kind, "line 2: return step(" in verdict.message) == (RAISED, True)


def test_line_shown_is_the_deepest_of_the_learners_code():
    def helper(weights, values):
        return weights / values

    def context_vectors(weights, values):
        return helper(weights, values)

    verdict = nb04.context_vectors.verdict(context_vectors)
    assert "line 2: return weights / values" in verdict.message


def test_line_is_shown_from_a_notebook_cell():
    shell = pytest.importorskip("IPython.core.interactiveshell").InteractiveShell.instance()
    shell.run_cell(
        "def context_vectors(weights, values):\n    total = 0\n    return weights / values\n"
    )
    verdict = nb04.context_vectors.verdict(shell.user_ns["context_vectors"])
    assert verdict.kind == RAISED
    assert "  line 3: return weights / values" in verdict.message


def test_error_of_torch_is_not_taken_for_an_untouched_stub():
    def masked_softmax(scores, mask):
        return torch.softmax(mask, dim=-1)

    with pytest.raises(RuntimeError, match="not implemented"):  # torch's own
        masked_softmax(None, torch.tensor([True]))
    assert nb04.masked_softmax.verdict(masked_softmax).kind == RAISED


def noisy(queries, keys, v):
    print("queries", tuple(queries.shape))
    return queries


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (
            lambda q, k, v: (q @ k.mT).mT,
            "expected (B, T, S) = (1, 3, 4), yours is (B, S, T) = (1, 4, 3)",
        ),
        (lambda q, k, v: q[0, 0, 0], "expected (B, T, S) = (1, 3, 4), yours is () (one number)"),
        (lambda q, k, v: nb04.additive_scores.reference(q, k, v).double(), "wrong dtype: expected"),
        (lambda q, k, v: nb04.additive_scores.reference(q, k, v) / 0, "scores holds"),
        (lambda q, k, v: nb04.additive_scores.reference(q, k, v) + 1, "too large by 1."),
        (lambda q, k, v: torch.cos(q @ k.mT), "none of the usual slips"),
        (
            lambda q, k, v: nb04.additive_scores.reference(q, k, v).detach(),
            "no gradient flows back",
        ),
        (lambda q, k, v: nb04.additive_scores.reference(q, k, v.detach()), "no gradient reaches v"),
        (
            lambda q, k, v: nb04.additive_scores.reference(q.mul_(1.5) / 1.5, k, v),
            "argument queries",
        ),
        (
            lambda q, k, v: [q, k],
            "Expected scores, a tensor of shape (1, 3, 4); yours is a list of",
        ),
        (lambda q, k: q, "The arguments are (queries, keys, v); your function takes (q, k)."),
        (torch.zeros(2, 3), "the function itself, with no brackets behind its name"),
        (noisy, "What it printed there: queries (1, 3, 2)"),
    ],
)
def test_what_no_misconception_explains_is_told_by_its_structure(answer, text):
    verdict = nb04.additive_scores.verdict(answer)
    assert (verdict.kind, verdict.misconception) == (NOT_YET, "")
    assert text in unwrapped(f"{verdict.message}\n{verdict.details}")


def test_arguments_in_another_order_are_told_by_their_names():
    def additive_scores(keys, queries, v):
        return torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1)) @ v

    verdict = nb04.additive_scores.verdict(additive_scores)
    assert (verdict.kind, verdict.misconception) == (NOT_YET, "")
    assert "The arguments are (queries, keys, v); yours are (keys, queries, v)." in unwrapped(
        verdict.message
    )

    def exchanged(keys, queries, v):  # names that are wrong twice are right again
        return torch.tanh(keys.unsqueeze(2) + queries.unsqueeze(1)) @ v

    assert nb04.additive_scores.verdict(exchanged).kind == CORRECT


def test_added_minus_infinity_is_told_of_the_rows_that_become_nan():
    def masked_softmax(scores, mask):
        return torch.softmax(scores + torch.zeros(mask.shape).masked_fill(~mask, -torch.inf), -1)

    verdict = nb04.masked_softmax.verdict(masked_softmax)
    assert verdict.misconception == "nan_rows"

    def with_empty_rows(scores, mask):
        empty = ~mask.any(dim=-1, keepdim=True)
        added = torch.zeros(mask.shape).masked_fill(~mask & ~empty, -torch.inf)
        return torch.softmax(scores + added, dim=-1).masked_fill(~mask, 0.0)

    assert nb04.masked_softmax.verdict(with_empty_rows).kind == CORRECT


def test_misconception_must_explain_every_input():
    """Two slips at once, or one that is right elsewhere, are not told of one slip."""
    wrongs = {wrong.name: wrong.function for wrong in nb04.additive_scores.wrong_answers}
    right = nb04.additive_scores.reference

    def two_slips(queries, keys, v):
        slip = wrongs["sigmoid"] if queries.size(1) > 3 else wrongs["no_tanh"]
        return slip(queries, keys, v)

    def right_for_few(queries, keys, v):
        return (wrongs["no_tanh"] if queries.size(1) > 3 else right)(queries, keys, v)

    for answer in (two_slips, right_for_few):
        verdict = nb04.additive_scores.verdict(answer)
        assert (verdict.kind, verdict.misconception) == (NOT_YET, "")


def test_default_argument_that_keeps_words_is_told_of(capsys):
    def greedy(step, state, start=1, end=2, max_length=50, said=[]):  # noqa: B006
        word = start
        while len(said) < max_length and word != end:
            logits, state = step(word, state)
            word = int(logits.argmax())
            said.append(word)
        return [w for w in said if w != end]

    verdict = nb02.greedy.verdict(greedy)
    assert (verdict.kind, verdict.misconception) == (NOT_YET, "")
    assert "Called twice with the same arguments, it gave two results." in unwrapped(
        verdict.message
    )
    assert re.search(r"\n  first: .*\n  then: ", verdict.details)


def test_dropout_left_on_is_told_of():
    def context_vectors(weights, values):
        return torch.nn.functional.dropout(weights, 0.4) @ values

    verdict = nb04.context_vectors.verdict(context_vectors)
    assert "it gave two results" in unwrapped(verdict.message)
    assert "dropout" in verdict.message


def test_a_right_result_the_first_time_only_is_not_right():
    calls = []

    def context_vectors(weights, values):
        calls.append(1)
        return weights @ values + (len(calls) > 2 * len(nb04.context_vectors.cases(Dice(2014))))

    verdict = nb04.context_vectors.verdict(context_vectors)
    assert verdict.kind == NOT_YET
    assert "it gave two results" in unwrapped(verdict.message)


def test_up_to_48_numbers_are_shown_in_rows():
    table = torch.arange(48.0).reshape(1, 4, 12) - 9.5
    text = comparing.show_argument("keys", table)
    first, second, *others = text.splitlines()
    assert first.startswith("  keys = [[[-9.5, -8.5, ")
    assert second.startswith(" " * 11 + "[ 2.5,  3.5, ")
    assert len(others) == 2
    assert all(len(line) <= comparing.WIDTH for line in text.splitlines())
    assert [float(n) for n in re.findall(r"-?\d+\.\d", text)] == table.flatten().tolist()
    assert comparing.show_argument("v", torch.tensor([[1, 2], [3, 4]])) == "  v = [[1, 2], [3, 4]]"
    assert comparing.show_argument("v", torch.zeros(7, 7)) == "  v = tensor of shape (7, 7)"


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (lambda q, k, v: nb04.additive_scores.reference(q, k, v)[:, :1], "(B, 1, S) = (1, 1, 4)"),
        (lambda q, k, v: nb04.additive_scores.reference(q, k, v)[..., None], "(B, T, S, 1)"),
    ],
)
def test_axes_of_size_1_are_not_named_after_each_other(answer, text):
    assert f"yours is {text}" in unwrapped(nb04.additive_scores.verdict(answer).message)


def test_what_must_be_exactly_0_is_told():
    def leaking(scores, mask):
        return nb04.masked_softmax.reference(scores, mask) + 1e-7 * ~mask

    def leaking_gradient(logits, targets, pad=0):
        leak = 1e-9 * logits[targets == pad].sum()
        return nb02.masked_loss.reference(logits, targets, pad) + leak

    verdict = nb04.masked_softmax.verdict(leaking)
    assert re.search(r"weights must be exactly 0 at \[.*\], and yours is 1e-07", verdict.message)
    verdict = nb02.masked_loss.verdict(leaking_gradient)
    assert "the gradient that reaches logits is not exactly 0 at" in unwrapped(verdict.message)


@pytest.mark.parametrize(
    "answer",
    [
        torch.no_grad()(nb04.additive_scores.reference),
        lambda q, k, v: nb04.additive_scores.reference(q, k, v).detach(),
        lambda q, k, v: nb04.additive_scores.reference(q, k.detach(), v),
        lambda q, k, v: nb04.additive_scores.reference(q, k, torch.tensor([n.item() for n in v])),
    ],
    ids=["no_grad", "detach", "detach one", "item"],
)
def test_missing_gradient_is_told_with_its_likely_reason(answer):
    message = unwrapped(nb04.additive_scores.verdict(answer).message)
    assert "no gradient" in message
    assert all(way in message for way in ("torch.no_grad()", ".detach()", ".item()"))


def test_smallest_failing_input_is_shown():
    def context_vectors(weights, values):
        right = weights @ values
        return right if weights.size(0) == 1 else right + 1  # right for a batch of one

    verdict = nb04.context_vectors.verdict(context_vectors)
    cases = nb04.context_vectors.cases(Dice(2014))
    smallest = min(sum(c[0].shape) + c[1].size(2) for c in cases if c[0].size(0) > 1)
    shown = [int(n) for n in re.findall(r"[BTSC]=(\d+)", verdict.details)]
    assert sum(shown) == smallest


class Odd:
    def __eq__(self, other):
        raise SystemExit("no")

    def __repr__(self):
        raise ValueError("no")

    __hash__ = None


def recursive(*args):
    return recursive(*args)


def leave(*args):
    raise SystemExit


def generator(*args):
    yield args


def angry(*args):
    raise type("Angry", (Exception,), {"__str__": lambda self: 1 / 0})


async def later(*args):
    return args


NONSENSE = [
    3,
    "scores",
    Odd(),
    torch.nn.Identity(),
    lambda: 1,
    lambda *args: "scores",
    lambda *args: Odd(),
    lambda *args: [Odd(), Odd()],
    lambda *args: (None, 3),
    lambda *args: args,
    lambda *args: math.nan,
    lambda *args: torch.zeros(2, 3, dtype=torch.complex64),
    lambda *args: torch.zeros(0),
    lambda *args: torch.full((1, 3, 4), math.nan),
    lambda *args: np.zeros(3),
    lambda *args: type,
    print,
    len,
    Odd,
    recursive,
    leave,
    generator,
    angry,
    later,
]


@pytest.mark.parametrize("exercise", [nb02.greedy, nb02.shift_targets, nb04.additive_scores])
@pytest.mark.filterwarnings("ignore:coroutine")
def test_check_never_raises(exercise, capsys):
    for nonsense in NONSENSE:
        assert exercise.check(nonsense) is exercise.reference
        out = capsys.readouterr().out
        assert out.startswith((f"✗ {exercise.short_name}: ", f"… {exercise.short_name}: "))


def test_interrupt_goes_through():
    def interrupted(weights, values):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nb04.context_vectors.check(interrupted)


def test_check_changes_nothing():
    def meddling(queries, keys, v):
        random.seed(5)
        np.random.seed(5)
        torch.manual_seed(5)
        torch.set_default_dtype(torch.float64)
        torch.set_grad_enabled(False)
        queries.zero_()
        return torch.rand(3)

    def snapshot():
        generators = (
            random.getstate(),
            np.random.get_state()[1].tolist(),
            torch.get_rng_state().tolist(),
        )
        return generators, torch.get_default_dtype(), torch.is_grad_enabled()

    for exercise, answer in [
        (nb04.additive_scores, meddling),
        (nb04.additive_scores, define(nb04.additive_scores, nb04.additive_scores.source)),
        (nb02.greedy, nb02.greedy.wrong_answers[-1].function),
    ]:
        before = snapshot()
        first, second = exercise.verdict(answer), exercise.verdict(answer)
        assert snapshot() == before
        assert first == second  # the same inputs and the same words at every run
        torch.rand(1), random.random()  # a later check starts elsewhere, and says the same
        assert exercise.verdict(answer) == first


def set_error_mode():
    np.seterr(all="raise")
    np.set_printoptions(precision=1)


def set_determinism():
    torch.use_deterministic_algorithms(True, warn_only=True)
    torch.autograd.set_detect_anomaly(True)
    torch.set_float32_matmul_precision("medium")


def set_environment():
    os.environ["HELD"] = "yes"
    os.environ.pop("HOME", None)
    os.chdir("/")
    warnings.simplefilter("error")
    sys.stderr = None


def patch_torch():
    torch.tanh = torch.softmax = torch.nn.functional.softmax = torch.relu
    torch.Tensor.sum = lambda self, *args, **named: self
    builtins.sum = max


def set_numbers():
    torch.set_default_dtype(torch.float64)
    torch.set_grad_enabled(False)
    torch.set_printoptions(precision=1)
    torch.set_num_threads(3)
    torch.set_default_device("meta")
    sys.setrecursionlimit(400)


def reading():
    """What a function can change, as one comparable tuple."""
    return (
        *(torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_num_threads()),
        *(restoring.default_device(), torch.is_anomaly_enabled()),
        *(torch.get_deterministic_debug_mode(), torch.get_float32_matmul_precision()),
        *(repr(torch.tensor(1 / 3)), repr(np.array(1 / 3)), np.geterr()),
        *(sys.getrecursionlimit(), dict(os.environ), os.getcwd(), sys.stderr),
        *(list(warnings.filters), torch.tanh, torch.softmax, torch.nn.functional.softmax),
        *(torch.Tensor.sum, sum),
    )


@pytest.mark.parametrize(
    "change", [set_error_mode, set_determinism, set_environment, patch_torch, set_numbers]
)
def test_what_a_function_changes_is_put_back_and_reaches_no_expected_value(change):
    seen = []

    def meddling(queries, keys, v):
        found = torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1)) @ v
        seen.append(reading())
        change()
        assert reading() != seen[0]
        return found

    exercise = dataclasses.replace(nb04.additive_scores)  # which has computed nothing yet
    before = reading()
    assert exercise.verdict(meddling).kind == CORRECT
    assert reading() == before
    assert all(one == seen[0] for one in seen)  # each call began as the first


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_check_works_without_gradients_around_it(mode):
    with mode():
        assert nb04.context_vectors.verdict(lambda w, v: torch.bmm(w, v)).kind == CORRECT


def test_endless_loop_is_stopped(monkeypatch):
    monkeypatch.setattr(running, "CALL_LIMIT", 0.2)

    def endless(step, state, start=1, end=2, max_length=50):
        while True:
            pass

    start = time.thread_time()
    verdict = nb02.greedy.verdict(endless)
    assert time.thread_time() - start < 2
    assert verdict.kind == NOT_YET
    assert "a loop that never ends" in unwrapped(verdict.message)


def test_power_of_large_numbers_is_stopped_in_the_middle(monkeypatch):
    monkeypatch.setattr(running, "CALL_LIMIT", 0.2)
    before = signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)

    def words_that_fit(numbers, values, vocabulary):
        return (10**9) ** (10**8) % vocabulary

    start = time.thread_time()
    verdict = nb03.words_that_fit.verdict(words_that_fit)
    assert time.thread_time() - start < 5
    assert "is there a loop that never ends" in unwrapped(verdict.message)
    assert (signal.getsignal(signal.SIGALRM), signal.getsignal(signal.SIGINT)) == before
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)


def test_very_large_number_is_told_by_its_digits():
    verdict = nb03.words_that_fit.verdict(lambda numbers, values, vocabulary: 10 ** (100 * values))
    assert "a whole number of about 800 digits" in verdict.details


def test_call_that_waits_is_stopped_by_the_clock(monkeypatch):
    monkeypatch.setattr(running, "CLOCK_LIMIT", 0.3)

    def waiting(weights, values):
        while True:
            time.sleep(0.01)

    verdict = nb04.context_vectors.verdict(waiting)
    assert verdict.kind == NOT_YET
    assert "(or 0.3 by the clock)" in unwrapped(verdict.message)


def test_time_that_others_use_is_no_endless_loop(monkeypatch):
    """A machine slowed many times over lets a call use little of the processor in much time."""
    monkeypatch.setattr(running, "CALL_LIMIT", 0.2)

    def interrupted(weights, values):
        time.sleep(0.3)
        return weights @ values

    assert nb04.context_vectors.verdict(interrupted).kind == CORRECT


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
def test_compiled_function_is_judged_like_the_function(backend):
    def additive_scores(queries, keys, v):
        return (torch.tanh(queries.unsqueeze(2) + keys.unsqueeze(1)) * v).sum(dim=-1)

    def wrong(queries, keys, v):
        return additive_scores(queries, keys, v.abs())

    compiled = torch.compile(additive_scores, backend=backend)
    assert nb04.additive_scores.verdict(compiled).kind == CORRECT
    assert nb04.additive_scores.verdict(torch.compile(wrong, backend=backend)).kind == NOT_YET
    compiled_inside = torch.compile(torch.tanh, backend=backend)  # and called uncompiled again
    assert torch.equal(compiled_inside(torch.ones(2)), torch.ones(2).tanh())


def test_time_limit_works_in_any_thread_and_leaves_nothing_behind():
    seen = []

    def in_thread():
        try:
            running.limited(lambda: [None for _ in iter(int, 1)], 0.1)
        except running.TookTooLong:
            seen.append("stopped")

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join(10)
    assert seen == ["stopped"]
    for _ in range(300):  # limits that run out just as the call ends
        try:
            running.limited(lambda: time.sleep(0.001), 5.0, by_the_clock=0.0011)
        except running.TookTooLong:
            seen.append("late")
    sum(range(100_000))  # an exception left behind would come up here
    assert running.limited(lambda: 7, 5.0) == 7


def test_hints_are_a_ladder(capsys):
    exercise = dataclasses.replace(nb04.context_vectors)
    for rung in (1, 2, 3, 3):
        exercise.hint()
        out = capsys.readouterr().out
        assert out.startswith(f"context_vectors: hint {rung} of 3")
        assert unwrapped(exercise.hints[rung - 1]) in unwrapped(out)
        assert ("the last" in out) == (rung == 3)


def test_progress_counts_what_was_solved(capsys, monkeypatch):
    for exercise in EXERCISES:
        monkeypatch.setattr(exercise, "status", "")
    nb04.context_vectors.check(nb04.context_vectors.reference)  # the course's own does not count
    nb04.masked_softmax.check(None)
    nb02.last_states.check(nb02.last_states.wrong_answers[0].function)
    nb02.last_states.check(lambda states, lengths: states[torch.arange(len(states)), lengths - 1])
    nb02.last_states.check(None)  # solved once, it stays solved
    capsys.readouterr()
    progress()
    lines = capsys.readouterr().out.splitlines()
    core = [sum(e.core for e in nb02.EXERCISES), sum(e.core for e in REGISTRY.values())]
    rows = {line.split()[0]: line.split()[1:] for line in lines}
    assert rows["02"] == f"1 of {core[0]} 1 of {len(nb02.EXERCISES)}".split()
    assert rows["04"][0] == rows["04"][3] == "0"
    assert rows["together"] == f"1 of {core[1]} 1 of {len(REGISTRY)}".split()
    assert lines[-2:] == [
        "Checked in this kernel, and not solved yet:",
        "  nb04.masked_softmax (not attempted)",
    ]
    assert len(lines) < 20  # a summary: nobody reads a line for each exercise of the course
    assert len({line.index(" of ") for line in lines[1:-2]}) == 1  # straight columns


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """A file of its own for what is solved, and exercises that nobody has tried yet."""
    path = tmp_path / "new folder" / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    for exercise in EXERCISES:
        monkeypatch.setattr(exercise, "status", "")
    return path


def one_blend(weights, values):
    return torch.bmm(weights, values)


def test_progress_is_kept_between_kernels_and_can_be_forgotten(kept, capsys, monkeypatch):
    nb04.context_vectors.check(one_blend)
    nb02.last_states.check(states_in_a_list)
    assert json.loads(kept.read_text()) == {
        "nb02.last_states": "correct but slow",
        "nb04.context_vectors": "correct",
    }
    for exercise in EXERCISES:
        monkeypatch.setattr(exercise, "status", "")  # as in another kernel
    nb04.context_vectors.check(sum_key_by_key)  # what was correct once stays so
    assert json.loads(kept.read_text())["nb04.context_vectors"] == "correct"
    nb02.last_states.check(None)
    nb02.last_states.check(lambda states, lengths: states[torch.arange(len(states)), lengths - 1])
    assert json.loads(kept.read_text())["nb02.last_states"] == "correct"
    for exercise in EXERCISES:
        monkeypatch.setattr(exercise, "status", "")
    capsys.readouterr()
    progress()
    out = capsys.readouterr().out
    assert f"2 of {len(REGISTRY)}\nKept in {kept}; progress(forget=True) deletes it." in out
    progress(forget=True)
    assert f"   0 of {len(REGISTRY)}\n" in capsys.readouterr().out
    assert list(kept.parent.iterdir()) == []


def test_kernels_that_solve_at_once_lose_nothing(kept):
    code = (
        "import sys\n"
        "from helpers.exercises import remembering\n"
        "for n in range(40):\n"
        "    assert not remembering.remember(f'{sys.argv[1]}.{n}', 'correct')\n"
    )
    kernels = [subprocess.Popen([sys.executable, "-c", code, name]) for name in "ab"]
    assert [kernel.wait(120) for kernel in kernels] == [0, 0]
    assert len(remembering.solved()) == 80
    assert [path.name for path in kept.parent.iterdir()] == ["progress.json"]


def test_lock_of_a_dead_kernel_is_taken_away(kept):
    kept.parent.mkdir()
    lock = kept.with_name("progress.json.lock")
    lock.touch()
    os.utime(lock, (0, 0))
    assert remembering.remember("nb04.context_vectors", "correct") == ""
    assert remembering.solved() == {"nb04.context_vectors": "correct"}


def test_progress_that_cannot_be_kept_is_said_once_and_is_no_error(tmp_path, monkeypatch, capsys):
    (tmp_path / "file").touch()
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "file" / "progress.json"))
    for exercise in (nb04.context_vectors, nb10.causal_mask):
        monkeypatch.setattr(exercise, "status", "")
    assert nb04.context_vectors.check(one_blend) is one_blend
    assert "could not be kept in" in unwrapped(capsys.readouterr().out)
    nb10.causal_mask.check(lambda length: torch.ones(length, length).tril().bool())
    assert capsys.readouterr().out == "✓ causal_mask: correct\n"


@pytest.mark.parametrize("text", ["", "[]", "{", '{"nb04.context_vectors": 3}'])
def test_unreadable_progress_is_begun_anew(kept, text):
    kept.parent.mkdir()
    kept.write_text(text)
    assert remembering.solved() == {}
    assert remembering.remember("nb02.greedy", "correct") == ""
    assert remembering.solved() == {"nb02.greedy": "correct"}


def test_progress_lies_with_the_users_data_unless_it_is_told_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_PROGRESS", " ")
    assert remembering.file() is None
    assert remembering.remember("nb02.greedy", "correct") == ""
    assert remembering.solved() == {}
    monkeypatch.delenv("COURSE_PROGRESS")
    monkeypatch.setattr(platformdirs, "user_data_path", lambda name, author: tmp_path / name)
    assert remembering.file() == tmp_path / "attention-measured" / "progress.json"
