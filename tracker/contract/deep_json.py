"""JSON of strangers, read as msgspec does, but that nesting without end is an error like any other. Pure."""

from typing import Any, TypeVar, overload

import msgspec

T = TypeVar("T")


@overload
def decoded(text: bytes | str | msgspec.Raw) -> Any: ...
@overload
def decoded(text: bytes | str | msgspec.Raw, kind: type[T]) -> T: ...
def decoded(text: bytes | str | msgspec.Raw, kind: Any = Any) -> Any:
    """What it says, as this kind. Raises MsgspecError."""
    try:
        return msgspec.json.decode(text, type=kind)
    except RecursionError:
        raise msgspec.DecodeError("nested too deep") from None
