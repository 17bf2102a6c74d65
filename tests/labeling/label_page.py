"""What tests do with the labeling page in a browser: press, click, read, and read the answers."""

from typing import Any

from rayal.labeling.page.server import LabelServer
from rayal.labeling.project import Project
from tests.browser import show
from tests.labeling.made_up_projects import log_of

FIRST_ROUND = 6  # images of the projects that these tests label


def open_page(browser, server: LabelServer, *screen) -> None:
    """Open the page on a screen; see `tests.browser.show`."""
    open_address(browser, server.address, *screen)


def open_address(browser, address: str, *screen) -> None:
    show(browser, address, *screen)
    wait_until_answered(browser)


def wait_until_answered(browser) -> None:
    """Wait until the page shows what the server answered last."""
    script = "return !document.body.hasAttribute('aria-busy') && document.title.includes(' of ')"
    wait(browser, lambda: browser.execute_script(script), "an answer of the server")


def wait(browser, ready, what: str) -> None:
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(browser, 20, poll_frequency=0.02).until(lambda _: ready(), what)


def press(browser, *keys: str) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    for key in keys:
        ActionChains(browser).send_keys(key).perform()
        wait_until_answered(browser)


def click(browser, selector: str) -> None:
    from selenium.webdriver.common.by import By

    browser.find_element(By.CSS_SELECTOR, selector).click()
    wait_until_answered(browser)


def name_class(browser, name: str) -> None:
    from selenium.webdriver.common.by import By

    field = browser.find_element(By.ID, "class-name")
    field.send_keys(name)
    field.submit()
    wait_until_answered(browser)


def text(browser, element: str) -> str:
    return browser.execute_script(f"return document.getElementById('{element}').textContent")


def first_answers(project: Project) -> list[Any]:
    """Return the answers on the disk about the first round's images, in their order."""
    current = log_of(project).current()
    return [current.get(rayal_id) for rayal_id in project.pool.ids[:FIRST_ROUND]]
