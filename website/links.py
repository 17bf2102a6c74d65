"""Checks built pages: every link leads somewhere, and nothing is fetched from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# Attributes by which a page fetches what it shows; a link that a reader follows is not among them.
FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}
IN_STYLES = re.compile(r"""url\(\s*["']?((?:https?:)?//[^"')]+)""")
NOT_FETCHED = {"canonical", "next", "prev", "index", "search", "author", "license"}


class _Page(HTMLParser):
    """Gathers a page's ids, its links and what it fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.ids |= {attributes[name] for name in ("id", "name") if attributes.get(name)}
        if tag == "a" and "href" in attributes:
            self.links.add(attributes["href"])
        address = attributes.get(FETCHED.get(tag, ""), "")
        if address and attributes.get("rel") not in NOT_FETCHED:
            self.fetched.add(address)


def broken_links(folder: Path) -> list[str]:
    """Return a sentence for each link that leads nowhere and each fetch from another server."""
    pages = {path: _Page(path.read_text(encoding="utf-8")) for path in folder.rglob("*.html")}
    of_pages = (
        f"{path.relative_to(folder)}: {what}"
        for path, page in pages.items()
        for what in (*_broken(path, page, pages), *_from_elsewhere(page.fetched))
    )
    of_styles = (
        f"{path.relative_to(folder)}: {what}"
        for path in folder.rglob("*.css")
        for what in _from_elsewhere(IN_STYLES.findall(path.read_text(encoding="utf-8")))
    )
    return sorted([*of_pages, *of_styles])


def _broken(path: Path, page: _Page, pages: dict[Path, _Page]) -> Iterator[str]:
    for link in page.links | page.fetched:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc or link in ("", "#"):
            continue
        target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
        if not target.is_file():
            yield f"{link} leads to no file"
        elif parts.fragment and target in pages:
            fragment = unquote(parts.fragment)
            if fragment not in pages[target].ids:
                yield f"{link} leads to no place on its page"


def _from_elsewhere(fetched: Iterable[str]) -> Iterator[str]:
    for address in fetched:
        parts = urlsplit(address)
        if parts.netloc or parts.scheme not in ("", "data"):
            yield f"{address} is fetched from another server"
