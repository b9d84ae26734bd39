"""Rates, advice and pictures, from figures alone."""

from __future__ import annotations

import re

import pytest
from markupsafe import Markup

from console.advice import advise
from console.application import style
from console.pictures.flow import FlowBox, draw_flow
from console.pictures.heat import HeatCell, draw_heat_row
from console.pictures.lines import PlottedLine, draw_lines
from console.pictures.pairs import draw_pairs
from console.pictures.waterfall import draw_waterfall
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
    drawn += draw_pairs(evil, (evil, evil), [(evil, 1.0, None)], evil)
    drawn += draw_waterfall(evil, 1.0, [(evil, -2.0)], evil)
    drawn += draw_heat_row([HeatCell(1.0, is_marked=True, text=evil)])
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


def test_a_waterfall_ends_at_the_prediction() -> None:
    drawn = draw_waterfall("why", 20.0, [("RM = 6", 5.0), ("LSTAT = 9", -1.5)], "kUSD")
    assert "+5" in drawn
    assert "-1.5" in drawn
    assert "23.5" in drawn


def test_an_effect_is_as_dark_as_it_is_strong_and_drift_is_marked_without_colour() -> None:
    cells = [HeatCell(None, is_marked=False, text="a"), HeatCell(0.5, is_marked=False, text="b")]
    drawn = draw_heat_row([*cells, HeatCell(9.0, is_marked=True, text="c")])
    assert [f"--level:{level}" in drawn for level in (0, 2, 8)] == [True] * 3
    assert drawn.count("!") == 1


@pytest.mark.parametrize("theme", ["body.body--light", "body.body--dark"])
def test_texts_have_the_contrast_of_wcag_aa(theme: str) -> None:
    rules = re.search(re.escape(theme) + r" \{([^}]+)\}", style())
    assert rules is not None
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", rules[1]))
    for paper in ("paper", "card", "wash"):
        for ink in ("ink", "muted", "link", "good", "warn", "bad"):
            assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)
        # edges of controls, and lines of pictures
        for line in ("control", "line-0", "line-1", "line-2"):
            assert _contrast(colours[line], colours[paper]) >= 3, (line, paper)
    assert _contrast(colours["on-link"], colours["link"]) >= 4.5


def _contrast(first: str, second: str) -> float:
    """The ratio of WCAG 2.2: https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(first), luminance(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)
