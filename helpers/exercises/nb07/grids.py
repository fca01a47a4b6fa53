"""Exercises of notebook 07, first part: the cells of a picture, and where they are."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb07 import answers


def _picture_cases(dice: Dice) -> list[tuple]:
    def numbered(b: int, rows: int, columns: int, side: int) -> tuple:
        # Each number tells its place: 100 channel + 10 row + column, and 1000 for the picture.
        axes = torch.meshgrid(
            *(torch.arange(n) for n in (b, 3, rows * side, columns * side)), indexing="ij"
        )
        pairs = zip((1000, 100, 10, 1), axes, strict=True)
        return sum(unit * axis for unit, axis in pairs).float(), side

    def drawn(b: int, rows: int, columns: int, side: int) -> tuple:
        return dice.normal(b, 3, rows * side, columns * side), side

    return [
        numbered(1, 1, 4, 2),
        numbered(1, 4, 5, 2),
        numbered(5, 4, 1, 2),
        drawn(5, 2, 4, 3),
        drawn(2, 5, 4, 2),
        drawn(3, 2, 5, 4),
        drawn(5, 4, 7, 1),  # a cell of one pixel
    ]


def _picture_sizes(images: torch.Tensor, side: int) -> dict[str, int]:
    batch, channels, height, width = images.shape
    cells = (height // side) * (width // side)
    return {"B": batch, "H": height, "W": width, "S": cells, "N": channels * side * side}


def _split(images: torch.Tensor, side: int) -> torch.Tensor:
    """(B, 3, H, W) -> (B, 3, rows, side, columns, side)."""
    return images.unflatten(3, (-1, side)).unflatten(2, (-1, side))


def _arranged(images: torch.Tensor, side: int, *order: int) -> torch.Tensor:
    """The cells, with the six axes of `_split` in another order."""
    sizes = _picture_sizes(images, side)
    return _split(images, side).permute(order).reshape(sizes["B"], sizes["S"], sizes["N"])


def _windows(images: torch.Tensor, side: int, step: int) -> torch.Tensor:
    cut = images.unfold(2, side, step).unfold(3, side, step)  # (B, 3, rows, columns, side, side)
    return cut.permute(0, 2, 3, 1, 4, 5).flatten(3).flatten(1, 2)


def _every_other(images: torch.Tensor, side: int) -> torch.Tensor:
    sizes = _picture_sizes(images, side)
    rows, columns = sizes["H"] // side, sizes["W"] // side
    split = images.unflatten(3, (side, columns)).unflatten(2, (side, rows))
    return split.permute(0, 3, 5, 1, 2, 4).reshape(sizes["B"], sizes["S"], sizes["N"])


def _grid_turned(images: torch.Tensor, side: int) -> torch.Tensor:
    sizes = _picture_sizes(images, side)
    rows, columns = sizes["H"] // side, sizes["W"] // side
    split = images.reshape(sizes["B"], 3, columns, side, rows, side)
    return split.permute(0, 2, 4, 1, 3, 5).reshape(sizes["B"], sizes["S"], sizes["N"])


cut_cells = Exercise(
    name="nb07.cut_cells",
    title="Cut a picture into cells",
    difficulty=3,
    minutes=15,
    core=True,
    reference=answers.cut_cells,
    spec=answers.cut_cells_spec,
    cases=_picture_cases,
    sizes=_picture_sizes,
    returns={"cells": "B S N"},
    shapes_hint="H is (H / side) rows of cells times side, and W is (W / side) columns times side: "
    "reshape to six axes, (B, 3, H / side, side, W / side, side), before anything is moved.",
    slow_hint="Which reshape tells rows of cells from rows within a cell, for all cells at once?",
    training_case=lambda: (torch.rand(64, 3, 64, 64), 16),
    wrong_answers=(
        Wrong(
            "read_on",
            lambda images, side: _arranged(images, side, 0, 1, 2, 3, 4, 5),
            "The numbers are all there, but read on in the order in which they lie in memory: row "
            "after row across the whole picture, one channel after the other. A cell of yours "
            "holds strips of rows. reshape and view move no number; between splitting the axes and "
            "joining them, permute must bring a cell's numbers together.",
        ),
        Wrong(
            "channels_apart",
            lambda images, side: _arranged(images, side, 0, 1, 2, 4, 3, 5),
            "The squares are cut well, but the channels still stand outside the cells: all red "
            "squares come first, and a cell of yours is made of those of several. The channel axis "
            "must come behind rows and columns of cells, so that a cell has all three of its own.",
        ),
        Wrong(
            "by_columns",
            lambda images, side: _arranged(images, side, 0, 4, 2, 1, 3, 5),
            "The cells are right, but they run down the columns. Reading order is along the first "
            "row of cells, then the second.",
        ),
        Wrong(
            "channel_last",
            lambda images, side: _arranged(images, side, 0, 2, 4, 3, 5, 1),
            "Within a cell the channel comes last: red, green, blue of one pixel, then of the "
            "next. Asked for is channel, row, column: all of red, then all of green.",
        ),
        Wrong(
            "turned_inside",
            lambda images, side: _arranged(images, side, 0, 2, 4, 1, 5, 3),
            "Each cell is turned over its diagonal: its columns are read as rows. Within a cell, "
            "the row of pixels comes before the column.",
        ),
        Wrong(
            "every_other",
            _every_other,
            "Each cell takes pixels from all over the picture, one in each step of several: it is "
            "the whole picture made small. An axis splits into (cells, side), with side last: "
            "neighbouring pixels stay together.",
        ),
        Wrong(
            "grid_turned",
            _grid_turned,
            "Rows and columns of cells are exchanged in the splitting. H / side is the number of "
            "rows, and splits the axis of H; W / side is the number of columns.",
        ),
        Wrong(
            "overlapping",
            lambda images, side: _windows(images, side, 1),
            "These windows begin at every pixel and overlap. Each pixel belongs to one cell: go on "
            "by side, not by 1.",
        ),
        Wrong(
            "numbers_first",
            lambda images, side: answers.cut_cells(images, side).transpose(1, 2),
            "The last two axes are exchanged. attend wants a vector for each cell: first the "
            "cells, then the numbers of each.",
        ),
        Wrong(
            "numbers_first_reshaped",
            lambda images, side: (
                answers.cut_cells(images, side)
                .transpose(1, 2)
                .reshape(answers.cut_cells(images, side).shape)
            ),
            "The shape is right, but it was reached by reshaping (B, N, S), N being 3 * side * "
            "side. That mixes the cells: exchange the two axes with transpose.",
        ),
    ),
    hints=(
        "The axis of H counts rows of pixels. Which two numbers say where a row of pixels is: in "
        "which row of cells, and where in it? (In the first of the checks' pictures the pixel of "
        "channel c, row r and column k holds 100 c + 10 r + k, so each number tells its place.)",
        "split H into (rows of cells, side) and W into (columns of cells, side)    six axes\n"
        "bring them into the order picture, row and column of the cell, channel, row and column "
        "in the cell\n"
        "join row and column of the cell to S, and the last three axes to 3 * side * side",
        "split = images.reshape(batch, 3, height // side, side, width // side, side)\n"
        "together = split.permute(0, 2, ...)\nreturn together.reshape(batch, ..., ...)",
    ),
    why="a reshape says how to count the numbers, a permute in which order to go through them. "
    "torch.nn.functional.unfold(images, side, stride=side) does both, up to a transpose.",
)


def _position_cases(dice: Dice) -> list[tuple]:
    def case(b: int, s: int, c: int, p: int) -> tuple:
        return dice.normal(b, s, c), dice.normal(s, p)

    return [
        case(1, 3, 2, 4),
        case(2, 4, 3, 1),
        case(3, 5, 1, 2),
        case(*sorted(dice.sizes(2)), 8, 9),
        case(*dice.sizes(4)),
    ]


def _joined(contents: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    return torch.cat([contents, places.expand(len(contents), contents.size(1), -1)], dim=-1)


def _by_picture(contents: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    return _joined(contents, positions[: len(contents)].unsqueeze(1))


def _repeated_in_order(contents: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
    batch, cells, _ = contents.shape
    places = positions.repeat_interleave(batch, dim=0)
    return _joined(contents, places.reshape(batch, cells, -1))


with_positions = Exercise(
    name="nb07.with_positions",
    title="What is there, and where",
    difficulty=1,
    minutes=5,
    core=False,
    reference=answers.with_positions,
    spec=answers.with_positions_spec,
    cases=_position_cases,
    sizes=lambda contents, positions: {
        **dict(zip("BSC", contents.shape, strict=True)),
        "P": positions.size(1),
    },
    returns={"states": "B S C+P"},
    gradients=("contents", "positions"),
    shapes_hint="Content and position stand side by side, C + P numbers; they are not added. "
    "torch.cat wants the same number of axes, and only the last may differ in size: give "
    "positions (S, P) an axis for the pictures, (B, S, P).",
    slow_hint="The positions are the same in all pictures: which method repeats them along a new "
    "axis, without a loop?",
    training_case=lambda: (torch.randn(500, 16, 64), torch.randn(16, 32)),
    wrong_answers=(
        Wrong(
            "position_first",
            lambda contents, positions: torch.cat(
                [positions.expand(len(contents), -1, -1), contents], dim=-1
            ),
            "The position comes first. The order is [content; position].",
        ),
        Wrong(
            "same_position",
            lambda contents, positions: _joined(contents, positions[0]),
            "All cells got the position of the first. Then no cell can be told from another that "
            "looks alike.",
        ),
        Wrong(
            "mean_position",
            lambda contents, positions: _joined(contents, positions.mean(dim=0)),
            "All cells got the mean position. Each cell has a row of its own in positions.",
        ),
        Wrong(
            "by_picture",
            _by_picture,
            "Picture b got position b, in all of its cells. The rows of positions belong to the "
            "cells, and are the same in every picture.",
        ),
        Wrong(
            "repeated_in_order",
            _repeated_in_order,
            "The positions are repeated in the wrong order: the first one B times, then the "
            "second. Each picture needs the whole list once: expand does it, or repeat(B, 1, 1).",
        ),
        Wrong(
            "numbered",
            lambda contents, positions: _joined(
                contents, torch.arange(len(positions)).unsqueeze(1).to(contents)
            ),
            "The cells are numbered. Asked for is their vector in positions, which is learnt: a "
            "number would say that cell 15 is more of something than cell 1.",
        ),
        Wrong(
            "one_picture",
            lambda contents, positions: torch.cat([contents[0], positions], dim=-1),
            "Only the first picture is there. The axis of the pictures stays.",
        ),
        Wrong(
            "detached",
            lambda contents, positions: _joined(contents, positions.detach()),
            "The numbers are right, but positions were cut off from the gradient (by .detach(), "
            ".data or torch.tensor). They are learnt like any other parameter.",
        ),
    ),
    hints=(
        "positions has no axis for the pictures. What should stand in each picture?",
        "places = positions with a new first axis, the same B times    (B, S, P)\n"
        "join contents and places along the last axis",
        "torch.cat([contents, positions.expand(..., -1, -1)], dim=...)",
    ),
    why="attention sees a set: what is not in the vectors of the cells it cannot know. expand "
    "shows the one table to all pictures, and the gradient adds up what each has to say of it.",
)
