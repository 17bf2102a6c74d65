import faiss
import numpy as np
import pytest
import torch
from threadpoolctl import threadpool_info

from rayal.contracts import Dataset, Embedding, Split
from rayal.work import check_embedding, pinned

IMAGES = np.zeros((4, 2, 2, 1), dtype=np.uint8)
DATA = Dataset(
    "data", ("a", "b"), Split(IMAGES, np.array([0, 1, 0, 1])), Split(IMAGES[:2], np.array([0, 1]))
)
GOOD = np.ones((4, 3), dtype=np.float32)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_numerical_library_is_pinned(threads: int) -> None:
    with pinned(threads):
        assert torch.get_num_threads() == threads
        assert faiss.omp_get_max_threads() == threads
        pools = {p["num_threads"] for p in threadpool_info() if p["user_api"] == "blas"}
        assert pools <= {threads}


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (GOOD.astype(np.float64), GOOD[:2], r"training features of float64 with shape \(4, 3\)"),
        (GOOD[:3], GOOD[:2], r"shape \(3, 3\) for 4 images"),
        (GOOD, GOOD[0], r"test features of float32 with shape \(3,\)"),
        (GOOD, GOOD[:2] * np.inf, "infinite features for 2 of 2 test images of data"),
    ],
)
def test_an_encoder_that_breaks_the_contract_is_named(
    train: np.ndarray, test: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=f"encoder 'mine' gave .*{message}"):
        check_embedding("mine", Embedding(train, test), DATA)
