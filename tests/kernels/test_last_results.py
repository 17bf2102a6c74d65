import gc

import numpy as np

from rayal.kernels.last_results import RESULTS, keeps_last_results


def counted() -> tuple[object, list[float]]:
    calls: list[float] = []

    @keeps_last_results
    def scaled(array: np.ndarray, by: float) -> np.ndarray:
        calls.append(by)
        return array * by

    return scaled, calls


def frozen(values: list[float]) -> np.ndarray:
    array = np.array(values)
    array.flags.writeable = False
    return array


def test_the_same_array_and_arguments_are_computed_once() -> None:
    scaled, calls = counted()
    one = frozen([1.0, 2.0])
    assert scaled(one, 2.0) is scaled(one, 2.0)  # type: ignore[operator]
    assert scaled(one, 3.0).tolist() == [3.0, 6.0]  # type: ignore[operator]
    assert calls == [2.0, 3.0]


def test_calls_that_take_turns_do_not_drive_each_other_out() -> None:
    scaled, calls = counted()
    one, other = frozen([1.0]), frozen([2.0])
    for _ in range(3):
        scaled(one, 2.0)  # type: ignore[operator]
        scaled(other, 2.0)  # type: ignore[operator]
    assert len(calls) == 2


def test_only_the_last_few_are_kept() -> None:
    scaled, calls = counted()
    one = frozen([1.0])
    for by in (*range(RESULTS + 1), 0):
        scaled(one, float(by))  # type: ignore[operator]
    assert len(calls) == RESULTS + 2


def test_an_equal_array_is_another_one() -> None:
    scaled, calls = counted()
    for values in ([1.0], [1.0]):
        scaled(frozen(values), 2.0)  # type: ignore[operator]
    assert len(calls) == 2


def test_an_array_that_may_change_is_computed_again() -> None:
    scaled, calls = counted()
    array = np.array([1.0])
    scaled(array, 2.0)  # type: ignore[operator]
    array[0] = 5.0
    assert scaled(array, 2.0).tolist() == [10.0]  # type: ignore[operator]
    assert len(calls) == 2


def test_nothing_is_kept_of_an_array_that_is_gone() -> None:
    scaled, calls = counted()
    result = scaled(frozen([1.0]), 2.0)  # type: ignore[operator]
    assert not result.flags.writeable
    gc.collect()
    scaled(frozen([1.0]), 2.0)  # type: ignore[operator]
    assert len(calls) == 2
