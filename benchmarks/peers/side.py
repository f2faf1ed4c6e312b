# One side of one run of another program's PSI, for `blindmatch bench`. Stands before openmined.py or spu_psi.py:
#     python3 -c "$(cat side.py openmined.py)" --variant raw --role receiver --list FILE --listen ADDRESS \
#         --peer ADDRESS --output FILE
# Spoken over lines: we say `ready {"python": ..., LIBRARY: ...}` once the library is imported and the list is
# loaded, are told `go`, run, and say {"cpu": s, "peak_memory": bytes, "phases": {name: s}, "matched": rows}. Only
# then are the matched rows written, in their own format, and the process ends: with 0 where all is well. Never an identifier: neither there nor in an error.

import argparse
import contextlib
import importlib.metadata
import json
import os
import platform
import sys
import threading
import time

ROLES = ("receiver", "sender")


class Phases(dict):
    """Seconds of wall time, by name."""

    @contextlib.contextmanager
    def time(self, name):
        start = time.perf_counter()
        try:
            yield
        finally:
            self[name] = self.get(name, 0.0) + time.perf_counter() - start


def arguments(variants):
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--variant", choices=variants, required=True)
    parser.add_argument("--role", choices=ROLES, required=True, help="the receiver learns")
    parser.add_argument("--list", required=True, help="one identifier a line")
    parser.add_argument("--listen", type=address, required=True)
    parser.add_argument("--peer", type=address, required=True, help="where to connect to, or a proxy that stands there")
    parser.add_argument("--output", required=True, help="the receiver's matched rows, from 0, one a line")
    return parser.parse_args()


def address(text):
    host, _, port = text.rpartition(":")
    if not host or not 0 < int(port) < 65536:
        raise ValueError
    return host, int(port)


def identifiers(path):
    with open(path, encoding="ascii") as lines:
        rows = lines.read().split("\n")
    if rows and rows[-1] == "":
        rows.pop()
    return rows


def peak_memory():
    """Bytes. Not `ru_maxrss`, which a process takes over from the one that started it."""
    with open("/proc/self/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("VmHWM:"))
    return int(line.split()[1]) * 1024


def play(package, prepare):
    """Speaks with who started us. `prepare()` loads, and returns our arguments and what runs: `run(phases)`. It
    returns how many rows matched and what finds out which, which with one library takes a while."""
    # Whatever the library prints is not for our standard output, and may hold identifiers.
    say = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    complain = os.fdopen(os.dup(2), "w", encoding="utf-8")
    os.dup2(nowhere, 2)
    try:
        speak(say, package, prepare)
    except Exception as error:  # whatever the library throws: its message may hold identifiers
        own = str(error) if isinstance(error, Refused) else type(error).__name__
        print(f"{package}: {own}", file=complain, flush=True)
        os._exit(1)  # a library's threads may be waiting for a peer
    say.flush()
    os._exit(0)


def speak(say, package, prepare):
    args, run = prepare()
    versions = {"python": platform.python_version(), package: importlib.metadata.version(package)}
    print("ready", json.dumps(versions), file=say, flush=True)
    if sys.stdin.readline().strip() != "go":
        raise Refused("was not told to go")
    threading.Thread(target=end_with_parent, daemon=True).start()
    phases = Phases()
    cpu = time.process_time()
    matched, finish = run(phases)
    cpu = time.process_time() - cpu
    result = {"cpu": cpu, "peak_memory": peak_memory(), "phases": phases, "matched": matched}
    print(json.dumps(result), file=say, flush=True)
    rows = sorted(finish())
    if len(rows) != matched:
        raise Refused(f"{len(rows)} rows, where {matched} were said to match")
    if args.role == "receiver":
        with open(args.output, "x", encoding="ascii") as output:
            output.writelines(f"{row}\n" for row in rows)


def end_with_parent():
    sys.stdin.read()  # ends when whoever started us does
    os._exit(1)


class Refused(Exception):
    """An error of this script's own, which names no identifier."""
