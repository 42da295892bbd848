"""What trained networks of a search gave, kept for searches on other boards: training does not know of boards."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from hw_anon.core.atomic import write_text_atomically
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_bytes
from quant.modifier import ModifierConfig
from quant.search import Measured

__all__ = ["KeptMeasures"]


@dataclass(frozen=True, kw_only=True, slots=True)
class KeptMeasures:
    """A directory with one file for each network."""

    directory: Path
    """Of one teacher, training and measurement; made if missing."""

    def networks(self) -> list[ModifierConfig]:
        """Returns all networks that were measured, in the order of their files' names.

        Raises:
            ContractError: if a file is damaged.
        """
        return [self._read(path)[0] for path in sorted(self.directory.glob("*.json"))]

    def get(self, config: ModifierConfig) -> Measured | None:
        """Returns what a network gave; `None` if it was not measured.

        Raises:
            ContractError: if its file is damaged.
        """
        path = self._path(config)
        return self._read(path)[1] if path.exists() else None

    def put(self, config: ModifierConfig, measured: Measured) -> None:
        """Keeps what a network gave."""
        self.directory.mkdir(parents=True, exist_ok=True)
        document = {"network": config.as_json(), "measured": asdict(measured)}
        write_text_atomically(self._path(config), json.dumps(document, indent=2) + "\n")

    def _path(self, config: ModifierConfig) -> Path:
        return self.directory / f"{sha256_bytes(json.dumps(config.as_json(), sort_keys=True).encode())[:16]}.json"

    @staticmethod
    def _read(path: Path) -> tuple[ModifierConfig, Measured]:
        try:
            document = json.loads(path.read_text())
            return ModifierConfig.from_json(document["network"]), Measured(**document["measured"])
        except (OSError, ValueError, KeyError, TypeError, ConfigError) as exc:
            raise ContractError(f"{path}: not a kept measurement ({exc}); delete it") from exc
