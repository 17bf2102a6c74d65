"""The site is built as people read it; links are checked on pages that are wrong on purpose."""

import subprocess
import sys
from pathlib import Path

import pytest

from website import links

ROOT = Path(__file__).parent.parent.parent


def write(folder: Path, **pages: str) -> Path:
    for name, text in pages.items():
        (folder / f"{name}.html").write_text(f"<html><body>{text}</body></html>")
    return folder


def test_links_to_files_and_places_that_are_there_pass(tmp_path: Path) -> None:
    write(
        tmp_path,
        a='<h1 id="x">A</h1><a href="b.html#y">',
        b='<p id="y"><a href="a.html"><a href="#y">',
    )
    write(tmp_path, c='<a href="https://example.org/">', d='<img src="data:image/png;base64,AA">')
    assert links.broken_links(tmp_path) == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('<a href="gone.html">', "a.html: gone.html leads to no file"),
        ('<a href="#gone">', "a.html: #gone leads to no place on its page"),
        ('<img src="gone.svg">', "a.html: gone.svg leads to no file"),
        (
            '<script src="https://cdn.example.org/x.js"></script>',
            "a.html: https://cdn.example.org/x.js is fetched from another server",
        ),
        (
            '<link rel="stylesheet" href="//fonts.example.org/f.css">',
            "a.html: //fonts.example.org/f.css is fetched from another server",
        ),
    ],
)
def test_what_leads_nowhere_or_elsewhere_is_named(tmp_path: Path, text: str, told: str) -> None:
    assert links.broken_links(write(tmp_path, a=text)) == [told]


def test_a_style_sheet_that_fetches_from_elsewhere_is_named(tmp_path: Path) -> None:
    (tmp_path / "s.css").write_text('@font-face { src: url("https://fonts.example.org/f.woff2"); }')
    assert links.broken_links(tmp_path) == [
        "s.css: https://fonts.example.org/f.woff2 is fetched from another server"
    ]


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_without_a_broken_link(tmp_path: Path) -> None:
    for module in ("sphinx", "furo", "myst_parser", "sphinx_design"):
        pytest.importorskip(module, reason=f"{module} is not installed; the extra docs brings it")
    ended = subprocess.run(
        [sys.executable, "-m", "website", str(tmp_path / "site")],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    html = tmp_path / "site" / "html"
    assert ended.stdout == f"open {html / 'index.html'}\n"
    assert (html / "reference" / "strategies" / "hacon.html").is_file()
