"""The base of every widget: live through anywidget, static wherever that cannot run.

A view holds its state as plain JSON. Shown in a notebook it leaves two outputs: a still picture
as static HTML (with one sentence for where not even HTML is shown), and the live widget, which
hides the still picture for as long as it is drawn. They are two outputs because JupyterLab saves
a widget without its state: opened again it can draw nothing, and it would not fall back to HTML
in the same output. The still picture is all that a fresh, untrusted clone shows, so it uses what
JupyterLab's sanitizer lets through: tables, inline styles, no SVG, no scripts.

Beside the still picture stands the view's state, packed, because the book is built from the
committed notebook alone. A page without a kernel draws a view too: `view.state` is all that its
script reads as "state", `colours()` what it reads as "colours", and
`joined(SCRIPTS, view.state["view"])` is the script.
"""

from __future__ import annotations

import base64
import json
import secrets
import zlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from helpers import palette
from helpers.explorer.joining import joined

# Behind a still picture that has a live view. Whatever stands in the place of the live view is
# hidden until the view is drawn, because it would say that a widget is loading or missing. A
# notebook that is not trusted is shown without the mark, and a committed one has none.
STILL_MARK = (
    '<style data-still="{still}">.jp-OutputArea-child:has([data-still="{still}"]) '
    "+ .jp-OutputArea-child:not(:has(.am-root)) {{ display: none }}</style>"
)
WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
STATE_MIME = "application/x-attention-measured-state"  # which no front end draws
_HERE = Path(__file__).parent
SCRIPTS = _HERE / "js"


class View:
    """A picture that can be played with; subclasses write the static forms.

    state: JSON-ready dict, all that the browser needs; it never holds the caller's objects.
    Its "view" names the module in js/ that draws it and exports `render`.
    live: the widget, or None where anywidget is not installed. Its trait `chosen` is what
    the learner has made of the picture, in views that let Python read it; empty until then.
    """

    def __init__(self, state: dict[str, Any]) -> None:
        self.state = state
        self.live = _live_widget(state)
        if self.live is not None:
            self.live.on_msg(self._receive)

    def html(self) -> str:
        """Return the static view: HTML that says what is seen, every text escaped."""
        raise NotImplementedError

    def sentence(self) -> str:
        """Return one sentence for where not even HTML is shown."""
        raise NotImplementedError

    def answer(self, message: dict[str, Any]) -> dict[str, Any] | None:
        """Return the reply to a message from the browser; None for no reply."""
        return None

    def _receive(self, _widget: Any, message: dict[str, Any], _buffers: Any) -> None:
        reply = self.answer(message)
        if reply is not None:
            self.live.send(reply)

    def __repr__(self) -> str:
        return self.sentence()

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        data = {"text/plain": self.sentence(), "text/html": self.html()}
        return data | {STATE_MIME: packed(self.state)}, {}

    def _ipython_display_(self) -> None:
        from IPython.display import display

        still, _ = self._repr_mimebundle_()
        if self.live is None:
            display(still, raw=True)
            return
        still["text/html"] += STILL_MARK.format(still=self.live.still)
        display(still, raw=True)
        live = self.live._repr_mimebundle_()
        bundle = live[0] if isinstance(live, tuple) else live
        # The empty text keeps the output's place where a front end cannot draw widgets.
        display({"text/plain": "", WIDGET_MIME: bundle[WIDGET_MIME]}, raw=True)


def packed(state: dict[str, Any]) -> str:
    """Return a state as one line of text, compressed: written out, its numbers take a line each."""
    text = json.dumps(state, ensure_ascii=False, separators=(",", ":"))
    return base64.urlsafe_b64encode(zlib.compress(text.encode(), 9)).decode()


def unpacked(text: str) -> dict[str, Any]:
    """Return the state that `packed` made a line of. Raises ValueError for any other text."""
    try:
        return json.loads(zlib.decompress(base64.urlsafe_b64decode(text)))
    except (ValueError, zlib.error) as error:
        raise ValueError(
            f"the text {text[:20]!r} holds no state of a view ({error}); expected what `packed` "
            "returned. Refresh the notebook that it comes from."
        ) from error


def colours() -> dict[str, Any]:
    """Return what a view's script needs of the palette, as plain JSON."""
    return {
        "ramp": list(palette.WEIGHT_RAMP),
        "signed": list(palette.SIGNED_RAMP),
        "role": dict(palette.ROLE_COLOURS),
    }


def _live_widget(state: dict[str, Any]) -> Any:
    """Return an anywidget that draws `state`, or None where anywidget is not installed."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None
    kind = _live_class(anywidget.AnyWidget, traitlets, state["view"])
    return kind(state=state, colours=colours(), still=secrets.token_hex(8))


@cache
def _live_class(base: type, traits: ModuleType, view: str) -> type:
    """Return the widget class of a view; made late, because its parent may not be installed."""
    style = (_HERE / "style.css").read_text(encoding="utf-8")
    members = {
        "__module__": __name__,
        "_esm": joined(SCRIPTS, view),
        "_css": style,
        "state": traits.Dict().tag(sync=True),
        "colours": traits.Dict().tag(sync=True),
        "chosen": traits.Dict().tag(sync=True),
        "still": traits.Unicode().tag(sync=True),  # names the still picture that it hides
    }
    return type("Live", (base,), members)
