"""The attention layer of notebook 08: other right ways to write it, and what slips are told."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from helpers import models
from helpers.attention import attend, scaled_dot
from helpers.exercises import nb08
from helpers.exercises.engine import CORRECT
from tests.exercise_tools import edited, unwrapped

LAYER = nb08.AttentionLayer


class ByAttend(LAYER.reference):
    def forward(self, asking, memory, mask):
        return attend(self.query(asking), self.key(memory), self.value(memory), mask, scaled_dot)


class ZerosForNan(LAYER.reference):
    """masked_fill gives hidden scores no gradient, so NaN may be painted over afterwards."""

    def forward(self, asking, memory, mask):
        scores = torch.einsum("btk,bsk->bts", self.query(asking) / 1.0, self.key(memory))
        scores = scores / self.key.out_features**0.5
        weights = torch.softmax(scores.masked_fill(~mask, float("-inf")), dim=-1)
        weights = torch.nan_to_num(weights)
        return torch.bmm(weights, self.value(memory)), weights


@pytest.mark.parametrize("way", [ByAttend, ZerosForNan])
def test_other_ways_to_write_the_layer_are_right(way):
    assert LAYER.verdict(way).kind == CORRECT


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("d_k, bias=False", "d_k", "Expected the parameters"),
        ("self.key(memory), self.value(memory)", "self.key(memory), self.value(asking)", "raised"),
        ("return weights @ values, weights", "return weights @ values", "Expected 2 tensors"),
        (
            "queries, keys, values = self.query(asking)",
            "queries, keys, values = self.query(asking).detach()",
            "Only gradient of query.weight is wrong",
        ),
    ],
)
def test_slips_of_the_layer_are_told(old, new, text):
    verdict = LAYER.verdict(edited(LAYER, (old, new)))
    assert verdict.kind != CORRECT
    assert text in f"{verdict.kind} {unwrapped(verdict.message)}"


def test_the_layer_is_the_one_of_the_helpers_and_of_pytorch():
    """Its parameters are those of the helpers' layer but for W_O."""
    torch.manual_seed(0)
    helpers_layer, own = models.AttentionLayer(width=6), LAYER.reference(6, 6, 6, 6)
    given = helpers_layer.state_dict()
    own.load_state_dict({name: given[name] for name in own.state_dict()})
    asking, memory = torch.randn(2, 3, 6), torch.randn(2, 5, 6)
    mask = torch.tensor([[[True] * 5], [[True, True, False, False, False]]])
    outputs, weights = own(asking, memory, mask)
    expected, maps = helpers_layer(asking, memory, mask=mask, need_weights=True)
    assert torch.allclose(helpers_layer.output(outputs), expected, atol=1e-6)
    assert torch.allclose(weights, maps[:, 0], atol=1e-6)
    parts = own.query(asking), own.key(memory), own.value(memory)
    kernel = F.scaled_dot_product_attention(*parts, attn_mask=mask)
    assert torch.allclose(outputs, kernel, atol=1e-6)
