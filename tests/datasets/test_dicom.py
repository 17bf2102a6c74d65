"""DICOM files as gray or RGB of 8 bits."""

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

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


COLORS = np.stack(np.broadcast_arrays(np.arange(8)[:, None], np.arange(8), 4), axis=-1) * 32
COLORS = COLORS.astype(np.uint8)


def test_colors_stored_as_brightness_and_differences_are_converted_once(tmp_path: Path) -> None:
    stored = np.asarray(Image.fromarray(COLORS).convert("YCbCr"))
    path = write(tmp_path / "a.dcm", stored, PhotometricInterpretation="YBR_FULL")
    np.testing.assert_allclose(np.asarray(read_picture(path), int), COLORS, atol=3)


@pytest.mark.parametrize(
    ("kind", "syntax", "meaning"),
    [
        ("JPEG", "1.2.840.10008.1.2.4.50", "YBR_FULL_422"),
        ("JPEG2000", "1.2.840.10008.1.2.4.90", "YBR_RCT"),
    ],
)
def test_compressed_colors_come_to_the_colors_they_show(
    tmp_path: Path, kind: str, syntax: str, meaning: str
) -> None:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    stream = io.BytesIO()
    Image.fromarray(COLORS.repeat(8, axis=0).repeat(8, axis=1)).save(stream, kind)
    whole = np.asarray(Image.open(stream), int)
    path = write(tmp_path / "a.dcm", whole.astype(np.uint8), PhotometricInterpretation=meaning)
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = syntax
    data.PixelData = encapsulate([stream.getvalue()])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    np.testing.assert_allclose(np.asarray(read_picture(path), int), whole, atol=3)


def test_places_in_a_palette_come_to_its_colors(tmp_path: Path) -> None:
    table = np.random.default_rng(0).integers(65_536, size=(3, 256), dtype=np.uint16)
    fields: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, entries in zip(("Red", "Green", "Blue"), table, strict=True):
        fields[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, 16]
        fields[f"{name}PaletteColorLookupTableData"] = entries.tobytes()
    places = np.arange(64, dtype=np.uint8).reshape(8, 8)
    path = write(tmp_path / "a.dcm", places, **fields)
    np.testing.assert_array_equal(np.asarray(read_picture(path)), (table.T >> 8)[places])
    assert not read_facts(path).is_gray


@pytest.mark.parametrize(("stated", "kind"), [(16, np.uint16), (8, np.uint16), (8, np.uint8)])
def test_a_palette_of_eight_bits_is_not_black_however_it_is_stored(
    tmp_path: Path, stated: int, kind: type
) -> None:
    table = np.random.default_rng(0).integers(256, size=(3, 256)).astype(kind)
    fields: dict[str, object] = {"PhotometricInterpretation": "PALETTE COLOR"}
    for name, entries in zip(("Red", "Green", "Blue"), table, strict=True):
        fields[f"{name}PaletteColorLookupTableDescriptor"] = [256, 0, stated]
        fields[f"{name}PaletteColorLookupTableData"] = entries.tobytes()
    places = np.arange(64, dtype=np.uint8).reshape(8, 8)
    path = write(tmp_path / "a.dcm", places, **fields)
    np.testing.assert_array_equal(np.asarray(read_picture(path)), table.T[places])


def test_values_that_do_not_stand_in_the_lowest_bits_are_refused(tmp_path: Path) -> None:
    pixels = np.arange(64, dtype=np.uint16).reshape(8, 8) << 4
    path = write(tmp_path / "a.dcm", pixels, BitsStored=12, HighBit=15)
    with pytest.raises(ValueError, match="its values of 12 bits end at bit 15 of 16"):
        read_facts(path)


@pytest.mark.parametrize("first", ["MONOCHROME1", "MONOCHROME2"])
def test_a_presentation_that_is_inverse_is_shown_so_once(tmp_path: Path, first: str) -> None:
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    window = {"WindowCenter": 32, "WindowWidth": 64}
    plain = read_picture(write(tmp_path / "a.dcm", pixels, **window))
    inverse = {"PhotometricInterpretation": first, "PresentationLUTShape": "INVERSE"}
    turned = read_picture(write(tmp_path / "b.dcm", pixels, **window, **inverse))
    np.testing.assert_array_equal(np.asarray(turned), 255 - np.asarray(plain))


@pytest.mark.parametrize(
    "fields",
    [
        {"RescaleSlope": None, "RescaleIntercept": None},
        {"WindowCenter": "1e400", "WindowWidth": "1"},
    ],
)
def test_a_scale_or_window_that_is_no_number_counts_as_none(
    tmp_path: Path, fields: dict[str, str | None]
) -> None:
    path = write(tmp_path / "a.dcm", **fields)
    np.testing.assert_array_equal(dicom.read_pixels(path, by_percentiles), by_percentiles(PIXELS))


def test_a_file_without_a_suffix_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    assert dicom.is_dicom(write(tmp_path / "IM0001"))
    (tmp_path / "README").write_text("hello")
    assert not dicom.is_dicom(tmp_path / "README")


def test_a_file_named_after_its_uid_is_known_by_its_first_bytes(tmp_path: Path) -> None:
    path = write(tmp_path / "1.2.840.113619.2.55.3.6046")
    assert dicom.is_dicom(path)
    assert read_facts(path).mode == "DICOM"
    (tmp_path / "1.2.840.113619.2.55.3.6047").write_text("hello")
    assert not dicom.is_dicom(tmp_path / "1.2.840.113619.2.55.3.6047")


def test_a_compression_without_a_decoder_is_refused_in_one_line(tmp_path: Path) -> None:
    from pydicom import dcmread
    from pydicom.encaps import encapsulate

    path = write(tmp_path / "a.dcm")
    data = dcmread(path)
    data.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.100"  # MPEG2
    data.PixelData = encapsulate([b"not looked at"])
    data["PixelData"].is_undefined_length = True
    data.save_as(path)
    with pytest.raises(ValueError, match="MPEG2") as refused:
        dicom.read_pixels(path, by_percentiles)
    assert "\n" not in str(refused.value)


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
