"""Beam search: with one hypothesis it is greedy, with enough of them it finds the best there is."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from helpers.corpus.pairs import Pair
from helpers.corpus.vocabulary import Vocabulary
from helpers.decoding import beam_search, beam_translate_all, greedy
from helpers.models.recurrent import AdditiveTranslator, BottleneckTranslator, LuongTranslator
from helpers.models.transformer import TransformerTranslator

SIZES = (12, 7)
START, END = Vocabulary.start, Vocabulary.end


def translators():
    torch.manual_seed(3)
    return {
        "bottleneck": BottleneckTranslator(*SIZES, 6, 8, bidirectional=True),
        "additive": AdditiveTranslator(*SIZES, 6, 8, 5),
        "luong": LuongTranslator(*SIZES, 6, 8, score="general"),
        "transformer": TransformerTranslator(*SIZES, width=8, heads=2, layers=2, mlp=12),
    }


@pytest.fixture(params=["bottleneck", "additive", "luong", "transformer"])
def model(request):
    found = translators()[request.param].eval()
    with torch.no_grad():
        for parameter in found.parameters():  # far from uniform, so that there is a choice
            parameter.mul_(2.5)
        bias = torch.zeros(SIZES[1])
        bias[[0, START]] = -1e4  # as after training: greedy has no rule against them
        found.output.bias = nn.Parameter(bias)
    return found


@pytest.fixture
def batch():
    torch.manual_seed(1)
    return torch.randint(4, SIZES[0], (3, 6)), torch.tensor([6, 4, 2])


class Toy(nn.Module):
    """A model whose next word depends on the word before alone. table: log-probabilities (V, V)."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(table)

    def encode(self, source, lengths):
        return source

    def start(self, memory):
        return memory[:, :0]

    def step(self, previous, state, memory):
        return self.table[previous].clone(), state, None


def log_table(entries, size=6):
    """log-probabilities (V, V); entries: {previous: {word: probability}}."""
    table = torch.full((size, size), 1e-9)
    for previous, row in entries.items():
        for word, probability in row.items():
            table[previous, word] = probability
    return table.log()


def score_by_hand(model, source, lengths, words, alpha):
    """The log-probability of one translation over its penalty, step by step."""
    memory = model.encode(source, lengths)
    state, previous, total = model.start(memory), torch.tensor([START]), 0.0
    for word in words:
        logits, state, _ = model.step(previous, state, memory)
        logits[:, [0, START]] = -torch.inf
        total += float(torch.log_softmax(logits, dim=-1)[0, word])
        previous = torch.tensor([word])
    return total / ((5 + len(words)) / 6) ** alpha


@torch.no_grad()
def test_one_hypothesis_is_greedy(model, batch):
    words, weights = greedy(model, *batch, max_length=9)
    found = beam_search(model, *batch, width=1, max_length=9)
    assert torch.equal(found.words[:, 0], words)
    if weights is None:
        assert found.weights is None
    else:
        for row, kept in zip(found.weights[:, 0], weights, strict=True):
            torch.testing.assert_close(row, kept)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@torch.no_grad()
def test_a_wide_beam_finds_the_best_there_is(model, batch, alpha):
    source, lengths = batch[0][:1], batch[1][:1]
    longest, words = 3, range(END, SIZES[1])
    ways = [
        way
        for size in range(1, longest + 1)
        for way in itertools.product(words, repeat=size)
        if END not in way[:-1] and (way[-1] == END or size == longest)
    ]
    scores = {way: score_by_hand(model, source, lengths, way, alpha) for way in ways}
    best = max(scores, key=scores.get)
    found = beam_search(model, source, lengths, width=200, alpha=alpha, max_length=longest)
    assert tuple(w for w in found.words[0, 0].tolist() if w) == best
    assert float(found.scores[0, 0]) == pytest.approx(scores[best], abs=1e-5)


@torch.no_grad()
def test_a_beam_is_at_least_as_likely_as_its_scores_say(model, batch):
    found = beam_search(model, *batch, width=4, alpha=0.6, max_length=7)
    for b in range(len(batch[0])):
        length = int(batch[1][b])
        one = batch[0][b : b + 1, :length], batch[1][b : b + 1]
        for words, score in zip(found.words[b].tolist(), found.scores[b].tolist(), strict=True):
            by_hand = score_by_hand(model, *one, [w for w in words if w], 0.6)
            assert score == pytest.approx(by_hand, abs=1e-4)
        assert found.scores[b].tolist() == sorted(found.scores[b].tolist(), reverse=True)
        assert len({tuple(words) for words in found.words[b].tolist()}) == 4


def test_a_good_sentence_behind_a_worse_first_word_is_found():
    # Greedy takes 3 (.6), after which nothing is likely; 4 (.4) goes on for certain.
    table = log_table({START: {3: 0.6, 4: 0.4}, 3: {5: 0.5, 3: 0.5}, 4: {END: 1}, 5: {END: 1}})
    toy, one = Toy(table), (torch.tensor([[3]]), torch.tensor([1]))
    assert greedy(toy, *one, max_length=5)[0][0, 0] == 3
    assert beam_search(toy, *one, width=2, alpha=0.0).words[0, 0].tolist()[:2] == [4, END]


def test_the_penalty_lets_a_longer_sentence_win():
    table = log_table(
        {START: {END: 0.4, 3: 0.6}, 3: {4: 0.8, 5: 0.2}, 4: {END: 0.7, 5: 0.3}, 5: {END: 1}}
    )
    toy, one = Toy(table), (torch.tensor([[3]]), torch.tensor([1]))
    short, long = (beam_search(toy, *one, 3, alpha).words[0, 0].tolist() for alpha in (0.0, 3.0))
    assert [w for w in short if w] == [END]  # .4 against .6 * .8 * .7 = .336
    assert [w for w in long if w] == [3, 4, END]


@torch.no_grad()
def test_sentences_do_not_meet_and_padding_does_not_count(model, batch):
    together = beam_search(model, *batch, width=3, max_length=8)
    for b, length in enumerate(batch[1].tolist()):
        alone = beam_search(model, batch[0][b : b + 1, :length], batch[1][b : b + 1], 3, 0.6, 8)
        own = together.words[b, 0].tolist()
        assert [w for w in own if w] == [w for w in alone.words[0, 0].tolist() if w]


@torch.no_grad()
def test_weights_belong_to_the_words_beside_them(batch):
    model = translators()["luong"].eval()
    found = beam_search(model, *batch, width=4, max_length=6)
    words = found.words[1, 0]
    one = batch[0][1:2, :4], batch[1][1:2]
    memory = model.encode(*one)
    fed = torch.cat([torch.tensor([START]), words[:-1]]).unsqueeze(0)
    _, _, weights = model.decode(fed, memory.start, memory)
    size = int((words > 0).sum())
    torch.testing.assert_close(found.weights[1, 0, :size, :4], weights[0, :size])


def test_nobody_says_padding_or_start():
    table = torch.zeros(6, 6)
    table[:, [0, START]] = 9.0
    toy = Toy(table)
    found = beam_search(toy, torch.tensor([[3]]), torch.tensor([1]), width=3, max_length=4)
    ended = (found.words == END).cumsum(dim=-1) > 0
    assert not (found.words == START).any()
    assert ((found.words == 0) <= ended).all()


def test_translate_all_keeps_the_order_and_cuts_the_maps(batch):
    model = translators()["transformer"].eval()
    source, target = Vocabulary("abcdefghi"), Vocabulary("wxyz")
    pairs = [
        Pair(tuple(words), ("w",), frozenset(), frozenset(), ())
        for words in ("abcdef", "ba", "cdea")
    ]
    said = beam_translate_all(model, pairs, source, target, width=3, batch_size=2)
    assert [t.source for t in said] == [list(pair.source) for pair in pairs]
    for translation in said:
        assert translation.weights.shape == (len(translation.target), len(translation.source))
        assert not {"<pad>", "<start>"} & set(translation.target)
        assert "<end>" not in translation.words


def test_impossible_sizes_are_refused(batch):
    model = translators()["luong"]
    with pytest.raises(ValueError, match="width=0"):
        beam_search(model, *batch, width=0)
    with pytest.raises(ValueError, match="max_length=0"):
        beam_search(model, *batch, max_length=0)


def test_dropout_is_off_while_decoding_and_the_mode_is_kept(batch):
    """A model in training mode says the same each time, by greedy decoding and by a beam."""
    sizes = {"width": 16, "heads": 2, "layers": 1, "mlp": 16}
    model = TransformerTranslator(*SIZES, **sizes, dropout=0.5).train()
    greedily = {str(greedy(model, *batch, max_length=8)[0].tolist()) for _ in range(4)}
    beams = {str(beam_search(model, *batch, max_length=8).words.tolist()) for _ in range(4)}
    assert len(greedily) == len(beams) == 1
    assert model.training


def test_greedy_without_a_step_is_refused(batch):
    with pytest.raises(ValueError, match="max_length=0"):
        greedy(translators()["luong"], *batch, max_length=0)
