"""The contract file between quant and hls: what was swapped, truncated or edited is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hw_anon.core.contract import CONTRACT_FILE, MODEL_FILE, NetContract, TensorSpec, load_contract
from hw_anon.core.errors import ContractError
from hw_anon.core.hashing import sha256_bytes

MODEL = bytes(range(256)) * 10


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """An export: a model and its contract."""
    (tmp_path / MODEL_FILE).write_bytes(MODEL)
    contract().save(tmp_path)
    return tmp_path


def contract(**changed: Any) -> NetContract:
    """A contract for `MODEL`."""
    values: dict[str, Any] = {
        "name": "modifier-s",
        "role": "modifier",
        "input": TensorSpec(name="x", shape=(1, 64, 64, 3), datatype="UINT8"),
        "outputs": (TensorSpec(name="y", shape=(1, 64, 64, 3), datatype="UINT8"),),
        "model_sha256": sha256_bytes(MODEL),
        "weights_sha256": "0" * 64,
        "macs_per_inference": 60_000_000,
        "config": {"blocks": 2},
    }
    return NetContract(**{**values, **changed})


def test_round_trip(directory: Path) -> None:
    assert load_contract(directory) == contract()


def test_the_file_is_deterministic(directory: Path) -> None:
    first = (directory / CONTRACT_FILE).read_bytes()
    contract().save(directory)
    assert (directory / CONTRACT_FILE).read_bytes() == first


@pytest.mark.parametrize("missing", [CONTRACT_FILE, MODEL_FILE])
def test_a_missing_file_is_named(directory: Path, missing: str) -> None:
    (directory / missing).unlink()
    with pytest.raises(ContractError, match=f"{missing} is missing; export"):
        load_contract(directory)


@pytest.mark.parametrize("length", [0, 1, len(MODEL) // 2, len(MODEL) - 1])
def test_a_truncated_model_is_refused(directory: Path, length: int) -> None:
    (directory / MODEL_FILE).write_bytes(MODEL[:length])
    with pytest.raises(ContractError, match="changed or truncated"):
        load_contract(directory)


def test_a_swapped_model_is_refused(directory: Path) -> None:
    (directory / MODEL_FILE).write_bytes(MODEL[::-1])
    with pytest.raises(ContractError, match=r"model\.onnx has SHA-256 .* its contract says"):
        load_contract(directory)


def test_every_truncation_of_the_contract_is_refused(directory: Path) -> None:
    data = (directory / CONTRACT_FILE).read_bytes().rstrip()
    for length in range(0, len(data), 7):
        (directory / CONTRACT_FILE).write_bytes(data[:length])
        with pytest.raises(ContractError, match="is not a contract file"):
            load_contract(directory)


@pytest.mark.parametrize("key", ["name", "input", "outputs", "model_sha256", "macs_per_inference", "config", "version"])
def test_a_contract_without_a_field_is_refused(directory: Path, key: str) -> None:
    raw = json.loads((directory / CONTRACT_FILE).read_text())
    del raw[key]
    (directory / CONTRACT_FILE).write_text(json.dumps(raw))
    with pytest.raises(ContractError, match=f"is not a contract file .*{key}"):
        load_contract(directory)


@pytest.mark.parametrize("text", ["[]", "3", "null", '"text"', "\x00", '{"version": 1, "name": "x", "input": 3}'])
def test_other_json_is_refused(directory: Path, text: str) -> None:
    (directory / CONTRACT_FILE).write_text(text)
    with pytest.raises(ContractError, match="is not a contract file"):
        load_contract(directory)


def test_bytes_that_are_no_text_are_refused(directory: Path) -> None:
    (directory / CONTRACT_FILE).write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ContractError, match="is not a contract file"):
        load_contract(directory)


def test_another_format_version_is_refused(directory: Path) -> None:
    contract(version=2).save(directory)
    with pytest.raises(ContractError, match="has format version 2, this release reads 1"):
        load_contract(directory)
