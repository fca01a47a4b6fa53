"""Exercise of notebook 03 in which gold words are fed, and the model's own words are collected."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice, Misstep
from helpers.exercises.nb03 import answers


@dataclass
class FedDecoder:
    """A decoder that knows its lines: step(previous (B,), state (B, 1)) -> (scores (B, V), state).

    table: (positions, V, V), the scores in a state after a word. The state, a number for each
    sentence, depends on the step and on all the words that were fed.
    calls: how often it was called.
    """

    table: Tensor
    calls: int = 0

    def __call__(self, previous: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        self.calls += 1
        batch = state.size(0)
        shape = tuple(previous.shape) if isinstance(previous, Tensor) else type(previous).__name__
        if shape != (batch,):
            raise Misstep(
                f"step was given words of shape {shape}; it expects (B,) = ({batch},), one word "
                "for each sentence. At step t these are column t of the words, words[:, t]."
            )
        if previous.is_floating_point() or previous.min() < 0 or previous.max() >= self.vocabulary:
            raise Misstep(
                "step was given words that it does not have; its ids are 0 to "
                f"{self.vocabulary - 1}."
            )
        place = state.squeeze(1).long()  # (B,)
        after = (place + previous + 1) % self.table.size(0)
        return self.table[place, previous].clone(), after.unsqueeze(1).to(state)

    @property
    def vocabulary(self) -> int:
        """The number of words that it has."""
        return self.table.size(1)


def _fed_case(dice: Dice, b: int, t: int, v: int, positions: int = 7, shorter: int = 0) -> tuple:
    """Gold words behind <start>; the last row ends `shorter` words before the others."""
    table = torch.rand(positions, v, v, generator=dice.generator)
    words = torch.cat([torch.ones(b, 1, dtype=torch.long), dice.integers(3, v, b, t - 1)], dim=1)
    if shorter:
        words[-1, -shorter:] = 0  # <pad>
    return FedDecoder(table), dice.integers(0, positions, b, 1).float(), words


def _fed_cases(dice: Dice) -> list[tuple]:
    return [
        _fed_case(dice, 2, 3, 5),
        _fed_case(dice, 3, 4, 6, shorter=1),
        _fed_case(dice, 1, 5, 7),
        _fed_case(dice, 4, 1, 6),
        _fed_case(dice, 5, 6, 8, shorter=2),
        _fed_case(dice, 6, 3, 4),
        _fed_case(dice, 4, 9, 12, shorter=4),
    ]


def _collected(
    step: Callable[..., Any],
    state: Any,
    words: Tensor,
    feed: Callable[[Tensor, int, list], Tensor] = lambda words, t, said: words[:, t],
    say: Callable[[Tensor], Tensor] = lambda scores: scores.argmax(dim=-1),
    join: Callable[[list], Tensor] = lambda said: torch.stack(said, dim=1),
    keep: bool = True,
) -> Tensor:
    """The answer, of which a wrong one changes a part."""
    said = []
    for t in range(words.size(1)):
        scores, new = step(feed(words, t, said), state)
        state = new if keep else state
        said.append(say(scores))
    return join(said)


def _slip(**part: Any) -> Callable[..., Tensor]:
    return lambda step, state, words: _collected(step, state, words, **part)


def _rows_fed(step, state, words) -> Tensor:
    said = []
    for previous in words:
        scores, state = step(previous, state)
        said.append(scores.argmax(dim=-1))
    return torch.stack(said, dim=1)


def _last_missing(step, state, words) -> Tensor:
    return answers.words_when_fed(step, state, words[:, :-1]) if words.size(1) > 1 else words[:, :0]


def _start_left_out(step, state, words) -> Tensor:
    return answers.words_when_fed(step, state, words[:, 1:]) if words.size(1) > 1 else words[:, :0]


words_when_fed = Exercise(
    name="nb03.words_when_fed",
    title="What the model says while it is fed the gold words",
    difficulty=2,
    minutes=10,
    core=True,
    reference=answers.words_when_fed,
    spec=answers.words_when_fed_spec,
    cases=_fed_cases,
    sizes=lambda step, state, words: {
        "B": words.size(0),
        "T": words.size(1),
        "V": step.vocabulary,
    },
    returns={"said": "B T"},
    observe=lambda step, state, words: {"step": step.calls},
    shapes_hint="At each step there is one score for each sentence and word, (B, V), and one word "
    "is chosen for each sentence, (B,). T such rows of words make (B, T).",
    training_case=lambda: _fed_case(Dice(), 600, 28, 200),
    wrong_answers=(
        Wrong(
            "own_word",
            _slip(feed=lambda words, t, said: said[-1] if said else words[:, 0]),
            "After <start> the model is fed its own words, as in greedy decoding. Here the next "
            "gold word is fed whatever was said, so that one wrong word does not spoil the next "
            "ones.",
        ),
        Wrong(
            "frozen_state",
            _slip(keep=False),
            "Every step begins with the same state. step returns a new one: it is the decoder's "
            "memory of the words that were fed, and must go into the next call.",
        ),
        Wrong(
            "feeds_start",
            _slip(feed=lambda words, t, said: words[:, 0]),
            "<start> is fed at every step. At step t the model is fed column t of the words: "
            "<start> at first, and then the gold words one by one.",
        ),
        Wrong(
            "wrong_axis",
            _slip(say=lambda scores: scores.argmax(dim=0)),
            "The argmax goes over the sentences. It then says for each word which sentence gives "
            "it the highest score. The words are the last axis of the scores (B, V).",
        ),
        Wrong(
            "one_for_all",
            _slip(say=lambda scores: scores.argmax(), join=torch.stack),
            "The argmax has no dim, so it gives one place for the scores of all the sentences "
            "together. Each sentence needs a word of its own: argmax over the last axis.",
            also=(
                lambda step, state, words: torch.stack(
                    [_collected(step, state, words, say=lambda s: s.argmax(), join=torch.stack)]
                ),
            ),
        ),
        Wrong(
            "steps_first",
            _slip(join=torch.stack),
            "The words are stacked with the steps first, (T, B). Each sentence should be a row: "
            "stack them along dim 1.",
        ),
        Wrong(
            "in_one_row",
            _slip(join=torch.cat),
            "The words of all steps are joined into one row. torch.cat makes an axis longer; "
            "torch.stack makes a new one, the steps, which should be dim 1.",
        ),
        Wrong(
            "start_said",
            lambda step, state, words: torch.cat(
                [words[:, :1], answers.words_when_fed(step, state, words)[:, :-1]], dim=1
            ),
            "Your result begins with <start>. The model does not say <start>: its first word is "
            "what it says after <start> was fed, and its last word follows the last gold word.",
        ),
        Wrong(
            "last_missing",
            _last_missing,
            "The last step is missing. The last gold word is fed as well, and after it the model "
            "should say <end>: T words are fed, and T words are returned.",
        ),
        Wrong(
            "start_left_out",
            _start_left_out,
            "The first word is left out. <start> is fed too, because after it the model says its "
            "first word: T words are fed, and T words are returned.",
        ),
        Wrong(
            "rows_fed",
            _rows_fed,
            "Your loop goes over the sentences, the rows of the words. It must go over the steps, "
            "the columns, because step is fed one word for each sentence: words[:, t].",
        ),
        Wrong(
            "scores_returned",
            _slip(say=lambda scores: scores),
            "The scores are returned, (B, T, V). Asked for is the word with the highest score: one "
            "id for each sentence and step.",
        ),
        Wrong(
            "highest_scores",
            _slip(say=lambda scores: scores.amax(dim=-1)),
            "The highest scores themselves are returned. Asked for are the ids of the words that "
            "have them: argmax, not max.",
        ),
        Wrong(
            "lowest_score",
            _slip(say=lambda scores: scores.argmin(dim=-1)),
            "The word with the lowest score is taken: argmin where argmax is needed.",
        ),
        Wrong(
            "last_word_only",
            _slip(join=lambda said: said[-1]),
            "Only the words of the last step are returned. Collect the words of every step in a "
            "list, and stack them.",
        ),
    ),
    hints=(
        "What is fed at step 1, and what at step 2? Does it depend on what the model said? Which "
        "of the two things that step returns must go into the next step?",
        "said = []\n"
        "for each column of words, from the first to the last:\n"
        "  scores and the new state = step of this column and the state\n"
        "  add each sentence's word with the highest score to said\n"
        "stack said so that a sentence is a row",
        "for previous in words.unbind(dim=1):\n"
        "    scores, state = step(previous, state)\n"
        "    said.append(scores.argmax(...))",
    ),
    why="the state is handed on from step to step, but the words are not. Each step reads the gold "
    "word before it, so each word is judged as if all the words before it were right.",
)
