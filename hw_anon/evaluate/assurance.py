"""Committed results of proving, fuzzing and attacking the camera, each with where it comes from.

    results/assurance/<name>.json    {"kind", "command", "commit", "rtl_sha256", "output"}

`output` is what `hw-anon prove`, `fuzz` or `adversary` printed with `--json`, as it was. `rtl_sha256` is the hash of
the camera's RTL that it was measured on; whoever shows a result compares it with the RTL at hand.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import ContractError

__all__ = ["ASSURANCE_DIR", "Assurance", "Kind", "kind_of", "read_assurance"]

ASSURANCE_DIR = "assurance"
"""Directory below a results directory."""

Kind = Literal["prove", "fuzz", "adversary"]

_FIELDS: dict[Kind, dict[str, type]] = {
    "prove": {"properties": list, "bugs": list},
    "fuzz": {
        "stores": int,
        "seed": int,
        "frames": int,
        "delivered": int,
        "black": int,
        "raw_face_pixels": int,
        "hangs": int,
        "mismatches": int,
        "outcomes": dict,
    },
    "adversary": {
        "camera": str,
        "seed": int,
        "operations": int,
        "reads": int,
        "writes": int,
        "memory_reads": int,
        "faces_replaced": int,
        "leaks": int,
        "frames": dict,
        "attacks": dict,
    },
}
"""What the output of each command has at least."""
_ROWS: dict[str, dict[str, type]] = {
    "properties": {"property": str, "statement": str, "method": str, "depth": int, "result": str},
    "bugs": {"bug": str, "property": str, "result": str, "caught": bool},
}
_SHA256_DIGITS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class Assurance:
    """One result."""

    kind: Kind
    """Command that gave it."""
    command: str
    """The whole command line."""
    commit: str
    """Commit of the sources that ran; empty if unknown."""
    rtl_sha256: str
    """Hash of the camera's RTL that ran, `inputs.camera_rtl` in a camera's manifest."""
    output: Mapping[str, Any]
    """What the command printed."""

    @classmethod
    def parse(cls, document: object, *, where: str) -> Assurance:
        """Checks a document and returns it.

        Args:
            document: the file's content.
            where: the file, for messages.

        Raises:
            ContractError: if something is missing or has another form.
        """
        record = _table(document, where)
        texts = {name: record.get(name) for name in ("kind", "command", "commit", "rtl_sha256")}
        if not all(isinstance(text, str) for text in texts.values()) or texts["kind"] not in get_args(Kind):
            raise ContractError(f"{where}: kind, command, commit and rtl_sha256 are {texts}; write it with assurance")
        if len(str(texts["rtl_sha256"])) != _SHA256_DIGITS or not texts["command"]:
            raise ContractError(f"{where}: rtl_sha256 is no SHA-256, or the command is missing")
        kind: Kind = record["kind"]
        output = _table(record.get("output"), where)
        _require(output, _FIELDS[kind], where)
        if kind == "prove":
            for rows, fields in _ROWS.items():
                for row in output[rows]:
                    _require(_table(row, where), fields, f"{where}: {rows}")
        return cls(
            kind=kind,
            command=record["command"],
            commit=record["commit"],
            rtl_sha256=record["rtl_sha256"],
            output=output,
        )

    def save(self, path: Path) -> None:
        """Writes the file.

        Raises:
            OSError: if it cannot be written.
        """
        write_text_atomically(path, json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def kind_of(output: object, *, where: str) -> Kind:
    """Returns which command printed a document.

    Raises:
        ContractError: if none of them did.
    """
    table = _table(output, where)
    for kind, fields in _FIELDS.items():
        if fields.keys() <= table.keys():
            return kind
    raise ContractError(f"{where}: not the --json output of {', '.join(_FIELDS)}")


def read_assurance(results: Path) -> dict[str, Assurance]:
    """Returns the results below a results directory by file name without suffix; {} if there are none.

    Raises:
        ContractError: if a file is damaged; it is named.
    """
    found = {}
    for path in sorted((results / ASSURANCE_DIR).glob("*.json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise ContractError(f"{path}: not a JSON document ({exc})") from exc
        found[path.stem] = Assurance.parse(document, where=str(path))
    return found


def _table(document: object, where: str) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise ContractError(f"{where}: expected a table, got {type(document).__name__}")
    return document


def _require(table: Mapping[str, Any], fields: Mapping[str, type], where: str) -> None:
    for name, kind in fields.items():
        if not isinstance(table.get(name), kind):
            raise ContractError(f"{where}: {name} = {table.get(name)!r}; expected {kind.__name__}")
