"""Mutants that compute the same as the answer they were made from, each with the reason.

`EQUIVALENTS` maps an exercise's name to {the changed line as it is in the mutant: the reason}.
"""

_MAXIMUM = "A positive factor moves no maximum, and only the place of the maximum is used."
_SQUARE = "A number and its negative have the same square."
_BOTH = "The two are compared with each other: which is named first does not matter."
_TYPE = "Only the type of the numbers is taken from there, and it is the same."
_DIVIDES = "The size is a multiple of the divisor, so rounding up is rounding down."
_ODD = "The kernel is odd, so half of it, rounded down, is half of one word fewer."
_EMPTY = "A row of no words is set to 0 behind the softmax, and its gradient there too."
_FIRST = "There is a batch of one, so the first is the last."
_MEAN = "Rows and columns are mixed before the mean, which is taken over all their pairs alike."
_ONLY = "Where nothing is left, the rest that is divided is 0, by whatever it is divided."
_SCALED = "The rest of the row is divided by its sum, which has the same factor."

_ALIKE = "All hypotheses are the same before the first word, so any one of them may go on."
_NEVER = "<pad> and <start> are never expected, so both gains are minus infinity there."
_SINGLE = "The list has one entry, so its first is its last."

_TURN = "turn = shift * 10000 ** (-torch.arange({}) / width)"
_NEW_CUT = "cut = (*states.shape[:2], heads, {})"
_HIDDEN = "hidden = scores.masked_fill(~mask, float('-inf')){}"
_HIT = "hits = {}.argmax(dim=-1) == cells"
_REACH = "reach = {}"
_PENALTY = "penalties = ((5 + {}) / 6) ** alpha"

EQUIVALENTS: dict[str, dict[str, str]] = {
    "nb01.clip_by_norm": {
        "norm = torch.sqrt(((-input_gradient) ** 2).sum() + (recurrent_gradient ** 2).sum())": (
            _SQUARE
        ),
        "norm = torch.sqrt((input_gradient ** 2).sum() + ((-recurrent_gradient) ** 2).sum())": (
            _SQUARE
        ),
        "factor = limit / norm if norm >= limit else 1.0": (
            "Where the norm is the limit, the factor is 1 in both branches."
        ),
    },
    "nb03.words_that_fit": {
        "notes, words = (values ** numbers, -1)": (
            "A sentence of no words always fits, so the loop counts from -1 to 0 first."
        ),
    },
    "nb03.recall_by_distance": {
        "distances = torch.arange(lengths.max(), device=words.device)": (
            "arange takes a tensor of one number as well."
        ),
        "right = (said == words).gather(1, places.clamp_(min=0)) & there": (
            "The table of places is the function's own, and is not read again."
        ),
    },
    "nb04.masked_softmax": {
        "weights = torch.softmax(hidden, dim=-1).masked_fill(empty, 0.0)": _EMPTY,
        "weights = torch.softmax(hidden, dim=-1)": _EMPTY,
        "weights = torch.softmax(hidden.masked_fill(empty, -1000000000.0), dim=-1)": _EMPTY,
        "weights = torch.softmax(hidden.masked_fill(empty, 1.0), dim=-1)": _EMPTY,
        "weights = torch.softmax(hidden.masked_fill_(empty, 0.0), dim=-1)": (
            "The hidden scores are the function's own tensor, and are not read again."
        ),
    },
    "nb04.gold_link_hits": {
        "looked_at = (2 * weights).argmax(dim=-1).tolist()": _MAXIMUM,
        "looked_at = (weights / 2).argmax(dim=-1).tolist()": _MAXIMUM,
    },
    "nb06.crossing": {
        "apart = links.unsqueeze(0) - links.unsqueeze(1)": "Both differences change their sign.",
        "apart = links.unsqueeze(1) - links": "Broadcasting puts the missing axis in front.",
        "return (apart[..., 0] * apart[..., 1] < 0).any(dim=0)": (
            "If one link crosses another, the other crosses it: the table is symmetric."
        ),
    },
    "nb06.without_largest": {
        "largest = (2 * weights).argmax(dim=-1, keepdim=True)": _MAXIMUM,
        "largest = (weights / 2).argmax(dim=-1, keepdim=True)": _MAXIMUM,
        "largest = weights.detach().argmax(dim=-1, keepdim=True)": "A place has no gradient.",
        "rest = (2 * weights).scatter(-1, largest, 0.0)": _SCALED,
        "rest = (weights / 2).scatter(-1, largest, 0.0)": _SCALED,
        "return rest / torch.where(total > 0, total, 0.5)": _ONLY,
        "return rest / torch.where(total > 0, total, 2.0)": _ONLY,
    },
    "nb06.check_map": {
        "off = (1 - weights.sum(dim=-1)).abs().amax(dim=-1)": "A distance has no direction.",
    },
    "nb07.cut_cells": {
        "rows, columns = (-(-height // side), width // side)": _DIVIDES,
        "rows, columns = (height // side, -(-width // side))": _DIVIDES,
    },
    "nb07.looked_at": {
        _HIT.format("(2 * weights)"): _MAXIMUM,
        _HIT.format("(weights / 2)"): _MAXIMUM,
    },
    "nb08.masked_outputs": {
        _HIDDEN.format(""): _EMPTY,
        _HIDDEN.format(".masked_fill(empty, -1000000000.0)"): _EMPTY,
        _HIDDEN.format(".masked_fill(empty, 1.0)"): _EMPTY,
    },
    "nb08.AttentionLayer": {
        "empty = ~asking.any(dim=-1, keepdim=True)": _EMPTY,
        _HIDDEN.format(""): _EMPTY,
        _HIDDEN.format(".masked_fill(empty, -1000000000.0)"): _EMPTY,
        _HIDDEN.format(".masked_fill(empty, 1.0)"): _EMPTY,
        "hidden = scores.masked_fill_(~mask, float('-inf')).masked_fill(empty, 0.0)": (
            "The scores are the function's own tensor, and are not read again."
        ),
    },
    "nb08.general_as_qkv": {
        "identity = torch.eye(width, device=weight.device)": (
            "The weights of the course are float32, which torch.eye gives by itself."
        ),
    },
    "nb09.SelfAttention": {
        "weights = torch.softmax(scores.masked_fill_(~mask, float('-inf')), dim=-1)": (
            "The scores are the function's own tensor, and are not read again."
        ),
    },
    "nb09.put_back": {
        "return outputs[:, torch.argsort(order + 1)]": "The order of numbers stays if all grow.",
        "return outputs[:, torch.argsort(order - 1)]": "The order of numbers stays if all shrink.",
    },
    "nb09.sinusoidal_positions": {
        "pairs = torch.arange(0, width, 2)": (
            "At lengths of a sentence the rounding of float32 angles is below what is compared."
        ),
        "pairs = torch.arange(0, width - 1, 2, dtype=torch.float64)": (
            "The width is even, so no pair begins at its last column."
        ),
    },
    "nb09.rotate_positions": {
        _TURN.format("0, width, 2"): "A whole number divided by another is a float anyway.",
        _TURN.format("0, width, 2).to(2 * encoding"): _TYPE,
        _TURN.format("0, width, 2).to(encoding / 2"): _TYPE,
        _TURN.format("0, width, 2).to(-encoding"): _TYPE,
        _TURN.format("0, width - 1, 2).to(encoding"): (
            "The width is even, so no pair begins at its last column."
        ),
        "sine, cosine = (encoding[:, ::2], encoding[:, 1::2])": "A slice begins at 0 by itself.",
        "sine, cosine = (encoding[:, 0:-1:2], encoding[:, 1::2])": (
            "The width is even, so the last column holds a cosine."
        ),
    },
    "nb09.layers_to_meet": {
        _REACH.format("-(-(kernel - 1) // 2)"): _ODD,
        _REACH.format("kernel // 2"): _ODD,
        _REACH.format("(kernel + 1 - 1) // 2"): _ODD,
        _REACH.format("(kernel - 0) // 2"): _ODD,
    },
    "nb10.language_model_loss": {
        "real = targets > 0": "No word has a negative id, so every other id is above padding's 0.",
    },
    "nb10.next_word_probabilities": {
        "k = min(logits.size(-1), k)": _BOTH,
    },
    "nb10.generate": {
        "word = choose(logits[0 - 1, -1])": _FIRST,
        "word = choose(logits[-1, -1])": _FIRST,
    },
    "nb11.split_heads": {
        "parts = states.reshape(batch, words, heads, -(-width // heads))": _DIVIDES,
    },
    "nb11.multi_head_attention": {
        _NEW_CUT.format("-(-states.size(-1) // heads)"): _DIVIDES,
        _NEW_CUT.format("(states.size(-1) + 1) // heads"): _DIVIDES,
    },
    "nb12.block_parameters": {
        "length is its value in the first case": (
            "That the length does not matter is what the exercise asks one to see."
        ),
    },
    "nb12.smoothed_loss": {
        "own = surprise.gather(1, targets[real].unsqueeze(1)).squeeze(0)": _MEAN,
        "own = surprise.gather(1, targets[real].unsqueeze(1))": _MEAN,
    },
    "nb12.warm_up_rates": {
        "falling, rising = (steps * warm_up ** (-1.5), steps ** (-0.5))": _BOTH,
        "return width ** (-0.5) * torch.minimum(rising, falling)": _BOTH,
    },
    "nb13.sampled_loss": {
        "true = logits.gather(1, places.unsqueeze(1)).squeeze(0)": _MEAN,
        "true = logits.gather(1, places.unsqueeze(1))": _MEAN,
    },
    "nb13.beam_search": {
        "words = previous.new_empty(width, sentences, 0)": (
            "It holds no number, so no index into it can miss."
        ),
        "sums = (2 * state).new_full((sentences, width), -torch.inf)": _TYPE,
        "sums = (state / 2).new_full((sentences, width), -torch.inf)": _TYPE,
        "sums = (-state).new_full((sentences, width), -torch.inf)": _TYPE,
        "sums[:, 0 - 1] = 0.0": _ALIKE,
        "sums[:, -1] = 0.0": _ALIKE,
        "gains = gains.masked_fill(ended.unsqueeze(2), -1000000000.0)": (
            "No sum comes near such a number, so the way is never among the best."
        ),
        "gains = gains.masked_fill_(ended.unsqueeze(2), -torch.inf)": (
            "step makes new gains in each call, and nobody else looks at them."
        ),
        "gains[:, :, 0] = gains[:, :, 0 + 1].masked_fill(ended, 0.0)": _NEVER,
        "gains[:, :, 0] = gains[:, :, 1].masked_fill(ended, 0.0)": _NEVER,
        "ended = (words <= 2).any(dim=2)": (
            "<pad> comes behind <end> only, and <start> is never said."
        ),
        "lengths = (words > 0).sum(dim=2)": "No id of a word is negative.",
    },
    "nb13.learn_merges": {
        "left, right = seen.most_common(1)[0 - 1][0]": _SINGLE,
        "left, right = seen.most_common(1)[-1][0]": _SINGLE,
        "left, right = seen.most_common(2)[0][0]": "The first of two is the most frequent too.",
    },
    "nb13.length_scores": {
        _PENALTY.format("lengths"): "A whole number divided by another is a float anyway.",
        _PENALTY.format("lengths.to(lengths)"): "A whole number divided by another is a float.",
        _PENALTY.format("lengths.to(2 * sums)"): _TYPE,
        _PENALTY.format("lengths.to(sums / 2)"): _TYPE,
        _PENALTY.format("lengths.to(-sums)"): _TYPE,
    },
}
