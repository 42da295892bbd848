"""A face detector's build: pictures that are not square, names of its own, and the same bytes from twin and RTL."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("brevitas", reason="missing: brevitas")

from hls.flow.config import BuildConfig
from hw_anon.core.box_decode import CELL_CHANNELS
from hw_anon.core.contract import CONTRACT_FILE
from hw_anon.core.errors import ContractError
from hw_anon.data.crops import adversarial_pictures
from quant.backend import QatBackend
from quant.export import export_net, integer_net
from quant.face_detector import FaceDetectorConfig
from quant.zoo import random_detector

pytestmark = [pytest.mark.finn, pytest.mark.sim]

TINY = FaceDetectorConfig(input_width=48, input_height=32, widths=(4, 6, 8), quarter_layers=0, eighth_layers=1)


def test_a_detector_is_built_and_proven(tmp_path: Path) -> None:
    from hls.flow.build import build

    net = random_detector(0, TINY)
    export_net(net, "tiny", tmp_path / "net")
    pictures, _ = adversarial_pictures(32, 48, seed=1)
    finished = build(
        tmp_path / "net",
        tmp_path / "design",
        BuildConfig(faces_per_s=1000.0),
        crops_u8=pictures[3:7],
        work_dir=tmp_path / "finn",
        cache_dir=tmp_path / "simulators",
    )
    interface = finished.interface
    assert interface.top == "face_detector"
    assert interface.inputs[0].shape == (32, 48, 3)
    assert interface.outputs[0].shape == (4, 6, CELL_CHANNELS)
    assert "detector_conv0_mvu_wrapper.v" in {path.name for path in finished.sources}
    assert finished.manifest.metrics["differing_bytes"] == 0
    expected = QatBackend(integer_net(net)).modify(pictures)
    np.testing.assert_array_equal(finished.twin().modify(pictures), expected)
    np.testing.assert_array_equal(finished.rtl_backend().modify(pictures[:2]), expected[:2])


def test_a_network_of_another_role_is_refused(tmp_path: Path) -> None:
    from hls.flow.build import build

    export_net(random_detector(0, TINY), "tiny", tmp_path / "net")
    path = tmp_path / "net" / CONTRACT_FILE
    path.write_text(path.read_text().replace('"face_detector"', '"oracle"'))
    with pytest.raises(ContractError, match="role 'oracle'.*modifier, face_detector"):
        build(
            tmp_path / "net",
            tmp_path / "design",
            BuildConfig(),
            crops_u8=np.zeros((3, 32, 48, 3), np.uint8),
            work_dir=tmp_path / "finn",
            cache_dir=tmp_path / "simulators",
        )
    assert not (tmp_path / "design").exists()
