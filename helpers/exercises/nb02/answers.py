"""Notebook 02: the course's answers, and what each must do, written in loops (`..._spec`).

An answer's text is shown as its solution and pasted into the notebook's cell, so it uses no name
but `torch`, `math`, `Counter` and, in `train`, `masked_loss`, which the notebook has by then.
"""

from __future__ import annotations

from collections import Counter

import torch


def shift_targets(
    targets: list[list[int]], start: int = 1, end: int = 2, pad: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return target_in (B, T), <start> y_1 ... y_n, and target_out (B, T), y_1 ... y_n <end>.

    targets: B sentences of word ids, of any lengths. Both results are padded on the right.
    """
    longest = max(len(words) for words in targets)
    padding = [[pad] * (longest - len(words)) for words in targets]
    rows = list(zip(targets, padding, strict=True))
    target_in = torch.tensor([[start, *words, *rest] for words, rest in rows])
    target_out = torch.tensor([[*words, end, *rest] for words, rest in rows])
    return target_in, target_out


def shift_targets_spec(
    targets: list[list[int]], start: int = 1, end: int = 2, pad: int = 0
) -> tuple[torch.Tensor, torch.Tensor]:
    """What is fed at position t, and what should be answered there."""
    steps = 1 + max(len(words) for words in targets)
    target_in = torch.full((len(targets), steps), pad, dtype=torch.long)
    target_out = torch.full((len(targets), steps), pad, dtype=torch.long)
    for b, words in enumerate(targets):
        for t in range(len(words) + 1):
            target_in[b, t] = start if t == 0 else words[t - 1]
            target_out[b, t] = end if t == len(words) else words[t]
    return target_in, target_out


def last_states(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Return the state (B, H) at each sentence's true last word.

    states: (B, S, H), one for each position, any finite numbers on padding. lengths: (B,), in
    words.
    """
    rows = torch.arange(states.size(0), device=states.device)
    return states[rows, lengths - 1]  # (B, H)


def last_states_spec(states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    """Sentence by sentence, number by number."""
    batch, _, width = states.shape
    last = states.new_zeros(batch, width)
    for b in range(batch):
        for h in range(width):
            last[b, h] = states[b, int(lengths[b]) - 1, h]
    return last


def decoder_inputs(embedded: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    """Return (B, T, E + C): beside each step's embedding, the sentence's one context.

    embedded: (B, T, E). context: (B, C).
    """
    every_step = context.unsqueeze(1).expand(-1, embedded.size(1), -1)  # (B, T, C)
    return torch.cat([embedded, every_step], dim=-1)  # (B, T, E + C)


def decoder_inputs_spec(embedded: torch.Tensor, context: torch.Tensor) -> torch.Tensor:
    """Fill in first the embedding's numbers, then the context's."""
    (batch, steps, width), extra = embedded.shape, context.size(1)
    inputs = embedded.new_zeros(batch, steps, width + extra)
    for b in range(batch):
        for t in range(steps):
            for e in range(width):
                inputs[b, t, e] = embedded[b, t, e]
            for c in range(extra):
                inputs[b, t, width + c] = context[b, c]
    return inputs


def masked_loss(logits: torch.Tensor, targets: torch.Tensor, pad: int = 0) -> torch.Tensor:
    """Return the mean cross-entropy, one number, over the targets that are not padding.

    logits: (B, T, V), any finite numbers on padding. targets: (B, T), word ids; <end> counts as a
    word.
    """
    real = targets != pad  # (B, T)
    return torch.nn.functional.cross_entropy(logits[real], targets[real])


def masked_loss_spec(logits: torch.Tensor, targets: torch.Tensor, pad: int = 0) -> torch.Tensor:
    """Add up -log p of each right word, then divide by how many there were."""
    total, words = logits.new_zeros(()), 0
    for b in range(targets.size(0)):
        for t in range(targets.size(1)):
            word = int(targets[b, t])
            if word != pad:
                total = total - torch.log_softmax(logits[b, t], dim=-1)[word]
                words += 1
    return total / words


def train(model, batches, steps: int, lr) -> list[float]:
    """Train the model for so many steps, a batch each, and return the loss of each step.

    batches: next(batches) is the next batch. lr(step) -> the learning rate of a step; the first is
    step 0. Adam with betas (0.9, 0.98); the gradients are clipped to a norm of 1, all together.
    """
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98))
    losses = []
    for step in range(steps):
        batch = next(batches)
        logits = model(batch.source, batch.lengths, batch.target_in)  # (B, T, V)
        loss = masked_loss(logits, batch.target_out)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.param_groups[0]["lr"] = lr(step)
        optimizer.step()
        losses.append(loss.item())
    return losses


def train_spec(model, batches, steps: int, lr) -> list[float]:
    """Adam written out (Kingma and Ba 2015, algorithm 1): two running means for each gradient."""
    parameters = list(model.parameters())
    means = [torch.zeros_like(parameter) for parameter in parameters]
    squares = [torch.zeros_like(parameter) for parameter in parameters]
    losses = []
    for step in range(steps):
        batch = next(batches)
        logits = model(batch.source, batch.lengths, batch.target_in)
        loss = masked_loss_spec(logits, batch.target_out)
        gradients = torch.autograd.grad(loss, parameters)
        norm = sum(float((gradient**2).sum()) for gradient in gradients) ** 0.5
        for n, gradient in enumerate(gradients):
            clipped = gradient * min(1.0, 1 / (norm + 1e-6))
            means[n] = 0.9 * means[n] + 0.1 * clipped
            squares[n] = 0.98 * squares[n] + 0.02 * clipped**2
            mean, square = means[n] / (1 - 0.9 ** (step + 1)), squares[n] / (1 - 0.98 ** (step + 1))
            with torch.no_grad():
                parameters[n] -= lr(step) * mean / (square.sqrt() + 1e-8)
        losses.append(loss.item())
    return losses


def greedy(step, state, start: int = 1, end: int = 2, max_length: int = 50) -> list[int]:
    """Return the words a decoder says when it takes its best word at each step, without <end>.

    step(word, state) -> (scores (V,), new state). At most max_length words are said.
    """
    words, token = [], start
    while len(words) < max_length:
        scores, state = step(token, state)
        token = int(scores.argmax())
        if token == end:
            break
        words.append(token)
    return words


def greedy_spec(step, state, start: int = 1, end: int = 2, max_length: int = 50) -> list[int]:
    """The first word, and then what would be said if that word were the start."""
    if max_length == 0:
        return []
    scores, state = step(start, state)
    best = max(range(len(scores)), key=lambda word: float(scores[word]))
    if best == end:
        return []
    return [best, *greedy_spec(step, state, best, end, max_length - 1)]


def clipped_matches(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
    """Return (matches, total) of the candidate's n-grams, as BLEU counts them.

    An n-gram matches at most as often as the reference has it. Papineni et al. (2002), 2.1.
    """

    def counts(words):
        return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))

    found = counts(candidate)
    matches = found & counts(reference)  # of each n-gram the smaller count
    return sum(matches.values()), sum(found.values())


def clipped_matches_spec(candidate: list[str], reference: list[str], n: int) -> tuple[int, int]:
    """Each of the reference's n-grams can be used up once."""
    unused = [reference[i : i + n] for i in range(len(reference)) if i + n <= len(reference)]
    matches = total = 0
    for i in range(len(candidate)):
        if i + n > len(candidate):
            break
        total += 1
        for j, ngram in enumerate(unused):
            if ngram == candidate[i : i + n]:
                matches += 1
                del unused[j]
                break
    return matches, total
