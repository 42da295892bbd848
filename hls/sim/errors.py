"""What can go wrong while a design is simulated."""

from __future__ import annotations

from hw_anon.core.errors import HwAnonError

__all__ = ["DeadlockError", "SimulationError"]


class SimulationError(HwAnonError):
    """The simulated RTL broke a rule: an assertion, `$error`, `$fatal`, a missing memory file, a stream's protocol."""

    exit_code = 7


class DeadlockError(SimulationError):
    """The simulated design stopped moving data.

    Attributes:
        cycle: cycles since the run began.
        beats_in: per input stream, beats accepted and beats offered in all.
        beats_out: per output stream, beats received and beats expected.
    """

    exit_code = 8

    def __init__(
        self,
        *,
        cycle: int,
        idle_cycles: int,
        beats_in: dict[str, tuple[int, int]],
        beats_out: dict[str, tuple[int, int]],
    ) -> None:
        self.cycle = cycle
        self.beats_in = beats_in
        self.beats_out = beats_out
        streams = ", ".join(
            f"{name} {done} of {total} beats {verb}"
            for verb, group in (("accepted", beats_in), ("received", beats_out))
            for name, (done, total) in group.items()
        )
        super().__init__(
            f"no stream moved for {idle_cycles} cycles, stopped at cycle {cycle}: {streams}. "
            "Usual causes: a FIFO on a residual path is too shallow (size the FIFOs again), or a stream carries "
            "fewer beats than its interface says"
        )
