"""`python -m rayal.status`, the same as `rayal status`."""

import sys

from rayal.cli.status import main

if __name__ == "__main__":
    sys.exit(main())
