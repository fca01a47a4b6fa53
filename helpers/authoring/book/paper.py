"""The whole book as one PDF: the same pages, printed by Chromium, with their still pictures."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

from helpers.authoring import Refused

NAME = "book.pdf"
CHROMIUM = "/usr/bin/chromium"
# On paper nothing can be unfolded, and a picture that was not seen yet would be missing.
_UNFOLD = """async () => {
  document.documentElement.dataset.theme = "light";
  document.querySelectorAll("details").forEach((fold) => { fold.open = true; });
  const pictures = [...document.images];
  pictures.forEach((picture) => { picture.loading = "eager"; });
  await Promise.all(pictures.map((picture) => picture.decode().catch(() => {})));
}"""


def write_pdf(folder: Path, names: list[str]) -> Path:
    """Print the pages of these names into one file in the book's folder, and return its path.

    Each page of the book is an entry of the PDF's outline. Raises Refused without Chromium.
    """
    from playwright.sync_api import Error, sync_playwright
    from pypdf import PdfReader, PdfWriter

    book = PdfWriter()
    own = CHROMIUM if Path(CHROMIUM).is_file() else None
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=own)
            page = browser.new_page()
            for name in names:
                page.goto((folder / f"{name}.html").resolve().as_uri())
                page.evaluate(_UNFOLD)
                printed = page.pdf(format="A4", margin=dict.fromkeys(_EDGES, "16mm"), scale=0.85)
                first = len(book.pages)
                book.append(PdfReader(BytesIO(printed)), import_outline=False)
                title = page.locator("h1").first.inner_text().strip("# ")
                book.add_outline_item(title=title, page_number=first)
            browser.close()
    except Error as error:
        raise Refused(
            f"the PDF needs Chromium, which did not start or did not print: {error}. Install it "
            "with `python -m playwright install chromium`, or build without --pdf."
        ) from error
    path = folder / NAME
    book.compress_identical_objects()
    book.write(path)
    return path


_EDGES = ("top", "right", "bottom", "left")
