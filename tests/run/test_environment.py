import pytest
import torch

from rayal.run import environment


def test_without_a_gpu_records_hold_versions_alone() -> None:
    assert environment.computed_with() == environment.versions()


def test_records_say_which_gpu_computed_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda **_: False)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "NVIDIA T4")
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    monkeypatch.setattr(environment, "driver_version", lambda: "580.105.08")
    found = environment.computed_with()
    assert {name: found[name] for name in ("gpu", "driver", "cuda")} == {
        "gpu": "NVIDIA T4", "driver": "580.105.08", "cuda": "13.0",
    }  # fmt: skip
    assert found["precision"].startswith("float32 unless asked otherwise")
    assert set(environment.versions()) < set(found)
