import json
import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from rayal.cli import label
from rayal.cli.main import main
from rayal.labeling.answers import Answer
from rayal.labeling.page.desk import Desk
from rayal.labeling.report import findings, write_report
from rayal.labeling.rounds import read_rounds, write_round
from tests.browser import axe_faults, needs_browser, show, start
from tests.labeling.made_up_projects import COLORS, HOSTILE, label_truly, log_of, make_project


@pytest.fixture
def project(tmp_path):
    """Four rounds with labels, the first with an audit sample; one label is wrong."""
    made = make_project(
        tmp_path, 90, rounds=(25, 15, 15, 15), audit=10, per_group=1, names={30: HOSTILE}
    )
    label_truly(made, range(70))
    log_of(made).append(Answer(made.pool[30].rayal_id, COLORS[1], seconds=4.0))
    return made


def test_what_is_found_is_what_the_answers_say(project):
    found = findings(project, log_of(project))
    assert (found.images, found.labels, found.training, found.audited) == (90, 70, 60, 10)
    assert found.audit.overall.n == 10
    assert [point.labels for point in found.curve] == [15, 30, 45, 60]
    assert found.optimistic.overall.n == 60
    assert [project.pool[one.row].path for one in found.suspects] == [HOSTILE]
    assert len(found.stopping.kappas) == 3
    assert [gain.more for gain in found.gains] == [15, 20]  # 20 have no label
    assert found.pace.median == 4


def test_the_page_and_its_numbers_are_written(project):
    page, found = write_report(project, log_of(project))
    text = page.read_text()
    assert f"{found.audit.overall.count} of 10; 95 % interval" in text
    assert "<img src=x" not in text
    assert "\u202e" not in text
    assert "a&lt;img src=x onerror=alert(1)&gt;" in text
    numbers = json.loads((project.root / "report" / "report.json").read_text())
    assert numbers["audit"]["overall"] == {"count": found.audit.overall.count, "n": 10}
    assert numbers["labels"] == 70


def test_a_project_without_answers_gets_a_report_that_says_so(tmp_path):
    project = make_project(tmp_path)
    page, found = write_report(project, log_of(project))
    assert "There are no labels to learn from yet" in found.advice
    assert "no image of an audit sample has a label" in page.read_text()


def test_images_of_the_audit_sample_without_a_label_are_counted(tmp_path):
    """Who leaves out the difficult ones measures too high an accuracy."""
    project = make_project(tmp_path, 30, rounds=(20,), audit=8, per_group=1)
    label_truly(project, range(2, 20))
    log_of(project).append(Answer(project.pool.ids[0], action="skip"))
    log_of(project).append(Answer(project.pool.ids[1], action="not_usable"))
    page, found = write_report(project, log_of(project))
    assert (found.audited, found.audit_unlabeled) == (6, 1)
    assert "1 more was drawn and has no label" in page.read_text()
    assert any("1 more image was drawn to measure it and not labeled" in x for x in found.summary)
    label_truly(project, [0])
    assert "more was drawn" not in write_report(project, log_of(project))[0].read_text()


def test_when_the_audit_sample_was_drawn_is_said(project):
    assert (
        "drawn at random before anything" in write_report(project, log_of(project))[0].read_text()
    )
    later = read_rounds(project.root / "rounds")[2]
    chosen = tuple(replace(one, purpose="audit") for one in later.chosen)
    write_round(project.root / "rounds", replace(later, chosen=chosen))
    text = write_report(project, log_of(project))[0].read_text()
    assert "drawn at random, in rounds 1, 3, from those that were not chosen or labeled" in text


def test_numbers_below_the_curve_do_not_overlap(tmp_path):
    project = make_project(tmp_path, 90, rounds=(10, *([4] * 18)), audit=6, per_group=1)
    label_truly(project, range(82))
    page, found = write_report(project, log_of(project))
    numbers = re.findall(r'<text x="([\d.]+)" y="238" [^>]*>(\d+)<', page.read_text())
    places = [float(x) for x, _ in numbers]
    assert (numbers[-1][1], len(found.curve)) == ("76", 19)
    assert all(b - a >= 50 for a, b in pairwise(places))


def test_audit_labels_alone_measure_nothing(tmp_path):
    project = make_project(tmp_path, rounds=(6,), audit=6)
    label_truly(project, range(6))
    page, found = write_report(project, log_of(project))
    assert found.audit is None
    assert "all labels are of the audit sample" in page.read_text()


def test_few_labels_of_one_class_make_a_report_too(tmp_path):
    project = make_project(tmp_path)
    log_of(project).append(*(Answer(i, "cat") for i in project.pool.ids[:2]))
    found = write_report(project, log_of(project))[1]
    assert found.few == ("cat",)
    assert "too few labels" in found.advice


def test_what_people_disagree_on_is_listed(project):
    log_of(project).append(Answer(project.pool[30].rayal_id, "green", by="eve"))
    page, found = write_report(project, log_of(project))
    assert found.conflicts == {HOSTILE: {"": COLORS[1], "eve": "green"}}
    assert "eve: green" in page.read_text()


def test_features_without_images_have_a_report(project, monkeypatch):
    monkeypatch.setattr(type(project), "has_images", False)
    assert "no picture" in write_report(project, log_of(project))[0].read_text()


def test_suspects_are_shown_again_although_they_have_an_answer(project):
    suspect = project.pool[30].rayal_id
    assert label._suspects(project, log_of(project)) == [suspect]
    desk = Desk(project, log_of(project), again=[suspect])
    view = desk.next("w")
    assert (view["image"]["id"], view["image"]["said"]) == (suspect, {"": COLORS[1]})
    view = desk.answer("w", Answer(suspect, COLORS[0]), view["image"]["said"])
    assert view["image"] is None
    assert findings(project, log_of(project)).suspects == ()


def test_the_command_reports_projects_and_refuses_in_one_message(project, capsys):
    assert main(["report", str(project.root)]) == 0
    said = capsys.readouterr().out
    assert "accuracy on the others" in said
    assert "report/index.html" in said
    assert main(["report", str(project.root), "--out", "x"]) == 2
    assert "name that alone" in capsys.readouterr().err
    np.save(project.root / "features.npy", np.zeros((3, 8), np.float32))
    assert main(["report", str(project.root)]) == 2
    assert "restore both from one copy" in capsys.readouterr().err


@needs_browser
@pytest.mark.slow
def test_axe_finds_no_fault_and_nothing_is_wider_than_the_screen(project, tmp_path):
    page = write_report(project, log_of(project))[0]
    browser = start(tmp_path / "profile")
    try:
        for width in (400, 1280):
            for scheme in ("light", "dark"):
                show(browser, page.as_uri(), width, scheme)
                assert axe_faults(browser) == []
                assert browser.execute_script("return document.body.scrollWidth") <= width
        assert browser.get_log("browser") == []
    finally:
        browser.quit()
