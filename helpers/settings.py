"""What every notebook shares: the seed, the device and where the course lies on disk."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"

# Torch takes seeds under 2**64; some notebooks add a thousand to the seed for their test words.
LARGEST_SEED = 2**63

# The one place where the device is picked; every helper and notebook imports it from here.
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def course_seed() -> int:
    """Return the seed of this run: the environment variable `COURSE_SEED`, 0 if it is not set.

    Raises ValueError if the variable is set to something that is not a whole number from 0 up to
    and without LARGEST_SEED.
    """
    text = os.environ.get("COURSE_SEED", "0").strip()
    # The length first, as Python refuses to read a number of thousands of digits.
    if not text.isdecimal() or len(text) > 30 or int(text) >= LARGEST_SEED:
        raise ValueError(
            f"COURSE_SEED is {text[:30]!r}; expected a whole number such as 0 or 7, from 0 to "
            "2**63 - 1. Unset it or set it to such a number, then restart the kernel."
        )
    return int(text)


def new_generator(seed: int | None = None) -> torch.Generator:
    """Return a fresh random generator with its own state, on the CPU.

    seed: `course_seed()` by default. The global generator is neither read nor changed.
    """
    return torch.Generator().manual_seed(course_seed() if seed is None else seed)


def seed_everything(seed: int | None = None) -> int:
    """Seed Python, NumPy and torch, and return the seed used (`course_seed()` by default)."""
    seed = course_seed() if seed is None else seed
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
    return seed
