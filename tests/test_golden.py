"""The numbers that rayal gives: a change of them that nobody meant is seen here.

Whoever goes on with a sweep after an upgrade has to get the numbers that the sweep began with:
which images are chosen, what is measured, which random numbers are drawn. For a small problem
that is the same on every machine (`golden_problem.py`), `tests/golden/*.json` holds what every
strategy, learner, encoder and dataset of the registry gives, and what a whole trial gives.

When a number has changed, the failure says what that means to people. Where the change is meant,

    pytest tests/test_golden.py --renew-golden

writes the files again (with `-k NAME` only what is selected); commit them with the reason. A new
component has no number yet and fails until it is added in the same way. `tests/conftest.py` has
the option, `golden_numbers.py` the comparison.

Choices are compared exactly: renewing refuses a choice that other rounding errors would change.
Measures and features are compared exactly where no sum is rounded, to 1e-6 where a head is
trained, and to a stated tolerance where a network is.
"""

import dataclasses
import json
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pytest

import rayal
from rayal import metrics
from rayal.contract_checks import check_choice
from rayal.contracts import (
    UNLABELED,
    Dataset,
    DatasetMap,
    Embedding,
    Pool,
    Predictions,
    Task,
    TrialData,
)
from rayal.registry import DATASETS, ENCODERS, LEARNERS, STRATEGIES, Registry
from rayal.requirements import FROM_LEARNER
from rayal.seeds import generator, integer
from rayal.sweep.definition import Spec, Trial
from tests import golden_problem as problem
from tests.golden_numbers import GoldenFile
from tests.small_trials import run

pytestmark = pytest.mark.slow

BUDGETS = (4, 10)  # larger ones part the pool into clusters of two, whose members tie
# Of the few images that change their class, 10 would be clusters of two as well.
SMALLER_BUDGETS = {"alfamix": (2, 4), "dropquery": (2, 4)}
SHAKES = 20  # of rounding errors that a choice has to withstand when it is written down
FEWER_SHAKES = {"coreset_mip": 2}  # takes seconds

BALANCES = [
    {"class_balanced": {"lambda": 1.0}},
    {"class_balanced": {"lambda": "auto"}},
    {"class_balanced": {"lambda": 0.5, "solver": "highs"}},
    {"class_balanced": {"lambda": 0.5, "solver": "certified"}},
]
# Given to every strategy that has the parameters.
OF_SCORES: list[dict[str, Any]] = [
    {"pseudo_label_balanced": True},
    {"diverse": {"beta": 2.5}},
    {"stochastic": {"beta": 1.0}},
]
OF_ALL: list[dict[str, Any]] = [{"label_balanced": True}]
# Given to one strategy, besides its defaults.
STRATEGY_VARIANTS: dict[str, list[dict[str, Any]]] = {
    "random": [{"cover_classes": True}, {"stratify": 5}, {"stratify": "budget"}],
    "best_of": [{"batches": 12, "sub_pool": 60}],
    "kmeans": [{"normalize": False}, {"restarts": 1}, {"collapse": 0.9}],
    "multi_kmeans": [{"normalize": False}, {"restarts": 1}],
    "hacon": [
        {"k": "budget"},
        {"k": 7, "order": "easy_to_contrast", "label_balanced": True},
        {"k": 7, "order": "ambiguous"},
        {"k": 1000, "order": "ambiguous", "tau": 0.2},
        {"k": 7, "order": "centroid"},
        {"order": "centroid", "cluster": "none"},
        {"k": 5, "cluster": "pixels", "tau": 0.2},
        {"order": "hard_to_learn"},
        {"order": "easy_to_learn", "cluster": "none"},
    ],
    "k_center": [
        {"space": "hidden"},
        {"class_balanced": {"lambda": 5.0}},
        {"class_balanced": {"lambda": 0.5, "divided_by_classes": False}},
    ],
    "dbal": [{"beta": 1}, {"beta": 4, "restarts": 1}],
    "probcover": [{"delta": 0.3}, {"delta": 0.3, "collapse": 0.9}],
    "coreset_mip": [{"outliers": 0.05}],
    "typiclust": [
        {"max_clusters": 3},
        {"min_size": 12, "restarts": 2},
        {"collapse": 0.9},
    ],
    "tcm": [{"labels_per_class": 1}],
    "maxherding": [{"sigma": 0.4}, {"collapse": 0.9}],
    "facility_location": [{"neighbors": 4}, {"collapse": 0.9}],
    "uherding": [{"sigma": 0.4}, {"temperature": 3.0}, {"temperature": "calibrated"}],
    "bait": [{"likelihood": "multinomial"}, {"ridge": 0.1}],
    "dropquery": [{"passes": 1, "rate": 0.2}],
    "optimal_design": [{"normalize": False, "ridge": 10.0}],
    "entropy": BALANCES,
    "margin": BALANCES,
    "bald": [{"passes": 3}, {"passes": 3, "class_balanced": {"lambda": 0.1}}],
    "msal": BALANCES[:1],
    "msal_d": [{"beta": 1}, {"beta": 50}],
    "vaal": [{"epochs": 2, "latent": 8, "class_balanced": {"lambda": 0.1}}],
}
# Networks are trained for these choices, so that another machine may choose one other image.
BY_A_NETWORK = {"vaal"}
# Asked for nearly the whole pool, as to be label-balanced, its clusters hang on rounding errors.
OF_WHOLE_CLUSTERS = {"best_of"}

QUICK_NETWORK = {"backbone": "small_cnn", "epochs": 4, "batch_size": 8}
QUICK_LEARNERS: dict[str, dict[str, Any]] = {
    "scratch": QUICK_NETWORK,
    "finetune": {"epochs": 3, "batch_size": 8},
    "fixmatch": {"backbone": "small_cnn", "steps": 8, "batch_size": 8, "mu": 2, "ema": 0.5},
}
LEARNER_VARIANTS: dict[str, list[dict[str, Any]]] = {
    "linear": [
        {"scaling": "l2"},
        {"batch_size": 4, "epochs": 5, "milestones": [2]},
        {"dropout": 0.5},
        {"prototypes": True, "radius": 2.0},
        {"pseudo_labels": "ceal", "pseudo_threshold": 0.5},
    ],
    "knn": [{"k": 5}],
    "logistic": [{"C": 0.1, "scaling": "standardize"}, {"scaling": "none"}],
    "scratch": [
        {"optimiser": "adam", "lr": 0.001, "augmentation": "none"},
        {"augmentation": "crop", "dropout": 0.5, "milestones": [2]},
        {"augmentation": "hacon", "prototypes": True, "radius": 3.0},
        {"augmentation": "rotate", "plateau_patience": 0, "early_stopping": 2, "epochs": 6},
        {"pseudo_labels": "ceal", "pseudo_threshold": 0.5, "least_steps": 3},
    ],
    "finetune": [
        {"augmentation": "crop", "dropout": 0.5, "milestones": [1]},
        {"augmentation": "none", "prototypes": True, "early_stopping": 2},
    ],
    "fixmatch": [{"augmentation": "crop", "threshold": 0.5, "prototypes": True}],
}

QUICK_MOCO = {
    "backbone": "small_cnn", "epochs": 2, "batch_size": 32, "queue": 64, "warmup_epochs": 1,
    "momentum_encoder": 0.9, "projection": 16,
}  # fmt: skip
ENCODER_VARIANTS: dict[str, list[dict[str, Any]]] = {
    "pixels": [{}, {"views": 2}],
    "random": [
        {"backbone": "small_cnn"},
        {"backbone": "small_cnn", "views": 1, "truth_epochs": 2, "flip": False},
        {"backbone": "resnet18", "stem": "cifar"},
    ],
    "moco": [
        {**QUICK_MOCO, "augmentation": "grey"},
        {**QUICK_MOCO, "augmentation": "grey", "map": "query_key"},
        {**QUICK_MOCO, "augmentation": "ct", "repeats": 2, "micro_batch": 8, "flip": False,
         "crop_scale": [0.5, 1.0], "taus": [0.2, 0.05], "views": 1, "map": "query_key"},
    ],
}  # fmt: skip
# Their weights lie in files; the tests of each compare with torchvision and timm themselves.
ENCODERS_FROM_FILES = {"checkpoint", "features", "pretrained", "timm_model"}

DATASET_VARIANTS: dict[str, list[dict[str, Any]]] = {
    "digits": [
        {},
        {"imbalance": {"exponential": 10.0}},
        {"imbalance": {"step": 0.1, "set_aside": 0.1, "seed": 3}},
    ],
}


class Golden:
    """The files of golden numbers, each opened on first use."""

    def __init__(self, *, renew: bool) -> None:
        self.renew = renew
        self._files: dict[str, GoldenFile] = {}

    def __getitem__(self, name: str) -> GoldenFile:
        if name not in self._files:
            self._files[name] = GoldenFile(f"{name}.json", renew=self.renew)
        return self._files[name]


@pytest.fixture(scope="module")
def golden(request: pytest.FixtureRequest) -> Golden:
    return Golden(renew=request.config.getoption("--renew-golden"))


def key(name: str, given: Mapping[str, Any]) -> str:
    return f"{name} {json.dumps(given)}" if given else name


def each(cases: list[tuple[str, dict[str, Any]]]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("name", "given"), [pytest.param(*case, id=key(*case)) for case in cases]
    )


def keys(cases: list[tuple[str, dict[str, Any]]]) -> set[str]:
    return {key(*case) for case in cases}


def strategy_cases() -> list[tuple[str, dict[str, Any]]]:
    """Every strategy at its defaults, with its own variants, with every modifier it may have."""
    return [
        (name, given)
        for name in STRATEGIES.names()
        for given in [{}, *STRATEGY_VARIANTS.get(name, []), *OF_ALL, *OF_SCORES]
        if given.keys() <= STRATEGIES.find(name).parameters.keys()
        and not (name in BY_A_NETWORK and given in OF_ALL + OF_SCORES)
        and not (name in OF_WHOLE_CLUSTERS and given in OF_ALL)
    ]


def learner_cases() -> list[tuple[str, dict[str, Any]]]:
    return [(n, given) for n in LEARNERS.names() for given in [{}, *LEARNER_VARIANTS.get(n, [])]]


def variants(
    registry: Registry, given: Mapping[str, list[dict[str, Any]]]
) -> list[tuple[str, dict[str, Any]]]:
    """Every variant listed; components that are not listed are for another test to complain of."""
    return [(name, params) for name in registry.names() for params in given.get(name, [])]


# Strategies ------------------------------------------------------------------


def ask(name: str, given: Mapping[str, Any], pool: Pool, budget: int) -> np.ndarray:
    """Ask as a trial does: true labels are for oracles alone."""
    component = STRATEGIES.find(name)
    params = component.bind(given)
    if not component.traits.oracle(params):
        pool = dataclasses.replace(pool, true_labels=None)
    chosen = component.function(pool, budget, generator("golden", "query"), **params)
    return check_choice(name, chosen, pool.labels, budget)


def pools(name: str, given: Mapping[str, Any]) -> Iterator[tuple[str, Pool]]:
    component = STRATEGIES.find(name)
    if not component.traits.needs(component.bind(given)) & FROM_LEARNER:
        yield "first query", problem.pool_before_labels()
    yield "later query", problem.pool_with_labels()


def assert_steady(name: str, given: Mapping[str, Any], pool: Pool, budget: int) -> None:
    chosen = ask(name, given, pool, budget).tolist()
    for number in range(FEWER_SHAKES.get(name, SHAKES)):
        other = ask(name, given, problem.shaken(pool, number), budget).tolist()
        assert chosen == other, f"{name} {given} for {budget}: rounding errors change the choice"


@each(strategy_cases())
def test_a_strategy_chooses_the_images_it_always_chose(
    golden: Golden, name: str, given: dict[str, Any]
) -> None:
    if (given.get("class_balanced") or {}).get("solver") == "gurobi":
        pytest.importorskip("gurobipy")
    budgets = SMALLER_BUDGETS.get(name, BUDGETS)
    chosen = {
        f"{query}, {budget}": ask(name, given, pool, budget).tolist()
        for query, pool in pools(name, given)
        for budget in budgets
    }
    if name in BY_A_NETWORK:
        golden["strategies"].check(key(name, given), chosen, compare=nearly_the_same_images)
        return
    if golden.renew:
        for _, pool in pools(name, given):
            for budget in budgets:
                assert_steady(name, given, pool, budget)
    golden["strategies"].check(key(name, given), chosen)


def nearly_the_same_images(
    expected: dict[str, list[int]], given: dict[str, list[int]]
) -> list[str]:
    """Return the queries in which more than one image is another one, in whatever order."""
    return [
        f"  {query}: {expected[query]} -> {given.get(query)}"
        for query in expected
        if len(set(expected[query]) - set(given.get(query, []))) > 1
    ]


def test_no_golden_choice_is_of_a_strategy_that_is_gone(golden: Golden) -> None:
    golden["strategies"].check_keys(keys(strategy_cases()))


# rayal.query -----------------------------------------------------------------

QUERIES: list[tuple[str, dict[str, Any]]] = [
    ("random", {"seed": 1}),
    ("kmeans", {}),
    ("typiclust", {"max_clusters": 20}),
    ("k_center", {"seed": 2}),
    ("hacon", {"k": 7}),
    ("margin", {}),
    ("entropy", {"class_balanced": {"lambda": 1.0}, "seed": 3}),
    ("bald", {}),
    ("badge", {}),
]


@each(QUERIES)
@pytest.mark.parametrize("labelled", [False, True])
def test_a_query_of_arrays_gives_what_it_always_gave(
    golden: Golden, name: str, given: dict[str, Any], labelled: bool
) -> None:
    pool = problem.pool_with_labels() if labelled else problem.pool_before_labels()
    said = problem.predictions()
    passes = name == "bald"
    arrays: dict[str, Any] = {
        "features": pool.features,
        "labels": pool.labels,
        "probs": np.stack(list(said.predict_views())) if passes else said.pool,
        "confidence": problem.values(2),
    }
    chosen = rayal.query(name, 10, **arrays, **given)
    golden["queries"].check(f"{key(name, given)}, {'later' if labelled else 'first'} query", chosen)


# Learners --------------------------------------------------------------------


def finetune_task() -> Task:
    """The task with an encoder's network: a random one, whose features are the task's."""
    found = encode("random", {"backbone": "small_cnn"})
    return problem.task(train=found.train, test=found.test, weights=found.weights, views=None)


def learn(name: str, given: Mapping[str, Any]) -> Predictions:
    component = LEARNERS.find(name)
    params = component.bind({**QUICK_LEARNERS.get(name, {}), **given})
    task = finetune_task() if name == "finetune" else problem.task()
    if not component.traits.uses_previous_predictions(params):
        task = dataclasses.replace(task, previous_predictions=None)
    predictions: Predictions = component.function(task, generator("golden", "learn"), **params)
    return predictions


def measures(said: Predictions) -> dict[str, Any]:
    """What is measured of the test set and the pool; and the first rows of all that is given."""
    rows = slice(0, 2)
    found: dict[str, Any] = metrics.evaluate(
        test_probs=said.test,
        test_labels=problem.held_out_labels(),
        pool_probs=said.pool,
        pool_truth=problem.true_labels(),
        labels=problem.task().labels,
        num_classes=problem.C,
    )
    found |= {"test": said.test[rows], "pool": said.pool[rows]}
    if said.mc_dropout is not None:
        passes = said.mc_dropout(2, generator("golden", "dropout"))
        found["dropout"] = [probs[rows] for probs in passes]
    if said.predict_views is not None:
        found["views"] = [probs[rows] for probs in said.predict_views()]
    if said.penultimate_features is not None:
        found["hidden"] = said.penultimate_features()[rows, :6]
    if said.prototype_outputs is not None:
        found["prototypes"] = said.prototype_outputs()[rows]
    return found


# Products of matrices are rounded otherwise by other processors; `logistic` converges to 1e-9.
TOLERANCES = {
    "knn": 0.0, "logistic": 1e-6, "linear": 1e-6, "scratch": 1e-3, "finetune": 1e-3,
    "fixmatch": 1e-3,
}  # fmt: skip


@each(learner_cases())
def test_a_learner_predicts_what_it_always_predicted(
    golden: Golden, name: str, given: dict[str, Any]
) -> None:
    found = measures(learn(name, given))
    golden["learners"].check(key(name, given), found, tolerance=TOLERANCES.get(name, 0.0))


def test_no_golden_prediction_is_of_a_learner_that_is_gone(golden: Golden) -> None:
    golden["learners"].check_keys(keys(learner_cases()))


# Encoders --------------------------------------------------------------------


def encode(name: str, given: Mapping[str, Any]) -> Embedding:
    component = ENCODERS.find(name)
    bound = component.arguments(component.bind(given))
    found: Embedding = component.function(
        problem.dataset(), generator("golden", "encoder"), lambda _: None, **bound
    )
    return found


def first_values(found: Embedding) -> dict[str, Any]:
    rows, columns = slice(0, 3), slice(0, 8)
    parts: dict[str, Any] = {
        "train": found.train[rows, columns],
        "test": found.test[rows, columns],
        "mean": found.train.mean(dtype=np.float64),
    }
    if found.views is not None:
        parts["views"] = found.views[:, rows, columns]
    if found.map is not None:
        parts |= means_of_map(found.map)
    return parts


def means_of_map(table: DatasetMap) -> dict[str, Any]:
    means: dict[str, Any] = {
        f"{name} at {tau:g}": column.mean(dtype=np.float64)
        for name, columns in (("confidence", table.confidence), ("variability", table.variability))
        for tau, column in columns.items()
    }
    truth = [] if table.truth is None else [part.mean(dtype=np.float64) for part in table.truth]
    return {**means, "count": table.count[:3], "truth": truth}


ENCODER_TOLERANCES = {"pixels": 0.0, "random": 1e-5, "moco": 1e-3}


@each(variants(ENCODERS, ENCODER_VARIANTS))
def test_an_encoder_describes_images_as_it_always_did(
    golden: Golden, name: str, given: dict[str, Any]
) -> None:
    found = first_values(encode(name, given))
    golden["encoders"].check(key(name, given), found, tolerance=ENCODER_TOLERANCES.get(name, 0.0))


def test_every_encoder_has_golden_features(golden: Golden) -> None:
    new = set(ENCODERS.names()) - ENCODER_VARIANTS.keys() - ENCODERS_FROM_FILES
    assert not new, f"give {sorted(new)} a quick variant in ENCODER_VARIANTS, then --renew-golden"
    golden["encoders"].check_keys(keys(variants(ENCODERS, ENCODER_VARIANTS)))


# Datasets --------------------------------------------------------------------


@each(variants(DATASETS, DATASET_VARIANTS))
def test_a_dataset_has_the_content_it_always_had(
    golden: Golden, name: str, given: dict[str, Any]
) -> None:
    component = DATASETS.find(name)
    data: Dataset = component.function(**component.bind(given))
    found = {
        "name": data.name,
        "content": data.content,
        "images": len(data.train.labels),
        "reserved": None if data.initial_pool is None else data.initial_pool[:10],
    }
    golden["datasets"].check(key(name, given), found)


# Random numbers --------------------------------------------------------------


@pytest.mark.parametrize(
    "names",
    [
        ("query", "digits", 0, 0),
        ("query", "digits", 0, 1),
        ("query", "digits", 1, 0),
        ("learn", "digits", 0, 0),
        ("scorer", "digits", 0, 0),
        ("encoder", "digits", "moco", 0),
        ("query", "", 0, 0),
        ("a\x1fb", "1", 1),
    ],
    ids=repr,
)
def test_a_generator_draws_what_it_always_drew(
    golden: Golden, names: tuple[str | int, ...]
) -> None:
    found = {
        "integers": generator(*names).integers(2**40, size=3),
        "random": generator(*names).random(2),
        "normal": generator(*names).normal(size=2),
        "permutation": generator(*names).permutation(8),
        "integer": integer(generator(*names)),
    }
    golden["seeds"].check(repr(names), found, tolerance=1e-12)


# Whole trials ----------------------------------------------------------------


def trial_data() -> TrialData:
    task = problem.task()
    initial_pool = problem.pool_before_labels().initial_pool
    return TrialData(
        dataclasses.replace(problem.dataset(), initial_pool=initial_pool),
        Embedding(task.train, task.test, map=problem.dataset_map(), views=task.views),
    )


TRIALS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "random, entropy": ("random", "entropy", {}, {}),
    "hacon, margin": ("hacon", "margin", {}, {}),
    "random, badge": ("random", "badge", {}, {}),
    "kmeans, multi_kmeans, knn": ("kmeans", "multi_kmeans", {}, {"learner": "knn"}),
    "set_aside, bald": ("set_aside", "bald", {"dropout": 0.3}, {}),
    "random, consistency": ("random", "consistency", {}, {}),
    "typiclust, ceal": ("typiclust", "ceal", {"pseudo_labels": "ceal"}, {}),
    "margin scored on the test set": ("margin", "entropy", {}, {"scorer": "trained-on-test-set"}),
}


def trial(first: str, later: str, params: Mapping[str, Any], options: Mapping[str, Any]) -> Trial:
    nothing = Spec("features", {})
    learner = options.get("learner", "linear")
    queries = [Spec(name, STRATEGIES.find(name).bind({})) for name in (first, later)]
    return Trial(
        nothing,
        "bands",
        "content",
        nothing,
        *queries,
        Spec(learner, LEARNERS.find(learner).bind(params)),
        schedule=(8, 14, 20),
        seed=1,
        scorer=options.get("scorer", ""),
    )


@pytest.mark.parametrize("name", TRIALS)
def test_a_trial_gives_the_rounds_it_always_gave(golden: Golden, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rows = run(trial(*TRIALS[name]), trial_data())
    rounds = [{k: v for k, v in row.items() if not k.endswith("_seconds")} for row in rows]
    golden["trials"].check(name, rounds, tolerance=1e-6)


def test_the_problem_is_one_in_which_choices_differ() -> None:
    """Numbers that all strategies share would pin none of them."""
    labels = problem.pool_with_labels().labels
    assert 0 < np.sum(labels != UNLABELED) < problem.N
    chosen = {tuple(ask(name, {}, problem.pool_with_labels(), 10)) for name in STRATEGIES.names()
              if name not in BY_A_NETWORK}  # fmt: skip
    same = {"ceal": "entropy", "multi_kmeans": "", "tcm": "typiclust"}
    assert len(chosen) >= len(STRATEGIES.names()) - len(BY_A_NETWORK) - len(same)
