"""The parameter `class_balanced` of strategies that choose one image after another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field
from typing_extensions import NotRequired, TypedDict

from rayal.contracts import Indices, Pool
from rayal.kernels.greedy_balance import ClassBalance
from rayal.scores import STRICT, lacking

# As a call: no class body can hold a field named lambda.
GreedyBalance = TypedDict(
    "GreedyBalance",
    {
        "lambda": Annotated[float, Field(ge=0, allow_inf_nan=False)],
        "divided_by_classes": NotRequired[bool],
    },
)
GreedyBalance.__pydantic_config__ = STRICT  # type: ignore[attr-defined]


def weight_of(balance: GreedyBalance, num_classes: int) -> float:
    """Return the weight of the L1 term: lambda / C as in CBAL's released code, or lambda."""
    return balance["lambda"] / (num_classes if balance.get("divided_by_classes", True) else 1)


def balance_of(
    pool: Pool, budget: int, given: GreedyBalance | None, positions: Indices | None = None
) -> ClassBalance | None:
    """Return what the classes lack of an equal share after this query; None where not asked for.

    positions: (n,) of the images that it numbers from 0; by default those of the pool (N,).
    """
    if given is None:
        return None
    probs = pool.probs if positions is None else pool.probs[positions]
    return ClassBalance(probs, lacking(pool, budget), weight_of(given, pool.num_classes))


def reads_balance(params: Mapping[str, object]) -> set[str]:
    """Name what the parameter reads."""
    return {"predictions"} if params.get("class_balanced") else set()


def check_balance(params: Mapping[str, object], *_: object) -> None:
    """Refuse the parameter beside `collapse`, which leaves images without predictions."""
    if params.get("class_balanced") and params.get("collapse"):
        raise ValueError(
            "class_balanced and collapse are different ways to spread a query: give one of them"
        )
