"""Grays of DICOM files as the files say they are shown (PS3.3, C.11)."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.datasets._files import dicom
from rayal.labeling.pictures import by_percentiles, read_facts
from tests.datasets.made_up_dicom import PIXELS, write

pytest.importorskip("pydicom", reason="pydicom, the extra dicom, is not installed")

WINDOW = {"WindowCenter": 1000, "WindowWidth": 1000}
VALUES = PIXELS.astype(float)


def seen(path: Path) -> Any:
    return dicom.read_pixels(path, by_percentiles)


def item(**fields: Any) -> Any:
    from pydicom import Dataset

    made = Dataset()
    for name, value in fields.items():
        setattr(made, name, value)
    return made


def table(entries: Any, first: int = 0, bits: int = 16, signed: bool = False) -> Any:
    """A lookup table, whose elements may be of several kinds."""
    from pydicom import Dataset

    made = Dataset()
    made.add_new(0x00283002, "SS" if signed else "US", [len(entries), first, bits])
    made.add_new(0x00283006, "OW", np.asarray(entries, "<u2").tobytes())
    return made


@pytest.mark.parametrize(
    ("function", "share"),
    [
        ("LINEAR", (VALUES - 999.5) / 999 + 0.5),
        ("LINEAR_EXACT", (VALUES - 1000) / 1000 + 0.5),
        ("SIGMOID", 1 / (1 + np.exp(-4 * (VALUES - 1000) / 1000))),
    ],
)
def test_a_window_is_applied_by_the_function_that_the_file_names(
    tmp_path: Path, function: str, share: Any
) -> None:
    path = write(tmp_path / "a.dcm", VOILUTFunction=function, **WINDOW)
    np.testing.assert_allclose(seen(path), 255 * np.clip(share, 0, 1), atol=0.5 + 1e-9)


def test_a_narrow_window_of_fractions_keeps_its_width(tmp_path: Path) -> None:
    fields = {"VOILUTFunction": "LINEAR_EXACT", "WindowCenter": 0.5, "WindowWidth": 0.5}
    path = write(tmp_path / "a.dcm", RescaleSlope="0.00025", RescaleIntercept="0", **fields)
    share = (VALUES * 0.00025 - 0.5) / 0.5 + 0.5
    np.testing.assert_array_equal(seen(path), np.rint(255 * np.clip(share, 0, 1)))


@pytest.mark.parametrize("width", [0, -5, 0.5])
def test_a_width_that_the_standard_gives_no_meaning_is_no_window(
    tmp_path: Path, width: float
) -> None:
    path = write(tmp_path / "a.dcm", WindowCenter=1000, WindowWidth=width)
    np.testing.assert_array_equal(seen(path), by_percentiles(PIXELS))
    assert read_facts(path).notes == ("DICOM: 1st to 99th percentile",)


def test_of_several_windows_the_first_is_taken_and_said(tmp_path: Path) -> None:
    several = write(tmp_path / "a.dcm", WindowCenter=[1000, 50], WindowWidth=[1000, 80])
    np.testing.assert_array_equal(seen(several), seen(write(tmp_path / "b.dcm", **WINDOW)))
    assert read_facts(several).notes == (
        "DICOM: the window stored in each file, the first of several",
    )


def test_a_lookup_table_that_the_file_stores_is_applied(tmp_path: Path) -> None:
    falling = np.linspace(65_535, 0, 3000).round()
    path = write(tmp_path / "a.dcm", VOILUTSequence=[table(falling)])
    expected = falling[np.minimum(PIXELS, 2999)] / 65_535 * 255
    np.testing.assert_array_equal(seen(path), np.rint(expected))
    assert read_facts(path).notes == ("DICOM: the lookup table stored in each file",)


def test_a_lookup_table_of_8_bits_may_have_more_than_256_entries(tmp_path: Path) -> None:
    rising = np.arange(4000) // 16
    path = write(tmp_path / "a.dcm", VOILUTSequence=[table(rising, bits=8)])
    np.testing.assert_array_equal(seen(path), rising[PIXELS])


@pytest.mark.parametrize("signed", [True, False])
def test_a_lookup_table_may_begin_below_zero(tmp_path: Path, signed: bool) -> None:
    rising = np.arange(4096) * 16
    scale = {"RescaleSlope": 1, "RescaleIntercept": -1000}
    first = -1000 if signed else 65_536 - 1000
    path = write(tmp_path / "a.dcm", VOILUTSequence=[table(rising, first, signed=signed)], **scale)
    np.testing.assert_array_equal(seen(path), np.rint(rising[PIXELS] / 65_535 * 255))


def test_a_table_of_what_was_measured_comes_before_the_window(tmp_path: Path) -> None:
    doubled = np.arange(4096) * 2
    path = write(tmp_path / "a.dcm", ModalityLUTSequence=[table(doubled)], **WINDOW)
    share = np.clip((2 * VALUES - 999.5) / 999 + 0.5, 0, 1)
    np.testing.assert_array_equal(seen(path), np.rint(255 * share))


@pytest.mark.parametrize(
    "groups", ["PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"]
)
def test_what_is_said_of_the_first_frame_counts(tmp_path: Path, groups: str) -> None:
    def frame(center: int, slope: int) -> Any:
        scale = item(RescaleSlope=slope, RescaleIntercept=-100)
        window = item(WindowCenter=center, WindowWidth=1000)
        return item(FrameVOILUTSequence=[window], PixelValueTransformationSequence=[scale])

    frames = [frame(1500, 2)] + [frame(9, 5)] * groups.startswith("Per")
    stack = np.stack([PIXELS, PIXELS[::-1]])
    path = write(tmp_path / "a.dcm", stack, NumberOfFrames=2, **{groups: frames})
    share = np.clip((2 * VALUES - 100 - 1499.5) / 999 + 0.5, 0, 1)
    np.testing.assert_array_equal(seen(path), np.rint(255 * share))
    assert "DICOM: the window stored in each file" in read_facts(path).notes


@pytest.mark.parametrize(
    ("fields", "values"),
    [({"RescaleSlope": 2}, 2 * VALUES), ({"RescaleIntercept": -300}, VALUES - 300)],
)
def test_half_of_a_scale_counts(tmp_path: Path, fields: dict[str, int], values: Any) -> None:
    share = np.clip((values - 999.5) / 999 + 0.5, 0, 1)
    path = write(tmp_path / "a.dcm", **fields, **WINDOW)
    np.testing.assert_array_equal(seen(path), np.rint(255 * share))


def test_a_scale_that_makes_all_values_one_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", RescaleSlope=0, RescaleIntercept=40)
    with pytest.raises(ValueError, match="rescaled by 0 and 40, which says nothing"):
        seen(path)


@pytest.mark.parametrize("meaning", ["MONOCHROME1", "MONOCHROME2"])
def test_padding_is_black_and_counts_for_no_percentile(tmp_path: Path, meaning: str) -> None:
    outside = np.indices((8, 8)).sum(axis=0) < 5
    pixels = np.where(outside, 60_000, PIXELS).astype(np.uint16)
    fields = {"PixelPaddingValue": 59_000, "PixelPaddingRangeLimit": 61_000}
    path = write(tmp_path / "a.dcm", pixels, PhotometricInterpretation=meaning, **fields)
    inside = by_percentiles(pixels, ~outside)
    expected = np.where(outside, 0, 255 - inside if meaning == "MONOCHROME1" else inside)
    np.testing.assert_array_equal(seen(path), expected)
    assert np.ptp(seen(path)[~outside]) == 255


def test_a_file_of_padding_alone_is_black(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", np.full((8, 8), 7, np.uint16), PixelPaddingValue=7)
    assert not seen(path).any()


def test_the_upper_bits_of_colors_are_said(tmp_path: Path) -> None:
    colors = np.full((8, 8, 3), 4000, np.uint16)
    path = write(tmp_path / "a.dcm", colors, BitsStored=12, HighBit=11)
    assert read_facts(path).notes == ("DICOM: the upper 8 of 12 bits a color",)
