"""The base of every widget: live through anywidget, static wherever that cannot run.

A view holds its state as plain JSON. Shown in a notebook it gives three forms of itself, and the
front end takes the best it can: the live widget, a static HTML view, one sentence of text. The
static view is all that a fresh, untrusted clone shows, so it uses what JupyterLab's sanitizer
lets through: tables, inline styles, no SVG, no scripts, no style sheets.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from helpers import palette
from helpers.explorer.joining import joined

WIDGET_MIME = "application/vnd.jupyter.widget-view+json"
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
        data: dict[str, Any] = {"text/plain": self.sentence(), "text/html": self.html()}
        metadata: dict[str, Any] = {}
        if self.live is not None:
            live = self.live._repr_mimebundle_()
            bundle, metadata = live if isinstance(live, tuple) else (live, {})
            data[WIDGET_MIME] = bundle[WIDGET_MIME]
        return data, metadata


def _live_widget(state: dict[str, Any]) -> Any:
    """Return an anywidget that draws `state`, or None where anywidget is not installed."""
    try:
        import anywidget
        import traitlets
    except ImportError:
        return None
    colours = {
        "ramp": list(palette.WEIGHT_RAMP),
        "signed": list(palette.SIGNED_RAMP),
        "role": dict(palette.ROLE_COLOURS),
    }
    kind = _live_class(anywidget.AnyWidget, traitlets.Dict, state["view"])
    return kind(state=state, colours=colours)


@cache
def _live_class(base: type, dictionary: type, view: str) -> type:
    """Return the widget class of a view; made late, because its parent may not be installed."""
    style = (_HERE / "style.css").read_text(encoding="utf-8")
    members = {
        "__module__": __name__,
        "_esm": joined(SCRIPTS, view),
        "_css": style,
        "state": dictionary().tag(sync=True),
        "colours": dictionary().tag(sync=True),
        "chosen": dictionary().tag(sync=True),
    }
    return type("Live", (base,), members)
