"""The language model sees no future, its numbers are what they say, and the judge of French errs
on the side of silence."""

from __future__ import annotations

import math
import random

import pytest
import torch

from helpers import corpus
from helpers.analysis.generated_text import text_quality
from helpers.analysis.ngrams import NGrams, ngrams_of
from helpers.corpus.batches import french_rows
from helpers.corpus.grammar.judge import faults
from helpers.decoding import sample_sentences
from helpers.metrics import perplexity, perplexity_one_by_one
from helpers.models.language_model import LanguageModel, look_mask
from helpers.tasks.own_place import PlaceLines, place_loss, right_places
from helpers.training import fit, next_word_loss

SPLITS = ("train", "dev", "test", "test_longer", "test_unseen")


@pytest.fixture(scope="module")
def data():
    return corpus.load_corpus("lite")


def small(mask: str = "causal", positions: bool = True, layers: int = 2) -> LanguageModel:
    torch.manual_seed(0)
    return LanguageModel(11, 8, layers, mask, positions).double()


# The model


@pytest.mark.parametrize("positions", [True, False])
def test_a_causal_model_has_no_gradient_from_the_future(positions):
    model, words = small(positions=positions), torch.randint(3, 11, (2, 6))
    states = model.embed(words).detach().requires_grad_()
    for t in range(6):
        (gradient,) = torch.autograd.grad(model.read(states)[:, t].cos().sum(), states)
        assert (gradient[:, t + 1 :] == 0).all()
        assert (gradient[:, : t + 1] != 0).all()


def test_a_leaking_model_sees_the_next_word_and_through_two_layers_the_one_behind():
    words = torch.randint(3, 11, (2, 6))
    for layers in (1, 2):
        model = small("leaking", layers=layers)
        states = model.embed(words).detach().requires_grad_()
        (gradient,) = torch.autograd.grad(model.read(states)[:, 1].cos().sum(), states)
        seen = (gradient != 0).any(dim=-1).all(dim=0)
        assert seen.tolist() == [t <= 1 + layers for t in range(6)]


def test_changing_a_later_word_changes_no_bit_before_it():
    model = small().float()
    words = torch.randint(3, 11, (3, 7))
    changed = words.clone()
    changed[:, 4] = (words[:, 4] - 3 + 1) % 8 + 3
    before, after = model(words), model(changed)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.equal(before[:, 4:], after[:, 4:])


def test_the_logits_of_a_prefix_are_those_of_the_whole_sentence():
    model, words = small(), torch.randint(3, 11, (2, 6))
    whole = model(words)
    for t in range(1, 7):
        assert torch.allclose(model(words[:, :t]), whole[:, :t], atol=1e-12)


def test_without_positions_one_layer_does_not_see_the_order_of_earlier_words_and_two_do():
    words = torch.tensor([[1, 4, 7, 5, 9]])
    swapped = words[:, [0, 2, 1, 3, 4]]
    for layers, positions, same in ((1, False, True), (2, False, False), (1, True, False)):
        model = small(positions=positions, layers=layers)
        assert torch.allclose(model(words)[:, 3:], model(swapped)[:, 3:], atol=1e-12) == same


def test_the_weights_are_those_of_the_mask():
    words = torch.randint(3, 11, (2, 5))
    for kind in ("causal", "leaking", "none"):
        for weights in small(kind).weights(words):
            assert weights.shape == (2, 5, 5)
            assert torch.equal(weights > 0, look_mask(kind, 5).expand(2, 5, 5))
            assert torch.allclose(weights.sum(dim=-1), torch.ones(2, 5).double())


def test_unknown_masks_and_wrong_words_are_refused():
    with pytest.raises(ValueError, match="expected one of causal, leaking, none"):
        LanguageModel(11, mask="padding")
    with pytest.raises(ValueError, match="add a batch axis"):
        small()(torch.tensor([1, 4]))
    with pytest.raises(ValueError, match="expected ids"):
        small()(torch.rand(2, 3))


# Loss and perplexity


def test_the_rows_are_start_words_end_padding_and_the_loss_asks_for_each_next_word(data):
    batch = corpus.collate(data.dev[:5], data.source_vocabulary, data.target_vocabulary)
    rows = french_rows(batch)
    for row, pair in zip(rows.tolist(), data.dev, strict=False):
        wanted = [1, *data.target_vocabulary.encode(pair.target), 2]
        assert row == wanted + [0] * (rows.shape[1] - len(wanted))
    model = LanguageModel(len(data.target_vocabulary), 8)
    surprises = []
    for row in rows.tolist():
        row = [word for word in row if word]
        for t in range(1, len(row)):
            logits = model(torch.tensor([row[:t]]))[0, -1]
            surprises.append(-logits.log_softmax(dim=-1)[row[t]])
    assert torch.allclose(next_word_loss(model, batch), torch.stack(surprises).mean(), atol=1e-5)


def test_perplexity_is_the_same_at_once_and_one_by_one_unless_the_mask_leaks(data):
    few, size = data.dev[:40], len(data.target_vocabulary)
    torch.manual_seed(0)
    for mask, same in (("causal", True), ("leaking", False)):
        model = LanguageModel(size, 16, mask=mask)
        with torch.no_grad():
            model.output.weight.mul_(20)  # a fresh model says nearly the same everywhere
        at_once, one_by_one = perplexity(model, few, data), perplexity_one_by_one(model, few, data)
        assert math.isclose(at_once, one_by_one, rel_tol=1e-4) == same
    with pytest.raises(ValueError, match="no word to predict"):
        perplexity(model, [], data)


def test_a_model_that_knows_nothing_has_the_size_of_the_vocabulary_as_perplexity(data):
    model = LanguageModel(len(data.target_vocabulary), 8)
    torch.nn.init.zeros_(model.output.weight)
    torch.nn.init.zeros_(model.output.bias)
    size = len(data.target_vocabulary)
    assert perplexity(model, data.dev[:30], data) == pytest.approx(size, rel=1e-4)


# Counts


def test_runs_begin_with_start_and_end_with_end():
    assert ngrams_of(["le", "chat"], 1) == [("le",), ("chat",), ("<end>",)]
    assert ngrams_of(["le", "chat"], 3) == [
        ("<start>", "<start>", "le"),
        ("<start>", "le", "chat"),
        ("le", "chat", "<end>"),
    ]


@pytest.mark.parametrize("n", [1, 2, 3])
def test_counted_probabilities_sum_to_one(n):
    words = ["le", "chat", "dort", "<end>", "ici"]
    model = NGrams([["le", "chat", "dort"], ["le", "chat"]], n, len(words), k=0.5)
    for history in (("<start>", "le"), ("le", "chat"), ("dort", "dort")):
        seen = history[3 - n :]
        assert sum(model.probability((*seen, w)) for w in words) == pytest.approx(1)


def test_a_bigram_by_hand():
    model = NGrams([["a", "b"], ["a", "a"]], 2, 4, k=1.0)
    single = (3 + 1 / 4) / (6 + 1)  # 'a' is 3 of 6 words, <end> counted
    assert model.probability(("<start>", "a")) == pytest.approx((2 + single) / (2 + 1))
    surprise = -sum(math.log(model.probability(run)) for run in ngrams_of(["b"], 2)) / 2
    assert model.perplexity([["b"]]) == pytest.approx(math.exp(surprise))
    longer = NGrams([["a", "b"], ["a", "a"]], 3, 4, k=1.0)
    assert longer.perplexity([["b", "a"]], 2) == pytest.approx(model.perplexity([["b", "a"]]))
    assert longer.perplexity([["b", "a"]]) != pytest.approx(model.perplexity([["b", "a"]]))
    with pytest.raises(ValueError, match="expected 1 to 2"):
        model.perplexity([["b"]], 3)
    with pytest.raises(ValueError, match="k above 0"):
        NGrams([["a"]], 2, 4, k=0)


# Generation


class Fixed(torch.nn.Module):
    """Logits that depend on the position alone: (T, V) for all sentences."""

    def __init__(self, table: torch.Tensor) -> None:
        super().__init__()
        self.table = table

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.table[: words.shape[1]].expand(len(words), -1, -1)


def test_samples_follow_temperature_and_top_k():
    table = torch.tensor([[9.0, 9.0, -50, 2.0, 1.0, 0.0], [0, 0, 50, 0, 0, 0]])

    def shares(**how) -> list[float]:
        firsts = [words[0] for words in sample_sentences(Fixed(table), 4000, seed=3, **how)]
        return [firsts.count(word) / 4000 for word in (3, 4, 5)]

    for temperature in (0.5, 1.0, 2.0):
        wanted = torch.softmax(table[0, 3:] / temperature, dim=-1).tolist()
        assert shares(temperature=temperature) == pytest.approx(wanted, abs=0.03)
    wanted = torch.softmax(table[0, 3:5], dim=-1).tolist()
    assert shares(k=2) == pytest.approx([*wanted, 0.0], abs=0.03)
    assert shares(k=1) == [1.0, 0.0, 0.0]


def test_samples_stop_at_end_or_at_the_limit_and_can_be_repeated():
    never = Fixed(torch.tensor([[0.0, 0.0, -100.0, 0.0, 0.0]]).expand(9, 5))
    assert {len(words) for words in sample_sentences(never, 5, longest=4, seed=0)} == {4}
    model = small().float()
    assert (
        sample_sentences(model, 9, seed=1)
        == sample_sentences(model, 9, seed=1)
        != sample_sentences(model, 9, seed=2)
    )
    assert all(
        set(words) <= set(range(3, 11)) for words in sample_sentences(model, 50, 2.0, seed=0)
    )
    for wrong in ({"temperature": 0.0}, {"k": 0}):
        with pytest.raises(ValueError, match="expected 1 or more, above 0"):
            sample_sentences(model, 3, **wrong)


def test_worth_counts_what_it_says():
    training = [["le", "chat", "dort", "."], ["la", "vache", "dort", "."]]
    made = [["le", "chat", "dort", "."], ["le", "chat", "dort", "."], ["la", "chat", "dort", "."]]
    found = text_quality(made, training)
    assert found.faultless == pytest.approx(2 / 3)
    assert found.new == pytest.approx(1 / 3)
    assert found.different == pytest.approx(2 / 3)
    assert found.words == 4
    assert found.seen_runs == pytest.approx(13 / 15)  # not '<start> la chat' nor 'la chat dort'
    with pytest.raises(ValueError, match="no sentence"):
        text_quality([], training)


# Where a word stands


def test_place_lines_hold_different_words_behind_start():
    words = next(iter(PlaceLines(9, True, batch_size=50, seed=0)))
    assert words.shape == (50, 9)
    assert (words[:, 0] == 1).all() and (words[:, 1:] > 2).all()
    assert all(len(set(row)) == 9 for row in words.tolist())
    assert (next(iter(PlaceLines(9, False, seed=0))) > 2).all()


def test_a_model_that_counts_names_its_place_and_a_constant_one_does_not():
    places = Fixed(torch.eye(6, 9) * 40)
    words = next(iter(PlaceLines(6, True, seed=0)))
    assert right_places(places, words).tolist() == [1.0] * 6
    assert float(place_loss(places, words)) < 1e-6
    assert right_places(Fixed(places.table[[3] * 6]), words).tolist() == [0, 0, 0, 1, 0, 0]


def test_only_a_causal_layer_learns_to_tell_early_places_without_positions():
    right = {}
    for mask in ("causal", "none"):
        torch.manual_seed(0)
        model = LanguageModel(PlaceLines.vocabulary, 24, 1, mask, positions=False)
        fit(model, PlaceLines(5, True, 32, seed=0), 200, 2e-2, loss=place_loss)
        shares = right_places(model, next(iter(PlaceLines(5, True, 200, seed=9))))
        right[mask] = float(shares[1:].mean())
    assert right["causal"] > 0.8
    assert right["none"] < 0.45


# The judge


def test_no_sentence_of_the_corpus_has_a_fault(data):
    pairs = [pair for name in SPLITS for pair in getattr(data, name)[:2000]]
    assert [(p.target, f) for p in pairs if (f := faults(p.target))] == []


@pytest.mark.parametrize(
    ("sentence", "fault"),
    [
        ("le homme dort .", "no elision"),
        ("la pomme est bon .", "predicate"),
        ("l' chat dort .", "elision before a consonant"),
        ("il va à le marché .", "no contraction"),
        ("ma école est petite .", "no change before a vowel"),
        ("un vieux ami dort .", "no change before a vowel"),
        ("un vieil chat dort .", "change before a consonant"),
        ("mon fille dort .", "change before a consonant"),
        ("le vache dort .", "disagreement"),
        ("les petits filles dorment .", "disagreement"),
        ("la fleur blanc est belle .", "disagreement"),
        ("le chat dorment .", "number"),
        ("les filles sont arrivés .", "predicate"),
        ("elle est heureux .", "predicate"),
        ("ils dort .", "no verb for it"),
        ("j' ai pomme .", "no participle"),
        ("il ne dort .", "no 'pas'"),
        ("il dort pas .", "no 'ne'"),
        ("ce dort .", "no noun"),
        ("le chat dort mange .", "two verbs"),
        ("le chat dort dans .", "nothing behind"),
        ("le chat dort . .", "the final mark"),
        ("le chat dort", "the final mark"),
        ("le chat .", "no verb"),
        (".", "no verb"),
        ("", "no word"),
    ],
)
def test_planted_faults_are_named(sentence, fault):
    found = faults(sentence.split())
    assert any(fault in words for words in found), found


def test_most_sentences_with_one_word_exchanged_are_faulted(data):
    dice = random.Random(0)
    words = [word for pair in data.train[:2000] for word in pair.target]
    caught = 0
    for pair in data.dev:
        sentence, place = list(pair.target), dice.randrange(len(pair.target))
        while (other := dice.choice(words)) == sentence[place]:
            pass
        sentence[place] = other
        caught += bool(faults(sentence))
    assert 0.6 < caught / len(data.dev) < 0.85
