"""The captioner of notebook 11, whose look has heads: its formula, its size, its steps."""

from __future__ import annotations

import pytest
import torch

from helpers.analysis.captions import caption_all, score_captions
from helpers.corpus.scenes import CELLS, SCENE_VOCABULARY, collate_scenes, draw_scenes
from helpers.decoding import forced
from helpers.models.captioner import MultiHeadCaptioner
from helpers.tasks.two_lookups import silence

SCENES = draw_scenes(12, seed=0, captions="relation")
BATCH = collate_scenes(SCENES)


def captioner(heads):
    torch.manual_seed(0)
    return MultiHeadCaptioner(heads)


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_a_look_is_the_formula_head_by_head(heads):
    model = captioner(heads)
    state = torch.randn(12, 96)
    context, weights = model.each_look(state, model.encode(BATCH.source))
    h = torch.cat(model.encoder(BATCH.source), dim=-1)  # (B, S, C)
    layer, size, found = model.layer, 96 // heads, []
    for a in range(heads):
        own = slice(a * size, (a + 1) * size)
        query, keys, values = (
            x @ part.weight[own].T
            for x, part in ((state, layer.query), (h, layer.key), (h, layer.value))
        )
        scores = torch.einsum("bp,bsp->bs", query, keys) / size**0.5
        torch.testing.assert_close(weights[:, a], scores.softmax(dim=-1))
        found.append(torch.einsum("bs,bsp->bp", weights[:, a], values))
    torch.testing.assert_close(context, torch.cat(found, dim=-1) @ layer.output.weight.T)
    same, mean = model.look(state, model.encode(BATCH.source))
    torch.testing.assert_close(same, context)
    torch.testing.assert_close(mean, weights.mean(dim=1))


def test_heads_change_no_size_and_do_change_the_look():
    models = [captioner(heads) for heads in (1, 2, 4)]
    assert len({sum(p.numel() for p in model.parameters()) for model in models}) == 1
    models[1].load_state_dict(models[0].state_dict())
    batch = BATCH.source, BATCH.lengths, BATCH.target_in
    assert (models[0](*batch) - models[1](*batch)).abs().max() > 1e-5


def test_all_steps_at_training_are_the_steps_one_by_one():
    model = captioner(2)
    logits = model(BATCH.source, BATCH.lengths, BATCH.target_in)
    one_by_one, weights = forced(model, BATCH.source, BATCH.lengths, BATCH.target_in)
    assert logits.shape == (*BATCH.target_in.shape, len(SCENE_VOCABULARY))
    torch.testing.assert_close(logits, one_by_one)
    assert weights.shape == (*BATCH.target_in.shape, CELLS)
    torch.testing.assert_close(weights.sum(dim=-1), torch.ones(BATCH.target_in.shape))


def test_it_is_scored_and_silenced_like_the_others():
    model = captioner(2)
    scores = score_captions(model, SCENES)
    assert scores.relation is not None and scores.random_thing == 0.5
    assert all(said.weights.shape[1] == CELLS for said in caption_all(model, SCENES))
    state, memory = torch.randn(12, 96), model.encode(BATCH.source)
    loud, quiet = model.look(state, memory)[0], silence(model, 1).look(state, memory)[0]
    assert (loud - quiet).abs().max() > 1e-4


def test_heads_that_do_not_fit_are_named():
    with pytest.raises(ValueError, match="cannot be shared out among 5 heads"):
        MultiHeadCaptioner(5)
