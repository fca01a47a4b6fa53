"""How far gradients reach: through a recurrent layer, and from a translation to its source words.

Shapes: B batch, S length, E embedding, H hidden.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn

from helpers.corpus import Batch, Vocabulary
from helpers.models import RecurrentEncoder, Translator


class RecurrentTranslator(Translator, Protocol):
    """A translator whose encoder is recurrent, and has its source words in `encoder.embedding`."""

    encoder: RecurrentEncoder


def gradient_norms(layer: nn.RNNBase, inputs: Tensor) -> Tensor:
    """How strongly the last state feels each input: the norm of d(g . h_S) / d x_i, as a mean.

    layer: one-way and batch first. inputs (B, S, E) -> (S,), newest input last. g is a random
    direction per sequence, from torch's global generator.
    """
    inputs = inputs.detach().clone().requires_grad_()
    states, _ = layer(inputs)
    direction = torch.randn_like(states[:, -1])
    (gradient,) = torch.autograd.grad((states[:, -1] * direction).sum(), inputs)  # (B, S, E)
    return gradient.norm(dim=-1).mean(dim=0)


def update_gates(gru: nn.GRU, inputs: Tensor) -> Tensor:
    """The update gates z of a one-layer, one-way GRU; near 1 a unit keeps what it held.

    inputs (B, S, E) -> (B, S, H). PyTorch computes z inside; this computes it once more from the
    states: z_i = sigmoid(W_z x_i + b_z + U_z h_{i-1} + b'_z), Cho et al. (2014), equation 6.
    """
    hidden = slice(gru.hidden_size, 2 * gru.hidden_size)
    with torch.no_grad():
        states, _ = gru(inputs)
        before = torch.cat([torch.zeros_like(states[:, :1]), states[:, :-1]], dim=1)
        from_input, from_state, bias_in, bias_state = gru.all_weights[0]
        own = nn.functional.linear(inputs, from_input[hidden], bias_in[hidden])
        old = nn.functional.linear(before, from_state[hidden], bias_state[hidden])
    return torch.sigmoid(own + old)


def source_gradient_norms(model: RecurrentTranslator, batch: Batch) -> Tensor:
    """How strongly a translator feels each source word: the norm of d(g . outputs) / d x_i.

    model: trained on gold prefixes. batch: sentences of one length S.
    Returns (S,), the mean over sentences; g is a random direction over the outputs of all steps,
    from torch's global generator, of mean norm 1 a step.
    """
    if int(batch.lengths.min()) != batch.source.shape[1]:
        raise ValueError(
            f"lengths from {int(batch.lengths.min())} to {int(batch.lengths.max())}; expected "
            "sentences of one length, so that each has a word at every place"
        )
    embedded: list[Tensor] = []
    hook = model.encoder.embedding.register_forward_hook(lambda *call: embedded.append(call[2]))
    try:
        outputs = model(batch.source, batch.lengths, batch.target_in)  # (B, T, V)
    finally:
        hook.remove()
    real = (batch.target_out != Vocabulary.pad).unsqueeze(-1)
    direction = torch.randn_like(outputs) * real / outputs.shape[-1] ** 0.5
    per_sentence = (outputs * direction).sum(dim=(1, 2)) / real.sum(dim=(1, 2))
    (gradient,) = torch.autograd.grad(per_sentence.sum(), embedded[0])  # (B, S, E)
    return gradient.norm(dim=-1).mean(dim=0)
