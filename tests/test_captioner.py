"""Captioners: what a cell's vector holds, where the decoder looks, and how captions are counted."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

from helpers.analysis.captions import LONGEST_CAPTION, caption_all, score_captions
from helpers.corpus.scenes import (
    CELL,
    CELLS,
    COLOURS,
    GRID,
    RELATIONS,
    SCENE_VOCABULARY,
    SHAPES,
    collate_scenes,
    draw_scenes,
    move_cells,
    scene_batches,
)
from helpers.decoding import forced
from helpers.models.captioner import (
    POSITION_USES,
    AttentionCaptioner,
    GridEncoder,
    MeanPooledCaptioner,
    ReorderedCaptioner,
)
from helpers.training import fit

SCENES = draw_scenes(24, seed=0)
BATCH = collate_scenes(SCENES)
ORDER = torch.randperm(CELLS, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def model():
    torch.manual_seed(0)
    return AttentionCaptioner()


def test_a_batch_stacks_pictures_and_pads_captions():
    assert BATCH.source.shape == (24, 3, GRID * CELL, GRID * CELL)
    assert BATCH.source.dtype == torch.uint8 and BATCH.lengths.tolist() == [CELLS] * 24
    for scene, image, before, after in zip(
        SCENES, BATCH.source, BATCH.target_in, BATCH.target_out, strict=True
    ):
        assert np.array_equal(image.numpy(), scene.image)
        ids = SCENE_VOCABULARY.encode(scene.caption)
        rest = [0] * (len(before) - len(ids) - 1)
        assert before.tolist() == [1, *ids, *rest] and after.tolist() == [*ids, 2, *rest]


def test_batches_show_every_scene_once_a_round_in_a_new_order():
    by_image = {scene.image.tobytes(): k for k, scene in enumerate(SCENES)}
    stream = scene_batches(SCENES, batch_size=5, seed=3, window=2)
    rounds = []
    for _ in range(2):
        seen = [
            by_image[image.cpu().numpy().tobytes()]
            for batch in itertools.islice(stream, 5)
            for image in batch.source
        ]
        assert sorted(seen) == list(range(24))
        rounds.append(seen)
    assert rounds[0] != rounds[1]
    again = next(scene_batches(SCENES, batch_size=5, seed=3, window=2))
    assert by_image[again.source[0].cpu().numpy().tobytes()] == rounds[0][0]


def test_a_cell_knows_of_itself_alone():
    encoder = GridEncoder(content=10, position=6)
    contents, positions = encoder(BATCH.source)
    assert contents.shape == (24, CELLS, 10) and positions.shape == (24, CELLS, 6)
    changed = BATCH.source.clone()
    row, column = 2, 1
    changed[:, :, row * CELL : (row + 1) * CELL, column * CELL : (column + 1) * CELL] = 90
    moved, same = encoder(changed)
    differs = (moved - contents).abs().amax(dim=(0, 2)) > 1e-4
    assert differs.nonzero().flatten().tolist() == [row * GRID + column]
    assert torch.equal(same, positions)
    assert len(torch.unique(positions[0], dim=0)) == CELLS


def test_content_is_what_is_in_a_cell_and_not_where_in_it():
    encoder = GridEncoder()
    here = torch.full((1, 3, GRID * CELL, GRID * CELL), 255, dtype=torch.uint8)
    there, other = here.clone(), here.clone()
    here[:, 1:, 4:8, 3:8] = 20
    there[:, 1:, 7:11, 6:11] = 20  # one stride of the filters down and to the right
    other[:, :2, 4:8, 3:8] = 20
    first, second, third = (encoder(picture)[0][0, 0] for picture in (here, there, other))
    torch.testing.assert_close(first, second)
    assert (first - third).abs().max() > 1e-2


def test_moved_cells_show_what_others_showed():
    moved = move_cells(BATCH.source, ORDER)
    for new, old in enumerate(ORDER.tolist()):
        parts = [
            picture[:, :, r * CELL : (r + 1) * CELL, c * CELL : (c + 1) * CELL]
            for picture, (r, c) in (
                (moved, divmod(new, GRID)),
                (BATCH.source, divmod(old, GRID)),
            )
        ]
        assert torch.equal(*parts)
    assert torch.equal(move_cells(moved, ORDER.argsort()), BATCH.source)


def test_attention_is_the_formula(model):
    source = BATCH.source[:3]
    memory = model.encode(source)
    state, previous = torch.randn(3, 96), torch.tensor([4, 5, 6])
    logits, after, weights = model.step(previous, state, memory)
    contents, positions = model.encoder(source)
    for b in range(3):
        h = [torch.cat([contents[b, i], positions[b, i]]) for i in range(CELLS)]
        query = model.query.weight @ state[b] + model.query.bias
        scores = [model.score.v @ torch.tanh(query + model.key.weight @ h_i) for h_i in h]
        a = torch.softmax(torch.stack(scores), dim=0)
        torch.testing.assert_close(weights[b], a)
        c = sum(a_i * h_i for a_i, h_i in zip(a, h, strict=True))
        s = model.cell(torch.cat([model.embedding(previous[b]), c]), state[b])
        torch.testing.assert_close(after[b], s)
        torch.testing.assert_close(logits[b], model.output(torch.cat([s, c])))
    assert not model.start(memory).any()


@pytest.mark.parametrize("make", [AttentionCaptioner, MeanPooledCaptioner])
def test_all_steps_at_training_are_the_steps_one_by_one(make):
    torch.manual_seed(0)
    model = make()
    logits = model(BATCH.source, BATCH.lengths, BATCH.target_in)
    one_by_one, weights = forced(model, BATCH.source, BATCH.lengths, BATCH.target_in)
    assert logits.shape == (*BATCH.target_in.shape, len(SCENE_VOCABULARY))
    torch.testing.assert_close(logits, one_by_one)
    if make is AttentionCaptioner:
        torch.testing.assert_close(weights.sum(-1), torch.ones(BATCH.target_in.shape))
    else:
        assert weights is None


def test_the_twins_are_of_one_size():
    count, other = (
        sum(p.numel() for p in make().parameters())
        for make in (AttentionCaptioner, MeanPooledCaptioner)
    )
    assert abs(count - other) <= 0.02 * count


def test_the_twin_hears_the_same_context_at_every_word():
    torch.manual_seed(0)
    twin = MeanPooledCaptioner()
    memory = twin.encode(BATCH.source)
    first, second = (twin.look(torch.randn(24, 96), memory)[0] for _ in range(2))
    assert torch.equal(first, second) and first.std(dim=0).max() > 1e-3
    # It can tell pictures apart that hold the same cells in other places.
    moved = twin.encode(move_cells(BATCH.source, ORDER))[0]
    assert (moved - memory[0]).abs().max() > 1e-3


def test_cells_in_another_order_change_no_word(model):
    plain = caption_all(model, SCENES)
    reordered = caption_all(ReorderedCaptioner(model, ORDER), SCENES)
    for one, other in zip(plain, reordered, strict=True):
        assert one.target == other.target
        torch.testing.assert_close(other.weights, one.weights[:, ORDER])
        assert (one.weights - other.weights).abs().max() > 1e-4
    # Contents without their positions are another picture.
    batch = BATCH.source, BATCH.lengths, BATCH.target_in
    logits = model(*batch)
    assert (model(move_cells(batch[0], ORDER), *batch[1:]) - logits).abs().max() > 1e-3


@pytest.mark.parametrize("position", POSITION_USES)
def test_position_is_only_where_it_is_said_to_be(position):
    torch.manual_seed(0)
    model = AttentionCaptioner(position=position)
    before = model.encode(BATCH.source)
    with torch.no_grad():
        model.encoder.positions.add_(torch.randn(model.encoder.positions.shape))
    after = model.encode(BATCH.source)
    assert torch.equal(before.keys, after.keys) == (position == "nowhere")
    assert torch.equal(before.values, after.values) == (position != "keys and values")


class Oracle(torch.nn.Module):
    """Says the gold captions and looks at the gold cells, with errors where it is told to."""

    def __init__(self, scenes, wrong=(), looks_away=False):
        super().__init__()
        self.words = collate_scenes(scenes).target_out.clone()
        for old, new in wrong:
            ids = SCENE_VOCABULARY.encode([old, new])
            self.words[self.words == ids[0]] = ids[1]
        cells = torch.zeros(self.words.shape, dtype=torch.long)
        for row, scene in enumerate(scenes):
            cells[row, : len(scene.caption)] = torch.tensor([c or 0 for c in scene.word_cells])
        self.cells = (cells + looks_away) % CELLS

    def encode(self, source, lengths):
        return None

    def start(self, memory):
        return 0

    def step(self, previous, state, memory):
        logits = torch.nn.functional.one_hot(self.words[:, state], len(SCENE_VOCABULARY)).float()
        weights = torch.nn.functional.one_hot(self.cells[:, state], CELLS).float()
        return logits, state + 1, weights


def test_scores_count_what_they_say():
    scores = score_captions(Oracle(SCENES), SCENES)
    assert (scores.exact, scores.colour, scores.shape, scores.size, scores.hit) == (1,) * 5
    assert scores.relation is None
    things = np.array([len(scene.things) for scene in SCENES])
    assert scores.random_thing == pytest.approx(len(things) / things.sum())

    words = [word for scene in SCENES for word in scene.caption]
    colours = [word for word in words if word in COLOURS]
    wrong = score_captions(Oracle(SCENES, wrong=[("blue", "red")], looks_away=True), SCENES)
    assert wrong.colour == pytest.approx(1 - colours.count("blue") / len(colours))
    assert (wrong.shape, wrong.size, wrong.hit) == (1, 1, 0)
    spared = ["blue" not in scene.caption for scene in SCENES]
    assert wrong.exact == pytest.approx(np.mean(spared)) and 0 < np.mean(spared) < 1

    related = draw_scenes(30, seed=0, captions="relation")
    swapped = score_captions(Oracle(related, wrong=[("left", "right")]), related)
    lefts = ["left" in scene.caption for scene in related]
    assert swapped.relation == pytest.approx(1 - np.mean(lefts))
    assert swapped.random_thing == 0.5 and {*RELATIONS} > {"left"}


def test_a_caption_without_an_end_is_no_exact_caption():
    endless = Oracle(SCENES)
    endless.words = torch.cat([endless.words, torch.full((24, LONGEST_CAPTION), 2)], dim=1)
    endless.words[endless.words == 2] = SCENE_VOCABULARY.encode(["and"])[0]
    endless.words[endless.words == 0] = SCENE_VOCABULARY.encode(["and"])[0]
    endless.cells = torch.zeros(endless.words.shape, dtype=torch.long)
    said = caption_all(endless, SCENES)
    assert {len(one.target) for one in said} == {LONGEST_CAPTION} and said[0].weights.shape == (
        30,
        CELLS,
    )
    assert score_captions(endless, SCENES).exact == 0


def test_it_learns_to_name_one_thing_and_to_look_at_it():
    torch.manual_seed(0)
    model = AttentionCaptioner()
    scenes = draw_scenes(1500, seed=0, fewest=1, most=1)
    fit(model, scene_batches(scenes, seed=0), steps=160, lr=8e-3)
    scores = score_captions(model, draw_scenes(100, "dev", seed=0, fewest=1, most=1))
    assert scores.colour > 0.9 and scores.shape > 2.5 / len(SHAPES)
    assert scores.hit > 0.9 and scores.random_thing == 1


def test_bad_input_is_named(model):
    with pytest.raises(ValueError, match=r"shape \(2, 3, 9, 9\).*expected \(B, 3, 64, 64\)"):
        model.encode(torch.zeros(2, 3, 9, 9, dtype=torch.uint8))
    with pytest.raises(ValueError, match=r"torch.float32; expected.*torch.uint8"):
        model.encode(BATCH.source.float())
    with pytest.raises(ValueError, match="'values'; expected one of keys and values, keys, nowh"):
        AttentionCaptioner(position="values")
    with pytest.raises(ValueError, match="expected each of 0 to 15 once"):
        ReorderedCaptioner(model, torch.zeros(CELLS, dtype=torch.long))
    with pytest.raises(ValueError, match="got no scenes"):
        collate_scenes([])
    with pytest.raises(ValueError, match="0 scenes"):
        next(scene_batches([]))
