"""How fast FINN's stream width converter is.

A converter between widths of which one divides the other moves a beat of the narrower stream in every cycle. Any
other ratio costs more: the converter (`vpc.sv`, generic path) takes a beat only while it holds at most one output
beat, and gives one only once it holds a whole one, so that some cycles do only one of the two.
"""

from __future__ import annotations

import math
from functools import cache

__all__ = ["converter_cycles"]


@cache
def _cycles_per_period(lanes_in: int, lanes_out: int) -> tuple[int, int]:
    """Returns cycles and elements of one period of a converter that never waits for its neighbours.

    Args:
        lanes_in: elements of an input beat, without a common divisor with `lanes_out`.
        lanes_out: elements of an output beat.
    """
    held, cycle, moved = 0, 0, 0
    seen: dict[int, tuple[int, int]] = {}
    while held not in seen:
        seen[held] = (cycle, moved)
        takes, gives = held <= lanes_out, held >= lanes_out
        held += lanes_in * takes - lanes_out * gives
        moved += lanes_out * gives
        cycle += 1
    first_cycle, first_moved = seen[held]
    return cycle - first_cycle, moved - first_moved


def converter_cycles(elements: int, lanes_in: int, lanes_out: int) -> int:
    """Returns the cycles in which a converter passes one image when neither side makes it wait.

    Args:
        elements: elements of an image.
        lanes_in: elements of an input beat.
        lanes_out: elements of an output beat.
    """
    common = math.gcd(lanes_in, lanes_out)
    cycles, moved = _cycles_per_period(lanes_in // common, lanes_out // common)
    return math.ceil(elements / common * cycles / moved)
