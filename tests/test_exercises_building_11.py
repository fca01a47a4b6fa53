"""Notebook 11's whole: the multi-head layer is PyTorch's and the course's, and slips are told."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.exercises import nb11
from helpers.exercises.engine import NOT_YET, RAISED, SLOW
from helpers.models import AttentionLayer
from tests.exercise_tools import define, unwrapped

WHOLE = nb11.MultiHeadAttention
close = {"rtol": 1e-10, "atol": 1e-10}


def test_it_is_pytorchs_layer_and_starts_as_the_courses():
    torch.manual_seed(3)
    own = WHOLE.reference(12, 3)
    torch.manual_seed(3)
    for one, other in zip(own.parameters(), AttentionLayer(12, 3).parameters(), strict=True):
        assert torch.equal(one, other)
    own = own.double()
    theirs = nn.MultiheadAttention(12, 3, bias=False, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([own.query.weight, own.key.weight, own.value.weight]))
        theirs.out_proj.weight.copy_(own.output.weight)
    asking = torch.randn(2, 4, 12, dtype=torch.float64)
    keys, values = torch.randn(2, 2, 5, 12, dtype=torch.float64)
    mask = torch.rand(2, 4, 5) > 0.4
    mask[..., 0] = True
    hidden = ~mask.repeat_interleave(3, dim=0)
    expected = theirs(asking, keys, values, attn_mask=hidden, average_attn_weights=False)
    for found, wanted in zip(own(asking, keys, values, mask), expected, strict=True):
        torch.testing.assert_close(found, wanted, **close)


LAYER = """
class MultiHeadAttention(torch.nn.Module):
    def __init__(self, d_model, heads):
        super().__init__()
        self.heads, self.size = heads, d_model // heads
        linear = lambda: torch.nn.Linear(d_model, d_model, bias=False)
        self.output, self.value, self.key, self.query = (linear() for _ in range(4))

    def forward(self, asking, keys, values, mask=None):
        outputs, maps = 0, []
        pieces = [m.chunk(self.heads, dim=-1)
                  for m in (self.query(asking), self.key(keys), self.value(values))]
        reads = self.output.weight.split(self.size, dim=1)
        for q, k, v, read in zip(*pieces, reads):
            scores = torch.einsum("btd,bsd->bts", q, k) / self.size ** 0.5
            if mask is not None:
                scores = scores.masked_fill(~mask, -torch.inf)
            maps.append(scores.softmax(dim=-1))
            outputs = outputs + maps[-1] @ v @ read.T
        return outputs, torch.stack(maps, dim=1)
"""


def test_a_loop_over_heads_is_right_but_slow():
    assert WHOLE.verdict(define(WHOLE, LAYER)).kind == SLOW


@pytest.mark.parametrize(
    ("old", "new", "kind", "text"),
    [
        ("bias=False", "bias=True", NOT_YET, "key.bias"),
        (" / self.size ** 0.5", "", NOT_YET, "not divided by sqrt(d_k)"),
        ("torch.stack(maps, dim=1)", "maps[-1]", NOT_YET, "weights"),
        ("if mask is not None:", "if True:", RAISED, "bad operand type"),
        (
            "if mask is not None:",
            "if mask is not None and asking.size(1) < 3:",
            NOT_YET,
            "The mask has no effect",
        ),
        (".softmax(dim=-1)", ".softmax(dim=1)", NOT_YET, "runs over the queries"),
        ("zip(*pieces, reads)", "zip(*pieces, reads[::-1])", NOT_YET, "The last head comes first"),
    ],
)
def test_slips_are_told(old, new, kind, text):
    assert old in LAYER
    verdict = WHOLE.verdict(define(WHOLE, LAYER.replace(old, new)))
    assert verdict.kind == kind
    assert text in unwrapped(verdict.message)
