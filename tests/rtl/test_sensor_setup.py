"""`sensor_setup`: writes its table as an I2C device sees it, again from the start if it is refused, and then ends."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from hls.synth.sensor_table import read_sensor_table
from hw_anon.core.errors import ContractError
from tests.rtl.harness import kernel_interface, port, simulator
from tests.rtl.video import BENCHES, video_source

pytestmark = pytest.mark.sim

FIRST, DONE = 0x100, 0x200
STEPS = [
    {"device": "0x74", "bytes": "04"},
    {"wait_ms": 3},
    {"device": "0x3c", "bytes": "3103 11"},
    {"device": "0x3c", "bytes": "ff00"},
]
SENT = [0xE8 | FIRST, 0x04, 0x78 | FIRST, 0x31, 0x03, 0x11, 0x78 | FIRST, 0xFF, 0x00]


def _table(directory: Path, steps: list[dict[str, object]]) -> Path:
    path = directory / "table.json"
    path.write_text(json.dumps({"name": "test", "steps": steps}))
    return path


@pytest.mark.parametrize(
    ("refused", "stretch", "expected"),
    [
        (0, 0, SENT),
        (0, 20, SENT),  # a device that holds the clock
        (1, 0, SENT[:1] + SENT),  # its first address is not acknowledged
        (3, 0, SENT[:1] * 3 + SENT),
    ],
)
def test_a_device_sees_the_table(
    refused: int, stretch: int, expected: list[int], sim_cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "sensor_table.dat").write_text(read_sensor_table(_table(tmp_path, STEPS)).rom())
    interface = kernel_interface(
        "sensor_setup_bench", [port("s_axis", (1,), 8)], [port("m_axis", (len(expected) + 1,), 10)]
    )
    with simulator(
        interface,
        sim_cache,
        parameters={"Table": str(tmp_path / "sensor_table.dat"), "Stretch": stretch},
        sources=[video_source("sensor_setup"), BENCHES / "sensor_setup_bench.sv"],
    ) as design:
        found = design.run(np.array([[refused]])).outputs[0][0]
    assert found.tolist() == [*expected, DONE]


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([], "0 steps"),
        ([{"wait_ms": 0}], "step 0"),
        ([{"wait_ms": 70000}], "step 0"),
        ([{"wait_ms": 1}, {"device": "0x3c"}], "step 1"),
        ([{"device": "0x03", "bytes": "00"}], "0x08 to 0x77"),
        ([{"device": "0x3c", "bytes": "00112233"}], "1 to 3 bytes"),
        ([{"device": "0x3c", "bytes": "zz"}], "step 0"),
        ([{"device": "0x3c", "bytes": "00", "wait_ms": 1}], "expected wait_ms"),
        ([7], "step 0"),
    ],
)
def test_malformed_tables_are_refused(steps: list[dict[str, object]], message: str, tmp_path: Path) -> None:
    with pytest.raises(ContractError, match=message):
        read_sensor_table(_table(tmp_path, steps))


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    for text in ("", "[]", '{"name": "x"}'):
        (tmp_path / "t.json").write_text(text)
        with pytest.raises(ContractError, match="is no table"):
            read_sensor_table(tmp_path / "t.json")
