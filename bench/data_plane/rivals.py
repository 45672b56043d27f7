"""The programs beside which patroni_proxy is measured: this machine's, and those of later releases of
Debian, from the roots that scripts/in-release has made."""

import dataclasses
import os
import pathlib
import re
import shutil
import subprocess

RELEASES = pathlib.Path(os.environ.get("RELEASES_DIR") or pathlib.Path(
    os.environ.get("XDG_CACHE_HOME") or "/var/cache") / "patroni_proxy-releases")


@dataclasses.dataclass(frozen=True)
class Rival:
    name: str
    kind: str  # haproxy, nginx or pgbouncer
    command: tuple  # how it is started, without its arguments
    root: str = ""  # its release's, with a slash before it; empty: this machine
    splices: bool = True

    def version(self):
        done = subprocess.run([*self.command, "-V" if self.kind == "pgbouncer" else "-v"],
                              capture_output=True, text=True)
        return re.search(r"\d+\.\d+[0-9.]*", done.stdout + done.stderr)[0]

    def arguments(self, file):
        return {"haproxy": ["-db", "-f", file], "nginx": ["-c", file],
                "pgbouncer": ["-q", "-u", "postgres", file]}[self.kind]


def in_root(release, program):
    """The command of a release's program with that release's libraries; empty if it is not there."""
    root = RELEASES / release
    binary = root / "usr/sbin" / program
    loader = root / "lib64/ld-linux-x86-64.so.2"
    if not binary.exists() or not loader.exists():
        return ()
    return (str(loader), "--library-path", str(root / "usr/lib/x86_64-linux-gnu"), str(binary))


def proxies():
    """Those that pass any bytes on."""
    found = [Rival("", program, (program,)) for program in ("haproxy", "nginx")]
    for release in ("trixie", "forky"):
        for program in ("haproxy", "nginx"):
            if command := in_root(release, program):
                found.append(Rival("", program, command, str(RELEASES / release)))
    found = [dataclasses.replace(each, name=f"{each.kind} {'.'.join(each.version().split('.')[:2])}")
             for each in found]
    newest = [each for each in found if each.kind == "haproxy"][-1]
    found.append(dataclasses.replace(newest, name=f"{newest.name}, copying", splices=False))
    return found


def poolers():
    """For real clients only: they speak PostgreSQL's protocol themselves."""
    there = shutil.which("pgbouncer")
    return [Rival("pgbouncer, session mode", "pgbouncer", (there,))] if there else []
