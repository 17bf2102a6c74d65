"""No container engine is needed to see that the Dockerfile fits the project."""

import json
import re
import subprocess
from pathlib import Path

import pytest
from dockerfile_parse import DockerfileParser

ROOT = Path(__file__).parent.parent.parent


def steps(text: str, folder: Path) -> list[tuple[str, str]]:
    """Instructions and their values, lines joined, comments left out."""
    parser = DockerfileParser(path=str(folder / "Dockerfile"), build_args={})
    parser.content = text
    return [
        (s["instruction"], s["value"]) for s in parser.structure if s["instruction"] != "COMMENT"
    ]


@pytest.fixture
def image(tmp_path: Path) -> list[tuple[str, str]]:
    return steps((ROOT / "Dockerfile").read_text(), tmp_path)


def last_stage(image: list[tuple[str, str]]) -> list[tuple[str, str]]:
    starts = [number for number, (name, _) in enumerate(image) if name == "FROM"]
    return image[starts[-1] :]


def values(image: list[tuple[str, str]], name: str) -> list[str]:
    return [value for instruction, value in image if instruction == name]


KNOWN = {"ARG", "CMD", "COPY", "ENV", "FROM", "HEALTHCHECK", "RUN", "USER", "WORKDIR"}


def test_every_instruction_is_one_that_is_meant(image: list[tuple[str, str]]) -> None:
    assert {name for name, _ in image} == KNOWN


def test_every_copied_path_exists(image: list[tuple[str, str]]) -> None:
    copied = [
        source
        for rest in values(image, "COPY")
        if not rest.startswith("--from")
        for source in rest.split()[:-1]
    ]
    assert len(copied) >= 6
    assert [source for source in copied if not (ROOT / source).exists()] == []


def test_every_package_of_the_wheel_and_its_metadata_is_copied(
    image: list[tuple[str, str]],
) -> None:
    project = (ROOT / "pyproject.toml").read_text()
    wheel = project[project.index("[tool.hatch.build.targets.wheel]") :]
    packages = re.findall(r'"(\w+)"', wheel.splitlines()[1])
    assert packages
    copied = {source for rest in values(image, "COPY") for source in rest.split()}
    assert {*packages, "README.md", "pyproject.toml", "constraints.txt"} <= copied


def test_every_shell_command_parses(image: list[tuple[str, str]]) -> None:
    for command in values(image, "RUN"):
        parsed = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True)
        assert parsed.returncode == 0, f"{command}: {parsed.stderr}"


@pytest.mark.parametrize(
    ("extras", "replaced"), [("", False), ("gpu", True), ("aws,gpu", True), ("gpu,aws", True)]
)
def test_faiss_is_replaced_where_gpu_is_among_the_extras(
    image: list[tuple[str, str]], extras: str, replaced: bool
) -> None:
    [install] = [command for command in values(image, "RUN") if "faiss-gpu" in command]
    said = subprocess.run(
        ["bash", "-euc", f"uv() {{ echo uv $*; }}\n{install}"],
        env={"EXTRAS": extras, "TORCH_BACKEND": "cu130", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert ("--no-deps -c constraints.txt faiss-gpu" in said) == replaced
    assert (f".[{extras}]" if extras else "constraints.txt .\n") in said


def test_the_image_runs_as_an_ordinary_user_with_token_authentication(
    image: list[tuple[str, str]],
) -> None:
    [user] = values(last_stage(image), "USER")
    assert user not in ("root", "0")
    made = " ".join(values(last_stage(image), "RUN"))
    assert f"useradd --create-home --uid 1000 {user}" in made
    names = [name for name, _ in last_stage(image)]
    assert names.index("USER") > max(n for n, name in enumerate(names) if name in ("RUN", "COPY"))
    assert any("RAY_AUTH_MODE=token" in rest for rest in values(last_stage(image), "ENV"))


def test_every_version_is_pinned(image: list[tuple[str, str]]) -> None:
    arguments = dict(a.split("=", 1) for a in values(image, "ARG"))
    assert re.fullmatch(r"3\.11\.\d+-slim-\w+", arguments["PYTHON"])
    froms = values(image, "FROM")
    assert {value.split()[0] for value in froms} == {"python:${PYTHON}"}
    installed = [w for c in values(image, "RUN") if "pip install" in c for w in c.split()]
    assert any(word.startswith("uv==") for word in installed)
    assert "-c constraints.txt" in " ".join(values(image, "RUN"))


def test_layers_leave_nothing_behind(image: list[tuple[str, str]]) -> None:
    for command in values(image, "RUN"):
        for install in re.findall(r"pip install [^&]*", command):
            assert "--no-cache" in install
        if "apt-get install" in command:
            assert "--no-install-recommends" in command
            assert "rm -rf /var/lib/apt/lists/*" in command
    assert not {"pip", "uv"} & {c.split()[0] for c in values(last_stage(image), "RUN")}


def test_the_health_check_is_a_command_that_python_takes(image: list[tuple[str, str]]) -> None:
    [check] = values(image, "HEALTHCHECK")
    options, _, command = check.partition("CMD ")
    assert {"--interval", "--timeout", "--start-period", "--retries"} == set(
        re.findall(r"--[\w-]+", options)
    )
    program, flag, code = json.loads(command)
    assert (program, flag) == ("python", "-c")
    compile(code, "HEALTHCHECK", "exec")
    assert "http://127.0.0.1:52365/api/local_raylet_healthz" in code


def test_login_shells_find_python_and_launchers_their_tools(image: list[tuple[str, str]]) -> None:
    """`ray up` runs `bash --login` in the container, copies by rsync, reaches workers by ssh."""
    made = " ".join(values(last_stage(image), "RUN"))
    assert "export PATH=/opt/rayal/bin:$PATH" in made
    assert "/etc/profile.d/" in made
    assert {"rsync", "openssh-client"} <= set(made.split())
    assert not values(image, "ENTRYPOINT"), "launchers give a command and no entry point"


def test_the_command_runs_a_sweep_that_is_in_the_image(image: list[tuple[str, str]]) -> None:
    [command] = values(image, "CMD")
    words = json.loads(command)
    assert words[-3:-1] == ["-m", "rayal.sweep"]
    assert (ROOT / words[-1]).is_file()
    assert words[0] in " ".join(values(last_stage(image), "RUN")).split()


@pytest.mark.parametrize("argument", ["PYTHON", "TORCH_BACKEND", "EXTRAS", "CUDA"])
def test_every_build_argument_is_declared_and_used(
    image: list[tuple[str, str]], argument: str
) -> None:
    assert any(value.startswith(argument) for value in values(image, "ARG"))
    assert [rest for name, rest in image if name != "ARG" and "${" + argument in rest]


@pytest.mark.parametrize(("cuda", "built"), [("", False), ("13.0", True)])
def test_an_image_for_cuda_says_which_so_that_older_drivers_are_refused(
    image: list[tuple[str, str]], cuda: str, built: bool
) -> None:
    [check] = [command for command in values(image, "RUN") if "${CUDA}" in command]
    environment = {"TORCH_BACKEND": "cu130", "CUDA": cuda, "PATH": "/usr/bin:/bin"}
    ended = subprocess.run(["bash", "-euc", check], env=environment, check=False)
    assert (ended.returncode == 0) == built
    subprocess.run(["bash", "-euc", check], env={**environment, "TORCH_BACKEND": "cpu"}, check=True)
    assert any("NVIDIA_REQUIRE_CUDA=${CUDA:+cuda>=}${CUDA}" in e for e in values(image, "ENV"))


@pytest.mark.parametrize("extras", ["", "aws", "gpu,aws"])
def test_an_image_for_gpus_has_the_compiler_that_triton_asks_for(
    image: list[tuple[str, str]], extras: str
) -> None:
    [install] = [command for command in values(image, "RUN") if "apt-get install" in command]
    stubs = "apt-get() { echo $*; }; rm() { :; }; useradd() { :; }; install() { :; }"
    ran = install.partition(" && echo ")[0]
    environment = {"EXTRAS": extras, "PATH": "/usr/bin:/bin"}
    command = ["bash", "-euc", f"{stubs}\n{ran}"]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert ("gcc libc6-dev" in said.stdout) == ("gpu" in extras)


MISTAKES = {
    "root": ("USER rayal\n", ""),
    "user too early": ("RUN apt-get update", "USER rayal\nRUN apt-get update"),
    "floating base": ("PYTHON=3.11.14-slim-bookworm", "PYTHON=3"),
    "lists of packages kept": (" \\\n    && rm -rf /var/lib/apt/lists/*", ""),
    "no authentication": ("RAY_AUTH_MODE=token ", ""),
    "a file that is not there": ("COPY sweeps ", "COPY sweep "),
    "a package forgotten": ("COPY analysis ./analysis\n", ""),
    "shell syntax": ("esac", "esca"),
    "unknown instruction": ("WORKDIR /home", "WORKDIRR /home"),
    "no health check": ("HEALTHCHECK", "#"),
    "health check is no Python": ("from urllib.request", "from import"),
    "an entry point": ('CMD ["tini"', 'ENTRYPOINT ["tini"'),
}
CHECKS = [
    test_every_instruction_is_one_that_is_meant,
    test_every_copied_path_exists,
    test_every_package_of_the_wheel_and_its_metadata_is_copied,
    test_every_shell_command_parses,
    test_the_image_runs_as_an_ordinary_user_with_token_authentication,
    test_every_version_is_pinned,
    test_layers_leave_nothing_behind,
    test_the_health_check_is_a_command_that_python_takes,
    test_login_shells_find_python_and_launchers_their_tools,
    test_the_command_runs_a_sweep_that_is_in_the_image,
]


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_noticed(mistake: str, tmp_path: Path) -> None:
    text, (good, bad) = (ROOT / "Dockerfile").read_text(), MISTAKES[mistake]
    assert good in text
    spoilt = steps(text.replace(good, bad, 1), tmp_path)
    noticed = []
    for check in CHECKS:
        try:
            check(spoilt)
        except (AssertionError, ValueError, SyntaxError):
            noticed.append(check.__name__)
    assert noticed
