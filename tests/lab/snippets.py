"""Configuration in the documentation, taken as it stands.

A snippet begins with a comment that names its file, and may have a title:

	# main.cf: beside another filter

In README and README.Debian it is indented, in a manual page a literal block.
"""

import os
import re

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
FILES = {
    "README": "README",
    "manual": "milter/dane-sts-milter.8",
    "Debian": "packaging/debian/dane-sts-milter.README.Debian",
}
HEAD = re.compile(r"^# (?:/\S*/)?"
                  r"(main\.cf|master\.cf|sendmail\.mc|dane-sts-milter\.conf)"
                  r"(?:: (.*))?$")
CONF = "dane-sts-milter.conf"
MDOC = {r"\e": "\\", r"\(dq": '"', r"\&": ""}

_read = {}
_used = set()


def mdoc_blocks(text):
    """The literal blocks of a manual page."""
    for block in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", text,
                            re.MULTILINE | re.DOTALL):
        for escape, octets in MDOC.items():
            block = block.replace(escape, octets)
        yield block.splitlines()


def indented_blocks(text):
    """Lines that are indented by four blanks and more."""
    block = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("    "):
            block.append(line)
        else:
            yield block
            block = []


def sections(block):
    """(file and title, lines) of each snippet in a block."""
    found = None
    for line in block:
        head = HEAD.match(line.strip())
        if head:
            indent = len(line) - len(line.lstrip())
            title = head.group(1) + (f": {head.group(2)}" if head.group(2)
                                     else "")
            found = (title, [])
            yield found
        elif found:
            found[1].append(line[indent:])


def read(name):
    """{file and title: lines} of one of FILES."""
    if name not in _read:
        with open(os.path.join(TOP, FILES[name]), encoding="utf-8") as f:
            text = f.read()
        blocks = mdoc_blocks if name == "manual" else indented_blocks
        found = _read[name] = {}
        for block in blocks(text):
            for title, lines in sections(block):
                if title in found and not title.startswith(CONF):
                    raise ValueError(f"{name}: two snippets {title}")
                found[title] = lines
    return _read[name]


def as_template(text, replace=()):
    """Text for a row of routes_rows.py."""
    text = text.replace("$", "$$")
    for old, new in (*replace, ("127.0.0.1:8894", "$milter"),
                     ("8894@127.0.0.1", "$sm_milter"),
                     ("127.0.0.1:8461", "$map")):
        text = text.replace(old, new)
    return tuple(text.split("\n"))


def sample(path):
    """Lines of a sample file that are not commented out."""
    with open(os.path.join(TOP, path), encoding="utf-8") as f:
        return as_template("".join(line for line in f
                                   if not line.startswith("#")))


def snippet(name, title, replace=()):
    """Its lines for a row of routes_rows.py. replace: pairs, of what is
    otherwise on the machine of the test."""
    _used.add((name, title))
    return as_template("\n".join(read(name)[title]), replace)


def unused():
    """Titles of snippets that no row uses."""
    return [f"{name}: {title}" for name in FILES for title in read(name)
            if not title.startswith(CONF)
            and (name, title) not in _used]


def daemon_option(name, title):
    """The one option of a snippet for dane-sts-milter.conf, as lab daemon
    takes it."""
    (line,) = read(name)[title]
    return line.replace('"', "").replace(" = ", "=")
