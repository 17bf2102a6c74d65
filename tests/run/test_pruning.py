"""Strategies that lose are stopped by records alone, whatever the order in which trials end."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rayal.events.outcome import Outcome
from rayal.kernels.sequential_sign_test import evidence_of_losing, fewest_pairs
from rayal.run.batches import batches_of
from rayal.run.pruning import PairedPruner, Score, Verdict, first_loss, make_pruner, score_of
from rayal.run.queue import TrialQueue
from rayal.run.trial_events import TrialEvents
from rayal.storage.run import RunStore
from rayal.storage.stopped import Stopped, read_pruning, spared_trials
from rayal.sweep.definition import Trial
from rayal.sweep.plan import Plan
from tests.events.recorder import Recorder
from tests.run.conftest import Encodings
from tests.storage.records import record
from tests.sweep.small_sweeps import plan_of

SEEDS = 16
FEWEST = 8  # pairs, all lost, that a stop takes


class Told(Recorder):
    """Keeps who was stopped, too."""

    def __init__(self) -> None:
        super().__init__()
        self.stopped: list[Stopped] = []

    def strategy_stopped(self, stopped: Stopped) -> None:
        self.stopped.append(stopped)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Random, and two others, of which one will lose each pair."""
    return plan_of(
        tmp_path, strategies=["random", "kmeans", "k_center"], budgets=[10], seeds=SEEDS,
        prune="paired",
    )  # fmt: skip


def level(trial: Trial) -> float:
    """K-means loses each pair, k-center every second one."""
    better = {"random": 0.0, "kmeans": -0.1, "k_center": 0.1 * (-1) ** trial.seed}
    return 0.8 + better[trial.strategy.name]


def end(store: RunStore, pruner: PairedPruner, trial: Trial, auc: float | None = None) -> None:
    value = level(trial) if auc is None else auc
    store.save_record(trial.id, record(trial.id, {"auc": value}))
    pruner.ended(Outcome(trial.id))


def pruner_of(plan: Plan, store: RunStore, told: Told) -> PairedPruner:
    made = make_pruner(plan, store, told)
    assert isinstance(made, PairedPruner)
    return made


def of(plan: Plan, strategy: str) -> list[Trial]:
    return [trial for trial in plan.trials if trial.strategy.name == strategy]


def test_who_loses_each_pair_is_stopped_after_the_fewest_pairs_and_others_are_not(
    plan: Plan, store: RunStore
) -> None:
    told = Told()
    pruner = pruner_of(plan, store, told)
    for trial in plan.trials:  # low seeds first, as trials run
        if not pruner.is_spared(trial.id):
            pruner.begun([trial.id])
            end(store, pruner, trial)
    [stopped] = told.stopped
    assert (stopped["strategy"], stopped["pairs"]) == ("kmeans", FEWEST)
    assert (stopped["lost"], stopped["won"]) == (FEWEST, 0)
    assert stopped["difference"] == pytest.approx(-0.1)
    assert stopped["spared"] == [trial.id for trial in of(plan, "kmeans")[FEWEST:]]
    assert stopped["trials"] == [trial.id for trial in of(plan, "kmeans")]
    pruning = read_pruning(store.root)
    assert pruning is not None
    assert pruning["stopped"] == told.stopped
    assert (pruning["level"], pruning["comparisons"]) == (0.05, 2)
    assert len(store.finished()) == len(plan.trials) - (SEEDS - FEWEST)


def test_what_is_stopped_does_not_depend_on_the_order_in_which_trials_end(
    plan: Plan, store: RunStore
) -> None:
    rng = np.random.default_rng(0)
    told = Told()
    pruner = pruner_of(plan, store, told)
    some = [t for t in plan.trials if t.strategy.name != "kmeans" or t.seed < SEEDS - 2]
    pruner.begun(trial.id for trial in some)
    for number in rng.permutation(len(some)):
        end(store, pruner, some[number])
    [stopped] = told.stopped
    assert (stopped["strategy"], stopped["pairs"]) == ("kmeans", FEWEST)
    assert stopped["spared"] == [trial.id for trial in of(plan, "kmeans")[-2:]]


def test_a_pair_is_waited_for_before_later_ones_are_looked_at(plan: Plan, store: RunStore) -> None:
    told = Told()
    pruner = pruner_of(plan, store, told)
    late, *others = [trial for trial in plan.trials if trial.seed < SEEDS - 1]
    assert late.strategy.name == "random"
    for trial in others:
        end(store, pruner, trial)
    assert not told.stopped
    end(store, pruner, late, auc=0.1)  # the first pair is won
    [stopped] = told.stopped
    assert (stopped["won"], stopped["lost"]) == (1, stopped["pairs"] - 1)


def test_a_failed_trial_makes_no_pair(plan: Plan, store: RunStore) -> None:
    told = Told()
    pruner = pruner_of(plan, store, told)
    [failed, *_] = of(plan, "kmeans")
    pruner.ended(Outcome(failed.id, "ValueError: no"))
    for trial in plan.trials:
        if trial is not failed and trial.seed <= FEWEST:
            end(store, pruner, trial)
    [stopped] = told.stopped
    assert (stopped["pairs"], stopped["lost"]) == (FEWEST, FEWEST)
    assert failed.id in stopped["spared"]


def test_a_record_that_comes_late_is_read_with_the_next(plan: Plan, store: RunStore) -> None:
    told = Told()
    pruner = pruner_of(plan, store, told)
    late, *others = [trial for trial in plan.trials if trial.seed < FEWEST]
    for trial in others:
        end(store, pruner, trial)
    pruner.ended(Outcome(late.id))  # its record is still on its way from another node
    assert not told.stopped
    store.save_record(late.id, record(late.id, {"auc": level(late)}))
    end(store, pruner, next(trial for trial in plan.trials if trial.seed == FEWEST))
    assert [one["pairs"] for one in told.stopped] == [FEWEST]


def test_a_start_after_an_interruption_decides_the_same_from_records(
    plan: Plan, store: RunStore
) -> None:
    first = Told()
    pruner = pruner_of(plan, store, first)
    for trial in plan.trials:
        if trial.seed <= FEWEST and not pruner.is_spared(trial.id):
            end(store, pruner, trial)
    again = Told()
    resumed = pruner_of(plan, store, again)
    assert again.stopped == first.stopped
    assert {t.id for t in plan.trials if resumed.is_spared(t.id)} == spared_trials(
        read_pruning(store.root)
    )


def test_random_and_begun_trials_are_never_spared(plan: Plan, store: RunStore) -> None:
    told = Told()
    pruner = pruner_of(plan, store, told)
    begun = of(plan, "kmeans")[:12]
    pruner.begun(trial.id for trial in begun)
    for trial in plan.trials:
        if trial.seed < FEWEST:
            end(store, pruner, trial)
    [stopped] = told.stopped
    assert stopped["spared"] == [trial.id for trial in of(plan, "kmeans")[12:]]
    assert pruner.kept(of(plan, "random")) == of(plan, "random")


def queue_of(plan: Plan, store: RunStore, told: Told) -> tuple[TrialQueue, TrialEvents]:
    ready = Encodings({trial.embedding_id for trial in plan.trials})
    pruner = pruner_of(plan, store, told)
    queue = TrialQueue(plan, plan.trials, ready, 1, told, pruner=pruner)
    return queue, TrialEvents(told, store, queue)


def test_a_queue_gives_out_nothing_of_a_stopped_strategy_and_ends_without_it(
    plan: Plan, store: RunStore
) -> None:
    told = Told()
    queue, events = queue_of(plan, store, told)
    given = []
    while batch := queue.next_batch():
        given += batch
        queue.started(batch)
        for name in batch:
            store.save_record(name, record(name, {"auc": level(queue.trials[name])}))
            events.ended(Outcome(name))
    assert queue.is_exhausted
    [stopped] = told.stopped
    assert sorted(given) == sorted({t.id for t in plan.trials} - set(stopped["spared"]))
    assert len(stopped["spared"]) >= SEEDS - FEWEST - 1


def test_what_was_lost_with_a_worker_comes_back_first_so_that_pairs_are_complete_early(
    plan: Plan, store: RunStore
) -> None:
    """Pairs are looked at in the order of seeds: a low one that comes last spares nothing."""
    told = Told()
    queue, events = queue_of(plan, store, told)
    lost = queue.next_batch() or []
    assert lost
    queue.lost(lost, with_node=False)
    given = []
    while batch := queue.next_batch():
        given += batch
        for name in batch:
            store.save_record(name, record(name, {"auc": level(queue.trials[name])}))
            events.ended(Outcome(name))
    assert given[: len(lost)] == lost
    [stopped] = told.stopped
    assert len(stopped["spared"]) >= SEEDS - FEWEST - 1


def test_batches_hold_few_seeds_and_low_ones_come_first(tmp_path: Path, store: RunStore) -> None:
    plan = plan_of(tmp_path, budgets=[10, 20], seeds={"random": 80, "default": 12}, prune="paired")
    pruner = pruner_of(plan, store, Told())
    batches = pruner.batches(plan, plan.trials, 1)
    assert sorted(t.id for batch in batches for t in batch) == sorted(t.id for t in plan.trials)
    lowest = [min(trial.seed for trial in batch) for batch in batches]
    assert lowest == sorted(lowest)
    for batch in batches:
        if any(trial.strategy.name != "random" for trial in batch):
            assert len({trial.seed for trial in batch}) <= 2
    assert max(map(len, batches)) > 4  # of random alone


def test_of_cycles_the_rounds_count_in_which_the_strategies_differ() -> None:
    of_cycles = record("a", {"auc": 0.5}, {"auc": 0.6}, {"auc": 0.8})
    assert score_of(of_cycles, "auc") == pytest.approx(Score(0.7, 0.8))
    assert score_of(record("b", {"auc": 0.5}), "auc") == Score(0.5, 0.5)
    assert np.isnan(score_of(record("c", {"auc": None}), "auc")[:2]).all()


def test_a_choice_is_the_same_images_query_by_query_in_any_order() -> None:
    def choice(*queries: list[int]) -> str:
        rows = [{"auc": 0.5, "selected": query} for query in queries]
        return score_of(record("a", *rows), "auc").choice

    assert choice([1, 2], [3]) == choice([2, 1], [3])
    assert len({choice([1, 2], [3]), choice([1], [2, 3]), choice([1, 2, 3]), choice([1, 2])}) == 4
    assert score_of(record("a", {"auc": 0.5}), "auc").choice == ""


def test_seeds_of_one_choice_are_one_pair() -> None:
    """Who draws nothing loses to most draws if its one choice is unlucky, whatever the seed."""
    draws = [Score(0.8, 0.8, f"draw {n}") for n in range(40)]
    once = [(Score(0.7, 0.7, "the choice"), draw) for draw in draws]
    assert first_loss(once, 20, 1) is None
    others = [(Score(0.7, 0.7, f"choice {n // 2}"), draw) for n, draw in enumerate(draws)]
    verdict = first_loss(others, 20, 1)
    assert verdict is not None
    assert verdict.pairs == verdict.lost == fewest_pairs(1 / 20)
    same_draw = [(Score(0.7, 0.7, f"choice {n}"), draws[0]) for n in range(40)]
    assert first_loss(same_draw, 20, 1) is None


def test_who_has_caught_up_at_the_last_round_goes_on() -> None:
    behind, ahead = Score(0.6, 0.8), Score(0.7, 0.7)
    assert first_loss([(behind, ahead)] * 40, 20, 8) is None
    assert first_loss([(behind._replace(last=0.6), ahead)] * 40, 20, 8) is not None


def test_who_loses_most_pairs_by_little_and_wins_a_few_by_much_goes_on() -> None:
    random = Score(0.7, 0.7)
    little, much = Score(0.699, 0.699), Score(0.8, 0.8)
    pairs = [(much if n % 10 == 0 else little, random) for n in range(60)]
    assert evidence_of_losing(6, 54) > 1e6
    assert first_loss(pairs, 1e6, 8) is None


def slow_first_loss(
    differences: list[tuple[float, float]], needed: float, min_pairs: int
) -> Verdict | None:
    """Each prefix by itself, from its beginning."""
    for count in range(1, len(differences) + 1):
        seen = [pair for pair in differences[:count] if not np.isnan(pair[0])]
        if len(seen) < min_pairs or np.isnan(differences[count - 1][0]):
            continue
        lost, won = sum(d < 0 for d, _ in seen), sum(d > 0 for d, _ in seen)
        means = np.mean(seen, axis=0)
        if evidence_of_losing(won, lost) >= needed and (means < 0).all():
            return Verdict(len(seen), lost, won, evidence_of_losing(won, lost), float(means[0]))
    return None


def test_the_first_loss_is_that_of_a_slow_twin() -> None:
    rng = np.random.default_rng(3)
    found = 0
    for shift in np.linspace(-2, 0.5, 40):
        drawn = rng.normal(shift, 1, size=(30, 2)).round(1)
        drawn[rng.random(30) < 0.1, 0] = np.nan
        pairs = [(Score(float(a), float(b)), Score(0.0, 0.0)) for a, b in drawn]
        expected = slow_first_loss([(float(a), float(b)) for a, b in drawn], 20, 8)
        ours = first_loss(pairs, 20, 8)
        assert (ours is None) == (expected is None)
        if ours and expected:
            assert ours == pytest.approx(expected)
            found += 1
    assert 5 < found < 38


Draw = Callable[[np.random.Generator, int], np.ndarray]
NULLS: Mapping[str, Draw] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy tails": lambda rng, n: rng.standard_cauchy(size=n),
    "ties": lambda rng, n: rng.integers(-1, 2, size=n).astype(float),
    "skewed, median 0": lambda rng, n: np.exp(rng.normal(size=n)) - 1,
}


@pytest.mark.parametrize("name", NULLS)
def test_a_sweep_stops_anyone_wrongly_in_fewer_cases_than_its_level(name: str) -> None:
    """300 sweeps of eight strategies that are as good as random, 30 seeds, at the level .05."""
    rng, sweeps, strategies = np.random.default_rng(7), 300, 8
    random = Score(0.0, 0.0)

    def stops() -> Iterator[bool]:
        for _ in range(sweeps):
            yield any(
                first_loss([(Score(d, d), random) for d in NULLS[name](rng, 30)], 8 / 0.05, 8)
                for _ in range(strategies)
            )

    assert sum(stops()) / sweeps <= 0.05


def test_a_strategy_of_one_choice_that_is_as_good_as_a_draw_is_stopped_no_more_often() -> None:
    """300 comparisons; the choice is drawn as random's are, and every seed repeats it."""
    rng = np.random.default_rng(8)

    def is_stopped() -> bool:
        own, draws = rng.normal(), rng.normal(size=50)
        learned = own + 0.3 * rng.normal(size=50)
        pairs = [
            (Score(value, value, "one"), Score(draw, draw, f"{seed}"))
            for seed, (value, draw) in enumerate(zip(learned.tolist(), draws.tolist(), strict=True))
        ]
        return first_loss(pairs, 1 / 0.05, 8) is not None

    assert np.mean([is_stopped() for _ in range(300)]) <= 0.05


def test_a_sweep_without_prune_stops_nothing(tmp_path: Path, store: RunStore) -> None:
    told: Any = Told()
    plan = plan_of(tmp_path, seeds=12)
    pruner = make_pruner(plan, store, told)
    assert pruner.kept(plan.trials) == list(plan.trials)
    assert pruner.batches(plan, plan.trials, 2) == batches_of(plan, plan.trials, 2)
    assert read_pruning(store.root) is None
