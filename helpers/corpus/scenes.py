"""Drawn scenes: coloured shapes on a grid of cells, captions that the picture determines, and gold.

A picture has GRID x GRID cells, numbered in reading order from 0 (top left); each holds one thing
at most, at a random place inside it. Two kinds of captions: "list" names 2 to 4 things in reading
order ('a large red circle , a blue square and an orange star'), "relation" one large and one small
thing ('a large red circle above a small blue square'). Every word of a thing has a gold cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from helpers import palette
from helpers.corpus.batches import Batch
from helpers.corpus.vocabulary import Vocabulary
from helpers.settings import DEVICE, course_seed, new_generator

GRID = 4  # cells a side
CELL = 16  # pixels a side of a cell, in the pictures that the models see
PAPER = 255  # white
CELLS = GRID * GRID

# The names that most people would give to colours of the course's palette.
COLOURS = {
    "black": palette.BLACK,
    "blue": palette.BLUE,
    "green": palette.GREEN,
    "grey": palette.GREY,
    "orange": palette.ORANGE,
    "pink": palette.PURPLE,
    "red": palette.VERMILLION,
    "yellow": palette.YELLOW,
}
THING_SIZES = {
    "small": 0.21,
    "medium": 0.325,
    "large": 0.45,
}  # radius in cells; 'medium' is not said


def _star(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Five points: in each tenth of a turn the edge is a straight line from point to notch."""
    turn = 2 * np.pi / 5
    angle = np.abs((np.arctan2(u, v) + turn / 2) % turn - turn / 2)  # from the nearest point
    r, notch = np.hypot(u, v), 0.45
    x, y = r * np.cos(angle), r * np.sin(angle)
    end_x, end_y = notch * np.cos(turn / 2), notch * np.sin(turn / 2)
    return (1.05 - x) * end_y >= y * (1.05 - end_x)


# Each tells which points (u to the right, v up, about 1 at the rim) lie inside.
SHAPES: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "circle": lambda u, v: np.hypot(u, v) <= 0.95,
    "cross": lambda u, v: (
        (np.minimum(abs(u), abs(v)) <= 0.28) & (np.maximum(abs(u), abs(v)) <= 0.98)
    ),
    "diamond": lambda u, v: abs(u) / 0.72 + abs(v) <= 1.0,
    "heart": lambda u, v: (
        ((1.15 * u) ** 2 + (1.2 * v + 0.1) ** 2 - 1) ** 3 <= (1.15 * u) ** 2 * (1.2 * v + 0.1) ** 3
    ),
    "ring": lambda u, v: abs(np.hypot(u, v) - 0.75) <= 0.22,
    "square": lambda u, v: np.maximum(abs(u), abs(v)) <= 0.82,
    "star": _star,
    "triangle": lambda u, v: (v >= -0.75) & (abs(u) <= 0.98 * (0.95 - v) / 1.7),
}
RELATIONS = ("above", "below", "left", "right")  # the last two go on with 'of'
RELATION_AT = 4  # place of that word in a caption: it follows 'a large red circle'

# Each colour and each shape is held out once: trained in seven other pairs, never in this one.
HELD_OUT_THINGS = tuple(zip(COLOURS, [*list(SHAPES)[3:], *list(SHAPES)[:3]], strict=True))
SEEN = tuple((c, s) for c in COLOURS for s in SHAPES if (c, s) not in HELD_OUT_THINGS)
SCENE_SPLITS = ("train", "dev", "test", "held out")
CAPTIONS = ("list", "relation")

SCENE_VOCABULARY = Vocabulary(
    ["a", "an", "and", ",", "of", *RELATIONS, "small", "large", *COLOURS, *SHAPES]
)


@dataclass(frozen=True)
class Thing:
    """One drawn thing. x, y: its centre, in cells from the top left corner of its own cell."""

    colour: str
    shape: str
    size: str
    cell: int
    x: float
    y: float

    @property
    def words(self) -> tuple[str, ...]:
        """What a person would call it, as in ('a', 'large', 'red', 'circle')."""
        size = () if self.size == "medium" else (self.size,)
        article = "an" if (*size, self.colour)[0][0] in "aeiou" else "a"
        return article, *size, self.colour, self.shape


@dataclass(frozen=True, eq=False)
class Scene:
    """A picture and what is said of it.

    image: (3, GRID * CELL, GRID * CELL) uint8. things: in the order in which the caption names
    them. caption: words. word_things: for each word the index of the thing it speaks of, None for
    the words between things.
    """

    image: np.ndarray
    things: tuple[Thing, ...]
    caption: tuple[str, ...]
    word_things: tuple[int | None, ...]

    @property
    def cells(self) -> tuple[int, ...]:
        """The gold cell of each thing."""
        return tuple(thing.cell for thing in self.things)

    @property
    def word_cells(self) -> tuple[int | None, ...]:
        """The gold cell of each word of the caption, None where it speaks of no one thing."""
        return tuple(None if k is None else self.things[k].cell for k in self.word_things)


def draw_scenes(
    count: int,
    split: str = "train",
    seed: int | None = None,
    captions: str = "list",
    fewest: int = 2,
    most: int = 4,
) -> list[Scene]:
    """Draw `count` scenes, the same for the same arguments.

    split: "train", "dev" and "test" are drawn apart and hold no pair of HELD_OUT; in "held out"
    exactly one thing of each scene is such a pair. seed: `course_seed()` by default.
    captions: "list" or "relation" (see the top of this module; each relation is as frequent).
    fewest, most: number of things in a "list" scene; no pair of colour and shape comes twice.
    Raises ValueError on anything else.
    """
    _check(count, split, captions, fewest, most)
    seed = course_seed() if seed is None else seed
    generator = np.random.default_rng([seed, SCENE_SPLITS.index(split), CAPTIONS.index(captions)])
    if captions == "relation":
        fewest = most = 2
    numbers = generator.integers(fewest, most + 1, size=count)
    pairs = generator.random((count, len(SEEN))).argsort(axis=1)[:, :most]  # no pair twice
    if split == "held out":  # ids from len(SEEN) on stand for the held-out pairs
        place = generator.integers(0, numbers)
        pairs[np.arange(count), place] = len(SEEN) + generator.integers(
            len(HELD_OUT_THINGS), size=count
        )
    if captions == "relation":
        cells = _related_cells(generator, count)
        sizes = np.tile([2, 0], (count, 1))
    else:
        cells = generator.random((count, GRID * GRID)).argsort(axis=1)[:, :most]
        cells[np.arange(most) >= numbers[:, None]] = GRID * GRID  # none: sorted to the end
        cells.sort(axis=1)
        sizes = generator.integers(len(THING_SIZES), size=(count, most))
    places = generator.random((count, most, 2))
    things = _things(numbers, pairs, sizes, cells, places)
    images = _paint(things)
    describe = _describe_relation if captions == "relation" else _describe_list
    return [Scene(images[i], things[i], *describe(things[i])) for i in range(count)]


def render(scene: Scene, cell: int = 64) -> np.ndarray:
    """Draw a scene anew with `cell` pixels a side of a cell, for people to look at.

    Returns (GRID * cell, GRID * cell, 3) uint8, as matplotlib's imshow takes it.
    """
    if cell < 4:
        raise ValueError(f"{cell} pixels a cell are too few to draw a shape in; use 4 or more")
    picture = np.full((GRID * cell, GRID * cell, 3), PAPER, dtype=np.uint8)
    for thing in scene.things:
        row, column = divmod(thing.cell, GRID)
        inside = _coverage(
            thing.shape, THING_SIZES[thing.size] * cell, thing.x * cell, thing.y * cell, cell
        )
        spot = picture[row * cell : (row + 1) * cell, column * cell : (column + 1) * cell]
        spot[:] = _blend(inside, _rgb(thing.colour)[:, None, None]).transpose(1, 2, 0)
    return picture


def cell_names() -> list[str]:
    """Return a name for each cell in the order of their numbers, as in 'row 1, column 3'."""
    return [f"row {k // GRID + 1}, column {k % GRID + 1}" for k in range(GRID * GRID)]


def _check(count: int, split: str, captions: str, fewest: int, most: int) -> None:
    if count < 1:
        raise ValueError(f"{count} scenes were asked for; expected 1 or more")
    if split not in SCENE_SPLITS:
        raise ValueError(
            f"split is {split!r}; expected one of {', '.join(map(repr, SCENE_SPLITS))}"
        )
    if captions not in CAPTIONS:
        raise ValueError(f"captions is {captions!r}; expected 'list' or 'relation'")
    if not 1 <= fewest <= most <= GRID * GRID:
        raise ValueError(
            f"fewest={fewest} and most={most} things; expected 1 <= fewest <= most <= "
            f"{GRID * GRID}, the number of cells"
        )


def _related_cells(generator: np.random.Generator, count: int) -> np.ndarray:
    """Cells (count, 2) of the large and the small thing; each relation comes equally often."""
    by_relation: dict[str, list[tuple[int, int]]] = {relation: [] for relation in RELATIONS}
    for large in range(GRID * GRID):
        for small in range(GRID * GRID):
            if (relation := relation_between(large, small)) is not None:
                by_relation[relation].append((large, small))
    choices = np.array([by_relation[relation] for relation in RELATIONS])  # (4, as many each, 2)
    picked = generator.integers(choices.shape[1], size=count)
    return choices[generator.integers(len(RELATIONS), size=count), picked]


def relation_between(first: int, second: int) -> str | None:
    """Where cell `first` lies as seen from cell `second`: one of RELATIONS.

    The larger of the two distances decides; None where they are equal.
    """
    down, right = second // GRID - first // GRID, second % GRID - first % GRID
    if abs(down) == abs(right):
        return None
    if abs(down) > abs(right):
        return "above" if down > 0 else "below"
    return "left" if right > 0 else "right"


def _things(
    numbers: np.ndarray,
    pairs: np.ndarray,
    sizes: np.ndarray,
    cells: np.ndarray,
    places: np.ndarray,
) -> list[tuple[Thing, ...]]:
    """Put the drawn numbers together; places (count, most, 2) in [0, 1) become centres."""
    names, radii = list(THING_SIZES), np.array(list(THING_SIZES.values()))
    # The rim keeps a quarter of a pixel from the cell's edge; centres lie on quarters of a pixel.
    room = 0.5 - radii[sizes] - 0.25 / CELL
    centres = 0.5 + room[..., None] * (2 * places - 1)
    centres = np.round(centres * 4 * CELL) / (4 * CELL)
    kinds = [*SEEN, *HELD_OUT_THINGS]
    table = zip(
        numbers.tolist(), pairs.tolist(), sizes.tolist(), cells.tolist(), centres.tolist(),
        strict=True,
    )  # fmt: skip
    scenes = []
    for number, pair, size, cell, centre in table:
        things = []
        for k in range(number):
            (colour, shape), (x, y) = kinds[pair[k]], centre[k]
            things.append(Thing(colour, shape, names[size[k]], cell[k], x, y))
        scenes.append(tuple(things))
    return scenes


def _paint(things: list[tuple[Thing, ...]]) -> np.ndarray:
    """Draw all scenes at once: images (count, 3, GRID * CELL, GRID * CELL) uint8."""
    count = len(things)
    cells = np.full((count, GRID * GRID, 3, CELL, CELL), PAPER, dtype=np.uint8)
    flat = [(i, thing) for i, scene in enumerate(things) for thing in scene]
    # A shape is drawn once for each of the 4 x 4 places that its centre can have within a pixel
    # and then moved by whole pixels, which wraps nothing around: its cell is large enough.
    quarters = np.array([[round(4 * CELL * t.x), round(4 * CELL * t.y)] for _, t in flat])
    shift, part = quarters // 4 - CELL // 2, quarters % 4
    stamps = np.stack(
        [
            _stamps(thing.shape, thing.size)[y, x]
            for (_, thing), (x, y) in zip(flat, part, strict=True)
        ]
    )  # (things, CELL, CELL)
    lines = np.arange(CELL)
    rows = (lines - shift[:, 1:]) % CELL
    columns = (lines - shift[:, :1]) % CELL
    inside = stamps[np.arange(len(flat))[:, None, None], rows[:, :, None], columns[:, None, :]]
    colours = np.stack([_rgb(thing.colour) for _, thing in flat])[:, :, None, None]
    which = [i for i, _ in flat], [thing.cell for _, thing in flat]
    cells[which] = _blend(inside[:, None], colours)
    grid = cells.reshape(count, GRID, GRID, 3, CELL, CELL).transpose(0, 3, 1, 4, 2, 5)
    return np.ascontiguousarray(grid).reshape(count, 3, GRID * CELL, GRID * CELL)


@lru_cache
def _stamps(shape: str, size: str) -> np.ndarray:
    """(4, 4, CELL, CELL): the shape in the middle of a cell, moved down and right by quarters."""
    radius, middle = THING_SIZES[size] * CELL, CELL // 2
    return np.array(
        [
            [_coverage(shape, radius, middle + x / 4, middle + y / 4, CELL) for x in range(4)]
            for y in range(4)
        ]
    )


def _coverage(shape: str, radius: float, x: float, y: float, size: int) -> np.ndarray:
    """The share of each pixel (size, size) that a shape covers; all lengths in pixels."""
    fine = 8  # points a side of a pixel that are looked at
    points = (np.arange(size * fine, dtype=np.float32) + 0.5) / fine
    u, v = (points[None, :] - x) / radius, (y - points[:, None]) / radius
    inside = SHAPES[shape](u, v)
    return inside.reshape(size, fine, size, fine).mean(axis=(1, 3), dtype=np.float32)


def _blend(inside: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return np.round(PAPER + inside * (colour - np.float32(PAPER))).astype(np.uint8)


@lru_cache
def _rgb(colour: str) -> np.ndarray:
    return np.array(list(bytes.fromhex(COLOURS[colour][1:])), dtype=np.float32)


def _describe_list(things: Sequence[Thing]) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """'X and Y', 'X , Y and Z' and so on: the words, and the thing that each speaks of."""
    links = [","] * (len(things) - 2) + ["and"] * (len(things) > 1) + [""]
    words: list[str] = []
    about: list[int | None] = []
    for k, (thing, link) in enumerate(zip(things, links, strict=True)):
        words += [*thing.words, *([link] if link else [])]
        about += [k] * len(thing.words) + [None] * bool(link)
    return tuple(words), tuple(about)


def _describe_relation(things: Sequence[Thing]) -> tuple[tuple[str, ...], tuple[int | None, ...]]:
    """'X above Y' or 'X left of Y': the words, and the thing that each speaks of."""
    first, second = things
    relation = cast(str, relation_between(first.cell, second.cell))  # cells are drawn so
    between = (relation, "of") if relation in ("left", "right") else (relation,)
    about = [0] * len(first.words) + [None] * len(between) + [1] * len(second.words)
    return (*first.words, *between, *second.words), tuple(about)


def cut_cells(images: Tensor) -> Tensor:
    """(B, 3, GRID * CELL, GRID * CELL) -> its cells in reading order (B, S, 3, CELL, CELL)."""
    cells = images.unflatten(3, (GRID, CELL)).unflatten(2, (GRID, CELL))
    return cells.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)


def move_cells(images: Tensor, order: Tensor) -> Tensor:
    """Cut pictures into cells and put them together anew: cell k shows what order[k] showed.

    images (B, 3, GRID * CELL, GRID * CELL), order (S,) -> pictures of the same shape.
    """
    cells = cut_cells(images)[:, order].unflatten(
        1, (GRID, GRID)
    )  # (B, row, column, 3, CELL, CELL)
    return cells.permute(0, 3, 1, 4, 2, 5).flatten(4, 5).flatten(2, 3)


def collate_scenes(scenes: Sequence[Scene]) -> Batch:
    """Stack pictures (B, 3, GRID * CELL, GRID * CELL) uint8 as the source, and pad captions."""
    if not scenes:
        raise ValueError("collate_scenes got no scenes; expected at least one")
    start, end = Vocabulary.start, Vocabulary.end
    captions = [torch.tensor([start, *SCENE_VOCABULARY.encode(s.caption), end]) for s in scenes]
    return Batch(
        source=torch.from_numpy(np.stack([scene.image for scene in scenes])),
        lengths=torch.full((len(scenes),), CELLS),
        target_in=pad_sequence([c[:-1] for c in captions], batch_first=True),
        target_out=pad_sequence([c[1:] for c in captions], batch_first=True),
    )


def scene_batches(
    scenes: Sequence[Scene], batch_size: int = 24, seed: int | None = None, window: int = 16
) -> Iterator[Batch]:
    """Yield shuffled training batches without end, on the course's device.

    Captions of similar length come together, so that little is padded: `window` batches are drawn
    at random, sorted by length, cut and shuffled. seed: of the order, `course_seed()` by default.
    """
    if batch_size < 1 or window < 1 or not scenes:
        raise ValueError(
            f"{len(scenes)} scenes, batch_size={batch_size}, window={window}: expected 1 or more"
        )
    generator = new_generator(seed)
    while True:
        order = torch.randperm(len(scenes), generator=generator).tolist()
        for first in range(0, len(order), batch_size * window):
            chunk = order[first : first + batch_size * window]
            chunk.sort(key=lambda k: len(scenes[k].caption))
            cuts = [chunk[k : k + batch_size] for k in range(0, len(chunk), batch_size)]
            for k in torch.randperm(len(cuts), generator=generator).tolist():
                yield collate_scenes([scenes[i] for i in cuts[k]]).to(DEVICE)
