"""The modifier's configuration and topology."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from hw_anon.core.errors import ConfigError  # noqa: E402
from quant.modifier import Modifier, ModifierConfig  # noqa: E402


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input_size", 30),
        ("input_size", 34),
        ("input_size", 100),
        ("widths", (0, 4, 4)),
        ("widths", (4, 4)),
        ("blocks", -1),
        ("blocks", 10),
        ("weight_bits", 1),
        ("edge_weight_bits", 9),
        ("act_bits", 1),
        ("branch_bits", 9),
        ("trunk_range", 0.0),
    ],
)
def test_wrong_field_is_named(field: str, value: object) -> None:
    with pytest.raises(ConfigError, match=field):
        ModifierConfig(**{field: value})  # type: ignore[arg-type]


def test_config_survives_json() -> None:
    config = ModifierConfig(widths=(3, 5, 7), per_channel=True, blocks=0)
    assert ModifierConfig.from_json(config.as_json()) == config
    with pytest.raises(ConfigError, match="depth"):
        ModifierConfig.from_json(config.as_json() | {"depth": 3})


def test_topology_follows_the_forward_pass() -> None:
    net = Modifier(ModifierConfig(input_size=32, widths=(4, 6, 8), blocks=2)).eval()
    order: list[str] = []
    for name, module in net.named_modules():
        if name.endswith(".conv"):
            module.register_forward_hook(lambda *_, name=name: order.append(name))
    with torch.no_grad():
        net(torch.zeros(1, 3, 32, 32))
    topology = net.topology()
    assert [unit.conv for unit in topology.units] == order
    assert topology.units[0].source is None
    assert [unit.source for unit in topology.units[1:]] == [
        "stem.0.act",
        "stem.1.act",
        "stem.2.act",
        "blocks.0.inner.act",
        "blocks.0.out",
        "blocks.1.inner.act",
        "blocks.1.out",
        "head.0.act",
        "head.1.act",
    ]
    assert [(join.trunk, join.branch) for join in topology.joins] == [
        ("stem.2.act", "blocks.0.branch.act"),
        ("blocks.0.out", "blocks.1.branch.act"),
    ]


def test_macs_of_the_net_of_the_bars() -> None:
    stem = 64**2 * 27 * 16 + 32**2 * 144 * 32 + 16**2 * 288 * 32
    blocks = 4 * 16**2 * 288 * 32
    head = 32**2 * 288 * 32 + 64**2 * 288 * 16 + 64**2 * 144 * 3
    assert Modifier(ModifierConfig()).macs() == stem + blocks + head


def test_output_has_the_size_of_the_input_and_whole_bytes() -> None:
    net = Modifier(ModifierConfig(input_size=36, widths=(3, 5, 7), blocks=1)).eval()
    with torch.no_grad():
        out = net(torch.rand(2, 3, 36, 36))
    assert out.shape == (2, 3, 36, 36)
    assert torch.allclose(out * 255, (out * 255).round(), atol=1e-4)
