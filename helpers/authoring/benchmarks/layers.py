"""How fast are the course's layers, beside plain ones? `python -m helpers benchmark layers`."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

from helpers.attention import causal_mask, padding_mask
from helpers.models.attention_layer import AttentionLayer
from helpers.models.recurrent import AdditiveTranslator, LuongTranslator, Memory

B, S, T, E, H, V = 64, 30, 30, 128, 256, 500
WIDTH, HEADS, TOKENS = 128, 4, 2048  # of the attention layer: TOKENS = B * S at every S


class PlainAdditiveDecoder(nn.Module):
    """The decoder that most tutorials show: everything anew at every step, the keys too."""

    def __init__(self, model: AdditiveTranslator) -> None:
        super().__init__()
        self.query, self.key, self.output = model.query, model.key, model.output
        self.v = model.score.v
        self.embedding = model.embedding
        self.gru = nn.GRU(model.cell.input_size, model.cell.hidden_size, batch_first=True)
        for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            getattr(self.gru, f"{name}_l0").data = getattr(model.cell, name).data

    def forward(self, states: Tensor, start: Tensor, target_in: Tensor) -> Tensor:
        """states (B, S, C), start (B, H), target_in (B, T) -> logits (B, T, V)."""
        state, rows = start.unsqueeze(0), []
        for t in range(target_in.shape[1]):
            embedded = self.embedding(target_in[:, t : t + 1])  # (B, 1, E)
            queries = state.permute(1, 0, 2)
            scores = torch.tanh(self.query(queries) + self.key(states)) @ self.v  # (B, S)
            weights = F.softmax(scores, dim=-1).unsqueeze(1)
            context = torch.bmm(weights, states)  # (B, 1, C)
            out, state = self.gru(torch.cat([embedded, context], dim=-1), state)
            rows.append(self.output(torch.cat([out, context], dim=-1)))
        return torch.cat(rows, dim=1)


def ratio(slow: Callable[[], object], fast: Callable[[], object], rounds: int = 7) -> dict:
    """Run both in turns; return the median of the rounds' ratios, the least and the greatest."""
    ratios = []
    for _ in range(rounds + 1):
        times = []
        for run in (slow, fast):
            began = time.process_time()
            run()
            times.append(time.process_time() - began)
        ratios.append(times[0] / times[1])
    ratios = ratios[1:]  # the first round warms up
    return {"ratio": statistics.median(ratios), "least": min(ratios), "greatest": max(ratios)}


def additive_decoder() -> dict:
    """The additive decoder's loop against the plain one: forward and backward, same numbers."""
    torch.manual_seed(0)
    model = AdditiveTranslator(V, V, embed=E, hidden=H, attention=H)
    plain = PlainAdditiveDecoder(model)
    states = torch.randn(B, S, 2 * H, requires_grad=True)
    start = torch.tanh(torch.randn(B, H))
    target_in = torch.randint(3, V, (B, T))
    mask = torch.ones(B, 1, S, dtype=torch.bool)

    def fast() -> Tensor:
        memory = Memory(model.key(states), states, mask, start)
        logits = model.output(model.decode(target_in, memory))
        logits.sum().backward()
        return logits

    def slow() -> Tensor:
        logits = plain(states, start, target_in)
        logits.sum().backward()
        return logits

    difference = (fast() - slow()).abs().max().item()
    assert difference < 1e-4, f"the two loops disagree by {difference}: the ratio means nothing"
    what = f"additive decoder loop, B={B} S={S} T={T} H={H}"
    return {"what": what, "against": "the plain loop", **ratio(slow, fast)}


def product_decoder() -> dict:
    """Luong's decoder, all steps at once, against the course's additive loop: the same sizes."""
    torch.manual_seed(0)
    additive = AdditiveTranslator(V, V, embed=E, hidden=H, attention=H)
    product = LuongTranslator(V, V, embed=E, hidden=2 * H, score="scaled dot")
    product.gru = nn.GRU(E, H, batch_first=True)  # decoder states of the additive model's size
    product.key = nn.Linear(2 * H, H, bias=False)
    product.attentional = nn.Sequential(nn.Linear(3 * H, H, bias=False), nn.Tanh())
    product.output = nn.Linear(H, V)
    states = torch.randn(B, S, 2 * H, requires_grad=True)
    start = torch.tanh(torch.randn(B, H))
    target_in = torch.randint(3, V, (B, T))
    mask = torch.ones(B, 1, S, dtype=torch.bool)

    def fast() -> None:
        memory = Memory(product.key(states), states, mask, start)
        product.output(product.decode(target_in, start, memory)[0]).sum().backward()

    def slow() -> None:
        memory = Memory(additive.key(states), states, mask, start)
        additive.output(additive.decode(target_in, memory)).sum().backward()

    what = f"dot-product decoder, all steps at once, B={B} S={S} T={T} H={H}"
    return {"what": what, "against": "the additive loop", **ratio(slow, fast)}


class PlainAttention(nn.Module):
    """What `AttentionLayer` is measured against: its projections around PyTorch's function."""

    def __init__(self, layer: AttentionLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """x (B, S, D), mask (B, 1, 1 or S, S) or None -> outputs (B, S, D)."""
        (batch, words, width), heads = x.shape, self.layer.heads
        parts = (self.layer.query, self.layer.key, self.layer.value)
        q, k, v = (
            part(x).view(batch, words, heads, width // heads).transpose(1, 2) for part in parts
        )
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
        return self.layer.output(mixed.transpose(1, 2).reshape(batch, words, width))


def peak_memory(run: Callable[[], object]) -> int:
    """Return the most bytes that PyTorch held at once for tensors made during `run`."""
    run()
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # or the profiler says when it starts and stops
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run()
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        held += event.nbytes()  # negative where memory is given back
        most = max(most, held)
    return most


def attention_programs(words: int, masking: str) -> tuple[dict[str, Callable], dict[str, Callable]]:
    """Return the plain, fused and materialised layer at S = words: forward, and with backward too.

    masking: "none", "causal", "padding" (B, 1, S) or "both" of them, as one mask (B, S, S).
    """
    torch.manual_seed(0)
    layer = AttentionLayer(WIDTH, HEADS)
    plain = PlainAttention(layer)
    x = torch.randn(TOKENS // words, words, WIDTH, requires_grad=True)
    leaves = [x, *layer.parameters()]
    causal, mask = masking == "causal", None
    if masking in ("padding", "both"):
        mask = padding_mask(torch.randint(words // 2, words + 1, (len(x),)), words)
    if masking == "both":
        mask = mask & causal_mask(words)
    four_axes = None if mask is None else mask.unsqueeze(1)
    forward = {
        "plain": lambda: plain(x, four_axes, causal),
        "fused": lambda: layer(x, mask=mask, causal=causal)[0],
        "materialised": lambda: layer(x, mask=mask, causal=causal, need_weights=True)[0],
    }

    def with_backward(run: Callable[[], Tensor]) -> Callable[[], object]:
        return lambda: torch.autograd.grad(run().sum(), leaves)

    return forward, {name: with_backward(run) for name, run in forward.items()}


def attention_layer(words: int, masking: str) -> dict:
    """Fused and materialised against `F.scaled_dot_product_attention`: times and peak bytes."""
    forward, both = attention_programs(words, masking)
    expected = forward["plain"]()
    for name, run in forward.items():
        gap = (run() - expected).abs().max().item()
        assert gap < 1e-4, f"{name} is off by {gap}: the ratio means nothing"
    row = {"words": words, "masking": masking}
    row["memory"] = {name: peak_memory(run) for name, run in both.items()}
    for kind, programs in (("forward", forward), ("both", both)):
        row[kind] = {
            name: ratio(programs[name], programs["plain"], rounds=15)
            for name in ("fused", "materialised")
        }
    return row


def attention_table(rows: list[dict]) -> str:
    """Return the rows of `attention_layer` as lines of text."""
    lines = [
        f"Attention layer, {TOKENS} words in a batch, D={WIDTH}, {HEADS} heads, float32: times "
        "F.scaled_dot_product_attention",
        "with the same projections (median; least to greatest of the rounds), and peak memory",
        f"{'S':>5} {'mask':<8} {'fused: forward':<22} {'forward and backward':<22} {'memory':<8} "
        f"{'materialised: f.':<17} {'f. and b.':<10} memory",
    ]
    for row in rows:
        fused, shown = (
            [row[kind][name] for kind in ("forward", "both")] for name in ("fused", "materialised")
        )
        times = [f"{r['ratio']:.2f} ({r['least']:.2f} to {r['greatest']:.2f})" for r in fused]
        memory = {name: row["memory"][name] / row["memory"]["plain"] for name in row["memory"]}
        lines.append(
            f"{row['words']:>5} {row['masking']:<8} {times[0]:<22} {times[1]:<22} "
            f"{memory['fused']:<8.2f} {shown[0]['ratio']:<17.2f} {shown[1]['ratio']:<10.2f} "
            f"{memory['materialised']:.2f} ({row['memory']['materialised'] / 1e6:.0f} against "
            f"{row['memory']['plain'] / 1e6:.0f} MB)"
        )
    return "\n".join(lines)


def layers() -> dict:
    """Return all the ratios: the decoders' loops, then the attention layer."""
    lengths = [64 * 2**n for n in range(6)]  # 64 ... 2,048
    return {
        "layers": [additive_decoder(), product_decoder()],
        "attention": [
            attention_layer(words, masking)
            for masking in ("none", "causal", "padding", "both")
            for words in lengths
        ],
    }


def report(found: dict) -> str:
    """Return what `layers` found as lines of text."""
    lines = [
        f"{row['what']}: {row['ratio']:.2f} times as fast as {row['against']} "
        f"({row['least']:.2f} to {row['greatest']:.2f})"
        for row in found["layers"]
    ]
    return "\n".join([*lines, attention_table(found["attention"])])
