"""`python -m helpers`: refresh notebooks, make the long runs, rebuild data and models."""

import sys

from helpers.authoring.cli import main

if __name__ == "__main__":
    sys.exit(main())
