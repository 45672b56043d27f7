#!/usr/bin/env python3
"""usage: screen_of.py [--keys KEYS --then PATTERN] --until PATTERN -- COMMAND...

Runs a command on a terminal of 100 columns and 30 lines until its screen shows PATTERN (a regular
expression), types KEYS, and waits for the pattern after `--then`. Prints the last screen. Exits 1 if
20 seconds were not enough, or if the command ended before.
"""
import argparse
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

import pyte

COLUMNS, LINES, PATIENCE = 100, 30, 20.0


class Terminal:
    def __init__(self, command):
        self.screen = pyte.Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "linux"
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))

    def text(self):
        return "\n".join(line.rstrip() for line in self.screen.display)

    def wait_for(self, pattern):
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.text()):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return False
            try:
                self.stream.feed(os.read(self.fd, 65536))
            except OSError:  # the command has ended
                return bool(re.search(pattern, self.text()))
        return True

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def end(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--until", required=True)
    parser.add_argument("--keys")
    parser.add_argument("--then")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    terminal = Terminal(options.command)
    good = terminal.wait_for(options.until)
    if good and options.keys:
        terminal.type(options.keys)
        good = terminal.wait_for(options.then)
    print(terminal.text())
    terminal.end()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
