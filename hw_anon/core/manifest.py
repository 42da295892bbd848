"""The manifest of a finished build: what went in, what came out, and what it is worth (P5, provenance).

A build directory gets its `manifest.json` last. A directory without one is not a build, and one whose files are not
those of its manifest is refused before it reaches a board.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_bytes, sha256_file

__all__ = [
    "BUILD_ID_DIGITS",
    "DESIGN_ID_DIGITS",
    "MANIFEST_FILE",
    "MANIFEST_VERSION",
    "Manifest",
    "build_id",
    "design_id",
]

MANIFEST_FILE = "manifest.json"
MANIFEST_VERSION = 1
DESIGN_ID_DIGITS = 16
"""Hex digits of a design id: 64 bits, the name of a build."""
BUILD_ID_DIGITS = 32
"""Hex digits of a build id: 128 bits, what a camera's identity registers hold. Its first digits are the design id."""

_SHA256_DIGITS = 64
_NAMES_SHOWN = 5


def design_id(inputs: Mapping[str, str], tools: Mapping[str, str], config: Mapping[str, Any]) -> str:
    """Returns the identity of a design: a hash over everything that determines it.

    Args:
        inputs: SHA-256 of each input by name.
        tools: version of each tool by name.
        config: the configuration, JSON values only.

    Returns:
        `DESIGN_ID_DIGITS` hex digits, equal for equal arguments in any order.

    Raises:
        ConfigError: if the configuration holds something that JSON does not know.
    """
    return build_id(inputs, tools, config)[:DESIGN_ID_DIGITS]


def build_id(inputs: Mapping[str, str], tools: Mapping[str, str], config: Mapping[str, Any]) -> str:
    """Returns `BUILD_ID_DIGITS` hex digits of the same hash as `design_id`: what a camera says of itself."""
    identity = {"version": MANIFEST_VERSION, "inputs": dict(inputs), "tools": dict(tools), "config": dict(config)}
    return sha256_bytes(_canonical(identity).encode())[:BUILD_ID_DIGITS]


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """Identity, content and measurements of one build directory."""

    design_id: str
    """Hash over inputs, tools and config, see `design_id`; the name of the build."""
    inputs: dict[str, str]
    """SHA-256 of everything that went in, by name."""
    tools: dict[str, str]
    """Versions of the tools, by name."""
    config: dict[str, Any]
    """The configuration of the build."""
    files: dict[str, str]
    """SHA-256 of every file of the directory but the manifest, by path relative to it (`/` between parts)."""
    metrics: dict[str, Any] = field(default_factory=dict)
    """What was measured: cycles, resources, privacy, utility."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Anything else worth knowing about the origin, e.g. licences and dates; no part of the design id."""
    version: int = MANIFEST_VERSION
    """Format version of this file."""

    @property
    def build_id(self) -> str:
        """The build id of this content, see `build_id`."""
        return build_id(self.inputs, self.tools, self.config)

    @classmethod
    def create(
        cls,
        directory: Path,
        *,
        inputs: Mapping[str, Path | str],
        tools: Mapping[str, str],
        config: Mapping[str, Any],
        metrics: Mapping[str, Any] | None = None,
        provenance: Mapping[str, Any] | None = None,
    ) -> Manifest:
        """Describes a directory whose files are all written.

        Args:
            directory: the build directory.
            inputs: by name, a file to hash or a SHA-256 (64 hex digits).
            tools: version of each tool, e.g. from `tool_versions`.
            config: the configuration, JSON values only (`to_dict` of a config).
            metrics: measurements, JSON values only.
            provenance: other facts about the origin, JSON values only.

        Raises:
            ConfigError: if an input is neither a file nor a hash, or a value is not JSON.
            ContractError: if the directory is missing or holds a link.
        """
        hashes = {name: _input_hash(name, value) for name, value in sorted(inputs.items())}
        plain_config = _plain(config)
        return cls(
            design_id=design_id(hashes, tools, plain_config),
            inputs=hashes,
            tools=dict(sorted(tools.items())),
            config=plain_config,
            files={name: sha256_file(path) for name, path in _files(directory).items()},
            metrics=_plain(metrics or {}),
            provenance=_plain(provenance or {}),
        )

    def save(self, directory: Path) -> Path:
        """Writes `manifest.json` into `directory` atomically, the last step of a build, and returns its path."""
        path = directory / MANIFEST_FILE
        write_text_atomically(path, json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")
        return path

    @classmethod
    def load(cls, path: Path) -> Manifest:
        """Reads the manifest of a build directory and checks that it agrees with itself.

        Args:
            path: the build directory, or its `manifest.json`.

        Raises:
            ContractError: if it is missing (not a finished build), malformed, of another format version, or its design
                id is not the hash of its content.
        """
        if path.is_dir():
            path = path / MANIFEST_FILE
        if not path.is_file():
            raise ContractError(f"{path} is missing: {path.parent} is not a finished build; build it again")
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            if raw["version"] != MANIFEST_VERSION:
                raise ContractError(
                    f"{path} has format version {raw['version']}, this release reads {MANIFEST_VERSION}; build again"
                )
            manifest = cls(
                design_id=str(raw["design_id"]),
                inputs=_strings(raw["inputs"]),
                tools=_strings(raw["tools"]),
                config=dict(raw["config"]),
                files=_strings(raw["files"]),
                metrics=dict(raw["metrics"]),
                provenance=dict(raw["provenance"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise ContractError(f"{path} is not a manifest ({exc!r}); build again") from exc
        expected = design_id(manifest.inputs, manifest.tools, manifest.config)
        if manifest.design_id != expected:
            raise ContractError(
                f"{path} calls the design {manifest.design_id}, its content is that of {expected}: it was edited"
            )
        return manifest

    def verify(self, directory: Path, *, allow_extra: bool = True) -> None:
        """Checks that the directory's files are those of the manifest.

        Args:
            directory: the build directory.
            allow_extra: accept files that the manifest does not list (a log, a waveform); they vouch for nothing.

        Raises:
            ContractError: naming the files that are missing, changed or (if not allowed) extra.
        """
        present = _files(directory)
        unsafe = [name for name in self.files if _escapes(name)]
        missing = [name for name in self.files if name not in present]
        changed = [
            name for name, expected in self.files.items() if name in present and sha256_file(present[name]) != expected
        ]
        extra = [] if allow_extra else [name for name in present if name not in self.files]
        complaints = [
            f"{what}: {_some(names)}"
            for what, names in (
                ("outside the directory", unsafe),
                ("missing", missing),
                ("changed", changed),
                ("not listed", extra),
            )
            if names
        ]
        if complaints:
            raise ContractError(
                f"{directory} is not the build that its manifest describes; {'; '.join(complaints)}; build it again"
            )


def _canonical(value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"a manifest holds JSON values only (numbers, strings, lists, dicts): {exc}") from exc


def _plain(value: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what a reader of the saved manifest gets: lists for tuples, string keys."""
    return dict(json.loads(_canonical(dict(value))))


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown if len(names) <= _NAMES_SHOWN else f"{shown} and {len(names) - _NAMES_SHOWN} more"


def _input_hash(name: str, value: Path | str) -> str:
    if isinstance(value, Path):
        if not value.is_file():
            raise ConfigError(f"manifest input {name!r}: {value} is not a file")
        return sha256_file(value)
    if len(value) != _SHA256_DIGITS or not set(value) <= set("0123456789abcdef"):
        raise ConfigError(f"manifest input {name!r} = {value!r}: expected a path or a SHA-256 of 64 hex digits")
    return value


def _files(directory: Path) -> dict[str, Path]:
    if not directory.is_dir():
        raise ContractError(f"{directory} is missing or not a directory; build it again")
    found: dict[str, Path] = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        if path.is_symlink():
            raise ContractError(f"{directory} holds a link ({name}); a build holds files only, so that it can be moved")
        if path.is_file() and name != MANIFEST_FILE:
            found[name] = path
    return found


def _escapes(name: str) -> bool:
    path = PurePosixPath(name)
    return path.is_absolute() or ".." in path.parts


def _strings(raw: Mapping[str, object]) -> dict[str, str]:
    strings = {name: value for name, value in raw.items() if isinstance(value, str)}
    if len(strings) != len(raw):
        raise TypeError(f"expected strings, got {raw!r}")
    return strings
