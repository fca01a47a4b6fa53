"""The formulas of the notebooks against the code beside them, both computed on random numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from helpers.attention import AdditiveScore, attend, scaled_dot
from helpers.decoding import length_penalty
from helpers.exercises import REGISTRY
from helpers.metrics import alignment_error_rate
from helpers.models import AttentionLayer, FeedForward, LayerNorm, sinusoidal_positions
from tests.formulas import compute, equations, formulas

FUNCTIONS = {
    r"\tanh": torch.tanh,
    r"\exp": torch.exp,
    r"\sigma": torch.sigmoid,
    r"\sin": math.sin,
    r"\cos": math.cos,
    r"\min": lambda *numbers: min(numbers),
    r"\max": lambda least, x: x.clamp(min=least),
    r"\sum_j": torch.sum,
    "diag": torch.diag,
    "mean": torch.mean,
    "var": lambda x: x.var(correction=0),
    "softmax": lambda x: torch.softmax(x, dim=-1),
}


def draw(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64)


def reference(name: str) -> Callable[..., Any]:
    return REGISTRY[name].reference


def softmax() -> tuple[dict, dict]:
    e = draw(5)
    return {"e_i": e, "e_j": e}, {r"\mathrm{softmax}(e)_i": reference("nb00.softmax")(e)}


def recurrent_cell() -> tuple[dict, dict]:
    x, h, W_x, W_h, b = draw(3), draw(4), draw(4, 3), draw(4, 4), draw(4)
    cell = torch.nn.RNNCell(3, 4).double()
    _copy(cell, weight_ih=W_x, weight_hh=W_h, bias_ih=b, bias_hh=torch.zeros(4))
    given = {"W_x": W_x, "W_h": W_h, "x_i": x, "h_i-1": h, "b": b}
    return given, {"h_i": cell(x[None], h[None])[0]}


def gated_cell() -> tuple[dict, dict]:
    cell, x, h = torch.nn.GRUCell(3, 4).double(), draw(3), draw(4)
    given: dict[str, Any] = {"x_i": x, "h_i-1": h}
    for letter, name in (
        ("W", "weight_ih"),
        ("U", "weight_hh"),
        ("b", "bias_ih"),
        ("b'", "bias_hh"),
    ):
        for gate, rows in zip("rzn", getattr(cell, name).detach().chunk(3), strict=True):
            given[f"{letter}_{gate}"] = rows
    return given, {"h_i": cell(x[None], h[None])[0]}


def gradient_one_step_back() -> tuple[dict, dict]:
    before, W_h, pull = draw(4).requires_grad_(), draw(4, 4), draw(4)
    after = torch.tanh(W_h @ before + draw(4))
    (slope,) = torch.autograd.grad((after * pull).sum(), before)
    return {"W_h": W_h, "h_i": after.detach(), "g_i": pull}, {"g_{i-1}": slope}


def additive_score() -> tuple[dict, dict]:
    score, q, k = AdditiveScore(6).double(), draw(6), draw(6)
    given = {"v": score.v.detach(), "q": q, "k_i": k}
    return given, {"e_i": score(q[None], k[None])[0, 0]}


def gradient_of_a_score() -> tuple[dict, dict]:
    e, h, g = draw(5).requires_grad_(), draw(5, 3), draw(3)
    a = torch.softmax(e, dim=0)
    c = a @ h
    (slope,) = torch.autograd.grad((c * g).sum(), e)
    given = {"a_t,i": a[2].detach(), "g": g, "h_i": h[2], "c_t": c.detach()}
    return given, {r"\frac{\partial L}{\partial e_{t,i}}": slope[2]}


def alignment() -> tuple[dict, dict]:
    A, S, P = {(0, 0), (1, 2), (3, 3)}, {(0, 0), (3, 3), (4, 1)}, {(0, 0), (3, 3), (4, 1), (1, 2)}
    error = alignment_error_rate([A], [S], [P])
    return {"A": A, "S": S, "P": P}, {r"\text{AER}": torch.tensor(error).double()}


def attention() -> tuple[dict, dict]:
    Q, K, V = draw(3, 4), draw(5, 4), draw(5, 2)
    outputs, weights = reference("nb08.attention_outputs")(Q[None], K[None], V[None])
    return {"Q": Q, "K": K, "V": V, "d_k": 4.0}, {"A": weights[0], "Y": outputs[0]}


def self_attention() -> tuple[dict, dict]:
    X, W_Q, W_K, W_V = draw(5, 3), draw(3, 4), draw(3, 4), draw(3, 2)
    outputs, weights = attend(X @ W_Q, X @ W_K, X @ W_V, score=scaled_dot)
    given = {"X": X, "W_Q": W_Q, "W_K": W_K, "W_V": W_V, "d_k": 4.0}
    return given, {"A": weights, "Y": outputs}


def shuffled_words() -> tuple[dict, dict]:
    layer, X, P = AttentionLayer(4).double(), draw(5, 4), torch.eye(5).double()[torch.randperm(5)]

    def f(states: torch.Tensor) -> torch.Tensor:
        return layer(states[None])[0][0].detach()

    return {"f": f, "P": P, "X": X}, {"f(PX)": f(P @ X)}


def sinusoids() -> tuple[dict, dict]:
    row = sinusoidal_positions(8, 6)[7].double()
    given = {"p": 7.0, "i": 1.0, "d_model": 6.0, "w_i": 10_000 ** (-2 / 6)}
    names = (r"\mathrm{position}(p)_{2i}", r"\mathrm{position}(p)_{2i+1}")
    return given, {names[0]: row[2], names[1]: row[3], "w_i": torch.tensor(given["w_i"]).double()}


def one_head_of_several() -> tuple[dict, dict]:
    X, W = draw(5, 6), draw(4, 6, 6)
    _, weights = reference("nb11.multi_head_attention")(X[None], *W, 3)
    Q, K, V = (X @ matrix[:, 2:4] for matrix in W[:3])  # the second head's columns
    given = {"Q_a": Q, "K_a": K, "V_a": V, "d_k": 2.0}
    return given, {"Y_a": weights[0, 1] @ V}


def layer_norm() -> tuple[dict, dict]:
    layer, x, g, b = LayerNorm(6).double(), draw(6), draw(6), draw(6)
    _copy(layer, gain=g, bias=b)
    return {"x": x, "g": g, "b": b, r"\varepsilon": layer.eps}, {r"\mathrm{LN}(x)": layer(x)}


def feed_forward() -> tuple[dict, dict]:
    layer, x = FeedForward(4, 7).double(), draw(4)
    inner, outer = layer.inner, layer.outer
    given = {"x": x, "W_1": inner.weight.T, "b_1": inner.bias}
    return given | {"W_2": outer.weight.T, "b_2": outer.bias}, {r"\mathrm{MLP}(x)": layer(x)}


def warm_up() -> tuple[dict, dict]:
    rate = reference("nb12.warm_up_rates")(torch.tensor([30.0]).double(), 64, 400)
    given = {"d_model": 64.0, "step": 30.0, "warmup": 400.0}
    return given, {r"\mathrm{rate}": rate[0].double()}


def penalty() -> tuple[dict, dict]:
    given = {"Y": range(9), r"\alpha": 0.6}
    return given, {r"\mathrm{lp}(Y)": torch.tensor(length_penalty(9, 0.6)).double()}


def _copy(module: torch.nn.Module, **values: torch.Tensor) -> None:
    with torch.no_grad():
        for name, value in values.items():
            getattr(module, name).copy_(value)


# The notebook, a piece of the formula by which it is found, and what makes numbers for both sides:
# what the letters stand for, and by the left side of an equation what the code gives.
FORMULAS = [
    ("00", r"\mathrm{softmax}(e)_i", softmax),
    ("01", r"h_i = \tanh", recurrent_cell),
    ("01", "r &=", gated_cell),
    ("01", "g_{i-1}", gradient_one_step_back),
    ("04", r"e_i = v", additive_score),
    ("04", r"\frac{\partial L}{\partial e_{t,i}}", gradient_of_a_score),
    ("06", r"\text{AER}", alignment),
    ("08", "E = ", attention),
    ("09", "Q = X W_Q", self_attention),
    ("09", "f(PX)", shuffled_words),
    ("09", r"\mathrm{position}(p)_{2i}", sinusoids),
    ("11", "Y_a =", one_head_of_several),
    ("12", r"\mathrm{LN}(x)", layer_norm),
    ("12", r"\mathrm{MLP}(x)", feed_forward),
    ("12", r"\mathrm{rate}", warm_up),
    ("13", r"\mathrm{lp}(Y)", penalty),
]


@pytest.mark.parametrize(
    ("number", "piece", "make"), FORMULAS, ids=[f"{n} {make.__name__}" for n, _, make in FORMULAS]
)
@pytest.mark.parametrize("seed", range(3))
def test_a_formula_says_what_the_code_does(number, piece, make, seed):
    torch.manual_seed(seed)
    (formula,) = [text for text in formulas(number) if piece in text]
    given, expected = make()
    names, left = FUNCTIONS | given, dict(expected)
    for name, text in equations(formula):
        if not left:
            break  # what follows is not asked for, such as heads side by side
        value = compute(text, names)
        names.setdefault(re.sub(r"[{}]|\\mathrm", "", name), value)
        if name in left:
            value = torch.as_tensor(value).double()
            torch.testing.assert_close(
                value, left.pop(name).detach().double(), rtol=1e-6, atol=1e-6
            )
    assert not left, f"no equation for {list(left)} in {formula}"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1 - 2 - 3", -4.0),
        (r"-\frac{1 + 2}{4} \cdot 2", -1.5),
        ("2^{-1} + 8/4/2", 1.5),
        (r"10^{-2i/d_{model}}", 0.1),
        (r"\min\big(i,\; i^{2} + 1\big)", 1.0),
        (r"|Y| + |Y \cap Z|", 4.0),
        (r"\sqrt{4 i} (1 + i)", 4.0),
    ],
)
def test_formulas_are_read_as_they_are_meant(text, value):
    names = FUNCTIONS | {"i": 1.0, "d_model": 2.0, "Y": {1, 2, 3}, "Z": {2, 5}}
    assert compute(text, names) == pytest.approx(value)


def test_a_slip_in_a_formula_is_noticed():
    given, expected = layer_norm()
    right = r"g \odot \frac{x - \mathrm{mean}(x)}{\sqrt{\mathrm{var}(x) + \varepsilon}} + b"
    for old, new in (("mean", "var"), ("+ b", "- b"), (r"g \odot", ""), (r"\sqrt", "")):
        value = compute(right.replace(old, new), FUNCTIONS | given)
        assert not torch.allclose(value, expected[r"\mathrm{LN}(x)"])
    assert torch.allclose(compute(right, FUNCTIONS | given), expected[r"\mathrm{LN}(x)"])


@pytest.mark.parametrize("text", ["1 + (2", r"\frac{1}", "unknown", "1 ) 2"])
def test_what_cannot_be_read_is_refused(text):
    with pytest.raises((ValueError, KeyError)):
        compute(text, FUNCTIONS)
