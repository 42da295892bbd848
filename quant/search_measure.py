"""The quick measure of a search, through the integer network.

Verification of original against modified faces by SFace, and the distance to what the teacher answers. It orders
candidates. The judge is one that trainings see; figures to publish come from `hw-anon evaluate`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from hw_anon.data.banks import FaceBank
from hw_anon.data.weights import SFACE
from hw_anon.nets.align import align_faces
from hw_anon.nets.sface import SFACE_SIDE
from hw_anon.nets.sface_file import load_sface
from hw_anon.train.batches import NO_JITTER, cut_faces, draw_nothing
from hw_anon.train.validate import auc, make_pairs
from quant.backend import QatBackend
from quant.distil_lessons import Teacher, examples
from quant.export import integer_net
from quant.modifier import Modifier

__all__ = ["measure_student"]

_CHUNK = 64
_PAIRS = 4000


@torch.no_grad()
def measure_student(net: Modifier, teacher: Teacher, faces: FaceBank, *, most: int) -> dict[str, Any]:
    """Measures a network on people who were not trained on.

    Args:
        net: on the CPU, in evaluation mode.
        teacher: whose answers it learned, on the CPU; a drawn one's are to `faces`.
        faces: their pictures, on the CPU; the first people with all their pictures, about `most` of them.
        most: pictures, about.

    Returns:
        `auc_original_modified`, `auc_modified_modified`, `l1_to_teacher`, `l1_to_original`, `pairs`, `pictures`.

    Raises:
        ToolError: if SFace's package is not installed.
    """
    chosen = torch.nonzero(faces.labels < max(2, most * faces.people // len(faces)))[:, 0]
    batch = cut_faces(faces, chosen, net.config.input_size, NO_JITTER, draw_nothing(len(chosen)))
    seen, answers = examples(teacher, faces, chosen, net.config)
    crops = seen[:, :3]
    levels = (seen * 255.0).round().byte().permute(0, 2, 3, 1).contiguous().numpy()
    answer = QatBackend(integer_net(net)).modify(levels).astype(np.float32)
    modified = torch.from_numpy(answer).permute(0, 3, 1, 2) / 255.0
    judge = load_sface(SFACE.find()).eval()

    def features(images: Tensor) -> Tensor:
        parts = zip(images.split(_CHUNK), batch.landmarks.split(_CHUNK), strict=True)
        aligned = (align_faces(part, marks, height=SFACE_SIDE, width=SFACE_SIDE) for part, marks in parts)
        return functional.normalize(torch.cat([judge(part) for part in aligned]), dim=1)

    left, right, same = make_pairs(batch.labels, _PAIRS, 0)
    original, changed = features(crops), features(modified)
    return {
        "auc_original_modified": round(auc((original[left] * changed[right]).sum(1), same), 4),
        "auc_modified_modified": round(auc((changed[left] * changed[right]).sum(1), same), 4),
        "l1_to_teacher": round(float((modified - answers).abs().mean()), 5),
        "l1_to_original": round(float((modified - crops).abs().mean()), 5),
        "pairs": len(same),
        "pictures": len(chosen),
    }
