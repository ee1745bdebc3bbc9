"""The filter under a systemd that is booted in the root: in the sandbox of its
unit, judging the lab's domains."""

import os
import shutil
import signal
import subprocess
import tempfile

from package_root import Failure, run
from package_stages import CONF, INET, NAME, expect, expect_answer
import milter
from process import LabError, Processes, wait_for

LAB_CONF = "/etc/dane-sts-lab"
SOCKET = "/var/spool/postfix/dane-sts/milter.sock"
DROP_IN = f"/etc/systemd/system/{NAME}.service.d"
# What the kernel has to say of a process that is confined.
CONFINED = {"NoNewPrivs": "1", "Seccomp": "2",
            "CapEff": "0000000000000000", "CapBnd": "0000000000000000"}
VERDICTS = ((b"secure.test", "continue"),
            (b"unsigned.test", "450 4.7.5 unsigned.test: DNSSEC required by "
             "policy, MX of unsigned.test: insecure"))


# systemd 258 and later boot on the unified hierarchy alone. A host with the old
# one can have both.
UNIFIED = ["unshare", "--mount", "sh", "-ec",
           'stat -fc %T /sys/fs/cgroup | grep -qx cgroup2fs || '
           'mount -t cgroup2 cgroup2 /sys/fs/cgroup\n'
           'exec "$@"', "sh"]


class Container:
    """systemd in the root, as it is on a host."""

    def __init__(self, root, directory):
        self.root = root
        self.log = os.path.join(directory, "console")
        with open(self.log, "wb") as out:
            self.nspawn = subprocess.Popen(
                [*UNIFIED, "systemd-nspawn", "--quiet", "--register=no",
                 "--keep-unit", "--machine=dane-sts", "-D", root.dir, "--boot"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        self.init = wait_for(self._find_init, 30, "systemd")
        wait_for(self._is_up, 60, "boot")

    def _find_init(self):
        if self.nspawn.poll() is not None:
            with open(self.log, encoding="utf-8", errors="replace") as f:
                raise Failure("systemd-nspawn ended: " + f.read()[-2000:])
        return next((pid for pid in os.listdir("/proc") if pid.isdigit()
                     and self._is_init(pid)), None)

    @staticmethod
    def _is_init(pid):
        try:
            with open(f"/proc/{pid}/status", encoding="ascii") as f:
                text = f.read()
        except OSError:
            return False
        numbers = next((line.split() for line in text.splitlines()
                        if line.startswith("NSpid:")), [])
        return len(numbers) > 2 and numbers[-1] == "1" and \
            "Name:\tsystemd\n" in text

    def _is_up(self):
        state = self.systemctl("is-system-running", status=None).strip()
        return state in ("running", "degraded")

    def systemctl(self, *words, status=0):
        """systemctl inside."""
        return run(["nsenter", "--target", self.init, "--mount", "--uts",
                    "--ipc", "--pid", "--root", "--wd", "systemctl",
                    "--no-pager", *words], status=status)

    def show(self, field):
        """A property of the filter's service."""
        return self.systemctl("show", "-P", field, NAME).strip()

    def expect_state(self, state):
        """Whether it is active."""
        expect(self.systemctl("is-active", NAME, status=None).strip(), state,
               "state")

    def main_pid(self):
        """The filter's, as it is seen from outside."""
        inside = self.show("MainPID")
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/status", encoding="ascii") as f:
                    text = f.read()
            except OSError:
                continue
            if f"Name:\t{NAME[:15]}\n" in text and \
                    f"\t{inside}\n" in text.partition("NSpid:")[2]:
                return pid
        return None

    def end(self):
        """Shut it down."""
        self.nspawn.send_signal(signal.SIGTERM)
        self.nspawn.wait(60)


def raise_lab(directory):
    """The lab's DNS and policy hosts: the daemon's options. None: it cannot
    be run here."""
    from stage import Stage
    processes = Processes(directory)
    why = Stage(directory, processes).why_not()
    if why:
        print("    left out, the lab: " + why)
        return None
    from daemon import Daemon
    from domains import DOMAINS
    from policies import Policies
    from world import World
    os.chmod(directory, 0o755)
    world = World(os.path.join(directory, "world")).build().start()
    ca_file = Policies(directory, processes).start(world.net.policy(1),
                                                   DOMAINS)
    return Daemon(directory, processes).base(
        INET, world.info(), ca_file, ["127.80.0.0/16", "::1/128"])


def take_options(root, options):
    """The lab's options, with what they name copied into the root, and the
    rest as the package has it."""
    from daemon import literal
    os.makedirs(root.path(LAB_CONF), exist_ok=True)
    for name in ("unbound_conf", "trust_anchor", "ca_file"):
        copied = os.path.join(LAB_CONF, os.path.basename(options[name]))
        shutil.copy(options[name], root.path(copied))
        os.chmod(root.path(copied), 0o644)
        options[name] = copied
    for name in ("user", "store", "control_socket", "log"):
        del options[name]
    root.write(CONF, "".join(f"{name} = {literal(value)}\n"
                             for name, value in options.items()))


def verdict(domain):
    """What the filter says to a recipient."""
    with milter.Session(INET) as session:
        session.mail()
        return str(session.rcpt(b"<u@" + domain + b">",
                                milter.smtp_macros(domain)))


def expect_verdicts(root):
    """Resolver, fetch and store all work in the sandbox: the policy has to be
    fetched for the one that is refused, and it has to be kept."""
    for domain, wanted in VERDICTS:
        expect(verdict(domain), wanted, domain.decode())
    expect("unsigned.test" in root.run("dane-sts", "cache", "list"), True,
           "the policy is stored")


def expect_confined(container):
    """What the kernel says."""
    with open(f"/proc/{container.main_pid()}/status", encoding="ascii") as f:
        fields = dict(line.rstrip("\n").split(":\t", 1) for line in f
                      if ":\t" in line)
    for name, wanted in CONFINED.items():
        expect(fields[name], wanted, name)


def expect_reload(root, container):
    """A good one, and one that is not."""
    pid = container.show("MainPID")
    container.systemctl("reload", NAME)
    good = root.read(CONF)
    root.write(CONF, "mode = nonsense\n", "a")
    container.systemctl("reload", NAME, status=1)
    root.write(CONF, good)
    container.expect_state("active")
    expect(container.show("MainPID"), pid, "the same process")


def expect_restarted(container, signum, what):
    """Ended or hung, it comes back."""
    before = container.main_pid()
    os.kill(int(before), signum)
    wait_for(lambda: container.main_pid() not in (None, before), 60, what)
    wait_for(lambda: container.systemctl("is-active", NAME, status=None)
             .strip() == "active", 30, what)
    expect_answer()
    print(f"    {what}: started anew", flush=True)


def expect_unix_socket(root, container):
    """In the chroot of Postfix, of its group, though chown is forbidden."""
    good = root.read(CONF)
    root.write(CONF, good.replace(INET, "unix:" + SOCKET) +
               'socket_group = "postfix"\n')
    container.systemctl("restart", NAME)
    wait_for(lambda: root.exists(SOCKET), 30, SOCKET)
    expect(root.owner(SOCKET), "dane-sts:postfix 660", SOCKET)
    expect_answer("unix:" + root.path(SOCKET))
    root.write(CONF, good)
    container.systemctl("restart", NAME)


def proof(root, container):
    """All that is said of the unit."""
    wait_for(lambda: container.show("ActiveState") == "active", 30, "start")
    expect_confined(container)
    if root.exists(LAB_CONF):
        expect_verdicts(root)
    else:
        expect_answer()
    expect_reload(root, container)
    expect_restarted(container, signal.SIGKILL, "killed")
    expect_restarted(container, signal.SIGSTOP, "hung, says the watchdog")
    expect_unix_socket(root, container)
    container.systemctl("stop", NAME)
    expect(container.show("Result"), "success", "stopped")


def systemd(root, _deb, _newer):
    """A systemd of the root's own."""
    if not shutil.which("systemd-nspawn"):
        print("    left out: systemd-nspawn is not installed "
              "(Debian: systemd-container)")
        return
    root.services(False)
    root.apt("--no-download", "install", "systemd-sysv", "dbus")
    root.run("systemctl", "mask", "sendmail.service")
    os.makedirs(root.path(DROP_IN), exist_ok=True)
    # The test need not wait for a minute.
    root.write(DROP_IN + "/watchdog.conf", "[Service]\nWatchdogSec=4s\n")
    root.write(CONF, "")
    # With a /proc of another's in it, systemd takes its root for a chroot.
    run(["umount", root.path("/proc")])
    with tempfile.TemporaryDirectory(prefix="dane-sts-lab.") as directory:
        options = raise_lab(directory)
        if options:
            take_options(root, options)
        container = Container(root, directory)
        try:
            proof(root, container)
        except (Failure, LabError, OSError):
            print(run(["chroot", root.dir, "journalctl", "--no-pager", "-n",
                       "60"], status=None))
            raise
        finally:
            container.end()
