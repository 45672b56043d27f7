"""bench/results/failover.svg: a lane for each path, one example of each event."""

BIN = 0.1  # seconds, two attempts; neighbours of a kind become one bar
LEFT, WIDTH, LANE, GAP = 130, 640, 14, 5
BEFORE, AFTER = 1.0, 3.0  # seconds shown beside the outages

STYLE = """<style>
text { font: 11px sans-serif; fill: #444 } .h { font-weight: bold }
.ok { fill: #4f9d69 } .failed { fill: #d1432f } .held { fill: #e2b93b } .grid { stroke: #8886 }
@media (prefers-color-scheme: dark) { text { fill: #ccc } .ok { fill: #5fb37c } .failed { fill: #f0604a } }
</style>"""


def states(writes, path, begin, count):
    """What each bin is: "ok", "failed", "held" (somebody waits) or nothing."""
    found = [""] * count
    mine = [each for each in writes if each.path == path]

    def place(moment):
        return int((moment - begin) / BIN)

    def mark(position, state, over):
        if 0 <= position < count and found[position] in over:
            found[position] = state

    for each in mine:
        if each.ended - each.due > 0.2 and path != "direct":
            for position in range(max(0, place(each.due)), min(count, place(each.ended))):
                mark(position, "held", ("",))
    for each in mine:
        if each.ok:
            mark(place(each.ended), "ok", ("", "held"))
    for each in mine:
        if not each.ok and path != "direct":
            mark(place(each.ended), "failed", ("", "held", "ok"))
    # Attempts begin once in a bin, and end a little sooner or later.
    for position in range(1, count - 1):
        if not found[position] and found[position - 1] == found[position + 1]:
            found[position] = found[position - 1]
    return found


def bars(found):
    """State, first bin and number of bins of each run."""
    runs = []
    for position, state in enumerate(found):
        if runs and runs[-1][0] == state:
            runs[-1][2] += 1
        else:
            runs.append([state, position, 1])
    return [run for run in runs if run[0]]


def shown_seconds(writes, began):
    """To the last first success on the new primary, and a little more."""
    old = max(each.timeline for each in writes if each.ok and each.ended <= began)
    first = {}
    for each in writes:
        if each.ok and each.timeline > old:
            first[each.path] = min(first.get(each.path, each.ended), each.ended)
    return max(first.values()) - began + AFTER


def panel(names, event, seen, top):
    seconds = shown_seconds(seen["writes"], seen["began"])
    scale = WIDTH / (BEFORE + seconds)
    lines = [f'<text class="h" x="{LEFT}" y="{top + 11}">{event.name}</text>']
    bottom = top + 18 + len(names) * (LANE + GAP)
    step = next(each for each in (1, 2, 5, 10, 20) if seconds / each <= 12)
    for second in range(0, int(seconds) + 1, step):
        x = LEFT + (BEFORE + second) * scale
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{top + 16}" y2="{bottom}"/>'
                     f'<text x="{x:.1f}" y="{bottom + 11}" text-anchor="middle">{second} s</text>')
    for lane, name in enumerate(names):
        y = top + 18 + lane * (LANE + GAP)
        lines.append(f'<text x="{LEFT - 8}" y="{y + 11}" text-anchor="end">{name}</text>')
        count = int((BEFORE + seconds) / BIN)
        for state, first, length in bars(states(seen["writes"], name, seen["began"] - BEFORE, count)):
            lines.append(f'<rect class="{state}" x="{LEFT + first * BIN * scale:.1f}" y="{y}" '
                         f'width="{max(0.8, length * BIN * scale):.1f}" height="{LANE}"/>')
    return lines, bottom + 26


def picture(names, examples):
    """`examples`: raw results by event."""
    lines, top = [], 26
    for x, state, meaning in ((LEFT, "ok", "rows acknowledged"), (LEFT + 140, "failed", "all or some failed"),
                              (LEFT + 280, "held", "clients wait")):
        lines.append(f'<rect class="{state}" x="{x}" y="4" width="12" height="12"/>'
                     f'<text x="{x + 17}" y="14">{meaning}</text>')
    for event, seen in examples.items():
        more, top = panel(names, event, seen, top)
        lines += more
    width = LEFT + WIDTH + 20
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" '
            f'height="{top}">\n{STYLE}\n' + "\n".join(lines) + "\n</svg>\n")
