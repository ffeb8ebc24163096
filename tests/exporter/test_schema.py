"""The published JSON Schema, the reader and the recordings agree on what a stats document is."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from memoryos_exporter.document import UnreadableError, read_stats
from support.documents import DOCUMENTS
from support.fields import DOCUMENT, JSON, PATHS, changed

SCHEMA = json.loads((files("memoryos_exporter.document") / "stats.schema.json").read_text("utf-8"))
VALIDATOR = Draft202012Validator(SCHEMA)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_every_recording_is_a_valid_document_that_is_read_whole(path: Path) -> None:
    VALIDATOR.validate(json.loads(path.read_text()))
    assert not read_stats(path.read_bytes()).bad


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(PATHS), value=JSON)
def test_a_document_is_valid_exactly_when_the_reader_believes_all_of_it(path: str, value: Any) -> None:
    document = changed(path, value)
    try:
        bad = [one for one in read_stats(json.dumps(document).encode()).bad if one.reason != "inconsistent"]
    except UnreadableError:
        bad = ["the document"]  # type: ignore[list-item]
    assert VALIDATOR.is_valid(document) == (not bad)


def test_the_document_of_these_tests_is_valid() -> None:
    VALIDATOR.validate(DOCUMENT)
