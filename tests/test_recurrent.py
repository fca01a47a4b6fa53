"""The recurrent translators: against loop specifications, padding, and what attention looks at."""

from __future__ import annotations

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from helpers.attention import padding_mask
from helpers.authoring.benchmarks.layers import PlainAdditiveDecoder
from helpers.decoding import forced, greedy
from helpers.models.recurrent import (
    CONTEXTS,
    LUONG_SCORES,
    AdditiveTranslator,
    BottleneckTranslator,
    LuongTranslator,
    RecurrentEncoder,
)

B, S, T, V1, V2 = 3, 7, 5, 11, 13
MODELS = {
    "one-way": lambda: BottleneckTranslator(V1, V2, embed=4, hidden=6),
    "bidirectional": lambda: BottleneckTranslator(V1, V2, embed=4, hidden=6, bidirectional=True),
    "additive": lambda: AdditiveTranslator(V1, V2, embed=4, hidden=6, attention=8),
    "dot": lambda: LuongTranslator(V1, V2, embed=4, hidden=6, score="dot"),
    "scaled general": lambda: LuongTranslator(V1, V2, embed=4, hidden=6, score="scaled general"),
}


@pytest.fixture
def batch():
    generator = torch.Generator().manual_seed(0)
    lengths = torch.tensor([4, 7, 2])
    source = torch.randint(3, V1, (B, S), generator=generator)
    source = source.masked_fill(~padding_mask(lengths, S).squeeze(1), 0)
    return source, lengths, torch.randint(3, V2, (B, T), generator=generator)


@pytest.fixture(params=MODELS)
def model(request):
    torch.manual_seed(1)
    return MODELS[request.param]().double()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_encoder_equals_one_sentence_at_a_time(batch, bidirectional):
    source, lengths, _ = batch
    encoder = RecurrentEncoder(V1, 4, 6, bidirectional).double()
    states, summary = encoder(source, lengths)
    assert states.shape == (B, S, encoder.width) and summary.shape == (B, encoder.width)
    for b, length in enumerate(lengths.tolist()):
        alone, last = encoder.gru(encoder.embedding(source[b : b + 1, :length]))
        torch.testing.assert_close(states[b, :length], alone[0])
        torch.testing.assert_close(summary[b], last[:, 0].flatten())
        assert (states[b, length:] == 0).all()
        forward_last = alone[0, -1, :6]
        torch.testing.assert_close(summary[b, :6], forward_last)  # the true last word
        if bidirectional:
            torch.testing.assert_close(summary[b, 6:], alone[0, 0, 6:])  # backward ends at word 1


@pytest.mark.parametrize("bidirectional", [False, True])
def test_encoder_and_its_gradient_equal_those_of_a_packed_sequence(batch, bidirectional):
    source, lengths, _ = batch
    encoder = RecurrentEncoder(V1, 4, 6, bidirectional).double()
    packed = pack_padded_sequence(
        encoder.embedding(source), lengths, batch_first=True, enforce_sorted=False
    )
    states, last = encoder.gru(packed)
    states, _ = pad_packed_sequence(states, batch_first=True, total_length=S)
    expected = states, last.transpose(0, 1).flatten(1)
    slopes = []
    for found, summary in (expected, encoder(source, lengths)):
        torch.testing.assert_close((found, summary), expected)
        loss = found.sin().sum() + summary.cos().sum()
        slopes.append(torch.autograd.grad(loss, list(encoder.parameters())))
    torch.testing.assert_close(slopes[0], slopes[1])


def test_all_steps_at_once_equal_the_step_loop(model, batch):
    source, lengths, target_in = batch
    logits = model(source, lengths, target_in)
    assert logits.shape == (B, T, V2)
    stepped, _ = forced(model, source, lengths, target_in)
    torch.testing.assert_close(logits, stepped)


def test_padding_changes_nothing(model, batch):
    source, lengths, target_in = batch
    logits = model(source, lengths, target_in)
    longer = torch.cat([source, torch.full((B, 4), 5)], dim=1)  # rubbish behind the padding
    torch.testing.assert_close(model(longer, lengths, target_in), logits)
    for b, length in enumerate(lengths.tolist()):
        alone = model(source[b : b + 1, :length], lengths[b : b + 1], target_in[b : b + 1])
        torch.testing.assert_close(alone[0], logits[b])


def test_a_later_target_word_never_changes_an_earlier_step(model, batch):
    source, lengths, target_in = batch
    changed = target_in.clone()
    changed[:, 3] = (changed[:, 3] + 1).clamp(max=V2 - 1)
    before, after = model(source, lengths, target_in), model(source, lengths, changed)
    torch.testing.assert_close(before[:, :3], after[:, :3])
    assert not torch.allclose(before[:, 3:], after[:, 3:])


def loop_additive(model, source, length, target_in):
    """One sentence, one step, one source word at a time, from the formulas."""
    states, _ = model.encoder.gru(model.encoder.embedding(source[None, :length]))
    h = states[0]
    half = h.shape[1] // 2
    state = model.bridge(torch.cat([h[-1, :half], h[0, half:]]))
    logits, maps = [], []
    for previous in target_in:
        e = [
            model.score.v @ torch.tanh(model.query.weight @ state + model.key.weight @ h[i])
            for i in range(length)
        ]
        a = torch.softmax(torch.stack(e), dim=0)
        c = sum(a[i] * h[i] for i in range(length))
        inputs = torch.cat([model.embedding(previous), c])
        state = model.cell(inputs, state)
        logits.append(model.output(torch.cat([state, c])))
        maps.append(a)
    return torch.stack(logits), torch.stack(maps)


def test_additive_translator_equals_the_formulas(batch):
    source, lengths, target_in = batch
    model = MODELS["additive"]().double()
    logits, maps = forced(model, source, lengths, target_in)
    for b, length in enumerate(lengths.tolist()):
        expected, weights = loop_additive(model, source[b], length, target_in[b])
        torch.testing.assert_close(logits[b], expected)
        torch.testing.assert_close(maps[b, :, :length], weights)
        assert (maps[b, :, length:] == 0).all()


@pytest.mark.parametrize("score", LUONG_SCORES)
def test_luong_translator_equals_the_formulas(batch, score):
    source, lengths, target_in = batch
    torch.manual_seed(2)
    model = LuongTranslator(V1, V2, embed=4, hidden=6, score=score).double()
    logits = model(source, lengths, target_in)
    for b, length in enumerate(lengths.tolist()):  # one sentence at a time, without padding
        states, summary = model.encoder(source[b : b + 1, :length], lengths[b : b + 1])
        state = torch.tanh(model.bridge[0](summary))
        for t in range(T):
            _, last = model.gru(model.embedding(target_in[b : b + 1, t : t + 1]), state[None])
            state = last[0]  # s_t, made before the look
            keys = model.key.weight @ states[0].T if score.endswith("general") else states[0].T
            scores = state[0] @ keys / (6**0.5 if score.startswith("scaled") else 1)  # (S,)
            context = torch.softmax(scores, dim=0) @ states[0]
            joined = torch.tanh(model.attentional[0].weight @ torch.cat([context, state[0]]))
            torch.testing.assert_close(logits[b, t], model.output(joined))


@pytest.mark.parametrize(("score", "hidden"), [("cosine", 6), ("dot", 7)])
def test_luong_translator_refuses_unknown_scores_and_odd_sizes(score, hidden):
    with pytest.raises(ValueError, match="expected one of dot, scaled dot, general"):
        LuongTranslator(V1, V2, hidden=hidden, score=score)


def test_perturbing_an_encoder_state_moves_the_weights_and_padding_never_does(batch):
    source, lengths, _ = batch
    model = MODELS["additive"]().double()
    memory = model.encode(source, lengths)
    state, previous = model.start(memory), torch.full((B,), 1)
    _, _, weights = model.step(previous, state, memory)

    def moved(b, i):
        values = memory.values.clone()
        values[b, i] += 1.0
        other = memory._replace(keys=model.key(values), values=values)
        return (model.step(previous, state, other)[2] - weights).abs().max()

    assert moved(0, 1) > 1e-3
    assert moved(0, 4) == 0 and moved(2, 2) == 0  # behind the end of sentences 0 and 2


def test_greedy_feeds_its_own_words_and_stops(model, batch):
    source, lengths, _ = batch
    words, maps = greedy(model, source, lengths, max_length=9)
    assert words.shape[1] <= 9
    target_in = torch.cat([torch.full((B, 1), 1), words[:, :-1]], dim=1)
    logits, weights = forced(model, source, lengths, target_in)
    for b in range(B):
        ids = words[b].tolist()
        end = ids.index(2) + 1 if 2 in ids else len(ids)
        assert logits[b].argmax(-1).tolist()[:end] == ids[:end]
        assert all(i == 0 for i in ids[end:])
    if maps is not None:
        torch.testing.assert_close(maps, weights)


def test_the_benchmarks_plain_loop_gives_the_same_numbers(batch):
    source, lengths, target_in = batch
    model = MODELS["additive"]().double()
    memory = model.encode(source[1:2], lengths[1:2])  # the plain loop knows no padding
    plain = PlainAdditiveDecoder(model).double()(memory.values, memory.start, target_in[1:2])
    torch.testing.assert_close(plain, model.output(model.decode(target_in[1:2], memory)))


@pytest.mark.parametrize("bidirectional", [True, False])
@pytest.mark.parametrize("context", CONTEXTS)
def test_any_context_gives_the_same_at_once_and_step_by_step(context, bidirectional, batch):
    model = LuongTranslator(V1, V2, 4, 6, "scaled dot", bidirectional, context).double()
    source, lengths, target_in = batch
    looped, _ = forced(model, source, lengths, target_in)
    torch.testing.assert_close(looped, model(source, lengths, target_in))


def test_what_each_context_looks_at(batch):
    source, lengths, target_in = batch
    real = torch.arange(source.shape[1]) < lengths[:, None]  # (B, S)
    models = {c: LuongTranslator(V1, V2, 4, 6, context=c) for c in CONTEXTS}
    looks = {c: forced(m, source, lengths, target_in)[1] for c, m in models.items()}
    equal = real / lengths[:, None]
    torch.testing.assert_close(looks["mean"], equal[:, None].expand_as(looks["mean"]))
    assert looks["last state"].shape[-1] == 1 and (looks["last state"] == 1).all()
    memory = models["last state"].encode(source, lengths)
    summary = models["last state"].encoder(source, lengths)[1]
    torch.testing.assert_close(memory.values.squeeze(1), summary)
    # Words as values: what is found at a place does not depend on the other words.
    turned = source.clone()
    turned[0, 1] = source[0, 1] % (V1 - 1) + 1
    one, other = (models["word values"].encode(s, lengths) for s in (source, turned))
    same = torch.arange(source.shape[1]) != 1
    assert torch.equal(one.values[0, same], other.values[0, same])
    assert not torch.allclose(one.keys[0, 0], other.keys[0, 0])
    one, other = (models["word keys"].encode(s, lengths) for s in (source, turned))
    assert torch.equal(one.keys[0, same], other.keys[0, same])
    assert not torch.allclose(one.values[0, 0], other.values[0, 0])


def test_the_twins_have_equal_parameters():
    sizes = {
        sum(p.numel() for p in LuongTranslator(9, 8, 4, 6, context=context).parameters())
        for context in ("attention", "mean", "last state")
    }
    assert len(sizes) == 1


def test_an_unknown_context_is_named():
    with pytest.raises(ValueError, match="context is 'sum'; expected one of attention, word keys"):
        LuongTranslator(9, 8, context="sum")
