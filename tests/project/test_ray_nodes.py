"""Nodes for tests: started again where Ray's own bound is too short for a busy machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks import ray_nodes
from benchmarks.ray_nodes import ATTEMPTS, SLOW, STARTED, Nodes


def answers(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> Iterator[str]:
    """Let `ray start` say this, one after another; return what it has not said yet."""
    left = iter(said)
    monkeypatch.setattr(ray_nodes.Nodes, "_try_to_start", lambda *_: next(left))
    return left


def test_a_node_that_ray_gave_up_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = answers(monkeypatch, [SLOW, SLOW, STARTED, "not asked for"])
    Nodes(tmp_path).add()
    assert next(left) == "not asked for"


@pytest.mark.parametrize("said", [[SLOW] * ATTEMPTS, ["the port is taken"]])
def test_other_failures_and_too_many_are_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: list[str]
) -> None:
    left = answers(monkeypatch, said)
    with pytest.raises(RuntimeError, match="a node did not start"):
        Nodes(tmp_path).add()
    assert not list(left)
