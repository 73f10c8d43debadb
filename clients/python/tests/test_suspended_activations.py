"""What is kept in memory while it waits."""

from dataclasses import dataclass, field

from polos.suspended_activations import SuspendedActivations


@dataclass
class Kept:
    execution_id: str
    steps_seen: int = 0
    dropped: list[str] = field(default_factory=list)

    def drop(self) -> None:
        self.dropped.append(self.execution_id)


def put(count: int, steps_seen: int) -> tuple[SuspendedActivations[Kept], list[str]]:
    suspended: SuspendedActivations[Kept] = SuspendedActivations()
    dropped: list[str] = []
    for number in range(count):
        suspended.put(Kept(str(number), steps_seen, dropped))
    return suspended, dropped


def test_a_thousand_are_kept_and_those_let_go_that_have_waited_longest() -> None:
    suspended, dropped = put(1_002, 0)
    assert dropped == ["0", "1"]
    assert suspended.take("1") is None
    assert suspended.take("2") is not None


def test_fewer_are_kept_of_those_with_long_histories() -> None:
    assert put(4, 100_000)[1] == ["0", "1"]


def test_the_last_one_is_kept_however_long_its_history() -> None:
    suspended, dropped = put(2, 1_000_000)
    assert dropped == ["0"]
    assert suspended.take("1") is not None


def test_there_is_room_again_for_what_was_given_back() -> None:
    suspended, dropped = put(2, 100_000)
    suspended.take("0")
    suspended.put(Kept("2", 100_000, dropped))
    assert dropped == []


def test_clearing_lets_all_go() -> None:
    suspended, dropped = put(3, 1)
    suspended.clear()
    assert dropped == ["0", "1", "2"]
    assert suspended.take("0") is None
