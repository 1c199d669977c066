#!/usr/bin/env python3
"""Who may include whom: refuses an include that the layering does not allow.

A rule says, for the files of a folder, which of our own headers they may see and which library
headers belong to one file alone. Linking cannot tell: a static library hides an upward call once
the upper object is in.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

# folder or file: the prefixes of our headers it may include
LAYERS = {
    "src/base/": ["base/"],
    "src/at/": ["at/", "base/"],
    "src/sms/": ["sms/"],
    "src/port/": ["port/", "base/"],
    "src/store/": ["store/", "base/"],
    "src/modem/driver.h": ["at/"],
    "src/modem/board.h": [],
    "src/modem/": ["modem/", "at/", "sms/", "port/", "store/store.h", "store/store_hosts.h", "store/store_orders.h", "base/"],
    "src/platform/": ["platform/", "store/store.h", "store/store_hosts.h", "store/store_orders.h", "base/"],
    "src/host/": ["host/", "base/"],
    "src/api/": ["api/", "modem/", "platform/", "host/", "at/", "port/", "store/store.h", "store/store_hosts.h", "store/store_orders.h", "base/"],
    "src/cli/": ["cli/", "host/tty_sysfs.h", "base/"],
    "src/gateway": ["gateway.h", "gateway_impl.h", "api/", "modem/", "platform/", "host/", "port/opener.h",
                     "port/port.h", "store/retention.h", "store/store.h", "store/store_hosts.h", "store/store_orders.h", "base/"],
    "src/main.c": ["gateway.h", "modem/driver.h", "modem/board.h", "base/"],
    "drivers/": ["modem/driver.h"],
    "boards/": ["modem/board.h"],
}

# pure files: nothing but these
PURE = ["src/at/at_lex.", "src/at/at_args.", "src/modem/cmgl.", "src/modem/record_mask.", "src/sms/"]
PURE_MAY = {"ctype.h", "stdbool.h", "stddef.h", "stdint.h", "string.h", "limits.h"}

# library header: the only files that may see it
LIBRARIES = {
    r"libserialport\.h": r"src/port/port_serial\.c",
    r"ev\.h": r"src/base/loop\.c",
    r"curl/.*": r"src/(platform/deliver|cli/.*)\.c",
    r"pcre2\.h": r"src/platform/pattern\.c",
    r"libudev\.h": r"src/host/hotplug\.c",
    r"nettle/.*": r"src/platform/(key_hash|webhook)\.c",
    r"microhttpd\.h": r"src/host/httpd_impl\.h",
    r"zlib\.h": r"src/host/httpd_gzip\.c",
    r"sqlite3\.h": r"src/store/store_sqlite\.c",
    r"libpq-fe\.h": r"src/store/store_postgres_impl\.h",
    r"ini\.h": r"src/(base/config.*|cli/.*)\.c",
    r"systemd/sd-journal\.h": r"src/base/log\.c",
    r"systemd/sd-daemon\.h": r"src/host/notify\.c",
    r"cjson/.*": r"src/(platform|api|cli)/.*",
    r"time\.h|sys/time\.h": r"src/(base/(loop|log|config.*)|api/.*|cli/.*|store/store_sqlite|host/notify)\.[ch]",
}

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')


def check(path):
    name = path.relative_to(ROOT).as_posix()
    allowed = next(rule for prefix, rule in LAYERS.items() if name.startswith(prefix))
    pure = any(name.startswith(prefix) for prefix in PURE)
    for number, line in enumerate(path.read_text().splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        kind, header = match.groups()
        if kind == '"':
            if not any(header.startswith(prefix) for prefix in allowed):
                yield f"{name}:{number}: may not include {header}"
        else:
            if pure and header not in PURE_MAY:
                yield f"{name}:{number}: is pure, may not include <{header}>"
            for library, owner in LIBRARIES.items():
                if re.fullmatch(library, header) and not re.fullmatch(owner, name):
                    yield f"{name}:{number}: <{header}> belongs to {owner}"


def main():
    faults = []
    count = 0
    for folder in ("src", "drivers", "boards"):
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            count += 1
            faults += check(path)
    print("\n".join(faults + [f"includes: {count} files, {len(faults)} faults"]))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
