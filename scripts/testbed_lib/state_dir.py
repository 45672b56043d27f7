"""The state directory of a testbed: making, locking and removing it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .basics import Deadline, Failure, Misuse, say
from .cluster import Settings, Testbed
from .nodes import Member
from .processes import Account, end_processes


class StateDir:
    """The directory that holds everything. Only one command at a time may lock it."""

    def __init__(self, path: str) -> None:
        self.path = Path(path).resolve()
        self.settings_file = self.path / "testbed.json"

    def is_testbed(self) -> bool:
        return self.settings_file.exists()

    def check_path(self, account: Account) -> None:
        parent = self.path.parent
        if not parent.is_dir():
            raise Misuse(f"{parent} is not a directory")
        if subprocess.run(["test", "-x", str(parent)], cwd="/", **account.popen_options()).returncode != 0:
            raise Misuse(f"user {account.name}, who runs PostgreSQL, cannot enter {parent}",
                         "Choose a --state-dir whose parents everyone may enter, such as one below /tmp.")
        if len(str(self.path)) > 80:
            raise Misuse(f"{self.path} is too long: the path of a unix socket in it may have 107 characters",
                         "Choose a shorter --state-dir.")

    def check_usable(self) -> None:
        """Refuses a directory that holds something else: `down` would remove it."""
        if not os.access(self.path, os.R_OK | os.W_OK):
            raise Misuse(f"{self.path} belongs to {self.path.owner()}", f"Be root or {self.path.owner()} to use it.")
        if not self.is_testbed() and any(self.path.iterdir()):
            raise Misuse(f"{self.path} holds something else than a testbed", "Choose another --state-dir.")

    def prepare(self, settings: Settings, account: Account) -> None:
        """Creates what the servers need in the directory."""
        if self.path.stat().st_uid not in (0, account.uid, os.geteuid()):
            raise Misuse(f"{self.path} belongs to {self.path.owner()}", "Choose another --state-dir.")
        self.save(settings)
        log = self.path / "log"
        log.mkdir(exist_ok=True)
        for directory in (self.path, log):
            account.own(directory)
            directory.chmod(0o755)

    @contextlib.contextmanager
    def lock(self, create: bool = False) -> Iterator[None]:
        """Waits for other commands. The lock is on the directory itself: no file is left.
        Where there is no directory, and none is to be created, there is nothing to lock."""
        while True:
            if create:
                self.path.mkdir(exist_ok=True)
            try:
                handle = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
            except FileNotFoundError:
                yield
                return
            try:
                self.wait_for_lock(handle)
                if self.path.exists() and os.path.samestat(os.fstat(handle), os.stat(self.path)):
                    yield
                    return
            finally:
                with contextlib.suppress(OSError):
                    self.path.rmdir()  # where nothing came of it
                os.close(handle)

    def wait_for_lock(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("waiting for another testbed command", file=sys.stderr, flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)

    def save(self, settings: Settings) -> None:
        """Replaces the file in one step, because `status` reads it without a lock."""
        written = self.settings_file.with_suffix(".new")
        written.write_text(json.dumps(asdict(settings), indent=2))
        written.chmod(0o644)
        written.replace(self.settings_file)

    def load(self) -> Testbed:
        if self.path.exists():
            self.check_usable()
        try:
            settings = Settings(**json.loads(self.settings_file.read_text()))
        except FileNotFoundError:
            raise Failure(f"there is no testbed in {self.path}", "Start one with: testbed up") from None
        except (ValueError, TypeError) as error:
            raise Failure(f"{self.settings_file} cannot be read: {error}", "Run: testbed down") from None
        return Testbed(self.path, settings)

    def load_or_create(self, asked: dict[str, Any]) -> Testbed:
        if not self.is_testbed():
            self.check_usable()
            return Testbed(self.path, Settings(**asked))
        testbed = self.load()
        other = [f"{key}: {getattr(testbed.settings, key)}, not {value}" for key, value in asked.items()
                 if getattr(testbed.settings, key) != value]
        if other:
            raise Misuse("the testbed is there with other settings", *other, "First run: testbed down")
        return testbed


def down(state_dir: StateDir, account: Account) -> None:
    """Ends every process of the testbed and removes its directory, whatever state it is in."""
    began = Deadline(5)
    with state_dir.lock():
        exists = state_dir.path.exists()
        if exists:
            state_dir.check_usable()
        ended = end_processes(lambda node: node.startswith(f"{state_dir.path}/"), began)
        if exists:
            for data_dir in state_dir.path.glob("*/data"):
                Member(data_dir.parent.name, state_dir.path, "").remove_shared_memory(account)
            shutil.rmtree(state_dir.path)
    say(f"processes ended: {ended}; removed {state_dir.path}" if ended or exists else "there was nothing to end", began)
