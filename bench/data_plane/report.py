"""bench/results/data_plane.md and its picture."""

import datetime
import pathlib
import platform
import re
import statistics
import subprocess

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "patroni_proxy"  # the same figures give the same file
matplotlib.rcParams["svg.fonttype"] = "none"  # text stays text
import matplotlib.pyplot as plt  # noqa: E402

COLOURS = {"haproxy": ("#a9bccb", "#6b8ba4", "#3f5f7a"), "nginx": ("#b9d3b5", "#7fa37a"),
           "patroni_proxy": ("#c8553d",)}


def machine(compared):
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())[1]
    cores = subprocess.run(["nproc"], capture_output=True, text=True, check=True).stdout.strip()
    versions = dict.fromkeys(f"{rival.kind} {rival.version()}" for rival in compared)
    return f"{model}, {cores} cores, Linux {platform.release()}; {', '.join(versions)}"


def median(runs, name):
    return statistics.median(run[name] for run in runs)


def text_of(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:,.1f}"


COLUMNS = {"p99_us": "p99, us", "cpu_us": "CPU each, us", "cpu_ms_per_gib": "CPU a GiB, ms",
           "kept_kib": "kept afterwards, KiB", "failed": "failed",
           "time_wait": "in TIME_WAIT towards the backend"}
CPU = ("cpu_us", "cpu_ms_per_gib")
OURS = "patroni_proxy"


def measured(by_subject):
    """Without those that failed each time, or whose turn did not come."""
    return {name: runs for name, runs in by_subject.items() if runs}


def newest_haproxy(rivals):
    return [rival.name for rival in rivals if rival.kind == "haproxy" and rival.splices][-1]


def best(by_subject, rivals, figure, more_is_better):
    """The best rival and its figure."""
    of_each = {rival.name: median(by_subject[rival.name], figure) for rival in rivals
               if rival.name in by_subject}
    name = (max if more_is_better else min)(of_each, key=of_each.get)
    return name, of_each[name]


def ratio(value, base):
    return f"{value / base:.2f}" if base else "-"


def table(found, rivals):
    base = newest_haproxy(rivals)
    lines = []
    for scenario, by_subject in found.items():
        by_subject = measured(by_subject)
        if base not in by_subject:
            continue
        first = by_subject[base][0]
        extra = [name for name in COLUMNS if name in first and name != scenario.better]
        cpu = next((name for name in CPU if name in first), None)
        heads = [scenario.unit, f"of {base}", "of the best rival", *(COLUMNS[name] for name in extra),
                 *([f"CPU of {base}"] if cpu else [])]
        lines += ["", f"### {scenario.title}", "", "| | " + " | ".join(heads) + " |",
                  "|---" * (len(heads) + 1) + "|"]
        rates = [median(by_subject[base], "rate"),
                 best(by_subject, rivals, "rate", scenario.better == "rate")[1]]
        for subject, runs in by_subject.items():
            rate = median(runs, "rate")
            cells = [text_of(rate), *(ratio(rate, other) for other in rates)]
            cells += ["-" if subject == "direct" and name in CPU else text_of(median(runs, name))
                      for name in extra]
            if cpu:
                cells.append("-" if subject == "direct" else
                             ratio(median(runs, cpu), median(by_subject[base], cpu)))
            lines.append(f"| {subject} | " + " | ".join(cells) + " |")
    return lines


def summary(groups, rivals):
    """Each scenario as one line: patroni_proxy beside the best rival."""
    base = newest_haproxy(rivals)
    lines = ["", "## patroni_proxy beside the best rival", "",
             f"| | rate, or p99 | of the best | which is | CPU of the cheapest | which is | CPU of {base} | p99 of the lowest |",
             "|---|---|---|---|---|---|---|---|"]
    for heading, found in groups.items():
        for scenario, by_subject in found.items():
            by_subject = measured(by_subject)
            if OURS not in by_subject or base not in by_subject:
                continue
            runs = by_subject[OURS]
            others = [rival for rival in rivals if rival.name in by_subject]
            name, rate = best(by_subject, others, "rate", scenario.better == "rate")
            cells = [f"{text_of(median(runs, 'rate'))} {scenario.unit}", ratio(median(runs, "rate"), rate), name]
            cpu = next((figure for figure in CPU if figure in runs[0]), None)
            if cpu:
                name, least = best(by_subject, others, cpu, False)
                cells += [ratio(median(runs, cpu), least), name,
                          ratio(median(runs, cpu), median(by_subject[base], cpu))]
            else:
                cells += ["-", "-", "-"]
            cells.append(ratio(median(runs, "p99_us"), best(by_subject, others, "p99_us", False)[1])
                         if "p99_us" in runs[0] else "-")
            lines.append(f"| {heading}: {scenario.title} | " + " | ".join(cells) + " |")
    return lines


def rates_of(page):
    """The rates on one core, by scenario and subject, as the page tells them."""
    rates = {}
    for part in page.split("\n## One core\n")[1].split("\n## ")[0].split("\n### ")[1:]:
        title, _, rest = part.partition("\n")
        rows = [[cell.strip() for cell in line.strip("|").split("|")]
                for line in rest.splitlines() if line.startswith("| ")]
        if rows[0][1].endswith("/s"):
            rates[title] = {row[0]: float(row[1].replace(",", "")) for row in rows[1:]}
    return rates


# One size of exchanges, and no flow that is held back: its rate says nothing.
SHOWN = re.compile(r"100 B / 1000 B|bulk, [^r]*$|bulk, .* both ways|close$")


def picture(page, path):
    """What a user compares: more is better, the newest HAProxy is 1."""
    rates = {title: of_each for title, of_each in rates_of(page).items() if SHOWN.search(title)}
    names = [name for name in next(iter(rates.values())) if name.split()[0] in COLOURS and
             not name.endswith("copying")]
    base = [name for name in names if name.startswith("haproxy")][-1]
    figure, axes = plt.subplots(figsize=(8, 0.11 * len(rates) * len(names) + 1.2))
    height = 0.84 / len(names)
    colours = {kind: iter(of_kind) for kind, of_kind in COLOURS.items()}
    for row, name in enumerate(names):
        ratios = [of_each.get(name, 0) / of_each[base] for of_each in rates.values()]
        axes.barh([place + row * height for place in range(len(rates))], ratios, height, label=name,
                  color=next(colours[name.split()[0]], "#cccccc"))
    axes.set_yticks([place + 0.42 - height / 2 for place in range(len(rates))], list(rates), fontsize=8)
    axes.invert_yaxis()
    axes.axvline(1, color="#888888", linewidth=0.8)
    axes.set_xlabel(f"throughput, {base} = 1 (one core each)")
    axes.margins(y=0.01)
    axes.legend(frameon=False, fontsize=8, loc="lower center", bbox_to_anchor=(0.4, 1), ncol=3)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def write(directory, groups, more, rounds, command, compared, note=""):
    """`groups`: heading and figures by scenario and subject; `more`: heading and figures by name;
    `compared`: the rivals. May be called again when there are more figures."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                            check=True).stdout.strip()
    lines = ["# The data plane beside HAProxy, nginx stream and PgBouncer", "",
             f"Written by `{command}` at commit {commit} on {datetime.date.today()}; medians of "
             f"{rounds} interleaved rounds. {note}How it is measured: docs/performance.md.", "",
             f"Machine: {machine(compared)}; shared with other work, before which all that is measured goes "
             "(nice -15).", "", "![throughput](data_plane.svg)", *summary(groups, compared)]
    for heading, found in groups.items():
        lines += ["", f"## {heading}", *table(found, compared)]
    for heading, figures in more.items():
        lines += ["", f"## {heading}", "", "| | |", "|---|---|",
                  *(f"| {name} | {text_of(value)} |" for name, value in figures.items())]
    directory.mkdir(parents=True, exist_ok=True)
    page = "\n".join(lines) + "\n"
    (directory / "data_plane.md").write_text(page)
    picture(page, directory / "data_plane.svg")
