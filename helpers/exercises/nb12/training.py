"""Exercises of notebook 12, fourth part: targets that leave a doubt, and a rate that climbs."""

from __future__ import annotations

import torch

from helpers.exercises.engine import Exercise, Wrong
from helpers.exercises.inputs import Dice
from helpers.exercises.nb12 import answers


def _loss_case(dice: Dice, b: int, t: int, v: int, smoothing: float) -> tuple:
    targets = dice.integers(1, v, b, t)
    if t > 1:
        padding = torch.arange(t) >= dice.lengths(b, t).unsqueeze(1)
        targets = targets.masked_fill(padding, 0)
    return dice.normal(b, t, v), targets, smoothing


def _loss_cases(dice: Dice) -> list[tuple]:
    few = torch.tensor([[[2.0, 0.0, 1.0, 0.0], [0.0, 1.0, 0.0, 1.0]]])
    loud = _loss_case(Dice(1), 2, 3, 6, 0.1)
    junk = Dice(2).normal(2, 4, 6)
    junk[0, 1:] *= 1e4  # on padding
    junk[1, 3] *= 1e4
    return [
        (few, torch.tensor([[2, 0]]), 0.4),
        _loss_case(dice, 2, 1, 3, 0.2),
        _loss_case(dice, 2, 3, 5, 0.1),
        _loss_case(dice, 3, 4, 6, 0.5),
        _loss_case(dice, *dice.sizes(3), 0.3),
        _loss_case(dice, *dice.sizes(3, 3, 8), 0.25),
        _loss_case(dice, 3, 4, 5, 0.0),
        (1e3 * loud[0], *loud[1:]),  # a probability is 0 in floats, its logarithm is a number
        (dice.normal(2, 4, 5), torch.tensor([[1, 0, 3, 3], [4, 2, 0, 1]]), 0.2, 3),
        (dice.normal(2, 3, 4), torch.tensor([[1, 2, 3], [0, 0, 0]]), 0.2),  # a row of nothing
        (junk, torch.tensor([[2, 0, 0, 0], [1, 5, 3, 0]]), 0.3),
    ]


def _parts(logits: torch.Tensor, targets: torch.Tensor, pad: int) -> tuple[torch.Tensor, ...]:
    """The mask of real tokens, the surprise of every word, and that of the true one."""
    surprise = -torch.log_softmax(logits, dim=-1)
    own = surprise.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return targets != pad, surprise, own


def _mixed(own_share, spread) -> object:
    """The loss with other shares: own_share(smoothing) and spread(surprise, own) to choose."""

    def loss(logits, targets, smoothing, pad=0) -> torch.Tensor:
        real, surprise, own = _parts(logits, targets, pad)
        return (own_share(smoothing) * own + smoothing * spread(surprise, own))[real].mean()

    return loss


def _others_only(logits, targets, smoothing, pad=0) -> torch.Tensor:
    real, surprise, own = _parts(logits, targets, pad)
    others = (surprise.sum(dim=-1) - own) / (logits.size(-1) - 1)
    return ((1 - smoothing) * own + smoothing * others)[real].mean()


def _predictions_smoothed(logits, targets, smoothing, pad=0) -> torch.Tensor:
    real = targets != pad
    shares = torch.softmax(logits, dim=-1) * (1 - smoothing) + smoothing / logits.size(-1)
    own = shares.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return -torch.log(own)[real].mean()


def _all_positions(logits, targets, smoothing, pad=0) -> torch.Tensor:
    _, surprise, own = _parts(logits, targets, pad)
    return ((1 - smoothing) * own + smoothing * surprise.mean(dim=-1)).mean()


def _divided_by_all(logits, targets, smoothing, pad=0) -> torch.Tensor:
    real, surprise, own = _parts(logits, targets, pad)
    each = (1 - smoothing) * own + smoothing * surprise.mean(dim=-1)
    return (each * real).mean()


def _padding_in_the_spread(logits, targets, smoothing, pad=0) -> torch.Tensor:
    real, surprise, own = _parts(logits, targets, pad)
    return (1 - smoothing) * own[real].mean() + smoothing * surprise.mean()


def _logarithm_of_softmax(logits, targets, smoothing, pad=0) -> torch.Tensor:
    surprise = -torch.log(torch.softmax(logits, dim=-1))[targets != pad]
    own = surprise.gather(1, targets[targets != pad].unsqueeze(1)).squeeze(1)
    return ((1 - smoothing) * own + smoothing * surprise.mean(dim=1)).mean()


def _not_topped_up(logits, targets, smoothing, pad=0) -> torch.Tensor:
    real, surprise, own = _parts(logits, targets, pad)
    others = surprise.mean(dim=-1) - own / logits.size(-1)
    return ((1 - smoothing) * own + smoothing * others)[real].mean()


def _two_words_fewer(logits, targets, smoothing, pad=0, divergence: bool = False) -> torch.Tensor:
    real, surprise, own = _parts(logits, targets, pad)
    shares = torch.full_like(logits, smoothing / (logits.size(-1) - 2))
    shares = shares.scatter(-1, targets.unsqueeze(-1), 1 - smoothing).index_fill(
        -1, torch.tensor([pad]), 0.0
    )
    losses = (shares * surprise).sum(dim=-1)
    return (losses + divergence * torch.special.xlogy(shares, shares).sum(dim=-1))[real].mean()


def _entropy(words: int, smoothing: float) -> float:
    shares = torch.full((words,), smoothing / words)
    shares[0] += 1 - smoothing
    return -torch.special.xlogy(shares, shares).sum()


smoothed_loss = Exercise(
    name="nb12.smoothed_loss",
    title="Never quite sure: label smoothing",
    difficulty=3,
    minutes=15,
    core=False,
    reference=answers.smoothed_loss,
    spec=answers.smoothed_loss_spec,
    cases=_loss_cases,
    sizes=lambda logits, targets, smoothing, pad=0: dict(zip("BTV", logits.shape, strict=True)),
    returns={"loss": ""},
    gradients=("logits",),
    exact_zeros=lambda logits, targets, smoothing, pad=0: {
        "logits": (targets == pad).unsqueeze(-1)
    },
    shapes_hint="logits[real] is (N, V), a row for each real token, and targets[real] is (N,).",
    training_case=lambda: (torch.randn(64, 24, 200), torch.randint(1, 200, (64, 24)), 0.1),
    wrong_answers=(
        Wrong(
            "others_only",
            _others_only,
            "smoothing is shared out among the other words only, V - 1 of them. In this loss, as "
            "in PyTorch's, it goes to all V words, the true one too, which so has "
            "1 - smoothing + smoothing / V.",
        ),
        Wrong(
            "not_taken_away",
            _mixed(lambda e: 1.0, lambda surprise, own: surprise.mean(dim=-1)),
            "The true word keeps all of its 1, and smoothing is given out on top: the target sums "
            "to more than 1. What the others get must be taken from it.",
        ),
        Wrong(
            "not_smoothed",
            _mixed(lambda e: 1.0, lambda surprise, own: 0.0),
            "smoothing has no part in it: this is the plain loss.",
        ),
        Wrong(
            "scaled_only",
            _mixed(lambda e: 1 - e, lambda surprise, own: 0.0),
            "The loss is only made smaller. What is taken from the true word must be given to all "
            "words alike, or the model is pushed to be as sure as before.",
        ),
        Wrong(
            "summed",
            _mixed(lambda e: 1 - e, lambda surprise, own: surprise.sum(dim=-1)),
            "Every word gets smoothing as a whole, V times smoothing in all. It is shared out: "
            "smoothing / V each.",
        ),
        Wrong(
            "turned_round",
            lambda logits, targets, smoothing, pad=0: answers.smoothed_loss(
                logits, targets, 1 - smoothing, pad
            ),
            "The shares are exchanged: the true word has smoothing, and the rest is spread.",
        ),
        Wrong(
            "predictions_smoothed",
            _predictions_smoothed,
            "The model's probabilities are mixed with 1/V, not the targets. Then it may be as sure "
            "as it likes at no cost.",
        ),
        Wrong(
            "all_positions",
            _all_positions,
            "Padding is counted as if it were words.",
        ),
        Wrong(
            "divided_by_all",
            _divided_by_all,
            "Padding adds nothing, but is counted in the mean. Divide by the number of real "
            "tokens.",
        ),
        Wrong(
            "padding_in_the_spread",
            _padding_in_the_spread,
            "The true words' part leaves padding out, the spread part does not: padding teaches "
            "the model to be unsure. Leave it out of both.",
        ),
        Wrong(
            "overflow",
            _logarithm_of_softmax,
            "Right for small logits, but where they lie far apart the softmax of one is 0 in "
            "floats, and the logarithm of 0 is minus infinity. torch.log_softmax "
            "takes both steps in one, and never gets there.",
        ),
        Wrong(
            "true_word_not_topped_up",
            _not_topped_up,
            "The true word is left at 1 - smoothing. It gets its smoothing / V on top, as every "
            "word does, so that the target sums to 1.",
        ),
        Wrong(
            "two_words_fewer",
            _two_words_fewer,
            "smoothing is shared out among V - 2 words, without the true one and padding. In this "
            "loss, as in PyTorch's, it goes to all V words.",
            also=(lambda *given: _two_words_fewer(*given, divergence=True),),
        ),
        Wrong(
            "divergence",
            lambda logits, targets, smoothing, pad=0: (
                answers.smoothed_loss(logits, targets, smoothing, pad)
                - _entropy(logits.size(-1), smoothing)
            ),
            "This is the divergence from the smoothed target, as kl_div gives it. It is the "
            "cross-entropy less the target's own entropy: the gradient is the same, the number is "
            "not.",
        ),
        Wrong(
            "minus_forgotten",
            lambda *given: -answers.smoothed_loss(*given),
            "The sign is turned round. A surprise is minus the log-probability, and never "
            "negative.",
        ),
        Wrong(
            "added_up",
            lambda logits, targets, smoothing, pad=0: (
                answers.smoothed_loss(logits, targets, smoothing, pad) * (targets != pad).sum()
            ),
            "The losses are added up. Take the mean over the real tokens.",
        ),
        Wrong(
            "divided_by_sentences",
            lambda logits, targets, smoothing, pad=0: (
                answers.smoothed_loss(logits, targets, smoothing, pad)
                * (targets != pad).sum()
                / len(targets)
            ),
            "The sum is divided by the number of sentences. Divide by the number of real tokens, "
            "so that each counts the same.",
        ),
        Wrong(
            "fixed_pad",
            lambda logits, targets, smoothing, pad=0: answers.smoothed_loss(
                logits, targets, smoothing
            ),
            "The id 0 is written into your function. Which id is padding comes as the argument "
            "pad.",
        ),
    ),
    hints=(
        "The plain loss is the surprise of the true word, -log p. If the target lies on all words, "
        "whose surprises does the loss average, and with which shares?",
        "real = which targets are not padding\n"
        "surprise = minus the log-softmax of the logits of real tokens    (N, V)\n"
        "own = surprise of each true word                                 (N,)\n"
        "mean of (1 - smoothing) times own plus smoothing times the mean surprise",
        "surprise = -torch.log_softmax(logits[real], dim=-1)\n"
        "own = surprise.gather(1, targets[real].unsqueeze(1)).squeeze(1)\n"
        "((1 - smoothing) * own + smoothing * ...).mean()",
    ),
    why="cross-entropy is linear in the target: 1 - smoothing of the plain loss and smoothing of "
    "the mean surprise of all words. It can no longer reach 0, so its number says less than the "
    "plain loss does.",
)


def _rate_cases(dice: Dice) -> list[tuple]:
    def case(n: int, width: int, warm_up: int) -> tuple:
        return torch.arange(1.0, n + 1), width, warm_up

    last = dice.random.randint(12, 20)
    anywhere = torch.tensor([40.0, 3.0, 17.0, 12.5]), 6, 12  # some steps, in any order
    return [case(6, 4, 3), case(9, 16, 4), case(5, 2, 8), case(last, 5, 7), case(7, 3, 6), anywhere]


def _rates(factor, rising, falling, choose=torch.minimum) -> object:
    """The schedule with one thing changed."""
    return lambda steps, width, warm_up: (
        factor(width) * choose(rising(steps, warm_up), falling(steps, warm_up))
    )


def _width_factor(width: int) -> float:
    return width**-0.5


def _climb(steps: torch.Tensor, warm_up: int) -> torch.Tensor:
    return steps * warm_up**-1.5


def _fall(steps: torch.Tensor, warm_up: int) -> torch.Tensor:
    return steps**-0.5


warm_up_rates = Exercise(
    name="nb12.warm_up_rates",
    title="Small steps first: the paper's learning rate",
    difficulty=2,
    minutes=10,
    core=False,
    reference=answers.warm_up_rates,
    spec=answers.warm_up_rates_spec,
    cases=_rate_cases,
    sizes=lambda steps, width, warm_up: {"N": len(steps), "D": width, "W": warm_up},
    returns={"rates": "N"},
    training_case=lambda: (torch.arange(1.0, 5001.0), 512, 4000),
    shapes_hint="Both branches are (N,): torch.minimum takes the smaller one number by number.",
    wrong_answers=(
        Wrong(
            "larger_one",
            _rates(_width_factor, _climb, _fall, torch.maximum),
            "The larger of the two is taken: the rate starts at its highest and climbs again. "
            "Before warm_up the rising one is the smaller.",
        ),
        Wrong(
            "no_warm_up",
            _rates(_width_factor, _fall, _fall),
            "The rate falls from the first step on. There is no warm-up in it.",
        ),
        Wrong(
            "stays_at_the_top",
            _rates(_width_factor, _climb, lambda steps, w: torch.full_like(steps, w**-0.5)),
            "After the warm-up the rate stays where it is. It falls, with the root of the step.",
        ),
        Wrong(
            "falls_with_the_step",
            _rates(_width_factor, _climb, lambda steps, w: w**0.5 / steps),
            "After the warm-up the rate falls as 1 / step. It falls as 1 / sqrt(step), far more "
            "slowly.",
        ),
        Wrong(
            "no_width",
            _rates(lambda width: 1.0, _climb, _fall),
            "The width has no part in it. Wide models get smaller steps: D^-0.5.",
        ),
        Wrong(
            "width_upside_down",
            _rates(lambda width: width**0.5, _climb, _fall),
            "The rate is multiplied by sqrt(D). The exponent is -0.5: wide models get smaller "
            "steps.",
        ),
        Wrong(
            "do_not_meet",
            _rates(_width_factor, lambda steps, w: steps * w**-0.5, _fall),
            "The rising branch is step * warm_up^-0.5, which passes the falling one long before "
            "warm_up. With the exponent -1.5 they meet at step = warm_up.",
        ),
        Wrong(
            "to_one",
            _rates(_width_factor, lambda steps, w: steps / w, _fall),
            "The rising branch is step / warm_up: it climbs to 1, where the falling one is at "
            "1 / sqrt(warm_up). The exponent is -1.5.",
        ),
        Wrong(
            "counted_from_zero",
            lambda steps, width, warm_up: answers.warm_up_rates(steps - 1, width, warm_up),
            "The steps are counted from 0: the first has a rate of 0 and teaches nothing. They are "
            "given counted from 1; use them as they are.",
        ),
        Wrong(
            "half_power",
            _rates(lambda width: 1 / (2 * width), _climb, _fall),
            "`D ** -1/2` is no root: Python takes the power first and then divides by 2. Write ** "
            "-0.5.",
            also=(
                _rates(
                    lambda width: 1 / (2 * width), _climb, lambda steps, warm_up: 1 / (2 * steps)
                ),
                _rates(_width_factor, _climb, lambda steps, warm_up: 1 / (2 * steps)),
            ),
        ),
        Wrong(
            "sum_of_both",
            _rates(_width_factor, _climb, _fall, choose=torch.add),
            "The two terms are added up. The smaller one is taken: it climbs before the warm-up "
            "is over, and falls after it.",
        ),
    ),
    hints=(
        "There are two branches, one that rises in a straight line and one that falls. Which is "
        "the smaller at step 1, and at which step are they equal?",
        "falling = step to the power of -0.5\nrising = step times warm_up to the power of -1.5\n"
        "the smaller of the two, times D to the power of -0.5",
        "width**-0.5 * torch.minimum(steps**-0.5, ...)",
    ),
    why="step * warm_up^-1.5 = step^-0.5 where step = warm_up, so the smaller of the two climbs to "
    "that step and falls after it. One formula, no if.",
)
