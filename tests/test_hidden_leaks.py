"""Notebook 10's hidden leaks, and the test that finds them where a single change does not."""

from __future__ import annotations

import pytest
import torch

from helpers.analysis import hidden_leaks
from helpers.analysis.hidden_leaks import HiddenLeak
from helpers.exercises import nb10
from helpers.exercises.engine import CORRECT, NOT_YET, RAISED
from helpers.models import LanguageModel
from tests.exercise_tools import define

WHOLE = nb10.leaking_positions
WORDS = torch.tensor([[1, 5, 6, 7, 8, 2]])
VOCABULARY, RARE = 12, 9
EXPECTED = {
    "silence": (hidden_leaks.silence, [0, 0, 0, 0, 0, 0]),
    "next": (hidden_leaks.words_ahead(1), [1, 1, 1, 1, 1, 0]),
    "three ahead": (hidden_leaks.words_ahead(3), [1, 1, 1, 0, 0, 0]),
    "block": (hidden_leaks.end_of_block(3), [1, 1, 0, 1, 1, 0]),
    "mean": (hidden_leaks.mean_of_sentence, [1, 1, 1, 1, 1, 0]),
    "one word": (hidden_leaks.one_word(RARE), [1, 1, 1, 1, 1, 0]),
    "length": (hidden_leaks.length_of_sentence, [1, 1, 1, 1, 1, 0]),
}


def model(**options):
    torch.manual_seed(0)
    made = LanguageModel(VOCABULARY, width=8, **options)
    return torch.no_grad()(made)


@pytest.mark.parametrize("name", EXPECTED)
def test_each_leak_is_found_at_its_positions(name):
    echo, expected = EXPECTED[name]
    found = WHOLE.reference(HiddenLeak(model(), echo), WORDS, VOCABULARY)
    assert found.int().tolist() == expected


def test_a_mask_of_the_course_leaks_where_it_should():
    assert not WHOLE.reference(model(), WORDS, VOCABULARY).any()
    found = WHOLE.reference(model(mask="leaking"), WORDS, VOCABULARY)
    assert found.int().tolist() == [1, 1, 1, 1, 1, 0]


def test_the_likeliest_words_give_no_leak_away():
    sound = model()(WORDS).argmax(dim=-1)
    for echo, _ in EXPECTED.values():
        assert torch.equal(HiddenLeak(model(), echo)(WORDS).argmax(dim=-1), sound)


def test_a_single_change_misses_what_waits_for_one_word_or_for_the_length():
    changed = WORDS.clone()
    changed[0, 4] = 10
    for name, found in (("one word", False), ("length", False), ("mean", True), ("silence", False)):
        suspect = HiddenLeak(model(), EXPECTED[name][0])
        moved = (suspect(changed) - suspect(WORDS))[0, :4].abs().amax() > 1e-5
        assert bool(moved) is found, name


def written(*lines: str):
    body = "".join(f"    {line}\n" for line in lines)
    return define(WHOLE, WHOLE.stub.replace('    raise NotImplementedError("your turn")\n', body))


def test_another_way_to_write_it_is_right():
    answer = written(
        "T, found = words.shape[1], []",
        "for t in range(T):",
        "    alone = model(words[:, : t + 1])[0, -1]",
        "    rows = [words] + [words.clone().repeat(vocabulary, 1) for i in range(t + 1, T)]",
        "    for i, row in zip(range(t + 1, T), rows[1:]):",
        "        row[:, i] = torch.arange(vocabulary)",
        "    gaps = (model(torch.cat(rows))[:, t] - alone).abs()",
        "    found.append(bool(gaps.max() > 1e-5))",
        "return torch.tensor(found)",
    )
    verdict = WHOLE.verdict(answer)
    assert verdict.kind == CORRECT, verdict


@pytest.mark.parametrize(
    ("lines", "kind", "told"),
    [
        (("return model(words, vocabulary)",), RAISED, "argument"),
        (("return torch.zeros(words.size(1), dtype=torch.bool)",), NOT_YET, ""),
        (("return model(words[0])",), NOT_YET, "it expects ids (B, t)"),
        (
            ("model(words + vocabulary)", "return torch.zeros(3)"),
            NOT_YET,
            "words that it does not have",
        ),
    ],
)
def test_slips_are_told(lines, kind, told):
    verdict = WHOLE.verdict(written(*lines))
    assert verdict.kind == kind
    assert told in verdict.message + verdict.details
