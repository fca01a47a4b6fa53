"""What helpers/ declares of a translator: each one keeps it, at run time and by its types.

The type checker of `.ci/run` reads this file too (see [tool.pyright] in pyproject.toml), so what is
declared here is checked twice. It is no test, since what it finds depends on the types that the
installed versions of other packages declare; it goes by those of the lock.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from helpers.authoring.benchmarks.tutorial_baselines import StepDecoder
from helpers.corpus.scenes import CELLS, collate_scenes, draw_scenes
from helpers.models import (
    AdditiveTranslator,
    AttentionCaptioner,
    BottleneckTranslator,
    LanguageModel,
    LuongTranslator,
    MeanPooledCaptioner,
    MultiHeadCaptioner,
    ReorderedCaptioner,
    TiedOutput,
    TiedTranslator,
    TransformerTranslator,
    Translator,
)

WORDS = 7, 11  # source and target words
TRANSLATORS: dict[str, Callable[[], Translator]] = {
    "bottleneck": lambda: BottleneckTranslator(*WORDS, embed=4, hidden=6),
    "bottleneck, both ways": lambda: BottleneckTranslator(*WORDS, 4, 6, bidirectional=True),
    "additive": lambda: AdditiveTranslator(*WORDS, embed=4, hidden=6, attention=5),
    "luong": lambda: LuongTranslator(*WORDS, embed=4, hidden=6),
    "transformer": lambda: TransformerTranslator(*WORDS, width=8, heads=2, layers=1, mlp=16),
    "baseline of the benchmark": lambda: StepDecoder(*WORDS, hidden=6, layers=2, dropout=0.1),
}
CAPTIONERS: dict[str, Callable[[], Translator]] = {
    "attention": AttentionCaptioner,
    "mean": MeanPooledCaptioner,
    "heads": lambda: MultiHeadCaptioner(heads=2),
    "reordered": lambda: ReorderedCaptioner(AttentionCaptioner(), torch.arange(CELLS).flip(0)),
}
# A mistake for the checker to find. If it found none here, it would call the comment unnecessary.
NOT_ONE: Translator = nn.Linear(2, 3)  # pyright: ignore[reportAssignmentType]


def check_a_step(model: Translator, source: torch.Tensor, lengths: torch.Tensor) -> None:
    """One step by hand and the same by `forward` give equal logits of the sizes that are said."""
    model.eval()
    first = torch.ones(len(source), dtype=torch.long)
    with torch.no_grad():
        memory = model.encode(source, lengths)
        logits, _, weights = model.step(first, model.start(memory), memory)
        together = model.forward(source, lengths, first.unsqueeze(1))
    assert logits.ndim == 2 and len(logits) == len(source)
    torch.testing.assert_close(together.squeeze(1), logits)
    if weights is not None:
        torch.testing.assert_close(weights.sum(dim=1), torch.ones(len(source)))


@pytest.mark.parametrize("name", TRANSLATORS)
def test_each_translator_is_a_translator(name: str) -> None:
    model = TRANSLATORS[name]()
    assert isinstance(model, Translator)
    check_a_step(model, torch.randint(3, WORDS[0], (2, 5)), torch.tensor([5, 5]))


@pytest.mark.parametrize("name", CAPTIONERS)
def test_each_captioner_is_a_translator(name: str) -> None:
    model = CAPTIONERS[name]()
    assert isinstance(model, Translator)
    batch = collate_scenes(draw_scenes(2, seed=0))
    check_a_step(model, batch.source, batch.lengths)


def test_other_models_are_no_translators() -> None:
    for other in (NOT_ONE, LanguageModel(5, width=4, layers=1), TiedOutput(nn.Embedding(3, 2), 2)):
        assert not isinstance(other, Translator)


def test_only_a_translator_with_features_is_a_tied_one() -> None:
    assert isinstance(TRANSLATORS["luong"](), TiedTranslator)
    assert not isinstance(TRANSLATORS["baseline of the benchmark"](), TiedTranslator)
