"""Notebook 07: the exercises' answers are the captioner's own steps, PyTorch's, and sets."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from helpers.analysis.captions import WORD_GROUPS, caption_all, score_captions
from helpers.attention import attend
from helpers.corpus.scenes import CELL, CELLS, PAPER, collate_scenes, draw_scenes, move_cells
from helpers.exercises import nb07
from helpers.exercises.engine import CORRECT, NOT_YET, RAISED, SLOW
from helpers.exercises.inputs import Dice
from helpers.models.captioner import AttentionCaptioner, GridEncoder
from tests.exercise_tools import define, unwrapped

close = {"rtol": 1e-10, "atol": 1e-10}
named = {"ids": lambda value: getattr(value, "name", "answer")}
SCENES = draw_scenes(12, seed=0)
IMAGES = collate_scenes(SCENES).source
ORDER = torch.randperm(CELLS, generator=torch.Generator().manual_seed(1))


@pytest.fixture(autouse=True)
def seeded():
    torch.manual_seed(0)


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def test_every_exercise_has_five_wrong_answers_or_more():
    assert len(nb07.EXERCISES) == 5
    assert all(len(exercise.wrong_answers) >= 5 for exercise in nb07.EXERCISES)


def test_cells_hold_the_things_of_the_scene_and_paper():
    cells = nb07.cut_cells.reference(IMAGES, CELL)
    assert cells.shape == (12, CELLS, 3 * CELL * CELL) and cells.dtype == IMAGES.dtype
    inked = (cells != PAPER).any(dim=-1)
    for scene, row in zip(SCENES, inked, strict=True):
        assert row.nonzero().flatten().tolist() == sorted(scene.cells)


def test_cells_move_as_the_pictures_do():
    cells = nb07.cut_cells.reference(IMAGES, CELL)
    moved = nb07.cut_cells.reference(move_cells(IMAGES, ORDER), CELL)
    assert torch.equal(moved, cells[:, ORDER])


def test_cells_are_those_the_encoder_looks_at():
    encoder = GridEncoder()
    contents, _ = encoder(IMAGES)
    cells = nb07.cut_cells.reference(1 - IMAGES.float() / 255, CELL)
    for cell in (0, 7, CELLS - 1):
        pixels = cells[:, cell].unflatten(1, (3, CELL, CELL))
        torch.testing.assert_close(encoder.see(pixels), contents[:, cell], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("b", "rows", "columns", "side"), [(1, 1, 1, 3), (2, 3, 5, 4)])
def test_cells_are_pytorchs(b, rows, columns, side):
    images = numbers(b, 3, rows * side, columns * side)
    theirs = F.unfold(images, side, stride=side).mT
    assert torch.equal(nb07.cut_cells.reference(images, side), theirs)


def test_states_are_the_captioners_values():
    model = AttentionCaptioner()
    contents, positions = model.encoder(IMAGES)
    own = nb07.with_positions.reference(contents, model.encoder.positions)
    torch.testing.assert_close(own, model.encode(IMAGES).values, **close)


def test_share_of_looks_is_the_captioners_score():
    model = AttentionCaptioner()
    weights, word_cells = [], []
    for scene, said in zip(SCENES, caption_all(model, SCENES, teacher_forcing=True), strict=True):
        weights.append(said.weights[: len(scene.caption)])
        for word, cell in zip(scene.caption, scene.word_cells, strict=True):
            word_cells.append(cell if word in WORD_GROUPS["colour"] | WORD_GROUPS["shape"] else -1)
    share = nb07.looked_at.reference(torch.cat(weights), word_cells)
    assert share.item() == pytest.approx(score_captions(model, SCENES).hit)


def test_answers_are_attends():
    queries, keys, values = numbers(2, 3, 4), numbers(2, 5, 4), numbers(2, 5, 6)
    own = nb07.bag_answers.reference(queries, keys, values)
    torch.testing.assert_close(own, attend(queries, keys, values)[0], **close)


def test_order_of_the_items_does_not_matter():
    queries, keys, values = numbers(2, 3, 4), numbers(2, CELLS, 4), numbers(2, CELLS, 6)
    own = nb07.bag_answers.reference(queries, keys, values)
    shuffled = nb07.bag_answers.reference(queries, keys[:, ORDER], values[:, ORDER])
    torch.testing.assert_close(own, shuffled, **close)


@pytest.mark.parametrize(
    ("n", "size", "hop", "count"), [(10, 10, 3, 1), (10, 4, 3, 3), (10, 4, 4, 2), (10, 1, 1, 10)]
)
def test_frames_are_whole_and_pytorchs(n, size, hop, count):
    signal = numbers(2, n)
    own = nb07.frames.reference(signal, size, hop)
    assert own.shape == (2, count, size)
    assert torch.equal(own, signal.unfold(1, size, hop))


@pytest.mark.parametrize("seed", [2014, 1, 2])
def test_inputs_leave_room_for_slips_to_show(seed):
    """Some looks hit and some miss, no two weights are equal, and some samples are left over."""
    cases = nb07.looked_at.cases(Dice(seed))
    shares = [nb07.looked_at.reference(*case).item() for case in cases]
    assert sum(0 < share < 1 for share in shares) >= 3
    for weights, word_cells in cases:
        top = weights.topk(2, dim=-1).values
        assert (top[:, 0] > top[:, 1]).all()
        assert -1 in word_cells and 0 in word_cells
    sounds = nb07.frames.cases(Dice(seed))
    assert sum((n.size(1) - size) % hop > 0 for n, size, hop in sounds) >= 3
    assert any(hop < size for _, size, hop in sounds) and any(hop > size for _, size, hop in sounds)


def cells_by_chunks(images, side):
    rows = images.split(side, dim=2)
    return torch.stack(
        [cell.flatten(1) for row in rows for cell in row.split(side, dim=3)], dim=1
    )  # a loop over cells only, as quick as it needs to be


def looked_by_mask(weights, word_cells):
    spoken = [t for t, cell in enumerate(word_cells) if cell != -1]
    cells = torch.tensor([word_cells[t] for t in spoken])
    return (weights[spoken].max(dim=1).indices == cells).sum() / len(spoken)


def frame_by_frame(signal, size, hop):
    last = signal.size(1) - size
    return torch.stack([signal[:, s : s + size] for s in range(0, last + 1, hop)], dim=1)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb07.cut_cells, lambda x, n: F.unfold(x, n, stride=n).mT),
        (nb07.cut_cells, cells_by_chunks),
        (nb07.with_positions, lambda c, p: torch.cat([c, p.repeat(len(c), 1, 1)], 2)),
        (nb07.with_positions, lambda c, p: torch.cat([c, p + 0 * c[..., :1]], 2)),
        (nb07.looked_at, looked_by_mask),
        (nb07.bag_answers, lambda q, k, v: attend(q, k, v)[0]),
        (
            nb07.bag_answers,
            lambda q, k, v: torch.einsum(
                "bts,bsv->btv", torch.einsum("btd,bsd->bts", q, k).softmax(2), v
            ),
        ),
        (nb07.frames, lambda x, n, hop: x.unfold(-1, n, hop)),
        (nb07.frames, frame_by_frame),
    ],
    **named,
)
def test_other_right_ways_are_right(exercise, answer):
    verdict = exercise.verdict(answer)
    assert verdict.kind in (CORRECT, SLOW), verdict


def cells_in_python(images, side, outer="rows"):
    """Cell by cell, as many write it first; `outer` says which way the cells run."""
    _, _, height, width = images.shape
    corners = [(r, c) for r in range(0, height, side) for c in range(0, width, side)]
    if outer == "columns":
        corners.sort(key=lambda corner: corner[1])
    return torch.stack(
        [images[:, :, r : r + side, c : c + side].flatten(1) for r, c in corners], dim=1
    )


def counts_what_it_meets(weights, word_cells):
    hits = sum(int(row.argmax()) == cell for row, cell in zip(weights, word_cells, strict=True))
    return torch.tensor(hits / len(word_cells))


def truthy_cells(weights, word_cells):
    hits = [int(weights[t].argmax()) == c for t, c in enumerate(word_cells) if c and c != -1]
    return torch.tensor(sum(hits) / len(hits))


@pytest.mark.parametrize(
    ("exercise", "answer", "name"),
    [
        (
            nb07.cut_cells,
            lambda x, n: x.view(len(x), -1, 3 * n * n),
            "read_on",
        ),
        (nb07.cut_cells, lambda x, n: cells_in_python(x, n, "columns"), "by_columns"),
        (nb07.cut_cells, lambda x, n: F.unfold(x, n).mT, "overlapping"),
        (nb07.cut_cells, lambda x, n: F.unfold(x, n, stride=n), "numbers_first"),
        (
            nb07.cut_cells,
            lambda x, n: F.unfold(x, n, stride=n).reshape(len(x), -1, 3 * n * n),
            "numbers_first_reshaped",
        ),
        (
            nb07.cut_cells,
            lambda x, n: x.unfold(2, n, n).unfold(3, n, n).reshape(len(x), -1, 3 * n * n),
            "channels_apart",
        ),
        (
            nb07.with_positions,
            lambda c, p: torch.cat([p[None].repeat(len(c), 1, 1), c], 2),
            "position_first",
        ),
        (nb07.looked_at, counts_what_it_meets, "none_as_misses"),
        (nb07.looked_at, truthy_cells, "cell_zero_left_out"),
        (
            nb07.bag_answers,
            lambda q, k, v: (k @ q.mT).softmax(-1).mT @ v,
            "over_queries",
        ),
        (nb07.bag_answers, lambda q, k, v: q @ (k.mT @ v), "no_softmax"),
        (
            nb07.frames,
            lambda x, n, hop: torch.stack([x[:, i : i + n] for i in range(x.size(1) - n + 1)], 1),
            "every_sample",
        ),
        (
            nb07.frames,
            lambda x, n, hop: torch.stack(
                [F.pad(x, (0, n))[:, i : i + n] for i in range(0, x.size(1), hop)], 1
            ),
            "every_start",
        ),
    ],
    **named,
)
def test_slip_in_other_words_is_known_too(exercise, answer, name):
    verdict = exercise.verdict(answer)
    assert verdict.misconception == name, verdict


@pytest.mark.parametrize(
    ("exercise", "body", "kind", "said"),
    [
        (
            nb07.with_positions,
            "return contents + positions",
            RAISED,
            "Content and position stand side by side, C + P numbers; they are not added.",
        ),
        (
            nb07.with_positions,
            "return torch.cat([contents, positions], dim=-1)",
            RAISED,
            "give positions (S, P) an axis for the pictures",
        ),
        (
            nb07.cut_cells,
            "return images.reshape(len(images), 3, side, side, -1).permute(0, 4, 1, 2, 3)",
            NOT_YET,
            "cells has the wrong shape: expected (B, S, N) = (1, 4, 12)",
        ),
        (
            nb07.looked_at,
            "return (weights.argmax(dim=0) == torch.tensor(word_cells)).float().mean()",
            RAISED,
            "its largest weight is found along the last axis",
        ),
        (
            nb07.looked_at,
            "return 0.5",
            NOT_YET,
            "Expected share, a tensor of shape (); yours is a float.",
        ),
        (
            nb07.bag_answers,
            "return torch.softmax(queries @ keys, dim=-1) @ values",
            RAISED,
            "keys with their last two axes transposed",
        ),
        (
            nb07.bag_answers,
            "return torch.softmax(queries @ keys.mT, dim=-1)",
            NOT_YET,
            "expected (B, T, C) = (1, 2, 5), yours is (B, T, S) = (1, 2, 3).",
        ),
    ],
    **named,
)
def test_what_does_not_fit_is_said(exercise, body, kind, said):
    head = exercise.stub.partition('    raise NotImplementedError("your turn")')[0]
    verdict = exercise.verdict(define(exercise, f"{head}    {body}\n"))
    assert verdict.kind == kind
    assert said in unwrapped(f"{verdict.message}\n{verdict.details}")


def test_pixels_of_the_first_pictures_tell_their_places():
    verdict = nb07.cut_cells.verdict(
        lambda images, side: images.reshape(len(images), -1, 3 * side * side)
    )
    assert "expected at [0, 0, 10]: 210 got at [0, 0, 10]: 12" in unwrapped(verdict.details)
    images, side = min(nb07.cut_cells.cases(Dice(0)), key=lambda case: case[0].numel())
    assert images[0, 2, 1, 3] == 213 and side == 2
