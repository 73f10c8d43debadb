"""How states of earlier versions of a workflow's code come to the form that the code wants."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .errors import StateMigrationError
from .state.json import JsonObject

_VERSION_MAX = 1_000_000
"""The largest version of a state's form."""

Migration: TypeAlias = Callable[[dict[str, Any]], Any]
"""Makes a state of one version, as plain JSON data, out of one of the version before."""


def assert_versions(workflow_id: str, state_version: object, migrate: Mapping[int, Migration]) -> None:
    """Raises ValueError for a version that is none; TypeError for a migration that is missing, too much, or no function."""
    if type(state_version) is not int or not 1 <= state_version <= _VERSION_MAX:
        wanted = f"an integer from 1 to 1,000,000, not {state_version!r:.80}"
        raise ValueError(f'state_version of "{workflow_id}" should be {wanted}')
    for version in migrate:
        if type(version) is not int or not 2 <= version <= state_version:
            allowed = f"versions go from 2 to its state_version {state_version}"
            raise TypeError(f'"{workflow_id}" has a migration to {version!r:.80}; {allowed}')
    for version in range(2, state_version + 1):
        if not callable(migrate.get(version)):
            raise TypeError(
                f'"{workflow_id}" has state_version {state_version}, and no function in migrate for {version}'
            )


def migrated(migrate: Mapping[int, Migration], document: JsonObject, start: int, end: int) -> JsonObject:
    """A document of the version `start` in the form of the version `end`. It is the migrations' own from here on.

    Raises StateMigrationError if a migration raises, or returns no dict.
    """
    for version in range(start + 1, end + 1):
        document = _migrated_to(version, migrate[version], document)
    return document


def migrated_document(patch: str) -> JsonObject:
    """The document that a recorded migration made."""
    operations = json.loads(patch)
    document: JsonObject = operations[0]["value"] if operations else {}
    return document


def _migrated_to(version: int, migration: Migration, document: JsonObject) -> JsonObject:
    try:
        result = migration(document)
    except Exception as error:
        message = f"the migration to version {version} raised {type(error).__name__}: {error}"
        raise StateMigrationError(version, message) from error
    if type(result) is dict:
        return result
    if hasattr(result, "close"):
        result.close()  # A coroutine, which nobody will await.
    raise StateMigrationError(version, f"the migration to version {version} returned no dict, but {result!r:.80}")
