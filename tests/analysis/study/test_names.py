import analysis
from analysis.study.study import read_study
from tests.analysis.made_up_runs import RunBuilder, component


def test_the_plain_random_is_the_one_compared_with(tmp_path):
    run = RunBuilder(tmp_path)
    for cover in (True, False):
        run.done(run.trial(component("random", cover_classes=cover), 0, [20]))
    assert read_study(run.write()).baseline == "random cover_classes=no"


def test_a_switch_at_its_default_is_left_out_of_the_name(tmp_path):
    run = RunBuilder(tmp_path)
    plain = component("entropy", label_balanced=False, class_balanced=None)
    plain["at_default"] = ["label_balanced", "class_balanced"]
    balanced = component("entropy", label_balanced=False, class_balanced={"lambda": 1})
    balanced["at_default"] = ["label_balanced"]
    truth = component("entropy", label_balanced=True, class_balanced=None)
    truth["at_default"] = ["class_balanced"]
    for strategy in (plain, balanced, truth):
        run.done(run.trial(strategy, 0, [20]))
    frame = analysis.load(run.write())
    assert set(frame["strategy_label"]) == {
        "entropy", "entropy class_balanced.lambda=1", "entropy label_balanced=yes"
    }  # fmt: skip


def test_labels_leave_out_what_stands_at_its_default_unless_one_number_alone_varies(tmp_path):
    def hacon(k, tau):
        default = [n for n, stands in (("k", k == 30), ("tau", tau == 0.05)) if stands]
        return {**component("hacon", k=k, tau=tau), "at_default": default}

    def labels(folder, *strategies):
        run = RunBuilder(tmp_path / folder)
        for strategy in strategies:
            run.done(run.trial(strategy, 0, [20]))
        return set(analysis.load(run.write())["strategy_label"])

    both = labels("both", hacon(30, 0.05), hacon(20, 0.05), hacon(30, 1.0))
    assert both == {"hacon", "hacon k=20", "hacon tau=1"}
    assert labels("one", hacon(30, 0.05), hacon(20, 0.05)) == {"hacon k=30", "hacon k=20"}


def test_encoders_of_different_datasets_need_not_be_told_apart(tmp_path):
    run = RunBuilder(tmp_path)
    for dataset, epochs in (("blood", 40), ("digits", 30), ("path", 10), ("path", 20)):
        encoder = component("moco", epochs=epochs)
        run.done(run.trial(component("random"), 0, [20], dataset=dataset, encoder=encoder))
    frame = analysis.load(run.write())
    assert sorted(zip(frame["dataset"], frame["encoder_label"], strict=True)) == [
        ("blood", "moco"), ("digits", "moco"),
        ("path", "moco epochs=10"), ("path", "moco epochs=20"),
    ]  # fmt: skip
