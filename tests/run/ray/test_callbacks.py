import pytest

from rayal.run.ray.callbacks import was_lost_with_node


@pytest.mark.parametrize(
    ("trace", "with_node"),
    [
        ("The actor died because its node has died. Node Id: 67184a53", True),
        ("The actor is temporarily unavailable: RpcError: RPC error: Socket closed", True),
        ("The actor is dead because its worker process has died. Worker exit type: OOM", False),
        ("no trace was left", False),
    ],
)
def test_what_is_lost_with_a_node_is_told_from_a_worker_that_dies_alone(
    trace: str, with_node: bool
) -> None:
    assert was_lost_with_node(trace) == with_node
