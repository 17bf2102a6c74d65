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
    """CPU cores, and as many threads; at least one thread. Example: `2`"""

    gpus: Annotated[float, Field(ge=0, le=MOST_CPUS), AfterValidator(_whole_gpus)] = 0
    """GPUs: a fraction of one, or a whole number. Example: `0.25`"""

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
    """Price of a GPU for an hour, with the machine it is in. Example: `0.5`"""

    cpu: Quantity = 0
    """Price of a CPU core for an hour, of machines without GPUs. Example: `0.04`"""

    head: Quantity = 0
    """Price of the cluster's head node for an hour. Example: `0.2`"""

    lost: Annotated[float, Field(ge=0, le=100)] = 0
    """Share of the work that has to be repeated because spot workers are taken away.
    Example: `0.2`"""


class Resources(_Strict):
    """CPUs, GPUs and memory of each stage."""

    pretrain: Share = Share(cpus=2)
    """For the training of an encoder. Example: `{cpus: 4, gpus: 1}`"""

    trial: Share = Share()
    """For a trial. Example: `{cpus: 1}`"""

    trials_of: dict[str, Share] = {}
    """For trials with this learner, instead of `trial`; so a logistic regression does not occupy
    the GPU that a network needs. Example: `{finetune: {cpus: 2, gpus: 0.5}}`"""

    machine_cpus: Annotated[int, Field(ge=0, le=MOST_CPUS)] = 0
    """How many CPUs of this machine the sweep may use; 0: all. Example: `2`"""

    object_store: Quantity | None = None
    """GiB of shared memory on each node for the features and images of a dataset; trials read
    larger ones from the run's directory. Example: `8`"""

    autoscale: Autoscale | None = None
    """Nodes that a cluster given by --address may add; Ray does not report them before they exist.
    Example: `{nodes: 3, gpus: 1}`"""

    price: Price | None = None
    """Prices from which a dry run estimates the cost. Example: `{gpu: 0.5, head: 0.2}`"""

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
    """When a strategy is stopped because it loses to random selection with the same seeds."""

    level: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """Probability that a sweep wrongly stops a strategy that is as good as random selection; it
    holds for all strategies and cells together, however often they are compared. Example: `0.01`"""

    min_pairs: Annotated[int, Field(ge=2, le=MOST_PAIRS)] = 8
    """A strategy is stopped only after it and random selection have both finished at least this
    many seeds. Example: `10`"""


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
    """Experiment trackers that also get the results; by default none."""

    mlflow: str | None = None
    """A tracking URI of MLflow. Example: `sqlite:///runs.db`"""

    tensorboard: str | None = None
    """A folder for TensorBoard. Example: `runs/tensorboard`"""

    wandb: Literal["offline"] | None = None
    """Weights & Biases: written into the run's folder; send it with `wandb sync`.
    Example: `offline`"""


class Cycles(_Strict):
    """Rounds of active learning: some labels in the first round, and more in each later one."""

    start: Amount
    """Labels of the first round: a number, or a share of the pool. Example: `20`"""

    step: Amounts
    """Labels that each later round adds: one number for all rounds, or a list.
    Example: `[10, 10, 20]`"""

    rounds: Annotated[int, Field(ge=2, le=MOST_ROUNDS)]
    """Number of rounds, including the first. Example: `4`"""


class Part(_Strict):
    """What is combined with what. A file without `parts` has these keys at its top level."""

    datasets: Entries
    """The images to choose from, and the test set. Example: `[digits]`"""

    encoders: Entries
    """What computes features of the images. `seed` may be a list: the encoder is then trained once
    for each.
    Example: `[{name: moco, epochs: 30, seed: [0, 1]}]`"""

    strategies: Entries
    """What chooses the images. With `budgets` a strategy chooses the first images; with `cycles` it
    chooses those of the later rounds, and `initial` the first ones.
    Example: `[random, {name: hacon, k: 20}]`"""

    learners: Entries
    """What is trained on the labeled images; its predictions for the test set are measured.
    Example: `[logistic]`"""

    initial: Entries | None = None
    """With `cycles`: the strategies that choose the first images. Example: `[random, hacon]`"""

    budgets: Annotated[list[Amount], Field(min_length=1)] | None = None
    """How many images to choose at once, without labels; each number is a trial of its own. Write
    either this or `cycles`.
    Example: `[10, "0.5%"]`"""

    cycles: Cycles | None = None
    """Several rounds, in which a strategy can use the labels so far. Write either this or
    `budgets`. Example: `{start: 20, step: 10, rounds: 4}`"""

    seeds: SeedCounts = 5
    """How many times each combination is run, with different random numbers: a number for all
    strategies, or one for each. Example: `{random: 100, default: 5}`"""

    scorer: Literal["trained-on-test-set"] | None = None
    """Lets strategies that need predictions choose the first images too, with the predictions of a
    learner that was trained on the labels of the test set, as in a table of HaCon.
    Example: `trained-on-test-set`"""


class SweepFile(_Strict):
    """Keys of the whole sweep. Without `parts`, the keys of the next section stand here too."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", max_length=80)]
    """Name of the sweep; results are written to `runs/NAME`. Example: `quickstart`"""

    question: str = ""
    """The question that the sweep answers; the report shows it.
    Example: `Is k-means better than random selection?`"""

    cost: str = ""
    """What the sweep costs, in words, for readers of the file. Example: `520 trials, 2 minutes`"""

    hours: Hours = Hours()
    """What the sweep costs in hours; a dry run estimates time and price from it.
    Example: `{cpus: 0.07}`"""

    expect: str = ""
    """The result that you expect, written down before the run.
    Example: `k-means leads at 10 images`"""

    measure: Measure = "auc"
    """The measure that the report begins with, and by which it says who leads.
    Example: `accuracy`"""

    record_losses: bool = False
    """Also record, for each query after the first, the entropy and the class imbalance that the
    learner predicts for the chosen images. Finished trials are not run again for it.
    Example: `true`"""

    record_embeddings: Annotated[int, AfterValidator(_of_a_plane)] = 0
    """In trials of seed 0, also record a t-SNE map of this many images of the pool after each later
    query, from the last hidden layer of the learner; it takes some seconds a query. From 10 to
    2000, or 0 for none. Finished trials are not run again for it. Example: `500`"""

    prune: PruneOption = None
    """Stops a strategy in a cell (dataset, encoder, learner, number of labels) where it clearly
    loses to random selection; `paired` stands for the defaults of the keys under `prune`. Without
    this key, the same command runs the remaining trials. Example: `paired`"""

    plugins: list[str] = []
    """Python files with your own components; paths are relative to the sweep file.
    Example: `[my_strategy.py]`"""

    resources: Resources = Resources()
    """CPUs and GPUs of each stage. Example: `{trial: {cpus: 1}}`"""

    track: Track = Track()
    """Experiment trackers that also get the results. Example: `{tensorboard: runs/tensorboard}`"""

    parts: dict[str, Part]
    """Several experiments in one file, by name; they share the trained encoders. A key that a part
    lacks is taken from the top level. Without this key, the top level is the only part.
    Example: `{cold_start: {budgets: [10, 20]}}`"""
