"""Two look-ups at once: what is asked, what is answered, and what the model is made of."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from helpers.tasks.two_lookups import (
    ANIMALS,
    ANSWERS,
    MOST_ANIMALS,
    READ_OUTS,
    DrawFarms,
    Farms,
    TwoLookUps,
    farm_loss,
    looks_at,
    moved_by,
    share_right,
    silence,
)
from helpers.training import fit

FARMS = DrawFarms(seed=0).draw(400)


def model(heads=2, read_out="linear", width=12):
    torch.manual_seed(0)
    return TwoLookUps(heads, read_out, width, hidden=10)


class Told(nn.Module):
    """Answers by `rule` of the two numbers asked for, certain of it."""

    def __init__(self, rule):
        super().__init__()
        self.rule = rule

    def forward(self, farms, need_weights=False):
        rows = torch.arange(len(farms.numbers)).view(-1, 1)
        first, second = (farms.numbers[rows, farms.asked[..., k]] for k in (0, 1))
        said = self.rule(first, second) + MOST_ANIMALS
        return 50.0 * nn.functional.one_hot(said, len(ANSWERS)).float(), None


def test_the_answer_is_the_first_number_less_the_second():
    farms = Farms(
        kinds=torch.tensor([[1, 3, 2]]),
        numbers=torch.tensor([[7, 3, 5]]),
        asked=torch.tensor([[[0, 1], [1, 0], [2, 2 - 1]]]),
    )
    assert [ANSWERS[k] for k in farms.answers[0].tolist()] == [4, -4, 2]
    assert [[ANIMALS[k] for k in pair] for pair in farms.asked_kinds[0].tolist()] == [
        ["cats", "dogs"],
        ["dogs", "cats"],
        ["cows", "dogs"],
    ]


def test_farms_hold_different_kinds_and_questions_name_two():
    assert FARMS.kinds.shape == FARMS.numbers.shape == (400, 6)
    assert all(len(set(farm)) == 6 for farm in FARMS.kinds.tolist())
    assert (FARMS.asked[..., 0] != FARMS.asked[..., 1]).all()
    assert set(FARMS.numbers.unique().tolist()) == set(range(MOST_ANIMALS + 1))
    assert set(FARMS.answers.unique().tolist()) == set(range(len(ANSWERS)))
    pairs = FARMS.asked.flatten(0, 1).tolist()  # 2400 questions, 30 pairs of places
    counts = [pairs.count([a, b]) for a, b in itertools.permutations(range(6), 2)]
    assert min(counts) > 40 and max(counts) < 130


def test_draws_are_the_seeds():
    first, again, other = (next(iter(DrawFarms(5, seed=seed))) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first.numbers, other.numbers)
    assert first.asked.shape == (5, 6, 2)


def test_all_versions_have_one_size_and_only_the_relu_differs():
    versions = [model(h, r) for h in (1, 2, 3) for r in READ_OUTS]
    assert len({sum(p.numel() for p in m.parameters()) for m in versions}) == 1
    linear, mlp = model(2, "linear"), model(2, "mlp")
    mlp.load_state_dict(linear.state_dict())
    x = torch.randn(3, 12)
    hidden = linear.read_out[0](x)
    torch.testing.assert_close(linear.read_out(x), linear.read_out[2](hidden))
    torch.testing.assert_close(mlp.read_out(x), mlp.read_out[2](hidden.relu()))
    assert (linear.read_out(x) - mlp.read_out(x)).abs().max() > 1e-3


def test_a_linear_read_out_is_linear_in_what_was_brought_home():
    read = model().read_out
    a, b = torch.randn(2, 5, 12)
    torch.testing.assert_close(read(0.3 * a + 0.7 * b), 0.3 * read(a) + 0.7 * read(b))


def test_weights_know_kinds_and_no_numbers_and_values_numbers_and_no_kinds():
    net = model()
    logits, weights = net(FARMS, need_weights=True)
    assert logits.shape == (400, 6, len(ANSWERS)) and weights.shape == (400, 2, 6, 6)
    torch.testing.assert_close(net(FARMS)[0], logits)
    others = FARMS._replace(numbers=(FARMS.numbers + 3) % (MOST_ANIMALS + 1))
    assert torch.equal(net(others, need_weights=True)[1], weights)
    same = FARMS._replace(numbers=torch.full_like(FARMS.numbers, 4))
    alike = net(same)[0].flatten(0, 1)  # whatever the weights are, a mean of equal values
    torch.testing.assert_close(alike, alike[:1].expand_as(alike), atol=1e-5, rtol=0)


def test_with_one_head_and_a_linear_read_out_equal_numbers_decide_everything():
    """The proof of notebook 11: the answer that wins at all equal numbers wins everywhere."""
    net = model(heads=1)
    with torch.no_grad():
        net.read_out[2].bias[MOST_ANIMALS] += 100.0  # now equal numbers get the right answer, 0
        same = FARMS._replace(numbers=torch.full_like(FARMS.numbers, 4))
        assert share_right(net, same) == 1
        assert (net(FARMS)[0].argmax(dim=-1) == MOST_ANIMALS).all()


def test_scores_count_what_they_say():
    assert share_right(Told(lambda a, b: a - b), FARMS) == 1
    swapped = share_right(Told(lambda a, b: b - a), FARMS)
    ties = float((FARMS.answers == MOST_ANIMALS).float().mean())
    assert swapped == pytest.approx(ties) and 0 < ties < 0.2


def test_looks_are_read_at_what_was_asked_for():
    weights = torch.zeros(400, 2, 6, 6)
    weights[:, 0].scatter_(2, FARMS.asked[..., :1], 1.0)  # head 0: the first
    weights[:, 1].scatter_(2, FARMS.asked[..., 1:], 0.75)
    torch.testing.assert_close(looks_at(weights, FARMS), torch.tensor([[1.0, 0], [0, 0.75]]))


def test_moved_by_changes_one_number_at_a_time():
    assert moved_by(Told(lambda a, b: a - b), FARMS) == (1, 1)
    assert moved_by(Told(lambda a, b: a), FARMS) == (1, 0)
    assert moved_by(Told(lambda a, b: -b), FARMS) == (0, 1)
    assert moved_by(Told(lambda a, b: 0 * a), FARMS) == (0, 0)


def test_a_silent_head_contributes_nothing_and_the_model_stays():
    net = model()
    before = net(FARMS)[0]
    for head in (1, 2):
        quiet = silence(net, head)
        columns = slice(head * 6 - 6, head * 6)
        assert not quiet.layer.output.weight[:, columns].any()
        with torch.no_grad():
            quiet.layer.value.weight[columns] += 5.0  # nobody hears it
            changed = quiet(FARMS)[0]
            torch.testing.assert_close(silence(net, head)(FARMS)[0], changed)
        assert (changed - before).abs().max() > 1e-3
    assert torch.equal(net(FARMS)[0], before)
    with pytest.raises(ValueError, match="head is 3; expected 1 to 2"):
        silence(net, 3)


def test_two_heads_learn_a_small_farm():
    torch.manual_seed(0)
    net = TwoLookUps(2, width=32, hidden=64)
    draws = DrawFarms(64, size=3, seed=0)
    fit(net, draws, 400, 1e-2, loss=farm_loss)
    assert share_right(net, draws.draw(200)) > 0.9


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="read_out is 'deep'; expected one of linear, mlp"):
        TwoLookUps(read_out="deep")
    with pytest.raises(ValueError, match="with 1 kinds and 6 questions.*2 to 10 kinds"):
        DrawFarms(size=1)
    with pytest.raises(ValueError, match="with 11 kinds"):
        DrawFarms(size=11)
    with pytest.raises(ValueError, match="cannot be shared out among 5 heads"):
        TwoLookUps(heads=5)
