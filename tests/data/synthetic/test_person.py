"""Identities, looks and outfits: determinism and variety."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from hw_anon.data.synthetic.look import HAIR_KINDS, skin_colour
from hw_anon.data.synthetic.outfit import TOPS, sample_outfit
from hw_anon.data.synthetic.person import make_person, sample_identity
from hw_anon.data.synthetic.wear import dress, hair_depth, subdivide


def test_equal_seeds_make_equal_people_to_the_last_bit() -> None:
    first, second = make_person(sample_identity(8), 3), make_person(sample_identity(8), 3)
    assert first.identity == second.identity
    for field in ("rest", "bones", "faces", "uv_faces", "texture", "sky", "skin_weights"):
        assert np.array_equal(getattr(first, field), getattr(second, field)), field


def test_another_identity_has_another_face_another_outfit_the_same() -> None:
    person, same, other = (make_person(sample_identity(i), o) for i, o in ((8, 3), (8, 4), (9, 3)))
    face = person.face_vertices
    assert np.array_equal(person.rest[face], same.rest[face])
    centred = [p.rest[face] - p.rest[face].mean(0) for p in (person, other)]
    assert np.linalg.norm(centred[0] - centred[1], axis=1).mean() > 0.001
    assert person.outfit != same.outfit
    assert not np.array_equal(person.texture, same.texture)


def test_skin_tones_cover_the_range_evenly_whatever_the_gender() -> None:
    people = [sample_identity(seed) for seed in range(600)]
    for gender in ("female", "male"):
        tones = [person.look.tone for person in people if person.gender == gender]
        counts = np.histogram(tones, 5, (0, 1))[0]
        assert counts.min() > 0.7 * counts.mean()
    assert sum(skin_colour(0)) > 2 * sum(skin_colour(1))


def test_looks_vary() -> None:
    people = [sample_identity(seed) for seed in range(300)]
    assert {person.look.hair.kind for person in people} == set(HAIR_KINDS)
    assert 30 < sum(person.look.glasses is not None for person in people) < 150
    assert 20 < sum(person.look.beard > 0.3 for person in people) < 120
    assert all(person.look.beard == 0 for person in people if person.gender == "female")
    ages = [person.age_years for person in people]
    assert min(ages) >= 18
    assert np.ptp(ages) > 45
    look = people[0].look
    assert {sample_outfit(seed, look).top for seed in range(80)} == set(TOPS)


def test_a_receding_hairline_recedes() -> None:
    look = sample_identity(1).look
    hair = dataclasses.replace(look.hair, recede=0.0, fringe=0.0, shift=0.0)
    place = np.array([0.045]), np.array([-0.12]), np.array([0.95])
    full = hair_depth(*place, dataclasses.replace(look, hair=hair))
    high = hair_depth(*place, dataclasses.replace(look, hair=dataclasses.replace(hair, recede=0.02)))
    assert high[0] == pytest.approx(full[0] - 0.02, abs=1e-6)


def test_subdividing_keeps_the_area_and_shares_the_edges() -> None:
    points = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [1, 1, 0]])
    fine, faces = subdivide(points, np.array([[0, 1, 2], [1, 3, 2]]))
    a, b, c = (fine[faces[:, corner]] for corner in range(3))
    assert faces.shape == (8, 3)
    assert len(fine) == 9
    assert np.allclose(np.cross(b - a, c - a)[:, 2], 0.25)


def test_clothes_do_not_reach_the_face() -> None:
    person = make_person(sample_identity(2), 5)
    from hw_anon.data.synthetic.atlas import load_atlas
    from hw_anon.data.synthetic.person import rest_shape

    atlas, identity = load_atlas(), person.identity
    bare, bones = rest_shape(atlas.model, identity.build, np.array(identity.features))
    for seed in range(12):
        worn = dress(atlas, bare, bones, identity.look, sample_outfit(seed, identity.look))
        chin = atlas.anchors["chin"][0]
        assert np.allclose(worn.vertices[chin], bare[chin], atol=1e-9)
        assert np.array_equal(worn.vertices[atlas.anchors["mouth"]], bare[atlas.anchors["mouth"]])
