"""A slip that nobody foresaw is told by the change in the course's answer that gives the same."""

from __future__ import annotations

import ast

import pytest
import torch
from torch.nn.functional import cross_entropy, silu

from helpers.exercises import REGISTRY, nb00, nb01, nb02, nb04, nb06, nb08, nb09, nb12
from helpers.exercises.engine import NOT_YET
from helpers.exercises.inputs import Dice
from helpers.exercises.slips import inlined, program, slips
from tests.exercise_tools import define, edited, unwrapped


def variance_not_divided(states, gain, bias, eps):
    centred = states - states.mean(dim=-1, keepdim=True)
    return gain * centred / (centred.square().sum(dim=-1, keepdim=True) + eps).sqrt() + bias


def bias_behind_the_norm_of_half(inputs, state, input_weight, recurrent_weight, bias):
    return torch.tanh(inputs @ input_weight.T) + state @ recurrent_weight.T + bias


def stream_as_it_was(states, memory, look, across, mlp, norm_1, norm_2, norm_3):
    asking = norm_2(states + look(norm_1(states)))
    states = states + across(asking, memory)
    return states + mlp(norm_3(states))


def state_added(embedded, state, look, cell):
    context, weights = look(state)
    return cell(torch.cat([embedded, context], dim=1), state) + state, context, weights


@pytest.mark.parametrize(
    ("exercise", "answer", "text"),
    [
        (nb12.layer_norm, variance_not_divided, "one change to the course's answer: sum in place"),
        (
            nb12.feed_forward,
            lambda x, w, b, u, c: silu(x @ w + b) @ u + c,
            "silu in place of relu",
        ),
        (
            nb12.encoder_block,
            lambda x, look, mlp, n1, n2: nb12.encoder_block.reference(x, mlp, look, n1, n2),
            "attention and mlp exchanged",
        ),
        (nb12.decoder_block, stream_as_it_was, "states as it was given, and not what it has"),
        (
            nb04.decoder_step,
            lambda x, s, look, cell: (cell(torch.cat([x, look(s)[0]], 1), s) + s, *look(s)),
            "",  # it looks twice, which no change of the answer does
        ),
        (nb04.decoder_step, state_added, "state added to `cell("),
        (
            nb01.rnn_cell,
            bias_behind_the_norm_of_half,
            "only `inputs @ input_weight.T` inside tanh",
        ),
        (
            nb01.rnn_cell,
            lambda x, h, w, u, b: torch.tanh(x @ w.T + b) + h @ u.T,
            "`state @ recurrent_weight.T` outside tanh, and not inside",
        ),
        (
            nb04.decoder_step,
            lambda x, s, look, cell: (
                cell(torch.cat([x, (seen := look(s))[0]], 1), torch.zeros_like(s)),
                *seen,
            ),
            "zeros in place of `state`",
        ),
        (
            nb02.masked_loss,
            lambda x, y, pad=0: (
                cross_entropy(x.mT, y, ignore_index=pad, reduction="sum") / y.size(1)
            ),
            "a sum divided by `logits.size(1)` in place of the mean",
        ),
        (
            nb00.softmax,
            lambda x: torch.relu(x) / torch.relu(x).sum(),
            "two changes to the course's answer: relu in place of exp",
        ),
        (
            nb04.decoder_step,
            lambda x, s, look, cell: (cell(torch.cat([x, 0 * look(s)[0]], 1), s), *look(s)),
            "",
        ),
    ],
    ids=lambda value: getattr(value, "name", "answer"),
)
def test_slip_is_told_by_the_change_that_gives_the_same(exercise, answer, text):
    verdict = exercise.verdict(answer)
    assert (verdict.kind, verdict.misconception) == (NOT_YET, "")
    assert text in unwrapped(verdict.message)
    assert ("Your results are those of" in verdict.message) == bool(text)


def test_slip_must_do_the_same_where_the_answer_is_right():
    """Both softmaxes below are wrong on large scores alone, and only one has the course's slip."""

    def clamped(scores):
        return torch.softmax(scores.clamp(max=700.0), dim=0)

    verdict = nb00.softmax.verdict(clamped)
    assert verdict.kind == NOT_YET
    assert "Your results are those of" not in verdict.message


def test_slip_of_a_whole_is_told_too():
    text = nb08.AttentionLayer.source.replace("/ keys.size(-1) ** 0.5", "* keys.size(-1) ** 0.5")
    verdict = nb08.AttentionLayer.verdict(define(nb08.AttentionLayer, text))
    assert verdict.kind == NOT_YET
    assert "Your results are those of one change to the course's" in unwrapped(verdict.message)
    assert "* keys.size(-1) ** 0.5" in verdict.message


@pytest.mark.parametrize(
    ("exercise", "old", "new", "text"),
    [
        (
            nb08.AttentionLayer,
            "/ keys.size(-1) ** 0.5",
            "/ memory.size(-1) ** 0.5",
            "`memory.size(-1)` in place of `keys.size(-1)`",
        ),
        (
            nb09.SelfAttention,
            "self.output(weights @ values)",
            "self.value(weights @ self.output(states))",
            "`self.output` and `self.value` exchanged",
        ),
        (
            nb04.AdditiveDecoder,
            "torch.stack(read, dim=1)), state, torch.stack(maps, dim=1)",
            "torch.stack(read).view(len(state), len(read), -1)), state, "
            "torch.stack(maps).view(len(state), len(maps), -1)",
            "the rows of stack reshaped",
        ),
    ],
    ids=("other width", "layers exchanged", "stack and view"),
)
def test_slip_in_a_layer_or_a_shape_is_told(exercise, old, new, text):
    verdict = exercise.verdict(edited(exercise, (old, new)))
    assert verdict.kind == NOT_YET
    assert text in unwrapped(verdict.message)


def test_slip_in_a_part_of_a_whole_is_named_as_that_part_names_it():
    text = nb04.AdditiveDecoder.source.replace(
        "masked_softmax(additive_scores(query, keys, self.v), mask)",
        "torch.softmax(additive_scores(query, keys, self.v), dim=-1) * mask",
    )
    verdict = nb04.AdditiveDecoder.verdict(define(nb04.AdditiveDecoder, text))
    assert verdict.misconception == "masked_softmax.mask_after"
    assert verdict.message.startswith("In masked_softmax, or where you wrote it out: ")


def test_results_that_are_all_false_are_told_as_that_and_not_by_other_arguments():
    """Other links that cross nowhere would give the same, and they explain nothing."""

    def every_other_link(links):
        apart = links.unsqueeze(1) - links
        return (apart[..., 0] * apart[..., 1] < 0).all(dim=1)

    message = unwrapped(nb06.crossing.verdict(every_other_link).message)
    assert "all in place of any" in message


SOURCE = '''
def answer(x, scale=2.0):
    """Return what is asked for."""
    total = torch.tanh(x + scale)
    return total.sum()
'''


def test_slips_are_all_other_programs_with_words_and_leave_the_first_as_it_is():
    tree = program(SOURCE)
    before = ast.dump(tree)
    found = list(slips(tree, {"x": torch.ones(2), "scale": 1.0}))
    assert ast.dump(tree) == before
    assert all(ast.dump(slip.tree) != before for slip in found)
    words = [slip.words for slip in found]
    assert "gelu in place of tanh in `torch.tanh(x + scale)`" in words
    assert "only `x` inside tanh, and the rest of `x + scale` outside" in words
    assert "scale taken as 2.0, whatever is given" in words
    assert "no `+ scale`" in words
    for slip in found:
        compile(ast.fix_missing_locations(slip.tree), "<slip>", "exec")


@pytest.mark.parametrize("exercise", REGISTRY.values(), ids=lambda exercise: exercise.name)
def test_every_slip_of_an_answer_is_a_program_with_words(exercise):
    case = exercise.cases(Dice(0))[0]
    arguments = dict(zip(exercise.parameters, case, strict=False))
    tree = program(exercise.source, exercise.to_write)
    for number, slip in enumerate(slips(tree, arguments, exercise.to_write)):
        compile(ast.fix_missing_locations(slip.tree), "<slip>", "exec")
        if number % 5 == 0:  # words take as long as ten programs
            assert 0 < len(slip.words) < 220


def test_name_that_is_read_once_is_replaced_by_what_it_stands_for():
    (function,) = inlined(program(SOURCE)).body
    assert ast.unparse(function.body[0]) == "return torch.tanh(x + scale).sum()"
