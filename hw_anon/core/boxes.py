"""Boxes in integer pixel coordinates, and the exact arithmetic that turns a detected face into its region.

A *box* is what a detector saw; a *region* is the part of the frame that is replaced: the box enlarged about 1.6 times
(paper, section 4: hair, ears and chin tell who it is), clipped to the frame and at least `MIN_REGION` pixels a side.
All of it is integer arithmetic with shifts, so that the RTL (`box_decode`) does the same.
"""

from __future__ import annotations

from dataclasses import dataclass

from hw_anon.core.errors import ConfigError

__all__ = ["MARGIN_NUMERATOR", "MARGIN_SHIFT", "MAX_SIDE", "MIN_REGION", "Box", "face_region"]

MIN_REGION = 8
"""Smallest side of a region in pixels."""
MAX_SIDE = 4096
"""Largest side of a frame in pixels: the limit of the 32-bit position accumulator in `video_path`."""
MARGIN_NUMERATOR = 77
"""Margin on each side = ceil(77/256 of the side): 1.6016 times in all, and never less than 1.6 times."""
MARGIN_SHIFT = 8
"""Binary shift that goes with `MARGIN_NUMERATOR`."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Box:
    """An axis-aligned rectangle of whole pixels: columns `x … x+width-1`, rows `y … y+height-1`."""

    x: int
    """Leftmost column; negative if the box sticks out on the left."""
    y: int
    """Topmost row; negative if the box sticks out at the top."""
    width: int
    """Columns, at least 1."""
    height: int
    """Rows, at least 1."""

    def __post_init__(self) -> None:
        for name in ("x", "y", "width", "height"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise ConfigError(f"Box.{name} = {value!r}: expected an int (pixels)")
        for name in ("width", "height"):
            if getattr(self, name) < 1:
                raise ConfigError(f"Box.{name} = {getattr(self, name)}: allowed range is 1 and above")

    @property
    def right(self) -> int:
        """First column to the right of the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row below the box."""
        return self.y + self.height

    @property
    def area(self) -> int:
        """Pixels in the box."""
        return self.width * self.height

    @property
    def rows(self) -> slice:
        """The box's rows as an array index; only for boxes inside the frame."""
        return slice(self.y, self.bottom)

    @property
    def columns(self) -> slice:
        """The box's columns as an array index; only for boxes inside the frame."""
        return slice(self.x, self.right)

    def inside(self, frame_width: int, frame_height: int) -> bool:
        """Whether every pixel of the box lies in a frame of that size."""
        return self.x >= 0 and self.y >= 0 and self.right <= frame_width and self.bottom <= frame_height

    def enlarged(self) -> Box:
        """Returns the box with a margin of `ceil(77 · side / 256)` pixels added on each side.

        In hardware: `margin = (77 * side + 255) >> 8`. The centre stays where it was.
        """
        margin_x = (MARGIN_NUMERATOR * self.width + (1 << MARGIN_SHIFT) - 1) >> MARGIN_SHIFT
        margin_y = (MARGIN_NUMERATOR * self.height + (1 << MARGIN_SHIFT) - 1) >> MARGIN_SHIFT
        return Box(
            x=self.x - margin_x,
            y=self.y - margin_y,
            width=self.width + 2 * margin_x,
            height=self.height + 2 * margin_y,
        )

    def clipped(self, frame_width: int, frame_height: int) -> Box | None:
        """Returns the part of the box inside a frame of that size, `None` if there is none."""
        return self.intersection(Box(x=0, y=0, width=frame_width, height=frame_height))

    def intersection(self, other: Box) -> Box | None:
        """Returns the pixels that both boxes hold, `None` if there are none."""
        left, top = max(self.x, other.x), max(self.y, other.y)
        right, bottom = min(self.right, other.right), min(self.bottom, other.bottom)
        if right <= left or bottom <= top:
            return None
        return Box(x=left, y=top, width=right - left, height=bottom - top)

    def iou(self, other: Box) -> float:
        """Returns intersection over union, in [0, 1]."""
        common = self.intersection(other)
        shared = common.area if common else 0
        return shared / (self.area + other.area - shared)


def face_region(box: Box, frame_width: int, frame_height: int) -> Box | None:
    """Returns the region of the frame that is replaced for a detected face.

    The box is enlarged, clipped to the frame, and grown to `MIN_REGION` pixels a side towards the right and the
    bottom, or away from the frame's edge where there is no room.

    Args:
        box: the face as detected; it may stick out of the frame.
        frame_width: columns of the frame, `MIN_REGION` to `MAX_SIDE`.
        frame_height: rows of the frame, `MIN_REGION` to `MAX_SIDE`.

    Returns:
        A box inside the frame, `None` if the enlarged box does not touch the frame.

    Raises:
        ConfigError: if the frame's size is out of range.
    """
    for name, side in (("frame_width", frame_width), ("frame_height", frame_height)):
        if not MIN_REGION <= side <= MAX_SIDE:
            raise ConfigError(f"{name} = {side}: allowed range is {MIN_REGION} to {MAX_SIDE} pixels")
    clipped = box.enlarged().clipped(frame_width, frame_height)
    if clipped is None:
        return None
    width, height = max(clipped.width, MIN_REGION), max(clipped.height, MIN_REGION)
    return Box(
        x=min(clipped.x, frame_width - width),
        y=min(clipped.y, frame_height - height),
        width=width,
        height=height,
    )
