"""Opens anonymisers of others by name: `[NAME=]package.module:function`, `path/to/file.py:function`, `net.onnx`."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from hw_anon.core.errors import ConfigError, HwAnonError, ToolError
from hw_anon.evaluate.baselines import is_baseline
from hw_anon.evaluate.float_backend import Method
from hw_anon.evaluate.foreign import CropAnonymiser, FrameAnonymiser
from hw_anon.evaluate.onnx_modifier import OnnxModifier

__all__ = ["open_callable", "open_foreign"]

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._+-]*)=(.+)")
_TARGET = re.compile(r"(?P<module>[^:]+):(?P<attribute>[A-Za-z_][\w.]*)")


def open_foreign(
    text: str, *, crop_side: int, seen: Sequence[str] = (), values: str | None = None, reserved: Sequence[str] = ()
) -> Method:
    """Opens an anonymiser.

    Args:
        text: `[NAME=]TARGET`, see the module.
        crop_side: side of the crops of a callable, and of a network that takes any.
        seen: judges that its training used.
        values: of a network in float, what its values mean (`onnx_modifier.ValueRange`).
        reserved: names that are something else already.

    Raises:
        ConfigError: if it does not exist, its name is taken, or it takes neither crops nor frames.
        ContractError: if a network is damaged or no network of crops.
        ToolError: if a package is missing.
    """
    named = _NAMED.fullmatch(text)
    name, target = (named[1], named[2]) if named else (None, text)
    backend: CropAnonymiser | FrameAnonymiser | OnnxModifier
    if target.endswith(".onnx"):
        backend = OnnxModifier(Path(target), name=name, crop_side=crop_side, values=values)
        crop_side = backend.crop_side
    else:
        backend = open_callable(target, name=name)
    if is_baseline(backend.name) or backend.name in reserved:
        raise ConfigError(f"anonymiser {text!r}: {backend.name} is the name of another method; name it NAME={target}")
    return Method(backend=backend, crop_side=crop_side, seen=tuple(seen))


def open_callable(target: str, *, name: str | None = None) -> CropAnonymiser | FrameAnonymiser:
    """Imports a callable and finds out what it takes.

    The folder of the file, or the current one of a module, is put on the import path, as `python` itself does.

    Args:
        target: `package.module:function` or `path/to/file.py:function`.
        name: name in reports; `module-function` if not given.

    Raises:
        ConfigError: if it does not exist, or takes neither crops nor frames.
        ToolError: if its module cannot be imported.
    """
    if (found := _TARGET.fullmatch(target)) is None:
        raise ConfigError(
            f"anonymiser {target!r}: expected package.module:function, path/to/file.py:function or a file NAME.onnx"
        )
    place, attribute = found["module"], found["attribute"]
    value: Any = _module(place, target)
    for part in attribute.split("."):
        if not hasattr(value, part):
            raise ConfigError(f"anonymiser {target!r}: {place} has no {attribute}")
        value = getattr(value, part)
    title = name or f"{Path(place).stem if place.endswith('.py') else place.rpartition('.')[2]}-{attribute}"
    if not callable(value) or isinstance(value, type):
        raise ConfigError(f"anonymiser {target!r} is no function: name a function, or an object that can be called")
    kind = CropAnonymiser if _arguments(value, target) == 1 else FrameAnonymiser
    return kind(title.replace(".", "-") if name is None else title, value, target=target)


def _module(place: str, target: str) -> ModuleType:
    """Imports a module by name or path."""
    file = Path(place)
    is_file = place.endswith(".py")
    if is_file and not file.is_file():
        raise ConfigError(f"anonymiser {target!r}: there is no file {place}")
    folder = str((file.parent if is_file else Path()).resolve())
    if folder not in sys.path:
        sys.path.insert(0, folder)
    try:
        return _from_file(file) if is_file else importlib.import_module(place)
    except ModuleNotFoundError as exc:
        if not is_file and exc.name is not None and f"{place}.".startswith(f"{exc.name}."):
            raise ConfigError(f"anonymiser {target!r}: there is no module {exc.name}") from exc
        raise ToolError(f"anonymiser {target!r} needs a package that is not installed: {exc.name}") from exc
    except HwAnonError:
        raise
    except Exception as exc:  # whatever code of others raises
        raise ToolError(f"anonymiser {target!r} cannot be imported: {type(exc).__name__}: {exc}") from exc


def _from_file(file: Path) -> ModuleType:
    name = f"anonymiser_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None, "a file that ends in .py has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _arguments(function: Callable[..., Any], target: str) -> int:
    """Returns how many arguments a callable needs: 1 (a crop) or 2 (a frame and its regions).

    Raises:
        ConfigError: if it needs others.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as exc:
        raise ConfigError(f"anonymiser {target!r} does not say what it takes: put a function around it") from exc
    required = [p for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if any(p.kind is p.KEYWORD_ONLY for p in required) or len(required) not in (1, 2):
        names = ", ".join(p.name for p in required) or "nothing"
        raise ConfigError(f"anonymiser {target!r} needs {names}; expected (crop) or (frame, regions)")
    return len(required)
