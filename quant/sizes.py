"""Checks of the sizes that the configurations of all networks on the chip have."""

from __future__ import annotations

from hw_anon.core.config import require_range
from hw_anon.core.errors import ConfigError

__all__ = ["require_bits", "require_widths"]


def require_bits(config: object, *fields: str) -> None:
    """Checks that fields are numbers of bits that the hardware has.

    Raises:
        ConfigError: if one is not 2 to 8.
    """
    for field in fields:
        require_range(config, field, 2, 8, unit="bits")


def require_widths(config: object) -> None:
    """Checks that `widths` are the channels of three convolutions.

    Raises:
        ConfigError: if they are not three integers from 1.
    """
    widths = getattr(config, "widths")  # noqa: B009 (any configuration that has it)
    if len(widths) != 3 or not all(isinstance(width, int) and width >= 1 for width in widths):
        raise ConfigError(f"{type(config).__name__}.widths = {widths!r}: expected three integers from 1")
