"""Two processes give the losses of one process on the joined batch."""

from __future__ import annotations

import socket
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from hw_anon.core.errors import ConfigError
from hw_anon.train.distributed import SINGLE, World, joined
from hw_anon.train.log import LOG_FILE, read_log
from tests.train.setting import recipe, training


def _curve(directory: Path) -> list[dict[str, Any]]:
    entries = [entry for entry in read_log(directory / LOG_FILE) if entry["kind"] == "train"]
    return [{k: v for k, v in entry.items() if k not in ("kind", "steps_per_s")} for entry in entries]


def _process(rank: int, port: int, directory: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=rank, world_size=2)
    run = training(
        Path(directory), recipe(game={"restart_every": 2, "restart_steps": 1}), world=World(rank=rank, size=2)
    )
    run.run(tensorboard=False)
    if rank == 0:
        assert run.measure()["frames"] == 4, "one process measures, without the others"
    dist.destroy_process_group()


def test_two_processes_have_the_losses_of_one_on_the_joined_batch(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    alone = training(tmp_path / "one", recipe(game={"restart_every": 2, "restart_steps": 1}))
    alone.run(tensorboard=False)
    with tempfile.TemporaryDirectory() as directory:
        mp.spawn(_process, (port, directory), nprocs=2)
        shared = _curve(Path(directory))
        assert len(list(Path(directory).glob("*.safetensors"))) == 1, "one process writes"
    expected = _curve(tmp_path / "one")
    assert len(shared) == len(expected) == alone.schedule.total
    for entry, wanted in zip(shared, expected, strict=True):
        assert entry.keys() == wanted.keys()
        for name, value in wanted.items():
            if isinstance(value, float):
                assert entry[name] == pytest.approx(value, rel=2e-3, abs=2e-4), (wanted["step"], name)


def test_shares_are_equal_or_refused() -> None:
    world = World(rank=1, size=4)
    assert world.share(8, "faces") == slice(2, 4)
    assert not world.leads
    with pytest.raises(ConfigError, match="9 faces a step"):
        world.share(9, "faces")


def test_without_torchrun_a_process_is_alone() -> None:
    assert joined(torch.device("cpu")) is SINGLE
    assert SINGLE.mean_values({"a": torch.tensor(2.0)}) == {"a": 2.0}
    assert SINGLE.agreed(True, torch.device("cpu"))
