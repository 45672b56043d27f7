"""To measure before whatever else the machine does."""

import contextlib
import os
import pathlib

AUTOGROUP = pathlib.Path("/proc/sys/kernel/sched_autogroup_enabled")


@contextlib.contextmanager
def before_others():
    """For this process and those it starts. Where the kernel groups processes by session, nice values
    only count within one, and every PostgreSQL backend has a session of its own: so that is off
    meanwhile, for the whole machine."""
    os.nice(-15)
    before = AUTOGROUP.read_text() if AUTOGROUP.exists() else ""
    if before:
        AUTOGROUP.write_text("0")
    try:
        yield
    finally:
        if before:
            AUTOGROUP.write_text(before)
