"""Exercises of notebook 07, third part: a bag that answers questions, and a sound in frames."""

from __future__ import annotations

import torch
from torch.nn.functional import pad

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb07 import answers


def _bag_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, d: int, s: int, v: int) -> tuple:
        return dice.normal(b, t, d), dice.normal(b, s, d), dice.normal(b, s, v)

    return [
        case(1, 2, 4, 3, 5),
        case(2, 1, 3, 4, 5),
        case(4, 3, 2, 5, 1),
        case(*dice.sizes(5)),
        case(*dice.sizes(5)),
        case(*dice.sizes(5, 2, 9)),
        _loud(dice, 2, 3, 4, 6, 5),
    ]


def _loud(dice: Dice, b: int, t: int, d: int, s: int, v: int) -> tuple:
    """Scores in the thousands. Whole numbers, so that they are exact in any order of adding."""
    queries, keys = (10.0 * dice.integers(-9, 10, b, n, d) for n in (t, s))
    return queries, keys, dice.normal(b, s, v)


def _scores(queries: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    return queries @ keys.transpose(-2, -1)


def _softmax(queries: torch.Tensor, keys: torch.Tensor, dim: int = -1) -> torch.Tensor:
    return torch.softmax(_scores(queries, keys), dim=dim)


def _hard(queries, keys, values) -> torch.Tensor:
    scores = _scores(queries, keys)
    return torch.zeros_like(scores).scatter(2, scores.argmax(dim=-1, keepdim=True), 1.0) @ values


def _whole_table(queries, keys, values) -> torch.Tensor:
    scores = _scores(queries, keys)
    return torch.softmax(scores.flatten(1), dim=-1).view_as(scores) @ values


def _one_bag(queries, keys, values) -> torch.Tensor:
    return _softmax(queries, keys.flatten(0, 1)) @ values.flatten(0, 1)


def _by_raw_exponentials(queries, keys, values) -> torch.Tensor:
    powers = torch.exp(_scores(queries, keys))
    return powers / powers.sum(dim=-1, keepdim=True) @ values


bag_answers = Exercise(
    name="nb07.bag_answers",
    title="A bag that answers questions",
    difficulty=2,
    minutes=10,
    core=True,
    reference=answers.bag_answers,
    spec=answers.bag_answers_spec,
    cases=_bag_cases,
    sizes=lambda queries, keys, values: {
        **dict(zip("BTD", queries.shape, strict=True)),
        "S": keys.size(1),
        "C": values.size(2),
    },
    returns={"answers": "B T C"},
    gradients=("queries", "keys", "values"),
    shapes_hint="queries (B, T, D) meet keys with their last two axes transposed, (B, D, S): that "
    "gives (B, T, S). Those weights meet values (B, S, C).",
    training_case=lambda: (
        torch.randn(64, 8, 32) / 4,
        torch.randn(64, 24, 32),
        torch.randn(64, 24, 16),
    ),
    wrong_answers=(
        Wrong(
            "over_queries",
            lambda queries, keys, values: _softmax(queries, keys, 1) @ values,
            "The softmax runs over the queries. Then an item shares itself out among the "
            "questions, and a question can be left without any answer: it is each query that "
            "shares out 1 among the items.",
        ),
        Wrong(
            "over_bags",
            lambda queries, keys, values: _softmax(queries, keys, 0) @ values,
            "The softmax runs over the bags of the batch, which have nothing to do with each "
            "other. Each query shares out 1 among the items of its own bag: the last axis.",
        ),
        Wrong(
            "whole_table",
            _whole_table,
            "One softmax was taken over the whole table of a bag, so all of its questions share "
            "1 between them. Each query has 1 of its own.",
        ),
        Wrong(
            "one_bag",
            _one_bag,
            "The items of all bags were poured together. A question is about its own bag: the "
            "batch axis stays, and @ works through it bag by bag.",
        ),
        Wrong(
            "keys_blended",
            lambda queries, keys, values: _softmax(queries, keys) @ keys,
            "The keys are blended. By its key an item is found; the answer is made of values.",
        ),
        Wrong(
            "hard",
            _hard,
            "Each query takes the value of its best item alone. A choice like that has no "
            "gradient: nothing tells queries and keys how to choose better.",
        ),
        Wrong(
            "scaled",
            lambda queries, keys, values: (
                torch.softmax(_scores(queries, keys) / keys.size(-1) ** 0.5, dim=-1) @ values
            ),
            "The scores are divided by sqrt(D). Asked for are dot products as they are: here the "
            "lengths of the vectors may say how sharp the look is.",
        ),
        Wrong(
            "no_softmax",
            lambda queries, keys, values: _scores(queries, keys) @ values,
            "The scores are used as weights as they are. They can be negative and sum to "
            "anything; the softmax makes shares of them.",
        ),
        Wrong(
            "mean",
            lambda queries, keys, values: values.mean(dim=1, keepdim=True).expand(
                -1, queries.size(1), -1
            ),
            "All questions get the same answer, the mean of the bag: nothing was asked of the "
            "keys. That is what a captioner without attention has to live with.",
        ),
        Wrong(
            "detached",
            lambda queries, keys, values: _softmax(queries, keys).detach() @ values,
            "The answers are right, but the weights are cut off from the gradient. Then queries "
            "and keys can never learn where to look.",
        ),
        Wrong(
            "overflow",
            _by_raw_exponentials,
            "Right for small scores, but the exponential of a large one is infinity, and infinity "
            "over infinity is no number. Take the largest score of the row away first, as "
            "torch.softmax does: it changes no weight.",
        ),
        Wrong(
            "by_width",
            lambda queries, keys, values: (
                torch.softmax(queries @ keys.mT / queries.size(-1), dim=-1) @ values
            ),
            "The scores are divided by D. Here they are dot products as they are, with no scale.",
        ),
    ),
    hints=(
        "A bag has no first and no last item. What, if not its place, can a question find an item "
        "by?",
        "scores = each query . each key of its bag          (B, T, S)\n"
        "weights = softmax of the scores over the items     (B, T, S)\n"
        "answers = weights times values                     (B, T, C)",
        "weights = torch.softmax(queries @ keys.transpose(...), dim=...)\nreturn weights @ ...",
    ),
    why="nothing in it asks in which order the items lie: with keys and values shuffled together, "
    "the weights are shuffled along and the sum is the same. Words, cells, frames: all are bags.",
)


def _sound_cases(dice: Dice) -> list[tuple]:
    def case(b: int, n: int, size: int, hop: int) -> tuple:
        return dice.normal(b, n), size, hop

    return [
        (torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0]]), 2, 2),
        (torch.tensor([[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0]]), 3, 2),
        case(2, 13, 4, 2),  # one sample is left over
        case(2, 20, 6, 4),  # two are
        case(3, 22, 4, 3),
        case(1, 30, 5, 4),  # one
        case(2, 19, 3, 5),  # gaps between the frames, one left over
        case(3, 9, 7, 4),
        case(2, 7, 3, 1),
        case(2, 6, 5, 3),  # room for one frame only
    ]


def _count(signal: torch.Tensor, size: int, hop: int) -> int:
    return 1 + (signal.size(1) - size) // hop


def _padded(signal: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    rest = (signal.size(1) - size) % hop
    return pad(signal, (0, hop - rest if rest else 0)).unfold(1, size, hop)


def _every_start(signal: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    starts = range(0, signal.size(1), hop)
    return pad(signal, (0, size)).unfold(1, size, hop)[:, : len(starts)]


def _strided(signal: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    places = torch.arange(_count(signal, size, hop)).unsqueeze(1) + hop * torch.arange(size)
    return signal[:, places]


def _from_the_end(signal: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    return signal[:, (signal.size(1) - size) % hop :].unfold(1, size, hop)


frames = Exercise(
    name="nb07.frames",
    title="A sound is a set too",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.frames,
    spec=answers.frames_spec,
    cases=_sound_cases,
    sizes=lambda signal, size, hop: {
        **dict(zip("BL", signal.shape, strict=True)),
        "F": _count(signal, size, hop),
        "size": size,
    },
    returns={"frames": "B F size"},
    shapes_hint="A table of places (F, size), row f counting on from f * hop, picks all frames at "
    "once: signal[:, places] is (B, F, size).",
    slow_hint="Which table of places (F, size) picks all samples of all frames by one indexing?",
    training_case=lambda: (torch.randn(4, 16000), 400, 160),
    wrong_answers=(
        Wrong(
            "no_overlap",
            lambda signal, size, hop: signal.unfold(1, size, size),
            "The frames stand one behind the other: they go on by size. They must go on by hop, "
            "so that neighbours overlap where hop is smaller than size.",
        ),
        Wrong(
            "every_sample",
            lambda signal, size, hop: signal.unfold(1, size, 1),
            "A frame begins at every sample. The next one begins hop samples later.",
        ),
        Wrong(
            "one_too_few",
            lambda signal, size, hop: signal.unfold(1, size, hop)[:, :-1],
            "The last frame is missing. (L - size) // hop counts the steps from frame to frame; "
            "there is one frame more than steps.",
        ),
        Wrong(
            "padded",
            _padded,
            "A last frame was filled up with zeros. Only whole frames count: the samples that are "
            "left over are dropped.",
        ),
        Wrong(
            "every_start",
            _every_start,
            "Every hop begins a frame, up to the very end, and those that run over it are filled "
            "up with zeros. A frame must lie in the signal as a whole.",
        ),
        Wrong(
            "from_the_end",
            _from_the_end,
            "The frames are counted from the end, so that the samples left over are the first. "
            "Frame 0 begins at sample 0; what is left over stands at the end.",
        ),
        Wrong(
            "exchanged",
            lambda signal, size, hop: signal.unfold(1, hop, size),
            "size and hop are exchanged: a frame has size samples, and the next begins hop later.",
        ),
        Wrong(
            "strided",
            _strided,
            "hop stands inside the frame: yours takes every hop-th sample, and the next begins one "
            "sample later. A frame holds neighbouring samples, and frames are hop apart.",
        ),
        Wrong(
            "turned",
            lambda signal, size, hop: signal.unfold(1, size, hop).transpose(1, 2),
            "The last two axes are exchanged. attend wants a vector for each frame: first the "
            "frames, then the samples of each.",
        ),
        Wrong(
            "sounds_mixed",
            lambda signal, size, hop: (
                answers.frames(signal, size, hop)
                .transpose(0, 1)
                .reshape(answers.frames(signal, size, hop).shape)
            ),
            "The frames of different sounds are mixed: the axes were (F, B, size), and a reshape "
            "moved no number. Exchange them with transpose.",
        ),
    ),
    hints=(
        "At which sample does frame 0 begin, at which frame 1, and which frame is the last that "
        "ends in time?",
        "starts = 0, hop, 2 hop, ... for F frames            (F, 1)\n"
        "places = starts plus 0, 1, ... size - 1             (F, size)\n"
        "pick these samples of every signal                  (B, F, size)",
        "starts = hop * torch.arange(...)\n"
        "places = starts.unsqueeze(1) + torch.arange(...)\nreturn signal[:, ...]",
    ),
    why="one table of places serves all signals of the batch. signal.unfold(1, size, hop) does the "
    "same and copies nothing: its frames look at the same numbers in memory.",
)
