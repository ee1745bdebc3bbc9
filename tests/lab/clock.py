"""The clocks of a daemon that is started with clock.so, see clock.c."""

import mmap
import os
import struct
import subprocess

from daemon import bindir


class Clock:
    """What time a process believes it is."""

    def __init__(self, home):
        os.makedirs(home, exist_ok=True)
        self.path = os.path.join(home, "clock")
        self.library = os.path.join(bindir(), "tests", "lab", "clock.so")
        with open(self.path, "wb") as f:
            f.write(bytes(16))
        fd = os.open(self.path, os.O_RDWR)
        self._page = mmap.mmap(fd, 16)
        os.close(fd)

    def set(self, wall_s, monotonic_s=0):
        """A jump to so many seconds beside the true time."""
        self._page[:] = struct.pack("qq", wall_s, monotonic_s)

    def wrapper(self):
        """The words before the daemon's command; none: a build of the daemon
        that bears no library before its own."""
        words = ["env", "LD_PRELOAD=" + self.library,
                 "CLOCK_OFFSET_FILE=" + self.path]
        daemon = os.path.join(bindir(), "dane-sts-milter")
        done = subprocess.run([*words, daemon, "-V"], capture_output=True,
                              check=False)
        good = done.returncode == 0 and not done.stderr
        return words if good else []
