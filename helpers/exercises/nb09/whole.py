"""Exercise of notebook 09 in which a whole is built: the self-attention layer as a module."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from helpers.exercises import building
from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb09 import answers

PARAMETERS = {f"{part}.weight": "D D" for part in ("query", "key", "value", "output")}


def _arranged(states: Tensor, mask: Tensor) -> tuple[tuple, tuple]:
    return (states.size(-1),), (states, mask)


_whole = building.whole(answers.SelfAttention, _arranged, ("outputs", "weights"))


def _case(dice: Dice, b: int, t: int, d: int, rows: bool = False) -> tuple:
    """rows: each word has a mask of its own, and not only the padding is hidden."""
    if rows:
        mask = dice.integers(0, 3, b, t, t) > 0
        mask[..., 0] = True
    else:
        mask = (torch.arange(t) < dice.lengths(b, t).unsqueeze(1)).unsqueeze(1)  # (B, 1, T)
    return dice.normal(b, t, d), mask


def _cases(dice: Dice) -> list[tuple]:
    loud, _ = _case(dice, 3, 5, 4)
    first = (torch.arange(5) == 0).expand(3, 1, 5)  # one word alone may be seen
    return [
        _case(dice, 1, 2, 3),
        _case(dice, 2, 3, 5),
        _case(dice, 3, 4, 6, rows=True),
        _case(dice, 2, 6, 3),
        (1e5 * loud, first),  # scores far below any finite 'minus infinity'
    ]


class _Slips(answers.SelfAttention):
    """The layer with one of its parts exchanged."""

    power, filling, axis = 0.5, float("-inf"), -1
    mask_before = softmax_used = mixed = True
    rows_hidden = masked_after = swapped = symmetric = raw = False
    keys_blended = cut_off = residual = scores_returned = mixed_first = False

    def forward(self, states, mask):
        queries, keys, values = self.query(states), self.key(states), self.value(states)
        if self.swapped:
            queries, keys = keys, queries
        keys = queries if self.symmetric else keys
        values = states if self.raw else keys if self.keys_blended else values
        seen = mask.transpose(1, 2) if self.rows_hidden else mask
        scores = hidden = queries @ keys.transpose(-2, -1) / keys.size(-1) ** self.power
        if self.mask_before:
            hidden = hidden.masked_fill(~seen, self.filling)
        weights = torch.softmax(hidden, dim=self.axis) if self.softmax_used else hidden
        weights = weights.masked_fill(~seen, 0.0) if self.masked_after else weights
        weights = weights.detach() if self.cut_off else weights
        found = weights @ values
        found = self.output(found) if self.mixed else found
        found = found + states if self.residual else found
        return found, scores if self.scores_returned else weights


_slip = functools.partial(building.with_parts, _Slips)


SelfAttention = Exercise(
    name="nb09.SelfAttention",
    title="The self-attention layer, whole",
    difficulty=3,
    minutes=10,
    core=True,
    reference=answers.SelfAttention,
    spec=answers.SelfAttentionSpec,
    whole=_whole,
    to_write=("forward",),
    cases=_cases,
    sizes=lambda states, mask: dict(zip("BTD", states.shape, strict=True)),
    returns=building.named({"outputs": "B T D", "weights": "B T T"}, PARAMETERS, "gradient of"),
    training_case=lambda: _case(Dice(), 32, 14, 48),
    wrong_answers=(
        Wrong(
            "no_mask",
            _slip(mask_before=False),
            "The mask has no effect: words look at padding. Hide its scores before the softmax.",
        ),
        Wrong(
            "masked_afterwards",
            _slip(mask_before=False, masked_after=True),
            "The mask is used after the softmax alone. The padding has then taken its share, and "
            "what is left does not sum to 1. Hide its scores before the softmax.",
        ),
        Wrong(
            "rows_hidden",
            _slip(rows_hidden=True),
            "The mask hides rows, so the padding may not ask, and words still look at it. It must "
            "hide columns, because these are the words that are looked at.",
        ),
        Wrong(
            "zero_scores",
            _slip(filling=0.0),
            "The scores of hidden words are set to 0. Since exp(0) is 1, they still get a share. "
            "Set them to minus infinity.",
        ),
        Wrong(
            "not_scaled",
            _slip(power=0),
            "The scores are not divided by sqrt(D), D being the width of queries and keys here.",
        ),
        Wrong(
            "by_width",
            _slip(power=1),
            "The scores are divided by D where it should be its root.",
        ),
        Wrong(
            "over_queries",
            _slip(axis=1),
            "The softmax runs down the columns. Each row belongs to a word that asks, and must sum "
            "to 1, so the axis is the last.",
        ),
        Wrong(
            "no_output_matrix",
            _slip(mixed=False),
            "The blended values are returned as they are. They go through self.output, W_O, last.",
        ),
        Wrong(
            "roles_swapped",
            _slip(swapped=True),
            "W_Q makes the keys and W_K the queries. How much word t wants word i is not how much "
            "i wants t.",
        ),
        Wrong(
            "symmetric",
            _slip(symmetric=True),
            "Queries and keys are the same vectors, so self.key is never used. Then how much word "
            "t wants word i is always how much i wants t.",
        ),
        Wrong(
            "raw_values",
            _slip(raw=True),
            "The states are blended as they are. What is handed on are the values, X W_V.",
        ),
        Wrong(
            "keys_blended",
            _slip(keys_blended=True),
            "The keys are blended. They say what a word is found by; what it hands on are the "
            "values.",
        ),
        Wrong(
            "residual",
            _slip(residual=True),
            "The states are added to what was found. A Transformer does that around its layers "
            "(12); this layer returns what each word found and nothing more.",
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
            "The outputs are right, but what you return beside them are the scores E. The weights "
            "A are their softmax.",
        ),
        Wrong(
            "other_order",
            building.in_other_order(answers.SelfAttention),
            "The two results are there in the other order. First come the outputs, then the "
            "weights.",
        ),
    ),
    hints=(
        "It is your layer of 08, with one difference: which vectors ask, and which are looked at? "
        "And what does W_O do with the blended values?",
        "queries, keys and values, all from states                       (B, T, D)\n"
        "the scores, divided by the root of D                            (B, T, T)\n"
        "-inf where the mask is False, then the softmax of each row\n"
        "the weights times the values, through W_O                       (B, T, D)",
        "queries = self.query(states)\n...\n"
        'hidden = scores.masked_fill(~mask, float("-inf"))\n'
        "weights = torch.softmax(hidden, dim=...)\n"
        "return self.output(weights @ ...), weights",
    ),
    why="the only new thing since 08 is that one set of vectors goes in three times. No line says "
    "where a word stands, so the layer cannot know it unless the vectors say so.",
)
