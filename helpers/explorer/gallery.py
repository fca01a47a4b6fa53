"""`compare`: sentences by construction, with the map of one model or of two side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from helpers import palette
from helpers.explorer.base import View
from helpers.explorer.static import attention_table, paragraph, row, table
from helpers.figures.checks import height_in_pixels, link_list, weights_array, word_list
from helpers.metrics import SHARP, RowVerdict, row_verdicts

if TYPE_CHECKING:
    from helpers.corpus import Pair
    from helpers.decoding import Translation

# The place of a row's largest weight, its mark and the mark's words: round is on gold, a triangle
# is off it.
PLACES = {
    "sure": ("●", "on a sure link"),
    "possible": ("○", "on a possible link"),
    "next": ("△", "next to a linked word"),
    "elsewhere": ("▲", "far from any linked word"),
    "unlinked": ("–", "no link for this word"),
}
PLACE_CLASSES = {
    "sure": "good",
    "possible": "good",
    "next": "off",
    "elsewhere": "off",
    "unlinked": "none",
}
SHARP_MARK = ("!", f"sharp (over {SHARP}) and off gold")
WRONG_MARK = ("✗", "the model says another word, this one")
ALL, ERROR, WRONG = "all", "word wrong or off gold", "with a wrong word"
SHARP_WRONG = "sharp and wrong"
MOST_MODELS = 2
STATIC_EXAMPLES = 3
STATIC_BYTES = 50_000  # of tables in the static view; a sentence that no longer fits is left out


class Reading(NamedTuple):
    """One model's map of a sentence under teacher forcing, and the words that it chose.

    weights: (T, S). said: T words, the likeliest after each gold prefix.
    """

    weights: Any
    said: Sequence[str]


@dataclass(frozen=True)
class Example:
    """One sentence pair with its gold links, and what each model made of it.

    source: S words. target: the T gold words, "<end>" the last. tags: its constructions.
    sure, possible: links (source position, target position); a sure link counts as possible too.
    readings: one or two models by name, in the order in which they are shown.
    """

    source: Sequence[str]
    target: Sequence[str]
    tags: Sequence[str]
    sure: Iterable[tuple[int, int]]
    possible: Iterable[tuple[int, int]]
    readings: Mapping[str, Reading]

    @classmethod
    def from_translations(cls, pair: Pair, translations: Mapping[str, Translation]) -> Example:
        """Return the example of a pair and its translation by each model, by name.

        The translations come from translate_all(..., teacher_forcing=True).
        Raises ValueError for another sentence's, one without gold words fed, or one without a map.
        """
        for name, translation in translations.items():
            if tuple(translation.source) != tuple(pair.source):
                raise ValueError(
                    f"the translation by {name!r} is of '{' '.join(translation.source)}'; expected "
                    f"'{' '.join(pair.source)}'. Take pair and translation at the same place."
                )
            if translation.weights is None:
                raise ValueError(f"{name!r} has no map to show; expected a model with attention.")
            if len(translation.target) != len(pair.target) + 1:
                raise ValueError(
                    f"the translation by {name!r} has {len(translation.target)} words; expected "
                    f"{len(pair.target) + 1}, one for each gold word and <end>. Translate with "
                    "translate_all(..., teacher_forcing=True)."
                )
        readings = {name: Reading(t.weights, t.target) for name, t in translations.items()}
        target = (*pair.target, "<end>")
        return cls(pair.source, target, pair.tags, pair.sure, pair.possible, readings)


def compare(
    examples: Sequence[Example], title: str = "", height: int | None = None
) -> AttentionGallery:
    """Return sentences to choose by construction, to be shown as the last line of a cell.

    examples: an `Example` per sentence, all with the same one or two models.
    height: pixels after which a map scrolls; None for its natural height.
    Nothing that is given is kept or changed. Raises ValueError that says what to do.
    """
    return AttentionGallery(examples, title, height)


class AttentionGallery(View):
    """Sentences, their maps and a mark for each row's error; see `compare` for the arguments."""

    def __init__(
        self, examples: Sequence[Example], title: str = "", height: int | None = None
    ) -> None:
        if isinstance(examples, str) or not isinstance(examples, Sequence) or not examples:
            given = "is empty" if isinstance(examples, Sequence) and not examples else "is no list"
            raise ValueError(f"examples {given}; expected a list of Example, one a sentence.")
        checked = [_Checked(example, number) for number, example in enumerate(examples, 1)]
        names = checked[0].names
        for number, example in enumerate(checked, 1):
            if example.names != names:
                raise ValueError(
                    f"example {number} has the models {example.names}, the first has {names}; "
                    "expected the same, in the same order, in each."
                )
        self.examples = checked
        state = {
            "view": "gallery",
            "title": str(title),
            "height": height_in_pixels(height),
            "models": [list(pair) for pair in zip(names, model_colours(names), strict=True)],
            "places": [[PLACE_CLASSES[place], *PLACES[place]] for place in PLACES],
            "sharp": list(SHARP_MARK),
            "wrong": list(WRONG_MARK),
            "groups": [[name, places] for name, places in _groups(checked)],
            "examples": [example.state() for example in checked],
        }
        super().__init__(state)

    def html(self) -> str:
        marks = [f"{mark} {words}" for mark, words in PLACES.values()]
        marks += [f"{mark} {words}" for mark, words in (SHARP_MARK, WRONG_MARK)]
        about = (
            f"Shown: some of {len(self.examples)} sentences. Run the cell to choose one by its "
            "construction and to see the models side by side.",
            f"Marks, by the largest weight of a row: {', '.join(marks)}.",
        )
        parts = [paragraph(self.state["title"], *(escape(text) for text in about))]
        left, shown = STATIC_BYTES, set()
        groups = [group for group in self.state["groups"] if group[0] not in (WRONG, SHARP_WRONG)]
        for name, places in groups[1:] or groups:
            for place in places if len(shown) < STATIC_EXAMPLES else ():
                part = "" if place in shown else self.examples[place].html(name, bool(shown))
                if part and len(part.encode()) <= left:
                    parts.append(part)
                    left -= len(part.encode())
                    shown.add(place)
                    break
        if not shown:  # even the first is too long for a table of its weights
            parts.append(self.examples[0].words_only())
        return "".join(parts)

    def sentence(self) -> str:
        names = " and ".join(name for name, _ in self.state["models"])
        wrong = sum(example.has_error() for example in self.examples)
        return (
            f"Attention maps of {len(self.examples)} sentences by {names}; {wrong} of them have "
            "a wrong word or a look off gold."
        )


class _Checked:
    """An example whose parts have been checked and copied, with a verdict for each row."""

    def __init__(self, example: Example, number: int) -> None:
        if not isinstance(example, Example):
            raise ValueError(f"example {number} is {example!r}; expected an Example.")
        of = f"of example {number}"
        self.source = word_list(example.source, f"source {of}")
        self.target = word_list(example.target, f"target {of}")
        if self.target[-1] != "<end>":
            raise ValueError(f"target {of} ends with {self.target[-1]!r}; expected '<end>'.")
        self.tags = word_list(example.tags, f"tags {of}") if example.tags else []
        rows, columns = len(self.target), len(self.source)
        self.sure = link_list(example.sure, rows, columns, f"sure {of}")
        links = link_list(example.possible, rows, columns, f"possible {of}")
        self.possible = [link for link in links if link not in self.sure]
        if not isinstance(example.readings, Mapping):
            raise ValueError(f"readings {of} are no dict; expected model name -> Reading.")
        self.names = word_list(example.readings, f"readings {of}")
        if len(self.names) > MOST_MODELS:
            raise ValueError(
                f"readings {of} have {len(self.names)} models; expected one or two. Choose the two "
                "that you want to compare."
            )
        self.weights: list[np.ndarray] = []
        self.verdicts: list[list[RowVerdict]] = []
        for name, reading in example.readings.items():
            self._read(name, reading, number)

    def _read(self, name: str, reading: Reading, number: int) -> None:
        if not isinstance(reading, tuple) or len(reading) != 2:
            raise ValueError(
                f"the reading of {name!r} in example {number} is {type(reading).__name__}; "
                "expected Reading(weights, said)."
            )
        where = f"of {name!r} in example {number}"
        said = word_list(reading[1], f"said {where}")
        if len(said) != len(self.target):
            raise ValueError(
                f"said {where} has {len(said)} words; expected {len(self.target)}, one for each "
                "gold word and <end>. Translate with teacher_forcing=True."
            )
        try:
            weights = weights_array(reading[0], len(self.target), len(self.source))
        except ValueError as error:
            raise ValueError(f"the map {where}: {error}") from error
        if weights.shape[:2] != (1, 1):
            raise ValueError(
                f"the map {where} has {weights.shape[0]} layers of {weights.shape[1]} heads; "
                "expected one map (T, S). Choose a layer and a head: weights[0, 0]."
            )
        self.weights.append(weights[0, 0])
        verdicts = row_verdicts(weights[0, 0], self.target, said, self.sure, self.possible)
        self.verdicts.append(verdicts)

    def rows(self) -> list[RowVerdict]:
        return [verdict for verdicts in self.verdicts for verdict in verdicts]

    def has_error(self) -> bool:
        return any(not verdict.right or verdict.off_gold for verdict in self.rows())

    def state(self) -> dict[str, Any]:
        """Return the example as JSON-ready values; weights in whole thousandths to be short."""
        places = list(PLACES)
        return {
            "source": self.source,
            "target": self.target,
            "tags": self.tags,
            "gold": [list(link) for link in self.sure],
            "possible": [list(link) for link in self.possible],
            "maps": [
                {
                    "weights": (weights * 1000).round().astype(int).tolist(),
                    "summary": summary(verdicts),
                    "rows": [
                        [v.said, v.look, places.index(v.place), int(v.sharp_and_wrong)]
                        for v in verdicts
                    ],
                }
                for weights, verdicts in zip(self.weights, self.verdicts, strict=True)
            ],
        }

    def html(self, group: str, folded: bool) -> str:
        """Return the static tables of the example, one a model, as one of the sentences `group`.

        folded: whether they are to be opened by a click, because all open take several screens.
        """
        name = f"{group}: {' '.join(self.source)}"
        parts = [f"<summary>{escape(name)}</summary>" if folded else paragraph(name)]
        for name, weights, verdicts in zip(self.names, self.weights, self.verdicts, strict=True):
            marks = [mark(verdict) for verdict in verdicts]
            links = (self.sure, self.possible)
            words = (f"{name}: {summary(verdicts)}", "", marks)
            parts.append(attention_table(weights, self.target, self.source, *links, *words))
        return f"<details>{''.join(parts)}</details>" if folded else "".join(parts)

    def words_only(self) -> str:
        """Return a table without weights: where each row looks, and its mark."""
        names = "".join(f'<th scope="col">{escape(name)}</th>' for name in self.names)
        lines = []
        for word, *verdicts in zip(self.target, *self.verdicts, strict=True):
            texts = [
                f"{'nothing' if v.look is None else self.source[v.look]} {v.weight:.2f} {mark(v)}"
                for v in verdicts
            ]
            lines.append(row(word, "".join(f"<td>{escape(text)}</td>" for text in texts)))
        caption = "Where each target word looks most, and with what weight."
        head = f'<tr><th scope="col">target word</th>{names}</tr>'
        return paragraph(" ".join(self.source)) + table(caption, head, lines)


def mark(verdict: RowVerdict) -> str:
    """Return a row's mark as text, such as '▲! ✗ chien'."""
    text = PLACES[verdict.place][0] + (SHARP_MARK[0] if verdict.sharp_and_wrong else "")
    return text if verdict.right else f"{text} {WRONG_MARK[0]} {verdict.said}"


def summary(verdicts: Sequence[RowVerdict]) -> str:
    """Return how many words of a map's rows are right, and how many looks are on gold, in words."""
    right = sum(verdict.right for verdict in verdicts)
    linked = [verdict for verdict in verdicts if verdict.place != "unlinked"]
    on = sum(not verdict.off_gold for verdict in linked)
    words = f"{right} of {len(verdicts)} words right"
    return f"{words}, {on} of {len(linked)} linked words look at a sure or possible link"


def model_colours(names: Sequence[str]) -> list[str]:
    """Return each model's colour of the palette; a name it does not know gets one still free."""
    of_models = palette.MODEL_COLOURS | palette.VALUE_COLOURS
    known = [of_models.get(name) for name in names]
    free = (colour for colour in palette.CYCLE if colour not in known)
    return [colour or next(free) for colour in known]


def _groups(examples: Sequence[_Checked]) -> list[tuple[str, list[int]]]:
    """Return the choices, each with the places of its sentences: all, errors, constructions."""
    tags = sorted({tag for example in examples for tag in example.tags})
    tests = {
        ALL: lambda example: True,
        ERROR: _Checked.has_error,
        WRONG: lambda example: any(not v.right for v in example.rows()),
        SHARP_WRONG: lambda example: any(v.sharp_and_wrong for v in example.rows()),
    }
    groups = [
        (name, [place for place, example in enumerate(examples) if test(example)])
        for name, test in tests.items()
    ]
    groups += [
        (tag, [i for i, example in enumerate(examples) if tag in example.tags]) for tag in tags
    ]
    return [(name, places) for name, places in groups if places]
