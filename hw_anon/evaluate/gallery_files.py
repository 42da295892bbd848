"""Galleries on disk: `<name>.json` with titles and names, `<name>.npz` with the tiles, both in one directory."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import numpy as np

from hw_anon.core.atomic import write_bytes_atomically, write_text_atomically
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate.gallery import Gallery

__all__ = ["read_galleries", "write_gallery"]

_TEXTS = ("name", "title", "note", "command")
_NAMES = ("rows", "columns")


def write_gallery(gallery: Gallery, directory: Path) -> Path:
    """Writes a gallery; the report shows all that lie in `<results>/galleries`.

    Args:
        gallery: the gallery.
        directory: where to.

    Returns:
        Path of its JSON file.

    Raises:
        OSError: if a file cannot be written.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, tiles=np.stack([np.stack(row) for row in gallery.tiles]))
    write_bytes_atomically(directory / f"{gallery.name}.npz", buffer.getvalue())
    path = directory / f"{gallery.name}.json"
    fields = {name: getattr(gallery, name) for name in (*_TEXTS, *_NAMES)}
    write_text_atomically(path, json.dumps(fields, indent=2) + "\n")
    return path


def read_galleries(directory: Path) -> list[Gallery]:
    """Reads all galleries of a directory, by name; none if it does not exist.

    Raises:
        ContractError: naming the file that is damaged.
    """
    return [_read(path) for path in sorted(directory.glob("*.json"))]


def _read(path: Path) -> Gallery:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        with np.load(path.with_suffix(".npz"), allow_pickle=False) as archive:
            tiles = archive["tiles"]
        texts = {name: str(fields[name]) for name in _TEXTS}
        rows, columns = (tuple(str(name) for name in fields[key]) for key in _NAMES)
        return Gallery(**texts, rows=rows, columns=columns, tiles=tuple(tuple(row) for row in tiles))
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, ConfigError, ContractError) as exc:
        raise ContractError(f"{path}: not a gallery ({exc})") from exc
