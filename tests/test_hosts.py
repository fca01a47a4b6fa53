"""Where the course runs without an installation by hand: what the hosts read is in step."""

from __future__ import annotations

import json
import re
import sysconfig
from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml

import helpers
from helpers.authoring.bootstrap import address
from helpers.settings import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTAINER = json.loads((ROOT / ".devcontainer/devcontainer.json").read_text(encoding="utf-8"))


def test_the_dev_container_installs_as_the_readme_does() -> None:
    """The same packages, and on Linux without those for a GPU."""
    command = CONTAINER["postCreateCommand"]
    (extra,) = re.findall(r"`(--extra-index-url \S+)`", README)
    assert extra in command
    plain = command.replace(f"{extra} ", "").removeprefix("python -m pip ")
    assert f".venv/bin/python -m pip {plain} &&" in README


def test_the_dev_container_and_binder_have_the_same_python() -> None:
    first, *_ = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert CONTAINER["image"].rpartition(":")[2] == first.removeprefix("python=")


def test_a_single_host_file_decides_what_binder_builds() -> None:
    """repo2docker takes the first of these that it finds, so no other one may come before ours."""
    before = ("binder", ".binder", "Dockerfile", "Project.toml", "DESCRIPTION", "install.R")
    assert [name for name in before if (ROOT / name).exists()] == []
    assert (ROOT / "environment.yml").is_file()


def test_the_readmes_links_open_this_version_at_a_notebook_that_is_there() -> None:
    repository = address().removeprefix("https://github.com/")
    version = f"v{helpers.__version__}"
    host = rf"https://mybinder\.org/v2/gh/{repository}/{version}\?labpath=([^)]+)"
    (binder,) = re.findall(host, README)
    host = rf"https://colab\.research\.google\.com/github/{repository}/blob/{version}/([^)]+)"
    (colab,) = re.findall(host, README)
    (codespaces,) = re.findall(r"https://codespaces\.new/([^)]+)\)", README)
    assert (ROOT / unquote(binder)).is_file() and (ROOT / colab).is_file()
    assert codespaces == repository


def test_the_readme_says_of_each_host_whether_it_was_tried() -> None:
    table = README.partition("### Without installing anything")[2]
    hosts = re.findall(r"^\| ([A-Z][\w ]+) \|", table.partition("\n\nIn Colab")[0], re.MULTILINE)
    (told,) = re.findall(r"^\*\*What was tried\.\*\*.*?\n\n", table, re.MULTILINE | re.DOTALL)
    untried = " ".join(told.split()).partition("no record of")[2].partition(". ")[0]
    assert len(hosts) == 6
    assert [host for host in (*hosts, "macOS", "Windows", "ARM") if host not in untried] == []


@pytest.mark.parametrize("front", ["nbextensions", "labextensions"])
def test_the_script_of_the_live_views_lies_beside_python(front: str) -> None:
    """VS Code looks for it among the nbextensions, JupyterLab among the labextensions."""
    folder = Path(sysconfig.get_path("data")) / "share/jupyter" / front / "anywidget"
    assert any(folder.rglob("*.js"))
