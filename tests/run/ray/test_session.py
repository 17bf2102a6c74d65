import pytest

from rayal.run.ray.session import ClusterError, ray_session
from rayal.sweep.file import Resources


def test_an_address_of_the_ray_client_is_refused_before_anything_starts() -> None:
    with (
        pytest.raises(ClusterError, match="ray job submit"),
        ray_session(Resources(), "ray://head:10001", print),
    ):
        raise AssertionError
