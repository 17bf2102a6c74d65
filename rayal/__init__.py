"""rayal: which images should be labeled first, answered with evidence.

sweep.yaml -> sweep: list[Trial] -> dataset -> encoder: features and dataset map (once)
    -> trial: [ strategy picks -> oracle reveals -> learner trains -> metrics ] per round
    -> store -> analysis

`rayal.query` asks one strategy for one choice, from arrays. `rayal.Pool` takes a folder of images
without labels from round to round. `rayal.load_classifier` loads what `rayal predict` made.
`rayal.select_from_shards` chooses from features in shards that no memory holds.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rayal.array_query import query as query
    from rayal.distributed.selecting import select_from_shards as select_from_shards
    from rayal.labeling.classifier import load_classifier as load_classifier
    from rayal.labeling.notebook import Pool as Pool

__version__ = "0.1.0"
__all__ = ["Pool", "load_classifier", "query", "select_from_shards"]
_MODULES = {
    "query": "rayal.array_query",
    "load_classifier": "rayal.labeling.classifier",
    "Pool": "rayal.labeling.notebook",
    "select_from_shards": "rayal.distributed.selecting",
}


def __getattr__(name: str) -> object:
    """Import a front door on first use: `import rayal` itself costs nothing."""
    if name not in _MODULES:
        raise AttributeError(f"module 'rayal' has no attribute '{name}'")
    return getattr(importlib.import_module(_MODULES[name]), name)
