from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import Field

from rayal.registry import Component, Registry, from_arguments
from rayal.traits import EncoderTraits, StrategyTraits


def sample(
    pool: object,
    *,
    k: Annotated[int, Field(ge=1)] = 3,
    share: float = 0.5,
    order: Literal["up", "down"] = "up",
    taus: tuple[float, ...] = (0.1, 0.2),
    path: str,
) -> None: ...


SAMPLE = Component("strategy", sample, StrategyTraits())


def test_defaults_come_from_the_signature() -> None:
    assert SAMPLE.bind({"path": "x"}) == {
        "k": 3, "share": 0.5, "order": "up", "taus": (0.1, 0.2), "path": "x",
    }  # fmt: skip


def test_a_list_stands_for_a_tuple_and_a_whole_number_for_a_float() -> None:
    bound = SAMPLE.bind({"path": "x", "taus": [1, 2.5], "share": 1})
    assert bound["taus"] == (1.0, 2.5)
    assert bound["share"] == 1.0


def tenfold(pool: object, *, beta: float = 10, steps: tuple[float, ...] = (1, 2)) -> None: ...


def test_a_stated_default_is_the_default_whatever_its_kind_of_number() -> None:
    component = Component("strategy", tenfold, StrategyTraits())
    stated = component.bind({"beta": 10.0, "steps": [1.0, 2.0]})
    assert repr(stated) == repr(component.bind({})) == "{'beta': 10, 'steps': (1, 2)}"
    assert repr(component.bind({"beta": 11})) == "{'beta': 11.0, 'steps': (1, 2)}"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"pth": "x"}, "has no parameter 'pth', did you mean 'path'.*it has k, share, order"),
        ({}, "needs the parameter 'path'"),
        ({"path": "x", "k": 0}, "k=0 is refused: input should be greater than or equal to 1"),
        ({"path": "x", "k": "3"}, "k='3' is refused"),
        ({"path": "x", "k": True}, "k=True is refused"),
        ({"path": "x", "order": "sideways"}, "order='sideways' is refused.*'up' or 'down'"),
        ({"path": 5}, "path=5 is refused"),
    ],
)
def test_wrong_parameters_are_refused_with_the_reason(
    given: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"strategy 'sample'.*{message}"):
        SAMPLE.bind(given)


def test_two_components_of_one_name_are_refused() -> None:
    registry = Registry("strategy", "none", _loaded=True)
    registry.register(StrategyTraits())(sample)

    def other() -> None: ...

    other.__name__, other.__module__ = "sample", "elsewhere"
    with pytest.raises(ValueError, match=r"two strategy components are named 'sample'.*elsewhere"):
        registry.register(StrategyTraits())(other)


@dataclass(frozen=True)
class Recipe:
    k: int
    share: float = 0.5
    steps: int = 1


def test_a_recipe_takes_the_arguments_that_are_named_as_its_fields() -> None:
    assert from_arguments(Recipe, {"k": 3, "path": "x"}, steps=9) == Recipe(3, 0.5, 9)
    with pytest.raises(TypeError, match="'k'"):
        from_arguments(Recipe, {"share": 1.0})


def naming(
    *,
    path: str,
    paths: list[str] = [],  # noqa: B006
    named: dict[str, str] = {},  # noqa: B006
    order: Literal["up", "down"] = "up",
) -> None: ...


def test_texts_that_are_files_are_found_and_words_of_a_choice_are_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "up"):
        Path(name).touch()
    component = Component("encoder", naming, EncoderTraits())
    given = {"path": "a", "paths": ["b", "none"], "named": {"x": "a"}, "order": "up"}
    found = component.files(given)
    assert found == {"path": Path("a"), "paths.0": Path("b"), "named.x": Path("a")}
    for text in (str(tmp_path), "x" * 10_000, "a\0b", ""):
        assert component.files({"path": text}) == {}


def test_a_component_may_say_itself_which_files_it_reads() -> None:
    traits = EncoderTraits(files=lambda params: {"model": Path("cache") / params["path"]})
    assert Component("encoder", naming, traits).files({"path": "a"}) == {"model": Path("cache/a")}
