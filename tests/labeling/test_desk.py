import pytest

from rayal.cli.main import main
from rayal.labeling.answers import Answer
from rayal.labeling.errors import LabelingError
from rayal.labeling.page.answer import read_answer
from rayal.labeling.page.desk import ChangedMeanwhileError, Desk
from rayal.labeling.rounds import Chosen, Round, write_round
from tests.labeling.made_up_projects import log_of, make_project


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path)


@pytest.fixture
def desk(project):
    return Desk(project, log_of(project))


def image_of(view):
    return view["image"]["id"] if view["image"] else None


def say(desk, view, label, window="w"):
    image = view["image"]
    return desk.answer(window, Answer(image["id"], label), image["said"])


def test_images_come_in_the_order_of_their_ranks(project, desk):
    view, seen = desk.next("w"), []
    while view["image"]:
        seen.append(image_of(view))
        view = say(desk, view, "cat")
    assert seen == list(project.pool.ids[:6])
    assert view["progress"]["answered"] == view["progress"]["total"] == 6
    assert log_of(project).labels() == dict.fromkeys(seen, "cat")


def test_an_answer_is_in_the_file_before_the_next_image_is_shown(project, desk):
    first = desk.next("w")
    second = say(desk, first, "cat")
    assert log_of(project).labels() == {image_of(first): "cat"}
    assert image_of(second) == project.pool.ids[1]
    assert log_of(project).all()[0].round == 1


def test_a_new_desk_goes_on_where_the_last_one_ended(project, desk):
    say(desk, desk.next("w"), "cat")
    assert image_of(Desk(project, log_of(project)).next("w")) == project.pool.ids[1]


def test_two_windows_are_shown_different_images(project, desk):
    assert [image_of(desk.next(w)) for w in "abab"] == [*project.pool.ids[:2]] * 2


def test_the_last_image_is_shown_to_every_window(project, desk):
    for rayal_id in project.pool.ids[:5]:
        desk.answer("a", Answer(rayal_id, "cat"), None)
    assert image_of(desk.next("a")) == image_of(desk.next("b")) == project.pool.ids[5]


def test_an_answer_to_what_changed_meanwhile_is_not_kept(project, desk):
    view = desk.next("a")
    say(Desk(project, log_of(project)), view, "cat", "b")
    with pytest.raises(ChangedMeanwhileError, match="another answer meanwhile"):
        say(desk, view, "dog", "a")
    assert log_of(project).labels() == {image_of(view): "cat"}
    say(desk, desk.show("a", image_of(view)), "dog", "a")
    assert log_of(project).labels() == {image_of(view): "dog"}


def test_skipped_images_come_again_at_the_end(project, desk):
    view = desk.next("w")
    first = image_of(view)
    view = desk.answer("w", Answer(first, action="skip"), {})
    for _ in range(5):
        assert image_of(view) != first
        view = say(desk, view, "cat")
    assert image_of(view) == first
    assert view["progress"]["skipped"] == 1


def test_undo_shows_the_image_again_and_takes_its_answer_back(project, desk):
    first = desk.next("w")
    second = say(desk, first, "cat")
    say(desk, second, "dog")
    assert image_of(desk.undo("w")) == image_of(second)
    assert image_of(desk.undo("w")) == image_of(first)
    assert log_of(project).current() == {}
    with pytest.raises(LabelingError, match="no answer of this window"):
        desk.undo("w")


def test_undo_of_a_correction_brings_back_what_was_corrected(project, desk):
    first = desk.next("w")
    say(desk, first, "cat")
    say(desk, desk.show("w", image_of(first)), "dog")
    desk.undo("w")
    assert log_of(project).labels() == {image_of(first): "cat"}
    desk.undo("w")
    assert log_of(project).labels() == {}


def test_undo_leaves_what_another_window_said_since(project, desk):
    first = desk.next("a")
    say(desk, first, "cat", "a")
    say(desk, desk.show("b", image_of(first)), "dog", "b")
    with pytest.raises(ChangedMeanwhileError, match="nothing was taken back"):
        desk.undo("a")
    assert log_of(project).labels() == {image_of(first): "dog"}


def test_a_label_of_a_file_that_changed_or_went_is_refused(project, desk):
    first, second = (project.image_path(rayal_id) for rayal_id in project.pool.ids[:2])
    first.write_bytes(second.read_bytes())
    view = desk.next("w")
    with pytest.raises(LabelingError, match="has changed since it was read: a label would be"):
        say(desk, view, "cat")
    second.unlink()
    view = desk.answer("w", Answer(image_of(view), action="not_usable"), {})
    with pytest.raises(LabelingError, match="has gone"):
        say(desk, view, "cat")
    assert log_of(project).labels() == {}


def test_a_round_that_is_chosen_meanwhile_is_shown(project, desk):
    view = desk.next("w")
    while view["image"]:
        view = say(desk, view, "cat")
    later = Round(2, (Chosen(1, project.pool.ids[9]),))
    write_round(project.root / "rounds", later)
    view = desk.next("w")
    assert (image_of(view), view["image"]["round"]) == (project.pool.ids[9], 2)


def test_disagreements_come_last_and_the_answer_settles_them(project, desk):
    for rayal_id in project.pool.ids[:6]:
        desk.answer("w", Answer(rayal_id, "cat"), None)
    log_of(project).append(Answer(project.pool.ids[2], "dog", by="eve"))
    view = desk.next("w")
    assert view["image"]["said"] == {"": "cat", "eve": "dog"}
    assert say(desk, view, "dog")["image"] is None
    assert log_of(project).current()[project.pool.ids[2]] == "dog"
    desk.undo("w")
    assert log_of(project).conflicts() == {project.pool.ids[2]: {"": "cat", "eve": "dog"}}


def test_classes_keep_their_keys_and_those_beyond_the_keys_have_none(project, desk):
    for n in range(40):
        desk.answer("w", Answer(project.pool.ids[n % 12], f"class {n:02}"), None)
    classes = desk.next("w")["classes"]
    assert [c["name"] for c in classes] == [f"class {n:02}" for n in range(28, 40)]
    assert "".join(c["key"] for c in classes) == "123456789abc"


def test_the_others_of_a_group_are_shown(project, desk):
    view = desk.next("w")
    assert [one["id"] for one in view["related"]] == list(project.pool.ids[1:3])
    assert view["image"]["group_size"] == 3


def test_the_last_answers_are_at_hand(project, desk):
    say(desk, say(desk, desk.next("w"), "cat"), "dog")
    recent = desk.next("w")["recent"]
    assert [(one["id"], one["stands"]) for one in recent] == [
        (project.pool.ids[1], "dog"), (project.pool.ids[0], "cat"),
    ]  # fmt: skip


def test_a_project_without_a_choice_or_without_images_is_refused(tmp_path, monkeypatch):
    empty = make_project(tmp_path, rounds=())
    with pytest.raises(LabelingError, match="rayal select"):
        Desk(empty, log_of(empty))
    monkeypatch.setattr(type(empty), "has_images", False)
    with pytest.raises(LabelingError, match=r"features alone.*labels\.csv"):
        Desk(empty, log_of(empty))


def test_a_damaged_log_is_one_message_before_anything_is_served(project, capsys):
    (project.root / "answers.jsonl").write_text("nonsense\n")
    assert main(["label", str(project.root), "--no-browser"]) == 2
    assert "line 1 of" in capsys.readouterr().err
    assert main(["label", str(project.root.parent), "--no-browser"]) == 2
    assert "is not a labeling project" in capsys.readouterr().err


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"id": "a", "action": "label"}, {"id": "a", "action": "fly"},
        {"id": "a", "action": "label", "label": ["x"]},
        {"id": "a", "action": "skip", "seconds": "long"},
        {"id": "a", "action": "skip", "seconds": float("inf")},
    ],
)  # fmt: skip
def test_what_is_no_answer_is_refused(fields):
    with pytest.raises(ValueError, match=r"\w"):
        read_answer(fields)


def test_a_new_class_that_looks_like_another_is_refused_and_can_be_corrected(project, desk):
    second = say(desk, desk.next("w"), "mel")
    with pytest.raises(LabelingError, match="the classes 'MEL' and 'mel' look alike"):
        say(desk, second, "MEL")
    assert list(log_of(project).labels().values()) == ["mel"]
    desk.answer("w", Answer(project.pool.ids[0], "MEL"), None)
    assert list(log_of(project).labels().values()) == ["MEL"]
