"""The slides in Chromium, opened from files: everything fits, can be read, and answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.book
PROJECTOR = {"width": 1024, "height": 768}
SMALLEST = 14  # points of 768, in text and code
LABEL = 13  # points of 768, in the boxes of a walk
SIZES = """() => {
  const slide = Reveal.getCurrentSlide();
  const scale = (node) => (node ? (Number(node.style?.zoom) || 1) * scale(node.parentElement) : 1);
  const points = (node) => parseFloat(getComputedStyle(node).fontSize) * scale(node);
  const texts = [...slide.querySelectorAll("p, li, td, pre")].filter(
    (node) => node.innerText?.trim() && !node.closest("aside, .am-view"),
  );
  return {
    high: slide.scrollHeight,
    wide: slide.scrollWidth,
    empty: slide.innerText.trim() === "" && !slide.querySelector("img, svg, canvas"),
    smallest: Math.min(...texts.map(points), 99),
  };
}"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from helpers.authoring.book import slides

    out = tmp_path_factory.mktemp("slides") / "deep"
    slides.build("04", out)
    slides.build("12", out)
    return out


@pytest.fixture
def page(browser: object) -> Iterator[Page]:
    """A page that fails its test if it logged an error or asked for anything outside."""
    opened = browser.new_page(viewport=PROJECTOR)
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


def show(page: Page, folder: Path, name: str) -> int:
    """Open slides and return how many there are."""
    page.goto((folder / f"{name}.html").as_uri())
    page.wait_for_selector(".reveal.ready")
    return page.evaluate("Reveal.getTotalSlides()")


def to_view(page: Page, view: str) -> None:
    """Go to the slide that holds a view, and wait until it is drawn."""
    found = page.evaluate(
        """(view) => {
          const slide = document.querySelector(`.am-live[data-view="${view}"]`).closest("section");
          Reveal.slide(Reveal.getIndices(slide).h);
        }""",
        view,
    )
    assert found is None
    expect(
        page.locator(f'section.present .am-live[data-view="{view}"] .am-root').first
    ).to_be_visible(timeout=30_000)


@pytest.mark.parametrize("name", ["04_additive_attention", "12_transformer"])
def test_everything_fits_and_can_be_read(page: Page, folder: Path, name: str) -> None:
    count = show(page, folder, name)
    assert 20 < count < 90
    for number in range(count):
        page.evaluate(f"Reveal.slide({number})")
        page.wait_for_timeout(80)  # a view finds its size after it is drawn
        sizes = page.evaluate(SIZES)
        assert sizes["high"] <= PROJECTOR["height"] and sizes["wide"] <= PROJECTOR["width"], number
        assert sizes["smallest"] >= SMALLEST and not sizes["empty"], number


@pytest.mark.parametrize("name", ["04_additive_attention", "12_transformer"])
def test_a_high_walk_can_be_read_from_the_back_row(page: Page, folder: Path, name: str) -> None:
    show(page, folder, name)
    to_view(page, "walk")
    read = f"""() => {{
      const labels = Reveal.getCurrentSlide().querySelectorAll(".am-walk .am-box-label");
      const sizes = [...labels].map(
        (label) => parseFloat(getComputedStyle(label).fontSize) * label.getScreenCTM().a);
      return sizes.length > 10 && Math.min(...sizes) >= {LABEL};
    }}"""
    page.wait_for_function(read)  # it is drawn once more when its buttons stand beside it


@pytest.mark.parametrize("name", ["04_additive_attention", "12_transformer"])
def test_a_high_diagram_comes_again_in_halves(page: Page, folder: Path, name: str) -> None:
    show(page, folder, name)
    halves = page.evaluate(
        """() => [...document.querySelectorAll(".am-half img")].map((image) => [
          image.style.objectPosition.split(" ").at(-1), parseFloat(image.style.width)])"""
    )
    assert [place for place, _ in halves] == ["bottom", "top"]
    assert all(800 < width <= PROJECTOR["width"] for _, width in halves)


def test_a_walk_answers_and_keeps_its_keys(page: Page, folder: Path) -> None:
    show(page, folder, "04_additive_attention")
    to_view(page, "walk")
    here = page.evaluate("Reveal.getIndices().h")
    walk = page.locator('section.present .am-live[data-view="walk"]')
    before = walk.inner_text()
    walk.get_by_role("button", name="Next").click()
    assert walk.inner_text() != before
    page.keyboard.press("ArrowRight")  # the focus is in the walk
    assert page.evaluate("Reveal.getIndices().h") == here
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("Reveal.getIndices().h") == here + 1


def test_a_sentence_of_the_class_is_translated(page: Page, folder: Path) -> None:
    show(page, folder, "04_additive_attention")
    to_view(page, "translator_box")
    box = page.locator('section.present .am-live[data-view="translator_box"]')
    box.get_by_label("English sentence").fill("the old dog sleeps")
    box.get_by_label("English sentence").press("Enter")
    expect(box.locator(".am-translation")).to_contain_text("chien")


def test_the_speaker_has_notes(page: Page, folder: Path) -> None:
    show(page, folder, "04_additive_attention")
    noted = page.evaluate(
        """() => [...document.querySelectorAll(".slides > section.am-page")]
          .filter((slide) => slide.querySelector("aside.notes"))
          .map((slide) => Reveal.getIndices(slide).h)"""
    )
    assert len(noted) > 5
    page.evaluate("(number) => Reveal.slide(number)", noted[0])
    with page.expect_popup() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    words = page.evaluate("Reveal.getCurrentSlide().querySelector('aside.notes').textContent")
    told = speaker.locator(".speaker-controls-notes .value")
    expect(told).to_contain_text(words.strip()[:60], timeout=30_000)
    speaker.close()
