"""The action detector as one graph for ONNX: a frame of bytes in, boxes with actions out, suppression included.

The arithmetic is that of `ActionDetector.detect` for one frame, with what depends on the frame's size (resizing,
padding, anchors, strides) worked out beforehand. Both suppressions are ONNX `NonMaxSuppression` nodes whose batch is
the pyramid's maps, then the classes, so that the graph holds neither loops nor branches.

Two things are done in another order, which changes no result: proposals are decoded after the best of each map are
chosen, and they go through the box head sorted by the map they are pooled from.

Shapes: L maps, K candidates of a map, R proposals, C actions, D detections.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as nnf
from torch import Tensor, nn
from torchvision.models.detection.image_list import ImageList
from torchvision.ops import batched_nms, roi_align
from torchvision.ops.boxes import clip_boxes_to_image

from hw_anon.nets.action import ActionDetector

__all__ = ["DetectorGraph"]

_SMALLEST_PROPOSAL = 1e-3
_SMALLEST_DETECTION = 1e-2
"""Sides in pixels below which torchvision drops a box."""


class _Suppression(torch.autograd.Function):
    """`NonMaxSuppression` of ONNX: `[B, N, 4]` boxes and `[B, N]` scores to `[S, 2]` (batch, box), scores falling."""

    @staticmethod
    def forward(ctx: Any, boxes: Tensor, scores: Tensor, overlap: float, least: float) -> Tensor:
        batch = torch.arange(len(boxes))[:, None].expand_as(scores)
        keep = batched_nms(boxes.reshape(-1, 4), scores.reshape(-1), batch.reshape(-1), overlap)
        keep = keep[scores.reshape(-1)[keep] > least]
        return torch.stack((keep // scores.shape[1], keep % scores.shape[1]), 1)

    @staticmethod
    def symbolic(g: Any, boxes: Any, scores: Any, overlap: float, least: float) -> Any:
        def constant(value: Any, dtype: torch.dtype) -> Any:
            return g.op("Constant", value_t=torch.tensor(value, dtype=dtype))

        all_of_them = constant([2**31 - 1], torch.int64)
        limits = [constant([value], torch.float32) for value in (overlap, least)]
        rows = g.op("Unsqueeze", scores, constant([1], torch.int64))
        chosen = g.op("NonMaxSuppression", boxes, rows, all_of_them, *limits)  # [S, 3]: batch, 0, box
        return g.op("Gather", chosen, constant([0, 2], torch.int64), axis_i=1)


def _suppressed(boxes: Tensor, scores: Tensor, overlap: float, least: float) -> tuple[Tensor, Tensor, Tensor]:
    """Returns boxes `[S, 4]`, scores `[S]` and batch indices `[S]` of what stays, best first.

    Args:
        boxes: `[B, N, 4]` corners.
        scores: `[B, N]`.
        overlap: a box goes if a better one that stays overlaps it by more.
        least: boxes of this score or less take no part.
    """
    chosen = _Suppression.apply(boxes, scores, overlap, least)
    batch, index = chosen[:, 0], chosen[:, 1]
    flat = batch * scores.shape[1] + index
    best, order = scores.reshape(-1).index_select(0, flat).sort(descending=True)
    return boxes.reshape(-1, 4).index_select(0, flat.index_select(0, order)), best, batch.index_select(0, order)


class DetectorGraph(nn.Module):
    """The detector for frames of one size, to be traced.

    Args:
        detector: the detector, on the CPU.
        height: rows of a frame.
        width: columns of a frame.
        proposals: proposals that the box head looks at; default: as many as `detector.detect`.
    """

    anchors: Tensor

    def __init__(self, detector: ActionDetector, *, height: int, width: int, proposals: int | None = None) -> None:
        super().__init__()
        detector.eval()
        self.rcnn = detector.rcnn
        self.size = height, width
        self.proposals = proposals or self.rcnn.rpn.post_nms_top_n()
        with torch.no_grad():
            detector.detect(torch.zeros(1, 3, height, width))  # the pooling layer learns the maps' strides from it
            images, _ = self.rcnn.transform([torch.zeros(3, height, width)])
            features = list(self.rcnn.backbone(images.tensors).values())
            anchors = self.rcnn.rpn.anchor_generator(ImageList(images.tensors, images.image_sizes), features)[0]
        self.inner = (int(images.image_sizes[0][0]), int(images.image_sizes[0][1]))
        self.padding = images.tensors.shape[3] - self.inner[1], images.tensors.shape[2] - self.inner[0]
        places = self.rcnn.rpn.anchor_generator.num_anchors_per_location()
        counts = [f.shape[2] * f.shape[3] * many for f, many in zip(features, places, strict=True)]
        for index, part in enumerate(anchors.split(counts)):
            self.register_buffer(f"anchors_{index}", part, persistent=False)

    def forward(self, frame: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Detects people and their actions.

        Args:
            frame: `[H, W, 3]` uint8 RGB.

        Returns:
            `[D, 4]` float32 corners x1, y1, x2, y2 in pixels of the frame, `[D]` int64 actions and `[D]` float32
            probabilities, falling.
        """
        features = self.rcnn.backbone(self._prepared(frame))
        proposals = self._proposals(list(features.values()))
        boxes, scores, labels = self._detections(features, proposals)
        ratio = [self.size[axis] / self.inner[axis] for axis in (1, 0, 1, 0)]
        return boxes * torch.tensor(ratio, dtype=torch.float32), labels, scores

    def _prepared(self, frame: Tensor) -> Tensor:
        """Returns the frame normalised, resized and padded, `[1, 3, h, w]`."""
        transform = self.rcnn.transform
        mean, deviation = (torch.tensor(v)[:, None, None] for v in (transform.image_mean, transform.image_std))
        batch = (frame.permute(2, 0, 1)[None].to(torch.float32) / 255.0 - mean) / deviation
        if self.inner != self.size:
            batch = nnf.interpolate(batch, size=self.inner, mode="bilinear", align_corners=False)
        return nnf.pad(batch, (0, self.padding[0], 0, self.padding[1]))

    def _proposals(self, features: list[Tensor]) -> Tensor:
        """Returns the proposals of the region proposal network, `[R, 4]` pixels of the resized frame."""
        rpn = self.rcnn.rpn
        most = rpn.pre_nms_top_n()
        boxes_of, scores_of = [], []
        for level, (scores, deltas) in enumerate(zip(*rpn.head(features), strict=True)):
            anchors = self.get_buffer(f"anchors_{level}")
            scores = scores.permute(0, 2, 3, 1).reshape(-1)
            deltas = deltas.reshape(-1, 4, *deltas.shape[2:]).permute(2, 3, 0, 1).reshape(-1, 4)
            best, index = scores.topk(min(most, len(anchors)))
            boxes = rpn.box_coder.decode_single(deltas.index_select(0, index), anchors.index_select(0, index))
            boxes = clip_boxes_to_image(boxes, self.inner)
            sides = boxes[:, 2:] - boxes[:, :2]
            best = best.sigmoid().masked_fill((sides < _SMALLEST_PROPOSAL).any(1), -1.0)
            short = most - min(most, len(anchors))
            boxes_of.append(nnf.pad(boxes, (0, 0, 0, short)))
            scores_of.append(nnf.pad(best, (0, short), value=-1.0))
        boxes, _, _ = _suppressed(torch.stack(boxes_of), torch.stack(scores_of), rpn.nms_thresh, -0.5)
        return boxes[: self.proposals]

    def _detections(self, features: dict[str, Tensor], proposals: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns boxes `[D, 4]` in pixels of the resized frame, scores `[D]` and actions `[D]`, best first."""
        heads = self.rcnn.roi_heads
        proposals, pooled = self._pooled(features, proposals)
        logits, deltas = heads.box_predictor(heads.box_head(pooled))
        scores = logits.softmax(-1)[:, 1:].T  # [C, R]
        boxes = heads.box_coder.decode_single(deltas, proposals).reshape(-1, len(scores) + 1, 4)[:, 1:]
        boxes = clip_boxes_to_image(boxes, self.inner).permute(1, 0, 2)  # [C, R, 4]
        small = ((boxes[..., 2:] - boxes[..., :2]) < _SMALLEST_DETECTION).any(-1)
        scores = scores.masked_fill(small, -1.0)
        boxes, scores, labels = _suppressed(boxes, scores, heads.nms_thresh, heads.score_thresh)
        most = heads.detections_per_img
        return boxes[:most], scores[:most], labels[:most]

    def _pooled(self, features: dict[str, Tensor], proposals: Tensor) -> tuple[Tensor, Tensor]:
        """Returns the proposals sorted by the map that they are pooled from, and what was pooled."""
        pool = self.rcnn.roi_heads.box_roi_pool
        maps = [features[name] for name in pool.featmap_names]
        levels = pool.map_levels([proposals])
        order, pooled = [], []
        for level, (feature, scale) in enumerate(zip(maps, pool.scales, strict=True)):
            index = torch.where(levels == level)[0]
            boxes = proposals.index_select(0, index)
            rois = nnf.pad(boxes, (1, 0))  # all of image 0
            pooled.append(roi_align(feature, rois, pool.output_size, scale, pool.sampling_ratio))
            order.append(index)
        return proposals.index_select(0, torch.cat(order)), torch.cat(pooled)
