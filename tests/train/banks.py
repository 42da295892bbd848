"""Tiny banks for tests: people are colour patterns, actions are coloured bars; no file is read."""

from __future__ import annotations

import torch

from hw_anon.core.boxes import Box
from hw_anon.data.banks import FaceBank, FrameBank

_LANDMARKS = ((0.32, 0.40), (0.68, 0.40), (0.50, 0.58), (0.36, 0.76), (0.64, 0.76))


def face_bank(*, people: int = 6, pictures: int = 5, size: int = 40, seed: int = 0) -> FaceBank:
    """Returns people whose faces have an 8×8 pattern each, on noise."""
    generator = torch.Generator().manual_seed(seed)
    patterns = torch.rand(people, 3, 8, 8, generator=generator)
    labels = torch.arange(people).repeat_interleave(pictures)
    boxes = torch.tensor([10.0, 9.0, 29.0, 31.0]) + torch.rand(len(labels), 4, generator=generator)
    images = torch.rand(len(labels), 3, size, size, generator=generator) * 0.3
    for i, label in enumerate(labels.tolist()):
        x, y, right, bottom = (int(edge) for edge in boxes[i])
        face = torch.nn.functional.interpolate(patterns[None, label], (bottom - y, right - x), mode="bilinear")[0]
        images[i, :, y:bottom, x:right] = face
    low, side = boxes[:, None, :2], (boxes[:, 2:] - boxes[:, :2])[:, None]
    return FaceBank(
        pictures=(images * 255).round().to(torch.uint8),
        boxes=boxes,
        landmarks=low + side * torch.tensor(_LANDMARKS),
        labels=labels,
        people=people,
    )


def frame_bank(*, frames: int = 10, size: int = 64, seed: int = 1) -> FrameBank:
    """Returns frames with one coloured bar each (action = colour) and a face in all but every fifth."""
    generator = torch.Generator().manual_seed(seed)
    pictures = torch.rand(frames, 3, size, size, generator=generator) * 0.3
    boxes, labels, regions = [], [], []
    for i in range(frames):
        action = i % 3
        x = int(torch.randint(4, size - 34, (1,), generator=generator))
        pictures[i, action, 10:50, x : x + 30] += 0.7
        boxes.append(torch.tensor([[float(x), 10.0, x + 30.0, 50.0]]))
        labels.append(torch.tensor([1 + action]))
        regions.append(() if i % 5 == 4 else (Box(x=x + 5, y=12, width=20, height=17),))
    return FrameBank(
        frames=(pictures * 255).round().clamp(0, 255).to(torch.uint8),
        boxes=tuple(boxes),
        labels=tuple(labels),
        regions=tuple(regions),
        clips=torch.arange(frames) // 2,
        numbers=torch.arange(frames) % 2 + 1,
        actions=("red", "green", "blue"),
    )
