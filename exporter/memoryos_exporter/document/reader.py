"""From bytes to a `Document`: the whole at once where it is sound, field by field where it is not."""

from __future__ import annotations

import re
import typing
from dataclasses import dataclass
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, NamedTuple, TypeVar

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from ..catalog.labels import PARTS
from .aliases import ALIASES
from .parts import Document

Shape = TypeVar("Shape", bound=Struct)

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
UNDECODABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
SCHEMA = re.compile(r"memoryos-stats/1(\.[0-9]+)?")
MOST_BAD_FIELDS = 100
"""In one document. Each costs an exception and its words while every other target waits, and a document within the size
limit has room for millions; where there are so many, nothing beside them is to be believed either."""


class BadField(NamedTuple):
    """A field that was left out: its path (`manager.queued`), why (`labels.FIELD_ERRORS`), and the decoder's words."""

    path: str
    reason: str
    detail: str

    @property
    def part(self) -> str:
        """The part that the field belongs to, `document` for the keys beside the parts."""
        part = re.split(r"[.\[]", self.path, maxsplit=1)[0]
        return part if part in PARTS else "document"


class TooManyBadFieldsError(Exception):
    """The document has more than `MOST_BAD_FIELDS`."""


class UnreadableError(Exception):
    """No document could be had. ``reason`` is one of `labels.READ_ERRORS`; the message says what to do about it."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ReadDocument:
    """A document and the fields of it that could not be believed."""

    document: Document
    bad: tuple[BadField, ...] = ()


def read_document(data: bytes) -> ReadDocument:
    """Decode a stats document; a bad field costs that field, a broken part that part (it is then None).

    Of a key that stands twice the last one counts; a byte order mark is skipped; unknown keys are ignored.

    Raises:
        UnreadableError: the bytes are no JSON object, or one of an unknown major version of the schema.
    """
    data = data.removeprefix(BYTE_ORDER_MARK)
    try:
        members = msgspec.json.decode(data, type=dict[str, Raw])
    except msgspec.ValidationError:
        raise UnreadableError("wrong_shape", "the stats document is JSON, but not an object") from None
    except RecursionError:
        raise UnreadableError("too_deep", "the stats document nests too deeply") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        reason = "incomplete" if "truncated" in str(error) else "not_json"
        raise UnreadableError(reason, f"the stats document is not JSON: {error}") from None
    _refuse_unknown_schema(members.get("schema"))
    if _rename(members):
        data = msgspec.json.encode(members)
    try:
        return ReadDocument(msgspec.json.decode(data, type=Document))
    except UNDECODABLE:
        bad: list[BadField] = []
        return ReadDocument(_salvage_document(members, bad), tuple(bad))


def leave_out(field: BadField, bad: list[BadField]) -> None:
    """Note that a field is left out.

    Raises:
        TooManyBadFieldsError: it is one more than a document may have.
    """
    if len(bad) >= MOST_BAD_FIELDS:
        raise TooManyBadFieldsError
    bad.append(field)


def give_up(part: str, sound: int, bad: list[BadField]) -> None:
    """Let one bad field stand for all of the part, those that were noted after the first ``sound`` ones."""
    del bad[sound:]
    bad.append(BadField(part, "too_many", f"with it there are more than {MOST_BAD_FIELDS} bad fields"))


def _refuse_unknown_schema(schema: Raw | None) -> None:
    if schema is None:
        return
    try:
        name = msgspec.json.decode(schema, type=str)
    except UNDECODABLE:
        name = bytes(schema).decode("utf-8", "replace")
    if not SCHEMA.fullmatch(name):
        raise UnreadableError(
            "unknown_schema", f"the stats document has schema {name[:40]!r}; this exporter reads memoryos-stats/1"
        )


def _rename(members: dict[str, Raw]) -> bool:
    """Give renamed keys of the parts their present names, in place; True if there were any."""
    renamed = False
    for part, names in ALIASES.items():
        try:
            keys = msgspec.json.decode(members.get(part, b"{}"), type=dict[str, Raw])
        except UNDECODABLE:
            continue
        aliased = {names[key]: value for key, value in keys.items() if key in names and names[key] not in keys}
        if aliased:
            members[part] = Raw(msgspec.json.encode({**keys, **aliased}))
            renamed = True
    return renamed


def _salvage_document(members: dict[str, Raw], bad: list[BadField]) -> Document:
    """What can be believed of the document; a part that is broken becomes None."""
    values: dict[str, Any] = {}
    for name, key, annotation in _fields(Document):
        if key in members:
            before = len(bad)
            try:
                value = _salvage(annotation, members[key], key, bad)
            except TooManyBadFieldsError:
                give_up(key, before, bad)
                value = UNSET
            values[name] = None if value is UNSET and name in PARTS else value
    return Document(**values)


def _salvage_struct(kind: type[Shape], members: dict[str, Raw], path: str, bad: list[BadField]) -> Shape:
    """Fill ``kind`` from what can be believed of ``members``."""
    present = ((name, key, annotation) for name, key, annotation in _fields(kind) if key in members)
    return kind(**{name: _salvage(annotation, members[key], f"{path}.{key}", bad) for name, key, annotation in present})


@cache
def _fields(kind: type[Struct]) -> tuple[tuple[str, str, Any], ...]:
    """Attribute, key and annotation of each field."""
    hints = typing.get_type_hints(kind, include_extras=True)
    return tuple((field.name, field.encode_name, hints[field.name]) for field in msgspec.structs.fields(kind))


def _salvage(annotation: Any, raw: Raw, path: str, bad: list[BadField]) -> Any:
    """The value of one field, or UNSET when it cannot be believed; containers lose only their bad members."""
    try:
        return msgspec.json.decode(raw, type=annotation)
    except UNDECODABLE as error:
        failure = error
    core = _core(annotation)
    if _is_struct(core):
        members = _decoded(raw, dict[str, Raw])
        if members is not None:
            return _salvage_struct(core, members, path, bad)
    elif typing.get_origin(core) is dict:
        members = _decoded(raw, dict[str, Raw])
        if members is not None:
            kind = typing.get_args(core)[1]
            found = {key: _salvage(kind, value, f"{path}.*", bad) for key, value in members.items()}
            return {key: value for key, value in found.items() if value is not UNSET}
    elif typing.get_origin(core) is list and _is_struct(typing.get_args(core)[0]):
        elements = _decoded(raw, list[Raw])
        if elements is not None:
            kind = typing.get_args(core)[0]
            read = [_salvage(kind, element, f"{path}[{index}]", bad) for index, element in enumerate(elements)]
            return [element for element in read if element is not UNSET]
    elif (whole := _whole_numbers(raw, annotation)) is not None:
        return whole
    leave_out(BadField(path, _reason(failure), str(failure)), bad)
    return UNSET


@cache
def _core(annotation: Any) -> Any:
    """The type behind `Annotated` and behind the union with None and UnsetType."""
    while typing.get_origin(annotation) is Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) in (UnionType, typing.Union):
        (core,) = (kind for kind in typing.get_args(annotation) if kind not in (NoneType, UnsetType))
        return _core(core)
    return annotation


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _decoded(raw: Raw, kind: Any) -> Any:
    try:
        return msgspec.json.decode(raw, type=kind)
    except UNDECODABLE:
        return None


def _whole_numbers(raw: Raw, annotation: Any) -> Any:
    """An integer that was written as a float, as Erlang does with 1.1e3, or a list of them; None for anything else."""
    numbers = _decoded(raw, int | float | list[int | float])
    if numbers is None:
        return None
    whole = [_whole(number) for number in numbers] if isinstance(numbers, list) else _whole(numbers)
    try:
        return msgspec.convert(whole, type=annotation)
    except msgspec.ValidationError:
        return None


def _whole(number: float) -> float:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _reason(error: Exception) -> str:
    """The `labels.FIELD_ERRORS` entry for what the decoder said."""
    if isinstance(error, RecursionError):
        return "too_deep"
    return "wrong_type" if ", got `" in str(error) or not isinstance(error, msgspec.ValidationError) else "out_of_range"
