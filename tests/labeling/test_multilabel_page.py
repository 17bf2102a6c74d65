"""The labeling page in a real browser, where an image may have several classes."""

import errno

import pytest

from rayal.labeling.answers import NOT_USABLE, Answer
from rayal.labeling.class_names import ClassSet
from rayal.labeling.labels import LabelLog
from rayal.labeling.page.desk import Desk
from tests.browser import axe_faults, needs_browser
from tests.labeling.label_page import click, first_answers, open_page, press, text
from tests.labeling.made_up_projects import HOSTILE, log_of, make_project

pytestmark = [pytest.mark.slow, needs_browser, pytest.mark.usefixtures("clean_browser")]
CLASSES = ("mass", "effusion", "a class of an uncommonly long name, and without any end to it")


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, names={0: HOSTILE}, classes=CLASSES, multilabel=True)


def checked(browser):
    script = "return [...document.querySelectorAll('#classes :checked')].map((box) => box.value)"
    return browser.execute_script(script)


def disabled(browser):
    script = "return ['save', 'none'].map((id) => document.getElementById(id).disabled)"
    return browser.execute_script(script)


def test_a_round_is_labeled_by_the_keyboard(browser, server, project):
    from selenium.webdriver.common.keys import Keys

    open_page(browser, server)
    assert disabled(browser) == [True, False]
    press(browser, "1", "2")
    assert (checked(browser), disabled(browser)) == (["mass", "effusion"], [False, True])
    assert text(browser, "announce") == "effusion checked"
    press(browser, "1", "1", Keys.ENTER)
    assert checked(browser) == []  # of the next image
    press(browser, "0", "-", Keys.SPACE, "2", Keys.ENTER)
    both = ClassSet(("effusion", "mass"))
    assert first_answers(project) == [
        both,
        ClassSet(()),
        NOT_USABLE,
        None,
        ClassSet(("effusion",)),
        None,
    ]
    press(browser, Keys.BACKSPACE)
    assert first_answers(project)[4] is None
    press(browser, "3", Keys.ENTER, "1", Keys.ENTER, "0")
    assert text(browser, "done-title") == "Every chosen image has an answer"
    assert browser.get_log("browser") == []


def test_nothing_checked_is_no_answer_and_a_class_does_not_go_with_none(browser, server, project):
    from selenium.webdriver.common.keys import Keys

    open_page(browser, server)
    press(browser, Keys.ENTER)
    assert "No class is checked: key 0 says" in text(browser, "trouble")
    press(browser, "1", "0")
    assert "Classes are checked: uncheck them" in text(browser, "trouble")
    assert (first_answers(project)[0], checked(browser)) == (None, ["mass"])
    press(browser, "1")
    assert text(browser, "trouble") == ""
    press(browser, "0")
    assert first_answers(project)[0] == ClassSet(())


def test_a_pointer_checks_and_saves_and_leaves_space_to_skip(browser, server, project):
    from selenium.webdriver.common.keys import Keys

    open_page(browser, server)
    click(browser, "#classes label:nth-child(2)")
    click(browser, "#classes label:nth-child(1) input")
    assert checked(browser) == ["mass", "effusion"]
    press(browser, Keys.SPACE)
    assert [answer.action for answer in log_of(project).all()] == ["skip"]
    click(browser, "#classes label")
    click(browser, "#save")
    click(browser, "#none")
    assert first_answers(project)[:3] == [None, ClassSet(("mass",)), ClassSet(())]


def test_space_checks_a_box_that_has_the_focus(browser, server, project):
    from selenium.webdriver.common.keys import Keys

    open_page(browser, server)
    browser.execute_script("document.querySelector('#classes input').focus()")
    press(browser, Keys.SPACE)
    assert checked(browser) == ["mass"]
    press(browser, Keys.TAB, Keys.SPACE, Keys.ENTER)
    assert first_answers(project)[0] == ClassSet(("effusion", "mass"))


def test_an_earlier_answer_is_checked_and_a_rival_one_settled(browser, server, project):
    from selenium.webdriver.common.keys import Keys

    first = project.pool.ids[0]
    log_of(project).append(Answer(first, classes=("mass",)))
    open_page(browser, server)
    click(browser, "#recent button")
    assert checked(browser) == ["mass"]
    Desk(project, log_of(project), by="eve").answer("w", Answer(first, classes=()), None)
    press(browser, "2", Keys.ENTER)
    assert "another answer meanwhile" in text(browser, "trouble")
    assert (text(browser, "said"), checked(browser)) == ("So far: eve: none of them", [])
    press(browser, "2", Keys.ENTER)
    assert first_answers(project)[0] == ClassSet(("effusion",))


def test_what_is_checked_stays_where_the_answer_cannot_be_kept(
    browser, server, project, monkeypatch
):
    from selenium.webdriver.common.keys import Keys

    def full(self, *answers):
        raise OSError(errno.ENOSPC, "No space left on device")

    open_page(browser, server)
    press(browser, "1", "2")
    with monkeypatch.context() as patched:
        patched.setattr(LabelLog, "append", full)
        press(browser, Keys.ENTER)
    assert "could not be written and is not kept" in text(browser, "trouble")
    assert (checked(browser), first_answers(project)[0]) == (["mass", "effusion"], None)
    press(browser, Keys.ENTER)
    assert first_answers(project)[0] == ClassSet(("effusion", "mass"))


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_and_nothing_is_wider_than_the_screen(browser, server, width, scheme):
    open_page(browser, server, width, scheme)
    press(browser, "1")
    assert axe_faults(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    heights = "return [...document.querySelectorAll('#classes label')].map((e) => e.offsetHeight)"
    assert min(browser.execute_script(heights)) >= 44
