"""The faults that the fuzzer injects, one function each; every case begins with a camera that is quiet.

A case writes the script of a `Batch` and says nothing of its outcome: that is the golden model's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from hls.fuzz.batch import Batch
from hw_anon.core.registers import REGISTERS, register

__all__ = ["CASES", "LOCKED", "fill"]

LOCKED = "threshold locked"
"""The case that is the last one of some batches, because nothing undoes it."""


def _short_line(batch: Batch) -> None:
    beats, width = batch.good(), batch.config.width
    row, column = int(batch.rng.integers(0, batch.config.height)), int(batch.rng.integers(0, width - 1))
    if batch.rng.random() < 0.5:
        beats.eol[row * width + column] = True
        batch.video(beats)
    else:
        kept = np.ones(len(beats), bool)
        kept[row * width + 1 : row * width + 1 + int(batch.rng.integers(1, width - 1))] = False
        batch.video(beats.select(kept))


def _long_line(batch: Batch) -> None:
    beats, width = batch.good(), batch.config.width
    place = width * int(batch.rng.integers(0, batch.config.height)) + int(batch.rng.integers(1, width - 1))
    again = np.insert(np.arange(len(beats)), place, np.full(int(batch.rng.integers(1, 9)), place))
    batch.video(beats.select(again))


def _no_end_of_line(batch: Batch) -> None:
    beats = batch.good()
    beats.eol[batch.config.width * int(batch.rng.integers(1, batch.config.height + 1)) - 1] = False
    batch.video(beats)


def _no_start_of_frame(batch: Batch) -> None:
    beats = batch.good()
    beats.sof[0] = False
    batch.video(beats)


def _early_start_of_frame(batch: Batch) -> None:
    beats = batch.good()
    beats.sof[batch.place()] = True
    batch.video(beats)


def _truncated(batch: Batch) -> None:
    batch.video(batch.good().select(slice(0, batch.place())))


def _source_stall(batch: Batch) -> None:
    beats = batch.good()
    beats.idle[batch.place()] = batch.config.source_timeout_cycles + int(batch.rng.integers(0, 500))
    batch.video(beats)


def _too_many_faces(batch: Batch) -> None:
    batch.video(batch.good(faces=batch.config.max_faces + int(batch.rng.integers(1, 3))))


def _failing(*codes: int) -> Callable[[Batch], None]:
    def case(batch: Batch) -> None:
        faces = int(batch.rng.integers(1, batch.config.max_faces + 1))
        batch.video(batch.good(faces=faces, failure=int(batch.rng.choice(codes))))

    return case


def _back_to_back(batch: Batch) -> None:
    for number in range(int(batch.rng.integers(2, 7))):
        beats = batch.good()
        beats.idle[0] = 0 if number == 0 or batch.rng.random() < 0.5 else batch.rng.integers(1, 4000)
        batch.video(beats, wait=number == 0, certain=number == 0)


def _stopped_sink(batch: Batch, *, reset: bool = False) -> None:
    batch.script.sink(stopped=True, idle=int(batch.rng.integers(0, 50)))
    for number in range(int(batch.rng.integers(1, 9))):
        beats = batch.good()
        beats.idle[0] = 3000
        batch.video(beats, wait=False, certain=number < batch.config.buffers)
    if reset:
        batch.reset(idle=int(batch.rng.integers(0, 3000)))
    batch.script.sink(stopped=False, idle=int(batch.rng.integers(0, 10_000)))


def _stopped_sink_and_reset(batch: Batch) -> None:
    _stopped_sink(batch, reset=True)


def _soft_reset(batch: Batch) -> None:
    beats = batch.good(faces=int(batch.rng.integers(0, batch.config.max_faces + 1)))
    if batch.rng.random() < 0.4:
        batch.video(beats.select(slice(0, batch.place())))
        batch.reset(idle=int(batch.rng.integers(0, 30)))
    else:
        batch.video(beats)
        batch.reset(idle=int(batch.rng.integers(0, 2 * len(beats))))


def _register_storm(batch: Batch) -> None:
    beats = batch.good()
    cuts = sorted({batch.place() for _ in range(8)})
    for start, end in zip([0, *cuts], [*cuts, len(beats)], strict=True):
        batch.video(beats.select(slice(start, end)), wait=start == 0)
        for _ in range(int(batch.rng.integers(0, 5))):
            _random_access(batch)
    for _ in range(20):
        _random_access(batch, idle=int(batch.rng.integers(0, 200)))
    batch.run(wait=False)


def _random_access(batch: Batch, *, idle: int = 0) -> None:
    """Reads or writes anything, but for what would change the sticky faults or the lock in a moment nobody knows."""
    rng, script = batch.rng, batch.script
    data = int(rng.integers(0, 1 << 32))
    chosen = REGISTERS[rng.integers(0, len(REGISTERS))]
    offset = chosen.offset if rng.random() < 0.9 else 4 * int(rng.integers(0, 1024))
    if rng.random() < 0.3:
        script.read(offset, idle=idle)
    elif rng.random() < 0.05:
        batch.reset(idle=idle)
    elif offset == register("CONTROL").offset:
        script.write(offset, data & 0x7FFF_FFFD, idle=idle)
        script.steps.append(lambda model: setattr(model, "running", bool(data & 1)))
    elif offset == register("THRESHOLD").offset:
        script.write(offset, data, idle=idle)
        script.steps.append(lambda model: model.set_threshold(data & 255))  # type: ignore[attr-defined]
    elif offset != register("FAULTS").offset:
        script.write(offset, data, idle=idle)
    batch.note()


def _lock(batch: Batch) -> None:
    """Locks the built-in threshold; whatever is written to it from then on has no effect."""
    batch.script.write(register("CONTROL").offset, 0x8000_0001)
    batch.script.steps.append(lambda model: setattr(model, "locked", True))
    batch.script.write(register("THRESHOLD").offset, int(batch.rng.integers(0, 256)))
    batch.note()
    batch.video(batch.good())


def _mixed(batch: Batch) -> None:
    """Some damage at once, of any kind: bits of the marks flipped, pixels lost, pauses, an end too early."""
    beats = batch.good(failure=int(batch.rng.integers(0, 7)))
    kept = np.ones(len(beats), bool)
    for _ in range(int(batch.rng.integers(1, 4))):
        place, kind = batch.place(0), batch.rng.integers(0, 5)
        if kind < 2:
            (beats.sof if kind else beats.eol)[place] ^= True
        elif kind == 2:
            beats.idle[place] = batch.config.source_timeout_cycles
        else:
            kept[place : None if kind == 3 else place + 1] = False
    if kept.any():
        batch.video(beats.select(kept))


CASES: dict[str, Callable[[Batch], None]] = {
    "short line": _short_line,
    "long line": _long_line,
    "no end of line": _no_end_of_line,
    "no start of frame": _no_start_of_frame,
    "early start of frame": _early_start_of_frame,
    "truncated frame": _truncated,
    "source stalls": _source_stall,
    "several of these at once": _mixed,
    "too many faces": _too_many_faces,
    "detector never answers": _failing(1),
    "detector's answer has a wrong length": _failing(2, 3),
    "modifier never answers": _failing(4),
    "modifier's answer has a wrong length": _failing(5, 6),
    "frames without blanking": _back_to_back,
    "sink stops, then goes on": _stopped_sink,
    "sink stops, soft reset": _stopped_sink_and_reset,
    "soft reset at any moment": _soft_reset,
    "storm of register accesses": _register_storm,
}
"""What is injected, by the name in the report."""


def fill(batch: Batch) -> None:
    """Writes a batch: every case once, in random order, a good frame after each."""
    batch.recover()
    names = [list(CASES)[k] for k in batch.rng.permutation(len(CASES))]
    for name in names:
        batch.kind = name
        batch.run()
        CASES[name](batch)
        batch.recover()
    if batch.rng.random() < 0.25:
        batch.kind = LOCKED
        _lock(batch)
        batch.recover()
