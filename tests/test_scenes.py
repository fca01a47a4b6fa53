"""Drawn scenes: what the caption and the gold say is what the picture shows."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
import pytest

from helpers.corpus.scenes import (
    CELL,
    COLOURS,
    GRID,
    HELD_OUT_THINGS,
    RELATIONS,
    SCENE_SPLITS,
    SCENE_VOCABULARY,
    SEEN,
    SHAPES,
    THING_SIZES,
    cell_names,
    draw_scenes,
    relation_between,
    render,
)

SCENES = draw_scenes(300, seed=0)
RELATED = draw_scenes(400, seed=0, captions="relation")


def pixels(scene, cell):
    """The pixels (CELL, CELL, 3) of one cell, cut out of the picture by hand."""
    row, column = cell // GRID, cell % GRID
    rows, columns = (slice(k * CELL, (k + 1) * CELL) for k in (row, column))
    return scene.image[:, rows, columns].transpose(1, 2, 0).astype(int)


@pytest.mark.parametrize("scene", [*SCENES[:60], *RELATED[:20]], ids=lambda s: " ".join(s.caption))
def test_ink_is_in_the_gold_cells_alone_and_has_the_colour_that_is_said(scene):
    inked = [k for k in range(GRID * GRID) if (pixels(scene, k) < 255).any()]
    assert inked == sorted(scene.cells) and len(set(scene.cells)) == len(scene.things)
    for word, cell in zip(scene.caption, scene.word_cells, strict=True):
        if word not in COLOURS:
            continue
        colour = np.array(list(bytes.fromhex(COLOURS[word][1:])))
        seen = pixels(scene, cell)
        assert (abs(seen - colour).sum(axis=-1) == 0).any()  # somewhere the pure colour
        # Every pixel lies between paper and that colour, and edges are in between.
        share = (255 - seen).sum(axis=-1) / (255 - colour).sum()
        assert abs(255 - share[..., None] * (255 - colour) - seen).max() < 1.5
        assert ((share > 0.05) & (share < 0.95)).any()


def test_each_word_of_a_thing_speaks_of_it_and_joining_words_of_none():
    for scene in [*SCENES, *RELATED]:
        for k, thing in enumerate(scene.things):
            words = [
                w for w, about in zip(scene.caption, scene.word_things, strict=True) if about == k
            ]
            said = [thing.colour, thing.shape]
            said = said if thing.size == "medium" else [thing.size, *said]
            article = "an" if said[0] == "orange" else "a"
            assert words == [article, *said]
        rest = {
            w for w, about in zip(scene.caption, scene.word_things, strict=True) if about is None
        }
        assert rest <= {",", "and", "of", *RELATIONS}
        assert SCENE_VOCABULARY.decode(SCENE_VOCABULARY.encode(scene.caption)) == list(
            scene.caption
        )


def test_lists_follow_the_reading_order():
    joins = {2: ["and"], 3: [",", "and"], 4: [",", ",", "and"]}
    for scene in SCENES:
        assert list(scene.cells) == sorted(scene.cells)
        between = [
            w for w, about in zip(scene.caption, scene.word_things, strict=True) if about is None
        ]
        assert between == joins[len(scene.things)]
        assert len({(t.colour, t.shape) for t in scene.things}) == len(scene.things)
    assert {len(scene.things) for scene in SCENES} == {2, 3, 4}
    assert {t.size for s in SCENES for t in s.things} == set(THING_SIZES)


def test_relations_are_true_and_equally_frequent():
    counts = Counter()
    for scene in RELATED:
        large, small = scene.things
        assert (large.size, small.size) == ("large", "small")
        middles = [(t.cell % GRID + 0.5, t.cell // GRID + 0.5) for t in scene.things]
        (x, y), (u, v) = middles  # y grows downwards
        relation = next(word for word in scene.caption if word in RELATIONS)
        gap = {"above": v - y, "below": y - v, "left": u - x, "right": x - u}
        assert gap[relation] == max(gap.values()) > 0
        assert sum(value == gap[relation] for value in gap.values()) == 1
        assert ("of" in scene.caption) == (relation in ("left", "right"))
        counts[relation] += 1
    assert all(70 < counts[relation] < 130 for relation in RELATIONS)
    assert relation_between(0, GRID + 1) is None and relation_between(0, 1) == "left"


def test_held_out_pairs_are_in_their_split_alone():
    assert len(HELD_OUT_THINGS) == len(COLOURS) == len(SHAPES)
    assert {c for c, _ in HELD_OUT_THINGS} == set(COLOURS) and {
        s for _, s in HELD_OUT_THINGS
    } == set(SHAPES)
    assert set(SEEN) | set(HELD_OUT_THINGS) == set(itertools.product(COLOURS, SHAPES))
    for split, captions in itertools.product(SCENE_SPLITS, ("list", "relation")):
        scenes = draw_scenes(300, split, seed=3, captions=captions)
        held = [sum((t.colour, t.shape) in HELD_OUT_THINGS for t in s.things) for s in scenes]
        assert set(held) == ({1} if split == "held out" else {0})
        seen = {(t.colour, t.shape) for s in scenes for t in s.things}
        assert seen >= set(HELD_OUT_THINGS) or split != "held out"
    firsts = [(s.things[0].colour, s.things[0].shape) in HELD_OUT_THINGS for s in scenes]
    assert 0.35 < np.mean(firsts) < 0.65 and not all(firsts)


def test_scenes_follow_their_arguments():
    def prints(*arguments, **named):
        return [(s.caption, s.image.tobytes()) for s in draw_scenes(5, *arguments, **named)]

    assert prints("train", 4) == prints("train", 4)
    assert prints("train", 4) == prints("train", seed=4)
    drawn = [prints(split, seed) for split in SCENE_SPLITS for seed in (0, 1)]
    assert all(a != b for a, b in itertools.combinations(drawn, 2))
    assert {len(s.things) for s in draw_scenes(40, seed=0, fewest=1, most=6)} == set(range(1, 7))
    full = draw_scenes(1, seed=0, fewest=16, most=16)[0]
    assert full.cells == tuple(range(16))


def test_the_seed_of_the_course_is_the_default(monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "4")
    assert draw_scenes(3)[2].caption == draw_scenes(3, seed=4)[2].caption


def test_render_draws_the_same_picture_at_any_size():
    # The models' pictures are made from moved stamps, the others shape by shape.
    for scene in [*draw_scenes(150, seed=5), *RELATED[:20]]:
        same = render(scene, cell=CELL)
        assert abs(same.transpose(2, 0, 1).astype(int) - scene.image).max() <= 1
    large = render(scene, cell=4 * CELL).astype(float)
    smaller = large.reshape(GRID * CELL, 4, GRID * CELL, 4, 3).mean(axis=(1, 3))
    assert abs(smaller.transpose(2, 0, 1) - scene.image).max() < 12
    assert large.shape == (256, 256, 3)


def test_shapes_and_sizes_differ_to_the_eye():
    drawn = draw_scenes(2000, seed=1)
    areas: dict[str, dict[str, float]] = {shape: {} for shape in SHAPES}
    for scene in drawn:
        for thing in scene.things:
            dark = (255 - pixels(scene, thing.cell)).sum() / 255
            ink = dark / (3 - sum(bytes.fromhex(COLOURS[thing.colour][1:])) / 255)
            areas[thing.shape][thing.size] = ink
    for sizes in areas.values():
        assert 15 < sizes["small"] * 1.8 < sizes["medium"] < sizes["large"] / 1.6 < 180
    assert len(areas) == 8


def test_cell_names_count_rows_and_columns_from_one():
    names = cell_names()
    assert names[0] == "row 1, column 1" and names[GRID + 2] == "row 2, column 3"
    assert len(set(names)) == GRID * GRID


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"count": 0}, "0 scenes were asked for; expected 1 or more"),
        ({"split": "valid"}, "'valid'; expected one of 'train', 'dev', 'test', 'held out'"),
        ({"captions": "relations"}, "'relations'; expected 'list' or 'relation'"),
        ({"fewest": 3, "most": 2}, "fewest=3 and most=2"),
        ({"fewest": 0}, "expected 1 <= fewest"),
        ({"most": 17}, "16, the number of cells"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw_scenes(**{"count": 2, "seed": 0, **arguments})


def test_a_picture_needs_pixels():
    with pytest.raises(ValueError, match="2 pixels a cell"):
        render(SCENES[0], cell=2)
