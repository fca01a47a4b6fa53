"""The pairs of data/en-fr: links, splits, lengths, counts, and that they are made again alike."""

from __future__ import annotations

import gzip
import re
from collections import Counter
from functools import cache
from itertools import pairwise

import pytest

from helpers.corpus import grammar
from helpers.corpus.en_fr import FILES, load_corpus
from helpers.corpus.grammar import SEEDS, build, datasheet
from helpers.corpus.grammar.lexicon import HELD_OUT, lexicon
from helpers.corpus.grammar.phrases import Dice
from helpers.corpus.pairs import format_pair
from helpers.settings import DATA, ROOT

LEVELS = ("lite", "full")
SPLITS = ("train", "dev", "test", "test_longer", "test_unseen")
BUCKETS = ((4, 6), (7, 9), (10, 14), (15, 19), (20, 24))


@cache
def loaded(level, directory):
    """A level of the corpus, which is read once, because that takes seconds."""
    return load_corpus(level, directory)


@pytest.fixture(scope="module", params=LEVELS)
def corpus(request):
    return loaded(request.param, DATA / "en-fr")


def everything(corpus):
    return [(name, pair) for name in SPLITS for pair in getattr(corpus, name)]


def test_links_stay_inside_and_cover_content_words(corpus):
    free_en = {"the", "a", "an", "do", "does", "did", "in"}
    # An article, ne or an auxiliary may be linked possibly only.
    free_fr = {"le", "la", "l'", "les", "un", "une", "des", "du", "de", "d'", "ne", "n'"}
    free_fr |= {"ai", "as", "a", "avons", "ont", "suis", "es", "est", "sommes", "sont"}
    free_fr |= {"est-ce", "que", "qu'"}
    for _, pair in everything(corpus):
        assert pair.sure <= pair.possible
        assert all(
            0 <= i < len(pair.source) and 0 <= j < len(pair.target) for i, j in pair.possible
        )
        sure_en, sure_fr = {i for i, _ in pair.sure}, {j for _, j in pair.sure}
        any_en, any_fr = {i for i, _ in pair.possible}, {j for _, j in pair.possible}
        assert len(any_en) == len(pair.source), pair
        assert len(any_fr) == len(pair.target), pair
        bare_en = {w for i, w in enumerate(pair.source) if i not in sure_en}
        bare_fr = {w for j, w in enumerate(pair.target) if j not in sure_fr}
        assert bare_en <= free_en, (pair, bare_en)
        assert bare_fr <= free_fr, (pair, bare_fr)


def linked(pair, english: str) -> set[str]:
    """Return the French words surely linked to the (first) English word."""
    i = pair.source.index(english)
    return {pair.target[j] for k, j in pair.sure if k == i}


def test_links_render_the_words_they_join(corpus):
    """A noun is linked to its own translation, 'not' to ne and pas, 's to de or a contraction."""
    french = {}
    for noun in lexicon(corpus.level).nouns:
        french |= dict(zip(noun.en, noun.fr, strict=True))
    french |= {"students": "étudiants", "student": "étudiant"}
    for name, pair in everything(corpus):
        if name == "train":
            continue
        for word in set(pair.source) & french.keys():
            # A profession said of a woman has a feminine form.
            stem = french[word][:4]
            assert all(f.startswith(stem) for f in linked(pair, word)), (word, pair)
        if "not" in pair.source:
            first = linked(pair, "not")
            assert first in ({"ne", "pas"}, {"n'", "pas"}), pair
        if "'s" in pair.source:
            assert linked(pair, "'s") <= {"de", "d'", "du", "des"}, pair
        if "because" in pair.source:
            assert linked(pair, "because") in ({"parce", "que"}, {"parce", "qu'"}), pair


def test_one_source_has_one_target_and_splits_are_disjoint(corpus):
    sources = [pair.source for _, pair in everything(corpus)]
    assert len(sources) == len(set(sources))


def test_no_test_sentence_is_in_training(corpus):
    train = {pair.source for pair in corpus.train}
    for name in SPLITS[1:]:
        assert not train & {pair.source for pair in getattr(corpus, name)}


def test_sizes_and_lengths(corpus):
    sizes = {name: len(getattr(corpus, name)) for name in SPLITS}
    assert sizes == {
        "train": 40_000, "dev": 2_000, "test": 3_000, "test_longer": 800, "test_unseen": 800,
    }  # fmt: skip
    for name, pair in everything(corpus):
        low, high = (25, 34) if name == "test_longer" else (4, 24)
        assert low <= len(pair.source) <= high
    for low, high in BUCKETS:
        assert sum(low <= len(pair.source) <= high for pair in corpus.test) >= 400


def test_word_forms_of_the_test_sets_are_common_in_training(corpus):
    english = Counter(word for pair in corpus.train for word in pair.source)
    french = Counter(word for pair in corpus.train for word in pair.target)
    for name in SPLITS[1:]:
        for pair in getattr(corpus, name):
            assert all(english[word] >= 20 for word in pair.source)
            assert all(french[word] >= 20 for word in pair.target)


def held_out_in(pair, forms, pairs) -> set[tuple[str, str]]:
    """Return the held-out pairs of a source: adjective and noun, or another one between them."""
    adjectives = {adjective.en for adjective in lexicon("full").adjectives}
    met = set()
    for k, word in enumerate(pair.source):
        for distance in (1, 2):
            before = pair.source[k - distance] if k >= distance else ""
            apart = distance == 2 and pair.source[k - 1] not in adjectives
            if (before, forms.get(word)) in pairs and not apart:
                met.add((before, forms[word]))
    return met


def test_held_out_pairs_are_only_in_test_unseen(corpus):
    nouns = lexicon(corpus.level).nouns
    forms = {form: noun.en[0] for noun in nouns for form in noun.en}
    pairs = set(HELD_OUT[corpus.level])
    met: set = set()
    for name, pair in everything(corpus):
        found = held_out_in(pair, forms, pairs)
        if name == "test_unseen":
            met |= found
        else:
            assert not found, pair
    assert met == pairs, pairs - met
    beside = Counter()
    for pair in corpus.train:
        for adjective, noun in pairwise(pair.source):
            beside[adjective], beside[forms.get(noun)] = (
                beside[adjective] + 1,
                beside[forms.get(noun)] + 1,
            )
    assert all(beside[adjective] >= 20 and beside[noun] >= 20 for adjective, noun in pairs)


def test_sentences_of_test_unseen_are_about_held_out_pairs(corpus):
    """Beside the noun, or said of it later on: both of its words are in the sentence or 'it' is."""
    nouns = {noun.en[0]: set(noun.en) for noun in lexicon(corpus.level).nouns}
    for pair in corpus.test_unseen:
        words = set(pair.source)
        assert any(a in words and nouns[n] & words for a, n in HELD_OUT[corpus.level]), pair


def test_every_construction_is_there(corpus):
    only_full = {"question", "participle-object"}
    for name in ("train", "dev", "test"):
        tags = Counter(tag for pair in getattr(corpus, name) for tag in pair.tags)
        assert set(tags) <= set(datasheet.TAGS)
        for tag in set(datasheet.TAGS) - (only_full if corpus.level == "lite" else set()):
            assert tags[tag] >= 20, (name, tag)


def test_no_word_is_repeated_much(corpus):
    """A noun, adjective or verb is said once, so long sentences are not padded by repetition."""
    words = lexicon(corpus.level)
    content = {form for noun in words.nouns for form in noun.en}
    content |= {adjective.en for adjective in words.adjectives}
    for _, pair in everything(corpus):
        counts = Counter(word for word in pair.source if word in content)
        assert all(count == 1 for count in counts.values()), pair


def test_full_is_as_large_as_promised():
    words = lexicon("full")
    assert len(words.nouns) >= 60 and len(words.adjectives) >= 25 and len(words.verbs) >= 30


@pytest.mark.authors
def test_build_makes_the_committed_files_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(grammar, "SEEDS", {"full": SEEDS["full"]})
    build(tmp_path)
    for file in FILES.values():
        made, kept = (root / "full" / file for root in (tmp_path, DATA / "en-fr"))
        if file.endswith(".gz"):
            # A byte of the header names the system, and zlib may differ: the text may not.
            assert gzip.decompress(made.read_bytes()) == gzip.decompress(kept.read_bytes()), file
            assert kept.read_bytes()[4:8] == b"\0\0\0\0", "the gzip header has a time stamp"
        else:
            assert made.read_bytes() == kept.read_bytes(), file
    assert "train 40,000" in capsys.readouterr().out


def test_files_are_written_as_they_are_read(corpus):
    text = "".join(format_pair(pair) + "\n" for pair in corpus.dev)
    assert (DATA / "en-fr" / corpus.level / FILES["dev"]).read_text(encoding="utf-8") == text


def test_data_is_small():
    size = sum(path.stat().st_size for path in (DATA / "en-fr").rglob("*") if path.is_file())
    assert size <= 6_000_000


def test_datasheet_is_in_step_with_the_data(tmp_path, monkeypatch):
    monkeypatch.setattr(datasheet, "load_corpus", loaded)
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    inside = readme.split(datasheet.BEGIN)[1].split(datasheet.END)[0].strip()
    assert inside == datasheet.counts(DATA / "en-fr").strip(), "run `python -m helpers data`"
    copy = tmp_path / "README.md"
    copy.write_text("no markers here", encoding="utf-8")
    with pytest.raises(ValueError, match="expected the markers"):
        datasheet.update(copy, DATA / "en-fr")


def test_only_random_random_is_used():
    code = "".join(
        path.read_text("utf-8") for path in (ROOT / "helpers" / "corpus" / "grammar").glob("*.py")
    )
    assert set(re.findall(r"\brandom\.(\w+)", code)) <= {"Random", "random"}
    dice = Dice(7)
    assert [int(dice.random() * 1000) for _ in range(3)] == [323, 150, 650]


def test_unknown_level_is_named():
    with pytest.raises(ValueError, match="level 'huge': expected one of"):
        lexicon("huge")
