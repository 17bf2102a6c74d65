"""Tables that figures are drawn from beside those of the statistics."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from analysis import planes
from analysis.ablations import ablations
from analysis.study.stored_images import UNKNOWN, Pool
from analysis.study.study import Study
from analysis.tables import as_labels, groups, table
from rayal.contracts import DatasetMap
from rayal.storage import dataset_map
from rayal.storage.files import StoreError, files_of

PLACE = ["dataset", "encoder"]
MOST_PLANES = 6  # pools laid out in a plane: each takes many seconds
TAU = 0.05  # HaCon's temperature
THE_POOL = "the pool"
CHOSEN = [*PLACE, "artefact", "rounds", "initial", "strategy", "learner", "seed", "round",
          "labelled", "order", "index", "class_index", "class"]  # fmt: skip

Maps = dict[str, pd.DataFrame | None]


class Stage(NamedTuple):
    """An encoder's artefact on disk, by the labels of its dataset and encoder."""

    key: str
    folder: Path
    dataset: str
    encoder: str
    classes: list[str]
    pool: Pool


def picture_tables(study: Study, made: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """Make the tables for figures that a study's records and artefacts allow, by name.

    A table that would be empty is left out.
    """
    found = stages(study)
    maps = {stage.key: map_table(stage.folder) for stage in found}
    examples = chosen_images(study, found)
    tables = {
        "class_entropy": class_entropy(made["coverage"], made["class_distribution"]),
        "ablations": ablations(study, made["summary"]),
        "chosen_images": examples,
        "dataset_map": _joined(found, maps),
        "plane_clusters": _cluster_planes(study, found, examples[examples["rounds"] == 1], maps),
        "plane_rounds": _round_planes(study, found, examples[examples["rounds"] > 1]),
    }
    return {name: content for name, content in tables.items() if len(content)}


def stages(study: Study) -> list[Stage]:
    """Artefacts that are on disk, in the plan's order."""
    named = study.trials.drop_duplicates("artefact").set_index("artefact")
    found = []
    for key in study.run.plan["artefacts"]:
        folder = study.artefact(key) if key in named.index else None
        images = study.images(key) if key in named.index else None
        if folder is not None and images is not None:
            row = named.loc[key]
            classes = _class_names(study, str(row["dataset"]))
            pool = Pool(folder, str(row["encoder"]), images)
            labels = (str(row["dataset_label"]), str(row["encoder_label"]))
            found.append(Stage(key, folder, *labels, classes, pool))
    return found


def class_entropy(coverage: pd.DataFrame, distribution: pd.DataFrame) -> pd.DataFrame:
    """Entropy of the classes chosen, by the selections of class_distribution, and of the pool."""
    measured = coverage[coverage["done"] > 0]
    first = measured["round"] == 0
    later = measured["initial"] + ", then " + measured["strategy"]
    chosen = measured.assign(selection=measured["initial"].where(first, later))
    keys = [*PLACE, "rounds", "selection", "labelled"]
    columns = [*keys, "class_entropy_mean", "class_entropy_std"]
    chosen = chosen.drop_duplicates(keys)[columns]
    shares = distribution.drop_duplicates([*PLACE, "rounds", "class_index"])
    rows = (
        {**key, "selection": THE_POOL, "class_entropy_mean": _entropy(part["pool_share"])}
        for key, part in groups(shares, [*PLACE, "rounds"])
    )
    pools = table(rows, columns)
    return chosen if pools.empty else pd.concat([chosen, pools], ignore_index=True)


def chosen_images(study: Study, found: list[Stage]) -> pd.DataFrame:
    """What one trial of each way chose: the lowest seed, in single queries the fewest labels."""
    view = as_labels(study.rounds).merge(
        study.trials[["trial", "artefact"]].drop_duplicates(), on="trial"
    )
    view = view[view["selected"].notna()]
    by_key = {stage.key: stage for stage in found}
    ways = [*PLACE, "initial", "strategy", "learner", "rounds"]
    rows = (
        row
        for _, part in groups(view, ways)
        for row in _of_one_trial(part, by_key.get(str(part["artefact"].iloc[0])))
    )
    return table(rows, CHOSEN)


def map_table(folder: Path) -> pd.DataFrame | None:
    """The dataset map of an artefact: columns index, count, confidence@TAU and so on."""
    path = folder / "map.parquet"
    if not path.is_file():
        return None
    return pd.DataFrame(dataset_map.to_columns(dataset_map.read(path)))


def as_map(content: pd.DataFrame) -> DatasetMap:
    """The map that a table of `map_table`, or a part of several, holds."""
    return dataset_map.from_columns({str(name): content[name].to_numpy() for name in content})


def _of_one_trial(part: pd.DataFrame, stage: Stage | None) -> Iterator[dict[str, Any]]:
    """Images of the lowest seed, at the fewest labels, with their classes where known."""
    if stage is None:
        return
    part = part[part["seed"] == part["seed"].min()]
    fewest = part.sort_values("labelled", kind="stable")["trial"].iloc[0]
    for row in part[part["trial"] == fewest].sort_values("round").to_dict("records"):
        indices = np.asarray(row["selected"], np.int64)
        classes = stage.pool.classes(indices)
        for order, index in enumerate(indices):
            c = UNKNOWN if classes is None else int(classes[order])
            name = stage.classes[c] if 0 <= c < len(stage.classes) else ""
            here = {"order": order, "index": int(index), "class_index": c, "class": name}
            yield {**{k: row[k] for k in CHOSEN if k in row}, **here}


def _joined(found: list[Stage], maps: Maps) -> pd.DataFrame:
    parts = []
    for stage in found:
        content = maps[stage.key]
        if content is not None:
            parts.append(content.assign(**_place(stage)))
    if not parts:
        return pd.DataFrame()
    joined = pd.concat(parts, ignore_index=True)
    first = ["dataset", "encoder", "artefact"]
    return joined[[*first, *(name for name in joined if name not in first)]]


def _cluster_planes(
    study: Study, found: list[Stage], examples: pd.DataFrame, maps: Maps
) -> pd.DataFrame:
    """Planes of the pools that have a map, with clusters and picks."""
    earlier = _Earlier(study, "plane_clusters")
    mapped = [stage for stage in found if maps[stage.key] is not None]
    return _stacked(
        (stage, planes.cluster_plane(
            stage.pool, wanted, _confidence(maps[stage.key]), earlier.of(stage)))
        for stage, wanted in _wanted(mapped, examples)
    )  # fmt: skip


def _round_planes(study: Study, found: list[Stage], examples: pd.DataFrame) -> pd.DataFrame:
    earlier = _Earlier(study, "plane_rounds")
    return _stacked(
        (stage, planes.round_plane(stage.pool, wanted, earlier.of(stage)))
        for stage, wanted in _wanted(found, examples)
    )


class _Earlier:
    """The table that an earlier report left, so that no plane is made twice."""

    def __init__(self, study: Study, name: str) -> None:
        self._table = pd.DataFrame(columns=["artefact", *planes.COLUMNS])
        root = study.run.root
        with contextlib.suppress(OSError, ValueError, StoreError):
            content = files_of(root).read(root / "tables" / f"{name}.csv")
            read = pd.read_csv(io.BytesIO(content), dtype={"artefact": str})
            if set(self._table) <= set(read):
                self._table = read

    def of(self, stage: Stage) -> pd.DataFrame:
        found: pd.DataFrame = self._table[self._table["artefact"] == stage.key]
        return found


def _wanted(
    found: list[Stage], examples: pd.DataFrame
) -> Iterator[tuple[Stage, npt.NDArray[np.int64]]]:
    """Pools that examples were chosen from, with the images chosen; the first MOST_PLANES."""
    chosen = ((s, examples.loc[examples["artefact"] == s.key, "index"].to_numpy(np.int64))
              for s in found)  # fmt: skip
    return islice(((stage, wanted) for stage, wanted in chosen if len(wanted)), MOST_PLANES)


def _stacked(made: Iterable[tuple[Stage, pd.DataFrame]]) -> pd.DataFrame:
    parts = [plane.assign(**_place(stage)) for stage, plane in made if len(plane)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame()


def _confidence(content: pd.DataFrame | None) -> npt.NDArray[np.float32] | None:
    """Confidence at the paper's temperature, or at the nearest there is."""
    if content is None:
        return None
    confidence = as_map(content).confidence
    if not confidence:
        return None
    nearest = min(confidence, key=lambda tau: abs(np.log(tau / TAU)))
    return confidence[nearest].astype(np.float32)


def _place(stage: Stage) -> dict[str, str]:
    return {"dataset": stage.dataset, "encoder": stage.encoder, "artefact": stage.key}


def _class_names(study: Study, dataset: str) -> list[str]:
    about: Mapping[str, Any] = study.run.plan["datasets"].get(dataset, {})
    return [str(name) for name in about.get("classes") or []]


def _entropy(shares: pd.Series[float]) -> float:
    p = shares.to_numpy(np.float64)
    p = p[p > 0]
    return float(-(p * np.log(p)).sum()) if len(p) else float("nan")
