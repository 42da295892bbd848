"""Ports of a module as its source declares them: what a packaged block and its wrapper must agree with."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from hw_anon.core.errors import ContractError

__all__ = ["Port", "by_stream", "read_ports"]

Direction = Literal["input", "output", "inout"]
_PORT = re.compile(
    r"(?P<direction>input|output|inout)\s+(?:(?:wire|reg|logic)\s+)*(?:\[\s*(?P<left>\d+)\s*:\s*0\s*\]\s*)?(?P<name>\w+)"
)


@dataclass(frozen=True, slots=True)
class Port:
    """One port."""

    name: str
    """Its name."""
    direction: Direction
    """Seen from the module."""
    bits: int = 1
    """Its width."""


def read_ports(source: str, module: str) -> tuple[Port, ...]:
    """Reads the ports of a module without parameters, as the generators of this project write them.

    Args:
        source: Verilog or SystemVerilog.
        module: name of the module.

    Raises:
        ContractError: if the module is not there, or a port's width is not a number.
    """
    text = re.sub(r"//[^\n]*", "", source)
    head = re.search(rf"\bmodule\s+{re.escape(module)}\s*\((?P<ports>[^;]*)\)\s*;", text)
    if head is None:
        raise ContractError(f"no module {module} with a plain list of ports; build the camera again")
    ports = []
    for declaration in head["ports"].split(","):
        match = _PORT.fullmatch(declaration.strip())
        if match is None:
            raise ContractError(f"module {module}: the port {declaration.strip()!r} has another form than expected")
        bits = int(match["left"] or 0) + 1
        direction: Direction = "input" if match["direction"] == "input" else "output"
        ports.append(Port(match["name"], "inout" if match["direction"] == "inout" else direction, bits))
    return tuple(ports)


def by_stream(ports: Iterable[Port], prefix: str) -> dict[str, Port]:
    """Returns the ports `<prefix>_<part>` by their part."""
    return {port.name.removeprefix(f"{prefix}_"): port for port in ports if port.name.startswith(f"{prefix}_")}
