"""What is done to the package. Each stage takes the root, the package and its
next version, and raises Failure; no network but the loopback is there."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "../lab"))

import milter  # noqa: E402
import smtp  # noqa: E402
from package_root import Failure  # noqa: E402
from process import accepts, wait_for  # noqa: E402

NAME = "dane-sts-milter"
CONF = "/etc/dane-sts-milter.conf"
STORE = "/var/lib/dane-sts-milter"
PID_FILE = "/run/dane-sts-milter.pid"
LOG = "/var/log/dane-sts-milter.log"
PORT = 8894
INET = f"inet:{PORT}@127.0.0.1"


def expect(value, wanted, what):
    """Say it when it is as it should be, else give up."""
    if value != wanted:
        raise Failure(f"{what}: {value!r}, not {wanted!r}")
    print(f"    {what}: {wanted}", flush=True)


def answer(spec):
    """What the filter says to a recipient, without a DNS to ask."""
    with milter.Session(spec) as session:
        session.mail()
        return str(session.rcpt(b"<u@example.org>",
                                milter.smtp_macros(b"example.org")))


def expect_answer(spec=INET):
    """It answers, and lets pass what it knows nothing about."""
    expect(answer(spec), "continue", "answer at " + spec)


def service(root, action, status=0):
    """The sysv script."""
    return root.run("/etc/init.d/" + NAME, action, status=status)


def identity(root, pid):
    """Name of the user whose process it is."""
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        uids = next(line for line in f if line.startswith("Uid:")).split()[1:]
    if len(set(uids)) != 1:
        raise Failure(f"more than one user: {uids}")
    return root.user(int(uids[0]))


def running(root):
    """Its process id."""
    service(root, "status")
    return int(root.read(PID_FILE))


# --- the package's life, under sysv


def expect_installed(root):
    """It runs, as its user, in its directories."""
    pid = running(root)
    expect(identity(root, pid), "dane-sts", "user")
    expect(root.owner(STORE), "dane-sts:dane-sts 700", STORE)
    expect(root.owner("/run/" + NAME), "dane-sts:dane-sts 755", "/run/" + NAME)
    expect_answer()
    return pid


def expect_gone(root, before):
    """Nothing is left that was not there before."""
    left = sorted(root.inventory() - before)
    expect(left, [], "left after the purge")
    expect(sorted(before - root.inventory()), [], "missing after the purge")


def upgrade(root, newer, pid):
    """To the next version, with a configuration file that was changed."""
    root.write(CONF, 'mode = "monitor"\n', "a")
    store = os.stat(root.path(STORE + "/data.mdb")).st_ino
    root.dpkg("-i", root.put(newer))
    expect(running(root) != pid, True, "restarted by the upgrade")
    expect_answer()
    expect(root.read(CONF).endswith('mode = "monitor"\n'), True,
           "changed configuration file is kept")
    expect(root.exists(CONF + ".dpkg-dist"), True, "the new one lies beside")
    expect(os.stat(root.path(STORE + "/data.mdb")).st_ino, store,
           "same store: inode")


def remove(root):
    """Configuration and policies stay."""
    root.dpkg("-r", NAME)
    expect(accepts("127.0.0.1", PORT), False, "listens after the removal")
    for name in (CONF, STORE + "/data.mdb"):
        expect(root.exists(name), True, name + " stays")
    for name in (PID_FILE, "/run/" + NAME, "/usr/sbin/" + NAME):
        expect(root.exists(name), False, name + " stays")


def expect_shipped(root):
    """What lies where a Debian user looks for it."""
    names = root.run("dpkg", "-L", NAME).splitlines()
    # Debian 12's debhelper looks for units in /lib alone.
    lib = "/lib" if root.release == "bookworm" else "/usr/lib"
    for name in (f"{lib}/systemd/system/{NAME}.service",
                 f"/usr/share/doc/{NAME}/README.Debian",
                 f"/usr/share/doc/{NAME}/NEWS.gz"):
        expect(name in names, True, name)
    expect(root.read(CONF).partition("mode")[0].endswith("defer nobody. See\n"
           f"# /usr/share/doc/{NAME}/README.Debian.\n#"), True,
           "the configuration begins with the mode")


def life(root, deb, newer):
    """Install, upgrade, remove, install again, purge."""
    root.services(True)
    before = root.inventory()
    root.dpkg("-i", root.put(deb))
    before |= {"root/" + os.path.basename(deb),
               "root/" + os.path.basename(newer)}
    pid = expect_installed(root)
    expect_shipped(root)
    service(root, "reload")
    expect(running(root), pid, "reloaded: process")
    upgrade(root, newer, pid)
    remove(root)
    root.dpkg("-i", root.put(newer))
    expect_installed(root)
    root.dpkg("-P", NAME)
    expect(accepts("127.0.0.1", PORT), False, "listens after the purge")
    expect_gone(root, before)


# --- the MTAs, each at the filter's sockets


def use(root, **options):
    """The filter with these options."""
    root.write(CONF, f'log = "file:{LOG}"\n' + "".join(
        f'{name} = "{value}"\n' for name, value in options.items()))
    service(root, "restart")


def ask_mta(recipient):
    """The first refusal of the MTA on port 25, or what it says to RCPT."""
    with smtp.Client("127.0.0.1", 25) as client:
        client.hello()
        reply = client.command(b"MAIL FROM:<>")
        return (client.rcpt(recipient) if reply.accepted else reply).text


def expect_asked(root, recipient):
    """The MTA takes the recipient, after it has asked the filter. And not
    without the filter."""
    text = ask_mta(recipient.encode())
    expect(text.split()[0], "250", "reply: " + text)
    wait_for(lambda: f" to=<{recipient}> " in root.read(LOG), 10,
             "line of " + recipient)
    service(root, "stop")
    text = ask_mta(recipient.encode())
    expect(text.split()[0], "451", "reply without the filter: " + text)


MAIN_CF = """\
compatibility_level = 3.6
myhostname = mta.test
mydestination =
alias_maps =
mynetworks = 127.0.0.0/8
inet_interfaces = loopback-only
maillog_file = /var/log/postfix.log
milter_default_action = tempfail
smtpd_milters = {milter}
"""


def postfix(root, deb, _newer):
    """As Debian has it: in a chroot up to Debian 13 (Postfix 3.10), without one
    in 14 (3.11). It comes after the filter."""
    root.services(True)
    root.dpkg("-i", root.put(deb))
    root.debconf("postfix postfix/main_mailer_type select No configuration")
    root.apt("--no-download", "install", "postfix")
    expect(root.owner("/var/spool/postfix/dane-sts"),
           "dane-sts:postfix 2750", "directory for the socket")
    root.write("/etc/postfix/main.cf", MAIN_CF.format(milter=""))
    fields = root.run("postconf", "-M", "smtp/inet").split()
    print(f"    smtpd in a chroot: {fields[4]}", flush=True)
    root.run("postfix", "start")
    wait_for(lambda: accepts("127.0.0.1", 25), 20, "Postfix")
    sockets = (("unix:/var/spool/postfix/dane-sts/milter.sock",
                "unix:dane-sts/milter.sock"),
               (INET, f"inet:127.0.0.1:{PORT}"))
    for n, (socket, milter_spec) in enumerate(sockets):
        use(root, socket=socket, socket_group="postfix")
        root.write("/etc/postfix/main.cf", MAIN_CF.format(milter=milter_spec))
        root.run("postfix", "reload")
        expect_asked(root, f"postfix{n}@example.org")
    root.run("postfix", "stop")


SENDMAIL_MC = """\
define(`_USE_ETC_MAIL_')dnl
include(`/usr/share/sendmail/cf/m4/cf.m4')dnl
OSTYPE(`debian')dnl
DOMAIN(`debian-mta')dnl
define(`confDOMAIN_NAME', `mta.test')dnl
FEATURE(`no_default_msa')dnl
FEATURE(`nocanonify')dnl
FEATURE(`accept_unresolvable_domains')dnl
FEATURE(`relay_entire_domain')dnl
DAEMON_OPTIONS(`Family=inet, Name=MTA-v4, Port=smtp, Addr=127.0.0.1')dnl
INPUT_MAIL_FILTER(`dane-sts', `S={milter}, F=T, T=S:10s;R:10s')dnl
MAILER(`local')dnl
MAILER(`smtp')dnl
"""


def sendmail(root, _deb, _newer):
    """Sendmail asks as root."""
    root.services(False)
    root.apt("--no-download", "install", "sendmail-bin", "sensible-mda")
    sockets = ("unix:/run/dane-sts-milter/milter.sock", INET)
    for n, socket in enumerate(sockets):
        use(root, socket=socket)
        root.write("/etc/mail/sendmail.mc", SENDMAIL_MC.format(milter=socket))
        root.run("sh", "-c",
                 "m4 /etc/mail/sendmail.mc >/etc/mail/sendmail.cf")
        root.run("sendmail-mta", "-bd")
        wait_for(lambda: accepts("127.0.0.1", 25), 20, "Sendmail")
        expect_asked(root, f"sendmail{n}@example.org")
        os.kill(int(root.read("/run/sendmail/mta/sendmail.pid")
                    .splitlines()[0]), signal.SIGTERM)
        wait_for(lambda: not accepts("127.0.0.1", 25), 20, "end of Sendmail")
