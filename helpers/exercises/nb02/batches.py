"""Exercises of notebook 02, first part: batches, and what the decoder is fed."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb02 import answers


def _shift_cases(dice: Dice) -> list[tuple]:
    def case(*lengths: int, ids: tuple[int, ...] = (1, 2, 0)) -> tuple:
        return [dice.integers(3, 30, n).tolist() for n in lengths], *ids

    return [
        case(2, 1),
        case(3),
        case(1, 3, 2),
        case(2, 6, 4),
        case(5, 2, 5, 1),
        case(4, 1, 3, ids=(31, 32, 33)),
        case(3, 0),  # a sentence of no words is fed <start> alone
    ]


def _padded(rows: list[list[int]], pad: int) -> torch.Tensor:
    longest = max(len(row) for row in rows)
    return torch.tensor([row + [pad] * (longest - len(row)) for row in rows])


def _not_shifted(targets: list, start: int, end: int, pad: int) -> tuple:
    both = _padded([[start, *words, end] for words in targets], pad)
    return both, both.clone()


def _end_is_fed(targets: list, start: int, end: int, pad: int) -> tuple:
    whole = [[start, *words, end] for words in targets]
    return _padded(whole, pad), _padded([[*row[1:], pad] for row in whole], pad)


def _end_is_fed_too(targets: list, start: int, end: int, pad: int) -> tuple:
    whole = _padded([[start, *words, end] for words in targets], pad)
    return whole, answers.shift_targets(targets, start, end, pad)[1]


def _last_column_cut(targets: list, start: int, end: int, pad: int) -> tuple:
    whole = _padded([[start, *words, end] for words in targets], pad)
    return whole[:, :-1], whole[:, 1:]


def _padded_left(targets: list, start: int, end: int, pad: int) -> tuple:
    longest = max(len(words) for words in targets)
    rest = [[pad] * (longest - len(words)) for words in targets]
    rows = list(zip(rest, targets, strict=True))
    return (
        torch.tensor([[*blank, start, *words] for blank, words in rows]),
        torch.tensor([[*blank, *words, end] for blank, words in rows]),
    )


def _no_end(targets: list, start: int, end: int, pad: int) -> tuple:
    target_in = answers.shift_targets(targets, start, end, pad)[0]
    return target_in, _padded([[*words, pad] for words in targets], pad)


def _end_after_padding(targets: list, start: int, end: int, pad: int) -> tuple:
    target_in = answers.shift_targets(targets, start, end, pad)[0]
    words = _padded(targets, pad)
    return target_in, torch.cat([words, torch.full_like(words[:, :1], end)], dim=1)


shift_targets = Exercise(
    name="nb02.shift_targets",
    title="What the decoder is fed, and what it should answer",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.shift_targets,
    spec=answers.shift_targets_spec,
    cases=_shift_cases,
    sizes=lambda targets, *ids: {"B": len(targets), "T": 1 + max(len(words) for words in targets)},
    returns={"target_in": "B T", "target_out": "B T"},
    training_case=lambda: ([list(range(3, 27))] * 64, 1, 2, 0),
    wrong_answers=(
        Wrong(
            "not_shifted",
            _not_shifted,
            "Input and answer are the same row, so the decoder is shown the very word it should "
            "say. It would learn to copy. The answer at a step is the word that comes next.",
        ),
        Wrong(
            "end_is_fed",
            _end_is_fed,
            "<end> is fed to the decoder, and one more answer is asked for. After <end> nothing is "
            "said: it appears among the answers only.",
        ),
        Wrong(
            "end_is_fed_too",
            _end_is_fed_too,
            "The rows that are fed hold <end>, so they are one longer than the answers. The last "
            "input is the last word of the sentence; <end> is its answer.",
        ),
        Wrong(
            "last_column_cut",
            _last_column_cut,
            "Cutting off the last column takes <end> away from the longest sentence only. The "
            "shorter ones are still fed their <end>: build each row before you pad it.",
        ),
        Wrong(
            "padded_left",
            _padded_left,
            "The padding stands on the left, so the decoder would read padding before it reads "
            "<start>. Padding goes on the right, after the last word.",
        ),
        Wrong(
            "no_end",
            _no_end,
            "The answers hold no <end>. Then the model never learns when to stop, and goes on "
            "talking after the sentence is over.",
        ),
        Wrong(
            "end_after_padding",
            _end_after_padding,
            "<end> stands in the last column, after the padding. It follows the last word at once, "
            "wherever that is; the padding comes after it.",
        ),
        Wrong(
            "swapped",
            lambda *given: answers.shift_targets(*given)[::-1],
            "The two results have changed places: first what the decoder is fed, beginning with "
            "<start>, then what it should answer, ending with <end>.",
        ),
        Wrong(
            "fixed_ids",
            lambda targets, start, end, pad: answers.shift_targets(targets),
            "The ids 1, 2 and 0 are written into your function. They come as arguments, since "
            "another vocabulary may number <start>, <end> and padding otherwise.",
        ),
        Wrong(
            "no_start",
            lambda targets, start, end, pad: (
                _padded([[*words, pad] for words in targets], pad),
                answers.shift_targets(targets, start, end, pad)[1],
            ),
            "The first word fed is not <start>. At the first step no word was said yet, so "
            "<start> stands there, and every word comes one step later.",
        ),
        Wrong(
            "padded_with_0",
            lambda targets, start, end, pad: answers.shift_targets(targets, start, end),
            "The id 0 is written into your function as padding. Which id pads comes as the "
            "argument pad.",
        ),
    ),
    hints=(
        "Take the sentence 'le chat dort'. Which word is the decoder fed first, and what should it "
        "answer? Which one is it fed last, and what then?",
        "for each sentence: one row is start, then its words; the other its words, then end.\n"
        "Both have one element more than the sentence. Pad each row to the longest.",
        "target_in = torch.tensor([[start, *words, *padding] ...])\n"
        "target_out = torch.tensor([[*words, ..., *padding] ...])",
    ),
    why="at each position the decoder is fed the previous word and should answer the next. Both "
    "rows are built for each sentence before padding, so <end> always follows the last word.",
)


def _last_cases(dice: Dice) -> list[tuple]:
    one, two = dice.sizes(3), dice.sizes(3)
    junk = Dice(1).normal(2, 5, 3)
    junk[0, 4], junk[1, 2:] = 1e30, -1e30  # on padding
    return [
        (dice.normal(1, 4, 2), torch.tensor([2])),
        (dice.normal(2, 4, 3), torch.tensor([3, 1])),
        (dice.normal(5, 1, 3), torch.ones(5, dtype=torch.long)),
        (dice.normal(*one), dice.lengths(one[0], one[1])),
        (dice.normal(*two), dice.lengths(two[0], two[1])),
        (dice.normal(3, 6, 5), torch.tensor([6, 1, 4])),
        (junk, torch.tensor([4, 2])),
    ]


def _not_last(states: torch.Tensor, lengths: torch.Tensor) -> dict[str, torch.Tensor]:
    """No gradient reaches any state (B, S, 1) but the one at the last word."""
    last = torch.arange(states.size(1)) == lengths.unsqueeze(1) - 1  # (B, S)
    return {"states": ~last.unsqueeze(-1)}


def _numbers(*shape: int) -> torch.Tensor:
    return torch.randn(*shape)


def _largest_numbers(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    words = torch.arange(states.size(1)) < lengths.unsqueeze(1)
    return states.masked_fill(~words.unsqueeze(2), -torch.inf).amax(dim=1)


def _mean_state(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    real = torch.arange(states.size(1)) < lengths.unsqueeze(1)  # (B, S)
    return (states * real.unsqueeze(-1)).sum(dim=1) / lengths.unsqueeze(1)


last_states = Exercise(
    name="nb02.last_states",
    title="Read the state at the true last word",
    difficulty=2,
    minutes=5,
    core=True,
    reference=answers.last_states,
    spec=answers.last_states_spec,
    cases=_last_cases,
    sizes=lambda states, lengths: dict(zip("BSH", states.shape, strict=True)),
    returns={"last": "B H"},
    gradients=("states",),
    exact_zeros=_not_last,
    training_case=lambda: (_numbers(64, 24, 128), torch.arange(64) % 24 + 1),
    wrong_answers=(
        Wrong(
            "last_column",
            lambda states, lengths: states[:, -1],
            "This is the last position of the batch, which for a shorter sentence is padding: "
            "its state has gone on changing after the sentence was over.",
        ),
        Wrong(
            "longest",
            lambda states, lengths: states[:, lengths.max() - 1],
            "All sentences are read where the longest one ends. Each has its own length, and its"
            " last word is at its own place.",
        ),
        Wrong(
            "one_too_far",
            lambda states, lengths: states[torch.arange(states.size(0)), lengths],
            "You read one position too far: positions count from 0, so a sentence of n words has"
            " its last one at n - 1.",
        ),
        Wrong(
            "every_pair",
            lambda states, lengths: states[:, lengths - 1],
            "A colon with a list of positions takes all those positions from every sentence. To "
            "take one from each, give two lists: the sentences' numbers and the positions.",
        ),
        Wrong(
            "mean_state",
            _mean_state,
            "This is the mean of a sentence's states. The encoder has read the whole sentence "
            "only at its last word; that state alone is asked for.",
        ),
        Wrong(
            "largest_numbers",
            _largest_numbers,
            "Each number is the largest that it is at any word of the sentence. Asked for is one "
            "state as it is, that of the last word, which has read all the others.",
        ),
        Wrong(
            "first_state",
            lambda states, lengths: states[:, 0],
            "This is the state at the first word: the encoder has not yet seen the rest of the "
            "sentence. Only the last one has read it all.",
        ),
        Wrong(
            "detached",
            lambda states, lengths: answers.last_states(states, lengths).detach(),
            "The numbers are right, but they are cut off from the graph: no gradient would reach"
            " the encoder, and it would never learn.",
        ),
        Wrong(
            "clamped",
            lambda states, lengths: states[torch.arange(len(states)), (lengths - 2).clamp(min=0)],
            "You read one position too early: a sentence of n words has its last one at n - 1.",
        ),
    ),
    hints=(
        "A sentence of 3 words in a batch padded to 5: at which position, counted from 0, does the "
        "encoder finish reading it? Is that the same for its neighbour?",
        "for each sentence b: states[b, lengths[b] - 1]\n"
        "A tensor takes two lists of indices at once: element b of the one goes with element b "
        "of the other.",
        "rows = torch.arange(states.size(0))\nstates[rows, ...]",
    ),
    why="after its last word a sentence's state goes on changing over padding, so the place to "
    "read is different in each row. Two index tensors pick one place from each.",
)


def _input_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, e: int, c: int) -> tuple:
        return dice.normal(b, t, e), dice.normal(b, c)

    one_step = dice.sizes(3)
    return [
        case(1, 4, 2, 3),
        case(2, 3, 1, 4),
        case(one_step[0], 1, *one_step[1:]),
        case(*dice.sizes(4)),
        case(*dice.sizes(4)),
    ]


def _beside(embedded: torch.Tensor, every_step: torch.Tensor) -> torch.Tensor:
    return torch.cat([embedded, every_step], dim=-1)


def _mixed_sentences(embedded: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    batch, steps, _ = embedded.shape
    return _beside(embedded, context.repeat(steps, 1).view(batch, steps, -1))


def _first_step_only(embedded: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    later = context.new_zeros(context.size(0), embedded.size(1) - 1, context.size(1))
    return _beside(embedded, torch.cat([context.unsqueeze(1), later], dim=1))


def _expanded(embedded: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    return context.unsqueeze(1).expand(embedded.size(0), embedded.size(1), -1)


decoder_inputs = Exercise(
    name="nb02.decoder_inputs",
    title="The same context beside every word",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.decoder_inputs,
    spec=answers.decoder_inputs_spec,
    cases=_input_cases,
    sizes=lambda embedded, context: {
        **dict(zip("BTE", embedded.shape, strict=True)),
        "C": context.size(1),
    },
    returns={"inputs": "B T E+C"},
    gradients=("embedded", "context"),
    shapes_hint="The shapes are (B, T, E) and (B, C): which axis must context get, and how long "
    "must it be, so that the two join along the last axis to (B, T, E + C)?",
    training_case=lambda: (_numbers(64, 24, 64), _numbers(64, 128)),
    wrong_answers=(
        Wrong(
            "context_first",
            lambda embedded, context: torch.cat([_expanded(embedded, context), embedded], dim=-1),
            "The context comes first. The course writes [embedding; context], and the cell's "
            "weights are laid out in that order.",
        ),
        Wrong(
            "first_step_only",
            _first_step_only,
            "Only the first step gets the context; the others get zeros. In this decoder every "
            "step sees c, so that it need not be carried along in the state.",
        ),
        Wrong(
            "mixed_sentences",
            _mixed_sentences,
            "Contexts of different sentences have been mixed: repeat copied the whole batch over"
            " and over, and the reshape cut it at the wrong places. Give context an axis for the"
            " steps.",
        ),
        Wrong(
            "one_for_all",
            lambda embedded, context: _beside(embedded, _expanded(embedded, context[:1])),
            "All sentences get the first one's context. Each must have its own; only over the "
            "steps is it the same.",
        ),
        Wrong(
            "detached",
            lambda embedded, context: answers.decoder_inputs(embedded, context.detach()),
            "The numbers are right, but the context is cut off from the graph. It is the only road "
            "by which the gradient gets back to the encoder.",
        ),
        Wrong(
            "along_time",
            lambda embedded, context: torch.cat(
                [
                    torch.nn.functional.pad(embedded, (0, context.size(1))),
                    torch.nn.functional.pad(context.unsqueeze(1), (embedded.size(2), 0)),
                ],
                dim=1,
            ),
            "The context has become one more time step. It belongs beside each embedding, in the"
            " same step: what grows is the last axis, from E to E + C.",
        ),
        Wrong(
            "added",
            lambda embedded, context: torch.cat(
                [embedded, torch.zeros_like(_expanded(embedded, context))], dim=-1
            ),
            "The context has no part in it: zeros stand beside the embeddings.",
        ),
    ),
    hints=(
        "What shape must the context have before it can stand beside embedded, and which of its "
        "axes is new?",
        "context (B, C) with a new axis: (B, 1, C), then the same for every step: (B, T, C)\n"
        "embedded and that, side by side along the last axis",
        "every_step = context.unsqueeze(1).expand(-1, ..., -1)\n"
        "torch.cat([embedded, every_step], dim=...)",
    ),
    why="expand shows one vector at every step without copying it, and concatenation along the "
    "last axis puts it beside each embedding.",
)
