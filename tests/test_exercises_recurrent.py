"""The answers of notebook 01 are PyTorch's own layers, gradients and clipping, in float64."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.exercises import nb01

SIZES = [(1, 2, 3), (2, 3, 5), (4, 7, 2)]  # B, E, H
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
    nn.utils.clip_grad_norm_(weights, limit)
    for mine, weight in zip(ours, weights, strict=True):  # PyTorch adds 1e-6 to the norm
        torch.testing.assert_close(mine, weight.grad, rtol=1e-5, atol=1e-12)
