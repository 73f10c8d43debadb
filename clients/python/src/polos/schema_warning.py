"""What a server reports of a worker's schemas."""

from __future__ import annotations

from ._gen.polos.v1 import schema_pb2 as pb

_NAMED_MAX = 5
"""Executions that a warning names."""

_FINDINGS_MAX = 5
"""Differences that a warning names."""

_KINDS: dict[int, str] = {
    pb.SCHEMA_KIND_PAYLOAD: "payload",
    pb.SCHEMA_KIND_STATE: "state",
    pb.SCHEMA_KIND_RESULT: "result",
}


def schema_warning(report: pb.SchemaReport) -> str | None:
    """What a worker should be warned of when the server reports about one of its schemas; None for nothing."""
    schema = f'{_KINDS.get(report.kind, "a")} schema of "{report.workflow_id}"'
    if report.problem:
        return f"the server cannot use the {schema}, so that only workers check by it: {report.problem}"
    states = report.live_states
    if report.HasField("live_states") and (states.breaking > 0 or states.unchecked > 0 or not states.complete):
        return f"the {schema} is new: {_states_text(states)}"
    # All states were looked at, or there was no need to.
    if report.kind == pb.SCHEMA_KIND_STATE or report.comparison.compatibility != pb.COMPATIBILITY_BREAKING:
        return None
    breaking = [each for each in report.comparison.findings if each.compatibility == pb.COMPATIBILITY_BREAKING]
    lines = [f"\n  {each.schema_path or '(root)'}: {each.message}" for each in breaking[:_FINDINGS_MAX]]
    return f"the {schema} is new, and refuses what the one before allowed:{''.join(lines)}"


def _states_text(states: pb.LiveStates) -> str:
    whole = f"{states.checked}" if states.complete else f"the newest {states.checked}"
    unknown = f", {states.unchecked} could not be checked" if states.unchecked > 0 else ""
    count = states.breaking
    text = f"of {whole} executions that are not final, {count} have a state that does not fit it{unknown}"
    for execution in states.breaking_executions[:_NAMED_MAX]:
        issues = [f"{issue.path or '(root)'} {issue.message}" for issue in execution.issues[:1]]
        text += f"\n  {execution.execution_id}: {(issues or ['it does not fit'])[0]}"
    more = count - min(len(states.breaking_executions), _NAMED_MAX)
    return f"{text}\n  and {more} more" if more > 0 and states.breaking_executions else text
