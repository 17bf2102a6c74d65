import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rayal.datasets._files.decode import Decoding, decode, read_head
from tests.datasets.made_up_images import BLUE, GREEN, RED, noise, plain, save


def read(path: Path, size: int = 6, channels: int = 3, **given: Any) -> np.ndarray:
    return decode(path, Decoding(size, **given), channels)


def left_red_right_blue(height: int, width: int) -> np.ndarray:
    pixels = plain(RED, height, width)
    pixels[:, width // 2 :] = BLUE
    return pixels


def test_an_image_of_the_size_asked_for_is_left_as_it_is(tmp_path: Path) -> None:
    assert np.array_equal(read(save(tmp_path / "a.png", noise(0))), noise(0))


@pytest.mark.parametrize("suffix", ["png", "bmp", "gif", "tiff", "webp", "ppm"])
def test_common_formats_are_read(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", plain(GREEN), **options)
    assert np.array_equal(read(path), plain(GREEN))


@pytest.mark.parametrize(("height", "width"), [(6, 18), (18, 6), (7, 31)])
def test_the_middle_is_cut_out_and_nothing_is_stretched(
    tmp_path: Path, height: int, width: int
) -> None:
    pixels = plain(GREEN, height, width)
    short = min(height, width)
    top, left = (height - short) // 2, (width - short) // 2
    pixels[top : top + short, left : left + short] = RED
    assert np.array_equal(
        read(save(tmp_path / "a.png", pixels), size=short), plain(RED, short, short)
    )


@pytest.mark.parametrize("channels", [1, 3])
def test_shrinking_is_by_means_over_all_pixels(tmp_path: Path, channels: int) -> None:
    board = np.indices((64, 64)).sum(axis=0) % 2 * 255
    path = save(tmp_path / "a.png", board.astype(np.uint8))
    small = read(path, size=8, channels=channels)
    assert small.shape == (8, 8, channels)
    assert np.all(np.abs(small.astype(int) - 128) <= 4)


def test_a_large_jpeg_is_decoded_smaller_and_looks_the_same(tmp_path: Path) -> None:
    coarse = Image.fromarray(noise(0, 4, 6)).resize((480, 320), Image.Resampling.BICUBIC)
    jpeg = save(tmp_path / "a.jpg", coarse, quality=95)
    same = save(tmp_path / "a.png", Image.open(jpeg))
    apart = np.abs(read(jpeg, size=32).astype(int) - read(same, size=32))
    assert apart.mean() < 1
    assert apart.max() <= 8


@pytest.mark.parametrize("mode", ["L", "P", "RGB", "CMYK", "YCbCr"])
def test_modes_come_to_the_colors_they_show(tmp_path: Path, mode: str) -> None:
    gray = Image.fromarray(plain((200, 200, 200)))
    image = gray.quantize(4) if mode == "P" else gray.convert(mode)
    path = save(tmp_path / f"a.{'jpg' if mode in ('CMYK', 'YCbCr') else 'png'}", image)
    assert np.all(np.abs(read(path).astype(int) - 200) <= 2)


def test_black_and_white_come_to_0_and_255(tmp_path: Path) -> None:
    bits = noise(0)[..., 0] > 128
    path = save(tmp_path / "a.png", bits)
    assert Image.open(path).mode == "1"
    assert np.array_equal(read(path, channels=1)[..., 0], bits * 255)


@pytest.mark.parametrize(("background", "shown"), [("black", 0), ("white", 255)])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_parts_show_the_background(
    tmp_path: Path, mode: str, background: Any, shown: int
) -> None:
    layered = Image.fromarray(plain((200, 200, 200))).convert("RGBA")
    layered.putalpha(Image.fromarray(np.repeat([[0, 0, 0, 255, 255, 255]], 6, 0).astype(np.uint8)))
    path = save(tmp_path / "a.png", layered, mode)
    for channels in (1, 3):
        pixels = read(path, channels=channels, background=background)
        assert np.all(pixels[:, :3] == shown)
        assert np.all(pixels[:, 3:] == 200)


def test_a_transparent_color_of_a_palette_shows_the_background(tmp_path: Path) -> None:
    palette = Image.new("P", (6, 6), 1)
    palette.putpalette([*RED, *GREEN, *BLUE])
    path = save(tmp_path / "a.gif", palette, transparency=1)
    assert np.array_equal(read(path, background="white"), plain((255, 255, 255)))


def test_sixteen_bits_are_scaled_by_the_range_of_the_type(tmp_path: Path) -> None:
    values = np.linspace(0, 65_535, 36).reshape(6, 6).astype(np.uint16)
    path = save(tmp_path / "a.png", values)
    expected = np.rint(values / 257).astype(np.uint8)[..., None]
    assert np.array_equal(read(path, channels=1), expected)
    assert np.array_equal(read(path, channels=3), np.repeat(expected, 3, axis=2))
    assert np.array_equal(read(save(tmp_path / "a.tif", values), channels=1), expected)


@pytest.mark.parametrize("pixels", [np.full((6, 6), 70_000, np.int32), np.ones((6, 6), np.float32)])
def test_numbers_beyond_sixteen_bits_are_refused(tmp_path: Path, pixels: np.ndarray) -> None:
    with pytest.raises(ValueError, match="do not fit 16 bits"):
        read(save(tmp_path / "a.tif", pixels))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_an_image_is_turned_upright(tmp_path: Path, orientation: int, suffix: str) -> None:
    """The camera's turn is undone: what was saved turned is read as it was."""
    upright = np.zeros((16, 16, 3), dtype=np.uint8)
    upright[:8, :8], upright[:8, 8:], upright[8:, :8] = RED, GREEN, BLUE
    turned = Image.fromarray(upright)
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # of PIL's transpositions
    if orientation > 1:
        turned = turned.transpose(Image.Transpose(back[orientation]))
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"quality": 100, "subsampling": 0} if suffix == "jpg" else {}
    path = save(tmp_path / f"a.{suffix}", turned, exif=exif, **options)
    assert np.all(np.abs(read(path, size=16).astype(int) - upright) <= 3)


@pytest.mark.parametrize(
    ("mode", "gray"),
    [("1", True), ("L", True), ("LA", True), ("P", False), ("RGB", False), ("RGBA", False)],
)
def test_gray_is_told_by_the_mode(tmp_path: Path, mode: str, gray: bool) -> None:
    assert read_head(save(tmp_path / "a.png", noise(0), mode), Decoding(6)).is_gray is gray


def test_sixteen_bits_are_gray(tmp_path: Path) -> None:
    assert read_head(save(tmp_path / "a.png", np.zeros((3, 3), np.uint16)), Decoding(6)).is_gray


@pytest.mark.parametrize("ask", [read, lambda path: read_head(path, Decoding(6))])
def test_what_is_no_image_is_refused(tmp_path: Path, ask: Any) -> None:
    path = tmp_path / "a.jpg"
    path.write_text("no image")
    with pytest.raises(ValueError, match="cannot be read as an image: none of the formats known"):
        ask(path)
    with pytest.raises(ValueError, match="cannot be read as an image: no such file"):
        ask(tmp_path / "b.jpg")


@pytest.mark.parametrize(
    "suffix", ["jpg", "png", "gif", "tif", "bmp", "webp", "ppm", "jp2", "avif"]
)
def test_an_image_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", noise(0, 64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(ValueError, match=r"it is damaged|cannot be read as an image"):
        read(path)


@pytest.mark.parametrize("suffix", ["jpg", "webp"])
def test_an_image_whose_end_was_never_written_is_refused(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", noise(0, 64, 64))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + bytes(len(whole) - len(whole) // 2))
    for ask in (read, lambda path: read_head(path, Decoding(6))):
        with pytest.raises(ValueError, match="its end is zeros, as where a copy was interrupted"):
            ask(path)


@pytest.mark.parametrize("suffix", ["jpg", "webp", "png", "bmp"])
def test_zeros_after_the_end_of_an_image_do_not_matter(tmp_path: Path, suffix: str) -> None:
    exif = Image.Exif()
    exif[0x010E] = "\xff\xda a preview"
    path = save(
        tmp_path / f"a.{suffix}", noise(0, 64, 64), **({} if suffix == "bmp" else {"exif": exif})
    )
    before = read(path)
    path.write_bytes(path.read_bytes() + bytes(512))
    np.testing.assert_array_equal(read(path), before)


def test_an_image_that_is_transparent_everywhere_is_refused(tmp_path: Path) -> None:
    pixels = np.dstack([noise(0), np.zeros((6, 6), np.uint8)])
    path = save(tmp_path / "a.png", pixels)
    with pytest.raises(ValueError, match="it is transparent everywhere"):
        read(path)
    pixels[0, 0, 3] = 1
    assert read(save(path, pixels)).shape == (6, 6, 3)


def test_damaged_bytes_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", noise(0, 64, 64))
    content = bytearray(path.read_bytes())
    content[200:300] = b"\xff" * 100
    path.write_bytes(content)
    with pytest.raises(ValueError, match="it is damaged"):
        read(path)


def test_more_pixels_than_allowed_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", plain(RED, 40, 50))
    assert read(path, max_pixels=2000).shape == (6, 6, 3)
    for ask in (read, lambda path, max_pixels: read_head(path, Decoding(6, max_pixels=max_pixels))):
        with pytest.raises(ValueError, match="50 x 40 pixels, more than max_pixels=1,999"):
            ask(path, max_pixels=1999)


def test_what_pil_takes_for_a_bomb_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.new("1", (20_000, 10_000)))
    with pytest.raises(ValueError, match="it is too large"):
        read(path)


NUMBERS = {
    "32-bit integers that hold 8 bits": (np.tile(np.arange(6, dtype=np.int32), (6, 1)), "integers"),
    "32-bit integers that hold 16": (np.full((6, 6), 40_000, np.int32), "integers"),
    "negative ones": (np.full((6, 6), -5, np.int32), "integers with a sign"),
    "floats from 0 to 1": (np.full((6, 6), 0.5, np.float32), "floating-point numbers"),
    "floats from 0 to 255": (np.full((6, 6), 99.0, np.float32), "floating-point numbers"),
}


@pytest.mark.parametrize(("pixels", "kind"), NUMBERS.values(), ids=NUMBERS.keys())
def test_numbers_without_a_range_are_refused_by_the_head_already(
    tmp_path: Path, pixels: np.ndarray, kind: str
) -> None:
    path = save(tmp_path / "a.tif", pixels)
    for ask in (read, lambda path: read_head(path, Decoding(6))):
        with pytest.raises(ValueError, match=f"its pixels are {kind}.*, which do not fit 16 bits"):
            ask(path)


def test_unsigned_integers_of_32_bits_are_refused(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", np.full((6, 6), 9, np.uint32))
    with pytest.raises(ValueError, match="its pixels are integers of 32 bits, which do not fit"):
        read(path)


def tiff(path: Path, pixels: np.ndarray, **tags: int) -> Path:
    """Write a gray TIFF by hand: Pillow writes few of those that there are."""
    height, width = pixels.shape
    entries = {
        256: width, 257: height, 258: 8 * pixels.itemsize, 259: 1, 262: 1, 273: 8, 277: 1,
        278: height, 279: pixels.nbytes,
    } | {int(tag[1:]): value for tag, value in tags.items()}  # fmt: skip
    data = pixels.tobytes()
    head = struct.pack("<2sHI", b"II", 42, 8 + len(data))
    directory = struct.pack("<H", len(entries))
    for tag, value in sorted(entries.items()):
        directory += struct.pack("<HHII", tag, 4, 1, value)
    path.write_bytes(head + data + directory + struct.pack("<I", 0))
    return path


@pytest.mark.parametrize("kind", [np.int8, np.int16, np.int32])
def test_integers_with_a_sign_are_refused(tmp_path: Path, kind: type) -> None:
    path = tiff(tmp_path / "a.tif", np.zeros((6, 6), kind), t339=2)
    with pytest.raises(ValueError, match="its pixels are integers with a sign"):
        read(path)


def planes(path: Path, kind: type) -> Path:
    """Write an RGB TIFF whose three planes lie one after the other, uncompressed."""
    pixels: np.ndarray = np.arange(108, dtype=kind)
    bits, place, each = 8 * pixels.itemsize, 8 + pixels.nbytes, pixels.nbytes // 3
    lists = struct.pack("<9I", *[bits] * 3, *[8 + each * i for i in range(3)], *[each] * 3)
    entries = [
        (256, 4, 1, 6), (257, 4, 1, 6), (258, 4, 3, place), (259, 4, 1, 1), (262, 4, 1, 2),
        (273, 4, 3, place + 12), (277, 4, 1, 3), (278, 4, 1, 6), (279, 4, 3, place + 24),
        (284, 4, 1, 2),
    ]  # fmt: skip
    directory = struct.pack("<H", len(entries))
    directory += b"".join(struct.pack("<HHII", *entry) for entry in entries)
    head = struct.pack("<2sHI", b"II", 42, place + len(lists))
    path.write_bytes(head + pixels.tobytes() + lists + directory + struct.pack("<I", 0))
    return path


def test_uncompressed_planes_of_sixteen_bits_are_refused_as_pillow_misreads_them(
    tmp_path: Path,
) -> None:
    expected = np.moveaxis(np.arange(108).reshape(3, 6, 6), 0, -1)
    assert np.array_equal(read(planes(tmp_path / "a.tif", np.uint8)), expected)
    path = planes(tmp_path / "b.tif", np.uint16)
    for ask in (read, lambda path: read_head(path, Decoding(6))):
        with pytest.raises(ValueError, match=r"a plane each, of 16 bits.*PlanarConfiguration 1"):
            ask(path)


def test_a_tiff_whose_palette_was_written_with_eight_bits_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", plain(RED), "P")
    assert np.array_equal(read(path), plain(RED))
    with Image.open(path) as image:
        colors = image.tag_v2[320]
    packed, dark = (struct.pack("<768H", *(c >> shift for c in colors)) for shift in (0, 8))
    assert packed in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(packed, dark))
    for ask in (read, lambda path: read_head(path, Decoding(6))):
        with pytest.raises(ValueError, match="numbers of 8 bits where TIFF has 16"):
            ask(path)


def test_sixteen_bits_in_which_white_is_zero_are_turned(tmp_path: Path) -> None:
    values = np.linspace(0, 65_535, 36).reshape(6, 6).astype(np.uint16)
    black_is_zero = read(tiff(tmp_path / "a.tif", values), channels=1)
    assert np.array_equal(black_is_zero, read(save(tmp_path / "a.png", values), channels=1))
    assert np.array_equal(read(tiff(tmp_path / "b.tif", values, t262=0), channels=1),
                          255 - black_is_zero)  # fmt: skip
    eight = values.astype(np.uint8)
    assert np.array_equal(read(tiff(tmp_path / "c.tif", eight, t262=0), channels=1)[..., 0],
                          255 - eight)  # fmt: skip


def test_twelve_bits_are_scaled_by_their_own_range(tmp_path: Path) -> None:
    values = np.linspace(0, 4095, 36).astype(np.uint16)
    pairs = values.reshape(-1, 2)
    packed = np.stack(
        [pairs[:, 0] >> 4, (pairs[:, 0] & 15) << 4 | pairs[:, 1] >> 8, pairs[:, 1] & 255], axis=1
    ).astype(np.uint8)
    path = tiff(tmp_path / "a.tif", packed.reshape(6, 9), t256=6, t258=12)
    expected = np.rint(values / 4095 * 255).reshape(6, 6, 1)
    assert np.array_equal(read(path, channels=1), expected)


def test_lab_colors_are_refused_by_name(tmp_path: Path) -> None:
    path = save(tmp_path / "a.tif", Image.new("LAB", (6, 6)))
    with pytest.raises(ValueError, match="its colors are of mode LAB, which is not read"):
        read(path)


@pytest.mark.parametrize("suffix", ["jpg", "tif"])
def test_cmyk_comes_to_the_colors_it_shows(tmp_path: Path, suffix: str) -> None:
    inks = np.zeros((6, 6, 4), np.uint8)
    inks[:, :3, 1:3] = 255  # magenta and yellow: red
    inks[:, 3:, 0:2] = 255  # cyan and magenta: blue
    image = Image.fromarray(inks, "CMYK").resize((60, 60), Image.Resampling.NEAREST)
    path = save(tmp_path / f"a.{suffix}", image)
    apart = np.abs(read(path, size=60).astype(int) - left_red_right_blue(60, 60))
    assert apart[:, [0, 10, 50, 59]].max() <= 3


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_of_several_frames_the_first_is_read_and_they_are_noticed(
    tmp_path: Path, suffix: str
) -> None:
    frames = [Image.fromarray(plain(color)) for color in (RED, GREEN, BLUE)]
    options = {"lossless": True} if suffix == "webp" else {}
    path = save(tmp_path / f"a.{suffix}", frames[0], save_all=True, append_images=frames[1:],
                **options)  # fmt: skip
    assert read_head(path, Decoding(6)).has_frames
    assert np.array_equal(read(path), plain(RED))
    assert not read_head(save(tmp_path / f"b.{suffix}", frames[0]), Decoding(6)).has_frames


def test_a_photograph_with_previews_has_no_frames(tmp_path: Path) -> None:
    frames = [Image.fromarray(plain(color, 20, 20)) for color in (RED, GREEN)]
    path = save(tmp_path / "a.jpg", frames[0], format="MPO", save_all=True,
                append_images=frames[1:])  # fmt: skip
    assert Image.open(path).format == "MPO"
    assert not read_head(path, Decoding(6)).has_frames
    assert np.all(np.abs(read(path).astype(int) - plain(RED)) <= 3)


def png_of_sixteen_bits(path: Path, pixels: np.ndarray) -> Path:
    """Write 16 bits a channel, which Pillow does not write in color."""
    height, width, channels = pixels.shape
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, kind, 0, 0, 0)),
        (b"IDAT", zlib.compress(rows)),
        (b"IEND", b""),
    ]
    chunks = b"".join(
        struct.pack(">I", len(content)) + name + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in parts
    )  # fmt: skip
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


@pytest.mark.parametrize(("channels", "deep"), [(1, False), (2, True), (3, True), (4, True)])
def test_sixteen_bits_that_are_read_as_their_upper_eight_are_noticed(
    tmp_path: Path, channels: int, deep: bool
) -> None:
    pixels = np.full((6, 6, channels), 40_000)
    head = read_head(png_of_sixteen_bits(tmp_path / "a.png", pixels), Decoding(6))
    assert head.is_deep == deep
    assert not read_head(save(tmp_path / "b.png", plain(RED)), Decoding(6)).is_deep
    assert not read_head(save(tmp_path / "c.tif", plain(RED)), Decoding(6)).is_deep
    colors = tiff(tmp_path / "d.tif", np.full((6, 18), 40_000, np.uint16), t256=6, t262=2, t277=3)
    assert read_head(colors, Decoding(6)).is_deep


def test_channels_beyond_the_colors_are_noticed(tmp_path: Path) -> None:
    four = np.zeros((6, 6 * 4), np.uint8)
    four[:, 0::4] = 255
    path = tiff(tmp_path / "a.tif", four, t256=6, t262=2, t277=4, t338=0)
    assert read_head(path, Decoding(6)).has_channels
    assert np.array_equal(read(path), plain(RED))
    assert not read_head(save(tmp_path / "b.tif", plain(RED)), Decoding(6)).has_channels
    assert not read_head(save(tmp_path / "c.png", plain(RED), "RGBA"), Decoding(6)).has_channels


NO_PIXELS = {
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n%%EOF\n",
    "PostScript with a preview": b"\xc5\xd0\xd3\xc6" + b"\0" * 26 + b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "PDF": b"%PDF-1.4\n%%EOF\n",
    "WMF": b"\xd7\xcd\xc6\x9a\x00\x00" + b"\0" * 40,
    "SVG": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "HTML": b"<!DOCTYPE html><html><body>404</body></html>",
}


@pytest.mark.parametrize("content", NO_PIXELS.values(), ids=NO_PIXELS.keys())
@pytest.mark.parametrize("suffix", ["jpg", "png", "tif"])
def test_what_is_a_program_or_a_page_is_never_opened(
    tmp_path: Path, content: bytes, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = tmp_path / "ran"
    for name in ("gs", "gswin64c"):
        (tmp_path / name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    path = tmp_path / f"a.{suffix}"
    path.write_bytes(content)
    for ask in (read, lambda path: read_head(path, Decoding(6))):
        with pytest.raises(ValueError, match="none of the formats known"):
            ask(path)
    assert not ran.exists()
