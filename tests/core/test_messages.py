"""Messages over a pipe: what goes in comes out, and what is none is refused."""

from __future__ import annotations

import io

import pytest

from hw_anon.core.errors import ContractError
from hw_anon.core.messages import receive_message, send_message


def test_messages_follow_one_another_until_the_end() -> None:
    stream = io.BytesIO()
    send_message(stream, {"kind": "frame", "name": "größer"}, b"\x00\xff")
    send_message(stream, {"kind": "end"})
    stream.seek(0)
    assert receive_message(stream) == ({"kind": "frame", "name": "größer", "bytes": 2}, b"\x00\xff")
    assert receive_message(stream) == ({"kind": "end", "bytes": 0}, b"")
    assert receive_message(stream) is None


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"Hi", "no message"),
        (b"Hello, world", "no message"),
        (b"\x02\x00\x00\x00{}", "no message"),
        (b"\x04\x00\x00\x00{}", "2 of 4 bytes"),
        (b'\x0d\x00\x00\x00{"bytes": -1}', "-1"),
        (b'\x0c\x00\x00\x00{"bytes": 3}..', "2 of 3 bytes"),
    ],
)
def test_anything_else_is_refused(data: bytes, message: str) -> None:
    with pytest.raises(ContractError, match=message):
        receive_message(io.BytesIO(data))
