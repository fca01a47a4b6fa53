"""The tied output and the loss over some of the words: all of them give PyTorch's own loss."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from helpers import recipes, shortlist
from helpers.corpus import Batch, Corpus, Pair, Vocabulary, collate
from helpers.settings import seed_everything

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
    output = shortlist.TiedOutput(table, width=8)
    states = torch.randn(2, 5, 8)
    everything = output(states)
    torch.testing.assert_close(everything, states @ table.weight.T + output.bias)
    words, real = torch.tensor([3, 7, 7, 29]), torch.rand(2, 5) > 0.4
    with output.only(words, real):
        torch.testing.assert_close(output(states), everything[real][:, words])
    assert output(states).shape == (2, 5, 30)


def test_the_output_layer_scores_everything_again_after_an_error():
    output = shortlist.TiedOutput(nn.Embedding(30, 8), width=12)
    with pytest.raises(KeyError), output.only(torch.tensor([3]), torch.ones(2, 5).bool()):
        raise KeyError
    assert output(torch.randn(2, 5, 12)).shape == (2, 5, 30)


def test_the_true_words_are_in_the_shortlist_and_no_drawn_word_is_there_twice_over():
    targets = torch.randint(4, 900, (70,))
    found = shortlist.draw(targets, 1000, frequent=50, drawn=200)
    assert torch.equal(found.words[found.places], targets)
    kept, sample = found.words[:-200], found.words[-200:]
    assert set(range(50)) <= set(kept.tolist())
    assert len(set(kept.tolist())) == len(kept)
    assert not set(kept.tolist()) & set(sample.tolist())
    assert found.rest == 1000 - len(kept)


def test_a_small_vocabulary_is_there_whole():
    found = shortlist.draw(torch.tensor([3, 5]), 90)
    assert found.words.tolist() == list(range(90))
    assert (found.places.tolist(), found.drawn) == ([3, 5], 0)


def test_with_all_words_the_loss_and_its_gradient_are_pytorchs():
    logits = torch.randn(6, 20, dtype=torch.float64, requires_grad=True)
    targets = torch.randint(0, 20, (6,))
    whole = shortlist.Shortlist(torch.arange(20), targets, 0, 0)
    own = shortlist.sampled_loss(logits, whole, 20, 0.1)
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
        short = shortlist.draw(targets, size, frequent=20, drawn=100)
        losses.append(shortlist.sampled_loss(logits[:, short.words], short, size, smoothing))
    assert float(torch.stack(losses).mean()) == pytest.approx(float(expected), abs=0.02)
    short = shortlist.draw(targets, size, frequent=20, drawn=100)
    alone = short._replace(rest=short.drawn)  # as if each drawn word stood for itself
    low = shortlist.sampled_loss(logits[:, short.words], alone, size, 0.0)
    assert float(low) < float(F.cross_entropy(logits, targets)) - 0.5


@pytest.mark.parametrize("name", recipes.MODELS)
def test_the_loss_of_a_model_is_that_of_its_real_tokens(name):
    data = corpus()
    model, batch = recipes.build(name, data, width=16), batch_of(data)
    model.eval()
    logits = model(batch.source, batch.lengths, batch.target_in)
    real = batch.target_out != 0
    expected = F.cross_entropy(logits[real], batch.target_out[real], label_smoothing=0.1)
    torch.testing.assert_close(shortlist.shortlist_loss(model, batch), expected)
    assert int((~real).sum()) > 0


@pytest.mark.parametrize("name", recipes.MODELS)
def test_the_output_is_tied_and_learns(name):
    data = corpus()
    model = recipes.build(name, data, width=16)
    table = model.output.table
    assert any(table is module for module in model.modules())
    assert sum(p is table.weight for p in model.parameters()) == 1
    batch = batch_of(data)
    batches = iter(lambda: batch, None)
    before = shortlist.shortlist_loss(model, batch).item()
    run = recipes.fit_for(model, batches, seconds=0.4, lr=5e-3)
    assert shortlist.shortlist_loss(model, batch).item() < before - 0.5
    assert run.tokens == run.steps * int((batch.target_out != 0).sum())
    assert 0.4 <= run.seconds < 1.5
    assert run.tokens_per_second == run.tokens / run.seconds


def rates_of(warm_up, monkeypatch):
    """The learning rates that fit_for used, with a clock that ticks once for each step."""
    model = nn.Linear(1, 1)
    batch = Batch(*[torch.ones(1, 1, dtype=torch.long)] * 4)
    ticks, rates = iter(range(100)), []
    step = torch.optim.AdamW.step

    def spy(self, *given):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    monkeypatch.setattr(recipes.time, "process_time", lambda: next(ticks))
    loss = lambda model, batch: model(torch.ones(1, 1)).sum()  # noqa: E731
    recipes.fit_for(model, iter(lambda: batch, None), 11, 2.0, loss, warm_up)
    return rates


def test_the_rate_climbs_and_falls_with_the_time(monkeypatch):
    rates = rates_of(0.5, monkeypatch)
    assert rates[:5] == pytest.approx([4 * k / 11 for k in range(1, 6)])
    assert rates[5:] == pytest.approx([4 * (11 - k) / 11 for k in range(6, 11)])


def test_without_warm_up_the_rate_stays(monkeypatch):
    assert rates_of(None, monkeypatch) == [2.0] * 10


def test_what_cannot_be_is_refused():
    data = corpus()
    with pytest.raises(ValueError, match="expected one of no attention, additive"):
        recipes.build("dot", data)
    model = recipes.build("general", data, width=16)
    with pytest.raises(ValueError, match="more than 0"):
        recipes.fit_for(model, iter([]), 0.0, 1e-3)
