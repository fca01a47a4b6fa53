"""Notebook 01: its answers are PyTorch's own layers, gradients and clipping; slips are named."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.exercises import nb01
from helpers.exercises.engine import CORRECT, NOT_YET, SLOW
from helpers.exercises.inputs import Dice
from tests.exercise_tools import unwrapped

SIZES = [(1, 2, 3), (2, 3, 5), (4, 7, 2)]  # batch, embed, hidden
close = {"rtol": 1e-10, "atol": 1e-10}


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


@pytest.mark.parametrize(("b", "e", "h"), SIZES)
def test_rnn_cell_and_unroll_are_an_nn_rnn(b, e, h):
    layer = nn.RNN(e, h, batch_first=True, dtype=torch.float64)
    inputs, start = numbers(b, 4, e), numbers(b, h)
    bias = layer.bias_ih_l0 + layer.bias_hh_l0
    states = nb01.unroll.reference(
        lambda x, state: nb01.rnn_cell.reference(
            x, state, layer.weight_ih_l0, layer.weight_hh_l0, bias
        ),
        inputs,
        start,
    )
    torch.testing.assert_close(states, layer(inputs, start.unsqueeze(0))[0], **close)


@pytest.mark.parametrize(("b", "e", "h"), SIZES)
def test_gru_cell_is_an_nn_gru_cell(b, e, h):
    cell = nn.GRUCell(e, h, dtype=torch.float64)
    inputs, state = numbers(b, e), numbers(b, h)
    ours = nb01.gru_cell.reference(
        inputs, state, cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh
    )
    torch.testing.assert_close(ours, cell(inputs, state), **close)


@pytest.mark.parametrize(("_", "e", "h"), SIZES)
def test_through_time_is_what_autograd_finds(_, e, h):
    layer = nn.RNN(e, h, dtype=torch.float64)
    inputs, start, arriving = numbers(2, e).requires_grad_(), numbers(h), numbers(h)
    layer(inputs, start.unsqueeze(0))[0][-1].backward(arriving)
    with torch.no_grad():
        by_hand = nb01.through_time.reference(
            inputs,
            start,
            layer.weight_ih_l0,
            layer.weight_hh_l0,
            layer.bias_ih_l0 + layer.bias_hh_l0,
            arriving,
        )
    torch.testing.assert_close(by_hand[0], layer.weight_hh_l0.grad, **close)
    torch.testing.assert_close(by_hand[1], inputs.grad[0], **close)


@pytest.mark.parametrize("limit", [0.5, 100.0])
def test_clipping_is_pytorchs(limit):
    weights = [nn.Parameter(numbers(5, 3)), nn.Parameter(numbers(5, 5))]
    for weight in weights:
        weight.grad = numbers(*weight.shape)
    ours = nb01.clip_by_norm.reference(*(weight.grad.clone() for weight in weights), limit)
    norm = nn.utils.clip_grad_norm_(weights, limit)
    shorter = norm / (norm + 1e-6) if norm > limit else 1.0  # PyTorch adds 1e-6 to the norm
    for mine, weight in zip(ours, weights, strict=True):
        torch.testing.assert_close(mine * shorter, weight.grad, **close)


def test_clipping_leaves_gradients_of_zero_alone():
    nothing = torch.zeros(3, 2), torch.zeros(3, 3)
    for ours, given in zip(nb01.clip_by_norm.reference(*nothing, 1.0), nothing, strict=True):
        assert torch.equal(ours, given)


def over_the_batch(cell, inputs, state):
    return torch.stack([cell(sentence, state) for sentence in inputs])


def one_sentence_at_a_time(cell, inputs, state):
    rows = []
    for b in range(inputs.size(0)):
        rows.append([state[b : b + 1]])
        for x in inputs[b]:
            rows[-1].append(cell(x.unsqueeze(0), rows[-1][-1]))
    return torch.cat([torch.stack(row[1:], dim=1) for row in rows])


def swapped_arguments(cell, inputs, state):
    return cell(state, inputs[:, 0]).unsqueeze(1)


def state_with_an_axis_too_many(cell, inputs, state):
    return cell(inputs[:, 0], state.unsqueeze(0))


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (
            over_the_batch,
            "cell was given x of shape (2, 3); it needs (batch, embed), here (1, 3): one",
        ),
        (
            one_sentence_at_a_time,
            "cell was given x of shape (1, 1); it needs (batch, embed), here (2, 1)",
        ),
        (
            swapped_arguments,
            "cell was given x of shape (1, 4); it needs (batch, embed), here (1, 3): one",
        ),
        (
            state_with_an_axis_too_many,
            "cell was given h of shape (1, 1, 4); it needs (batch, hidden), here",
        ),
    ],
)
def test_cell_says_what_it_needs(answer, message):
    verdict = nb01.unroll.verdict(answer)
    assert verdict.kind == NOT_YET
    assert message in unwrapped(verdict.message)
    assert verdict.details.startswith("The smallest input that shows it: ")


def test_cell_is_called_once_for_each_position():
    def called_twice(cell, inputs, state):
        cell(inputs[:, 0], state)
        return nb01.unroll.reference(cell, inputs, state)

    verdict = nb01.unroll.verdict(called_twice)
    assert verdict.kind == NOT_YET
    assert "of cell 3. Needed: of cell 2." in unwrapped(verdict.message)


@pytest.mark.parametrize("seed", [2014, 1, 2])
def test_inputs_leave_room_for_slips_to_show(seed):
    """Starting states are not 0, and tanh is not so flat that its slope is nothing."""
    for words, start, w_x, w_h, bias, _ in nb01.through_time.cases(Dice(seed)):
        assert (start != 0).all()
        state = start
        for word in words:
            state = torch.tanh(w_x @ word + w_h @ state + bias)
            assert (1 - state**2).mean() > 0.1
    for case in nb01.rnn_cell.cases(Dice(seed)):
        assert (1 - nb01.rnn_cell.reference(*case) ** 2).mean() > 0.1


def by_autograd(inputs, start, input_weight, recurrent_weight, bias, last_gradient):
    inputs, weight = inputs.clone().requires_grad_(), recurrent_weight.clone().requires_grad_()
    first = torch.tanh(input_weight @ inputs[0] + weight @ start + bias)
    second = torch.tanh(input_weight @ inputs[1] + weight @ first + bias)
    second.backward(last_gradient)
    return weight.grad, inputs.grad[0]


def joined(inputs, state, input_weight, recurrent_weight, bias):
    weight = torch.cat([input_weight, recurrent_weight], dim=1)
    return torch.tanh(torch.cat([inputs, state], dim=1) @ weight.T + bias)


def filled_in(cell, inputs, state):
    states = torch.zeros(*inputs.shape[:2], state.size(1))
    for i in range(inputs.size(1)):
        states[:, i] = state = cell(inputs[:, i], state)
    return states


def clipped_with_min(input_gradient, recurrent_gradient, limit):
    norms = torch.stack([input_gradient.norm(), recurrent_gradient.norm()])
    factor = (limit / norms.norm()).clamp(max=1.0)
    return [input_gradient * factor, recurrent_gradient * factor]


def gate_by_gate(x, h, w, u, b, c):
    (w_r, w_z, w_n), (u_r, u_z, u_n) = w.chunk(3), u.chunk(3)
    (b_r, b_z, b_n), (c_r, c_z, c_n) = b.chunk(3), c.chunk(3)
    r = torch.sigmoid(x @ w_r.T + b_r + h @ u_r.T + c_r)
    z = torch.sigmoid(x @ w_z.T + b_z + h @ u_z.T + c_z)
    n = torch.tanh(x @ w_n.T + b_n + r * (h @ u_n.T + c_n))
    return n + z * (h - n)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb01.rnn_cell, joined),
        (nb01.unroll, filled_in),
        (nb01.through_time, by_autograd),
        (nb01.clip_by_norm, clipped_with_min),
        (nb01.gru_cell, gate_by_gate),
    ],
    ids=lambda value: getattr(value, "name", "answer"),
)
def test_other_right_ways_are_right(exercise, answer):
    assert exercise.verdict(answer).kind in (CORRECT, SLOW)
