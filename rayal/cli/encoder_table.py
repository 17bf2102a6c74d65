"""What is there of each encoder stage: features, how well they tell classes apart, maps."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table

from rayal.cli.encoder_stages import map_path
from rayal.cli.terminal import cell, print_line, print_table
from rayal.contracts import DatasetMap, Embedding
from rayal.encoders._features import neighbors
from rayal.run.encoding import load_dataset
from rayal.storage.run import RunStore
from rayal.sweep.definition import Trial, marked_definition
from rayal.sweep.names import recipe
from rayal.sweep.plan import Plan

_VOTERS, _ASKED = 20_000, 2_000  # images that the accuracy is measured on, at most


def show_stages(console: Console, plan: Plan, held: RunStore) -> None:
    """Print a line for each encoder stage of a plan, and where maps lie."""
    table = Table(title=cell(f"Encoder stages in {held.root}"), title_justify="left")
    for heading in ("dataset", "encoder", "N x D", "seconds", "k-NN accuracy", "map's τ"):
        table.add_column(heading, justify="right" if heading in ("N x D", "seconds") else "left")
    for trial in plan.embeddings.values():
        encoder = recipe(marked_definition(trial)["encoder"])
        table.add_row(cell(trial.dataset_name), cell(encoder), *_facts(trial, held))
    print_table(console, table)
    for trial in plan.embeddings.values():
        if held.files.exists(map_path(trial, held)):
            print_line(console, f"Map: {map_path(trial, held)}, and .svg, .png, .pdf beside it")


def _facts(trial: Trial, held: RunStore) -> tuple[str, ...]:
    """Return size, seconds, accuracy and temperatures; how far it is where it is not made."""
    key = trial.embedding_id
    if not held.artifacts.is_complete(key):
        under_way = held.artifacts.has_checkpoint(key)
        return ("unfinished" if under_way else "not made", "", "", "")
    embedding = held.artifacts.embedding(key)
    seconds = held.artifacts.about(key)["seconds"]
    N, D = embedding.train.shape
    return f"{N:,} x {D:,}", f"{seconds:,.0f}", _accuracy(trial, embedding), _taus(embedding.map)


def _taus(drawn: DatasetMap | None) -> str:
    if drawn is None:
        return ""
    taus = ", ".join(f"{tau:g}" for tau in drawn.confidence)
    return f"{taus} and truth" if drawn.truth else taus


def _accuracy(trial: Trial, embedding: Embedding) -> str:
    """Return the accuracy on test images of a vote of the pool's nearest, all of it labeled.

    "" where an image may have several classes.
    """
    data = load_dataset(trial)
    if data.multilabel:
        return ""
    references = _evenly(len(embedding.train), _VOTERS)
    queries = _evenly(len(embedding.test), _ASKED)
    accuracy = neighbors.knn_accuracy(
        embedding.train[references],
        data.train.labels[references],
        embedding.test[queries],
        data.test.labels[queries],
    )
    return f"{accuracy:.3f}"


def _evenly(n: int, most: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.linspace(0, n - 1, min(n, most)).astype(np.int64)
