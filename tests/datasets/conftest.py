from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test reads or leaves anything in the home of who runs it."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("RAYAL_CACHE", str(cache))
    monkeypatch.delenv("RAYAL_DATA", raising=False)
    return cache
