"""Tables for people, documents for programs."""

from __future__ import annotations

import json

import pytest

from hw_anon.console.output import emit_document, note, print_table, status


def test_a_table_shows_every_cell_whole(capsys: pytest.CaptureFixture[str]) -> None:
    part = "xczu7ev-ffvc1156-2-e"
    print_table("Parts", ("part", "lut", "load", "fits"), [(part, 230_400, 0.123456, True), ("b", 7, 2.0, False)])
    out = capsys.readouterr().out
    for cell in (part, "230,400", "0.1235", "yes", "no"):
        assert cell in out
    line = next(line for line in out.splitlines() if line.startswith("│ b"))
    assert "       7 │" in line, "numbers are aligned to the right"


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_document_is_json_not_something_like_it(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        emit_document({"interval": value})


def test_notes_and_status_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    with status("building"):
        note("[3/9] streamlined")
    emit_document([1, 2])
    out, err = capsys.readouterr()
    assert json.loads(out) == [1, 2]
    assert "building" in err
    assert "[3/9] streamlined" in err
