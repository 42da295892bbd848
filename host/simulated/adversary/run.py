"""Runs the attacker for so many register accesses and says what it got."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from host.simulated.adversary.attacks import ATTACKS, prepare, sweep_registers
from host.simulated.adversary.marks import (
    LARGEST_NUMBER,
    STAND_IN_CONFIG,
    detect,
    modify,
    require_markable,
    twin_pictures,
)
from host.simulated.adversary.twins import Observations, TwinBoards
from host.simulated.model import ModelCamera
from hw_anon.core.camera import CameraConfig
from hw_anon.core.camera_abi import CameraPort, VerilatedCamera
from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.core.platform import get_platform
from hw_anon.core.video_words import TLAST, frame_beats

__all__ = ["AdversaryReport", "golden_pair", "run_adversary", "verilated_pair"]

_FRAMES_PER_EPISODE = 30
_PERIOD_CYCLES = 16_000
_MEMORY_BYTES = 64 << 10
_STAND_IN = "stand-in"

Pair = tuple[CameraPort, CameraPort]


@dataclass(frozen=True, kw_only=True, slots=True)
class AdversaryReport:
    """What an attack saw."""

    camera: str
    """What was attacked."""
    seed: int
    """Seed of everything."""
    episodes: int
    """Times that the boards were switched on."""
    attacks: dict[str, int]
    """How often each attack ran."""
    seconds: float
    """How long it took."""
    seen: Observations
    """What was seen."""

    @property
    def clean(self) -> bool:
        """Whether nothing leaked, and faces were there to leak."""
        return not self.seen.leak_count and self.seen.faces > 0

    def document(self) -> dict[str, Any]:
        """Returns everything for machines."""
        seen = self.seen
        figures = ("reads", "writes", "bus_errors", "memory_reads", "stream_bytes", "dma_bytes", "memory_bytes")
        return {
            "camera": self.camera,
            "seed": self.seed,
            "operations": seen.operations,
            **{name: getattr(seen, name) for name in figures},
            "episodes": self.episodes,
            "attacks": self.attacks,
            "cycles": seen.cycles,
            "frames": dict(sorted(seen.frames.items())),
            "faces_replaced": seen.faces,
            "leaks": seen.leak_count,
            "leaks_shown": seen.leaks,
            "seconds": round(self.seconds, 1),
        }


@contextmanager
def golden_pair(config: CameraConfig = STAND_IN_CONFIG) -> Iterator[tuple[str, CameraConfig, Pair]]:
    """Yields two golden models with stand-in networks."""
    first, second = (ModelCamera(config, detect=detect, modify=modify) for _ in range(2))
    yield "golden model", config, (first, second)


@contextmanager
def verilated_pair(directory: Path) -> Iterator[tuple[str, CameraConfig, Pair]]:
    """Yields two simulations of the RTL of a camera with stand-in networks (`hls.fuzz.small_camera` builds one).

    Raises:
        ContractError: if the directory is none of a camera, or its networks are no stand-ins: with others nothing
            marks the bytes of faces.
    """
    try:
        raw = json.loads((directory / "camera.json").read_text(encoding="utf-8"))
        config = CameraConfig.from_dict(raw["camera"])
        networks = {str(network["name"]) for network in raw["networks"].values()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, ConfigError) as exc:
        raise ContractError(f"{directory} is no camera directory ({exc})") from exc
    if networks != {_STAND_IN}:
        raise ContractError(
            f"{directory} has the networks {', '.join(sorted(networks))}: the attack needs stand-ins, which mark what "
            "is raw; build such a camera with `hw-anon adversary` in the main environment"
        )
    with VerilatedCamera.open(directory) as first, VerilatedCamera.open(directory) as second:
        yield "Verilated RTL", config, (first, second)


def run_adversary(
    name: str,
    config: CameraConfig,
    cameras: Pair,
    *,
    operations: int,
    seed: int,
    on_progress: Callable[[int], None] = lambda done: None,
) -> AdversaryReport:
    """Attacks two boards that see twin pictures.

    The first episode sweeps every word of the camera's window; all of them mix the attacks at random. An episode ends
    when its video does; the boards are then switched off and on, because frame numbers must stay below the marks.

    Args:
        name: what to call the cameras.
        config: the cameras' configuration.
        cameras: two equal cameras.
        operations: register accesses at least.
        seed: equal seeds give equal runs.
        on_progress: told the accesses done so far.

    Raises:
        ConfigError: if the marks are not made for such cameras.
        DeviceError: if the RTL failed (an assertion, a bus that does not answer).
    """
    require_markable(config)
    seen, attacks, started, episodes = Observations(), Counter[str](), time.monotonic(), 0
    while seen.operations < operations:
        rng = np.random.default_rng((seed, episodes))
        boards = _switched_on(cameras, config, rng, seen, sweep=not episodes)
        while not boards.over and seen.operations < operations:
            attack = str(rng.choice(list(ATTACKS)))
            attacks[attack] += 1
            ATTACKS[attack](boards, rng)
            on_progress(min(seen.operations, operations))
        _switch_off(boards)
        episodes += 1
    seconds, counts = time.monotonic() - started, dict(sorted(attacks.items()))
    return AdversaryReport(camera=name, seed=seed, episodes=episodes, attacks=counts, seconds=seconds, seen=seen)


def _switched_on(
    cameras: Pair, config: CameraConfig, rng: np.random.Generator, seen: Observations, *, sweep: bool
) -> TwinBoards:
    """Returns two boards at the beginning of an episode, after a sweep over all registers if that is asked for."""
    platform, videos = get_platform(config.board), _videos(rng, config)
    boards = TwinBoards(cameras, platform, videos, seen, memory_bytes=_MEMORY_BYTES, period_cycles=_PERIOD_CYCLES)
    prepare(boards, rng)
    if sweep:
        sweep_registers(boards)
    return boards


def _switch_off(boards: TwinBoards) -> None:
    """Ends an episode: what was under way arrives, and is looked at."""
    boards.advance(2 * _PERIOD_CYCLES)
    boards.finish()


def _videos(
    rng: np.random.Generator, config: CameraConfig
) -> tuple[list[NDArray[np.uint32]], list[NDArray[np.uint32]]]:
    """Returns the twin videos of an episode; one frame in six is malformed, as software at the sensor may make it."""
    assert 2 * _FRAMES_PER_EPISODE <= LARGEST_NUMBER, "a malformed frame may count twice"
    videos: tuple[list[NDArray[np.uint32]], list[NDArray[np.uint32]]] = ([], [])
    for _ in range(_FRAMES_PER_EPISODE):
        faces = int(rng.choice([0, 1, 1, 1, 2, 2, config.max_faces + 2]))
        gap = int(rng.choice([0, 0, 1]))
        fault, place = int(rng.integers(0, 18)), int(rng.integers(1, config.width * config.height))
        for video, picture in zip(videos, twin_pictures(rng, config, faces=faces), strict=True):
            words = frame_beats(picture, pixel_gap=gap)
            if fault == 0:
                words = words[:place]
            elif fault == 1:
                words[place] ^= np.uint32(TLAST)
            elif fault == 2:
                words = np.concatenate([words, words[-9:] & np.uint32(TLAST - 1)])
            video.append(words)
    return videos
