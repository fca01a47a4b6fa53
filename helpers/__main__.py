"""`python -m helpers`: refresh notebooks, record long runs, rebuild data, say what is wrong."""

import sys

from helpers.authoring.cli import main

if __name__ == "__main__":
    sys.exit(main())
