"""Notebook 13 both ways: without Multi30k and without a network, and with it where it is kept.

Whether it goes on is asked with brief trainings; pytest's own run of the notebook asks for more.
"""

from __future__ import annotations

import pytest
from nbformat import NotebookNode

from helpers.authoring.editions import solved
from helpers.authoring.notebooks import NOTEBOOKS, execute, read_notebook
from helpers.corpus import multi30k_download
from tests.test_notebooks import briefly

PATH = NOTEBOOKS / "13_real_translation.ipynb"


def printed(notebook: NotebookNode, cell: str) -> str:
    outputs = next(c.outputs for c in notebook.cells if c.id == cell)
    return "".join(output.get("text", "") for output in outputs)


def test_without_data_and_network_it_says_so_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setenv(multi30k_download.VARIABLE, str(tmp_path))
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody listens there
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    done = execute(briefly(solved(read_notebook(PATH))), PATH.parent)
    said = printed(done, "data")
    assert "cannot be reached" in said
    assert "NOT real sentences: our own" in said
    assert not list(tmp_path.rglob("*.en"))


@pytest.mark.skipif(
    not multi30k_download.available(), reason="Multi30k is not kept on this machine"
)
def test_with_multi30k_it_runs_on_real_sentences():
    done = execute(briefly(solved(read_notebook(PATH))), PATH.parent)
    assert printed(done, "data").startswith("REAL captions: Multi30k")
