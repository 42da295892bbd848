"""What the synthetic people do.

Six actions hold something to the face and come in two families; within a family arms and hands are placed by the same
chance (`stance.Stance`), so that only what is inside the face region tells the actions apart. Four actions happen away
from the face. Idle people stand about, or have a hand at mouth or ear just like the families, with nothing in it.
"""

from __future__ import annotations

from hw_anon.core.config import suggest
from hw_anon.core.errors import ConfigError

__all__ = ["ACTIONS", "AT_EYE", "AT_MOUTH", "NEAR_FACE", "family_of", "require_action"]

AT_MOUTH: tuple[str, ...] = ("drinking", "brushing_teeth", "playing_harmonica", "applying_make_up_on_lips")
"""Near-face actions with a hand at the mouth."""
AT_EYE: tuple[str, ...] = ("phoning", "taking_photos")
"""Near-face actions with a hand beside eye and ear."""
ACTIONS: tuple[str, ...] = (
    "drinking",
    "phoning",
    "brushing_teeth",
    "playing_harmonica",
    "taking_photos",
    "applying_make_up_on_lips",
    "ironing",
    "cleaning_windows",
    "cleaning_floor",
    "folding_textile",
    "idle",
)
"""All actions; their indices are class labels."""
NEAR_FACE: tuple[str, ...] = ACTIONS[:6]
"""The actions that hold something to the face."""


def require_action(action: str) -> str:
    """Returns `action` if there is one of that name.

    Raises:
        ConfigError: naming the closest ones.
    """
    if action not in ACTIONS:
        raise ConfigError(f"action {action!r}: {suggest(action, ACTIONS)}")
    return action


def family_of(action: str) -> str | None:
    """Returns `mouth` or `eye`: where the hand is; `None` for actions that do not come in a family."""
    return "mouth" if action in AT_MOUTH else "eye" if action in AT_EYE else None
