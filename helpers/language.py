"""A small language model with masked self-attention, n-gram counts to compare it with, and what a
text that it makes is worth.

A sentence is a row of ids: <start>, its words, <end>, then padding.
Shapes: B sentences, T positions, D width, V vocabulary.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.corpus import Batch, Corpus, Pair, Vocabulary, collate
from helpers.french import faults
from helpers.layers import AttentionLayer, causal_mask, sinusoidal_positions
from helpers.ordering import Lines
from helpers.settings import DEVICE, course_seed
from helpers.training import masked_loss

MASKS = ("causal", "leaking", "none")


def look_mask(kind: str, length: int, device: torch.device | None = None) -> Tensor:
    """Return the mask (T, T) of one of `MASKS`, True where word t (row) may look at word i.

    causal: at itself and what came before. leaking: at the next word too, which is the one it is
    to predict; an error by one. none: everywhere. Raises ValueError for another kind.
    """
    if kind == "causal":
        return causal_mask(length, device=device)
    if kind not in MASKS:
        raise ValueError(f"mask is {kind!r}; expected one of {', '.join(MASKS)}")
    everything = torch.ones(length, length, dtype=torch.bool, device=device)
    return everything.tril(1) if kind == "leaking" else everything


class Reader(nn.Module):
    """One layer: look at other positions, then put together what was found and what one has.

    x'_t = max(0, W_c [c_t; x_t]), where c_t is what masked self-attention found for x_t. It is the
    attentional vector of Luong et al. (2015), equation 5, with x_t in the place of s_t and the
    ramp in the place of tanh.
    width: D. forward: states (B, T, D), mask (T, T) -> states (B, T, D), weights (B, 1, T, T) or
    None unless `need_weights`.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = AttentionLayer(width)
        self.combine = nn.Linear(2 * width, width)  # W_c

    def forward(
        self, states: Tensor, mask: Tensor, need_weights: bool = False
    ) -> tuple[Tensor, Tensor | None]:
        context, weights = self.attention(states, mask=mask, need_weights=need_weights)
        return torch.relu(self.combine(torch.cat([context, states], dim=-1))), weights


class LanguageModel(nn.Module):
    """Words and positions, layers of masked self-attention, a score for each next word.

    vocabulary: V. width: D, even. layers: how many `Reader`s. mask: one of `MASKS`.
    positions: whether the sinusoidal encoding is added to the words.
    """

    def __init__(
        self,
        vocabulary: int,
        width: int = 64,
        layers: int = 2,
        mask: str = "causal",
        positions: bool = True,
    ) -> None:
        super().__init__()
        look_mask(mask, 1)  # an unknown kind is refused here
        self.mask, self.positions = mask, positions
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.ModuleList(Reader(width) for _ in range(layers))
        self.output = nn.Linear(width, vocabulary)

    def embed(self, words: Tensor) -> Tensor:
        """words (B, T) -> their vectors, with positions if the model has them, (B, T, D)."""
        states = self.embedding(words)
        if self.positions:
            states = states + sinusoidal_positions(*states.shape[1:]).to(states)
        return states

    def read(self, states: Tensor) -> Tensor:
        """The layers and the output on top of `embed`: (B, T, D) -> logits (B, T, V)."""
        mask = look_mask(self.mask, states.shape[1], states.device)
        for layer in self.layers:
            states, _ = layer(states, mask)
        return self.output(states)

    def forward(self, words: Tensor) -> Tensor:
        """words (B, T) -> logits (B, T, V); those at t speak of the word at t + 1."""
        if words.ndim != 2 or words.is_floating_point():
            raise ValueError(
                f"words have shape {tuple(words.shape)} and dtype {words.dtype}; expected ids "
                "(B, T). For one sentence, add a batch axis: .unsqueeze(0)."
            )
        return self.read(self.embed(words))

    @torch.no_grad()
    def weights(self, words: Tensor) -> list[Tensor]:
        """words (B, T) -> the attention weights of each layer, (B, T, T)."""
        states, found = self.embed(words), []
        mask = look_mask(self.mask, words.shape[1], states.device)
        for layer in self.layers:
            states, weights = layer(states, mask, need_weights=True)
            found.append(weights.squeeze(1))
        return found


def french_rows(batch: Batch) -> Tensor:
    """The French side of a batch as rows <start>, words, <end>, padding: (B, T)."""
    return torch.cat([batch.target_in[:, :1], batch.target_out], dim=1)


def next_word_loss(model: nn.Module, batch: Batch) -> Tensor:
    """Mean cross-entropy of each word, `<end>` included, given what the model saw, in nats."""
    words = french_rows(batch)
    return masked_loss(model(words)[:, :-1], words[:, 1:])


def _rows(pairs: Sequence[Pair], corpus: Corpus, size: int) -> Iterator[Tensor]:
    """All French sentences as rows, in batches of similar lengths."""
    ordered = sorted(pairs, key=lambda pair: len(pair.target))
    for first in range(0, len(ordered), size):
        few = ordered[first : first + size]
        batch = collate(few, corpus.source_vocabulary, corpus.target_vocabulary)
        yield french_rows(batch).to(DEVICE)


@torch.no_grad()
def perplexity(model: nn.Module, pairs: Sequence[Pair], corpus: Corpus) -> float:
    """exp of the mean loss a word (`<end>` included), all positions of a sentence in one call."""
    return _perplexity((model(rows)[:, :-1], rows[:, 1:]) for rows in _rows(pairs, corpus, 200))


@torch.no_grad()
def perplexity_one_by_one(model: nn.Module, pairs: Sequence[Pair], corpus: Corpus) -> float:
    """The same with nothing behind the position that speaks, as it is in generation.

    For each word the model is given the words before it and no more. A causal model gives the
    same numbers as in `perplexity`; what a leaking one saw of the next word is not there.
    """

    def steps() -> Iterator[tuple[Tensor, Tensor]]:
        for rows in _rows(pairs, corpus, 200):
            for t in range(1, rows.shape[1]):
                yield model(rows[:, :t])[:, -1:], rows[:, t : t + 1]

    return _perplexity(steps())


def _perplexity(parts: Iterable[tuple[Tensor, Tensor]]) -> float:
    total = count = 0.0
    for logits, words in parts:
        real = int((words != Vocabulary.pad).sum())
        if real:
            total += real * float(masked_loss(logits, words))
            count += real
    if not count:
        raise ValueError("there is no word to predict; pass one sentence or more")
    return math.exp(total / count)


class NGrams:
    """Counts of runs of up to n words, smoothed: the language model of before neural networks.

    p(w | h) = (count(h w) + k p(w | h')) / (count(h) + k), where h' is h without its oldest word
    and below single words stands 1/V (MacKay and Peto 1995, a Dirichlet prior).
    sentences: of words, without <start> and <end>. n: 1 for single words. vocabulary: V. k: how
    many sightings the shorter history is worth, above 0.
    """

    def __init__(
        self, sentences: Iterable[Sequence[str]], n: int, vocabulary: int, k: float = 10.0
    ) -> None:
        if n < 1 or k <= 0:
            raise ValueError(f"n is {n} and k is {k}; expected n of 1 or more and k above 0")
        self.n, self.k, self.vocabulary = n, k, vocabulary
        self.counts: Counter[tuple[str, ...]] = Counter()
        self.histories: Counter[tuple[str, ...]] = Counter()
        for sentence in sentences:
            for run in runs(sentence, n):
                for first in range(n):
                    self.counts[run[first:]] += 1
                    self.histories[run[first:-1]] += 1

    def probability(self, run: tuple[str, ...]) -> float:
        """p of the last word of a run of n words or fewer, given those before it."""
        if not run:
            return 1 / self.vocabulary
        shorter = self.k * self.probability(run[1:])
        return (self.counts[run] + shorter) / (self.histories[run[:-1]] + self.k)

    def perplexity(self, sentences: Iterable[Sequence[str]], n: int | None = None) -> float:
        """exp of the mean surprise of each word and <end>.

        n: runs of so many words only, 1 to the model's n, which is what is taken if None.
        """
        n = self.n if n is None else n
        if not 1 <= n <= self.n:
            raise ValueError(f"n is {n}; expected 1 to {self.n}, as longer runs were not counted")
        surprises = [-math.log(self.probability(run)) for s in sentences for run in runs(s, n)]
        if not surprises:
            raise ValueError("there is no word to predict; pass one sentence or more")
        return math.exp(sum(surprises) / len(surprises))


def runs(sentence: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """All runs of n words that end at a word of the sentence or at <end>; <start> in front."""
    words = ["<start>"] * (n - 1) + [*sentence, "<end>"]
    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]


def sample(
    model: nn.Module,
    count: int,
    temperature: float = 1.0,
    k: int | None = None,
    longest: int = 40,
    seed: int | None = None,
) -> list[list[int]]:
    """Draw `count` sentences side by side: ids without <start> and <end>, at most `longest` each.

    temperature: divides the logits, above 0. k: only the k most likely words may be drawn, all if
    None; words that tie with the k-th stay. seed: of the draws, `course_seed()` by default.
    """
    if temperature <= 0 or (k is not None and k < 1) or count < 1:
        raise ValueError(
            f"count is {count}, temperature {temperature} and k {k}; expected 1 or more, above 0, "
            "and 1 or more or None. For the likeliest word alone, take k=1."
        )
    generator = torch.Generator().manual_seed(course_seed() if seed is None else seed)
    silent = torch.tensor([Vocabulary.pad, Vocabulary.start])  # no words to say
    words = torch.full((count, 1), Vocabulary.start)
    for _ in range(longest):
        with torch.no_grad():
            logits = model(words.to(DEVICE))[:, -1].cpu()  # (B, V)
        logits = logits.index_fill(1, silent, -torch.inf)
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


class Worth(NamedTuple):
    """What a set of generated sentences is worth, all shares from 0 to 1.

    faultless: sentences in which `french.faults` finds nothing. seen_runs: runs of three words,
    <start> and <end> included, that training has. new: sentences that training does not have.
    different: sentences among them, each counted once. words: mean length.
    """

    faultless: float
    seen_runs: float
    new: float
    different: float
    words: float


def worth(sentences: Sequence[Sequence[str]], training: Iterable[Sequence[str]]) -> Worth:
    """Judge sentences of French words; training: the sentences that the model learnt from."""
    if not sentences:
        raise ValueError("there is no sentence to judge; generate one or more")
    known = {tuple(sentence) for sentence in training}
    seen = {run for sentence in known for run in runs(sentence, 3)}
    made = [run for sentence in sentences for run in runs(sentence, 3)]
    count = len(sentences)
    return Worth(
        faultless=sum(not faults(sentence) for sentence in sentences) / count,
        seen_runs=sum(run in seen for run in made) / len(made),
        new=sum(tuple(sentence) not in known for sentence in sentences) / count,
        different=len({tuple(sentence) for sentence in sentences}) / count,
        words=sum(map(len, sentences)) / count,
    )


class PlaceLines:
    """Batches without end of random words in which each place is to say its own number.

    places: how many there are, the first being 0. with_start: place 0 holds <start>, which stands
    nowhere else; else every place holds a random word. The words of a line are all different, so
    that neither a word nor the set of words tells a place.
    seed: of the draws, `course_seed()` by default.
    """

    vocabulary = 160  # ids; more words than places, and more ids than places, which are answers

    def __init__(
        self, places: int, with_start: bool, batch_size: int = 64, seed: int | None = None
    ) -> None:
        self.places, self.with_start = places, with_start
        self.lines = Lines(self.vocabulary, batch_size, seed)

    def __iter__(self) -> Iterator[Tensor]:
        while True:
            words = self.lines.draw(self.lines.batch_size, self.places - self.with_start)
            yield F.pad(words, (1, 0), value=Vocabulary.start) if self.with_start else words


def place_loss(model: nn.Module, words: Tensor) -> Tensor:
    """Mean cross-entropy of each place's number, nats: at place t the answer is id t."""
    logits = model(words)  # (B, T, V)
    places = torch.arange(words.shape[1], device=words.device)
    return F.cross_entropy(logits.flatten(0, 1), places.repeat(len(words)))


@torch.no_grad()
def right_places(model: nn.Module, words: Tensor) -> Tensor:
    """words (B, T) -> the share of lines in which each place names its number, (T,), on the CPU."""
    places = torch.arange(words.shape[1], device=words.device)
    return (model(words).argmax(dim=-1) == places).float().mean(dim=0).cpu()
