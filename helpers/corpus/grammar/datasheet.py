"""The counts in data/README.md, made from the data files so that they cannot fall behind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from helpers.corpus.en_fr import BUCKETS, LONGER, Corpus, load_corpus
from helpers.corpus.grammar.lexicon import HELD_OUT, lexicon
from helpers.corpus.grammar.splits import bucket_of
from helpers.corpus.near_duplicates import near_duplicates
from helpers.corpus.pairs import Pair

BEGIN, END = "<!-- counts: begin -->", "<!-- counts: end -->"
LEVELS = ("lite", "full")
SPLITS = ("train", "dev", "test", "test_longer", "test_unseen")
TESTED = ("dev", "test", "test_unseen")  # of the lengths that are trained on
# Construction tags, in the order of the table, and what they mean.
TAGS = {
    "agreement": "an adjective, participle or profession that is not masculine singular",
    "adjective-before": "an adjective before the French noun",
    "adjective-after": "an adjective after the French noun",
    "euphony": "bel, nouvel, vieil, cet, and mon, ton, son for ma, ta, sa before a vowel",
    "elision": "l', j', n', d', qu', m', t' before a vowel or a mute h",
    "contraction": "du, des, au, aux from a preposition and an article",
    "negation": "ne ... pas, ne ... jamais",
    "clitic": "an object pronoun before the French verb",
    "passe-compose": "a simple past that becomes auxiliary and participle",
    "etre": "a passé composé with être, whose participle agrees with its subject",
    "participle-object": "a participle that agrees with an object before it, where that shows",
    "possessive": "my, your, his, her, our, their",
    "genitive": "the owner with 's, which comes last in French",
    "added-article": "an article in French only",
    "dropped-article": "an article in English only, before a profession",
    "it-subject": "it becomes il or elle by the gender of what it stands for",
    "it-object": "it becomes le, la or l' by the gender of what it stands for",
    "relative": "who or that becomes qui or que",
    "because": "a clause with because",
    "coordination": "and, or, but between nouns, adjectives, verbs or clauses",
    "adverb": "often, always, which follow the French verb",
    "question": "a yes-or-no question with est-ce que",
}


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return [f"| {' | '.join(row)} |" for row in (head, rule, *rows)] + [""]


def _number(value: int) -> str:
    return f"{value:,}" if value else "-"


def _lengths(corpus: Corpus) -> list[str]:
    head = ["source words", *SPLITS]
    counts = {name: Counter(map(bucket_of, getattr(corpus, name))) for name in SPLITS}
    rows = [
        [f"{low}-{high}", *(_number(counts[name][index]) for name in SPLITS)]
        for index, (low, high) in enumerate((*BUCKETS, *LONGER))
    ]
    rows.append(["all", *(_number(len(getattr(corpus, name))) for name in SPLITS)])
    return _table(head, rows)


def _near(corpora: list[Corpus]) -> list[str]:
    """How many sentences of each bucket are one word away from a training sentence."""
    head = ["source words", *(f"{c.level} {name}" for c in corpora for name in TESTED)]
    columns = []
    for corpus in corpora:
        # All at once, because each call files the whole training set.
        tested = [pair for name in TESTED for pair in getattr(corpus, name)]
        near = iter(near_duplicates(tested, corpus.train))
        for name in TESTED:
            places = [bucket_of(pair) for pair in getattr(corpus, name)]
            found = Counter(p for p, one in zip(places, near, strict=False) if one)
            total = Counter(places)
            columns.append([_percent(found[p], total[p]) for p in range(len(BUCKETS))])
    rows = [
        [f"{low}-{high}", *(column[place] for column in columns)]
        for place, (low, high) in enumerate(BUCKETS)
    ]
    return _table(head, rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if part else "-"


def _constructions(corpora: list[Corpus]) -> list[str]:
    head = ["construction", *(f"{c.level} {name}" for c in corpora for name in SPLITS)]
    counts = [
        Counter(tag for pair in getattr(corpus, name) for tag in pair.tags)
        for corpus in corpora
        for name in SPLITS
    ]
    return _table(head, [[f"`{tag}`", *(_number(c[tag]) for c in counts)] for tag in TAGS])


def _examples(corpus: Corpus) -> list[str]:
    lines = ["| construction | what it is | the shortest one in full dev |", "|---|---|---|"]
    for tag, meaning in TAGS.items():
        pairs = [pair for pair in corpus.dev if tag in pair.tags]
        pair = min(pairs, key=lambda p: (len(p.source), p.source))
        example = f"{' '.join(pair.source)} / {' '.join(pair.target)}"
        lines.append(f"| `{tag}` | {meaning} | {example} |")
    return [*lines, ""]


def _summary(corpora: list[Corpus]) -> list[str]:
    rows = []
    for corpus in corpora:
        words = lexicon(corpus.level)
        pairs: list[Pair] = [p for name in SPLITS for p in getattr(corpus, name)]
        crossing = sum(any(crosses(link, pair) for link in pair.sure) for pair in pairs)
        rows.append(
            [
                corpus.level,
                *(str(len(part)) for part in (words.nouns, words.adjectives, words.verbs)),
                str(len(corpus.source_vocabulary) - 3),
                str(len(corpus.target_vocabulary) - 3),
                f"{sum(len(p.sure) for p in pairs):,}",
                f"{sum(len(p.possible) - len(p.sure) for p in pairs):,}",
                f"{100 * crossing / len(pairs):.0f} %",
            ]
        )
    head = [
        "level", "nouns", "adjectives", "verbs", "English forms", "French forms",
        "sure links", "possible-only links", "sentences with a crossing link",
    ]  # fmt: skip
    return _table(head, rows)


def crosses(link: tuple[int, int], pair: Pair) -> bool:
    """Tell whether a sure link of the pair crosses this one."""
    i, j = link
    return any((i - k) * (j - m) < 0 for k, m in pair.sure)


def counts(directory: str | Path) -> str:
    """Return the generated part of the datasheet for the data in `directory`, as Markdown."""
    corpora = [load_corpus(level, directory) for level in LEVELS]
    lines = ["### Size", "", *_summary(corpora)]
    for corpus in corpora:
        lines += [f"### Pairs by length: {corpus.level}", "", *_lengths(corpus)]
    lines += ["### One word away from a training sentence", "", *_near(corpora)]
    lines += ["### Pairs with each construction", "", *_constructions(corpora)]
    lines += ["### What the constructions are", "", *_examples(corpora[-1])]
    lines += ["### Pairs of words kept for test_unseen", ""]
    for level in LEVELS:
        names = ", ".join(" ".join(pair) for pair in HELD_OUT[level])
        lines += [f"- {level}: {names}."]
    return "\n".join([*lines, ""])


def update(readme: str | Path, directory: str | Path) -> None:
    """Put the counts of `directory` between the markers of a datasheet."""
    readme = Path(readme)
    text = readme.read_text(encoding="utf-8")
    if text.count(BEGIN) != 1 or text.count(END) != 1:
        raise ValueError(f"{readme}: expected the markers {BEGIN} and {END} once each")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    readme.write_text(f"{before}{BEGIN}\n{counts(directory)}{END}{after}", encoding="utf-8")
