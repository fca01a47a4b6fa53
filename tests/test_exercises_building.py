"""Exercises in which a whole is built: how the engine judges a class, or a loop that trains."""

from __future__ import annotations

import ast
import inspect

import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from helpers.exercises import REGISTRY, building, nb02
from helpers.exercises.engine import CORRECT, NOT_ATTEMPTED, NOT_YET, RAISED, Exercise, Wrong
from tests.exercise_tools import define, unwrapped


class Doubler(nn.Module):
    """A layer that doubles what its projection gives."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.project = nn.Linear(width, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return (B, O), twice the projection of x (B, D)."""
        return 2 * self.project(x)

    def extra(self) -> int:
        """Given."""
        return 2


class NotDoubled(Doubler):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.project(x)


def _whole(answer):
    def run(x, out):
        layer = building.build(answer, Doubler, x.size(1), out, dtype=x.dtype)
        return building.with_gradients(layer, layer(x), ["y"])

    return run


SHAPES = {"project.bias": "O", "project.weight": "O D"}
double = Exercise(
    name="nb04.Doubler",
    title="A toy",
    difficulty=1,
    minutes=5,
    core=True,
    reference=Doubler,
    spec=Doubler,
    cases=lambda dice: [(dice.normal(3, 2), 4), (dice.normal(5, 3), 2)],
    sizes=lambda x, out: {"B": x.size(0), "D": x.size(1), "O": out},
    returns=building.named({"y": "B O"}, SHAPES, "gradient of"),
    wrong_answers=(Wrong("not_doubled", NotDoubled, "The projection is not doubled."),),
    hints=("a", "b", "c"),
    why="because.",
    training_case=lambda: (torch.randn(64, 32), 16),
    whole=_whole,
    to_write=("forward",),
)


def changed(text, old, new):
    """The class written with a slip, as the learner's cell would define it."""
    assert old in text
    names = {"torch": torch, "nn": nn}
    exec(text.replace(old, new), names)
    return names["Doubler"]


SOURCE = inspect.getsource(Doubler)


def test_a_class_is_judged_by_outputs_and_gradients():
    assert double.parameters == ["x", "out"]
    assert double.verdict(changed(SOURCE, "2 *", "2.0 *")).kind == CORRECT
    assert double.verdict(NotDoubled).misconception == "not_doubled"
    detached = double.verdict(changed(SOURCE, "self.project(x)", "self.project(x).detach()"))
    assert detached.kind == NOT_YET
    assert "No gradient flows back from the result" in unwrapped(detached.message)
    line = "2 * nn.functional.linear(x, self.project.weight, self.project.bias.detach())"
    part = double.verdict(changed(SOURCE, "2 * self.project(x)", line))
    assert part.message == "Only gradient of project.bias is wrong: every number is 0."


def test_the_stub_of_a_class_keeps_what_is_given():
    assert 'raise NotImplementedError("your turn")' in double.stub
    assert "self.project = nn.Linear(width, out)" in double.stub
    assert double.stub.endswith('"""Given."""\n        return 2\n')
    assert "2 * self.project" not in double.stub
    names = {"torch": torch, "nn": nn}
    exec(double.stub, names)
    assert double.verdict(names["Doubler"]).kind == NOT_ATTEMPTED


classes = pytest.mark.parametrize(
    "exercise",
    [exercise for exercise in REGISTRY.values() if exercise.to_write],
    ids=lambda exercise: exercise.name,
)


@classes
def test_the_stub_of_a_whole_gives_everything_but_what_is_to_write(exercise):
    stub = exercise.stub
    assert stub.count("NotImplementedError") == len(exercise.to_write)
    parts = {part.name: ast.unparse(part) for part in ast.parse(exercise.source).body[0].body[1:]}
    given = {part.name: ast.unparse(part) for part in ast.parse(stub).body[0].body[1:]}
    for name, text in parts.items():
        assert (given[name] == text) == (name not in exercise.to_write)
    for name in exercise.to_write:
        assert len(parts[name].splitlines()) < 40


@classes
@pytest.mark.parametrize("body", ['raise NotImplementedError("your turn")', "pass", "..."])
def test_a_class_whose_init_is_left_to_the_learner_is_not_attempted(exercise, body):
    tree = ast.parse(exercise.stub)
    (init,) = (part for part in tree.body[0].body if getattr(part, "name", "") == "__init__")
    init.body = ast.parse(body).body
    verdict = exercise.verdict(define(exercise, ast.unparse(tree)))
    assert verdict.kind == NOT_ATTEMPTED
    assert "Write its body" in verdict.message


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (
            "self.project",
            "self.layer",
            "Expected the parameters project.bias (4,), project.weight (4, 2); yours has "
            "layer.bias (4,), layer.weight (4, 2).",
        ),
        ("nn.Linear(width, out)", "nn.Linear(width, out, bias=False)", "yours has project.weight"),
        ("2 * self.project(x)", "(self.project(x), x)", "Expected y; yours returns a tuple"),
    ],
)
def test_other_parameters_and_other_results_are_told(old, new, text):
    verdict = double.verdict(changed(SOURCE, old, new))
    assert verdict.kind == NOT_YET
    assert text in unwrapped(verdict.message)


def test_a_class_that_is_no_module_is_told():
    class Doubler:
        def __init__(self, width, out):
            self.width = width

    assert "no nn.Module" in double.verdict(Doubler).message


def test_an_object_is_not_a_class_and_an_error_has_the_learners_line():
    assert "check needs the class itself" in double.verdict(Doubler(2, 4)).message
    raised = double.verdict(changed(SOURCE, "2 * self.project(x)", "self.projekt(x)"))
    assert raised.kind == RAISED
    assert "AttributeError" in raised.message
    few = double.verdict(changed(SOURCE, ", out: int)", ")"))
    assert few.message.startswith("The arguments are (width, out); your class takes")


def test_parameters_are_the_same_whatever_order_the_layers_are_made_in():
    class Two(nn.Module):
        def __init__(self, first, then):
            super().__init__()
            for name in (first, then):
                setattr(self, name, nn.Linear(2, 3))

    one, other = Two("a", "b"), Two("b", "a")
    building.fill(one)
    building.fill(other)
    for name, parameter in one.named_parameters():
        assert torch.equal(parameter, other.get_parameter(name))


def test_a_module_that_is_kept_gets_its_parameters_once_for_each_type():
    kept = Doubler(3, 2)
    first = building.build(lambda *sizes: kept, Doubler, 3, 2)
    numbers = [parameter.detach().clone() for parameter in first.parameters()]
    with torch.no_grad():
        kept.project.bias.add_(1)
    again = building.build(lambda *sizes: kept, Doubler, 3, 2)
    assert again is kept
    torch.testing.assert_close(again.project.bias, numbers[1] + 1)  # as it was left
    other = building.build(lambda *sizes: kept, Doubler, 3, 2, dtype=torch.float64)
    torch.testing.assert_close(list(other.parameters()), [n.double() for n in numbers])


def test_losses_are_floats_in_a_list():
    assert building.as_losses([1.0, 0.5]).tolist() == [1.0, 0.5]
    assert building.as_losses(None) is None
    with pytest.raises(building.Misstep, match=r"add loss.item\(\)"):
        building.as_losses([torch.ones(())])
    with pytest.raises(building.Misstep, match="yours is a float"):
        building.as_losses(1.0)


def train_by_zip(model, batches, steps, lr):
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=1.0, betas=(0.9, 0.98), weight_decay=0.0, fused=True
    )
    rates = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: lr(min(step, steps - 1)))
    losses = []
    for batch, _ in zip(batches, range(steps), strict=False):
        logits = model(batch.source, batch.lengths, batch.target_in)
        loss = cross_entropy(logits.mT, batch.target_out, ignore_index=0)
        loss.backward()
        nn.utils.clip_grad_norm_(list(model.parameters()), max_norm=1)
        optimizer.step()
        rates.step()
        model.zero_grad()
        losses.append(float(loss))
    return losses


def test_other_ways_to_write_the_loop_are_right():
    assert nb02.train.verdict(train_by_zip).kind == CORRECT


def never_ends(model, batches, steps, lr):
    return [loss for _ in batches for loss in (1.0,)]


def counts_from_one(model, batches, steps, lr):
    return [lr(step) for step in range(1, steps + 1)]


def keeps_graphs(model, batches, steps, lr):
    return [model(b.source, b.lengths, b.target_in).mean() for b in [next(batches)]]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (never_ends, "The loop went on after 1 steps, and steps is 1"),
        (counts_from_one, "lr was asked for step 1, and the steps are 0 to 0"),
        (keeps_graphs, "A tensor keeps the whole graph of its step in memory"),
        (lambda model, batches, steps, lr: [1.0], "losses: not what is expected"),
    ],
)
def test_slips_of_the_loop_are_told(answer, text):
    verdict = nb02.train.verdict(answer)
    assert verdict.kind == NOT_YET
    assert text in unwrapped(verdict.message)
