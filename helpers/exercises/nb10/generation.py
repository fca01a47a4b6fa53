"""Exercises of notebook 10, second part: which words may come next, and one word after another."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice, Misstep
from helpers.exercises.nb10 import answers


def _word_cases(dice: Dice) -> list[tuple]:
    def case(b: int, v: int, temperature: float, k: int) -> tuple:
        return dice.normal(b, v) + 0.01 * torch.arange(v), temperature, k  # no ties

    tied = torch.tensor([[2.0, 1.0, 1.0, 0.0, 1.0], [0.5, 0.5, -1.0, 3.0, 3.0]])
    return [
        (torch.tensor([[2.0, 0.0, 1.0]]), 0.5, 2),
        case(2, 4, 2.0, 3),
        (tied, 0.5, 2),
        case(3, 4, 0.7, 9),
        case(4, 7, 0.5, 1),
        case(3, 8, 1.5, 4),
        case(*dice.sizes(2, 5, 9), 0.8, 3),
        (1e4 * dice.normal(2, 6), 0.7, 3),
        (4e9 * (dice.normal(2, 5) - 5), 0.7, 2),  # lower than any finite 'minus infinity'
    ]


def _left_out(logits: torch.Tensor, temperature: float, k: int) -> dict[str, torch.Tensor]:
    """A word is left out if k others are better. (One that stays may have next to nothing.)"""
    better = (logits.unsqueeze(1) > logits.unsqueeze(2)).sum(dim=-1)
    return {"result": better >= k}


def _kept(logits: torch.Tensor, k: int, instead: float = -torch.inf) -> torch.Tensor:
    least = logits.topk(min(k, logits.size(-1)), dim=-1).values[:, -1:]
    return logits.masked_fill(logits < least, instead)


def _exactly(logits: torch.Tensor, temperature: float, k: int) -> torch.Tensor:
    best = logits.topk(min(k, logits.size(-1)), dim=-1)
    probabilities = torch.softmax(best.values / temperature, dim=-1)
    return torch.zeros_like(logits).scatter(1, best.indices, probabilities)


def _left_as_they_are(logits: torch.Tensor, temperature: float, k: int) -> torch.Tensor:
    probabilities = torch.softmax(logits / temperature, dim=-1)
    return probabilities.masked_fill(_kept(logits, k) == -torch.inf, 0.0)


def _worst(logits: torch.Tensor, temperature: float, k: int) -> torch.Tensor:
    largest = logits.topk(min(k, logits.size(-1)), dim=-1, largest=False).values[:, -1:]
    kept = logits.masked_fill(logits > largest, -torch.inf)
    return torch.softmax(kept / temperature, dim=-1)


def _by_raw_exponentials(logits: torch.Tensor, temperature: float, k: int) -> torch.Tensor:
    powers = torch.exp(_kept(logits, k) / temperature)
    return powers / powers.sum(dim=-1, keepdim=True)


next_word_probabilities = Exercise(
    name="nb10.next_word_probabilities",
    title="Which words may come next, and how boldly",
    difficulty=3,
    minutes=10,
    core=True,
    reference=answers.next_word_probabilities,
    spec=answers.next_word_probabilities_spec,
    cases=_word_cases,
    sizes=lambda logits, temperature, k: dict(zip("BV", logits.shape, strict=True)),
    returns={"probabilities": "B V"},
    exact_zeros=_left_out,
    shapes_hint="The k-th largest of each row must keep an axis, (B, 1), to be compared with "
    "the row.",
    training_case=lambda: (torch.randn(32, 200), 0.8, 10),
    wrong_answers=(
        Wrong(
            "times_temperature",
            lambda logits, temperature, k: torch.softmax(_kept(logits, k) * temperature, dim=-1),
            "The logits are multiplied by the temperature. Divide: a temperature below 1 makes the "
            "best word more likely, one above 1 makes the choice freer.",
        ),
        Wrong(
            "temperature_after",
            lambda logits, temperature, k: torch.softmax(_kept(logits, k), dim=-1) / temperature,
            "The temperature divides the probabilities, which then no longer sum to 1 and are as "
            "spread as before. It belongs to the logits.",
        ),
        Wrong(
            "no_temperature",
            lambda logits, temperature, k: torch.softmax(_kept(logits, k), dim=-1),
            "The temperature has no part in it.",
        ),
        Wrong(
            "not_renormalised",
            _left_as_they_are,
            "The other words were removed after the softmax, and what is left does not sum to 1. "
            "Give them minus infinity before it.",
        ),
        Wrong(
            "zero_logits",
            lambda logits, temperature, k: torch.softmax(
                _kept(logits, k, 0.0) / temperature, dim=-1
            ),
            "The other words' logits are set to 0. exp(0) is 1, so they can still be drawn, and "
            "more often than a kept word with a negative logit.",
        ),
        Wrong(
            "the_worst",
            _worst,
            "The k words with the smallest logits are kept.",
        ),
        Wrong(
            "one_too_many",
            lambda logits, temperature, k: answers.next_word_probabilities(
                logits, temperature, k + 1
            ),
            "k + 1 words are kept. Sorted from the largest, the k-th stands at index k - 1.",
        ),
        Wrong(
            "ties_cut",
            _exactly,
            "Exactly k words are kept, and which of two equal ones is left to the order in which "
            "they stand. Words that tie with the k-th stay: compare with its logit.",
        ),
        Wrong(
            "greedy",
            lambda logits, temperature, k: torch.zeros_like(logits).scatter(
                1, logits.argmax(dim=-1, keepdim=True), 1.0
            ),
            "All the probability goes to the best word. That is greedy decoding, which is k = 1; "
            "here k words keep their chance.",
        ),
        Wrong(
            "over_the_batch",
            lambda logits, temperature, k: torch.softmax(
                _kept(logits, k) / temperature, dim=0
            ).nan_to_num(),
            "The softmax runs down the columns, over the sentences. Each row is a sentence with "
            "its own next word.",
        ),
        Wrong(
            "overflow",
            _by_raw_exponentials,
            "Right for small logits, but the exponential of a large one is infinity, and of a very "
            "low one 0: then the row is divided by infinity or by 0. Take the row's largest logit "
            "away first, as torch.softmax does: it changes no probability.",
        ),
        Wrong(
            "k_ignored",
            lambda logits, temperature, k: torch.softmax(logits / temperature, dim=-1),
            "k has no part in it: all the words keep a probability. Only the k best may be drawn.",
        ),
        Wrong(
            "temperature_twice",
            lambda logits, temperature, k: torch.softmax(_kept(logits, k) / temperature**2, dim=-1),
            "The logits are divided by the temperature twice. Once is enough; is it also in a "
            "line before?",
        ),
        Wrong(
            "temperature_on_log_probabilities",
            lambda logits, temperature, k: (
                torch.log_softmax(_kept(logits, k), dim=-1) / temperature
            ).exp(),
            "The temperature divides the log-probabilities, after the softmax, so a row does not "
            "sum to 1 any more. It divides the logits, and then comes the softmax.",
        ),
        Wrong(
            "one_threshold_for_all",
            lambda logits, temperature, k: torch.softmax(
                logits.masked_fill(
                    logits < logits.topk(min(k, logits.size(-1))).values.min(), -torch.inf
                )
                / temperature,
                dim=-1,
            ),
            "One threshold serves all the rows of the batch. Each row has a k-th largest logit of "
            "its own: keep the axis, (B, 1).",
            also=(
                lambda logits, temperature, k: torch.softmax(
                    logits.masked_fill(
                        logits < logits.topk(min(k, logits.size(-1))).values[0, -1], -torch.inf
                    )
                    / temperature,
                    dim=-1,
                ),
            ),
        ),
        Wrong(
            "k_th_left_out",
            lambda logits, temperature, k: torch.softmax(
                logits.masked_fill(
                    logits <= logits.topk(min(k, logits.size(-1)), dim=-1).values[:, -1:],
                    -torch.inf,
                )
                / temperature,
                dim=-1,
            ),
            "The k-th largest logit is cut off too, so only k - 1 words stay. It is the last one "
            "that stays: compare with < and not with <=.",
        ),
        Wrong(
            "finite",
            lambda logits, temperature, k: torch.softmax(
                _kept(logits, k, -1e9) / temperature, dim=-1
            ),
            "A number such as -1e9 is no minus infinity. Where the logits are lower still, the "
            "words that were to be left out win. Use float('-inf').",
            also=(
                lambda logits, temperature, k: torch.softmax(
                    _kept(logits, k, -1e4) / temperature, dim=-1
                ),
            ),
        ),
        Wrong(
            "uniform",
            lambda logits, temperature, k: (
                (_kept(logits, k) > -torch.inf).float()
                / (_kept(logits, k) > -torch.inf).sum(dim=-1, keepdim=True)
            ),
            "The k words share the probability equally. Each gets the softmax of its logit, so a "
            "better word is likelier.",
        ),
        Wrong(
            "no_softmax",
            lambda logits, temperature, k: _kept(logits, k) / temperature,
            "These are still logits. The softmax is missing: it makes probabilities of them, 0 "
            "where there is minus infinity.",
        ),
    ),
    hints=(
        "Which logit is the last to stay, in each row? And what must the others' logits be, so "
        "that the softmax gives them exactly 0?",
        "least = the k-th largest logit of each row, k at most V    (B, 1)\n"
        "kept = logits, with -inf where they are below least\n"
        "softmax of kept over the temperature",
        "least = logits.topk(min(k, ...), dim=-1).values[:, -1:]\n"
        "kept = logits.masked_fill(..., float('-inf'))\ntorch.softmax(kept / ..., dim=-1)",
    ),
    why="the softmax after the cut shares out all the probability among the words that stay. The "
    "cut removes the long tail of unlikely words, the temperature decides how bold the rest is.",
)


@dataclass
class ToyModel:
    """A causal model whose logits at t depend on t and on all the words up to t.

    table: (positions, V, V), the logits at a position for a sum of words, each times its place.
    patience: calls that are allowed; beyond it the loop that calls has no end.
    """

    table: torch.Tensor
    patience: int
    calls: int = 0

    def __call__(self, words: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        if self.calls > self.patience:
            raise Misstep("Your loop does not stop: model was called again after longest words.")
        shape = tuple(words.shape) if isinstance(words, torch.Tensor) else type(words).__name__
        if not isinstance(words, torch.Tensor) or words.ndim != 2 or len(words) != 1:
            raise Misstep(f"model was given {shape}; it expects ids (1, t), a batch of one.")
        positions = torch.arange(words.size(1)).clamp(max=self.table.size(0) - 1)
        # Weighted by their places, so that the same words in another order are something else.
        sums = (words[0] * torch.arange(1, words.size(1) + 1)).cumsum(0) % self.table.size(1)
        return self.table[positions, sums].unsqueeze(0)  # (1, t, V)


@dataclass
class ToyChoice:
    """The best word, if it is asked about one position: choose(logits (V,)) -> id."""

    vocabulary: int
    calls: int = 0

    def __call__(self, logits: torch.Tensor) -> int:
        self.calls += 1
        shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        if shape != (self.vocabulary,):
            raise Misstep(
                f"choose was given {shape}; it expects the logits of one position, "
                f"(V,) = ({self.vocabulary},)."
            )
        return int(logits.argmax())


def _text_case(
    dice: Dice, v: int, prompt: int, says: int, longest: int, ends: bool = True, end: int = 2
) -> tuple:
    """A toy over v words that goes on for `says` words, or for ever, after `prompt` words."""
    last = prompt + says - 1  # at this position it says <end>
    table = torch.rand(last + 1, v, v, generator=dice.generator)
    table[..., end] = -1.0
    table[last, :, end] = 2.0 if ends else -1.0
    words = [1, *dice.integers(3, v, prompt - 1).tolist()]
    toys = ToyModel(table, longest + 2), ToyChoice(v)
    return (*toys, words, longest) if end == 2 else (*toys, words, longest, end)


def _text_cases(dice: Dice) -> list[tuple]:
    return [
        _text_case(dice, 5, 2, 2, 4),
        _text_case(dice, 6, 1, 3, 5),
        _text_case(dice, 7, 3, 4, 6),
        _text_case(dice, 8, 4, 5, 3),
        _text_case(dice, 9, 2, 6, 6 + 1),
        _text_case(dice, 8, 3, 4, 5, ends=False),
        _text_case(dice, 11, 5, 0, 4),
        _text_case(dice, 12, 6, 7, 30),
        _text_case(dice, 7, 2, 4, 9, end=4),
        _text_case(dice, 14, 2, 3, 0),  # no room for a single word
    ]


def _followed(model, choose, prompt, longest, end=2, read=lambda p, made: p + made, at=-1):
    made = []
    while len(made) < longest:
        word = choose(model(torch.tensor([read(prompt, made)]))[0, at])
        if word == end:
            break
        made.append(word)
    return made


def _first_position(*given) -> list[int]:
    return _followed(*given, at=0)


def _last_word_only(*given) -> list[int]:
    return _followed(*given, read=lambda prompt, made: (prompt + made)[-1:])


def _prompt_forgotten(*given) -> list[int]:
    return _followed(*given, read=lambda prompt, made: made or prompt)


def _last_of_prompt(*given) -> list[int]:
    return _followed(*given, read=lambda prompt, made: prompt[-1:] + made)


def _end_included(model, choose, prompt, longest, end=2) -> list[int]:
    made = []
    while len(made) < longest and (not made or made[-1] != end):
        made.append(choose(model(torch.tensor([prompt + made]))[0, -1]))
    return made


def _no_limit(model, choose, prompt, longest, end=2) -> list[int]:
    return _followed(model, choose, prompt, 10**9, end)


def _limit_on_all(model, choose, prompt, longest, end=2) -> list[int]:
    return _followed(model, choose, prompt, longest - len(prompt), end)


def _prompt_changed(model, choose, prompt, longest, end=2) -> list[int]:
    made = []
    while len(made) < longest:
        word = choose(model(torch.tensor([prompt]))[0, -1])
        if word == end:
            break
        made.append(word)
        prompt += [word]
    return made


def _forgiving(case: tuple) -> tuple:
    """The same toy, patient enough to be called again and again by the speed check."""
    case[0].patience = 10**9
    return case


def _last_word_stripped(model, choose, prompt: list[int], longest: int, end: int = 2) -> list[int]:
    words = list(prompt)
    for _ in range(longest):
        words.append(choose(model(torch.tensor([words]))[0, -1]))
        if words[-1] == end:
            break
    return words[len(prompt) : -1]


generate = Exercise(
    name="nb10.generate",
    title="One word after another",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.generate,
    spec=answers.generate_spec,
    cases=_text_cases,
    sizes=lambda model, choose, prompt, longest, end=2: {
        "prompt": len(prompt),
        "longest": longest,
        "V": choose.vocabulary,
    },
    returns={"words": ""},
    observe=lambda model, choose, *rest: {"model": model.calls, "choose": choose.calls},
    training_case=lambda: _forgiving(_text_case(Dice(), 200, 4, 24, 50)),
    wrong_answers=(
        Wrong(
            "first_position",
            _first_position,
            "The logits of the first position are read: they speak of the word after <start>, "
            "which is there already. Those of the last position speak of the next word.",
        ),
        Wrong(
            "last_word_only",
            _last_word_only,
            "The model is given its last word alone. Unlike a recurrent network it has no state "
            "that remembers: all the words so far must go in at every step.",
        ),
        Wrong(
            "prompt_forgotten",
            _prompt_forgotten,
            "Once a first word is made, the prompt is no longer given to the model. It is the "
            "beginning of the text, at every step.",
        ),
        Wrong(
            "last_of_prompt",
            _last_of_prompt,
            "Of the prompt only the last word is given to the model. All of it is the beginning of "
            "the text.",
        ),
        Wrong(
            "end_included",
            _end_included,
            "<end> is among the words. It says that the text is over and is not a word of it.",
        ),
        Wrong(
            "prompt_included",
            lambda model, choose, prompt, *rest: (
                prompt + answers.generate(model, choose, prompt, *rest)
            ),
            "The prompt is part of the result. Asked for are the words that the model added.",
        ),
        Wrong(
            "no_limit",
            _no_limit,
            "A model that never says <end> keeps this loop running for ever. Stop after longest "
            "words.",
        ),
        Wrong(
            "limit_on_all",
            _limit_on_all,
            "The prompt counts towards longest. At most so many words are to be added to it.",
        ),
        Wrong(
            "prompt_changed",
            _prompt_changed,
            "The words are right, but they were appended to the caller's own list: prompt is "
            "longer than before. prompt + made is a new list.",
        ),
        Wrong(
            "last_word_stripped",
            _last_word_stripped,
            "The last word is stripped as if it were always <end>. Where `longest` stops the loop "
            "there is no <end>, and a real word is lost. Leave <end> out when it comes.",
        ),
        Wrong(
            "no_stop_at_end",
            lambda model, choose, prompt, longest, end=2: answers.generate(
                model, choose, prompt, longest, -1
            ),
            "The loop goes on after <end>. The sentence is over then: stop, and leave <end> out.",
            also=(
                lambda model, choose, prompt, longest, end=2: [
                    w for w in answers.generate(model, choose, prompt, longest, -1) if w != end
                ],
            ),
        ),
        Wrong(
            "one_short",
            lambda model, choose, prompt, longest, end=2: answers.generate(
                model, choose, prompt, longest - 1, end
            ),
            "The loop stops one word early: `longest` words may be made.",
        ),
        Wrong(
            "fixed_end",
            lambda model, choose, prompt, longest, end=2: answers.generate(
                model, choose, prompt, longest
            ),
            "The id 2 is written into your function. Which id is <end> comes as the argument end.",
        ),
    ),
    hints=(
        "After the prompt, the model gives logits at each position. Which of them speak of a word "
        "that is not there yet? And once that word is chosen, what must the model read next?",
        "made = nothing yet\nwhile fewer than longest are made:\n"
        "  logits of the model for the prompt and all made so far, as a batch of one\n"
        "  word = choose, from the last position\n  stop at <end>, else add it to made",
        "logits = model(torch.tensor([prompt + made]))\nword = choose(logits[0, ...])",
    ),
    why="word t + 1 is part of the input for word t + 2, so generation is a loop, however parallel "
    "the training was. Everything is computed anew at each step; notebook 13 keeps what it can.",
)
