#!/usr/bin/python3
"""A private signed DNS tree, served by real servers on loopback addresses.

    world.py DIR up      build and start; the servers stay
    world.py DIR down    stop them
    world.py DIR run     start, say where things are, stop at end of input
    world.py DIR info    say where things are, one KEY=VALUE a line
    world.py DIR with COMMAND...
                         run COMMAND with the world's DIR in DANE_STS_LAB
    world.py table       every domain of the lab as JSON

With run and with, DIR may be "-", a temporary one.

Three NSD serve the root, the registry test. and the customers' zones of
domains.py; unbound recurses over them without validating; tamper.py stands
before unbound (path "fwd", the forwarder) and before the customers' servers
(path "auth"). Needs the Debian packages nsd, unbound, ldnsutils,
openssl and python3-dnspython. Port 53, and with it recursion from root hints, is there for
root only; all else works on unprivileged ports.

Worlds may run side by side: each takes a free number N and lives on
127.x.N.y. As a module: World(DIR).build(), .start(), .stop().
"""

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import dns.exception
import dns.message
import dns.query

sys.path.insert(0, str(Path(__file__).resolve().parent))
from domains import DOMAINS  # noqa: E402
from zones import PATH, PORT, Net, make_zones, run  # noqa: E402

FORWARDER_PORT = 5353
TLS_PORT = 8530
TLS_NAME = "unbound.test"
START_TIMEOUT = 15.0
STOP_TIMEOUT = 10.0
# SHA-256 of nothing: a TLSA that matches no key. A test that delivers over
# TLS gives its own to World().
NO_KEY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def claim_net():
    """A number that no other world uses, and the socket that holds it."""
    for n in range(256):
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            claim.bind(f"\0dane-sts-lab-{n}")
            return Net(n), claim
        except OSError:
            claim.close()
    raise RuntimeError("256 worlds are running")


def may_bind_53(net):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind((net.server("root"), 53))
            return True
        except OSError:
            return False


# --- processes


def start_time(pid):
    """What tells a process from a later one of the same number."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]


def await_true(what, condition, timeout):
    end = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"waited in vain for {what}")
        time.sleep(0.02)


def answers(address, port, name, kind):
    try:
        reply = dns.query.udp(dns.message.make_query(name, kind), address, timeout=1, port=port)
        return reply.rcode() == 0
    except (OSError, dns.exception.DNSException):
        return False


NSD_CONF = """\
server:
	username: ""
	chroot: ""
	zonesdir: "{dir}/zones"
	database: ""
	logfile: "{dir}/nsd-{role}.log"
	pidfile: "{dir}/nsd-{role}.pid"
	xfrdfile: "{dir}/nsd-{role}.xfrd"
	xfrdir: "{dir}"
	zonelistfile: "{dir}/nsd-{role}.zonelist"
	cookie-secret-file: ""
	server-count: 1
	rrl-ratelimit: 0
	rrl-whitelist-ratelimit: 0
	tcp-count: 200
{addresses}
remote-control:
	control-enable: no
{zones}
"""

UNBOUND_CONF = """\
server:
	directory: "{dir}"
	chroot: ""
	username: ""
	pidfile: "{dir}/unbound.pid"
	logfile: "{dir}/unbound.log"
	use-syslog: no
	num-threads: 1
	interface: {address}@{port}
	interface: {address}@{tls_port}
	tls-port: {tls_port}
	tls-service-key: "{dir}/tls.key"
	tls-service-pem: "{dir}/tls.pem"
	access-control: 127.0.0.0/8 allow
	module-config: "iterator"
	do-ip6: no
	do-not-query-localhost: no
	local-zone: "test." transparent
	infra-host-ttl: 1
	trust-anchor-signaling: no
remote-control:
	control-enable: no
{stubs}
"""

FRAGMENT = """\
# For the resolver inside the daemon, in the lab: test. is a name like others.
server:
	local-zone: "test." transparent
	trust-anchor-signaling: no
"""


class World:
    def __init__(self, directory, tlsa=NO_KEY, domains=DOMAINS, hosts=None):
        """hosts: the Net of the MX and policy hosts, None: the world's own."""
        self.dir = Path(directory).resolve()
        self.zones_dir = self.dir / "zones"
        self.tlsa = tlsa
        self.domains = domains
        self.hosts = hosts
        self.net = None
        self.claim = None
        self.privileged = False
        self.children = []
        if (self.dir / "world.json").exists():
            state = json.loads((self.dir / "world.json").read_text())
            self.net = Net(state["n"])
            self.privileged = state["privileged"]

    # --- where things are

    @property
    def trust_anchor(self):
        return str(self.dir / "root.key")

    @property
    def trust_anchor_ds(self):
        return str(self.dir / "root.ds")

    @property
    def root_hints(self):
        return str(self.dir / "root.hints")

    @property
    def forwarder(self):
        """The tampering one: what a test should use."""
        return f"{self.net.server('forwarder')}@{FORWARDER_PORT}"

    @property
    def unbound(self):
        return f"{self.net.server('unbound')}@{FORWARDER_PORT}"

    @property
    def control(self):
        return str(self.dir / "tamper.sock")

    def info(self):
        return {
            "dir": str(self.dir),
            "n": self.net.n,
            "forwarder": self.forwarder,
            "unbound": self.unbound,
            "tls": f"{self.net.server('unbound')}@{TLS_PORT}#{TLS_NAME}",
            "tls_ca": str(self.dir / "tls.pem"),
            "trust_anchor": self.trust_anchor,
            "trust_anchor_ds": self.trust_anchor_ds,
            "root_hints": self.root_hints,
            "conf_fragment": str(self.dir / "fragment.conf"),
            "stub_fragment": str(self.dir / "stub.conf"),
            "control": self.control,
            "recursion": "yes" if self.privileged else "no",
            "mx": self.net.mx(1),
            "policy": self.net.policy(1),
        }

    # --- building

    def build(self):
        self.zones_dir.mkdir(parents=True, exist_ok=True)
        self.net, self.claim = claim_net()
        self.privileged = may_bind_53(self.net)
        zones = make_zones(
            self.zones_dir, self.net, self.tlsa, self.domains, self.hosts or self.net
        )
        self.write_anchor(zones[0])
        hint = f". 3600000 NS root.ns.test.\nroot.ns.test. 3600000 A {self.net.server('root')}\n"
        Path(self.root_hints).write_text(hint)
        for role in ("root", "test", "customers"):
            self.write_nsd_conf(role, [z for z in zones if z.role == role])
        self.make_certificate()
        self.write_unbound_conf(zones)
        self.write_conf_fragment()
        (self.dir / "stub.conf").write_text(FRAGMENT + self.stubs(zones))
        state = {"n": self.net.n, "privileged": self.privileged}
        (self.dir / "world.json").write_text(json.dumps(state))
        return self

    def write_anchor(self, root):
        for path, record in ((self.trust_anchor, root.dnskey),
                             (self.trust_anchor_ds, root.ds)):
            Path(path).write_text(root.trust_anchors(self.zones_dir, record))

    def write_nsd_conf(self, role, zones):
        address = self.net.server(role)
        ports = [53, PORT] if self.privileged else [PORT]
        text = NSD_CONF.format(
            dir=self.dir,
            role=role,
            addresses="\n".join(f"\tip-address: {address}@{port}" for port in ports),
            zones="\n".join(
                f'zone:\n\tname: "{z.fqdn}"\n\tzonefile: "{z.stem}.served"'
                for z in zones
                if z.is_served
            ),
        )
        (self.dir / f"nsd-{role}.conf").write_text(text)

    def stubs(self, zones):
        return "".join(
            f'stub-zone:\n\tname: "{z.fqdn}"\n' f"\tstub-addr: {self.net.server(z.role)}@{PORT}\n"
            for z in zones
            if z.is_served
        )

    def make_certificate(self):
        command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30"
        names = ["-subj", f"/CN={TLS_NAME}", "-addext", f"subjectAltName=DNS:{TLS_NAME}"]
        run(*command.split(), *names, "-keyout", "tls.key", "-out", "tls.pem", cwd=self.dir)

    def write_unbound_conf(self, zones):
        text = UNBOUND_CONF.format(
            dir=self.dir,
            address=self.net.server("unbound"),
            port=FORWARDER_PORT,
            tls_port=TLS_PORT,
            stubs=self.stubs(zones),
        )
        (self.dir / "unbound.conf").write_text(text)

    def write_conf_fragment(self, path=None):
        """unbound_conf for the daemon: without it test. is answered locally."""
        path = Path(path or self.dir / "fragment.conf")
        path.write_text(FRAGMENT)
        return str(path)

    # --- running

    def start(self):
        try:
            for role in ("root", "test", "customers"):
                self.spawn("nsd", "-d", "-c", self.dir / f"nsd-{role}.conf")
            self.spawn("unbound", "-d", "-c", self.dir / "unbound.conf")
            self.spawn(
                sys.executable, Path(__file__).with_name("tamper.py"), self.control, *self.proxies()
            )
            await_true("the lab's DNS", self.is_ready, START_TIMEOUT)
            self.write_info()
        except BaseException:
            self.stop()
            raise
        return self

    def write_info(self):
        lines = [f"{key}={value}\n" for key, value in self.info().items()]
        (self.dir / "info").write_text("".join(lines))

    def proxies(self):
        forwarder = self.net.server("forwarder")
        specs = [f"fwd={self.forwarder},{self.unbound}"]
        if self.privileged:
            specs.append(f"fwd={forwarder}@53,{self.unbound}")
            customers = self.net.server("customers")
            specs.append(f"auth={self.net.server('tampered')}@53,{customers}@{PORT}")
        return specs

    def spawn(self, *command):
        keep = () if self.claim is None else (self.claim.fileno(),)
        with open(self.dir / "servers.log", "ab") as log:
            child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={"PATH": PATH, "PYTHONDONTWRITEBYTECODE": "1"},
                start_new_session=True,
                pass_fds=keep,
            )
        self.children.append(child)
        with open(self.dir / "pids", "a", encoding="ascii") as pids:
            pids.write(f"{child.pid} {start_time(child.pid)}\n")

    def is_ready(self):
        dead = [child.args[0] for child in self.children if child.poll() is not None]
        if dead:
            raise RuntimeError(f"{dead} ended; see {self.dir}/servers.log and *.log")
        host, port = self.forwarder.split("@")
        customer = self.domains[0].name + "."
        return (
            Path(self.control).exists()
            and answers(self.net.server("root"), PORT, ".", "SOA")
            and answers(self.net.server("test"), PORT, "test.", "SOA")
            and answers(self.net.server("customers"), PORT, customer, "SOA")
            and answers(host, int(port), customer, "MX")
        )

    def stop(self):
        """Ends what pids lists, and nothing else."""
        path = self.dir / "pids"
        if not path.exists():
            return
        running = [line.split() for line in path.read_text().splitlines()]
        for pid, started in running:
            if start_time(pid) == started:
                os.kill(int(pid), signal.SIGTERM)
        await_true(
            "the servers to end",
            lambda: self.reap() or all(start_time(pid) != t for pid, t in running),
            STOP_TIMEOUT,
        )
        path.unlink()
        Path(self.control).unlink(missing_ok=True)
        if self.claim is not None:
            self.claim.close()
            self.claim = None

    def reap(self):
        for child in self.children:
            child.poll()


class Tamper:
    """Commands to tamper.py, each in force when it returns."""

    def __init__(self, control):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(control)
        self.file = self.sock.makefile("rw", encoding="utf-8")

    def command(self, line):
        self.file.write(line + "\n")
        self.file.flush()
        verdict, _, value = self.file.readline().strip().partition(" ")
        if verdict != "ok":
            raise RuntimeError(f"{line}: {value}")
        return value


def table():
    """The domains with what is derived from them, for readers of JSON."""
    rows = []
    for domain in DOMAINS:
        row = asdict(domain)
        body = domain.policy_body
        row["txt"] = domain.txt_records
        row["policy_id"] = domain.policy_id
        row["policy_body"] = None if body is None else body.decode()
        row["mx_hosts"] = domain.mx_hosts
        rows.append(row)
    return rows


def print_info(world):
    for key, value in world.info().items():
        print(f"{key}={value}")
    sys.stdout.flush()


def until_end_of_input(world):
    print_info(world)
    print("ready", flush=True)
    while sys.stdin.buffer.read(4096):
        pass
    return 0


def run_command(world, command):
    """The command's exit code; 128 and more for a signal, as shells have it."""
    env = dict(os.environ, DANE_STS_LAB=str(world.dir))
    code = subprocess.run(command, env=env, check=False).returncode
    return code if code >= 0 else 128 - code


def inside(directory, act):
    """What act makes of a running world, which ends with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    if directory == "-":
        with tempfile.TemporaryDirectory(prefix="dane-sts-lab.") as temporary:
            return inside(temporary, act)
    world = World(directory).build()
    try:
        return act(world.start())
    finally:
        world.stop()


def main(args):
    if args == ["table"]:
        print(json.dumps(table(), indent=1))
        return 0
    if len(args) > 2 and args[1] == "with":
        return inside(args[0], lambda world: run_command(world, args[2:]))
    if len(args) != 2 or args[1] not in ("up", "down", "run", "info"):
        print(__doc__, file=sys.stderr)
        return 64
    if args[1] == "run":
        return inside(args[0], until_end_of_input)
    world = World(args[0])
    if args[1] == "up":
        world.build().start()
        print_info(world)
    elif args[1] == "down":
        world.stop()
    else:
        print_info(world)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
