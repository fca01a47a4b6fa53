"""Diagrams of a batch whose sentences differ in length: what the encoder reads, what counts.

Shapes: hidden numbers of a state.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from helpers.corpus import Vocabulary
from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, arrows
from helpers.models.recurrent import RecurrentEncoder

_PAD = "<pad>"
_HIGH = 2.5  # rows that one sentence takes


def padded_batch(sentences: Sequence[Sequence[str]]) -> Diagram:
    """A batch of sentences, filled up with `<pad>`, and the state that each hands over.

    sentences: their words. Tensors: `trace_padded_batch`.
    """
    longest = max(map(len, sentences))
    boxes, ways, masked = [], [], set()
    for b, words in enumerate(sentences, 1):
        foot, last = _HIGH * (len(sentences) - b), len(words)
        for i in range(1, longest + 1):
            padding = i > last
            boxes += [
                Box(
                    f"x{b},{i}",
                    _PAD if padding else words[i - 1],
                    "word",
                    (i, foot),
                    wide=0.9,
                    bound=False,
                ),
                Box(f"h{b},{i}", f"$h_{{{i}}}$", "source", (i, foot + 0.75), "hidden"),
            ]
            masked |= {f"h{b},{i}"} if padding else set()
        boxes.append(Box(f"c{b}", f"$c = h_{{{last}}}$", "context", (last, foot + 1.65), "hidden"))
        ways += arrows(*(f"x{b},{i} > h{b},{i}" for i in range(1, longest + 1)))
        ways += arrows(*(f"h{b},{i} > h{b},{i + 1}" for i in range(1, longest)))
        ways.append(Arrow(f"h{b},{last}", f"c{b}"))
    lengths = " and ".join(str(len(words)) for words in sentences)
    alt = (
        f"{len(sentences)} sentences of {lengths} words, one row each, filled up with <pad> to "
        f"{longest} positions. A state stands above each position, and the states on padding are "
        "hatched. From the state at each sentence's true last word an arrow leads up to its c."
    )
    title = "The context is the state at the true last word"
    return Diagram(title, tuple(boxes), tuple(ways), (), alt, frozenset(masked))


def trace_padded_batch(
    encoder: RecurrentEncoder, source: Tensor, lengths: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `padded_batch` in one graph.

    encoder: one-way. source: ids (batch, source), right-padded. lengths: (batch,), in words.
    """
    parts: dict[str, Tensor] = {}
    for b, (row, length) in enumerate(zip(source, lengths.tolist(), strict=True), 1):
        state = encoder.embedding.weight.new_zeros(1, 1, encoder.width)
        for i, x in enumerate(encoder.embedding(row), 1):
            out, _ = encoder.gru(x[None, None], state)
            parts[f"h{b},{i}"] = out[0, 0]
            state = parts[f"h{b},{i}"][None, None]
        parts[f"c{b}"] = parts[f"h{b},{length}"].clone()
    return parts


def loss_mask(first: Sequence[str], second: Sequence[str]) -> Diagram:
    """The losses of two sentences, of which only those of real words go into the mean.

    first, second: the words that are wanted, `<end>` the last. Tensors: `trace_loss_mask`.
    """
    longest, real = max(len(first), len(second)), len(first) + len(second)
    boxes, ways, masked = [], [], set()
    for b, (words, row) in enumerate(((first, 2.0), (second, 0.0)), 1):
        for t in range(1, longest + 1):
            name = f"l{b},{t}"
            counts = t <= len(words)
            label = words[t - 1] if counts else _PAD
            boxes.append(Box(name, label, "output", (t, row), wide=0.94, tall=0.56))
            if counts:
                ways.append(Arrow(name, "L"))
            else:
                masked.add(name)
    middle = ((longest + 1) / 2, 1.0)
    label = f"the loss: the mean of the {real} real words"
    boxes.append(Box("L", label, "output", middle, wide=longest - 0.1, tall=0.5))
    alt = (
        f"Two rows of wanted words with {len(first)} and {len(second)} real words, filled up with "
        "<pad>, and the loss of each word in its box. Arrows lead from the real words, <end> "
        "included, into one bar between the rows, the mean. The boxes of <pad> are hatched, and no "
        "arrow leads from them."
    )
    title = "Padding has no part in the loss"
    return Diagram(title, tuple(boxes), tuple(ways), (), alt, frozenset(masked))


def trace_loss_mask(logits: Tensor, targets: Tensor) -> dict[str, Tensor]:
    """Return every tensor of `loss_mask` in one graph.

    logits: (2, target, vocab). targets: ids (2, target), right-padded.
    """
    parts = {
        f"l{b},{t}": cross_entropy(scores, wanted)
        for b, rows in enumerate(zip(logits, targets, strict=True), 1)
        for t, (scores, wanted) in enumerate(zip(*rows, strict=True), 1)
    }
    real = (targets != Vocabulary.pad).flatten().tolist()
    counted = [loss for loss, counts in zip(parts.values(), real, strict=True) if counts]
    return parts | {"L": torch.stack(counted).mean()}


@torch.no_grad()
def follow_loss_mask(logits: Tensor, targets: Tensor) -> Numbers:
    """Return what `loss_mask` shows of a model's own losses; arguments as in `trace_loss_mask`."""
    return Numbers(
        "", {name: loss.item() for name, loss in trace_loss_mask(logits, targets).items()}
    )
