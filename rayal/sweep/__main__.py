"""`python -m rayal.sweep`, the same as `rayal sweep`."""

import sys

from rayal.cli.sweep import main

if __name__ == "__main__":
    sys.exit(main())
