"""The packed camera's description (IP-XACT, IEEE 1685-2009, the vendor's names): ports, buses, registers, files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from hls.synth.ports import Port, by_stream
from hls.synth.wrapper import WRAPPER
from hw_anon.core.errors import ContractError
from hw_anon.core.platform import Platform
from hw_anon.core.registers import REGISTERS, Access, Field, Register

__all__ = ["COMPONENT_FILE", "GUI_FILE", "SOURCE_DIR", "check_component", "render_component", "render_gui"]

COMPONENT_FILE = "component.xml"
GUI_FILE = "xgui/camera_v1_0.tcl"
"""What the tools show of the block: its name, there is nothing to set."""
SOURCE_DIR = "src"
"""Directory of the packed sources beside the description."""
_SPIRIT = "http://www.spiritconsortium.org/XMLSchema/SPIRIT/1685-2009"
_VIEWS = (("xilinx_anylanguagesynthesis", "synthesis"), ("xilinx_anylanguagebehavioralsimulation", "simulation"))
_GUI_VIEW = "xilinx_xpgui"
_AXI_LITE, _STREAM = "aximm", "axis"
_FILE_TYPES = {".sv": ("systemVerilogSource", True), ".v": ("verilogSource", True), ".dat": ("mem", False)}

_Lines = list[str]


def render_component(
    ports: Sequence[Port], files: Sequence[str], platform: Platform, registers: Sequence[Register] = REGISTERS
) -> str:
    """Returns `component.xml`, the same for the same arguments.

    Args:
        ports: ports of the packed module.
        files: names of the packed files in compile order, memory files too.
        platform: the board's platform.
        registers: the camera's register map.
    """
    vendor, library, name, version = platform.camera.vlnv.split(":")
    identity = [_leaf(tag, text) for tag, text in
                (("vendor", vendor), ("library", library), ("name", name), ("version", version))]  # fmt: skip
    content = [
        *identity,
        *_block("busInterfaces", _buses(ports, platform)),
        *_block("memoryMaps", _memory_map(platform, registers)),
        *_block("model", [*_block("views", _views()), *_block("ports", [x for p in ports for x in _port(p)])]),
        *_block("fileSets", [*(line for view, _ in _VIEWS for line in _file_set(view, files)), *_gui_set()]),
        _leaf("description", "A camera that replaces every face before any processor sees a pixel of it"),
        *_block("parameters", _parameter("Component_Name", WRAPPER, "PARAM_VALUE.Component_Name")),
        *_extensions(platform),
    ]
    head = f'<spirit:component xmlns:xilinx="http://www.xilinx.com" xmlns:spirit="{_SPIRIT}">'
    body = [f"  {line}" for line in content]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *body, "</spirit:component>", ""])


def _leaf(tag: str, text: object, **attributes: str) -> str:
    extra = "".join(f' spirit:{name}="{escape(value)}"' for name, value in attributes.items())
    return f"<spirit:{tag}{extra}>{escape(str(text))}</spirit:{tag}>"


def _block(tag: str, lines: Iterable[str]) -> _Lines:
    inside = [f"  {line}" for line in lines]
    return [f"<spirit:{tag}>", *inside, f"</spirit:{tag}>"] if inside else [f"<spirit:{tag}/>"]


def _parameter(name: str, value: str, identity: str) -> _Lines:
    return _block("parameter", [_leaf("name", name), _leaf("value", value, id=identity)])


def _reference(tag: str, library: str, name: str) -> str:
    return (
        f'<spirit:{tag} spirit:vendor="xilinx.com" spirit:library="{library}" spirit:name="{name}" '
        'spirit:version="1.0"/>'
    )


def _bus(
    name: str, library: str, kind: str, role: _Lines, pins: Mapping[str, str], parameters: Mapping[str, str]
) -> _Lines:
    """One bus interface: logical names to ports, and its settings."""
    maps = [
        line
        for logical, physical in pins.items()
        for line in _block(
            "portMap",
            [
                *_block("logicalPort", [_leaf("name", logical)]),
                *_block("physicalPort", [_leaf("name", physical)]),
            ],
        )
    ]
    settings = [
        line for key, value in parameters.items() for line in _parameter(key, value, f"BUSIFPARAM_VALUE.{name}.{key}")
    ]
    content = [
        _leaf("name", name),
        _reference("busType", library, kind),
        _reference("abstractionType", library, f"{kind}_rtl"),
        *role,
        *_block("portMaps", maps),
        *(_block("parameters", settings) if settings else []),
    ]
    return _block("busInterface", content)


def _buses(ports: Sequence[Port], platform: Platform) -> _Lines:
    interface = platform.camera.interface
    lines = _bus(
        interface, "interface", _AXI_LITE,
        _block("slave", [f'<spirit:memoryMapRef spirit:memoryMapRef="{interface}"/>']),
        _pins(ports, interface), {},
    )  # fmt: skip
    for stream, role in (("s_axis", "slave"), ("m_axis", "master")):
        pins = _pins(ports, stream)
        width = by_stream(ports, stream)["tdata"].bits // 8
        parameters = {"TDATA_NUM_BYTES": str(width), "TUSER_WIDTH": "1", "HAS_TLAST": "1", "HAS_TREADY": "1"}
        lines += _bus(stream, "interface", _STREAM, _block(role, []), pins, parameters)
    if iic := {part.upper(): port.name for part, port in _iic(ports).items()}:
        lines += _bus("iic", "interface", "iic", _block("master", []), iic, {})
    lines += _bus("rst_ni", "signal", "reset", _block("slave", []), {"RST": "rst_ni"}, {"POLARITY": "ACTIVE_LOW"})
    clocked = {"ASSOCIATED_BUSIF": f"{interface}:s_axis:m_axis", "ASSOCIATED_RESET": "rst_ni"}
    lines += _bus("clk_i", "signal", "clock", _block("slave", []), {"CLK": "clk_i"}, clocked)
    sensitivity = {"SENSITIVITY": "LEVEL_HIGH"}
    return lines + _bus("irq_o", "signal", "interrupt", _block("master", []), {"INTERRUPT": "irq_o"}, sensitivity)


def _pins(ports: Sequence[Port], prefix: str) -> dict[str, str]:
    return {part.upper(): port.name for part, port in by_stream(ports, prefix).items()}


def _iic(ports: Sequence[Port]) -> dict[str, Port]:
    return {port.name: port for port in ports if port.name.startswith(("scl_", "sda_"))}


def _memory_map(platform: Platform, registers: Sequence[Register]) -> _Lines:
    block = [
        _leaf("name", "reg0"),
        _leaf("baseAddress", 0, format="long"),
        _leaf("range", platform.camera.window.size, format="long"),
        _leaf("width", 32, format="long"),
        _leaf("usage", "register"),
        *(line for register in registers for line in _register(register)),
    ]
    return _block("memoryMap", [_leaf("name", platform.camera.interface), *_block("addressBlock", block)])


def _register(register: Register) -> _Lines:
    lines = []
    for k in range(register.words):
        name = f"{register.name}_{k}" if register.words > 1 else register.name
        content = [
            _leaf("name", name),
            _leaf("description", register.doc),
            _leaf("addressOffset", f"0x{register.offset + 4 * k:X}"),
            _leaf("size", 32, format="long"),
            _leaf("access", _access(register.fields)),
            *(line for field in register.fields for line in _field(field)),
        ]
        lines += _block("register", content)
    return lines


def _field(field: Field) -> _Lines:
    content = [
        _leaf("name", field.name),
        _leaf("description", field.doc),
        _leaf("bitOffset", field.lsb),
        _leaf("bitWidth", field.width, format="long"),
        _leaf("access", _access((field,))),
    ]
    return _block("field", content)


def _access(fields: Sequence[Field]) -> str:
    return "read-only" if all(field.access is Access.RO for field in fields) else "read-write"


def _views() -> _Lines:
    lines = []
    for view, purpose in _VIEWS:
        lines += _block(
            "view",
            [
                _leaf("name", view),
                _leaf("displayName", purpose.capitalize()),
                _leaf("envIdentifier", f":vivado.xilinx.com:{purpose}"),
                _leaf("language", "Verilog"),
                _leaf("modelName", WRAPPER),
                *_block("fileSetRef", [_leaf("localName", f"{view}_view_fileset")]),
            ],
        )
    gui = [
        _leaf("name", _GUI_VIEW),
        _leaf("displayName", "UI Layout"),
        _leaf("envIdentifier", ":vivado.xilinx.com:xgui.ui"),
        *_block("fileSetRef", [_leaf("localName", f"{_GUI_VIEW}_view_fileset")]),
    ]
    return lines + _block("view", gui)


def _gui_set() -> _Lines:
    kind = [_leaf("fileType", "tclSource"), _leaf("userFileType", "XGUI_VERSION_2")]
    content = [_leaf("name", f"{_GUI_VIEW}_view_fileset"), *_block("file", [_leaf("name", GUI_FILE), *kind])]
    return _block("fileSet", content)


def render_gui() -> str:
    """Returns the script behind `GUI_FILE`."""
    return 'proc init_gui { IPINST } {\n    ipgui::add_param $IPINST -name "Component_Name"\n}\n'


def _port(port: Port) -> _Lines:
    vector = _block("vector", [_leaf("left", port.bits - 1, format="long"), _leaf("right", 0, format="long")])
    direction = {"input": "in", "output": "out", "inout": "inout"}[port.direction]
    typed = [_leaf("typeName", "wire"), *(_leaf("viewNameRef", view) for view, _ in _VIEWS)]
    wire = [
        _leaf("direction", direction),
        *(vector if port.bits > 1 else []),
        *_block("wireTypeDefs", _block("wireTypeDef", typed)),
    ]
    return _block("port", [_leaf("name", port.name), *_block("wire", wire)])


def _file_set(view: str, files: Sequence[str]) -> _Lines:
    lines = [_leaf("name", f"{view}_view_fileset")]
    for name in files:
        suffix = name[name.rfind(".") :]
        if suffix not in _FILE_TYPES:
            raise ContractError(f"the camera has a file {name}, of a kind that cannot be packed")
        kind, known = _FILE_TYPES[suffix]
        tag = _leaf("fileType" if known else "userFileType", kind)
        lines += _block("file", [_leaf("name", f"{SOURCE_DIR}/{name}"), tag])
    return _block("fileSet", lines)


def _extensions(platform: Platform) -> _Lines:
    family = "zynq" if platform.ps.kind == "processing_system7" else "zynquplus"
    core = [
        "<xilinx:supportedFamilies>",
        f'  <xilinx:family xilinx:lifeCycle="Production">{family}</xilinx:family>',
        "</xilinx:supportedFamilies>",
        "<xilinx:taxonomies>",
        "  <xilinx:taxonomy>/UserIP</xilinx:taxonomy>",
        "</xilinx:taxonomies>",
        "<xilinx:displayName>hw-anon camera</xilinx:displayName>",
        "<xilinx:coreRevision>1</xilinx:coreRevision>",
    ]
    inner = ["<xilinx:coreExtensions>", *(f"  {line}" for line in core), "</xilinx:coreExtensions>"]
    return _block("vendorExtensions", inner)


def check_component(text: str, ports: Sequence[Port], files: Iterable[str]) -> None:
    """Checks a description against what it describes: ports, the ports of its buses, files, each listed once.

    Raises:
        ContractError: naming the difference.
    """
    tag = f"{{{_SPIRIT}}}"
    root = ElementTree.fromstring(text)

    def direct(node: ElementTree.Element, name: str) -> str:
        return node.findtext(f"{tag}{name}") or ""

    found = {}
    for node in root.iter(f"{tag}port"):
        wire = node.find(f"{tag}wire")
        assert wire is not None, "a port is a wire"
        left = wire.findtext(f"{tag}vector/{tag}left")
        found[direct(node, "name")] = (direct(wire, "direction"), int(left or 0) + 1)
    directions = {"input": "in", "output": "out", "inout": "inout"}
    expected = {port.name: (directions[port.direction], port.bits) for port in ports}
    if found != expected:
        odd = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
        raise ContractError(f"{COMPONENT_FILE}: ports differ from the module's: {', '.join(odd)}")
    mapped = [direct(node, "name") for node in root.iter(f"{tag}physicalPort")]
    if sorted(mapped) != sorted(expected):
        odd = sorted({*mapped} ^ {*expected}) or [name for name in mapped if mapped.count(name) > 1]
        raise ContractError(f"{COMPONENT_FILE}: not every port is in exactly one bus: {', '.join(odd)}")
    names = sorted(f"{SOURCE_DIR}/{name}" for name in files)
    for file_set in root.iter(f"{tag}fileSet"):
        if direct(file_set, "name").startswith(_GUI_VIEW):
            continue
        listed = [direct(node, "name") for node in file_set.iter(f"{tag}file")]
        if sorted(listed) != names:
            raise ContractError(f"{COMPONENT_FILE}: file lists differ: {', '.join(sorted({*listed} ^ {*names}))}")
