"""Diagrams of recurrent layers: a cell, a network unrolled, the way back through time, gates.

Shapes: inputs numbers of x_i, hidden numbers of a state.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from helpers.figures.diagrams.spec import Arrow, Box, Diagram, Numbers, Stage, arrows


def rnn_cell() -> Diagram:
    """One step of a recurrent network (Elman 1990). Tensors: `trace_rnn_cell`."""
    boxes = (
        Box("x", "$x_i$", "source", (1, 0), "inputs", "", "The word that is read now."),
        Box("before", "$h_{i-1}$", "source", (-0.4, 1), "hidden", "", "What was kept so far."),
        Box("Wx", "$W_x x_i$", "score", (1, 1), "hidden", "$W_x x_i$", "What the word says."),
        Box(
            "Wh",
            "$W_h h_{i-1}$",
            "score",
            (0.25, 1.9),
            "hidden",
            "$W_h h_{i-1}$",
            "What the state says.",
            0.95,
        ),
        Box(
            "sum",
            "sum $+ b$",
            "score",
            (1, 2.8),
            "hidden",
            "$W_x x_i + W_h h_{i-1} + b$",
            wide=0.95,
        ),
        Box(
            "h",
            "$h_i$",
            "source",
            (2.3, 2.8),
            "hidden",
            r"$h_i = \tanh(W_x x_i + W_h h_{i-1} + b)$",
            "The new state. Tanh keeps each number between -1 and 1.",
        ),
    )
    stages = (
        Stage("The word $x_i$ is multiplied by the matrix $W_x$.", ("x", "Wx")),
        Stage("The state before, $h_{i-1}$, is multiplied by the matrix $W_h$.", ("before", "Wh")),
        Stage("Both products and a bias $b$ are added.", ("Wx", "Wh", "sum")),
        Stage("Tanh makes the new state $h_i$. The next step uses it.", ("sum", "h")),
    )
    ways = (*arrows("x > Wx > sum", "before > Wh > sum"), Arrow("sum", "h", "tanh"))
    alt = (
        "One cell of a recurrent network. The input and the state before are each multiplied by a "
        "matrix. The products and a bias are added, and tanh makes the new state."
    )
    return Diagram("One step of a recurrent network", boxes, ways, stages, alt)


def trace_rnn_cell(
    x: Tensor, before: Tensor, w_x: Tensor, w_h: Tensor, bias: Tensor
) -> dict[str, Tensor]:
    """x (inputs,), h_{i-1} (hidden,), W_x, W_h and b -> every tensor of `rnn_cell`."""
    first, second = w_x @ x, w_h @ before
    total = first + second + bias
    return {"x": x, "before": before, "Wx": first, "Wh": second, "sum": total, "h": total.tanh()}


def unrolled_network(
    title: str,
    inputs: Mapping[int, str],
    outputs: Mapping[int, str],
    steps: int,
    state: str = "h",
    weights: bool = False,
) -> Diagram:
    """A recurrent network, one column a step: inputs below, outputs above.

    inputs, outputs: step, from 1 -> label; a step without one has none. weights: write W_x and W_h
    beside their arrows, since they are the same at every step. Tensors: `trace_unrolled`.
    """
    columns = range(1, steps + 1)
    role = "source" if state == "h" else "decoder"
    apart = 1.3 if weights else 1.0
    boxes = [Box(f"{state}0", f"${state}_0$", role, (0, 1), "hidden", about="Zeros at first.")]
    stages, ways = [], []
    for t in columns:
        lit = [f"{state}{t - 1}", f"{state}{t}"]
        boxes.append(
            Box(
                f"{state}{t}",
                f"${state}_{{{t}}}$",
                role,
                (apart * t, 1),
                "hidden",
                f"${state}_i = f(x_i, {state}_{{i-1}})$",
                f"The state after step {t}. The same function and weights make every state.",
            )
        )
        ways.append(Arrow(f"{state}{t - 1}", f"{state}{t}", "$W_h$" if weights else ""))
        if t in inputs:
            boxes.append(Box(f"x{t}", inputs[t], "source", (apart * t, 0), "inputs"))
            ways.append(Arrow(f"x{t}", f"{state}{t}", "$W_x$" if weights else ""))
            lit.append(f"x{t}")
        if t in outputs:
            boxes.append(Box(f"y{t}", outputs[t], "output", (apart * t, 2), "outputs"))
            ways.append(Arrow(f"{state}{t}", f"y{t}"))
            lit.append(f"y{t}")
        stages.append(Stage(f"Step {t}: the same weights, the state of step {t - 1}.", tuple(lit)))
    alt = (
        f"{title}. A recurrent network of {steps} steps from left to right, each state made from "
        f"the state before. {len(inputs)} steps have an input and {len(outputs)} an output."
    )
    alike = frozenset(box.name for box in boxes if box.name[0] in (state, "x"))
    return Diagram(title, tuple(boxes), tuple(ways), tuple(stages), alt, alike=alike)


def trace_unrolled(diagram: Diagram, cell: nn.RNNCell, output: nn.Linear) -> dict[str, Tensor]:
    """Return every tensor of an `unrolled_network` in a small network with random inputs."""
    names = {box.name for box in diagram.boxes}
    state = next(name[0] for name in names if name.endswith("0"))
    options = {"dtype": cell.weight_hh.dtype}
    parts = {f"{state}0": torch.zeros(cell.hidden_size, requires_grad=True, **options)}
    t = 1
    while f"{state}{t}" in names:
        given = torch.zeros(cell.input_size, **options)
        if f"x{t}" in names:
            given = parts[f"x{t}"] = torch.randn(cell.input_size, requires_grad=True, **options)
        parts[f"{state}{t}"] = cell(given[None], parts[f"{state}{t - 1}"][None])[0]
        if f"y{t}" in names:
            parts[f"y{t}"] = output(parts[f"{state}{t}"])
        t += 1
    return parts


def back_through_time(steps: int) -> Diagram:
    """The gradient of a loss on the last state, on its way back through an RNN.

    Tensors: `trace_back_through_time`. Below, the states as they were computed; above, the
    gradients, made from right to left; between them the slopes of tanh that they are multiplied by.
    """
    columns = range(steps, -1, -1)
    boxes, ways, stages = [], [], []
    for t in columns:
        boxes += [
            Box(f"h{t}", f"$h_{{{t}}}$", "source", (1.75 * t, 0), "hidden", about=f"State {t}."),
            Box(
                f"g{t}",
                f"$g_{{{t}}}$",
                "score",
                (1.75 * t, 2.1),
                "hidden",
                r"$g_i = \partial L / \partial h_i$",
                f"How strongly the loss depends on each number of state {t}.",
            ),
        ]
    ways += [Arrow(f"h{t - 1}", f"h{t}") for t in range(1, steps + 1)]
    loss = (1.75 * steps + 1.2, 1.05)
    boxes.append(Box("loss", "$L$", "output", loss, "", "", "Computed from the last state."))
    ways += [Arrow(f"h{steps}", "loss"), Arrow(f"h{steps}", f"g{steps}")]
    # Dashed, because a derivative is taken of L, and is not computed from the value of L.
    ways.append(Arrow("loss", f"g{steps}", choice=True))
    stages.append(
        Stage(
            f"The way back begins at the loss (dashed): $g_{{{steps}}}$ is the derivative of $L$ "
            "by the last state.",
            (f"h{steps}", "loss", f"g{steps}"),
        )
    )
    for t in range(steps, 0, -1):
        boxes.append(
            Box(
                f"d{t}",
                f"$1 - h_{{{t}}}^2$",
                "score",
                (1.75 * t - 0.875, 1.05),
                "hidden",
                f"$1 - h_{{{t}}}^2$",
                f"The slope of tanh in step {t}, one for each number of the state.",
                wide=0.95,
            )
        )
        ways.append(Arrow(f"g{t}", f"g{t - 1}", r"$W_h^\top$" if steps <= 4 else ""))
        ways += arrows(f"h{t} > d{t} > g{t - 1}")
        stages.append(
            Stage(
                f"One step back: each number of $g_{{{t}}}$ is multiplied by its slope "
                f"$1 - h_{{{t}}}^2$, and $W_h^T$ makes $g_{{{t - 1}}}$ of the products.",
                (f"g{t}", f"h{t}", f"d{t}", f"g{t - 1}"),
            )
        )
    alt = (
        f"Back-propagation through {steps} steps. Below, the states from left to right and the "
        "loss at the end. Above, the gradients from right to left: each is made from the one after "
        "it, from the slopes of tanh in that step, which stand between, and by the matrix W_h."
    )
    # One scale for all, so that a slope of 0.4 is paler than one of 0.9, and a small gradient too.
    alike = frozenset(box.name for box in boxes if box.shape)
    parts = tuple(boxes), tuple(ways), tuple(stages)
    return Diagram("Back through time", *parts, alt, alike=alike)


def trace_back_through_time(
    inputs: Sequence[Tensor], w_x: Tensor, w_h: Tensor, direction: Tensor
) -> dict[str, Tensor]:
    """Return every tensor of `back_through_time` for the loss L = direction . h_T^2 / 2.

    inputs: x_1 ... x_T, each (inputs,). W_x (hidden, inputs), W_h (hidden, hidden), direction
    (hidden,). The gradients are written out as products, so that they are part of one graph.
    """
    state = torch.zeros(len(w_h), dtype=w_h.dtype, requires_grad=True)
    states = [state]
    for x in inputs:
        states.append(torch.tanh(w_x @ x + w_h @ states[-1]))
    last = states[-1]
    parts = {f"h{t}": h for t, h in enumerate(states)}
    parts["loss"] = (direction * last**2).sum() / 2
    gradient = direction * last
    parts[f"g{len(inputs)}"] = gradient
    for t in range(len(inputs), 0, -1):
        parts[f"d{t}"] = slope = 1 - states[t] ** 2
        gradient = w_h.T @ (gradient * slope)
        parts[f"g{t - 1}"] = gradient
    return parts


def gru_cell() -> Diagram:
    """One step of a GRU as PyTorch computes it (Cho et al. 2014). Tensors: `trace_gru_cell`."""
    boxes = (
        Box("x", "$x_i$", "source", (0, 0), "inputs", "", "The word that is read now."),
        Box("before", "$h_{i-1}$", "source", (4.0, 0), "hidden", "", "What was kept so far."),
        Box(
            "r",
            "$r$: reset",
            "score",
            (0, 1.3),
            "hidden",
            r"$r = \sigma(W_r x_i + U_r h_{i-1})$",
            "Near 0, the candidate does not look at the old state.",
            wide=0.95,
        ),
        Box(
            "z",
            "$z$: update",
            "score",
            (3.3, 1.35),
            "hidden",
            r"$z = \sigma(W_z x_i + U_z h_{i-1})$",
            "Near 1, the old number is kept as it is.",
            wide=0.95,
        ),
        Box(
            "n",
            "$n$: candidate",
            "score",
            (1.35, 2.3),
            "hidden",
            r"$n = \tanh(W_n x_i + r \odot U_n h_{i-1})$",
            "What the new number would be.",
            wide=1.15,
        ),
        Box(
            "h",
            "$h_i$",
            "source",
            (4.0, 2.3),
            "hidden",
            r"$h_i = z \odot h_{i-1} + (1 - z) \odot n$",
            "A mix of the old number and the candidate: z says how much of the old one stays.",
        ),
    )
    stages = (
        Stage(
            "Two gates look at the word and the old state: numbers from 0 to 1.",
            ("x", "before", "r", "z"),
        ),
        Stage(
            "The candidate $n$ is what the cell would write. The reset gate $r$ says how much of "
            "the old state may go into it, so that the cell can start afresh.",
            ("x", "before", "r", "n"),
        ),
        Stage(
            "The update gate $z$ mixes: with $z = 1$ the old number stays, with $z = 0$ the "
            "candidate takes its place, with $z = 1/2$ it is their mean.",
            ("before", "z", "n", "h"),
        ),
    )
    ways = (
        *arrows("x > r", "x > n", "x > z", "before > r", "before > z", "before > n"),
        *arrows("r > n", "z > h"),
        Arrow("n", "h", r"$\times (1 - z)$", weight="new"),
        Arrow("before", "h", r"$\times z$", weight="old"),
    )
    alt = (
        "One step of a GRU. The input and the old state feed a reset gate, an update gate and a "
        "candidate; the reset gate feeds the candidate. The update gate mixes the old state and "
        "the candidate into the new state: the old state times z, and the candidate times 1 - z."
    )
    # In a state of one number, a box has a shade only beside others.
    alike = frozenset(("x", "before", "r", "z", "n", "h"))
    return Diagram("One step of a GRU", boxes, ways, stages, alt, alike=alike)


def trace_gru_cell(cell: nn.GRUCell, x: Tensor, before: Tensor) -> dict[str, Tensor]:
    """x (inputs,), h_{i-1} (hidden,) -> every tensor of `gru_cell`."""
    own = nn.functional.linear(x, cell.weight_ih, cell.bias_ih).chunk(3)
    old = nn.functional.linear(before, cell.weight_hh, cell.bias_hh).chunk(3)
    r, z = torch.sigmoid(own[0] + old[0]), torch.sigmoid(own[1] + old[1])
    n = torch.tanh(own[2] + r * old[2])
    return {"x": x, "before": before, "r": r, "z": z, "n": n, "h": (1 - z) * n + z * before}


def lstm_cell() -> Diagram:
    """One step of an LSTM, to set beside the GRU. Tensors: `trace_lstm_cell`.

    The gates go by words: i counts the words of a sentence here, and c is a decoder's context.
    """
    gates = {
        "i": ("input", 0.0),
        "f": ("forget", 1.2),
        "g": ("candidate", 2.4),
        "o": ("output", 3.6),
    }
    boxes = [
        Box("x", "$x_i$", "source", (0.6, 0), "inputs"),
        Box("before", "$h_{i-1}$", "source", (3.0, 0), "hidden"),
        Box("both", "$[x_i; h_{i-1}]$", "source", (1.8, 1.0), "inputs + hidden", wide=4.6),
        Box("cell", "old cell", "source", (-0.2, 3.1), "hidden", "", "A second state.", wide=0.95),
        *(
            Box(name, word, "score", (column, 2.0), "hidden", wide=1.08)
            for name, (word, column) in gates.items()
        ),
        Box(
            "c",
            "new cell",
            "source",
            (1.2, 3.1),
            "hidden",
            r"new cell = forget $\odot$ old cell + input $\odot$ candidate",
            wide=0.95,
        ),
        Box(
            "h",
            "$h_i$",
            "source",
            (3.6, 3.1),
            "hidden",
            r"$h_i$ = output $\odot$ tanh(new cell)",
        ),
    ]
    ways = (
        *arrows("x > both", "before > both", *(f"both > {name}" for name in gates)),
        *arrows("i > c", "f > c", "g > c", "cell > c", "c > h", "o > h"),
    )
    stages = (
        Stage(
            "Three gates and a candidate look at the word and the old state.",
            ("x", "before", "both", *gates),
        ),
        Stage(
            "The forget gate says how much of the old cell stays, the input gate how much of the "
            "candidate is added.",
            ("cell", "f", "i", "g", "c"),
        ),
        Stage("The output gate says what of the cell is shown.", ("c", "o", "h")),
    )
    alt = (
        "One step of an LSTM. The input and the old state, joined, feed an input gate, a forget "
        "gate, a candidate and an output gate. The forget gate and the input gate mix the old cell "
        "and the candidate into the new cell. The output gate shows a part of it as the new state."
    )
    return Diagram("One step of an LSTM", tuple(boxes), ways, stages, alt)


def trace_lstm_cell(
    layer: nn.LSTMCell, x: Tensor, before: Tensor, cell: Tensor
) -> dict[str, Tensor]:
    """x (inputs,), h_{i-1} (hidden,), the old cell (hidden,) -> every tensor of `lstm_cell`."""
    both = torch.cat([x, before])
    weights = torch.cat([layer.weight_ih, layer.weight_hh], dim=1)
    i, f, g, o = (weights @ both + layer.bias_ih + layer.bias_hh).chunk(4)
    parts = {"i": i.sigmoid(), "f": f.sigmoid(), "g": g.tanh(), "o": o.sigmoid()}
    c = parts["f"] * cell + parts["i"] * parts["g"]
    parts |= {"x": x, "before": before, "both": both, "cell": cell}
    return parts | {"c": c, "h": parts["o"] * c.tanh()}


def gru_in_numbers(name: str, parts: Mapping[str, Tensor]) -> Numbers:
    """Return the numbers of one moment of `gru_cell`; z makes the arrows thick that it weighs."""
    share = parts["z"].mean().item()
    weights = {"old": share, "new": 1 - share}
    return dataclasses.replace(in_numbers(name, parts), weights=weights)


def in_numbers(name: str, parts: Mapping[str, Tensor]) -> Numbers:
    """Return what a trace computed as the numbers of one moment of its diagram."""
    return Numbers(name, {key: tensor.tolist() for key, tensor in parts.items() if tensor.ndim})
