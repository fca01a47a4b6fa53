"""Notebook 01: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`.
"""

from __future__ import annotations

import math

import torch


def rnn_cell(
    inputs: torch.Tensor,
    state: torch.Tensor,
    input_weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    bias: torch.Tensor,
) -> torch.Tensor:
    """Return the new states h_i = tanh(W_x x_i + W_h h_{i-1} + b), (batch, hidden).

    inputs: x_i, (batch, embed). state: h_{i-1}, (batch, hidden).
    input_weight: W_x, (hidden, embed). recurrent_weight: W_h, (hidden, hidden). bias: (hidden,).
    """
    total = inputs @ input_weight.T + state @ recurrent_weight.T + bias  # (batch, hidden)
    return torch.tanh(total)


def rnn_cell_spec(
    inputs: torch.Tensor,
    state: torch.Tensor,
    input_weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    bias: torch.Tensor,
) -> torch.Tensor:
    """Number by number: what a unit gets from each input and from each old unit."""
    new = torch.zeros_like(state)
    for b in range(state.size(0)):
        for h in range(state.size(1)):
            total = bias[h]
            for e in range(inputs.size(1)):
                total = total + input_weight[h, e] * inputs[b, e]
            for old in range(state.size(1)):
                total = total + recurrent_weight[h, old] * state[b, old]
            new[b, h] = torch.tanh(total)
    return new


def unroll(cell, inputs: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """Return all the states h_1 ... h_S, (batch, source, hidden), of a cell run left to right.

    cell(x, h) -> new state (batch, hidden), from the inputs of one position (batch, embed) and the
    state before (batch, hidden).
    inputs: (batch, source, embed). state: h_0, (batch, hidden), which is not among the results.
    """
    states = []
    for position in range(inputs.size(1)):
        state = cell(inputs[:, position], state)
        states.append(state)
    return torch.stack(states, dim=1)  # (batch, source, hidden)


def unroll_spec(cell, inputs: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
    """The first position, and then the rest, which starts from there."""
    first = cell(inputs[:, 0], state).unsqueeze(1)
    if inputs.size(1) == 1:
        return first
    return torch.cat([first, unroll_spec(cell, inputs[:, 1:], first[:, 0])], dim=1)


def through_time(
    inputs: torch.Tensor,
    start: torch.Tensor,
    input_weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    bias: torch.Tensor,
    last_gradient: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Carry dL/dh_2 back through two steps of an RNN; return dL/dW_h and dL/dx_1.

    The shapes of the two are (hidden, hidden) and (embed,).
    h_i = tanh(W_x x_i + W_h h_{i-1} + b), one sentence of two words. Werbos (1990).
    inputs: x_1 and x_2, (2, embed). start: h_0, (hidden,). input_weight: W_x, (hidden, embed).
    recurrent_weight: W_h, (hidden, hidden). bias: (hidden,). last_gradient: dL/dh_2, (hidden,).
    """
    first = torch.tanh(input_weight @ inputs[0] + recurrent_weight @ start + bias)  # h_1
    second = torch.tanh(input_weight @ inputs[1] + recurrent_weight @ first + bias)  # h_2
    delta_2 = last_gradient * (1 - second**2)  # (hidden,), at the input of the second tanh
    delta_1 = (recurrent_weight.T @ delta_2) * (1 - first**2)  # (hidden,), one step further back
    # Two outer products, (hidden, hidden) each: the share of step 2 and the share of step 1.
    weight_gradient = torch.outer(delta_2, first) + torch.outer(delta_1, start)
    return weight_gradient, input_weight.T @ delta_1


def through_time_spec(
    inputs: torch.Tensor,
    start: torch.Tensor,
    input_weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    bias: torch.Tensor,
    last_gradient: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Let autograd carry the gradient back."""
    words, weight = inputs.detach().clone(), recurrent_weight.detach().clone()
    words.requires_grad_(), weight.requires_grad_()
    with torch.enable_grad():
        state = start
        for word in words:
            state = torch.tanh(input_weight @ word + weight @ state + bias)
        weight_gradient, word_gradient = torch.autograd.grad(
            (state * last_gradient).sum(), (weight, words)
        )
    return weight_gradient, word_gradient[0]


def clip_by_norm(
    input_gradient: torch.Tensor, recurrent_gradient: torch.Tensor, limit: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return both gradients, shrunk together so that their common norm is at most `limit`.

    input_gradient: dL/dW_x, (hidden, embed). recurrent_gradient: dL/dW_h, (hidden, hidden).
    Neither is changed in place.
    The norm is that of all their numbers together. Pascanu et al. (2013), Algorithm 1.
    """
    norm = torch.sqrt((input_gradient**2).sum() + (recurrent_gradient**2).sum())
    factor = limit / norm if norm > limit else 1.0
    return input_gradient * factor, recurrent_gradient * factor


def clip_by_norm_spec(
    input_gradient: torch.Tensor, recurrent_gradient: torch.Tensor, limit: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add up the squares of all numbers, one by one."""
    squares = 0.0
    for gradient in (input_gradient, recurrent_gradient):
        for number in gradient.flatten().tolist():
            squares += number * number
    norm = math.sqrt(squares)
    if norm <= limit:
        return input_gradient.clone(), recurrent_gradient.clone()
    return input_gradient / norm * limit, recurrent_gradient / norm * limit


def gru_cell(
    inputs: torch.Tensor,
    state: torch.Tensor,
    input_weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    input_bias: torch.Tensor,
    recurrent_bias: torch.Tensor,
) -> torch.Tensor:
    """Return the new states of a GRU, as PyTorch computes them, (batch, hidden).

    inputs: x_i, (batch, embed). state: h_{i-1}, (batch, hidden). The parameters hold three blocks
    of `hidden` rows each, in the order r, z, n: input_weight (3 hidden, embed),
    recurrent_weight (3 hidden, hidden), input_bias (3 hidden,), recurrent_bias (3 hidden,).
    """
    own = inputs @ input_weight.T + input_bias  # (batch, 3 hidden)
    old = state @ recurrent_weight.T + recurrent_bias  # (batch, 3 hidden)
    own_r, own_z, own_n = own.chunk(3, dim=-1)  # (batch, hidden) each
    old_r, old_z, old_n = old.chunk(3, dim=-1)
    reset = torch.sigmoid(own_r + old_r)
    update = torch.sigmoid(own_z + old_z)
    candidate = torch.tanh(own_n + reset * old_n)
    return (1 - update) * candidate + update * state


def gru_cell_spec(
    inputs: torch.Tensor,
    state: torch.Tensor,
    input_weight: torch.Tensor,
    recurrent_weight: torch.Tensor,
    input_bias: torch.Tensor,
    recurrent_bias: torch.Tensor,
) -> torch.Tensor:
    """Sentence by sentence and unit by unit, each gate from its own rows."""
    batch, hidden = state.shape
    new = torch.zeros_like(state)
    for b in range(batch):
        for h in range(hidden):
            own = [
                input_weight[k * hidden + h] @ inputs[b] + input_bias[k * hidden + h]
                for k in range(3)
            ]
            old = [
                recurrent_weight[k * hidden + h] @ state[b] + recurrent_bias[k * hidden + h]
                for k in range(3)
            ]
            r, z = torch.sigmoid(own[0] + old[0]), torch.sigmoid(own[1] + old[1])
            n = torch.tanh(own[2] + r * old[2])
            new[b, h] = n + z * (state[b, h] - n)
    return new
