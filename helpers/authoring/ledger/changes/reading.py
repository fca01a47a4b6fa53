"""What a recurrent network keeps of what it read.

Shapes: B batch, S length, H hidden, V vocabulary.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from helpers.analysis import probes
from helpers.models import recurrent


def turned_without_tanh() -> None:
    """Let an `nn.RNN` start as a rotation and leave tanh out, so that nothing fades."""
    reset = nn.RNNBase.reset_parameters

    def turned(self: nn.RNN) -> None:
        reset(self)
        nn.init.orthogonal_(self.weight_hh_l0)

    def forward(self: nn.RNN, inputs: Tensor, start: Any = None) -> tuple[Tensor, Tensor]:
        state, states = inputs.new_zeros(len(inputs), self.hidden_size), []
        for x in inputs.unbind(dim=1):
            state = x @ self.weight_ih_l0.T + state @ self.weight_hh_l0.T
            states.append(state)
        return torch.stack(states, dim=1), state.unsqueeze(0)

    nn.RNN.reset_parameters = turned  # type: ignore[method-assign]
    nn.RNN.forward = forward  # type: ignore[method-assign, assignment]


def gates_keep() -> None:
    """Let each GRU start with +2 on the bias of its update gate, so that it keeps its state."""
    reset = nn.RNNBase.reset_parameters

    def keeping(self: nn.GRU) -> None:
        reset(self)
        with torch.no_grad():
            for name, bias in self.named_parameters():
                if name.startswith("bias_ih"):
                    bias[self.hidden_size : 2 * self.hidden_size] += 2

    nn.GRU.reset_parameters = keeping  # type: ignore[method-assign]


def gates_shut() -> None:
    """Let the update gate of a one-way GRU keep nothing, which leaves a plain recurrent cell."""

    def forward(self: nn.GRU, inputs: Tensor, start: Any = None) -> tuple[Tensor, Tensor]:
        from_input, from_state, bias, bias_state = self.all_weights[0]
        reset, update, candidate = bias.chunk(3)
        shut = torch.cat([reset, torch.full_like(update, -50), candidate])
        if start is None:
            start = inputs.new_zeros(1, len(inputs), self.hidden_size)
        weights = [from_input, from_state, shut, bias_state]
        return torch.gru(inputs, start, weights, True, 1, 0.0, self.training, False, True)

    nn.GRU.forward = forward  # type: ignore[method-assign, assignment]


def last_state_lost() -> None:
    """Let neither a decoder nor a reader of positions see what was read."""
    encode = recurrent.BottleneckTranslator.encode

    def nothing(self: Any, source: Tensor, lengths: Tensor) -> Tensor:
        return 0 * encode(self, source, lengths)

    def forward(self: probes.PositionReader, words: Tensor) -> Tensor:
        _, last = self.gru(self.embedding(words))
        return self.heads(0 * last.transpose(0, 1).flatten(1)).unflatten(1, self.shape)

    recurrent.BottleneckTranslator.encode = nothing  # type: ignore[method-assign]
    probes.PositionReader.forward = forward  # type: ignore[method-assign]


def each_from_its_own_state() -> None:
    """Let a reader read each position from the state there, so that no state keeps a sentence."""

    def forward(self: probes.PositionReader, words: Tensor) -> Tensor:
        states, _ = self.gru(self.embedding(words))  # (B, S, H)
        heads = self.heads.weight.unflatten(0, self.shape)  # (S, V, H)
        biases = self.heads.bias.unflatten(0, self.shape)  # (S, V)
        return torch.einsum("bsh,svh->bsv", states, heads) + biases

    probes.PositionReader.forward = forward  # type: ignore[method-assign]


def last_state_alone() -> None:
    """Let a `LuongTranslator` with attention be given the encoder's last state and no other."""
    make = recurrent.LuongTranslator.__init__

    def given(self: Any, *arguments: Any, context: str = "attention", **options: Any) -> None:
        context = "last state" if context == "attention" else context
        make(self, *arguments, context=context, **options)

    recurrent.LuongTranslator.__init__ = given  # type: ignore[method-assign]


def words_before_unread() -> None:
    """Let the decoder of a `LuongTranslator` be fed zeros in place of the words before."""
    make = recurrent.LuongTranslator.__init__

    def deaf(self: Any, *arguments: Any, **options: Any) -> None:
        make(self, *arguments, **options)
        self.embedding.weight.data.zero_()
        self.embedding.weight.requires_grad_(False)

    recurrent.LuongTranslator.__init__ = deaf  # type: ignore[method-assign]
