"""What every notebook shares: the seed, the device and where the course lies on disk."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"

# The one place where the device is picked; every helper and notebook imports it from here.
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def course_seed() -> int:
    """Return the seed of this run: the environment variable `COURSE_SEED`, 0 if it is not set.

    Raises ValueError if the variable is set to something that is not a whole number >= 0.
    """
    text = os.environ.get("COURSE_SEED", "0")
    if not text.strip().isdecimal():
        raise ValueError(
            f"COURSE_SEED is {text!r}; expected a whole number such as 0 or 7. "
            "Unset it or set it to a number, then restart the kernel."
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
