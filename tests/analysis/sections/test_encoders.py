import json
from pathlib import Path

from analysis.sections.encoders import encoder_notes
from analysis.study.study import read_study

WRITTEN = Path(__file__).parent.parent.parent / "data" / "run-format-1" / "run"


def with_notes(tmp_path: Path, notes: list[str]) -> Path:
    plan = json.loads((WRITTEN / "plan.json").read_text())
    for entry in plan["artefacts"].values():
        entry["notes"] = notes
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    return tmp_path


def test_the_notes_of_the_plan_are_shown_by_dataset_and_encoder(tmp_path: Path) -> None:
    note = "weights: w.pt (sha256 0123456789ab), plain weights, no EMA"
    found = encoder_notes(read_study(with_notes(tmp_path, [note, "images are enlarged"])))
    assert set(found["dataset"]) == {"digits", "stripes"}
    assert set(found["note"]) == {note, "images are enlarged"}
    assert len(found) == 4


def test_a_run_of_an_earlier_version_has_no_notes() -> None:
    assert len(encoder_notes(read_study(WRITTEN))) == 0
