"""The files that say what to install agree with each other, and the README with what is run."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

import helpers
from helpers.authoring.bootstrap import address
from helpers.settings import ROOT

# What conda-forge calls a package otherwise: without CUDA, and without a desktop toolkit.
CONDA_NAMES = {"pytorch-cpu": "torch", "matplotlib-base": "matplotlib"}
CUDA = re.compile(r"nvidia|triton|cuda")


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


PROJECT = tomllib.loads(read("pyproject.toml"))["project"]
README = read("README.md")


def by_name(lines: list[str]) -> dict[str, Requirement]:
    """Return the requirements of these lines under their normalised names."""
    found = [Requirement(line) for line in lines]
    assert len({canonicalize_name(r.name) for r in found}) == len(found), "a package named twice"
    return {canonicalize_name(r.name): r for r in found}


def lock_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def lock_faults(text: str) -> list[str]:
    """Return the lines of a lock that would not install, or not the same, on another machine."""
    exact = re.compile(r"[a-z0-9-]+==[0-9][0-9a-z.]*( ; .+)?")
    lines = lock_lines(text)
    return [line for line in lines if not exact.fullmatch(line) or CUDA.match(line)]


DEPENDENCIES = by_name(PROJECT["dependencies"])
WITH_TESTS = by_name(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["test"])
WITH_BOOK = by_name(PROJECT["dependencies"] + PROJECT["optional-dependencies"]["book"])
LOCK = by_name(lock_lines(read("requirements.txt")))


def locked_version(name: str) -> Version:
    (only,) = LOCK[name].specifier
    return Version(only.version)


def test_lock_has_exact_versions_that_install_anywhere() -> None:
    assert lock_faults(read("requirements.txt")) == []
    assert str(LOCK["torch"]) == "torch==2.13.0"


@pytest.mark.parametrize(
    "line",
    [
        "torch==2.13.0+cpu",
        "numpy>=2.0",
        "-e .",
        "numpy @ file:///numpy.whl",
        "nvidia-cudnn-cu13==9.20.0.48",
        "--extra-index-url" + " https://example.org",
    ],
)
def test_lock_faults_are_found(line: str) -> None:
    assert lock_faults(f"# a comment\nnumpy==2.4.6\n{line}\n") == [line]


def test_lock_says_how_to_renew_it_as_the_readme_does() -> None:
    command = re.search(r"`(uv pip compile [^`]+)`", README)[1]
    assert command in read("requirements.txt").split("\nanyio")[0]


@pytest.mark.parametrize("name", sorted(WITH_TESTS | WITH_BOOK))
def test_lock_lies_in_the_range_of_pyproject(name: str) -> None:
    assert locked_version(name) in (WITH_TESTS | WITH_BOOK)[name].specifier


def is_as_locked(name: str) -> bool:
    """Whether the version installed here, without its build such as +cpu, is that of the lock."""
    return Version(metadata.version(name)).public == str(locked_version(name))


# The book's packages are installed only where the book is built, so its half waits for its tests.
@pytest.mark.parametrize(
    "wanted", [WITH_TESTS, pytest.param(WITH_BOOK, marks=pytest.mark.book)], ids=["test", "book"]
)
def test_lock_is_complete(wanted: dict[str, Requirement]) -> None:
    """What these packages bring along, in the versions installed here, has a line in the lock."""
    waiting, reached = [*wanted.values()], set()
    while waiting:
        requirement = waiting.pop()
        extras = requirement.extras or {""}
        name = canonicalize_name(requirement.name)
        if (name, *sorted(extras)) in reached or CUDA.match(name):
            continue
        reached.add((name, *sorted(extras)))
        if name not in LOCK or not is_as_locked(name):
            continue  # another version may need other packages
        for line in metadata.requires(name) or []:
            needed = Requirement(line)
            marker = needed.marker
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(needed)
    assert {name for name, *_ in reached} <= set(LOCK)


def test_conda_environment_is_in_step() -> None:
    environment = yaml.safe_load(read("environment.yml"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    python, *others = environment["dependencies"]
    assert re.fullmatch(r"python=3\.1[1-4]", python)
    conda = {
        canonicalize_name(CONDA_NAMES.get(r.name, r.name)): r.specifier
        for r in map(Requirement, others)
    }
    assert conda == {name: r.specifier for name, r in DEPENDENCIES.items()}


# What a package is imported as, to what it is called where it is declared.
DISTRIBUTIONS = metadata.packages_distributions()


def imported(code: str) -> set[str]:
    """Return the top-level packages that `code` imports, anywhere in it, but not Python's own."""
    names = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    return {name.split(".")[0] for name in names} - sys.stdlib_module_names


def undeclared(codes: Iterable[str], declared: Iterable[str]) -> set[str]:
    """Return the packages that `codes` import and that no line of `declared` brings along."""
    found = set().union(*(imported(code) for code in codes)) - {"helpers", "tests"}
    known = {canonicalize_name(name) for name in declared}
    return {
        name
        for name in found
        if not known & {canonicalize_name(d) for d in DISTRIBUTIONS.get(name, [name])}
    }


def code_of(path: Path) -> str:
    """Return the Python code of a module, or of a notebook without its commands to IPython."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        return text
    cells = [cell for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    lines = "\n".join("".join(cell["source"]) for cell in cells).splitlines()
    return "\n".join(line for line in lines if not line.startswith(("%", "!")))


def test_what_the_course_imports_is_declared() -> None:
    book = ROOT / "helpers/authoring/book"
    paths = [*(ROOT / "helpers").rglob("*.py"), *(ROOT / "notebooks").glob("*.ipynb")]
    assert len(paths) > 100
    assert undeclared((code_of(p) for p in paths if book not in p.parents), DEPENDENCIES) == set()
    assert undeclared(map(code_of, book.glob("*.py")), WITH_BOOK) == set()


def test_what_the_tests_import_is_declared() -> None:
    book = ROOT / "tests/test_book.py"  # needs the book's packages for some of its tests
    paths = [ROOT / "conftest.py", *(ROOT / "tests").rglob("*.py")]
    assert undeclared((code_of(p) for p in paths if p != book), WITH_TESTS) == set()
    assert undeclared([code_of(book)], WITH_BOOK | WITH_TESTS) == set()


def test_an_undeclared_import_is_found() -> None:
    code = "import os.path, torch\ndef draw():\n    from PIL.Image import new\n    import yaml"
    assert undeclared([code], ["torch", "Pillow", "PyYAML"]) == set()
    assert undeclared([code], ["torch"]) == {"PIL", "yaml"}


def test_each_worker_and_kernel_has_one_thread() -> None:
    assert torch.get_num_threads() == 1
    assert os.environ["OMP_NUM_THREADS"] == "1"


def test_version_is_the_same_everywhere() -> None:
    assert yaml.safe_load(read("CITATION.cff"))["version"] == helpers.__version__
    assert f"## {helpers.__version__}" in read("CHANGELOG.md")


def blocks(language: str, words: str) -> list[str]:
    """Return the README's fenced blocks in `language` that hold `words`."""
    found = re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)
    return [block.strip() for block in found if words in block]


def test_readme_has_two_commands_of_one_line_for_each_system() -> None:
    for language in ("bash", "powershell"):
        start, test = blocks(language, "pip install")
        assert "\n" not in start + test
        assert "-c requirements.txt -e ." in start and "00_start_here.ipynb" in start
        assert '-c requirements.txt -e ".[test]"' in test and test.endswith("python -m pytest")


def test_ci_runs_the_test_command_of_the_readme() -> None:
    command = blocks("bash", "pip install")[1]
    assert command in [line.strip() for line in read(".ci/run").splitlines()]


def test_ci_checks_the_types() -> None:
    commands = [line for line in read(".ci/run").splitlines() if "-m basedpyright" in line]
    assert len(commands) == 1 and not commands[0].startswith("#")
    included = tomllib.loads(read("pyproject.toml"))["tool"]["pyright"]["include"]
    assert "helpers" in included and all((ROOT / name).exists() for name in included)


def test_readme_links_to_the_notebooks_there_are() -> None:
    linked = set(re.findall(r"\]\(notebooks/([^)]+)\)", README))
    assert linked == {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}


def test_readme_files_and_commands_exist() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
    from helpers.authoring.cli import main

    for command in re.findall(r"`python -m helpers (\w+)", README):
        with pytest.raises(SystemExit) as stopped:
            main([command, "--help"])
        assert stopped.value.code == 0, command


def addresses(text: str) -> set[str]:
    """Return the owner/name of every GitHub repository that is named in `text`."""
    host = r"(?:github\.com/|mybinder\.org/v2/gh/|colab\.research\.google\.com/github/)"
    return set(re.findall(host + r"([\w.-]+/[\w.-]+?)(?:\.git)?(?=[/\s\"')\]>,\\]|$)", text))


OURS = address().removeprefix("https://github.com/")


@pytest.mark.parametrize("name", ["README.md", "CITATION.cff"])
def test_every_address_is_the_one_of_pyproject(name: str) -> None:
    assert addresses(read(name)) == {OURS}


def test_notebooks_name_no_other_address_of_the_course() -> None:
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        named = addresses(json.dumps(json.loads(path.read_text(encoding="utf-8"))))
        ours = OURS.split("/")[1]
        assert {a for a in named if a.split("/")[1] == ours} == {OURS}, path.name


@pytest.mark.parametrize(
    "text",
    [
        "see https://github.com/someone/else/issues.",
        "(https://mybinder.org/v2/gh/someone/else/HEAD?labpath=x)",
        '"https://colab.research.google.com/github/someone/else/blob/main/x.ipynb"',
        "git clone https://github.com/someone/else\n",
        "git clone https://github.com/someone/else.git\n",
    ],
)
def test_another_address_is_found(text: str) -> None:
    assert addresses(text) == {"someone/else"}
