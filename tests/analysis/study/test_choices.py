from analysis.study.choices import choices_of
from analysis.study.study import load
from tests.analysis.made_up_runs import RunBuilder, component


def choices(run):
    frame = load(run.write())
    named = choices_of(frame)
    return dict(zip(zip(frame["seed"], frame["round"], strict=True), named, strict=True))


def chosen(run, seed, *queries):
    budgets = [sum(len(q) for q in queries[: k + 1]) for k in range(len(queries))]
    trial = run.done(run.trial(component("hacon"), seed, budgets, initial=component("random")))
    for measured, images in zip(run.records[trial]["rounds"], queries, strict=True):
        measured["selected"] = images


def test_the_same_images_in_another_order_are_one_choice(tmp_path):
    run = RunBuilder(tmp_path)
    for seed, images in enumerate(([1, 2, 3], [3, 1, 2], [1, 2, 4])):
        chosen(run, seed, images)
    found = choices(run)
    assert found[0, 0] == found[1, 0] != found[2, 0]


def test_in_cycles_a_choice_is_all_queries_up_to_the_round(tmp_path):
    run = RunBuilder(tmp_path)
    chosen(run, 0, [1, 2], [3, 4])
    chosen(run, 1, [1, 2], [3, 5])
    chosen(run, 2, [1, 9], [3, 4])
    found = choices(run)
    assert found[0, 0] == found[1, 0] != found[2, 0]
    assert len({found[seed, 1] for seed in range(3)}) == 3


def test_a_round_that_does_not_say_what_it_chose_is_a_choice_of_its_own(tmp_path):
    run = RunBuilder(tmp_path)
    for seed in range(2):
        chosen(run, seed, [1, 2])
    for record in run.records.values():
        del record["rounds"][0]["selected"]
    assert len(set(choices(run).values())) == 2
