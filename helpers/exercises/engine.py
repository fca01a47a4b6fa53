"""The exercise engine: what an exercise is, and how an answer to it is judged.

One rule stands above the others: `check` never stops the notebook. Whatever a learner's function
does, one verdict is printed and a function comes back that the rest of the notebook can use.
"""

from __future__ import annotations

import ast
import functools
import inspect
import math
import sys
import textwrap
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any, NamedTuple

import torch

from helpers.exercises import (
    alterations,
    building,
    comparing,
    explaining,
    patterns,
    remembering,
    running,
    steps,
)
from helpers.exercises.inputs import Dice

NOT_ATTEMPTED, RAISED, NOT_YET = "not attempted", "your code raised", "not yet"
CORRECT, SLOW = "correct", "correct but slow"
_MARKS = {NOT_ATTEMPTED: "…", RAISED: "✗", NOT_YET: "✗", CORRECT: "✓", SLOW: "✓"}
_ENOUGH = 4  # how much a result tells with which a search begins (see `comparing.told_by`)
_SEARCHED_UNTIL = 1.6  # seconds of a processor after which a verdict looks for no two slips
_ALTERED_UNTIL = 0.2  # seconds of a processor for a whole with other arguments; its sizes come last
_SEED = 2014  # the same inputs for everyone, at every check
_said: set[str] = set()  # why progress could not be kept, so that it is said once


class Wrong(NamedTuple):
    """A misconception as code, with the message that names the idea behind it.

    also: other ways to write the same slip, whose results differ on some inputs, as by rounding. An
    answer that does on each input what one of the ways does is told of it.
    """

    name: str
    function: Callable[..., Any]
    message: str
    also: tuple[Callable[..., Any], ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What `check` says. `kind` is one of the five phrases; `misconception` a Wrong's name or ''.

    message: the reason, in lines of at most 88 characters. details: the input that shows it.
    """

    kind: str
    message: str = ""
    details: str = ""
    misconception: str = ""

    @property
    def passed(self) -> bool:
        """Whether the learner's own function goes on to be used."""
        return self.kind == CORRECT


class _Trial(NamedTuple):
    number: int
    case: tuple
    expected: running.Outcome
    got: running.Outcome


def _first_of(value: Any, count: int | None) -> Any:
    """Return the first of several results, a result alone or all of them as they are."""
    return value[:count] if isinstance(value, tuple) else value


@dataclass(eq=False, repr=False)
class Exercise:
    """One exercise: a function or a class for the learner to write, and all needed to judge it.

    name: as "nb04.additive_scores"; its last part is the learner's function or class.
    reference: the course's answer, which is also the text of the solution.
    spec: the same in plain loops; answers are compared with it, not with the reference.
    cases: given a `Dice`, returns argument tuples whose sizes are all distinct, so that no two axes
        can be confused unseen.
    sizes: given the arguments, returns what the symbols stand for, as {"B": 2, "T": 3}.
    returns: names of the results and their shapes in symbols, as {"scores": "B T S"}.
    wrong_answers: misconceptions, each of which must earn its own message.
    hints: a ladder: a question, then pseudocode, then nearly the line.
    why: the reason, shown with the solution.
    training_case: returns arguments at the size of the notebook's training, where the result is
        compared too, and Python's steps are counted: their growth from the smallest cases shows a
        loop over the data.
    gradients: names of the arguments whose gradients are compared too.
    observe: given the arguments after a call, returns what toy models in them saw.
    exact_zeros: given the arguments, returns where padding must leave an exact 0, as bool tensors
        that broadcast: of the result under "result", of a gradient under the argument's name.
    shapes_hint: a sentence to add when the learner's code raises an error about sizes.
    slow_hint: what to ask of an answer that is right but slow.
    whole: for an answer that is built as a whole, such as a class or a training loop. Given an
        answer (the learner's, the reference, the spec or a wrong one), it returns a function of a
        case's arguments: one that builds the class, runs it and returns outputs, gradients and
        parameters (see `building`). It must not use the answer before that function is called.
    to_write: of a class, the methods that are left to the learner; the stub gives the others.
    """

    name: str
    title: str
    difficulty: int
    minutes: int
    core: bool
    reference: Callable[..., Any]
    spec: Callable[..., Any]
    cases: Callable[[Dice], list[tuple]]
    sizes: Callable[..., Mapping[str, int]]
    returns: Mapping[str, str]
    wrong_answers: Sequence[Wrong]
    hints: Sequence[str]
    why: str
    training_case: Callable[[], tuple]
    gradients: Sequence[str] = ()
    observe: Callable[..., Any] | None = None
    exact_zeros: Callable[..., Mapping[str, torch.Tensor]] = lambda *case: {}
    shapes_hint: str = ""
    slow_hint: str = "Which Python loop can one indexing or one tensor product replace?"
    whole: Callable[[Any], Callable[..., Any]] | None = None
    to_write: Sequence[str] = ()
    status: str = field(default="", init=False)  # the best verdict so far, for `progress`
    _rung: int = field(default=0, init=False)
    _latest: float = field(default=math.inf, init=False)
    _memory: dict[tuple[Callable, int], running.Outcome] = field(default_factory=dict, init=False)
    _outputs: dict[tuple[Callable, int], running.Outcome] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.wrong_answers = tuple(
            w._replace(message=comparing.wrap(w.message)) for w in self.wrong_answers
        )

    def __repr__(self) -> str:
        parts = [self.short_name, "core" if self.core else "extra"]
        return " · ".join([*parts, f"difficulty {self.difficulty} of 5", f"{self.minutes} minutes"])

    @property
    def short_name(self) -> str:
        """The learner's function or class: the part of the name after the dot."""
        return self.name.partition(".")[2]

    @property
    def parameters(self) -> list[str]:
        """The names of a case's arguments: those of the function, or of what `whole` makes."""
        return list(inspect.signature(self.plain(self.reference), follow_wrapped=False).parameters)

    @property
    def source(self) -> str:
        """The reference as text.

        In a notebook cell it needs only torch, math, Counter and, where a whole is built of parts,
        the answers to the notebook's earlier exercises.
        """
        return textwrap.dedent(inspect.getsource(self.reference))

    @property
    def stub(self) -> str:
        """The text of the stub that a learner starts from.

        It is the reference without the body of the function, or of each method in `to_write`:
        signatures and docstrings stay.
        """
        tree, lines = ast.parse(self.source).body[0], self.source.splitlines()
        parts = [tree] if isinstance(tree, ast.FunctionDef) else tree.body
        names = self.to_write or [self.short_name]
        for part in reversed(parts):
            if isinstance(part, ast.FunctionDef) and part.name in names:
                indent = " " * part.body[0].col_offset
                blank = f'{indent}raise NotImplementedError("your turn")'
                lines[part.body[0].end_lineno : part.end_lineno] = [blank]
        return "\n".join([*lines, ""])

    def plain(self, answer: Any) -> Callable[..., Any]:
        """Return what is called with a case's arguments: the answer, or what `whole` makes of it.

        The answer is then its `__wrapped__`, so that an error is told with the learner's own line.
        """
        if not self.whole:
            return answer
        made = self.whole(answer)
        made.__wrapped__ = answer  # type: ignore[attr-defined]
        return made

    def check(self, function: Any) -> Callable[..., Any]:
        """Print one verdict on `function`, and return it if it is right and fast enough.

        Otherwise the reference is returned, so that the notebook can go on. Nothing is raised
        (but for KeyboardInterrupt) and nothing is changed: not the generators, not the defaults.
        """
        if function is self.reference:
            print(self._not_yours())
            return function
        verdict = self.verdict(function)
        before = self.status
        if before not in (CORRECT, SLOW) or verdict.kind == CORRECT:
            self.status = verdict.kind
        print(self._text(verdict))
        if self.status != before and self.status in (CORRECT, SLOW):
            self._remember()
        return function if verdict.passed else self.reference

    def verdict(self, function: Any) -> Verdict:
        """Judge `function` and return the verdict, without printing anything."""
        try:
            if self._optimizes:  # it would be loaded inside, and all be judged a second time
                running.load_compiler()
            compiler = running.compiler_is_loaded()
            with running.preserved():
                verdict = self._judge(function)
            if not compiler and running.compiler_is_loaded():
                return self.verdict(function)  # it compiles inside: now again, uncompiled
            return verdict
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a result so odd that comparing it failed
            reason = (
                f"The result could not be compared with the expected one ({type(error).__name__})."
            )
            return Verdict(NOT_YET, comparing.wrap(reason))

    def hint(self) -> None:
        """Print the next hint; at the end of the ladder, the last one again."""
        last = len(self.hints) - 1
        rung = min(self._rung, last)
        ending = (
            f" (the last; the answer is ex.{self.short_name}.solution())" if rung == last else ""
        )
        print(f"{self.short_name}: hint {rung + 1} of {len(self.hints)}{ending}")
        print(comparing.wrap(self.hints[rung], "  "))
        self._rung = rung + 1

    def solution(self) -> None:
        """Print the reference's own source, and the reason."""
        print(self.source)
        print(comparing.wrap(f"Why: {self.why}"))

    def _not_yours(self) -> str:
        """Return what to say of the course's own answer, which is no success of the learner's.

        A cell that fails, as with a SyntaxError, leaves it under the learner's name.
        """
        reason = (
            f"It was given the course's own version, and not your {self._kind}. If the cell with "
            f"your {self._kind} ended in an error, such as a SyntaxError, mend it. Run that cell, "
            "and then this one."
        )
        mark = _MARKS[NOT_ATTEMPTED]
        return f"{mark} {self.short_name}: not checked\n{comparing.wrap(reason)}"

    def _text(self, verdict: Verdict) -> str:
        lines = [
            f"{_MARKS[verdict.kind]} {self.short_name}: {verdict.kind}",
            verdict.message,
            verdict.details,
        ]
        if not verdict.passed:
            lines.append("The course's own version is used from here on, so the notebook goes on.")
            lines.append(f"A hint: ex.{self.short_name}.hint()")
        return "\n".join(line for line in lines if line)

    def _remember(self) -> None:
        """Keep the status for the next kernels, unless they know of a better one."""
        if remembering.solved().get(self.name) == CORRECT:
            return
        trouble = remembering.remember(self.name, self.status)
        if trouble and trouble not in _said:
            _said.add(trouble)
            print(comparing.wrap(trouble))

    def _judge(self, function: Any) -> Verdict:
        self._latest = time.thread_time() + _SEARCHED_UNTIL
        is_class = isinstance(self.reference, type)
        if not callable(function) or (is_class and not isinstance(function, type)):
            return self._not_callable(function)
        misfit = self._signature_misfit(function)
        if misfit:
            return Verdict(NOT_YET, misfit)
        trials, until = [], time.thread_time() + 2 * running.CALL_LIMIT
        for number, case in enumerate(self._inputs):
            got = self._run(function, case, trusted=False)
            if not trials and got.is_empty:
                return self._not_attempted(got)
            got.late = got.late or time.thread_time() > until
            trials.append(_Trial(number, case, self._known(self.spec, number), got))
            if got.late:
                break
        failures = [trial for trial in trials if not self._alike(trial, trial.expected)]
        if failures and failures[0].got.late:
            return self._endless(failures[0])
        swapped = self._swapped_arguments(function) if failures else ""
        if swapped:
            return Verdict(NOT_YET, swapped)
        wrong, shown = self._misconception(trials, failures) if failures else (None, None)
        if not wrong:
            unsteady = self._unsteady(function, trials, until)
            if unsteady:
                return unsteady
        if failures:
            return self._failed(wrong, shown, failures, trials)
        return self._at_training_size(function)

    @functools.cached_property
    def _optimizes(self) -> bool:
        """Whether the course's answer makes an optimizer of PyTorch."""
        return "torch.optim" in self.source

    @functools.cached_property
    def _inputs(self) -> list[tuple]:
        """The cases, the same for everyone, from the smallest to the largest."""
        return sorted(self.cases(Dice(_SEED)), key=lambda case: sum(self.sizes(*case).values()))

    def _known(self, function: Callable[..., Any], number: int) -> running.Outcome:
        """Return what one of the course's own functions does on an input; computed once."""
        if (function, number) not in self._memory:
            self._memory[function, number] = self._run(function, self._inputs[number])
        return self._memory[function, number]

    def _alike(self, trial: _Trial, other: running.Outcome) -> bool:
        return comparing.same(other, trial.got, self.exact_zeros(*trial.case))

    def _run(
        self, function: Callable[..., Any], case: tuple, trusted: bool = True, seed: int = 0
    ) -> running.Outcome:
        call = self.plain(function)
        return running.run(call, case, self.parameters, self.gradients, self.observe, trusted, seed)

    @property
    def _kind(self) -> str:
        return "class" if isinstance(self.reference, type) else "function"

    @property
    def _arguments(self) -> list[str]:
        """The names of what the learner's function, or class, is called with."""
        return list(inspect.signature(self.reference).parameters)

    def _not_callable(self, value: Any) -> Verdict:
        if value is None or value is ...:
            return Verdict(
                NOT_ATTEMPTED,
                f"Write the {self._kind} in the cell above, then run this cell again.",
            )
        name = self.short_name
        reason = (
            f"check needs the {self._kind} itself, with no brackets behind its name. It was given "
            f"{comparing.kind(value)}.\n{name} = ex.{name}.check({name})"
        )
        return Verdict(NOT_YET, comparing.wrap(reason))

    def _signature_misfit(self, function: Callable[..., Any]) -> str:
        try:
            signature = inspect.signature(function)
        except (TypeError, ValueError):  # some built-in functions have none to look at
            return ""
        try:
            signature.bind(*self._arguments)
        except TypeError:
            plain = ", ".join(self._arguments)
            return comparing.wrap(
                f"The arguments are ({plain}); your {self._kind} takes {signature}."
            )
        return ""

    def _swapped_arguments(self, function: Callable[..., Any]) -> str:
        """Return what to say of a function that has the right names in another order, else ''."""
        try:
            own = list(inspect.signature(function).parameters)
        except (TypeError, ValueError):
            return ""
        if own == self._arguments or sorted(own) != sorted(self._arguments):
            return ""
        reason = (
            f"The arguments are ({', '.join(self._arguments)}); yours are ({', '.join(own)}). "
            "They are given in this order, whatever they are called."
        )
        return comparing.wrap(reason)

    def _not_attempted(self, got: running.Outcome) -> Verdict:
        text = "Write its body in the cell above, then run this cell again."
        if not got.raised:
            text = "It returns nothing so far. If you have written its body, add the return."
        return Verdict(NOT_ATTEMPTED, text)

    def _endless(self, trial: _Trial) -> Verdict:
        reason = (
            f"It took more than {running.CALL_LIMIT:g} seconds of processor time (or "
            f"{running.CLOCK_LIMIT:g} by the clock) on small inputs and was stopped: is there "
            "a loop that never ends?"
        )
        return Verdict(NOT_YET, comparing.wrap(reason), self._input(trial.case))

    def _unsteady(
        self, function: Callable[..., Any], trials: list[_Trial], until: float
    ) -> Verdict | None:
        """Call again with the same inputs and other random numbers; tell of results that differ.

        They differ if the function keeps something from call to call, or leaves dropout on.
        """
        for trial in trials:
            if trial.got.late or time.thread_time() > until:
                return None
            again = self._run(function, trial.case, trusted=False, seed=1)
            if again.late or not comparing.comparable(trial.expected, trial.got):
                continue
            if not comparing.same(trial.got, again, {}):
                return self._two_results(trial, again)
        return None

    def _two_results(self, trial: _Trial, again: running.Outcome) -> Verdict:
        reason = (
            "Called twice with the same arguments, it gave two results. Does it keep something "
            "from one call to the next (a list as a default argument, a name outside of the "
            "function), or does it draw random numbers (dropout)?"
        )
        lines = comparing.show_twice(trial.got, again, list(self.returns))
        details = [self._input(trial.case)] + [comparing.wrap(line, "  ", "  ") for line in lines]
        return Verdict(NOT_YET, comparing.wrap(reason), "\n".join(details))

    def _failed(
        self, wrong: Wrong | None, shown: _Trial, failures: list[_Trial], trials: list[_Trial]
    ) -> Verdict:
        if not wrong and shown.got.raised:
            return self._raised(shown)
        reason, lines = self._structure(shown)
        told = "" if wrong else self._in_common(failures, trials)
        if (wrong or told) and not lines:
            lines = [reason]
        details = [self._input(shown.case)] + [comparing.wrap(line, "  ", "  ") for line in lines]
        message = wrong.message if wrong else comparing.wrap(told or reason)
        return Verdict(
            NOT_YET,
            message,
            "\n".join(details) + comparing.show_printed(shown.got),
            wrong.name if wrong else "",
        )

    def _misconception(
        self, trials: list[_Trial], failures: list[_Trial]
    ) -> tuple[Wrong | None, _Trial]:
        """Return the wrong answer that does what the learner's function does, and where it shows.

        It must do the same on every input: go wrong in the same way where the learner's function
        does, not only by errors, and be right where that is right. Where the learner's function
        raises an error, such as that of a stack of nothing, it may do something else, if two other
        inputs or more show what is wrong.
        """
        failed = {trial.number for trial in failures}
        clear = [trial for trial in failures if not trial.got.raised]
        named = (*self.wrong_answers, *self._wrong_parts) if clear else ()
        for wrong in named:
            if all(self._does(wrong, trial, trial.number in failed) for trial in trials):
                return wrong, clear[0]
        if 2 <= len(clear) < len(failures):
            told = [trial for trial in trials if not trial.got.raised]
            for wrong in named:
                if all(self._does(wrong, trial, trial.number in failed) for trial in told):
                    return wrong, clear[0]
        return None, failures[0]

    @property
    def _parts(self) -> list[Exercise]:
        """The notebook's other exercises whose functions the course's answer calls."""
        notebook = sys.modules[f"helpers.exercises.{self.name.partition('.')[0]}"]
        called = {n.id for n in ast.walk(ast.parse(self.source)) if isinstance(n, ast.Name)}
        others = [e for e in notebook.EXERCISES if e.short_name in called and e is not self]
        return [other for other in others if not other.whole]

    @functools.cached_property
    def _wrong_parts(self) -> list[Wrong]:
        """The course's answer with a wrong answer to one of its parts in that part's place."""
        found = []
        program = compile(self.source, f"<{self.short_name}>", "exec")  # once, as it takes long
        for part in self._parts:
            for wrong in part.wrong_answers:
                ways = [
                    self._with_part(program, part.short_name, way)
                    for way in (wrong.function, *wrong.also)
                ]
                told = " ".join(wrong.message.split())  # as it was before it was wrapped
                message = f"In {part.short_name}, or where you wrote it out: {told}"
                name = f"{part.short_name}.{wrong.name}"
                found.append(Wrong(name, ways[0], comparing.wrap(message), tuple(ways[1:])))
        return found

    def _with_part(self, program: CodeType, name: str, function: Callable[..., Any]) -> Any:
        """Return the answer that a program defines where `name` stands for another function."""
        names = {**vars(sys.modules[self.reference.__module__]), name: function}
        exec(program, names)
        return names[self.short_name]

    def _does(self, wrong: Wrong, trial: _Trial, failed: bool) -> bool:
        """Return whether a wrong answer does on an input what the learner's function did."""
        found = not trial.got.raised and comparing.difference(trial.expected.value, trial.got.value)
        ways = (wrong.function, *wrong.also)
        if failed and (trial.got.raised or found):
            likely = (way for way in ways if self._begins_alike(way, trial))
            return any(comparing.same_slip(self._known(w, trial.number), trial.got) for w in likely)
        return any(self._alike(trial, self._known(way, trial.number)) for way in ways)

    def _begins_alike(self, way: Callable[..., Any], trial: _Trial) -> bool:
        """Return whether a whole's outputs may be those of a trial: gradients cost twice as much.

        Of what is no whole, and of calls that ended otherwise, nothing is said so early.
        """
        ended = trial.got.raised or trial.got.misstep
        if not self.whole or ended or (way, trial.number) in self._memory:
            return True
        known = self._beginning(way, trial)
        if known.raised or known.misstep:
            return True
        return comparing.same_outputs(known.value, trial.got.value)

    def _beginning(self, way: Callable[..., Any], trial: _Trial) -> running.Outcome:
        """Return what a wrong answer does, of a whole its outputs alone; computed once."""
        if not self.whole:
            return self._known(way, trial.number)
        if (way, trial.number) not in self._outputs:
            with building.outputs_alone():
                made = self._instances.of(way)
                self._outputs[way, trial.number] = self._run(made, trial.case)
        return self._outputs[way, trial.number]

    def _in_common(self, failures: list[_Trial], trials: list[_Trial]) -> str:
        """Return what all the wrong results have in common, '' if it is nothing that has a word."""
        if any(trial.got.raised or trial.got.misstep for trial in failures):
            return ""
        found = [comparing.difference(t.expected.value, t.got.value) for t in failures]
        kinds = {difference.kind if difference else "" for difference in found}
        if kinds != {"value"}:  # of another shape or NaN; where the result is right, all is said
            if not kinds <= {"value", "shape", "nan"}:
                return ""
            return self._mean_of_parts(trials) or self._slip(failures, trials)
        wrong = [
            patterns.Failure(t.expected.value, t.got.value, self.sizes(*t.case)) for t in failures
        ]
        numbers = {trial.number for trial in failures}
        right = [self.sizes(*t.case) for t in trials if t.number not in numbers]
        pattern = patterns.pattern(wrong, self.returns)
        numbers_alone = not any(running.tensors(trial.expected.value) for trial in failures)
        return (
            self._right_for_others(trials)
            or self._mean_of_parts(trials)
            or (pattern if numbers_alone and not patterns.is_vague(pattern) else "")
            or self._slip(failures, trials, in_pairs=not patterns.is_exact(pattern))
            or pattern
            or patterns.where(wrong, right, self.returns)
        )

    def _right_for_others(self, trials: list[_Trial]) -> str:
        """Return for which other arguments all the results would be right, '' if for none."""
        if not all(any(alterations.altered(t.case, self.parameters)) for t in trials):
            return ""
        if all(comparing.is_constant(trial.got.value) for trial in trials):
            return ""  # other arguments may give False everywhere too, and explain nothing
        first, *rest = sorted(trials, key=lambda t: self._alike(t, t.expected))
        until = time.thread_time() + _ALTERED_UNTIL if self.whole else math.inf
        for words, case in alterations.altered(first.case, self.parameters):
            if time.thread_time() > until:
                return ""
            if self._is_result_for(first, case) and all(
                any(
                    others == words and self._is_result_for(trial, given)
                    for others, given in alterations.altered(trial.case, self.parameters)
                )
                for trial in rest
            ):
                return f"This would be right if {words}{'' if words.endswith('?') else '.'}"
        return ""

    def _mean_of_parts(self, trials: list[_Trial]) -> str:
        """Return along which axis each part gave a number alone, before their mean; '' if none."""
        if any(not isinstance(t.expected.value, torch.Tensor) or t.got.value.dim() for t in trials):
            return ""
        for axis in (0, 1):
            if all(self._is_mean_of(t, alterations.parts(t.case, axis)) for t in trials):
                return (
                    f"Yours is the mean of the results that each part along axis {axis} of the "
                    "input has alone. A mean of means counts each part alike, however much it "
                    "holds. Take one over all at once."
                )
        return ""

    def _is_mean_of(self, trial: _Trial, cases: list[tuple]) -> bool:
        known = [self._run_own(self.plain(self.reference), case).value for case in cases]
        if not known or not all(isinstance(value, torch.Tensor) for value in known):
            return False
        mean = torch.stack(known).mean(dim=0)
        return comparing.difference(mean, trial.got.value) is None

    def _slip(self, failures: list[_Trial], trials: list[_Trial], in_pairs: bool = True) -> str:
        """Return with which slip the course's answer does the same on all inputs, '' if none.

        in_pairs: whether two slips at once are tried as well.
        """
        failed = {trial.number for trial in failures}
        told = {trial.number: comparing.told_by(trial.got.value) for trial in failures}
        first, likely = self._telling(failures, told)
        candidates = explaining.Candidates(
            self.reference,
            self.source,
            self.to_write,
            self.plain,
            [part.source for part in self._parts],
            bool(self.whole),
        )
        # What is True everywhere, or False, may come from any number; only another test tells it.
        truth = all(comparing.is_constant(trial.got.value) for trial in failures)
        # Where gradients alone are wrong, any two slips that undo each other give the same outputs.
        outputs = self._beginning(self.reference, first).value
        in_pairs = in_pairs and sum(told.values()) >= 1
        in_pairs = in_pairs and not comparing.same_outputs(outputs, first.got.value)
        others = sorted(trials, key=lambda t: (t is not first, t.number not in failed))
        several = len(outputs) if self.whole and isinstance(outputs, tuple) else None
        seen = [
            explaining.Seen(t.case, *(_first_of(o.value, several) for o in (t.expected, t.got)))
            for t in others
        ]
        found = candidates.giving(
            seen, self.parameters, truth, likely if in_pairs else None, self._latest
        )
        for words, function in found:
            if all(self._does_as(function, trial, trial.number in failed) for trial in trials):
                return f"Your results are those of {words}."
        return ""

    def _telling(
        self, failures: list[_Trial], told: Mapping[int, float]
    ) -> tuple[_Trial, list[explaining.Likely]]:
        """Return the failure that a search begins with, and what each wrong answer returns there.

        It is no very small one, because with one word several slips look alike, and if possible
        none on which a wrong answer gives by chance what the learner's function does.
        told: how much each failure tells, by its number.
        """
        enough = [trial for trial in failures if told[trial.number] >= _ENOUGH]
        ordered = enough or sorted(failures, key=lambda trial: -told[trial.number])
        found = []
        for trial in ordered:
            found.append((trial, self._likely(trial)))
            values = [one.value for one in found[-1][1]]
            if not any(comparing.same_outputs(value, trial.got.value) for value in values):
                return found[-1]
        return found[0]

    def _likely(self, trial: _Trial) -> list[explaining.Likely]:
        """Return each wrong answer with what it returns on an input."""
        named = (*self.wrong_answers, *self._wrong_parts)
        ways = [(w.message, way) for w in named for way in (w.function, *w.also)]
        known = [(*way, self._beginning(way[1], trial)) for way in ways]
        return [
            explaining.Likely(message, way, one.value)
            for message, way, one in known
            if not one.raised and not one.misstep
        ]

    def _does_as(self, function: Callable[..., Any], trial: _Trial, failed: bool) -> bool:
        """Return whether a changed answer does on an input what the learner's function did."""
        known = self._run_own(function, trial.case, () if failed else self.gradients)
        if failed and comparing.difference(trial.expected.value, trial.got.value):
            return comparing.same_slip(known, trial.got) and known.seen == trial.got.seen
        return self._alike(trial, known)

    @functools.cached_property
    def _instances(self) -> building.Instances:
        return building.Instances(self.reference)  # type: ignore[arg-type]

    @functools.cached_property
    def _kept(self) -> Any:
        """The course's answer, a class in such a way that one instance of each size is kept."""
        is_class = isinstance(self.reference, type)
        return functools.cache(self.reference) if is_class else self.reference

    def _is_result_for(self, trial: _Trial, case: tuple) -> bool:
        course = self.plain(self._kept)
        if self.whole:  # the outputs tell nearly all apart, for half of what the gradients cost
            with building.outputs_alone():
                first = self._run_own(course, case)
            if not comparing.same_outputs(first.value, trial.got.value):
                return False
        known = self._run_own(course, case)
        if known.raised or known.misstep or known.late:
            return False
        return comparing.difference(known.value, trial.got.value) is None

    def _run_own(
        self, function: Callable[..., Any], case: tuple, gradients: Sequence[str] = ()
    ) -> running.Outcome:
        """Run code of the course that need not end: changed, or with arguments that are altered."""
        names, observe = self.parameters, self.observe
        return running.run(function, case, names, gradients, observe, trusted=True, ends=False)

    def _structure(self, trial: _Trial) -> tuple[str, list[str]]:
        """Return a sentence on how the results differ, and the lines "expected" and "got"."""
        _, _, expected, got = trial
        names, zeros = list(self.returns), self.exact_zeros(*trial.case)
        if got.misstep or got.raised:
            return got.misstep or f"It raised {got.raised.kind}: {got.raised.text}", []
        found = comparing.difference(expected.value, got.value, zeros.get("result"))
        if found:
            sizes = self.sizes(*trial.case)
            reason = comparing.explain(found, expected.value, got.value, self.returns, sizes)
            both = comparing.show_both(expected.value, got.value, found, names)
            return reason, both if found.kind in ("value", "nan", "zero") else []
        if got.mutated:
            return (
                f"The result is right, but your function changes its argument {got.mutated[0]}. "
                "The caller still needs it as it was."
            ), []
        if got.seen != expected.seen:
            made, needed = (
                ", ".join(f"{n} {k}" for n, k in o.seen.items()) for o in (got, expected)
            )
            return (
                f"The result is right, but not the number of calls: {made}. Needed: {needed}.",
                [],
            )
        if got.detached:
            return (
                "The numbers are right, but no gradient flows back from the result: was it made "
                "under torch.no_grad(), or with .item(), .detach(), .data or torch.tensor(...)?"
            ), []
        name = comparing.gradient_difference(expected, got, zeros)
        one, other = expected.gradients[name], got.gradients.get(name)
        if one is None or other is None:
            if one is None:
                return f"The numbers are right, but no gradient should reach {name}.", []
            return (
                f"The numbers are right, but no gradient reaches {name}: is it used under "
                "torch.no_grad(), or through .item(), .detach(), .data or torch.tensor(...)?"
            ), []
        reason = f"The numbers are right, but the gradient that reaches {name} is not."
        if one.isfinite().all() and not other.isfinite().all():
            reason = (
                f"The numbers are right, but the gradient that reaches {name} is no number "
                "somewhere. torch.where and masked_fill choose behind what is computed: a 0/0 or "
                "the root of 0 that is not taken still has no slope, and 0 times that is NaN. Make "
                "what is divided by safe before you divide."
            )
        found = comparing.difference(one, other, zeros.get(name))
        if found.kind == "zero":
            reason = (
                f"{reason[:-1]} exactly 0 at {list(found.where)}, and it must be, because nothing "
                "there has a part in the result."
            )
        return reason, [f"gradient {x}" for x in comparing.show_both(one, other, found, [name])]

    def _raised(self, trial: _Trial) -> Verdict:
        raised = trial.got.raised
        message = comparing.wrap(f"{raised.kind}: {textwrap.shorten(raised.text, 400)}")
        if raised.code:
            message += f"\n  line {raised.line}: {textwrap.shorten(raised.code, 72)}"
        if self.shapes_hint and comparing.speaks_of_shapes(raised):
            message += f"\n{comparing.wrap(self.shapes_hint)}"
        return Verdict(RAISED, message, self._input(trial.case) + comparing.show_printed(trial.got))

    def _input(self, case: tuple) -> str:
        lines = [f"The smallest input that shows it: {self._sizes_text(case)}"]
        for name, value in zip(self.parameters, case, strict=False):
            if not callable(value):
                lines.append(comparing.show_argument(name, value))
        return "\n".join(lines)

    def _sizes_text(self, case: tuple) -> str:
        given = dict(zip(self.parameters, case, strict=False))
        return comparing.show_sizes(self.sizes(*case), given)

    def _at_training_size(self, function: Callable[..., Any]) -> Verdict:
        """Judge a function that is right on the small inputs by a call at training size."""
        if function is self.reference:
            return Verdict(CORRECT)
        expected, course, course_little = self._course_at_training_size
        running.fresh_state()
        case = self.training_case()
        own_little = self._steps_on_little(function)
        limit = steps.allowed(own_little, course_little, course.steps)
        got, own = self._counted(function, case, max(limit, steps.ENOUGH))
        slow = own.steps > limit
        if slow and (own.stopped or got.late):
            return self._slow(case, own, course)
        if got.raised:
            return self._raised(_Trial(0, case, expected, got))
        reason = self._difference_at_training_size(case, expected, got)
        if reason:
            return Verdict(NOT_YET, comparing.wrap(reason))
        return self._slow(case, own, course) if slow else Verdict(CORRECT)

    @functools.cached_property
    def _course_at_training_size(self) -> tuple[running.Outcome, steps.Counter, int]:
        """What the course's answer does there, its steps, and those on little; found once."""
        little = self._steps_on_little(self.reference)
        running.fresh_state()
        expected, course = self._counted(self.reference, self.training_case())
        return expected, course, little

    def _difference_at_training_size(
        self, case: tuple, expected: running.Outcome, got: running.Outcome
    ) -> str:
        """Return how the results differ, '' if they are the same."""
        small = f"Right on the small inputs, but not at training size ({self._sizes_text(case)})"
        if got.late:
            return (
                f"{small}: it took more than {running.TRAINING_LIMIT:g} seconds of processor time "
                f"(or {running.CLOCK_LIMIT:g} by the clock) and was stopped."
            )
        if got.misstep:
            return f"{small}: {got.misstep}"
        zeros = self.exact_zeros(*case).get("result")
        found = comparing.difference(expected.value, got.value, zeros, long_sums=True)
        if not found:
            return ""
        if found.kind == "value":
            how = f"{list(self.returns)[found.part or 0]} holds other numbers."
        else:
            how = comparing.explain(
                found, expected.value, got.value, self.returns, self.sizes(*case)
            )
        return f"{small}: {how} Does your function hold a table or a number of a fixed size?"

    def _steps_on_little(self, function: Callable[..., Any]) -> int:
        """Return the steps on little data: two of the cases, as one may need only a short cut."""
        return max(self._counted(function, case)[1].steps for case in self._inputs[:2])

    def _counted(
        self, function: Callable[..., Any], case: tuple, limit: int = steps.ENOUGH
    ) -> tuple[running.Outcome, steps.Counter]:
        return running.counted(self.plain(function), case, limit)

    def _slow(self, case: tuple, own: steps.Counter, course: steps.Counter) -> Verdict:
        needed = course.steps - self._course_at_training_size[2] > steps.FLOOR
        loop = (
            "a Python loop goes over the data more often than it must"
            if needed
            else "a Python loop goes over the data"
        )
        reason = (
            f"At training size ({self._sizes_text(case)}) it takes "
            f"{'more than ' * own.stopped}{min(own.steps, own.limit):,} steps of Python, and the "
            f"course's version {course.steps:,}: {loop}. {self.slow_hint}"
        )
        return Verdict(SLOW, comparing.wrap(reason))
