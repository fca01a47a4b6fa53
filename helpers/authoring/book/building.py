"""Build the book: a folder of sources made from the course, then Sphinx, then what lies beside."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from helpers.authoring import Refused
from helpers.authoring.book import chapters, live, pages, weights
from helpers.authoring.bootstrap import address
from helpers.explorer import explore
from helpers.settings import ROOT

DEFAULT = ROOT / "build" / "book"
_HERE = Path(__file__).parent
SCRIPTS = (
    "views.js",
    "settings.js",
    "translator.js",
    "transformer.js",
    "live.js",
    "questions.js",
)
STYLES = ("explorer.css", "book.css")
REFERENCE = ("glossary", "formulas", "lineage", "ledger", "interface", "teaching", "cite")

SETTINGS = {
    "project": "Attention, Measured",
    "author": "The authors of Attention, Measured",
    "copyright": "the authors of Attention, Measured; text CC BY 4.0, code MIT",
    "extensions": [
        "myst_nb",
        "helpers.authoring.book.formulas",
        "helpers.authoring.book.search",
    ],
    "exclude_patterns": ["_static"],
    "templates_path": [str(_HERE / "templates")],
    "nb_execution_mode": "off",
    "nb_render_markdown_format": "myst",
    "myst_enable_extensions": ["dollarmath", "colon_fence"],
    "myst_heading_anchors": 4,
    "myst_links_external_new_tab": False,
    # A notebook writes plain text between the lines of a table; Python's highlighter reads it.
    "suppress_warnings": ["mystnb.unknown_mime_type", "misc.highlighting_failure"],
    "html_theme": "pydata_sphinx_theme",
    "html_title": "Attention, Measured",
    "html_math_renderer": "mathml",
    "html_permalinks_icon": "#",
    "html_show_sourcelink": False,
    "html_copy_source": False,
    # Sphinx's summaries would be fetched, which a page from a file must not do; search.py has ours.
    "html_show_search_summary": False,
    "html_css_files": list(STYLES),
    "html_context": {"default_mode": "auto"},
    "html_sidebars": {"**": ["globaltoc.html"]},  # all pages, as there are no parts
    "html_theme_options": {
        "navbar_center": [],
        "secondary_sidebar_items": ["page-toc"],
        "primary_sidebar_end": [],
        "footer_start": ["copyright"],
        "footer_end": [],
        "show_nav_level": 2,
        "search_bar_text": "Search the book",
        "icon_links": [{"name": "Repository", "url": address(), "icon": "fa-brands fa-github"}],
    },
    "language": "en",
}


def build(out: Path = DEFAULT, paper: bool = False) -> list[str]:
    """Build the book into the folder `out`, replacing the book that may be there.

    paper: also write book.pdf, which needs Chromium. Returns Sphinx's warnings, one a line.
    Raises Refused where the packages of the extra `book` are missing, where `out` holds something
    else than a book, and where Sphinx fails.
    """
    try:
        from sphinx.application import Sphinx
        from sphinx.errors import SphinxError
    except ImportError as error:
        raise Refused(
            f"the book needs a package that is not here ({error}). Install the extra: "
            "pip install -e '.[book]'"
        ) from error
    if out.exists() and any(out.iterdir()) and not (out / "searchindex.js").is_file():
        raise Refused(f"{out} holds files that are no book; name an empty folder with --out.")
    shutil.rmtree(out, ignore_errors=True)
    warnings = StringIO()
    with tempfile.TemporaryDirectory() as scratch:
        sources = Path(scratch, "sources")
        sources.mkdir()
        write_sources(sources)
        overrides = SETTINGS | {"html_static_path": [str(sources / "_static")]}
        try:
            app = Sphinx(
                sources,
                None,
                out,
                Path(scratch, "doctrees"),
                "html",
                confoverrides=overrides,
                status=None,
                warning=warnings,
            )
            # The definition of a term comes before the pages that use it, in a search.
            app.env.get_domain("std").object_types["term"].attrs["searchprio"] = 0
            names = {chapter.name for chapter in chapters.chapters()}
            app.connect("html-page-context", partial(_add_scripts, names))
            app.build()
            for unused in (out / "_static").rglob("*.map"):  # for those who debug the theme
                unused.unlink()
        except SphinxError as error:
            raise Refused(f"Sphinx could not build the book: {error}") from error
    if paper:
        from helpers.authoring.book.paper import write_pdf

        write_pdf(out, page_names())
    return [line for line in warnings.getvalue().splitlines() if line.strip()]


def _add_scripts(names: set[str], app: Any, pagename: str, *_context: Any) -> None:
    """Give the notebooks' pages what makes their views live; the others load nothing in vain."""
    for name in SCRIPTS if pagename in names else ():
        app.add_js_file(name, loading_method="defer")


def page_names() -> list[str]:
    """Return the names of the book's pages in their order, without the ending."""
    return ["index", *(chapter.name for chapter in chapters.chapters()), *REFERENCE]


def write_sources(folder: Path) -> None:
    """Write what Sphinx reads into `folder`: a text for each page, and _static."""
    static = folder / "_static"
    (static / "notebooks").mkdir(parents=True)
    every = chapters.chapters()
    terms = pages.terms()
    for chapter in every:
        text = chapters.page(chapter, every, terms, folder)
        _write(folder / f"{chapter.name}.ipynb", text)
        shutil.copy(chapter.path, static / "notebooks")
    _write(folder / "index.md", start_page(every))
    _write(folder / "glossary.md", pages.glossary(every))
    _write(folder / "formulas.md", pages.formula_sheet(every))
    _write(folder / "lineage.md", pages.lineage(every))
    _write(folder / "ledger.md", pages.ledger(every))
    _write(folder / "interface.md", pages.interface())
    _write(folder / "teaching.md", _page("teaching"))
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8").strip()
    _write(folder / "cite.md", _page("cite").replace("@CITATION@", citation))

    write_scripts(static)
    for name in ("js/questions.js", "js/search.js", "book.css"):
        shutil.copy(_HERE / name, static)


def write_scripts(static: Path) -> None:
    """Write into the folder `static` what makes views live in a page: scripts, style, weights."""
    for name in ("translator.js", "transformer.js", "live.js"):
        shutil.copy(_HERE / "js" / name, static)
    shutil.copy(live.SCRIPTS.parent / "style.css", static / "explorer.css")
    _write(static / "views.js", live.views_script())
    models = weights.choices()
    blank = explore(np.ones((1, 1)), ["word"], ["word"]).state
    _write(static / "settings.js", live.settings_script(models, blank))
    (static / "weights").mkdir(exist_ok=True)
    for name, one in models.items():
        _write(static / "weights" / one["file"], weights.weights_script(name))


def start_page(every: list[chapters.Chapter]) -> str:
    """Return the first page, with the list of notebooks and the order of all pages."""
    rows = [f"| {one.number} | [{one.title}]({one.name}.ipynb) |" for one in every]
    table = "\n".join(["| notebook | what it is about |", "|---|---|", *rows])
    orders = [
        _toctree("Notebooks", [one.name for one in every]),
        _toctree("Reference", list(REFERENCE)),
    ]
    return "\n\n".join([_page("start").replace("@CHAPTERS@", table), *orders]) + "\n"


def _toctree(caption: str, names: list[str]) -> str:
    return "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *names, "```"])


def _page(name: str) -> str:
    return (pages.DOCS / f"{name}.md").read_text(encoding="utf-8").strip() + "\n"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
