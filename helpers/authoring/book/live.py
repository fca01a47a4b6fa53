"""The views of the explorer in a page: their modules as one script, their states in the page."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from helpers.explorer.base import SCRIPTS, STATE_MIME, colours, unpacked
from helpers.explorer.joining import Module, modules_of

# The text boxes of these notebooks translate in the page, at first with the model of this name.
TRANSLATES = {"00": "additive", "04": "additive", "12": "transformer"}
NOTES = {
    "04": "In this book the trained model of 00 answers, because it comes with the course.",
}
UNABLE = (
    "In this book the box cannot translate your sentence, because its model was trained while the "
    "notebook ran. Open the notebook to use it, or take the box of 00, 04 or 12."
)


def views_script() -> str:
    """Return one classic script, `AttentionViews`, with each view's `render` under its name.

    The modules are those of the explorer, each in a scope of its own behind what it imports.
    """
    modules: dict[str, Module] = {}
    for path in sorted(SCRIPTS.glob("*.js")):
        modules |= {module.name: module for module in modules_of(SCRIPTS, path.stem)}
    scopes = [_scope(module) for module in modules.values()]
    views = [name for name, module in modules.items() if "render" in module.exported]
    return "\n".join(
        [
            "window.AttentionViews = (() => {",
            *scopes,
            f"return {{ {', '.join(views)} }};",
            "})();\n",
        ]
    )


def _scope(module: Module) -> str:
    imports = [
        f"const {{ {', '.join(names)} }} = {other};" for other, names in module.imports.items()
    ]
    lines = [*imports, module.body, f"return {{ {', '.join(module.exported)} }};"]
    return f"const {module.name} = (() => {{\n" + "\n".join(lines) + "\n})();"


def settings_script(models: dict[str, dict[str, str]], map_state: dict[str, Any]) -> str:
    """Return the script with the colours, the translators by name, and a map's state."""
    values = {
        "AttentionColours": colours(),
        "AttentionModels": models,
        "AttentionMapState": map_state,
    }
    return "".join(f"window.{name} = {json.dumps(value)};\n" for name, value in values.items())


def live_html(number: str, still: str, data: dict[str, Any]) -> str:
    """Return the still picture of an output, with the state beside it where there is one.

    number: of the notebook, such as "04". data: the output's data by MIME type.
    """
    if STATE_MIME not in data:
        return still
    state = unpacked(data[STATE_MIME])
    attributes = {"class": "am-live", "data-view": state["view"]}
    if state["view"] == "translator_box":
        attributes["data-model"] = TRANSLATES.get(number, "")
        attributes["data-note"] = NOTES.get(number, "")
        attributes["data-unable"] = UNABLE
    text = json.dumps(state, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    opening = " ".join(f'{name}="{escape(value)}"' for name, value in attributes.items())
    return (
        f'<div {opening}><div class="am-still">{still}</div>'
        f'<script type="application/json">{text}</script></div>'
    )
