"""Writing data/en-fr: five disjoint splits a level, with a set mix of lengths."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from helpers.corpus.en_fr import BUCKETS, FILES, LONGER
from helpers.corpus.grammar.phrases import Dice
from helpers.corpus.grammar.sentences import attempt
from helpers.corpus.pairs import Pair, format_pair

# Sentences by bucket (the final mark is a word too): training favours the long ones, the harder.
SPLIT_SIZES = {
    "train": (4800, 7200, 10000, 8800, 9200),
    "dev": (400, 400, 400, 400, 400),
    "test": (600, 600, 600, 600, 600),
    "test_unseen": (120, 170, 170, 170, 170),
}
LONGER_SIZE = 800
SEEDS = {"lite": 20260, "full": 20261}
RARE = 20  # a word form of a test set occurs this often in training
# For each bucket: (number of clauses, richness) to try, with weights.
SPLIT_RECIPES = (
    {("one", 0.05): 1, ("one", 0.2): 1, ("one", 0.4): 1},
    {("one", 0.3): 2, ("one", 0.6): 1, ("two", 0.0): 1},
    {("one", 0.9): 1, ("two", 0.1): 2, ("two", 0.4): 2},
    {("two", 0.6): 2, ("two", 0.9): 1, ("three", 0.1): 2},
    {("two", 0.9): 1, ("three", 0.3): 2, ("three", 0.6): 2},
    {("three", 0.7): 1, ("three", 1.0): 2},
)


def bucket_of(pair: Pair) -> int | None:
    """Return the index of the length bucket (5 for 25-34 words), None outside all."""
    length = len(pair.source)
    for index, (low, high) in enumerate((*BUCKETS, *LONGER)):
        if low <= length <= high:
            return index
    return None


class _Draw:
    """Draws sentences, each source once, into the split and bucket that still want them."""

    def __init__(self, level: str) -> None:
        self.level, self.dice = level, Dice(SEEDS[level])
        self.counts: Counter[tuple[str, str]] = Counter()
        self.seen: set[tuple[str, ...]] = set()
        self.splits: dict[str, list[Pair]] = {name: [] for name in (*SPLIT_SIZES, "test_longer")}

    def fill(self, wanted: dict[str, list[int]], allowed: Callable[[Pair], bool]) -> None:
        """Draw until `wanted` (split -> number by bucket, which is counted down) is met."""
        open_buckets = {b for numbers in wanted.values() for b, n in enumerate(numbers) if n > 0}
        tries = 0
        while open_buckets:
            tries += 1
            if tries > 5_000_000:
                raise RuntimeError(f"{self.level}: no more new sentences for {open_buckets}")
            aim = self.dice.pick(sorted(open_buckets))
            size, rich = self.dice.weighted(SPLIT_RECIPES[aim])
            made = attempt(self.dice, self.level, size, rich)
            if made is None:
                continue
            pair, held_out = made
            bucket = bucket_of(pair)
            if bucket not in open_buckets or pair.source in self.seen or not allowed(pair):
                continue
            needs = {
                name: numbers[bucket]
                for name, numbers in wanted.items()
                if numbers[bucket] > 0 and (held_out == (name == "test_unseen") or bucket == 5)
            }
            if (held_out and bucket == 5) or not needs:
                continue
            name = self.dice.weighted(needs)
            self.seen.add(pair.source)
            self.splits[name].append(pair)
            wanted[name][bucket] -= 1
            if not any(numbers[bucket] > 0 for numbers in wanted.values()):
                open_buckets.discard(bucket)

    def common(self, pair: Pair) -> bool:
        """Tell whether training has every word form of this pair RARE times."""
        forms = [*(("en", w) for w in pair.source), *(("fr", w) for w in pair.target)]
        return all(self.counts[form] >= RARE for form in forms)

    def drop_rare(self) -> dict[str, list[int]]:
        """Drop the pairs with rare forms; return how many of each bucket every split now lacks."""
        self.counts = Counter()
        for pair in self.splits["train"]:
            self.counts.update(("en", word) for word in pair.source)
            self.counts.update(("fr", word) for word in pair.target)
        wanted = {name: [0] * 6 for name in self.splits}
        for name, pairs in self.splits.items():
            for pair in pairs:
                bucket = bucket_of(pair)
                if bucket is not None and not self.common(pair):
                    wanted[name][bucket] += 1
            self.splits[name] = [pair for pair in pairs if self.common(pair)]
        return wanted


def generate(level: str) -> dict[str, list[Pair]]:
    """Return the five splits of a level. The same on every machine and Python version."""
    draw = _Draw(level)
    wanted = {name: [*numbers, 0] for name, numbers in SPLIT_SIZES.items()}
    wanted["test_longer"] = [0] * len(BUCKETS) + [LONGER_SIZE]
    draw.fill(wanted, lambda pair: True)
    # Forms that training shows too rarely leave every split, and other sentences take their place.
    while any(map(sum, (wanted := draw.drop_rare()).values())):
        draw.fill(wanted, draw.common)
    for pairs in draw.splits.values():
        draw_order(draw.dice, pairs)
    return draw.splits


def draw_order(dice: Dice, pairs: list[Pair]) -> None:
    """Shuffle in place (Fisher and Yates), from `random.random()` alone."""
    for last in range(len(pairs) - 1, 0, -1):
        other = int(dice.random() * (last + 1))
        pairs[last], pairs[other] = pairs[other], pairs[last]


def write_level(splits: dict[str, list[Pair]], directory: Path) -> None:
    """Write one level; compressed files have no time stamp, so that bytes do not change."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, pairs in splits.items():
        data = "".join(format_pair(pair) + "\n" for pair in pairs).encode()
        if FILES[name].endswith(".gz"):
            data = gzip.compress(data, 9, mtime=0)
        (directory / FILES[name]).write_bytes(data)
