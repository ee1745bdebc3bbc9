"""The table: one row a figure, with what it is compared to."""

import datetime
import os
import platform
import subprocess

HEAD = ("what", "figure", "ours", "beside", "ratio", "spread", "goal", "")


def processor():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        for line in f:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


def commit():
    done = subprocess.run(
        ["git", "-C", os.path.dirname(os.path.abspath(__file__)), "describe",
         "--always", "--dirty", "--abbrev=12"],
        capture_output=True, text=True, check=False)
    return done.stdout.strip() or "no git"


def holds(value, goal):
    """Whether a goal such as ">= 0.97" is met; an empty one always is."""
    if not goal:
        return None
    relation, _, bound = goal.partition(" ")
    return value >= float(bound) if relation == ">=" else \
        value <= float(bound)


class Table:
    """Printed as it grows, so that a run that is cut short tells a part."""

    def __init__(self, quick):
        self.missed = 0
        print(f"{processor()}, {os.cpu_count()} processors, "
              f"Linux {platform.release()}")
        print(f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M}"
              f" UTC, {commit()}{', quick' if quick else ''}, "
              f"load {os.getloadavg()[0]:.1f}\n")
        self._print(HEAD)

    @staticmethod
    def _print(cells):
        widths = (30, 24, 11, 11, 6, 11, 8, 6)
        print("  ".join(f"{cell:<{width}}" for cell, width
                        in zip(cells, widths)).rstrip(), flush=True)

    def row(self, what, figure, ours, beside, value, spread="", goal=""):
        met = holds(value, goal) if value is not None else None
        self.missed += met is False
        self._print((what, figure, ours, beside,
                     "" if value is None else f"{value:.2f}", spread, goal,
                     {None: "", True: "met", False: "missed"}[met]))

    def pairs(self, what, figure, pairs, field, goal, form, inverse=False):
        value, low, high = pairs.ratio(field, inverse)
        self.row(what, figure, form.format(pairs.median("a", field)),
                 form.format(pairs.median("b", field)), value,
                 f"{low:.2f}-{high:.2f}", goal)

    @staticmethod
    def note(text):
        print(f"  ! {text}", flush=True)
