"""`python -m rayal.guide`, the same as `rayal strategies --markdown`."""

import sys

from rayal.cli.strategies import main

if __name__ == "__main__":
    sys.exit(main(["--markdown", *sys.argv[1:]]))
