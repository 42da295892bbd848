"""The action detector over the delivered frames, by the host's own flow: detector, tracks, events, recording."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hw_anon.core.frame import AnonymisedFrame

if TYPE_CHECKING:
    from host.actions.events import Event
    from host.analysis import Analysis, Scene
    from host.frames import Snapshot
    from hw_anon.cli.demo.shown import ActionRun
    from hw_anon.cli.workspace import Workspace
    from hw_anon.nets.shipped_detector import ShippedDetector

__all__ = ["Delivered", "exported_detector", "record_and_watch"]

_FEWEST_FPS, _MOST_FPS = 0.5, 60.0
_THREADS = 1
VIDEO_FILE, EVENTS_FILE = "anonymised.mp4", "events.jsonl"


def exported_detector(shipped: ShippedDetector, workspace: Workspace, size: tuple[int, int]) -> Path:
    """Returns the export of a detector for frames of a size, made now unless it is there.

    Args:
        shipped: the detector's weights.
        workspace: where exports are kept.
        size: columns and rows.

    Raises:
        ContractError: if the weights are damaged.
    """
    from hw_anon.core.action_model import load_action_model
    from hw_anon.core.errors import ContractError
    from hw_anon.core.hashing import sha256_file
    from hw_anon.nets.detector_export import export_detector

    width, height = size
    checkpoint = shipped.checkpoint
    digest = sha256_file(checkpoint)
    directory = workspace.root / "detectors" / f"{shipped.name}-{digest[:12]}-{width}x{height}"
    try:
        if load_action_model(directory).provenance.get("checkpoint_sha256") == digest:
            return directory
    except ContractError:
        pass  # none, or damaged: export (again)
    export_detector(checkpoint, directory, width=width, height=height)
    return directory


class Delivered:
    """The frames that the driver delivered, as a source of frames at the source's rate."""

    def __init__(self, frames: Sequence[AnonymisedFrame], *, fps: float, origin: str) -> None:
        """Takes the frames in order.

        Args:
            frames: what was delivered for each frame of the source.
            fps: frames a second.
            origin: what they come from.
        """
        self._frames, self._fps, self._origin = tuple(frames), fps, origin

    def frames(self) -> Iterator[Snapshot]:
        """Yields the frames, numbered by their place in the source."""
        from host.frames import Snapshot

        for index, frame in enumerate(self._frames):
            yield Snapshot(
                pixels=frame.frame, boxes=frame.boxes, number=index, timestamp=index / self._fps, fault=frame.fault
            )

    def counters(self) -> Mapping[str, int]:
        """Returns how many frames there are."""
        return {"frames": len(self._frames)}

    def describe(self) -> str:
        """Returns what the frames come from."""
        return self._origin


class _Watcher:
    """Analyses frames and keeps what was seen in each of them."""

    name = "analysis"

    def __init__(self, analysis: Analysis) -> None:
        self.analysis = analysis
        self.scenes: dict[int, Scene] = {}

    def take(self, frame: Snapshot) -> None:
        """Analyses one frame."""
        self.analysis.take(frame)
        if self.analysis.scene.frame == frame.number:
            self.scenes[frame.number] = self.analysis.scene

    def finish(self) -> None:
        """Reports what still goes on."""
        self.analysis.finish()


class _Kept:
    """Keeps events in memory."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def send(self, event: Event) -> None:
        """Keeps one."""
        self.events.append(event)

    def close(self) -> None:
        """Has nothing to do."""


def record_and_watch(
    source: Delivered, out: Path, *, fps: float, detector: Path | None, name: str, metrics: Mapping[str, Any] | None
) -> ActionRun | None:
    """Writes `anonymised.mp4` and `events.jsonl`; returns what the detector found, `None` without a detector.

    Args:
        source: the delivered frames.
        out: directory of both files.
        fps: frames a second.
        detector: an exported detector.
        name: where its weights come from.
        metrics: what was measured when they were trained.

    Raises:
        ContractError: if the detector's export is damaged or for frames of another size.
    """
    from host.actions.detector import OnnxDetector
    from host.actions.sinks import file_sink
    from host.analysis import Analysis
    from host.flow import Consumer, Flow
    from host.recording import Recorder
    from hw_anon.cli.demo.shown import ActionRun

    rate = min(max(fps, _FEWEST_FPS), _MOST_FPS)
    events, kept = out / EVENTS_FILE, _Kept()
    consumers: list[Consumer] = [Recorder(out / VIDEO_FILE, fps=rate, origin=source.describe())]
    watcher = None
    if detector is not None:
        events.unlink(missing_ok=True)
        model = OnnxDetector(detector, threads=_THREADS)
        watcher = _Watcher(Analysis(model, [kept, file_sink(events)]))
        consumers.append(watcher)
    Flow(source, consumers, lossless=True).run()
    if watcher is None:
        return None
    return ActionRun(
        model=watcher.analysis.detector.model,
        name=name,
        metrics=metrics,
        scenes=watcher.scenes,
        events=tuple(kept.events),
        analysed=model.meter.count,
        median_ms=model.meter.milliseconds(0.5),
        threads=model.threads,
    )
