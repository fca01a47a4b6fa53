"""Exercise of notebook 11 in which a whole is built: the multi-head layer as a module."""

from __future__ import annotations

import functools

import torch
from torch import Tensor

from helpers.exercises import building
from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb11 import answers

PARAMETERS = {f"{name}.weight": "D D" for name in ("query", "key", "value", "output")}


def _arranged(
    asking: Tensor, keys: Tensor, values: Tensor, mask: Tensor, heads: int
) -> tuple[tuple, tuple]:
    given = () if mask.all() else (mask,)  # a mask that hides nothing is left out
    return (asking.size(-1), heads), (asking, keys, values, *given)


_whole = building.whole(answers.MultiHeadAttention, _arranged, ("outputs", "weights"))


def _case(dice: Dice, b: int, t: int, s: int, heads: int, size: int, hides: bool = True) -> tuple:
    """hides: whether each query has a mask of its own; it sees the first entry at least."""
    width = heads * size
    mask = torch.ones(b, t, s, dtype=torch.bool)
    if hides:
        mask = dice.integers(0, 3, b, t, s) > 0
        mask[..., 0] = True
        mask[0, 0, -1] = False
    states = dice.normal(b, t, width), dice.normal(b, s, width), dice.normal(b, s, width)
    return *states, mask, heads


def _cases(dice: Dice) -> list[tuple]:
    return [
        _case(dice, 1, 4, 5, 2, 3, hides=False),
        _case(dice, 2, 5, 6, 3, 4),
        _case(dice, 5, 3, 7, 4, 2),
        _case(dice, 3, 6, 4, 2, 5),
    ]


def _sizes(asking: Tensor, keys: Tensor, values: Tensor, mask: Tensor, heads: int) -> dict:
    batch, queries, width = asking.shape
    sizes = {"B": batch, "T": queries, "S": keys.size(1), "heads": heads}
    return {**sizes, "d_k": width // heads, "D": width}


class _Slips(answers.MultiHeadAttention):
    """The layer with one of its parts exchanged."""

    split_right = merge_right = mask_used = output_used = True
    inverted = mask_mixed = one_look = over_heads = over_queries = cut_off = mean_map = False
    keys_blended = values_from_keys = scores_returned = False
    power, scale_by = 0.5, "d_k"

    def _split(self, states):
        if self.one_look:
            return states.unsqueeze(1)
        if self.split_right:
            return answers.split_heads(states, self.heads)
        return states.reshape(len(states), self.heads, states.size(1), -1)

    def _seen(self, mask):
        if self.mask_mixed:
            batch, steps, entries = mask.shape
            return mask.repeat(self.heads, 1, 1).view(batch, self.heads, steps, entries)
        return (~mask if self.inverted else mask).unsqueeze(1)

    def forward(self, asking, keys, values, mask=None):
        read = keys if self.values_from_keys else values
        q, k, v = map(self._split, (self.query(asking), self.key(keys), self.value(read)))
        width = {"d_k": q.size(-1), "D": asking.size(-1), "heads": self.heads}[self.scale_by]
        scores = hidden = q @ k.transpose(-2, -1) / width**self.power
        if mask is not None and self.mask_used:
            hidden = scores.masked_fill(~self._seen(mask), float("-inf"))
        axis = 1 if self.over_heads else 2 if self.over_queries else -1
        weights = torch.nan_to_num(torch.softmax(hidden, dim=axis))
        weights = weights.detach() if self.cut_off else weights
        mixed = weights @ (k if self.keys_blended else v)
        if self.merge_right:
            outputs = answers.merge_heads(mixed)
        else:
            outputs = mixed.reshape(len(mixed), mixed.size(2), -1)
        outputs = self.output(outputs) if self.output_used else outputs
        weights = scores if self.scores_returned else weights
        if self.one_look:
            weights = weights.expand(-1, self.heads, -1, -1).clone()
        return outputs, weights.mean(dim=1) if self.mean_map else weights


_slip = functools.partial(building.with_parts, _Slips)


MultiHeadAttention = Exercise(
    name="nb11.MultiHeadAttention",
    title="The multi-head layer, whole",
    difficulty=4,
    minutes=20,
    core=True,
    reference=answers.MultiHeadAttention,
    spec=answers.MultiHeadAttentionSpec,
    whole=_whole,
    to_write=("forward",),
    cases=_cases,
    sizes=_sizes,
    returns=building.named(
        {"outputs": "B T D", "weights": "B heads T S"}, PARAMETERS, "gradient of"
    ),
    shapes_hint="split_heads gives (B, heads, T, d_k). A mask (B, T, S) needs an axis for the "
    "heads behind the batch: mask.unsqueeze(1), which is (B, 1, T, S).",
    training_case=lambda: _case(Dice(), 32, 12, 14, 8, 8),
    wrong_answers=(
        Wrong(
            "reshaped_at_once",
            _slip(split_right=False, merge_right=False),
            "A head gets pieces of several words, because one reshape cuts the sentence and "
            "another puts it together. No error tells you. Use your split_heads and merge_heads.",
        ),
        Wrong(
            "split_at_once",
            _slip(split_right=False),
            "The heads are merged right but split wrong: one reshape gives a head pieces of "
            "several words. Use your split_heads, which cuts each vector.",
        ),
        Wrong(
            "merged_at_once",
            _slip(merge_right=False),
            "The maps are right, but the heads are put together in the wrong order: a row of the "
            "result mixes several words. Use your merge_heads.",
        ),
        Wrong(
            "one_map_for_all",
            _slip(one_look=True),
            "There is one look-up over all D numbers, and every head shows the same map. Split "
            "queries, keys and values, so that each head scores by its own numbers.",
        ),
        Wrong(
            "output_forgotten",
            _slip(output_used=False),
            "W_O has no part in the outputs, so it can learn nothing. Without it the heads' "
            "results only lie side by side, and nothing puts them together.",
        ),
        Wrong(
            "no_mask",
            _slip(mask_used=False),
            "The mask has no effect: entries that may not be seen get weight. Give it to attend, "
            "with an axis for the heads.",
        ),
        Wrong(
            "inverted",
            _slip(inverted=True),
            "The mask is read the other way round. True means that an entry may be attended.",
        ),
        Wrong(
            "mask_mixed",
            _slip(mask_mixed=True),
            "The masks of different sentences are mixed up. repeat lays whole copies of the batch "
            "behind each other. The heads' axis belongs behind the batch: mask.unsqueeze(1).",
        ),
        Wrong(
            "not_scaled",
            _slip(power=0),
            "The scores are not divided by sqrt(d_k). attend takes score=scaled_dot for that.",
        ),
        Wrong(
            "by_whole_width",
            _slip(scale_by="D"),
            "The scores are divided by sqrt(D). Each head's score sums over its own d_k numbers "
            "only, so divide after the split, by sqrt(d_k).",
        ),
        Wrong(
            "by_size",
            _slip(power=1),
            "The scores are divided by d_k where it should be its root.",
        ),
        Wrong(
            "by_heads",
            _slip(scale_by="heads"),
            "The scores are divided by the root of the number of heads. A score sums over the d_k "
            "numbers of a head: divide by sqrt(d_k).",
        ),
        Wrong(
            "over_heads",
            _slip(over_heads=True),
            "The softmax runs over the heads, so that they compete for each word. Each head "
            "shares out its own attention among the entries: the last axis.",
        ),
        Wrong(
            "over_queries",
            _slip(over_queries=True),
            "The softmax runs over the queries. Each row must sum to 1: the last axis.",
        ),
        Wrong(
            "values_from_keys",
            _slip(values_from_keys=True),
            "The values are made from the keys' input, so the argument values has no effect. W_V "
            "reads values.",
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
            ".detach() on the weights? Then no head can learn where to look.",
        ),
        Wrong(
            "scores_returned",
            _slip(scores_returned=True),
            "The outputs are right, but what you return beside them are the scores. The weights "
            "are their softmax.",
        ),
        Wrong(
            "mean_map",
            _slip(mean_map=True),
            "The outputs are right, but of the heads' maps only the mean is returned. Each head "
            "has a map of its own: (B, heads, T, S).",
        ),
        Wrong(
            "other_order",
            building.in_other_order(answers.MultiHeadAttention),
            "The two results are there in the other order. First come the outputs, then the "
            "weights.",
        ),
    ),
    hints=(
        "The layer of 08 had three matrices and one look. Which step comes between its matrices "
        "and attend now, and which two steps follow attend?",
        "queries from asking, keys from keys, values from values\n"
        "each of them split into heads                           (B, heads, ..., d_k)\n"
        "the mask, if there is one, with an axis for the heads   (B, 1, T, S)\n"
        "attend with scaled_dot                                  (B, heads, T, d_k)\n"
        "the heads merged, times W_O                             (B, T, D)",
        "q = split_heads(self.query(asking), self.heads)\n...\n"
        "if mask is not None:\n    mask = mask.unsqueeze(...)\n"
        "mixed, weights = attend(q, k, v, mask, score=...)\n"
        "return self.output(...), weights",
    ),
    why="the heads are one more batch axis for attend, so a layer with several looks is the layer "
    "with one look between a split and a merge. W_O mixes what the heads have found.",
)
