"""Messages over a pipe: a JSON object and bytes, between programs that run in different environments.

A message is the length of its header (four bytes, little endian), the header (JSON, UTF-8) and as many bytes as the
header's field `bytes` says.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from typing import IO, Any

from hw_anon.core.errors import ContractError

__all__ = ["receive_message", "send_message"]

_LENGTH = struct.Struct("<I")
_MOST_HEADER, _MOST_BYTES = 1 << 20, 1 << 28


def send_message(stream: IO[bytes], header: Mapping[str, Any], payload: bytes = b"") -> None:
    """Writes one message and flushes.

    Args:
        stream: where to.
        header: whatever JSON can say; `bytes` is set here.
        payload: what follows it.

    Raises:
        OSError: if nobody reads any more.
    """
    text = json.dumps({**header, "bytes": len(payload)}).encode()
    stream.write(_LENGTH.pack(len(text)) + text + payload)
    stream.flush()


def receive_message(stream: IO[bytes]) -> tuple[dict[str, Any], bytes] | None:
    """Returns the next message's header and bytes; `None` if the stream ended before it.

    Raises:
        ContractError: if the stream ends within a message, or what comes is none.
    """
    prefix = stream.read(_LENGTH.size)
    if not prefix:
        return None
    (length,) = _LENGTH.unpack(prefix) if len(prefix) == _LENGTH.size else (0,)
    if not 0 < length <= _MOST_HEADER:
        raise ContractError(f"the other program sent {prefix!r}, no message: use one release on both sides")
    try:
        header = json.loads(_exactly(stream, length))
        count = header["bytes"]
    except (ValueError, KeyError, TypeError) as exc:
        raise ContractError(f"the other program sent no message ({exc}): use one release on both sides") from exc
    if not isinstance(count, int) or not 0 <= count <= _MOST_BYTES:
        raise ContractError(f"the other program announced {count!r} bytes; 0 to {_MOST_BYTES} are allowed")
    return header, _exactly(stream, count)


def _exactly(stream: IO[bytes], count: int) -> bytes:
    data = stream.read(count)
    if len(data) != count:
        raise ContractError(f"the other program ended within a message: {len(data)} of {count} bytes came")
    return data
