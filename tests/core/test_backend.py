"""Comparison of two backends: a link of the equivalence chain."""

from __future__ import annotations

import numpy as np
import pytest

from hw_anon.core.backend import Link, compare_outputs, require_crops, whole_bytes
from hw_anon.core.errors import ContractError

CROPS = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3), dtype=np.uint8)


def test_equal_outputs() -> None:
    link = compare_outputs("qat", "twin", CROPS, CROPS.copy(), note="random stalls")
    assert link.as_json() == {
        "from": "qat",
        "to": "twin",
        "crops": 4,
        "differing_bytes": 0,
        "note": "random stalls",
    }


@pytest.mark.parametrize("count", [1, 3, 100])
def test_counts_every_differing_byte(count: int) -> None:
    other = CROPS.copy().reshape(-1)
    other[:count] ^= 1
    assert compare_outputs("a", "b", CROPS, other.reshape(CROPS.shape)).differing_bytes == count


@pytest.mark.parametrize(
    ("reference", "candidate"),
    [(CROPS, CROPS[:3]), (CROPS[:3], CROPS), (CROPS, CROPS[..., :1]), (CROPS, CROPS[:0]), (CROPS[:0], CROPS)],
)
def test_another_shape_differs_everywhere(reference: np.ndarray, candidate: np.ndarray) -> None:
    """Broadcasting must not make a wrong shape look equal."""
    link = compare_outputs("a", "b", reference, candidate)
    assert link.differing_bytes == max(reference.size, candidate.size)


def test_lists_of_crops_work() -> None:
    assert compare_outputs("a", "b", list(CROPS), CROPS) == Link(source="a", target="b", crops=4, differing_bytes=0)


def test_a_link_without_a_note_has_no_note() -> None:
    assert "note" not in compare_outputs("a", "b", CROPS, CROPS).as_json()


@pytest.mark.parametrize(
    "crops",
    [CROPS[0], CROPS[..., :1], CROPS.astype(np.int64), CROPS.tolist(), CROPS[:, :, :, None]],
    ids=["no batch", "channels", "dtype", "no array", "rank"],
)
def test_refuses_what_is_no_batch_of_crops(crops: object) -> None:
    require_crops(CROPS[:0], (8, 8, 3), backend="twin")
    with pytest.raises(ContractError, match="twin: crops must be"):
        require_crops(crops, (8, 8, 3), backend="twin")  # type: ignore[arg-type]


@pytest.mark.parametrize("dtype", [np.float32, np.int64])
def test_whole_bytes_are_kept(dtype: type) -> None:
    assert np.array_equal(whole_bytes(CROPS.astype(dtype), backend="rtl"), CROPS)


@pytest.mark.parametrize("value", [-1, 256, 0.5, np.nan, np.inf])
def test_nothing_is_rounded_clipped_or_wrapped(value: float) -> None:
    with pytest.raises(ContractError, match=r"rtl returned values that are not whole numbers in 0\.\.255"):
        whole_bytes(np.array([1, value, 2]), backend="rtl")
