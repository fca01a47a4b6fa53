"""Exercises of notebook 13 in which a whole is built: the search, and the learning of merges."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from helpers.exercises import building
from helpers.exercises.comparing import kind
from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice, Misstep
from helpers.exercises.nb13 import answers


@dataclass
class ToyStep:
    """A decoder's step: the state turns with each word, and the next word is read from it.

    turn (H, H), embedding (V, H), output (H, V). width: hypotheses of a sentence. patience: calls
    that are allowed. steps: how many a right search takes, set by `_search_case`.
    """

    turn: torch.Tensor
    embedding: torch.Tensor
    output: torch.Tensor
    width: int
    patience: int
    calls: int = 0
    steps: int = 0

    def __call__(
        self, previous: torch.Tensor, state: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        self.calls += 1
        if self.calls > self.patience:
            raise Misstep(
                f"step was called {self.calls} times, and longest is {self.patience}: stop after "
                "so many steps."
            )
        shapes = [tuple(p.shape) if isinstance(p, torch.Tensor) else p for p in (previous, state)]
        if len(shapes[0]) != 2 or shapes[0][1] != self.width or shapes[1][:-1] != shapes[0]:
            raise Misstep(
                f"step got previous {shapes[0]} and state {shapes[1]}; it expects (B, K), the last "
                "word of each hypothesis, and (B, K, H)."
            )
        after = torch.tanh(state @ self.turn.to(state) + self.embedding.to(state)[previous])
        logits = after @ self.output.to(state)
        logits[..., :2] = -torch.inf  # <pad> and <start> are never expected
        return torch.log_softmax(logits, dim=-1), after


def _search_case(
    dice: Dice, b: int, k: int, h: int, v: int, alpha: float, longest: int, ends: float = 0.5
) -> tuple:
    """ends: what is added to the logit of <end>, so that sentences differ in length."""
    while True:
        output = 2 * dice.normal(h, v)
        output[:, 2] *= ends
        step = ToyStep(1.5 * dice.normal(h, h), 1.5 * dice.normal(v, h), output, k, longest)
        case = step, dice.normal(b, 1, h).expand(-1, k, -1).contiguous(), alpha, longest
        step.steps = answers.beam_search(copy.deepcopy(step), *case[1:])[0].size(1)
        if step.steps not in (b, k, h, v):  # so that no other axis is taken for T
            return case


def _search_cases(dice: Dice) -> list[tuple]:
    return [
        _search_case(dice, 1, 2, 3, 5, 0.0, 6),
        _search_case(dice, 2, 3, 4, 6, 0.6, 8),
        _search_case(dice, 3, 1, 4, 7, 1.0, 9),
        _search_case(dice, 4, 3, 5, 8, 1.0, 9, ends=1.0),
        _search_case(dice, 5, 4, 6, 9, 2.0, 10, ends=1.0),
        _search_case(dice, 6, 3, 4, 7, 1.5, 5, ends=0.2),
        _search_case(dice, 2, 4, 5, 11, 0.7, 11, ends=1.5),
    ]


def _search(
    step: Callable,
    state: torch.Tensor,
    alpha: float,
    longest: int,
    reorder: str = "state words ended",
    starts: str = "one",
    first: int = 1,
    ended_by: str = "pad",
    stop: str = "all",
    length: str = "real",
    choose: str = "scores",
    fed: str = "chosen",
) -> Any:
    """The search with one of its parts exchanged."""
    sentences, width, _ = state.shape
    rows = torch.arange(sentences).unsqueeze(1)
    previous = torch.full((sentences, width), first)
    words, ended = previous[:, :, None][:, :, :0], torch.zeros(sentences, width, dtype=torch.bool)
    sums = torch.zeros(sentences, width, dtype=state.dtype)
    if starts == "one":
        sums[:, 1:] = -torch.inf
    for _ in range(longest):
        gains, state = step(previous, state)
        if ended_by != "nothing":
            gains = gains.masked_fill(ended.unsqueeze(2), -torch.inf)
        if ended_by == "pad":
            gains[:, :, 0] = gains[:, :, 0].masked_fill(ended, 0.0)
        elif ended_by == "end":
            gains[:, :, 2] = gains[:, :, 2].masked_fill(ended, 0.0)
        elif ended_by == "dropped":  # a very small number, so that there are always K ways
            gains = gains.masked_fill(ended.unsqueeze(2), -1e9)
        sums, parents, chosen = answers.beam_step(sums, gains)
        across = parents[:1].expand_as(parents) if "first" in reorder else parents
        state = state[rows, across] if "state" in reorder else state
        words = words[rows, parents] if "words" in reorder else words
        words = torch.cat([words, chosen.unsqueeze(2)], dim=2)
        ended = (ended[rows, parents] if "ended" in reorder else ended) | (chosen == 2)
        previous = chosen if fed == "chosen" else previous
        if stop != "never" and (ended.all() if stop == "all" else ended[:, 0].all()):
            break
    lengths = {
        "real": (words != 0).sum(dim=2),
        "without end": (words > 2).sum(dim=2),
        "steps": torch.full_like(words[:, :, 0], words.size(2)),
    }[length]
    scores = answers.length_scores(sums, lengths, alpha)
    by = scores if choose == "scores" else sums
    best = by.argmax(dim=1)
    shown = sums if choose == "sums alone" else scores
    return words[rows[:, 0], best], shown[rows[:, 0], best]


@building.parted
def _slip(**parts: Any) -> Callable[..., Any]:
    """The search with these parts exchanged, as a function of its four arguments."""

    def beam_search(step, state, alpha, longest):
        return _search(step, state, alpha, longest, **parts)

    return beam_search


def _search_sizes(step: ToyStep, state: torch.Tensor, alpha: float, longest: int) -> dict[str, int]:
    (b, k, h), v = state.shape, step.output.size(1)
    return {"B": b, "K": k, "H": h, "V": v, "T": step.steps}


def _patient(case: tuple) -> tuple:
    """The same toy, patient enough to be called again and again by the speed check."""
    case[0].patience = 10**9
    return case


def _as_it_is(answer: Any) -> Callable[..., Any]:
    """What the answer returns: it is a whole because it is built of earlier answers."""

    def found(step: ToyStep, state: torch.Tensor, alpha: float, longest: int) -> Any:
        return answer(step, state, alpha, longest)

    return found


beam_search = Exercise(
    name="nb13.beam_search",
    title="The whole search",
    difficulty=4,
    minutes=18,
    core=False,
    reference=answers.beam_search,
    spec=answers.beam_search_spec,
    whole=_as_it_is,
    cases=_search_cases,
    sizes=_search_sizes,
    returns={"words": "B T", "scores": "B"},
    observe=lambda step, *rest: {"step": step.calls},
    shapes_hint="parents (B, K) are numbers of hypotheses. With rows = torch.arange(B)[:, None], "
    "state[rows, parents] takes from each sentence the hypotheses named, and is (B, K, H) again.",
    training_case=lambda: _patient(_search_case(Dice(), 40, 4, 24, 300, 1.0, 12)),
    wrong_answers=(
        Wrong(
            "state_not_taken_over",
            _slip(reorder="words ended"),
            "The states stay where they were. A new hypothesis goes on from its parent, so it "
            "needs its parent's state: take the states of the parents after each step.",
        ),
        Wrong(
            "words_not_taken_over",
            _slip(reorder="state ended"),
            "Each new word is put behind the words that happened to stand in its place. It belongs "
            "behind the words of its parent: take those over before you add it.",
        ),
        Wrong(
            "ended_not_taken_over",
            _slip(reorder="state words"),
            "Which hypotheses have ended is not taken over from the parents. When hypotheses "
            "change places, a living one is stopped and an ended one goes on.",
        ),
        Wrong(
            "first_sentence_decides",
            _slip(reorder="state words ended first"),
            "All sentences take over the states by the parents of the first sentence. Each has "
            "parents of its own: index with the rows and the parents together.",
        ),
        Wrong(
            "all_alike",
            _slip(starts="all"),
            "All K hypotheses start with the sum 0. They are the same at first, so the same "
            "beginning is kept K times, and the search is greedy. Let only the first one start "
            "with 0 and the others with minus infinity.",
        ),
        Wrong(
            "ended_go_on",
            _slip(ended_by="nothing"),
            "A hypothesis that has said <end> goes on with more words. It is finished: its only "
            "way to go on is <pad>, which costs nothing.",
        ),
        Wrong(
            "end_again",
            _slip(ended_by="end"),
            "An ended hypothesis goes on with <end>, so it gets longer with each step and its "
            "length is counted wrong. It goes on with <pad>.",
        ),
        Wrong(
            "ended_dropped",
            _slip(ended_by="dropped"),
            "A hypothesis that has ended loses its place at the next step. It must stay, and "
            "compete with its sum as it is: its gain for <pad> is 0, and for all words it is "
            "minus infinity.",
        ),
        Wrong(
            "stops_with_the_best",
            _slip(stop="first"),
            "The search stops when the first hypothesis of each sentence has ended. Another one "
            "may still end with a better score: stop when all have ended.",
        ),
        Wrong(
            "never_stops_early",
            _slip(stop="never"),
            "The search goes on when all hypotheses have ended, and adds nothing but <pad>. Leave "
            "the loop then.",
        ),
        Wrong(
            "padding_counted",
            _slip(length="steps"),
            "The length of each hypothesis is the number of steps, so all have the same penalty. "
            "<pad> is no word of a translation: count the words up to <end>.",
        ),
        Wrong(
            "end_not_counted",
            _slip(length="without end"),
            "One word too few is counted where a hypothesis has its <end>. length_scores counts "
            "<end> too.",
        ),
        Wrong(
            "chosen_by_sum",
            _slip(choose="sums"),
            "The hypothesis with the best sum is returned. The sum prefers short ones: choose the "
            "one with the best score, which is what length_scores is for.",
        ),
        Wrong(
            "no_scores",
            _slip(choose="sums alone"),
            "length_scores has no part in it: these are the sums, which prefer short translations.",
        ),
        Wrong(
            "start_fed_always",
            _slip(fed="start"),
            "step is given <start> each time. It needs the word that each hypothesis has just "
            "said.",
        ),
        Wrong(
            "pad_fed_first",
            _slip(first=0),
            "The first word that step is given is <pad>, number 0. A sentence begins with "
            "<start>, which is 1.",
        ),
    ),
    hints=(
        "What belongs to a hypothesis? Its sum, its words, its state. All three must follow it "
        "when beam_step puts it into another place.",
        "sums: 0 for the first hypothesis of each sentence, minus infinity for the others\n"
        "at most `longest` times:\n"
        "  gains and state from step(previous, state)\n"
        "  where a hypothesis has ended: all gains minus infinity, that of <pad> 0\n"
        "  beam_step gives the new sums, the parents and the words\n"
        "  state and words of the parents; each new word behind its parent's\n"
        "  leave the loop if every hypothesis has its <end>\n"
        "lengths without <pad>, length_scores, and the best of each sentence",
        "rows = torch.arange(B).unsqueeze(1)\n"
        "gains = gains.masked_fill(ended.unsqueeze(2), -torch.inf)\n"
        "gains[:, :, 0] = gains[:, :, 0].masked_fill(ended, 0.0)\n"
        "sums, parents, previous = beam_step(sums, gains)\n"
        "state = state[rows, ...]\n"
        "words = torch.cat([words[rows, ...], previous.unsqueeze(2)], dim=2)",
    ),
    why="beam_step only says which hypotheses go on. The search also carries along all that "
    "belongs to a hypothesis, and lets the ended ones wait until the last one has ended.",
)


def _merge_case(
    dice: Dice, words: int, longest: int, letters: int, merges: int, rounds: int = 40
) -> tuple:
    """Words of random letters; a few symbols, so that pairs come again."""
    spelt = [dice.integers(0, letters, dice.random.randint(1, longest)) for _ in range(words)]
    counts = [dice.random.randint(1, rounds) for _ in range(words)]
    return [word.tolist() for word in spelt], counts, merges, letters + 3


def _merge_cases(dice: Dice) -> list[tuple]:
    return [
        ([[0, 1, 0, 1], [1, 0]], [2, 3], 1, 5),
        ([[0, 1, 2], [0, 1], [2, 1, 2]], [5, 1, 4], 3, 7),
        ([[0, 1], [0]], [3, 9], 4, 6),  # after one merge nothing is left
        ([[2, 0], [1, 3], [3, 2, 1]], [4, 4, 1], 3, 9),  # a tie
        ([[0, 0, 0, 0, 1], [0, 0, 1]], [3, 2], 3, 4),
        ([[0], []], [3, 4], 2, 8),  # no pair at all
        _merge_case(dice, 6, 6, 3, 4),
        _merge_case(dice, 9, 7, 4, 6),
        _merge_case(dice, 12, 5, 3, 30),
        _merge_case(dice, 10, 8, 4, 0),
    ]


def _learnt(
    spelt: list[list[int]],
    counts: list[int],
    merges: int,
    new: int,
    weigh: bool = True,
    once: bool = False,
    recount: bool = True,
    rewrite: bool = True,
    number: str = "next",
    pick: str = "most first",
    ordered: bool = True,
    joined: bool = False,
    rounds: int = 0,
) -> list[tuple[int, int]]:
    """The loop with one of its parts exchanged."""
    learnt: list[tuple[int, int]] = []
    ranking: list = []
    while len(learnt) < merges + rounds:
        seen: Counter = Counter()
        texts = [sum(spelt, [])] if joined else spelt
        for symbols, count in zip(texts, [1] if joined else counts, strict=True):
            pairs = list(zip(symbols[:-1], symbols[1:], strict=True))
            pairs = pairs if ordered else [(min(p), max(p)) for p in pairs]
            for pair in dict.fromkeys(pairs) if once else pairs:
                seen[pair] += count if weigh else 1
        if not recount:
            ranking = ranking or [pair for pair, _ in seen.most_common()]
            if len(learnt) == len(ranking):
                break
            learnt.append(ranking[len(learnt)])
            continue
        if not seen:
            break
        met = list(seen) if pick.endswith("first") else list(seen)[::-1]
        best = (max if pick.startswith("most") else min)(met, key=lambda pair: seen[pair])
        symbol = new + (len(learnt) if number == "next" else 0)
        if rewrite:
            spelt = [answers.merge_pair(symbols, *best, symbol) for symbols in spelt]
        learnt.append(best)
    return learnt


@building.parted
def _learning(**parts: Any) -> Callable[..., Any]:
    """The loop with these parts exchanged, as a function of its four arguments."""

    def learn_merges(spelt, counts, merges, new):
        return _learnt(spelt, counts, merges, new, **parts)

    return learn_merges


def _words_changed(spelt, counts, merges, new) -> list[tuple[int, int]]:
    """The caller's own lists are rewritten."""
    learnt: list[tuple[int, int]] = []
    for k in range(merges):
        found = answers.learn_merges(spelt, counts, 1, new + k)
        if not found:
            break
        learnt += found
        for n, symbols in enumerate(spelt):
            spelt[n] = answers.merge_pair(symbols, *found[0], new + k)
    return learnt


def _as_pairs(answer: Any) -> Callable[..., Any]:
    def learnt(spelt: list[list[int]], counts: list[int], merges: int, new: int) -> Any:
        found = answer(spelt, counts, merges, new)
        if found is None or found is ...:
            return found
        pairs = isinstance(found, list) and all(
            isinstance(pair, tuple | list)
            and len(pair) == 2
            and all(isinstance(symbol, int) for symbol in pair)
            for pair in found
        )
        if not pairs:
            raise Misstep(
                f"Expected a list of pairs (left, right) of symbols; yours returns {kind(found)}."
            )
        return torch.tensor(found, dtype=torch.long).view(-1, 2)

    return learnt


learn_merges = Exercise(
    name="nb13.learn_merges",
    title="Pieces are learnt",
    difficulty=3,
    minutes=12,
    core=False,
    reference=answers.learn_merges,
    spec=answers.learn_merges_spec,
    whole=_as_pairs,
    cases=_merge_cases,
    sizes=lambda spelt, counts, merges, new: {
        "M": len(answers.learn_merges(spelt, counts, merges, new)),
        "pair": 2,
    },
    returns={"pairs": "M pair"},
    training_case=lambda: _merge_case(Dice(), 14, 7, 5, 4),
    wrong_answers=(
        Wrong(
            "words_not_weighed",
            _learning(weigh=False),
            "Each word counts once. A word that occurs a hundred times has each of its pairs a "
            "hundred times: add its count.",
        ),
        Wrong(
            "once_a_word",
            _learning(once=True),
            "A pair that a word holds twice is counted once. Count each place where it stands.",
        ),
        Wrong(
            "counted_once",
            _learning(recount=False),
            "All pairs come from the first counting. A merge makes new neighbours and takes old "
            "ones away, so count anew in each round.",
        ),
        Wrong(
            "words_stay",
            _learning(rewrite=False),
            "The words stay as they were, so the same pair is found in each round. Merge it in all "
            "words before you count again.",
        ),
        Wrong(
            "one_symbol_for_all",
            _learning(number="same"),
            "Every merge makes the same new symbol, so pieces that are spelt differently become "
            "one. Each round needs a number of its own: new, new + 1, and so on.",
        ),
        Wrong(
            "rarest",
            _learning(pick="least first"),
            "The least frequent pair is merged. It is the most frequent one that is worth a "
            "symbol.",
        ),
        Wrong(
            "last_of_a_tie",
            _learning(pick="most last"),
            "Where pairs tie, the one met last is taken. It should be the one met first, so that "
            "everybody learns the same pieces.",
        ),
        Wrong(
            "either_order",
            _learning(ordered=False),
            "A pair and its mirror image are counted as one. `le` is not `el`: the left symbol "
            "comes first.",
        ),
        Wrong(
            "across_words",
            _learning(joined=True),
            "The words are joined before the pairs are counted. Pieces never go over the end of a "
            "word: count inside each word, as often as it occurs.",
        ),
        Wrong(
            "one_round_more",
            _learning(rounds=1),
            "One pair too many is merged: stop after `merges` rounds.",
        ),
        Wrong(
            "words_changed",
            _words_changed,
            "The pairs are right, but the caller's own list of words was rewritten. Make a new "
            "list in each round.",
        ),
    ),
    hints=(
        "What must be known before a pair can be merged, and what has changed afterwards? Which of "
        "that must be done again in each round?",
        "while fewer than `merges` pairs are learnt:\n"
        "  count the pairs of neighbours in all words, each as often as its word occurs\n"
        "  leave the loop if there are none\n"
        "  the most frequent pair, and the number of its new symbol\n"
        "  merge it in every word, and add it to the list",
        "seen = Counter()\n"
        "for symbols, count in zip(spelt, counts):\n"
        "    for pair in zip(symbols, symbols[1:]):\n"
        "        seen[pair] += ...\n"
        "left, right = seen.most_common(1)[0][0]\n"
        "spelt = [merge_pair(symbols, left, right, ...) for symbols in spelt]",
    ),
    why="each merge changes which symbols are neighbours, so the pairs are counted anew in each "
    "round. That is the whole algorithm; real ones only keep the counts instead of making them "
    "anew.",
)
