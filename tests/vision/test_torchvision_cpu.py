import pytest

from tests.scripts import run_script

pytestmark = pytest.mark.slow


def run(code: str) -> str:
    return run_script(code, options=["-W", "error"]).stdout.strip()


def test_models_and_transforms_work_in_a_fresh_process() -> None:
    shape = run(
        "from rayal.vision.torchvision_cpu import torchvision\n"
        "import torch\n"
        "net = torchvision().models.resnet18(weights=None)\n"
        "print(tuple(net.eval()(torch.zeros(1, 3, 28, 28)).shape))\n"
        "import torchvision.transforms.v2"
    )
    assert shape == "(1, 1000)"


def test_a_second_call_changes_nothing() -> None:
    same = run(
        "from rayal.vision.torchvision_cpu import torchvision\n"
        "first = torchvision()\n"
        "torchvision.cache_clear()\n"
        "print(first is torchvision())"
    )
    assert same == "True"


def test_medmnist_can_be_imported_afterwards() -> None:
    classes = run(
        "from rayal.vision.torchvision_cpu import torchvision\n"
        "torchvision()\n"
        "import warnings\n"
        "warnings.simplefilter('ignore')\n"
        "import medmnist\n"
        "print(len(medmnist.INFO['bloodmnist']['label']))"
    )
    assert classes == "8"


def test_operators_that_exist_are_left_alone() -> None:
    answer = run(
        "import torch\n"
        "torch.library.define('torchvision::nms', '(Tensor a, Tensor b, float c) -> Tensor')\n"
        "torch.library.impl('torchvision::nms', 'cpu', lambda a, b, c: a + 1)\n"
        "from rayal.vision.torchvision_cpu import _declare_operators\n"
        "_declare_operators()\n"
        "x = torch.zeros(1)\n"
        "print(torch.ops.torchvision.nms(x, x, 0.5).item(),"
        " hasattr(torch.ops.torchvision, 'qnms'))"
    )
    assert answer == "1.0 True"


def test_a_missing_torchvision_is_named_with_the_way_to_get_it() -> None:
    message = run(
        "import importlib.util\n"
        "importlib.util.find_spec = lambda name: None\n"
        "from rayal.vision.torchvision_cpu import torchvision\n"
        "try:\n"
        "    torchvision()\n"
        "except ModuleNotFoundError as error:\n"
        "    print(error)"
    )
    assert message == "torchvision is not installed: pip install torchvision"
