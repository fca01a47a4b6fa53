"""The tied output and the loss over some of the words: all of them give PyTorch's own loss."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers.corpus.batches import collate
from helpers.corpus.en_fr import Corpus
from helpers.corpus.pairs import Pair
from helpers.corpus.vocabulary import Vocabulary
from helpers.models import recipes, sampled_softmax
from helpers.settings import seed_everything
from helpers.training import fit

WORDS = 40


@pytest.fixture(autouse=True)
def seeded():
    seed_everything(0)


def corpus(sentences=60):
    letters = [f"w{k}" for k in range(WORDS)]
    generator = torch.Generator().manual_seed(0)
    pairs = []
    for _ in range(sentences):
        ids = torch.randint(0, WORDS, (5,), generator=generator).tolist()
        words = tuple(letters[k] for k in ids)
        pairs.append(Pair(words, words[::-1], frozenset(), frozenset(), ()))
    vocabulary = Vocabulary(letters)
    return Corpus("toy", pairs, pairs, pairs, [], [], vocabulary, vocabulary)


def batch_of(data):
    few = [data.train[0], Pair(("w1",), ("w2", "w3"), frozenset(), frozenset(), ())]
    return collate(few, data.source_vocabulary, data.target_vocabulary)


def test_the_output_layer_shares_the_table_and_scores_what_it_is_told():
    table = nn.Embedding(30, 8)
    output = sampled_softmax.TiedOutput(table, width=8)
    states = torch.randn(2, 5, 8)
    everything = output(states)
    torch.testing.assert_close(everything, states @ table.weight.T + output.bias)
    words = torch.tensor([3, 7, 7, 29])
    torch.testing.assert_close(output.some(states, words), everything[..., words])


def test_the_true_words_are_in_the_shortlist_and_no_drawn_word_is_there_twice_over():
    targets = torch.randint(4, 900, (70,))
    found = sampled_softmax.draw_words(targets, 1000, frequent=50, drawn=200)
    assert torch.equal(found.words[found.places], targets)
    kept, sample = found.words[:-200], found.words[-200:]
    assert set(range(50)) <= set(kept.tolist())
    assert len(set(kept.tolist())) == len(kept)
    assert not set(kept.tolist()) & set(sample.tolist())
    assert found.rest == 1000 - len(kept)


def test_a_small_vocabulary_is_there_whole():
    found = sampled_softmax.draw_words(torch.tensor([3, 5]), 90)
    assert found.words.tolist() == list(range(90))
    assert (found.places.tolist(), found.drawn) == ([3, 5], 0)


def test_with_all_words_the_loss_and_its_gradient_are_pytorchs():
    logits = torch.randn(6, 20, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 20, (6,))
    whole = sampled_softmax.WordSample(torch.arange(20), targets, 0, 0)
    own = sampled_softmax.sampled_loss(logits, whole, 20, 0.1)
    theirs = F.cross_entropy(logits, targets, label_smoothing=0.1)
    torch.testing.assert_close(own, theirs)
    gradients = [torch.autograd.grad(loss, logits)[0] for loss in (own, theirs)]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_a_sample_gives_the_loss_on_average(smoothing):
    size = 400
    logits, targets = torch.randn(8, size, dtype=torch.float64), torch.randint(0, size, (8,))
    expected = F.cross_entropy(logits, targets, label_smoothing=smoothing)
    losses = []
    for _ in range(300):
        short = sampled_softmax.draw_words(targets, size, frequent=20, drawn=100)
        losses.append(sampled_softmax.sampled_loss(logits[:, short.words], short, size, smoothing))
    assert float(torch.stack(losses).mean()) == pytest.approx(float(expected), abs=0.02)
    short = sampled_softmax.draw_words(targets, size, frequent=20, drawn=100)
    alone = short._replace(rest=short.drawn)  # as if each drawn word stood for itself
    low = sampled_softmax.sampled_loss(logits[:, short.words], alone, size, 0.0)
    assert float(low) < float(F.cross_entropy(logits, targets)) - 0.5


@pytest.mark.parametrize("name", recipes.TRANSLATORS)
def test_the_loss_of_a_model_is_that_of_its_real_tokens(name):
    data = corpus()
    model, batch = recipes.build_translator(name, data, width=16), batch_of(data)
    model.eval()
    logits = model(batch.source, batch.lengths, batch.target_in)
    real = batch.target_out != 0
    expected = F.cross_entropy(logits[real], batch.target_out[real], label_smoothing=0.1)
    torch.testing.assert_close(sampled_softmax.sampled_softmax_loss(model, batch), expected)
    assert int((~real).sum()) > 0


@pytest.mark.parametrize("name", recipes.TRANSLATORS)
def test_the_output_is_tied_and_learns(name):
    data = corpus()
    model = recipes.build_translator(name, data, width=16)
    table = model.output.table
    assert any(table is module for module in model.modules())
    assert sum(p is table.weight for p in model.parameters()) == 1
    batch = batch_of(data)
    batches = iter(lambda: batch, None)
    before = sampled_softmax.sampled_softmax_loss(model, batch).item()
    fit(model, batches, 60, lr=5e-3, loss=sampled_softmax.sampled_softmax_loss)
    assert sampled_softmax.sampled_softmax_loss(model, batch).item() < before - 0.5


def test_what_cannot_be_is_refused():
    data = corpus()
    with pytest.raises(ValueError, match="expected one of no attention, additive"):
        recipes.build_translator("dot", data)
