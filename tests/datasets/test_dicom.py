"""DICOM files as gray or RGB of 8 bits."""

import sys
from pathlib import Path

import numpy as np
import pytest

from rayal.datasets._files import dicom
from rayal.labeling.pictures import by_percentiles, read_facts, read_picture
from tests.datasets.made_up_dicom import PIXELS, write

pytest.importorskip("pydicom", reason="pydicom, the extra dicom, is not installed")


def test_the_window_that_the_file_stores_is_applied(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", WindowCenter=1000, WindowWidth=1001)
    shown = dicom.read_pixels(path, by_percentiles)
    low, high = 499.5, 1499.5  # of DICOM's PS3.3, C.11.2.1.2
    expected = np.rint(np.clip((PIXELS - low) / (high - low), 0, 1) * 255)
    np.testing.assert_array_equal(shown, expected)
    assert read_facts(path).notes == ("DICOM: the window stored in each file",)


def test_the_rescaling_comes_before_the_window(tmp_path: Path) -> None:
    scale = {"RescaleSlope": 2, "RescaleIntercept": -1000}
    scaled = write(tmp_path / "a.dcm", WindowCenter=1000, WindowWidth=1001, **scale)
    plain = write(tmp_path / "b.dcm", WindowCenter=1000, WindowWidth=501)
    assert not np.array_equal(
        dicom.read_pixels(scaled, by_percentiles), dicom.read_pixels(plain, by_percentiles)
    )
    values = PIXELS.astype(float) * 2 - 1000
    expected = np.rint(np.clip((values - 499.5) / 1000, 0, 1) * 255)
    np.testing.assert_array_equal(dicom.read_pixels(scaled, by_percentiles), expected)


def test_without_a_window_it_is_the_percentiles(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    shown = dicom.read_pixels(path, by_percentiles)
    np.testing.assert_array_equal(shown, by_percentiles(PIXELS))
    assert (shown.min(), shown.max()) == (0, 255)


def test_white_that_is_stored_as_the_lowest_value_is_turned_round(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm", PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(
        dicom.read_pixels(path, by_percentiles), 255 - by_percentiles(PIXELS)
    )


def test_colors_and_the_first_of_several_frames(tmp_path: Path) -> None:
    colors = np.random.default_rng(0).integers(256, size=(8, 6, 3), dtype=np.uint8)
    path = write(tmp_path / "a.dcm", colors)
    np.testing.assert_array_equal(np.asarray(read_picture(path)), colors)
    frames = np.stack([PIXELS, PIXELS[::-1]])
    several = write(tmp_path / "b.dcm", frames, NumberOfFrames=2)
    np.testing.assert_array_equal(
        dicom.read_pixels(several, by_percentiles), by_percentiles(PIXELS)
    )
    assert "several frames or pages: the first alone" in read_facts(several).notes


def test_a_file_without_a_suffix_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    assert dicom.is_dicom(write(tmp_path / "IM0001"))
    (tmp_path / "README").write_text("hello")
    assert not dicom.is_dicom(tmp_path / "README")


def test_a_damaged_file_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = write(tmp_path / "a.dcm")
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(ValueError, match="its pixels cannot be read"):
        dicom.read_pixels(path, by_percentiles)
    (tmp_path / "b.dcm").write_bytes(b"hello")
    with pytest.raises(ValueError, match="cannot be read as DICOM"):
        dicom.read_head(tmp_path / "b.dcm")


def test_without_pydicom_the_way_out_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.dcm")
    monkeypatch.setitem(sys.modules, "pydicom", None)
    with pytest.raises(ValueError, match=r"pip install 'rayal\[dicom\]'"):
        dicom.read_head(path)
