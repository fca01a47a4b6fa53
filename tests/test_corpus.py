"""Reading, checking, numbering and batching sentence pairs, and what is said when that fails."""

from __future__ import annotations

import gzip
import shutil

import pytest
import torch

from helpers.corpus.batches import collate, make_batches
from helpers.corpus.en_fr import FILES, load_corpus
from helpers.corpus.pairs import CorpusError, Pair, format_pair, read_pairs
from helpers.corpus.vocabulary import EmptySentenceError, UnknownWordsError, Vocabulary, tokenize
from helpers.settings import DATA

GOOD = "the cat sleeps .\tle chat dort .\t0-0 1-1 2-2 3-3\tagreement"


@pytest.fixture(scope="module")
def lite():
    return load_corpus("lite")


def write(path, *lines: str):
    path.write_text("".join(line + "\n" for line in lines), encoding="utf-8")
    return path


def test_a_line_is_read_and_written_back(tmp_path):
    line = "he ate it .\til l' a mangé .\t0-0 1?2 1-3 2-1 3-4\tclitic passe-compose"
    (pair,) = read_pairs(write(tmp_path / "a.tsv", line))
    assert pair.source == ("he", "ate", "it", ".")
    assert pair.target == ("il", "l'", "a", "mangé", ".")
    assert pair.sure == {(0, 0), (1, 3), (2, 1), (3, 4)}
    assert pair.possible == pair.sure | {(1, 2)}
    assert pair.tags == ("clitic", "passe-compose")
    assert format_pair(pair) == line


def test_line_ends_of_windows_and_a_byte_order_mark_do_no_harm(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b"\xef\xbb\xbf" + f"{GOOD}\r\n{GOOD}\r\n".encode())
    assert read_pairs(path) == read_pairs(write(tmp_path / "b.tsv", GOOD, GOOD))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("the cat\tle chat\t0-0", "3 columns, expected 4"),
        (GOOD + "\tmore", "5 columns, expected 4"),
        ("", "1 columns, expected 4"),
        ("\tle chat\t\t", "the English side is empty"),
        ("the cat\t\t\t", "the French side is empty"),
        ("the  cat\tle chat\t0-0\t", "an empty token on the English side"),
        ("the cat\tle chat \t0-0\t", "an empty token on the French side"),
        ("The cat\tle chat\t0-0\t", "'The' on the English side is not in lower case"),
        ("the cat\tle e\u0301te\t0-0\t", "not in Unicode form NFC"),
        ("the cat\tle\u00a0chat ici\t0-0\t", "has a blank or control character"),
        ("the cat\tle chat\t0-0 1:1\t", "bad link '1:1', expected i-j (sure) or i?j (possible)"),
        ("the cat\tle chat\t0-0 1-\t", "bad link '1-'"),
        ("the cat\tle chat\t0-0  1-1\t", "bad link ''"),
        ("the cat\tle chat\t0-0 -1-1\t", "bad link '-1-1'"),
        (
            "the cat\tle chat\t0-0 2-1\t",
            "a link is out of range in '0-0 2-1': 2 English and 2 French tokens",
        ),
        ("the cat\tle chat\t0-0 1?2\t", "a link is out of range"),
        ("the cat\tle chat\t0-0 0-0\t", "linked twice"),
        ("the cat\tle chat\t0-0 0?0\t", "linked twice"),
        ("the cat\tle chat\t0-0\tBad_Tag", "bad tag 'Bad_Tag'"),
        ("cat " * 5_000 + "cat\tle chat\t0-0\t", "20,016 characters, expected at most 10,000"),
    ],
)
def test_a_broken_line_is_named(tmp_path, line, fault):
    path = write(tmp_path / "broken.tsv", GOOD, GOOD, line, GOOD)
    with pytest.raises(CorpusError) as caught:
        read_pairs(path)
    text = str(caught.value)
    assert text.startswith(f"{path}, line 3: ") and fault in text
    assert "python -m helpers data" in text


def test_a_broken_line_is_found_in_compressed_files_too(tmp_path):
    path = tmp_path / "train.tsv.gz"
    path.write_bytes(gzip.compress(f"{GOOD}\nthe cat\n".encode()))
    with pytest.raises(CorpusError, match=r"train\.tsv\.gz, line 2: 1 columns"):
        read_pairs(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"nothing\.tsv: there is no such file.*rebuild"):
        read_pairs(tmp_path / "nothing.tsv")
    with pytest.raises(CorpusError, match="cannot be read"):
        read_pairs(tmp_path)


def test_an_empty_file_is_no_corpus(tmp_path):
    with pytest.raises(CorpusError, match="line 1: the file is empty"):
        read_pairs(write(tmp_path / "empty.tsv"))


def test_a_wrong_encoding_is_named_with_its_line(tmp_path):
    path = tmp_path / "latin.tsv"
    path.write_bytes(f"{GOOD}\nhe ate\til a mangé\t\t\n".encode("latin-1"))
    with pytest.raises(CorpusError, match="line 2: byte 0xe9 is not UTF-8; save the file as UTF-8"):
        read_pairs(path)


def test_a_download_that_broke_off_is_named(tmp_path):
    whole = (DATA / "en-fr" / "lite" / FILES["train"]).read_bytes()
    path = tmp_path / "train.tsv.gz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CorpusError, match=r"line \d{4,}: the gzip data ends too early"):
        read_pairs(path)
    path.write_bytes(whole[:1000] + b"\0" * 100 + whole[1100:])
    with pytest.raises(CorpusError, match=r"line \d+: the gzip data is damaged"):
        read_pairs(path)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(CorpusError, match="line 1: the gzip data is damaged"):
        read_pairs(path)
    plain = tmp_path / "dev.tsv"
    plain.write_text(f"{GOOD}\n{GOOD[:-4]}", encoding="utf-8")
    with pytest.raises(CorpusError, match="line 2: the line has no line end"):
        read_pairs(plain)


def test_load_names_the_broken_file_of_a_level(tmp_path):
    shutil.copytree(DATA / "en-fr" / "lite", tmp_path / "lite")
    (tmp_path / "lite" / "test.tsv.gz").unlink()
    with pytest.raises(CorpusError, match=r"test\.tsv\.gz: there is no such file"):
        load_corpus("lite", tmp_path)
    with pytest.raises(CorpusError, match="no level 'light' in .*; expected 'lite' or 'full'"):
        load_corpus("light", tmp_path)


def test_vocabulary_order_does_not_depend_on_the_order_of_sentences(lite):
    again = Vocabulary.build(pair.source for pair in reversed(lite.train))
    assert again.words == lite.source_vocabulary.words
    small = Vocabulary.build([["b", "a", "c"], ["c"]])
    assert small.words == ["<pad>", "<start>", "<end>", "c", "a", "b"]
    assert Vocabulary.build([["b", "a", "c"], ["c"]], minimum=2).words[3:] == ["c"]


def test_vocabulary_goes_both_ways(lite):
    vocabulary = lite.target_vocabulary
    for pair in lite.dev[:50]:
        ids = [vocabulary.start, *vocabulary.encode(pair.target), vocabulary.end, vocabulary.pad]
        assert vocabulary.decode(ids) == list(pair.target)
        assert vocabulary.decode(torch.tensor(ids)) == list(pair.target)
    assert (vocabulary.pad, vocabulary.start, vocabulary.end, vocabulary.unk) == (0, 1, 2, None)
    assert vocabulary.words[:3] == ["<pad>", "<start>", "<end>"]
    assert "chat" in vocabulary and "zèbre" not in vocabulary
    with pytest.raises(ValueError, match=f"id {len(vocabulary)} is outside this vocabulary"):
        vocabulary.decode([len(vocabulary)])
    with pytest.raises(ValueError, match="given more than once: \\['a'\\]"):
        Vocabulary(["a", "b", "a"])


def test_unknown_words_are_all_listed_with_near_ones(lite):
    with pytest.raises(UnknownWordsError) as caught:
        lite.source_vocabulary.encode(tokenize("The zebra saw the gardn and the zebra."))
    assert caught.value.words == ["zebra", "gardn"]
    assert caught.value.suggestions["gardn"][0] == "garden"
    text = str(caught.value)
    assert "'zebra', 'gardn' (did you mean garden" in text
    assert "<" not in text


def test_a_vocabulary_can_have_a_word_for_unknown_ones():
    vocabulary = Vocabulary(["le", "chat"], unknown=True)
    assert vocabulary.unk == 3 and vocabulary.words[3] == "<unk>"
    assert vocabulary.encode(["le", "zèbre", "chat"]) == [4, 3, 5]
    assert vocabulary.decode([4, 3, 2, 5]) == ["le", "<unk>"]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The cat doesn't sleep!", "the cat does not sleep ."),
        ("the cat doesn’t sleep", "the cat does not sleep ."),
        ("I didn't see the girl's dog.", "i did not see the girl 's dog ."),
        ("They don't like it, because it's old...", "they do not like it because it is old ."),
        ("  Does  he\tsleep ? ", "does he sleep ?"),
        ("Does he sleep?!", "does he sleep ?"),
        ("We're tired; I'm happy", "we are tired i am happy ."),
        ("The house isn't “old”.", "the house is not old ."),
        ("L'homme n’a pas mangé.", "l' homme n' a pas mangé ."),
        ("Est-ce qu'elle l'a vue ?", "est-ce qu' elle l' a vue ?"),
        ("The girls' cats", "the girls cats ."),
        ("e\u0301te\u0301", "été ."),
    ],
)
def test_tokenize_splits_as_the_data_does(text, tokens):
    assert tokenize(text) == tokens.split()


def test_tokenize_leaves_the_data_as_it_is(lite):
    full = load_corpus("full")
    for pair in lite.dev + full.dev:
        assert tokenize(" ".join(pair.source)) == list(pair.source)
        assert tokenize(" ".join(pair.target)) == list(pair.target)


@pytest.mark.parametrize("text", ["", "   \n", ".", "?!", "...", "“”"])
def test_an_empty_sentence_gets_a_friendly_answer(text):
    with pytest.raises(EmptySentenceError, match="write one, for example: the cat sleeps"):
        tokenize(text)


def test_tokenize_wants_text():
    with pytest.raises(TypeError, match="expects one sentence as a str, got list"):
        tokenize(["the", "cat"])


def test_collate_pads_right_and_shifts_the_target():
    vocabulary = Vocabulary(["a", "b", "c"])
    pairs = [
        Pair(("a", "b", "c"), ("b",), frozenset(), frozenset(), ()),
        Pair(("c",), ("a", "c"), frozenset(), frozenset(), ()),
    ]
    batch = collate(pairs, vocabulary, vocabulary)
    assert batch.source.tolist() == [[3, 4, 5], [5, 0, 0]]
    assert batch.lengths.tolist() == [3, 1]
    assert batch.target_in.tolist() == [[1, 4, 0], [1, 3, 5]]
    assert batch.target_out.tolist() == [[4, 2, 0], [3, 5, 2]]
    assert all(t.dtype == torch.int64 for t in vars(batch).values())
    assert batch.to("cpu").source.tolist() == batch.source.tolist()
    with pytest.raises(ValueError, match="got no pairs"):
        collate([], vocabulary, vocabulary)


def test_batches_hold_every_pair_once_and_waste_little(lite):
    pairs = lite.train[:4_001]
    words = (lite.source_vocabulary, lite.target_vocabulary)
    batches = list(make_batches(pairs, 64, torch.Generator().manual_seed(0), *words))
    decode = words[0].decode
    seen = sorted(tuple(decode(row)) for batch in batches for row in batch.source)
    assert seen == sorted(pair.source for pair in pairs)
    assert len(batches) == 63
    filled = sum(int(batch.lengths.sum()) for batch in batches)
    assert filled / sum(batch.source.numel() for batch in batches) > 0.75
    assert sum(len(batch.lengths.unique()) > 1 for batch in batches) > 0.8 * len(batches)
    # Lengths are mixed over the epoch: short and long batches do not come in order.
    means = [float(batch.lengths.float().mean()) for batch in batches]
    assert means != sorted(means) and means != sorted(means, reverse=True)


def test_batches_follow_the_generator(lite):
    words = (lite.source_vocabulary, lite.target_vocabulary)

    def first(seed):
        generator = torch.Generator().manual_seed(seed)
        return next(make_batches(lite.dev, 16, generator, *words)).source.tolist()

    assert first(3) == first(3) != first(4)
    with pytest.raises(ValueError, match="batch_size=0"):
        next(make_batches(lite.dev, 0, torch.Generator(), *words))
