"""Notebook 05's whole: the decoder for all steps is the course's own, and slips are told."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from helpers.exercises import nb05
from helpers.exercises.engine import CORRECT, NOT_YET, RAISED, SLOW
from helpers.models import LuongTranslator
from helpers.models.recurrent import RecurrentEncoder
from tests.exercise_tools import unwrapped, with_forward

WHOLE = nb05.LuongDecoder
PARTS = ("embedding", "gru", "attentional", "output")


def helpers_own() -> LuongTranslator:
    return LuongTranslator(11, 13, embed=5, hidden=6).double()


def with_its_parameters(model: LuongTranslator) -> nn.Module:
    own = WHOLE.reference(13, 5, 6).double()
    theirs = [p for part in PARTS for p in getattr(model, part).state_dict().values()]
    own.load_state_dict(dict(zip(own.state_dict(), theirs, strict=True)))
    return own


def test_it_starts_as_the_helpers_decoder_does():
    """The same seed draws the same parameters, so runs of the two can be compared."""
    torch.manual_seed(3)
    translator = LuongTranslator(11, 13, embed=5, hidden=6)
    torch.manual_seed(3)
    RecurrentEncoder(11, 5, 3, bidirectional=True)
    nn.Linear(6, 6)  # what makes s_0
    own = WHOLE.reference(13, 5, 6)
    theirs = [p for part in PARTS for p in getattr(translator, part).parameters()]
    assert all(map(torch.equal, own.parameters(), theirs))


def test_it_computes_what_the_helpers_decoder_computes():
    model = helpers_own()
    own = with_its_parameters(model)
    source, lengths = torch.tensor([[3, 4, 5, 6], [7, 8, 0, 0]]), torch.tensor([4, 2])
    words = torch.tensor([[1, 4, 5], [1, 9, 7]])
    memory = model.encode(source, lengths)
    vectors, last, weights = model.decode(words, memory.start, memory)
    found = own(words, memory.start, memory.keys, memory.mask)
    for one, other in zip(found, (model.output(vectors), last, weights), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


STATES = "states, last = self.gru(self.embedding(words), state[None])"
SCORES = "scores = states @ encoded.mT / states.size(-1) ** 0.5"
JOINED = "vectors = torch.tanh(self.attentional(torch.cat([context, states], dim=2)))"


def test_another_way_to_write_it_is_right():
    answer = with_forward(
        WHOLE,
        STATES,
        SCORES,
        "weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=2)",
        "context = torch.bmm(weights, encoded)",
        JOINED,
        "return self.output(vectors), last[0], weights",
    )
    assert WHOLE.verdict(answer).kind == CORRECT


def test_the_loop_over_steps_is_right_but_slow():
    answer = with_forward(
        WHOLE,
        "said, maps, last = [], [], state.unsqueeze(0)",
        "for embedded in self.embedding(words).unbind(dim=1):",
        "    states, last = self.gru(embedded.unsqueeze(1), last)",
        "    context, weights = attend(states, encoded, encoded, mask, scaled_dot_scores)",
        "    vectors = attentional_vectors(context, states, self.attentional.weight)",
        "    said.append(self.output(vectors))",
        "    maps.append(weights)",
        "return torch.cat(said, dim=1), last.squeeze(0), torch.cat(maps, dim=1)",
    )
    verdict = WHOLE.verdict(answer)
    assert verdict.kind == SLOW
    assert "one call of the GRU" in unwrapped(verdict.message + verdict.details)


@pytest.mark.parametrize(
    ("lines", "kind", "text"),
    [
        (("states, last = self.gru(words, state)",), RAISED, "torch.int64"),
        ((STATES, "return self.output(states)"), NOT_YET, "Expected 3 tensors"),
        (
            (
                STATES,
                SCORES,
                "weights = scores.masked_fill(~mask, -torch.inf).softmax(dim=2)",
                "context = weights @ encoded",
                JOINED,
                "return self.output(vectors), last, weights",
            ),
            NOT_YET,
            "state has the wrong shape",
        ),
    ],
)
def test_what_comes_out_wrong_is_told(lines, kind, text):
    verdict = WHOLE.verdict(with_forward(WHOLE, *lines))
    assert verdict.kind == kind
    assert text in unwrapped(f"{verdict.message}\n{verdict.details}")
