"""The clips and the action detector that `hw-anon distil --actions` watches a student with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_anon.console.output import progress

if TYPE_CHECKING:
    from quant.distil_actions import ActionTerms, ActionWatch

__all__ = ["WatchedActions", "watch_actions"]


@dataclass(frozen=True, kw_only=True, slots=True)
class WatchedActions:
    """Which clips, and who watches."""

    clips: str
    """A set of `data.clip_sources`; its training split is watched."""
    detector: Path
    """File of an action detector that was trained on clear frames of it."""
    face_boxes: Path
    """Cache of the faces that were found in real footage."""
    threads: int = 1
    """Threads that decode."""


def watch_actions(wanted: WatchedActions, terms: ActionTerms, *, seed: int) -> tuple[ActionWatch, dict[str, Any]]:
    """Reads clips and detector; also returns what they are, for records.

    Args:
        wanted: which.
        terms: weights.
        seed: seed of the run.

    Raises:
        ConfigError: if there is no such set.
        ContractError: if a file is missing or damaged, or the detector knows other actions.
    """
    from hw_anon.core.errors import ContractError
    from hw_anon.core.hashing import sha256_file
    from hw_anon.data.clip_sources import open_clip_source
    from hw_anon.nets.detector_checkpoint import load_detector
    from quant.distil_actions import ActionWatch

    detector, actions, _ = load_detector(wanted.detector)
    source = open_clip_source(wanted.clips, face_boxes=wanted.face_boxes)
    with progress() as bar:

        def watch(what: str) -> Any:
            task = bar.add_task(what)
            return lambda done, total: bar.update(task, completed=done, total=total)

        frames = source.bank("train", threads=wanted.threads, on_faces=watch("faces"), on_frames=watch("frames"))
    if frames.actions != actions:
        raise ContractError(
            f"{wanted.detector}: knows {', '.join(actions)}; the clips have {', '.join(frames.actions)}"
        )
    described = {
        "clips": source.index_hash or frames.content_hash(),
        "frames": len(frames),
        "detector": sha256_file(wanted.detector),
    }
    return ActionWatch(frames, detector, terms, seed=seed), described
