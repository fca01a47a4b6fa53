"""The scripts of the explorer: parsed, linked, and joined to what a browser can load."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import tree_sitter_javascript
from tree_sitter import Language, Node, Parser, Tree

from helpers.explorer.base import SCRIPTS
from helpers.explorer.joining import joined, modules_of, read_module

NAMES = sorted(path.stem for path in SCRIPTS.glob("*.js"))
# A view's state names the module that draws it.
VIEWS = sorted(
    {
        name
        for path in SCRIPTS.parent.glob("*.py")
        for name in re.findall(r'"view": "(\w+)",', path.read_text(encoding="utf-8"))
    }
)
# What a module may use that it neither declares nor imports: the language's names and the page's.
GLOBAL = {
    *("Array", "Boolean", "Infinity", "Map", "Math", "Number", "Object", "Set", "String"),
    "undefined",
    *("IntersectionObserver", "ResizeObserver", "clearTimeout", "document"),
    *("getComputedStyle", "parseFloat", "parseInt", "window"),
}
_PARSER = Parser(Language(tree_sitter_javascript.language()))


def parse(text: str) -> Tree:
    return _PARSER.parse(text.encode())


def words(node: Node | None) -> str:
    assert node is not None and node.text is not None
    return node.text.decode()


def every(node: Node, *types: str) -> Iterator[Node]:
    """Every node of some types, from a node on, in the order of the text."""
    waiting = [node]
    while waiting:
        one = waiting.pop()
        if one.type in types:
            yield one
        waiting.extend(reversed(one.children))


@cache
def script(name: str) -> Tree:
    return parse((SCRIPTS / f"{name}.js").read_text(encoding="utf-8"))


def imports(tree: Tree) -> dict[str, tuple[str, ...]]:
    """The names that a module imports, by the address of the other."""
    found = {}
    for statement in every(tree.root_node, "import_statement"):
        names = every(statement, "import_specifier", "namespace_import", "identifier")
        source = words(statement.child_by_field_name("source")).strip("\"'")
        found[source] = tuple(words(one) for one in names if one.type == "import_specifier")
    return found


def declared(tree: Tree, only_exported: bool) -> set[str]:
    """The names that a module declares in its own scope, or those of them that it exports."""
    found = set()
    for node in tree.root_node.named_children:
        exported = node.type == "export_statement"
        inside = node.child_by_field_name("declaration") if exported else node
        if inside is None or (only_exported and not exported):
            continue
        if inside.type in ("lexical_declaration", "variable_declaration"):
            found |= {words(one.child_by_field_name("name")) for one in inside.named_children}
        elif inside.type.endswith("_declaration"):
            found.add(words(inside.child_by_field_name("name")))
    return found


def bound(node: Node) -> Iterator[str]:
    """The names that are given a meaning anywhere under a node."""
    fields = {
        "variable_declarator": "name",
        "function_declaration": "name",
        "import_specifier": "name",
        "arrow_function": "parameter",
        "for_in_statement": "left",
    }
    for one in every(node, "formal_parameters", *fields):
        if one.type in fields:
            yield from pattern(one.child_by_field_name(fields[one.type]))
        else:
            for parameter in one.named_children:
                yield from pattern(parameter)


def pattern(node: Node | None) -> Iterator[str]:
    """The names that a pattern such as `{ a, b: [c, d = 1] }` gives a meaning."""
    if node is None:
        return
    if node.type in ("identifier", "shorthand_property_identifier_pattern"):
        yield words(node)
    elif node.type in ("assignment_pattern", "object_assignment_pattern"):
        yield from pattern(node.child_by_field_name("left"))
    elif node.type == "pair_pattern":
        yield from pattern(node.child_by_field_name("value"))
    elif node.type in ("array_pattern", "object_pattern", "rest_pattern"):
        for child in node.named_children:
            yield from pattern(child)


@cache
def used(tree: Tree) -> list[str]:
    """Every name in a module, once for each place where it stands, imports left out."""
    return [
        words(node)
        for statement in tree.root_node.children
        if statement.type != "import_statement"
        for node in every(statement, "identifier", "shorthand_property_identifier")
    ]


# ---------------------------------------------------------------- the modules as they are


def test_there_are_modules_and_views() -> None:
    assert len(NAMES) > 10 and len(VIEWS) > 9


def test_the_parser_finds_an_error() -> None:
    assert parse("const a = (;").root_node.has_error
    assert parse("export function f() { return 1; ").root_node.has_error


@pytest.mark.parametrize("name", NAMES)
def test_a_module_is_javascript(name: str) -> None:
    wrong = [node.start_point for node in every(script(name).root_node, "ERROR")]
    assert not script(name).root_node.has_error, wrong
    assert words(script(name).root_node.children[0]) == "// @ts-check"


@pytest.mark.parametrize("name", NAMES)
def test_every_import_is_exported_and_used(name: str) -> None:
    tree = script(name)
    for address, names in imports(tree).items():
        other = re.fullmatch(r"\./(\w+)\.js", address)
        assert other, f"{name}.js imports from {address}"
        assert set(names) <= declared(script(other[1]), only_exported=True), address
        assert set(names) <= set(used(tree)), f"{name}.js does not use all that it imports"


@pytest.mark.parametrize("name", NAMES)
def test_every_name_comes_from_somewhere(name: str) -> None:
    # A name that another module declares is found once all are joined, but not on a page.
    tree = script(name)
    assert set(used(tree)) - set(bound(tree.root_node)) <= GLOBAL


@pytest.mark.parametrize("name", NAMES)
def test_no_name_hides_an_import(name: str) -> None:
    # A call that reaches a local of the same name fails only in the browser.
    tree = script(name)
    imported = {one for names in imports(tree).values() for one in names}
    rest = [node for node in tree.root_node.children if node.type != "import_statement"]
    assert not imported & {one for node in rest for one in bound(node)}


def test_every_export_is_imported_somewhere() -> None:
    wanted = {
        (address, name)
        for module in NAMES
        for address, names in imports(script(module)).items()
        for name in names
    }
    for module in NAMES:
        exported = declared(script(module), only_exported=True)
        idle = {name for name in exported if (f"./{module}.js", name) not in wanted}
        assert idle <= {"render"}, f"{module}.js exports {idle}, which nothing imports"


def test_every_declaration_is_used() -> None:
    for module in NAMES:
        tree = script(module)
        names = used(tree)
        own = declared(tree, only_exported=False) - declared(tree, only_exported=True)
        assert not {name for name in own if names.count(name) < 2}, module


def test_every_module_draws_a_view_or_helps_one() -> None:
    drawing = [name for name in NAMES if "render" in read_module(SCRIPTS, name).exported]
    assert drawing == VIEWS
    needed = {module.name for name in VIEWS for module in modules_of(SCRIPTS, name)}
    assert needed == set(NAMES)


# ---------------------------------------------------------------- the modules joined


@pytest.mark.parametrize("name", NAMES)
def test_the_joiner_reads_what_the_parser_reads(name: str) -> None:
    tree, module = script(name), read_module(SCRIPTS, name)
    assert {f"./{other}.js": names for other, names in module.imports.items()} == imports(tree)
    assert set(module.declared) == declared(tree, only_exported=False)
    assert set(module.exported) == declared(tree, only_exported=True)


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_one_module_that_needs_nothing(view: str) -> None:
    tree = parse(joined(SCRIPTS, view))
    assert not tree.root_node.has_error
    assert not imports(tree)
    exports = [words(node) for node in every(tree.root_node, "export_statement")]
    assert exports == ["export default { render };"]
    assert set(used(tree)) - set(bound(tree.root_node)) <= GLOBAL
    assert not list(every(tree.root_node, "import")), "none while it runs either"


def test_a_view_carries_only_what_it_imports() -> None:
    assert [module.name for module in modules_of(SCRIPTS, "growing")] == ["common", "growing"]
    assert "createLines" in joined(SCRIPTS, "translator_box")
    assert "createLines" not in joined(SCRIPTS, "gallery")


def write(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        (folder / f"{name}.js").write_text(text, encoding="utf-8")
    return folder


def test_modules_come_after_what_they_import(tmp_path: Path) -> None:
    write(
        tmp_path,
        base="// The base.\nexport const ONE = 1;\n",
        middle='import { ONE } from "./base.js";\nexport function two() {\n  return ONE + 1;\n}\n',
        view='import {\n  ONE,\n} from "./base.js";\nimport { two } from "./middle.js";\n'
        "export const render = () => ONE + two();\n",
    )
    assert joined(tmp_path, "view") == (
        "// The base.\nconst ONE = 1;\n\n"
        "function two() {\n  return ONE + 1;\n}\n\n"
        "const render = () => ONE + two();\n\n"
        "export default { render };\n"
    )


OTHER = "export const a = 1;\nconst hidden = 2;\n"
REFUSED = [
    ('import { a as b } from "./other.js";\n', "imports 'a as b'; expected names as they are"),
    ('import a from "./other.js";\n', "line 1 of view.js"),
    ('import * as a from "./other.js";\n', "line 1 of view.js"),
    ('import { a } from "other";\n', "line 1 of view.js"),
    (
        'import { a } from "./other.js";\nimport { a } from "./other.js";\n',
        "imports other.js twice",
    ),
    ('import { hidden } from "./other.js";\n', "imports hidden from other.js, which exports a"),
    ('import { a } from "./missing.js";\n', "there is no module missing.js"),
    ("export default { };\n", "line 1 of view.js is 'export default { };'"),
    ("const b = 1;\nexport { b };\n", "line 2 of view.js"),
    ('export * from "./other.js";\n', "line 1 of view.js"),
    ("const { b } = window;\n", "line 1 of view.js"),
    ("start();\n", "line 1 of view.js is 'start..;'; expected, at the left edge"),
    ('function later() {\n  return import("./other.js");\n}\n', "line 2 of view.js"),
    ('import { a } from "./other.js";\nconst hidden = a;\n', "other.js and view.js both declare"),
    ('import { a } from "./other.js";\nimport { c } from "./back.js";\n', "view -> back -> view"),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_cannot_be_joined_is_refused(tmp_path: Path, text: str, message: str) -> None:
    view = text + "export function render() {\n}\n"
    back = 'import { render } from "./view.js";\nexport const c = render;\n'
    write(tmp_path, other=OTHER, back=back, view=view)
    with pytest.raises(ValueError, match=message):
        joined(tmp_path, "view")


def test_an_entry_without_render_is_refused(tmp_path: Path) -> None:
    write(tmp_path, view=OTHER)
    with pytest.raises(ValueError, match="view.js does not export `render`"):
        joined(tmp_path, "view")
