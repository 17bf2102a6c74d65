"""So many of n, with an interval of the proportion behind it."""

from __future__ import annotations

from dataclasses import dataclass

from rayal.kernels.exact_intervals import proportion_interval


@dataclass(frozen=True)
class Share:
    """So many of n, with the exact 95 % interval of the proportion behind it."""

    count: int
    n: int

    @property
    def value(self) -> float:
        """The proportion, NaN of none."""
        return self.count / self.n if self.n else float("nan")

    @property
    def interval(self) -> tuple[float, float]:
        return proportion_interval(self.count, self.n)
