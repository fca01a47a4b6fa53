"""Notebook 12's whole: the Transformer in one class is the course's own, and slips are told."""

from __future__ import annotations

import pytest
import torch

from helpers.exercises import nb12
from helpers.exercises.engine import CORRECT, NOT_YET, RAISED
from helpers.models import TransformerTranslator
from tests.exercise_tools import unwrapped, with_forward

WHOLE = nb12.Transformer
SIZES = {"width": 8, "heads": 2, "layers": 3, "mlp": 12}


def plain() -> torch.nn.Module:
    torch.manual_seed(3)
    return WHOLE.reference(11, 13, 8, 2, 3, 12)


def helpers_own() -> TransformerTranslator:
    torch.manual_seed(3)
    return TransformerTranslator(11, 13, **SIZES)


def inputs() -> tuple[torch.Tensor, ...]:
    source = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]])
    return source, torch.tensor([4, 2]), torch.tensor([[1, 4, 5], [1, 9, 0]])


def test_it_starts_as_the_helpers_model_does():
    """The same seed draws the same parameters, so runs of the two can be compared."""
    for one, other in zip(plain().parameters(), helpers_own().parameters(), strict=True):
        assert torch.equal(one, other)


def test_it_computes_what_the_helpers_model_computes():
    own, model = plain().double(), helpers_own().double()
    with torch.no_grad():
        for parameter in own.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    assert not torch.allclose(own(*inputs()), model(*inputs()))
    assert model.take_over(own) is model
    torch.testing.assert_close(own(*inputs()), model(*inputs()), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        ((11, 14, 8, 2, 3, 12), "has shape (14, 8), here (13, 8)"),
        ((11, 13, 8, 2, 2, 12), "Make both of one size"),
    ],
)
def test_another_size_is_not_taken_over(sizes, said):
    model = helpers_own()
    before = [parameter.clone() for parameter in model.parameters()]
    with pytest.raises(ValueError, match="cannot be taken over") as caught:
        model.take_over(WHOLE.reference(*sizes))
    assert said in str(caught.value)
    assert all(map(torch.equal, before, model.parameters()))


OTHER_WAY = (
    "seen = (torch.arange(source.shape[1]) < lengths[:, None])[:, None]",
    "x, y = self.source_words(source), self.target_words(target_in)",
    "for look, before, think, between in self.encoder:",
    "    x = x + look(before(x), mask=seen)[0]",
    "    x = x + think(between(x))",
    "x = self.memory_norm(x)",
    "for back, a, across, b, think, c in self.decoder:",
    "    y = y + back(a(y), mask=torch.ones(y.shape[1], y.shape[1]).tril().bool())[0]",
    "    y = y + across(b(y), x, x, seen)[0]",
    "    y = think(c(y)) + y",
    "return self.last_norm(y) @ self.output.weight.T",
)


def test_another_right_way_is_right():
    assert WHOLE.verdict(with_forward(WHOLE, *OTHER_WAY)).kind == CORRECT


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("look(before(x), mask=seen)", "look(before(x))", "padding_seen_in_the_encoder"),
        (".tril()", "", "sees_the_future"),
        ("y + across", "across", ""),
        ("x = self.memory_norm(x)", "x = self.last_norm(x)", ""),
        ("c(y)", "b(y)", ""),
        ("y + back(a(y)", "y + back(y", ""),
    ],
)
def test_a_slip_in_it_is_refused(old, new, name):
    lines = [line.replace(old, new) for line in OTHER_WAY]
    assert lines != list(OTHER_WAY)
    verdict = WHOLE.verdict(with_forward(WHOLE, *lines))
    assert verdict.kind == NOT_YET
    assert verdict.misconception == name


def test_two_results_of_an_attention_are_told():
    lines = [line.replace("mask=seen)[0]", "mask=seen)") for line in OTHER_WAY]
    verdict = WHOLE.verdict(with_forward(WHOLE, *lines))
    assert verdict.kind == RAISED
    assert "attention" in unwrapped(verdict.message) or "tuple" in unwrapped(verdict.message)
