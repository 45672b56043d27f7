"""Runs clients.cpp for one event, and takes down what it says."""

import dataclasses
import subprocess
import threading
import time

PERIOD = 0.05
ANSWERED = 3  # seconds; clients.cpp waits less


@dataclasses.dataclass
class Write:
    path: str
    number: int
    due: float  # when it was to begin
    ended: float
    outcome: str  # "ok", "no connection", "no row", "unanswered"
    member: str
    timeline: int
    state: str  # SQLSTATE, where the server said one to a statement
    text: str

    @property
    def ok(self):
        return self.outcome == "ok"


@dataclasses.dataclass
class Long:
    """What was heard of a client that stays: of kind "session" or "reading"."""

    kind: str
    path: str
    what: str
    at: float
    more: list[str]


class Clients:
    def __init__(self, program, event, paths, cluster, log):
        self.writes = []
        self.longs = []
        self.begun = threading.Event()
        with open(log, "ab") as errors:
            self.process = subprocess.Popen([program, str(event), str(PERIOD * 1000)], text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()
        self.tell(*(line for path in paths for line in path.clients(cluster)), "")

    def tell(self, *lines):
        self.process.stdin.write("".join(f"{line}\n" for line in lines))
        self.process.stdin.flush()

    def read(self):
        for line in self.process.stdout:
            kind, *fields = line.rstrip("\n").split("\t")
            if kind == "write":
                path, number, due, ended, outcome, member, timeline, state, text = fields
                self.writes.append(Write(path, int(number), float(due), float(ended), outcome, member,
                                         int(timeline), state, text))
            elif kind in ("session", "reading"):
                path, what, at, *more = fields
                self.longs.append(Long(kind, path, what, float(at), more))
            elif kind == "ready":
                self.begun.set()

    def wait_for(self, condition, seconds):
        """`condition` is asked of all writes so far. False: not within so many seconds."""
        end = time.monotonic() + seconds
        while not condition(list(self.writes)):
            if time.monotonic() > end:
                return False
            if self.process.poll() is not None:
                raise RuntimeError("the clients have ended")
            time.sleep(0.1)
        return True

    def check(self):
        """Asks the idle sessions, and waits until each has answered or is known to hang."""
        self.tell("check")
        done = time.monotonic() + ANSWERED
        while time.monotonic() < done and any(what == "open" for what in self.sessions().values()):
            time.sleep(0.05)

    def sessions(self):
        """What was heard last of each."""
        return {each.path: each.what for each in list(self.longs) if each.kind == "session"}

    def end(self):
        self.tell("end")
        self.process.wait(30)
        self.reader.join(30)

    def kill(self):
        self.process.kill()
        self.process.wait()
