"""Configuration."""

from typing import Any

import pytest

from polos.config import resolve_config
from polos.transport import Transport, _parse_api_url


def test_nothing_has_to_be_set_against_a_local_server() -> None:
    connection = resolve_config(environment={"POLOS_API_URL": "", "POLOS_PROJECT_ID": ""})
    assert connection.api_url == "http://localhost:8080"
    assert (connection.api_key, connection.project_id, connection.deployment_id) == (None, "default", None)
    assert connection.max_concurrent_workflows == 100


def test_arguments_win_over_the_environment() -> None:
    environment = {
        "POLOS_API_URL": "http://a",
        "POLOS_API_KEY": "key",
        "POLOS_PROJECT_ID": "p",
        "POLOS_DEPLOYMENT_ID": "d",
        "POLOS_MAX_CONCURRENT_WORKFLOWS": "7",
    }
    connection = resolve_config(api_url="http://b", max_concurrent_workflows=8, environment=environment)
    assert connection.api_url == "http://b"
    assert (connection.api_key, connection.project_id, connection.deployment_id) == ("key", "p", "d")
    assert connection.max_concurrent_workflows == 8
    assert resolve_config(environment=environment).max_concurrent_workflows == 7


def test_a_connection_does_not_show_its_key() -> None:
    assert "secret" not in repr(resolve_config(api_key="secret", environment={}))


@pytest.mark.parametrize("value", ["0", "10001", "1.5", "many", "-1", "²"])
def test_a_number_of_executions_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match="from 1 to 10,000"):
        resolve_config(environment={"POLOS_MAX_CONCURRENT_WORKFLOWS": value})


@pytest.mark.parametrize("value", [0, 10_001, 1.5, True])
def test_so_is_one_that_is_given(value: Any) -> None:
    with pytest.raises(ValueError, match="from 1 to 10,000"):
        resolve_config(max_concurrent_workflows=value, environment={})


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:8080", ("dns:localhost:8080", False, True)),
        ("http://127.0.0.1:1/", ("dns:127.0.0.1:1", False, True)),
        ("http://[::1]:8080", ("ipv6:[::1]:8080", False, True)),
        ("http://polos", ("dns:polos:80", False, False)),
        ("https://polos.example", ("dns:polos.example:443", True, False)),
    ],
)
def test_a_url_says_where_to_connect(url: str, expected: tuple[str, bool, bool]) -> None:
    assert _parse_api_url(url) == expected


@pytest.mark.parametrize(
    "url",
    ["localhost:8080", "ftp://a", "http://", "http://a/b", "http://a?b", "http://u:p@a", "http://a:b", "http://[a", ""],
)
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        _parse_api_url(url)


def test_a_url_is_refused_before_anything_is_called() -> None:
    with pytest.raises(ValueError, match="must look like"):
        Transport(resolve_config(api_url="nowhere", environment={}))
