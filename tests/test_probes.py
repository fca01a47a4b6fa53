"""The instruments: they measure what they say, on networks whose answer is known beforehand."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.analysis.gradients import gradient_norms, source_gradient_norms, update_gates
from helpers.analysis.probes import PositionReader, accuracy_by_source_place
from helpers.corpus.batches import Batch
from helpers.corpus.pairs import Pair
from helpers.corpus.vocabulary import Vocabulary
from helpers.models.recurrent import BottleneckTranslator, LuongTranslator, open_update_gates
from helpers.tasks.first_word import FirstWord, random_words


def pair(source: str, target: str, links: set[tuple[int, int]]) -> Pair:
    sure = frozenset(links)
    return Pair(tuple(source.split()), tuple(target.split()), sure, sure, ())


PAIRS = [
    pair("a b c d", "w x y z", {(0, 0), (1, 1), (2, 2), (3, 3)}),
    pair("d c b a", "z y x w", {(0, 0), (1, 1), (2, 2), (3, 3)}),
]
ENGLISH, FRENCH = Vocabulary(["a", "b", "c", "d"]), Vocabulary(["w", "x", "y", "z"])


def test_random_words_are_even_repeatable_and_of_the_asked_shape():
    first, again = (next(random_words(5, 7, 2000, seed=3)) for _ in range(2))
    assert first.shape == (2000, 7) and torch.equal(first, again)
    shares = torch.bincount(first.flatten(), minlength=5) / first.numel()
    assert (shares - 0.2).abs().max() < 0.02
    assert not torch.equal(first, next(random_words(5, 7, 2000, seed=4)))


def test_random_words_take_the_seed_of_the_course(monkeypatch):
    monkeypatch.setenv("COURSE_SEED", "9")
    assert torch.equal(next(random_words(5, 7)), next(random_words(5, 7, seed=9)))


@pytest.mark.parametrize("layer", [nn.RNN, nn.GRU])
def test_first_word_shape(layer):
    model = FirstWord(vocabulary=6, embed=3, hidden=5, layer=layer)
    assert model(torch.randint(6, (2, 4))).shape == (2, 6)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_position_reader_has_one_read_out_a_position(bidirectional):
    probe = PositionReader(6, 5, embed=3, hidden=8, bidirectional=bidirectional)
    words = torch.randint(6, (2, 5))
    assert probe(words).shape == (2, 5, 6)
    with torch.no_grad():  # only the head of position 3 is left
        probe.heads.weight.view(5, 6, 8)[torch.arange(5) != 3] = 0
        probe.heads.bias.zero_()
    used = probe(words).abs().sum(dim=(0, 2)) > 0
    assert used.tolist() == [False, False, False, True, False]


def test_gates_that_keep_at_first():
    torch.manual_seed(0)
    inputs = 0.1 * torch.randn(4, 6, 3)
    gru = nn.GRU(3, 50, batch_first=True)
    fresh = update_gates(gru, inputs).mean()
    kept = update_gates(open_update_gates(gru, bias=2.0), inputs).mean()
    assert abs(fresh - 0.5) < 0.05 and abs(kept - torch.sigmoid(torch.tensor(2.0))) < 0.05


def test_update_gates_are_those_inside_the_gru():
    """h = (1 - z) n + z h_before: where the candidate n is 0, z alone tells the new state."""
    torch.manual_seed(1)
    gru = nn.GRU(3, 5, batch_first=True)
    inputs = torch.randn(2, 6, 3)
    with torch.no_grad():
        for parameter in gru.parameters():
            parameter[10:] = 0  # the rows of n
        gru.bias_ih_l0[10:] = 100.0  # tanh is 1: h = 1 - z + z h_before
        states, _ = gru(inputs)
    before = torch.cat([torch.zeros(2, 1, 5), states[:, :-1]], dim=1)
    gates = (1 - states) / (1 - before)
    assert torch.allclose(update_gates(gru, inputs), gates, atol=1e-4)


def test_gradient_norms_of_a_linear_chain_are_powers():
    """tanh near 0 is a line, so one step back multiplies by the rotation's radius."""
    torch.manual_seed(2)
    layer = nn.RNN(4, 16, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.zero_()
        layer.weight_hh_l0.copy_(0.5 * torch.linalg.qr(torch.randn(16, 16).double()).Q)
        layer.weight_ih_l0[:4] = 1e-6 * torch.eye(4)
    norms = gradient_norms(layer, torch.randn(3000, 5, 4, dtype=torch.float64))
    assert norms.shape == (5,)
    assert torch.allclose(norms[1:] / norms[:-1], torch.full((4,), 2.0).double(), rtol=0.05)


def test_gradient_norms_leave_inputs_and_weights_alone():
    layer, inputs = nn.GRU(3, 4, batch_first=True), torch.randn(2, 5, 3, requires_grad=True)
    gradient_norms(layer, inputs)
    assert inputs.grad is None
    assert all(parameter.grad is None for parameter in layer.parameters())


class Copier(nn.Module):
    """Its context is the whole source; it says word by word what the context holds."""

    def encode(self, source, lengths):
        return source.float()

    def start(self, context):
        return torch.zeros(len(context), 1)

    def step(self, previous, state, context):
        place = state.long().clamp(max=context.shape[1] - 1)
        said = context.gather(1, place).long().squeeze(1)
        return nn.functional.one_hot(said, len(FRENCH)).float(), state + 1, None


def test_right_by_place_with_its_own_and_with_another_context():
    """The toy pairs' French ids equal the English ones, so copying is a perfect translation."""
    found = accuracy_by_source_place(Copier(), PAIRS, ENGLISH, FRENCH, parts=2)
    assert found["own"].tolist() == [1.0, 1.0]
    assert found["other"].tolist() == [0.0, 0.0]


def test_right_by_place_cuts_by_the_english_word():
    class Half(Copier):
        def encode(self, source, lengths):
            return torch.where(torch.arange(source.shape[1]) < 2, source, 3).float()

    found = accuracy_by_source_place(Half(), PAIRS, ENGLISH, FRENCH, parts=2)
    assert found["own"][0] == 1.0 and found["own"][1] == 0.25  # 'a' has id 3, once in four words


def test_right_by_place_runs_on_the_courses_translator():
    torch.manual_seed(0)
    model = BottleneckTranslator(len(ENGLISH), len(FRENCH), embed=3, hidden=5).eval()
    found = accuracy_by_source_place(model, PAIRS, ENGLISH, FRENCH, parts=4)
    assert found["own"].shape == found["other"].shape == (4,)


def test_right_by_place_needs_two_sentences():
    with pytest.raises(ValueError, match="two or more"):
        accuracy_by_source_place(Copier(), PAIRS[:1], ENGLISH, FRENCH)


class Weighed(nn.Module):
    """A translator whose outputs are a sum of word embeddings, each times a known number."""

    def __init__(self, scale):
        super().__init__()
        self.encoder = nn.Module()
        self.encoder.embedding = nn.Embedding(9, 5)
        self.scale = torch.tensor(scale)

    def forward(self, source, lengths, target_in):
        summed = (self.encoder.embedding(source) * self.scale[:, None]).sum(dim=1)  # (B, V)
        return summed.unsqueeze(1).expand(-1, target_in.shape[1], -1)


def sentences(lengths: list[int]) -> Batch:
    torch.manual_seed(2)
    source = torch.randint(3, 9, (len(lengths), max(lengths)))
    target = torch.randint(3, 9, (len(lengths), 4))
    target[0, 2:] = 0  # the first target is shorter
    return Batch(source, torch.tensor(lengths), target, target)


def test_reach_is_the_gradient_of_each_word():
    norms = source_gradient_norms(Weighed([1.0, 0.0, 4.0]), sentences([3, 3]))
    torch.testing.assert_close(norms / norms[0], torch.tensor([1.0, 0.0, 4.0]))


def test_a_mean_reaches_the_first_word_and_a_last_state_hardly():
    batch = sentences([20, 20, 20])
    norms = {
        context: source_gradient_norms(LuongTranslator(9, 9, 4, 6, "dot", False, context), batch)
        for context in ("mean", "last state")
    }
    assert norms["mean"][0] > 0.2 * norms["mean"].max()
    assert norms["last state"][0] < 0.01 * norms["last state"][-1]


def test_reach_wants_sentences_of_one_length():
    with pytest.raises(ValueError, match="lengths from 2 to 3; expected sentences of one length"):
        source_gradient_norms(Weighed([1.0, 0.0, 4.0]), sentences([3, 2]))
