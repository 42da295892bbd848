"""The base of all configuration: frozen dataclasses that are read strictly and check their own values.

    @dataclass(frozen=True, kw_only=True, slots=True)
    class CameraConfig(Config):
        width: int = 320
        \"\"\"Columns of a frame.\"\"\"

        def __post_init__(self) -> None:
            require_range(self, "width", 8, 4096, unit="pixels")

`CameraConfig.from_file(path)` reads TOML or JSON; an unknown key, a value of another type or out of range is a
`ConfigError` that names field, value and what is allowed. Nested configs, tuples, `Literal`, `X | None`, `Path` and
string-keyed dicts are understood; nothing is converted silently but int to float, list to tuple and str to `Path`.
"""

from __future__ import annotations

import dataclasses
import json
import math
import tomllib
import types
import typing
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, Union

from hw_anon.core.errors import ConfigError
from hw_anon.core.hashing import sha256_bytes

__all__ = ["Config", "require_choice", "require_multiple", "require_range", "suggest"]


def suggest(name: str, known: Collection[str]) -> str:
    """Returns a hint for an unknown name: the close matches among `known`, or all of them."""
    close = get_close_matches(name, list(known), n=2)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known: {', '.join(sorted(known))}" if known else "none are known"


class Config:
    """Base class of configuration dataclasses: strict reading, plain writing, a stable hash."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, dataclasses.Field[Any]]]

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], *, where: str = "") -> Self:
        """Builds the config from plain values.

        Args:
            raw: values by field name; fields left out keep their defaults.
            where: prefix for messages, e.g. a file name.

        Raises:
            ConfigError: if a key is unknown, a required field is missing, or a value has the wrong type or range.
        """
        place = where or cls.__name__
        if not isinstance(raw, Mapping):
            raise ConfigError(f"{place}: expected a table of settings, got {raw!r}")
        fields = {field.name: field for field in dataclasses.fields(cls) if field.init}
        for key in raw:
            if key not in fields:
                raise ConfigError(f"{place}: unknown setting {key!r}; {suggest(str(key), fields)}")
        for name, field in fields.items():
            required = field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
            if required and name not in raw:
                raise ConfigError(f"{place}: setting {name!r} is missing; it has no default")
        hints = typing.get_type_hints(cls)
        return cls(**{name: _convert(value, hints[name], f"{place}.{name}") for name, value in raw.items()})

    @classmethod
    def from_json(cls, path: Path) -> Self:
        """Reads the config from a JSON file.

        Raises:
            ConfigError: if the file cannot be read, is not JSON, or does not hold a valid config.
        """
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise ConfigError(f"{path}: cannot be read as JSON: {exc}") from exc
        return cls.from_dict(raw, where=path.name)

    @classmethod
    def from_toml(cls, path: Path) -> Self:
        """Reads the config from a TOML file.

        Raises:
            ConfigError: if the file cannot be read, is not TOML, or does not hold a valid config.
        """
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as exc:
            raise ConfigError(f"{path}: cannot be read as TOML: {exc}") from exc
        return cls.from_dict(raw, where=path.name)

    @classmethod
    def from_file(cls, path: Path) -> Self:
        """Reads the config from a `.toml` or `.json` file.

        Raises:
            ConfigError: if the suffix is another one, or as `from_toml` and `from_json` do.
        """
        if path.suffix == ".toml":
            return cls.from_toml(path)
        if path.suffix == ".json":
            return cls.from_json(path)
        raise ConfigError(f"{path}: a config file ends in .toml or .json")

    def to_dict(self) -> dict[str, Any]:
        """Returns all settings as JSON values, defaults included; `from_dict` of it is an equal config.

        Equal configs give equal text: a field of type float is a float even if the config was made with an int.

        Raises:
            ConfigError: if the config was made in Python with a value of another type than its field's.
        """
        hints, place = typing.get_type_hints(type(self)), type(self).__name__
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.init}
        return {name: _plain(_convert(value, hints[name], f"{place}.{name}")) for name, value in values.items()}

    def content_hash(self) -> str:
        """Returns the SHA-256 of class name and settings: equal configs have equal hashes, on every machine."""
        content = {"class": type(self).__name__, "settings": self.to_dict()}
        return sha256_bytes(json.dumps(content, sort_keys=True, separators=(",", ":")).encode())


def require_range(config: object, field: str, low: float | None, high: float | None, *, unit: str = "") -> None:
    """Checks that a numeric field is finite and within `[low, high]`; `None` leaves a side open.

    Raises:
        ConfigError: naming class, field, value and the allowed range.
    """
    value = getattr(config, field)
    suffix = f" {unit}" if unit else ""
    if low is None or high is None:
        allowed = f"{low} and above" if high is None else f"{high} and below"
    else:
        allowed = f"{low} to {high}"
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or (low is not None and value < low) or (high is not None and value > high):
        raise ConfigError(f"{type(config).__name__}.{field} = {value!r}: allowed range is {allowed}{suffix}")


def require_choice(config: object, field: str, choices: Collection[object]) -> None:
    """Checks that a field has one of the given values.

    Raises:
        ConfigError: naming class, field, value and the choices.
    """
    value = getattr(config, field)
    if value not in choices:
        allowed = ", ".join(repr(choice) for choice in choices)
        raise ConfigError(f"{type(config).__name__}.{field} = {value!r}: allowed values are {allowed}")


def require_multiple(config: object, field: str, divisor: int) -> None:
    """Checks that an integer field is a multiple of `divisor`.

    Raises:
        ConfigError: naming class, field, value and the nearest allowed ones.
    """
    value = getattr(config, field)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ConfigError(f"{type(config).__name__}.{field} = {value!r}: expected a multiple of {divisor}")
    if value % divisor:
        below = value - value % divisor
        raise ConfigError(
            f"{type(config).__name__}.{field} = {value}: must be a multiple of {divisor}, "
            f"for instance {below} or {below + divisor}"
        )


def _plain(value: object) -> object:
    if isinstance(value, Config):
        return value.to_dict()
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


def _convert(value: object, hint: object, where: str) -> object:
    """Returns `value` as a `hint`, or raises a ConfigError that names `where`."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        if not any(value == choice and type(value) is type(choice) for choice in arguments):
            raise ConfigError(f"{where} = {value!r}: allowed values are {', '.join(map(repr, arguments))}")
        return value
    if origin in (Union, types.UnionType):
        return _convert_union(value, arguments, where)
    if origin is tuple:
        return _convert_tuple(value, arguments, where)
    if origin is dict:
        if not isinstance(value, Mapping):
            raise _wrong_type(value, "a table", where)
        return {str(key): _convert(item, arguments[1], f"{where}.{key}") for key, item in value.items()}
    if hint is Any:
        return value
    assert isinstance(hint, type), f"{where}: the type {hint} is none that a config may have"
    return _convert_plain(value, hint, where)


def _convert_plain(value: object, hint: type, where: str) -> object:
    if issubclass(hint, Config):
        if isinstance(value, hint):
            return value
        if not isinstance(value, Mapping):
            raise _wrong_type(value, f"a table of {hint.__name__} settings", where)
        return hint.from_dict(value, where=where)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, hint) or (isinstance(value, bool) and hint is not bool):
        raise _wrong_type(value, hint.__name__, where)
    return value


def _convert_union(value: object, options: tuple[object, ...], where: str) -> object:
    if value is None and type(None) in options:
        return None
    rest = [option for option in options if option is not type(None)]
    if len(rest) == 1:
        return _convert(value, rest[0], where)
    for option in rest:
        try:
            return _convert(value, option, where)
        except ConfigError:
            continue
    raise _wrong_type(value, " or ".join(getattr(option, "__name__", str(option)) for option in options), where)


def _convert_tuple(value: object, items: tuple[object, ...], where: str) -> object:
    if not isinstance(value, list | tuple):
        raise _wrong_type(value, "a list", where)
    if len(items) == 2 and items[1] is Ellipsis:
        items = (items[0],) * len(value)
    if len(items) != len(value):
        raise _wrong_type(value, f"a list of {len(items)} values", where)
    return tuple(_convert(v, hint, f"{where}[{i}]") for i, (v, hint) in enumerate(zip(value, items, strict=True)))


def _wrong_type(value: object, expected: str, where: str) -> ConfigError:
    return ConfigError(f"{where} = {value!r}: expected {expected}, got {type(value).__name__}")
