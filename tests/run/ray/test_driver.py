"""What the driver does while encoders train."""

from tests.scripts import run_script


def test_the_start_of_tune_imports_no_tracker_that_was_not_imported_while_encoders_trained() -> (
    None
):
    script = (
        "import sys; from rayal.run.ray import driver; driver._import_tune(); "
        "before = set(sys.modules); from ray.air._internal import usage; "
        "usage._count_callbacks([]); "
        "print(sorted(m for m in set(sys.modules) - before if not m.startswith('ray.tune.')))"
    )
    assert run_script(script).stdout == "[]\n"
