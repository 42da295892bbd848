"""Which detectors `hw-anon train-detector` trains, and what each begins with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hw_anon.cli.detector_jobs import DetectorJob, detector_file, job_method
from hw_anon.cli.train_detector import check_networks, method_jobs, method_names
from hw_anon.core.errors import ConfigError
from hw_anon.nets.action import smoke_config
from hw_anon.train.detector import DetectorRecipe

pytest.importorskip("brevitas", reason="missing: brevitas")

from quant.backend import QatBackend
from quant.export import integer_net
from quant.zoo import load_net


@pytest.fixture
def base(tmp_path: Path) -> DetectorJob:
    recipe = DetectorRecipe(detector=smoke_config(3))
    return DetectorJob(clips=tmp_path, out=tmp_path, recipe=recipe, command="hw-anon train-detector")


def test_a_warm_start_is_every_methods(base: DetectorJob) -> None:
    warm = replace(base, warm_start=Path("warm.safetensors"))
    jobs = method_jobs(warm, ["original", "mask"], [Path("modifier.safetensors")])
    assert [job.method for job in jobs[:2]] == ["original", "mask"]
    assert jobs[2].modifier == Path("modifier.safetensors")
    assert {job.warm_start for job in jobs} == {Path("warm.safetensors")}
    assert {job.warm_start for job in method_jobs(base, ["original", "mask"], [])} == {None}


def test_the_clear_detector_is_that_of_original(base: DetectorJob) -> None:
    original, mask = method_jobs(base, ["original", "mask"], [])
    assert (original.clear_detector, mask.clear_detector) == (None, detector_file(base.out, "original"))
    (alone,) = method_jobs(base, ["mask"], [])
    assert alone.clear_detector is None, "there is none"
    (given,) = method_jobs(replace(base, clear_detector=Path("clear.safetensors")), ["mask"], [])
    assert given.clear_detector == Path("clear.safetensors")


def test_anonymisers_of_others_come_last_and_are_no_modifiers(base: DetectorJob) -> None:
    jobs = method_jobs(replace(base, onnx_values="0..1"), ["original"], [], [], ["a=tool.py:f", "net.onnx"])
    assert [(job.method, job.modifier, job.anonymiser) for job in jobs[1:]] == [
        (None, None, "a=tool.py:f"), (None, None, "net.onnx"),
    ]  # fmt: skip
    assert {job.clear_detector for job in jobs[1:]} == {detector_file(base.out, "original")}
    assert jobs[2].onnx_values == "0..1"


def test_a_network_of_the_chip_is_measured_as_integers(base: DetectorJob) -> None:
    (job,) = method_jobs(base, [], [], ["modifier-xs"])
    assert (job.net, job.method, job.modifier) == ("modifier-xs", None, None)
    method, movable = job_method(job)
    assert (method.backend.name, method.crop_side, movable) == ("qat-modifier-xs", 32, False)
    crop = np.random.default_rng(0).integers(0, 256, (1, 32, 32, 3), np.uint8)
    expected = QatBackend(integer_net(load_net("modifier-xs"))).modify(crop)
    np.testing.assert_array_equal(method.backend.modify(crop), expected)
    assert job_method(replace(job, name="chip"))[0].backend.name == "chip"
    with pytest.raises(ConfigError, match="known networks"):
        check_networks(["modifier-xs", "modifier-xxl"])


def test_methods_are_named_once_and_original_comes_first() -> None:
    assert method_names(["mask", "original", "mask"], with_others=False) == ["original", "mask"]
    assert method_names([], with_others=True) == []
    with pytest.raises(ConfigError, match="did you mean mask"):
        method_names(["masc"], with_others=False)
    with pytest.raises(ConfigError, match="nothing to train"):
        method_names([], with_others=False)
