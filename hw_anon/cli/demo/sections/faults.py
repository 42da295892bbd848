"""The faults of a frame, and which of them were provoked in this run."""

from __future__ import annotations

from collections import Counter

from hw_anon.cli.demo.sections.pictures import pair
from hw_anon.cli.demo.sections.section import Section
from hw_anon.cli.demo.shown import DemoReport
from hw_anon.core.frame import Fault

__all__ = ["MEANINGS", "section"]

MEANINGS = {
    Fault.SHORT_LINE: "a line ends before its last column",
    Fault.LONG_LINE: "a line does not end at its last column",
    Fault.SHORT_FRAME: "a new frame begins inside a frame",
    Fault.LONG_FRAME: "pixels follow a whole frame without beginning one",
    Fault.SOURCE_TIMEOUT: "the sensor falls silent inside a frame",
    Fault.OVERRUN: "a frame begins while no store is free",
    Fault.TOO_MANY_FACES: "more faces are found than can be replaced",
    Fault.INVALID_REGION: "a region is too small or outside the frame; cannot happen, checked all the same",
    Fault.DETECTOR_TIMEOUT: "the face detector does not answer in time",
    Fault.DETECTOR_LENGTH: "the face detector's answer has another length",
    Fault.MODIFIER_TIMEOUT: "the modifier does not answer in time",
    Fault.MODIFIER_LENGTH: "the modifier's answer has another length",
    Fault.RESET: "software resets the camera before the frame is released",
}
"""What each fault is."""


def section(report: DemoReport) -> Section:
    """Returns the section."""
    simulated = Counter(frame.after.fault for frame in report.rtl.all_frames)
    modelled = Counter(frame.fault for frame in report.model.frames)
    rows = [(fault, meaning, simulated[fault], modelled[fault]) for fault, meaning in MEANINGS.items()]
    return Section(
        anchor="faults",
        title="When something is wrong",
        short="Faults",
        values={"rows": rows, "pairs": [pair(shown, report) for shown in report.rtl.faulty]},
    )
