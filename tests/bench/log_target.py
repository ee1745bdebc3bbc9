"""Warm recipients whose lines go to syslog, beside a file."""

import os
import shlex

from ground import Pairs, bindir, load
from warm import DOMAINS, warm_up

SINK = "syslog_sink"
CONNECTIONS = 10

# A /dev with nothing in it but what the daemon needs, and our own log.
DEV = """\
mkdir -p {old} && mount --rbind /dev {old} && mount -t tmpfs none /dev &&
for node in null zero full random urandom; do
	touch /dev/$node && mount --bind {old}/$node /dev/$node || exit 1
done && ln -s {log} /dev/log && exec "$@"
"""


def in_own_dev(ground, log):
    """A command that goes before another one."""
    script = DEV.format(old=shlex.quote(os.path.join(ground.dir, "dev")),
                        log=shlex.quote(log))
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
            script, "sh"]


def syslog(ground, table, plan):
    """A syslog daemon that keeps nothing."""
    path = os.path.join(ground.sockets, SINK)
    sink = os.path.join(bindir(), "tests", "bench", SINK)
    ground.processes.start(SINK, [sink, path], lambda: os.path.exists(path))
    socket = ground.socket("daemon")

    def run(target, wrapper=()):
        pid = ground.daemon_start(wrapper=wrapper, **target)
        warm_up(ground, socket, pid)
        result = load("milter_load", socket, CONNECTIONS, plan.seconds,
                      DOMAINS, pid)
        ground.daemon_stop()
        return result

    own_dev = in_own_dev(ground, path)
    pairs = Pairs(plan.stuck_rounds,
                  lambda: run({"log": "syslog"}, own_dev), lambda: run({}))
    what = f"syslog, {CONNECTIONS} connections"
    table.pairs(what, "CPU, beside a file", pairs, "cpu_us", "", "{:.2f} us")
    table.pairs(what, "rate, beside a file", pairs, "rate", "", "{:.0f}/s")
    ground.processes.stop(SINK)
