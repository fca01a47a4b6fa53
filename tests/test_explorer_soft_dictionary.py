"""The soft dictionary in the plane: its state, its still view, and what it refuses."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
import torch

from helpers.explorer import SoftDictionary
from helpers.explorer.soft_dictionary import STATIC, TEMPERATURES

QUERY = torch.tensor([0.6, 0.8])
KEYS = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
VALUES = torch.tensor([[10.0, 0.0], [0.0, 20.0], [5.0, 5.0]])
WORDS = ["noir", "<b>", "dort"]


def test_the_state_is_plain_json_and_copies_what_is_given() -> None:
    keys = KEYS.numpy().copy()
    view = SoftDictionary(QUERY, keys, VALUES, WORDS, title="A & b")
    keys[:] = 0
    state = json.loads(json.dumps(view.state))
    assert state["keys"] == KEYS.tolist() and state["values"] == VALUES.tolist()
    assert state["query"] == pytest.approx([0.6, 0.8])
    assert state["temperatures"] == sorted(TEMPERATURES) and 1.0 in TEMPERATURES


def test_the_still_view_says_weights_and_answers() -> None:
    view = SoftDictionary(QUERY, KEYS, VALUES, WORDS, title="A & b")
    sentence, page = view.sentence(), view.html()
    for temperature in STATIC:
        weights = torch.softmax(KEYS @ QUERY / temperature, dim=0)
        shown = ", ".join(f"{weight:.2f}" for weight in weights.tolist())
        answer = ", ".join(f"{number:.1f}" for number in (weights @ VALUES).tolist())
        assert f"At temperature {temperature:g} the weights are ({shown})" in sentence
        assert f"the answer is ({answer})." in sentence
    assert page.count("<img") == 2 and "A &amp; b" in page
    assert "&lt;b&gt;" in page and not re.search(r"<b>(?!A &amp; b)", page)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"query": [1.0, 0.0, 0.0]}, "expected (2,) for the query"),
        ({"values": VALUES[:2]}, "one row of values for each key"),
        ({"keys": KEYS[:1], "words": WORDS[:1], "values": VALUES[:1]}, "source from 2 to 6"),
        ({"keys": KEYS[:, :1]}, "with 2 from 2 to 2"),
        ({"query": [2.5, 0.0]}, "beyond 2"),
        ({"query": [np.nan, 0.0]}, "or NaN"),
        ({"words": ["a", "b"]}, "holds 2 words; expected 3"),
        ({"words": ["a", "b", "a"]}, "words that all differ"),
        ({"words": ["a", "b", "query"]}, "none called 'query'"),
    ],
)
def test_bad_input_is_named(changed: dict, message: str) -> None:
    given = {"query": QUERY, "keys": KEYS, "values": VALUES, "words": WORDS} | changed
    with pytest.raises(ValueError, match=re.escape(message)):
        SoftDictionary(**given)
