"""The export: same bytes in torch and in QONNX, same file for the same network, nothing of this machine in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")
pytest.importorskip("qonnx", reason="missing: qonnx")

from torch import nn  # noqa: E402

from hw_anon.core.contract import CONTRACT_FILE, MODEL_FILE, load_contract  # noqa: E402
from hw_anon.core.errors import ConfigError, ContractError  # noqa: E402
from hw_anon.data.crops import adversarial_crops  # noqa: E402
from quant.backend import QatBackend, QonnxBackend  # noqa: E402
from quant.export import export_net, integer_net, verify_export  # noqa: E402
from quant.modifier import Modifier, ModifierConfig  # noqa: E402
from quant.zoo import load_net, random_net  # noqa: E402

TINY = ModifierConfig(input_size=32, widths=(4, 6, 8), blocks=1)


@pytest.fixture(scope="module")
def tiny() -> Modifier:
    return random_net(0, TINY)


@pytest.fixture(scope="module")
def exported(tiny: Modifier, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("export") / "tiny"
    export_net(tiny, "tiny", directory)
    return directory


@pytest.mark.parametrize("name", ["modifier-xs"])
def test_named_net_equals_its_export(name: str, tmp_path: Path) -> None:
    net = load_net(name)
    contract = export_net(net, name, tmp_path / name)
    size = net.config.input_size
    assert contract.input.shape == contract.outputs[0].shape == (1, size, size, 3)
    assert contract.input.datatype == contract.outputs[0].datatype == "UINT8"
    assert contract.macs_per_inference == net.macs()
    assert ModifierConfig.from_json(contract.config) == net.config
    link = verify_export(net, tmp_path / name, adversarial_crops(size, 1).crops)
    assert (link.crops, link.differing_bytes) == (16, 0)


@pytest.mark.parametrize("seed", range(5))
def test_random_net_equals_its_export(seed: int, tmp_path: Path) -> None:
    net = random_net(seed)
    export_net(net, "random", tmp_path / "net")
    crops = adversarial_crops(net.config.input_size, seed).crops[:8]
    link = verify_export(net, tmp_path / "net", crops)
    assert link.differing_bytes == 0, net.config
    assert len(np.unique(QatBackend(integer_net(net)).modify(crops))) > 8, "the network answers with something"


def test_batched_execution_equals_one_by_one(exported: Path) -> None:
    crops = adversarial_crops(32, 2).crops[:5]
    assert np.array_equal(QonnxBackend(exported, batch=4).modify(crops), QonnxBackend(exported, batch=1).modify(crops))


def test_equal_networks_give_equal_files(tiny: Modifier, exported: Path, tmp_path: Path) -> None:
    export_net(random_net(0, TINY), "tiny", tmp_path / "again")
    for name in (MODEL_FILE, CONTRACT_FILE):
        assert (exported / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_the_model_says_nothing_about_this_machine(exported: Path) -> None:
    content = (exported / MODEL_FILE).read_bytes()
    for secret in (str(Path(__file__).parents[2]), str(Path(torch.__file__).parent), str(Path.home()), ".py"):
        assert secret.encode() not in content


def test_all_scales_in_the_model_are_one(exported: Path) -> None:
    from qonnx.core.modelwrapper import ModelWrapper

    model = ModelWrapper(str(exported / MODEL_FILE))
    quants = model.get_nodes_by_op_type("Quant")
    assert len(quants) == 8 + 9  # weights; activations and the sum
    assert all(model.get_initializer(node.input[1]).tolist() in (1.0, [1.0]) for node in quants)
    assert not {node.op_type for node in model.graph.node} & {"Mul", "Div"}


def test_export_replaces_an_earlier_one_only_when_complete(
    tiny: Modifier, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = tmp_path / "net"
    export_net(tiny, "first", directory)

    def fail(net: nn.Module) -> str:
        raise OSError(28, "no space left on device")

    monkeypatch.setattr("quant.export.weights_sha256", fail)
    with pytest.raises(OSError, match="no space"):
        export_net(tiny, "second", directory)
    assert load_contract(directory).name == "first"
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_net_that_breaks_a_rule_is_not_exported(tmp_path: Path) -> None:
    net = random_net(0, TINY)
    net.set_submodule("head.1.act", nn.LeakyReLU())
    with pytest.raises(ConfigError, match="activation-kind"):
        export_net(net, "bad", tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


class Sneaky(Modifier):
    """Computes something that none of its layers shows."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return super().forward(nn.functional.leaky_relu(nn.functional.max_pool2d(image, 3, 1, 1)))


def test_operations_outside_the_declared_layers_are_refused(tmp_path: Path) -> None:
    net = Sneaky(TINY)
    net.load_state_dict(random_net(0, TINY).state_dict())
    with pytest.raises(ConfigError, match="undeclared-operation") as error:
        export_net(net.eval(), "sneaky", tmp_path / "sneaky")
    assert "LeakyRelu" in str(error.value)
    assert "MaxPool" in str(error.value)


@pytest.mark.parametrize("damage", ["truncated", "missing", "other version", "not json", "swapped"])
def test_a_damaged_export_is_refused(damage: str, tiny: Modifier, tmp_path: Path) -> None:
    export_net(tiny, "tiny", tmp_path / "net")
    model, contract = tmp_path / "net" / MODEL_FILE, tmp_path / "net" / CONTRACT_FILE
    if damage == "truncated":
        model.write_bytes(model.read_bytes()[:-100])
    elif damage == "missing":
        model.unlink()
    elif damage == "other version":
        contract.write_text(json.dumps(json.loads(contract.read_text()) | {"version": 99}))
    elif damage == "not json":
        contract.write_text("{")
    else:
        export_net(random_net(1, TINY), "other", tmp_path / "other")
        model.write_bytes((tmp_path / "other" / MODEL_FILE).read_bytes())
    with pytest.raises(ContractError):
        QonnxBackend(tmp_path / "net")


@pytest.mark.parametrize(
    "crops",
    [
        np.zeros((1, 32, 32, 3), np.float32),
        np.zeros((1, 3, 32, 32), np.uint8),
        np.zeros((1, 64, 64, 3), np.uint8),
        np.zeros((32, 32, 3), np.uint8),
    ],
    ids=["dtype", "layout", "size", "no batch"],
)
def test_wrong_crops_are_refused(crops: np.ndarray, tiny: Modifier, exported: Path) -> None:
    for backend in (QatBackend(integer_net(tiny)), QonnxBackend(exported)):
        with pytest.raises(ContractError, match=r"uint8 of shape \[N, 32, 32, 3\]"):
            backend.modify(crops)
