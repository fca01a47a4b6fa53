"""Which French gender does this word need? Each article, adjective or `it` has to find its noun.

In French the article, the adjective and the pronoun take the gender of their noun: `the` is *le* or
*la*, `it` is *il* or *elle*. English does not show the gender, so a word must look at its noun. The
grammar that wrote the corpus says which noun that is.

Shapes: B batch, S words of a sentence, D width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.corpus import Pair, Vocabulary
from helpers.corpus.grammar.lexicon import lexicon
from helpers.models import AttentionLayer, sinusoidal_positions
from helpers.settings import DEVICE, new_generator

KINDS = ("article", "adjective", "pronoun")
GENDERS = ("masculine", "feminine")
ARTICLES = frozenset({"the", "a", "an", "this", "these"})
UNASKED = -1  # in place of a gender or a kind, where a word needs none


class _Words(NamedTuple):
    """What the lexicon knows about English words of a level."""

    genders: dict[str, int]  # of each noun in both numbers, a place in GENDERS
    adjectives: frozenset[str]
    things: frozenset[str]  # singular nouns that `it` can mean


@cache
def _words(level: str = "lite") -> _Words:
    known = lexicon(level)
    genders = {form: "mf".index(noun.gender) for noun in known.nouns for form in noun.en}
    genders.pop("-", None)  # the plural of a noun that has none
    things = frozenset(noun.en[0] for noun in known.nouns if "p" not in noun.tags)
    return _Words(genders, frozenset(adjective.en for adjective in known.adjectives), things)


@dataclass(frozen=True)
class Question:
    """A word of an English sentence whose French form needs the gender of a noun.

    place: of the word, from 0. kind: one of `KINDS`. gender: a place in `GENDERS`. nouns: the
    places of its noun; for a pronoun there may be several nouns that it can mean, and all of them
    have the same gender.
    """

    place: int
    kind: str
    gender: int
    nouns: frozenset[int]


def gender_questions(pair: Pair) -> list[Question]:
    """Return the questions of a sentence of the lite level, in the order of its words.

    An article, or an adjective that stands before its noun, belongs to the next noun. A pronoun is
    an `it` that French says as *il* or *elle*; it means a thing or an animal named before it.
    """
    genders, adjectives, things = _words()
    asked = []
    for place, word in enumerate(pair.source):
        if word == "it":
            said = {pair.target[j] for i, j in pair.sure if i == place}
            nouns = frozenset(i for i in range(place) if pair.source[i] in things)
            if said & {"il", "elle"}:
                asked.append(Question(place, "pronoun", int("elle" in said), nouns))
        elif word in ARTICLES or word in adjectives:
            noun = place + 1
            while noun < len(pair.source) and pair.source[noun] in adjectives:
                noun += 1
            if noun < len(pair.source) and pair.source[noun] in genders:
                kind = "article" if word in ARTICLES else "adjective"
                gender = genders[pair.source[noun]]
                asked.append(Question(place, kind, gender, frozenset({noun})))
    return asked


@dataclass(frozen=True)
class Asked:
    """Sentences side by side with their questions, padded on the right."""

    words: Tensor  # (B, S), int64
    wanted: Tensor  # (B, S), a place in GENDERS, or UNASKED
    kinds: Tensor  # (B, S), a place in KINDS, or UNASKED
    nouns: Tensor  # (B, S, S), bool: is the second place a noun of the word at the first?

    def rows(self, chosen: Tensor) -> Asked:
        """Return the sentences whose numbers are given, (some,)."""
        return Asked(*(tensor[chosen] for tensor in vars(self).values()))


def collate_questions(pairs: Sequence[Pair], vocabulary: Vocabulary) -> Asked:
    """Number and pad the English sentences of `pairs`, in the order given, with their questions.

    Raises ValueError for no pairs.
    """
    if not pairs:
        raise ValueError("collate_questions got no pairs; expected at least one")
    batch, longest = len(pairs), max(len(pair.source) for pair in pairs)
    words = torch.full((batch, longest), Vocabulary.pad)
    wanted, kinds = (torch.full((batch, longest), UNASKED) for _ in range(2))
    nouns = torch.zeros(batch, longest, longest, dtype=torch.bool)
    for row, pair in enumerate(pairs):
        words[row, : len(pair.source)] = torch.tensor(vocabulary.encode(pair.source))
        for question in gender_questions(pair):
            wanted[row, question.place] = question.gender
            kinds[row, question.place] = KINDS.index(question.kind)
            nouns[row, question.place, list(question.nouns)] = True
    return Asked(*(tensor.to(DEVICE) for tensor in (words, wanted, kinds, nouns)))


class GenderBatches:
    """Training batches without end, each of sentences of one length, so nothing is padded.

    seed: order of the batches, `course_seed()` by default. A length of which there are fewer
    sentences than `batch_size` is left out.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        vocabulary: Vocabulary,
        batch_size: int = 64,
        seed: int | None = None,
    ) -> None:
        groups: dict[int, list[Pair]] = {}
        for pair in pairs:
            groups.setdefault(len(pair.source), []).append(pair)
        full = [group for _, group in sorted(groups.items()) if len(group) >= batch_size]
        if not full:
            raise ValueError(
                f"{len(pairs)} pairs hold no {batch_size} sentences of one length; expected more "
                "pairs or a smaller batch_size"
            )
        self.blocks = [collate_questions(group, vocabulary) for group in full]
        self.batch_size = batch_size
        self.generator = new_generator(seed)

    def __iter__(self) -> Iterator[Asked]:
        while True:
            cuts = []
            for block in self.blocks:
                order = torch.randperm(len(block.words), generator=self.generator)
                cuts += [(block, rows) for rows in order.split(self.batch_size)]
            for k in torch.randperm(len(cuts), generator=self.generator).tolist():
                block, rows = cuts[k]
                yield block.rows(rows.to(DEVICE))


class MeanLook(nn.Module):
    """A layer of self-attention that may not choose: each word has the same weight.

    It has the W_V and W_O of `AttentionLayer`, and neither W_Q nor W_K. width: D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.value = nn.Linear(width, width, bias=False)  # W_V
        self.output = nn.Linear(width, width, bias=False)  # W_O

    def forward(self, states: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """states (B, S, D), mask (B, 1, S) -> outputs (B, S, D) and weights (B, S, S)."""
        shares = mask / mask.sum(dim=-1, keepdim=True)
        weights = shares.expand(-1, states.shape[1], -1)
        return self.output(weights @ self.value(states)), weights


class GenderReader(nn.Module):
    """Words, with positions added or not, one layer of self-attention, and a choice of two genders.

    looks: whether the layer chooses where to look; if not, it is a `MeanLook`. width: D.
    """

    def __init__(
        self, vocabulary: int, positions: bool = True, looks: bool = True, width: int = 64
    ) -> None:
        super().__init__()
        self.positions = positions
        self.embedding = nn.Embedding(vocabulary, width)
        self.layer = AttentionLayer(width) if looks else MeanLook(width)
        self.output = nn.Linear(width, len(GENDERS))

    def forward(self, words: Tensor) -> tuple[Tensor, Tensor]:
        """words (B, S) -> logits (B, S, 2) and weights (B, S, S); no word looks at padding."""
        mask = (words != Vocabulary.pad).unsqueeze(1)  # (B, 1, S)
        states = self.embedding(words)  # (B, S, D)
        if self.positions:
            states = states + sinusoidal_positions(*states.shape[1:]).to(states)
        if isinstance(self.layer, MeanLook):
            mixed, weights = self.layer(states, mask)
            return self.output(mixed), weights
        mixed, weights = self.layer(states, mask=mask, need_weights=True)
        return self.output(mixed), weights[:, 0]


def gender_loss(model: nn.Module, batch: Asked) -> Tensor:
    """Mean cross-entropy of the wanted genders, in nats a question."""
    logits, _ = model(batch.words)
    return F.cross_entropy(logits.flatten(0, 1), batch.wanted.flatten(), ignore_index=UNASKED)


class GenderScores(NamedTuple):
    """Shares of the questions of one kind.

    right: whose gender is right. looked: whose largest weight lies on their noun. weight: mean
    weight on their noun.
    """

    right: float
    looked: float
    weight: float


@torch.no_grad()
def score_genders(model: nn.Module, asked: Asked) -> dict[str, GenderScores]:
    """Return the scores of each kind of question, by its name in `KINDS`."""
    logits, weights = model(asked.words)
    right = logits.argmax(dim=-1) == asked.wanted  # (B, S)
    best = weights.argmax(dim=-1, keepdim=True)  # (B, S, 1)
    looked = asked.nouns.gather(2, best).squeeze(2)
    on_noun = (weights * asked.nouns).sum(dim=-1)
    scores = {}
    for number, kind in enumerate(KINDS):
        of_kind = asked.kinds == number
        shares = (found[of_kind].float().mean().item() for found in (right, looked, on_noun))
        scores[kind] = GenderScores(*shares)
    return scores
