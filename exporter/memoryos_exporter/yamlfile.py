"""YAML files as typed values, with errors that name the file, the key and the cure."""

from __future__ import annotations

import re
from pathlib import Path
from reprlib import repr as shortened
from typing import Any, TypeVar

import msgspec
import yaml

T = TypeVar("T")

# What PyYAML raises beside its own errors, for it trusts what looks like a date or has a tag: 2024-02-30, !!int abc.
UNFORESEEN = (AttributeError, LookupError, OverflowError, TypeError, ValueError)


class ConfigError(Exception):
    """A mistake in a file or a flag of the user's; the message says where it is and how to mend it."""


class _Loader(yaml.SafeLoader):
    """Tells the line of every mistake, and refuses a key that stands twice, which YAML would let win silently."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, str):
                value.encode()
        except UnicodeEncodeError:
            raise _mistake(node.start_mark, f"{shortened(node.value)} is no text: half of a surrogate pair") from None
        except UNFORESEEN:
            kind = node.tag.rpartition(":")[2]
            problem = f"{shortened(node.value)} is no {kind}; put it into quotes if it is text"
            raise _mistake(node.start_mark, problem) from None
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):  # tagged !!map
            raise _mistake(node.start_mark, "expected a mapping")
        keys: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                raise _mistake(key.start_mark, "a key is a word, not a list or mapping")
            if key.value in keys:
                raise _mistake(key.start_mark, f"the key {key.value!r} stands twice")
            keys.add(key.value)
        return super().construct_mapping(node, deep)


def _mistake(mark: yaml.Mark, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=mark)


def _parse(text: str) -> Any:
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        mark = yaml.Mark("", error.position, text.count("\n", 0, error.position), 0, None, 0)
        raise _mistake(mark, str(error).splitlines()[0]) from None
    try:
        return loader.get_single_data()
    except UNFORESEEN:
        raise _mistake(loader.get_mark(), "is not YAML") from None
    finally:
        loader.dispose()


def load(path: Path, kind: type[T]) -> T:
    """Read ``path`` as a value of ``kind``, a msgspec Struct.

    Raises:
        ConfigError: the file cannot be read, is not YAML, or does not fit ``kind``.
    """
    try:
        value = _parse(path.read_text("utf-8"))
        return msgspec.convert({} if value is None else value, kind)
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file") from None
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8 text") from None
    except RecursionError:
        raise ConfigError(f"{path}: nests too deeply") from None
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{path}{line}: {error.problem}") from None
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {_in_words(str(error), kind)}") from None


def _in_words(message: str, kind: type) -> str:
    """``targets[0].timeout: Expected `str`, got `int` `` instead of the decoder's order of words."""
    words, _, where = message.partition(" - at `$")
    where = where.rstrip("`").removeprefix(".")
    unknown = re.match(r"Object contains unknown field `(.*)`", words)
    if unknown:
        known = ", ".join(sorted(_keys_at(kind, where)))
        words = f"unknown key {unknown[1]!r}; known keys: {known}"
    return f"{where}: {words}" if where else words


def _keys_at(kind: type, where: str) -> set[str]:
    """The keys that the struct at a path such as `targets[0]` has."""
    info: Any = msgspec.inspect.type_info(kind)
    for step in re.findall(r"[^.\[\]]+|\[[^\]]*\]", where):
        info = _not_none(info)
        if isinstance(info, msgspec.inspect.StructType) and not step.startswith("["):
            info = next(field.type for field in info.fields if field.encode_name == step)
        elif isinstance(info, msgspec.inspect.ListType):
            info = info.item_type
        elif isinstance(info, msgspec.inspect.DictType):
            info = info.value_type
    return {field.encode_name for field in getattr(_not_none(info), "fields", ())}


def _not_none(info: Any) -> Any:
    if isinstance(info, msgspec.inspect.UnionType):
        return next(one for one in info.types if not isinstance(one, msgspec.inspect.NoneType))
    return info
