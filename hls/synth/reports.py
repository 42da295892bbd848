"""What the vendor's tools report of a finished design: utilisation, timing, power, as numbers."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from hls.resources.amounts import Resources
from hw_anon.core.errors import ContractError, ToolError

__all__ = ["Timing", "VendorReport", "parse_power", "parse_timing", "parse_utilisation", "require_timing"]

_ROWS = {
    "lut": r"(?:Slice|CLB) LUTs\*?",
    "ff": r"(?:Slice|CLB) Registers\*?",
    "tiles": r"Block RAM Tile",
    "dsp": r"DSPs",
    "uram": r"URAM",
}
_OPTIONAL = ("uram",)
_TIMING_HEAD = re.compile(r"^ *WNS\(ns\) +TNS\(ns\)[^\n]*$", re.MULTILINE)
_TIMING_COLUMNS = 12
_NO_CLOCK = re.compile(r"checking no_clock \((\d+)\)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Timing:
    """The design timing summary."""

    setup_slack_ns: float
    """Worst slack of setup (WNS)."""
    hold_slack_ns: float
    """Worst slack of hold (WHS)."""
    pulse_slack_ns: float
    """Worst slack of pulse widths (WPWS)."""
    failing: int
    """Endpoints that fail any of the three."""
    endpoints: int
    """Endpoints with a setup requirement."""
    without_clock: int
    """Registers that no clock constraint reaches: their timing was not looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VendorReport:
    """All numbers of a vendor build."""

    used: Resources
    """What the whole design takes."""
    timing: Timing
    """Its slack."""
    power_w: float
    """Estimated power on the chip, in watts, without measured activity."""

    def as_json(self) -> dict[str, Any]:
        """Returns all numbers for machines."""
        return asdict(self)


def parse_utilisation(text: str) -> Resources:
    """Reads `report_utilization`: the `Used` column of the primitives' tables.

    Raises:
        ContractError: if a row is missing or is no number.
    """
    found: dict[str, float] = {}
    for name, pattern in _ROWS.items():
        match = re.search(rf"^\| *{pattern} *\| *([0-9.]+) *\|", text, re.MULTILINE)
        if match is None and name not in _OPTIONAL:
            raise ContractError(f"the utilisation report has no row for {name}: is it from report_utilization?")
        found[name] = float(match[1]) if match else 0.0
    return Resources(
        dsp=int(found["dsp"]),
        lut=int(found["lut"]),
        ff=int(found["ff"]),
        bram18=round(2 * found["tiles"]),
        uram=int(found["uram"]),
    )


def parse_timing(text: str) -> Timing:
    """Reads `report_timing_summary`: the design's summary and the check for registers without a clock.

    Raises:
        ContractError: if the summary is missing, or a slack is none (a design without constraints).
    """
    head = _TIMING_HEAD.search(text)
    lines = [line for line in text[head.end() :].splitlines() if line.strip()] if head else []
    values = lines[1].split() if len(lines) > 1 else []
    clocks = _NO_CLOCK.search(text)
    try:
        if len(values) != _TIMING_COLUMNS or clocks is None:
            raise ValueError(f"{len(values)} columns, expected {_TIMING_COLUMNS}, and a check for clocks")
        numbers = [float(value) for value in values]
    except ValueError as exc:
        raise ContractError(f"the timing report has no summary with numbers: {exc}") from exc
    return Timing(
        setup_slack_ns=numbers[0],
        hold_slack_ns=numbers[4],
        pulse_slack_ns=numbers[8],
        failing=int(numbers[2] + numbers[6] + numbers[10]),
        endpoints=int(numbers[3]),
        without_clock=int(clocks[1]),
    )


def parse_power(text: str) -> float:
    """Reads `report_power`: watts on the chip.

    Raises:
        ContractError: if the row is missing.
    """
    match = re.search(r"^\| *Total On-Chip Power \(W\) *\| *([0-9.]+)", text, re.MULTILINE)
    if match is None:
        raise ContractError("the power report has no total: is it from report_power?")
    return float(match[1])


def require_timing(timing: Timing, report: str) -> None:
    """Refuses a design that does not meet its timing: it could fail on a board in any way, privacy included.

    Args:
        timing: its slack.
        report: the whole report, for the message.

    Raises:
        ToolError: with the slacks, and the report as its log.
    """
    worst = min(timing.setup_slack_ns, timing.hold_slack_ns, timing.pulse_slack_ns)
    if worst < 0 or timing.failing or timing.without_clock:
        raise ToolError(
            f"the design misses its timing: slack {timing.setup_slack_ns:g} ns (setup), {timing.hold_slack_ns:g} ns "
            f"(hold), {timing.pulse_slack_ns:g} ns (pulse width), {timing.failing} failing endpoints, "
            f"{timing.without_clock} registers without a clock; no bitstream is kept: build the camera for a slower "
            "clock (clk_mhz)",
            log=report,
        )
