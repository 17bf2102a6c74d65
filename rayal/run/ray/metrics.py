"""Time series that Ray's agent on this node shows to Prometheus, as ray_NAME."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from rayal.events.prometheus import Metric, MetricHandle

REPEAT_SECONDS = 1.0  # between two settings of the same gauge, which Ray forgets after some time


class MetricsExporter:
    """Creates metrics, and keeps the gauges among them alive while its context lasts.

    The agent forgets a gauge that was not set for two of its intervals, 20 s; a trial may take
    hours. So every gauge is set again, to what it was set to last, while the sweep runs.
    """

    def __init__(self) -> None:
        self._gauges: dict[tuple[object, ...], Callable[[], None]] = {}
        self._lock = threading.Lock()  # what was set last is shown last
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def __enter__(self) -> MetricsExporter:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def create_metric(self, metric: Metric) -> MetricHandle:
        import ray
        from ray.util import metrics

        put: MetricHandle
        if metric.kind == "counter":
            put = metrics.Counter(metric.name, metric.description, metric.labels).inc
        else:
            gauge = metrics.Gauge(metric.name, metric.description, metric.labels)
            put = partial(self._set, gauge.set)

        def put_while_ray_runs(value: float, labels: dict[str, str]) -> None:
            if ray.is_initialized():
                put(value, labels)

        return put_while_ray_runs

    def _set(self, put: MetricHandle, value: float, labels: dict[str, str]) -> None:
        with self._lock:
            self._gauges[(put, *labels.values())] = partial(put, value, labels)
            put(value, labels)

    def _repeat(self) -> None:
        while not self._stop.wait(REPEAT_SECONDS):
            with self._lock:
                for put in self._gauges.values():
                    put()
