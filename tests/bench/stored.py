"""Lookups in a store that grows."""

import os
import subprocess

from ground import LabError, bindir, figures


def scale(ground, table, plan):
    directory = os.path.join(ground.dir, "scale")
    os.makedirs(directory)
    program = os.path.join(bindir(), "tests", "bench", "store_scale")
    done = subprocess.run([program, directory, *map(str, plan.stored)],
                          capture_output=True, text=True, check=False,
                          timeout=300)
    if done.returncode != 0:
        raise LabError(f"store_scale: {done.stderr.strip()}")
    lines = [figures(line) for line in done.stdout.splitlines()]
    first = lines[0]
    for line in lines:
        what = f"store, {line['policies']:.0f} policies"
        table.row(what, "p99 of a lookup", f"{line['p99_us']:.1f} us",
                  f"{first['p99_us']:.1f} us",
                  line["p99_us"] / first["p99_us"], "", "<= 1.2")
        # The same without what else the machine does.
        table.row(what, "p99 of its CPU", f"{line['cpu_p99_us']:.1f} us",
                  f"{first['cpu_p99_us']:.1f} us",
                  line["cpu_p99_us"] / first["cpu_p99_us"], "", "<= 1.2")
        table.row(what, "CPU of a lookup", f"{line['cpu_us']:.1f} us",
                  f"{first['cpu_us']:.1f} us",
                  line["cpu_us"] / first["cpu_us"])
        table.row(what, "pages mapped, a lookup", f"{line['faults']:.3f}", "",
                  None)
        table.row(what, "opening", f"{line['open_ms']:.0f} ms", "1000 ms",
                  line["open_ms"] / 1000, "", "<= 1")
        table.row(what, "file, per policy",
                  f"{line['file_octets'] / line['policies']:.0f} B", "", None)
        table.row(what, "RssAnon, all so far",
                  f"{line['anon_kb'] / 1024:.1f} MB", "", None)
