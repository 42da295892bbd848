"""Faster R-CNN whose bookkeeping runs on the whole batch at once.

torchvision resizes frames, matches anchors and proposals, and suppresses overlaps frame by frame: a thousand small
operations a frame, with a dozen waits for the GPU, which cost several times the network's own work where the network
is small. The parts below do the same arithmetic for all frames together. For equal samples they give torchvision's
losses and detections: greedy suppression is computed as the fixed point that it is (a box stays unless one that stays
and scores higher overlaps it), to which the iteration converges in as many rounds as suppressions chain.

Only what the loss samplers draw differs: one draw for the batch instead of one for each frame. Samplers can be
exchanged (`fg_bg_sampler`), they keep torchvision's interface.

Shapes: B frames, A anchors, R proposals, P padded truths a frame.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.generalized_rcnn import GeneralizedRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops.boxes import clip_boxes_to_image

__all__ = ["BatchSampler", "batched_faster_rcnn"]

Target = dict[str, Tensor]

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
"""Of ImageNet's channels."""


def batched_faster_rcnn(
    backbone: nn.Module,
    *,
    anchors: AnchorGenerator,
    box_roi_pool: nn.Module,
    box_head: nn.Module,
    box_predictor: nn.Module,
    sizes: tuple[int, int],
    proposals: int,
    anchor_samples: int,
    box_samples: int,
    box_positives: float,
    score_threshold: float,
) -> GeneralizedRCNN:
    """Builds a Faster R-CNN with torchvision's thresholds, from the same parts as `FasterRCNN`.

    Args:
        backbone: pyramid with `out_channels`.
        anchors: anchors of its maps.
        box_roi_pool: features of a box.
        box_head: their representation.
        box_predictor: class scores and box corrections.
        sizes: shorter side of a frame, and limit of the longer one.
        proposals: kept before and after suppression in training; half as many in detection.
        anchor_samples: anchors per frame that the RPN losses see.
        box_samples: proposals per frame that the box losses see.
        box_positives: largest part of them that overlaps a box.
        score_threshold: detections below it are left out.
    """
    kept = {"training": proposals, "testing": proposals // 2}
    rpn = _Proposals(
        anchors,
        RPNHead(backbone.out_channels, anchors.num_anchors_per_location()[0]),
        fg_iou_thresh=0.7,
        bg_iou_thresh=0.3,
        batch_size_per_image=anchor_samples,
        positive_fraction=0.5,
        pre_nms_top_n=kept,
        post_nms_top_n=kept,
        nms_thresh=0.7,
    )
    heads = _BoxHeads(
        box_roi_pool,
        box_head,
        box_predictor,
        fg_iou_thresh=0.5,
        bg_iou_thresh=0.5,
        batch_size_per_image=box_samples,
        positive_fraction=box_positives,
        bbox_reg_weights=None,
        score_thresh=score_threshold,
        nms_thresh=0.5,
        detections_per_img=100,
    )
    for part in (rpn, heads):
        old = part.fg_bg_sampler
        part.fg_bg_sampler = BatchSampler(old.batch_size_per_image, old.positive_fraction)
    return GeneralizedRCNN(backbone, rpn, heads, _Transform(*sizes, list(_MEAN), list(_DEVIATION)))


class BatchSampler:
    """Draws positive and negative candidates for the losses, uniformly, in all frames at once.

    As torchvision's `BalancedPositiveNegativeSampler`: at most `positive_fraction` of the samples are positive, the
    others negative, fewer only where there are no more.
    """

    def __init__(self, batch_size_per_image: int, positive_fraction: float) -> None:
        """Describes the draw.

        Args:
            batch_size_per_image: candidates drawn in a frame.
            positive_fraction: largest part of them that is positive.
        """
        self.batch_size_per_image = batch_size_per_image
        self.positive_fraction = positive_fraction

    def __call__(self, matched_idxs: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Draws.

        Args:
            matched_idxs: for each frame `[N]`: 1 or more positive, 0 negative, below 0 ignored.

        Returns:
            uint8 masks `[N]` of the drawn positive and of the drawn negative candidates, for each frame.
        """
        lengths = [len(labels) for labels in matched_idxs]
        labels = pad_sequence(matched_idxs, batch_first=True, padding_value=-1)
        keys = torch.rand(labels.shape, device=labels.device)
        most = int(self.batch_size_per_image * self.positive_fraction)
        positive = _smallest(keys, labels >= 1, torch.full_like(labels[:, :1], most, dtype=torch.int64))
        free = self.batch_size_per_image - positive.sum(1, keepdim=True)
        negative = _smallest(keys, labels == 0, free)
        return tuple(  # type: ignore[return-value]
            [row[:length] for row, length in zip(mask.to(torch.uint8), lengths, strict=True)]
            for mask in (positive, negative)
        )


def _smallest(keys: Tensor, wanted: Tensor, many: Tensor) -> Tensor:
    """Returns which of the wanted entries of `[B, N]` keys are among the `many` (`[B, 1]`) smallest of their row."""
    ranks = torch.where(wanted, keys, 2.0).argsort(dim=1).argsort(dim=1)
    return wanted & (ranks < many)


class _Transform(GeneralizedRCNNTransform):
    """Normalises and resizes frames of one size together."""

    def forward(self, images: list[Tensor], targets: list[Target] | None = None) -> tuple[ImageList, Any]:
        if len({image.shape for image in images}) > 1 or len(self.min_size) > 1:
            return super().forward(images, targets)
        batch = self.normalize(torch.stack(images))
        height, width = batch.shape[2:]
        scale = min(self.min_size[0] / min(height, width), self.max_size / max(height, width))
        size = int(height * scale), int(width * scale)
        if size != (height, width):
            batch = nnf.interpolate(
                batch, scale_factor=scale, mode="bilinear", recompute_scale_factor=True, align_corners=False
            )
        rows, columns = ((-side) % self.size_divisible for side in batch.shape[2:])
        sizes = [(batch.shape[2], batch.shape[3])] * len(images)
        if targets is not None:
            ratios = [batch.shape[3] / width, batch.shape[2] / height] * 2
            factor = torch.tensor(ratios, dtype=torch.float32, device=batch.device)
            targets = [{**target, "boxes": target["boxes"] * factor} for target in targets]
        return ImageList(nnf.pad(batch, (0, columns, 0, rows)), sizes), targets


class _Proposals(RegionProposalNetwork):
    """Matches anchors with truths, and suppresses overlapping proposals, in all frames together."""

    def assign_targets_to_anchors(
        self, anchors: list[Tensor], targets: list[Target]
    ) -> tuple[list[Tensor], list[Tensor]]:
        truths, present = _padded([target["boxes"] for target in targets])
        overlap = _iou(truths, anchors[0][None]).masked_fill(~present[..., None], -1.0)  # [B, P, A]
        best, index = overlap.max(dim=1)
        matcher = self.proposal_matcher
        labels = torch.where(best >= matcher.high_threshold, 1.0, -1.0)
        labels = labels.masked_fill(best < matcher.low_threshold, 0.0)
        # Every truth has the anchors that overlap it most, however little that is.
        highest = overlap.max(dim=2, keepdim=True).values
        labels = labels.masked_fill(((overlap == highest) & present[..., None]).any(dim=1), 1.0)
        matched = truths.gather(1, index[..., None].expand(-1, -1, 4))
        return list(labels.unbind()), list(matched.unbind())

    def filter_proposals(
        self,
        proposals: Tensor,
        objectness: Tensor,
        image_shapes: list[tuple[int, int]],
        num_anchors_per_level: list[int],
    ) -> tuple[list[Tensor], list[Tensor]]:
        if len(set(image_shapes)) > 1:
            return super().filter_proposals(proposals, objectness, image_shapes, num_anchors_per_level)
        objectness = objectness.detach().reshape(len(proposals), -1)
        boxes_of, scores_of = [], []
        levels = zip(proposals.split(num_anchors_per_level, 1), objectness.split(num_anchors_per_level, 1), strict=True)
        for boxes, scores in levels:
            best, index = scores.topk(min(scores.shape[1], self.pre_nms_top_n()), dim=1)
            boxes = boxes.gather(1, index[..., None].expand(-1, -1, 4))
            boxes = clip_boxes_to_image(boxes, image_shapes[0])
            probabilities = best.sigmoid()
            whole = ((boxes[..., 2:] - boxes[..., :2]) >= self.min_size).all(-1)
            alive = _suppressed(boxes, whole & (probabilities >= self.score_thresh), self.nms_thresh)
            boxes_of.append(boxes)
            scores_of.append(probabilities.masked_fill(~alive, -1.0))
        boxes, scores = torch.cat(boxes_of, 1), torch.cat(scores_of, 1)
        best, index = scores.sort(dim=1, descending=True, stable=True)
        index = index[:, : self.post_nms_top_n()]
        boxes, best = boxes.gather(1, index[..., None].expand(-1, -1, 4)), best[:, : self.post_nms_top_n()]
        counts = (best >= 0).sum(1).tolist()
        return (
            [row[:count] for row, count in zip(boxes, counts, strict=True)],
            [row[:count] for row, count in zip(best, counts, strict=True)],
        )


class _BoxHeads(RoIHeads):
    """Matches proposals with truths and samples them in all frames together."""

    def select_training_samples(
        self, proposals: list[Tensor], targets: list[Target] | None
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], list[Tensor]]:
        self.check_targets(targets)
        assert targets is not None, "checked"
        truths, present = _padded([target["boxes"].to(proposals[0].dtype) for target in targets])
        names = pad_sequence([target["labels"] for target in targets], batch_first=True)
        names = nnf.pad(names, (0, truths.shape[1] - names.shape[1]))
        known = self.add_gt_proposals(proposals, [target["boxes"].to(proposals[0].dtype) for target in targets])
        lengths = [len(boxes) for boxes in known]
        boxes = pad_sequence(known, batch_first=True)  # [B, R, 4]
        overlap = _iou(truths, boxes).masked_fill(~present[..., None], -1.0)  # [B, P, R]
        best, index = overlap.max(dim=1)
        matcher = self.proposal_matcher
        labels = names.gather(1, index).masked_fill(best < matcher.high_threshold, -1)
        labels = labels.masked_fill(best < matcher.low_threshold, 0)
        drawn = self.fg_bg_sampler([row[:length] for row, length in zip(labels, lengths, strict=True)])
        chosen = pad_sequence([p | n for p, n in zip(*drawn, strict=True)], batch_first=True).bool()
        counts = chosen.sum(1).tolist()
        matched = truths.gather(1, index[..., None].expand(-1, -1, 4))
        index = index.masked_fill(best < matcher.high_threshold, 0)
        picked = [part[chosen].split(counts) for part in (boxes, index, labels, matched)]
        targets_of = self.box_coder.encode(list(picked[3]), list(picked[0]))
        return list(picked[0]), list(picked[1]), list(picked[2]), list(targets_of)


def _padded(boxes: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns boxes as `[B, P, 4]`, P at least 1, and `[B, P]` which of them there are."""
    counts = torch.tensor([len(part) for part in boxes])
    padded = pad_sequence(boxes, batch_first=True)
    if padded.shape[1] == 0:
        padded = padded.new_zeros(len(boxes), 1, 4)
    present = torch.arange(padded.shape[1]) < counts[:, None]
    return padded, present.to(padded.device)


def _iou(first: Tensor, second: Tensor) -> Tensor:
    """Returns intersections over unions of `[B, N, 4]` and `[B or 1, M, 4]` boxes, `[B, N, M]`; 0 of empty ones."""
    (left, top, right, bottom), (x0, y0, x1, y1) = (
        [edge.unsqueeze(axis) for edge in boxes.unbind(-1)] for boxes, axis in ((first, 2), (second, 1))
    )
    width = (torch.minimum(right, x1) - torch.maximum(left, x0)).clamp_min(0)
    shared = width * (torch.minimum(bottom, y1) - torch.maximum(top, y0)).clamp_min(0)
    union = (right - left) * (bottom - top) + (x1 - x0) * (y1 - y0) - shared
    return torch.where(union > 0, shared / union, 0.0)


def _suppressed(boxes: Tensor, alive: Tensor, threshold: float) -> Tensor:
    """Greedy suppression of overlaps: returns which of `[B, K, 4]` boxes, by falling score, stay.

    Args:
        boxes: the boxes.
        alive: `[B, K]` which of them take part.
        threshold: a box goes if one that stays and comes before it overlaps it by more.
    """
    beats = (_iou(boxes, boxes) > threshold).triu(diagonal=1) & alive[:, :, None]
    beats = beats.to(boxes.dtype)
    stay = alive
    while True:
        beaten = torch.bmm(stay.to(boxes.dtype)[:, None], beats)[:, 0] > 0
        after = alive & ~beaten
        if torch.equal(after, stay):
            return stay
        stay = after
