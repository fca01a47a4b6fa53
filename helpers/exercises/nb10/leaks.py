"""Exercise of notebook 10 in which a whole is built: the test that finds a leak of the future."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from helpers.analysis import hidden_leaks
from helpers.analysis.hidden_leaks import HiddenLeak
from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice, Misstep
from helpers.exercises.nb10 import answers


@dataclass
class SoundModel:
    """A causal model: its logits at t depend on the words up to t and on their order.

    table: (T, V, V), the logits at a position for a sum of words, each times its place. Its results
    differ in the seventh digit from one shape of batch to another, as those of real models do.
    """

    table: Tensor

    def __call__(self, words: Tensor) -> Tensor:
        """words (B, t), t at most T -> logits (B, t, V)."""
        places, vocabulary = self.table.shape[:2]
        shape = tuple(words.shape) if isinstance(words, Tensor) else type(words).__name__
        if not isinstance(words, Tensor) or words.ndim != 2 or not 1 <= words.size(1) <= places:
            raise Misstep(f"model was given {shape}; it expects ids (B, t), t from 1 to {places}.")
        if words.is_floating_point() or words.min() < 0 or words.max() >= vocabulary:
            raise Misstep(
                f"model was given words that it does not have; its ids are 0 to {vocabulary - 1}."
            )
        steps = torch.arange(words.size(1))
        sums = (words * (steps + 1)).cumsum(dim=1) % vocabulary  # (B, t)
        rounding = 1e-6 * math.sin(words.size(0) + 2 * words.size(1))
        return self.table[steps, sums] + rounding


def _case(
    dice: Dice,
    length: int,
    vocabulary: int,
    echo: hidden_leaks.Echo,
    strength: float = 0.02,
    without: tuple[int, ...] = (0, 3, 4),
) -> tuple:
    """A model that leaks by this echo, and a sentence without these words."""
    logits = 1 + torch.rand(length, vocabulary, vocabulary, generator=dice.generator)
    allowed = torch.tensor([v for v in range(vocabulary) if v not in without])
    words = allowed[dice.integers(0, len(allowed), 1, length)]
    return HiddenLeak(SoundModel(logits), echo, strength), words, vocabulary


def _cases(dice: Dice) -> list[tuple]:
    return [
        _case(dice, 3, 5, hidden_leaks.silence),
        _case(dice, 4, 6, hidden_leaks.words_ahead(1)),
        _case(dice, 4, 7, hidden_leaks.length_of_sentence),
        _case(dice, 6, 8, hidden_leaks.end_of_block(3)),
        _case(dice, 5, 9, hidden_leaks.one_word(4)),
        _case(dice, 4, 13, hidden_leaks.one_word(12), without=(0, 3, 4, 12)),
        _case(dice, 6, 9, hidden_leaks.words_ahead(2)),
        _case(dice, 7, 9, hidden_leaks.words_ahead(4)),
        _case(dice, 5, 8, hidden_leaks.mean_of_sentence),
        _case(dice, 7, 10, hidden_leaks.silence),
        _case(dice, 8, 11, hidden_leaks.end_of_block(4)),
    ]


def _shape(model: Any, words: Tensor, vocabulary: int) -> dict[str, int]:
    return {"T": words.size(1), "V": vocabulary}


def _largest(differences: Tensor) -> Tensor:  # (B, t, V) -> (B, t)
    return differences.abs().amax(dim=-1)


def _tested(
    cut: bool = True,
    places: Callable[[int], Iterable[int]] = lambda length: range(1, length),
    others: Callable[[int, Tensor], Tensor] = lambda vocabulary, old: torch.arange(vocabulary),
    heard: Callable[[Tensor], Tensor] = _largest,
    before: Callable[[int, int], slice] = lambda i, length: slice(0, i),
    least: float = 1e-5,
    read: Callable[[Tensor], Tensor] = lambda logits: logits,
) -> Callable[..., Tensor]:
    """The test with one of its parts exchanged.

    cut: whether the words behind are cut off. places: which words are replaced. others: by which.
    heard: how large a difference is. before: which positions may then not move. least: from which
    size a difference counts. read: what is compared of the logits.
    """

    def leaking_positions(model, words, vocabulary):
        length = words.size(1)
        whole = read(model(words))
        leaks = torch.zeros(length, dtype=torch.bool)
        for t in range(length if cut else 0):
            alone = read(model(words[:, : t + 1]))
            leaks[t] = bool(heard(alone[:, t : t + 1] - whole[:, t : t + 1]).max() > least)
        for i in places(length):
            new = others(vocabulary, words[0, i])
            changed = words.repeat(len(new), 1)
            changed[:, i] = new
            moved = heard(read(model(changed)) - whole).amax(dim=0) > least
            leaks[before(i, length)] |= moved[before(i, length)]
        return leaks

    return leaking_positions


def _best(logits: Tensor) -> Tensor:
    return logits.argmax(dim=-1, keepdim=True).float()


def _next_word(vocabulary: int, old: Tensor) -> Tensor:
    return ((old + 1) % vocabulary).view(1)


def _word_zero(vocabulary: int, old: Tensor) -> Tensor:
    return torch.zeros(1, dtype=torch.long)


def _of_words(model, words, vocabulary):
    """Which words are heard by an earlier position, and not which position hears."""
    whole, leaks = model(words), torch.zeros(words.size(1), dtype=torch.bool)
    for i in range(1, words.size(1)):
        changed = words.repeat(vocabulary, 1)
        changed[:, i] = torch.arange(vocabulary)
        leaks[i] = bool(_largest(model(changed) - whole)[:, :i].max() > 1e-5)
    return leaks


def _in_place(model, words, vocabulary):
    whole, leaks = model(words)[0], answers.leaking_positions(model, words, vocabulary)
    for i in range(1, words.size(1)):
        for word in range(vocabulary):
            words[0, i] = word
            leaks[:i] |= (model(words)[0] - whole).abs().amax(dim=-1)[:i] > 1e-5
    return leaks


leaking_positions = Exercise(
    name="nb10.leaking_positions",
    title="Find the leak",
    difficulty=4,
    minutes=20,
    core=False,
    reference=answers.leaking_positions,
    spec=answers.leaking_positions_spec,
    cases=_cases,
    sizes=_shape,
    returns={"leaks": "T"},
    shapes_hint="model(changed) is (B, t, V): the largest difference over the batch and over the "
    "words of the vocabulary leaves one number for each position.",
    slow_hint="Do all the words that may stand at one place fit into one batch, (V, T)?",
    training_case=lambda: _case(Dice(), 14, 120, hidden_leaks.one_word(4)),
    wrong_answers=(
        Wrong(
            "only_cut_off",
            _tested(places=lambda length: ()),
            "The words behind are only cut off. A model that waits for one certain word behaves "
            "well while this word is not there: put every word of the vocabulary there as well.",
        ),
        Wrong(
            "only_replaced",
            _tested(cut=False),
            "Words are only replaced, so there are always T of them. A model that overhears how "
            "long the sentence is never notices: cut the words behind t off as well.",
        ),
        Wrong(
            "one_replacement",
            _tested(cut=False, others=_next_word),
            "Each word is replaced by one other word only. A leak that waits for one certain word "
            "stays hidden, because this word is not the one that you tried: try all V of them. And "
            "cut the words off, too.",
            also=(
                _tested(others=_next_word),
                _tested(others=_word_zero),
                _tested(cut=False, others=_word_zero),
            ),
        ),
        Wrong(
            "only_the_last_word",
            _tested(cut=False, places=lambda length: (length - 1,)),
            "Only the last word is replaced. Positions that hear a nearer word and not the last "
            "one are not found: replace the word at each place in turn.",
        ),
        Wrong(
            "only_the_next_word",
            _tested(cut=False, before=lambda i, length: slice(i - 1, i)),
            "At each position only the very next word is replaced. A leak can come from any later "
            "word: two places behind, or the end of a block.",
            also=(_tested(before=lambda i, length: slice(i - 1, i)),),
        ),
        Wrong(
            "itself_counted",
            _tested(before=lambda i, length: slice(0, i + 1)),
            "Positions are marked that may hear the replaced word: its own, or those behind it. "
            "When the word at i changes, look only at the positions before i.",
            also=(_tested(cut=False, before=lambda i, length: slice(0, i + 1)),),
        ),
        Wrong(
            "past_counted",
            _tested(before=lambda i, length: slice(i, length)),
            "You look at the position of the replaced word and at those behind it. They may "
            "notice, because for them it is the past. The positions before it may not.",
            also=(_tested(cut=False, before=lambda i, length: slice(i, length)),),
        ),
        Wrong(
            "best_word_only",
            _tested(read=_best),
            "Only the likeliest word is compared. A leak can change every logit and leave the "
            "likeliest word where it is: compare all V logits.",
        ),
        Wrong(
            "to_the_last_bit",
            _tested(least=0.0),
            "Every difference counts, however small. Batches of other shapes round differently, so "
            "a sound model is accused too: let a difference count from 1e-5 on.",
        ),
        Wrong(
            "sign_forgotten",
            _tested(heard=lambda differences: differences.amax(dim=-1)),
            "Differences below 0 are not seen, because the largest is taken without .abs(). A "
            "logit that falls is a leak as well.",
        ),
        Wrong(
            "words_marked",
            _of_words,
            "Marked are the words that are overheard. Asked for are the positions that overhear "
            "them: when the word at i changes and the logits at t < i move, mark t.",
        ),
        Wrong(
            "sound_ones_marked",
            lambda *given: ~answers.leaking_positions(*given),
            "True and False are exchanged. True stands where the logits depend on later words.",
        ),
        Wrong(
            "one_for_all",
            lambda *given: answers.leaking_positions(*given).any().expand(given[1].size(1)),
            "One leak marks the whole sentence. Say it position by position: the last one never "
            "leaks, because nothing stands behind it.",
        ),
        Wrong(
            "numbers",
            lambda *given: answers.leaking_positions(*given).float(),
            "The answer is right, but it holds numbers. Return booleans, as the comparison > "
            "makes them.",
        ),
        Wrong(
            "words_changed",
            _in_place,
            "The words were replaced in the caller's own tensor and stayed there. Work on a copy, "
            "such as words.repeat(vocabulary, 1).",
        ),
    ),
    hints=(
        "What may the logits at position t not notice? There are two ways to touch the future of "
        "t: another word can stand there, or no word at all.",
        "whole = the logits of the sentence as it is    (T, V)\n"
        "for each t: the logits at t when only words 0 ... t are given; compare with whole[t]\n"
        "for each place i from 1 on:\n"
        "  a batch of V copies of the sentence, with another word at i in each\n"
        "  which positions before i have logits that moved in any of the copies?",
        "changed = words.repeat(vocabulary, 1)\nchanged[:, i] = torch.arange(...)\n"
        "moved = (model(changed) - whole).abs().amax(dim=(0, 2)) > 1e-5\nleaks[...] |= moved[...]",
    ),
    why="a test proves only what it tries. Cutting off finds what depends on there being words, "
    "and trying every word at every place finds the leak that waits for one of them.",
)
