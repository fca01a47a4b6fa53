"""Laws that hold for all sizes, masks and precisions: `attend`, the layer, decoding, the corpus.

Hypothesis draws the sizes and switches; the numbers come from a seed that it draws too.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from helpers import corpus
from helpers.attention import AdditiveScore, attend, causal_mask, dot, scaled_dot
from helpers.corpus import Pair, Vocabulary, collate, make_batches, read_pairs, tokenize
from helpers.corpus.pairs import format_pair
from helpers.decoding import beam_search, forced, greedy
from helpers.models import (
    AdditiveTranslator,
    AttentionLayer,
    BottleneckTranslator,
    LuongTranslator,
    TransformerTranslator,
    greedy_uncached,
)

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]
# The largest error of a sum of a few weights: some units of the last place.
ROUNDING = {dtype: 8 * torch.finfo(dtype).eps for dtype in DTYPES}
few = settings(max_examples=25, deadline=None, derandomize=True)
sizes = st.integers(1, 6)


class Drawn:
    """Queries, keys, values and a mask of sizes that Hypothesis drew; some rows may be empty."""

    def __init__(self, batch, queries, words, width, seed, empty):
        generator = torch.Generator().manual_seed(seed)

        def normal(*shape):
            return torch.randn(*shape, generator=generator, dtype=torch.float64)

        self.queries, self.keys = normal(batch, queries, width), normal(batch, words, width)
        self.values = normal(batch, words, width + 1)
        self.mask = torch.rand(batch, queries, words, generator=generator) < 0.6
        if not empty:
            self.mask[..., 0] = True
        self.order = torch.randperm(words, generator=generator)
        torch.manual_seed(seed)
        self.additive = AdditiveScore(width).double()

    @property
    def tensors(self):
        return self.queries, self.keys, self.values

    def score(self, kind):
        return {"dot": dot, "scaled": scaled_dot, "additive": self.additive}[kind]


problems = st.builds(
    Drawn, sizes, sizes, sizes, sizes, seed=st.integers(0, 10**6), empty=st.booleans()
)
scores = st.sampled_from(["dot", "scaled", "additive"])


def close(one, other):
    torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-10)


# ---------------------------------------------------------------- attend


@few
@given(
    problem=problems,
    largest=st.sampled_from([0.0, 1.0, 1e2, 1e4]),
    dtype=st.sampled_from(DTYPES),
    is_float=st.booleans(),
)
def test_rows_sum_to_one_where_something_is_allowed_and_masked_is_exactly_zero(
    problem, largest, dtype, is_float
):
    raw = dot(problem.queries, problem.keys)
    queries = problem.queries * largest / raw.abs().max()
    queries, keys, values = (x.to(dtype).requires_grad_() for x in (queries, *problem.tensors[1:]))
    mask = problem.mask
    if is_float:
        mask = torch.zeros(mask.shape, dtype=dtype).masked_fill(~mask, -math.inf)
    context, weights = attend(queries, keys, values, mask)
    sums = problem.mask.any(dim=-1).double()
    torch.testing.assert_close(weights.double().sum(-1), sums, rtol=0, atol=ROUNDING[dtype])
    assert (weights[~problem.mask] == 0).all() and (weights >= 0).all()
    assert (context[sums == 0] == 0).all()
    context.sum().backward()
    for tensor in (context, queries.grad, keys.grad, values.grad):
        assert tensor.isfinite().all()


@few
@given(problem=problems, kind=scores)
def test_the_order_of_keys_moves_weights_and_that_of_queries_moves_rows(problem, kind):
    queries, keys, values = problem.tensors
    order, score, mask = problem.order, problem.score(kind), problem.mask
    context, weights = attend(queries, keys, values, mask, score)
    moved, turned = attend(queries, keys[:, order], values[:, order], mask[..., order], score)
    close(moved, context)
    close(turned, weights[..., order])
    asked = torch.arange(queries.shape[1]).flip(0)
    moved, turned = attend(queries[:, asked], keys, values, mask[:, asked], score)
    close(moved, context[:, asked])
    close(turned, weights[:, asked])


@few
@given(
    problem=problems,
    kind=scores,
    more=st.integers(1, 5),
    filler=st.sampled_from([0.0, 1e4, math.nan, math.inf]),
)
def test_padding_of_any_length_and_content_changes_nothing(problem, kind, more, filler):
    queries, keys, values = problem.tensors
    score = problem.score(kind)
    padded = [torch.nn.functional.pad(x, (0, 0, 0, more), value=filler) for x in (keys, values)]
    mask = torch.nn.functional.pad(problem.mask, (0, more), value=False)
    context, weights = attend(queries, keys, values, problem.mask, score)
    longer, wider = attend(queries, *padded, mask, score)
    close(longer, context)
    close(wider[..., :-more], weights)
    assert (wider[..., -more:] == 0).all()


@few
@given(problem=problems, kind=scores)
def test_a_sentence_does_not_feel_the_rest_of_the_batch(problem, kind):
    score = problem.score(kind)
    context, weights = attend(*problem.tensors, problem.mask, score)
    for b in range(len(context)):
        alone = [x[b : b + 1] for x in (*problem.tensors, problem.mask)]
        own_context, own_weights = attend(*alone, score)
        close(own_context[0], context[b])
        close(own_weights[0], weights[b])


@few
@given(problem=problems, shift=st.floats(-50, 50))
def test_a_number_that_is_added_to_all_scores_of_a_row_changes_no_weight(problem, shift):
    mask = torch.zeros_like(problem.mask, dtype=torch.float64).masked_fill(~problem.mask, -math.inf)
    close(attend(*problem.tensors, mask + shift)[1], attend(*problem.tensors, mask)[1])


@settings(max_examples=8, deadline=None, derandomize=True)
@given(
    problem=st.builds(
        Drawn, *[st.integers(1, 3)] * 4, seed=st.integers(0, 10**6), empty=st.booleans()
    ),
    kind=scores,
)
def test_the_gradient_is_that_of_small_differences(problem, kind):
    given = [x.requires_grad_() for x in problem.tensors]
    score = problem.score(kind)
    assert torch.autograd.gradcheck(lambda *x: attend(*x, problem.mask, score), given)


# ---------------------------------------------------------------- the layer


def layer_and_states(seed, heads, batch, queries, words):
    torch.manual_seed(seed)
    layer = AttentionLayer(2 * heads, heads, memory_width=3).double()
    draws = torch.randn(batch, queries, 2 * heads), torch.randn(batch, words, 3)
    return layer, *(x.double() for x in draws)


@few
@given(
    seed=st.integers(0, 10**6),
    heads=st.integers(1, 3),
    shape=st.tuples(sizes, sizes, sizes),
    more=st.integers(1, 4),
    need_weights=st.booleans(),
)
def test_the_layer_feels_neither_padding_nor_the_rest_of_the_batch(
    seed, heads, shape, more, need_weights
):
    layer, queries, memory = layer_and_states(seed, heads, *shape)
    mask = torch.rand(shape[0], 1, shape[2]) < 0.7
    outputs, _ = layer(queries, memory, mask=mask, need_weights=need_weights)
    padded = torch.nn.functional.pad(memory, (0, 0, 0, more), value=1e4)
    wider = torch.nn.functional.pad(mask, (0, more), value=False)
    close(layer(queries, padded, mask=wider, need_weights=need_weights)[0], outputs)
    alone, _ = layer(queries[-1:], memory[-1:], mask=mask[-1:], need_weights=need_weights)
    close(alone[0], outputs[-1])


@few
@given(seed=st.integers(0, 10**6), heads=st.integers(1, 3), batch=sizes, words=sizes)
def test_keys_and_values_that_were_kept_give_what_is_computed_anew(seed, heads, batch, words):
    torch.manual_seed(seed)
    layer = AttentionLayer(2 * heads, heads).double()
    states = torch.randn(batch, words, 2 * heads).double()
    whole, _ = layer(states, causal=True)
    kept = None
    for t in range(words):
        new = layer.project(states[:, t : t + 1])
        kept = new if kept is None else kept.append(new)
        close(layer.look(states[:, t : t + 1], kept)[0], whole[:, t : t + 1])
    close(layer(states, mask=causal_mask(words))[0], whole)


# ---------------------------------------------------------------- decoding

MODELS = {
    "bottleneck": lambda: BottleneckTranslator(9, 10, 4, 6),
    "additive": lambda: AdditiveTranslator(9, 10, 4, 6, 4),
    "dot product": lambda: LuongTranslator(9, 10, 4, 6),
    "Transformer": lambda: TransformerTranslator(9, 10, 8, 2, 1, 12),
}
sentences = st.lists(st.lists(st.integers(3, 8), min_size=1, max_size=6), min_size=1, max_size=4)


def model_of(name, seed):
    torch.manual_seed(seed)
    model = MODELS[name]().double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)  # bold enough to say different words
    return model


def batch_of(rows, more=0):
    lengths = torch.tensor([len(row) for row in rows])
    source = torch.zeros(len(rows), int(lengths.max()) + more, dtype=torch.long)
    for b, row in enumerate(rows):
        source[b, : len(row)] = torch.tensor(row)
    return source, lengths


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(rows=sentences, seed=st.integers(0, 10**6), more=st.integers(0, 3))
def test_a_translation_feels_neither_padding_nor_the_rest_of_the_batch(name, rows, seed, more):
    model = model_of(name, seed)
    words, weights = greedy(model, *batch_of(rows, more), max_length=7)
    for b, row in enumerate(rows):
        alone, own = greedy(model, *batch_of([row]), max_length=7)
        size = alone.shape[1]
        assert torch.equal(alone[0], words[b, :size]) and (words[b, size:] == Vocabulary.pad).all()
        if weights is not None:
            close(weights[b, :size, : len(row)], own[0])
            assert (weights[b, :, len(row) :] == 0).all()


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=8, deadline=None, derandomize=True)
@given(rows=sentences, seed=st.integers(0, 10**6), width=st.integers(1, 4))
def test_steps_are_the_whole_and_the_best_hypothesis_stands_first(name, rows, seed, width):
    model = model_of(name, seed)
    source, lengths = batch_of(rows)
    target = torch.randint(3, 10, (len(rows), 5))
    with torch.no_grad():
        close(forced(model, source, lengths, target)[0], model(source, lengths, target))
    best = beam_search(model, source, lengths, width, alpha=0.0, max_length=6)
    assert (best.scores.diff(dim=1) <= 0).all()


@settings(max_examples=12, deadline=None, derandomize=True)
@given(rows=sentences, seed=st.integers(0, 10**6))
def test_a_transformer_that_keeps_keys_and_values_says_the_same(rows, seed):
    model = model_of("Transformer", seed)
    source, lengths = batch_of(rows)
    kept, _ = greedy(model, source, lengths, max_length=8)
    assert torch.equal(kept, greedy_uncached(model, source, lengths, max_length=8))


# ---------------------------------------------------------------- the corpus

token = st.text("abcdefgœéç'-", min_size=1, max_size=6)
side = st.lists(token, min_size=1, max_size=8).map(tuple)


@st.composite
def pairs(draw):
    source, target = draw(side), draw(side)
    places = st.tuples(st.integers(0, len(source) - 1), st.integers(0, len(target) - 1))
    possible = draw(st.frozensets(places, max_size=6))
    sure = frozenset(link for link in possible if draw(st.booleans()))
    tags = draw(st.lists(st.sampled_from(["plural", "ne-pas", "elision"]), max_size=3).map(tuple))
    return Pair(source, target, sure, possible, tags)


@few
@given(written=st.lists(pairs(), min_size=1, max_size=5))
def test_what_is_written_is_read(written):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "pairs.tsv")
        text = "".join(f"{format_pair(pair)}\n" for pair in written)
        path.write_text(text, encoding="utf-8", newline="\n")
        assert read_pairs(path) == written


@few
@given(written=st.lists(pairs(), min_size=1, max_size=9), size=st.integers(1, 4))
def test_numbers_and_words_go_both_ways_and_a_round_holds_each_pair_once(written, size):
    english = Vocabulary.build(pair.source for pair in written)
    french = Vocabulary.build(pair.target for pair in written)
    for pair in written:
        assert french.decode(french.encode(pair.target)) == list(pair.target)
    batch = collate(written, english, french)
    for b, pair in enumerate(written):
        assert english.decode(batch.source[b]) == list(pair.source)
        assert french.decode(batch.target_out[b]) == list(pair.target)
        assert batch.lengths[b] == len(pair.source)
    generator = torch.Generator().manual_seed(size)
    seen = [
        (tuple(english.decode(source)), tuple(french.decode(target)))
        for batch in make_batches(written, size, generator, english, french)
        for source, target in zip(batch.source, batch.target_out, strict=True)
    ]
    assert sorted(seen) == sorted((pair.source, pair.target) for pair in written)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(text=st.text("abct l'’.?!- éœ,\"É", max_size=30))
def test_a_sentence_that_is_split_once_stays_as_it_is(text):
    try:
        once = tokenize(text)
    except corpus.EmptySentenceError:
        return
    assert tokenize(" ".join(once)) == once
    assert once[-1] in (".", "?") and all(word and " " not in word for word in once)
