"""Where a server is and as whom to call it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PolosConnection:
    """A configuration with every default filled in."""

    api_url: str
    """`http://HOST[:PORT]` or `https://...`."""
    api_key: str | None
    """None: no credentials are sent."""
    project_id: str
    """The project that everything happens in."""
    deployment_id: str | None
    """The deployment that invocations are meant for and workers belong to."""
    max_concurrent_workflows: int
    """How many executions a worker takes at once."""

    def __repr__(self) -> str:
        return f"PolosConnection(api_url={self.api_url!r}, project_id={self.project_id!r})"


def resolve_config(
    *,
    api_url: str | None = None,
    api_key: str | None = None,
    project_id: str | None = None,
    deployment_id: str | None = None,
    max_concurrent_workflows: int | None = None,
    environment: Mapping[str, str] | None = None,
) -> PolosConnection:
    """Fills in what is left out, from the environment and then from the defaults for a local server.

    The variables are POLOS_API_URL (`http://localhost:8080`), POLOS_API_KEY, POLOS_PROJECT_ID (`default`),
    POLOS_DEPLOYMENT_ID and POLOS_MAX_CONCURRENT_WORKFLOWS (100). An empty one counts as one that is not set.

    Raises ValueError for a number of concurrent workflows that is no integer from 1 to 10,000.
    """
    variables = os.environ if environment is None else environment
    return PolosConnection(
        api_url=api_url or variables.get("POLOS_API_URL") or "http://localhost:8080",
        api_key=api_key or variables.get("POLOS_API_KEY") or None,
        project_id=project_id or variables.get("POLOS_PROJECT_ID") or "default",
        deployment_id=deployment_id or variables.get("POLOS_DEPLOYMENT_ID") or None,
        max_concurrent_workflows=resolve_maximum(
            max_concurrent_workflows, variables.get("POLOS_MAX_CONCURRENT_WORKFLOWS") or "100"
        ),
    )


def resolve_maximum(given: int | None, otherwise: int | str) -> int:
    """How many executions a worker takes at once.

    Raises ValueError for what is no integer from 1 to 10,000.
    """
    value: object = otherwise if given is None else given
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value)
    if type(value) is int and 1 <= value <= 10_000:
        return value
    raise ValueError(f"max_concurrent_workflows must be an integer from 1 to 10,000, not {value!r}")
