"""What else goes on: an idle daemon, domains that are stuck, recipients that
have to wait among others that need not."""

import concurrent.futures
import time

from ground import Pairs, load, rss_kb, wake_ups

# libmilter's threads have this name, too; it has no timer of its own.
MAIN_THREAD = "dane-sts-milter"
IDLE_S = 60
IDLE_QUICK_S = 10
STUCK = 500
SLOW_MS = 500
BURST = 16


def idle(ground, table, plan):
    """Nothing is asked. Beside: what libmilter does by itself."""
    pid = ground.daemon_start()
    null = ground.serve("null_milter")
    time.sleep(1)  # the start's own work
    rss = rss_kb(pid)
    load("milter_load", ground.socket("null_milter"), 1, 0.2, ["a.test"])
    load("milter_load", ground.socket("daemon"), 1, 0.2, ["secure.test"])
    time.sleep(1)
    seconds = IDLE_QUICK_S if plan.quick else IDLE_S
    before, of_null = wake_ups(pid), wake_ups(null)
    time.sleep(seconds)
    ours = wake_ups(pid) - before
    theirs = wake_ups(null) - of_null
    per_minute = 60 / seconds
    table.row("idle", "wake-ups a minute",
              f"{ours.total() * per_minute:.0f}",
              f"{theirs.total() * per_minute:.0f}", None)
    for name, n in sorted(ours.items()):
        beside = "libmilter" if name == MAIN_THREAD else ""
        table.row("idle", f"of those: {name}", f"{n * per_minute:.0f}",
                  beside, None)
    table.row("idle", "RSS", f"{rss / 1024:.1f} MB", "30 MB", rss / 1024 / 30,
              "", "<= 1")
    table.row("idle", "RSS after some mail", f"{rss_kb(pid) / 1024:.1f} MB",
              "", None)
    ground.daemon_stop()
    ground.processes.stop("null_milter")


def stuck(ground, table, plan):
    """Warm recipients alone, and beside 500 whose domains do not answer."""
    pid = ground.daemon_start(deadline="4s")
    ours = ground.socket("daemon")
    load("milter_load", ours, 1, 0.2, ["secure.test"], pid)
    ground.tamper(["rule", "fwd", ".nsec3.test", "*", "drop"])

    def warm():
        return load("milter_load", ours, 10, plan.seconds, ["secure.test"],
                    pid)

    def beside():
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            other = pool.submit(load, "milter_load", ours, STUCK,
                                plan.seconds + 1, ["s#.nsec3.test"])
            time.sleep(1)
            result = warm()
            other.result()
        return result

    pairs = Pairs(plan.stuck_rounds, beside, warm)
    table.pairs(f"warm beside {STUCK} stuck", "p99", pairs, "p99_us",
                "<= 1.5", "{:.0f} us")
    table.pairs(f"warm beside {STUCK} stuck", "CPU", pairs, "cpu_us", "",
                "{:.2f} us")
    ground.tamper(["clear"])
    ground.daemon_stop()


def burst(ground, table, plan):
    """Eight that have to be looked up and eight that need not, all at the
    same moment."""
    pid = ground.daemon_start()
    ours = ground.socket("daemon")
    load("milter_load", ours, 1, 0.2, ["secure.test"], pid)
    ground.tamper(["rule", "fwd", ".nsec3.test", "*", "delay", str(SLOW_MS)])
    words = ["-b"]
    mixed = load("milter_load", ours, BURST, plan.burst_s,
                 ["b#.nsec3.test", "secure.test"], pid, words)
    alone = load("milter_load", ours, BURST // 2, plan.burst_s,
                 ["secure.test"], pid, words)
    fast = mixed["keys"]["secure.test"]
    slow = mixed["keys"]["b#.nsec3.test"]
    for name in ("p50_us", "p99_us"):
        table.row("burst: 8 fast beside 8 slow", name[:3] + " of the fast",
                  f"{fast[name]:.0f} us", f"{alone[name]:.0f} us",
                  fast[name] / alone[name])
    table.row("burst: 8 fast beside 8 slow", "p50 of the slow",
              f"{slow['p50_us'] / 1000:.0f} ms", f"{SLOW_MS} ms",
              slow["p50_us"] / 1000 / SLOW_MS)
    ground.tamper(["clear"])
    ground.daemon_stop()
