"""rayal: which images should be labelled first, answered with evidence.

sweep.yaml -> sweep: list[Trial] -> dataset -> encoder: features and dataset map (once)
    -> trial: [ strategy picks -> oracle reveals -> learner trains -> metrics ] per round
    -> store -> analysis

`rayal.query` asks one strategy for one choice, from arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rayal.array_query import query as query

__version__ = "0.1.0"
__all__ = ["query"]


def __getattr__(name: str) -> object:
    """Import the front door on first use: `import rayal` itself costs nothing."""
    if name != "query":
        raise AttributeError(f"module 'rayal' has no attribute '{name}'")
    from rayal.array_query import query

    return query
