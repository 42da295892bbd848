"""The twin's program: a hardware graph as a list of integer operations, and its file format.

A saved program is one compressed `.npz` without pickles: JSON metadata, the arrays, and a content hash over both.
Equal programs give equal bytes; a file appears whole or not at all.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hls.twin.operations import OPERATIONS, Operation
from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.contract import TensorSpec
from hw_anon.core.errors import ContractError

__all__ = ["PROGRAM_VERSION", "TwinProgram"]

PROGRAM_VERSION = 1
_META = "meta"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class TwinProgram:
    """A hardware graph's arithmetic, ready to be run by `hls.twin.run.Twin` or saved."""

    input: TensorSpec
    """The one input; its name is the tensor that operations read."""
    outputs: tuple[TensorSpec, ...]
    """The outputs in graph order."""
    output_tensors: tuple[str, ...]
    """For each output the tensor that holds it (differs from its name behind forks and FIFOs)."""
    operations: tuple[Operation, ...]
    """In an order in which they can run."""

    @property
    def content_hash(self) -> str:
        """SHA-256 over the whole program, 64 hex digits; the same on every machine."""
        meta, arrays = self._plain()
        digest = hashlib.sha256(json.dumps(meta, sort_keys=True).encode())
        for name in sorted(arrays):
            array = np.ascontiguousarray(arrays[name], dtype="<i8")
            digest.update(f"{name}{array.shape}".encode())
            digest.update(array.tobytes())
        return digest.hexdigest()

    def _plain(self) -> tuple[dict[str, Any], dict[str, NDArray[np.int64]]]:
        """Returns the program as JSON-ready metadata and the arrays it refers to by name."""
        arrays: dict[str, NDArray[np.int64]] = {}
        operations = []
        for index, operation in enumerate(self.operations):
            entry: dict[str, Any] = {"op": type(operation).__name__}
            for item in fields(operation):
                value = getattr(operation, item.name)
                if isinstance(value, np.ndarray):
                    arrays[f"{index}.{item.name}"] = value
                else:
                    entry[item.name] = list(value) if isinstance(value, tuple) else value
            operations.append(entry)
        meta = {
            "version": PROGRAM_VERSION,
            "input": _plain_spec(self.input),
            "outputs": [_plain_spec(spec) for spec in self.outputs],
            "output_tensors": list(self.output_tensors),
            "operations": operations,
        }
        return meta, arrays

    def save(self, path: Path) -> Path:
        """Writes the program to `path`.

        Args:
            path: the file, usually `twin.npz` in a build directory.

        Returns:
            `path`.

        Raises:
            OSError: if the file cannot be written; an earlier file is untouched then.
        """
        meta, arrays = self._plain()
        meta["content_hash"] = self.content_hash
        text = np.frombuffer(json.dumps(meta, sort_keys=True).encode(), dtype=np.uint8)
        buffer = io.BytesIO()
        np.savez_compressed(buffer, allow_pickle=False, **{_META: text}, **arrays)
        write_bytes_atomically(path, buffer.getvalue())
        return path

    @classmethod
    def load(cls, path: Path) -> TwinProgram:
        """Reads a program that `save` wrote.

        Raises:
            ContractError: if the file is missing, corrupt, of another format version, or not what its hash says.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                meta = json.loads(archive[_META].tobytes().decode())
                arrays = {name: archive[name].astype(np.int64) for name in archive.files if name != _META}
            if meta["version"] != PROGRAM_VERSION:
                raise ContractError(
                    f"{path} has format version {meta['version']}, this release reads {PROGRAM_VERSION}; build again"
                )
            program = cls(
                input=_spec(meta["input"]),
                outputs=tuple(_spec(raw) for raw in meta["outputs"]),
                output_tensors=tuple(meta["output_tensors"]),
                operations=tuple(_operation(index, raw, arrays) for index, raw in enumerate(meta["operations"])),
            )
            stored_hash = str(meta["content_hash"])
        except ContractError:
            raise
        except Exception as exc:  # a damaged archive raises some ten kinds, NotImplementedError among them
            raise ContractError(f"{path} is not a twin program ({exc!r}); build again") from exc
        if program.content_hash != stored_hash:
            raise ContractError(
                f"{path} is not what its content hash says: it was changed after the build; build again"
            )
        return program


def _plain_spec(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "shape": list(spec.shape), "datatype": spec.datatype, "layout": spec.layout}


def _spec(raw: dict[str, Any]) -> TensorSpec:
    shape = tuple(int(extent) for extent in raw["shape"])
    return TensorSpec(name=raw["name"], shape=shape, datatype=raw["datatype"], layout=raw["layout"])


def _operation(index: int, raw: dict[str, Any], arrays: dict[str, NDArray[np.int64]]) -> Operation:
    cls = OPERATIONS[raw["op"]]
    values: dict[str, Any] = {}
    for item in fields(cls):
        if item.name in raw:
            value = raw[item.name]
            values[item.name] = tuple(value) if isinstance(value, list) else value
        else:
            values[item.name] = arrays[f"{index}.{item.name}"]
    return cls(**values)
