"""A real JupyterLab and a real browser, both on this machine and without a network."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOTIFICATIONS = '{"fetchNews": "false", "checkForUpdates": false, "doNotDisturbMode": true}'
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Lab:
    """A running JupyterLab: its address, its token and the folder that it serves."""

    address: str
    token: str
    folder: Path
    settings: Path

    def write(self, name: str, cells: list[nbformat.NotebookNode]) -> None:
        """Write a notebook; its metadata name kernel and language, else JupyterLab asks."""
        metadata = {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
        notebook = nbformat.v4.new_notebook(cells=cells, metadata=metadata)
        nbformat.write(notebook, self.folder / name)

    def theme(self, name: str) -> None:
        """Choose "JupyterLab Light" or "JupyterLab Dark" for the pages opened from now on."""
        self._set("themes", f'{{"theme": "{name}"}}')

    def quiet(self) -> None:
        """Switch off news and the question whether to fetch them."""
        self._set("notification", NOTIFICATIONS)

    def _set(self, plugin: str, text: str) -> None:
        folder = self.settings / "@jupyterlab" / "apputils-extension"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{plugin}.jupyterlab-settings").write_text(text, encoding="utf-8")


@dataclass
class Notebook:
    """A notebook open in the browser, and every address that its page asked for."""

    page: object
    requests: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def run_all(self, cells: int) -> None:
        """Run every cell and wait until the last one of `cells` code cells has its number."""
        # Cells run before the session has its kernel make JupyterLab ask which one to take.
        self.page.wait_for_function(
            "() => window.jupyterapp.shell.currentWidget"
            "?.sessionContext?.session?.kernel?.status === 'idle'",
            timeout=60_000,
        )
        # Not awaited: the command's promise has no time limit, the wait below has.
        self.page.evaluate(
            "() => { window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
        )
        self.page.wait_for_function(
            "(count) => [...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')]"
            ".filter((prompt) => /\\[\\d+\\]/.test(prompt.textContent)).length === count",
            arg=cells,
            timeout=60_000,
        )

    def outside(self) -> list[str]:
        """Return the addresses asked for that lie on another machine."""
        local = {"localhost", "127.0.0.1"}
        return [
            url
            for url in self.requests
            if urlsplit(url).scheme in ("http", "https", "ws", "wss")
            and urlsplit(url).hostname not in local
        ]


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start JupyterLab on a free port with settings of its own; stop it at the end."""
    home = tmp_path_factory.mktemp("jupyter")
    folder = tmp_path_factory.mktemp("notebooks")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    token = secrets.token_hex(16)
    server = Lab(f"http://127.0.0.1:{port}", token, folder, home / "settings")
    server.quiet()
    environment = {
        **os.environ,
        "HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(server.settings),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", f"--IdentityProvider.token={token}"]
    command += [f"--ServerApp.root_dir={folder}", "--LabApp.expose_app_in_browser=True"]
    log = home / "server.log"
    with log.open("w") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file)
    try:
        _wait_for(server, process, log)
        yield server
    finally:
        process.terminate()
        process.wait(timeout=20)


def _wait_for(server: Lab, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(f"{server.address}/api?token={server.token}", timeout=5)
            return
        except (urllib.error.URLError, OSError):
            time.sleep(0.3)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """Start the Chromium named by CHROMIUM, or else the one on the path; fail without one."""
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if not path:
        pytest.fail(
            "browser tests need Chromium and found none. Install it (the package is called "
            "chromium), or set the environment variable CHROMIUM to its path."
        )
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def open_notebook(lab: Lab, browser: object) -> Iterator[object]:
    """Return a function that opens a notebook of the lab's folder in a page of its own."""
    contexts = []

    def opened(name: str, width: int = 1400, height: int = 1600) -> Notebook:
        context = browser.new_context(viewport={"width": width, "height": height})
        contexts.append(context)
        page = context.new_page()
        notebook = Notebook(page)
        page.on("request", lambda request: notebook.requests.append(request.url))
        page.on("websocket", lambda socket: notebook.requests.append(socket.url))
        page.on("pageerror", lambda error: notebook.errors.append(str(error)))
        page.goto(f"{lab.address}/lab/tree/{name}?token={lab.token}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
        return notebook

    yield opened
    for context in contexts:
        context.close()
