#!/usr/bin/env python3
"""Starts the program that is to succeed a running proxy, and passes on what the two say to each other. At
one point, between two batches of sessions or amid the second one, it kills or stops the running proxy; the
file `step` beside it says which. The file `successor` has the new process's id, and `done` says that this has
happened."""
import os
import pathlib
import select
import signal
import socket
import subprocess
import sys

REFUSED, SESSIONS, ADOPTED = 6, 8, 16
SIGNALS = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


def main():
    here = pathlib.Path(sys.argv[0]).parent
    what, _, when = (here / "step").read_text().strip().partition(" ")
    old = socket.socket(fileno=int(os.environ["PATRONI_PROXY_UPGRADE"]))
    old.setblocking(True)
    new, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    its.setblocking(False)  # as the running proxy's own is
    environment = {**os.environ, "PATRONI_PROXY_UPGRADE": str(its.fileno())}
    child = subprocess.Popen([(here / "binary").read_text().strip(), *sys.argv[1:]],
                             pass_fds=[its.fileno()], env=environment)
    its.close()
    kept = here / "successor.part"
    kept.write_text(str(child.pid))
    kept.rename(here / "successor")
    counts = {SESSIONS: 0, ADOPTED: 0}
    trigger = {"between batches": ADOPTED, "amid a batch": SESSIONS}[when]
    heard = [old, new]

    def stop_the_old_one():
        os.kill(os.getppid(), SIGNALS[what])
        (here / "done").touch()
        if what == "kill":
            os._exit(0)  # the new process's channel ends, as it does without this one
        if when == "amid a batch":
            heard.remove(old)  # until the new one has lost its patience

    while True:
        for side in select.select(heard, [], [])[0]:
            other = new if side is old else old
            message, descriptors, _, _ = socket.recv_fds(side, 200_000, 253)
            if not message:
                other.shutdown(socket.SHUT_WR)
                heard.remove(side)
                if not heard:
                    return
                continue
            kind = message[0]
            if kind == REFUSED:
                heard[:] = [old, new]
            counts[kind] = counts.get(kind, 0) + 1
            now = kind == trigger and counts[kind] == 2
            if now and side is new:
                stop_the_old_one()
            try:
                socket.send_fds(other, [message], descriptors)
            except BrokenPipeError:
                side.shutdown(socket.SHUT_RD)
            for descriptor in descriptors:
                os.close(descriptor)
            if now and side is old:
                stop_the_old_one()


main()
