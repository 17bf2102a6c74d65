"""Sizes as the lines of checks show them."""

from __future__ import annotations

MEGABYTE, GIGABYTE = 10**6, 10**9


def size(number: float) -> str:
    """Write a number of bytes in the unit that gives it few digits: 64 MB, 7.5 GB."""
    if number >= 10 * GIGABYTE:
        return f"{number / GIGABYTE:,.0f} GB"
    return f"{number / GIGABYTE:.1f} GB" if number >= GIGABYTE else f"{number / MEGABYTE:.0f} MB"
