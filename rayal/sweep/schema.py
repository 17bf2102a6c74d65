"""The keys of a sweep file: what may stand where, with types, bounds and defaults.

The text under a key is its entry in the reference of the sweep file, which is written from this
module; "Example:" is what one writes after the key.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from rayal.sweep.amounts import Amount, Amounts, SeedCounts
from rayal.sweep.entries import Entry, as_entry

MOST_CPUS = 100_000  # of one piece of work, a machine or a cluster
MOST_ROUNDS = 100_000
FEWEST_IN_A_PLANE, MOST_IN_A_PLANE = 10, 2000  # images: fewer have no layout, more take minutes
MOST_PAIRS = 100_000


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


Entries = Annotated[list[Annotated[Entry, BeforeValidator(as_entry)]], Field(min_length=1)]


Quantity = Annotated[float, Field(ge=0, le=1e12)]  # of hours, or money


# What a report leads with; the last two are of data with several classes an image.
Measure: TypeAlias = Literal[
    "auc", "accuracy", "mean_class_accuracy", "mean_average_precision", "f1"
]


def _of_a_plane(images: int) -> int:
    if images and not FEWEST_IN_A_PLANE <= images <= MOST_IN_A_PLANE:
        raise ValueError(
            f"should be from {FEWEST_IN_A_PLANE} to {MOST_IN_A_PLANE:,} images, or 0 for none"
        )
    return images


def _whole_gpus(gpus: float) -> float:
    if gpus > 1 and gpus != int(gpus):
        raise ValueError("a share is a part of one GPU or a whole number of them")
    return gpus


class Share(_Strict):
    """CPUs and GPUs that one piece of work takes; fractions share a device."""

    cpus: Annotated[float, Field(gt=0, le=MOST_CPUS)] = 1
    """CPU cores; it computes with as many threads, one at the least. Example: `2`"""

    gpus: Annotated[float, Field(ge=0, le=MOST_CPUS), AfterValidator(_whole_gpus)] = 0
    """GPUs: a part of one, or a whole number of them. Example: `0.25`"""

    @property
    def threads(self) -> int:
        return max(1, math.floor(self.cpus))


class Autoscale(Share):
    """Nodes that a cluster starts when there is work, and what each of them has."""

    nodes: Annotated[int, Field(ge=1, le=MOST_CPUS)] = 1
    """How many nodes it may start. Example: `3`"""


class Price(_Strict):
    """What an hour costs, in any currency."""

    gpu: Quantity = 0
    """Of a worker for an hour, by the number of its GPUs. Example: `0.5`"""

    cpu: Quantity = 0
    """Of a CPU core for an hour, where there are no GPUs. Example: `0.04`"""

    head: Quantity = 0
    """Of the cluster's head for an hour. Example: `0.2`"""

    lost: Annotated[float, Field(ge=0, le=100)] = 0
    """Share of the work that is done again because workers are taken away. Example: `0.2`"""


class Resources(_Strict):
    """What each stage takes."""

    pretrain: Share = Share(cpus=2)
    """What the training of an encoder takes. Example: `{cpus: 4, gpus: 1}`"""

    trial: Share = Share()
    """What a trial takes. Example: `{cpus: 1}`"""

    trials_of: dict[str, Share] = {}
    """What trials of a learner take in place of `trial`, so that a linear one holds no GPU while
    another needs it. Example: `{finetune: {cpus: 2, gpus: 0.5}}`"""

    machine_cpus: Annotated[int, Field(ge=0, le=MOST_CPUS)] = 0
    """How many CPUs a Ray started here may use; 0: all. Example: `2`"""

    object_store: Quantity | None = None
    """GiB of a dataset's features and images that each node keeps a copy of in shared memory; what
    is larger, trials map from the run's directory. Example: `8`"""

    autoscale: Autoscale | None = None
    """What a joined cluster can grow by; Ray does not tell before it has grown.
    Example: `{nodes: 3, gpus: 1}`"""

    price: Price | None = None
    """For the bill that a dry run works out. Example: `{gpu: 0.5, head: 0.2}`"""

    @property
    def trial_shares(self) -> list[Share]:
        """What trials may take, of whatever learner."""
        return [self.trial, *self.trials_of.values()]

    def of_learner(self, name: str) -> Share:
        """Return what a trial takes whose learner has that name."""
        return self.trials_of.get(name, self.trial)


class Hours(_Strict):
    """An estimate of what the whole sweep takes."""

    gpus: Quantity = 0
    """Hours with a GPU. Example: `30`"""

    cpus: Quantity = 0
    """Hours of a CPU core alone. Example: `0.07`"""


PAIRED = "paired"  # what stands for pruning with its defaults


class Prune(_Strict):
    """When a strategy is stopped that loses to random selection in pairs of the same seed."""

    level: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """Chance that a sweep stops any strategy which loses no more often than it wins, over all of
    its strategies and cells, however often it is looked at. Example: `0.01`"""

    min_pairs: Annotated[int, Field(ge=2, le=MOST_PAIRS)] = 8
    """Seeds that a strategy and random selection have both finished, at the least, before it may be
    stopped. Example: `10`"""


def _as_prune(written: object) -> object:
    """Take the word for the defaults, and leave a mapping to be read."""
    if written == PAIRED:
        return {}
    if written is None or isinstance(written, dict | Prune):
        return written
    raise PydanticCustomError(
        "prune",
        "write paired, or a mapping of level and min_pairs; null, or no such key, runs every trial",
    )


PruneOption: TypeAlias = Annotated[Prune | None, BeforeValidator(_as_prune)]


class Track(_Strict):
    """Where runs are shown besides the run's own report: nowhere unless asked."""

    mlflow: str | None = None
    """A tracking URI of MLflow. Example: `sqlite:///runs.db`"""

    tensorboard: str | None = None
    """A directory for TensorBoard. Example: `runs/tensorboard`"""

    wandb: Literal["offline"] | None = None
    """Weights & Biases, in the run's directory, to be sent with `wandb sync`. Example: `offline`"""


class Cycles(_Strict):
    """Rounds of active learning: labels at the first, and more at each later one."""

    start: Amount
    """Labeled images at the first round: a number, or a share of the pool. Example: `20`"""

    step: Amounts
    """Images more at each later round: one amount for all, or a list with one for each.
    Example: `[10, 10, 20]`"""

    rounds: Annotated[int, Field(ge=2, le=MOST_ROUNDS)]
    """Rounds in all, the first included. Example: `4`"""


class Part(_Strict):
    """One product of lists. The top level of a file is a part, or the defaults of several."""

    datasets: Entries
    """What to choose from, by name or with parameters. Example: `[digits]`"""

    encoders: Entries
    """What makes features of the images. `seed` of an entry may be a list: as many trainings.
    Example: `[{name: moco, epochs: 30, seed: [0, 1]}]`"""

    strategies: Entries
    """What chooses the images: of the first query with `budgets`, of later ones with `cycles`.
    Example: `[random, {name: hacon, k: 20}]`"""

    learners: Entries
    """What is trained on the labeled images and measured. Example: `[logistic]`"""

    initial: Entries | None = None
    """Strategies of the first query of `cycles`. Example: `[random, hacon]`"""

    budgets: Annotated[list[Amount], Field(min_length=1)] | None = None
    """Sizes of a first query, each a trial of its own; a part has these or `cycles`.
    Example: `[10, "0.5%"]`"""

    cycles: Cycles | None = None
    """Rounds of active learning; a part has these or `budgets`.
    Example: `{start: 20, step: 10, rounds: 4}`"""

    seeds: SeedCounts = 5
    """How many seeds, or how many for each strategy. Example: `{random: 100, default: 5}`"""

    scorer: Literal["trained-on-test-set"] | None = None
    """Scores a first query by a learner that saw the test set, as one of HaCon's tables does.
    Example: `trained-on-test-set`"""


class SweepFile(_Strict):
    """The top of a file. The keys of a part may stand here too: for all parts that lack them."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
    """Names the sweep and the directory of its run. Example: `quickstart`"""

    question: str = ""
    """What the sweep asks, in a sentence. Example: `Does choosing beat drawing?`"""

    cost: str = ""
    """What it costs, in words. Example: `520 trials, 2 minutes`"""

    hours: Hours = Hours()
    """The same as numbers, from which a dry run estimates. Example: `{cpus: 0.07}`"""

    expect: str = ""
    """What is expected to come out, written down before. Example: `k-means leads at 10 images`"""

    measure: Measure = "auc"
    """That the report leads with. Example: `accuracy`"""

    record_losses: bool = False
    """Also record entropy and imbalance of each query that a learner was there for, as that learner
    expects them. Ids stay: a trial that has finished without is not run again. Example: `true`"""

    record_embeddings: Annotated[int, AfterValidator(_of_a_plane)] = 0
    """In trials of seed 0 also record where so many images of the pool lie, by t-SNE, for the last
    layer of the learner that each later query was made by: some seconds a query. Ids stay, as
    above. From 10 to 2000, or 0. Example: `500`"""

    prune: PruneOption = None
    """Stops a strategy in a cell (dataset, encoder, learner, labels) where it clearly loses to
    random selection in pairs of the same seed; `paired` stands for the defaults. Ids stay: without
    it, the same command runs what was spared. Example: `paired`"""

    plugins: list[str] = []
    """Python files with components of one's own, relative to the sweep file.
    Example: `[my_strategy.py]`"""

    resources: Resources = Resources()
    """What each stage takes. Example: `{trial: {cpus: 1}}`"""

    track: Track = Track()
    """Where runs are shown besides the report. Example: `{tensorboard: runs/tensorboard}`"""

    parts: dict[str, Part]
    """Several products of lists in one file, by name; they share the trained encoders.
    Example: `{cold_start: {budgets: [10, 20]}}`"""
