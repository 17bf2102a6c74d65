"""What notebooks hand to rayal.query: right, or one clear refusal, whatever kind of thing it is.

Each kind is made from the same small whole numbers, which every type of number holds exactly. What
is right chooses as the plain arrays do; what is refused is refused by a ValueError that names the
argument.
"""

import collections
import decimal
import fractions
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import scipy.sparse
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rayal
from rayal.registry import STRATEGIES
from rayal.requirements import REQUIREMENTS

pytestmark = pytest.mark.slow

N, C, T, B = 40, 4, 3, 5
RNG = np.random.default_rng(0)
FEATURES = RNG.integers(-100, 101, size=(N, C - 1)).astype(np.float64)
PARTS = RNG.multinomial(64, [1 / C] * C, size=(T, N))
PROBS = PARTS / 64
LABELS = np.where(np.arange(N) < 6, np.arange(N) % C, -1)
CONFIDENCE = RNG.permutation(N) / 64
ARRAYS = {"features": FEATURES, "labels": LABELS, "probs": PROBS, "confidence": CONFIDENCE}
Kind = Callable[[np.ndarray], Any]


class OnlyAnArray:
    """Known to NumPy by its protocol alone."""

    def __init__(self, array: np.ndarray) -> None:
        self._array = array

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._array


class Unreadable:
    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise RuntimeError("the file was closed")


def backwards(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array[::-1])[::-1]


def read_only(array: np.ndarray) -> np.ndarray:
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def as_matrix(array: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy would rather have people leave it
        return np.matrix(array)


def with_value(value: Any) -> Kind:
    def changed(array: np.ndarray) -> np.ndarray:
        other = array.astype(object) if value is None or isinstance(value, str) else array.copy()
        other.reshape(-1)[-1] = value
        return other

    return changed


SAME: dict[str, Kind] = {
    "nested lists": lambda a: a.tolist(),
    "a list of arrays": list,
    "a deque": lambda a: collections.deque(a.tolist()),
    "by columns": np.asfortranarray,
    "backwards in memory": backwards,
    "read-only": read_only,
    "of the other byte order": lambda a: a.astype(a.dtype.newbyteorder("S")),
    "a memory view": memoryview,
    "masked, with nothing masked": np.ma.masked_array,
    "by protocol": OnlyAnArray,
    "a tensor": torch.from_numpy,
    "a sparse tensor": lambda a: torch.from_numpy(a).to_sparse(),
}
SAME_FLOATS: dict[str, Kind] = {
    "float32": lambda a: a.astype(np.float32),
    "float16": lambda a: a.astype(np.float16),
    "longdouble": lambda a: a.astype(np.longdouble),
    "a bfloat16 tensor": lambda a: torch.from_numpy(a).bfloat16(),
    "a tensor with a gradient": lambda a: torch.from_numpy(a).requires_grad_(),
    "a parameter": lambda a: torch.nn.Parameter(torch.from_numpy(a)),
}
SAME_WHOLE: dict[str, Kind] = {
    "int8": lambda a: a.astype(np.int8),
    "int32": lambda a: a.astype(np.int32),
    "an int16 tensor": lambda a: torch.from_numpy(a.astype(np.int16)),
}
SAME_COLUMN: dict[str, Kind] = {
    "a Series": pd.Series,
    "a Series in another order": lambda a: pd.Series(a, index=np.arange(N)[::-1]),
    "an Arrow array": pa.array,
}
SAME_TABLE: dict[str, Kind] = {
    "a DataFrame": pd.DataFrame,
    "a DataFrame of pandas' numbers": lambda a: pd.DataFrame(a).astype("Float64"),
    "a DataFrame of Arrow's numbers": lambda a: pd.DataFrame(a).astype("double[pyarrow]"),
    "an Arrow table": lambda a: pa.table({str(i): a[:, i] for i in range(a.shape[1])}),
    "a matrix": as_matrix,
}
REFUSED: dict[str, Kind] = {
    "masked": lambda a: np.ma.masked_array(a, mask=a == a.max()),
    "complex": lambda a: a + 0j,
    "dates": lambda a: a.astype("datetime64[s]"),
    "durations": lambda a: a.astype("timedelta64[s]"),
    "booleans": lambda a: a > 0,
    "text": lambda a: a.astype(str),
    "bytes": lambda a: a.astype("S5"),
    "objects": lambda a: a.astype(object),
    "a None among objects": with_value(None),
    "a word among objects": with_value("?"),
    "fractions": lambda a: [[fractions.Fraction(1, 3)]] * N,
    "decimals": lambda a: [[decimal.Decimal(1)]] * N,
    "records": lambda a: np.zeros(N, dtype=[("a", float), ("b", float)]),
    "a number": lambda a: 3,
    "a word": lambda a: "features.npy",
    "a dictionary": lambda a: {"features": a},
    "a set": lambda a: set(a.reshape(-1).tolist()),
    "a generator": lambda a: (row for row in a),
    "ragged": lambda a: [*([[1, 2, 3]] * (N - 1)), [1, 2]],
    "unreadable": lambda a: Unreadable(),
    "a tensor without data": lambda a: torch.empty(a.shape, device="meta"),
    "one dimension more": lambda a: np.stack([a[..., None]] * 2, axis=-1),
    "another length": lambda a: np.repeat(a, 2, axis=-2 if a.ndim > 1 else 0),
    "a column with words": lambda a: pd.DataFrame({"a": range(N), "b": ["x"] * N}),
    "sparse": lambda a: scipy.sparse.csr_matrix(np.atleast_2d(a.reshape(N, -1))),
    "sparse, of the new kind": lambda a: scipy.sparse.coo_array(a.reshape(N, -1)),
}
REFUSED_FLOATS: dict[str, Kind] = {
    "with NaN": with_value(np.nan),
    "with infinity": with_value(-np.inf),
    "a DataFrame with a missing value": lambda a: (
        pd.DataFrame(a.reshape(N, -1))
        .astype("Float64")
        .mask(pd.DataFrame(a.reshape(N, -1)) == a.max())
    ),
}

SAME_KINDS: dict[str, dict[str, Kind]] = {
    "features": {**SAME, **SAME_FLOATS, **SAME_WHOLE, **SAME_TABLE},
    "labels": {**SAME, **SAME_WHOLE, **SAME_COLUMN},
    "probs": {**SAME, **SAME_FLOATS},
    "confidence": {**SAME, **SAME_FLOATS, **SAME_COLUMN},
}
REFUSED_KINDS: dict[str, dict[str, Kind]] = {
    "features": {
        **REFUSED,
        **REFUSED_FLOATS,
        "no column": lambda a: a[:, :0],
        "no row": lambda a: a[:0],
        "of 1e20": lambda a: a * 1e20,
        "of 1e200": lambda a: a * 1e200,
        "of 1e-30": lambda a: a * 1e-30,
        "one of 1e20": with_value(1e20),
        "far from zero": lambda a: a + 1e10,
        "large whole numbers": lambda a: a.astype(np.int64) + 2**40,
    },
    "labels": {
        **REFUSED,
        "no row": lambda a: a[:0],
        "floats": lambda a: a.astype(float),
        "floats with NaN": lambda a: np.where(a < 0, np.nan, a),
        "from 1": lambda a: np.where(a < 0, -1, a + 1),
        "-100 where unknown": lambda a: np.where(a < 0, -100, a),
        "above 2**31": lambda a: np.where(a < 0, -1, a + 2**31),
        "the largest of 64 bits": lambda a: np.where(a < 0, 0, 2**64 - 1).astype(np.uint64),
        "a column of a matrix": lambda a: a[:, None],
        "missing in a Series": lambda a: pd.Series(a, dtype="Int64").mask(a < 0),
        "categories": lambda a: pd.Series(list("abcd" * (N // 4)), dtype="category"),
        "missing in an Arrow array": lambda a: pa.array([None if x < 0 else int(x) for x in a]),
    },
    "probs": {
        **REFUSED,
        **{name: kind for name, kind in REFUSED_FLOATS.items() if "DataFrame" not in name},
        "log-probabilities": lambda a: np.log(a + 1e-9),
        "logits": lambda a: 5 * a - 2,
        "percent": lambda a: 100 * a,
        "zeros": np.zeros_like,
        "sigmoids": lambda a: 1 / (1 + np.exp(-5 * a)),
        "predicted classes": lambda a: a.argmax(axis=-1),
        "of one of two classes": lambda a: a[..., :1],
        "a vector": lambda a: a[0, :, 0],
        "below zero": lambda a: a + np.array([0.5, -0.5, 0, 0]),
        "a part too much": lambda a: a * 1.01,
        "turned over": lambda a: a.transpose(0, 2, 1),
        "no pass": lambda a: a[:0],
        "no row": lambda a: a[:, :0],
    },
    "confidence": {
        **REFUSED,
        **{name: kind for name, kind in REFUSED_FLOATS.items() if "DataFrame" not in name},
        "a column of a matrix": lambda a: a[:, None],
    },
}


def answers_queries(name: str) -> bool:
    component = STRATEGIES.find(name)
    params = component.bind({})
    by_arrays = all(REQUIREMENTS[need].query_array for need in component.traits.needs(params))
    return by_arrays and not component.traits.oracle(params)


def bound_of(name: str) -> dict[str, Any]:
    return STRATEGIES.find(name).bind({})


QUERIED = [name for name in STRATEGIES.names() if answers_queries(name)]
EXPECTED: dict[str, list[int]] = {}


def ask(strategy: str, **changed: Any) -> list[int]:
    return rayal.query(strategy, **{"budget": B, **ARRAYS, **changed}).tolist()


def expected(strategy: str) -> list[int]:
    if strategy not in EXPECTED:
        EXPECTED[strategy] = ask(strategy)
    return EXPECTED[strategy]


few = settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def each(kinds: dict[str, dict[str, Kind]]) -> st.SearchStrategy[tuple[str, str]]:
    """Draw an argument and a kind of it."""
    return st.sampled_from([(argument, name) for argument in kinds for name in kinds[argument]])


@pytest.mark.parametrize("strategy", QUERIED)
@given(case=each(SAME_KINDS))
@few
def test_a_strategy_chooses_alike_from_every_kind_of_array(
    strategy: str, case: tuple[str, str]
) -> None:
    argument, kind = case
    if strategy == "coreset_mip" and argument != "features":
        return  # takes seconds, and reads nothing else
    assert ask(strategy, **{argument: SAME_KINDS[argument][kind](ARRAYS[argument])}) == expected(
        strategy
    )


@pytest.mark.parametrize("strategy", QUERIED)
@given(case=each(REFUSED_KINDS))
@few
def test_no_strategy_takes_what_is_no_such_array(strategy: str, case: tuple[str, str]) -> None:
    argument, kind = case
    wrong = REFUSED_KINDS[argument][kind](ARRAYS[argument])
    with pytest.raises(ValueError, match=argument):
        ask(strategy, **{argument: wrong})


@pytest.mark.parametrize(
    ("argument", "kind"), [(a, kind) for a in SAME_KINDS for kind in SAME_KINDS[a]]
)
def test_each_kind_that_holds_the_numbers_is_taken(argument: str, kind: str) -> None:
    reader = {"features": "kmeans", "labels": "k_center", "probs": "bald", "confidence": "hacon"}
    array = SAME_KINDS[argument][kind](ARRAYS[argument])
    assert ask(reader[argument], **{argument: array}) == expected(reader[argument])


@pytest.mark.parametrize(
    ("argument", "kind"), [(a, kind) for a in REFUSED_KINDS for kind in REFUSED_KINDS[a]]
)
def test_each_kind_that_does_not_is_refused(argument: str, kind: str) -> None:
    with pytest.raises(ValueError, match=argument) as error:
        ask("random", **{argument: REFUSED_KINDS[argument][kind](ARRAYS[argument])})
    assert len(str(error.value)) < 500


@pytest.mark.parametrize("strategy", [name for name in QUERIED if name != "coreset_mip"])
@given(exponent=st.integers(-330, 330))
@few
def test_the_size_of_features_changes_no_choice_or_is_refused(strategy: str, exponent: int) -> None:
    """Powers of two change no digit: what is chosen may not hang on overflow or underflow."""
    features = np.ldexp(FEATURES, exponent)
    if not -60 < exponent < 55:
        with pytest.raises(ValueError, match=r"features are as large as .* (overflow|vanish)"):
            ask(strategy, features=features)
    elif -40 < exponent < 40:
        # A ridge is added to squares of features, unless these are of unit length.
        known = STRATEGIES.find(strategy).parameters
        absolute = "ridge" in known and "normalize" not in known
        scaled = {"ridge": 4.0**exponent} if absolute else {}
        assert ask(strategy, features=features, **scaled) == expected(strategy)


WHOLE: dict[str, Callable[[int], Any]] = {
    "int64": np.int64,
    "int8": np.int8,
    "uint64": np.uint64,
    "an array of no dimension": np.array,
    "a tensor": torch.tensor,
}
NO_WHOLE = {
    "a float": 5.0, "half": 5.5, "text": "5", "a share": "5%", "nothing": None, "True": True,
    "NumPy's True": np.True_, "NumPy's float": np.float32(5), "a list": [5], "an array": np.ones(2),
    "a decimal": decimal.Decimal(5), "a fraction": fractions.Fraction(5), "a complex": 5j,
    "very long": 10**5000, "very long below zero": -(10**5000),
}  # fmt: skip


@pytest.mark.parametrize("kind", WHOLE)
@pytest.mark.parametrize("argument", ["budget", "seed"])
def test_a_whole_number_of_any_kind_is_that_number(kind: str, argument: str) -> None:
    assert ask("random", **{argument: WHOLE[kind](7)}) == ask("random", **{argument: 7})


@pytest.mark.parametrize("kind", NO_WHOLE)
@pytest.mark.parametrize("argument", ["budget", "seed"])
def test_what_is_no_whole_number_is_refused(kind: str, argument: str) -> None:
    with pytest.raises(ValueError, match=f"{argument} must be a whole number"):
        ask("random", **{argument: NO_WHOLE[kind]})


@pytest.mark.parametrize("seed", [-1, -(2**63), 2**64 - 1])
def test_any_whole_number_of_64_bits_is_a_seed(seed: int) -> None:
    assert ask("random", seed=seed) != ask("random")


def test_parameters_may_be_numbers_of_numpy() -> None:
    assert ask("kmeans", restarts=np.int64(3)) == ask("kmeans", restarts=3)
    assert ask("kmeans", normalize=np.False_) == ask("kmeans", normalize=False)
    assert ask("probcover", delta=np.float64(0.5)) == ask("probcover", delta=0.5)
    balance = {"lambda": np.float32(0.5)}
    assert ask("entropy", class_balanced=balance) == ask("entropy", class_balanced={"lambda": 0.5})
    with pytest.raises(ValueError, match=r"restarts=3\.5 is refused"):
        ask("kmeans", restarts=np.float64(3.5))


@pytest.mark.parametrize("strategy", [None, 3, ["kmeans"], len, ""])
def test_what_is_no_name_of_a_strategy_is_refused(strategy: Any) -> None:
    with pytest.raises(ValueError, match="strategy"):
        ask(strategy)


READ_FEATURES = {"badge", "bait", "coreset_mip", "dbal", "farthest_point", "hacon", "k_center",
                 "kmeans", "maxherding", "msal", "msal_d", "multi_kmeans", "optimal_design",
                 "probcover", "tcm", "typiclust", "uherding"}  # fmt: skip


@pytest.mark.parametrize("strategy", sorted(READ_FEATURES & set(QUERIED)))
@pytest.mark.parametrize("value", [0, 1, -3.5])
def test_features_that_are_all_alike_are_no_ground_for_a_choice(
    strategy: str, value: float
) -> None:
    """The first positions would be the answer, as ties go to the lowest."""
    with pytest.raises(ValueError, match=f"'{strategy}' chooses by features, .* the same in all"):
        ask(strategy, features=np.full_like(FEATURES, value))


UNIT_LENGTH = [s for s in QUERIED if STRATEGIES.find(s).traits.unit_length(bound_of(s))]
LENGTHS = 2.0 ** RNG.integers(-2, 3, size=(N, 1))  # which change no digit of a direction


@pytest.mark.parametrize("strategy", sorted(set(QUERIED) - {"coreset_mip"}))
def test_who_sees_features_at_unit_length_declares_it(strategy: str) -> None:
    same = ask(strategy, features=FEATURES * LENGTHS) == expected(strategy)
    reads = ask(strategy, features=RNG.permutation(FEATURES)) != expected(strategy)
    by_prototypes = "prototypes" in STRATEGIES.find(strategy).traits.needs(bound_of(strategy))
    assert (same and reads and not by_prototypes) == (strategy in UNIT_LENGTH)


ONE_DIRECTION = {
    "a positive column": np.arange(1.0, N + 1),
    "a negative column": -np.arange(1.0, N + 1)[:, None],
    "multiples of a row": np.outer(np.arange(1, N + 1), [1.0, -2.0, 3.0]),
}


@pytest.mark.parametrize("kind", ONE_DIRECTION)
@pytest.mark.parametrize("strategy", UNIT_LENGTH)
def test_features_of_one_direction_are_no_ground_for_who_sees_directions(
    strategy: str, kind: str
) -> None:
    with pytest.raises(ValueError, match=r"unit length, which are the same .* - features\.mean"):
        ask(strategy, features=ONE_DIRECTION[kind])


def test_one_column_is_ground_enough_for_who_sees_lengths() -> None:
    column = ONE_DIRECTION["a positive column"]
    assert np.ptp(rayal.query("k_center", 4, features=column)) > N / 2
    assert np.ptp(rayal.query("kmeans", 4, features=column, normalize=False)) > N / 2


FEW: dict[str, Kind] = {
    "three rows": lambda a: a[np.arange(N) % 3],
    "signs of a column": lambda a: a[:, :1],
    "a row apart": lambda a: np.vstack([a[:1], np.repeat(a[1:2], N - 1, axis=0)]),
}


@pytest.mark.parametrize("kind", FEW)
@pytest.mark.parametrize("strategy", sorted((READ_FEATURES & set(QUERIED)) - {"msal", "msal_d"}))
def test_equal_features_are_taken_in_an_order_of_the_seed_and_told(
    strategy: str, kind: str
) -> None:
    features = FEW[kind](FEATURES)
    if kind == "signs of a column" and strategy not in UNIT_LENGTH:
        return
    with pytest.warns(UserWarning, match=rf"features.* tell \d of {N} images apart, fewer"):
        first, *others = [ask(strategy, features=features, budget=12, seed=s) for s in (0, 1, 0)]
    assert len(set(first)) == 12
    assert first == others[1]
    assert first != others[0] or strategy == "hacon"  # which goes by confidence
    assert len(set(first) & set(range(6, 18))) < 12  # the first without a label


def test_who_asks_for_no_more_than_there_are_apart_is_told_nothing() -> None:
    features = np.repeat(FEATURES[:20], 2, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(rayal.query("k_center", 20, features=features)) == 20
        assert len(rayal.query("random", 30, features=np.zeros((N, 1)))) == 30


@pytest.mark.parametrize("strategy", ["random", "entropy", "bald"])
def test_who_reads_no_features_takes_any(strategy: str) -> None:
    assert ask(strategy, features=np.zeros((N, 1))) == expected(strategy)


@pytest.mark.parametrize("value", [0.1, -1e6 / 3])
def test_a_constant_column_is_taken_whatever_its_number(value: float) -> None:
    """What 32-bit floats make of it is as constant."""
    features = np.column_stack([FEATURES, np.full(N, value)])
    assert len(rayal.query("k_center", B, features=features)) == B
    assert rayal.query("k_center", 1, features=[[value, 1 / 3]]).tolist() == [0]


def test_half_precision_probabilities_may_be_off_by_its_rounding() -> None:
    rng = np.random.default_rng(0)
    probs = rng.dirichlet(np.ones(100), size=N)
    assert not np.allclose(probs.astype(np.float16).sum(axis=1, dtype=np.float64), 1, atol=1e-5)
    for kind in (np.float16, np.float32):
        assert len(rayal.query("margin", B, probs=probs.astype(kind))) == B
    tensor = torch.from_numpy(probs).bfloat16()
    assert len(rayal.query("margin", B, probs=tensor)) == B


def test_confidences_are_compared_as_finely_as_they_are_given() -> None:
    confidence = 1 - np.arange(N) * 1e-12
    chosen = rayal.query("hacon", 3, features=FEATURES, confidence=confidence, cluster="none", k=1)
    assert chosen.tolist() == [N - 1, N - 2, N - 3]


def test_labels_count_classes_from_0_where_nothing_says_how_many_there_are() -> None:
    labels = np.where(LABELS < 0, -1, LABELS + 1)
    assert rayal.query("k_center", B, features=FEATURES, labels=labels).tolist() == (
        rayal.query("k_center", B, features=FEATURES, labels=LABELS).tolist()
    )


def test_a_radius_by_classes_says_that_their_number_is_not_known() -> None:
    with pytest.raises(ValueError, match=r"delta: auto .* give a number for delta"):
        rayal.query("probcover", B, features=FEATURES)
    assert len(rayal.query("probcover", B, features=FEATURES, delta=0.3)) == B


def test_outputs_and_probabilities_of_other_numbers_of_classes_are_refused() -> None:
    with pytest.raises(ValueError, match="probs has 4 classes, and features stand for"):
        ask("msal", features=FEATURES[:, :2])


def test_columns_of_pandas_in_different_orders_are_refused() -> None:
    draw = np.random.default_rng(0)
    names = [f"img_{i}" for i in range(20)]
    features = pd.DataFrame(draw.normal(size=(20, 3)), index=names)
    labels = pd.Series([0, 1] + [-1] * 18, index=names)
    rayal.query("kmeans", 2, features=features, labels=labels)
    rayal.query("kmeans", 2, features=features, labels=labels.reset_index(drop=True))
    with pytest.raises(ValueError, match=r"different orders.* pass labels\.loc\[features\.index\]"):
        rayal.query("kmeans", 2, features=features, labels=labels[::-1])


@pytest.mark.parametrize("value", ["no", "False", None, 1, [0]])
def test_whether_features_are_pixels_is_true_or_false(value: object) -> None:
    """A text that is not empty counts as true in Python, whatever it says."""
    features = np.random.default_rng(0).random((9, 4))
    with pytest.raises(ValueError, match="bare_pixels must be True or False; got"):
        rayal.query("auto", 2, features=features, bare_pixels=value)
    taken = rayal.query("auto", 2, features=features, bare_pixels=np.bool_(False))
    assert taken.tolist() == rayal.query("auto", 2, features=features).tolist()
