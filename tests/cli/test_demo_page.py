"""The demonstration's page: what the driver delivered is compared, joined, watched and shown; nothing is invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="missing: av")
pytest.importorskip("matplotlib", reason="missing: matplotlib")

from host.actions.events import Event
from hw_anon.cli.demo.actions import Delivered, record_and_watch
from hw_anon.cli.demo.driving import drive_rtl
from hw_anon.cli.demo.page import write_page
from hw_anon.cli.demo.sections.actions import telling_frames
from hw_anon.cli.demo.sections.faults import MEANINGS
from hw_anon.cli.demo.sections.video import spans
from hw_anon.cli.demo.sent import chosen_frames
from hw_anon.cli.demo.shown import ActionRun, DemoReport
from hw_anon.cli.demo.summary import figures, frame_rows
from hw_anon.core.errors import ContractError
from hw_anon.core.frame import Fault
from hw_anon.evaluate.assurance import Assurance
from tests.cli.demo_world import BUILD_ID, RTL, StandInDriver, demo_report, footage, stand_in_golden
from tests.evaluate.test_assurance import OUTPUTS
from tests.host.tiny_detector import write_tiny_detector


def _watched(report: DemoReport, tmp_path: Path, *, detector: bool) -> ActionRun | None:
    if detector:
        write_tiny_detector(tmp_path / "detector")
    return record_and_watch(
        Delivered(report.delivered, fps=report.fps, origin="a test"),
        tmp_path / "out",
        fps=report.fps,
        detector=tmp_path / "detector" if detector else None,
        name="tiny",
        metrics=None,
    )


def test_every_frame_is_compared_and_the_rtls_take_their_places() -> None:
    report = demo_report()
    assert report.equal and report.differing_bytes == 0
    assert [shown.index for shown in report.rtl.frames] == [1, 4]
    assert [shown.after.fault for shown in report.rtl.faulty] == [Fault.SHORT_LINE]
    assert len(report.delivered) == len(report.pictures) == 6
    for shown in report.rtl.frames:
        assert shown.index is not None and report.delivered[shown.index] is shown.after
        assert shown.cycles.detect == 1000 and shown.cycles.latency == 4000
    assert report.rtl.state.counters["frames_black"] == 1


def test_a_difference_is_counted_where_it_is() -> None:
    report = demo_report(flip=4)
    assert not report.equal
    assert report.rtl.differing_bytes > 0 and report.model.differing_bytes == 0
    assert figures(report)["rtl_differing_bytes"] == report.rtl.differing_bytes
    assert sum(row[-1] for row in frame_rows(report)) == report.rtl.differing_bytes


def test_another_build_behind_the_driver_is_refused() -> None:
    driver: Any = StandInDriver(build_id="f" * 32)
    with pytest.raises(ContractError, match="the driver opened build"):
        drive_rtl(driver, BUILD_ID, stand_in_golden(), chosen_frames(footage(), 1))


@pytest.mark.parametrize("count", [1, 4, 9])
def test_frames_of_the_rtl_are_spread_over_the_source(count: int) -> None:
    places = [one.index for one in chosen_frames(footage(6), count)]
    assert len(set(places)) == min(count, 6)
    assert places == sorted(place for place in places if place is not None)


def test_a_page_without_results_says_so(tmp_path: Path) -> None:
    report = demo_report()
    assert _watched(report, tmp_path, detector=False) is None
    page = write_page(report, tmp_path / "out")
    text = page.read_text()
    assert "Nothing to show: nothing was measured" in text
    assert "No committed result" in text and "No action detector" in text
    assert "every comparison equal: 0 bytes differ" in text
    assert "http://www.w3.org" not in text.replace('xmlns:xlink="http://www.w3.org/1999/xlink"', "").replace(
        'xmlns="http://www.w3.org/2000/svg"', ""
    )
    assert "<script" not in text and 'src="http' not in text
    assert {path.name for path in (tmp_path / "out" / "figures").iterdir()} >= {"timeline.png", "stages.png"}
    assert len(list((tmp_path / "out" / "frames").iterdir())) == len(report.rtl.all_frames)
    assert all(f"<code>{fault.name}</code>" in text for fault in Fault if fault is not Fault.NONE)
    assert MEANINGS.keys() == set(Fault) - {Fault.NONE}


def test_a_page_with_a_difference_says_so(tmp_path: Path) -> None:
    report = demo_report(flip=1)
    _watched(report, tmp_path, detector=False)
    text = write_page(report, tmp_path / "out").read_text()
    assert "a comparison failed" in text and "every comparison equal" not in text


def test_proofs_name_the_rtl_that_they_were_measured_on(tmp_path: Path) -> None:
    record = {"command": "hw-anon x", "commit": "c0ffee", "output": None}
    results = {
        kind: Assurance.parse(
            {**record, "kind": kind, "rtl_sha256": RTL if kind == "fuzz" else "00" * 32, "output": output}, where=kind
        )
        for kind, output in OUTPUTS.items()
    }
    report = demo_report(assurance=results)
    _watched(report, tmp_path, detector=False)
    text = write_page(report, tmp_path / "out").read_text()
    assert text.count("measured on an earlier RTL") == 2
    assert text.count("on this camera’s RTL") == 1
    assert "guard_rules" in text and "1 of 1" in text and "short line" in text


def test_the_action_detector_sees_what_was_delivered(tmp_path: Path) -> None:
    plain = demo_report()
    actions = _watched(plain, tmp_path, detector=True)
    assert actions is not None
    assert actions.analysed == sum(not frame.fault for frame in plain.delivered)
    assert (tmp_path / "out" / "anonymised.mp4").stat().st_size > 0
    lines = (tmp_path / "out" / "events.jsonl").read_text().splitlines()
    assert lines == [event.to_line() for event in actions.events]
    again = _watched(plain, tmp_path, detector=True)
    assert (tmp_path / "out" / "events.jsonl").read_text().splitlines() == lines, "a second run does not append"
    assert again is not None and again.events == actions.events
    text = write_page(demo_report(actions=actions), tmp_path / "out").read_text()
    assert "Detector <b>tiny</b>" in text and "Nothing was measured with these weights" in text
    assert figures(demo_report(actions=actions))["frames_analysed"] == actions.analysed


def test_spans_are_those_of_ended_actions() -> None:
    def event(kind: Any, time_s: float, duration_s: float) -> Event:
        return Event(
            event=kind, action="taking_photos", track=2, score=0.9, frame=0, time_s=time_s, duration_s=duration_s,
            box=(0.0, 0.0, 1.0, 1.0),
        )  # fmt: skip

    found = spans((event("start", 1.0, 0.0), event("end", 2.5, 1.5), event("end", 4.0, 0.5)))
    assert found == {"taking photos, person 2": [(1.0, 1.5), (3.5, 0.5)]}


def test_frames_to_show_are_those_in_which_somebody_acts() -> None:
    from host.analysis import Person, Scene

    acts = Person(track=1, box=(0, 0, 9, 9), actions=(("drinking", 0.9, 1.0),))
    stands = Person(track=1, box=(0, 0, 9, 9), actions=())
    scenes = {n: Scene(frame=n, people=(acts if n in (5, 6, 7) else stands,)) for n in range(20)}
    run: Any = type("Run", (), {"scenes": scenes})
    assert telling_frames(run) == [5, 6, 7]
    run.scenes = {n: Scene(frame=n, people=(stands,)) for n in range(20)}
    assert len(telling_frames(run)) == 6
    run.scenes = {}
    assert telling_frames(run) == []
    assert np.all(np.diff(telling_frames(type("Run", (), {"scenes": scenes}))) > 0)  # type: ignore[arg-type]
