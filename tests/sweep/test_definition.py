"""What a trial is."""

from pathlib import Path

from tests.sweep.small_sweeps import plan_of


def test_ids_depend_on_what_determines_a_trial_and_on_nothing_else(tmp_path: Path) -> None:
    plain = {t.id for t in plan_of(tmp_path).trials}
    more = {t.id for t in plan_of(tmp_path, strategies=["k_center", "random", "kmeans"]).trials}
    assert plain < more
    written_out = [{"name": "random", "cover_classes": False}, "kmeans"]
    seeds = {"random": 3, "kmeans": 2}
    assert {t.id for t in plan_of(tmp_path, strategies=written_out, seeds=seeds).trials} == plain
    other_encoder = plan_of(tmp_path, encoders=[{"name": "pixels", "seed": 1}])
    assert not plain & {t.id for t in other_encoder.trials}
