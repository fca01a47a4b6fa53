"""The self-attention layer of notebook 09: other right ways to write it, and slips named."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from helpers import models
from helpers.attention import attend, scaled_dot
from helpers.exercises import nb08, nb09
from helpers.exercises.engine import CORRECT, NOT_YET
from tests.exercise_tools import define, unwrapped

LAYER = nb09.SelfAttention


def changed(*edits: tuple[str, str]) -> type:
    """The course's answer with some of its text exchanged, as the learner's cell defines it."""
    text = LAYER.source
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return define(LAYER, text)


class ByAttend(LAYER.reference):
    def forward(self, states, mask):
        parts = self.query(states), self.key(states), self.value(states)
        found, weights = attend(*parts, mask, scaled_dot)
        return self.output(found), weights


class ByTheLearnersFunction(LAYER.reference):
    """W_O may be applied to the values before they are blended, because both are linear."""

    def forward(self, states, mask):
        scores = torch.einsum("btd,bsd->bts", self.query(states), self.key(states))
        hidden = scores / states.size(-1) ** 0.5 + torch.where(mask, 0.0, float("-inf"))
        weights = F.softmax(hidden, dim=2)
        return torch.bmm(weights, self.output(self.value(states))), weights


@pytest.mark.parametrize("way", [ByAttend, ByTheLearnersFunction])
def test_other_ways_to_write_the_layer_are_right(way):
    assert LAYER.verdict(way).kind == CORRECT


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("width, width, bias=False", "width, width", "Expected the parameters"),
        ("return self.output(weights @ values), weights", "return weights", "Expected 2 tensors"),
        (
            "queries, keys, values = self.query(states)",
            "queries, keys, values = self.query(states).detach()",
            "Only gradient of query.weight is wrong",
        ),
        ("return self.output(weights", "return states + self.output(weights", "states are added"),
    ],
)
def test_a_slip_is_told(old, new, text):
    verdict = LAYER.verdict(changed((old, new)))
    assert verdict.kind != CORRECT
    assert text in f"{verdict.kind} {unwrapped(verdict.message)}"


def test_a_layer_that_is_not_written_is_not_attempted():
    assert LAYER.verdict(define(LAYER, LAYER.stub)).kind not in (CORRECT, NOT_YET)


def test_the_learners_layer_is_the_courses_layer_with_one_head():
    torch.manual_seed(0)
    own, course = LAYER.reference(6), models.AttentionLayer(6)
    course.load_state_dict(own.state_dict())
    states, mask = torch.randn(2, 4, 6), torch.tensor([[[True] * 4], [[True, True, False, False]]])
    outputs, weights = own(states, mask)
    expected, expected_weights = course(states, mask=mask, need_weights=True)
    torch.testing.assert_close(outputs, expected)
    torch.testing.assert_close(weights, expected_weights[:, 0])


def test_it_is_the_layer_of_08_with_one_input_and_an_output_matrix():
    torch.manual_seed(0)
    own, older = LAYER.reference(5), nb08.AttentionLayer.reference(5, 5, 5, 5)
    older.load_state_dict({n: p for n, p in own.state_dict().items() if n != "output.weight"})
    states, mask = torch.randn(2, 3, 5), torch.ones(2, 1, 3) == 1
    found, weights = older(states, states, mask)
    outputs, own_weights = own(states, mask)
    torch.testing.assert_close(outputs, own.output(found))
    torch.testing.assert_close(own_weights, weights)
