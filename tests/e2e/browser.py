#!/usr/bin/python3
"""The status page in headless Chromium: browser.py URL DOMAIN TEXT...

On a phone and on a desk, light and dark: no message on the console, nothing
loaded from elsewhere, every TEXT to be read as it stands, no script and no
image made of it, no sideways scrolling, contrast enough (WCAG AA) and a name
for every field, and no field on the page that is loaded again by itself. Then
by keyboard alone: the way to the box, DOMAIN typed into it, and its evidence.

Exit status: 0 all is well, 1 not, 77 there is no Chromium.
"""

import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync",
         "--disable-dev-shm-usage", "--no-proxy-server",
         "--remote-debugging-pipe", "about:blank")
WAIT_S = 60.0
TABS_MAX = 20

SCREENS = [(width, height, scheme)
           for width, height in ((390, 844), (1280, 900))
           for scheme in ("light", "dark")]

# What is wrong with the page, seen from inside: a list of sentences.
INSPECT = """(() => {
  const wrong = [];
  const rgb = (text) => text.match(/[0-9.]+/g).map(Number);
  const light = ([r, g, b]) => {
    const part = (v) => (v /= 255) <= 0.04045 ? v / 12.92
        : ((v + 0.055) / 1.055) ** 2.4;
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (node, pseudo) => {
    const a = light(rgb(getComputedStyle(node, pseudo).color));
    const b = light(behind(node));
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  if (document.querySelector('script, img, iframe, object, link'))
    wrong.push('an element that the page has none of');
  for (const node of document.querySelectorAll('*'))
    for (const attribute of node.attributes)
      if (/^on/i.test(attribute.name)) wrong.push('a handler');
  if (parseFloat(getComputedStyle(document.querySelector('section'))
      .borderRadius) === 0) wrong.push('the style was not applied');
  if (document.scrollingElement.scrollWidth > innerWidth)
    wrong.push(`${document.scrollingElement.scrollWidth} wide`);
  for (const field of document.querySelectorAll('input'))
    if (field.labels.length === 0 || contrast(field, '::placeholder') < 4.5)
      wrong.push(`field ${field.name}: no label, or a pale placeholder`);
  for (const node of document.querySelectorAll('body *')) {
    const text = [...node.childNodes].some((child) =>
        child.nodeType === Node.TEXT_NODE && /[\\w]/.test(child.data));
    if (text && contrast(node) < 4.5)
      wrong.push(`contrast ${contrast(node)}: ${node.innerText}`);
  }
  if (document.querySelector('meta[http-equiv=refresh]') &&
      document.querySelector('input'))
    wrong.push('what is typed is lost when the page is loaded again');
  for (const part of ['html[lang]', 'main', 'h1', 'title'])
    if (!document.querySelector(part)) wrong.push(`no ${part}`);
  return wrong;
})()"""


class Browser:
    """Chromium, and its debugging protocol over two pipes."""

    def __init__(self, program, home):
        to_read, self.to_write = os.pipe()
        self.to_read, to_write = os.pipe()

        def pipes():
            # The numbers are the protocol's; neither may be overwritten.
            low = [os.dup(fd) if fd < 5 else fd for fd in (to_read, to_write)]
            low = [os.dup(fd) if fd < 5 else fd for fd in low]
            for number, fd in zip((3, 4), low):
                os.dup2(fd, number)

        self.log = os.path.join(home, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [program, f"--user-data-dir={home}/profile", *FLAGS],
                preexec_fn=pipes, pass_fds=(3, 4), stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        os.close(to_read)
        os.close(to_write)
        self.rest = b""
        self.number = 0
        self.session = None
        self.events = []

    def end(self):
        """Chromium's own way out; by force if it does not take it."""
        os.close(self.to_write)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        os.close(self.to_read)

    def _message(self, deadline):
        while b"\0" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.to_read], [], [], left)[0]:
                raise TimeoutError("no answer from Chromium")
            octets = os.read(self.to_read, 65536)
            if not octets:
                raise EOFError("Chromium has ended")
            self.rest += octets
        text, _, self.rest = self.rest.partition(b"\0")
        return json.loads(text)

    def ask(self, method, **params):
        """A command and its result; what happens meanwhile is kept."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_write, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + WAIT_S
        while True:
            answer = self._message(deadline)
            if answer.get("id") == self.number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self.events.append(answer)

    def wait(self, method):
        """That an event has come since the last look."""
        deadline = time.monotonic() + WAIT_S
        while not any(e.get("method") == method for e in self.events):
            self.events.append(self._message(deadline))

    def value(self, expression):
        """Of JavaScript; the page's own policy does not bind it."""
        result = self.ask("Runtime.evaluate", expression=expression,
                          returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(result["exceptionDetails"])
        return result["result"].get("value")

    def key(self, name, code, text=""):
        """Press it and let go."""
        key = {"key": name, "code": name, "windowsVirtualKeyCode": code}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **key)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **key)

    def open(self, url, width, height, scheme):
        """A fresh tab."""
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")
        self.session = self.ask("Target.attachToTarget", flatten=True,
                                targetId=target["targetId"])["sessionId"]
        for domain in ("Log", "Runtime", "Network", "Page"):
            self.ask(domain + ".enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=width,
                 height=height, deviceScaleFactor=1, mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.ask("Page.navigate", url=url)
        self.wait("Page.loadEventFired")


def noise(events, base):
    """What the console says, and what is asked of others."""
    for event in events:
        method, params = event.get("method"), event.get("params", {})
        if method == "Log.entryAdded":
            yield f"console: {params['entry']['text']}"
        elif method in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown",
                        "Page.javascriptDialogOpening"):
            yield f"a script has run: {params}"
        elif method == "Network.requestWillBeSent" \
                and not params["request"]["url"].startswith(base + "/"):
            yield f"from elsewhere: {params['request']['url']}"


def too_soon(events):
    """Whether the page is a refusal to check again already."""
    return any(event.get("method") == "Network.responseReceived" and
               event["params"]["response"]["status"] == 429
               for event in events)


def look(browser, base, texts):
    """What is wrong with the page that is open."""
    wrong = browser.value(INSPECT)
    read = browser.value("document.body.innerText")
    wrong += [f"not to be read: {text}" for text in texts if text not in read]
    return wrong + list(noise(browser.events, base))


def walk_to(browser, what):
    """Tab by Tab to what is so, seen as `it`. False: it is not reached."""
    reached = f"((it) => {what})(document.activeElement)"
    for _ in range(TABS_MAX):
        if browser.value(reached):
            return True
        browser.key("Tab", 9)
    return False


def type_domain(browser, base, domain):
    """By keyboard alone; what is wrong with what comes of it."""
    if not walk_to(browser, "it.pathname === '/check' && !it.search"):
        return ["Tab does not lead to the way to the box"]
    browser.events.clear()
    browser.key("Enter", 13, "\r")
    browser.wait("Page.loadEventFired")
    wrong = look(browser, base, ["Ask about a domain"])
    if wrong or not walk_to(browser, "it.id === 'domain'"):
        return wrong or ["Tab does not lead to the field"]
    if browser.value("getComputedStyle(document.activeElement)"
                     ".outlineStyle") == "none":
        return ["one does not see where the keyboard is"]
    browser.ask("Input.insertText", text=domain)
    browser.events.clear()
    browser.key("Enter", 13, "\r")
    browser.wait("Page.loadEventFired")
    # There is a pause between two checks.
    while too_soon(browser.events):
        browser.events.clear()
        browser.ask("Page.reload")
        browser.wait("Page.loadEventFired")
    if browser.value("location.pathname") != "/check":
        return ["Enter does not ask"]
    return look(browser, base, [domain + ": "])


def run(program, base, domain, texts):
    """0 or 1."""
    failed = 0
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        browser = Browser(program, home)
        try:
            for screen in SCREENS:
                browser.open(base + "/", *screen)
                wrong = look(browser, base, texts)
                wrong += type_domain(browser, base, domain)
                for what in wrong:
                    print(*screen, what, sep=" ", file=sys.stderr)
                failed |= bool(wrong)
        except (EOFError, RuntimeError, TimeoutError) as e:
            with open(browser.log, encoding="utf-8", errors="replace") as log:
                print(log.read(), e, sep="\n", file=sys.stderr)
            failed = 1
        finally:
            browser.end()
    return int(failed)


def main():
    """Where Chromium is there."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        print("Chromium (Debian: chromium) is not installed", file=sys.stderr)
        return 77
    return run(program, sys.argv[1], sys.argv[2], sys.argv[3:])


if __name__ == "__main__":
    sys.exit(main())
