"""test_man.py - the manual pages, the sample configuration and the README name what the code has:
commands, options, keys with their defaults, events, exit statuses. No more, no less."""

import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import harness  # noqa: E402

COMMON = {"help", "version", "config", "socket", "json", "full"}
# Keys that end in a name, and the one that may: no table has them.
PREFIXED = {"gateway": {"log."}, "bank": {"slot.", "control.", "column."}, "service": {"match", "match."},
            "customer": {"price."}}
KINDS = {"Push": "onlinesim-push", "Pull": "onlinesim-pull", "Webhook": "webhook",
         "Push and pull": "onlinesim-push onlinesim-pull"}


def page(name):
    return (ROOT / "src" / "man" / name).read_text(encoding="utf-8")


def run(name, *options):
    done = subprocess.run([harness.program(name), *options], capture_output=True, text=True,
                          timeout=60, check=True)
    return done.stdout


def items(text):
    """The list items of a page: [(what stands behind .It, the text up to the next)]."""
    return re.findall(r"^\.It (.*)\n((?:(?!\.It |\.El|\.S[hs] ).*\n)*)", text, re.M)


def sources(pattern="src/**/*.c"):
    return {p: p.read_text(encoding="utf-8") for p in sorted(ROOT.glob(pattern))}


def key_tables():
    """{section: {key: (default or None, kind or None)}}, as the tables of src/base/ have them."""
    tables, words = {}, {}
    for text in sources("src/base/config*.[ch]").values():
        for name, value in re.findall(r"^#define (\w+)\s+(.+)$", text, re.M):
            parts = re.findall(r'"([^"]*)"|(\w+)', value)  # other names may stand among them
            words[name] = "".join(p if p or not n else words.get(n, "") for p, n in parts)
    for text in sources("src/base/config_*.c").values():
        for name, body in re.findall(
                r"static const struct key (\w+)_keys\[\] = \{\n(.*?)\n\};", text, re.S):
            rows = re.findall(r'\{ "(\w+)",(.*?)\}(?=,\n)', body, re.S)
            tables[name] = {}
            for key, rest in rows:
                preset = re.search(r'\.preset = (?:"([^"]*)"|(?!NULL)(\w+))', rest)
                kind = re.search(r"\.kind = (\w+)", rest)
                tables[name][key] = (
                    preset and (preset.group(1) or words[preset.group(2)]),
                    kind and words[kind.group(1)])
    return tables


class Pages(unittest.TestCase):
    maxDiff = None

    @unittest.skipUnless(shutil.which("mandoc"), "mandoc is not installed")
    def test_lint(self):
        for path in sorted((ROOT / "src" / "man").iterdir()):
            with self.subTest(page=path.name):
                done = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", str(path)],
                                      capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout), (0, ""))

    def test_commands(self):
        text = page("simgatectl.1")
        common, *lines = run("simgatectl", "--commands").splitlines()
        self.assertEqual(set(re.findall(r"--([a-z-]+)", common)), COMMON)
        for option in COMMON:
            self.assertIn(f"Fl Fl {option}", text)
        heads = [head for head, _ in items(text)]
        names = set()
        for line in lines:
            name, _, args = line.partition(" ")
            names.add(name)
            mine = " ".join(h for h in heads if re.match(rf"Cm {name}( |$)", h))
            with self.subTest(command=name):
                self.assertTrue(mine, "no .It Cm for it")
                for option in re.findall(r"--([a-z-]+)", args):
                    self.assertIn(f"Fl Fl {option}", mine)
                for word in re.findall(r"(?<![-\w])[a-z]+", args):
                    self.assertRegex(mine, rf"\b{word}\b")
                for word in re.findall(r"\b[A-Z][A-Z./]*\b", args):
                    self.assertIn(word, mine)
        self.assertEqual({m.group(1) for h in heads if (m := re.match(r"Cm (\w+)", h))}, names)

    def test_options_of_the_daemon(self):
        options = set(re.findall(r"--([a-z-]+)", run("simgated", "--help")))
        self.assertIn("record", options)
        heads = " ".join(head for head, _ in items(page("simgated.8")))
        self.assertEqual(set(re.findall(r"Fl Fl ([a-z-]+)", heads)), options)

    def test_keys(self):
        tables = key_tables()
        self.assertGreater(len(tables["platform"]), 15)
        self.assertEqual(tables["gateway"]["store"], ("sqlite", None))
        text = page("simgate.conf.5")
        found = {}
        for kind, body in re.findall(r"^\.Ss \[(\w+).*?\]\n(.*?)(?=^\.S[hs] )", text, re.M | re.S):
            found[kind] = {}
            for head, words in items(body):
                name, preset = re.match(
                    r"Cm (\S+)(?: Ns Ar \S+)?(?: Pq Li (.+))?$", head).groups()
                marked = re.findall(r"^\.Em ([A-Z].*) \.$", words, re.M)
                found[kind][name] = (preset, KINDS[marked[0]] if marked else None)
        for kind in PREFIXED.keys() & tables.keys():
            for name in PREFIXED[kind]:
                self.assertIsNotNone(found[kind].pop(name, None), name)
        self.assertEqual(found, tables)

    def test_exit_statuses(self):
        def listed(name):
            body = page(name).split(".Sh EXIT STATUS", 1)[1].split(".Sh ", 1)[0]
            return [int(head) for head, _ in items(body)]

        main = (ROOT / "src" / "main.c").read_text(encoding="utf-8")
        self.assertEqual(listed("simgated.8"),
                         [int(n) for n in re.findall(r"EXIT_\w+ = (\d+)", main)])
        self.assertEqual(listed("simgatectl.1"), [0, 1, 2, 3])

    def test_events(self):
        known = re.findall(r'^\t\{ "(\w+)", "([0-9a-f]{32})" \},$',
                           (ROOT / "src/base/log_events.c").read_text(encoding="utf-8"), re.M)
        names = [name for name, _ in known]
        self.assertGreater(len(names), 30)
        self.assertEqual(len(set(names)), len(names))
        self.assertEqual(len({number for _, number in known}), len(known))
        body = page("simgated.8").split("The events are:", 1)[1].split(".El", 1)[0]
        self.assertEqual(sorted(re.findall(r"^\.It Li (\w+)$", body, re.M)), sorted(names))
        call = re.compile(r"\blog_(?:error|warning|notice|info|debug|write)\(([^;]*?)"
                          r"(?:LOG_FIELDS|,\s*NULL,\s*\"|,\s*NULL,\s*text)")
        written = set()
        for text in sources().values():
            for arguments in call.findall(text):
                written |= set(re.findall(r'"([a-z]+(?:_[a-z]+)*)"', arguments))
        self.assertIn("sms_received", written)
        self.assertEqual(written - set(names), set(), "events without an id and a description")


class Others(unittest.TestCase):
    def test_the_sample_has_every_key_and_its_default(self):
        text = (ROOT / "src/dist/simgate.conf").read_text(encoding="utf-8")
        sections = re.split(r"^#? ?\[(\w+).*\]$", text, flags=re.M)
        found = {}
        for kind, body in zip(sections[1::2], sections[2::2]):
            for sign, key, value in re.findall(r"^(# *)?(\w+) = (.*)$", body, re.M):
                found.setdefault((kind, key), []).append((sign, value))
        for kind, keys in key_tables().items():
            for key, (preset, _) in keys.items():
                with self.subTest(kind=kind, key=key):
                    self.assertIn((kind, key), found)
                    if preset and preset != "0":  # an example says more
                        self.assertIn(preset, [value for _, value in found[kind, key]])

    def test_the_readme_has_every_key_and_command(self):
        text = (ROOT / "README.md").read_text(encoding="utf-8")
        for keys in key_tables().values():
            for key in keys:
                self.assertTrue(f"`{key}`" in text, key)
        for line in run("simgatectl", "--commands").splitlines()[1:]:
            name = line.split()[0]
            self.assertTrue(re.search(rf"simgatectl (-\S+ \S+ )?{name}\b", text), name)


if __name__ == "__main__":
    harness.build_dir()
    unittest.main()
