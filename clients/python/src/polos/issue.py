"""What is wrong with a value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

ISSUES_MAX = 20
"""Issues that one error carries at most."""


@dataclass(frozen=True)
class Issue:
    """One place where a value does not fit its schema."""

    path: str
    """Where: a JSON Pointer into the value; empty for the value as a whole."""
    message: str
    """What is wrong, for a person."""


def describe_issues(what: str, issues: Sequence[Issue]) -> str:
    """One line that names the first places and how many more there are."""
    shown = [issue.message if issue.path == "" else f"{issue.path}: {issue.message}" for issue in issues[:3]]
    more = f"; and {len(issues) - 3} more" if len(issues) > 3 else ""
    return f"{what} is not valid: {'; '.join(shown)}{more}"
