"""How a command fails, waits and says what it did."""

from __future__ import annotations

import time
from collections.abc import Callable


class Failure(Exception):
    """Something failed: the first line says what, further lines what to do."""

    exit_code = 1


class Misuse(Failure):
    """The command cannot work like this, or something that it needs is missing."""

    exit_code = 2


class Deadline:
    def __init__(self, seconds: float) -> None:
        self.began = time.monotonic()
        self.seconds = seconds

    def elapsed(self) -> float:
        return time.monotonic() - self.began

    def passed(self) -> bool:
        return self.elapsed() > self.seconds

    def left(self) -> float:
        """The timeout of what is tried once: never zero, which would mean no waiting at all."""
        return max(1, self.seconds - self.elapsed())

    def wait(self, condition: Callable[[], bool], pause: float = 0.05) -> bool:
        """True as soon as the condition holds, False once the time is over."""
        while not condition():
            if self.passed():
                return False
            time.sleep(pause)
        return True


def say(text: str, since: Deadline) -> None:
    print(f"{text} ({since.elapsed():.1f} s)", flush=True)
