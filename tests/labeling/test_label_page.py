"""The labeling page in a real browser."""

import contextlib
import signal
import subprocess
import sys

import pytest

from rayal.labeling.answers import NOT_USABLE, Answer
from rayal.labeling.page.desk import Desk
from tests.browser import axe_faults, needs_browser
from tests.labeling.label_page import (
    click,
    first_answers,
    name_class,
    open_address,
    open_page,
    press,
    text,
    wait,
)
from tests.labeling.made_up_projects import HOSTILE, log_of, make_project

pytestmark = [pytest.mark.slow, needs_browser, pytest.mark.usefixtures("clean_browser")]


@pytest.fixture
def project(tmp_path):
    return make_project(tmp_path, names={0: HOSTILE})


def test_a_round_is_labeled_by_the_keyboard(browser, server, project):
    from selenium.webdriver.common.keys import Keys

    open_page(browser, server)
    press(browser, "+", "red", Keys.ENTER)
    name_class(browser, "green")
    press(browser, "2", "1", Keys.BACKSPACE)
    assert first_answers(project) == ["red", "green", "green", None, None, None]
    press(browser, "2", Keys.SPACE, "-")
    assert first_answers(project) == ["red", "green", "green", "green", None, NOT_USABLE]
    assert text(browser, "name") == "image 004.png"  # what was skipped comes again
    press(browser, "1")
    assert first_answers(project)[4] == "red"
    assert text(browser, "done-title") == "Every chosen image has an answer"
    assert browser.get_log("browser") == []
    assert all(answer.seconds is not None for answer in log_of(project).all()[:2])


def test_a_click_labels_and_the_next_image_is_shown(browser, server, project):
    open_page(browser, server)
    name_class(browser, "red")
    click(browser, "#classes button")
    click(browser, "#not-usable")
    click(browser, "#skip")
    click(browser, "#undo")
    assert first_answers(project)[:4] == ["red", "red", NOT_USABLE, None]
    assert text(browser, "name") == "image 003.png"
    click(browser, "#recent li:last-child button")
    assert text(browser, "said") == "So far: red"


def test_why_an_image_was_chosen_is_shown_when_asked_for(browser, server, project):
    open_page(browser, server)
    state = "const why = document.getElementById('why'); return [why.hidden, why.open]"
    assert browser.execute_script(state) == [False, False]
    click(browser, "#why summary")
    assert browser.execute_script(state) == [False, True]
    assert text(browser, "reason") == "typical of cluster 2"
    press(browser, "-")
    assert browser.execute_script(state) == [False, False]


def test_a_finger_is_enough(browser, server, project):
    open_page(browser, server, 400)
    browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
    try:
        name_class(browser, "red")
        script = (
            "const box = document.querySelector('#classes button').getBoundingClientRect();"
            "return [box.x + box.width / 2, box.y + box.height / 2, box.height]"
        )
        browser.execute_script("document.querySelector('#classes button').scrollIntoView()")
        x, y, height = browser.execute_script(script)
        for kind, points in (("touchStart", [{"x": x, "y": y}]), ("touchEnd", [])):
            event = {"type": kind, "touchPoints": points}
            browser.execute_cdp_cmd("Input.dispatchTouchEvent", event)
        wait(browser, lambda: first_answers(project)[:2] == ["red", "red"], "the second label")
        assert height >= 44
    finally:
        browser.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})


def test_two_windows_lose_no_answer(browser, server, project):
    open_page(browser, server)
    first = browser.current_window_handle
    name_class(browser, "red")
    browser.switch_to.new_window("tab")
    try:
        open_page(browser, server)
        press(browser, "1", "1")
        browser.switch_to.window(first)
        press(browser, "1", "1", "1")
        assert first_answers(project) == ["red"] * 6
        assert len(log_of(project).all()) == 6
    finally:
        for handle in browser.window_handles:
            if handle != first:
                browser.switch_to.window(handle)
                browser.close()
        browser.switch_to.window(first)


def test_what_another_window_said_meanwhile_is_shown_and_not_overwritten(browser, server, project):
    open_page(browser, server)
    name_class(browser, "red")
    shown = project.pool.ids[1]
    other = Desk(project, log_of(project))
    other.answer("other", Answer(shown, "green"), {})
    press(browser, "1")
    assert "another answer meanwhile" in text(browser, "trouble")
    assert text(browser, "said") == "So far: green"
    assert first_answers(project)[1] == "green"
    press(browser, "1")
    assert first_answers(project)[1] == "red"


@contextlib.contextmanager
def command(project):
    """Run `rayal label` and give its process and the address that it prints."""
    arguments = [sys.executable, "-m", "rayal", "label", str(project.root), "--no-browser"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process, process.stdout.readline().split()[-1]
        finally:
            process.kill()


def test_after_a_kill_the_same_command_goes_on(browser, project):
    with command(project) as (process, address):
        open_address(browser, address)
        name_class(browser, "red")
        process.kill()
        process.wait()
        press(browser, "1")
        assert "does not answer" in text(browser, "trouble")
        assert text(browser, "name") == "image 001.png"
    with command(project) as (process, address):
        open_address(browser, address)
        assert text(browser, "name") == "image 001.png"
        assert first_answers(project)[:2] == ["red", None]
        process.send_signal(signal.SIGINT)
        assert "1 images have a label" in process.stdout.read()
        assert process.wait() == 0


def test_an_image_that_has_gone_is_explained(browser, server, project):
    for n in range(6):
        project.image_path(project.pool.ids[n]).unlink()
    open_page(browser, server)
    assert "cannot be shown" in text(browser, "broken")
    press(browser, "-")
    assert first_answers(project)[0] == NOT_USABLE


def test_names_of_files_and_classes_run_nothing(browser, server, project):
    open_page(browser, server)
    name_class(browser, "<img src=x onerror=alert(1)>")
    click(browser, "#recent button")
    assert text(browser, "name") == HOSTILE.replace("\u202e", "\ufffd")
    assert browser.execute_script("return document.querySelectorAll('[onerror]').length") == 0
    assert first_answers(project)[0] == "<img src=x onerror=alert(1)>"


def test_nothing_leaves_this_machine(browser, server):
    browser.get_log("performance")
    open_page(browser, server)
    name_class(browser, "red")
    sent = [entry["message"] for entry in browser.get_log("performance")]
    urls = [m.split('"url":"')[1].split('"')[0] for m in sent if 'requestWillBeSent"' in m]
    own = (f"http://127.0.0.1:{server.server_port}/", "data:")
    assert [url for url in urls if not url.startswith(own)] == []
    assert len(urls) > 3
    assert server.token not in browser.current_url


@pytest.mark.parametrize("width", [400, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault_and_nothing_is_wider_than_the_screen(browser, server, width, scheme):
    open_page(browser, server, width, scheme)
    name_class(browser, "a class of an uncommonly long name, and without any end to it as it seems")
    assert axe_faults(browser) == []
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    for _ in range(5):
        click(browser, "#not-usable")
    assert text(browser, "done-title") == "Every chosen image has an answer"
    assert axe_faults(browser) == []
