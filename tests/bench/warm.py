"""Recipients and next hops whose verdict is in memory."""

from ground import Pairs, load

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


def answer_of(ground, key):
    """What the daemon says, so that the other one can say the same."""
    import socket
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(ground.socket("daemon-map").partition(":")[2])
        text = f"postfix {key}".encode()
        s.sendall(b"%d:%s," % (len(text), text))
        head, _, data = s.recv(4096).partition(b":")
        return data[:int(head)].decode()


def next_hops(ground, table, plan):
    """The socketmap beside a server that always says the same."""
    pid = ground.daemon_start(**plan.options)
    answer = answer_of(ground, DOMAINS[0])
    fixed = ground.serve("socketmap_fixed", answer)
    ours, theirs = ground.socket("daemon-map"), \
        ground.socket("socketmap_fixed")
    for n, width in plan.pipelines:
        words = ["-w", str(width)]
        pairs = Pairs(
            plan.rounds,
            lambda n=n, w=words: load("socketmap_load", ours, n, plan.seconds,
                                      DOMAINS, pid, w),
            lambda n=n, w=words: load("socketmap_load", theirs, n,
                                      plan.seconds, DOMAINS, fixed, w))
        name = f"socketmap, {n}x{width}"
        table.pairs(name, "answers per CPU second", pairs, "cpu_us", ">= 0.6",
                    "{:.2f} us", inverse=True)
        table.pairs(name, "rate", pairs, "rate", "", "{:.0f}/s")
    ground.daemon_stop()
    ground.processes.stop("socketmap_fixed")
