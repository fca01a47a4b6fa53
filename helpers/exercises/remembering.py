"""Remember between kernels which exercises were solved, in a small JSON file.

The file holds {"nb04.additive_scores": "correct", ...}. It lies in the user's own data folder, or
where the environment variable COURSE_PROGRESS says. If the variable is set but empty, nothing is
kept. What cannot be written is no error, because an exercise is solved all the same.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import platformdirs

VARIABLE = "COURSE_PROGRESS"
_PATIENCE = 2.0  # seconds to wait for another kernel that is writing
_LEFT_BEHIND = 10.0  # seconds after which a lock is that of a kernel that died


def file() -> Path | None:
    """Return where solved exercises are kept, None if they are not."""
    chosen = os.environ.get(VARIABLE)
    if chosen is None:
        return platformdirs.user_data_path("attention-measured", False) / "progress.json"
    return Path(chosen.strip()).expanduser() if chosen.strip() else None


def solved() -> dict[str, str]:
    """Return the verdict on each exercise that is kept as solved; none from an unreadable file."""
    path = file()
    try:
        kept = json.loads(path.read_text(encoding="utf-8")) if path else {}
    except (OSError, ValueError):
        return {}
    pairs = kept.items() if isinstance(kept, dict) else ()
    return {name: verdict for name, verdict in pairs if isinstance(verdict, str)}


def remember(name: str, verdict: str) -> str:
    """Keep the verdict on an exercise, and return '' or why that could not be done.

    Kernels take turns, so none loses what another has just kept; the file is replaced as a whole.
    """
    path = file()
    if path is None or solved().get(name) == verdict:
        return ""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(path):
            _replace(path, json.dumps({**solved(), name: verdict}, indent=1, sort_keys=True) + "\n")
    except OSError as error:
        return (
            f"It could not be kept in {path} ({error.strerror or error}), so the next kernel will "
            f"not know of it. Set {VARIABLE} to a file that can be written, or to nothing to keep "
            "no progress."
        )
    return ""


def forget() -> None:
    """Delete what is kept. Raises OSError if the file is there and cannot be deleted."""
    path = file()
    if path is not None and path.exists():
        with _alone(path):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the file's lock. Raises TimeoutError if another kernel holds it for too long."""
    lock, until = path.with_name(f"{path.name}.lock"), time.monotonic() + _PATIENCE
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL))
            break
        except FileExistsError:
            with contextlib.suppress(FileNotFoundError):
                if time.time() - lock.stat().st_mtime > _LEFT_BEHIND:
                    lock.unlink()
            if time.monotonic() > until:
                raise TimeoutError(f"{lock} is held by another kernel") from None
            time.sleep(0.01)
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)


def _replace(path: Path, text: str) -> None:
    """Write a file beside `path` and give it that name, so that nobody reads half of it."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
    try:
        with open(handle, "w", encoding="utf-8") as out:
            out.write(text)
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise
