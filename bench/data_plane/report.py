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

COLOURS = {"direct": "#b8b8b8", "haproxy": "#6b8ba4", "haproxy 3.2": "#3f5f7a", "nginx": "#8fae8b",
           "patroni_proxy": "#c8553d"}


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


def best(scenario, by_subject, rivals):
    """The rate of the best rival."""
    rates = [median(by_subject[name], "rate") for name in by_subject if name in rivals]
    return max(rates) if scenario.better == "rate" else min(rates)


def table(found, rivals):
    lines = []
    for scenario, by_subject in found.items():
        first = next(iter(by_subject.values()))[0]
        extra = [name for name in COLUMNS if name in first and name != scenario.better]
        lines += ["", f"### {scenario.title}", "",
                  "| | " + " | ".join([scenario.unit, "of haproxy", "of the best rival",
                                       *(COLUMNS[name] for name in extra)]) + " |",
                  "|---" * (4 + len(extra)) + "|"]
        bases = [median(by_subject["haproxy"], "rate"), best(scenario, by_subject, rivals)]
        for subject, runs in by_subject.items():
            rate = median(runs, "rate")
            ratios = [f"{rate / base:.2f}" if base else "-" for base in bases]
            lines.append(f"| {subject} | " + " | ".join(
                [text_of(rate), *ratios,
                 *(text_of(median(runs, name)) if subject != "direct" or "cpu" not in name else "-"
                   for name in extra)]) + " |")
    return lines


def picture(found, path):
    """What a user compares: more is better, HAProxy is 1."""
    wanted = [s for s in found if s.better == "rate" and "pgbench" not in s.title]
    names = [name for name in next(iter(found.values())) if name in COLOURS and name != "direct"]
    figure, axes = plt.subplots(figsize=(8, 0.42 * len(wanted) * len(names) / 2 + 1.2))
    height = 0.8 / len(names)
    for row, name in enumerate(names):
        ratios = [median(found[s][name], "rate") / median(found[s]["haproxy"], "rate") for s in wanted]
        places = [place + row * height for place in range(len(wanted))]
        axes.barh(places, ratios, height, label=name, color=COLOURS[name])
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(wanted))],
                    [s.title for s in wanted], fontsize=8)
    axes.invert_yaxis()
    axes.axvline(1, color="#888888", linewidth=0.8)
    axes.set_xlabel("throughput, HAProxy = 1 (one core each)")
    axes.legend(frameon=False, fontsize=8, loc="lower right")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def write(directory, groups, more, rounds, command, compared):
    """`groups`: heading and figures by scenario and subject; `more`: heading and figures by name;
    `compared`: the rivals."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True,
                            check=True).stdout.strip()
    lines = ["# The data plane beside HAProxy and nginx stream", "",
             f"Written by `{command}` at commit {commit} on {datetime.date.today()}; medians of "
             f"{rounds} interleaved rounds. How it is measured: docs/performance.md.", "",
             f"Machine: {machine(compared)}; shared with other work, before which all that is measured goes "
             "(nice -15).", "", "![throughput](data_plane.svg)"]
    for heading, found in groups.items():
        lines += ["", f"## {heading}", *table(found, {rival.name for rival in compared})]
    for heading, figures in more.items():
        lines += ["", f"## {heading}", "", "| | |", "|---|---|",
                  *(f"| {name} | {text_of(value)} |" for name, value in figures.items())]
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "data_plane.md").write_text("\n".join(lines) + "\n")
    picture(next(iter(groups.values())), directory / "data_plane.svg")
