"""The Grafana dashboard, and the names under which it finds metrics."""

import json
from collections.abc import Iterator
from pathlib import Path

from rayal.events.prometheus import Metric

BOARD = json.loads((Path(__file__).parent.parent / "deploy" / "grafana.json").read_text())


def exported(metric: Metric) -> str:
    """The name under which Ray shows a metric; the tests on a real Ray hold it to that."""
    return f"ray_{metric.name}" + "_total" * (metric.kind == "counter")


def panels() -> Iterator[tuple[str, str]]:
    for panel in BOARD["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]
