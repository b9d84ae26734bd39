"""Rates, advice and pictures, from figures alone."""

from __future__ import annotations

from markupsafe import Markup

from console.advice import advise
from console.pictures.flow import FlowBox, draw_flow
from console.pictures.lines import PlottedLine, draw_lines
from console.rates import FlowCounts, FlowMoment, FlowRates, RateMeter
from tests.tasador.test_runbook import every_reason


def _counts(at_s: float, scored: int) -> FlowCounts:
    return FlowCounts(at_s=at_s, published=2 * scored, scored=scored, refused=0, repeats=0, rows=0)


def test_rates_are_means_over_the_last_seconds() -> None:
    meter = RateMeter()
    assert meter.add(_counts(0, 100)) == FlowRates()
    assert meter.add(_counts(1, 110)).scored == 10
    rates = [meter.add(_counts(second, 110 + 1000 * (second - 1))) for second in range(2, 20)][-1]
    assert rates.scored == 1000
    assert rates.published == 2000


def test_a_deleted_count_gives_no_negative_rate() -> None:
    meter = RateMeter()
    meter.add(_counts(0, 100))
    assert meter.add(_counts(1, 0)).scored == 0


def test_an_hour_is_kept() -> None:
    meter = RateMeter()
    for second in range(8000):
        meter.note(FlowMoment(at_s=second, scored=0, backlog=0, p50_ms=None, p99_ms=None))
    times = [moment.at_s for moment in meter.moments]
    assert len(times) == 720
    assert times[-1] - times[0] == 5 * 719


def test_every_reason_of_a_status_has_advice() -> None:
    assert [reason for reason in every_reason() if advise(reason) is None] == []
    assert advise("something nobody knows") is None


def test_pictures_escape_what_comes_from_outside() -> None:
    evil = "<script>alert(1)</script>"
    boxes = dict.fromkeys(
        ("listings", "consumers", "predictions", "dead_letters", "monitor", "trainer"), FlowBox(evil, (evil,))
    )
    drawn = draw_flow(boxes, {"published": (evil,)}, evil)
    drawn += draw_lines(evil, evil, [PlottedLine(evil, [(0, 1.0)])], 60, (evil, evil))
    assert isinstance(drawn, Markup)
    assert "<script" not in drawn
    assert drawn.count("&lt;script") > 10


def test_a_line_is_interrupted_where_nothing_is_known() -> None:
    points = [(0.0, 1.0), (5.0, 2.0), (10.0, None), (15.0, 4.0)]
    drawn = draw_lines("latency", "ms", [PlottedLine("p50", points)], 60, ("before", "now"))
    path = drawn.partition('class="line line-0" d="')[2].partition('"')[0]
    assert path.count("M") == 2
    assert "p50 4 ms" in drawn
    assert "Nothing yet" in draw_lines("latency", "ms", [PlottedLine("p50", [(0, None)])], 60, ("before", "now"))
