"""The dashboard is held to what Grafana needs and to what a sweep exports."""

import re

from rayal.events.prometheus import METRICS, TRIALS
from tests.dashboard import BOARD, exported, panels


def test_the_dashboard_asks_for_what_is_exported_and_shows_all_of_it() -> None:
    asked = {name for expr, _ in panels() for name in re.findall(r"\bray_\w+", expr)}
    assert asked == {exported(metric) for metric in METRICS}
    queries = [v["query"]["query"] for v in BOARD["templating"]["list"] if v["type"] == "query"]
    assert queries == [f"label_values({exported(TRIALS)}, sweep)"]


def test_the_dashboard_uses_labels_that_its_metrics_have() -> None:
    labels = {exported(metric): set(metric.labels) for metric in METRICS}
    for expr, legend in panels():
        known = set.union(*(labels[name] for name in re.findall(r"\bray_\w+", expr)))
        chosen = re.findall(r"(\w+)=~?\"", expr)
        grouped = re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", expr)))
        shown = re.findall(r"{{(\w+)}}", legend)
        assert {*chosen, *grouped, *shown} <= known, expr
        assert not grouped or set(shown) <= set(grouped), expr
        assert expr.count("(") == expr.count(")")
        assert "sweep=~" in expr


def test_the_dashboard_has_what_grafana_needs_to_load_it() -> None:
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time"} <= BOARD.keys()
    assert "id" not in BOARD, "a number of another Grafana's database"
    variables = {f"${{{v['name']}}}" for v in BOARD["templating"]["list"]}
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        assert panel["type"] in {"stat", "gauge", "timeseries"}
        assert panel["datasource"]["uid"] in variables
        assert {"defaults", "overrides"} <= panel["fieldConfig"].keys()
        assert len({t["refId"] for t in panel["targets"]}) == len(panel["targets"]) > 0
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (place["x"] + i, place["y"] + j) for i in range(place["w"]) for j in range(place["h"])
        }
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells
    ids = [panel["id"] for panel in BOARD["panels"]]
    assert len(set(ids)) == len(ids)
