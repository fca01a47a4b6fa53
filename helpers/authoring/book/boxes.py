"""The text box that the book adds to notebook 12, in which the shipped Transformer translates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nbformat import NotebookNode
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

from helpers.decoding import translate
from helpers.explorer import TranslatorBox
from helpers.models import load_pretrained

# By notebook, the section before which the box stands, as its heading names it.
PLACES = {"12": "Where the heads look"}
WORDS = (
    "**A Transformer in this page.** In this book a Transformer with two blocks a side translates "
    "your own sentence. It comes trained with the course, and it is of the size that section 14 "
    "compares. Choose a layer and a head, because each has a map of its own. Under *Model* you "
    "find two GRUs with attention, so that you can compare their maps for the same sentence."
)
EXAMPLES = [
    "The old doctor did not see the small birds.",
    "The house is old but it is beautiful.",
    "My sister's dog sleeps because it is tired.",
]


def with_boxes(number: str, cells: Iterable[NotebookNode]) -> Iterator[NotebookNode]:
    """Yield the cells of a notebook, and before the section that it is meant for the text box.

    Raises ValueError where the notebook has no such section.
    """
    place = PLACES.get(number)
    for cell in cells:
        if place and cell.cell_type == "markdown" and _begins(cell.source, place):
            place = None
            yield new_markdown_cell(WORDS)
            yield _box()
        yield cell
    if place:
        raise ValueError(
            f"notebook {number} has no section '{place}', before which the book puts a text box; "
            "name another one in PLACES."
        )


def _begins(source: str, place: str) -> bool:
    return source.startswith("## ") and place in source.partition("\n")[0]


def _box() -> NotebookNode:
    model, data = load_pretrained("transformer")
    english, french = data.source_vocabulary, data.target_vocabulary
    box = TranslatorBox(
        lambda text: translate(model, text, english, french), EXAMPLES, words=english.words
    )
    shown, _ = box._repr_mimebundle_()
    output = new_output("display_data", data=shown)
    # An empty cell would be left out, and the words in it are not shown.
    source = "# the text box"
    return new_code_cell(source, outputs=[output], metadata={"tags": ["remove-input"]})
