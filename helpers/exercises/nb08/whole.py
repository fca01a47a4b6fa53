"""Exercise of notebook 08 in which a whole is built: the attention layer as a module."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from helpers.exercises import building
from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb08 import answers

PARAMETERS = {"query.weight": "d_k D_q", "key.weight": "d_k D_m", "value.weight": "d_v D_m"}


def _arranged(
    asking: Tensor, memory: Tensor, mask: Tensor, d_k: int, d_v: int
) -> tuple[tuple, tuple]:
    return (asking.size(-1), memory.size(-1), d_k, d_v), (asking, memory, mask)


_whole = building.whole(answers.AttentionLayer, _arranged, ("outputs", "weights"))


def _case(
    dice: Dice, b: int, t: int, s: int, d_q: int, d_m: int, d_k: int, d_v: int, rows: bool = True
) -> tuple:
    """rows: each query has a mask of its own, and the last of the first sentence sees nothing."""
    asking, memory = dice.normal(b, t, d_q), dice.normal(b, s, d_m)
    if rows:
        mask = dice.integers(0, 3, b, t, s) > 0
        mask[..., 0] = True
        mask[0, -1] = False
    else:
        mask = (torch.arange(s) < dice.lengths(b, s).unsqueeze(1)).unsqueeze(1)  # (B, 1, S)
    return asking, memory, mask, d_k, d_v


def _cases(dice: Dice) -> list[tuple]:
    loud = _case(dice, 3, 6, 4, 5, 7, 8, 2)
    return [
        _case(dice, 1, 2, 3, 5, 6, 4, 7, rows=False),
        _case(dice, 2, 3, 4, 5, 7, 6, 8),
        _case(dice, 3, 4, 5, 6, 8, 7, 2, rows=False),
        _case(dice, 2, 6, 3, 8, 4, 5, 7),
        (1e5 * loud[0], 1e5 * loud[1], *loud[2:]),  # lower than any finite 'minus infinity'
    ]


def _sizes(asking: Tensor, memory: Tensor, mask: Tensor, d_k: int, d_v: int) -> dict[str, int]:
    sizes = dict(zip(("B", "T", "D_q"), asking.shape, strict=True))
    return {**sizes, "S": memory.size(1), "D_m": memory.size(2), "d_k": d_k, "d_v": d_v}


class _Slips(answers.AttentionLayer):
    """The layer with one of its parts exchanged."""

    power, scale_by, filling, axis = 0.5, "d_k", float("-inf"), -1
    mask_before = masked_after = empty_filled = softmax_used = True
    inverted = added = zero_scores = keys_blended = cut_off = scores_returned = False

    def forward(self, asking, memory, mask):
        queries, keys, values = self.query(asking), self.key(memory), self.value(memory)
        width = {"d_k": keys.size(-1), "d_v": values.size(-1), "S": keys.size(1)}[self.scale_by]
        scores = hidden = queries @ keys.transpose(-2, -1) / width**self.power
        seen = ~mask if self.inverted else mask
        if self.zero_scores:
            hidden = hidden * seen
        elif self.added:
            hidden = hidden + torch.where(seen, 0.0, float("-inf"))
        elif self.mask_before:
            hidden = hidden.masked_fill(~seen, self.filling)
        if self.empty_filled:
            hidden = hidden.masked_fill(~seen.any(dim=-1, keepdim=True), 0.0)
        weights = torch.softmax(hidden, dim=self.axis) if self.softmax_used else hidden
        weights = torch.nan_to_num(weights) if self.added else weights
        weights = weights.masked_fill(~seen, 0.0) if self.masked_after else weights
        weights = weights.detach() if self.cut_off else weights
        return weights @ (keys if self.keys_blended else values), (
            scores if self.scores_returned else weights
        )


_slip = functools.partial(building.with_parts, _Slips)


AttentionLayer = Exercise(
    name="nb08.AttentionLayer",
    title="The attention layer, whole",
    difficulty=3,
    minutes=15,
    core=True,
    reference=answers.AttentionLayer,
    spec=answers.AttentionLayerSpec,
    whole=_whole,
    to_write=("forward",),
    cases=_cases,
    sizes=_sizes,
    returns=building.named({"outputs": "B T d_v", "weights": "B T S"}, PARAMETERS, "gradient of"),
    training_case=lambda: _case(Dice(), 32, 14, 12, 48, 56, 32, 40),
    wrong_answers=(
        Wrong(
            "no_mask",
            _slip(mask_before=False, masked_after=False, empty_filled=False),
            "The mask has no effect: entries that may not be seen get weight. Hide their scores "
            "before the softmax.",
        ),
        Wrong(
            "masked_afterwards",
            _slip(mask_before=False, empty_filled=False),
            "The mask is used after the softmax alone. The hidden entries have then taken their "
            "share, and what is left does not sum to 1. Hide their scores before the softmax.",
        ),
        Wrong(
            "inverted",
            _slip(inverted=True),
            "The mask is read the other way round. True means that an entry may be attended, and "
            "masked_fill fills where its mask is True, so it needs ~mask.",
        ),
        Wrong(
            "zero_scores",
            _slip(zero_scores=True, masked_after=False, empty_filled=False),
            "The scores of hidden entries are set to 0. Since exp(0) is 1, they still get a "
            "share. Set them to minus infinity.",
        ),
        Wrong(
            "nan_rows",
            _slip(masked_after=False, empty_filled=False),
            "A query that may look nowhere gets NaN, because a softmax of nothing but minus "
            "infinity divides 0 by 0. Give such a row harmless scores first, and zeros afterwards.",
        ),
        Wrong(
            "nan_gradient",
            _slip(empty_filled=False, added=True),
            "The outputs are right, but NaN is replaced after the softmax, so the gradient is "
            "still NaN. Give a row that may look nowhere harmless scores before the softmax.",
        ),
        Wrong(
            "finite",
            _slip(masked_after=False, empty_filled=False, filling=-1e9),
            "A query that may look nowhere gets the mean of what it may not see, because all its "
            "scores are the same finite number. Set its weights to zeros after the softmax.",
            also=(_slip(masked_after=False),),
        ),
        Wrong(
            "not_scaled",
            _slip(power=0),
            "The scores are not divided by sqrt(d_k). With wide queries and keys the softmax "
            "then picks one entry, and hardly any gradient is left.",
        ),
        Wrong(
            "by_width",
            _slip(power=1),
            "The scores are divided by d_k where it should be its root. A sum of d_k independent "
            "products spreads like sqrt(d_k).",
        ),
        Wrong(
            "by_value_width",
            _slip(scale_by="d_v"),
            "The scores are divided by the root of d_v. A score sums over the d_k numbers of a "
            "query and a key; the values have no part in it.",
        ),
        Wrong(
            "by_entries",
            _slip(scale_by="S"),
            "The scores are divided by the root of the number of entries. A score sums over the "
            "d_k numbers of one query and one key, however many entries there are.",
        ),
        Wrong(
            "over_queries",
            _slip(axis=1),
            "The softmax runs over the queries. Each query shares out its own look among the "
            "entries, so each row sums to 1 and the axis is the last.",
        ),
        Wrong(
            "no_softmax",
            _slip(softmax_used=False, filling=0.0),
            "There is no softmax: the scores themselves are used as weights. They can be "
            "negative, and they do not sum to 1.",
        ),
        Wrong(
            "keys_blended",
            _slip(keys_blended=True),
            "The keys are blended. They decide how much each entry counts, and what is handed on "
            "are the values.",
        ),
        Wrong(
            "cut_off",
            _slip(cut_off=True),
            "The outputs are right, but W_Q and W_K get no gradient from them: is there a "
            ".detach() on the weights? Then the layer cannot learn where to look.",
        ),
        Wrong(
            "scores_returned",
            _slip(scores_returned=True),
            "The outputs are right, but what you return beside them are the scores E. The "
            "weights A are their softmax.",
        ),
        Wrong(
            "other_order",
            building.in_other_order(answers.AttentionLayer),
            "The two results are there in the other order. First come the outputs, then the "
            "weights.",
        ),
    ),
    hints=(
        "Which of the two inputs goes through which matrix? Which of them says how many rows the "
        "outputs have? And what does the softmax do with a row in which all is hidden?",
        "queries from asking, keys and values from memory\n"
        "the scores, divided by the root of d_k                          (B, T, S)\n"
        "-inf where the mask is False, and 0 in a row that is all False\n"
        "softmax along each row, 0 where the mask is False\n"
        "the weights times the values                                    (B, T, d_v)",
        "queries = self.query(asking)\n...\n"
        "empty = ~mask.any(dim=-1, keepdim=True)\n"
        'hidden = scores.masked_fill(~mask, float("-inf")).masked_fill(empty, ...)\n'
        "weights = torch.softmax(hidden, dim=...).masked_fill(~mask, ...)\n"
        "return weights @ ..., weights",
    ),
    why="the three matrices are all that the layer learns. Queries come from the side that asks, "
    "keys and values from the side that answers, so one class serves a look at another sentence "
    "and at one's own.",
)
