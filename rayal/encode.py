"""`python -m rayal.encode`, the same as `rayal encode`."""

import sys

from rayal.cli.encode import main

if __name__ == "__main__":
    sys.exit(main())
