"""Exercises of notebook 02, second part: the loss, and saying a sentence."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice, Misstep
from helpers.exercises.nb02 import answers


def _loss_case(dice: Dice, b: int, t: int, v: int, lengths: list[int], pad: int = 0) -> tuple:
    """Sentences of the given lengths, <end> (id 2) included; 0 makes a row of padding only."""
    ids = [word for word in range(v) if word not in (pad, 2)]
    targets = torch.full((b, t), pad)
    for row, length in zip(targets, lengths, strict=True):
        for place in range(length):
            row[place] = 2 if place == length - 1 else dice.random.choice(ids)
    return dice.normal(b, t, v), targets, pad


def _loss_cases(dice: Dice) -> list[tuple]:
    return [
        _loss_case(dice, 1, 3, 4, [2]),
        _loss_case(dice, 2, 3, 5, [3, 1]),
        _loss_case(dice, 3, 1, 5, [1, 1, 1]),
        _loss_case(dice, 3, 4, 6, [2, 0, 4]),
        _loss_case(dice, 4, 5, 7, [5, 2, 4, 1]),
        _loss_case(dice, 3, 6, 8, [6, 1, 3], pad=3),
        _loud(*_loss_case(dice, 2, 4, 7, [4, 2])),
        _junk(*_loss_case(Dice(1), 2, 5, 6, [3, 4])),
    ]


def _junk(logits: torch.Tensor, targets: torch.Tensor, pad: int) -> tuple:
    """Logits of 1e4 on padding: a loss that multiplies by 0 afterwards leaves them out too."""
    return torch.where((targets == pad).unsqueeze(-1), 1e4 * logits, logits), targets, pad


def _loud(logits: torch.Tensor, targets: torch.Tensor, pad: int) -> tuple:
    """Logits so far apart that a probability is 0 in floats, while its logarithm is a number."""
    return 1e3 * logits, targets, pad


def _entropy(logits: torch.Tensor, targets: torch.Tensor, **options) -> torch.Tensor:
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten(), **options)


def _per_sentence(logits: torch.Tensor, targets: torch.Tensor, pad: int) -> torch.Tensor:
    losses = _entropy(logits, targets, ignore_index=pad, reduction="none").view(targets.shape)
    words = (targets != pad).sum(dim=1).clamp(min=1)
    return (losses.sum(dim=1) / words).mean()


def _end_left_out(logits: torch.Tensor, targets: torch.Tensor, pad: int) -> torch.Tensor:
    real = targets != pad
    followed = torch.cat([real[:, 1:], torch.zeros_like(real[:, :1])], dim=1)
    return torch.nn.functional.cross_entropy(logits[real & followed], targets[real & followed])


def _logarithm_of_softmax(logits: torch.Tensor, targets: torch.Tensor, pad: int) -> torch.Tensor:
    shares = torch.softmax(logits, dim=-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -torch.log(shares[targets != pad]).mean()


masked_loss = Exercise(
    name="nb02.masked_loss",
    title="A loss that does not see padding",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.masked_loss,
    spec=answers.masked_loss_spec,
    cases=_loss_cases,
    sizes=lambda logits, targets, pad: dict(zip("BTV", logits.shape, strict=True)),
    returns={"loss": ""},
    gradients=("logits",),
    exact_zeros=lambda logits, targets, pad: {"logits": (targets == pad).unsqueeze(-1)},
    training_case=lambda: _loss_case(Dice(), 64, 24, 200, [24 - n % 6 for n in range(64)]),
    wrong_answers=(
        Wrong(
            "padding_counts",
            lambda logits, targets, pad: _entropy(logits, targets),
            "Padding is scored like a word. The model is then praised for saying padding, which is "
            "easy, and in a batch of mixed lengths that is much of the loss.",
        ),
        Wrong(
            "divided_by_all",
            lambda logits, targets, pad: (
                _entropy(logits, targets, ignore_index=pad, reduction="sum") / targets.numel()
            ),
            "The sum leaves padding out, but it is divided by all positions. The loss then shrinks "
            "with the amount of padding: divide by the number of real words.",
        ),
        Wrong(
            "mean_of_sentences",
            _per_sentence,
            "This is a mean of the sentences' own means, so a word in a short sentence counts more "
            "than one in a long sentence. Every real word counts the same.",
        ),
        Wrong(
            "summed",
            lambda logits, targets, pad: _entropy(
                logits, targets, ignore_index=pad, reduction="sum"
            ),
            "The losses are added up and not divided. The size of a step would then depend on how "
            "many words happen to be in the batch.",
        ),
        Wrong(
            "end_left_out",
            _end_left_out,
            "The last word of each sentence is left out, and that is <end>. It is a real target: a "
            "model that is never taught to stop does not stop.",
        ),
        Wrong(
            "logits_masked",
            lambda logits, targets, pad: _entropy(logits * (targets != pad).unsqueeze(-1), targets),
            "You mask the logits. A row of zeros is not silence: it is an even guess, and costs "
            "log V at every padded position. It is the losses that are left out.",
        ),
        Wrong(
            "softmax_twice",
            lambda logits, targets, pad: answers.masked_loss(
                torch.softmax(logits, dim=-1), targets, pad
            ),
            "The logits go through a softmax before cross_entropy, which makes one itself. After"
            " two, no word can be predicted with certainty, and the gradient is faint.",
        ),
        Wrong(
            "reshaped",
            lambda logits, targets, pad: torch.nn.functional.cross_entropy(
                logits.reshape(logits.size(0), logits.size(2), -1), targets, ignore_index=pad
            ),
            "Your reshape puts scores of different steps into one row. cross_entropy wants the "
            "vocabulary as the second axis: use transpose(1, 2), or flatten B and T and keep V "
            "last.",
        ),
        Wrong(
            "fixed_pad",
            lambda logits, targets, pad: answers.masked_loss(logits, targets),
            "The id 0 is written into your function. Which id is padding comes as the argument "
            "pad.",
        ),
        Wrong(
            "plain_number",
            lambda logits, targets, pad: answers.masked_loss(logits, targets, pad).item(),
            "You return a plain number: .item() takes it out of the graph, and backward has "
            "nothing to start from. Return the tensor.",
        ),
        Wrong(
            "overflow",
            _logarithm_of_softmax,
            "Right for small logits, but where they lie far apart the softmax of one is 0 in "
            "floats, and the logarithm of 0 is minus infinity. torch.log_softmax and cross_entropy "
            "take both steps in one, and never get there.",
        ),
        Wrong(
            "divided_by_sentences",
            lambda logits, targets, pad: (
                _entropy(logits, targets, ignore_index=pad, reduction="sum") / len(targets)
            ),
            "The sum is divided by the number of sentences. Then the loss grows with their "
            "length, and a long sentence weighs more: divide by the number of real words.",
        ),
        Wrong(
            "minus_forgotten",
            lambda logits, targets, pad: -answers.masked_loss(logits, targets, pad),
            "The sign is turned round. The loss is minus the logarithm of a probability, and "
            "never negative.",
        ),
        Wrong(
            "raw_logits",
            lambda logits, targets, pad: torch.nn.functional.nll_loss(
                logits.flatten(0, 1), targets.flatten(), ignore_index=pad
            ),
            "nll_loss wants log-probabilities and was given something else. cross_entropy takes "
            "the logits as they are; or take log_softmax first.",
            also=(
                lambda logits, targets, pad: torch.nn.functional.nll_loss(
                    logits.softmax(dim=-1).flatten(0, 1), targets.flatten(), ignore_index=pad
                ),
            ),
        ),
        Wrong(
            "targets_shifted",
            lambda logits, targets, pad: answers.masked_loss(logits, targets.roll(-1, dims=1), pad),
            "The targets are shifted once more. They are the words that each step should say, as "
            "they are.",
            also=(
                lambda logits, targets, pad: answers.masked_loss(
                    logits, targets.roll(1, dims=1), pad
                ),
            ),
        ),
        Wrong(
            "labels_smoothed",
            lambda logits, targets, pad: _entropy(
                logits, targets, ignore_index=pad, label_smoothing=0.1
            ),
            "The targets are smoothed by 0.1. That comes in notebook 12; here all of a target "
            "is on the true word.",
        ),
        Wrong(
            "share_of_wrong_words",
            lambda logits, targets, pad: (
                (logits.argmax(dim=-1) != targets)[targets != pad].float().mean()
            ),
            "This is the share of wrong words. It has no gradient to learn from; the loss is "
            "the mean of -log p of the true words.",
        ),
        Wrong(
            "perplexity",
            lambda logits, targets, pad: _entropy(logits, targets, ignore_index=pad).exp(),
            "This is the perplexity, exp of the loss. The loss itself is asked for.",
        ),
    ),
    hints=(
        "A batch holds 10 real words and 30 positions of padding. How many losses should be "
        "added up, and by what should the sum be divided?",
        "real = the positions where targets is not pad, <end> included\n"
        "keep the logits and the targets at those positions only\n"
        "mean cross-entropy of what is left",
        "real = targets != pad\ntorch.nn.functional.cross_entropy(logits[real], ...)",
    ),
    why="what is not in the sum gets no gradient, and dividing by the number of real words makes "
    "every word count the same, whatever the lengths in the batch.",
)


@dataclass
class ToyDecoder:
    """A decoder that knows its lines: step(token, state) -> (scores (V,), new state).

    table: (positions, V, V), the scores at a position after a token. The state counts positions.
    patience: calls that are allowed; beyond it the loop that calls has no end.
    """

    table: torch.Tensor
    patience: int
    calls: int = 0

    def __call__(self, token: int, state: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.calls += 1
        if self.calls > self.patience:
            raise Misstep("Your loop does not stop: step was called again after max_length words.")
        position = min(int(state), self.table.size(0) - 1)
        return self.table[position, int(token)].clone(), state + 1


def _say_case(
    dice: Dice, v: int, says: int, max_length: int, start: int = 1, end: int = 2, ends: bool = True
) -> tuple:
    """A toy over v words that says <end> once, after `says` words, or never."""
    table = torch.rand(says + 2, v, v, generator=dice.generator)  # it would go on after <end>
    table[..., end] = -1.0
    table[says, :, end] = 2.0 if ends else -1.0
    return ToyDecoder(table, max_length + 2), torch.zeros(1), start, end, max_length


def _say_cases(dice: Dice) -> list[tuple]:
    return [
        _say_case(dice, 5, 2, 6),
        _say_case(dice, 4, 0, 5),
        _say_case(dice, 8, 4, 9),
        _say_case(dice, 7, 9, 6),
        _say_case(dice, 9, 3, 7, ends=False),
        _say_case(dice, 8, 5, 5),
        _say_case(dice, 6, 4, 12, start=4, end=0),
        _say_case(dice, 12, 10, 50),
        _from_another_state(_say_case(dice, 7, 6, 10)),
    ]


def _from_another_state(case: tuple) -> tuple:
    """The same toy, which has counted two positions before the first word."""
    return case[0], torch.full((1,), 2.0), *case[2:]


def _frozen_state(step, state, start: int, end: int, max_length: int) -> list[int]:
    return answers.greedy(lambda token, _: step(token, state), state, start, end, max_length)


def _feeds_start(step, state, start: int, end: int, max_length: int) -> list[int]:
    return answers.greedy(lambda _, now: step(start, now), state, start, end, max_length)


def _end_included(step, state, start: int, end: int, max_length: int) -> list[int]:
    words, token = [], start
    while len(words) < max_length and token != end:
        scores, state = step(token, state)
        token = int(scores.argmax())
        words.append(token)
    return words


def _no_limit(step, state, start: int, end: int, max_length: int) -> list[int]:
    words, token = [], start
    while True:
        scores, state = step(token, state)
        token = int(scores.argmax())
        if token == end:
            return words
        words.append(token)


def _sampled(step, state, start: int, end: int, max_length: int) -> list[int]:
    def draw(token: int, now: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        scores, now = step(token, now)
        drawn = torch.multinomial(torch.softmax(scores, dim=-1), 1)
        return torch.zeros_like(scores).scatter(0, drawn, 1.0), now

    return answers.greedy(draw, state, start, end, max_length)


def _forgiving(case: tuple) -> tuple:
    """The same toy, patient enough to be called again and again by the speed check."""
    case[0].patience = 10**9
    return case


def _last_word_stripped(step, state, start: int, end: int, max_length: int) -> list[int]:
    words = [start]
    while len(words) <= max_length and words[-1] != end:
        scores, state = step(words[-1], state)
        words.append(int(scores.argmax()))
    return words[1:-1]


greedy = Exercise(
    name="nb02.greedy",
    title="Say a sentence, word by word",
    difficulty=3,
    minutes=10,
    core=True,
    reference=answers.greedy,
    spec=answers.greedy_spec,
    cases=_say_cases,
    sizes=lambda step, state, start, end, max_length: {
        "V": step.table.size(1),
        "max_length": max_length,
    },
    returns={"words": ""},
    training_case=lambda: _forgiving(_say_case(Dice(), 200, 24, 50)),
    wrong_answers=(
        Wrong(
            "frozen_state",
            _frozen_state,
            "Every step starts from the same state. step returns a new one: it is the decoder's "
            "memory of what was said, and must go into the next call.",
        ),
        Wrong(
            "feeds_start",
            _feeds_start,
            "<start> is fed at every step. It is fed first; after that the decoder reads its own"
            " last word, as it read the right one in training.",
        ),
        Wrong(
            "end_included",
            _end_included,
            "<end> is in the list. It says that the sentence is over and is not a word of it.",
        ),
        Wrong(
            "no_limit",
            _no_limit,
            "Nothing stops the loop but <end>. A model that has not learnt to stop goes on for "
            "ever: max_length words are the most.",
        ),
        Wrong(
            "start_included",
            lambda step, state, start, end, max_length: [
                start,
                *answers.greedy(step, state, start, end, max_length),
            ],
            "<start> is in the list. It is what the decoder is fed before it has said a word.",
        ),
        Wrong(
            "one_short",
            lambda step, state, start, end, max_length: answers.greedy(
                step, state, start, end, max_length - 1
            ),
            "The last word is missing where max_length ends the sentence. Does the loop stop one "
            "word early, or is the last word taken off as if it were <end>? Neither <start> nor "
            "<end> is one of the max_length words.",
            also=(_last_word_stripped,),
        ),
        Wrong(
            "sampled",
            _sampled,
            "The next word is drawn by chance. Greedy decoding takes the word with the highest "
            "score, and says the same at every run.",
        ),
        Wrong(
            "no_stop_at_end",
            lambda step, state, start, end, max_length: answers.greedy(
                step, state, start, -1, max_length
            ),
            "The loop goes on after <end>. The sentence is over then: stop, and leave <end> out.",
            also=(
                lambda step, state, start, end, max_length: [
                    w for w in answers.greedy(step, state, start, -1, max_length) if w != end
                ],
            ),
        ),
        Wrong(
            "lowest_score",
            lambda step, state, start, end, max_length: answers.greedy(
                lambda t, s: (-(got := step(t, s))[0], got[1]), state, start, end, max_length
            ),
            "The word with the lowest score is taken: argmin where argmax is needed.",
        ),
        Wrong(
            "fixed_ids",
            lambda step, state, start, end, max_length: answers.greedy(
                step, state, max_length=max_length
            ),
            "The ids 1 and 2 are written into your function. Which ids are <start> and <end> "
            "comes as arguments.",
        ),
    ),
    hints=(
        "What is the decoder fed at step 1, and what at step 2? Which two things does a step "
        "hand on to the next?",
        "token = start; words = []\n"
        "as long as fewer than max_length words are said:\n"
        "  scores and the new state = step of token and state\n"
        "  token = the word with the highest score\n"
        "  stop if it is end, else add it to words",
        "scores, state = step(token, state)\ntoken = int(scores.argmax())\nif token == end: ...",
    ),
    why="a step hands on two things, the word it chose and the state it reached. <end> and "
    "max_length are the two ways to stop, and neither <start> nor <end> is a word of the "
    "sentence.",
)
