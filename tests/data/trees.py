"""Small copies of the public data sets' files, made byte by byte as the originals are."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MAGIC = 0xCED7230A


def picture(seed: int, height: int = 12, width: int = 16) -> NDArray[np.uint8]:
    """A picture of one colour that tells the seed, JPEG-proof to a few grey levels."""
    colour = (20 + seed * 37 % 200, 20 + seed * 71 % 200, 20 + seed * 113 % 200)
    return np.broadcast_to(np.array(colour, np.uint8), (height, width, 3)).copy()


def encoded(pixels: NDArray[np.uint8], kind: str = "JPEG", **options: Any) -> bytes:
    """The bytes of a picture file."""
    from PIL import Image

    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind, **options)
    return stream.getvalue()


def write_file(path: Path, data: bytes | str) -> Path:
    """Writes a file and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return path


def write_people(root: Path, people: Mapping[str, int], name: Callable[[str, int], str], kind: str = "JPEG") -> Path:
    """Writes a folder of pictures for each person; the colour tells person and picture."""
    for index, (person, count) in enumerate(people.items()):
        for number in range(1, count + 1):
            write_file(root / person / name(person, number), encoded(picture(10 * index + number), kind))
    return root


def record_part(flag: int, data: bytes) -> bytes:
    """One part of a RecordIO record."""
    return struct.pack("<II", MAGIC, flag << 29 | len(data)) + data + b"\0" * (-len(data) % 4)


def record(payload: bytes) -> bytes:
    """A RecordIO record: in parts where the payload holds the magic word at a multiple of four bytes."""
    magic, parts, start = struct.pack("<I", MAGIC), [], 0
    for place in range(0, len(payload) - 3, 4):
        if payload[place : place + 4] == magic:
            parts.append(payload[start:place])
            start = place + 4
    parts.append(payload[start:])
    if len(parts) == 1:
        return record_part(0, payload)
    flags = [1] + [2] * (len(parts) - 2) + [3]
    return b"".join(record_part(flag, part) for flag, part in zip(flags, parts, strict=True))


def picture_payload(label: float | Sequence[float], data: bytes = b"", key: int = 0) -> bytes:
    """The payload of a picture record: one label in the header, or a list of them behind it."""
    if isinstance(label, int | float):
        return struct.pack("<IfQQ", 0, label, key, 0) + data
    return struct.pack("<IfQQ", len(label), 0.0, key, 0) + struct.pack(f"<{len(label)}f", *label) + data


def write_records(path: Path, payloads: Mapping[int, bytes]) -> Path:
    """Writes a `.rec` file and its `.idx` file."""
    body, index = b"", ""
    for key, payload in payloads.items():
        index += f"{key}\t{len(body)}\n"
        body += record(payload)
    write_file(path.with_suffix(".idx"), index)
    return write_file(path, body)


def people_records(people: Mapping[int, int]) -> dict[int, bytes]:
    """CASIA-WebFace's form: record 0, pictures from 1, then one record for each person with the range of pictures."""
    pictures: dict[int, bytes] = {}
    ranges: list[tuple[int, int]] = []
    for label, count in people.items():
        start = len(pictures) + 1
        for key in range(start, start + count):
            pictures[key] = picture_payload(label, encoded(picture(key)), key)
        ranges.append((start, start + count))
    first = len(pictures) + 1
    described = {first + i: picture_payload([float(a), float(b)]) for i, (a, b) in enumerate(ranges)}
    return {0: picture_payload([float(first), float(first + len(ranges))]), **pictures, **described}


def frame_number(pixels: NDArray[np.uint8]) -> int:
    """Reads the number that `write_video` painted into a frame."""
    return sum(int(pixels[8, 8 + 8 * bit].mean() > 128) << bit for bit in range(6))


def write_video(
    path: Path,
    frames: int = 40,
    *,
    codec: str = "libx264",
    times: Sequence[int] | None = None,
    show: Callable[[int], NDArray[np.uint8]] | None = None,
    **options: str,
) -> Path:
    """Writes a video of 64×48 pixels whose frames show their own numbers (from 1) in six bits.

    Args:
        path: the suffix chooses the container.
        frames: how many.
        codec: FFmpeg's name of the encoder.
        times: when each frame is shown in milliseconds, 25 frames a second by default.
        show: the picture of each frame in place of its number.
        **options: of the encoder.
    """
    import av

    path.parent.mkdir(parents=True, exist_ok=True)
    base = Fraction(1, 25) if times is None else Fraction(1, 1000)
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25, options=options)
        stream.height, stream.width = (48, 64) if show is None else show(1).shape[:2]
        stream.pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
        stream.codec_context.time_base = base
        for number in range(1, frames + 1):
            pixels = _numbered(number) if show is None else show(number)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number - 1 if times is None else times[number - 1], base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _numbered(number: int) -> NDArray[np.uint8]:
    pixels = np.full((48, 64, 3), 40, np.uint8)
    for bit in range(6):
        pixels[4:12, 4 + 8 * bit : 12 + 8 * bit] = 255 * (number >> bit & 1)
    return pixels
