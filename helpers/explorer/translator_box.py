"""`TranslatorBox`: type a sentence, see its translation and, where the model has one, its map."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from html import escape
from typing import Any

import numpy as np

from helpers.explorer.attention_map import AttentionMap
from helpers.explorer.base import View
from helpers.explorer.static import attention_table, paragraph, row, table
from helpers.figures.checks import height_in_pixels, word_list

NO_MAP = "This model has no attention, so there is no map to show."
MOST_WORDS, MOST_CHARACTERS = 60, 1_000  # a map grows with the square of the sentence
NOT_ENDED = "It did not reach <end> and was stopped."


class TranslatorBox(View):
    """A text box over `translate`, a function from a sentence to a `decoding.Translation`.

    translate(text) returns an object with `source` and `target` (lists of words, the target with
    "<end>" if the model stopped) and `weights` ((T, S), or None for a model without attention).
    A ValueError that it raises is shown as its text: the friendly answer to an unknown word. Any
    other exception is shown as "Something went wrong"; the box goes on working after either.
    examples: sentences offered as buttons; the first is translated at once, here.
    height: pixels after which the map scrolls.
    words: all that the model knows, to be looked through in a folded list; signs such as "<pad>"
    are left out of it.
    """

    def __init__(
        self,
        translate: Callable[[str], Any],
        examples: Sequence[str] = (),
        title: str = "",
        height: int | None = None,
        words: Sequence[str] = (),
    ) -> None:
        if not callable(translate):
            raise ValueError(f"translate is {translate!r}; expected a function of one sentence.")
        self.translate = translate
        self.height = height_in_pixels(height)
        examples = word_list(examples, "examples") if examples else []
        first = self.reply(examples[0]) if examples else None
        known = [word for word in words if not word.startswith("<")]
        super().__init__(
            {
                "view": "translator_box",
                "title": str(title),
                "examples": examples,
                "first": first,
                "words": sorted(word_list(known, "words"), key=str.lower) if known else [],
            }
        )

    def answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        if not isinstance(message, dict) or message.get("view") != "translator_box":
            return None
        reply = self.reply(str(message.get("text", "")))
        return {"view": "translator_box", "ticket": message.get("ticket"), **reply}

    def reply(self, text: str) -> dict[str, Any]:
        """Return {"translation", "note", "map"} for a sentence, or {"error"}; it never raises.

        A text over `MOST_WORDS` or `MOST_CHARACTERS` is not handed to the model.
        """
        words = len(text.split())
        if words > MOST_WORDS or len(text) > MOST_CHARACTERS:
            return {
                "error": f"This text has {words:,} words and {len(text):,} characters. The box "
                f"takes one sentence, of at most {MOST_WORDS} words and {MOST_CHARACTERS:,} "
                "characters, because its map would grow too large."
            }
        try:
            result = self.translate(text)
        except ValueError as error:
            said = str(error) or "this sentence cannot be translated."
            return {"error": said[0].upper() + said[1:]}
        except Exception as error:  # the box must outlive whatever a learner's model does
            return _went_wrong(error)
        try:
            return self._shown(result)
        except Exception as error:
            return _went_wrong(error)

    def _shown(self, result: Any) -> dict[str, Any]:
        target = word_list(result.target, "target") if len(result.target) else ["<end>"]
        ended = target[-1] == "<end>"
        notes = [] if ended else [NOT_ENDED]
        drawn = None
        if result.weights is None:
            notes.append(NO_MAP)
        else:
            drawn = AttentionMap(result.weights, target, result.source, height=self.height).state
        words = target[:-1] if ended else target
        return {"translation": _spaced(words), "note": " ".join(notes), "map": drawn}

    def html(self) -> str:
        return self._first_example() + self._known_words()

    def _known_words(self) -> str:
        """Return a folded list of the words that the model knows, if it was given."""
        words = self.state["words"]
        if not words:
            return ""
        name = f"<summary>The {len(words)} words that it knows</summary>"
        return f"<details>{name}{paragraph('', escape(', '.join(words)))}</details>"

    def _first_example(self) -> str:
        hint = "Run the cell to type a sentence of your own."
        title, examples, first = (self.state[key] for key in ("title", "examples", "first"))
        if first is None:
            return paragraph(title, hint)
        if "error" in first:
            return paragraph(title, f"{escape(examples[0])}: {escape(first['error'])}", hint)
        lines = [
            row(
                language,
                f'<td lang="{code}" style="text-align:left;font-size:17px">{escape(text)}</td>',
            )
            for language, code, text in (
                ("English", "en", examples[0]),
                ("French", "fr", first["translation"]),
            )
        ]
        pair = paragraph(title, escape(first["note"]), hint) + table(
            "The first example, as the model translates it.", "", lines
        )
        drawn = first["map"]
        if drawn is None:
            return pair
        weights = np.array(drawn["weights"])[-1, 0]  # (T, S)
        return pair + attention_table(weights, drawn["rows"], drawn["columns"])

    def sentence(self) -> str:
        first = self.state["first"]
        if not first or "error" in first:
            return "A box to type an English sentence in and see its translation."
        said = f"'{self.state['examples'][0]}' is translated as '{first['translation']}'."
        return f"A box to type an English sentence in. {said}"


def _went_wrong(error: Exception) -> dict[str, Any]:
    return {"error": f"Something went wrong: {type(error).__name__}: {error}"}


def _spaced(words: Sequence[str]) -> str:
    """Return words as one line of French: "l' ami ." becomes "l'ami."."""
    text = re.sub(r"(['’]) ", r"\1", " ".join(words))
    return re.sub(r" ([.,])", r"\1", text)
