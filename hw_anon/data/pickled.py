"""Looking into unpickled annotations: every step says where it was when something is not what it should be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from hw_anon.core.errors import ContractError

__all__ = ["as_mapping", "as_sequence", "entry"]


def as_mapping(value: object, where: str) -> Mapping[object, object]:
    """Returns `value` if it is a dictionary.

    Raises:
        ContractError: if it is not.
    """
    if not isinstance(value, Mapping):
        raise ContractError(f"{where}: expected a dictionary, got {type(value).__name__}")
    return value


def as_sequence(value: object, where: str) -> Sequence[object]:
    """Returns `value` if it is a list, a tuple or an array, the latter as a list of its first axis.

    Raises:
        ContractError: if it is not.
    """
    if isinstance(value, np.ndarray) and value.ndim:
        return list(value)
    if isinstance(value, list | tuple):
        return value
    raise ContractError(f"{where}: expected a list, got {type(value).__name__}")


def entry(mapping: Mapping[object, object], key: object, where: str) -> object:
    """Returns one entry of a dictionary.

    Raises:
        ContractError: if it is not there; the message says what is.
    """
    if key not in mapping:
        found = ", ".join(sorted(str(k) for k in mapping)[:8]) or "nothing"
        raise ContractError(f"{where}: lacks {key!r} (it has {found})")
    return mapping[key]
