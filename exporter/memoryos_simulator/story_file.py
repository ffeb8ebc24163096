"""Reading stories from YAML, with errors that name file, line and cure."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import msgspec
import yaml

from memoryos_simulator.dials import Direct, Host, NodeSettings, Options, Store, Traffic
from memoryos_simulator.memory_manager import DEFAULT_CONFIG
from memoryos_simulator.story import Duration, Story

STORIES = Path(__file__).parent / "stories"
DIALS: dict[str, type[msgspec.Struct]] = {
    "traffic": Traffic,
    "direct": Direct,
    "store": Store,
    "legacy": Store,
    "host": Host,
    "release": Options,
}
_PATH_PART = re.compile(r"\.([^.\[\]]+)|\[(\d+|\.\.\.)\]")


class StoryError(ValueError):
    """A story that cannot be played; the message names the file, the line and what to do."""


def story_names() -> list[str]:
    """The stories that come with the package, in alphabetical order."""
    return sorted(path.stem for path in STORIES.glob("*.yaml"))


def load_story(name_or_path: str | Path) -> Story:
    """A story by its name, or from a file; StoryError when there is none, or it is wrong."""
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        path = STORIES / f"{name_or_path}.yaml"
        if not path.is_file():
            raise StoryError(f"there is no story {str(name_or_path)!r}; there are: {', '.join(story_names())}")
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise StoryError(f"{path}: cannot be read: {error}") from None
    return parse_story(text, path)


def parse_story(text: str, path: Path) -> Story:
    """A story from its text; `path` is named in errors and gives the story its name."""
    source = _Source(text, path)
    story: Story = source.convert(source.data, Story, ())
    for index, step in enumerate(story.timeline):
        for dial, dial_type in DIALS.items():
            source.convert(getattr(step, dial), dial_type, ("timeline", index, dial))
        source.check_config(step.config, ("timeline", index, "config"))
    source.convert(story.fleet, NodeSettings, ("fleet",))
    source.check_config(story.fleet.get("config", {}), ("fleet", "config"))
    for node, own in story.nodes.items():
        source.convert(own, NodeSettings, ("nodes", node))
        source.check_config(own.get("config", {}), ("nodes", node, "config"))
    _check_times(source, story)
    _check_nodes(source, story)
    return msgspec.structs.replace(story, name=path.stem)


def _check_times(source: _Source, story: Story) -> None:
    last: float = 0
    for index, step in enumerate(story.timeline):
        where = ("timeline", index, "at")
        if step.at < last:
            raise source.error(where, "comes before the step above it; put the steps in order")
        if step.at > story.duration:
            raise source.error(where, f"lies after the story's end ({story.duration})")
        last = step.at
    for index, expected in enumerate(story.expects):
        spans = [("starts", expected.starts)] + ([("ends", expected.ends)] if expected.ends else [])
        for key, (first, until) in spans:
            if first > until or until > story.duration:
                raise source.error(("expects", index, key), f"is no span of time within the story ({story.duration})")
        if expected.ends and expected.ends[1] < expected.starts[0]:
            raise source.error(("expects", index, "ends"), "lies before it starts")


def _check_nodes(source: _Source, story: Story) -> None:
    named = [(("timeline", index), step.nodes) for index, step in enumerate(story.timeline)]
    named += [(("expects", index), expected.nodes) for index, expected in enumerate(story.expects)]
    for where, nodes in named:
        for node in nodes:
            if node not in story.nodes:
                known = ", ".join(story.nodes)
                raise source.error((*where, "nodes"), f"names {node!r}; the story's nodes are {known}")


class _Source:
    """A YAML text that knows on which line each of its keys stands."""

    def __init__(self, text: str, path: Path) -> None:
        self.path = path
        try:
            loader = yaml.SafeLoader(text)
            self.root = loader.get_single_node()
            if not isinstance(self.root, yaml.MappingNode):
                raise StoryError(f"{path}:1: a story is a mapping with a title, nodes and a timeline")
            self._refuse_twice(self.root)
            self.data: dict[str, Any] = loader.construct_document(self.root)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            raise StoryError(f"{path}:{mark.line + 1 if mark else 1}: {error.problem}") from None
        except (yaml.YAMLError, RecursionError) as error:
            raise StoryError(f"{path}:1: this is no YAML: {' '.join(str(error).split())}") from None

    def _refuse_twice(self, node: yaml.Node) -> None:
        if isinstance(node, yaml.SequenceNode):
            for item in node.value:
                self._refuse_twice(item)
        if isinstance(node, yaml.MappingNode):
            seen = set()
            for key, value in node.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise StoryError(f"{self.path}:{line}: {key.value}: stands here for the second time")
                seen.add(key.value)
                self._refuse_twice(value)

    def convert(self, data: Any, kind: type[Any], prefix: tuple[str | int, ...]) -> Any:
        """`data` as `kind`; StoryError with the line of what does not fit."""
        try:
            return msgspec.convert(data, kind, dec_hook=_decode)
        except msgspec.ValidationError as error:
            problem, _, path = str(error).partition(" - at `$")
            found = [key or index for key, index in _PATH_PART.findall(path.rstrip("`"))]
            unknown = re.search(r"unknown field `(.+?)`", problem)
            if unknown:
                found.append(unknown[1])
                problem = f"is no key here; there are: {', '.join(self._fields(kind, found[:-1]))}"
            raise self.error((*prefix, *found), problem) from None

    @staticmethod
    def _fields(kind: type[Any], path: list[str]) -> list[str]:
        """The keys that a mapping of `kind` may have, at a path below it."""
        for part in path:
            if part.isdigit() or part == "...":
                continue
            fields = {f.encode_name: f.type for f in msgspec.structs.fields(kind)}
            options: tuple[Any, ...] = getattr(fields.get(part), "__args__", (fields.get(part),))
            kind = next((option for option in options if _is_struct(option)), kind)
        return [f.encode_name for f in msgspec.structs.fields(kind)]

    def check_config(self, config: Any, where: tuple[str | int, ...]) -> None:
        """Refuses a limit that the manager does not have, or one of another type."""
        for key, value in dict(config or {}).items():
            if key not in DEFAULT_CONFIG:
                raise self.error((*where, key), f"is no limit of the manager; they are: {', '.join(DEFAULT_CONFIG)}")
            wanted = type(DEFAULT_CONFIG[key])
            if type(value) is not wanted:
                raise self.error((*where, key), f"is {value!r}, where the manager has {wanted.__name__}")

    def error(self, where: tuple[str | int, ...], problem: str) -> StoryError:
        """The error for the key at `where`, on its line."""
        shown = "".join(f"[{part}]" if str(part).isdigit() else f".{part}" for part in where).lstrip(".")
        return StoryError(f"{self.path}:{self._line(where)}: {shown or 'the story'}: {problem}")

    def _line(self, where: tuple[str | int, ...]) -> int:
        node, line = self.root, 1
        for part in where:
            if isinstance(node, yaml.SequenceNode) and str(part).isdigit() and int(part) < len(node.value):
                node = node.value[int(part)]
                line = node.start_mark.line + 1
            elif isinstance(node, yaml.MappingNode):
                match = next(((k, v) for k, v in node.value if k.value == str(part)), None)
                if match is None:
                    return line
                line, node = match[0].start_mark.line + 1, match[1]
        return line


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _decode(kind: type[Any], value: Any) -> Any:
    if kind is Duration:
        return Duration.parse(value)
    raise NotImplementedError
