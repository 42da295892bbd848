"""Models that must be refused before they cost a build."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.contract import CONTRACT_FILE, MODEL_FILE, NetContract, TensorSpec
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_file

pytestmark = pytest.mark.finn

onnx = pytest.importorskip("onnx", reason="onnx is not installed (extra finn)")
SHAPE = (1, 8, 8, 3)


def _write(
    directory: Path, op: str = "Add", shape: tuple[int, ...] = SHAPE, layout: str = "NHWC", datatype: str = "UINT8"
) -> Path:
    """Writes a one-operator model with a contract that matches its bytes."""
    from onnx import TensorProto, helper, numpy_helper

    inputs = ["x", "c"] if op in ("Add", "Mul") else ["x"]
    graph = helper.make_graph(
        [helper.make_node(op, inputs, ["y"], name="the_node")],
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, SHAPE)],
        [numpy_helper.from_array(np.ones(1, np.float32), "c")] if len(inputs) == 2 else [],
    )
    directory.mkdir(exist_ok=True)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), directory / MODEL_FILE)
    spec = TensorSpec(name="x", shape=shape, datatype=datatype, layout=layout)
    NetContract(
        name="t",
        role="modifier",
        input=spec,
        outputs=(TensorSpec(name="y", shape=SHAPE, datatype="UINT8"),),
        model_sha256=sha256_file(directory / MODEL_FILE),
        weights_sha256="",
        macs_per_inference=0,
    ).save(directory)
    return directory


def _read(directory: Path) -> None:
    from hls.flow.ingest import read_model

    read_model(directory)


def test_a_matching_model_is_read(tmp_path: Path) -> None:
    _read(_write(tmp_path))


@pytest.mark.parametrize(
    ("kwargs", "says"),
    [
        ({"op": "Sigmoid"}, "Sigmoid .the_node.: end the net in an unsigned 8-bit"),
        ({"op": "LeakyRelu"}, "use QuantReLU"),
        ({"op": "Erf"}, "not in the family"),
        ({"shape": (1, 3, 8, 8)}, r"has shape \(1, 8, 8, 3\)"),
        ({"layout": "NCHW"}, "streams NHWC"),
        ({"datatype": "INT8"}, "images enter as UINT8"),
    ],
)
def test_a_foreign_model_is_refused_with_its_cause(tmp_path: Path, kwargs: dict[str, object], says: str) -> None:
    with pytest.raises(ContractError, match=says):
        _read(_write(tmp_path, **kwargs))  # type: ignore[arg-type]


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    model = _write(tmp_path) / MODEL_FILE
    model.write_bytes(model.read_bytes()[:-7])
    with pytest.raises(ContractError, match="changed or truncated"):
        _read(tmp_path)


def test_bytes_that_are_not_onnx_are_refused_even_with_a_fitting_hash(tmp_path: Path) -> None:
    _write(tmp_path)
    model, contract = tmp_path / MODEL_FILE, tmp_path / CONTRACT_FILE
    before = sha256_file(model)
    model.write_bytes(b"\xff" * 400)
    contract.write_text(contract.read_text().replace(before, sha256_file(model)))
    with pytest.raises(ContractError, match="not an ONNX file"):
        _read(tmp_path)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    _write(tmp_path)
    (tmp_path / MODEL_FILE).unlink()
    with pytest.raises(ContractError, match=r"model\.onnx is missing"):
        _read(tmp_path)
