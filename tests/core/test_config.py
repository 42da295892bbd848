"""The config base: strict reading, clear messages, a stable hash."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hw_anon.core.config import Config, require_choice, require_multiple, require_range, suggest
from hw_anon.core.errors import ConfigError


@dataclass(frozen=True, kw_only=True, slots=True)
class Inner(Config):
    """A nested config."""

    depth: int = 3
    """Layers."""

    def __post_init__(self) -> None:
        require_range(self, "depth", 1, 8)


@dataclass(frozen=True, kw_only=True, slots=True)
class Camera(Config):
    """A config with a field of every kind."""

    name: str
    """Required."""
    width: int = 320
    """Columns."""
    rate: float = 30.0
    """Frames per second."""
    kind: Literal["small", "large"] = "small"
    """Size class."""
    lanes: Literal[1, 2] = 1
    """One of some numbers."""
    inner: Inner = Inner()
    """Nested."""
    widths: tuple[int, ...] = (16, 32)
    """Any number of ints."""
    pair: tuple[int, str] = (1, "a")
    """Exactly two."""
    limit: int | None = None
    """Optional."""
    weights: Path | None = None
    """A path."""
    either: int | str = 0
    """One of two types."""
    extra: dict[str, float] = field(default_factory=dict)
    """A table."""
    debug: bool = False
    """A switch."""

    def __post_init__(self) -> None:
        require_range(self, "width", 8, 4096, unit="pixels")
        require_range(self, "rate", 0.1, None)
        require_multiple(self, "width", 2)


FULL: dict[str, Any] = {
    "name": "door",
    "width": 640,
    "rate": 15,
    "kind": "large",
    "inner": {"depth": 2},
    "widths": [16, 32, 64],
    "pair": [2, "b"],
    "limit": 4,
    "weights": "nets/w.npz",
    "either": "text",
    "extra": {"gain": 2},
    "debug": True,
}


def test_reads_every_kind_of_field() -> None:
    camera = Camera.from_dict(FULL)
    assert camera == Camera(
        name="door",
        width=640,
        rate=15.0,
        kind="large",
        inner=Inner(depth=2),
        widths=(16, 32, 64),
        pair=(2, "b"),
        limit=4,
        weights=Path("nets/w.npz"),
        either="text",
        extra={"gain": 2.0},
        debug=True,
    )
    assert isinstance(camera.rate, float)


def test_defaults_fill_what_is_left_out() -> None:
    assert Camera.from_dict({"name": "x"}) == Camera(name="x")


@pytest.mark.parametrize("camera", [Camera(name="x"), Camera.from_dict(FULL)])
def test_to_dict_round_trip(camera: Camera) -> None:
    assert Camera.from_dict(camera.to_dict()) == camera


def test_to_dict_refuses_a_value_of_another_type_than_the_fields() -> None:
    with pytest.raises(ConfigError, match=re.escape("Camera.debug = 'yes': expected bool, got str")):
        Camera(name="x", debug="yes").to_dict()  # type: ignore[arg-type]


def test_toml_and_json_files(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('name = "door"\nwidths = [8]\n[inner]\ndepth = 5\n')
    (tmp_path / "c.json").write_text('{"name": "door", "widths": [8], "inner": {"depth": 5}}')
    expected = Camera(name="door", widths=(8,), inner=Inner(depth=5))
    assert Camera.from_file(tmp_path / "c.toml") == expected
    assert Camera.from_file(tmp_path / "c.json") == expected


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"widht": 3}, "Camera: unknown setting 'widht'; did you mean width or widths?"),
        ({"zzz": 3}, "unknown setting 'zzz'; known: debug, either,"),
        ({3: 3}, "unknown setting 3"),
        ({"width": "320"}, "Camera.width = '320': expected int, got str"),
        ({"width": True}, "Camera.width = True: expected int, got bool"),
        ({"width": 320.0}, "Camera.width = 320.0: expected int, got float"),
        ({"width": None}, "Camera.width = None: expected int, got NoneType"),
        ({"width": 4}, "Camera.width = 4: allowed range is 8 to 4096 pixels"),
        ({"width": 4097}, "Camera.width = 4097: allowed range is 8 to 4096 pixels"),
        ({"width": 321}, "Camera.width = 321: must be a multiple of 2, for instance 320 or 322"),
        ({"rate": "fast"}, "Camera.rate = 'fast': expected float, got str"),
        ({"rate": True}, "Camera.rate = True: expected float"),
        ({"rate": float("nan")}, "Camera.rate = nan: allowed range is 0.1 and above"),
        ({"rate": float("inf")}, "Camera.rate = inf: allowed range is 0.1 and above"),
        ({"kind": "medium"}, "Camera.kind = 'medium': allowed values are 'small', 'large'"),
        ({"lanes": True}, "Camera.lanes = True: allowed values are 1, 2"),
        ({"inner": {"deepness": 1}}, "Camera.inner: unknown setting 'deepness'; known: depth"),
        ({"inner": {"depth": 9}}, "Inner.depth = 9: allowed range is 1 to 8"),
        ({"inner": 3}, "Camera.inner = 3: expected a table of Inner settings, got int"),
        ({"widths": 3}, "Camera.widths = 3: expected a list, got int"),
        ({"widths": [1, "2"]}, "Camera.widths[1] = '2': expected int, got str"),
        ({"pair": [1]}, "Camera.pair = [1]: expected a list of 2 values"),
        ({"limit": "4"}, "Camera.limit = '4': expected int, got str"),
        ({"either": 1.5}, "Camera.either = 1.5: expected int or str, got float"),
        ({"extra": [1]}, "Camera.extra = [1]: expected a table"),
        ({"extra": {"gain": "x"}}, "Camera.extra.gain = 'x': expected float"),
        ({"debug": 1}, "Camera.debug = 1: expected bool, got int"),
        ({"weights": 1}, "Camera.weights = 1: expected Path, got int"),
    ],
)
def test_refusals_name_field_value_and_what_is_allowed(changed: dict[Any, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(message)):
        Camera.from_dict({"name": "x", **changed})


def test_a_required_setting_is_asked_for() -> None:
    with pytest.raises(ConfigError, match="Camera: setting 'name' is missing; it has no default"):
        Camera.from_dict({})


@pytest.mark.parametrize("raw", [None, [], "text", 3])
def test_what_is_no_table_is_refused(raw: object) -> None:
    with pytest.raises(ConfigError, match="Camera: expected a table of settings"):
        Camera.from_dict(raw)  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "text"), [("c.toml", "name = "), ("c.json", '{"name": '), ("c.json", "")])
def test_malformed_files_are_named(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=rf"{name}: cannot be read as (TOML|JSON)"):
        Camera.from_file(tmp_path / name)


@pytest.mark.parametrize("name", ["missing.toml", "missing.json"])
def test_missing_files_are_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name}: cannot be read"):
        Camera.from_file(tmp_path / name)


def test_binary_and_other_suffixes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_bytes(b"\xff\x00")
    with pytest.raises(ConfigError, match="cannot be read as TOML"):
        Camera.from_file(tmp_path / "c.toml")
    with pytest.raises(ConfigError, match=r"ends in \.toml or \.json"):
        Camera.from_file(tmp_path / "c.yaml")


def test_errors_in_files_name_the_file(tmp_path: Path) -> None:
    (tmp_path / "door.toml").write_text('name = "x"\n[inner]\ndepht = 1\n')
    with pytest.raises(ConfigError, match=r"door\.toml\.inner: unknown setting 'depht'; did you mean depth\?"):
        Camera.from_file(tmp_path / "door.toml")


def test_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Camera(name="x").width = 3  # type: ignore[misc]


def test_content_hash_is_stable_and_follows_the_content() -> None:
    assert Inner().content_hash() == Inner(depth=3).content_hash()
    assert Inner().content_hash() == "bef2fff4775100327c2cd623e3a5070e1d56ba8fd5794c5195ce58bb5fb7ccae"
    assert Inner().content_hash() != Inner(depth=4).content_hash()
    assert Camera(name="x").content_hash() != Camera(name="y").content_hash()
    assert Camera(name="x", rate=30).content_hash() == Camera.from_dict({"name": "x"}).content_hash()


@given(st.integers(-20, 20), st.integers(-20, 20), st.integers(-20, 20))
def test_require_range_is_inclusive(low: int, high: int, depth: int) -> None:
    inner = Inner()
    object.__setattr__(inner, "depth", depth)
    if low <= depth <= high:
        require_range(inner, "depth", low, high)
    else:
        with pytest.raises(ConfigError, match=f"allowed range is {low} to {high}"):
            require_range(inner, "depth", low, high)


def test_require_choice_lists_the_choices() -> None:
    require_choice(Inner(depth=3), "depth", (1, 3))
    with pytest.raises(ConfigError, match=re.escape("Inner.depth = 2: allowed values are 1, 3")):
        require_choice(Inner(depth=2), "depth", (1, 3))


def test_open_ranges() -> None:
    require_range(Inner(depth=8), "depth", None, 8)
    with pytest.raises(ConfigError, match="allowed range is 7 and below"):
        require_range(Inner(depth=8), "depth", None, 7)


def test_suggest_without_candidates() -> None:
    assert suggest("x", []) == "none are known"
