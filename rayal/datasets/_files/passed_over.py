"""Files that are not read, counted by suffix and reason: nothing is left out in silence."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from pathlib import Path

OTHER = "not read as images"
HIDDEN = "hidden"
SERVER_FOLDER = "in a folder that a file server or system made for itself"
OWN_FOLDER = "in the folder of a labeling project or run of rayal"
MISNAMED = "images by their content, but not by their suffix: rename them"
DEAD_LINK = "links to nothing"

DICOM = "DICOM, which is not read: convert them, to PNG of 16 bits for instance"
_HEIC = "HEIC, which is not read: convert them to JPEG"
_SLIDE = "whole slides, which are not read: cut them into tiles"
_VOLUME = "volumes, which are not read: save their slices as images"
_RAW = "raw photographs, which are not read: develop them to JPEG or TIFF"
_VIDEO = "videos, which are not read: save their frames as images"
_ARCHIVE = "archives: unpack them"
_PICTURE = "pictures of a format that is not read: save them as PNG"
_REASONS = {
    suffix: reason
    for reason, suffixes in {
        DICOM: ".dcm .dicom .dic .ima",
        _HEIC: ".heic .heif .hif",
        _SLIDE: ".svs .ndpi .mrxs .scn .vms .vmu .bif .czi .lif .nd2 .vsi .zvi .oib .oif",
        _VOLUME: ".nii .nii.gz .nrrd .nhdr .mha .mhd .hdr .mgh .mgz .npy .npz .h5 .hdf5 .mat",
        _RAW: ".cr2 .cr3 .nef .arw .dng .raf .orf .rw2 .raw",
        _VIDEO: ".mp4 .avi .mov .mkv .webm .mpg .mpeg .wmv",
        _ARCHIVE: ".zip .tar .gz .tgz .bz2 .xz .7z .rar .zst",
        _PICTURE: ".psd .xcf .tga .ico .icns .pcx .svg .eps .ps .pdf .wmf .emf .exr .pfm .sgi "
        ".dds .qoi .jxl .jxr .fits .fit .ai .cur .xbm .xpm .ras .rgb .rgba .bw",
    }.items()
    for suffix in suffixes.split()
}
# Of a desktop, in any folder that it has shown: of no interest to anyone.
_SYSTEM_FILES = frozenset({
    ".ds_store", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", ".directory",
    ".localized", "icon\r",
})  # fmt: skip
_APPLE_DOUBLE = b"\x00\x05\x16\x07"  # begins what macOS keeps as ._NAME beside a file NAME
_MAGIC = (b"\x89PNG\r\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*")
_SHOWN = 8  # kinds in a message


class PassedOver:
    """Counts of (suffix, reason), added to while folders are gone through."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()

    def add(self, path: str, reason: str = "", count: int = 1) -> None:
        """Count a file by its suffix and the reason, which is found out where none is given."""
        suffix = suffix_of(path)
        why = reason or reason_of(path)
        if why:
            self._counts[suffix, why] += count

    def update(self, other: PassedOver) -> None:
        """Add what another has counted."""
        self._counts.update(other._counts)

    def __str__(self) -> str:
        """'12 .dcm (DICOM, ...), 3 without suffix (not read as images)', the most first."""
        kinds = self._counts.most_common()
        parts = [f"{n:,} {suffix or 'without suffix'} ({why})" for (suffix, why), n in kinds]
        rest = sum(n for _, n in kinds[_SHOWN:])
        return ", ".join(parts[:_SHOWN]) + (f", and {rest:,} more" if rest else "")

    def warn(self, root: Path, but: str = "") -> None:
        """Warn of all that was counted, if anything was; files with the reason `but` aside."""
        rest = PassedOver()
        rest._counts.update({k: n for k, n in self._counts.items() if k[1] != but})
        if total := rest._counts.total():
            files = "1 file is" if total == 1 else f"{total:,} files are"
            warnings.warn(f"{root}: {files} passed over: {rest}", stacklevel=3)


def suffix_of(path: str) -> str:
    """Return the suffix in lower case, .nii.gz as a whole."""
    name = os.path.basename(path).lower()  # noqa: PTH119  a million times
    return ".nii.gz" if name.endswith(".nii.gz") else os.path.splitext(name)[1]  # noqa: PTH122


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden by its name."""
    return name.startswith(".")


def reason_of(path: str) -> str:
    """Return why a file is not read, "" where that is of no interest."""
    name = os.path.basename(path).lower()  # noqa: PTH119
    if name in _SYSTEM_FILES or (name.startswith("._") and _head(path).startswith(_APPLE_DOUBLE)):
        return ""
    if is_hidden(name):
        return HIDDEN
    return _REASONS.get(suffix_of(path)) or _by_content(_head(path))


def _by_content(head: bytes) -> str:
    if head[128:132] == b"DICM":
        return DICOM
    if head[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1"):
        return _HEIC
    webp = head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    return MISNAMED if webp or head.startswith(_MAGIC) else OTHER


def _head(path: str) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return file.read(132)
    except OSError:
        return b""
