"""With a cache or without: the same words."""

from __future__ import annotations

import pytest
import torch

from helpers.authoring.measurements.nb13 import Roomy
from helpers.corpus.vocabulary import Vocabulary
from helpers.decoding import greedy
from helpers.models import kv_cache
from helpers.models.transformer import TransformerTranslator


def make(layers=2, norm="pre"):
    torch.manual_seed(5)
    model = TransformerTranslator(15, 20, width=16, heads=2, layers=layers, mlp=24, norm=norm)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.7)
    return model.eval()


@pytest.fixture
def batch():
    torch.manual_seed(2)
    return torch.randint(4, 15, (5, 7)), torch.tensor([7, 6, 5, 3, 1])


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("norm", ["pre", "post"])
def test_cached_words_are_the_uncached_ones(batch, layers, norm):
    model = make(layers, norm)
    cached, _ = greedy(model, *batch, max_length=30)
    assert torch.equal(cached, kv_cache.greedy_uncached(model, *batch, max_length=30))
    assert len(set(cached.flatten().tolist())) > 3  # not one word for ever


@torch.no_grad()
def test_each_step_gives_the_same_logits(batch):
    model = make().double()
    memory = model.encode(*batch)
    state, words = model.start(memory), torch.full((5, 1), Vocabulary.start)
    for _ in range(11):
        kept, state, _ = model.step(words[:, -1], state, memory)
        anew = kv_cache.step_uncached(model, words, memory)
        torch.testing.assert_close(kept, anew, rtol=1e-10, atol=1e-10)
        words = torch.cat([words, kept.argmax(dim=-1, keepdim=True)], dim=1)
    changed = words.clone()
    changed[:, 3] = (changed[:, 3] + 1) % 20  # what is kept does matter
    assert not torch.allclose(kv_cache.step_uncached(model, changed[:, :-1], memory), anew)


@torch.no_grad()
def test_it_stops_where_every_sentence_has_its_end(batch):
    model = make()
    bias = torch.zeros(20)
    bias[Vocabulary.end] = 1e3
    model.output.bias = torch.nn.Parameter(bias)
    words = kv_cache.greedy_uncached(model, *batch, max_length=9)
    assert words.tolist() == [[Vocabulary.end]] * 5


@torch.no_grad()
def test_a_cache_with_room_gives_the_same_and_copies_nothing(batch):
    model = make().double()
    memory = model.encode(*batch)
    joined = model.start(memory)
    roomy = tuple(Roomy.of(kept, more=6) for kept in joined)
    places = [part.data_ptr() for kept in roomy for part in kept.room]
    word = torch.full((5,), Vocabulary.start)
    for _ in range(6):
        expected, joined, _ = model.step(word, joined, memory)
        found, roomy, _ = model.step(word, roomy, memory)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)
        word = expected.argmax(dim=-1)
    assert [part.data_ptr() for kept in roomy for part in kept] == places
    assert roomy[0].keys.shape == joined[0].keys.shape
