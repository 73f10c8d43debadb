"""An execution's state, read at any time and with no worker."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ._gen.polos.v1 import state_pb2
from ._gen.polos.v1 import workflow_service_pb2 as pb
from .api_errors import ResultConflictError
from .methods import GET_STATE, LIST_STATE_REVISIONS, PATCH_STATE, WATCH_STATE
from .payload import not_json
from .reopening import reopening
from .state.diff import diff
from .state.json import JsonRefusal, to_json_text
from .state.patch import PatchOperation, apply_patch
from .time import to_datetime, to_timestamp
from .transport import Transport

_PAGE_SIZE = 500


@dataclass(frozen=True)
class StateSnapshot:
    """An execution's state at one revision."""

    value: dict[str, Any]
    """The document. `Model.model_validate(snapshot.value)` makes the workflow's model of it."""
    revision: int
    """1 for the state that the execution was created with, one more for each commit that changed it."""
    updated_at: datetime
    """When that revision was committed."""
    size_bytes: int
    """Bytes of its JSON text."""
    is_final: bool
    """Whether the execution is final, so that no further revision will come."""


@dataclass(frozen=True)
class StateRepair:
    """Why and by whom a state was changed with `StateReader.patch`."""

    reason: str
    author: str


@dataclass(frozen=True)
class StateMigration:
    """From which version of the state's form to which a state was brought."""

    from_version: int
    to_version: int


@dataclass(frozen=True)
class StateRevision:
    """One change of a state."""

    revision: int
    """The revision that it made."""
    patch: list[PatchOperation]
    """What changed: a JSON Patch (RFC 6902). That of revision 1 replaces the whole document by the first one."""
    created_at: datetime
    """When it was committed."""
    step_key: str | None
    """The last step whose outcome came with it, if one did."""
    repair: StateRepair | None
    """Why and by whom it was made, if an operator made it."""
    migration: StateMigration | None
    """From which version of the state's form to which, if it was a migration."""


@dataclass(frozen=True)
class WatchedState(StateRevision):
    """A state at one revision, and what changed with it."""

    value: dict[str, Any]
    """The document: the watcher's own, to keep or to change."""


class StateReader:
    """An execution's state: call it for the latest, or for one revision."""

    def __init__(self, transport: Transport, execution_id: Callable[[], Awaitable[str]]) -> None:
        """For handles. `execution_id` is asked for with each call."""
        self._transport = transport
        self._execution_id = execution_id

    async def __call__(
        self, *, revision: int | None = None, time: datetime | None = None, paths: Sequence[str] = ()
    ) -> StateSnapshot:
        """Reads the state: at a revision, or at a time, else the latest.

        `paths`: only what is at these JSON Pointers, and what leads there. Default: the whole document.

        Raises NotFoundError, also for a revision that does not exist; ValueError for both a revision and a time.
        """
        if revision is not None and time is not None:
            raise ValueError("a state is read at a revision or at a time, not at both")
        request = pb.GetStateRequest(execution_id=await self._execution_id(), paths=paths)
        if revision is not None:
            request.revision = revision
        if time is not None:
            request.time.CopyFrom(to_timestamp(time.timestamp()))
        return _to_snapshot((await self._transport.call(GET_STATE, request, repeatable=True)).state)

    async def watch(self, *, after: int = 0) -> AsyncGenerator[WatchedState, None]:
        """Each revision in order, none missing, as it is committed; ends once the execution is final.

        A break of the connection is bridged.

        `after`: only revisions after this one. Default: the latest one comes first, then those after it.

        Raises NotFoundError, also for a revision to start after that does not exist.
        """
        execution_id = await self._execution_id()
        document: dict[str, Any] = (await self(revision=after)).value if after > 0 else {}
        known = after

        def open_stream() -> AsyncGenerator[pb.WatchStateResponse, None]:
            request = pb.WatchStateRequest(execution_id=execution_id, after_revision=known)
            return self._transport.stream(WATCH_STATE, request)

        async with aclosing(reopening(open_stream)) as messages:
            async for message in messages:
                case = message.WhichOneof("message")
                if case == "state":
                    change = _as_revision(message.state)
                elif case == "revision":
                    change = _to_revision(message.revision)
                else:
                    continue
                document = _patched(document, copy.deepcopy(change.patch))
                known = change.revision
                yield WatchedState(**vars(change), value=copy.deepcopy(document))

    async def revisions(self, *, after: int = 0) -> AsyncGenerator[StateRevision, None]:
        """What each revision changed, oldest first, after this one. Raises NotFoundError."""
        execution_id = await self._execution_id()
        token = ""
        while True:
            request = pb.ListStateRevisionsRequest(
                execution_id=execution_id, after_revision=after, page_size=_PAGE_SIZE, page_token=token
            )
            page = await self._transport.call(LIST_STATE_REVISIONS, request, repeatable=True)
            for revision in page.revisions:
                yield _to_revision(revision)
            token = page.next_page_token
            if not token:
                return

    async def diff(self, from_revision: int, to_revision: int) -> list[PatchOperation]:
        """What leads from one revision to another, whichever is older. Raises NotFoundError."""
        a = await self(revision=from_revision)
        b = await self(revision=to_revision)
        return list(diff(a.value, b.value))

    async def patch(self, patch: Sequence[PatchOperation], *, expected_revision: int, reason: str, author: str) -> int:
        """Repairs the state of an execution that no worker holds: one that is queued, waits or is paused.

        It becomes a revision that says why and who, and its code gets it at its place on every replay. It wakes nothing. To
        undo it, patch with the `diff` from the repair's revision to the one before. May be repeated.

        Returns the revision that it made; the latest if it changed nothing.

        - `patch`: of `add`, `remove` and `replace`: `[{"op": "replace", "path": "/n", "value": 3}]`.
        - `expected_revision`: that of the state that you looked at, which must be the latest.
        - `reason`: why, for whoever reads the revisions: 1 to 1,024 bytes.
        - `author`: who makes it: a name or an address, 1 to 200 bytes.

        Raises NotFoundError; ExecutionRunningError while a worker holds it: `pause` it first; ExecutionClosedError;
        ResultConflictError if the state is at another revision; StateValidationError if it would break its schema;
        InvalidArgumentError for a patch that does not apply; StateSizeError; SerializationError.
        """
        try:
            text = to_json_text(list(patch))
        except JsonRefusal as refusal:
            raise not_json("the patch", refusal) from None
        request = pb.PatchStateRequest(
            execution_id=await self._execution_id(),
            expected_revision=expected_revision,
            patch=text,
            reason=reason,
            author=author,
        )
        try:
            return (await self._transport.call(PATCH_STATE, request, repeatable=True)).revision
        except ResultConflictError as error:
            # A worker's conflict may be over after a replay; another revision stays.
            raise ResultConflictError(str(error), retryable=False) from None


def _patched(document: dict[str, Any], patch: list[PatchOperation]) -> dict[str, Any]:
    """The document after a patch: another object only where the whole is replaced."""
    for operation in patch:
        if operation["path"] == "":
            document = operation.get("value", {})
        else:
            apply_patch(document, [operation])
    return document


def _to_snapshot(state: state_pb2.State) -> StateSnapshot:
    return StateSnapshot(
        value=json.loads(state.json),
        revision=state.revision,
        updated_at=to_datetime(state.update_time),
        size_bytes=state.size_bytes,
        is_final=state.final,
    )


def _as_revision(state: state_pb2.State) -> StateRevision:
    """The whole document as the change that makes it of any other."""
    patch = f'[{{"op":"replace","path":"","value":{state.json}}}]'
    return _to_revision(state_pb2.StateRevision(revision=state.revision, patch=patch, create_time=state.update_time))


def _to_revision(revision: state_pb2.StateRevision) -> StateRevision:
    is_repair = revision.cause == state_pb2.STATE_CHANGE_CAUSE_REPAIR
    is_migration = revision.cause == state_pb2.STATE_CHANGE_CAUSE_MIGRATION
    return StateRevision(
        revision=revision.revision,
        patch=json.loads(revision.patch),
        created_at=to_datetime(revision.create_time),
        step_key=revision.step_key or None,
        repair=StateRepair(revision.reason, revision.author) if is_repair else None,
        migration=StateMigration(revision.from_state_version, revision.to_state_version) if is_migration else None,
    )
