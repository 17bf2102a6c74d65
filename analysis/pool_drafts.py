"""Figures of the pool's images: dataset maps, planes, and the images that were chosen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

import numpy as np
import pandas as pd

from analysis.figures import contact_sheets, projections
from analysis.figures.dataset_maps import dataset_map
from analysis.figures.spec import Draft, at, places
from analysis.picture_tables import Stage, as_map, stages
from analysis.study.study import Study

Tables = Mapping[str, pd.DataFrame]
MOST_SHEETS = 12
Way = tuple[str, pd.DataFrame, contact_sheets.Pictures]


def pool_drafts(study: Study, tables: Tables) -> Iterator[Draft]:
    """Plan every figure of the pools that a study chose from."""
    if "dataset_map" in tables:
        yield from _maps(tables["dataset_map"])
    if "plane_clusters" in tables:
        yield from _clusters(tables["plane_clusters"], tables["chosen_images"])
    if "plane_rounds" in tables:
        yield from _rounds(tables["plane_rounds"], tables["chosen_images"])
    if "chosen_images" in tables:
        yield from _sheets(tables["chosen_images"], {s.key: s for s in stages(study)})


def _maps(found: pd.DataFrame) -> Iterator[Draft]:
    for (dataset, encoder), part in found.groupby(["dataset", "encoder"], sort=False):
        shown = as_map(part)
        truth = shown.truth
        if not shown.confidence and truth is None:
            continue
        of_truth = (
            ""
            if truth is None
            else " By the true classes: by how sure a classifier was of the "
            "right class, low is hard to learn."
        )
        yield Draft(
            "map",
            f"{dataset}-{encoder}",
            f"Dataset map of {dataset}, {encoder}",
            f"Each of {len(part):,} pool images by how well the encoder told its views apart while "
            "it trained, per temperature τ: low confidence is hard to contrast. Brighter where "
            f"images crowd.{of_truth}",
            f"Scatter of variability and confidence of {len(part):,} images.",
            "dataset_map.csv",
            partial(dataset_map, shown.confidence, shown.variability, truth),
        )


def _clusters(found: pd.DataFrame, chosen: pd.DataFrame) -> Iterator[Draft]:
    for (dataset, encoder), plane in found.groupby(["dataset", "encoder"], sort=False):
        mine = at(chosen[chosen["rounds"] == 1], plane.iloc[0])
        mine = mine[mine["learner"] == mine["learner"].iloc[0]]
        method = plane["method"].iloc[0]
        yield Draft(
            "clusters",
            f"{dataset}-{encoder}",
            f"Clusters, easy and hard picks on {dataset}, {encoder}",
            f"{len(plane):,} images of the pool in a plane by {method} of the frozen features, "
            "coloured by cluster, with each cluster's easiest and hardest image to contrast; "
            f"beside it what strategies chose with {mine['labelled'].min()} labels (seed "
            f"{mine['seed'].min()}).",
            f"Scatter of the pool by {method} in {plane['cluster'].nunique()} clusters; positions "
            "and picks are in plane_clusters.csv, choices in chosen_images.csv.",
            "plane_clusters.csv, chosen_images.csv",
            partial(projections.clusters, plane, mine),
        )


def _rounds(found: pd.DataFrame, chosen: pd.DataFrame) -> Iterator[Draft]:
    for (dataset, encoder), plane in found.groupby(["dataset", "encoder"], sort=False):
        mine = at(chosen[chosen["rounds"] > 1], plane.iloc[0])
        for name in ("learner", "initial", "rounds"):
            mine = mine[mine[name] == mine[name].iloc[0]]
        colour = "coloured by class" if (plane["class_index"] >= 0).any() else "grey"
        initial = mine["initial"].iloc[0]
        yield Draft(
            "rounds",
            f"{dataset}-{encoder}",
            f"What was chosen round by round on {dataset}, {encoder}",
            f"{len(plane):,} images of the pool by t-SNE of the frozen features, {colour}; a row "
            f"per query strategy after {initial} as the start (seed {mine['seed'].min()}), a "
            "column per round.",
            f"Scatter of the pool for {mine['strategy'].nunique()} query strategies by round; "
            "positions are in plane_rounds.csv, choices in chosen_images.csv.",
            "plane_rounds.csv, chosen_images.csv",
            partial(projections.rounds, plane, mine),
        )


def _sheets(chosen: pd.DataFrame, by_key: Mapping[str, Stage]) -> Iterator[Draft]:
    drawn = 0
    for file, place, part in places(chosen):
        ways = list(_ways(part, by_key))[: contact_sheets.MOST_WAYS]
        if not ways or drawn == MOST_SHEETS:
            continue
        drawn += 1
        cycles = bool((part["rounds"] > 1).any())
        when = "of the last round" if cycles else f"of the first {part['labelled'].min()}"
        yield Draft(
            "chosen",
            file,
            f"Images chosen on {place}",
            f"Images {when} that each way chose, in its order, {contact_sheets.MOST_IMAGES} at "
            f"most, with their true classes where known (seed {part['seed'].min()}).",
            f"Contact sheet of the images chosen by {len(ways)} ways; {_classes_in_words(ways)}",
            "chosen_images.csv",
            partial(contact_sheets.contact_sheet, ways),
        )


def _ways(part: pd.DataFrame, by_key: Mapping[str, Stage]) -> Iterator[Way]:
    part = part[part["learner"] == part["learner"].iloc[0]]
    several = part["initial"].nunique() > 1 and bool((part["rounds"] > 1).all())
    for (initial, strategy), rows in part.groupby(["initial", "strategy"], sort=False):
        last = rows[rows["round"] == rows["round"].max()].head(contact_sheets.MOST_IMAGES)
        indices = last["index"].to_numpy(np.int64)
        pictures = by_key[str(last["artefact"].iloc[0])].pool.pictures(indices)
        if pictures is not None:
            yield f"{initial}, then {strategy}" if several else str(strategy), last, pictures


def _classes_in_words(ways: list[Way]) -> str:
    counted = (
        f"{name}: " + ", ".join(f"{n} {c}" for c, n in rows["class"].value_counts().head(5).items())
        for name, rows, _ in ways[:4]
        if (rows["class"] != "").any()
    )
    return "; ".join(counted) or "their indices are in chosen_images.csv"
