"""The exported action detector as it is handed to the host: `detector.onnx`, and `detector.json` that describes it.

The graph takes one frame, `frame` `[H, W, 3]` uint8 RGB, and returns `boxes` `[D, 4]` float32 (corners x1, y1, x2, y2
in pixels of the frame), `labels` `[D]` int64 (index into `actions`) and `scores` `[D]` float32 (falling).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hw_anon.core.config import Config, require_choice, require_range
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.hashing import sha256_file

__all__ = ["DESCRIPTION_FILE", "MODEL_FILE", "ActionModel", "load_action_model"]

MODEL_FILE = "detector.onnx"
DESCRIPTION_FILE = "detector.json"

_FORMAT = 1
_SHA256_DIGITS = 64


@dataclass(frozen=True, kw_only=True, slots=True)
class ActionModel(Config):
    """What `detector.json` says."""

    height: int
    """Rows of the frames that the graph takes."""
    width: int
    """Columns of the frames."""
    actions: tuple[str, ...]
    """Names of the classes."""
    score_threshold: float
    """Detections of this probability or less are not returned."""
    overlap_threshold: float
    """Of two boxes of one action that overlap by more (intersection over union), the better one is returned."""
    proposals: int
    """Places of a frame that are looked at closely."""
    model_sha256: str
    """SHA-256 of `detector.onnx`."""
    provenance: dict[str, Any]
    """Checkpoint, method, data, tools: whatever is known of how the detector was made."""
    format: int = _FORMAT
    """Version of this layout."""

    def __post_init__(self) -> None:
        require_choice(self, "format", (_FORMAT,))
        for side in ("height", "width"):
            require_range(self, side, 8, 4096, unit="pixels")
        require_range(self, "proposals", 1, 20_000)
        require_range(self, "score_threshold", 0, 1)
        require_range(self, "overlap_threshold", 0, 1)
        if not self.actions or len(set(self.actions)) != len(self.actions):
            raise ConfigError(f"ActionModel.actions = {self.actions}: expected names, each of them once")
        if len(self.model_sha256) != _SHA256_DIGITS:
            raise ConfigError(f"ActionModel.model_sha256 = {self.model_sha256!r}: expected {_SHA256_DIGITS} hex digits")

    def to_text(self) -> str:
        """Returns the content of `detector.json`."""
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"


def load_action_model(directory: Path) -> ActionModel:
    """Reads `detector.json` and checks the graph beside it.

    Args:
        directory: what `hw-anon export-detector` wrote.

    Raises:
        ContractError: if a file is missing or damaged, or they do not belong together.
    """
    try:
        model = ActionModel.from_json(directory / DESCRIPTION_FILE)
        found = sha256_file(directory / MODEL_FILE)
    except (ConfigError, OSError) as exc:
        raise ContractError(f"{directory}: no exported action detector ({exc}); see hw-anon export-detector") from exc
    if found != model.model_sha256:
        raise ContractError(
            f"{directory / MODEL_FILE} is not the graph that {DESCRIPTION_FILE} describes "
            f"(SHA-256 {found[:16]}…, expected {model.model_sha256[:16]}…); export the detector again"
        )
    return model
