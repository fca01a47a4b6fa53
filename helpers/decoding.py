"""From a trained model to words: greedy decoding, beam search, sampling; a sentence or a test set.

Greedy decoding commits itself to the likeliest word at each step. Beam search keeps the K likeliest
beginnings of a sentence and lets them compete, so a word that looks worse at first can still win.
Both work with any `Translator`, and with dropout off, whatever mode the model is in.

Shapes: B batch, S source length, T target length, V target vocabulary, K hypotheses of a sentence
(the beam's width). A hypothesis is a beginning of a translation, or a whole one with its `<end>`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, NamedTuple, overload

import torch
from torch import Tensor, nn

from helpers.corpus import Batch, Pair, Vocabulary, collate, tokenize
from helpers.models import Trainable, Translator
from helpers.settings import DEVICE, new_generator

MAX_LENGTH = 60
NEVER = (Vocabulary.pad, Vocabulary.start)  # no sentence holds them, so no hypothesis may


@dataclass(frozen=True)
class Translation:
    """One translated sentence.

    source: S words. target: T words, the last of them `<end>` if the model stopped by itself.
    weights: (T, S), row t belongs to target[t]; None where the model has no attention.
    """

    source: list[str]
    target: list[str]
    weights: Tensor | None

    @property
    def words(self) -> list[str]:
        """The target without `<end>`."""
        return self.target[:-1] if self.target[-1:] == ["<end>"] else self.target


@contextmanager
def evaluating(model: Trainable) -> Iterator[None]:
    """Inside, dropout is off and no gradient is kept; afterwards the model's mode is as before."""
    mode = model.training
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.train(mode)


def greedy(
    model: Translator, source: Tensor, lengths: Tensor, max_length: int = MAX_LENGTH
) -> tuple[Tensor, Tensor | None]:
    """Feed `<start>`, then at each step the word just chosen, the likeliest one.

    source (B, S), lengths (B,) -> words (B, T), `<end>` included and padding after it, and the
    weights (B, T, S) or None. Stops when every sentence has its `<end>`, or at max_length.
    Raises ValueError for a max_length below 1.
    """
    if max_length < 1:
        raise ValueError(f"max_length={max_length}: expected 1 or more")
    with evaluating(model):
        memory = model.encode(source, lengths)
        state = model.start(memory)
        previous = torch.full_like(lengths, Vocabulary.start)
        ended = torch.zeros_like(previous, dtype=torch.bool)
        words, maps = [], []
        for _ in range(max_length):
            logits, state, weights = model.step(previous, state, memory)
            previous = logits.argmax(dim=-1).masked_fill(ended, Vocabulary.pad)
            words.append(previous)
            maps.append(weights)
            ended = ended | (previous == Vocabulary.end)
            if ended.all():
                break
    return torch.stack(words, dim=1), _stacked(maps)


def forced(
    model: Translator, source: Tensor, lengths: Tensor, target_in: Tensor
) -> tuple[Tensor, Tensor | None]:
    """Feed the gold words instead of the model's own, step by step.

    source (B, S), lengths (B,), target_in (B, T) -> logits (B, T, V), weights (B, T, S) or None.
    Row t of the weights is where the model looks while it has to say gold word t.
    """
    with evaluating(model):
        memory = model.encode(source, lengths)
        state, rows, maps = model.start(memory), [], []
        for previous in target_in.unbind(dim=1):
            logits, state, weights = model.step(previous, state, memory)
            rows.append(logits)
            maps.append(weights)
    return torch.stack(rows, dim=1), _stacked(maps)


def translate(
    model: Translator,
    text: str,
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    max_length: int = MAX_LENGTH,
) -> Translation:
    """Translate one typed sentence.

    Raises ValueError with a friendly text for an empty sentence or for words that the model has
    never seen (all are listed).
    """
    words = tokenize(text)
    device = next(model.parameters()).device
    source = torch.tensor([source_vocabulary.encode(words)], device=device)
    lengths = torch.tensor([len(words)], device=device)
    chosen, weights = greedy(model, source, lengths, max_length)
    ids = chosen[0].tolist()
    return Translation(
        source=words,
        target=[target_vocabulary.words[i] for i in ids[: _length(ids)]],
        weights=None if weights is None else weights[0, : _length(ids)].cpu(),
    )


def translate_all(
    model: Translator,
    pairs: Sequence[Pair],
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    batch_size: int = 250,
    teacher_forcing: bool = False,
) -> list[Translation]:
    """Translate every source sentence of `pairs` greedily, in their order.

    teacher_forcing: feed the gold words; each word is then the likeliest after the gold prefix,
    and there are exactly as many as in the gold sentence and its `<end>`.
    """

    def decode(batch: Batch) -> tuple[Tensor, Tensor | None]:
        if not teacher_forcing:
            return greedy(model, batch.source, batch.lengths)
        logits, weights = forced(model, batch.source, batch.lengths, batch.target_in)
        words = logits.argmax(dim=-1)
        # What is said behind the gold sentence's end is no part of it.
        return words.masked_fill(batch.target_out == Vocabulary.pad, Vocabulary.pad), weights

    return _translations(
        model, decode, pairs, source_vocabulary, target_vocabulary, batch_size, teacher_forcing
    )


@overload
def length_penalty(length: float, alpha: float) -> float: ...
@overload
def length_penalty(length: Tensor, alpha: float) -> Tensor: ...
def length_penalty(length: Any, alpha: float) -> Any:
    """lp(Y) = ((5 + |Y|) / 6)^alpha (Wu et al. 2016, section 7, equation 14).

    length: words of the hypothesis, `<end>` included, a number or a tensor. alpha: 0 for no
    penalty, 1 for nearly the mean log-probability of a word; Wu et al. chose 0.6 to 0.7. A
    log-probability is divided by it.
    """
    return ((5 + length) / 6) ** alpha


class Hypotheses(NamedTuple):
    """The K best hypotheses of each sentence, the best one first.

    words (B, K, T), `<end>` included and padding after it. scores (B, K): log-probability divided
    by the length penalty; -inf where there are fewer than K. weights (B, K, T, S) or None.
    """

    words: Tensor
    scores: Tensor
    weights: Tensor | None


def beam_search(
    model: Translator,
    source: Tensor,
    lengths: Tensor,
    width: int = 4,
    alpha: float = 0.6,
    max_length: int = MAX_LENGTH,
) -> Hypotheses:
    """Return the `width` best translations of each sentence that the search found.

    source (B, S), lengths (B,). width: K; with 1 it is greedy decoding that never says `<pad>` or
    `<start>`. alpha: see `length_penalty`. At each step every hypothesis goes on with every word,
    and of these K * V the K with the best score stay. One with its `<end>` stays as it is and goes
    on competing. The search of a batch ends when all hypotheses have their `<end>`, or at
    max_length. Raises ValueError for a width below 1 and a max_length below 1.
    """
    if width < 1 or max_length < 1:
        raise ValueError(f"width={width} and max_length={max_length}: expected 1 or more")
    with evaluating(model):
        return _search(model, source, lengths, width, alpha, max_length)


def _search(
    model: Translator, source: Tensor, lengths: Tensor, width: int, alpha: float, max_length: int
) -> Hypotheses:
    sentences = len(source)
    memory = repeat_memory(model.encode(source, lengths), width)
    first = torch.arange(sentences, device=source.device).unsqueeze(1)  # (B, 1)
    state = model.start(memory)
    previous = torch.full((sentences * width,), Vocabulary.start, device=source.device)
    sums = source.new_full((sentences, width), -torch.inf, dtype=torch.get_default_dtype())
    sums[:, 0] = 0.0  # all K are the same at first: only one of them may go on
    sizes = torch.zeros_like(first).expand(-1, width)  # words of each hypothesis
    ended = torch.zeros(sentences, width, dtype=torch.bool, device=source.device)
    words = source.new_zeros(sentences, width, 0)
    maps: Tensor | None = None
    for _ in range(max_length):
        logits, state, weights = model.step(previous, state, memory)
        logits[:, list(NEVER)] = -torch.inf
        gains = torch.log_softmax(logits, dim=-1)  # (B * K, V)
        gains = gains.view(sentences, width, logits.shape[-1])  # (B, K, V)
        gains = _only_padding(gains, ended)
        totals = sums.unsqueeze(-1) + gains  # (B, K, V)
        grown = sizes + ~ended  # (B, K)
        ranked = totals / length_penalty(grown, alpha).unsqueeze(-1)
        best = ranked.flatten(1).topk(width, dim=1).indices  # (B, K)
        parents, chosen = best // gains.shape[-1], best % gains.shape[-1]
        sums, sizes = totals.flatten(1).gather(1, best), grown.gather(1, parents)
        words = torch.cat([_take_over(words, parents), chosen.unsqueeze(-1)], dim=-1)
        ended = ended.gather(1, parents) | (chosen == Vocabulary.end)
        rows = (first * width + parents).flatten()
        if weights is not None:
            row = weights[rows].unflatten(0, (sentences, width)).unsqueeze(2)  # (B, K, 1, S)
            maps = row if maps is None else torch.cat([_take_over(maps, parents), row], dim=2)
        # Row b * K + k of every tensor belongs to hypothesis k of sentence b.
        state, previous = _map_tensors(state, itemgetter(rows)), chosen.flatten()
        if ended.all():
            break
    return Hypotheses(words, sums / length_penalty(sizes, alpha), maps)


def beam_translate_all(
    model: Translator,
    pairs: Sequence[Pair],
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    width: int = 4,
    alpha: float = 0.6,
    batch_size: int = 100,
) -> list[Translation]:
    """Translate every source sentence of `pairs` by beam search, in their order: the best one each.

    As `translate_all`, with `width` and `alpha` of `beam_search`.
    """

    def decode(batch: Batch) -> tuple[Tensor, Tensor | None]:
        best = beam_search(model, batch.source, batch.lengths, width, alpha)
        return best.words[:, 0], None if best.weights is None else best.weights[:, 0]

    return _translations(model, decode, pairs, source_vocabulary, target_vocabulary, batch_size)


def repeat_memory(memory: Any, width: int) -> Any:
    """A memory of B sentences as one of B * K: row b * K + k is for hypothesis k of sentence b."""
    return _map_tensors(memory, lambda part: part.repeat_interleave(width, dim=0))


def sample_sentences(
    model: nn.Module,
    count: int,
    temperature: float = 1.0,
    k: int | None = None,
    longest: int = 40,
    seed: int | None = None,
) -> list[list[int]]:
    """Draw `count` sentences side by side: ids without <start> and <end>, at most `longest` each.

    model: a language model, words (B, T) -> logits (B, T, V). temperature: divides the logits,
    above 0. k: only the k most likely words may be drawn, all if None; words that tie with the
    k-th stay. seed: of the draws, `course_seed()` by default.
    """
    if temperature <= 0 or (k is not None and k < 1) or count < 1:
        raise ValueError(
            f"count is {count}, temperature {temperature} and k {k}; expected 1 or more, above 0, "
            "and 1 or more or None. For the likeliest word alone, take k=1."
        )
    generator = new_generator(seed)
    words = torch.full((count, 1), Vocabulary.start)
    for _ in range(longest):
        with evaluating(model):
            logits = model(words.to(DEVICE))[:, -1].cpu()  # (B, V)
        logits = logits.index_fill(1, torch.tensor(NEVER), -torch.inf)
        if k is not None:
            least = logits.topk(min(k, logits.shape[-1]), dim=-1).values[:, -1:]
            logits = logits.masked_fill(logits < least, -torch.inf)
        chances = torch.softmax(logits / temperature, dim=-1)
        words = torch.cat([words, torch.multinomial(chances, 1, generator=generator)], dim=1)
        if (words == Vocabulary.end).any(dim=1).all():
            break
    sentences = []
    for row in words[:, 1:].tolist():
        sentences.append(row[: row.index(Vocabulary.end)] if Vocabulary.end in row else row)
    return sentences


def _translations(
    model: Translator,
    decode: Callable[[Batch], tuple[Tensor, Tensor | None]],
    pairs: Sequence[Pair],
    source_vocabulary: Vocabulary,
    target_vocabulary: Vocabulary,
    batch_size: int,
    whole_gold: bool = False,
) -> list[Translation]:
    """Decode every pair, in their order.

    decode: batch -> words (B, T), padding after the last, and weights (B, T, S) or None.
    whole_gold: as many words as the gold sentence and its `<end>`, whatever they are.
    """
    device = next(model.parameters()).device
    # Sentences of like length together: a batch runs as long as its longest.
    order = sorted(range(len(pairs)), key=lambda index: len(pairs[index].source))
    found: dict[int, Translation] = {}
    for first in range(0, len(order), batch_size):
        chunk = order[first : first + batch_size]
        batch = collate([pairs[i] for i in chunk], source_vocabulary, target_vocabulary).to(device)
        words, weights = decode(batch)
        for row, index in enumerate(chunk):
            source = list(pairs[index].source)
            ids = words[row].tolist()
            end = len(pairs[index].target) + 1 if whole_gold else _length(ids)
            found[index] = Translation(
                source,
                [target_vocabulary.words[i] for i in ids[:end]],
                None if weights is None else weights[row, :end, : len(source)].cpu(),
            )
    return [found[index] for index in range(len(pairs))]


def _length(ids: list[int]) -> int:
    """The number of words up to `<end>`, it included; all of them if there is none."""
    return ids.index(Vocabulary.end) + 1 if Vocabulary.end in ids else len(ids)


def _stacked(maps: list[Any]) -> Tensor | None:
    """Rows (B, S) of each step -> (B, T, S); None for a model without attention."""
    return None if maps[0] is None else torch.stack(maps, dim=1)


def _only_padding(gains: Tensor, ended: Tensor) -> Tensor:
    """A hypothesis with its `<end>` goes on in one way, by padding, which costs nothing.

    gains (B, K, V), ended (B, K) -> (B, K, V).
    """
    gains = gains.masked_fill(ended.unsqueeze(-1), -torch.inf)
    gains[..., Vocabulary.pad] = gains[..., Vocabulary.pad].masked_fill(ended, 0.0)
    return gains


def _take_over(kept: Tensor, parents: Tensor) -> Tensor:
    """What each new hypothesis takes over: kept (B, K, ...), parents (B, K) -> (B, K, ...)."""
    index = parents.view(*parents.shape, *[1] * (kept.ndim - 2)).expand(-1, -1, *kept.shape[2:])
    return kept.gather(1, index)


def _map_tensors(tree: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Change every tensor (rows first) in a memory or a state, whatever tuples it stands in."""
    if isinstance(tree, Tensor):
        return change(tree)
    parts = [_map_tensors(part, change) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else tuple(parts)
