"""The baseline of a study, by its label; how labels are made, rayal.sweep.names says."""

from __future__ import annotations

from rayal.sweep.names import Names

BASELINE = "random"


def baseline(names: Names) -> str:
    """Return the label of random selection with the fewest switches on; "" without one."""
    randoms = [named for named in names.strategies() if named.plain == BASELINE]
    return min(randoms, key=lambda named: named.switched_on).label if randoms else ""
