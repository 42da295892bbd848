"""Compares the hardware handoff that the vendor's tools wrote with the one that was predicted."""

from __future__ import annotations

from xml.etree import ElementTree

from hw_anon.core.errors import ContractError
from hw_anon.core.hwh import render_hwh
from hw_anon.core.platform import Platform

__all__ = ["handoff_addresses", "require_handoff"]


def require_handoff(text: str, platform: Platform) -> None:
    """Checks that software will find what it expects, and reach nothing else (P4).

    Blocks, settings, registers, addresses and interrupts are compared. Clocks are left out: the processing system's
    dividers are the tools' choice; so is what they add to connect the blocks (interconnects, resets), as long as it
    reaches no memory by itself and has no registers.

    Args:
        text: the handoff file that the tools wrote.
        platform: the board's platform.

    Raises:
        ContractError: naming every difference.
    """
    try:
        found = _modules(text)
    except ElementTree.ParseError as exc:
        raise ContractError(f"the hardware handoff is no XML: {exc}") from exc
    wanted = _modules(render_hwh(platform))
    complaints = _surplus(set(wanted), found)
    for name, expected in wanted.items():
        if name not in found:
            complaints.append(f"{name} is missing")
            continue
        complaints += [
            f"{name}: {what}" for what in _differences(expected, found[name], is_system=name == platform.ps.instance)
        ]
    if complaints:
        raise ContractError(f"the hardware handoff differs from the platform: {'; '.join(complaints)}")


def _surplus(known: set[str], found: dict[str, ElementTree.Element]) -> list[str]:
    """Returns what reaches memory or registers, or is reached, and is none of the camera's blocks."""
    complaints = []
    for name, module in found.items():
        reached = {node.get("INSTANCE", "") for node in module.iter("MEMRANGE")}
        if reached and name not in known:
            complaints.append(f"{name} ({module.get('VLNV')}) reaches {', '.join(sorted(reached))}")
        elif surplus := sorted(reached - known):
            complaints.append(f"{name} reaches {', '.join(surplus)}")
    return complaints


def handoff_addresses(text: str) -> dict[str, tuple[int, int]]:
    """Returns what a handoff says of the addresses: first and last one, by `instance/interface`."""
    return {key: value for module in _modules(text).values() for key, value in _addresses(module).items()}


def _modules(text: str) -> dict[str, ElementTree.Element]:
    return {module.get("INSTANCE", ""): module for module in ElementTree.fromstring(text).iter("MODULE")}


def _addresses(module: ElementTree.Element) -> dict[str, tuple[int, int]]:
    return {
        f"{node.get('INSTANCE')}/{node.get('SLAVEBUSINTERFACE')}": (
            int(node.get("BASEVALUE", "0"), 0),
            int(node.get("HIGHVALUE", "0"), 0),
        )
        for node in module.iter("MEMRANGE")
    }


def _parameters(module: ElementTree.Element) -> dict[str, str]:
    return {node.get("NAME", ""): node.get("VALUE", "") for node in module.iter("PARAMETER")}


def _registers(module: ElementTree.Element) -> dict[str, str]:
    found = {}
    for register in module.iter("REGISTER"):
        for node in register.findall("PROPERTY"):
            if node.get("NAME") == "ADDRESS_OFFSET":
                found[register.get("NAME", "")] = node.get("VALUE", "")
    return found


def _connections(module: ElementTree.Element) -> set[tuple[str, str, str]]:
    return {
        (port.get("NAME", ""), node.get("INSTANCE", ""), node.get("PORT", ""))
        for port in module.iter("PORT")
        for node in port.iter("CONNECTION")
    }


def _number(text: str) -> object:
    """A value as a number if it is one: the tools write the same in several ways."""
    try:
        return int(text, 0)
    except ValueError:
        return text.lower()


def _differences(expected: ElementTree.Element, found: ElementTree.Element, *, is_system: bool) -> list[str]:
    complaints = []
    if expected.get("VLNV") != found.get("VLNV"):
        complaints.append(f"is {found.get('VLNV')}, not {expected.get('VLNV')}")
    if not is_system:
        values = _parameters(found)
        complaints += [
            f"{name} = {values.get(name)}, not {value}"
            for name, value in _parameters(expected).items()
            if name not in values or _number(values[name]) != _number(value)
        ]
    registers = _registers(found)
    complaints += [
        f"register {name} is at {registers.get(name)}, not {offset}"
        for name, offset in _registers(expected).items()
        if name not in registers or _number(registers[name]) != _number(offset)
    ]
    places = _addresses(found)
    complaints += [
        f"{key} lies elsewhere than {first:#x} to {last:#x}"
        for key, (first, last) in _addresses(expected).items()
        if places.get(key) != (first, last)
    ]
    lost = sorted(_connections(expected) - _connections(found))
    return complaints + [f"{port} is not connected to {instance}/{pin}" for port, instance, pin in lost]
