"""`fit`: learns, shows plain text, stops cleanly, and says what is wrong."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import nn

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
    assert "stopped after 20 of 100" in capsys.readouterr().out


def test_batches_that_run_out_and_a_loss_that_is_no_number_are_named():
    with pytest.raises(ValueError, match="ran out after 3 of 10"):
        fit(nn.Linear(3, 1), itertools.islice(stream(), 3), steps=10, loss=squared)
    model = nn.Linear(3, 1)
    kept = model.weight.detach().clone()
    with pytest.raises(FloatingPointError, match="step 1"):
        fit(model, stream(), steps=5, loss=lambda m, b: squared(m, b) * float("nan"))
    assert torch.equal(model.weight, kept)  # the broken step is not taken


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
