"""Instruments that look into recurrent networks: what a state still holds, how far gradients reach.

Shapes: B batch, S length, E embedding, H hidden, V vocabulary, P parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from helpers.corpus import Batch, Pair, Vocabulary, collate
from helpers.settings import DEVICE, course_seed


def random_words(
    vocabulary: int, length: int, batch_size: int = 64, seed: int | None = None
) -> Iterator[Tensor]:
    """Yield batches (B, S) of words drawn evenly and independently, without end.

    seed: of the draw, `course_seed()` by default. No word says anything about another, so what a
    network knows of a position it must have kept.
    """
    generator = torch.Generator().manual_seed(course_seed() if seed is None else seed)
    while True:
        words = torch.randint(vocabulary, (batch_size, length), generator=generator)
        yield words.to(DEVICE)


class FirstWord(nn.Module):
    """Reads a sequence to its end and then says its first word: a test of memory.

    layer: `nn.RNN` or `nn.GRU`, or a function of (embed, hidden) that makes one, batch first.
    """

    def __init__(
        self,
        vocabulary: int = 8,
        embed: int = 16,
        hidden: int = 64,
        layer: Callable[..., nn.RNNBase] = nn.GRU,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, embed)
        self.recurrent = layer(embed, hidden, batch_first=True)
        self.output = nn.Linear(hidden, vocabulary)

    def forward(self, words: Tensor) -> Tensor:
        """words (B, S) -> logits of the first word (B, V), read off the last state alone."""
        states, _ = self.recurrent(self.embedding(words))
        return self.output(states[:, -1])


class PositionProbe(nn.Module):
    """Reads every word of a sequence back out of the last state, a linear layer per position.

    hidden: size of the last state; with two directions each gets half of it.
    """

    def __init__(
        self,
        vocabulary: int,
        length: int,
        embed: int = 32,
        hidden: int = 64,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        self.shape = length, vocabulary
        self.embedding = nn.Embedding(vocabulary, embed)
        each = hidden // 2 if bidirectional else hidden
        self.gru = nn.GRU(embed, each, batch_first=True, bidirectional=bidirectional)
        self.heads = nn.Linear(hidden, length * vocabulary)

    def forward(self, words: Tensor) -> Tensor:
        """words (B, S) -> logits (B, S, V) of the word at each position."""
        _, last = self.gru(self.embedding(words))
        return self.heads(last.transpose(0, 1).flatten(1)).unflatten(1, self.shape)


def keep_at_first(gru: nn.GRU, bias: float = 2.0) -> nn.GRU:
    """Raise the update gates' bias so that a fresh GRU keeps most of its old state; return it.

    With b = 2 a gate starts near sigmoid(2), 0.88, in place of 0.5. The same idea for the LSTM's
    forget gate: Gers et al. (2000), Jozefowicz et al. (2015).
    """
    hidden = gru.hidden_size
    with torch.no_grad():
        gru.bias_ih_l0[hidden : 2 * hidden] += bias  # rows in the order r, z, n
    return gru


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
        own = nn.functional.linear(inputs, gru.weight_ih_l0[hidden], gru.bias_ih_l0[hidden])
        old = nn.functional.linear(before, gru.weight_hh_l0[hidden], gru.bias_hh_l0[hidden])
    return torch.sigmoid(own + old)


@torch.no_grad()
def right_by_place(
    model: nn.Module,
    pairs: Sequence[Pair],
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    parts: int = 8,
) -> dict[str, Tensor]:
    """The share of gold words a translator finds, by where their source word stands.

    Each sentence is cut into equal parts; a target word belongs to the part of the source word it
    is linked to. Gold words are fed, so one slip does not spoil the next word. "own": with the
    sentence's own context; "other": with another sentence's, which is what the gold words before
    give away without the source. Both (P,).
    model: a translator whose memory is one vector a sentence, such as `BottleneckTranslator`.
    """
    if len(pairs) < 2:
        raise ValueError(f"{len(pairs)} sentences: two or more are needed to exchange contexts")
    batch = collate(pairs, source_vocabulary, target_vocabulary).to(DEVICE)
    context = model.encode(batch.source, batch.lengths)  # (B, C)
    links = [
        (row, j, i * parts // len(pair.source))
        for row, pair in enumerate(pairs)
        for i, j in sorted(pair.sure)
    ]
    rows, columns, places = torch.tensor(links, device=DEVICE).T
    total = torch.bincount(places, minlength=parts)
    shares = {}
    for name, given in (("own", context), ("other", context.roll(1, dims=0))):
        state, said = model.start(given), []
        for previous in batch.target_in.unbind(dim=1):
            logits, state, _ = model.step(previous, state, given)
            said.append(logits.argmax(dim=-1))
        right = torch.stack(said, dim=1) == batch.target_out  # (B, T)
        hits = torch.bincount(places[right[rows, columns]], minlength=parts)
        shares[name] = (hits / total).cpu()
    return shares


def reach(model: nn.Module, batch: Batch) -> Tensor:
    """How strongly a translator feels each source word: the norm of d(g . outputs) / d x_i.

    model: one with `encoder.embedding`, trained on gold prefixes. batch: sentences of one length S.
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
