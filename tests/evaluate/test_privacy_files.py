"""Privacy results in a results directory, and the mAP that is joined to them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.evaluate.privacy import (
    ADAPTIVE,
    INVERSION,
    MODIFIED_MODIFIED,
    PrivacyResult,
    PrivacySettings,
    ProtocolResult,
    strongest_parrot,
)
from hw_anon.evaluate.privacy_files import with_action, write_privacy_files
from hw_anon.evaluate.results import read_results
from hw_anon.evaluate.verification import Estimate


def number(value: float) -> Estimate:
    return Estimate(value=value, low=value - 0.05, high=value + 0.05, n=100)


RESULT = PrivacyResult(
    method="ours-edge", dataset="att", people=40, pictures=400, not_found=1, crop_side=64, seed=0, method_seed=2,
    enlarge=1.2,
    l1=number(0.1), ssim=number(0.6), face_found=number(0.25),
    protocols=(
        ProtocolResult(protocol=MODIFIED_MODIFIED, judge="dlib", judge_seen=False, n_pairs=90, accuracy=number(0.7),
                       auc=number(0.8), eer=number(0.3), tar_at_far=number(0.1), rank1=number(0.5)),
        ProtocolResult(protocol=ADAPTIVE, judge="pixels", judge_seen=False, rank1=number(0.4)),
        ProtocolResult(protocol=ADAPTIVE, judge="parrot-cnn", judge_seen=False, rank1=number(0.6), attacker="a net"),
        ProtocolResult(protocol=INVERSION, judge="dlib", judge_seen=False, n_pairs=90, accuracy=number(0.75),
                       auc=number(0.85), eer=number(0.2), tar_at_far=number(0.1), rank1=number(0.3), attacker="a U-Net",
                       restored_l1=number(0.08), restored_ssim=number(0.7)),
    ),
)  # fmt: skip


def _action(directory: Path, name: str, **values: Any) -> None:
    method, _, seed = name.partition("@")
    document = {"method": method, "dataset": "clips", "command": "c", "seed": int(seed) if seed else None, **values}
    path = directory / "action" / f"{name}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document))


def test_files_are_what_the_report_reads(tmp_path: Path) -> None:
    plain = replace(RESULT, method="blur-8", method_seed=None)
    paths = write_privacy_files([RESULT, plain], PrivacySettings(seed=4), tmp_path, command="hw-anon evaluate")
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == [
        "privacy/att/ours-edge@2.json", "privacy/att/blur-8.json",
    ]  # fmt: skip
    document = json.loads(paths[0].read_text())
    assert document["settings"]["seed"] == 4
    assert (document["seed"], document["learned"], document["region_enlargement"]) == (2, True, 1.2)
    read = read_results(tmp_path)
    assert read.views("att") == (
        (MODIFIED_MODIFIED, "dlib"), (ADAPTIVE, "parrot-cnn"), (ADAPTIVE, "pixels"), (INVERSION, "dlib"),
    )  # fmt: skip
    (_, ours) = read.select("att", INVERSION, "dlib")
    assert ours.learned
    assert ours.metrics["auc"].value == 0.85
    assert ours.metrics["restored_l1"].n == 400


def test_the_strongest_parrot_stands_for_all(tmp_path: Path) -> None:
    strongest = strongest_parrot(RESULT.protocols)
    assert strongest
    assert strongest.judge == "parrot-cnn"
    assert strongest_parrot(RESULT.protocols[:1]) is None
    rows = RESULT.rows()
    assert [(row["rank1_parrot"], row["rank1_parrot_by"]) for row in rows] == [
        (0.6, "parrot-cnn"), (0.4, "pixels"), (0.6, "parrot-cnn"), (0.6, "parrot-cnn"),
    ]  # fmt: skip
    assert rows[3]["restored_l1_ci"] == [0.03, 0.13]
    assert rows[3]["attacker"] == "a U-Net"


def test_map_is_joined_by_method_and_seed(tmp_path: Path) -> None:
    assert with_action(RESULT, tmp_path) == RESULT
    _action(tmp_path, "ours-edge@1", map50=0.9, map50_ci=[0.8, 1.0])
    assert with_action(RESULT, tmp_path) == RESULT, "another seed is another modifier"
    _action(
        tmp_path,
        "ours-edge@2",
        map50=0.5,
        map50_ci=[0.4, 0.6],
        map50_near_face=0.3,
        map50_near_face_ci=[0.2, 0.4],
    )
    row = with_action(RESULT, tmp_path).rows()[0]
    assert (row["map50"], row["map50_ci"], row["map50_near_face"]) == (0.5, [0.4, 0.6], 0.3)
    for seed, value in ((0, 0.5), (1, 0.7)):
        _action(tmp_path, f"mask@{seed}", map50=value, map50_ci=[value - 0.1, value + 0.1], map50_n=5)
    mask = with_action(replace(RESULT, method="mask", method_seed=None), tmp_path)
    assert mask.map50
    assert mask.map50.value == pytest.approx(0.6)
    assert mask.map50_near_face is None
    _action(tmp_path, "ours-edge@2", map50="much", map50_ci=[0, 1])
    with pytest.raises(ContractError, match="map50"):
        with_action(RESULT, tmp_path)


def test_names_must_be_file_names_and_differ(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two methods are called ours-edge@2"):
        write_privacy_files([RESULT, RESULT], PrivacySettings(), tmp_path, command="c")
    with pytest.raises(ConfigError, match="cannot name a result"):
        write_privacy_files([replace(RESULT, method="a/b")], PrivacySettings(), tmp_path, command="c")
