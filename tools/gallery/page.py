"""The page: one HTML file that includes its pictures, without scripts, for narrow and wide screens, light and dark."""

from __future__ import annotations

import base64
import html
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image
from plots.text import shown

from .exhibit import Exhibit, Group, Picture, Table, Text

JPEG_FROM = 60_000  # bytes; the page has larger PNG files as JPEG, the files in the folder stay lossless
JPEG_QUALITY = 92

STYLE = """
:root { color-scheme: light dark; --ground: #fdfdfb; --ink: #1d1f21; --soft: #585c60; --line: #d5d7d4; --panel: #f1f2ee;
  --link: #0b5d46; --bad: #a3161f; }
@media (prefers-color-scheme: dark) {
  :root { --ground: #16181a; --ink: #e6e6e3; --soft: #a9adb0; --line: #3a3e41; --panel: #212427; --link: #74d0b1;
    --bad: #ff9a9a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 68rem; background: var(--ground); color: var(--ink);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: break-word; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: .5rem 0; }
h2 { font-size: 1.3rem; line-height: 1.25; margin: 0; }
h3 { font-size: 1rem; margin: 1rem 0 .3rem; }
section { border-top: 1px solid var(--line); margin-top: 2rem; padding-top: 1rem; }
p { margin: .4rem 0; }
a { color: var(--link); }
.soft, figcaption, caption { color: var(--soft); font-size: .875rem; }
.bad { color: var(--bad); font-weight: 600; }
.group { display: grid; gap: .75rem; grid-template-columns: minmax(0, 1fr); }
.even { grid-template-columns: repeat(auto-fill, minmax(min(9rem, 100%), 1fr)); }
figure { margin: 0; min-width: 0; }
img { display: block; max-width: 100%; height: auto; }
.even img, .beside img { width: 100%; }
.beside figure + figure img { width: 44%; }
.pixels { image-rendering: pixelated; }
.scroll { overflow-x: auto; }
.scroll img { max-width: none; width: max(100%, 44rem); }
pre { margin: .3rem 0; overflow-x: auto; padding: .6rem; background: var(--panel);
  font: .8125rem/1.4 ui-monospace, monospace; }
code { font: .875em ui-monospace, monospace; }
table { border-collapse: collapse; margin: .6rem 0; font-size: .9375rem; }
caption { text-align: left; padding-bottom: .2rem; }
th, td { text-align: left; padding: .25rem .7rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
summary { cursor: pointer; color: var(--link); padding: .3rem 0; }
li { margin: .2rem 0; }
@media (min-width: 48rem) { .even { grid-template-columns: repeat(auto-fill, minmax(15rem, 1fr)); }
  .beside { grid-template-columns: 2.28fr 1fr; }
  .beside figure + figure img { width: 100%; } }
"""


@dataclass
class Facts:
    """Facts about a run of the demo."""

    engine: str  # version, instruction set, threads
    processor: str
    date: str
    seconds: float


def escape(text: str) -> str:
    """Text, which may come from outside, as part of the page."""
    return html.escape(shown(text))


def page(exhibits: list[Exhibit], facts: Facts) -> str:
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>limn demo</title>
<link rel="icon" href="data:,">
<style>{STYLE}</style>
</head>
<body>
<header>
<h1>limn demo</h1>
<p>The results of seven image networks and the pixel tools on this machine. The networks were not trained on these
pictures. The drawings are not selected: they are the first ones of their seed.</p>
<p class="soft">{escape(facts.engine)}<br>{escape(facts.processor)}<br>{escape(facts.date)}, total time
{facts.seconds:.1f} s</p>
</header>
<main>
{_summary(exhibits)}
<p class="soft">The demo weights are small and mostly trained on drawings. They show that everything works, not what the
published networks can do. weights/README.md describes their training. Times are those of whole limn processes,
including loading.</p>
{"".join(_section(exhibit) for exhibit in exhibits)}
</main>
</body>
</html>
"""


def _summary(exhibits: list[Exhibit]) -> str:
    rows = []
    for exhibit in exhibits:
        figures = escape(exhibit.headline)
        if exhibit.failure:
            figures = '<span class="bad">failed</span>'
        elif not exhibit.runs:
            figures = "missing weights"
        seconds = f"{exhibit.seconds:.2f} s" if exhibit.runs else ""
        rows.append(f'<tr><th scope="row"><a href="#{exhibit.name}">{exhibit.name}</a></th><td>{figures}</td>'
                    f'<td class="number">{seconds}</td></tr>')  # fmt: skip
    return ('<table><caption>Contents</caption><thead><tr><th scope="col">name</th><th scope="col">figures</th>'
            f'<th scope="col" class="number">time</th></tr></thead><tbody>{"".join(rows)}</tbody></table>')  # fmt: skip


def _section(exhibit: Exhibit) -> str:
    parts = [f"<h2>{escape(exhibit.title)}: {escape(exhibit.name)}</h2>", f"<p>{escape(exhibit.about)}</p>"]
    if exhibit.missing:
        parts.append(f"<p><strong>Missing weights:</strong> {escape(exhibit.missing)}</p>")
    if exhibit.failure:
        parts.append(f'<p class="bad">Failed: {escape(exhibit.failure)}</p>')
    parts += [_group(group) for group in exhibit.groups]
    parts += [_table(table) for table in exhibit.tables]
    parts += [_text(text) for text in exhibit.texts]
    parts += [_weights(weights) for weights in exhibit.weights]
    if exhibit.runs:
        runs = "".join(f"<li><code>{escape(run.command)}</code> {run.seconds:.2f} s</li>" for run in exhibit.runs)
        parts.append(f"<details><summary>{len(exhibit.runs)} runs of limn, {exhibit.seconds:.2f} s</summary>"
                     f"<ol>{runs}</ol></details>")  # fmt: skip
    return f'<section id="{exhibit.name}">\n' + "\n".join(parts) + "\n</section>\n"


def _group(group: Group) -> str:
    figures = "".join(_figure(picture) for picture in group.pictures)
    return f'<h3>{escape(group.heading)}</h3>\n<div class="group {group.layout}">{figures}</div>'


def _figure(picture: Picture) -> str:
    source, size = _embedded(picture)
    image = f'<img src="{source}" alt="{escape(picture.alt)}"{size}{" class=pixels" if picture.pixels else ""}>'
    if picture.path.suffix == ".svg":  # small text: scroll on a narrow screen
        image = f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(picture.caption)}">{image}</div>'
    return f"<figure>{image}<figcaption>{escape(picture.caption)}</figcaption></figure>"


def _embedded(picture: Picture) -> tuple[str, str]:
    """A picture file as a data URI, and its size as attributes."""
    data = picture.path.read_bytes()
    if picture.path.suffix == ".svg":
        return _uri("image/svg+xml", data), ""
    with Image.open(io.BytesIO(data)) as image:
        size = f' width="{image.width}" height="{image.height}"'
        if picture.pixels or len(data) < JPEG_FROM:
            return _uri("image/png", data), size
        smaller = io.BytesIO()
        image.convert("RGB").save(smaller, "JPEG", quality=JPEG_QUALITY, subsampling=0)
    return _uri("image/jpeg", smaller.getvalue()), size


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _table(table: Table) -> str:
    first, *others = table.head
    head = f'<th scope="col">{escape(first)}</th>' + "".join(
        f'<th scope="col" class="number">{escape(name)}</th>' for name in others
    )
    body = "".join(
        f'<tr><th scope="row">{escape(row[0])}</th>'
        + "".join(f'<td class="number">{escape(cell)}</td>' for cell in row[1:])
        + "</tr>"
        for row in table.rows
    )
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.caption)}"><table>'
            f"<caption>{escape(table.caption)}</caption><thead><tr>{head}</tr></thead><tbody>{body}</tbody>"
            "</table></div>")  # fmt: skip


def _text(text: Text) -> str:
    return (f'<h3>{escape(text.caption)}</h3>\n<pre class="scroll" tabindex="0" role="region" '
            f'aria-label="{escape(text.caption)}">{escape(text.body)}</pre>')  # fmt: skip


def _weights(weights: dict[str, Any]) -> str:
    about = weights["metadata"]
    parts = [f"{weights['parameters']:,} parameters", f"{weights['bytes'] / 1e6:.2f} MB"]
    parts += [f"{what} {about[key]}" for key, what in (("licence", "licence"), ("source", "source")) if key in about]
    parts.append(f"sha256 {weights['sha256'][:16]}")
    name = escape(weights["name"])
    said = f'<p class="soft">Weights: <code>{name}.safetensors</code>, {escape(", ".join(parts))}</p>'
    if weights["record"]:
        record = json.dumps(weights["record"], indent=2)
        said += ("<details><summary>Record of training and measurement</summary>"
                 f'<pre tabindex="0">{escape(record)}</pre></details>')  # fmt: skip
    return said


def write(path: Path, exhibits: list[Exhibit], facts: Facts) -> None:
    path.write_text(page(exhibits, facts), encoding="utf-8")
