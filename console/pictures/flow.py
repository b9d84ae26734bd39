"""The picture of a domain's flow: what comes, who scores it, and what comes out, with rates and backlog."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup


@dataclass(frozen=True, slots=True)
class FlowBox:
    """One station: its heading, what is in it, and whether something is wrong there."""

    title: str
    lines: tuple[str, ...]
    state: str = "good"


@dataclass(frozen=True, slots=True)
class _Layout:
    """Places in units of the picture: boxes as (x, y), arrows as (points, place of the label, its anchor)."""

    width: int
    height: int
    box: tuple[int, int]
    boxes: Mapping[str, tuple[int, int]]
    arrows: Mapping[str, tuple[str, tuple[int, int], str]]


_WIDE = _Layout(
    1000,
    330,
    (190, 78),
    {
        "listings": (10, 60),
        "consumers": (360, 60),
        "predictions": (800, 10),
        "dead_letters": (800, 115),
        "monitor": (360, 240),
        "trainer": (800, 240),
    },
    {
        "published": ("200,99 356,99", (278, 88), "middle"),
        "scored": ("550,80 640,80 680,49 796,49", (690, 38), "middle"),
        "refused": ("550,118 640,118 680,154 796,154", (690, 174), "middle"),
        "rows": ("430,138 430,236", (422, 192), "end"),
        "commands": ("550,279 796,279", (673, 268), "middle"),
        "activated": ("870,240 870,214 490,214 490,142", (680, 206), "middle"),
    },
)
_TALL = _Layout(
    360,
    560,
    (168, 78),
    {
        "listings": (96, 6),
        "consumers": (96, 138),
        "predictions": (6, 300),
        "dead_letters": (186, 300),
        "monitor": (6, 470),
        "trainer": (186, 470),
    },
    {
        "published": ("180,84 180,134", (188, 95), "start"),
        "scored": ("130,216 130,246 60,270 60,296", (66, 262), "end"),
        "refused": ("230,216 230,246 300,270 300,296", (294, 262), "start"),
        "rows": ("180,216 180,420 90,440 90,466", (172, 420), "end"),
        "commands": ("174,520 184,520", (180, 464), "middle"),
        "activated": ("345,470 345,400 356,390 356,177 268,177", (352, 170), "end"),
    },
)


def draw_flow(boxes: Mapping[str, FlowBox], labels: Mapping[str, tuple[str, ...]], summary: str) -> Markup:
    """The picture, for wide and for narrow pages, of which the style sheet shows one.

    Args:
        boxes: `listings`, `consumers`, `predictions`, `dead_letters`, `monitor` and `trainer`.
        labels: lines on the arrows `published`, `scored`, `refused`, `rows`, `commands` and `activated`.
        summary: what a screen reader says instead.
    """
    return Markup("").join(
        _draw(layout, name, boxes, labels, summary) for layout, name in ((_WIDE, "wide"), (_TALL, "tall"))
    )


def _draw(
    layout: _Layout,
    name: str,
    boxes: Mapping[str, FlowBox],
    labels: Mapping[str, tuple[str, ...]],
    summary: str,
) -> Markup:
    arrows = Markup("").join(_arrow(name, *layout.arrows[each], labels.get(each, ())) for each in layout.arrows)
    stations = Markup("").join(_box(*layout.boxes[each], *layout.box, each, boxes[each]) for each in layout.boxes)
    return Markup(
        '<svg class="flow {0}" viewBox="0 0 {1} {2}" role="img" aria-label="{3}"><defs><marker id="tip-{0}" '
        'viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path class="tip" d="M0 0 L8 4 L0 8 z"/></marker></defs>{4}{5}</svg>'
    ).format(name, layout.width, layout.height, summary, arrows, stations)


def _arrow(name: str, points: str, place: tuple[int, int], anchor: str, lines: tuple[str, ...]) -> Markup:
    line = Markup('<polyline class="arrow" points="{}" marker-end="url(#tip-{})"/>').format(points, name)
    x, y = place
    texts = Markup("").join(
        Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y + 16 * number, anchor, text)
        for number, text in enumerate(lines)
    )
    return line + texts


def _box(x: int, y: int, width: int, height: int, name: str, box: FlowBox) -> Markup:
    texts = Markup("").join(
        Markup('<text x="{}" y="{}">{}</text>').format(x + 14, y + 44 + 18 * number, text)
        for number, text in enumerate(box.lines)
    )
    return Markup(
        '<g class="station {0}" data-station="{1}"><rect x="{2}" y="{3}" width="{4}" height="{5}" rx="6"/>'
        '<rect class="mark" x="{2}" y="{3}" width="5" height="{5}" rx="2"/>'
        '<text class="title" x="{6}" y="{7}">{8}</text>{9}</g>'
    ).format(box.state, name, x, y, width, height, x + 14, y + 24, box.title, texts)
