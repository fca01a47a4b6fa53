"""The whole decoder of notebook 04: other right ways to write it, and what slips are told."""

from __future__ import annotations

import pytest
import torch

from helpers.exercises import nb04
from helpers.exercises.engine import CORRECT
from helpers.models import AdditiveTranslator
from tests.exercise_tools import edited, unwrapped

DECODER = nb04.AdditiveDecoder


def test_other_ways_to_write_the_decoder_are_right() -> None:
    by_number = edited(
        DECODER,
        ("for embedded in self.embedding(words).unbind(dim=1):", "for t in range(words.size(1)):"),
        ("                embedded, state,", "                self.embedding(words[:, t]), state,"),
    )
    assert DECODER.verdict(by_number).kind == CORRECT
    word_by_word = edited(
        DECODER,
        (
            "read.append(torch.cat([state, context], dim=-1))",
            "read.append(self.output(torch.cat([state, context], dim=-1)))",
        ),
        ("self.output(torch.stack(read, dim=1))", "torch.stack(read, dim=1)"),
    )
    assert DECODER.verdict(word_by_word).kind == CORRECT


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (".squeeze(1), weights.squeeze(1)", ", weights", "your code raised"),
        (
            "self.v), mask)",
            "self.v.detach()), mask)",
            "Only gradient of v is wrong: every number is 0.",
        ),
        ("torch.stack(maps, dim=1)", "torch.stack(maps)", "weights has the wrong shape"),
        ("embed + width, hidden)", "width + embed + 1, hidden)", "Expected the parameters"),
    ],
)
def test_slips_of_the_decoder_are_told(old: str, new: str, text: str) -> None:
    verdict = DECODER.verdict(edited(DECODER, (old, new)))
    assert verdict.kind != CORRECT
    assert text in unwrapped(f"{verdict.kind} {verdict.message}\n{verdict.details}")


def test_the_decoder_is_the_one_of_the_helpers() -> None:
    """Its parameters go into the helpers' model, which then says the same."""
    torch.manual_seed(0)
    twin = AdditiveTranslator(9, 8, embed=3, hidden=4, attention=5)
    decoder = DECODER.reference(8, 3, 4, 8, 5)
    own = {"v" if name == "score.v" else name: w for name, w in twin.state_dict().items()}
    decoder.load_state_dict({name: own[name] for name in decoder.state_dict()})
    source, lengths = torch.tensor([[3, 4, 5], [6, 7, 0]]), torch.tensor([3, 2])
    words = torch.tensor([[1, 4, 5, 6], [1, 6, 3, 0]])
    memory = twin.encode(source, lengths)
    scores, _, weights = decoder(words, memory.start, memory.keys, memory.values, memory.mask)
    assert torch.allclose(scores, twin(source, lengths, words), atol=1e-6)
    assert (weights[1, :, 2] == 0).all()
