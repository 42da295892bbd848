"""The quick computation answers nearly as the network does, and trains the network's own parameters."""

from __future__ import annotations

from collections.abc import Callable

import pytest

torch = pytest.importorskip("torch", reason="missing: torch")
pytest.importorskip("brevitas", reason="missing: brevitas")

from quant.face_detector import FaceDetector, FaceDetectorConfig  # noqa: E402
from quant.modifier import Modifier, ModifierConfig  # noqa: E402
from quant.quick import QuickNet  # noqa: E402

Made = tuple[torch.nn.Module, torch.Tensor, torch.Tensor]
MODIFIER = ModifierConfig(input_size=32, widths=(8, 12, 16), blocks=2)
DETECTOR = FaceDetectorConfig(input_width=64, input_height=48, widths=(8, 12, 16), eighth_layers=2)


def _pictures(height: int, width: int) -> torch.Tensor:
    coarse = torch.rand(8, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(1))
    pictures = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear")
    return (pictures * 255.0).round() / 255.0


def _modifier() -> Made:
    net = Modifier(MODIFIER)
    net.randomise(torch.Generator().manual_seed(0))
    pictures = _pictures(32, 32)
    return net, pictures, net(pictures)


def _detector() -> Made:
    net = FaceDetector(DETECTOR)
    net.randomise(torch.Generator().manual_seed(0))
    pictures = _pictures(48, 64)
    return net, pictures, net(pictures)


@pytest.mark.parametrize("made", [_modifier, _detector])
def test_it_answers_nearly_as_the_network(made: Callable[[], Made]) -> None:
    net, pictures, answer = made()
    with torch.no_grad():
        quick = QuickNet(net).eval()(pictures).clamp(0.0, 1.0)
    spread = float((answer - answer.mean()).abs().mean())
    assert float((quick - answer).abs().mean()) < 0.2 * spread
    assert quick.dtype == torch.float32


@pytest.mark.parametrize("made", [_modifier, _detector])
def test_gradients_point_where_the_networks_own_do(made: Callable[[], Made]) -> None:
    net, pictures, _ = made()
    net.train()
    weigh = torch.randn(pictures.shape[0], 1, 1, 1, generator=torch.Generator().manual_seed(2))

    def gradients(forward: torch.nn.Module) -> dict[str, torch.Tensor]:
        net.zero_grad()
        (forward(pictures) * weigh).mean().backward()
        return {name: p.grad.flatten().clone() for name, p in net.named_parameters() if p.grad is not None}

    own, quick = gradients(net), gradients(QuickNet(net))
    assert own.keys() == quick.keys()
    last = [name for name in own if name.startswith("head") and name.endswith("conv.weight")][-1]
    assert torch.cosine_similarity(own[last], quick[last], dim=0) > 0.8
    first = next(name for name in own if name.endswith("conv.weight"))
    assert torch.cosine_similarity(own[first], quick[first], dim=0) > 0.2


def test_a_step_moves_the_network_and_its_statistics() -> None:
    net, pictures, _ = _modifier()
    net.train()
    before = {name: value.clone() for name, value in net.state_dict().items()}
    optimiser = torch.optim.SGD(net.parameters(), lr=0.1)
    QuickNet(net)(pictures).square().mean().backward()
    optimiser.step()
    after = net.state_dict()
    for name in ("stem.0.conv.weight", "head.2.bn.bias", "stem.1.bn.running_mean"):
        assert not torch.equal(before[name], after[name]), name
