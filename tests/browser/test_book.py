"""The book in Chromium, opened from files: each page, light and dark, wide and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from helpers.authoring.book import building

pytestmark = pytest.mark.book
NAMES = [*building.page_names(), "search"]
PHONE, LAPTOP = {"width": 390, "height": 800}, {"width": 1280, "height": 900}
LARGEST = 1_500_000  # bytes that a page loads before anything is asked for


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("book") / "deep" / "er"
    assert building.build(out) == []
    return out


@pytest.fixture
def page(browser: object) -> Iterator[Page]:
    """A page that fails its test if it logged an error or asked for anything outside."""
    opened = browser.new_page(viewport=LAPTOP)
    faults: list[str] = []
    opened.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.on(
        "request",
        lambda asked: (
            None if asked.url.startswith(("file:", "data:", "blob:")) else faults.append(asked.url)
        ),
    )
    yield opened
    opened.close()
    assert faults == []


def show(page: Page, book: Path, name: str) -> None:
    page.goto((book / f"{name}.html").as_uri())


def choose(page: Page, theme: str) -> None:
    """Switch to a theme, and bring what fades from one colour to another to its end."""
    page.evaluate(
        """async (theme) => {
          document.documentElement.dataset.theme = theme;
          await new Promise(requestAnimationFrame);
          document.getAnimations().forEach((one) => one.finish());
        }""",
        theme,
    )


@pytest.mark.parametrize("name", NAMES)
def test_page_is_accessible_and_fits_a_phone(page: Page, book: Path, name: str) -> None:
    show(page, book, name)
    for view in page.locator(".am-live").all():
        view.scroll_into_view_if_needed()
        expect(view.locator(".am-root").first).to_be_visible()
        expect(view.locator("> .am-still")).to_be_hidden()
    # Of the rules, only the one on contrast can tell the themes apart.
    for theme, rules in (("light", {}), ("dark", {"runOnly": ["color-contrast"]})):
        choose(page, theme)
        # Without preloading, because axe would fetch the style sheets of a page from a file, and
        # without a report on what is as it should be, which takes longest on a large page.
        options = {"preload": False, "resultTypes": ["violations"], **rules}
        found = Axe().run(page, options=options).response["violations"]
        serious = [
            (one["id"], [node["target"] for node in one["nodes"]][:3])
            for one in found
            if one["impact"] in ("serious", "critical")
        ]
        assert serious == [], theme
    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_every_link_within_the_book_leads_somewhere(book: Path) -> None:
    texts = {path.name: path.read_text(encoding="utf-8") for path in book.glob("*.html")}
    ids = {name: set(re.findall(r'\bid="([^"]+)"', text)) for name, text in texts.items()}
    broken = []
    for name, text in texts.items():
        for link in re.findall(r'(?:href|src)="([^"]+)"', text):
            parts = urlsplit(link.replace("&amp;", "&"))
            if parts.scheme or link.startswith("//"):
                continue
            target, place = unquote(parts.path) or name, unquote(parts.fragment)
            missing = bool(place) and target in ids and place not in ids[target]
            if missing or not (book / target).exists():
                broken.append((name, link))
    assert broken == []


@pytest.mark.parametrize("name", NAMES)
def test_page_is_light(book: Path, name: str) -> None:
    """Its text, and the scripts and styles that it names; pictures are loaded when seen."""
    text = (book / f"{name}.html").read_text(encoding="utf-8")
    named = {
        urlsplit(link).path
        for link in re.findall(r'<(?:script|link)\b[^>]*?(?:src|href)="([^"]+)"', text)
        if re.search(r"\.(js|css)(\?|$)", link)
    }
    assert len(text) + sum((book / one).stat().st_size for one in named) < LARGEST


def test_a_typed_sentence_is_translated_and_its_walk_has_its_numbers(
    page: Page, book: Path
) -> None:
    show(page, book, "00_start_here")
    box = page.locator('.am-live[data-view="translator_box"]')
    box.scroll_into_view_if_needed()
    box.get_by_label("English sentence").fill("the old dog sleeps")
    box.get_by_label("English sentence").press("Enter")
    expect(box.locator(".am-translation")).to_have_text(re.compile("vieux chien"))
    walk = box.locator(".am-walk")
    expect(walk).to_contain_text("sleeps")
    weights = page.evaluate(
        "() => AttentionBook.translate('additive', 'the old dog sleeps').weights[0]"
    )
    expect(walk).to_contain_text(f"{max(weights):.2f}")
    box.get_by_label("English sentence").fill("the oold dog")
    box.get_by_label("English sentence").press("Enter")
    expect(box.locator(".am-error")).to_contain_text("did you mean old")


def test_a_map_answers_to_the_keyboard(page: Page, book: Path) -> None:
    show(page, book, "00_start_here")
    view = page.locator('.am-live[data-view="attention_map"]').first
    view.scroll_into_view_if_needed()
    before = view.locator(".am-readout").inner_text()
    view.locator(".am-stage").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert view.locator(".am-readout").inner_text() != before


def test_a_mark_is_kept_and_search_finds_the_definition_first(page: Page, book: Path) -> None:
    show(page, book, "03_the_bottleneck")
    mark = page.locator(".am-marks select").first
    mark.select_option("2")
    page.reload()
    expect(page.locator(".am-marks select").first).to_have_value("2")
    page.goto((book / "search.html").as_uri() + "?q=alignment")
    first = page.locator("ul.search li").first
    expect(first.locator("a").first).to_have_attribute("href", re.compile("glossary.html"))


def test_the_pdf_holds_every_page(book: Path) -> None:
    from helpers.authoring.book.paper import write_pdf

    # In a thread of its own, because Playwright starts only once in each.
    with ThreadPoolExecutor(1) as thread:
        path = thread.submit(write_pdf, book, ["index", "00_start_here"]).result()
    assert path.read_bytes().startswith(b"%PDF") and path.stat().st_size > 20_000
