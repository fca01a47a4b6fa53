"""Multi30k as a corpus: tokens, vocabulary, pairs without links, batches; on files made here."""

from __future__ import annotations

import itertools

import pytest
import torch

from helpers.corpus import multi30k_download
from helpers.corpus.batches import collate, same_length_batches
from helpers.corpus.multi30k import load_multi30k, tokenize_caption
from helpers.corpus.multi30k_download import DownloadError
from helpers.corpus.pairs import CorpusError, Pair
from helpers.corpus.vocabulary import Vocabulary
from helpers.decoding import translate_all
from helpers.metrics import bleu
from helpers.models.recurrent import LuongTranslator
from helpers.settings import DEVICE
from helpers.training import fit

ANIMALS = ("dog", "cat", "horse", "bird", "cow")
ANIMAUX = ("chien", "chat", "cheval", "oiseau", "vache")
EXTRA = (("", ""), (" today", " aujourd'hui"), (" in the park", " dans le parc"))


def sentences(count: int) -> list[tuple[str, str]]:
    """Captions of 4, 5 and 7 English tokens, in turn; the French ones have other lengths."""
    found = []
    for k in range(count):
        (here, ici), n = EXTRA[k % 3], k % len(ANIMALS)
        found.append(
            (f"A {ANIMALS[n]} runs{here}.", f"L'{ANIMAUX[n]}{' vite' * (n % 4)} court{ici}.")
        )
    return found


def write(folder, **splits: list[tuple[str, str]]):
    for split, captions in splits.items():
        for column, language in enumerate(("en", "fr")):
            text = "".join(caption[column] + "\n" for caption in captions)
            (folder / f"{split}.{language}").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path):
    return write(
        tmp_path,
        train=[*sentences(100), ("A zebra runs.", "Un zèbre court.")],
        val=sentences(5),
        test_2016_flickr=[("The ZEBRA sleeps.", "Le zèbre s'endort."), *sentences(4)],
    )


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("A man's red T-shirt.", "a man ' s red t - shirt ."),
        ("L'homme  n’a qu'un café, là.", "l ' homme n ’ a qu ' un café , là ."),
        ("ÉTÉ 2016: Œuvre (n°2)!", "été 2016 : œuvre ( n ° 2 ) !"),
        (" \t", ""),
    ],
)
def test_captions_are_split_at_marks_in_lower_case(text, tokens):
    assert tokenize_caption(text) == tokens.split()


def test_the_three_splits_become_a_corpus(folder):
    corpus = load_multi30k(folder)
    assert corpus.level == "multi30k"
    assert (len(corpus.train), len(corpus.dev), len(corpus.test)) == (101, 5, 5)
    assert corpus.test_longer == corpus.test_unseen == []
    none = frozenset()
    source, target = ("the", "zebra", "sleeps", "."), ("le", "zèbre", "s", "'", "endort", ".")
    assert corpus.test[0] == Pair(source, target, none, none, ())


def test_words_seen_twice_are_numbered_by_frequency(folder):
    vocabulary = load_multi30k(folder).source_vocabulary
    assert vocabulary.words[:8] == ["<pad>", "<start>", "<end>", "<unk>", ".", "a", "runs", "in"]
    assert "zebra" not in vocabulary and "sleeps" not in vocabulary
    assert "zebra" in load_multi30k(folder, minimum=1).source_vocabulary


def test_only_training_captions_are_counted(tmp_path):
    twice = [("A zebra.", "Un zèbre.")] * 2
    write(tmp_path, train=sentences(9), val=twice, test_2016_flickr=twice)
    corpus = load_multi30k(tmp_path)
    assert "zebra" not in corpus.source_vocabulary and "zèbre" not in corpus.target_vocabulary


def test_references_keep_the_words_that_the_vocabulary_lacks(folder):
    corpus = load_multi30k(folder)
    for pair in itertools.chain(corpus.train, corpus.dev, corpus.test):
        assert "<unk>" not in (*pair.source, *pair.target)
    batch = collate(corpus.test[:1], corpus.source_vocabulary, corpus.target_vocabulary)
    ids = batch.target_out[0].tolist()
    assert ids.count(corpus.target_vocabulary.unk) == 3  # zèbre, s, endort
    assert corpus.target_vocabulary.decode(ids)[1] == "<unk>"


def test_a_caption_that_says_unk_is_not_the_special_entry(folder):
    write(folder, val=[("An <unk>.", "Un <unk>.")])
    (pair,) = load_multi30k(folder).dev
    assert pair.target == ("un", "<", "unk", ">", ".")


def test_equal_words_are_one_object(folder):
    corpus = load_multi30k(folder)
    assert corpus.train[0].source[1] is corpus.dev[0].source[1]


def test_a_caption_without_words_is_named_with_its_line(folder):
    write(folder, val=[("A dog.", "Un chien."), ("A cat.", " ")])
    with pytest.raises(CorpusError, match=r"val, line 2: a caption without a word"):
        load_multi30k(folder)


def test_without_a_folder_the_files_come_from_downloads(folder, monkeypatch):
    asked = []

    def fetched(*given: object) -> dict:
        asked.append(given)
        return multi30k_download.read_captions(folder)

    monkeypatch.setattr(multi30k_download, "load_captions", fetched)
    assert load_multi30k().test == load_multi30k(folder).test
    assert len(asked) == 1, "a folder that is given is read as it is"


def test_without_files_or_network_the_reader_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("ATTENTION_COURSE_DATA", str(tmp_path))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")  # nothing listens there
    with pytest.raises(DownloadError, match="cannot be reached"):
        load_multi30k()


def test_files_are_read_as_they_are(tmp_path):
    (tmp_path / "val.en").write_bytes(b"\xef\xbb\xbfA dog.\r\nA cat.\r\n")
    (tmp_path / "val.fr").write_text("Un chien.\nUn\u2028chat.", encoding="utf-8")
    pairs = multi30k_download.read_captions(tmp_path, splits=("val",))
    assert pairs == {"val": [("A dog.", "Un chien."), ("A cat.", "Un\u2028chat.")]}


@pytest.mark.parametrize(
    ("french", "fault"),
    [
        (None, r"val\.fr cannot be read \(No such file.*Give a folder that holds"),
        (b"", r"val\.fr is empty"),
        ("été\n".encode("latin-1"), r"val\.fr is not UTF-8 text"),
        (b"one\ntwo\n", r"different numbers of lines \(val\.en 1, val\.fr 2\)"),
    ],
)
def test_files_that_cannot_be_used_are_named(tmp_path, french, fault):
    (tmp_path / "val.en").write_bytes(b"one\n")
    if french is not None:
        (tmp_path / "val.fr").write_bytes(french)
    with pytest.raises(CorpusError, match=fault):
        multi30k_download.read_captions(tmp_path, splits=("val",))


def one_round(corpus, batch_size, **options) -> list:
    """The batches of the first round through all training pairs."""
    found, stream = [], same_length_batches(corpus, batch_size, **options)
    while sum(len(batch.lengths) for batch in found) < len(corpus.train):
        found.append(next(stream))
    return found


def rows(batches) -> list[tuple]:
    """Source and target of every row, without padding, in order."""
    found = []
    for batch in batches:
        for source, length, target in zip(
            batch.source.tolist(), batch.lengths.tolist(), batch.target_out.tolist(), strict=True
        ):
            found.append((tuple(source[:length]), tuple(i for i in target if i)))
    return found


def test_a_batch_has_one_source_length_and_each_round_every_pair(folder):
    corpus = load_multi30k(folder)
    batches = one_round(corpus, 8)
    for batch in batches:
        assert set(batch.lengths.tolist()) == {batch.source.size(1)}
        assert not (batch.source == Vocabulary.pad).any()
        assert 1 <= len(batch.lengths) <= 8
    assert {batch.source.size(1) for batch in batches} == {4, 5, 7}
    # 35, 33 and 33 pairs of a length: all batches are full but one of each length.
    assert sorted(len(batch.lengths) for batch in batches) == [1, 1, 3] + [8] * 12
    whole = collate(corpus.train, corpus.source_vocabulary, corpus.target_vocabulary)
    assert sorted(rows(batches)) == sorted(rows([whole]))


def test_batches_are_what_collate_makes(folder):
    corpus = load_multi30k(folder)
    pairs = {}
    for pair in corpus.train:
        ids = corpus.source_vocabulary.encode(pair.source)
        target = [*corpus.target_vocabulary.encode(pair.target), Vocabulary.end]
        pairs[tuple(ids), tuple(target)] = pair
    for batch in one_round(corpus, 8):
        again = collate(
            [pairs[row] for row in rows([batch])],
            corpus.source_vocabulary,
            corpus.target_vocabulary,
        )
        for name, tensor in vars(again).items():
            assert torch.equal(vars(batch)[name].cpu(), tensor), name


def test_little_of_the_target_side_is_padding(folder):
    def padding(window: int) -> float:
        targets = [batch.target_out for batch in one_round(load_multi30k(folder), 8, window=window)]
        return sum((t == Vocabulary.pad).sum().item() for t in targets) / sum(
            t.numel() for t in targets
        )

    assert padding(16) < 0.5 * padding(1)


def test_the_seed_makes_the_order_and_rounds_differ(folder, monkeypatch):
    corpus = load_multi30k(folder)
    first = rows(one_round(corpus, 8, seed=1))
    assert first == rows(one_round(corpus, 8, seed=1))
    assert first != rows(one_round(corpus, 8, seed=2))
    monkeypatch.setenv("COURSE_SEED", "2")
    assert rows(one_round(corpus, 8)) == rows(one_round(corpus, 8, seed=2))
    count = len(one_round(corpus, 8))
    stream = same_length_batches(corpus, 8, seed=1)
    rounds = [rows(itertools.islice(stream, count)) for _ in range(2)]
    assert rounds[0] == first != rounds[1]
    assert sorted(rounds[0]) == sorted(rounds[1])
    stream = same_length_batches(corpus, 8, seed=1, window=1)
    company = [{frozenset(rows([b])) for b in itertools.islice(stream, count)} for _ in range(2)]
    assert company[0] != company[1], "each round puts other pairs together"


def test_lengths_are_mixed_within_a_round(folder):
    widths = [batch.source.size(1) for batch in one_round(load_multi30k(folder), 4, seed=0)]
    assert widths != sorted(widths) and widths != sorted(widths, reverse=True)


@pytest.mark.parametrize("wrong", [{"batch_size": 0}, {"window": 0}])
def test_batches_of_nothing_are_refused(folder, wrong):
    with pytest.raises(ValueError, match="expected 1 or more"):
        next(same_length_batches(load_multi30k(folder), **wrong))


def test_a_model_of_the_course_learns_and_is_scored_with_it(folder):
    corpus = load_multi30k(folder)
    vocabularies = corpus.source_vocabulary, corpus.target_vocabulary
    torch.manual_seed(0)
    model = LuongTranslator(*map(len, vocabularies), 16, 32).to(DEVICE)
    history = fit(model, same_length_batches(corpus, seed=0), 60, lr=2e-2)
    assert history.losses[-1] < 0.4 * history.losses[0]
    known, unknown = corpus.test[1:], corpus.test[:1]
    assert bleu(translate_all(model, known, *vocabularies), known) > 50
    assert bleu(translate_all(model, unknown, *vocabularies), unknown) < 50
