"""Notebook 07: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math` and `Counter`.
"""

from __future__ import annotations

import torch


def cut_cells(images: torch.Tensor, side: int) -> torch.Tensor:
    """Return the cells of pictures in reading order, (B, S, N).

    images: (B, 3, H, W), H and W multiples of side. A cell is a square of side x side pixels, so
    S = (H / side) * (W / side). Its N = 3 * side * side numbers stand in the order channel, row,
    column.
    """
    batch, channels, height, width = images.shape
    rows, columns = height // side, width // side
    split = images.reshape(batch, channels, rows, side, columns, side)
    together = split.permute(0, 2, 4, 1, 3, 5)  # (B, rows, columns, 3, side, side)
    return together.reshape(batch, rows * columns, channels * side * side)


def cut_cells_spec(images: torch.Tensor, side: int) -> torch.Tensor:
    """Number by number: which pixel of which channel stands at this place of this cell?"""
    batch, channels, height, width = images.shape
    columns = width // side
    cells = images.new_zeros(batch, height // side * columns, channels * side * side)
    for b in range(batch):
        for i in range(cells.size(1)):
            top, left = i // columns * side, i % columns * side
            n = 0
            for channel in range(channels):
                for row in range(top, top + side):
                    for column in range(left, left + side):
                        cells[b, i, n] = images[b, channel, row, column]
                        n += 1
    return cells


def with_positions(contents: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Return h_i = [content; position] of every cell, (B, S, C + P).

    contents: (B, S, C). positions: (S, P), one for each cell, the same in all pictures.
    """
    places = positions.expand(contents.size(0), -1, -1)  # (B, S, P), without a copy
    return torch.cat([contents, places], dim=-1)


def with_positions_spec(contents: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    """Cell by cell: first what is in it, then where it is."""
    batch, cells, width = contents.shape
    states = contents.new_zeros(batch, cells, width + positions.size(1))
    for b in range(batch):
        for i in range(cells):
            states[b, i, :width] = contents[b, i]
            states[b, i, width:] = positions[i]
    return states


def looked_at(weights: torch.Tensor, word_cells: list[int]) -> torch.Tensor:
    """Return the share of words whose largest weight lies on their cell, a tensor of shape ().

    weights: (T, S), a row for each word. word_cells: for each of the T words the number of the cell
    that it speaks of, or -1 where it speaks of none ("and"). Such words are not counted; there is
    always one that speaks of a cell.
    """
    cells = torch.tensor(word_cells, device=weights.device)  # (T,)
    hits = weights.argmax(dim=-1) == cells
    return hits[cells >= 0].float().mean()


def looked_at_spec(weights: torch.Tensor, word_cells: list[int]) -> torch.Tensor:
    """Word by word: does it speak of a cell, and is any other cell looked at more?"""
    hits = words = 0
    for row, cell in zip(weights.tolist(), word_cells, strict=True):
        if cell >= 0:
            words += 1
            hits += row[cell] == max(row)
    return torch.tensor(hits / words)


def bag_answers(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Return an answer to each query, (B, T, C): its bag's values, weighted by softmax(q . k).

    queries: T questions to each of B bags, (B, T, D). keys: (B, S, D) and values: (B, S, C) of the
    S items in each bag. The scores are dot products as they are, without a scale.
    """
    scores = queries @ keys.transpose(-2, -1)  # (B, T, S)
    weights = torch.softmax(scores, dim=-1)  # each query shares out 1 among the items
    return weights @ values


def bag_answers_spec(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor
) -> torch.Tensor:
    """One question at a time: go through the bag, and add each value as often as its key fits."""
    answers = values.new_zeros(*queries.shape[:2], values.size(2))
    for b in range(queries.size(0)):
        for t in range(queries.size(1)):
            scores = [(queries[b, t] * key).sum() for key in keys[b]]
            largest = max(score.item() for score in scores)
            parts = [torch.exp(score - largest) for score in scores]
            for part, value in zip(parts, values[b], strict=True):
                answers[b, t] = answers[b, t] + part / sum(parts) * value
    return answers


def frames(signal: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    """Return the frames of sounds, (B, F, size): frame f begins at sample f * hop.

    signal: (B, L) samples, L >= size. Only whole frames: F = 1 + (L - size) // hop.
    """
    count = 1 + (signal.size(1) - size) // hop
    starts = hop * torch.arange(count, device=signal.device)  # (F,)
    places = starts.unsqueeze(1) + torch.arange(size, device=signal.device)  # (F, size)
    return signal[:, places]


def frames_spec(signal: torch.Tensor, size: int, hop: int) -> torch.Tensor:
    """Sample by sample: go on by `hop` for as long as a whole frame is left."""
    starts = [start for start in range(0, signal.size(1), hop) if start + size <= signal.size(1)]
    cut = signal.new_zeros(signal.size(0), len(starts), size)
    for b in range(signal.size(0)):
        for f, start in enumerate(starts):
            for n in range(size):
                cut[b, f, n] = signal[b, start + n]
    return cut
