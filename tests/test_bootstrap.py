"""The first cell of a notebook, in a checkout and where only the notebook is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from importlib.metadata import version
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from packaging.version import Version

import helpers
from helpers import start
from helpers.authoring.bootstrap import bootstrap_source, put_bootstrap
from helpers.settings import ROOT

pytestmark = pytest.mark.authors

HELLO = f"Attention, Measured {helpers.__version__} · seed 0 · "
WHERE = "import helpers; print('from', helpers.__file__)"

# Makes this Python one on which the course was never installed, as on Colab.
FORGET = f"""
import sys
from pathlib import Path
sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path({str(ROOT)!r})]
sys.meta_path[:] = [f for f in sys.meta_path if "editable" not in repr(f).lower()]
"""

# Takes torch's place where it is asked how the course is fetched, because torch takes seconds to
# import. It has all that the first cell needs. The cell meets the real torch in a kernel, and where
# the course lies around the notebook or is installed.
STAND_IN = """
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace
torch = sys.modules["torch"] = ModuleType("torch")
torch.__spec__ = ModuleSpec("torch", None)
torch.device, torch.cuda = str, SimpleNamespace(is_available=lambda: False)
torch.get_num_threads = lambda: 1
torch.set_num_threads = torch.manual_seed = lambda number: None
"""
ELSEWHERE = FORGET + STAND_IN

# As in a notebook: IPython shows an error, and how it shows it is the error's own affair.
SHELL = """
import sys
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
kept = Config(HistoryManager={"enabled": False}, InteractiveShell={"colors": "nocolor"})
shell = InteractiveShell.instance(config=kept)
sys.exit(0 if all(shell.run_cell(code).success for code in sys.argv[1:]) else 1)
"""

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def run_cell(folder: Path, before: str = "", after: str = WHERE, **environment: str) -> tuple:
    """Run the cell in `folder` in a new Python; return its exit status and all that it printed."""
    done = start_cell(folder, before, after, **environment)
    said, _ = done.communicate()
    return done.returncode, said


def start_cell(folder: Path, before: str, after: str, **environment: str) -> subprocess.Popen:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("COURSE_", "PYTHONPATH"))}
    return subprocess.Popen(
        [sys.executable, "-c", SHELL, before, bootstrap_source(), after],
        cwd=folder,
        env=kept | {"PYTHONIOENCODING": "utf-8"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def without_course(folder: Path, **options: str) -> tuple:
    """As `run_cell`, where the course is neither around `folder` nor installed."""
    return run_cell(folder, before=ELSEWHERE, **options)


def git(folder: Path, *arguments: str) -> None:
    who = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    """Make `folder` a repository with one commit, under the tag of this version."""
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "The course")
    git(folder, "tag", f"v{helpers.__version__}")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The `file://` address of a repository with the course as it stands here, and its tag."""
    folder = tmp_path_factory.mktemp("published") / "course"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "helpers", folder / "helpers", ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    commit(folder)
    git(folder, "branch", "a-branch")
    return folder.as_uri()


@pytest.mark.parametrize("inside", ["notebooks", "helpers/authoring"])
def test_finds_the_checkout_around_it(inside: str) -> None:
    status, said = run_cell(ROOT / inside, before=FORGET)
    assert (status, HELLO in said) == (0, True), said
    assert f"from {ROOT / 'helpers'}" in said


def test_finds_an_installed_course_from_anywhere(tmp_path: Path) -> None:
    installed = f"import sys; sys.path.append({str(ROOT)!r})"
    status, said = run_cell(tmp_path, before=FORGET + installed)
    assert (status, HELLO in said) == (0, True), said
    assert list(tmp_path.iterdir()) == []


@needs_git
def test_fetches_the_course_where_only_the_notebook_is(tmp_path: Path, published: str) -> None:
    status, said = without_course(tmp_path, COURSE_ADDRESS=published)
    assert (status, HELLO in said) == (0, True), said
    assert f"from {tmp_path / 'attention-measured' / 'helpers'}" in said
    assert [path.name for path in tmp_path.iterdir()] == ["attention-measured"]

    # The second notebook beside it finds that copy, without the network.
    status, said = without_course(tmp_path, COURSE_ADDRESS="file:///nowhere")
    assert (status, HELLO in said) == (0, True), said


@needs_git
def test_fetches_the_branch_asked_for(tmp_path: Path, published: str) -> None:
    options = {"COURSE_ADDRESS": published, "COURSE_REF": "no-such-branch"}
    status, said = without_course(tmp_path, **options)
    assert status == 1 and "If no-such-branch is not there, take a branch" in said
    assert list(tmp_path.iterdir()) == []
    status, said = without_course(tmp_path, **options | {"COURSE_REF": "a-branch"})
    assert (status, HELLO in said) == (0, True), said


@needs_git
def test_another_project_at_the_address_is_named_and_not_kept(
    tmp_path: Path, published: str
) -> None:
    other = tmp_path / "other"
    (other / "helpers").mkdir(parents=True)
    (other / "helpers" / "__init__.py").write_text("")
    commit(other)
    here = tmp_path / "here"
    here.mkdir()
    status, said = without_course(here, COURSE_ADDRESS=other.as_uri())
    assert status == 1 and "another project" in said and "Traceback" not in said
    assert list(here.iterdir()) == []
    status, said = without_course(here, COURSE_ADDRESS=published)
    assert (status, HELLO in said) == (0, True), said


@needs_git
def test_two_notebooks_that_fetch_at_once_both_end_well(tmp_path: Path, published: str) -> None:
    two = [start_cell(tmp_path, ELSEWHERE, WHERE, COURSE_ADDRESS=published) for _ in range(2)]
    for one in two:
        said, _ = one.communicate()
        assert (one.returncode, HELLO in said) == (0, True), said
    assert [path.name for path in tmp_path.iterdir()] == ["attention-measured"]


# In place of git: what it does is the text that is put in.
FAKE_GIT = """
import os, subprocess, sys
from pathlib import Path
real = subprocess.run
def run(command, **options):
    subprocess.run, course = real, Path(command[-1])
    {does}
subprocess.run = run
"""


@needs_git
def test_a_notebook_that_was_overtaken_takes_what_the_other_has_fetched(
    tmp_path: Path, published: str
) -> None:
    overtaken = "real([*command[:-1], 'attention-measured'], check=True); return real(command)"
    before = ELSEWHERE + FAKE_GIT.format(does=overtaken)
    status, said = run_cell(tmp_path, before=before, COURSE_ADDRESS=published)
    assert (status, HELLO in said) == (0, True), said
    assert [path.name for path in tmp_path.iterdir()] == ["attention-measured"]


@needs_git
def test_a_kernel_that_dies_while_it_fetches_leaves_nothing_that_blocks(
    tmp_path: Path, published: str
) -> None:
    dies = "(course / 'helpers').mkdir(parents=True); os._exit(9)"
    status, said = run_cell(tmp_path, before=ELSEWHERE + FAKE_GIT.format(does=dies))
    assert status == 9, said
    assert [path.name[:10] for path in tmp_path.iterdir()] == [".fetching-"]
    status, said = without_course(tmp_path, COURSE_ADDRESS=published)
    assert (status, HELLO in said) == (0, True), said
    assert [path.name for path in tmp_path.iterdir()] == ["attention-measured"]


def test_what_git_says_in_another_encoding_is_shown(tmp_path: Path) -> None:
    speaks = r"sys.stderr.buffer.write(b'Adresse ung\xfcltig'); sys.exit(128)"
    does = f'return real([sys.executable, "-c", r"import sys; {speaks}"], **options)'
    status, said = run_cell(tmp_path, before=ELSEWHERE + FAKE_GIT.format(does=does))
    assert status == 1 and "Adresse ung\N{REPLACEMENT CHARACTER}ltig" in said
    assert "UnicodeDecodeError" not in said and "Traceback" not in said


def test_readme_opens_the_version_whose_helpers_the_first_cell_fetches() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    hosts = r"(?:mybinder\.org/v2/gh|colab\.research\.google\.com/github)"
    opened = re.findall(hosts + r"/[\w.-]+/[\w.-]+/(?:blob/)?([^/?]+)[/?]", readme)
    assert opened == [f"v{helpers.__version__}"] * 2


@needs_git
def test_git_on_windows_writes_the_same_bytes(tmp_path: Path) -> None:
    """Of files of each kind that is compared byte by byte, as autocrlf would change their lines."""
    course, clone = tmp_path / "course", tmp_path / "clone"
    files = [".gitattributes", "data/models/additive.pt"]
    for pattern in ("data/en-fr/**/*.t*", "data/results/*.json", "notebooks/00_*.ipynb"):
        files += [str(path.relative_to(ROOT)) for path in ROOT.glob(pattern)]
    for name in files:
        (course / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, course / name)
    commit(course)
    git(tmp_path, "clone", "--config", "core.autocrlf=true", course.as_uri(), str(clone))
    for name in files:
        assert (clone / name).read_bytes() == (ROOT / name).read_bytes(), name


@needs_git
def test_another_package_called_helpers_is_not_taken(tmp_path: Path, published: str) -> None:
    (tmp_path / "helpers").mkdir()
    (tmp_path / "helpers" / "__init__.py").write_text("raise RuntimeError('not the course')")
    status, said = without_course(tmp_path, COURSE_ADDRESS=published)
    assert (status, HELLO in said) == (0, True), said


def test_another_package_called_helpers_in_the_kernel_is_named(tmp_path: Path) -> None:
    other = tmp_path / "helpers" / "__init__.py"
    other.parent.mkdir()
    other.write_text("")
    loaded = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import helpers"
    status, said = run_cell(ROOT / "notebooks", before=FORGET + loaded)
    assert status == 1
    assert str(other) in said and "Restart the kernel" in said


@needs_git
def test_without_a_network_it_says_what_to_do_and_leaves_nothing(tmp_path: Path) -> None:
    status, said = without_course(tmp_path, COURSE_ADDRESS="file:///nowhere/course")
    assert status == 1
    assert "file:///nowhere/course" in said and "Switch the network on" in said
    assert "Traceback" not in said and len(said.splitlines()) <= 10
    assert list(tmp_path.iterdir()) == []


def test_without_git_it_says_so(tmp_path: Path) -> None:
    status, said = without_course(tmp_path, PATH=str(tmp_path))
    assert status == 1 and "'git'" in said and "Traceback" not in said
    assert list(tmp_path.iterdir()) == []


@needs_git
def test_half_a_course_is_neither_used_nor_overwritten(tmp_path: Path, published: str) -> None:
    half = tmp_path / "attention-measured" / "helpers"
    half.mkdir(parents=True)
    (half / "__init__.py").write_text("raise RuntimeError('half a course')")
    status, said = without_course(tmp_path, COURSE_ADDRESS=published)
    assert status == 1 and "Remove a broken folder attention-measured" in said
    assert [path.name for path in tmp_path.iterdir()] == ["attention-measured"]
    shutil.rmtree(tmp_path / "attention-measured")
    status, said = without_course(tmp_path, COURSE_ADDRESS=published)
    assert (status, HELLO in said) == (0, True), said


@needs_git
def test_in_a_kernel(tmp_path: Path, published: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a notebook: a short message when it fails, one line when it works, torch untouched."""
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.delenv("COURSE_SEED", raising=False)
    versions = "import torch, numpy; print(torch.__version__, numpy.__version__)"
    notebook = put_bootstrap(new_notebook(cells=[new_code_cell(FORGET)]))
    notebook.cells = [*reversed(notebook.cells), new_code_cell(versions)]

    def executed(address: str) -> nbformat.NotebookNode:
        monkeypatch.setenv("COURSE_ADDRESS", address)
        place = {"metadata": {"path": str(tmp_path)}}
        options = {"kernel_name": "python3", "allow_errors": True, "resources": place}
        arguments = ["--log-level=ERROR"]
        client = NotebookClient(nbformat.from_dict(notebook), extra_arguments=arguments, **options)
        return client.execute()

    failed = [o for o in executed("file:///nowhere").cells[1].outputs if o.output_type == "error"]
    assert len(failed) == 1 and "Switch the network on" in failed[0].evalue
    assert failed[0].traceback == [failed[0].evalue]

    cells = executed(published).cells
    assert cells[1].outputs[0].text.startswith(HELLO) and len(cells[1].outputs) == 1
    # torch names its build too, as in 2.14.1+cu130, where its package may not.
    said = [Version(text).public for text in cells[2].outputs[0].text.split()]
    assert said == [Version(version(name)).public for name in ("torch", "numpy")]


def test_put_bootstrap_goes_below_the_title_and_only_once() -> None:
    notebook = new_notebook(cells=[new_markdown_cell("# Title"), new_code_cell("1 + 1")])
    put_bootstrap(notebook)
    assert [cell.cell_type for cell in notebook.cells] == ["markdown", "code", "code"]
    notebook.cells[1].source = "an old one"
    name = notebook.cells[1].id
    put_bootstrap(notebook)
    assert len(notebook.cells) == 3
    assert (notebook.cells[1].id, notebook.cells[1].source) == (name, bootstrap_source())
    notebook.cells.append(notebook.cells[1])
    with pytest.raises(ValueError, match="2 cells have the tag"):
        put_bootstrap(notebook)


def test_start_says_when_the_notebook_is_of_another_version(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_SEED", "6")
    assert start.start() == 6
    assert capsys.readouterr().out.count("\n") == 1
    start.start("99.0.0")
    assert "belongs to version 99.0.0" in capsys.readouterr().out


def test_start_without_pytorch_names_this_python(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "find_spec", lambda name: None)
    with pytest.raises(start.SetupError, match="lacks torch and numpy") as refused:
        start.start()
    assert sys.executable in str(refused.value)
    assert len(refused.value._render_traceback_()) == 1


@pytest.mark.parametrize("seed", ["seven", f"{2**64}"])
def test_start_names_a_wrong_seed_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, seed: str
) -> None:
    monkeypatch.setenv("COURSE_SEED", seed)
    with pytest.raises(start.SetupError, match="expected a whole number"):
        start.start()


# A number of threads that torch chooses on no machine that this runs on.
ODD = (os.cpu_count() or 1) + 3
FIRST = "from helpers.start import start; start(); import torch"
CALL = "torch.set_num_threads"


@pytest.mark.parametrize(
    ("code", "variables", "by"),
    [
        (FIRST, {}, None),
        (f"import torch; {FIRST}", {}, None),
        # What the reader has set by hand stays.
        (f"import torch; {CALL}({ODD}); {FIRST}", {}, CALL),
        (FIRST, {"OMP_NUM_THREADS": "2"}, "OMP_NUM_THREADS=2"),
        (FIRST, {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "2"}, "MKL_NUM_THREADS=2"),
        # After the course has set one thread, every other number is the reader's.
        (f"{FIRST}; {CALL}(2); start()", {}, CALL),
        # No number at all is as good as none.
        (FIRST, {"OMP_NUM_THREADS": "many"}, None),
    ],
)
def test_one_thread_unless_the_reader_has_set_another_number(
    code: str, variables: dict[str, str], by: str | None
) -> None:
    """In a new Python, whatever the number of cores: the line, and what torch then has."""
    kept = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(torch.get_num_threads())"],
        cwd=ROOT,
        env=kept | {"PYTHONIOENCODING": "utf-8"} | variables,
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    *_, said, number = done.stdout.splitlines()
    # A machine of one core has one thread whatever a variable says.
    expected = "1 thread" if number == "1" else f"{number} threads ({by})"
    assert said.split(" · ")[-1] == expected
    assert by is not None or number == "1"
    assert by != CALL or number != "1"


def test_threads_that_nobody_can_be_asked_about_are_torchs_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "executable", os.devnull)
    assert start._torch_default() is None


def test_start_with_a_broken_pytorch_says_so(tmp_path: Path) -> None:
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("raise OSError('c10.dll is missing')")
    broken = FORGET + f"sys.path.insert(0, {str(tmp_path)!r})"
    status, said = run_cell(ROOT / "notebooks", before=broken)
    assert status == 1 and "c10.dll is missing" in said and "helpers doctor" in said
    assert "Traceback" not in said


def wheel(folder: Path, name: str, number: str, requires: str = "") -> None:
    """Write a wheel of an empty package, for pip to find without a network."""
    info = f"{name}-{number}.dist-info"
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {number}\n"
    head += f"Requires-Dist: {requires}\n" if requires else ""
    with zipfile.ZipFile(folder / f"{name}-{number}-py3-none-any.whl", "w") as file:
        file.writestr(f"{name}.py", "")
        file.writestr(f"{info}/METADATA", head)
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        file.writestr(f"{info}/RECORD", "")


@pytest.fixture
def local_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all pip knows; pip resolves, and installs nothing."""
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    monkeypatch.setenv("PIP_DRY_RUN", "1")
    monkeypatch.setenv("PIP_DISABLE_PIP_VERSION_CHECK", "1")
    return tmp_path


def test_small_packages_are_installed(local_pip: Path) -> None:
    wheel(local_pip, "am_small", "1.0", requires="numpy")
    assert start.install_missing(("am_small", "math")) == ["am_small"]
    assert start.install_missing(("math",), ("json",)) == []


@pytest.mark.parametrize("kept", ["numpy", "torch"])
def test_a_package_that_would_change_torch_or_numpy_is_refused(local_pip: Path, kept: str) -> None:
    wheel(local_pip, "am_greedy", "1.0", requires=f"{kept}==0.0.1")
    wheel(local_pip, kept, "0.0.1")
    with pytest.raises(start.SetupError, match="am_greedy"):
        start.install_missing(("am_greedy",))


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "WARNING: Retrying\nERROR: No matching distribution found for pooch\n\n"
            "[notice] A new release of pip is available: 25.0 -> 26.0\n"
            "[notice] To update, run: pip install --upgrade pip\n",
            "ERROR: No matching distribution found for pooch",
        ),
        ("No module named pip\n[notice] A new release\n", "No module named pip"),
        ("WARNING: careful\n[notice] A new release\n", "exit status 2"),
        ("", "exit status 2"),
    ],
)
def test_of_what_pip_says_the_error_is_shown(said: str, shown: str) -> None:
    assert start._fault(said, 2) == shown


def test_without_a_network_needed_packages_stop_and_optional_ones_do_not(
    local_pip: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(start.SetupError, match="pip install am_absent"):
        start.install_missing(("am_absent",))
    assert start.install_missing((), ("am_absent",)) == []
    assert "Without am_absent you see tables" in capsys.readouterr().out
