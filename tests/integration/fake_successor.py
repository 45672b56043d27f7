#!/usr/bin/env python3
"""Stands in for the program that is to succeed a running proxy, up to some point: the file `step` beside
it says which. It serves nobody, even if it says that it has taken over."""
import contextlib
import os
import pathlib
import select
import signal
import socket
import sys
import time

HELLO, READY, REFUSED, TALLY, SESSIONS, END, TOOK_OVER, ADOPTED = 1, 5, 6, 7, 8, 10, 11, 16
NONE_SUCH = 0
TAKES_BATCHES = bytes([4, 1])

# As a former version, which takes all sessions at once.
AT_ONCE = ["amid the sessions", "before it takes over", "by hanging"]


def texts(fields):
    """The values of all fields that are texts."""
    found, at = [], 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = fields[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(fields):
        key, value = varint(), varint()
        if key & 1:
            found.append((key >> 1, fields[at:at + value]))
            at += value
    return found


def text_field(text):
    return bytes([3, len(text)]) + text


def main():
    step = (pathlib.Path(sys.argv[0]).parent / "step").read_text().strip()
    channel = socket.socket(fileno=int(os.environ["PATRONI_PROXY_UPGRADE"]))
    channel.setblocking(True)
    kept = []

    def receive(kind=None):
        while True:
            message, descriptors, _, _ = socket.recv_fds(channel, 200_000, 253)
            kept.extend(descriptors)
            if not message:
                sys.exit(1)
            if kind is None or message[0] == kind:
                return message

    def wait_for_nothing():
        """Before it says that what has come is adopted, nothing more comes."""
        if select.select([channel], [], [], 0.05)[0]:
            (pathlib.Path(sys.argv[0]).parent / "too_early").touch()

    def die():
        os.kill(os.getpid(), signal.SIGKILL)

    if step == "at its start":
        die()
    labels = []
    while (message := receive())[0] != END:
        if message[0] == 4:  # ports: each is a text with its label first
            labels += [dict(texts(port))[1] for _, port in texts(message[1:])]
    if step == "before it is ready":
        die()
    if step == "instead of being ready":
        channel.send(bytes([REFUSED]) + text_field(b"it is Friday"))
        time.sleep(60)
    if step == "with what nobody understands":
        channel.send(b"\x7fnonsense")
        time.sleep(60)
    batches = b"" if step in AT_ONCE else TAKES_BATCHES
    channel.send(bytes([READY]) + b"".join(text_field(label) for label in labels) + batches)
    if step == "when it is ready":
        die()
    if step == "amid the sessions":
        receive(SESSIONS)
        die()
    receive(END)
    if step == "before it takes over":
        die()
    if step == "by hanging":
        time.sleep(60)
    channel.send(bytes([TOOK_OVER]))
    if step == "after it has taken over":
        die()
    wait_for_nothing()
    if step == "deaf to batches":
        channel.shutdown(socket.SHUT_RD)
        channel.send(bytes([ADOPTED]))
        channel.send(bytes([REFUSED]) + text_field(b"it is Friday"))
        time.sleep(60)
    channel.send(bytes([ADOPTED]))
    receive(END)
    wait_for_nothing()
    if step == "with a batch":
        die()
    if step == "with no more batches":
        channel.send(bytes([REFUSED]) + text_field(b"it is Friday"))
        receive(NONE_SUCH)
    if step == "without a word":
        with contextlib.suppress(SystemExit):
            receive(NONE_SUCH)
        socket.socket(fileno=kept[-2]).send(b"mine\n")  # the last session's client
        sys.exit(0)
    sys.exit("no such step: " + step)


main()
