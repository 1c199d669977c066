"""package.py - the Debian package of a build, made in a folder of its own: what lintian says, what is in
it, and that its program takes the configuration that comes with it. Nothing is installed.

package.py BUILD
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FILES = {  # and their rights
    "etc/simgate/simgate.conf": 0o644,
    "usr/bin/simgatectl": 0o755,
    "usr/lib/systemd/system/simgated.service": 0o644,
    "usr/lib/sysusers.d/simgate.conf": 0o644,
    "usr/lib/udev/rules.d/78-simgate.rules": 0o644,
    "usr/sbin/simgated": 0o755,
    "usr/share/bash-completion/completions/simgatectl": 0o644,
    "usr/share/doc/simgate/changelog.gz": 0o644,
    "usr/share/doc/simgate/copyright": 0o644,
    "usr/share/doc/simgate/simgate.conf": 0o644,
    "usr/share/man/man1/simgatectl.1.gz": 0o644,
    "usr/share/man/man5/simgate.conf.5.gz": 0o644,
    "usr/share/man/man8/simgated.8.gz": 0o644,
    "usr/share/simgate/filter.default": 0o644,
}
FIELDS = {
    "Package": "simgate",
    "Recommends": "ca-certificates, mobile-broadband-provider-info, udev, usb-modeswitch",
}
CONTROL = {"conffiles": 0o644, "control": 0o644, "md5sums": 0o644, "postinst": 0o755,
           "postrm": 0o755, "prerm": 0o755}


def run(*command, **options):
    """What it says; it fails with all of it."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))}: status {done.returncode}\n{done.stdout}")
    return done.stdout


def same(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: {found}, not {wanted}")


def rights(folder):
    return {str(path.relative_to(folder)): path.stat().st_mode & 0o7777
            for path in folder.rglob("*") if not path.is_dir()}


def check(build, folder):
    run("cpack", "-G", "DEB", "-B", folder, cwd=build)
    (deb,) = folder.glob("*.deb")
    said = run("lintian", "--allow-root", "--fail-on", "error,warning", deb)
    run("dpkg-deb", "-x", deb, folder / "x")
    run("dpkg-deb", "-e", deb, folder / "e")
    root, control = folder / "x", folder / "e"
    same("files", rights(root), FILES)
    same("control files", rights(control), CONTROL)
    same("owners", set(re.findall(r"^\S+ (\S+)", run("dpkg-deb", "-c", deb), re.M)), {"root/root"})
    for name in ("postinst", "postrm", "prerm"):
        run("sh", "-n", control / name)
    fields = dict(re.findall(r"^(\S+): (.*)$", (control / "control").read_text("utf-8"), re.M))
    for name, wanted in FIELDS.items():
        same(name, fields.get(name), wanted)
    same("depends on the C library", "libc6" in fields["Depends"], True)
    text = (ROOT / "src/dist/changelog").read_text("utf-8")
    same("first version of the changelog", re.match(r"simgate \((.*?)\)", text)[1], fields["Version"])
    same("conffiles", (control / "conffiles").read_text("utf-8"), "/etc/simgate/simgate.conf\n")
    same("version", run(root / "usr/sbin/simgated", "--version").split()[1], fields["Version"])
    same("version", run(root / "usr/bin/simgatectl", "--version").split()[1], fields["Version"])
    conf = root / "etc/simgate/simgate.conf"
    same("lines that count", re.findall(r"^[^#\n].*", conf.read_text("utf-8"), re.M), [])
    run(root / "usr/sbin/simgated", "-c", conf, "--check")
    print(f"{deb.name}: {len(FILES)} files, lintian: {said.strip() or 'nothing'}")


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with tempfile.TemporaryDirectory(prefix="simgate-package-") as folder:
        check(sys.argv[1], pathlib.Path(folder))


if __name__ == "__main__":
    main()
