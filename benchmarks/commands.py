#!/usr/bin/env python3
"""Times whole commands on generated lists: `match`, `serve` with `connect` over TLS on loopback, `prepare` and PAIR.

    cargo build --release --locked
    python3 benchmarks/commands.py run target/release/blindmatch --work DIR --record benchmarks/record/NAME/commands
    python3 benchmarks/commands.py tables benchmarks/record/NAME/commands     # as they stand in README.md

Reading the lists, and everything else that a user waits for, is in the figures: wall time, CPU time (user and
system) and peak memory as the kernel counts them for each process (memory is never less than the 20 MB of this program,
which starts them), bytes as the report of `connect` has them. The cases take turns, and each ran once before where
--repeat is more than one. Every answer is compared with that of a plain
loop over the lists; a wrong one ends the run. DIR keeps the lists; nothing else of it is needed again.
"""

import argparse
import base64
import csv
import datetime
import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import time

CLIP = 10_000
CONSENT = "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z"
CONSENT_COLUMNS = "collected_for,purposes,consented_at"


def order(rows):
    """Every number below `rows` once, in an order that looks random."""
    step = next(prime for prime in (2_654_435_761, 2_246_822_519) if rows % prime) % rows
    return (index * step % rows for index in range(rows))


def cents(person):
    """What a customer bought; some of it is beyond the clip."""
    return person * 7_919 % 15_000


def write(path, header, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as out:
        out.write(header + "\n")
        out.writelines(row + "\n" for row in rows)


def lists(folder, ours, theirs, common):
    """One address a person; the last `common` of the advertiser's people are the platform's first."""
    first = ours - common
    write(folder / "advertiser.csv", f"customer_id,email,{CONSENT_COLUMNS},order_cents",
          (f"customer-{person},person.{person}@example.com,{CONSENT},{cents(person)}" for person in order(ours)))
    write(folder / "platform.csv", f"member_id,email,{CONSENT_COLUMNS},segment",
          (f"member-{person},person.{first + person}@example.com,{CONSENT},segment-{person % 10**7:07}"
           for person in order(theirs)))
    return {"matched": common, "total": sum(min(cents(person), CLIP) for person in range(first, ours))}


def people(folder, count):
    """Two identifiers a person on one list. Half of them are on the other: by address, by number, or by both."""
    address, number = "person.{}@example.com".format, lambda person: f"+8835{person:010}"
    write(folder / "advertiser.csv", f"customer_id,email,phone,{CONSENT_COLUMNS},order_cents",
          (f"customer-{person},{address(person)},{number(person)},{CONSENT},{cents(person)}" for person in order(count)))
    first = count // 2
    def columns(person):
        return "" if person % 3 == 1 else address(person), "" if person % 3 == 0 else number(person)
    write(folder / "platform.csv", f"member_id,email,phone,{CONSENT_COLUMNS}",
          ("member-{},{},{},{}".format(person, *columns(first + person), CONSENT) for person in order(count)))
    matched = range(first, count)
    return {"matched": len(matched), "total": sum(min(cents(person), CLIP) for person in matched)}


class Process:
    """A command of ours, and what the kernel says that it took."""

    def __init__(self, *command):
        self.command = [str(part) for part in command]
        self.start = time.monotonic()
        self.pid = os.posix_spawn(self.command[0], self.command, os.environ | {"RUST_LOG": "error"})

    def took(self):
        _, status, usage = os.wait4(self.pid, 0)
        seconds = time.monotonic() - self.start
        if os.waitstatus_to_exitcode(status) != 0:
            sys.exit(f"failed: {' '.join(self.command)}")
        return {"seconds": round(seconds, 3), "cpu": round(usage.ru_utime + usage.ru_stime, 3),
                "memory": usage.ru_maxrss * 1024}


def listens(port):
    local = f":{port:04X} 00000000:0000 0A"
    return local in pathlib.Path("/proc/net/tcp").read_text()


def pair_of(server, port, client):
    """Runs a server for one session and a client of it."""
    serving = Process(*server, "--listen", f"127.0.0.1:{port}", "--sessions", 1)
    while not listens(port):
        if os.waitid(os.P_PID, serving.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            serving.took()
            sys.exit(f"ended before it listened: {' '.join(serving.command)}")
        time.sleep(0.02)
    return {"connect": Process(*client, "--peer", f"127.0.0.1:{port}").took(), "serve": serving.took()}


class Case:
    def __init__(self, name, folder, protocol, *flags, prepared=None, exact=True):
        self.name, self.folder, self.protocol, self.flags = name, folder, protocol, flags
        self.prepared, self.exact = prepared, exact

    def side(self, role):
        flags = ["--protocol", self.protocol, *self.flags]
        if self.protocol == "sum":
            flags += ["--clip", CLIP]
            flags += ["--value", "order_cents"] if role != "platform" else []
        if self.protocol == "labelled" and role != "advertiser":
            flags += ["--label", "segment"]
        return flags

    def check(self, report):
        if not self.exact:
            return
        answer, matched = self.folder.expected, report["matched"]
        unit = "people" if "--people" in self.flags else "identifiers"
        found = {"matched": matched[unit], "total": matched.get("sum", answer["total"])}
        if found != answer:
            sys.exit(f"{self.name}: {found}, and a plain loop has {answer}")

    def run(self, bench):
        folder, keys, work = self.folder.path, bench.keys, bench.fresh()
        took = {}
        if not self.prepared:
            report = work / "match.json"
            took["match"] = Process(bench.program, "-q", "match", "--advertiser", folder / "advertiser.csv", "--platform",
                                    folder / "platform.csv", "--report", report, *self.side("both")).took()
            self.check(json.loads(report.read_text()))
        theirs = ["--prepared", self.prepared] if self.prepared else ["--list", folder / "platform.csv"]
        report = work / "connect.json"
        took |= pair_of(
            [bench.program, "-q", "serve", *theirs, "--identity", keys / "platform.key", "--trust",
             keys / "advertiser.pub", "--min-audience", 0, "--results", work / "results", *self.side("platform")],
            bench.port(),
            [bench.program, "-q", "connect", "--list", folder / "advertiser.csv", "--identity",
             keys / "advertiser.key", "--trust", keys / "platform.pub", "--report", report, *self.side("advertiser")])
        report = json.loads(report.read_text())
        self.check(report)
        return took | {"bytes": report["bytes"]}


class Pair:
    """The first match of two fresh rooms, then the publisher's mapping."""

    name, protocol, flags = "PAIR", "pair", ()

    def __init__(self, folder):
        self.folder = folder

    def run(self, bench):
        folder, keys, work = self.folder.path, bench.keys, bench.fresh()
        for whose, room in (("publisher", work / "pub"), ("advertiser", work / "adv")):
            Process(bench.program, "-q", "pair", "keygen", whose, "--room", room).took()
        ids, mapping = work / "ids.csv", work / "mapping.csv"
        took = pair_of(
            [bench.program, "-q", "pair", "serve", "--room", work / "pub", "--list", folder / "platform.csv", "--identity",
             keys / "platform.key", "--trust", keys / "advertiser.pub", "--results", work / "results"],
            bench.port(),
            [bench.program, "-q", "pair", "connect", "--room", work / "adv", "--list", folder / "advertiser.csv",
             "--identity", keys / "advertiser.key", "--trust", keys / "platform.pub", "--ids", ids])
        took["map"] = Process(bench.program, "-q", "pair", "map", "--room", work / "pub", "--list", folder / "platform.csv",
                              "--output", mapping).took()
        # In a process of its own, or what it takes would be the least memory of whatever starts after it.
        subprocess.run([sys.executable, __file__, "identifiers", ids, mapping, str(self.folder.expected["matched"])],
                       check=True)
        return took


def check_identifiers(options):
    matched, known = identifiers(options.ids), identifiers(options.mapping)
    if len(matched) != options.expected or not matched <= known:
        sys.exit(f"PAIR: {len(matched)} identifiers, {len(matched - known)} of them in no mapping")


def identifiers(path):
    """The values of 32 bytes in Base64 in a file, whatever its columns are called."""
    found = set()
    with open(path, newline="") as rows:
        for row in csv.reader(rows):
            found |= {value for value in row if len(value) == 44 and len(base64.b64decode(value)) == 32}
    return found


class Folder:
    def __init__(self, path, make, *sizes):
        self.path = path
        self.expected = make(path, *sizes)


class Bench:
    def __init__(self, program, work):
        self.program, self.work, self.keys = program, work, work / "keys"
        self.ports = 20_000
        self.keys.mkdir(parents=True, exist_ok=True)
        for name in ("platform", "advertiser"):
            if not (self.keys / f"{name}.key").exists():
                Process(program, "-q", "keygen", self.keys / name).took()

    def fresh(self):
        path = self.work / "run"
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def port(self):
        self.ports += 1
        while listens(self.ports):
            self.ports += 1
        return self.ports

    def prepare(self, folder):
        """Evaluates the platform's list; a set serves one advertiser and both protocols."""
        name = folder.path / "set" / "november"
        shutil.rmtree(name.parent, ignore_errors=True)
        name.parent.mkdir()
        took = Process(self.program, "-q", "prepare", "--list", folder.path / "platform.csv", "--epoch", "2026-11",
                       "--identity", self.keys / "platform.key", "--for", self.keys / "advertiser.pub", "--output", name).took()
        return name, took | {"set": (name.parent / "november.set").stat().st_size}


def cases(bench, scale):
    large, half = 1 << scale, 1 << (scale - 1)
    plain = Folder(bench.work / "plain", lists, large, large, half)
    yield from (Case(name, plain, name) for name in ("dh", "oprf", "voprf", "two-hash", "labelled", "count", "sum"))
    yield Case("sum --noise 0.5", plain, "sum", "--noise", "0.5", exact=False)
    yield Case("sum --backend avx2", plain, "sum", "--backend", "avx2")
    yield Pair(plain)
    crowd = Folder(bench.work / "people", people, half)
    yield from (Case(f"{name} --people", crowd, name, "--people") for name in ("dh", "count", "sum"))


def prepared(bench, scale, record):
    for ours, theirs in ((1 << (scale - 8), 1 << (scale + 3)), (1 << (scale - 10), 10**7 >> (20 - scale))):
        name = f"{ours} x {theirs}"
        folder = Folder(bench.work / name.replace(" ", ""), lists, ours, theirs, ours // 2)
        set_name, took = bench.prepare(folder)
        record["cases"][f"prepare, {name}"] = [took]
        yield from (Case(f"{protocol} prepared, {name}", folder, protocol, prepared=set_name)
                    for protocol in ("oprf", "voprf"))


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def cpu():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def run(options):
    bench = Bench(options.program.resolve(), options.work)
    record = {
        "format": "blindmatch-commands", "version": 1, "date": datetime.datetime.now(datetime.UTC).isoformat()[:16] + "Z",
        "cpu": cpu(), "cores": os.cpu_count(), "system": platform.release(), "compiler": output("rustc", "--version"),
        "commit": output("git", "rev-parse", "HEAD"), "blindmatch": output(bench.program, "--version"),
        "elements": 1 << options.scale, "cases": {},
    }
    everything = [*cases(bench, options.scale), *prepared(bench, options.scale, record)]
    warm = 1 if options.repeat > 1 else 0
    for turn in range(warm + options.repeat):
        for case in everything:
            took = case.run(bench)
            print(f"{turn + 1}: {case.name}: {took['connect']['seconds']:.2f} s", flush=True)
            if turn >= warm:
                record["cases"].setdefault(case.name, []).append(took)
    options.record.mkdir(parents=True, exist_ok=True)
    (options.record / "record.json").write_text(json.dumps(record, indent=1) + "\n")


def tables(options):
    record = json.loads((options.record / "record.json").read_text())
    runs, pairs = record["cases"], record["elements"]

    memory_runs = json.loads((options.memory / "record.json").read_text())["cases"] if options.memory else runs

    def median(name, *path):
        def at(run):
            for key in path:
                run = run[key]
            return run
        return statistics.median(at(run) for run in (memory_runs if path[-1] == "memory" else runs)[name])

    def mb(value):
        return f"{value / 1e6:,.0f}"

    def bytes_of(name):
        return " / ".join(f"{median(name, 'bytes', way) / 1e6:,.{1 if median(name, 'bytes', way) > 1e6 else 2}f}"
                          for way in ("sent", "received")) + " MB"

    def connect(name):
        return (f"{median(name, 'connect', 'seconds'):.1f} s; {median(name, 'serve', 'cpu'):.1f} + "
                f"{median(name, 'connect', 'cpu'):.1f} s")

    print("| | `match`: time, CPU a pair | `connect`: time; CPU `serve` + `connect` | sent / received by the advertiser "
          "| peak memory: `match`; `serve`, `connect` |\n|---|---|---|---|---|")
    for name in runs:
        if "prepare" in name:
            continue
        match, memory = "", ""
        if "match" in runs[name][0]:
            match = f"{median(name, 'match', 'seconds'):.1f} s, {median(name, 'match', 'cpu') / pairs * 1e6:.0f} us"
            memory = mb(median(name, "match", "memory")) + "; "
        sent = bytes_of(name) if "bytes" in runs[name][0] else ""
        memory += f"{mb(median(name, 'serve', 'memory'))}, {mb(median(name, 'connect', 'memory'))} MB"
        print(f"| `{name}` | {match} | {connect(name)} | {sent} | {memory} |")
    print(f"\n`pair map`: {median('PAIR', 'map', 'seconds'):.1f} s\n")

    print("| | `prepare`, once: time, CPU, memory, set | a session: `connect` | CPU: `serve` with loading the set, `connect` "
          "| sent / received | memory: `serve`, `connect` |\n|---|---|---|---|---|---|")
    for name in runs:
        protocol, _, size = name.partition(" prepared, ")
        if not size:
            continue
        once, theirs = f"prepare, {size}", int(size.split(" x ")[1])
        first = (f"{median(once, 'seconds'):.0f} s, {median(once, 'cpu'):.0f} s = {median(once, 'cpu') / theirs * 1e6:.1f} us "
                 f"an entry, {mb(median(once, 'memory'))} MB, {median(once, 'set') / 1e6:.1f} MB")
        print(f"| {size}, `{protocol}` | {first} | {median(name, 'connect', 'seconds'):.2f} s | "
              f"{median(name, 'serve', 'cpu'):.2f} + {median(name, 'connect', 'cpu'):.2f} s | {bytes_of(name)} | "
              f"{mb(median(name, 'serve', 'memory'))}, {mb(median(name, 'connect', 'memory'))} MB |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(required=True)
    measure = commands.add_parser("run", help="measure, and write a record")
    measure.add_argument("program", type=pathlib.Path, help="the release build of blindmatch")
    measure.add_argument("--work", type=pathlib.Path, required=True, help="folder for lists and keys; 3 GB")
    measure.add_argument("--record", type=pathlib.Path, required=True, help="folder for record.json")
    measure.add_argument("--scale", type=int, default=20, help="log2 of the elements of a list [20]")
    measure.add_argument("--repeat", type=int, default=3, help="runs that count, of each case [3]")
    measure.set_defaults(command=run)
    check = commands.add_parser("identifiers", help="check the outputs of PAIR (what `run` does)")
    check.add_argument("ids", type=pathlib.Path)
    check.add_argument("mapping", type=pathlib.Path)
    check.add_argument("expected", type=int)
    check.set_defaults(command=check_identifiers)
    show = commands.add_parser("tables", help="print a record as Markdown tables")
    show.add_argument("record", type=pathlib.Path)
    show.add_argument("--memory", type=pathlib.Path, help="another record, to take memory from")
    show.set_defaults(command=tables)
    options = parser.parse_args()
    options.command(options)


if __name__ == "__main__":
    main()
