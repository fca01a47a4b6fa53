"""The book in Chromium, opened from files: each page, light and dark, wide and on a phone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Locator, Page, expect

from helpers.authoring.book import building, weights

pytestmark = pytest.mark.book
NAMES = [*building.page_names(), "search"]
PHONE, LAPTOP = {"width": 390, "height": 800}, {"width": 1280, "height": 900}
FINGER = 24  # pixels that what is touched has in height (WCAG 2.2, 2.5.8)
LARGEST = 1_500_000  # bytes that a page loads before anything is asked for
FIRST, NEXT = 1.0, 0.1  # seconds of the processor for a translation, the first with its weights
# What a text box does: the weights of a model are loaded, and a sentence is translated with them.
LOAD = """(file) => new Promise((done) => {
  const script = document.createElement("script");
  script.src = `_static/weights/${file}`;
  script.onload = done;
  document.head.append(script);
})"""
WORDS = "(name) => AttentionBook.model(name).source.filter((word) => word[0] !== '<').length"
TRANSLATE = "([name, text]) => AttentionBook.translate(name, text).target.join(' ')"


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


def test_nothing_lies_in_the_book_that_no_page_loads(book: Path) -> None:
    assert list(book.rglob("*.map")) == []


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
    pictures = [one for one in re.findall(r"<img\b[^>]*>", text) if "_static/pictures/" in one]
    assert all('loading="lazy"' in one for one in pictures)


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


@pytest.mark.parametrize("name", ["00_start_here", "04_additive_attention", "12_transformer"])
def test_each_model_can_be_chosen_and_says_how_long_it_took(
    page: Page, book: Path, name: str
) -> None:
    show(page, book, name)
    box = page.locator('.am-live[data-view="translator_box"]')
    box.scroll_into_view_if_needed()
    box.get_by_label("English sentence").fill("the old dog sleeps")
    for model, one in reversed(weights.choices().items()):
        box.get_by_label("Model").select_option(one["label"])
        page.wait_for_function("(name) => AttentionBook.model(name)", arg=model)
        expect(box.get_by_label("English sentence")).to_have_value("the old dog sleeps")
        expect(box.locator(".am-translation")).to_have_text("le vieux chien dort.")
        expect(box.locator(".am-took")).to_have_text(
            re.compile(r"translated in (less than 1|\d+) ms")
        )
        known = page.evaluate(WORDS, model)
        expect(box.locator(".am-known summary")).to_contain_text(f"{known} words")
        heads = 8 if model == "transformer" else 0
        expect(box.locator(".am-small-map")).to_have_count(heads)


def test_nothing_white_stands_behind_a_view_or_a_picture_in_the_dark(
    page: Page, book: Path
) -> None:
    show(page, book, "12_transformer")
    choose(page, "dark")
    paper = "(one) => [getComputedStyle(one).backgroundColor, getComputedStyle(one).padding]"
    for part in (".text_html:has(.am-live)", ".text_html:has(figure)", ".text_html img.am-dark"):
        assert page.locator(part).first.evaluate(paper) == ["rgba(0, 0, 0, 0)", "0px"], part


@pytest.mark.parametrize("name", sorted(weights.LABELS))
def test_a_translation_is_quick(page: Page, book: Path, name: str) -> None:
    """Counted in seconds of the page's own thread, because the clock runs on a busy machine."""
    show(page, book, "00_start_here")
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "TaskDuration")

    text = "my sister did not see the old birds because the house is small"
    before = spent()
    page.evaluate(LOAD, weights.choices()[name]["file"])
    page.evaluate(TRANSLATE, [name, text])
    assert 0 < spent() - before < FIRST
    before = spent()
    for _ in range(5):
        assert page.evaluate(TRANSLATE, [name, text]).startswith("ma sœur n' a pas vu")
    assert 0 < (spent() - before) / 5 < NEXT


def test_a_map_answers_to_the_keyboard(page: Page, book: Path) -> None:
    show(page, book, "00_start_here")
    view = page.locator('.am-live[data-view="attention_map"]').first
    view.scroll_into_view_if_needed()
    before = view.locator(".am-readout").inner_text()
    view.locator(".am-stage").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    assert view.locator(".am-readout").inner_text() != before


@pytest.fixture
def phone(browser: object) -> Iterator[Page]:
    """A page on a phone, which is touched and has no pointer that hovers."""
    context = browser.new_context(viewport=PHONE, has_touch=True, is_mobile=True)
    yield context.new_page()
    context.close()


def touched(phone: Page, book: Path, name: str, view: str) -> Locator:
    """Open a page of the book on the phone and return its first view of this kind, drawn."""
    show(phone, book, name)
    found = phone.locator(f'.am-live[data-view="{view}"]').first
    found.scroll_into_view_if_needed()
    expect(found.locator(".am-root").first).to_be_visible()
    assert phone.evaluate("innerWidth") == PHONE["width"]  # or the phone has made the page smaller
    return found


def swipe(phone: Page, start: tuple[float, float], by: tuple[float, float]) -> None:
    """Draw a finger over the screen, in pixels."""
    session = phone.context.new_cdp_session(phone)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y} for x, y in points]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    send("touchStart", start)
    for part in range(1, 11):
        send("touchMove", (start[0] + by[0] * part / 10, start[1] + by[1] * part / 10))
    send("touchEnd")


def test_a_walk_is_tapped_through(phone: Page, book: Path) -> None:
    walk = touched(phone, book, "04_additive_attention", "walk")
    count, said = walk.locator(".am-count"), walk.locator(".am-sentence")
    of = int(count.inner_text().split(" of ")[1])
    sentences = set()
    for step in range(1, of + 1):
        walk.get_by_role("button", name="Next").tap()
        expect(count).to_have_text(f"{step} of {of}")
        sentences.add(said.inner_text())
    assert len(sentences) == of > 2
    walk.get_by_role("button", name="Back").tap()
    expect(count).to_have_text(f"{of - 1} of {of}")
    state = walk.locator(".am-part-of-walk").filter(has_text=re.compile(r"^h2")).first
    state.tap()
    expect(walk.locator(".am-readout")).to_contain_text(re.compile(r"^h2 .*Here: -?\d"))
    walk.get_by_label("Word", exact=True).select_option(index=1)
    expect(walk.locator(".am-readout")).to_contain_text("Here")  # a tap stays, as no pointer leaves
    header = phone.locator(".bd-header").bounding_box()["height"]
    assert walk.locator("svg.am-walk").bounding_box()["height"] + header < PHONE["height"]


def test_no_name_is_wider_than_its_box_on_a_phone(phone: Page, book: Path) -> None:
    walk = touched(phone, book, "12_transformer", "walk")
    wider = walk.evaluate(
        """(root) => [...root.querySelectorAll(".am-part-of-walk")].filter((part) => {
          if (part.querySelector(".am-box-word")) return false; // a word has no box around it
          const [box, name] = [".am-box", ".am-box-label"].map((one) => part.querySelector(one));
          return name.getBBox().width > box.getBBox().width + 1;
        }).map((part) => part.textContent)"""
    )
    assert wider == []


def test_the_layer_in_numbers_is_changed_by_touch(phone: Page, book: Path) -> None:
    layer = touched(phone, book, "08_query_key_value", "attention_grid")
    said, slider = layer.locator(".am-readout"), layer.get_by_role("slider").first
    layer.locator('td[data-table="E"][data-t="0"][data-s="1"]').tap()
    expect(said).to_contain_text("E[0, 1] = (")
    expect(slider).to_be_disabled()
    layer.locator('td[data-table="Q"][data-t="0"][data-s="0"]').tap()
    expect(slider).to_be_enabled()
    room = slider.bounding_box()
    assert room["height"] >= FINGER
    slider.tap(position={"x": 0.9 * room["width"], "y": 0.5 * room["height"]})
    expect(said).to_contain_text(re.compile(r"Moved: E \(row 'chat'\)"))
    layer.get_by_role("button", name="Given numbers").tap()
    expect(said).to_contain_text("Move a slider")


def test_positions_are_tapped_and_drawn_aside(phone: Page, book: Path) -> None:
    """The picture is wider than the phone, so a finger must bring the rest of it into view."""
    view = touched(phone, book, "09_self_attention", "positions")
    said, heat = view.locator(".am-readout"), view.locator(".am-heat")
    heat.tap(position={"x": 200, "y": 38})  # within a cell of 4 pixels, because 40 is an edge
    expect(said).to_contain_text(re.compile(r"Position 13, dimension 9: .*pinned"))
    view.locator("svg.am-positions").nth(1).tap(position={"x": 120, "y": 50})
    expect(said).to_contain_text("Position 5, dimension 9")  # a curve chooses the position alone
    heat.scroll_into_view_if_needed()
    box, stage = heat.bounding_box(), view.locator(".am-scroll")
    assert stage.evaluate("(one) => one.scrollLeft") == 0
    swipe(phone, (250, box["y"] + 100), (-150, 0))
    phone.wait_for_function("(one) => one.scrollLeft > 100", arg=stage.element_handle())
    expect(said).to_contain_text("Position 5, dimension 9")  # a swipe is no tap


def test_a_mark_is_kept(page: Page, book: Path) -> None:
    show(page, book, "03_the_bottleneck")
    mark = page.locator(".am-marks select").first
    mark.select_option("2")
    page.reload()
    expect(page.locator(".am-marks select").first).to_have_value("2")


@pytest.fixture(scope="module")
def served(book: Path) -> Iterator[str]:
    """The book from a server, in a folder below its root: the address of that folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(book.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{book.name}"
        server.shutdown()


@pytest.mark.parametrize(
    ("asked", "anchor", "words"),
    [
        ("alignment", "term-alignment", "which source word a target word translates"),
        ("Encoders", "term-encoder", "reads the source"),
        ("AER", "term-alignment-error-rate-AER", "gold links"),
        ("정렬", "term-alignment", "which source word a target word translates"),
    ],
)
def test_search_finds_the_definition_first_and_shows_its_words(
    page: Page, book: Path, asked: str, anchor: str, words: str
) -> None:
    page.goto(f"{(book / 'search.html').as_uri()}?q={asked}")
    first = page.locator("ul.search li").first
    expect(first.locator("a")).to_have_attribute("href", f"glossary.html#{anchor}")
    expect(first.locator("p.context")).to_contain_text(words)


def test_every_result_has_its_words_and_leads_to_its_section(
    browser: object, page: Page, book: Path, served: str
) -> None:
    from_server = browser.new_page()
    for opened, folder in ((page, book.as_uri()), (from_server, served)):
        opened.goto(f"{folder}/search.html?q=saturates")
        expect(opened.locator(".search-summary")).to_contain_text("finished")
        items = opened.locator("ul.search li")
        assert items.count() > 2
        for item in items.all():
            expect(item.locator("p.context")).not_to_be_empty()
        hit = items.filter(has=opened.locator('a[href^="12_"]')).first
        expect(hit.locator("p.context")).to_contain_text(re.compile("saturat", re.I))
        hit.locator("a").click()
        expect(opened).to_have_url(re.compile(r"12_transformer\.html#what-each-part"))
    from_server.close()


def test_the_pdf_holds_every_page(book: Path) -> None:
    from helpers.authoring.book.paper import write_pdf

    # In a thread of its own, because Playwright starts only once in each.
    with ThreadPoolExecutor(1) as thread:
        path = thread.submit(write_pdf, book, ["index", "00_start_here"]).result()
    assert path.read_bytes().startswith(b"%PDF") and path.stat().st_size > 20_000
