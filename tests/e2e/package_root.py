"""A small Debian of its own below a directory, to install packages in.

It is made by debootstrap from the mirrors that this machine's apt knows. What
the stages need is downloaded beforehand: they run without a network.
"""

import os
import shutil
import stat
import subprocess

SCRIPTS = "/usr/share/debootstrap/scripts/"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
NOT_LOOKED_AT = ("proc", "sys", "dev", "tmp", "var/lib/dpkg", "var/lib/apt",
                 "var/cache", "var/log", "var/lib/systemd/deb-systemd-helper",
                 "etc/passwd-", "etc/group-", "etc/shadow-", "etc/gshadow-",
                 "var/backups", "run/adduser")
LISTS = ("etc/passwd", "etc/group", "etc/shadow")


class Failure(Exception):
    """The package did not do what it should."""


def run(argv, status=0, **options):
    """Run a command, which has to end with this status: its output."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          check=False, **options)
    if status is not None and done.returncode != status:
        raise Failure(f"{' '.join(argv)}: exit status {done.returncode}, "
                      f"not {status}\n{done.stdout[-4000:]}")
    return done.stdout


def codename():
    """Of this machine's Debian."""
    with open("/etc/os-release", encoding="utf-8") as f:
        fields = dict(line.rstrip("\n").split("=", 1) for line in f
                      if "=" in line)
    return fields.get("VERSION_CODENAME", "").strip('"')


def apt_proxy():
    """Through which this machine's apt reaches its mirrors, or None."""
    text = run(["apt-config", "shell", "PROXY", "Acquire::http::Proxy"])
    return text.strip().partition("=")[2].strip("'") or None


def mirrors():
    """(URI, suite, component) of this machine's Debian, the main one first."""
    name = codename()
    lines = run(["apt-get", "indextargets", "--format",
                 "$(REPO_URI) $(CODENAME) $(COMPONENT)",
                 "Created-By: Packages"]).splitlines()
    rows = [tuple(line.split()) for line in dict.fromkeys(lines)]
    rows = [row for row in rows
            if len(row) == 3 and row[1].startswith(name)
            and row[2] == "main"]
    return sorted(rows, key=lambda row: row[1] != name)


class Root:
    """That Debian. Commands in it run chrooted."""

    def __init__(self, directory, release=None):
        self.dir = directory
        self.release = release or codename()

    def path(self, name):
        """A path inside, seen from outside."""
        return os.path.join(self.dir, name.lstrip("/"))

    def _mirrors(self):
        """Those of this machine, for the root's release."""
        here = codename()
        rows = [(uri, suite.replace(here, self.release, 1), component)
                for uri, suite, component in mirrors()]
        if not rows:
            raise Failure("apt knows no mirror of " + here)
        return rows

    def build(self, cache=None):
        """From nothing; needs the network. cache: a directory that keeps the
        packages."""
        rows = self._mirrors()
        proxy = apt_proxy()
        script = [] if os.path.exists(SCRIPTS + self.release) else \
            [SCRIPTS + "sid"]
        run(["debootstrap", "--variant=minbase",
             *([f"--cache-dir={cache}"] if cache else []),
             self.release, self.dir, rows[0][0], *script],
            env={**os.environ, **({"http_proxy": proxy} if proxy else {})})
        self.write("/etc/apt/sources.list", "".join(
            f"deb [signed-by={KEYRING}] {' '.join(row)}\n" for row in rows))
        if proxy:
            self.write("/etc/apt/apt.conf.d/91proxy",
                       f'Acquire::http::Proxy "{proxy}";\n')
        # A mirror that was frozen at some day serves as well.
        self.write("/etc/apt/apt.conf.d/90test",
                   'Acquire::Check-Valid-Until "false";\n'
                   'APT::Install-Recommends "false";\n'
                   'APT::Keep-Downloaded-Packages "true";\n')
        self.services(False)
        self.apt("update")

    def services(self, allowed):
        """Whether packages may start their services."""
        name = "/usr/sbin/policy-rc.d"
        self.write(name, f"#!/bin/sh\nexit {0 if allowed else 101}\n")
        os.chmod(self.path(name), 0o755)

    def write(self, name, text, mode="w"):
        """Make a file, or with mode "a" add to it."""
        with open(self.path(name), mode, encoding="utf-8") as f:
            f.write(text)

    def read(self, name):
        """Text of a file."""
        with open(self.path(name), encoding="utf-8") as f:
            return f.read()

    def exists(self, name):
        """Whether there is such a file."""
        return os.path.lexists(self.path(name))

    def run(self, *argv, status=0):
        """A command inside: its output."""
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
        return run(["chroot", self.dir, *argv], status=status, env=env)

    def apt(self, *argv):
        """apt-get."""
        return self.run("apt-get", "-q", "-y", *argv)

    def dpkg(self, *argv):
        """dpkg, which keeps configuration files that were changed."""
        return self.run("dpkg", "--force-confold", *argv)

    def debconf(self, line):
        """Answer a question of a package beforehand."""
        self.run("sh", "-c", 'echo "$1" | debconf-set-selections', "sh", line)

    def put(self, file):
        """Copy a package in: its path inside."""
        inside = "/root/" + os.path.basename(file)
        shutil.copy(file, self.path(inside))
        return inside

    def inventory(self):
        """What there is: paths, and the lines of the lists of users."""
        found = set()
        for at, names, files in os.walk(self.dir):
            inside = os.path.relpath(at, self.dir)
            names[:] = [name for name in names
                        if self._counts(inside, name)]
            found.update(os.path.normpath(os.path.join(inside, name))
                         for name in names + files
                         if self._counts(inside, name))
        for name in LISTS:
            found.update(f"{name}: {line.split(':')[0]}"
                         for line in self.read(name).splitlines())
        return found

    @staticmethod
    def _counts(inside, name):
        path = os.path.normpath(os.path.join(inside, name))
        return not path.startswith(NOT_LOOKED_AT)

    def owner(self, name):
        """"user:group mode" of a file."""
        status = os.stat(self.path(name))
        names = [self._name(kind, number) for kind, number in
                 (("passwd", status.st_uid), ("group", status.st_gid))]
        return f"{':'.join(names)} {stat.S_IMODE(status.st_mode):o}"

    def user(self, number):
        """Its name."""
        return self._name("passwd", number)

    def _name(self, kind, number):
        for line in self.read("/etc/" + kind).splitlines():
            fields = line.split(":")
            if fields[2] == str(number):
                return fields[0]
        return str(number)


def next_version(deb, directory):
    """The package as its next version would be: the path of a new .deb whose
    configuration file has changed."""
    tree = os.path.join(directory, "next")
    run(["dpkg-deb", "-R", deb, tree])
    name = os.path.join(tree, "DEBIAN/control")
    with open(name, encoding="utf-8") as f:
        lines = f.read().split("\n")
    lines = [line + "+1" if line.startswith("Version: ") else line
             for line in lines]
    with open(name, "w", encoding="utf-8") as f:
        f.write("\n".join(lines))
    name = os.path.join(tree, "etc/dane-sts-milter.conf")
    with open(name, "a", encoding="utf-8") as f:
        f.write("\n# A line of the next version.\n")
    made = os.path.join(directory, "next.deb")
    run(["dpkg-deb", "--root-owner-group", "-b", tree, made])
    return made
