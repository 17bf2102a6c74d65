import pytest

from tests.analysis.made_up_runs import component, cycles_run, single_query_run


@pytest.fixture(scope="session")
def single_query(tmp_path_factory):
    """Four strategies at three budgets; one trial failed, one is missing, one was left out."""
    run = single_query_run(tmp_path_factory.mktemp("single"))
    run.failed(run.trial(component("kmeans"), 98, [20]), "RuntimeError: out of <memory>")
    run.trial(component("kmeans"), 99, [20])
    run.left_out()
    run.mapped()
    return run.write()


@pytest.fixture(scope="session")
def cycles(tmp_path_factory):
    """Three initial x three query strategies, four rounds, all done."""
    return cycles_run(tmp_path_factory.mktemp("cycles")).write()
