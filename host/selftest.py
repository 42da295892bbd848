"""The board's self-test: what has to be true before a camera can be trusted to run, step by step."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any

from host.actions.detector import OnnxDetector
from host.frames import CameraFrame
from host.opening import CameraSource
from hw_anon.core.errors import HwAnonError
from hw_anon.core.frame import Fault

__all__ = ["Finding", "check_camera", "check_detector"]

_FRAMES = 5


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One step."""

    name: str
    """What was looked at."""
    ok: bool
    """Whether it is as it should be."""
    found: str
    """What was found."""


def check_camera(source: CameraSource, *, frames: int = _FRAMES) -> list[Finding]:
    """Checks an open camera; the driver has verified files, build id and geometry in opening it.

    Args:
        source: the camera.
        frames: frames that are waited for.
    """
    steps: list[tuple[str, Callable[[], tuple[bool, str]]]] = [
        ("design", lambda: (True, f"{source.design_id}, files as in its manifest")),
        ("signature", lambda: (True, _signature(source))),
        ("build id", lambda: _build_id(source)),
        ("geometry", lambda: _geometry(source)),
        ("threshold", lambda: _threshold(source)),
        ("frames", lambda: _frames(source, frames)),
        ("fault register", lambda: _faults(source)),
        ("driver", lambda: _driver(source)),
    ]
    return [_step(name, look) for name, look in steps]


def check_detector(detector: OnnxDetector, source: CameraSource) -> Finding:
    """Checks that the action detector takes the camera's frames."""
    model, seen = detector.model, source.camera.description.config
    found = f"{model.width}×{model.height}, {len(model.actions)} actions, {detector.warm_up_ms:.0f} ms a frame"
    return Finding(name="action detector", ok=(model.width, model.height) == (seen.width, seen.height), found=found)


def _step(name: str, look: Callable[[], tuple[bool, str]]) -> Finding:
    try:
        ok, found = look()
    except HwAnonError as exc:
        ok, found = False, str(exc)
    return Finding(name=name, ok=ok, found=found)


def _signature(source: CameraSource) -> str:
    """Says whose signature was verified in opening the camera."""
    if source.key is None:
        return "none demanded (--require-signature)"
    from hw_anon.core.signature import key_id

    return f"by key {key_id(source.key)}"


def _build_id(source: CameraSource) -> tuple[bool, str]:
    wanted, found = source.camera.description.build_id, source.camera.registers.build_id
    return wanted == found, f"{found}, read from the hardware"


def _geometry(source: CameraSource) -> tuple[bool, str]:
    seen = source.camera.registers.geometry
    return True, f"{seen.width}×{seen.height}, {seen.max_faces} faces at most"


def _threshold(source: CameraSource) -> tuple[bool, str]:
    registers = source.camera.registers
    now, built = registers.threshold, registers.built_threshold
    return now <= built, f"{now}, built with {built} (never above)"


def _frames(source: CameraSource, frames: int) -> tuple[bool, str]:
    """Waits for frames: the driver's waits are bounded, and so is this."""
    begun = time.monotonic()
    first_s, numbers, black = 0.0, [], 0
    for frame in _some(source, frames):
        first_s = first_s or time.monotonic() - begun
        numbers.append(frame.number)
        black += frame.fault is not Fault.NONE
        frame.release()
    rate = (len(numbers) - 1) / max(time.monotonic() - begun - first_s, 1e-9)
    rising = all((after - before) % (1 << 32) < 1 << 31 for before, after in pairwise(numbers))
    found = f"{len(numbers)}, the first after {first_s:.2f} s, {rate:.1f} a second, {black} black"
    return len(numbers) == frames and rising and black < frames, found


def _some(source: CameraSource, frames: int) -> Iterator[CameraFrame]:
    return islice(source.frames(), frames)


def _faults(source: CameraSource) -> tuple[bool, str]:
    found = source.camera.registers.faults
    return not found, ", ".join(sorted(fault.name for fault in found)) or "none"


def _driver(source: CameraSource) -> tuple[bool, str]:
    health: dict[str, Any] = source.camera.health.as_json()
    wrong = {name: health[name] for name in ("lost", "torn", "recoveries", "stream_errors") if health[name]}
    return not wrong, ", ".join(f"{count} {name}" for name, count in wrong.items()) or "nothing lost, no restart"
