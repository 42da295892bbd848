"""The action detector: four losses, gradients to the frame, learning, and independence of the rest of the batch."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torchvision.models import mobilenet_v3_small, resnet101

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.nets.action import (
    ActionDetector,
    ActionTarget,
    DetectorConfig,
    edge_config,
    maxima_of_parts,
    paper_config,
    smoke_config,
)
from hw_anon.nets.backbones import MAPS, feature_pyramid, group_norm

LOSSES = {"loss_objectness", "loss_rpn_box_reg", "loss_classifier", "loss_box_reg"}


def scene(frames: int, *, side: int = 64) -> tuple[Tensor, list[ActionTarget]]:
    """Frames with one bright rectangle each, red for action 0, blue for action 1."""
    g = torch.Generator().manual_seed(0)
    images = 0.1 * torch.rand(frames, 3, side, side, generator=g)
    targets = []
    for i in range(frames):
        x, y = (int(v) for v in torch.randint(2, side - 30, (2,), generator=g))
        label = i % 2
        images[i, 2 * label, y : y + 26, x : x + 22] = 1.0
        box = torch.tensor([[x, y, x + 22, y + 26]], dtype=torch.float32)
        targets.append(ActionTarget(boxes=box, labels=torch.tensor([label])))
    return images, targets


@pytest.mark.parametrize("config", [smoke_config(3), edge_config(3)], ids=["smoke", "edge"])
def test_four_losses_and_gradients_to_frames_and_all_parameters(config: DetectorConfig) -> None:
    torch.manual_seed(0)
    detector = ActionDetector(config)
    frames, targets = scene(2, side=96)
    frames.requires_grad_()
    losses = detector(frames, targets)
    assert set(losses) == LOSSES
    assert all(loss.ndim == 0 and loss.isfinite() for loss in losses.values())
    sum(losses.values(), torch.zeros(())).backward()
    assert frames.grad is not None
    assert frames.grad.abs().amax((1, 2, 3)).min() > 0.0
    idle = [name for name, p in detector.named_parameters() if p.grad is None]
    assert not idle


def test_chance_level_of_the_box_classifier_counts_background_once() -> None:
    torch.manual_seed(0)
    detector = ActionDetector(smoke_config(5))
    predictor = detector.rcnn.roi_heads.box_predictor
    torch.nn.init.zeros_(predictor.cls_score.weight)
    torch.nn.init.zeros_(predictor.cls_score.bias)
    loss = detector(*scene(2))["loss_classifier"].item()
    assert loss == pytest.approx(math.log(6.0), rel=1e-4)


def test_it_learns_to_find_and_to_name() -> None:
    torch.manual_seed(1)
    detector = ActionDetector(replace(smoke_config(2), box_samples=32, proposals=100))
    frames, targets = scene(4)
    optimiser = torch.optim.Adam(detector.parameters(), lr=0.003)
    for _ in range(100):
        optimiser.zero_grad()
        sum(detector(frames, targets).values(), torch.zeros(())).backward()
        optimiser.step()
    found = detector.detect(frames)
    assert detector.training, "detection leaves the mode as it was"
    assert all((f.scores.diff() <= 0).all() for f in found)
    hits = [
        bool(f.labels[0] == t.labels[0] and (f.boxes[0] - t.boxes[0]).abs().max() < 6.0)
        for f, t in zip(found, targets, strict=True)
        if len(f.labels)
    ]
    assert sum(hits) >= 3


def test_frames_without_a_person_are_background() -> None:
    torch.manual_seed(0)
    detector = ActionDetector(smoke_config(2))
    nobody = ActionTarget(boxes=torch.zeros(0, 4), labels=torch.zeros(0, dtype=torch.int64))
    losses = detector(torch.rand(1, 3, 64, 64), [nobody])
    assert losses["loss_box_reg"] == losses["loss_rpn_box_reg"] == 0.0
    assert losses["loss_classifier"] > 0.0


@pytest.mark.parametrize("name", ["tiny", "mobilenet_v3_small_fine"])
def test_a_frame_does_not_depend_on_the_others(name: str) -> None:
    torch.manual_seed(0)
    pyramid = feature_pyramid(name, channels=16, norm="group")  # type: ignore[arg-type]
    pyramid.train()
    frames = torch.rand(3, 3, 64, 64)
    together, alone = pyramid(frames), pyramid(frames[1:2])
    for key in alone:
        torch.testing.assert_close(together[key][1:2], alone[key], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", list(MAPS))
def test_the_pyramids_strides(name: str) -> None:
    strides = {3: [8, 16, 32], 4: [8, 16, 32, 64], 5: [4, 8, 16, 32, 64]}[MAPS[name]]  # type: ignore[index]
    with torch.device("meta"):
        maps = feature_pyramid(name, channels=8, norm="group")(torch.empty(1, 3, 128, 128))  # type: ignore[arg-type]
    assert [128 // m.shape[-1] for m in maps.values()] == strides
    assert all(m.shape[1] == 8 for m in maps.values())


@pytest.mark.parametrize(("side", "peaks"), [(7, 1), (14, 1), (7, 2)])
def test_a_box_head_may_begin_with_convolutions(side: int, peaks: int) -> None:
    torch.manual_seed(0)
    config = replace(smoke_config(2), box_side=side, box_peaks=peaks, box_convolutions=True)
    detector = ActionDetector(config)
    head = detector.rcnn.roi_heads.box_head
    maps = {str(i): torch.rand(1, config.pyramid, 64 >> i, 64 >> i) for i in range(2)}
    pooled = detector.rcnn.roi_heads.box_roi_pool(maps, [torch.tensor([[8.0, 8.0, 500.0, 500.0]])], [(512, 512)])
    assert pooled.shape == (1, config.pyramid, side * peaks, side * peaks)
    boxes = torch.rand(64, *pooled.shape[1:], requires_grad=True)
    features = head(boxes)
    assert features.shape == (64, config.head)
    features.square().sum().backward()
    assert boxes.grad is not None
    assert (boxes.grad.abs().amax((0, 1)) > 0).all(), "every cell is looked at"
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in head.parameters())
    assert [m.stride for m in head.modules() if isinstance(m, torch.nn.Conv2d)] == [(1, 1), (2, 2)]


@pytest.mark.parametrize(("scale", "stride"), [(224, 8), (448, 4), (56, 32)])
def test_a_larger_box_scale_looks_at_people_more_closely(scale: int, stride: int) -> None:
    with torch.device("meta"):
        detector = ActionDetector(replace(edge_config(2), box_scale=scale))
    strides = (4, 8, 16, 32)
    maps = {str(i): torch.full((1, 1, 256 // s, 256 // s), float(s)) for i, s in enumerate(strides)}
    box = torch.tensor([[20.0, 20.0, 132.0, 132.0]])
    pooled = detector.rcnn.roi_heads.box_roi_pool(maps, [box], [(256, 256)])
    torch.testing.assert_close(pooled, torch.full((1, 1, 28, 28), float(stride)))


def test_the_paper_scale_takes_imagenet_weights() -> None:
    with pytest.raises(ConfigError, match="ImageNet weights of resnet101"):
        ActionDetector(paper_config(10))
    torch.manual_seed(0)
    state = resnet101(weights=None).state_dict()
    detector = ActionDetector(paper_config(10, min_size=64, max_size=96), state)
    body = detector.rcnn.backbone.body
    assert torch.equal(body.layer3[22].conv2.weight, state["layer3.22.conv2.weight"])
    assert not [n for n, p in detector.named_parameters() if not p.requires_grad]
    with pytest.raises(ContractError, match=r"missing.*layer3\.22\.conv2"):
        ActionDetector(paper_config(10), {n: t for n, t in state.items() if n != "layer3.22.conv2.weight"})
    losses = detector(*scene(1))
    assert set(losses) == LOSSES
    assert all(loss.isfinite() for loss in losses.values())


def test_mobilenets_take_them_too() -> None:
    torch.manual_seed(0)
    state = mobilenet_v3_small(weights=None).state_dict()
    config = replace(edge_config(2), norm="frozen")
    detector = ActionDetector(config, state)
    assert torch.equal(detector.rcnn.backbone.body["8"].block[0][0].weight, state["features.8.block.0.0.weight"])


def test_group_norm_divides() -> None:
    groups = {c: group_norm(c).num_groups for c in (8, 16, 24, 64, 96, 240, 256, 576, 960, 2048, 7)}
    assert groups == {8: 1, 16: 2, 24: 3, 64: 8, 96: 12, 240: 30, 256: 32, 576: 32, 960: 32, 2048: 32, 7: 1}


def test_errors_name_what_is_wrong() -> None:
    detector = ActionDetector(smoke_config(2))
    frames, targets = scene(1)
    box = targets[0].boxes
    with pytest.raises(ContractError, match="targets for 1 frames"):
        detector(frames, [])
    with pytest.raises(ContractError, match="0 to 1 are allowed"):
        detector(frames, [ActionTarget(boxes=box, labels=torch.tensor([2]))])
    with pytest.raises(ContractError, match="without area"):
        detector(frames, [ActionTarget(boxes=box[:, [2, 1, 0, 3]], labels=torch.tensor([0]))])
    with pytest.raises(ContractError, match=r"\[P, 4\]"):
        detector(frames, [ActionTarget(boxes=box[0], labels=torch.tensor([0]))])
    with pytest.raises(ContractError, match="train"):
        detector.eval()(frames, targets)
    with pytest.raises(ConfigError, match="5 maps"):
        replace(edge_config(2), anchors=(32, 64))
    with pytest.raises(ConfigError, match="tiny"):
        replace(smoke_config(2), norm="frozen")


@pytest.mark.parametrize(("height", "width", "parts"), [(7, 7, 4), (8, 8, 4), (5, 9, 3), (4, 4, 4)])
def test_maxima_of_parts_are_those_of_torch(height: int, width: int, parts: int) -> None:
    maps = torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(4))
    assert torch.equal(maxima_of_parts(maps, parts), torch.nn.functional.adaptive_max_pool2d(maps, parts))
