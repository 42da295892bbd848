"""Tables of privacy from given numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hw_anon.core.errors import ConfigError
from hw_anon.evaluate.protocol import ADAPTIVE, MODIFIED_MODIFIED, PrivacyResult, PrivacySettings, ProtocolResult
from hw_anon.evaluate.report import (
    markdown_table,
    privacy_table,
    write_privacy_report,
)
from hw_anon.evaluate.verification import Estimate


def number(value: float, spread: float = 0.05) -> Estimate:
    return Estimate(value=value, low=value - spread, high=value + spread, n=100)


def result(method: str, accuracy: float) -> PrivacyResult:
    verified = ProtocolResult(
        protocol=MODIFIED_MODIFIED, judge="dlib", judge_seen=False, n_pairs=3600, accuracy=number(accuracy),
        auc=number(0.844), eer=number(0.244), tar_at_far=number(0.1), rank1=number(0.5),
    )  # fmt: skip
    parrot = ProtocolResult(protocol=ADAPTIVE, judge="pixels", judge_seen=False, rank1=number(0.905))
    return PrivacyResult(
        method=method, dataset="att", people=40, pictures=400, not_found=1, crop_side=64, seed=0, l1=number(0.1),
        ssim=number(0.6), face_found=number(0.25), protocols=(verified, parrot),
    )  # fmt: skip


RESULTS = [result("original", 0.99), result("blur-8", 0.744), result("mask", 0.6)]


def test_a_line_for_each_method_with_intervals() -> None:
    columns, rows = privacy_table(RESULTS)
    assert len(columns) == len(rows[0]) == 9
    row = dict(zip(columns, rows[1], strict=True))
    assert row["method"] == "blur-8"
    assert row["mod–mod dlib: accuracy %"] == "74.4 [69.4, 79.4]"
    assert row["mod–mod dlib: AUC"] == "0.844 [0.794, 0.894]"
    assert row["parrot pixels: rank-1 %"] == "90.5 [85.5, 95.5]"
    lines = markdown_table(columns, rows).splitlines()
    assert len(lines) == 5
    assert {line.count("|") for line in lines} == {10}


def test_the_report_says_how_it_was_made(tmp_path: Path) -> None:
    files = write_privacy_report(RESULTS, PrivacySettings(seed=4), tmp_path, command="hw-anon evaluate --set att")
    document = json.loads(files["json"].read_text())
    assert document["command"] == "hw-anon evaluate --set att"
    assert document["settings"]["seed"] == 4
    assert len(document["results"]) == 6
    assert document["results"][2]["accuracy"] == 0.744
    text = files["markdown"].read_text()
    for part in (
        "40 people, 400 pictures (1 more without",
        "3,600 pairs in 10",
        "hw-anon evaluate --set att",
        "blur-8",
    ):
        assert part in text
    with pytest.raises(ConfigError, match="no result"):
        write_privacy_report([], PrivacySettings(), tmp_path, command="")


def test_methods_under_other_judges_do_not_fit_one_table() -> None:
    other = result("odd", 0.5)
    lone = PrivacyResult(
        method="odd", dataset="att", people=40, pictures=400, not_found=0, crop_side=64, seed=0, l1=other.l1,
        ssim=other.ssim, face_found=other.face_found, protocols=other.protocols[:1],
    )  # fmt: skip
    with pytest.raises(ConfigError, match="do not fit one table"):
        privacy_table([*RESULTS, lone])
