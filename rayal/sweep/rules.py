"""What has to hold in a sweep, beyond names and parameters, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rayal.multilabel import check_multilabel, check_one_class
from rayal.registry import ENCODERS, LEARNERS, STRATEGIES, Registry
from rayal.requirements import FROM_ENCODER, FROM_LEARNER, listed, remedies
from rayal.sweep.dataset_info import DatasetInfo
from rayal.sweep.definition import Spec
from rayal.sweep.schema import Part, Share

MOST_TRIALS = 200_000  # of a part on one dataset
MOST_ROUNDS = 10_000_000  # of these trials together
OF_ONE_CLASS = ("mean_class_accuracy",)  # measures of one class an image
OF_SEVERAL = ("mean_average_precision", "f1")  # and of several


def check_shape(label: str, part: Part) -> None:
    """Refuse a part that has not exactly one of budgets and cycles, or cycles without initial."""
    if (part.budgets is None) == (part.cycles is None):
        has = "neither budgets nor" if part.budgets is None else "both budgets and"
        raise ValueError(
            f"part '{label}' has {has} cycles; give one: budgets: [10, 20], or "
            "cycles: {start: 20, step: 10, rounds: 4}"
        )
    if part.cycles is not None and part.initial is None:
        raise ValueError(
            f"part '{label}' has cycles and no initial: list the strategies of the first query"
        )
    if part.cycles is None and part.initial is not None:
        raise ValueError(
            f"part '{label}' has initial and no cycles: a single query is made by strategies"
        )


def check_size(label: str, part: Part, combinations: int) -> None:
    """Refuse a part with too many trials; combinations: trials per dataset, schedule and seed."""
    schedules = len(part.budgets or [0])
    _check_count(label, combinations * len(part.datasets) * schedules, MOST_TRIALS, "trials")


def check_rounds(label: str, scheduled: Sequence[tuple[int, ...]], trials: int) -> None:
    """Refuse a part with too many trials or rounds; trials: of each of these schedules."""
    _check_count(label, trials * len(scheduled), MOST_TRIALS, "trials")
    _check_count(label, trials * sum(map(len, scheduled)), MOST_ROUNDS, "rounds in all")


def _check_count(label: str, count: int, most: int, what: str) -> None:
    if count > most:
        raise ValueError(
            f"part '{label}' has {count:,} {what}, more than the {most:,} that one sweep may have: "
            "shorten its lists or ask for fewer seeds"
        )


def check_component(
    registry: Registry[Any],
    spec: Spec,
    data: DatasetInfo,
    encoder: Spec | None = None,
    *,
    absent: bool,
) -> None:
    """Refuse parameters, and files named by them, that the component itself refuses.

    encoder: where the component is a strategy, the one whose parameters it looks at too.
    absent: whether files may be missing.
    """
    of_encoder = [encoder.params] if encoder else []
    try:
        registry.find(spec.name).traits.check(spec.params, data.train, *of_encoder)
    except FileNotFoundError as error:
        if not absent:
            raise ValueError(f"{registry.kind} '{spec.name}': {error}") from None
    except ValueError as error:
        where = data.name + (f" with encoder '{encoder.name}'" if encoder else "")
        raise ValueError(f"{registry.kind} '{spec.name}' on {where}: {error}") from None


def check_processes(encoder: Spec, share: Share) -> None:
    """Refuse more processes than GPUs: NCCL does not let two processes share one."""
    processes = encoder.params.get("processes", 1)
    if share.gpus and isinstance(processes, int) and processes > max(1, share.gpus):
        raise ValueError(
            f"encoder '{encoder.name}' has processes={processes}, which need a GPU each, and "
            f"resources.pretrain.gpus={share.gpus:g}: make it {processes}, or ask for fewer "
            "processes"
        )


def check_validation_set(learner: Spec, data: DatasetInfo) -> None:
    """Refuse a learner that watches a validation set on a dataset that has none."""
    needs = LEARNERS.find(learner.name).traits.needs(learner.params)
    if "val" in needs and not data.val and not data.absent:
        raise ValueError(
            f"learner '{learner.name}' watches the loss on a validation set (plateau_patience, "
            f"early_stopping), and {data.name} has none: set both to null or use another dataset"
        )


def check_several_classes(registry: Registry[Any], spec: Spec, data: DatasetInfo) -> None:
    """Refuse a component whose kind of labels, one or several classes an image, is not data's."""
    if not data.multilabel:
        check_one_class(registry.find(spec.name), spec.params, data.name)
    elif registry is ENCODERS:
        _check_encoder_without_labels(spec, data)
    else:
        check_multilabel(registry, spec.name, spec.params, data.name)


def _check_encoder_without_labels(encoder: Spec, data: DatasetInfo) -> None:
    if "truth_map" in ENCODERS.find(encoder.name).traits.gives(encoder.params):
        raise ValueError(
            f"encoder '{encoder.name}' trains on the one class of an image (truth_epochs), and "
            f"those of {data.name} have several: leave truth_epochs out"
        )


def check_measure(measure: str, datasets: Iterable[DatasetInfo]) -> None:
    """Refuse a measure that is taken on none of the datasets."""
    known = list(datasets)
    if measure not in (*OF_ONE_CLASS, *OF_SEVERAL) or not known:
        return
    several = measure in OF_SEVERAL
    kind = "may have several classes" if several else "has one class"
    if not any(data.multilabel == several for data in known):
        raise ValueError(
            f"measure: {measure} is taken where an image {kind}, which holds of none of "
            f"{', '.join(data.name for data in known)}: give auc or accuracy"
        )


def check_learner(learner: Spec, encoder: Spec) -> None:
    """Refuse a learner that reads what the encoder does not give."""
    needs = LEARNERS.find(learner.name).traits.needs(learner.params) & FROM_ENCODER
    missing = needs - ENCODERS.find(encoder.name).traits.gives(encoder.params)
    if missing:
        raise ValueError(
            f"learner '{learner.name}' needs {listed(missing)}, which encoder '{encoder.name}' "
            f"does not give with these parameters: {remedies(missing)}"
        )


def check_reserved(first: Spec, data: DatasetInfo, budget: int) -> None:
    """Refuse a first query among images set aside where the dataset sets fewer than B aside."""
    needs = STRATEGIES.find(first.name).traits.needs(first.params)
    if "initial_pool" not in needs or data.absent:
        return
    if not data.reserved:
        raise ValueError(
            f"strategy '{first.name}' chooses among images set aside, and {data.name} sets none "
            "aside: give the dataset an imbalance with set_aside, or use another initial"
        )
    if budget > data.reserved:
        raise ValueError(
            f"strategy '{first.name}' is asked for {budget:,} first images, and {data.name} sets "
            f"{data.reserved:,} aside: lower the first budget, or raise the dataset's set_aside"
        )


def check_encoder_reads(encoder: Spec, data: DatasetInfo) -> None:
    """Refuse an encoder that reads images, or stored features, which the dataset has not."""
    reads = ENCODERS.find(encoder.name).traits.reads(encoder.params)
    if reads == "images" and not data.has_images:
        raise ValueError(
            f"encoder '{encoder.name}' reads images, and {data.name} comes as features alone: use "
            "the encoder features, without a path"
        )
    if reads == "features" and not data.has_features and not data.absent:
        raise ValueError(
            f"encoder '{encoder.name}' has no path, and {data.name} comes without features: give "
            "the path of a matrix, or use the dataset shards"
        )


def check_pixels(registry: Registry[Any], spec: Spec, data: DatasetInfo) -> None:
    """Refuse a strategy or learner that reads images on a dataset without images."""
    if "images" in registry.find(spec.name).traits.needs(spec.params) and not data.has_images:
        raise ValueError(
            f"{registry.kind} '{spec.name}' reads images, and {data.name} comes as features alone: "
            "leave it out, or use a dataset of images"
        )


def check_query(strategy: Spec, encoder: Spec, learner: Spec, *, first: bool) -> None:
    """Refuse a strategy that reads what neither the encoder nor the learner gives.

    encoder, learner: of the trial; those that the strategy borrows stand in their place.
    first: whether this is a query before the first label, which no predictions can serve.
    """
    needs = STRATEGIES.find(strategy.name).traits.needs(strategy.params)
    if strategy.scored_by:
        _check_scorer(strategy, needs, encoder)
    if first and needs & FROM_LEARNER:
        raise ValueError(
            f"strategy '{strategy.name}' needs {listed(needs & FROM_LEARNER)}, and before the "
            "first label there are none: use it under cycles, with a cold-start strategy (random, "
            "kmeans, hacon, k_center) as initial; or, as HaCon's baselines do, have it score with "
            "a model that has seen the test set's labels, scorer: trained-on-test-set"
        )
    encoder, learner = strategy.select_on or encoder, strategy.scored_by or learner
    own = LEARNERS.find(learner.name).traits
    lent = own.gives(learner.params) if "images" in own.needs(learner.params) else set()
    available = ENCODERS.find(encoder.name).traits.gives(encoder.params) | lent
    for kind, giver, missing in (
        ("encoder", encoder, needs & FROM_ENCODER - available),
        ("learner", learner, needs & FROM_LEARNER - own.gives(learner.params)),
    ):
        if missing:
            raise ValueError(
                f"strategy '{strategy.name}' needs {listed(missing)}, which {kind} "
                f"'{giver.name}' does not give: {remedies(missing)}"
            )


def _check_scorer(strategy: Spec, needs: set[str], encoder: Spec) -> None:
    """A learner that scores has a strategy that reads it, and an encoder that it can train on."""
    assert strategy.scored_by is not None
    if not needs & FROM_LEARNER - {"labels"}:
        raise ValueError(
            f"strategy '{strategy.name}' reads nothing of a learner, and scored_by names "
            f"'{strategy.scored_by.name}': leave it out, or use a strategy that reads predictions"
        )
    check_learner(strategy.scored_by, encoder)


def check_one_of_a_name(earlier: DatasetInfo | None, data: DatasetInfo) -> None:
    """Refuse two datasets of one name: results are told apart by the names of datasets."""
    if earlier is not None and earlier.content != data.content:
        raise ValueError(f"two different datasets are named '{data.name}': rename one of the files")
