"""The rasteriser and the renderer's labels."""

from __future__ import annotations

import numpy as np
import pytest

from hw_anon.core.errors import ConfigError
from hw_anon.data.synthetic import raster
from hw_anon.data.synthetic.person import Person, make_person, sample_identity
from hw_anon.data.synthetic.render import Camera, Light, Prop, Rendered, render

LIGHT = Light(directions=((0.4, -1.0, 0.6),), colours=((0.8, 0.8, 0.8),))
GREY = np.full((2, 2, 3), 0.2, np.float32)
SQUARE = np.array([[0, 1, 2], [0, 2, 3]])


@pytest.fixture(scope="module")
def person() -> Person:
    return make_person(sample_identity(11), 2)


def _shot(person: Person, props: list[Prop], *, light: Light = LIGHT, yaw: float = 0.0, seed: int = 0) -> Rendered:
    turn = np.array([[np.cos(yaw), -np.sin(yaw), 0], [np.sin(yaw), np.cos(yaw), 0], [0, 0, 1.0]])
    posed = person.pose({"head": turn})
    nose = posed.anchor("nose")
    camera = Camera(position=(0.0, nose[1] - 1.0, nose[2]), target=(0.0, nose[1], nose[2]), fov=0.4)
    return render(person, posed, props, camera, light, GREY, (96, 96), grain_seed=seed)


def _card(person: Person, distance: float, colour: tuple[float, float, float], shift: float = 0.0) -> Prop:
    """A card of 24 cm, `distance` metres in front of the nose, parallel to the picture."""
    nose = person.anchors["nose"]
    corners = np.array([[-0.12, 0, -0.12], [0.12, 0, -0.12], [0.12, 0, 0.12], [-0.12, 0, 0.12]])
    place = corners + nose + np.array([shift, -distance, 0.0])
    return Prop(vertices=place, faces=SQUARE, colours=np.array(colour, np.float32), gloss=0.0)


def test_the_nearer_triangle_hides_the_farther_whatever_the_order() -> None:
    square = np.array([[0.0, 0], [8, 0], [8, 8], [0, 8]])
    points = np.concatenate([np.c_[square, np.full(4, 0.5)], np.c_[square, np.full(4, 0.25)]])
    for faces, nearest in ((np.concatenate([SQUARE, SQUARE + 4]), 0), (np.concatenate([SQUARE + 4, SQUARE]), 2)):
        ids, depth = np.full((8, 8), -1, np.int32), np.zeros((8, 8), np.float32)
        raster.cover(points, faces, ids, depth)
        assert set(np.unique(ids)) == {nearest, nearest + 1}
        assert np.allclose(depth, 0.5)


def test_neighbours_leave_no_gap_and_what_is_behind_the_camera_is_left_out() -> None:
    points = np.array([[0.3, 0.2, 1], [7.7, 0.1, 1], [7.9, 7.8, 1], [0.2, 7.9, 1], [4, 4, -1]], np.float64)
    ids, depth = np.full((8, 8), -1, np.int32), np.zeros((8, 8), np.float32)
    raster.cover(points, np.array([[0, 1, 2], [0, 2, 3], [0, 1, 4]]), ids, depth)
    assert (ids >= 0).all()
    assert 2 not in ids


def test_normals_point_outwards() -> None:
    normals = raster.vertex_normals(np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0]]), np.array([[0, 1, 2]]))
    assert np.allclose(normals, [[0, 0, 1]] * 3)


def test_a_plate_takes_the_sky_from_what_lies_under_it() -> None:
    low = np.array([[-1.0, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]])
    vertices = np.concatenate([low * 0.5, low * 2 + [0, 0, 0.4]])
    sky = raster.sky_share(vertices, np.concatenate([SQUARE, SQUARE + 4]), 64)
    assert sky[:4].max() < 0.35
    assert sky[4:].min() > 0.95


def test_a_picture_is_the_same_every_time(person: Person) -> None:
    first, second, other = (_shot(person, [], seed=seed).picture for seed in (1, 1, 2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)
    assert first.dtype == np.uint8


def test_landmarks_lie_in_the_face_box_in_the_order_of_the_image(person: Person) -> None:
    for yaw in (-0.5, 0.0, 0.5):
        shot = _shot(person, [], yaw=yaw)
        left, top, right, bottom = shot.face_box
        assert (shot.landmarks[:, 0] > left).all()
        assert (shot.landmarks[:, 0] < right).all()
        assert (shot.landmarks[:, 1] > top).all()
        assert (shot.landmarks[:, 1] < bottom).all()
        eyes, nose, mouth = shot.landmarks[:2], shot.landmarks[2], shot.landmarks[3:]
        assert eyes[0, 0] < eyes[1, 0]
        assert mouth[0, 0] < mouth[1, 0]
        assert eyes[:, 1].max() < nose[1] < mouth[:, 1].min()
        assert shot.face_visible_share > 0.8
        edges = np.array(shot.person_box)
        assert edges[0] <= left
        assert edges[3] >= bottom


def test_what_stands_before_the_face_hides_it(person: Person) -> None:
    clear, hidden = _shot(person, []), _shot(person, [_card(person, 0.1, (0.9, 0.1, 0.1))])
    behind = _shot(person, [_card(person, -0.4, (0.9, 0.1, 0.1))])
    half = _shot(person, [_card(person, 0.1, (0.9, 0.1, 0.1), shift=0.12)])
    assert clear.landmark_visible.all()
    assert not hidden.landmark_visible.any()
    assert hidden.face_visible_share < 0.02
    assert behind.face_visible_share == pytest.approx(clear.face_visible_share)
    assert 0.3 < half.face_visible_share < 0.7
    assert half.landmark_visible[[0, 3]].all()
    assert not half.landmark_visible[[1, 4]].any()
    x, y = np.round(clear.landmarks[2]).astype(int)
    red = hidden.picture[y, x].astype(int)
    assert red[0] > red[1] + 60
    assert hidden.face_box == clear.face_box


def test_an_object_casts_a_shadow(person: Person) -> None:
    """The card hangs between the light and the face, outside the picture."""
    above = Light(directions=((0.0, -0.35, 1.0),), colours=((0.8, 0.8, 0.8),), above=(0.1,) * 3, below=(0.1,) * 3)
    nose = person.anchors["nose"]
    plate = np.array([[-0.2, -0.3, 0.25], [0.2, -0.3, 0.25], [0.2, 0.2, 0.25], [-0.2, 0.2, 0.25]]) + nose
    roof = Prop(vertices=plate, faces=SQUARE, colours=np.array((0.5, 0.5, 0.5), np.float32))
    lit, dark = _shot(person, [], light=above), _shot(person, [roof], light=above)
    left, top, right, bottom = (round(edge) for edge in lit.face_box)
    inside = np.s_[top:bottom, left:right]
    assert dark.picture[inside].mean() < 0.75 * lit.picture[inside].mean()


def test_a_mirrored_turn_moves_the_nose_the_other_way(person: Person) -> None:
    ahead, left, right = (_shot(person, [], yaw=yaw).landmarks[2, 0] for yaw in (0.0, 0.4, -0.4))
    assert left > ahead + 3
    assert right < ahead - 3


def test_projection_follows_the_pinhole() -> None:
    camera = Camera(position=(0, -2, 1), target=(0, 0, 1), fov=2 * np.arctan(0.5))
    points = camera.project(np.array([[0.0, 0, 1], [1.0, 0, 1], [0, 0, 2.0], [0, -3, 1]]), (100, 60))
    assert np.allclose(points[:3, :2], [[30, 50], [80, 50], [30, 0]])
    assert np.allclose(points[:, 2], [0.5, 0.5, 0.5, -1])


def test_wrong_settings_are_named(person: Person) -> None:
    with pytest.raises(ConfigError, match="fov"):
        Camera(position=(0, 0, 0), target=(0, 1, 0), fov=0.0)
    with pytest.raises(ConfigError, match="same point"):
        Camera(position=(0, 0, 0), target=(0, 0, 0))
    with pytest.raises(ConfigError, match="directions"):
        Light(directions=(), colours=())
    posed, camera = person.pose({}), Camera(position=(0, -2, 1), target=(0, 0, 1))
    with pytest.raises(ConfigError, match="supersample"):
        render(person, posed, [], camera, LIGHT, GREY, (8, 8), supersample=0)
