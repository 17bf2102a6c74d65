"""Work of a report that other processes do."""

import errno
import os
import queue
import threading
import time
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

import loky
import psutil
import pytest

from analysis import processes
from analysis.figures.render import begin_drawing, rendered_figures
from analysis.figures.spec import FigureSpec
from analysis.figures.style import new_figure
from analysis.processes import computed_beside
from rayal.doctor.checks.memory import Memory
from tests.scripts import run_script


@pytest.fixture
def two_processes(monkeypatch):
    monkeypatch.setattr(processes, "MOST", 2)
    monkeypatch.setattr(processes, "allowed_cpus", lambda: 2)
    processes.number_of_processes.cache_clear()
    yield
    processes.number_of_processes.cache_clear()


@pytest.fixture(autouse=True, scope="module")
def no_process_outlives_the_tests():
    yield
    loky.get_reusable_executor().shutdown(kill_workers=True)


def lost_elsewhere(home):
    if os.getpid() != home:
        os._exit(1)
    return "here"


def test_another_process_computes(two_processes):
    processes.start()
    assert computed_beside(os.getpid)() != os.getpid()


@pytest.fixture
def begun(two_processes, monkeypatch):
    """Work that was sent to processes, which never begin it."""
    futures: list[Future[None]] = []

    def send(_executor, _function, *_arguments):
        futures.append(Future())
        return futures[-1]

    monkeypatch.setattr(processes, "_send", send)
    return futures


def test_one_process_imports_after_another(begun):
    processes.start()
    assert len(begun) == 1
    begun[0].set_result(None)
    assert len(begun) == 2
    begun[1].set_result(None)
    assert len(begun) == 2


@pytest.mark.parametrize("error", [BrokenProcessPool(), ImportError("scikit-learn")])
def test_where_one_process_cannot_import_the_others_are_left_alone(begun, error):
    processes.start()
    begun[0].set_exception(error)
    assert len(begun) == 1


def test_nothing_is_imported_where_there_is_no_other_process(begun, monkeypatch):
    monkeypatch.setattr(processes, "allowed_cpus", lambda: 1)
    processes.start()
    assert not begun


@pytest.mark.slow
def test_a_process_has_imported_what_figures_take_and_the_libraries_named():
    script = (
        "import sys; from analysis import processes; processes._import(['zipapp']); "
        "print({'analysis.figures.curves', 'zipapp'} <= set(sys.modules))"
    )
    process = run_script(script)
    assert process.stdout == "True\n"


@pytest.mark.slow
def test_a_process_that_ends_while_others_are_started_says_nothing():
    script = "from analysis import processes; processes.start('sklearn.cluster')"
    process = run_script(script)
    assert process.stdout == process.stderr == ""


def test_all_is_computed_here_where_there_is_no_other_cpu(two_processes, monkeypatch):
    monkeypatch.setattr(processes, "allowed_cpus", lambda: 1)
    assert computed_beside(os.getpid)() == os.getpid()


def test_all_is_computed_here_where_memory_is_little(two_processes, monkeypatch):
    monkeypatch.setattr(processes, "usable_memory", lambda: Memory(2**30, 900_000_000))
    assert computed_beside(os.getpid)() == os.getpid()


def test_all_is_computed_here_where_no_process_can_be_started(two_processes, monkeypatch):
    def refuse(*_arguments, **_options):
        raise OSError(errno.ENOSPC, "no room for semaphores in /dev/shm")

    monkeypatch.setattr(loky, "get_reusable_executor", refuse)
    assert computed_beside(os.getpid)() == os.getpid()


def test_work_whose_process_is_lost_is_done_here(two_processes):
    assert computed_beside(lost_elsewhere, os.getpid())() == "here"
    assert computed_beside(os.getpid)() != os.getpid()


def test_work_that_cannot_be_sent_is_done_here(two_processes):
    lock = threading.Lock()
    assert computed_beside(lambda: lock.locked())() is False


def test_an_error_of_the_work_is_raised(two_processes):
    with pytest.raises(ValueError, match="invalid literal"):
        computed_beside(int, "x")()


def test_nothing_is_sent_where_others_would_import_another_package(
    two_processes, monkeypatch, tmp_path
):
    (tmp_path / "analysis").mkdir()
    (tmp_path / "analysis" / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    assert computed_beside(os.getpid)() == os.getpid()


def test_no_more_processes_start_than_are_asked_for(two_processes, monkeypatch):
    """loky keeps an executor for each thread, and that of its own callbacks is another."""
    sent, send = queue.Queue(), processes._send

    def send_and_tell(*arguments):
        future = send(*arguments)
        sent.put(future)
        return future

    monkeypatch.setattr(processes, "_send", send_and_tell)
    loky.get_reusable_executor().shutdown(kill_workers=True)
    before = set(psutil.Process().children())
    processes.start()
    for _ in range(2):
        sent.get(timeout=600).result()
    started = set(psutil.Process().children()) - before
    assert len([child for child in started if "resource_tracker" not in child.cmdline()[-1]]) == 2


def test_a_report_leaves_no_process(two_processes):
    @processes.at_hand()
    def report():
        return computed_beside(os.getpid)()

    with pytest.raises(ProcessLookupError):
        os.kill(report(), 0)


def test_an_interrupted_report_leaves_no_process(two_processes):
    process = computed_beside(os.getpid)()

    @processes.at_hand()
    def interrupted_report():
        for _ in range(4):
            computed_beside(time.sleep, 600)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted_report()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_figures_drawn_by_another_process_are_the_same(two_processes):
    def draw():
        figure = new_figure(2, 1)
        figure.subplots().plot([1, 2], [3, 1])
        return figure

    specs = [FigureSpec("curves", f"place-{k}", "", "", "", "", draw) for k in range(3)]
    beside, here = (
        rendered_figures([(spec, begin_drawing(spec, ahead=ahead)) for spec in specs])
        for ahead in (True, False)
    )
    assert [figure.name for figure in beside] == [figure.name for figure in here]
    assert [figure.files for figure in beside] == [figure.files for figure in here]
