"""Recipients and next hops whose verdict is in memory."""

import sts_resolver
from ground import LabError, Pairs, load

DOMAINS = ["secure.test"]


def warm_up(ground, socket, pid):
    """Each domain once."""
    load("milter_load", socket, len(DOMAINS), 0.2, DOMAINS, pid)


def recipients(ground, table, plan):
    """The filter beside one that does nothing."""
    pid = ground.daemon_start(**plan.options)
    null = ground.serve("null_milter")
    ours, theirs = ground.socket("daemon"), ground.socket("null_milter")
    warm_up(ground, ours, pid)
    for n in plan.connections:
        pairs = Pairs(
            plan.rounds,
            lambda n=n: load("milter_load", ours, n, plan.seconds, DOMAINS,
                             pid),
            lambda n=n: load("milter_load", theirs, n, plan.seconds, DOMAINS,
                             null))
        name = f"warm RCPT, {n} connections"
        table.pairs(name, "rate", pairs, "rate", ">= 0.97", "{:.0f}/s")
        table.pairs(name, "CPU", pairs, "cpu_us", "<= 1.05", "{:.2f} us")
        table.pairs(name, "p99", pairs, "p99_us", "<= 1.1", "{:.0f} us")
        if sum(result["odd"] for result in pairs.a):
            table.note(f"{name}: a recipient was not let through")
    ground.daemon_stop()
    ground.processes.stop("null_milter")


def answer_of(socket, key):
    """What a socketmap says."""
    import socket as sockets
    with sockets.socket(sockets.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(socket.partition(":")[2])
        text = f"postfix {key}".encode()
        s.sendall(b"%d:%s," % (len(text), text))
        head, _, data = s.recv(4096).partition(b":")
        return data[:int(head)].decode()


def next_hops(ground, table, plan):
    """The socketmap beside a server that always says the same, and beside the
    one that others have."""
    pid = ground.daemon_start(**plan.options)
    answer = answer_of(ground.socket("daemon-map"), DOMAINS[0])
    fixed = ground.serve("socketmap_fixed", answer)
    _next_hops(ground, table, plan, "socketmap", pid,
               (ground.socket("socketmap_fixed"), fixed), ">= 0.6")
    ground.processes.stop("socketmap_fixed")
    why = sts_resolver.why_not()
    if why:
        table.note(f"left out: {why}")
    else:
        for cache in sts_resolver.CACHES:
            _beside_sts_resolver(ground, table, plan, pid, cache)
    ground.daemon_stop()


def _beside_sts_resolver(ground, table, plan, pid, cache):
    name = sts_resolver.NAME
    theirs, socket = sts_resolver.start(ground, cache)
    answer = answer_of(socket, DOMAINS[0])
    if not answer.startswith("OK secure "):
        raise LabError(f"{name} says {answer}")
    _next_hops(ground, table, plan, f"{name}/{cache}", pid, (socket, theirs),
               ">= 10")
    ground.processes.stop(name)


def _next_hops(ground, table, plan, what, pid, other, goal):
    """other: its socket and pid."""
    ours, (theirs, their_pid) = ground.socket("daemon-map"), other
    for n, width in plan.pipelines:
        words = ["-w", str(width)]
        pairs = Pairs(
            plan.rounds,
            lambda n=n, w=words: load("socketmap_load", ours, n, plan.seconds,
                                      DOMAINS, pid, w),
            lambda n=n, w=words: load("socketmap_load", theirs, n,
                                      plan.seconds, DOMAINS, their_pid, w))
        name = f"{what}, {n}x{width}"
        table.pairs(name, "answers per CPU second", pairs, "cpu_us", goal,
                    "{:.2f} us", inverse=True)
        table.pairs(name, "rate", pairs, "rate", "", "{:.0f}/s")
