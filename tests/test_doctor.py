"""`python -m helpers doctor`: what it tells, also where much is broken or missing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import helpers
from helpers.authoring import cli, doctor
from helpers.settings import ROOT


def lines(report: list[str]) -> dict[str, str]:
    """Return the text of each part of a report by its name; later lines of a part are joined."""
    found: dict[str, str] = {}
    name = ""
    for line in report[1:]:
        name = line[:10].strip() or name
        found[name] = f"{found.get(name, '')} {line[10:]}".strip()
    return found


def test_the_command_prints_every_part(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "MEASURED_SECONDS", 0.01)
    assert cli.main(["doctor"]) == 0
    said = capsys.readouterr().out
    assert said.startswith(f"Attention, Measured {helpers.__version__}: what to send along")
    parts = lines(said.splitlines())
    assert list(parts) == list(doctor.PARTS)
    assert "cannot be told" not in said
    assert f"{os.cpu_count()} visible" in parts["cores"]
    assert parts["threads"].startswith("1 of torch, set by OMP_NUM_THREADS=1") or (
        parts["threads"].startswith("1 of torch, set by MKL_NUM_THREADS=1")
    )
    assert "ms for a small training step" in parts["speed"]
    assert "GB free of" in parts["memory"] and "ABSENT" not in parts["packages"]
    assert "(writable)" in parts["places"]
    assert parts["widgets"].startswith("yes")


@pytest.mark.parametrize(
    "error", ["ImportError('no such file')", "OSError('c10.dll')", "RuntimeError('a wrong build')"]
)
def test_it_works_where_torch_does_not(tmp_path: Path, error: str) -> None:
    """In a new Python; nothing may be imported that imports torch."""
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text(f"raise {error}")
    done = subprocess.run(
        [sys.executable, "-m", "helpers", "doctor"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stderr
    parts = lines(done.stdout.splitlines())
    assert list(parts) == list(doctor.PARTS)
    reason = error.split("'")[1]
    assert reason in parts["threads"] and reason in parts["speed"]
    assert "course: " in parts["places"] and "downloads: cannot be told" in parts["places"]


def test_nothing_that_is_missing_makes_it_fail(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No git, packages, control groups, affinity or psutil, and a working folder that is gone."""

    def absent(*_: object, **__: object) -> None:
        raise doctor.importlib.metadata.PackageNotFoundError("no such package")

    def gone() -> Path:
        raise FileNotFoundError(2, "No such file or directory")

    monkeypatch.setattr(doctor, "MEASURED_SECONDS", 0.01)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    monkeypatch.setattr(doctor.importlib.metadata, "version", absent)
    monkeypatch.setattr(doctor, "OWN_CGROUP", tmp_path / "nowhere")
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setattr(Path, "cwd", gone)
    parts = lines(list(doctor.report()))
    assert list(parts) == list(doctor.PARTS)
    assert parts["git"] == "not installed, or not on the path"
    assert parts["cores"] == "unknown number visible, all allowed, no quota known"
    assert "torch ABSENT" in parts["packages"] and parts["widgets"].startswith("no")
    assert parts["memory"].startswith("cannot be told")
    assert "here: cannot be told (FileNotFoundError" in parts["places"]
    assert "course: " in parts["places"]


def test_the_name_of_the_user_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "kim")
    assert doctor._short(tmp_path / "kim" / "course") == str(Path("~", "course"))
    assert doctor._short(str(tmp_path / "kimchi")) == str(tmp_path / "kimchi")
    monkeypatch.setattr(Path, "home", lambda: Path(tmp_path.anchor))
    assert doctor._short(tmp_path) == str(tmp_path)


def test_a_folder_that_is_not_there_or_not_writable_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor._state(lambda: tmp_path).endswith("(writable)")
    assert doctor._state(lambda: tmp_path / "none").endswith("(not there)")

    def refused(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refused)
    assert doctor._state(lambda: tmp_path).endswith("(NOT writable: Permission denied)")


@pytest.mark.parametrize(
    ("own", "files", "quota", "memory"),
    [
        ("0::/a/b\n", {"a/cpu.max": "50000 100000", "a/b/cpu.max": "max 100000"}, 0.5, None),
        ("0::/a\n", {"cpu.max": "100000 100000", "a/cpu.max": "200000 100000"}, 1.0, None),
        ("0::/\n", {"memory.max": "2000000000"}, None, 2_000_000_000),
        ("0::/\n", {"memory.max": "max", "cpu.max": "max 100000"}, None, None),
        # Version 1; the group is that of the host, whose folder a container does not see.
        (
            "4:memory:/docker/1a\n3:cpu,cpuacct:/docker/1a\n2:cpuset:/\n",
            {
                "cpu,cpuacct/cpu.cfs_quota_us": "150000",
                "cpu,cpuacct/cpu.cfs_period_us": "100000",
                "memory/memory.limit_in_bytes": "3000",
            },
            1.5,
            3000,
        ),
        (
            "1:cpu:/\n",
            {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
            None,
            None,
        ),
        ("1:cpuset:/\n", {"cpuset/cpu.max": "50000 100000"}, None, None),
    ],
)
def test_the_limits_of_a_container(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    own: str,
    files: dict[str, str],
    quota: float | None,
    memory: int | None,
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{text}\n")
    (tmp_path / "own").write_text(own)
    monkeypatch.setattr(doctor, "CGROUPS", tmp_path)
    monkeypatch.setattr(doctor, "OWN_CGROUP", tmp_path / "own")
    assert (doctor.cpu_quota(), doctor.memory_limit()) == (quota, memory)


def test_the_verdict_compares_with_what_the_machine_can() -> None:
    assert doctor.verdict(0.011, 0.010, 1).startswith("as expected")
    slow = doctor.verdict(0.05, 0.010, 1)
    assert slow.startswith(
        "5.0 times slower than this machine can (undisturbed, with one thread: 1"
    )
    assert "something else is using it" in slow and "too many threads" not in slow
    assert "or too many threads" in doctor.verdict(0.05, 0.010, 2)


def test_time_in_which_another_has_the_core_counts_by_the_clock_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A step that mostly waits stands for one whose core is taken by another process."""
    monkeypatch.setattr(doctor, "MEASURED_SECONDS", 0.05)
    waited, own = doctor._seconds(lambda: threading.Event().wait(0.02))
    assert waited > 0.019 and own < waited / 2
