"""Networks of others in ONNX files: layouts, types, ranges, batches, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate.foreign_open import open_foreign
from hw_anon.evaluate.onnx_modifier import VALUES_KEY, OnnxModifier, ValueRange

onnx = pytest.importorskip("onnx", reason="missing: onnx")
pytest.importorskip("onnxruntime", reason="missing: onnxruntime")

CROPS = np.random.default_rng(0).integers(0, 256, (5, 16, 16, 3), dtype=np.uint8)


def write_net(
    path: Path,
    *,
    shape: tuple[Any, ...] = ("n", 3, 16, 16),
    out_shape: tuple[Any, ...] | None = None,
    dtype: int = 1,
    scale: float = -1.0,
    shift: float = 1.0,
    values: str | None = None,
) -> Path:
    """A network that multiplies and adds: with -1 and 1, the negative of values from 0 to 1."""
    from onnx import helper

    kind = helper.tensor_dtype_to_np_dtype(dtype).type
    constants = [
        helper.make_tensor(name, dtype, [], [kind(value)]) for name, value in (("a", abs(scale)), ("b", shift))
    ]
    minus = [helper.make_node("Sub", ["b", "x"], ["y"])] if scale < 0 else []
    plus = [helper.make_node("Mul", ["x", "a"], ["m"]), helper.make_node("Add", ["m", "b"], ["y"])]
    graph = helper.make_graph(
        minus or plus,
        "net",
        [helper.make_tensor_value_info("x", dtype, shape)],
        [helper.make_tensor_value_info("y", dtype, out_shape or shape)],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if values is not None:
        helper.set_model_props(model, {VALUES_KEY: values})
    onnx.save(model, str(path))
    return path


@pytest.mark.parametrize("shape", [("n", 3, 16, 16), ("n", 16, 16, 3), (2, 3, 16, 16), (1, 16, 16, 3)], ids=str)
def test_layouts_and_batches(shape: tuple[Any, ...], tmp_path: Path) -> None:
    backend = OnnxModifier(write_net(tmp_path / "net.onnx", shape=shape), crop_side=99, values="0..1")
    assert (backend.name, backend.crop_side) == ("net", 16)
    assert np.array_equal(backend.modify(CROPS), 255 - CROPS)
    with pytest.raises(ContractError, match="net: crops must be uint8 of shape"):
        backend.modify(CROPS[:, :8])


def test_a_size_that_is_left_open_is_the_callers(tmp_path: Path) -> None:
    file = write_net(tmp_path / "net.onnx", shape=("n", 3, "h", "w"))
    method = open_foreign(f"mine={file}", crop_side=16, values="0..1")
    assert (method.backend.name, method.crop_side) == ("mine", 16)
    assert np.array_equal(method.backend.modify(CROPS), 255 - CROPS)


def test_bytes_need_no_range(tmp_path: Path) -> None:
    backend = OnnxModifier(write_net(tmp_path / "net.onnx", dtype=2, shift=255), crop_side=16)
    assert np.array_equal(backend.modify(CROPS), 255 - CROPS)


@pytest.mark.parametrize(("values", "scale", "shift"), [("0..255", -1, 255), ("-1..1", -1, 0), ("0..1,-1..1", 2, -1)])
def test_ranges_are_said_or_in_the_file(values: str, scale: float, shift: float, tmp_path: Path) -> None:
    expected = CROPS if scale > 0 else 255 - CROPS
    file = write_net(tmp_path / "net.onnx", scale=scale, shift=shift)
    assert np.array_equal(OnnxModifier(file, crop_side=16, values=values).modify(CROPS), expected)
    with pytest.raises(ConfigError, match="--onnx-values 0..1"):
        OnnxModifier(file, crop_side=16)
    write_net(file, scale=scale, shift=shift, values=values)
    assert np.array_equal(OnnxModifier(file, crop_side=16).modify(CROPS), expected)


def test_a_little_too_much_is_clipped_far_too_much_refused(tmp_path: Path) -> None:
    file = write_net(tmp_path / "net.onnx", scale=1, shift=0.2)
    brighter = np.minimum(CROPS.astype(int) + 51, 255)
    assert np.array_equal(OnnxModifier(file, crop_side=16, values="0..1").modify(CROPS), brighter)
    write_net(file, scale=255, shift=0)
    with pytest.raises(ContractError, match=r"far outside 0\.\.1"):
        OnnxModifier(file, crop_side=16, values="0..1").modify(CROPS)
    write_net(file, scale=1, shift=float("nan"))
    with pytest.raises(ContractError, match="no numbers"):
        OnnxModifier(file, crop_side=16, values="0..1").modify(CROPS)


def _missing(path: Path) -> Path:
    return path


def _damaged(path: Path) -> Path:
    path.write_bytes(b"no network")
    return path


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_missing, "no such file"),
        (_damaged, "cannot load it"),
        (lambda path: write_net(path, shape=("n", 1, 16, 16)), "put a function around it"),
        (lambda path: write_net(path, shape=("n", 3, 112, 96)), "put a function around it"),
        (lambda path: write_net(path, dtype=11), "expected one of"),
    ],
)
def test_what_is_no_network_of_crops_is_named(make: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=message):
        OnnxModifier(make(tmp_path / "net.onnx"), crop_side=16, values="0..1")


@pytest.mark.parametrize("text", ["1", "1..0", "0-1", "0..1,5", "0..0"])
def test_ranges_that_make_no_sense(text: str) -> None:
    with pytest.raises(ConfigError, match="range of values"):
        ValueRange.parse(text)
