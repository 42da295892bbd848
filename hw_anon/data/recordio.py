"""RecordIO: many pictures in one `.rec` file, found through a text index `.idx`; parsed here, without MXNet.

A record is `magic (4 bytes), flag and length (3 and 29 bits), payload, zeros up to a multiple of 4`, all little endian.
A payload that holds the magic word itself is written in parts, cut at that word: flag 0 is a whole record, 1 the first
part, 2 a middle one, 3 the last. The payload of a picture record is a header `flag (u32), label (f32), id, id2 (u64)`,
then `flag` more labels (f32) that replace `label` if `flag` is not 0, then the picture file.

Source: the format's description in the dmlc-core and MXNet documentation.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from hw_anon.core.errors import ContractError
from hw_anon.data.samples import require_file

__all__ = ["PictureRecord", "RecordFile", "read_index"]

_MAGIC = 0xCED7230A
_MAGIC_BYTES = struct.pack("<I", _MAGIC)
_PREFIX = struct.Struct("<II")
_HEADER = struct.Struct("<IfQQ")
_LENGTH_BITS = 29
_WHOLE, _FIRST, _MIDDLE, _LAST = range(4)
_MAX_LABELS = 4096


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureRecord:
    """The content of one record."""

    labels: tuple[float, ...]
    """The labels, at least one."""
    has_list: bool
    """Whether the labels were written as a list: the mark of the records that describe others."""
    data: bytes
    """The picture file; empty in records that only describe others."""


def read_index(path: Path) -> dict[int, int]:
    """Reads an `.idx` file.

    Returns:
        The byte offset of each record by its key, in the order of the file.

    Raises:
        ContractError: if it is missing, empty, or a line is not `key <tab> offset`; the message has its number.
    """
    require_file(path, "the index of a .rec file, lines 'key <tab> offset'")
    offsets: dict[int, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        columns = line.split()
        if len(columns) != 2 or not all(column.isdigit() for column in columns):
            raise ContractError(f"{path}:{number}: expected 'key <tab> offset', got {_shown(line)}")
        key, offset = int(columns[0]), int(columns[1])
        if key in offsets:
            raise ContractError(f"{path}:{number}: key {key} appears for the second time")
        offsets[key] = offset
    if not offsets:
        raise ContractError(f"{path}: holds no records")
    return offsets


class RecordFile:
    """A `.rec` file with its index; opened again in each process that reads it, so it can be handed to workers."""

    def __init__(self, path: Path, index: Path | None = None) -> None:
        """Reads the index.

        Args:
            path: the `.rec` file.
            index: its index, the same name with `.idx` by default.

        Raises:
            ContractError: if a file is missing, the index is malformed, or it points behind the end of the records.
        """
        self.path = require_file(path, "a RecordIO file (.rec)")
        self.offsets = read_index(index or path.with_suffix(".idx"))
        """Byte offset of each record by its key."""
        self._size = path.stat().st_size
        self._handle: int | None = None
        self._owner = 0
        key, last = max(self.offsets.items(), key=lambda item: item[1])
        if last + _PREFIX.size > self._size:
            raise ContractError(
                f"{path}: its index puts record {key} at byte {last}, but the file has {self._size} bytes; "
                "the .rec file is cut off or the .idx file belongs to another one"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_handle": None}

    def __del__(self) -> None:
        if getattr(self, "_handle", None) is not None:
            self.close()

    def close(self) -> None:
        """Closes the file; reading opens it again."""
        if self._handle is not None and self._owner == os.getpid():
            os.close(self._handle)
        self._handle = None

    def read(self, key: int) -> PictureRecord:
        """Reads one record.

        Raises:
            ContractError: if there is none of that key, or it is cut off or damaged; the message names it.
        """
        where = f"{self.path}: record {key}"
        payload = self._payload(key, where)
        if len(payload) < _HEADER.size:
            raise ContractError(f"{where}: {len(payload)} bytes are too few for a picture record's header")
        flag, label, _, _ = _HEADER.unpack_from(payload)
        end = _HEADER.size + 4 * flag
        if flag > _MAX_LABELS or end > len(payload):
            raise ContractError(f"{where}: its header announces {flag} labels, but it has {len(payload)} bytes")
        labels = struct.unpack_from(f"<{flag}f", payload, _HEADER.size) if flag else (label,)
        return PictureRecord(labels=labels, has_list=flag > 0, data=payload[end:])

    def _payload(self, key: int, where: str) -> bytes:
        if key not in self.offsets:
            raise ContractError(f"{where}: the index has no such key")
        offset = self.offsets[key]
        flag, data, offset = self._part(offset, where)
        if flag == _WHOLE:
            return data
        if flag != _FIRST:
            raise ContractError(f"{where}: starts in the middle of a record (part flag {flag})")
        parts = [data]
        while flag != _LAST:
            flag, data, offset = self._part(offset, where)
            if flag not in (_MIDDLE, _LAST):
                raise ContractError(f"{where}: a new record starts before its last part (part flag {flag})")
            parts.append(data)
        return _MAGIC_BYTES.join(parts)

    def _part(self, offset: int, where: str) -> tuple[int, bytes, int]:
        """Returns flag and payload of the part at `offset`, and where the next one starts."""
        prefix = self._bytes(offset, _PREFIX.size, where)
        magic, packed = _PREFIX.unpack(prefix)
        if magic != _MAGIC:
            raise ContractError(f"{where}: no record starts at byte {offset}; the index does not fit or it is damaged")
        flag, length = packed >> _LENGTH_BITS, packed & ((1 << _LENGTH_BITS) - 1)
        start = offset + _PREFIX.size
        return flag, self._bytes(start, length, where), start + (length + 3) // 4 * 4

    def _bytes(self, offset: int, count: int, where: str) -> bytes:
        if offset + count > self._size:
            raise ContractError(f"{where}: cut off: {count} bytes at {offset} announced, the file has {self._size}")
        if self._handle is None or self._owner != os.getpid():
            self._handle, self._owner = os.open(self.path, os.O_RDONLY), os.getpid()
        data = os.pread(self._handle, count, offset)
        if len(data) != count:
            raise ContractError(f"{where}: cut off: {len(data)} of {count} bytes at {offset} could be read")
        return data


def _shown(line: bytes) -> str:
    return repr(line[:60].decode("utf-8", "backslashreplace"))
