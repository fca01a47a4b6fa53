"""Notebook 13's wholes: the search is the course's own, merges are Sennrich's, slips are told."""

from __future__ import annotations

import inspect
from collections import Counter

import pytest
import torch

from helpers import decoding
from helpers.exercises import nb13
from helpers.exercises.engine import CORRECT, NOT_ATTEMPTED, NOT_YET, SLOW
from helpers.models import LuongTranslator
from tests.exercise_tools import define, unwrapped

WHOLES = (nb13.beam_search, nb13.learn_merges)


def as_step(model, memory):
    def step(previous, state):
        logits, after, _ = model.step(previous.flatten(), state.flatten(0, 1), memory)
        logits[:, :2] = -torch.inf
        gains = torch.log_softmax(logits, dim=-1)
        return gains.unflatten(0, previous.shape), after.unflatten(0, previous.shape)

    return step


@torch.no_grad()
@pytest.mark.parametrize("width", [1, 3])
def test_without_a_penalty_it_finds_what_the_helpers_find(width):
    torch.manual_seed(1)
    model = LuongTranslator(11, 13, embed=5, hidden=6).double().eval()
    for parameter in model.parameters():
        parameter.mul_(3.0)
    source, lengths = torch.randint(3, 11, (7, 5)), torch.tensor([5, 5, 4, 4, 3, 2, 1])
    theirs = decoding.beam_search(model, source, lengths, width, alpha=0.0, max_length=9)
    memory = decoding.repeat_memory(model.encode(source, lengths), width)
    state = model.start(memory).unflatten(0, (-1, width))
    words, scores = nb13.beam_search.reference(as_step(model, memory), state, 0.0, 9)
    torch.testing.assert_close(scores, theirs.scores[:, 0])
    assert torch.equal(words, theirs.words[:, 0])
    assert len(set(words.flatten().tolist())) > 4


def test_merges_of_the_paper_are_learnt():
    """The example of Sennrich et al. (2016, section 3.2): low, lower, newest and widest."""
    counts = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    letters = sorted({letter for word in counts for letter in word} | {"_"})
    spelt = [[letters.index(letter) for letter in f"{word}_"] for word in counts]
    times, first = list(counts.values()), len(letters)
    learnt = nb13.learn_merges.reference(spelt, times, 10, first)
    pieces = list(letters)
    for left, right in learnt:
        pieces.append(pieces[left] + pieces[right])
    assert {"es", "est", "est_", "lo", "low"} <= set(pieces[first:])
    assert Counter(map(len, learnt)) == {2: 10}


@pytest.mark.parametrize("exercise", WHOLES, ids=lambda exercise: exercise.name)
def test_the_stub_and_the_size_of_the_solution(exercise):
    assert exercise.verdict(define(exercise, exercise.stub)).kind == NOT_ATTEMPTED
    written = inspect.getsource(exercise.reference).partition('"""\n')[2]
    assert len(written.splitlines()) < 40


@pytest.mark.parametrize("exercise", WHOLES, ids=lambda exercise: exercise.name)
def test_every_slip_is_told_by_its_own_message(exercise):
    assert len(exercise.wrong_answers) >= 10
    for wrong in exercise.wrong_answers:
        assert exercise.verdict(wrong.function).misconception == wrong.name


def test_the_loops_are_right_though_slow():
    assert nb13.beam_search.verdict(nb13.beam_search.spec).kind == SLOW
    assert nb13.learn_merges.verdict(nb13.learn_merges.spec).kind in (CORRECT, SLOW)


def test_other_ways_to_write_them_are_right():
    def by_dictionary(spelt, counts, merges, new):
        learnt = []
        for symbol in range(new, new + merges):
            seen = {}
            for word, times in zip(spelt, counts, strict=True):
                for k in range(1, len(word)):
                    seen[word[k - 1], word[k]] = seen.get((word[k - 1], word[k]), 0) + times
            if not seen:
                return learnt
            best = max(seen, key=lambda pair: seen[pair])
            spelt = [nb13.merge_pair.reference(word, *best, symbol) for word in spelt]
            learnt += [best]
        return learnt

    def by_index(step, state, alpha, longest):
        b, k, _ = state.shape
        sums = torch.full((b, k), -torch.inf, dtype=state.dtype)
        sums[:, 0] = 0.0
        said, previous = [], torch.ones(b, k, dtype=torch.long)
        ended = torch.zeros(b, k, dtype=torch.bool)
        while len(said) < longest and not ended.all():
            gains, state = step(previous, state)
            gains[ended] = -torch.inf
            gains[..., 0][ended] = 0.0
            sums, parents, previous = nb13.beam_step.reference(sums, gains)
            state = state.gather(1, parents.unsqueeze(2).expand_as(state))
            said = [*(words.gather(1, parents) for words in said), previous]
            ended = ended.gather(1, parents) | (previous == 2)
        words = torch.stack(said, dim=2)
        scores = sums / ((5 + words.ne(0).sum(dim=2)) / 6) ** alpha
        best = scores.argmax(dim=1)
        return words[range(b), best], scores[range(b), best]

    assert nb13.learn_merges.verdict(by_dictionary).kind == CORRECT
    assert nb13.beam_search.verdict(by_index).kind == CORRECT


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("step(previous, state)", "step(previous[0], state)", "step got previous (2,)"),
        ("range(longest)", "range(99)", "stop after so many steps"),
    ],
)
def test_what_step_cannot_use_is_said(old, new, text):
    source = nb13.beam_search.source.replace("if ended.all():", "if False:")
    assert old in source
    verdict = nb13.beam_search.verdict(define(nb13.beam_search, source.replace(old, new)))
    assert verdict.kind == NOT_YET
    assert text in unwrapped(verdict.message)


def test_merges_that_are_no_pairs_are_told():
    verdict = nb13.learn_merges.verdict(lambda *case: [5, 6])
    assert "Expected a list of pairs (left, right)" in unwrapped(verdict.message)
