"""No slip in an answer goes unnoticed: a sample of all mutants, and every argument by itself.

`python -m tests.mutants` judges all of them.
"""

from __future__ import annotations

import dataclasses
import random
from collections import Counter

import pytest
import torch

from helpers.exercises import REGISTRY, nb02, nb03, nb05, nb06, nb09, nb10, nb11, nb12, nb13
from helpers.exercises.engine import CORRECT, SLOW
from tests.equivalent_mutants import EQUIVALENTS
from tests.mutants import KILLED, SURVIVED, differs, frozen, mutants

SAMPLE = 4  # mutants of each exercise
OPERATORS = {
    *("axis", "scale", "mask", "shift", "sign", "transpose", "constant", "in place", "reshape"),
    *("off by one", "term dropped", "swapped", "comparison", "function swapped", "call dropped"),
    *("argument frozen", "argument exchanged", "keyword dropped", "line dropped", "condition"),
    *("detached", "order of axes"),
}

each = pytest.mark.parametrize("exercise", REGISTRY.values(), ids=lambda exercise: exercise.name)
parts = pytest.mark.parametrize(
    "exercise",
    [exercise for exercise in REGISTRY.values() if not exercise.whole],
    ids=lambda exercise: exercise.name,
)


@pytest.fixture(scope="module")
def everyone():
    return {name: mutants(exercise) for name, exercise in REGISTRY.items()}


@each
def test_no_mutant_of_a_sample_survives(exercise, everyone):
    sample = random.Random(exercise.name).sample(everyone[exercise.name], SAMPLE)
    survivors = [mutant.change for mutant in sample if mutant.fate() == SURVIVED]
    assert not survivors, "a slip that no case notices (before, after): mend the cases"


@each
def test_answer_without_a_slip_is_no_mutant(exercise):
    assert not differs(exercise, exercise.reference)


@parts
def test_every_argument_is_needed(exercise):
    survivors = [mutant.change[1] for mutant in frozen(exercise) if mutant.fate() == SURVIVED]
    assert not survivors, "no case notices that an argument is not looked at: add one"


def test_there_are_slips_of_many_kinds_in_every_answer(everyone):
    assert {mutant.operator for found in everyone.values() for mutant in found} == OPERATORS
    for name, found in everyone.items():
        assert len(found) >= 10, name
        texts = [(mutant.text, mutant.operator) for mutant in found]
        assert len(set(texts)) == len(texts), name


def test_every_equivalent_mutant_is_one_of_the_mutants_and_has_its_reason(everyone):
    assert set(EQUIVALENTS) <= set(everyone)
    for name, reasons in EQUIVALENTS.items():
        assert set(reasons) <= {mutant.change[1] for mutant in everyone[name]}, name
        assert all(len(reason) > 20 for reason in reasons.values())


def test_hole_in_the_cases_lets_mutants_live():
    whole = REGISTRY["nb06.crossing"]
    holed = dataclasses.replace(whole, cases=lambda dice: whole.cases(dice)[1:2])
    fates = [mutant.fate() for mutant in mutants(holed)]
    assert fates.count(SURVIVED) > 3
    assert fates.count(KILLED) > 3


def test_mutant_that_differs_is_refused_by_the_verdict_too(everyone):
    drawn = random.Random(0).sample([m for found in everyone.values() for m in found], 8)
    killed = [mutant for mutant in drawn if mutant.fate() == KILLED]
    assert len(killed) > 4
    for mutant in killed:
        assert mutant.exercise.verdict(mutant.made()).kind not in (CORRECT, SLOW), mutant.change


def glued(candidate, reference, n, between=""):
    def counts(words):
        return Counter(between.join(words[i : i + n]) for i in range(len(words) - n + 1))

    found = counts(candidate)
    return sum((found & counts(reference)).values()), sum(found.values())


def replaced_in_text(symbols, left, right, new):
    text = " ".join(map(str, symbols)).replace(f"{left} {right}", str(new))
    return [int(part) for part in text.split()]


def sorted_by_source(links):
    """In the order of the source alone, links of one word count as crossed if listed that way."""
    order = torch.argsort(links[:, 0], stable=True)
    target = links[order, 1]
    behind = target.cummax(0).values > target
    before = target.flip(0).cummin(0).values.flip(0) < target
    return (behind | before)[torch.argsort(order)]


def counted_steps(steps, width, warm_up):
    return nb12.warm_up_rates.reference(torch.arange(1.0, len(steps) + 1), width, warm_up)


def as_many_blocks_in_both(source, target, encoder, encoder_norm, decoder, decoder_norm, table):
    for number in range(len(encoder)):
        source = encoder[number](source)
    memory = encoder_norm(source)
    for number in range(min(len(encoder), len(decoder))):
        target = decoder[number](target, memory)
    return decoder_norm(target) @ table.T


def exponentials(scores):
    return torch.exp(scores) / torch.exp(scores).sum(dim=-1, keepdim=True)


def bare_mean_slope(scores):
    weights = exponentials(scores)
    return (weights * (1 - weights)).mean()


def loss_of_a_softmax(logits, targets, pad=0):
    shares = torch.softmax(logits, dim=-1).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -torch.log(shares)[targets != pad].mean()


def groups_from_the_ends(losses, real, lengths, edges):
    """Each length belongs to one group, the first that reaches so far."""
    group = torch.bucketize(lengths, torch.tensor([high for _, high in edges]))
    return torch.stack([losses[real & (group == n).unsqueeze(1)].mean() for n in range(len(edges))])


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb02.clipped_matches, glued),
        (nb02.clipped_matches, lambda *case: glued(*case, between="-")),
        (nb13.merge_pair, replaced_in_text),
        (nb06.crossing, sorted_by_source),
        (nb12.smoothed_loss, lambda x, y, e, pad=0: nb12.smoothed_loss.reference(x, y, e)),
        (nb10.generate, lambda *case, end=2: nb10.generate.reference(*case[:4])),
        (nb12.warm_up_rates, counted_steps),
        (nb12.transformer_logits, as_many_blocks_in_both),
        (nb05.mean_slope, bare_mean_slope),
        (nb02.masked_loss, loss_of_a_softmax),
        (nb03.loss_by_length, groups_from_the_ends),
    ],
)
def test_slip_that_shows_on_few_inputs_is_refused(exercise, answer):
    assert exercise.verdict(answer).kind not in (CORRECT, SLOW)


def norm_by_standard_deviation(states, gain, bias, eps):
    deviation = states.std(dim=-1, correction=0, keepdim=True)
    return gain * (states - states.mean(dim=-1, keepdim=True)) / (deviation**2 + eps) ** 0.5 + bias


def all_but_one_head(mixed, output_weight, head):
    size = mixed.size(-1)
    whole = mixed.transpose(1, 2).flatten(2) @ output_weight
    return whole - mixed[:, head - 1] @ output_weight[(head - 1) * size : head * size]


def chosen_words_alone(logits, temperature, k):
    least = logits.topk(min(k, logits.size(-1)), dim=-1).values[:, -1:]
    powers = torch.exp((logits - logits.amax(dim=-1, keepdim=True)) / temperature)
    powers = torch.where(logits < least, 0.0, powers)
    return powers / powers.sum(dim=-1, keepdim=True)


@pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        (nb12.layer_norm, norm_by_standard_deviation),
        (nb11.without_head, all_but_one_head),
        (nb10.next_word_probabilities, chosen_words_alone),
        (nb05.mean_slope, lambda scores: nb05.mean_slope.reference(scores.detach())),
        (nb09.put_back, lambda outputs, order: nb09.put_back.reference(outputs.detach(), order)),
        (nb13.length_scores, lambda *case: nb13.length_scores.reference(*case).detach()),
    ],
)
def test_right_answer_owes_no_more_than_the_docstring_says(exercise, answer):
    assert exercise.verdict(answer).kind in (CORRECT, SLOW)
