"""`python -m rayal`, the same as `rayal`."""

import sys

from rayal.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
