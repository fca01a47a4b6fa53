"""`attend`, the one function that the whole course grows, with its scores and its masks.

Shapes: B batch, T queries (target positions), S keys (source positions), D width of queries and
keys, V width of values. Leading dimensions may be any that broadcast.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Score = Callable[[Tensor, Tensor], Tensor]


def dot(queries: Tensor, keys: Tensor) -> Tensor:
    """Dot-product score, e_{t,i} = q_t . k_i (Luong et al. 2015, section 3.1, "dot").

    queries (..., T, D), keys (..., S, D) -> scores (..., T, S).
    """
    return queries @ keys.transpose(-2, -1)


def scaled_dot(queries: Tensor, keys: Tensor) -> Tensor:
    """Scaled dot-product score, q_t . k_i / sqrt(D) (Vaswani et al. 2017, section 3.2.1).

    queries (..., T, D), keys (..., S, D) -> scores (..., T, S).
    """
    return dot(queries / queries.shape[-1] ** 0.5, keys)


class AdditiveScore(nn.Module):
    """Additive score, e_{t,i} = v . tanh(q_t + k_i) (Bahdanau et al. 2015, appendix A.1.2).

    The paper's W_a s_{t-1} is the projected query and its U_a h_i the projected key: both products
    are taken before the call, so that each key is projected once per sentence and not once a step.

    width: D. forward: queries (..., T, D), keys (..., S, D) -> scores (..., T, S).
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.v = nn.Parameter(torch.empty(width).uniform_(-1, 1) / width**0.5)

    def forward(self, queries: Tensor, keys: Tensor) -> Tensor:
        # (..., T, 1, D) + (..., 1, S, D) -> (..., T, S, D), then v sums over D.
        return torch.tanh(queries.unsqueeze(-2) + keys.unsqueeze(-3)) @ self.v


def may_attend(mask: Tensor) -> Tensor:
    """Return where a mask lets a query look, as bool of the mask's shape: the rule of all masks.

    mask: boolean (True = may be attended) or float (added to the scores). A float mask forbids by
    -inf or by the least number of its dtype, which stands for -inf in much code. A row without any
    True has nothing to look at, and gives zeros. Raises TypeError for what is no tensor, and for a
    tensor of another dtype.
    """
    if not isinstance(mask, Tensor):
        raise TypeError(
            f"the mask is of type {type(mask).__name__}; expected a tensor. Pass "
            "torch.tensor(mask)."
        )
    if mask.dtype == torch.bool:
        return mask
    if mask.is_floating_point():
        return mask > torch.finfo(mask.dtype).min
    raise TypeError(
        f"the mask has dtype {mask.dtype}; expected torch.bool (True = may be attended) or a "
        "float mask that is added to the scores. For a mask of 0 and 1, pass mask.bool()."
    )


def masked_softmax(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Softmax over the last axis, exactly 0 where the mask forbids.

    scores (..., T, S); mask, if given, broadcasts to it (see `may_attend`). A row in which nothing
    may be attended gives zeros, in its gradient too. Nothing is changed in place.
    """
    if mask is None:
        return torch.softmax(scores, dim=-1)
    allowed = may_attend(mask)
    if mask.is_floating_point():
        scores = scores + mask.masked_fill(~allowed, 0.0)
    scores = scores.masked_fill(~allowed, -torch.inf)
    # Softmax over -inf alone is 0 / 0. Such a row is computed on zeros and then set to zero, so
    # that neither the result nor its gradient ever holds NaN.
    empty = (scores == -torch.inf).all(dim=-1, keepdim=True)
    return torch.softmax(scores.masked_fill(empty, 0.0), dim=-1).masked_fill(empty, 0.0)


def attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None = None,
    score: Score = dot,
) -> tuple[Tensor, Tensor]:
    """Look up `values` by how well `queries` match `keys`; return the context and the weights.

    queries (..., T, D), keys (..., S, D), values (..., S, V) -> context (..., T, V),
    weights (..., T, S). mask and empty rows: see `may_attend`. score: any function from
    queries and keys to scores (..., T, S), here `dot`, `scaled_dot` or an `AdditiveScore`.
    c_t = sum_i a_{t,i} h_i with a_t = softmax(e_t): Bahdanau et al. 2015, equations 5 and 6.
    A key and a value that the mask hides from every query have no effect, even where they are NaN.

    Raises ValueError where the sizes do not fit, with the shapes that were given.
    """
    scores = _fitting(score(queries, keys), queries, keys, values)  # (..., T, S)
    weights = masked_softmax(scores, mask)  # (..., T, S)
    context = weights @ values  # (..., T, V)
    if mask is not None and not all_finite(scores, context):
        keys, values = without_hidden(mask, keys, values)
        weights = masked_softmax(score(queries, keys), mask)
        context = weights @ values
    return context, weights


def all_finite(*tensors: Tensor) -> bool:
    """Return whether no tensor holds NaN or infinity; a sum that overflows counts as infinite."""
    return all(math.isfinite(tensor.detach().sum().item()) for tensor in tensors)


def without_hidden(mask: Tensor, *states: Tensor) -> list[Tensor]:
    """Return the states with zeros at each position that the mask hides from every query.

    A weight of 0 does not hide a state that is NaN or infinite, because 0 * NaN is NaN, in the
    gradient too. mask: (..., T, S), or what broadcasts to it. states: (..., S, any width).
    """
    seen = torch.atleast_2d(may_attend(mask)).any(dim=-2).unsqueeze(-1)  # (..., S, 1)
    return [torch.where(seen, state, torch.zeros_like(state)) for state in states]


def fused_attend(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None = None,
    scale: bool = True,
    causal: bool = False,
) -> Tensor:
    """The context of `attend` with a dot product, by PyTorch's kernel, which stores no weights.

    Shapes, mask and empty rows as in `attend`. scale: `scaled_dot` for the score, else `dot`.
    causal: query t looks at keys 0 to t only, with T = S and without a mask.
    """
    factor = None if scale else 1.0  # None is the kernel's own 1 / sqrt(D)
    kernel = F.scaled_dot_product_attention
    if mask is None:
        return kernel(queries, keys, values, is_causal=causal, scale=factor)
    # What a kernel makes of an empty row depends on version and device: zeros, NaN, or the mean of
    # all values. Such a row is computed as if it saw everything, and then set to zero.
    allowed = may_attend(mask)
    if not all_finite(keys, values):
        keys, values = without_hidden(allowed, keys, values)
    empty = ~allowed.any(dim=-1, keepdim=True)
    if not empty.any():
        return kernel(queries, keys, values, attn_mask=mask, scale=factor)
    mask = mask.masked_fill(empty, True if mask.dtype == torch.bool else 0.0)
    return kernel(queries, keys, values, attn_mask=mask, scale=factor).masked_fill(empty, 0.0)


def _fitting(scores: Tensor, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Return `scores` if they are (..., T, S) and each key has one value, else raise ValueError."""
    if keys.shape[-2] != values.shape[-2]:
        raise ValueError(
            f"keys {tuple(keys.shape)} and values {tuple(values.shape)} differ in their number of "
            "positions S (the dimension before the last): each key needs exactly one value."
        )
    if scores.shape[-2:] != (queries.shape[-2], keys.shape[-2]):
        raise ValueError(
            f"the score gave {tuple(scores.shape)}; expected (..., T, S) = (..., "
            f"{queries.shape[-2]}, {keys.shape[-2]}): one row a query, one column a key."
        )
    return scores


def padding_mask(lengths: Tensor, size: int | None = None) -> Tensor:
    """Return the mask (B, 1, S) that is True on the words of each sentence, False on its padding.

    lengths (B,): number of words; size: S, the longest length by default. The middle dimension
    lets it broadcast over the T queries. Raises TypeError for lengths that are no tensor of whole
    numbers, and ValueError for another shape and for a negative length.
    """
    check_lengths(lengths)
    if size is None:
        size = int(lengths.max()) if len(lengths) else 0
    return (torch.arange(size, device=lengths.device) < lengths[:, None]).unsqueeze(1)


def check_lengths(lengths: Tensor, least: int = 0, most: int | None = None) -> None:
    """Refuse what is no tensor (B,) of whole numbers from `least` to `most`, if there is one.

    Raises TypeError for another type or dtype, and ValueError for another shape or number.
    """
    if not isinstance(lengths, Tensor):
        raise TypeError(
            f"the lengths are of type {type(lengths).__name__}; expected a tensor (B,). Pass "
            "torch.tensor(lengths)."
        )
    if lengths.is_floating_point() or lengths.dtype == torch.bool:
        raise TypeError(
            f"the lengths have dtype {lengths.dtype}; expected whole numbers. Pass lengths.long(), "
            "or mask.sum(dim=-1) if what you have is a mask of the words."
        )
    if lengths.ndim != 1:
        raise ValueError(
            f"the lengths have shape {tuple(lengths.shape)}; expected (B,), one for each sentence."
        )
    if not len(lengths):
        return
    shortest, longest = int(lengths.min()), int(lengths.max())
    if shortest < least or (most is not None and longest > most):
        limit = f"{least} or more" if most is None else f"{least} to {most}"
        raise ValueError(
            f"the lengths go from {shortest} to {longest}; expected {limit}. A length is the "
            "number of words of a sentence, without its padding."
        )


def causal_mask(
    queries: int, keys: int | None = None, device: torch.device | None = None
) -> Tensor:
    """Return the mask (T, S) that is True where key i is no later than query t.

    queries: T. keys: S, T by default. If there are more keys than queries, the queries are the last
    T of the S positions, as in generation: earlier positions have asked before. Raises ValueError
    if there are fewer keys, since the first queries would have nothing to look at.
    """
    keys = queries if keys is None else keys
    if keys < queries:
        raise ValueError(
            f"causal needs a key for each query; there are {queries} queries and {keys} keys. "
            "In cross-attention nothing lies in the future: leave causal out there."
        )
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)
