"""Where pathlib finds the functions of the system that tests watch or deny."""

import os
import pathlib

# Python 3.10 keeps them in a place of its own.
CALLED_BY_PATHS = getattr(pathlib, "_normal_accessor", os)
