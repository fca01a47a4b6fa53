"""Notebook 06: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`.
"""

from __future__ import annotations

import torch


def alignment_error(
    found: torch.Tensor, sure: torch.Tensor, possible: torch.Tensor
) -> torch.Tensor:
    """Return the alignment error rate, a tensor of shape (), of all sentences counted together.

    found, sure, possible: (B, T, S), booleans, True on a link; False on padding. Every sure link
    is possible too. AER = 1 - (|A and S| + |A and P|) / (|A| + |S|): Och and Ney (2003).
    """
    agreed = (found & sure).sum() + (found & possible).sum()
    return 1 - agreed / (found.sum() + sure.sum())


def alignment_error_spec(
    found: torch.Tensor, sure: torch.Tensor, possible: torch.Tensor
) -> torch.Tensor:
    """Cell by cell of all the sentences."""
    agreed = links = 0
    for a, s, p in zip(found.flatten(), sure.flatten(), possible.flatten(), strict=True):
        agreed += int(a and s) + int(a and p)
        links += int(a) + int(s)
    return 1 - torch.tensor(agreed) / links


def diagonal_links(target_length: int, source_length: int) -> list[int]:
    """Return for each of T target words the source place at which a straight look would be.

    target_length: T. source_length: S. The middle of word t, counted from 0, stands at the share
    (t + 0.5) / T of its sentence; the look goes as far along the source, rounded down.
    """
    return [int((t + 0.5) * source_length / target_length) for t in range(target_length)]


def diagonal_links_spec(target_length: int, source_length: int) -> list[int]:
    """In whole numbers: the last place that begins no later than the middle of word t."""
    places = []
    for t in range(target_length):
        place = 0
        while (place + 1) * 2 * target_length <= (2 * t + 1) * source_length:
            place += 1
        places.append(place)
    return places


def crossing(links: torch.Tensor) -> torch.Tensor:
    """Return for each link whether it crosses another one, (N,), booleans.

    links: (N, 2), whole numbers, a row (source place i, target place t). Two links cross if the
    order of their words is turned round: (i - j) (t - u) < 0. Links that share a word do not cross.
    """
    apart = links.unsqueeze(1) - links.unsqueeze(0)  # (N, N, 2)
    return (apart[..., 0] * apart[..., 1] < 0).any(dim=1)  # (N,)


def crossing_spec(links: torch.Tensor) -> torch.Tensor:
    """Every link with every other."""
    marks = []
    for i, t in links.tolist():
        found = False
        for j, u in links.tolist():
            before, after = i < j and t > u, i > j and t < u
            found = found or before or after
        marks.append(found)
    return torch.tensor(marks)


def without_largest(weights: torch.Tensor) -> torch.Tensor:
    """Return the weights (B, T, S) as if each row's most attended state had been masked.

    weights: (B, T, S), each row of sum 1. Of equal largest weights the first is taken. The rest of
    the row is scaled to sum 1; a row with nothing left gives zeros, and no NaN in its gradient
    either.
    """
    largest = weights.argmax(dim=-1, keepdim=True)  # (B, T, 1)
    rest = weights.scatter(-1, largest, 0.0)  # a new tensor: the caller's stays as it is
    total = rest.sum(dim=-1, keepdim=True)
    return rest / torch.where(total > 0, total, 1.0)


def without_largest_spec(weights: torch.Tensor) -> torch.Tensor:
    """Row by row."""
    rows = []
    for row in weights.flatten(0, 1):
        best = 0
        for i in range(row.numel()):
            if row[i] > row[best]:
                best = i
        rest = torch.stack([row[i] * float(i != best) for i in range(row.numel())])
        rows.append(rest / rest.sum() if rest.sum() > 0 else rest)
    return torch.stack(rows).view_as(weights)


def check_map(
    weights: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return three numbers for each sentence's map, each (B,), that tell a broken one.

    How far a row's sum is from 1, at most. The largest weight on padding, 0 if there is none. How
    far the weights of one column lie apart from row to row, at most: 0 if all rows are the same.
    weights: (B, T, S), not below 0. mask: (B, 1, S), True on words, False on padding.
    """
    off = (weights.sum(dim=-1) - 1).abs().amax(dim=-1)  # (B,)
    on_padding = weights.masked_fill(mask, 0.0).amax(dim=(1, 2))  # (B,)
    apart = (weights.amax(dim=1) - weights.amin(dim=1)).amax(dim=-1)  # (B,)
    return off, on_padding, apart


def check_map_spec(
    weights: torch.Tensor, mask: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Sentence by sentence, weight by weight."""
    found = []
    for b in range(weights.size(0)):
        off = on_padding = apart = 0.0
        for t in range(weights.size(1)):
            off = max(off, abs(float(weights[b, t].sum()) - 1))
            for i in range(weights.size(2)):
                if not mask[b, 0, i]:
                    on_padding = max(on_padding, float(weights[b, t, i]))
                for u in range(weights.size(1)):
                    apart = max(apart, float(weights[b, t, i] - weights[b, u, i]))
        found.append((off, on_padding, apart))
    return tuple(weights.new_tensor(column) for column in zip(*found, strict=True))
