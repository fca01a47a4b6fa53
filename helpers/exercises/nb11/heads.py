"""Exercises of notebook 11, first part: cutting vectors into heads, and putting them together."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb11 import answers

# B, T, heads, d_k, and D = heads * d_k is distinct too.
SHAPES = ((1, 4, 2, 3), (2, 1, 4, 3), (4, 5, 3, 2), (5, 2, 3, 4), (3, 7, 4, 2), (2, 3, 5, 4))


def _whole_cases(dice: Dice) -> list[tuple]:
    numbered = torch.arange(24.0).view(1, 4, 6)  # each number says where it came from
    return [(numbered, 2), *((dice.normal(b, t, a * p), a) for b, t, a, p in SHAPES[1:])]


def _part_cases(dice: Dice) -> list[tuple]:
    numbered = torch.arange(24.0).view(1, 2, 4, 3)
    return [(numbered,), *((dice.normal(b, a, t, p),) for b, t, a, p in SHAPES[1:])]


def _sizes(batch: int, words: int, heads: int, size: int) -> dict[str, int]:
    return {"B": batch, "T": words, "heads": heads, "d_k": size, "D": heads * size}


def _cut(states: torch.Tensor, heads: int) -> torch.Tensor:
    return states.unflatten(-1, (heads, -1))  # (B, T, heads, d_k)


split_heads = Exercise(
    name="nb11.split_heads",
    title="Cut each vector, not the sentence",
    difficulty=2,
    minutes=10,
    core=True,
    reference=answers.split_heads,
    spec=answers.split_heads_spec,
    cases=_whole_cases,
    sizes=lambda states, heads: _sizes(*states.shape[:2], heads, states.size(-1) // heads),
    returns={"parts": "B heads T d_k"},
    gradients=("states",),
    shapes_hint="First cut the last axis, (B, T, D) to (B, T, heads, d_k); only then move the "
    "heads forward.",
    training_case=lambda: (torch.randn(32, 24, 64), 4),
    wrong_answers=(
        Wrong(
            "reshaped_at_once",
            lambda states, heads: states.reshape(
                states.size(0), heads, states.size(1), states.size(2) // heads
            ),
            "The shape is right and the contents are not: one reshape to (B, heads, T, d_k) deals "
            "the numbers out in the order in which they lie, so that a head gets whole words and "
            "pieces of them. Cut the last axis first, (B, T, heads, d_k), then transpose.",
        ),
        Wrong(
            "not_moved",
            _cut,
            "The vectors are cut, but the heads stand behind the words: (B, T, heads, d_k). The "
            "products must compare words, so T and d_k have to be the last two axes.",
        ),
        Wrong(
            "every_other_number",
            lambda states, heads: states.unflatten(-1, (-1, heads)).permute(0, 3, 1, 2),
            "The numbers are dealt out in turn, one to each head. Every number goes to some head, "
            "but a head's numbers are to lie side by side: the first d_k, the next d_k, and so on.",
        ),
        Wrong(
            "words_and_parts_swapped",
            lambda states, heads: _cut(states, heads).permute(0, 2, 3, 1),
            "Words and numbers have changed places within the heads: (B, heads, d_k, T). Only the "
            "heads move forward.",
        ),
        Wrong(
            "first_part_for_all",
            lambda states, heads: (
                _cut(states, heads)[:, :, :1].transpose(1, 2).expand(-1, heads, -1, -1).clone()
            ),
            "All heads get the first part. Each is to look at numbers of its own.",
        ),
        Wrong(
            "whole_vector_for_all",
            lambda states, heads: states.unsqueeze(1).expand(-1, heads, -1, -1).clone(),
            "Each head gets the whole vector, so each costs as much as one head did. Cut up, all "
            "heads together cost what one does.",
        ),
        Wrong(
            "backwards",
            lambda states, heads: _cut(states, heads).transpose(1, 2).flip(1),
            "The parts are in the other order: head 1 gets the first d_k numbers.",
        ),
        Wrong(
            "heads_before_batch",
            lambda states, heads: (
                _cut(states, heads)
                .permute(2, 0, 1, 3)
                .reshape(len(states), heads, states.size(1), -1)
            ),
            "The heads were brought in front of the batch, and a reshape to (B, heads, T, d_k) "
            "took them for sentences. transpose(1, 2) moves them before T and leaves B alone.",
        ),
    ),
    hints=(
        "Take 2 words of 4 numbers and 2 heads. In which order do the 8 numbers lie in memory, and "
        "which 4 of them belong to head 1?",
        "cut the last axis D into heads and d_k    (B, T, heads, d_k)\n"
        "swap the axes T and heads                (B, heads, T, d_k)",
        "parts = states.reshape(batch, words, heads, width // heads)\nreturn parts.transpose(...)",
    ),
    why="reshape never moves a number, it only reads them in new groups: so it may cut D into "
    "heads x d_k, which lie side by side, and nothing else. transpose then changes the order of "
    "the axes.",
)


merge_heads = Exercise(
    name="nb11.merge_heads",
    title="Put the heads side by side again",
    difficulty=2,
    minutes=5,
    core=True,
    reference=answers.merge_heads,
    spec=answers.merge_heads_spec,
    cases=_part_cases,
    sizes=lambda parts: _sizes(parts.size(0), parts.size(2), parts.size(1), parts.size(3)),
    returns={"states": "B T D"},
    gradients=("parts",),
    shapes_hint="Bring the axes back to (B, T, heads, d_k) first; then heads and d_k lie side by "
    "side and can become one. After a transpose, use reshape: view asks for numbers in order.",
    training_case=lambda: (torch.randn(32, 4, 24, 16),),
    wrong_answers=(
        Wrong(
            "reshaped_at_once",
            lambda parts: parts.reshape(parts.size(0), parts.size(2), -1),
            "The shape is right and the contents are not: the numbers were read in the order in "
            "which they lie, word after word of head 1 first, so a row mixes several words. Move "
            "the heads behind the words, then reshape.",
        ),
        Wrong(
            "woven",
            lambda parts: parts.permute(0, 2, 3, 1).flatten(2),
            "The heads are woven into each other: first number 0 of every head, then number 1. Put "
            "all of head 1 first; split_heads takes it from there.",
        ),
        Wrong(
            "added",
            lambda parts: parts.sum(dim=1),
            "The heads are added up. Then nobody can tell afterwards which head said what; side by "
            "side, W_O can read each for itself.",
        ),
        Wrong(
            "averaged",
            lambda parts: parts.mean(dim=1),
            "The heads are averaged. That is what one head does with two look-ups, and what "
            "several heads are there to avoid: put them side by side.",
        ),
        Wrong(
            "behind_each_other",
            lambda parts: parts.flatten(1, 2),
            "The heads stand behind each other along the words: (B, heads * T, d_k). The sentence "
            "keeps its length, and the vectors grow.",
        ),
        Wrong(
            "not_merged",
            lambda parts: parts.transpose(1, 2),
            "The axes are in order, (B, T, heads, d_k), but the last two are not one yet.",
        ),
        Wrong(
            "backwards",
            lambda parts: parts.flip(1).transpose(1, 2).flatten(2),
            "The last head comes first. Head 1's numbers begin the row.",
        ),
        Wrong(
            "heads_before_batch",
            lambda parts: (
                parts.reshape(parts.size(1), parts.size(0), *parts.shape[2:])
                .permute(1, 2, 0, 3)
                .flatten(2)
            ),
            "The first two axes are read as (heads, batch). They are (B, heads, T, d_k), so this "
            "mixes heads of different sentences: bring the heads behind T with transpose(1, 2).",
            also=(
                lambda parts: parts.permute(1, 2, 0, 3).reshape(parts.size(0), parts.size(2), -1),
            ),
        ),
        Wrong(
            "words_behind",
            lambda parts: parts.transpose(2, 3).reshape(parts.size(0), parts.size(2), -1),
            "The last two axes were exchanged before the reshape. The heads must move, behind T: "
            "transpose(1, 2) gives (B, T, heads, d_k).",
            also=(lambda parts: parts.transpose(1, 3).reshape(parts.size(0), parts.size(2), -1),),
        ),
    ),
    hints=(
        "merge_heads is to undo split_heads. Which were its two steps, and in which order must "
        "they be undone?",
        "swap the axes heads and T                   (B, T, heads, d_k)\n"
        "make one axis of the last two           (B, T, heads * d_k)",
        "parts.transpose(1, 2).reshape(batch, words, ...)",
    ),
    why="what was done last is undone first: the transpose, then the cut. reshape has to copy "
    "here, since after the transpose the numbers do not lie in that order.",
)
