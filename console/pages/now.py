"""The view of the present: state, flow, rates, processes and events."""

from __future__ import annotations

from markupsafe import Markup
from nicegui import ui

from console.advice import advise
from console.pages.rollout_texts import rollout_line
from console.pages.texts import LiveHtml, figure, heading, moment, table
from console.pages.visit import Visit
from console.pictures.flow import FlowBox, draw_flow
from console.pictures.lines import PlottedLine, draw_lines
from console.rates import HOUR_S
from console.watch import WatchedState
from operations.processes import AnyProcess
from operations.status import Status

_AGO = ("1 h ago", "45 min", "30 min", "15 min", "now")
_EVENTS = 15


def show_now(visit: Visit) -> None:
    """Draw the view, and update it after each reading."""
    state = LiveHtml(classes="state")
    rollout = LiveHtml()
    flow = LiveHtml(classes="card")
    with ui.element("div").classes("two"):
        rate, latency = LiveHtml(classes="card"), LiveHtml(classes="card")
    heading("Processes")
    processes = LiveHtml(classes="card")
    heading("Events")
    events = LiveHtml(classes="card")

    def show() -> None:
        if (read := visit.shown.watch.state) is None:
            return
        state.show(_state(read.status))
        rollout.show(rollout_line(read.rollout))
        flow.show(_flow(read))
        rate.show(_rate(read))
        latency.show(_latency(read))
        processes.show(_processes(read.status))
        events.show(_events(read))

    visit.follow(show)


def _state(status: Status) -> Markup:
    reasons = Markup("").join(
        Markup("<li><strong>{}</strong> {}</li>").format(reason, advise(reason) or "") for reason in status.reasons
    )
    jobs = Markup("").join(
        Markup("<li>{}: {}</li>").format(job.process, job.activity.describe(status.at_ms)) for job in status.jobs
    )
    return Markup('<p class="badge {}" data-state="{}">{}</p><ul>{}</ul>{}').format(
        {"healthy": "good", "degraded": "warn", "down": "bad"}[status.state],
        status.state,
        status.state,
        reasons,
        Markup('<ul class="jobs">{}</ul>').format(jobs) if jobs else "",
    )


def _flow(read: WatchedState) -> Markup:
    status, rates = read.status, read.rates
    living = [each for each in status.consumers if each.is_living]
    backlog, serving = status.backlog, status.serving
    refused = sum(status.dead_letters.values())
    boxes = {
        "listings": FlowBox("Listings", (f"{status.totals.answered + backlog.total:,} published",)),
        "consumers": FlowBox(
            "Consumers",
            (f"{len(living)} living", f"version {', '.join(serving.active) or 'none'}"),
            "good" if living else "bad",
        ),
        "predictions": FlowBox("Predictions", (f"{status.totals.scored:,} in all", _mean(status))),
        "dead_letters": FlowBox(
            "Dead letters",
            (f"{refused:,} in all", f"{status.dead_letters_kept + status.rate_limited_kept:,} kept"),
            "warn" if rates.refused > 0 else "good",
        ),
        "monitor": _process_box("Monitor", status.monitors),
        "trainer": _process_box("Trainer", status.trainers),
    }
    training = next((job for job in status.jobs if job.activity.what == "training"), None)
    labels = {
        "published": (f"{figure(rates.published, 3)}/s", "", f"backlog {backlog.total:,}"),
        "scored": (f"{figure(rates.scored, 3)}/s",),
        "refused": (f"{figure(rates.refused, 3)}/s",),
        "rows": (f"{figure(rates.rows, 3)} rows/s",),
        "commands": ("paused" if status.loop_pause else "training" if training else "",),
        "activated": (f"champion {serving.champion or 'none'}",),
    }
    summary = (
        f"{figure(rates.published, 3)} listings a second come, {figure(rates.scored, 3)} are predicted, "
        f"{figure(rates.refused, 3)} refused; {backlog.total} wait"
    )
    return draw_flow(boxes, labels, summary)


def _mean(status: Status) -> str:
    return f"mean {figure(status.predictions.mean)}" if status.predictions else ""


def _process_box(title: str, processes: tuple[AnyProcess, ...]) -> FlowBox:
    living = [each for each in processes if each.is_living]
    states = sorted({each.heartbeat.state for each in living})
    return FlowBox(title, (f"{len(living)} living", ", ".join(states)), "good" if living else "bad")


def _rate(read: WatchedState) -> Markup:
    lines = [
        PlottedLine("predictions", [(each.at_s, each.scored) for each in read.moments]),
        PlottedLine("backlog", [(each.at_s, float(each.backlog)) for each in read.moments]),
    ]
    return draw_lines("Predictions a second, and backlog", "", lines, HOUR_S, _AGO)


def _latency(read: WatchedState) -> Markup:
    lines = [
        PlottedLine("p50", [(each.at_s, each.p50_ms) for each in read.moments]),
        PlottedLine("p99", [(each.at_s, each.p99_ms) for each in read.moments]),
    ]
    return draw_lines("From publication to prediction, in ms", "ms", lines, HOUR_S, _AGO)


def _processes(status: Status) -> Markup:
    kinds = (
        ("consumer", status.consumers),
        ("trainer", status.trainers),
        ("monitor", status.monitors),
        ("explainer", status.explainers),
    )
    rows: list[list[object]] = [
        [
            each.heartbeat.name,
            kind,
            each.heartbeat.state
            if each.is_living
            else Markup('<span class="bad">silent for {:.0f} s</span>').format(each.silent_s),
            getattr(each.heartbeat, "version", None),
            "; ".join((*each.heartbeat.reasons, *(one.describe(status.at_ms) for one in each.heartbeat.activities))),
            f"{each.heartbeat.host}:{each.heartbeat.port}" if each.heartbeat.port else each.heartbeat.host,
        ]
        for kind, group in kinds
        for each in group
    ]
    return table(["name", "kind", "state", "version", "what it does", "where"], rows, "Processes")


def _events(read: WatchedState) -> Markup:
    rows: list[list[object]] = [[moment(each.at_ms), each.kind, each.text] for each in read.events[:_EVENTS]]
    return table(["time (UTC)", "event", ""], rows, "Events, newest first")
