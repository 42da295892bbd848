"""What is proven of the release path, and of which modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hls.formal.edits import Edit
from hls.formal.engine import Method
from hw_anon.core.errors import ConfigError

__all__ = ["PROPERTIES", "Cone", "Property"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Cone:
    """Which outputs of a module an input, or a register in it, may reach."""

    top: str
    """The module."""
    source: str
    """Its input, `i:name*`, or a register, `w:instance.name*`."""
    allowed: frozenset[str]
    """The outputs that it reaches, exactly."""
    parameters: tuple[tuple[str, int], ...]
    """The module's parameters."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Property:
    """One harness and how it is checked."""

    name: str
    """Name of the property."""
    statement: str
    """What its assertions say, in one line."""
    modules: tuple[str, ...]
    """Modules and packages of `hls/rtl` that it needs."""
    method: Method
    """Bounded search, a proof for ever by an invariant, or one by the netlist's structure."""
    depth: int = 0
    """Cycles that a bounded search covers."""
    bug_depth: int = 0
    """If not 0, seeded bugs have to break the property itself, and not its lemmas, within so many cycles (`bmc`)."""
    limit_s: float
    """CPU seconds for the search; one that needs more is open."""
    harness: str = ""
    """File and module of `hls/formal/harness`, if it is not called like the property."""
    parameters: tuple[tuple[str, int], ...] = ()
    """Of the harness."""
    stubs: tuple[str, ...] = ()
    """Modules that a stand-in of `hls/formal/stubs` replaces."""
    edits: tuple[Edit, ...] = ()
    """Changes that make the camera small, and its time limits free."""
    zero_at_power_up: bool = False
    """Registers and memories begin at 0 instead of with anything."""
    cone: Cone | None = None
    """For method `cone`: what is followed."""

    def __post_init__(self) -> None:
        """Checks that a cone is given exactly for its method."""
        if (self.method == "cone") != (self.cone is not None):
            raise ConfigError(f"property {self.name}: method {self.method!r} with cone = {self.cone}")

    @property
    def top(self) -> str:
        """The harness' module."""
        return self.harness or self.name


_SMALL_CAMERA = (
    Edit(file="camera_pkg.sv", old="int unsigned Cell = 16;", new="int unsigned Cell = 4;"),
    Edit(file="camera_pkg.sv", old="int unsigned MinRegion = 8;", new="int unsigned MinRegion = 1;"),
    Edit(file="camera_core.sv", old="CropSize < 8 ||", new="CropSize < 2 ||"),
    Edit(file="video_resampler.sv", old="if (SideWidth < 4)", new="if (SideWidth < 3)"),
)
"""4×4 pixels, regions of 1×1 on, crops of 2×2."""

_FREE_TIME_LIMITS = (
    Edit(file="video_ingress.sv", old="idle_q == SourceTimeout - 1;", new="$root.harness.source_timeout;"),
    Edit(file="video_sequencer.sv", old="timer_q == DetectorTimeout)", new="$root.harness.detector_timeout)"),
    Edit(file="video_sequencer.sv", old="timer_q == ModifierTimeout)", new="$root.harness.modifier_timeout)"),
)

_RESAMPLER = ("video_resampler", "video_divider", "video_axis", "video_bilinear", "video_delay")
_PACKAGES = ("camera_pkg", "video_pkg")

_CORE = (
    *_PACKAGES, "camera_core", "video_ingress", "video_frame_store", "video_sequencer", "video_paste",
    "video_release_guard", "video_egress", "video_box_decode", "video_cell_box", "video_region", "video_downscale",
    "video_crop_resize", *_RESAMPLER,
)  # fmt: skip
"""The camera as it is."""

_TAGS: dict[str, Any] = {
    "modules": (
        *_PACKAGES, "camera_core", "video_ingress", "video_frame_store", "video_sequencer", "video_paste",
        "video_release_guard", "video_egress", "video_delay",
    ),
    "method": "pdr", "limit_s": 400, "harness": "release_tags", "bug_depth": 45,
    "stubs": ("video_box_decode", "video_downscale", "video_crop_resize", "video_paste", "video_frame_store"),
    "edits": (*_SMALL_CAMERA[:3], *_FREE_TIME_LIMITS),
}  # fmt: skip
"""The camera of tagged pixels."""

_NO_BLACK = Edit(file="video_egress.sv", old="<= black_q ? '0 : rd_data_i;", new="<= rd_data_i;")

PROPERTIES: tuple[Property, ...] = (
    Property(
        name="release_pair",
        statement="two cameras whose raw pixels differ under the regions only deliver the same",
        modules=(
            *_PACKAGES, "camera_core", "video_ingress", "video_frame_store", "video_sequencer", "video_paste",
            "video_release_guard", "video_egress", "video_resampler", "video_delay",
        ),
        method="bmc", depth=36, limit_s=240,
        stubs=(
            "video_box_decode", "video_downscale", "video_crop_resize", "video_divider", "video_axis", "video_bilinear",
        ),
        edits=(*_SMALL_CAMERA, *_FREE_TIME_LIMITS),
        zero_at_power_up=True,
    ),
    Property(
        name="release_tags",
        statement="no tagged pixel, raw and under a region, is ever delivered: one frame store",
        parameters=(("MaxFaces", 2),), **_TAGS,
    ),
    Property(
        name="release_tags_two",
        statement="the same with two frame stores",
        parameters=(("Buffers", 2), ("MaxFaces", 2)), **_TAGS,
    ),
    Property(
        name="release_tags_gate",
        statement="the same although the egress lets every pixel pass that it gets",
        parameters=(("Buffers", 2),), **{**_TAGS, "edits": (*_TAGS["edits"], _NO_BLACK)},
    ),
    Property(
        name="pixel_cone",
        statement="raw pixels reach the video's and both accelerators' pixels only: no mark, no metadata, no register",
        modules=_CORE,
        method="cone", limit_s=170,
        cone=Cone(
            top="camera_core", source="i:s_axis_tdata*",
            allowed=frozenset({"m_axis_tdata", "m_half_tdata", "m_crop_tdata"}),
            parameters=(("Width", 16), ("Height", 16), ("CropSize", 8), ("MaxFaces", 1)),
        ),
    ),
    Property(
        name="key_cone",
        statement="the power-up key reaches the crops only: no register, no status, no other output",
        modules=(*_CORE, "camera_registers_pkg", "camera_shell", "control_status", "key_noise", "key_source"),
        method="cone", limit_s=170,
        cone=Cone(
            top="camera_shell", source="w:*u_key.key_q*", allowed=frozenset({"m_crop_tdata"}),
            parameters=(("Width", 16), ("Height", 16), ("CropSize", 8), ("MaxFaces", 1), ("KeyChannels", 1)),
        ),
    ),
    Property(
        name="ingress_rules",
        statement="a capture ends well only after every pixel was written; nothing is written to a store in use",
        modules=("camera_pkg", "video_ingress"),
        method="pdr", limit_s=60,
    ),
    Property(
        name="guard_rules",
        statement="a picture is handed over only if its capture ended well and all regions found were pasted",
        modules=("camera_pkg", "video_release_guard"),
        method="pdr", limit_s=240,
    ),
    Property(
        name="egress_rules",
        statement="a frame with a fault leaves black; frames are whole; AXI4-Stream; a frame leaves in bounded time",
        modules=(*_PACKAGES, "video_egress", "video_delay"),
        method="pdr", limit_s=60,
    ),
    Property(
        name="paste_rules",
        statement="a paste writes each pixel of its region and none beside it, and ends in bounded time",
        modules=(*_PACKAGES, "video_paste", *_RESAMPLER),
        method="pdr", limit_s=170,
    ),
    Property(
        name="store_rules",
        statement="a place of the frame store reads what was written to it last",
        modules=(*_PACKAGES, "video_frame_store", "video_delay"),
        method="bmc", depth=30, limit_s=90,
    ),
    Property(
        name="sequencer_rules",
        statement="each region found is pasted once, in its turn, and no paste is reported that did not happen",
        modules=("camera_pkg", "video_sequencer"),
        method="pdr", limit_s=60, edits=(_SMALL_CAMERA[1],),
    ),
    Property(
        name="stream_rules",
        statement="AXI4-Stream towards both accelerators, the right number of pixels, a crop in bounded time",
        modules=(*_PACKAGES, "video_crop_resize", "video_downscale", *_RESAMPLER),
        method="pdr", limit_s=170,
    ),
)  # fmt: skip
"""All properties."""
