from analysis.sections.failures import failures
from analysis.study.study import read_study


def test_failures_name_the_error_and_the_log(single_query):
    single = read_study(single_query)
    found = failures(single)
    assert found["error"].tolist() == ["RuntimeError: out of <memory>"]
    log = single.run.root / found["log"].iloc[0]
    assert log.is_file()
