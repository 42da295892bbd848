"""The demonstration in figures: what the command prints."""

from __future__ import annotations

from typing import Any

from hw_anon.cli.demo.shown import DemoReport

__all__ = ["figures", "frame_rows"]


def frame_rows(report: DemoReport) -> list[tuple[int, str, int, str, int, int]]:
    """Returns one row for each frame of the RTL: number, what was sent, regions, fault, latency, differing bytes."""
    return [
        (f.after.number, f.title, len(f.after.boxes), f.after.fault.name, f.cycles.latency, f.differing_bytes)
        for f in report.rtl.all_frames
    ]


def figures(report: DemoReport) -> dict[str, Any]:
    """Returns the figures of a run by name."""
    actions, health = report.actions, report.rtl.state.health
    return {
        "build_id": report.camera.build_id,
        "frames_through_driver": len(report.rtl.all_frames) + len(report.model.frames),
        "rtl_frames": len(report.rtl.all_frames),
        "rtl_differing_bytes": report.rtl.differing_bytes,
        "registers_differ": ", ".join(report.rtl.registers_differ),
        "model_frames": len(report.model.frames),
        "model_differing_bytes": report.model.differing_bytes,
        "driver_recoveries": int(health["recoveries"]) + int(report.model.state.health["recoveries"]),
        "black_frames": sum(bool(frame.fault) for frame in report.delivered),
        "faces_replaced": sum(len(frame.boxes) for frame in report.delivered),
        "action_detector": actions.name if actions else "",
        "frames_analysed": actions.analysed if actions else 0,
        "actions_started": sum(event.event == "start" for event in actions.events) if actions else 0,
        "latency_ms": round(report.latency_ms, 2),
        "frames_per_s": round(report.camera.holds_fps, 1),
        **{f"{name.lower()}_share": round(used / have, 3) for name, used, have in report.camera.usage if have},
    }
