import threading

import pytest

from rayal.labeling.page.desk import Desk
from rayal.labeling.page.server import LabelServer
from tests.labeling.made_up_projects import log_of


@pytest.fixture
def server(project):
    """The labeling page of the test's project, served."""
    served = LabelServer(project, Desk(project, log_of(project)))
    thread = threading.Thread(target=served.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield served
    served.shutdown()
    served.server_close()
    thread.join()


@pytest.fixture
def clean_browser(browser, server):
    """A browser without messages of earlier pages, which leaves the server before it ends."""
    browser.get_log("browser")
    yield
    browser.get("about:blank")
