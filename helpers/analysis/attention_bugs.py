"""The bug museum: an attention layer with one bug in it, to find out by its map.

Each exhibit computes what a decoder's attention should, with one mistake that people make. They
take queries (B, T, D), keys (B, S, D) and the mask (B, 1, S), True on words, and return weights
(B, T, S). All score by the scaled dot product, as the translator of notebook 05 does.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from helpers.attention import masked_softmax, scaled_dot

Exhibit = Callable[[Tensor, Tensor, Tensor], Tensor]


def no_bug(queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """No bug, to compare with."""
    return masked_softmax(scaled_dot(queries, keys), mask)


def softmax_over_queries(queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """The softmax runs over the wrong axis: the columns sum to 1, not the rows."""
    scores = scaled_dot(queries, keys).masked_fill(~mask, -torch.inf)
    return torch.softmax(scores, dim=-2).masked_fill(~mask, 0.0)


def mask_after_softmax(queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """The mask comes after the softmax: padding gets its share, which is then thrown away."""
    return torch.softmax(scaled_dot(queries, keys), dim=-1) * mask


def no_mask(queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """There is no mask: padding is attended."""
    return masked_softmax(scaled_dot(queries, keys))


def first_query_only(queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """Every step asks with the first step's query: each row is the same."""
    return no_bug(queries[:, :1].expand_as(queries), keys, mask)


def query_of_the_step_before(queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """Every step asks with the state of the step before: the map is right, one row too low."""
    before = torch.cat([queries[:, :1], queries[:, :-1]], dim=1)
    return no_bug(before, keys, mask)


def keys_of_another_sentence(queries: Tensor, keys: Tensor, mask: Tensor) -> Tensor:
    """The batch was sorted by length and not sorted back: the keys are another sentence's."""
    return no_bug(queries, keys.roll(1, dims=0), mask)


# The order in which they hang on the wall.
EXHIBITS: dict[str, Exhibit] = {
    "A": query_of_the_step_before,
    "B": no_mask,
    "C": softmax_over_queries,
    "D": keys_of_another_sentence,
    "E": mask_after_softmax,
    "F": first_query_only,
}
