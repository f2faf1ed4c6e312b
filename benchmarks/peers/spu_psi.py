# SecretFlow SPU's PSI. It reads a CSV file and writes one, in the measured time as in real use; its own link (brpc)
# has both sides listen and both connect.

import csv
import datetime
import re
import shutil
import tempfile

import spu.libspu as libspu
from spu import psi

KEY = "id"
CURVES = {"ecdh-fourq": psi.EllipticCurveType.CURVE_FOURQ, "ecdh-25519": psi.EllipticCurveType.CURVE_25519}
VARIANTS = (*CURVES, "kkrt", "rr22", "rr22-lowcomm")
MINUTE = 60_000  # in milliseconds
# Lines of its log such as "[2026-11-25 09:58:36.416] [info] [sender.cc:42] [Rr22PsiSender::Init] end". Reading the list
# is in init and preprocess, writing the matches in finalize: online is the protocol.
STEP = re.compile(
    r"^\[([-0-9]+ [:.0-9]+)\] .* \[(?:\w+Psi(?:Receiver|Sender)|AbstractPsiParty)::"
    r"(PreProcess|Online|PostProcess|Finalize|Init)\] (start|end)$",
    re.MULTILINE,
)


def prepare():
    args = arguments(VARIANTS)
    # Beside the output, which is in a folder of the benchmark's own: files of SPU's stay there, and go with it.
    folder = tempfile.mkdtemp(dir=os.path.dirname(os.path.abspath(args.output)))
    table, matches = os.path.join(folder, "list.csv"), os.path.join(folder, "matches.csv")
    with open(table, "w", encoding="ascii") as rows:
        rows.write(KEY + "\n")
        with open(args.list, encoding="ascii") as lines:
            shutil.copyfileobj(lines, rows)
    log = os.path.join(folder, "log")
    os.dup2(os.open(log, os.O_CREAT | os.O_WRONLY, 0o600), 1)
    configuration = configure(args, table, matches)
    # Before the measured time: where one side is there first, brpc tries again only after a second or so.
    link = connect(args)

    def run(phases):
        with phases.time("other"):
            report = psi.psi_execute(configuration, link)
        steps(log, phases)
        phases["other"] = max(0.0, 2 * phases["other"] - sum(phases.values()))
        if args.role == "receiver":
            return report.intersection_count, lambda: matched_rows(args, matches, link)
        return 0, lambda: link.stop_link() or []

    return args, run


def configure(args, table, matches):
    protocol = psi.PsiProtocolConfig()
    protocol.receiver_rank = 0
    protocol.broadcast_result = False
    if args.variant in CURVES:
        protocol.protocol = psi.PsiProtocol.PROTOCOL_ECDH
        protocol.ecdh_params = psi.EcdhParams(curve=CURVES[args.variant])
    elif args.variant == "kkrt":
        protocol.protocol = psi.PsiProtocol.PROTOCOL_KKRT
    else:
        protocol.protocol = psi.PsiProtocol.PROTOCOL_RR22
        protocol.rr22_params = psi.Rr22Rarams(low_comm_mode=args.variant == "rr22-lowcomm")
    csv_file = psi.SourceType.SOURCE_TYPE_FILE_CSV
    return psi.PsiExecuteConfig(
        protocol_conf=protocol,
        input_params=psi.InputParams(type=csv_file, path=table, selected_keys=[KEY], keys_unique=True),
        output_params=psi.OutputParams(type=csv_file, path=matches, disable_alignment=True),
    )


def connect(args):
    rank = ROLES.index(args.role)
    addresses = [None, None]
    addresses[rank], addresses[1 - rank] = args.listen, args.peer
    description = libspu.link.Desc()
    for role, (host, port) in zip(ROLES, addresses):
        description.add_party(role, f"{host}:{port}")
    description.connect_retry_interval_ms = 20
    description.connect_retry_times = 500
    description.recv_timeout_ms = 10 * MINUTE
    description.http_timeout_ms = 10 * MINUTE
    return libspu.link.create_brpc(description, rank)


def steps(log, phases):
    """What the run was made of, as SPU tells it."""
    started = {}
    with open(log, encoding="utf-8", errors="replace") as lines:
        for when, step, edge in STEP.findall(lines.read(1 << 20)):
            when = datetime.datetime.fromisoformat(when)
            if edge == "start":
                started.setdefault(step, when)
            elif step in started:
                phases[step.lower()] = (when - started[step]).total_seconds()


def matched_rows(args, matches, link):
    link.stop_link()
    with open(matches, newline="", encoding="ascii") as table:
        matched = [row[KEY] for row in csv.DictReader(table)]
    row_of = {identifier: row for row, identifier in enumerate(identifiers(args.list))}
    # What is not on the list counts too: as a row that nobody has.
    return [row_of.get(identifier, len(row_of)) for identifier in matched]


play("spu", prepare)
