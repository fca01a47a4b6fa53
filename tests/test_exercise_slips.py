"""A slip that nobody foresaw is told by the change in the course's answer that gives the same."""

from __future__ import annotations

import ast
import inspect
from collections import Counter

import pytest
import torch
from torch.nn.functional import cross_entropy, silu

from helpers.exercises import (
    REGISTRY,
    building,
    comparing,
    engine,
    explaining,
    nb00,
    nb01,
    nb02,
    nb04,
    nb05,
    nb06,
    nb07,
    nb08,
    nb09,
    nb10,
    nb12,
    nb13,
)
from helpers.exercises.engine import NOT_YET, _Trial
from helpers.exercises.explaining import Candidates, Seen
from helpers.exercises.inputs import Dice
from helpers.exercises.running import Outcome
from helpers.exercises.slips import compiled, inlined, program, slips, together
from tests.exercise_tools import define, edited, unwrapped


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each search take its time, because on a busy machine a processor's second holds less."""
    for module, name in (
        (engine, "_SEARCHED_UNTIL"),
        (explaining, "SINGLE_UNTIL"),
        (explaining, "UNTIL"),
        (explaining, "BESIDE"),
    ):
        monkeypatch.setattr(module, name, 4 * getattr(module, name))


def variance_not_divided(states, gain, bias, eps):
    centred = states - states.mean(dim=-1, keepdim=True)
    return gain * centred / (centred.square().sum(dim=-1, keepdim=True) + eps).sqrt() + bias


def bias_behind_the_norm_of_half(inputs, state, input_weight, recurrent_weight, bias):
    return torch.tanh(inputs @ input_weight.T) + state @ recurrent_weight.T + bias


def stream_as_it_was(states, memory, look, across, mlp, norm_1, norm_2, norm_3):
    asking = norm_2(states + look(norm_1(states)))
    states = states + across(asking, memory)
    return states + mlp(norm_3(states))


def memory_normed_again(states, memory, look, across, mlp, norm_1, norm_2, norm_3):
    states = states + look(norm_1(states))
    states = states + across(states, norm_2(memory))
    return states + mlp(norm_3(states))


def padding_added_up(weights, mask):
    off, _, apart = nb06.check_map.reference(weights, mask)
    return off, (weights * ~mask).sum(dim=-1).amax(dim=-1), apart


def self_unseen(states, query_weight, key_weight, value_weight):
    scores = states @ query_weight @ (states @ key_weight).mT / query_weight.size(1) ** 0.5
    own = torch.eye(states.size(1), dtype=torch.bool)
    weights = torch.softmax(scores.masked_fill(own, -torch.inf), dim=-1)
    return weights @ states @ value_weight, weights


def norm_in_every_block(source, target, blocks, norm, decoder_blocks, last_norm, table):
    for block in blocks:
        source = block(source)
    for block in decoder_blocks:
        target = block(last_norm(target), norm(source))
    return last_norm(target) @ table.T


def state_added(embedded, state, look, cell):
    context, weights = look(state)
    return cell(torch.cat([embedded, context], dim=1), state) + state, context, weights


@pytest.mark.parametrize(
    ("exercise", "answer", "text"),
    [
        (nb12.layer_norm, variance_not_divided, "one change to the course's answer: sum in place"),
        (
            nb12.feed_forward,
            lambda x, w, b, u, c: silu(x @ w + b) @ u + c,
            "silu in place of relu",
        ),
        (
            nb12.encoder_block,
            lambda x, look, mlp, n1, n2: nb12.encoder_block.reference(x, mlp, look, n1, n2),
            "attention and mlp exchanged",
        ),
        (nb12.decoder_block, stream_as_it_was, "states as it was given, and not what it has"),
        (
            nb04.decoder_step,
            lambda x, s, look, cell: (cell(torch.cat([x, look(s)[0]], 1), s) + s, *look(s)),
            "",  # it looks twice, which no change of the answer does
        ),
        (nb04.decoder_step, state_added, "state added to `cell("),
        (
            nb02.last_states,
            lambda x, n: x[torch.arange(len(x)), n.clamp(max=x.size(1) - 1)],
            "`lengths - 1` one place too late, but within the axis",
        ),
        (nb06.check_map, padding_added_up, "sum(-1, keepdim=True)` before amax"),
        (nb09.self_attention, self_unseen, "each one's own place hidden before softmax"),
        (
            nb12.transformer_logits,
            norm_in_every_block,
            "`decoder_norm(target)` in place of `target` in `block(target, memory)`",
        ),
        (nb12.decoder_block, memory_normed_again, "norm_2 of `memory`, and not of `states`"),
        (
            nb01.rnn_cell,
            bias_behind_the_norm_of_half,
            "only `inputs @ input_weight.T` inside tanh",
        ),
        (
            nb01.rnn_cell,
            lambda x, h, w, u, b: torch.tanh(x @ w.T + b) + h @ u.T,
            "`state @ recurrent_weight.T` outside tanh, and not inside",
        ),
        (
            nb04.decoder_step,
            lambda x, s, look, cell: (
                cell(torch.cat([x, (seen := look(s))[0]], 1), torch.zeros_like(s)),
                *seen,
            ),
            "zeros in place of `state`",
        ),
        (
            nb02.masked_loss,
            lambda x, y, pad=0: (
                cross_entropy(x.mT, y, ignore_index=pad, reduction="sum") / y.size(1)
            ),
            "a sum divided by `logits.size(1)` in place of the mean",
        ),
        (
            nb00.softmax,
            lambda x: torch.relu(x) / torch.relu(x).sum(),
            "two changes to the course's answer: relu in place of exp",
        ),
        (
            nb04.decoder_step,
            lambda x, s, look, cell: (cell(torch.cat([x, 0 * look(s)[0]], 1), s), *look(s)),
            "",
        ),
    ],
    ids=lambda value: getattr(value, "name", "answer"),
)
def test_slip_is_told_by_the_change_that_gives_the_same(exercise, answer, text):
    verdict = exercise.verdict(answer)
    assert (verdict.kind, verdict.misconception) == (NOT_YET, "")
    assert text in unwrapped(verdict.message)
    assert ("Your results are those of" in verdict.message) == bool(text)


def test_slip_must_do_the_same_where_the_answer_is_right():
    """Both softmaxes below are wrong on large scores alone, and only one has the course's slip."""

    def clamped(scores):
        return torch.softmax(scores.clamp(max=700.0), dim=0)

    verdict = nb00.softmax.verdict(clamped)
    assert verdict.kind == NOT_YET
    assert "Your results are those of" not in verdict.message


def test_slip_of_a_whole_is_told_too():
    text = nb08.AttentionLayer.source.replace("/ keys.size(-1) ** 0.5", "* keys.size(-1) ** 0.5")
    verdict = nb08.AttentionLayer.verdict(define(nb08.AttentionLayer, text))
    assert verdict.kind == NOT_YET
    assert "Your results are those of one change to the course's" in unwrapped(verdict.message)
    assert "* keys.size(-1) ** 0.5" in verdict.message


@pytest.mark.parametrize(
    ("exercise", "old", "new", "text"),
    [
        (
            nb08.AttentionLayer,
            "/ keys.size(-1) ** 0.5",
            "/ memory.size(-1) ** 0.5",
            "`memory.size(-1)` in place of `keys.size(-1)`",
        ),
        (
            nb09.SelfAttention,
            "self.output(weights @ values)",
            "self.value(weights @ self.output(states))",
            "`self.output` and `self.value` exchanged",
        ),
        (
            nb04.AdditiveDecoder,
            "torch.stack(read, dim=1)), state, torch.stack(maps, dim=1)",
            "torch.stack(read).view(len(state), len(read), -1)), state, "
            "torch.stack(maps).view(len(state), len(maps), -1)",
            "the rows of stack reshaped",
        ),
    ],
    ids=("other width", "layers exchanged", "stack and view"),
)
def test_slip_in_a_layer_or_a_shape_is_told(exercise, old, new, text):
    verdict = exercise.verdict(edited(exercise, (old, new)))
    assert verdict.kind == NOT_YET
    assert text in unwrapped(verdict.message)


def test_slip_in_a_part_of_a_whole_is_named_as_that_part_names_it():
    text = nb04.AdditiveDecoder.source.replace(
        "masked_softmax(additive_scores(query, keys, self.v), mask)",
        "torch.softmax(additive_scores(query, keys, self.v), dim=-1) * mask",
    )
    verdict = nb04.AdditiveDecoder.verdict(define(nb04.AdditiveDecoder, text))
    assert verdict.misconception == "masked_softmax.mask_after"
    assert verdict.message.startswith("In masked_softmax, or where you wrote it out: ")


def test_results_that_are_all_false_are_told_as_that_and_not_by_other_arguments():
    """Other links that cross nowhere would give the same, and they explain nothing."""

    def every_other_link(links):
        apart = links.unsqueeze(1) - links
        return (apart[..., 0] * apart[..., 1] < 0).all(dim=1)

    message = unwrapped(nb06.crossing.verdict(every_other_link).message)
    assert "all in place of any" in message


def test_results_that_are_all_true_are_told_by_no_slip_in_their_numbers():
    """Differences that are not taken, or halved, would be large everywhere too."""

    def own_word_replaced_too(model, words, vocabulary):
        leaks = nb10.leaking_positions.reference(model, words, vocabulary)
        return torch.ones_like(leaks)

    message = unwrapped(nb10.leaking_positions.verdict(own_word_replaced_too).message)
    assert "Your results are those of" not in message


SOURCE = '''
def answer(x, scale=2.0):
    """Return what is asked for."""
    total = torch.tanh(x + scale)
    return total.sum()
'''


def test_slips_are_all_other_programs_with_words_and_leave_the_first_as_it_is():
    tree = program(SOURCE)
    before = ast.dump(tree)
    found = list(slips(tree, {"x": torch.ones(2), "scale": 1.0}))
    assert ast.dump(tree) == before
    assert all(ast.dump(slip.tree) != before for slip in found)
    words = [slip.words for slip in found]
    assert "gelu in place of tanh in `torch.tanh(x + scale)`" in words
    assert "only `x` inside tanh, and the rest of `x + scale` outside" in words
    assert "scale taken as 2.0, whatever is given" in words
    assert "no `+ scale`" in words
    for slip in found:
        compile(ast.fix_missing_locations(slip.tree), "<slip>", "exec")


@pytest.mark.parametrize("exercise", REGISTRY.values(), ids=lambda exercise: exercise.name)
def test_every_slip_of_an_answer_is_a_program_with_words(exercise):
    case = exercise.cases(Dice(0))[0]
    arguments = dict(zip(exercise.parameters, case, strict=False))
    tree = program(exercise.source, exercise.to_write)
    for number, slip in enumerate(slips(tree, arguments)):
        for part in slip.tree.body:
            if part not in tree.body:
                compiled(part, "<slip>")
        if number % 5 == 0:  # words take as long as ten programs
            assert 0 < len(slip.words) < 220


LOOP = '''
def answer(x, layers, norms, rate):
    """Return what is asked for."""
    for step in range(len(layers)):
        x = x + layers[step](norms[step](x)) * rate(step)
    for layer, norm in zip(layers, norms):
        x = x + layer(norm(x))
        x = x + layer(norm(x))
    return x
'''


def test_slip_is_made_at_all_places_that_are_alike_and_at_those_of_one_loop():
    found = {slip.words: slip for slip in slips(program(LOOP), {"x": torch.ones(2)})}
    text = "`norm(x + layer(x))` in place of `x + layer(norm(x))`, and likewise at another place"
    assert ast.unparse(found[text].tree).count("x = norm(x + layer(x))") == 2


def test_line_reads_what_there_was_before_the_previous_line():
    words = "x as it was before `x = x + layer(norm(x))`, in `x = x + layer(norm(x))`"
    slips_ = [s for s in slips(program(LOOP), {"x": torch.ones(2)}) if s.words == words]
    lines = [ast.unparse(ast.fix_missing_locations(slip.tree)) for slip in slips_]
    assert len(lines) == 2
    assert "earlier_x = x\n        x = x + layer(norm(x))" in lines[0]
    assert any("x = x + layer(norm(earlier_x))" in text for text in lines)


def test_counter_of_a_loop_is_one_off():
    words = [slip.words for slip in slips(program(LOOP), {"x": torch.ones(2)})]
    for other in ("max(step - 1, 0)", "step - 1", "step + 1"):
        assert f"`{other}` in place of `step`" in words


def countdown(x):
    """Return what is asked for."""
    while x > 0:
        x = x - 1
    return x + 5


def test_slip_is_found_among_those_that_never_end():
    candidates = Candidates(countdown, inspect.getsource(countdown), (), lambda answer: answer)
    found = dict(candidates.giving([Seen([2], 5, 6)], ["x"]))
    assert "one change to the course's answer: `6` in place of `5`" in found


def mean_of_means(logits, targets, pad=0):
    losses = cross_entropy(logits.mT, targets, reduction="none") * (targets != pad)
    return (losses.sum(dim=1) / (targets != pad).sum(dim=1)).mean()


def test_mean_of_what_each_part_gives_alone_is_told_as_that():
    verdict = nb02.masked_loss.verdict(mean_of_means)
    assert (verdict.kind, verdict.misconception) == (NOT_YET, "")
    assert "the mean of the results that each part along axis 0" in unwrapped(verdict.message)


def test_slip_is_named_where_it_raises_an_error_on_a_small_input():
    def one_too_few(signal, size, hop):
        count = (signal.size(1) - size) // hop  # stack fails if there is none
        return torch.stack([signal[:, f * hop : f * hop + size] for f in range(count)], dim=1)

    assert nb07.frames.verdict(one_too_few).misconception == "one_too_few"

    def nearly_so(signal, size, hop):
        return one_too_few(signal, size, hop) + 1

    assert nb07.frames.verdict(nearly_so).misconception == ""


def test_name_that_is_read_once_is_replaced_by_what_it_stands_for():
    (function,) = inlined(program(SOURCE)).body
    assert ast.unparse(function.body[0]) == "return torch.tanh(x + scale).sum()"


ONE_LINE = 'def answer(x, rate):\n    """Return what is asked for."""\n    return {}\n'
KEPT = """
def answer(x, rate):
    'Return what is asked for.'
    kept = []
    for one in x:
        kept.append(one)
    return torch.stack(kept)
"""
COUNTED = ONE_LINE.format("torch.tensor([1.0 * sum(Counter([1, 1, 2]).values())])")


@pytest.mark.parametrize(
    ("text", "words", "result"),
    [
        (ONE_LINE.format("x * 2.5"), "`25.0` in place of `2.5`", [[75, 100]]),
        (ONE_LINE.format("x * 2.5"), "`0.25` in place of `2.5`", [[0.75, 1]]),
        (ONE_LINE.format("x.sum(dim=1)"), "norm in place of sum in `x.sum(dim=1)`", [5]),
        (ONE_LINE.format("x.sum(dim=1)"), "only the first entry in `x.sum(dim=1)`", [3]),
        (ONE_LINE.format("x.sum(dim=1)"), "only the last entry in `x.sum(dim=1)`", [4]),
        (ONE_LINE.format("x * rate"), "1 - `rate` in place of it", [[2.25, 3]]),
        (ONE_LINE.format("x * rate"), "1 - rate in place of it everywhere", [[2.25, 3]]),
        (ONE_LINE.format("x * rate + 1"), "`x` times all of `rate + 1`: brackets", [[3.75, 5]]),
        (
            ONE_LINE.format("torch.relu(x) @ x[0]"),
            "`x[0]` inside relu, and not behind it",
            [25],
        ),
        (
            ONE_LINE.format("torch.softmax(x, dim=-1)"),
            "a division by the sum in place of softmax in `torch.softmax(x, dim=-1)`",
            [[3 / 7, 4 / 7]],
        ),
        (
            ONE_LINE.format("torch.arange(2) + 0 * x"),
            "counted from 1, not from 0, in `torch.arange(2)`",
            [[1, 2]],
        ),
        (
            ONE_LINE.format("torch.arange(0, 4, 2) + 0 * x"),
            "each place once, and not every `2`, in `torch.arange(0, 4, 2)`",
            [[0, 1]],
        ),
        (
            ONE_LINE.format("x @ x.mT + x @ x[:1].T"),
            "`x` joined in front of `x`, where the matrices stand the other way round",
            [[50]],
        ),
        (
            ONE_LINE.format("x * 1"),
            "the mean of `x * 1` along axis 1 first, and the rest of it",
            [3.5],
        ),
        (
            ONE_LINE.format("x - x.max()"),
            "max of the sizes, without signs, in `x.max()`",
            [[-1, 0]],
        ),
        (
            ONE_LINE.format("(x - 4).abs()"),
            "`4 - x`, with its sign, in place of `(x - 4).abs()`",
            [[1, 0]],
        ),
        (
            ONE_LINE.format("(x ** 2).sum()"),
            "the sum of the sizes, squared, in place of `(x ** 2).sum()`",
            [49],
        ),
        (
            ONE_LINE.format("(x / 2) ** 2"),
            "`x ** 2 / 2`, and not `(x / 2) ** 2`: brackets",
            [[4.5, 8]],
        ),
        (COUNTED, "`len(Counter([1, 1, 2]))` in place of `sum(Counter([1, 1, 2]).values())`", [2]),
        (ONE_LINE.format("x * rate"), "1 - `x * rate` in place of it", [[0.25, 0]]),
        (KEPT, "the sum of all so far appended, and not `one` alone", [[3, 4]]),
    ],
)
def test_slip_gives_the_result_that_its_words_say(text, words, result):
    found = {s.words: s for s in slips(program(text), {"x": torch.ones(1, 2), "rate": 0.25})}
    assert torch.allclose(called(found[words].tree), torch.tensor(result, dtype=torch.float32))


def called(tree):
    """Return what a program gives for one row of 3 and 4, and a rate of 0.25."""
    names = {"torch": torch, "Counter": Counter}
    exec(compile(ast.fix_missing_locations(tree), "<slip>", "exec"), names)
    return names["answer"](torch.tensor([[3.0, 4.0]]), 0.25)


def test_running_sums_and_means_are_appended():
    text = KEPT.replace("x:", "(*x[0], x[0, 1]):")
    found = {s.words: s for s in slips(program(text), {"x": torch.ones(1, 2), "rate": 0.25})}
    words = "the {} of all so far appended, and not `one` alone"
    assert called(found[words.format("sum")].tree).tolist() == [3, 7, 11]
    means = called(found[words.format("mean")].tree)
    assert torch.allclose(means, torch.tensor([3, 3.5, 11 / 3]))


def test_two_slips_of_one_program_are_put_together_unless_they_stand_at_one_place():
    tree = program(SOURCE)
    found = list(slips(tree, {"x": torch.ones(2), "scale": 1.0}))
    place = {slip.words: number for number, slip in enumerate(found)}
    plain, other, third = (
        place["no `+ scale`"],
        place["mean in place of sum in `total.sum()`"],
        place["- in place of + in `x + scale`"],
    )
    pairs = list(together(found, [(plain, other), (plain, third)], tree))
    assert [pair.words for pair in pairs] == [
        "no `+ scale`; and mean in place of sum in `total.sum()`"
    ]
    text = ast.unparse(ast.fix_missing_locations(pairs[0].tree))
    assert "total = torch.tanh(x)\n    return total.mean()" in text


def both(x, y):
    """Return what is asked for."""
    return torch.tanh(x), torch.exp(y) + 2


def test_slip_that_explains_a_part_of_the_results_is_tried_with_all_others():
    x, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([4.0, 5.0, 6.0])
    seen = [Seen([x, y], both(x, y), (torch.sigmoid(x), torch.exp(y)))]
    candidates = Candidates(both, inspect.getsource(both), (), lambda answer: answer)
    words = [words for words, _ in candidates.giving(seen, ["x", "y"], likely=[])]
    sigmoid = "sigmoid in place of tanh in `torch.tanh(x)`"
    assert f"two changes to the course's answer: no `+ 2`; and {sigmoid}" in words
    assert not list(candidates.giving(seen, ["x", "y"]))  # no pairs are asked for


def test_two_slips_in_a_whole_are_told():
    slipped = edited(
        nb08.AttentionLayer,
        (" / keys.size(-1) ** 0.5", ""),
        ("torch.softmax(hidden, dim=-1).masked_fill(~mask, 0.0)", "torch.softmax(scores, dim=-1)"),
    )
    message = unwrapped(nb08.AttentionLayer.verdict(slipped).message)
    assert "two slips at once" in message  # each of them has a name
    assert "The mask has no effect" in message
    assert "The scores are not divided by sqrt(d_k)" in message


def test_named_misconceptions_of_a_whole_are_put_together_unless_they_change_the_same_piece():
    ways = {wrong.name: wrong.function for wrong in nb12.Transformer.wrong_answers}
    made = building.both(ways["sees_the_future"], ways["memory_not_normed"])
    text = [pair[1] for pair in made._pairs]
    assert text == ["attention(norm_1(states))[0]", "memory"]
    assert building.both(ways["memory_not_normed"], ways["not_encoded"]) is None
    slips_ = {wrong.name: wrong.function for wrong in nb08.AttentionLayer.wrong_answers}
    assert building.both(slips_["not_scaled"], slips_["by_width"]) is None  # both set the scale
    assert building.both(slips_["not_scaled"], slips_["other_order"]) is None
    assert building.both(len, slips_["not_scaled"]) is None


def test_slip_beside_a_misconception_that_no_slip_of_the_answer_gives_is_told():
    def past_only_and_unscaled(query, key, value, past_keys, past_values):
        found = torch.softmax(query.unsqueeze(1) @ past_keys.mT, dim=-1) @ past_values
        keys = torch.cat([past_keys, key.unsqueeze(1)], dim=1)
        return found.squeeze(1), keys, torch.cat([past_values, value.unsqueeze(1)], dim=1)

    message = unwrapped(nb13.cached_step.verdict(past_only_and_unscaled).message)
    assert "two slips. One of them: The newest word looks at those before it" in message
    assert "The other: no `/ query.size(1) ** 0.5" in message


def test_slip_and_what_is_done_to_the_result_behind_it_are_told():
    def softmax_of_scores(queries, keys):
        return torch.softmax(queries @ keys.mT / keys.size(1) ** 0.5, dim=-1)

    message = unwrapped(nb05.scaled_dot_scores.verdict(softmax_of_scores).message)
    assert "`keys.size(1)` in place of `queries.size(-1)`" in message
    assert "a softmax along its last axis of the result" in message

    def of_one_batch(scores):
        weights = torch.softmax(scores, dim=0)
        return (weights * (1 - weights)).mean() * scores.size(1)

    message = unwrapped(nb05.mean_slope.verdict(of_one_batch).message)
    assert "and the result times `scores.size(1)`" in message


def test_named_misconceptions_of_a_function_that_is_a_whole_are_put_together():
    def patient_search(step, state, alpha, longest):
        ways = {wrong.name: wrong.function for wrong in nb13.beam_search.wrong_answers}
        return building.both(ways["chosen_by_sum"], ways["stops_with_the_best"])(
            step, state, alpha, longest
        )

    message = unwrapped(nb13.beam_search.verdict(patient_search).message)
    assert "two slips at once" in message
    ways = {wrong.name: wrong.function for wrong in nb02.train.wrong_answers}
    late = ways["rate_set_late"]
    assert building.both(late, ways["rate_of_the_next_step"]) is None  # both set the rate
    assert building.both(late, ways["no_clipping"])._parts.keys() == {"rate_at", "order"}


def test_newest_word_alone_and_a_mask_with_its_own_transpose_are_slips():
    text = "def answer(x, rate):\n    made = [1, 2]\n    return len(x + made)\n"
    words = [slip.words for slip in slips(program(text), {"x": [3], "rate": 0.25})]
    assert "only the newest entry of `made`, or `x` at first" in words
    words = [slip.words for slip in slips(program(text.replace("x +", "")), {"x": [3]})]
    assert "`len(x + made)` in place of `len(made)`" in words
    mask = torch.ones(1, 2, 2, dtype=torch.bool)
    words = [slip.words for slip in slips(program(SOURCE), {"x": mask, "scale": 1.0})]
    assert "`x & x.mT` in place of `x`" in words


def test_gradient_that_is_no_number_is_told_with_its_reason():
    def divided_first(weights):
        largest = torch.nn.functional.one_hot(weights.argmax(dim=-1), weights.size(-1))
        rest = weights * (1 - largest)
        total = rest.sum(dim=-1, keepdim=True)
        return torch.where(total > 0, rest / total, torch.zeros_like(rest))

    message = unwrapped(nb06.without_largest.verdict(divided_first).message)
    assert "the gradient that reaches weights is no number somewhere" in message
    assert "safe before you divide" in message


def test_scores_far_below_zero_and_sums_above_one_are_among_the_cases():
    def underflowing(scores):
        powers = (scores - scores.abs().max()).exp()
        return powers / powers.sum()

    assert nb00.softmax.verdict(underflowing).kind == NOT_YET

    def missing_alone(weights, mask):
        off, on_padding, apart = nb06.check_map.reference(weights, mask)
        return (1 - weights.sum(dim=-1)).amax(dim=-1), on_padding, apart

    message = unwrapped(nb06.check_map.verdict(missing_alone).message)
    assert "`1 - weights.sum(dim=-1)`, with its sign" in message


def test_two_slips_in_whole_numbers_and_in_truths_are_told():
    def said_with_its_end(step, state, start=1, end=2, max_length=50):
        words = []
        while len(words) < max_length:
            scores, state = step(start, state)
            words.append(int(scores.argmax()))
            if words[-1] == end:
                break
        return words

    message = unwrapped(nb02.greedy.verdict(said_with_its_end).message)
    assert "one line earlier; and `start` in place of `token`" in message

    def either(lengths, size):
        places = torch.arange(size)
        return (places < lengths.unsqueeze(1)).unsqueeze(1) | (places < places.unsqueeze(1))

    message = unwrapped(nb10.combine_masks.verdict(either).message)
    assert "`positions < positions.unsqueeze(1)`" in message
    assert "`words.unsqueeze(1) | causal`" in message


def test_outputs_of_a_whole_tell_a_misconception_before_its_gradients_are_made():
    exercise = nb08.AttentionLayer
    case, expected = exercise._inputs[0], exercise._known(exercise.spec, 0)
    ways = {wrong.name: wrong.function for wrong in exercise.wrong_answers}
    got = exercise._run(ways["not_scaled"], case)
    trial = _Trial(0, case, expected, got)
    fresh, other = (building.with_parts(ways[n]) for n in ("not_scaled", "by_width"))  # not called
    assert exercise._begins_alike(fresh, trial)
    assert (fresh, 0) in exercise._outputs
    assert (fresh, 0) not in exercise._memory  # no gradient has been asked for
    assert not exercise._begins_alike(other, trial)
    assert exercise._begins_alike(other, trial._replace(got=Outcome(misstep="no class")))


def test_places_behind_minus_infinity_are_not_compared():
    lost = torch.tensor([[-1.0, -torch.inf]])
    one, other = (Outcome(value=(lost, torch.tensor([[2, n]]))) for n in (0, 7))
    assert comparing.same_slip(one, other)
    assert not comparing.same_slip(one, Outcome(value=(lost, torch.tensor([[3, 0]]))))
    assert not comparing.same_slip(one, Outcome(value=(lost + 1, torch.tensor([[2, 0]]))))
