"""What NumPy and zipfile raise where a .npy, an .npz or another archive cannot be read."""

from __future__ import annotations

import zipfile
import zlib

ARCHIVE_ERRORS = (
    OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error,
    NotImplementedError,  # a way of packing that zipfile does not know
)  # fmt: skip
NPZ_ERRORS = (*ARCHIVE_ERRORS, KeyError)  # where an array is asked for that is not in it
