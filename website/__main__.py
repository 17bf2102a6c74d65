"""`python -m website [FOLDER]`: build the documentation, by default into build/docs."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Build the site and say where it lies."""
    try:
        from website.build import SiteError, build
    except ModuleNotFoundError as error:
        sys.exit(f"{error.name} is not installed: pip install -e '.[docs]'")
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/docs")
    try:
        print(f"open {build(folder.resolve())}")
    except SiteError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
