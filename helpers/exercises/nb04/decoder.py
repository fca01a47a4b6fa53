"""Exercises of notebook 04, second part: the decoder's step, and scoring a map with gold links."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice, Misstep
from helpers.exercises.nb04 import answers


@dataclass
class ToyLook:
    """A small attention that counts its calls: look(state (B, H)) -> (context, weights (B, S))."""

    keys: torch.Tensor  # (B, S, H)
    values: torch.Tensor  # (B, S, C)
    calls: int = 0

    def __call__(self, query: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        self.calls += 1
        batch, _, width = self.keys.shape
        _demand("look", "query", query, "(B, H)", (batch, width))
        weights = torch.softmax((self.keys @ query.unsqueeze(-1)).squeeze(-1), dim=-1)  # (B, S)
        return (weights.unsqueeze(1) @ self.values).squeeze(1), weights


@dataclass
class ToyCell:
    """A small recurrent cell that counts its calls: cell(inputs (B, E + C), state) -> new state."""

    from_inputs: torch.Tensor  # (E + C, H)
    from_state: torch.Tensor  # (H, H)
    calls: int = 0

    def __call__(self, inputs: torch.Tensor, state: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        batch = inputs.size(0) if isinstance(inputs, torch.Tensor) and inputs.ndim else 1
        _demand("cell", "inputs", inputs, "(B, E + C)", (batch, self.from_inputs.size(0)))
        _demand("cell", "state", state, "(B, H)", (batch, self.from_state.size(0)))
        return torch.tanh(inputs @ self.from_inputs + state @ self.from_state)


def _demand(who: str, what: str, given: object, symbols: str, shape: tuple[int, ...]) -> None:
    got = tuple(given.shape) if isinstance(given, torch.Tensor) else f"a {type(given).__name__}"
    if got != shape:
        raise Misstep(f"{who} was given {what} of shape {got}; it expects {symbols} = {shape}.")


def _step_case(dice: Dice, b: int, s: int, e: int, h: int, c: int) -> tuple:
    look = ToyLook(dice.normal(b, s, h), dice.normal(b, s, c))
    cell = ToyCell(dice.normal(e + c, h) / (e + c) ** 0.5, dice.normal(h, h) / h**0.5)
    return dice.normal(b, e), dice.normal(b, h) / 2, look, cell


def _step_cases(dice: Dice) -> list[tuple]:
    batch, words, *widths = dice.sizes(5, 2, 8)
    return [
        _step_case(dice, 1, 3, 2, 4, 5),
        _step_case(dice, batch, 1, *widths),
        _step_case(dice, batch, words, *widths),
        _step_case(dice, *dice.sizes(5, 2, 8)),
    ]


def _look_afterwards(embedded: torch.Tensor, state: torch.Tensor, look, cell) -> tuple:
    context, _ = look(state)
    state = cell(torch.cat([embedded, context], dim=-1), state)
    context, weights = look(state)
    return state, context, weights


def _old_state(embedded: torch.Tensor, state: torch.Tensor, look, cell) -> tuple:
    context, weights = look(state)
    cell(torch.cat([embedded, context], dim=-1), state)
    return state, context, weights


def _context_first(embedded: torch.Tensor, state: torch.Tensor, look, cell) -> tuple:
    context, weights = look(state)
    return cell(torch.cat([context, embedded], dim=-1), state), context, weights


def _context_left_out(embedded: torch.Tensor, state: torch.Tensor, look, cell) -> tuple:
    context, weights = look(state)
    return cell(embedded, state), context, weights


def _context_as_state(embedded: torch.Tensor, state: torch.Tensor, look, cell) -> tuple:
    context, weights = look(state)
    return cell(torch.cat([embedded, context], dim=-1), context), context, weights


def _query_is_word(embedded: torch.Tensor, state: torch.Tensor, look, cell) -> tuple:
    context, weights = look(embedded)
    return cell(torch.cat([embedded, context], dim=-1), state), context, weights


def _looks_twice(embedded: torch.Tensor, state: torch.Tensor, look, cell) -> tuple:
    new = cell(torch.cat([embedded, look(state)[0]], dim=-1), state)
    return new, *look(state)


def _returned_in_another_order(embedded: torch.Tensor, state: torch.Tensor, look, cell) -> tuple:
    state, context, weights = answers.decoder_step(embedded, state, look, cell)
    return context, state, weights


def _training_step() -> tuple:
    return _step_case(Dice(), 64, 24, 64, 128, 256)


decoder_step = Exercise(
    name="nb04.decoder_step",
    title="One step of the decoder: look, then move on",
    difficulty=3,
    minutes=5,
    core=True,
    reference=answers.decoder_step,
    spec=answers.decoder_step_spec,
    cases=_step_cases,
    sizes=lambda embedded, state, look, cell: {
        "B": embedded.size(0),
        "S": look.keys.size(1),
        "E": embedded.size(1),
        "H": state.size(1),
        "C": look.values.size(2),
    },
    returns={"state": "B H", "context": "B C", "weights": "B S"},
    gradients=("embedded", "state"),
    observe=lambda embedded, state, look, cell: {"look": look.calls, "cell": cell.calls},
    training_case=_training_step,
    wrong_answers=(
        Wrong(
            "look_afterwards",
            _look_afterwards,
            "The context you return was looked up with the new state s_t. That is Luong's order,"
            " in notebook 05. Here the query is s_{t-1}: the cell needs the context to make s_t.",
        ),
        Wrong(
            "old_state",
            _old_state,
            "The state you return is the one that came in. The cell's result is the new state; "
            "without it the decoder forgets at once what it has said.",
        ),
        Wrong(
            "context_first",
            _context_first,
            "The cell's input is [context; embedded]. The course writes the embedding first, "
            "[embedded; context], and the cell's weights are laid out in that order.",
        ),
        Wrong(
            "context_left_out",
            _context_left_out,
            "The cell never sees the context: its input is the embedding alone. Then attention is "
            "computed, drawn, and has no effect on the translation.",
        ),
        Wrong(
            "context_as_state",
            _context_as_state,
            "The context takes the place of the recurrent state. It is part of the cell's input;"
            " the state is s_{t-1}, and it alone remembers what was said so far.",
        ),
        Wrong(
            "query_is_word",
            _query_is_word,
            "The query is the word's embedding. A word alone does not know how far the "
            "translation has come: the question is asked by the state, s_{t-1}.",
        ),
        Wrong(
            "looks_twice",
            _looks_twice,
            "The numbers are right, but look was called twice with the same query. It is the "
            "costly part of a step: call it once, and keep both of its results.",
        ),
        Wrong(
            "another_order",
            _returned_in_another_order,
            "The three results are there, in another order: first the new state, then the context, "
            "then the weights.",
        ),
    ),
    hints=(
        "At the start of step t, which states exist already? So which of them can ask the "
        "question, and what must be known before the cell can run?",
        "context, weights = look with the state that came in\n"
        "inputs = embedding and context side by side, along the last axis\n"
        "new state = the cell, with these inputs and the state that came in",
        "context, weights = look(state)\nstate = cell(torch.cat([embedded, ...], dim=-1), ...)",
    ),
    why="s_t = f(s_{t-1}, [y_{t-1}; c_t]), and c_t was looked up with s_{t-1} (Bahdanau et al. "
    "2015). So the look comes first, and its context is input to the cell, not its memory.",
)


def _link_case(dice: Dice, t: int, s: int, linked: list[int], doubles: int = 1) -> tuple:
    """Weights (t, s) with clear maxima; every other linked word looks at one of its links."""
    weights = dice.weights(t, s)
    links = set()
    for place, target in enumerate(linked):
        largest = int(weights[target].argmax())
        shift = place % 2
        links |= {
            ((largest + shift + more) % s, target) for more in range(1 + doubles * (target % 2))
        }
    return weights, links


def _link_cases(dice: Dice) -> list[tuple]:
    return [
        _link_case(dice, 4, 3, [0, 1]),
        _link_case(dice, 3, 5, [0, 1]),
        (dice.weights(2, 3), set()),
        _link_case(dice, 1 + 5, 4, [0, 2, 3]),
        _link_case(dice, 7, 9, [0, 1, 3, 4, 5], doubles=2),
        _link_case(dice, 9, 6, [1, 2, 3, 5, 6, 7]),
    ]


def _links_transposed(weights: torch.Tensor, links: set) -> tuple[int, int]:
    return answers.gold_link_hits_spec(weights, {(target, source) for source, target in links})


def _all_words_counted(weights: torch.Tensor, links: set) -> tuple[int, int]:
    return answers.gold_link_hits(weights, links)[0], weights.size(0) - 1


def _end_counted_too(weights: torch.Tensor, links: set) -> tuple[int, int]:
    return answers.gold_link_hits(weights, links)[0], weights.size(0)


def _best_target_of_each_source(weights: torch.Tensor, links: set) -> tuple[int, int]:
    best = weights.argmax(dim=0).tolist()
    sources = {source for source, _ in links}
    return sum((source, best[source]) in links for source in sources), len(sources)


def _each_link_counted(weights: torch.Tensor, links: set) -> tuple[int, int]:
    best = weights.argmax(dim=-1).tolist()
    return sum(best[target] == source for source, target in links), len(links)


def _over_one_half(weights: torch.Tensor, links: set) -> tuple[int, int]:
    linked = {target for _, target in links}
    sure = {target for source, target in links if weights[target, source] > 0.5}
    return len(sure), len(linked)


gold_link_hits = Exercise(
    name="nb04.gold_link_hits",
    title="Does each word look where it should?",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.gold_link_hits,
    spec=answers.gold_link_hits_spec,
    cases=_link_cases,
    sizes=lambda weights, links: dict(zip("TS", weights.shape, strict=True)),
    returns={"hits": "", "linked": ""},
    training_case=lambda: _link_case(Dice(), 25, 24, list(range(24))),
    wrong_answers=(
        Wrong(
            "links_transposed",
            _links_transposed,
            "The links are read as (target, source). The first number of a pair is the source "
            "position, the second the target position: the column and the row of the map.",
        ),
        Wrong(
            "all_words_counted",
            _all_words_counted,
            "Words without a gold link are counted as well. Nobody says where such a word should"
            " look, so it can be neither right nor wrong: leave it out of both counts.",
        ),
        Wrong(
            "end_counted",
            _end_counted_too,
            "All rows are counted, <end> included. Only rows that have a gold link can be "
            "judged, and <end> never has one.",
        ),
        Wrong(
            "best_target",
            _best_target_of_each_source,
            "For each source word you look for the target word that likes it most. The question "
            "goes the other way: a row is a target word, and its largest weight is along the "
            "row.",
        ),
        Wrong(
            "each_link_counted",
            _each_link_counted,
            "Every link is counted by itself. A word linked to two source words can look at one of "
            "them only, and that is a hit: count target words, not links.",
        ),
        Wrong(
            "over_one_half",
            _over_one_half,
            "A hit here needs a weight above one half. The largest weight of the row decides, "
            "however small it is: with several good places to look it can be well below.",
        ),
        Wrong(
            "tensor_in_set",
            lambda weights, links: (0, answers.gold_link_hits(weights, links)[1]),
            "No hit is ever found. Do you look a tensor up in the set? A tensor of one number is "
            "not found there, even where its number is: make it a Python number with .item() or "
            ".tolist().",
        ),
        Wrong(
            "column_of_the_best",
            lambda weights, links: (
                sum((int(weights[:, source].argmax()) == target) for source, target in links),
                len({target for _, target in links}),
            ),
            "The largest weight of a column is looked for. A row is a target word, and where it "
            "looks is the largest weight along the row.",
        ),
    ),
    hints=(
        "Which rows can be judged at all? And of such a row, which one number do you need?",
        "linked = the target positions that occur in links\n"
        "for each of them: the source position with the largest weight in its row\n"
        "a hit if (that source position, the target position) is among the links",
        "looked_at = weights.argmax(dim=...).tolist()\n"
        "hits = sum((looked_at[target], target) in links for target in linked)",
    ),
    why="a target word is right if the place it looks at most is one of its gold links. Words "
    "without a link, <end> among them, cannot be right or wrong, so they are in neither count.",
)
