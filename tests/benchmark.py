"""How fast are the course's layers? `python -m tests.benchmark layers`

Speed depends on the machine, so nothing here is a test and nothing in the course claims a number
of seconds: each line is the ratio of two programs that ran in turns in one process.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from helpers.recurrent import AdditiveTranslator, LuongTranslator, Memory

B, S, T, E, H, V = 64, 30, 30, 128, 256, 500


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
        logits = model.decode(target_in, memory)
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
        product.decode(target_in, start, memory)[0].sum().backward()

    def slow() -> None:
        memory = Memory(additive.key(states), states, mask, start)
        additive.decode(target_in, memory).sum().backward()

    what = f"dot-product decoder, all steps at once, B={B} S={S} T={T} H={H}"
    return {"what": what, "against": "the additive loop", **ratio(slow, fast)}


def layers() -> list[dict]:
    """All the ratios of this benchmark."""
    return [additive_decoder(), product_decoder()]


def main(arguments: list[str] | None = None) -> None:
    """Run one benchmark from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmark", description=__doc__)
    parser.add_argument("which", choices=["layers"], help="what to measure")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default 1)")
    parser.add_argument("--json", type=Path, help="also write the numbers to this file")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    rows = layers()
    for row in rows:
        print(
            f"{row['what']}: {row['ratio']:.2f} times as fast as {row['against']} "
            f"({row['least']:.2f} to {row['greatest']:.2f})"
        )
    if options.json:
        options.json.write_text(json.dumps({"layers": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
