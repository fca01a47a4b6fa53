"""The book's pages as texts, and the translator in JavaScript held against the one in Python."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.authoring.book import boxes, building, chapters, live, pages, weights
from helpers.authoring.book.chapters import Chapter
from helpers.authoring.ledger import page
from helpers.corpus import collate, tokenize
from helpers.decoding import translate_all
from helpers.exercises import REGISTRY
from helpers.explorer import explore
from helpers.explorer.base import SCRIPTS, STATE_MIME, packed, unpacked
from helpers.models import load_pretrained

JS = Path(building.__file__).parent / "js"
SENTENCES = 1000
# What a page does, without a page: the scripts in one scope, sentences in, translations out.
NODE = """
const [vm, fs] = [require("vm"), require("fs")];
for (const file of process.argv.slice(1)) vm.runInThisContext(fs.readFileSync(file, "utf8"));
const { name, texts, heads } = JSON.parse(fs.readFileSync(0, "utf8"));
const tried = (text) => {
  try {
    const { source, target, weights, steps } = AttentionBook.translate(name, text);
    const maps = heads ? steps.map((step) => step.maps) : null;
    return { source, target, weights: weights.map((row) => [...row]), maps };
  } catch (error) {
    return { error: error.message };
  }
};
process.stdout.write(JSON.stringify(texts.map(tried)));
"""
SPLIT = """
const [vm, fs] = [require("vm"), require("fs")];
vm.runInThisContext(fs.readFileSync(process.argv[1], "utf8"));
const texts = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(texts.map(AttentionBook.tokenize)));
"""


@pytest.fixture(scope="module")
def every() -> list[Chapter]:
    return chapters.chapters()


def in_javascript(name: str, texts: list[str], folder: Path, heads: bool = False) -> list[dict]:
    """Translate with the script that a page loads. heads: return the weights of each head too."""
    script = folder / "weights.js"
    script.write_text(weights.weights_script(name), encoding="utf-8")
    scripts = [str(JS / "translator.js"), str(JS / "transformer.js"), str(script)]
    command = ["node", "-e", NODE, *scripts]
    given = json.dumps({"name": name, "texts": texts, "heads": heads})
    done = subprocess.run(command, input=given, text=True, capture_output=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.book
@pytest.mark.parametrize("name", sorted(weights.LABELS))
def test_the_translator_in_the_page_says_what_python_says(name: str, tmp_path: Path) -> None:
    model, data = load_pretrained(name)
    pairs = data.dev[:SENTENCES]
    assert len(pairs) == SENTENCES
    expected = translate_all(model, pairs, data.source_vocabulary, data.target_vocabulary)
    found = in_javascript(name, [" ".join(pair.source) for pair in pairs], tmp_path)
    assert [one["target"] for one in found] == [one.target for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert np.allclose(one["weights"], other.weights, atol=1e-3)


@pytest.mark.book
def test_each_head_of_the_transformer_in_the_page_looks_where_it_looks_in_python(
    tmp_path: Path,
) -> None:
    model, data = load_pretrained("transformer")
    pairs = data.dev[:SENTENCES:20]
    texts = [" ".join(pair.source) for pair in pairs]
    found = in_javascript("transformer", texts, tmp_path, heads=True)
    for pair, one in zip(pairs, found, strict=True):
        said = replace(pair, target=tuple(one["target"][:-1]))
        batch = collate([said], data.source_vocabulary, data.target_vocabulary)
        cross = model.maps(batch.source, batch.lengths, batch.target_in).cross[0]  # (L, A, T, S)
        assert np.allclose(np.array(one["maps"]), cross.permute(2, 0, 1, 3), atol=1e-3)


@pytest.mark.book
def test_the_page_splits_a_sentence_as_python_does() -> None:
    texts = [
        "The girl's cat doesn't sleep!",
        "IT'S old, isn't it?",
        "We’re happy ...",
        "I'm  tall…",
        "the cat sleeps",
        "They're here?!",
    ]
    command = ["node", "-e", SPLIT, str(JS / "translator.js")]
    given = json.dumps(texts)
    done = subprocess.run(command, input=given, text=True, capture_output=True, check=True)
    assert json.loads(done.stdout) == [tokenize(text) for text in texts]


@pytest.mark.book
def test_an_unknown_word_is_named_with_a_near_one(tmp_path: Path) -> None:
    found = in_javascript("additive", ["the catt sleeps", " ... "], tmp_path)
    assert "'catt' (did you mean cat" in found[0]["error"]
    assert found[1]["error"].startswith("No word in this sentence")


def test_every_view_is_in_the_script_of_the_page() -> None:
    script = live.views_script()
    views = [p.stem for p in SCRIPTS.glob("*.js") if "export const render" in p.read_text("utf-8")]
    (line,) = [line for line in script.splitlines() if line.startswith("return { attention_")]
    assert len(views) > 8 and all(f" {view}" in line for view in views)
    assert "\nimport " not in script and "\nexport " not in script


def test_an_output_with_a_state_becomes_alive_and_another_stays_still() -> None:
    state = explore(np.eye(2), ["<b>", "b"], ["c", "d"]).state
    html = live.live_html("05", "<p>still</p>", {STATE_MIME: packed(state)})
    text = html.partition('<script type="application/json">')[2].partition("</script>")[0]
    assert json.loads(text) == json.loads(json.dumps(state))
    assert "<b>" not in text and 'data-view="attention_map"' in html and "<p>still</p>" in html
    assert live.live_html("05", "<p>still</p>", {}) == "<p>still</p>"


def test_hints_are_folded_within_each_other_and_the_answer_is_the_last() -> None:
    exercise = REGISTRY["nb04.additive_scores"]
    text = chapters.help_for(exercise)
    folds = len(exercise.hints) + 1
    assert text.count("<details>") == text.count("</details>") == folds
    assert text.index("Hint 1") < text.index("Hint 2") < text.index("The answer of the course")
    assert "</details>" not in text[: text.index("The answer of the course")]
    assert exercise.source.strip() in text


def test_every_notebook_becomes_a_page_without_its_bootstrap_cell(
    tmp_path: Path, every: list[Chapter]
) -> None:
    terms = pages.terms()
    assert [chapter.number for chapter in every] == [f"{n:02}" for n in range(14)]
    text = chapters.page(every[4], every, terms, tmp_path)
    assert 'class=\\"am-path\\"' in text and "Run it in Colab" in text
    assert "CourseNotFound" not in text and "base64," not in text
    assert list((tmp_path / chapters.PICTURES).glob("*.png"))


def test_the_box_of_the_transformer_stands_before_its_section(every: list[Chapter]) -> None:
    cells = list(boxes.with_boxes("12", every[12].notebook.cells))
    assert len(cells) == len(every[12].notebook.cells) + 2
    (place,) = [i for i, cell in enumerate(cells) if cell.source == boxes.WORDS]
    assert cells[place + 1].source  # a page leaves an empty cell out
    (output,) = cells[place + 1].outputs
    assert unpacked(output.data[STATE_MIME])["first"]["translation"].startswith("le vieux médecin")
    assert boxes.PLACES["12"] in cells[place + 2].source
    with pytest.raises(ValueError, match="notebook 12 has no section 'Where the heads look'"):
        list(boxes.with_boxes("12", cells[:place]))


@pytest.mark.book
def test_the_words_of_a_page_are_kept_by_section_and_by_term() -> None:
    from docutils import nodes
    from docutils.core import publish_doctree

    from helpers.authoring.book import search

    first = "Page\n====\n\nAt :math:`t` or :math:`\\alpha`.\n\n"
    text = first + "Part · core · 4 min\n--------------------\n\nWords.\n\n::\n\n  code\n\nMore."
    # As Sphinx reads it, the title of a page is that of its first section.
    page = publish_doctree(text, settings_overrides={"doctitle_xform": False})
    term = nodes.term("", "query", ids=["term-query"])
    meant = nodes.definition("", nodes.paragraph("", "what asks"))
    page[0][-1].append(nodes.definition_list("", nodes.definition_list_item("", term, meant)))
    assert search.texts(page) == [
        ["page", "Page", "At t or …."],
        ["part-core-4-min", "Part", "Words. More."],
        ["term-query", "query", "what asks"],
    ]


def test_every_row_of_the_glossary_is_read(every: list[Chapter]) -> None:
    text = (pages.DOCS / "glossary.md").read_text(encoding="utf-8")
    rows = pages.glossary_rows()
    assert len(rows) == text.count("\n| ") - 1 > 100
    page = pages.glossary(every)
    assert all(korean in page for _, korean, _, _ in rows)
    assert "04_additive_attention.ipynb" in page


def test_the_names_of_a_term_lead_to_it() -> None:
    terms = pages.terms()
    assert terms["aer"] == terms["alignment error rate"] == "alignment error rate (AER)"


def test_every_printed_claim_is_in_the_ledger(every: list[Chapter]) -> None:
    printed = sum(text.count("(claimed: ") for one in every for text in pages._printed(one))
    heads = sum(any("(claimed: " in text for text in pages._printed(one)) for one in every)
    over_seeds = page.over_seeds().count("\n| ")
    assert pages.ledger(every).count("\n| ") == printed + heads + over_seeds > 100


def test_the_sheet_has_every_formula_and_the_poster_every_generation(every: list[Chapter]) -> None:
    sources = [
        cell.source for one in every for cell in one.notebook.cells if cell.cell_type == "markdown"
    ]
    formulas = sum(text.count("$$") for text in sources)
    assert pages.formula_sheet(every).count("$$") == formulas > 40
    generations = sum("**The lineage of `attend`" in text for text in sources)
    assert pages.lineage(every).count("am-generation") == generations > 5


def test_the_interface_shows_each_function_with_its_words() -> None:
    page = pages.interface()
    assert "### `attend`" in page and "## `helpers.training`" in page
    assert '"""Look up `values` by how well `queries` match `keys`' in page


@pytest.mark.book
def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(building.Refused, match="holds files that are no book"):
        building.build(tmp_path)
    assert (tmp_path / "letter.txt").is_file()
