"""The files of a synthetic set: one tar archive for each person and each clip, pictures and labels together.

    recipe.json                      settings and version of the generator
    people/train-00000.tar           labels.json, 000.jpg, 001.jpg, …
    clips/test-00003-drinking.tar    labels.json, 0001.jpg, 0002.jpg, …
    people.jsonl, clips.jsonl        labels of all, one line each, with place and hash of every archive
    card.json, card.md, sheets/      what the set is, for people to read

Archives have no time stamps or owners: equal pictures give equal bytes. They appear whole or not at all.
"""

from __future__ import annotations

import io
import json
import tarfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.errors import ContractError, ToolError
from hw_anon.core.hashing import sha256_bytes
from hw_anon.data.face_labels import FaceLabel
from hw_anon.data.synthetic.studio import Shot

__all__ = ["FORMAT", "LABELS", "RECIPE", "encode_picture", "label_of", "plain_label", "read_shard", "write_shard"]

FORMAT = 1
"""Changes with the layout of the files."""
RECIPE = "recipe.json"
"""Name of the file with settings and version."""
LABELS = "labels.json"
"""Name of the first member of every archive."""
_DECIMALS = 2
_SHARES = 4
_SUMS = "crc32"


def encode_picture(shot: Shot, picture_format: str, quality: int) -> bytes:
    """Returns the bytes of a picture file.

    Raises:
        ToolError: if Pillow is not installed.
    """
    try:
        from PIL import Image
    except ImportError as exc:
        raise ToolError("pictures need Pillow; install it with: pip install pillow") from exc
    stream = io.BytesIO()
    image = Image.fromarray(shot.picture)
    if picture_format == "png":
        image.save(stream, "PNG", compress_level=3)
    else:
        image.save(stream, "JPEG", quality=quality, subsampling=0)
    return stream.getvalue()


def plain_label(shot: Shot) -> dict[str, Any]:
    """Returns a picture's labels as JSON values: pixels to the hundredth, `face` null where there is none.

    The person's box is cut to the picture; the face's may stick out.
    """
    height, width = shot.picture.shape[:2]
    left, top, right, bottom = shot.person
    person = (max(left, 0.0), max(top, 0.0), min(right, width), min(bottom, height))
    return {
        "person": [round(edge, _DECIMALS) for edge in person],
        "face": shot.face
        and {
            "box": [round(edge, _DECIMALS) for edge in shot.face.box],
            "landmarks": [[round(x, _DECIMALS), round(y, _DECIMALS)] for x, y in shot.face.landmarks],
            "visible_share": round(shot.face.visible_share, _SHARES),
        },
    }


def label_of(plain: Mapping[str, Any]) -> FaceLabel | None:
    """Returns the face among a picture's labels.

    Raises:
        KeyError, TypeError, ValueError, ConfigError: if the labels are damaged.
    """
    face = plain["face"]
    if face is None:
        return None
    left, top, right, bottom = (float(edge) for edge in face["box"])
    eye, other_eye, nose, mouth, other_mouth = ((float(x), float(y)) for x, y in face["landmarks"])
    return FaceLabel(
        box=(left, top, right, bottom),
        landmarks=(eye, other_eye, nose, mouth, other_mouth),
        visible_share=float(face["visible_share"]),
    )


def write_shard(path: Path, labels: Mapping[str, Any], files: Sequence[tuple[str, bytes]]) -> None:
    """Writes an archive: the labels, then the pictures.

    Raises:
        OSError: if the disk is full or the directory cannot be written.
    """
    sums = [zlib.crc32(_text(labels)), *(zlib.crc32(data) for _, data in files)]
    text = _text({**labels, _SUMS: sums})
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in ((LABELS, text), *files):
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    write_bytes_atomically(path, stream.getvalue())


def read_shard(path: Path) -> dict[str, Any]:
    """Reads an archive's labels and finds its pictures.

    Returns:
        The labels, with `sha256` of the archive and `places`: start and length in bytes of each picture.

    Raises:
        ContractError: if the archive is missing, cut off or damaged.
    """
    try:
        data = path.read_bytes()
        with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
            places = [(member.offset_data, member.size) for member in archive.getmembers()]
        contents = [data[start : start + length] for start, length in places]
        labels = json.loads(contents[0])
        sums = labels.pop(_SUMS)
        if [zlib.crc32(_text(labels)), *map(zlib.crc32, contents[1:])] != sums:
            raise ValueError("its contents do not fit its check sums")
        if len(contents) - 1 != len(labels["pictures"]):
            raise ValueError(f"{len(contents) - 1} pictures, but labels of {len(labels['pictures'])}")
    except (OSError, tarfile.TarError, ValueError, LookupError, TypeError, AttributeError) as exc:
        raise ContractError(f"{path}: not a whole archive of a synthetic set ({exc})") from exc
    return {**labels, "sha256": sha256_bytes(data), "places": [list(place) for place in places[1:]]}


def _text(labels: Mapping[str, Any]) -> bytes:
    return json.dumps(labels, sort_keys=True, separators=(",", ":")).encode()
