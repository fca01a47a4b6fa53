"""`fit`: learns, shows plain text, stops cleanly, and says what is wrong."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

from helpers import training
from helpers.training import fit, masked_loss


def stream():
    generator = torch.Generator().manual_seed(0)
    while True:
        x = torch.randn(16, 3, generator=generator)
        yield x, x @ torch.tensor([1.0, -2.0, 3.0])


def squared(model, batch):
    x, y = batch
    return (model(x).squeeze(-1) - y).square().mean()


def test_fit_learns_and_reports(capsys):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    history = fit(model, stream(), steps=200, lr=0.05, loss=squared, label="line")
    assert len(history.losses) == 200 and not history.interrupted
    assert history.losses[-1] < 1e-2 * history.losses[0]
    assert not model.training
    out, err = capsys.readouterr()
    assert err == "" and "<" not in out  # plain text, on stdout
    last = out.rstrip().split("\r")[-1]
    assert "200/200" in last and "loss" in last and "left" not in last
    assert "left" in out  # while it runs, the time left is shown


def test_interrupt_keeps_what_was_learnt(capsys):
    torch.manual_seed(0)
    model = nn.Linear(3, 1)
    before = model.weight.detach().clone()

    def interrupted():
        yield from itertools.islice(stream(), 20)
        raise KeyboardInterrupt

    history = fit(model, interrupted(), steps=100, loss=squared, label="line")
    assert history.interrupted and len(history.losses) == 20
    assert not torch.equal(model.weight, before) and not model.training
    assert "stopped after 20 steps (100 steps were asked for)" in capsys.readouterr().out


def test_batches_that_run_out_and_a_loss_that_is_no_number_are_named():
    with pytest.raises(ValueError, match="ran out after 3 steps; 10 steps were asked for"):
        fit(nn.Linear(3, 1), itertools.islice(stream(), 3), steps=10, loss=squared)
    model = nn.Linear(3, 1)
    kept = model.weight.detach().clone()
    with pytest.raises(FloatingPointError, match="the loss is nan at step 1"):
        fit(model, stream(), steps=5, loss=lambda m, b: squared(m, b) * float("nan"))
    assert torch.equal(model.weight, kept)  # the broken step is not taken


def test_a_gradient_that_is_no_number_leaves_the_model_as_it_was():
    """The root of 0 is 0, a finite loss, but its slope is not."""
    model, seen = nn.Linear(3, 1), []

    def loss(model, batch):
        seen.append([parameter.detach().clone() for parameter in model.parameters()])
        value = squared(model, batch)
        return value if len(seen) < 4 else (value * 0).sqrt()

    with pytest.raises(FloatingPointError, match="norm of the gradient is nan at step 4; .* as it"):
        fit(model, stream(), steps=9, loss=loss)
    for now, before, earlier in zip(model.parameters(), seen[3], seen[2], strict=True):
        assert torch.equal(now, before) and not torch.equal(now, earlier)
    assert not model.training


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (
            lambda m, b: (m(b[0]).squeeze(-1) - b[1]).square(),
            r"type Tensor and shape \(16,\); .*mean",
        ),
        (lambda m, b: squared(m, b).item(), "type float and shape None; expected a tensor"),
        (lambda m, b: squared(m, b).detach(), "the loss has no gradient"),
    ],
)
def test_a_loss_that_is_no_scalar_or_has_no_gradient_is_named(loss, message):
    with pytest.raises(ValueError, match=message):
        fit(nn.Linear(3, 1), stream(), steps=2, loss=loss)


def test_masked_loss_is_the_mean_over_real_tokens():
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 4, 5, generator=generator, requires_grad=True)
    targets = torch.tensor([[3, 4, 2, 0], [4, 2, 0, 0]])
    real = [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1)]
    expected = sum(-torch.log_softmax(logits[b, t], -1)[targets[b, t]] for b, t in real) / 5
    loss = masked_loss(logits, targets)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    assert (logits.grad[targets == 0] == 0).all()
    assert (logits.grad[targets != 0] != 0).any(-1).all()


def rates_of(warm_up, monkeypatch, **budget):
    """The learning rates that fit used, with a clock that ticks once for each look at it."""
    model, ticks, rates = nn.Linear(1, 1), iter(range(1000)), []
    step = torch.optim.AdamW.step

    def spy(self, *given):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *given)

    monkeypatch.setattr(torch.optim.AdamW, "step", spy)
    monkeypatch.setattr(training.time, "process_time", lambda: next(ticks))
    loss = lambda model, batch: model(torch.ones(1, 1)).sum()  # noqa: E731
    batches = iter(lambda: torch.ones(1), None)
    fit(model, batches, lr=2.0, loss=loss, warm_up=warm_up, **budget)
    return rates


def test_with_a_time_for_budget_the_rate_climbs_and_falls_with_the_time(monkeypatch):
    rates = rates_of(0.5, monkeypatch, cpu_seconds=90)
    top = rates.index(max(rates))
    assert 0 < top < len(rates) - 1
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == pytest.approx(2.0, rel=0.1) and rates[-1] < 0.2


def test_without_warm_up_the_rate_stays(monkeypatch):
    assert set(rates_of(None, monkeypatch, steps=5)) == {2.0}


def test_fit_spends_the_cpu_time_it_was_given():
    model = nn.Linear(3, 1)
    loss = lambda model, batch: model(batch).square().mean()  # noqa: E731
    history = fit(model, iter(lambda: torch.ones(4, 3), None), loss=loss, cpu_seconds=0.3)
    assert history.cpu_seconds >= 0.3 and len(history.losses) > 1
    assert history.losses[-1] < history.losses[0]


@pytest.mark.parametrize(
    "budget", [{}, {"steps": 3, "cpu_seconds": 1.0}, {"steps": 0}, {"steps": -2}]
)
def test_fit_wants_one_budget(budget):
    with pytest.raises(ValueError, match="expected one of the two, above 0"):
        fit(nn.Linear(1, 1), iter([]), **budget)
