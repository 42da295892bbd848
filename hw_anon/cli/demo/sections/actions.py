"""What the action detector saw in the delivered frames: people, actions, events."""

from __future__ import annotations

from hw_anon.cli.demo.sections.section import Section, picture_uri
from hw_anon.cli.demo.shown import ActionRun, DemoReport

__all__ = ["section", "telling_frames"]

_PICTURES = 6
_MEASURED = (
    ("map50", "mAP at IoU 0.5"),
    ("map50_near_face", "near-face actions"),
)


def section(report: DemoReport) -> Section:
    """Returns the section."""
    values: dict[str, object] = {"pictures": [], "measured": [], "events": []}
    if (actions := report.actions) is not None:
        delivered = report.delivered
        values = {
            "pictures": [
                {
                    "index": index,
                    "picture": picture_uri(delivered[index].frame),
                    "people": actions.scenes[index].people,
                    "time_s": index / report.fps,
                }
                for index in telling_frames(actions)
            ],
            "measured": _measured(actions),
            "events": [event for event in actions.events if event.event != "ongoing"],
        }
    return Section(anchor="actions", title="Actions in anonymised frames", short="Actions", values=values)


def telling_frames(actions: ActionRun, most: int = _PICTURES) -> list[int]:
    """Returns frames to show: spread over those in which somebody acts, else over those in which somebody is."""
    acting = [index for index, scene in actions.scenes.items() if any(person.actions for person in scene.people)]
    present = [index for index, scene in actions.scenes.items() if scene.people]
    chosen = sorted(acting or present)
    count = min(most, len(chosen))
    return [chosen[(2 * place + 1) * len(chosen) // (2 * count)] for place in range(count)]


def _measured(actions: ActionRun) -> list[tuple[str, float, float, float]]:
    """Returns name, value and interval of what was measured with the weights."""
    metrics = actions.metrics or {}
    return [
        (label, metrics[name], *metrics[f"{name}_ci"])
        for name, label in _MEASURED
        if metrics.get(name) is not None and metrics.get(f"{name}_ci") is not None
    ]
