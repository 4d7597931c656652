"""`python -m recsys …`: what the console script `recsys` runs too."""

import sys

from recsys.cli import main

if __name__ == "__main__":
    sys.exit(main())
