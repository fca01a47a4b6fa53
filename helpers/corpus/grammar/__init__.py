"""The synchronous English-French grammar that wrote data/en-fr.

`build` is the way in. lexicon reads the words, phrases makes noun and verb phrases of both
languages, story remembers what a sentence has said, clauses and sentences put it together, splits
draws the five sets of a level, datasheet counts them.
"""

from __future__ import annotations

from pathlib import Path

from helpers.corpus.grammar.datasheet import update
from helpers.corpus.grammar.splits import SEEDS, generate, write_level


def build(directory: str | Path) -> None:
    """Write both levels into `directory` (data/en-fr), byte for byte the same each time.

    The counts in a README.md beside the directory, if there is one, are brought up to date.
    Prints the sizes. Takes about half a minute.
    """
    directory = Path(directory)
    for level in SEEDS:
        splits = generate(level)
        write_level(splits, directory / level)
        sizes = ", ".join(f"{name} {len(pairs):,}" for name, pairs in splits.items())
        print(f"{level}: {sizes} pairs in {directory / level}")
    readme = directory.parent / "README.md"
    if readme.is_file():
        update(readme, directory)
        print(f"counts brought up to date in {readme}")
