"""When a run steps and when it writes."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.case import TimeTable
from sim.errors import SimError
from sim.schedule import Plan, Position, Segment, is_output_time, output_times, plan, segments, step_limit

POSITIVE = st.floats(1e-9, 1e9)


@given(POSITIVE, st.floats(0.3, 200.0), st.floats(1e-4, 10.0))
def test_a_plan_is_a_chain_that_ends_where_it_should(end: float, intervals: float, step: float) -> None:
    every, limit = end / intervals, end * step
    plan = list(segments(end, every, limit))
    assert plan[0].start == 0.0 and plan[-1].stop == end
    assert all(before.stop == after.start for before, after in itertools.pairwise(plan))
    assert all(segment.stop > segment.start for segment in plan)
    for number, segment in enumerate(plan[:-1], start=1):
        assert segment.stop == pytest.approx(number * every, rel=1e-12)


@given(POSITIVE, st.floats(0.3, 200.0), st.floats(1e-4, 10.0))
def test_no_step_is_longer_than_allowed_and_none_is_wasted(end: float, intervals: float, step: float) -> None:
    limit = end * step
    for segment in segments(end, end / intervals, limit):
        length = segment.stop - segment.start
        assert segment.steps >= 1 and segment.dt <= limit * (1 + 1e-9)
        assert segment.dt * segment.steps == pytest.approx(length)
        if segment.steps > 1:
            assert length / (segment.steps - 1) > limit * (1 - 1e-9)


@given(POSITIVE, st.integers(1, 300))
def test_an_interval_that_divides_the_end_leaves_no_tiny_rest(every: float, count: int) -> None:
    """Whichever way rounding goes: as a product, or as a sum of many."""
    for end in (every * count, math.fsum([every] * count), sum([every] * count)):
        times = list(output_times(end, every))
        assert len(times) == count + 1 and times[-1] == end


@pytest.mark.parametrize(
    ("end", "every", "times"),
    [
        (1.0, None, [0.0, 1.0]),
        (1.0, 0.25, [0.0, 0.25, 0.5, 0.75, 1.0]),
        (1.0, 0.4, [0.0, 0.4, 0.8, 1.0]),
        (1.0, 1.0, [0.0, 1.0]),
        (1.0, 5.0, [0.0, 1.0]),
        (1.0, 1e30, [0.0, 1.0]),
        (0.0, None, [0.0]),
        (0.0, 0.1, [0.0]),
    ],
)
def test_output_times(end: float, every: float | None, times: list[float]) -> None:
    assert list(output_times(end, every)) == pytest.approx(times)


def test_a_run_that_ends_at_once_has_no_segments() -> None:
    assert list(segments(0.0, 0.1, 0.01)) == []


def test_steps_as_long_as_one_likes_make_one_a_segment() -> None:
    assert [s.steps for s in segments(1.0, 0.5, math.inf)] == [1, 1]


def test_the_default_step_is_the_stable_one_times_safety() -> None:
    assert step_limit(TimeTable(end=1.0, safety=0.5), 0.1) == 0.05


@given(POSITIVE, st.floats(0.01, 1.0))
def test_a_stable_step_is_taken_as_given(stable: float, fraction: float) -> None:
    assert step_limit(TimeTable(end=1.0, step=stable * fraction, safety=0.1), stable) == stable * fraction


@given(POSITIVE, st.floats(1.001, 1e6))
def test_an_unstable_step_names_step_and_limit(stable: float, factor: float) -> None:
    with pytest.raises(SimError) as caught:
        step_limit(TimeTable(end=1.0, step=stable * factor), stable)
    message = str(caught.value)
    assert "time.step" in message and f"{stable:.6g}" in message and f"{stable * factor:g}" in message


@pytest.mark.parametrize(
    ("end", "every", "limit"),
    [
        (1e300, None, 1e-10),
        (1e300, 1e-300, 1.0),  # the number of outputs overflows
        (1.0, None, 0.0),  # a stable step that underflowed
        (1.0, None, 5e-324),
    ],
)
def test_a_run_without_end_is_refused(end: float, every: float | None, limit: float) -> None:
    with pytest.raises(SimError):
        list(segments(end, every, limit))


@given(st.floats(1e-3, 1e3), st.floats(1e-3, 1), st.floats(1e-3, 1))
def test_outputs_of_two_kinds_make_one_list(end: float, coarse: float, fine: float) -> None:
    """In order, no time twice; each kind finds its own times in it again."""
    kinds = [coarse * end, fine * end / 3]
    times = list(output_times(end, *kinds))
    assert times == sorted(times) and times[0] == 0.0 and times[-1] == end
    assert all(b - a > 1e-9 * min(kinds) for a, b in itertools.pairwise(times))
    for every in kinds:
        found = [time for time in times if is_output_time(time, end, every)]
        assert found == pytest.approx(list(output_times(end, every)), rel=1e-8)


@pytest.mark.parametrize("every", [1e10, 1e30])
def test_an_interval_longer_than_any_run_hides_nothing(every: float) -> None:
    """Neither the other outputs, nor the times at which something acts, nor the rest of a run that goes on."""
    plan = list(segments(1.0, every, math.inf, 0.25, stops=[0.1, 0.6]))
    assert [s.stop for s in plan] == [0.1, 0.25, 0.5, 0.6, 0.75, 1.0]
    assert [s.stop for s in plan if is_output_time(s.stop, 1.0, every)] == [1.0]
    assert [s.stop for s in plan if is_output_time(s.stop, 1.0, 0.25)] == [0.25, 0.5, 0.75, 1.0]
    assert [s.stop for s in segments(1.0, every, math.inf, start=0.4)] == [1.0]


@given(st.floats(1e-3, 1e3), st.floats(1.0, 1e12), st.floats(1e-3, 1e30))
def test_a_later_end_changes_no_output_before(end: float, longer: float, every: float) -> None:
    times = [time for time in output_times(end, every if every > 1e-3 * end else None, end / 7) if time < end]
    before, after = ([is_output_time(time, until, every) for time in times] for until in (end, end * longer))
    assert before == after and before[0]


def test_the_rest_of_a_plan() -> None:
    whole = tuple(segments(1.0, 0.3, 0.07))
    assert plan(1.0, 0.3, 0.07) == Plan(whole)
    assert plan(1.0, 0.3, 0.07, at=Position(whole[1], 2)) == Plan(whole[1:], 2)
    assert plan(1.0, 0.3, 0.07, at=Position(whole[1], whole[1].steps)) == Plan(whole[2:])
    assert plan(1.0, 0.3, 0.07, at=Position(whole[-1], whole[-1].steps)) == Plan(())
    assert plan(1.0, 0.3, 0.07, at=Position(whole[1], 2)).steps == sum(s.steps for s in whole[1:]) - 2


def test_the_rest_of_another_plan_begins_where_the_run_stands() -> None:
    at = Position(Segment(0.0, 1.0, 10), 4)
    found = plan(2.0, 0.25, 0.1, at=at)
    assert found.done == 0 and found.segments[0].start == at.time == 0.4
    assert [s.stop for s in found.segments] == [0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0]
    assert all(s.dt <= 0.1 * (1 + 1e-9) for s in found.segments)
    # 3 · 0.1 is not 0.3, and yet no output is between them.
    assert plan(0.5, 0.1, 0.01, at=Position(Segment(0.2, 0.3, 10), 10)).segments[0].stop == 0.4
