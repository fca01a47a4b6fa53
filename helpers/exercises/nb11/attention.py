"""Exercises of notebook 11, second part: the layer with heads, one of them silenced, their cost."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb11 import answers
from helpers.exercises.nb11.heads import SHAPES


def _layer_cases(dice: Dice) -> list[tuple]:
    def case(b: int, t: int, a: int, p: int) -> tuple:
        width = a * p
        return dice.normal(b, t, width), *(dice.normal(width, width) / 2 for _ in range(4)), a

    return [*(case(*shape) for shape in SHAPES), _loud(dice, 2, 5, 3, 4)]


def _loud(dice: Dice, b: int, t: int, a: int, p: int) -> tuple:
    """Scores in the thousands. Whole numbers, so that they are exact in any order of adding."""
    width = a * p
    weights = (dice.integers(-1, 2, width, width).float() for _ in range(2))
    others = (dice.normal(width, width) / 4 for _ in range(2))
    return 10.0 * dice.integers(-5, 6, b, t, width), *weights, *others, a


def _split(x: torch.Tensor, heads: int) -> torch.Tensor:
    return answers.split_heads(x, heads)


def _reshaped(x: torch.Tensor, heads: int) -> torch.Tensor:
    return x.reshape(x.size(0), heads, x.size(1), -1)


def _layer(x, w_q, w_k, w_v, w_o, heads, split=_split, divisor=None, dim=-1, merge=None) -> tuple:
    """The layer with one thing changed; divisor: of the scores, given D and d_k."""
    q, k, v = (split(x @ weight, heads) for weight in (w_q, w_k, w_v))
    by = q.size(-1) ** 0.5 if divisor is None else divisor(x.size(-1), q.size(-1))
    weights = torch.softmax(q @ k.mT / by, dim=dim)
    merged = (merge or answers.merge_heads)(weights @ v)
    return merged @ w_o, weights


def _changed(**change: object) -> object:
    return lambda *given: _layer(*given, **change)


def _one_map(x, w_q, w_k, w_v, w_o, heads) -> tuple:
    weights = torch.softmax(x @ w_q @ (x @ w_k).mT / x.size(-1) ** 0.5, dim=-1)
    return weights @ (x @ w_v) @ w_o, weights.unsqueeze(1).expand(-1, heads, -1, -1).clone()


def _output_forgotten(x, w_q, w_k, w_v, w_o, heads) -> tuple:
    return _layer(x, w_q, w_k, w_v, torch.eye(x.size(-1)), heads)


def _mean_map(*given) -> tuple:
    outputs, weights = answers.multi_head_attention(*given)
    return outputs, weights.mean(dim=1)


def _first_map_for_all(x, w_q, w_k, w_v, w_o, heads) -> tuple:
    _, weights = answers.multi_head_attention(x, w_q, w_k, w_v, w_o, heads)
    weights = weights[:, :1].expand_as(weights)
    return answers.merge_heads(weights @ _split(x @ w_v, heads)) @ w_o, weights.clone()


def _split_first(x, w_q, w_k, w_v, w_o, heads) -> tuple:
    size = x.size(-1) // heads
    parts = _split(x, heads)
    q, k, v = (parts @ weight[:size, :size] for weight in (w_q, w_k, w_v))
    weights = torch.softmax(q @ k.mT / size**0.5, dim=-1)
    return answers.merge_heads(weights @ v) @ w_o, weights


def _woven(x: torch.Tensor, heads: int) -> torch.Tensor:
    return x.unflatten(-1, (-1, heads)).permute(0, 3, 1, 2)


multi_head_attention = Exercise(
    name="nb11.multi_head_attention",
    title="Several look-ups side by side",
    difficulty=4,
    minutes=15,
    core=False,
    reference=answers.multi_head_attention,
    spec=answers.multi_head_attention_spec,
    cases=_layer_cases,
    sizes=lambda states, w_q, w_k, w_v, w_o, heads: {
        **dict(zip("BTD", states.shape, strict=True)),
        "heads": heads,
        "d_k": states.size(-1) // heads,
    },
    returns={"outputs": "B T D", "weights": "B heads T T"},
    gradients=("states", "query_weight", "key_weight", "value_weight", "output_weight"),
    shapes_hint="With queries, keys and values split into (B, heads, T, d_k), @ works on the "
    "last two axes and keeps sentences and heads apart.",
    training_case=lambda: (
        torch.randn(32, 24, 64),
        *(torch.randn(64, 64) / 8 for _ in range(4)),
        8,
    ),
    wrong_answers=(
        Wrong(
            "first_map_for_all",
            _first_map_for_all,
            "All heads use the weights of head 1, so they blend alike and one head would do. Each "
            "head has queries and keys of its own, and so a map of its own.",
        ),
        Wrong(
            "reshaped_at_once",
            _changed(
                split=_reshaped, merge=lambda mixed: mixed.reshape(len(mixed), mixed.size(2), -1)
            ),
            "A head gets pieces of several words: one reshape made (B, heads, T, d_k) of the "
            "states, and one reshape led back. No error tells you. Cut the last axis, then swap.",
        ),
        Wrong(
            "split_at_once",
            _changed(split=_reshaped),
            "The heads were merged right but split wrong: one reshape gives a head pieces of "
            "several words. Cut the last axis, (B, T, heads, d_k), then transpose.",
        ),
        Wrong(
            "merged_at_once",
            _changed(merge=lambda mixed: mixed.reshape(len(mixed), mixed.size(2), -1)),
            "The maps are right, but the heads are put together in the wrong order: a row of the "
            "result mixes several words. Move the heads behind the words before you reshape.",
        ),
        Wrong(
            "by_whole_width",
            _changed(divisor=lambda width, size: width**0.5),
            "The scores are divided by sqrt(D). Each head's score sums over its own d_k numbers "
            "only: divide by sqrt(d_k).",
        ),
        Wrong(
            "not_scaled",
            _changed(divisor=lambda width, size: 1.0),
            "The scores are not divided by sqrt(d_k).",
        ),
        Wrong(
            "over_heads",
            _changed(dim=1),
            "The softmax runs over the heads, so that they compete for each word. Each head shares "
            "out its own attention among the words: the last axis.",
        ),
        Wrong(
            "over_queries",
            _changed(dim=2),
            "The softmax runs down the columns, over the words that ask. Each row must sum to 1: "
            "the last axis.",
        ),
        Wrong(
            "one_map_for_all",
            _one_map,
            "There is one look-up, over all D numbers, and every head shows the same map. Cut "
            "queries, keys and values first: each head then scores by its own numbers.",
        ),
        Wrong(
            "output_forgotten",
            _output_forgotten,
            "W_O has no part in it. Without it the heads' results only lie side by side, and none "
            "can reach another's numbers.",
        ),
        Wrong(
            "mean_map",
            _mean_map,
            "The outputs are right, but of the heads' maps only the mean is returned: (B, T, T). "
            "Each head has a map of its own, (B, heads, T, T).",
        ),
        Wrong(
            "cut_before_projecting",
            _split_first,
            "The states were cut before the projections, so a head reads only d_k numbers of a "
            "word. Project the whole vector first, then cut: each head reads all of it.",
        ),
        Wrong(
            "half_power",
            _changed(divisor=lambda width, size: 2 * size),
            "`/ d_k ** 1/2` is no root: Python takes the power first, so it divides by d_k and "
            "then by 2. Write d_k ** 0.5.",
            also=(_changed(divisor=lambda width, size: size / 2),),
        ),
        Wrong(
            "by_size",
            _changed(divisor=lambda width, size: size),
            "The scores are divided by d_k where it should be its root.",
        ),
        Wrong(
            "by_heads",
            lambda *given: _layer(*given, divisor=lambda width, size: given[-1] ** 0.5),
            "The scores are divided by the root of the number of heads. A score sums over the d_k "
            "numbers of a head: divide by sqrt(d_k).",
        ),
        Wrong(
            "roles_swapped",
            lambda x, w_q, w_k, *rest: _layer(x, w_k, w_q, *rest),
            "W_Q makes the keys and W_K the queries. How much word t wants word i is not how much "
            "i wants t.",
        ),
        Wrong(
            "keys_blended",
            lambda x, w_q, w_k, w_v, w_o, heads: _layer(x, w_q, w_k, w_k, w_o, heads),
            "The keys are blended. What a word hands on are the values, X W_V.",
        ),
        Wrong(
            "raw_values",
            lambda x, w_q, w_k, w_v, w_o, heads: _layer(
                x, w_q, w_k, torch.eye(x.size(-1)), w_o, heads
            ),
            "The states are blended as they are. What a word hands on are the values, X W_V.",
        ),
        Wrong(
            "output_turned",
            lambda x, w_q, w_k, w_v, w_o, heads: _layer(x, w_q, w_k, w_v, w_o.T, heads),
            "W_O is transposed. It is square, so no error tells you; words are rows here, so the "
            "product is mixed @ W_O, as with the other three.",
        ),
        Wrong(
            "heads_woven",
            _changed(split=_woven, merge=lambda mixed: mixed.permute(0, 2, 3, 1).flatten(2)),
            "A head's numbers are far apart in the vector, and the heads are woven together again. "
            "The numbers of a head lie side by side: the first d_k, the next d_k, and so on.",
            also=(
                _changed(split=_woven),
                _changed(merge=lambda mixed: mixed.permute(0, 2, 3, 1).flatten(2)),
            ),
        ),
        Wrong(
            "heads_added",
            lambda *given: _layer(
                *given, merge=lambda mixed: mixed.sum(dim=1).repeat(1, 1, given[-1])
            ),
            "The heads are added up before W_O. They lie side by side, so that W_O can read each "
            "for itself.",
        ),
        Wrong(
            "other_order",
            lambda *given: answers.multi_head_attention(*given)[::-1],
            "The two results are there, in the other order: first the outputs, then the weights.",
        ),
    ),
    hints=(
        "For one head this is self_attention of notebook 09. If queries, keys and values have an "
        "axis more, (B, heads, T, d_k), which lines change?",
        "Q, K, V = states times each matrix, split into heads     (B, heads, T, d_k)\n"
        "weights = softmax of Q K^T over the root of d_k         (B, heads, T, T)\n"
        "weights times V, the heads merged, times W_O            (B, T, D)",
        "cut = (*states.shape[:2], heads, states.size(-1) // heads)\n"
        "queries = (states @ query_weight).view(cut).transpose(1, 2), and so on\n"
        "(weights @ values).transpose(1, 2).flatten(2) @ ...",
    ),
    why="to @ and softmax the heads are one more batch axis: small look-ups at the cost of one "
    "large one. W_O then mixes what they found.",
)


def _silent_cases(dice: Dice) -> list[tuple]:
    return [
        (dice.normal(b, a, t, p), dice.normal(a * p, a * p) / 2, head)
        for (b, t, a, p), head in zip(SHAPES, (2, 3, 1, 3, 2, 5), strict=True)
    ]


def _through(mixed: torch.Tensor, output_weight: torch.Tensor) -> torch.Tensor:
    return answers.merge_heads(mixed) @ output_weight


def _only(mixed: torch.Tensor, output_weight: torch.Tensor, head: int) -> torch.Tensor:
    others = answers.without_head(mixed, output_weight, head)
    return _through(mixed, output_weight) - others


def _own(mixed: torch.Tensor, head: int) -> slice:
    return slice((head - 1) * mixed.size(-1), head * mixed.size(-1))


def _outputs_zeroed(mixed: torch.Tensor, output_weight: torch.Tensor, head: int) -> torch.Tensor:
    outputs = _through(mixed, output_weight)
    outputs[..., _own(mixed, head)] = 0.0
    return outputs


def _every_other(mixed: torch.Tensor, output_weight: torch.Tensor, head: int) -> torch.Tensor:
    rows = torch.arange(len(output_weight)) % mixed.size(1) == head - 1
    return _through(mixed, output_weight.masked_fill(rows.unsqueeze(1), 0.0))


def _in_place(mixed: torch.Tensor, output_weight: torch.Tensor, head: int) -> torch.Tensor:
    right = answers.without_head(mixed, output_weight, head)
    with torch.no_grad():
        mixed[:, head - 1] = 0.0
    return right


def _mean_instead(mixed: torch.Tensor, output_weight: torch.Tensor, head: int) -> torch.Tensor:
    silenced = mixed.clone()
    silenced[:, head - 1] = mixed.mean(dim=1)
    return _through(silenced, output_weight)


without_head = Exercise(
    name="nb11.without_head",
    title="What is missing if one head is silent?",
    difficulty=3,
    minutes=10,
    core=False,
    reference=answers.without_head,
    spec=answers.without_head_spec,
    cases=_silent_cases,
    sizes=lambda mixed, output_weight, head: {
        "B": mixed.size(0),
        "T": mixed.size(2),
        "heads": mixed.size(1),
        "d_k": mixed.size(3),
        "D": output_weight.size(0),
    },
    returns={"outputs": "B T D"},
    shapes_hint="mixed is (B, heads, T, d_k): the heads are the second axis. Merged it is "
    "(B, T, D), which W_O can take.",
    training_case=lambda: (torch.randn(32, 8, 24, 16), torch.randn(128, 128) / 11, 3),
    wrong_answers=(
        Wrong(
            "nobody_silent",
            lambda mixed, output_weight, head: _through(mixed, output_weight),
            "All heads still speak.",
        ),
        Wrong(
            "only_this_one",
            _only,
            "Every head is silent but this one. Asked for is the contrary: the layer without it.",
        ),
        Wrong(
            "outputs_zeroed",
            _outputs_zeroed,
            "d_k columns of the result were set to 0. Behind W_O no column belongs to a head any "
            "more: each is a mixture of all. Silence the head before W_O.",
        ),
        Wrong(
            "others_louder",
            lambda mixed, output_weight, head: (
                answers.without_head(mixed, output_weight, head)
                * (mixed.size(1) / (mixed.size(1) - 1))
            ),
            "The other heads were made louder, to make up for it. Then two things change at once, "
            "and a difference says nothing about this head alone.",
        ),
        Wrong(
            "counted_from_zero",
            lambda mixed, output_weight, head: answers.without_head(
                mixed, output_weight, head % mixed.size(1) + 1
            ),
            "Another head is silent, the one behind. Heads are counted from 1.",
        ),
        Wrong(
            "every_other_number",
            _every_other,
            "The silent numbers lie far apart: one or more of each head. A head's numbers lie side "
            "by side in the merged row: the first d_k are those of head 1.",
        ),
        Wrong(
            "mean_instead",
            _mean_instead,
            "The head's result was replaced by the mean of all heads. That is another experiment; "
            "here it contributes nothing, zeros.",
        ),
        Wrong(
            "in_place",
            _in_place,
            "The outputs are right, but mixed was changed: the next head would be silenced in a "
            "layer that lacks this one already. Work on a copy.",
        ),
    ),
    hints=(
        "At which point of the layer can you still tell which numbers came from which head?",
        "silenced = mixed, with zeros for this head, as a new tensor\n"
        "merge the heads as in merge_heads, then W_O",
        "heads = torch.arange(1, mixed.size(1) + 1)\nsilenced = mixed * (heads != head).view(...)\n"
        "silenced.transpose(1, 2).flatten(2) @ ...",
    ),
    why="the layer's output is a sum over the heads, each through its own rows of W_O. Zeros in "
    "place of one head leave the sum of the others, so the difference is what it said.",
)


def _count_cases(dice: Dice) -> list[tuple]:
    heads = dice.random.choice([2, 4, 8])
    return [
        (2, 1, 3),
        (6, 2, 5),
        (12, 3, 4),
        (64, 8, 20),
        (heads * dice.random.randint(9, 16), heads, dice.random.randint(150, 200)),
    ]


def _counted(parameters, weights) -> object:
    return lambda width, heads, length: (
        parameters(width, heads, length),
        weights(width, heads, length),
    )


def _right_parameters(width: int, heads: int, length: int) -> int:
    return 4 * width * width


def _right_weights(width: int, heads: int, length: int) -> int:
    return heads * length * length


head_parameters = Exercise(
    name="nb11.head_parameters",
    title="What do more heads cost?",
    difficulty=1,
    minutes=5,
    core=False,
    reference=answers.head_parameters,
    spec=answers.head_parameters_spec,
    cases=_count_cases,
    sizes=lambda width, heads, length: {"D": width, "heads": heads, "T": length},
    returns={"parameters": "", "weights": ""},
    training_case=lambda: (512, 8, 100),
    wrong_answers=(
        Wrong(
            "times_heads",
            _counted(lambda width, heads, _: 4 * heads * width * width, _right_weights),
            "Each head is given matrices of D by D. A head has only D / heads columns of each: all "
            "heads together share what one would have alone.",
        ),
        Wrong(
            "one_head_only",
            _counted(lambda width, heads, _: 4 * width * (width // heads), _right_weights),
            "These are the parameters of one head. All heads have as many each.",
        ),
        Wrong(
            "output_forgotten",
            _counted(lambda width, heads, _: 3 * width * width, _right_weights),
            "W_O is missing: there are four matrices.",
        ),
        Wrong(
            "with_biases",
            _counted(lambda width, heads, _: 4 * width * (width + 1), _right_weights),
            "There are biases in it: D for each matrix. This layer has none.",
        ),
        Wrong(
            "weights_are_parameters",
            _counted(
                lambda width, heads, length: 4 * width * width + heads * length * length,
                _right_weights,
            ),
            "The attention weights are counted as parameters. They are computed from each sentence "
            "anew and forgotten again: activations. What is learnt are the four matrices.",
        ),
        Wrong(
            "one_map",
            _counted(_right_parameters, lambda width, heads, length: length * length),
            "One map is counted. Every head has its own, T by T: here is what more heads do cost.",
        ),
        Wrong(
            "one_row",
            _counted(_right_parameters, lambda width, heads, length: heads * length),
            "One row is counted in each map. All T words of the sentence ask.",
        ),
    ),
    hints=(
        "Of the D columns of W_Q, how many does one head use? How many do all heads use together?",
        "parameters = four matrices of D by D\nweights = for each head, a map of T by T",
        "return 4 * ..., heads * ...",
    ),
    why="the heads share out the columns of the same matrices, so their number changes no shape of "
    "any parameter. It changes how many maps are computed, and those are activations.",
)
