import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayal.kernels.imbalance import (
    Imbalance,
    draw_imbalanced,
    exponential_counts,
    name_suffix,
    reserved_and_kept,
    step_counts,
)

CIFAR10_LT = [5000, 2997, 1796, 1077, 645, 387, 232, 139, 83, 50]

PUBLISHED_TOTALS = [  # classes, images of each, ratio, images in all
    (10, 5000, 10, 20_431), (10, 5000, 50, 13_996), (10, 5000, 100, 12_406),
    (100, 500, 10, 19_573), (100, 500, 50, 12_608), (100, 500, 100, 10_847),
]  # fmt: skip

# Sizes of the lists of images that CBAL's authors give with their code, for CIFAR-10.
CBAL_TOTALS = [(1.0, 50_000), (0.3, 34_250), (0.2, 32_000), (0.1, 29_750)]

shapes = st.one_of(
    st.fixed_dictionaries({"exponential": st.floats(1, 50)}),
    st.fixed_dictionaries({"step": st.floats(0.05, 1)}),
)
asides = st.one_of(st.just({}), st.fixed_dictionaries({"set_aside": st.floats(0.01, 0.3)}))


def slow_division(counts: list[int], shape: dict[str, Any]) -> tuple[list[int], list[int]]:
    """Class by class; the largest first class is looked for by trying them all."""
    C = len(counts)
    each = math.floor(shape.get("set_aside", 0) * sum(counts) / C + 1e-9)
    rest = [n - each for n in counts]
    if "step" in shape:
        late = C - C // 2
        kept = [n if c < late else math.floor(shape["step"] * n + 1e-9)
                for c, n in enumerate(rest)]  # fmt: skip
        return [each] * C, kept
    kept = [0] * C
    for largest in range(max(rest), 0, -1):
        rho = shape["exponential"]
        exact = [largest * rho ** (-c / max(C - 1, 1)) for c in range(C)]
        kept = [math.floor(want + 1e-9) for want in exact]
        if all(want <= have for want, have in zip(kept, rest, strict=True)):
            break
    return [each] * C, kept


def test_cifar10_lt_has_its_published_counts() -> None:
    assert exponential_counts(np.full(10, 5000), 100).tolist() == CIFAR10_LT


@pytest.mark.parametrize(("classes", "each", "ratio", "total"), PUBLISHED_TOTALS)
def test_long_tailed_cifar_has_its_published_sizes(
    classes: int, each: int, ratio: float, total: int
) -> None:
    assert exponential_counts(np.full(classes, each), ratio).sum() == total


@pytest.mark.parametrize(("fraction", "total"), CBAL_TOTALS)
def test_a_step_after_setting_a_tenth_aside_gives_cbals_sizes(fraction: float, total: int) -> None:
    aside, kept = reserved_and_kept(np.full(10, 5000), {"step": fraction, "set_aside": 0.1})
    assert aside.tolist() == [500] * 10
    assert int(np.sum(aside + kept)) == total


def test_the_second_half_of_an_odd_number_of_classes_is_the_smaller_half() -> None:
    assert step_counts(np.full(5, 10), 0.5).tolist() == [10, 10, 10, 5, 5]


def test_unequal_classes_keep_the_ratio_that_was_asked_for() -> None:
    kept = exponential_counts(np.array([700, 1000, 90, 1000]), 10)
    assert kept.tolist() == [422, 195, 90, 42]  # the third class is what limits them all


@settings(max_examples=400, deadline=None)
@given(st.lists(st.integers(60, 300), min_size=2, max_size=8), shapes, asides)
def test_counts_are_those_of_the_slow_way(
    counts: list[int], shape: dict[str, Any], aside: dict[str, Any]
) -> None:
    imbalance: Imbalance = {**shape, **aside}  # type: ignore[typeddict-item]
    expected = slow_division(counts, dict(imbalance))
    if min(expected[1]) == 0 or max(expected[0]) >= min(counts):
        with pytest.raises(ValueError, match=r"leaves class|takes"):
            reserved_and_kept(np.array(counts), imbalance)
        return
    found = reserved_and_kept(np.array(counts), imbalance)
    assert (found[0].tolist(), found[1].tolist()) == expected


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(60, 200), min_size=2, max_size=6), shapes, asides, st.integers(0, 9))
def test_the_images_kept_are_of_the_classes_counted(
    counts: list[int], shape: dict[str, Any], aside: dict[str, Any], seed: int
) -> None:
    imbalance: Imbalance = {**shape, **aside, "seed": seed}  # type: ignore[typeddict-item]
    labels = np.random.default_rng(1).permutation(np.repeat(np.arange(len(counts)), counts))
    try:
        each, kept = reserved_and_kept(np.array(counts), imbalance)
    except ValueError:
        return
    positions, reserved = draw_imbalanced(labels, len(counts), imbalance)
    assert np.array_equal(positions, np.unique(positions))
    assert np.bincount(labels[positions]).tolist() == (each + kept).tolist()
    assert (reserved is None) == ("set_aside" not in imbalance)
    if reserved is not None:
        assert np.array_equal(reserved, np.unique(reserved))
        of_each = np.bincount(labels[positions][reserved], minlength=len(counts))
        assert of_each.tolist() == each.tolist()


def test_a_harsher_ratio_keeps_some_of_what_a_milder_one_keeps() -> None:
    labels = np.repeat(np.arange(4), 100)
    kept = [set(draw_imbalanced(labels, 4, {"exponential": rho})[0]) for rho in (2, 5, 50)]
    assert kept[2] < kept[1] < kept[0]


def test_the_same_images_are_set_aside_whatever_the_ratio() -> None:
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(4), 100))
    found = []
    for fraction in (1.0, 0.3, 0.1):
        positions, reserved = draw_imbalanced(labels, 4, {"step": fraction, "set_aside": 0.1})
        assert reserved is not None
        found.append(positions[reserved].tolist())
    assert found[0] == found[1] == found[2]


def test_a_seed_gives_its_own_draw_every_time() -> None:
    labels = np.repeat(np.arange(4), 100)
    draws = [
        draw_imbalanced(labels, 4, {"step": 0.2, "seed": seed})[0].tolist() for seed in (0, 0, 1)
    ]
    assert draws[0] == draws[1] != draws[2]


def test_labels_may_be_of_any_integer_type_and_are_left_as_they_were() -> None:
    labels = np.repeat(np.arange(4), 100).astype(np.uint8)
    labels.flags.writeable = False
    expected = draw_imbalanced(labels.astype(np.int64), 4, {"step": 0.2})[0]
    assert np.array_equal(draw_imbalanced(labels, 4, {"step": 0.2})[0], expected)


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no shape": ({"seed": 1}, "neither exponential nor step; give one of them"),
    "both shapes": ({"exponential": 10, "step": 0.1}, "both exponential and step"),
    "a ratio below one": ({"exponential": 0.5}, "exponential=0.5 is out of bounds: .* at least 1"),
    "an infinite ratio": ({"exponential": math.inf}, "exponential=inf is out of bounds"),
    "no number": ({"exponential": math.nan}, "exponential=nan is out of bounds"),
    "nothing kept": ({"step": 0.0}, "step=0.0 is out of bounds: it must be above 0"),
    "more than all": ({"step": 1.5}, "step=1.5 is out of bounds"),
    "all set aside": ({"step": 1.0, "set_aside": 1.0}, "set_aside=1.0 is out of bounds"),
    "an empty class": ({"step": 0.001}, "leaves class 2 none of its 100 images; give a milder"),
    "an empty tail": ({"exponential": 1000}, "leaves class 3 none of its 100 images"),
}


@pytest.mark.parametrize(("imbalance", "message"), BAD.values(), ids=BAD.keys())
def test_what_cannot_be_is_refused(imbalance: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        reserved_and_kept(np.full(4, 100), imbalance)


def test_setting_aside_more_than_a_class_has_is_refused_with_what_may_be() -> None:
    with pytest.raises(ValueError, match=r"takes 50 images of each .* class 1 has 10; .* 0\.1 as"):
        reserved_and_kept(np.array([190, 10]), {"step": 1.0, "set_aside": 0.5})


def test_names_tell_imbalances_apart() -> None:
    assert name_suffix({"exponential": 100.0}) == "-lt100"
    assert name_suffix({"step": 0.1}) == "-step0.1"
    assert name_suffix({"step": 0.1, "set_aside": 0.1, "seed": 3}) == "-step0.1-aside0.1-seed3"
    assert name_suffix({"exponential": 100, "seed": 0}) == "-lt100"
