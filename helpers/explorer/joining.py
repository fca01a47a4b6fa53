"""One module text of several: what anywidget can load, and a page opened from a file too.

The modules of a folder import each other by relative names, which a page can load from a server
as they are. anywidget takes one text, and a browser refuses the imports of a page that was opened
from a file. So the modules that an entry needs are joined here, each after those that it imports,
all in one scope and without the lines that import and export.

Only what the modules of this package use is understood, and anything else is refused, because a
script that was joined wrongly fails late, in a reader's browser.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

_IMPORT = re.compile(r'^import \{([\w$,\s]+)\} from "\./([\w-]+)\.js";\n', re.MULTILINE)
_DECLARED = re.compile(
    r"^(?P<export>export )?(?:async )?(?:function|class|const|let) (?P<name>[\w$]+)(?=[\s(=])"
)
# What else may begin a line that is not indented: the end of a declaration, or a comment.
_CLOSING = re.compile(r"[})\]]")
_COMMENT = re.compile(r"\s*(?://|/\*|\*)")
_MODULE_WORD = re.compile(r"(?<![\w$.\"'])(?:import|export)\b(?!\s*:)")


@dataclass(frozen=True)
class Module:
    """A module read: what it imports, by the module's name, what it declares, what it exports.

    body: its text without imports and without the word `export`.
    """

    name: str
    imports: dict[str, tuple[str, ...]]
    declared: tuple[str, ...]
    exported: tuple[str, ...]
    body: str


def read_module(folder: Path, name: str) -> Module:
    """Return the module `name`.js of a folder. Raises ValueError for what is not understood."""
    path = folder / f"{name}.js"
    if not path.is_file():
        raise ValueError(f"there is no module {path.name} in {folder}; expected one to import.")
    text = path.read_text(encoding="utf-8")
    imports: dict[str, tuple[str, ...]] = {}
    for names, other in _IMPORT.findall(text):
        if other in imports:
            raise ValueError(f"{path.name} imports {other}.js twice; write one import of both.")
        wanted = tuple(one.strip() for one in names.split(",") if one.strip())
        if renamed := [one for one in wanted if " " in one]:
            raise ValueError(
                f"{path.name} imports '{renamed[0]}'; expected names as they are exported, because "
                "all modules share one scope once they are joined."
            )
        imports[other] = wanted
    declared, exported, body = [], [], []
    for number, line in enumerate(_IMPORT.sub(_blank, text).splitlines(), 1):
        found = _DECLARED.match(line)
        if found:
            declared.append(found["name"])
            if found["export"]:
                exported.append(found["name"])
                line = line.removeprefix("export ")
        starts = bool(line) and not line[0].isspace() and not found
        commented = bool(_COMMENT.match(line))
        misplaced = _MODULE_WORD.search(line) and not commented
        if misplaced or (starts and not commented and not _CLOSING.match(line)):
            raise ValueError(
                f"line {number} of {path.name} is {line!r}; expected, at the left edge, an import "
                'of names such as `import { a, b } from "./other.js";`, a declaration of one name '
                "by function, class, const or let, with or without `export`, or a comment. "
                "Default exports, lists of exports and imports while running are not understood."
            )
        body.append(line)
    return Module(name, imports, tuple(declared), tuple(exported), "\n".join(body).strip() + "\n")


def modules_of(folder: Path, entry: str) -> list[Module]:
    """Return the modules that an entry needs, each after those that it imports, itself the last.

    Raises ValueError where modules import each other in a circle, where one imports a name that
    another does not export, and where two declare the same name.
    """
    ordered: dict[str, Module] = {}

    def visit(name: str, path: tuple[str, ...]) -> None:
        if name in path:
            circle = " -> ".join((*path[path.index(name) :], name))
            raise ValueError(
                f"modules import each other in a circle: {circle}; move what both use."
            )
        if name in ordered:
            return
        module = read_module(folder, name)
        for other, wanted in module.imports.items():
            visit(other, (*path, name))
            if missing := [one for one in wanted if one not in ordered[other].exported]:
                raise ValueError(
                    f"{name}.js imports {', '.join(missing)} from {other}.js, which exports "
                    f"{', '.join(ordered[other].exported) or 'nothing'}. Export it there."
                )
        ordered[name] = module

    visit(entry, ())
    owner: dict[str, str] = {}
    for module in ordered.values():
        for name in module.declared:
            if name in owner:
                raise ValueError(
                    f"{owner[name]}.js and {module.name}.js both declare {name}; give one of them "
                    "another name, because all modules share one scope once they are joined."
                )
            owner[name] = module.name
    return list(ordered.values())


def joined(folder: Path, entry: str) -> str:
    """Return one module, with `render` as its default export, of an entry and all that it needs.

    folder: where the modules lie. entry: the name of a module that exports `render`.
    Raises ValueError for an entry without `render`, and for what the functions above refuse.
    """
    modules = modules_of(folder, entry)
    if "render" not in modules[-1].exported:
        raise ValueError(f"{entry}.js does not export `render`; expected the module of a view.")
    return "\n".join([*(module.body for module in modules), "export default { render };\n"])


def _blank(found: re.Match[str]) -> str:
    """Return as many empty lines as an import took, so that the numbers of lines still hold."""
    return "\n" * found[0].count("\n")
