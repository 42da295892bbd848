"""Work on whole batches gives what torchvision gives frame by frame."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.ops import MultiScaleRoIAlign, nms

from hw_anon.nets.action import ActionDetector, ActionTarget, DetectorConfig, smoke_config
from hw_anon.nets.backbones import feature_pyramid
from hw_anon.nets.batched_rcnn import BatchSampler, _suppressed

ALL = 4096
"""So many samples that every candidate is one: nothing is left to chance."""
EVERYTHING = replace(smoke_config(3), anchor_samples=ALL, box_samples=ALL, score_threshold=0.3)


def reference(config: DetectorConfig) -> FasterRCNN:
    """The same network as torchvision builds it."""
    return FasterRCNN(
        feature_pyramid(config.backbone, channels=config.pyramid, norm=config.norm),
        min_size=config.min_size,
        max_size=config.max_size,
        rpn_anchor_generator=AnchorGenerator(tuple((side,) for side in config.anchors), ((0.5, 1.0, 2.0),) * 3),
        rpn_pre_nms_top_n_train=config.proposals,
        rpn_post_nms_top_n_train=config.proposals,
        rpn_pre_nms_top_n_test=config.proposals // 2,
        rpn_post_nms_top_n_test=config.proposals // 2,
        rpn_batch_size_per_image=config.anchor_samples,
        box_roi_pool=MultiScaleRoIAlign(["0", "1"], 7, sampling_ratio=2),
        box_head=TwoMLPHead(config.pyramid * 49, config.head),
        box_predictor=FastRCNNPredictor(config.head, config.classes + 1),
        box_batch_size_per_image=config.box_samples,
        box_score_thresh=config.score_threshold,
    )


def scenes(side: int) -> tuple[Tensor, list[ActionTarget]]:
    """Frames with no, one, two and three boxes, overlapping ones among them."""
    g = torch.Generator().manual_seed(side)
    targets = []
    for count in (1, 0, 3, 2):
        corners = torch.rand(count, 2, generator=g) * side / 2
        sides = side / 6 + torch.rand(count, 2, generator=g) * side / 3
        boxes = torch.cat([corners, corners + sides], dim=1)
        targets.append(ActionTarget(boxes=boxes, labels=torch.randint(3, (count,), generator=g)))
    return torch.rand(4, 3, side, side * 5 // 4, generator=g), targets


@pytest.mark.parametrize("side", [64, 90])
def test_losses_gradients_and_detections_are_torchvisions(side: int) -> None:
    torch.manual_seed(0)
    theirs = reference(EVERYTHING)
    ours = ActionDetector(EVERYTHING)
    ours.rcnn.load_state_dict(theirs.state_dict())
    frames, targets = scenes(side)
    listed = [{"boxes": t.boxes, "labels": t.labels + 1} for t in targets]
    expected, found = theirs.train()(list(frames), listed), ours.train()(frames, targets)
    assert found.keys() == expected.keys()
    for name, loss in expected.items():
        assert found[name].item() == pytest.approx(loss.item(), rel=1e-5), name
    sum(expected.values(), torch.zeros(())).backward()
    sum(found.values(), torch.zeros(())).backward()
    for (name, want), have in zip(theirs.named_parameters(), ours.rcnn.parameters(), strict=True):
        assert want.grad is not None
        assert have.grad is not None
        assert have.grad == pytest.approx(want.grad, rel=1e-3, abs=1e-5), name
    with torch.no_grad():
        answers = theirs.eval()(list(frames))
    detections = ours.detect(frames)
    assert sum(len(answer["boxes"]) for answer in answers) > 0
    for answer, detection in zip(answers, detections, strict=True):
        assert detection.boxes == pytest.approx(answer["boxes"], abs=1e-3)
        assert detection.scores == pytest.approx(answer["scores"], abs=1e-5)
        assert torch.equal(detection.labels + 1, answer["labels"])


def test_suppression_is_greedy() -> None:
    g = torch.Generator().manual_seed(1)
    corners = 60 * torch.rand(5, 80, 2, generator=g)
    boxes = torch.cat([corners, corners + 8 + 20 * torch.rand(5, 80, 2, generator=g)], dim=-1)
    alive = torch.rand(5, 80, generator=g) < 0.8
    stay = _suppressed(boxes, alive, 0.4)
    falling = torch.linspace(1, 0, 80)
    for own, taking_part, kept in zip(boxes, alive, stay, strict=True):
        index = torch.nonzero(taking_part)[:, 0]
        expected = index[nms(own[index], falling[index], 0.4)].sort().values
        assert torch.equal(torch.nonzero(kept)[:, 0], expected)
        assert 0 < len(expected) < len(index)


def test_suppression_follows_long_chains() -> None:
    """Each box overlaps its neighbour alone: every second one stays, however long the row."""
    x = 6.0 * torch.arange(31)
    boxes = torch.stack([x, torch.zeros(31), x + 10, torch.full((31,), 10.0)], dim=1)[None]
    stay = _suppressed(boxes, torch.ones(1, 31, dtype=torch.bool), 0.2)
    assert torch.equal(stay[0], torch.arange(31) % 2 == 0)


def test_samples_are_as_many_as_asked_for_and_uniform() -> None:
    labels = [torch.tensor([1] * 6 + [0] * 10 + [-1] * 4), torch.tensor([2, 0, -1])]
    sampler = BatchSampler(8, 0.25)
    torch.manual_seed(0)
    often = torch.zeros(20)
    for _ in range(600):
        positive, negative = sampler(labels)
        assert [int(p.sum()) for p in positive] == [2, 1]
        assert [int(n.sum()) for n in negative] == [6, 1], "all of them where there are fewer"
        assert not any((p & n).any() for p, n in zip(positive, negative, strict=True))
        often += positive[0] + negative[0]
    assert often[:6] / 600 == pytest.approx(torch.full((6,), 2 / 6), abs=0.07)
    assert often[6:16] / 600 == pytest.approx(torch.full((10,), 6 / 10), abs=0.07)
    assert often[16:].sum() == 0


def test_frames_of_any_shape_and_batches_without_a_box() -> None:
    torch.manual_seed(0)
    detector = ActionDetector(smoke_config(2))
    none = ActionTarget(boxes=torch.empty(0, 4), labels=torch.empty(0, dtype=torch.int64))
    losses = detector(torch.rand(2, 3, 50, 120), [none, none])
    assert all(loss.isfinite() for loss in losses.values())
    assert losses["loss_box_reg"] == losses["loss_rpn_box_reg"] == 0
