"""Queues."""

from typing import Any

import pytest

from polos.queue import Queue, queue, queue_name, to_queue


def test_a_queue_is_named_by_text_object_or_dict() -> None:
    assert to_queue("a", "own") == Queue("a")
    assert to_queue({"concurrency_limit": 3}, "own") == Queue("own", 3)
    assert to_queue(queue("b", 5), "own") == Queue("b", 5)
    assert (queue_name(None), queue_name("a"), queue_name(Queue("b"))) == ("", "a", "b")


@pytest.mark.parametrize("name", ["", "ä" * 101, "\ud800", 7, None])
def test_a_name_that_no_server_takes_is_refused(name: Any) -> None:
    with pytest.raises(TypeError, match="1 to 200 bytes"):
        Queue(name)


@pytest.mark.parametrize("limit", [0, 10_001, 1.5, True])
def test_a_limit_that_no_server_takes_is_refused(limit: Any) -> None:
    with pytest.raises(ValueError, match="from 1 to 10000"):
        Queue("a", limit)


def test_what_names_no_queue_is_refused() -> None:
    with pytest.raises(TypeError, match="no limit"):
        to_queue({"limit": 3}, "own")
    with pytest.raises(TypeError, match="not 7"):
        to_queue(7, "own")  # type: ignore[arg-type]
