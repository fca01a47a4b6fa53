"""Multi30k, fetched once from its public home, checked, and kept outside the course's folder.

Multi30k holds 31,014 captions of photographs, written and translated by people: Elliott, Frank,
Sima'an and Specia (2016) for English and German, Elliott, Frank, Barrault, Bougares and Specia
(2017) for French. This module fetches task 1, raw: 29,000 captions to train on, 1,014 to choose
with (`val`) and 1,000 to test on (`test_2016_flickr`), one a line, line for line the same caption
in each language.

    paths = downloads.fetch()  # {"train.en": Path(...), "train.fr": Path(...), ...}

A file gets its name only when it is whole and its checksum is right. A file that is there already
is checked and used without asking the network; a broken one is kept until a right one can take its
place. Whatever goes wrong ends in one `DownloadError`, which says what to do.
"""

from __future__ import annotations

import errno
import gzip
import os
import shutil
import sys
import tempfile
import time
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pooch
import requests
from tqdm import tqdm
from urllib3.exceptions import ProtocolError, ReadTimeoutError

from helpers.corpus.pairs import CorpusError
from helpers.settings import ROOT

# One state of the public repository multi30k/dataset, so that the bytes never change.
COMMIT = "a3d2e0d26b56f3846f66a952536ffed4e401d05a"
BASE_URL = f"https://raw.githubusercontent.com/multi30k/dataset/{COMMIT}/data/task1/raw"
VARIABLE = "ATTENTION_COURSE_DATA"
LANGUAGES = ("en", "fr", "de")
SPLITS = ("train", "val", "test_2016_flickr")

# Seconds: to reach the server, without a single byte from it, and for one file as a whole.
CONNECT, SILENCE, LONGEST = 5.0, 20.0, 300.0
ATTEMPTS, PAUSE = 3, 1.0  # tries for one file, and seconds between two of them
# Bytes taken at a time: few, so that a server which drips is noticed soon after LONGEST.
_PIECE = 64


class DownloadError(RuntimeError):
    """A file could not be fetched or stored; the message says why and what to do."""

    def _render_traceback_(self) -> list[str]:
        """Return what IPython shows: the message alone, as the code is not what went wrong."""
        return [str(self)]


class Sums(NamedTuple):
    """The SHA-256 of a file as it is sent (gzip) and of the text in it."""

    packed: str
    text: str


FILES = {
    "train.en": Sums(
        "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f",
        "460a15fbd157e34a7a9957ee388c1ca247fe47af3ef25fb50442af6c274e0fc6",
    ),
    "train.fr": Sums(
        "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c",
        "5925a3c18f1587b6b54b87743106e6e8ab93618edb6f65d19eac0621f853a10d",
    ),
    "train.de": Sums(
        "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6",
        "2c2b73fd2b548fbcde3a875e0a78d6ee94d498bfdee6bd3eae3945779e9ddf72",
    ),
    "val.en": Sums(
        "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28",
        "1f2a23d992769b5b3d209b0a10dd0b77c08cceb1f20dfb97ed0aafa49d107227",
    ),
    "val.fr": Sums(
        "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9",
        "5304e444d842e962b2dda4d816b70b22a1765b15401642b7ca37a67477e708dc",
    ),
    "val.de": Sums(
        "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a",
        "660e09eb7e1da2f856ea13ee5ad3cf6d36b3d5b0b733c857e94c5747a3dfc660",
    ),
    "test_2016_flickr.en": Sums(
        "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9",
        "399a4382932c1aadd3ceb9bef1008d388a64c76d4ae4e9d4728c6f4301cac182",
    ),
    "test_2016_flickr.fr": Sums(
        "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90",
        "cb3160d69b002bb638e66cc7612fcd56cb0af82eadc9c142dedc438afb885ef6",
    ),
    "test_2016_flickr.de": Sums(
        "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8",
        "4be6b5b3236b79c25475c6bb829800a7ce559e9ba7a1f6c2394fe4d40be46d16",
    ),
}


def default_folder() -> Path:
    """Return where Multi30k is kept: $ATTENTION_COURSE_DATA/multi30k, else in the user's cache."""
    chosen = os.environ.get(VARIABLE, "").strip()
    root = Path(chosen).expanduser() if chosen else _cache()
    return root / "multi30k"


def _cache() -> Path:
    return Path(pooch.os_cache("attention-measured"))


def available(
    languages: Sequence[str] = ("en", "fr"),
    splits: Sequence[str] = SPLITS,
    folder: str | Path | None = None,
) -> bool:
    """Return whether every file is there with its right checksum; the network is not used."""
    home = default_folder() if folder is None else Path(folder)
    return all(_is_right(home, name) for name in _names(languages, splits))


def fetch(
    languages: Sequence[str] = ("en", "fr"),
    splits: Sequence[str] = SPLITS,
    base_url: str | None = None,
    folder: str | Path | None = None,
) -> dict[str, Path]:
    """Return the path of each file by its name ("train.en"), fetched where it is not there.

    languages: some of "en", "fr", "de"; splits: some of "train", "val", "test_2016_flickr".
    base_url: where `train.en.gz` and the others lie (the public repository by default).
    folder: where they are kept, as plain text (`default_folder()` by default).

    Raises DownloadError where a file can be neither found nor fetched, and ValueError for a
    language or split that Multi30k does not have.
    """
    names = _names(languages, splits)
    home = default_folder() if folder is None else Path(folder)
    lacking = [name for name in names if not _is_right(home, name)]
    if lacking:
        _refuse_the_course(home)
        pooch.get_logger().setLevel("WARNING")  # pooch tells each step on stderr
    for name in lacking:
        _obtain(name, home, (base_url or BASE_URL).rstrip("/"))
    return {name: home / name for name in names}


def load_captions(
    languages: Sequence[str] = ("en", "fr"),
    splits: Sequence[str] = SPLITS,
    base_url: str | None = None,
    folder: str | Path | None = None,
) -> dict[str, list[tuple[str, ...]]]:
    """Fetch what is lacking and return the captions: see `fetch` and `read`."""
    fetch(languages, splits, base_url, folder)
    return read_captions(default_folder() if folder is None else folder, languages, splits)


def read_captions(
    folder: str | Path, languages: Sequence[str] = ("en", "fr"), splits: Sequence[str] = SPLITS
) -> dict[str, list[tuple[str, ...]]]:
    """Return for each split its captions, one tuple a caption in the order of `languages`.

    The files are read as they are, whoever made them. Raises CorpusError for one that is missing,
    not UTF-8 or without a line, and where two languages do not have the same number of lines.
    """
    captions = {}
    for split in splits:
        paths = [Path(folder) / f"{split}.{language}" for language in languages]
        columns = [_lines(path) for path in paths]
        if len({len(column) for column in columns}) > 1:
            sizes = ", ".join(f"{p.name} {len(c):,}" for p, c in zip(paths, columns, strict=True))
            raise CorpusError(
                f"the files of {split!r} in {folder} have different numbers of lines ({sizes}); "
                "line by line they must be the same sentences. Take them from one source."
            )
        captions[split] = list(zip(*columns, strict=True))
    return captions


def _lines(path: Path) -> list[str]:
    remedy = "Give a folder that holds train.en, val.en and so on as UTF-8 text, one caption a line"
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise CorpusError(f"{path} cannot be read ({error.strerror}). {remedy}.") from None
    except UnicodeDecodeError:
        raise CorpusError(f"{path} is not UTF-8 text. {remedy}.") from None
    if not text:
        raise CorpusError(f"{path} is empty. {remedy}.")
    return text.removesuffix("\n").split("\n")


def _names(languages: Iterable[str], splits: Iterable[str]) -> list[str]:
    for what, given, known in (("languages", languages, LANGUAGES), ("splits", splits, SPLITS)):
        if not given or not set(given) <= set(known):
            raise ValueError(
                f"{what}={given!r}; expected a tuple of one or more of {', '.join(known)}"
            )
    return [f"{split}.{language}" for split in splits for language in languages]


def _is_right(home: Path, name: str) -> bool:
    path = home / name
    try:
        return path.is_file() and pooch.file_hash(str(path)) == FILES[name].text
    except OSError:  # it is there but cannot be read: as good as broken
        return False


def _refuse_the_course(home: Path) -> None:
    """The data are not the course's to pass on, so none may lie where it is committed from."""
    place, cache = home.resolve(), _cache().resolve()
    # A course that was unpacked into the home folder has even the user's cache inside.
    if place.is_relative_to(ROOT) and not place.is_relative_to(cache):
        raise DownloadError(
            f"{place} lies inside the course's own folder, which must stay free of Multi30k. "
            f"Set {VARIABLE} to a folder elsewhere, or unset it to use {cache}."
        )


def _obtain(name: str, home: Path, base_url: str) -> None:
    url = f"{base_url}/{name}.gz"
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _fetch_once(name, url, home)
        except (OSError, ValueError, EOFError, zlib.error) as error:
            fault, may_pass = _diagnose(error, home)
        if not may_pass or attempt == ATTEMPTS:
            break
        print(f"{name}: {fault}. Trying again ({attempt + 1} of {ATTEMPTS}).")
        time.sleep(PAUSE)
    kept = (
        f" The {name} that lies there is not the right one; it was left." * (home / name).exists()
    )
    raise DownloadError(f"{name} of Multi30k was not fetched from {url}: {fault}.{kept}")


def _fetch_once(name: str, url: str, home: Path) -> None:
    """Fetch, check, unpack and check again, beside the place where the file will lie."""
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".fetching-", dir=home) as scratch:
        checksum = f"sha256:{FILES[name].packed}"
        receive: Any = _receive  # pooch's type asks for its own parameters' names
        packed = pooch.retrieve(url, checksum, f"{name}.gz", scratch, downloader=receive)
        text = Path(scratch) / name
        with gzip.open(packed) as source, text.open("wb") as target:
            shutil.copyfileobj(source, target)
        if not _is_right(Path(scratch), name):
            raise ValueError("the unpacked text has another checksum")
        text.replace(home / name)  # at once or not at all: both lie on the same disk


def _receive(url: str, output_file: str, _: object) -> None:
    """Write what `url` sends into a file; pooch calls this and checks the file afterwards."""
    deadline = time.monotonic() + LONGEST
    # What is checked is the .gz file itself, so it must not be packed once more on its way.
    headers = {"Accept-Encoding": "identity"}
    with requests.get(url, headers=headers, stream=True, timeout=(CONNECT, SILENCE)) as answer:
        answer.raise_for_status()
        size = answer.headers.get("Content-Length", "")
        bar = _bar(url.rsplit("/", 1)[-1], int(size) if size.isdecimal() else None)
        with open(output_file, "wb") as file, bar:
            for piece in answer.iter_content(_PIECE):
                if time.monotonic() > deadline:
                    raise requests.ReadTimeout("the file as a whole took too long")
                file.write(piece)
                bar.update(len(piece))


def _bar(name: str, size: int | None) -> tqdm[Any]:
    # To stdout as text: an HTML or widget bar is dropped where a notebook is not trusted.
    return tqdm(
        total=size, desc=name, unit="B", unit_scale=True, file=sys.stdout, ncols=79, mininterval=0.5
    )


def _diagnose(error: Exception, home: Path) -> tuple[str, bool]:
    """Return what happened and what to do, and whether it may pass within seconds."""
    cause = error.args[0] if error.args else None
    by_hand = f"or put the unpacked files into {home} yourself"
    if isinstance(error, requests.exceptions.SSLError):
        return (
            "the server's certificate is not trusted, as behind a login page or a company's proxy. "
            f"Sign in to your network, let REQUESTS_CA_BUNDLE name its certificates, {by_hand}",
            False,
        )
    if isinstance(error, requests.HTTPError) and error.response is not None:
        return _diagnose_status(error.response.status_code, by_hand)
    if isinstance(error, requests.ReadTimeout) or isinstance(cause, ReadTimeoutError):
        return (
            f"the server is too slow (limits: {SILENCE:g} s without a byte, {LONGEST:g} s for the "
            f"file). Run this again later or on a faster network, {by_hand}",
            True,
        )
    if isinstance(error, requests.exceptions.ChunkedEncodingError) or isinstance(
        cause, ProtocolError
    ):
        return f"the connection broke off before the end. Run this again, {by_hand}", True
    if isinstance(error, requests.ConnectionError):
        return (
            f"the server cannot be reached: no network, or none that leads there. Connect and run "
            f"this again, {by_hand}",
            False,
        )
    if isinstance(error, requests.RequestException):
        return f"this address cannot be used ({error}). Check base_url, {by_hand}", False
    if isinstance(error, gzip.BadGzipFile) or not isinstance(error, OSError):
        return (
            "what came has a wrong checksum: it was damaged on its way, or is another file, as a "
            f"login page. Run this again on another network, {by_hand}",
            True,
        )
    return _diagnose_disk(error, home), False


def _diagnose_status(status: int, by_hand: str) -> tuple[str, bool]:
    if status in (404, 410):
        return (
            f"the server does not have this file ({status}). A newer version of the course may "
            f"know where it is now; pass that place as base_url, {by_hand}",
            False,
        )
    if status == 429 or status >= 500:
        return f"the server is busy or in trouble ({status}). Run this again later, {by_hand}", True
    return f"the server refuses ({status}). Try another network or base_url, {by_hand}", False


def _diagnose_disk(error: OSError, home: Path) -> str:
    elsewhere = f"set {VARIABLE} to a folder on another disk"
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)):
        return f"the disk of {home} is full. Free 10 MB there, or {elsewhere}"
    return f"{home} cannot be written ({error.strerror or error}). Allow it, or {elsewhere}"
