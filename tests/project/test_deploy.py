"""The cluster files, held against Ray's and KubeRay's own schemas without any cluster.

Every check is shown to find mistakes: each case spoils a good file in one place.
"""

import copy
import functools
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import ray  # noqa: TID251 - the files are held against the installed Ray
import yaml
from ray.autoscaler._private.util import prepare_config, validate_config  # noqa: TID251

from rayal.run import gpus
from rayal.sweep import cost
from rayal.sweep.file import load_sweep

ROOT = Path(__file__).parent.parent.parent
LAUNCHED = ["aws", "gcp"]
RESULTS = "/home/rayal/runs"
Tree = dict[str, Any]


def load(name: str) -> Tree:
    return yaml.safe_load((ROOT / "deploy" / f"{name}.yaml").read_text())


def put(tree: Any, path: str, value: object) -> None:
    """Set a value by a dotted path; "!" removes the key."""
    *parents, last = path.split(".")
    for key in parents:
        tree = tree[int(key) if key.isdigit() else key]
    if value == "!":
        del tree[last]
    else:
        tree[int(last) if last.isdigit() else last] = value


# Files of `ray up` -----------------------------------------------------------------


def check_launcher_file(tree: Tree) -> None:
    """Ray's schema and validator, then what they do not look at."""
    check_start(tree)
    check_results(tree)


def check_start(tree: Tree) -> None:
    schema = Path(ray.__file__).parent / "autoscaler" / "ray-schema.json"
    jsonschema.validate(tree, json.loads(schema.read_text()))
    validate_config(prepare_config(copy.deepcopy(tree)))
    check_nodes(tree)
    check_commands(tree)
    check_token(tree)


def check_nodes(tree: Tree) -> None:
    types = tree["available_node_types"]
    head, [worker] = types[tree["head_node_type"]], [t for n, t in types.items() if n != "head"]
    assert head["resources"]["CPU"] == 0, "the head would run trials"
    assert worker["resources"]["GPU"] == 1
    assert worker["min_workers"] == 0, "it would cost money while nothing runs"
    assert worker["max_workers"] == tree["max_workers"] == 8
    node = worker["node_config"]
    if tree["provider"]["type"] == "aws":
        assert node.keys() <= RUN_INSTANCES
        assert node["InstanceMarketOptions"]["MarketType"] == "spot"
        # The guide says how to find it; Ray's default has a driver that CUDA 13 does not run on.
        assert all(each["node_config"]["ImageId"] == "REPLACE_AMI" for each in types.values())
    else:
        assert node.keys() <= INSTANCE
        assert node["scheduling"]["provisioningModel"] == "SPOT"
        disks = [each["node_config"]["disks"][0]["initializeParams"] for each in types.values()]
        assert all(disk["sourceImage"] == "REPLACE_SOURCE_IMAGE" for disk in disks)
        assert node["scheduling"]["onHostMaintenance"] == "TERMINATE", "GPU nodes cannot migrate"


LEAST_DRIVER = gpus.LEAST_DRIVER["13"]  # for the CUDA of the images, as the docs build them


def test_the_drivers_asked_for_are_those_of_the_images_cuda() -> None:
    guide = (ROOT / "docs" / "cluster.md").read_text()
    assert "TORCH_BACKEND=cu130 --build-arg CUDA=13.0" in guide
    assert f"NVIDIA driver {LEAST_DRIVER} or later" in guide
    assert f"'family~nvidia-{LEAST_DRIVER}'" in guide
    assert f"LEAST_DRIVER, LEAST_CAPABILITY = {LEAST_DRIVER}, " in (ROOT / "install.py").read_text()


# Names of AWS's RunInstances and of Google's Instance that these files may use.
RUN_INSTANCES = {
    "InstanceType", "InstanceMarketOptions", "BlockDeviceMappings", "ImageId", "IamInstanceProfile",
}  # fmt: skip
INSTANCE = {
    "machineType", "scheduling", "metadata", "disks", "guestAccelerators", "serviceAccounts",
}  # fmt: skip


def commands(tree: Tree) -> Iterator[str]:
    for key in tree:
        if key.endswith("_commands"):
            yield from tree[key]


def check_commands(tree: Tree) -> None:
    for command in commands(tree):
        check_shell(command)
    for kind in ("head", "worker"):
        [start] = [c for c in tree[f"{kind}_start_ray_commands"] if "ray start" in c]
        assert "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=" in start
        check_ray_start(start)
    assert all(tree[key] == [] for key in tree if key.endswith("setup_commands"))


def check_shell(command: str) -> None:
    parsed = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
    assert parsed.returncode == 0, f"{command}: {parsed.stderr}"


def check_ray_start(command: str) -> None:
    """Every option is one that this Ray has; its code is read, as importing it takes long."""
    code = (Path(ray.__file__).parent / "scripts" / "scripts.py").read_text()
    options = re.findall(r"(--[\w-]+)", command[command.index("ray start") :])
    assert {option for option in options if f'"{option}"' not in code} == set()
    assert "--dashboard-host=0.0.0.0" not in command, "the dashboard would be open to the network"


def check_results(tree: Tree) -> None:
    mounted = [o for o in tree["docker"]["run_options"] if o.startswith("-v ")]
    assert mounted == [f"-v /mnt/rayal/runs:{RESULTS}"]
    assert any("mount -t nfs" in c and "/mnt/rayal" in c for c in tree["initialization_commands"])


def check_token(tree: Tree) -> None:
    [(remote, local)] = tree["file_mounts"].items()
    assert local == "~/.rayal"
    assert all(f"RAY_AUTH_TOKEN_PATH={remote}/token" in start for start in starts(tree))


def starts(tree: Tree) -> list[str]:
    return [c for c in commands(tree) if "ray start" in c]


@pytest.mark.parametrize("name", LAUNCHED)
def test_ray_takes_the_file(name: str) -> None:
    check_launcher_file(load(name))


START = "worker_start_ray_commands.1"
MISTAKES = {
    "unknown key": ("min_workers", 1),
    "misspelt key": ("docker.contaner_name", "x"),
    "wrong type": ("idle_timeout_minutes", "5m"),
    "no provider": ("provider", "!"),
    "no cluster name": ("cluster_name", "!"),
    "unknown kind of node": ("head_node_type", "haed"),
    "more workers than allowed": ("available_node_types.gpu_spot.max_workers", 80),
    "workers that stay": ("available_node_types.gpu_spot.min_workers", 1),
    "negative workers": ("max_workers", -1),
    "trials on the head": ("available_node_types.head.resources.CPU", 4),
    "unknown resource type": ("available_node_types.gpu_spot.resources.GPU", "one"),
    "misspelt node option": ("available_node_types.gpu_spot.node_config.Instancetype", "x"),
    "no image": ("docker.image", "!"),
    "results in the container": ("docker.run_options", ["--ulimit nofile=65536:65536"]),
    "no results volume": ("initialization_commands", ["sudo mkdir -p /mnt/rayal"]),
    "token not copied": ("file_mounts", {}),
    "no authentication": (START, "ray start --address=$RAY_HEAD_IP:6379"),
    "shell syntax": ("initialization_commands.2", "mountpoint -q '/mnt/rayal || sudo mount"),
    "unknown option of ray start": (
        START,
        "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=/home/rayal/.rayal/token; "
        "ray start --adress=$RAY_HEAD_IP:6379",
    ),
    "open dashboard": (
        "head_start_ray_commands.1",
        "export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=/home/rayal/.rayal/token; "
        "ray start --head --dashboard-host=0.0.0.0",
    ),
    "another Ray": ("setup_commands", ["pip install ray"]),
}
NOTICED = (jsonschema.ValidationError, AssertionError, ValueError, KeyError)


@pytest.mark.parametrize("name", LAUNCHED)
@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_launcher_file_is_noticed(name: str, mistake: str) -> None:
    tree = load(name)
    put(tree, *MISTAKES[mistake])
    with pytest.raises(NOTICED):
        check_launcher_file(tree)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("aws", "available_node_types.gpu_spot.node_config.InstanceMarketOptions"),
        ("gcp", "available_node_types.gpu_spot.node_config.scheduling.provisioningModel"),
    ],
)
def test_workers_at_full_price_are_noticed(name: str, path: str) -> None:
    tree = load(name)
    put(tree, path, "!")
    with pytest.raises(NOTICED):
        check_launcher_file(tree)


# Results in an object store: what the guide puts into these files ---------------------

GUIDE = ROOT / "docs" / "cluster.md"
IDENTITY = {
    "aws": "available_node_types.gpu_spot.node_config.IamInstanceProfile",
    "gcp": "available_node_types.gpu_spot.node_config.serviceAccounts",
}


def with_object_store(name: str) -> Tree:
    tree = load(name)
    merge(tree, dict(zip(LAUNCHED, map(yaml.safe_load, blocks("yaml")), strict=True))[name])
    return tree


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    return found


def merge(tree: Tree, into: Tree) -> None:
    for key, value in into.items():
        if isinstance(value, dict) and isinstance(tree.get(key), dict):
            merge(tree[key], value)
        else:
            tree[key] = value


def check_object_store(tree: Tree) -> None:
    """Nothing is mounted, and workers have an identity: Ray gives one to the head alone."""
    check_start(tree)
    assert tree["initialization_commands"] == []
    assert not any(option.startswith("-v") for option in tree["docker"]["run_options"])
    node = tree["available_node_types"]["gpu_spot"]["node_config"]
    if tree["provider"]["type"] == "aws":
        assert node["IamInstanceProfile"].keys() == {"Name"}
    else:
        [account] = node["serviceAccounts"]
        assert account["email"]
        assert account["scopes"] == ["https://www.googleapis.com/auth/cloud-platform"]


@pytest.mark.parametrize("name", LAUNCHED)
def test_ray_takes_the_file_with_an_object_store(name: str) -> None:
    check_object_store(with_object_store(name))


@pytest.mark.parametrize("name", LAUNCHED)
@pytest.mark.parametrize("mistake", ["no identity", "still mounted", "misspelt key"])
def test_a_mistake_in_a_file_with_an_object_store_is_noticed(name: str, mistake: str) -> None:
    tree = with_object_store(name)
    seeded: dict[str, tuple[str, object]] = {
        "no identity": (IDENTITY[name], "!"),
        "still mounted": ("docker.run_options", ["-v /mnt/rayal/runs:/home/rayal/runs"]),
        "misspelt key": (IDENTITY[name] + "s", "x"),
    }
    put(tree, *seeded[mistake])
    with pytest.raises(NOTICED):
        check_object_store(tree)


def test_the_guide_submits_sweeps_that_plan_with_results_on_disk_and_in_an_object_store() -> None:
    pattern = r"rayal\.sweep (?:/home/rayal/)?(sweeps/\S+\.yaml)((?: (?:\\\n)?\s*--?\S+ \S+)*)"
    outs = []
    for block in blocks("bash"):
        for path, options in re.findall(pattern, block):
            words = options.replace("\\\n", " ").split()
            changes = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
            assert load_sweep(ROOT / path, changes).name == Path(path).stem
            outs += [words[i + 1] for i, word in enumerate(words) if word == "--out"]
    assert {out.partition("/")[0] for out in outs} >= {"", "s3:"}
    assert "--out gs://" in GUIDE.read_text()


def test_the_bill_of_the_guide_is_what_the_command_prints() -> None:
    [command] = [b for b in blocks("bash") if "resources.price" in b]
    sweep = load_sweep(ROOT / "sweeps" / "medmnist.yaml", re.findall(r"--set (\S+)", command))
    assert f"    Bill: {cost.summary(sweep.hours, sweep.resources)}\n" in GUIDE.read_text()


# The file of KubeRay ---------------------------------------------------------------


@functools.cache
def rayjob(definition: Path) -> jsonschema.Draft7Validator:
    """The resource definition's schema, strict: a field that it does not name is a mistake."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    versions = yaml.load(definition.read_text(), loader)["spec"]["versions"]
    [schema] = [v["schema"]["openAPIV3Schema"] for v in versions if v["name"] == "v1"]
    forbid_others(schema)
    schema["properties"]["metadata"] = {"type": "object", "required": ["name"]}
    schema["properties"]["apiVersion"] = {"const": "ray.io/v1"}
    schema["properties"]["kind"] = {"const": "RayJob"}
    schema["required"] = ["apiVersion", "kind", "metadata", "spec"]
    return jsonschema.Draft7Validator(schema)


def forbid_others(schema: Any) -> None:
    if not isinstance(schema, dict):
        return
    if schema.get("x-kubernetes-int-or-string"):
        schema["type"] = ["integer", "string"]
    inside = list(schema.get("properties", {}).values())
    if inside and not schema.get("x-kubernetes-preserve-unknown-fields"):
        schema.setdefault("additionalProperties", False)
    for part in [*inside, schema.get("items"), schema.get("additionalProperties")]:
        forbid_others(part)


@pytest.fixture
def definition(real_data: Path) -> Path:
    path = real_data / "kuberay-rayjob-crd.yaml"
    if not path.is_file():
        pytest.skip(f"KubeRay's resource definition is not at {path}")
    return path


def load_kuberay() -> Tree:
    claim, job = yaml.safe_load_all((ROOT / "deploy" / "kuberay.yaml").read_text())
    return {"claim": claim, "job": job}


def check_kuberay(tree: Tree, definition: Path) -> None:
    """KubeRay's schema, then what it does not look at."""
    rayjob(definition).validate(tree["job"])
    claim, spec = tree["claim"], tree["job"]["spec"]
    assert claim["kind"] == "PersistentVolumeClaim"
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"], "workers on other nodes write too"
    cluster = spec["rayClusterSpec"]
    head, [workers] = cluster["headGroupSpec"], cluster["workerGroupSpecs"]
    assert cluster["authOptions"]["mode"] == "token"
    assert cluster["enableInTreeAutoscaling"] is True
    assert head["rayStartParams"]["num-cpus"] == "0", "the head would run trials"
    assert workers["minReplicas"] == workers["replicas"] == 0
    for group in (head, workers):
        check_pod(group["template"]["spec"], claim["metadata"]["name"])
    assert workers["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    assert f"--out {RESULTS}/" in spec["entrypoint"]
    assert not set(spec["entrypoint"]) & set("'\"$&;|"), "two shells read it: no quotes"
    assert spec["activeDeadlineSeconds"] > 0
    assert spec["shutdownAfterJobFinishes"] is True
    check_shell(spec["entrypoint"])


def check_pod(pod: Tree, claim: str) -> None:
    assert pod["securityContext"]["runAsNonRoot"] is True
    [container] = pod["containers"]
    [volume] = pod["volumes"]
    assert volume["persistentVolumeClaim"]["claimName"] == claim
    assert container["volumeMounts"] == [{"name": volume["name"], "mountPath": RESULTS}]
    assert {"name": "RAY_AUTH_MODE", "value": "token"} in container["env"]
    limits, requests = container["resources"]["limits"], container["resources"]["requests"]
    assert limits == requests, "Ray would count on what it may not get"


def test_kuberay_takes_the_file(definition: Path) -> None:
    check_kuberay(load_kuberay(), definition)


def test_kuberay_takes_the_file_with_an_object_store(definition: Path) -> None:
    """As the guide says it: no claim, no volumes, a service account for each pod."""
    job = load_kuberay()["job"]
    cluster_spec = job["spec"]["rayClusterSpec"]
    for group in (cluster_spec["headGroupSpec"], *cluster_spec["workerGroupSpecs"]):
        pod = group["template"]["spec"]
        del pod["volumes"], pod["containers"][0]["volumeMounts"]
        pod["serviceAccountName"] = "rayal"
    entrypoint = job["spec"]["entrypoint"].replace(f"--out {RESULTS}", "--out s3://bucket/runs")
    job["spec"]["entrypoint"] = entrypoint.replace(f"{RESULTS}/data", "/home/rayal/data")
    rayjob(definition).validate(job)
    assert RESULTS not in job["spec"]["entrypoint"]
    assert "`serviceAccountName: rayal`" in GUIDE.read_text()


CLUSTER = "job.spec.rayClusterSpec"
WORKERS = f"{CLUSTER}.workerGroupSpecs.0"
KUBERAY_MISTAKES = {
    "misspelt key": (f"{CLUSTER}.enableInTreeAutoscalling", True),
    "unknown version": (f"{CLUSTER}.autoscalerOptions.version", "v3"),
    "unknown kind of authentication": (f"{CLUSTER}.authOptions.mode", "basic"),
    "no authentication": (f"{CLUSTER}.authOptions.mode", "disabled"),
    "wrong type": (f"{WORKERS}.maxReplicas", "8"),
    "no name of the group": (f"{WORKERS}.groupName", "!"),
    "no template": (f"{WORKERS}.template", "!"),
    "misspelt in the pod": (f"{WORKERS}.template.spec.containers.0.volumMounts", []),
    "unknown API": ("job.apiVersion", "ray.io/v1beta1"),
    "trials on the head": (f"{CLUSTER}.headGroupSpec.rayStartParams.num-cpus", "4"),
    "no volume": (f"{WORKERS}.template.spec.volumes.0.persistentVolumeClaim.claimName", "other"),
    "a volume for one node": ("claim.spec.accessModes", ["ReadWriteOnce"]),
    "as root": (f"{WORKERS}.template.spec.securityContext.runAsNonRoot", False),
    "workers that stay": (f"{WORKERS}.minReplicas", 1),
    "no autoscaling": (f"{CLUSTER}.enableInTreeAutoscaling", "!"),
    "no end to the bill": ("job.spec.activeDeadlineSeconds", "!"),
    "shell syntax": ("job.spec.entrypoint", f"python -m rayal.sweep 'a --out {RESULTS}/a"),
}


@pytest.mark.parametrize("mistake", KUBERAY_MISTAKES)
def test_a_mistake_in_the_kuberay_file_is_noticed(definition: Path, mistake: str) -> None:
    tree = load_kuberay()
    put(tree, *KUBERAY_MISTAKES[mistake])
    with pytest.raises(NOTICED):
        check_kuberay(tree, definition)


# All three --------------------------------------------------------------------------


def test_the_versions_of_ray_agree() -> None:
    [pinned] = re.findall(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert load_kuberay()["job"]["spec"]["rayClusterSpec"]["rayVersion"] == pinned


def test_the_sweep_of_the_rayjob_is_one_that_fits_the_workers() -> None:
    tree = load_kuberay()["job"]["spec"]
    words = tree["entrypoint"].split()
    sweep = ROOT / "sweeps" / Path(words[words.index("rayal.sweep") + 1]).name
    changes = [words[i + 1] for i, word in enumerate(words) if word == "--set"]
    asked = load_sweep(sweep, changes)
    data = [entry.given for part in asked.parts.values() for entry in part.datasets]
    assert all(given == {"root": f"{RESULTS}/data", "download": True} for given in data)
    resources = asked.resources
    [workers] = tree["rayClusterSpec"]["workerGroupSpecs"]
    assert resources.autoscale is not None
    assert resources.autoscale.nodes == workers["maxReplicas"]
    assert str(int(resources.autoscale.cpus)) == workers["rayStartParams"]["num-cpus"]
    assert str(int(resources.autoscale.gpus)) == workers["rayStartParams"]["num-gpus"]
    for share in (resources.pretrain, resources.trial):
        assert share.cpus <= resources.autoscale.cpus
        assert share.gpus <= resources.autoscale.gpus


@pytest.mark.parametrize("name", [*LAUNCHED, "kuberay"])
def test_the_guide_says_what_to_put_for_each_placeholder(name: str) -> None:
    text = (ROOT / "deploy" / f"{name}.yaml").read_text()
    placeholders = set(re.findall(r"REPLACE_\w+", text))
    assert placeholders
    assert {p for p in placeholders if p not in GUIDE.read_text()} == set()


def test_every_shell_command_of_the_guide_parses() -> None:
    blocks: list[str] = re.findall(r"```(?:bash|sh)\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    assert len(blocks) >= 5
    check: Callable[[str], None] = check_shell
    for block in blocks:
        check(block)
