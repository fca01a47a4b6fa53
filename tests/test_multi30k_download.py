"""Fetching Multi30k: what arrives, what is refused and what is said, from a server in a thread.

The files are small and made here, with their own checksums; neither the data nor a network is used.
"""

from __future__ import annotations

import contextlib
import errno
import gzip
import hashlib
import io
import logging
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from helpers.corpus import multi30k_download
from helpers.corpus.multi30k_download import DownloadError, Sums

TEXTS = {name: f"{name}: un café\n{name}: l'été\n".encode() for name in multi30k_download.FILES}
PACKED = {name: gzip.compress(text, mtime=0) for name, text in TEXTS.items()}
NAME = "val.fr"
REAL = dict(multi30k_download.FILES)


def sums(packed: bytes, text: bytes) -> Sums:
    return Sums(hashlib.sha256(packed).hexdigest(), hashlib.sha256(text).hexdigest())


class Server(ThreadingHTTPServer):
    """Sends PACKED; `faults` holds what goes wrong with the next requests, one entry each."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.faults: list = []
        self.asked: list[str] = []
        self.headers: list = []
        self.released = threading.Event()
        self.before_sending = lambda: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/raw"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing on stderr."""

    def handle(self) -> None:
        with contextlib.suppress(ConnectionError):  # the client gives up on a slow server
            super().handle()

    def do_GET(self) -> None:
        name = self.path.removeprefix("/raw/").removesuffix(".gz")
        self.server.asked.append(name)
        self.server.headers.append(dict(self.headers))
        fault = self.server.faults.pop(0) if self.server.faults else None
        body = PACKED[name] if not isinstance(fault, bytes) else fault
        if isinstance(fault, int):
            return self.send_error(fault)
        if fault in ("silent", "hangs up"):
            return self.server.released.wait(5 * (fault == "silent"))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "cut off":
            self.wfile.write(body[: len(body) // 2])
        elif fault == "stops":
            self.wfile.write(body[:10])
            self.server.released.wait(5)
        elif fault == "drips":
            for k in range(len(body)):
                self.wfile.write(body[k : k + 1])
                self.server.released.wait(0.02)
        else:
            self.wfile.write(body[:10])
            self.server.before_sending()
            self.wfile.write(body[10:])


@pytest.fixture
def server(monkeypatch):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    own = {name: sums(PACKED[name], text) for name, text in TEXTS.items()}
    monkeypatch.setattr(multi30k_download, "FILES", own)
    monkeypatch.setattr(multi30k_download, "PAUSE", 0.01)
    server = Server()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def fetch(server, tmp_path):
    """Fetch one file, val.fr, into tmp_path/data."""
    return lambda **changed: multi30k_download.fetch(
        **{"languages": ("fr",), "splits": ("val",), "base_url": server.url} | changed,
        folder=tmp_path / "data",
    )


def inside(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def fails(fetch, tmp_path, *parts: str) -> None:
    """Demand one DownloadError that names file, address and `parts`, and leaves nothing behind."""
    before = inside(tmp_path / "data") if (tmp_path / "data").exists() else []
    with pytest.raises(DownloadError) as caught:
        fetch()
    text = str(caught.value)
    assert caught.value.__context__ is None, "one message, not a chain of them"
    assert caught.value._render_traceback_() == [text]
    for part in (NAME, "/raw/val.fr.gz", *parts):
        assert part in text, text
    assert inside(tmp_path / "data") == before
    assert ("not the right one; it was left" in text) == bool(before)


def test_every_file_arrives_unpacked_under_its_name(server, tmp_path, capsys):
    home = tmp_path / "new" / "data"
    multi30k_download.pooch.get_logger().setLevel("INFO")
    paths = multi30k_download.fetch(
        multi30k_download.LANGUAGES, base_url=server.url + "/", folder=home
    )
    assert paths == {name: home / name for name in TEXTS}
    assert {name: path.read_bytes() for name, path in paths.items()} == TEXTS
    assert inside(home) == sorted(TEXTS)
    assert sorted(server.asked) == sorted(TEXTS)
    said = capsys.readouterr()
    assert "train.en.gz: 100%" in said.out
    assert said.err == "" and multi30k_download.pooch.get_logger().level > logging.INFO


def test_by_default_english_and_french_of_all_three_splits(server, tmp_path):
    pairs = multi30k_download.load_captions(base_url=server.url, folder=tmp_path)
    assert sorted(server.asked) == sorted(name for name in TEXTS if not name.endswith(".de"))
    assert list(pairs) == ["train", "val", "test_2016_flickr"]
    assert pairs["val"] == [
        ("val.en: un café", "val.fr: un café"),
        ("val.en: l'été", "val.fr: l'été"),
    ]


def test_what_is_there_is_used_without_a_request(fetch, server, tmp_path):
    assert fetch() == {NAME: tmp_path / "data" / NAME}
    assert server.headers[0]["Accept-Encoding"] == "identity"
    stamp = (tmp_path / "data" / NAME).stat().st_mtime_ns
    assert fetch(base_url="http://127.0.0.1:9/closed") == {NAME: tmp_path / "data" / NAME}
    assert server.asked == [NAME]
    assert (tmp_path / "data" / NAME).stat().st_mtime_ns == stamp


@pytest.mark.parametrize("broken", [b"", TEXTS[NAME][:-1], b"another text\n"])
def test_a_broken_file_is_replaced(fetch, server, tmp_path, broken):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / NAME).write_bytes(broken)
    os.link(tmp_path / "data" / NAME, tmp_path / "the old one")
    fetch()
    assert (tmp_path / "the old one").read_bytes() == broken, "not written over, but renamed over"
    assert server.asked == [NAME]
    assert (tmp_path / "data" / NAME).read_bytes() == TEXTS[NAME]
    assert inside(tmp_path / "data") == [NAME]


def test_a_broken_file_stays_until_a_right_one_is_there(fetch, server, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / NAME).write_bytes(b"half of it")
    server.faults = [404]
    fails(fetch, tmp_path)
    assert (tmp_path / "data" / NAME).read_bytes() == b"half of it"


def test_nothing_has_the_final_name_before_it_is_whole(fetch, server, tmp_path):
    seen = []
    server.before_sending = lambda: seen.append(inside(tmp_path / "data"))
    fetch()
    ((working,),) = seen
    assert working.startswith(".fetching-"), "beside its place, so that a rename is enough"


def test_an_interrupt_leaves_nothing_behind(fetch, tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(multi30k_download.tqdm, "update", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fetch()
    assert inside(tmp_path / "data") == []


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(gzip.compress(b"another text\n", mtime=0), id="another file"),
        pytest.param(gzip.compress(TEXTS[NAME], mtime=1), id="the same text, packed anew"),
        pytest.param(b"<html>Sign in to this network</html>", id="login page"),
        pytest.param(b"", id="nothing"),
        pytest.param(PACKED[NAME][:-3], id="short, with a length to match"),
    ],
)
def test_a_wrong_checksum_is_refused(fetch, server, tmp_path, sent):
    server.faults = [sent] * multi30k_download.ATTEMPTS
    fails(fetch, tmp_path, "wrong checksum", "Run this again on another network")
    assert len(server.asked) == multi30k_download.ATTEMPTS


@pytest.mark.parametrize(
    "packed",
    [PACKED[NAME], PACKED[NAME][:-9], b"no gzip at all"],
    ids=["another text", "cut off", "not packed"],
)
def test_the_unpacked_text_is_checked_too(fetch, server, tmp_path, monkeypatch, packed):
    text = TEXTS[NAME] if packed != PACKED[NAME] else b"what it should be"
    monkeypatch.setitem(multi30k_download.FILES, NAME, sums(packed, text))
    server.faults = [packed] * multi30k_download.ATTEMPTS
    fails(fetch, tmp_path, "wrong checksum")


@pytest.mark.parametrize("fault", ["cut off", "hangs up"])
def test_a_connection_that_breaks_off_is_named(fetch, server, tmp_path, fault):
    server.faults = [fault] * multi30k_download.ATTEMPTS
    fails(fetch, tmp_path, "broke off before the end", "Run this again")
    assert len(server.asked) == multi30k_download.ATTEMPTS


@pytest.mark.parametrize("fault", ["silent", "stops"])
def test_a_silent_server_is_given_up(fetch, server, tmp_path, monkeypatch, fault):
    monkeypatch.setattr(multi30k_download, "SILENCE", 0.1)
    server.faults = [fault] * multi30k_download.ATTEMPTS
    fails(fetch, tmp_path, "the server is too slow", "0.1 s without a byte", "Run this again later")


def test_a_server_that_drips_is_given_up(fetch, server, tmp_path, monkeypatch):
    """Each byte comes in time, the file would not."""
    monkeypatch.setattr(multi30k_download, "LONGEST", 0.05)
    monkeypatch.setattr(multi30k_download, "_PIECE", 4)
    server.faults = ["drips"] * multi30k_download.ATTEMPTS
    fails(fetch, tmp_path, "the server is too slow", "0.05 s for the file")


@pytest.mark.parametrize(
    ("status", "requests", "parts"),
    [
        (404, 1, ("does not have this file (404)", "base_url")),
        (410, 1, ("does not have this file (410)", "base_url")),
        (403, 1, ("the server refuses (403)", "base_url")),
        (429, 3, ("busy or in trouble (429)", "later")),
        (503, 3, ("busy or in trouble (503)", "later")),
    ],
)
def test_what_the_server_answers_is_told(fetch, server, tmp_path, status, requests, parts):
    server.faults = [status] * 3
    fails(fetch, tmp_path, *parts, "or put the unpacked files into")
    assert len(server.asked) == requests


@pytest.mark.parametrize("fault", [500, "cut off", "hangs up", b"damaged"])
def test_one_failure_is_tried_again(fetch, server, tmp_path, capsys, fault):
    server.faults = [fault]
    fetch()
    assert server.asked == [NAME, NAME]
    assert (tmp_path / "data" / NAME).read_bytes() == TEXTS[NAME]
    assert "Trying again (2 of 3)" in capsys.readouterr().out


def test_without_a_network_one_message_comes_at_once(server, tmp_path, capsys):
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as closed:
        port = closed.server_port  # free again as soon as this server is gone
    with pytest.raises(DownloadError) as caught:
        multi30k_download.fetch(base_url=f"http://127.0.0.1:{port}/raw", folder=tmp_path / "data")
    assert "cannot be reached" in str(caught.value) and "Connect and run" in str(caught.value)
    assert str(tmp_path / "data") in str(caught.value)
    assert capsys.readouterr().out == "", "no second try, and no bar for what never began"


def test_a_certificate_that_is_not_trusted_is_told_from_no_network(tmp_path, monkeypatch):
    def untrusted(*_: object, **__: object) -> None:
        raise multi30k_download.requests.exceptions.SSLError("self-signed certificate")

    monkeypatch.setattr(multi30k_download.requests, "get", untrusted)
    with pytest.raises(DownloadError, match="certificate is not trusted.*Sign in.*CA_BUNDLE"):
        multi30k_download.fetch(folder=tmp_path)


def test_an_address_that_is_none_is_named(fetch):
    with pytest.raises(DownloadError, match="this address cannot be used.*Check base_url"):
        fetch(base_url="not-an-address")


class FullFile(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, _: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("moment", ["receiving", "unpacking"])
def test_a_full_disk_is_named_and_left_clean(fetch, server, tmp_path, monkeypatch, moment):
    if moment == "receiving":
        monkeypatch.setattr(multi30k_download, "open", lambda *_: FullFile(), raising=False)
    else:
        copy = SimpleNamespace(copyfileobj=lambda *_: FullFile().write(b""))
        monkeypatch.setattr(multi30k_download, "shutil", copy)
    fails(fetch, tmp_path, "is full", "Free 10 MB", "ATTENTION_COURSE_DATA", str(tmp_path / "data"))
    assert server.asked == [NAME], "a full disk does not pass within seconds"


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DownloadError, match="cannot be written.*ATTENTION_COURSE_DATA"):
        multi30k_download.fetch(base_url=server.url, folder=tmp_path / "file" / "data")
    assert server.asked == []


def test_what_was_fetched_before_a_failure_is_kept(server, tmp_path):
    server.faults = [None, 404]
    with pytest.raises(DownloadError, match=r"val\.fr of Multi30k"):
        multi30k_download.fetch(splits=("val",), base_url=server.url, folder=tmp_path)
    assert inside(tmp_path) == ["val.en"]
    multi30k_download.fetch(splits=("val",), base_url=server.url, folder=tmp_path)
    assert server.asked == ["val.en", "val.fr", "val.fr"]


def test_available_looks_at_checksums_and_asks_no_server(fetch, server, tmp_path, monkeypatch):
    home, wanted = tmp_path / "data", {"languages": ("fr",), "splits": ("val",)}
    assert not multi30k_download.available(**wanted, folder=home)
    fetch()
    monkeypatch.setattr(multi30k_download.requests, "get", None)
    assert multi30k_download.available(**wanted, folder=home)
    assert not multi30k_download.available(("en", "fr"), ("val",), home)
    (home / NAME).write_bytes(TEXTS[NAME] + b"one line more\n")
    assert not multi30k_download.available(**wanted, folder=home)
    assert server.asked == [NAME]


def test_the_variable_names_the_folder(server, tmp_path, monkeypatch):
    monkeypatch.setenv("ATTENTION_COURSE_DATA", str(tmp_path))
    assert multi30k_download.default_folder() == tmp_path / "multi30k"
    paths = multi30k_download.fetch(("de",), ("val",), server.url)
    assert paths == {"val.de": tmp_path / "multi30k" / "val.de"}
    assert multi30k_download.available(("de",), ("val",))
    assert (
        len(multi30k_download.load_captions(("de",), ("val",), "http://127.0.0.1:9/closed")["val"])
        == 2
    )
    monkeypatch.setenv("ATTENTION_COURSE_DATA", " ")
    assert multi30k_download.default_folder().parts[-2:] == ("attention-measured", "multi30k")


def test_the_course_s_own_folder_stays_free_of_the_data(server, tmp_path, monkeypatch):
    monkeypatch.setattr(multi30k_download, "ROOT", tmp_path)
    for place in (tmp_path, tmp_path / "data", tmp_path / "notebooks" / ".." / "here"):
        with pytest.raises(DownloadError, match="inside the course's own folder.*elsewhere"):
            multi30k_download.fetch(base_url=server.url, folder=place)
    assert server.asked == [] and inside(tmp_path) == []


def test_a_course_in_the_home_folder_may_use_the_cache_there(server, tmp_path, monkeypatch):
    monkeypatch.setattr(multi30k_download, "ROOT", tmp_path)
    monkeypatch.setattr(
        multi30k_download.pooch, "os_cache", lambda name: tmp_path / ".cache" / name
    )
    monkeypatch.delenv("ATTENTION_COURSE_DATA", raising=False)
    path = multi30k_download.fetch(("fr",), ("val",), server.url)[NAME]
    assert path == tmp_path / ".cache" / "attention-measured" / "multi30k" / NAME


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"languages": ("en", "ko")}, r"languages=\('en', 'ko'\); expected .* en, fr, de"),
        ({"languages": "en"}, "languages='en'; expected a tuple"),
        ({"languages": ()}, r"languages=\(\)"),
        ({"splits": ("test",)}, r"splits=\('test',\); expected .* train, val, test_2016_flickr"),
    ],
)
def test_what_multi30k_does_not_have_is_refused(wrong, named, tmp_path):
    for function in (
        multi30k_download.fetch,
        multi30k_download.available,
        multi30k_download.load_captions,
    ):
        with pytest.raises(ValueError, match=named):
            function(**wrong, folder=tmp_path)


def test_the_real_table_names_nine_files_with_checksums_of_their_own():
    wanted = {
        f"{split}.{language}"
        for split in multi30k_download.SPLITS
        for language in ("en", "fr", "de")
    }
    assert set(REAL) == wanted
    both = [value for pair in REAL.values() for value in pair]
    assert len(set(both)) == 18
    assert all(len(value) == 64 and int(value, 16) >= 0 for value in both)
    assert (
        multi30k_download.BASE_URL.startswith("https://")
        and multi30k_download.COMMIT in multi30k_download.BASE_URL
    )
