//! What a newcomer does wrong: the text, the remedy, and the exit code.

use std::fs;
use std::net::TcpListener;
use std::thread;

use snapbox::assert_data_eq;

#[cfg(unix)]
use crate::program::Server;
use crate::program::{Folder, Ran};

const USAGE: i32 = 2;
const INPUT: i32 = 3;
const CONSENT: i32 = 4;
const INCOMPATIBLE: i32 = 5;
const PEER: i32 = 6;
const IO: i32 = 7;

/// `[..]` in the text stands for anything within a line.
#[track_caller]
fn assert_error(ran: &Ran, code: i32, text: &str) {
    assert_data_eq!(ran.stderr.trim_end().to_owned(), text.to_owned());
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert!(ran.stdout.is_empty());
}

/// Of the lines on standard error, the error and its remedy; a log may stand before them.
#[cfg(unix)]
fn error_of(ran: &Ran) -> &str {
    ran.stderr.find("error:").map_or("", |at| ran.stderr[at..].trim_end())
}

const MATCH: &str = "match --advertiser advertiser.csv --platform platform.csv";

/// A flag whose value cannot be, in what clap makes of it.
#[track_caller]
fn assert_invalid(folder: &Folder, line: &str, flag: &str, text: &str) {
    let value = flag.split_once(' ').unwrap().1.rsplit(',').next().unwrap();
    let text =
        format!("error: invalid value '{value}' for {text}\n\nFor more information, try '--help'.");
    assert_error(&folder.run(&format!("{line} {flag}")), USAGE, &text);
}

// ---- lists ----

#[test]
fn lists_that_cannot_be_used() {
    let utf16: Vec<u8> =
        "\u{feff}email,purposes\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let cases: [(&str, &[u8], &str); 10] = [
        ("empty.csv", b"", "is empty; it needs a header and rows"),
        ("header.csv", b"email,purposes\n", "has a header and no rows"),
        (
            "none.csv",
            b"id,purposes\n1,x\n",
            "no identifier column; name one `email`, `phone`, `email_sha256` or `phone_sha256` (or \
             have columns `kind` and `value`)",
        ),
        (
            "data.csv",
            b"ann@example.com,TargetedAdvertising\n",
            "the first line holds data, not column names; add a header such as `email,purposes`",
        ),
        ("parquet.csv", b"PAR1\x15\x04\x15", "is Parquet; read it as format parquet"),
        (
            "text.parquet",
            b"email,purposes\na@example.com,x\n",
            "is not Parquet; read it as format csv, or export it again",
        ),
        ("sheet.csv", b"PK\x03\x04....", "is a spreadsheet or archive; export the list as CSV"),
        ("utf16.csv", &utf16, "is UTF-16; save it as UTF-8 (in Excel: \"CSV UTF-8\")"),
        ("binary.csv", b"\x7fELF\x02\x01", "is not text; export the list as CSV in UTF-8"),
        (
            "twice.csv",
            b"email,E-Mail,purposes\na@example.com,,x\n",
            "columns 1 and 2 have the same name; rename one",
        ),
    ];
    let folder = Folder::new();
    for (name, content, problem) in cases {
        folder.write(name, content);
        let ran = folder.run(&format!("check {name}"));
        assert_error(&ran, INPUT, &format!("error: {name}: {problem}"));
    }
}

#[test]
fn lists_that_are_not_there() {
    let folder = Folder::new();
    let missing = folder.run("check nowhere.csv");
    assert_error(&missing, INPUT, "error: nowhere.csv: no such file; check the path");
    let folder_itself = folder.run("check .");
    assert_error(&folder_itself, INPUT, "error: .: is a directory; name the file in it");
    folder.write("list.csv", "email,purposes\na@example.com,TargetedAdvertising\n");
    let suppressed = folder.run("check list.csv --suppress nowhere.csv");
    assert_error(&suppressed, INPUT, "error: nowhere.csv: no such file; check the path");
}

#[test]
fn strict_stops_at_the_first_bad_row() {
    let folder = Folder::with_examples();
    let expected = "error: advertiser.csv: row 51: email: the value is not an e-mail address";
    assert_error(&folder.run(&format!("{MATCH} --strict")), INPUT, expected);
    folder.write("suppress.csv", "email\nann@example.com\nnobody\n");
    let ran = folder.run(&format!("{MATCH} --suppress suppress.csv"));
    let expected = "error: suppress.csv: row 2: email: the value is not an e-mail address";
    assert_error(&ran, INPUT, expected);
}

// ---- consent ----

#[test]
fn a_list_without_consent_names_the_remedy() {
    let folder = Folder::new();
    folder.write("list.csv", "email\nann@example.com\n");
    let text = "error: list.csv: no consent column, so nothing shows that its people agreed; add \
                `purposes` or `collected_for` (see the documentation for all of them), or attest \
                the notice that everyone on it saw with --attest-consent";
    assert_error(&folder.run("check list.csv"), CONSENT, text);
    let ran = folder.run("match --advertiser list.csv --platform list.csv --output out.csv");
    assert_error(&ran, CONSENT, text);
    assert_eq!(folder.names("."), ["list.csv"]);
    folder.stdout("check list.csv --attest-consent shop-terms-2026");
}

#[test]
fn an_attestation_needs_its_notice() {
    let folder = Folder::with_examples();
    let mut blank = folder.command("check advertiser.csv --attest-consent");
    blank.arg("  ");
    let text = "error: an attestation needs the notice that people saw";
    assert_error(&crate::program::finish(blank), CONSENT, text);
}

#[test]
fn no_match_is_made_for_security() {
    let folder = Folder::with_examples();
    for purpose in ["IdentityAuthentication", "two_factor", "dpv:EnforceSecurity"] {
        for command in [MATCH, "check advertiser.csv", "check nowhere.csv"] {
            for attested in ["", "--attest-consent terms"] {
                let ran = folder.run(&format!("{command} --purpose {purpose} {attested}"));
                let text = "error: [..] is a purpose of security or authentication; lists are not \
                            matched for it";
                assert_error(&ran, CONSENT, text);
            }
        }
    }
}

// ---- flags ----

#[test]
fn values_that_cannot_be() {
    let folder = Folder::with_examples();
    let cases = [
        (
            "--purpose shouting",
            "'--purpose <NAME>': not a purpose of the W3C Data Privacy Vocabulary (such as \
             TargetedAdvertising)",
        ),
        (
            "--profile facebook",
            "'--profile <NAME>': unknown profile facebook: there are pair, google, meta, uid2, x",
        ),
        (
            "--region Atlantis",
            "'--region <CC>': unknown region ATLANTIS: use a two-letter code such as DE",
        ),
        ("--reveal all", "'--reveal <WHO>': one of advertiser, platform, both, count"),
        ("--format xlsx", "'--format <FORMAT>': one of csv, parquet"),
        ("--threads 0", "'--threads <N>': a whole number from 1 to 1024"),
        ("--threads 99999999", "'--threads <N>': a whole number from 1 to 1024"),
        ("--backend abacus", "'--backend <NAME>': one of portable, avx2, avx512"),
        (
            "--protocol rsa",
            "'--protocol <NAME>': one of dh, oprf, voprf, two-hash, labelled, count, sum",
        ),
        (
            "--noise 0.0000001",
            "'--noise <EPSILON>': a decimal number from 0.000001 to 100, such as 0.5",
        ),
        ("--blinding colour", "'--blinding <NAME>': one of additive, multiplicative"),
    ];
    for (flag, text) in cases {
        assert_invalid(&folder, MATCH, flag, text);
    }
    let size = "'--size <N,...>': a number of rows such as 2^16, 65536 or 1e6, at most 2^26, or a range \
                2^8..2^20";
    let threads = "'--threads <N,...>': max, or a whole number from 1 to 1024";
    let repeat = "'--repeat <N>': a whole number from 1 to 10000";
    let cases = [
        ("--size 0", size),
        ("--size 2^27", size),
        ("--size 1.5e3", size),
        ("--size 16,", size),
        ("--threads all", threads),
        ("--threads 0", threads),
        ("--repeat 0", repeat),
        (
            "--protocol rsa",
            "'--protocol <NAME,...>': one of all, dh, oprf, voprf, two-hash, labelled, count, sum, \
             oprf-prepared, voprf-prepared, insecure-sha256, insecure-salted-sha256, insecure-bloom, \
             openmined-raw, openmined-gcs, spu-ecdh-fourq, spu-ecdh-25519, spu-kkrt, spu-rr22, \
             spu-rr22-lowcomm",
        ),
        ("--backend abacus", "'--backend <NAME,...>': one of portable, avx2, avx512"),
    ];
    for (flag, text) in cases {
        assert_invalid(&folder, "bench", flag, text);
    }
    let serve = "serve --list platform.csv --identity k --trust k";
    for flags in ["--listen here", "--listen :1 --sessions 0", "--listen a:1 --max-sessions 0"] {
        assert_eq!(folder.run(&format!("{serve} {flags}")).code, Some(USAGE), "{flags}");
    }
}

#[test]
fn places_that_cannot_be_written_are_found_before_the_match() {
    let folder = Folder::with_examples();
    fs::create_dir(folder.path("folder")).unwrap();
    let before = folder.names(".");
    let cases = [
        ("--output no/out.csv", "no/out.csv: there is no such folder"),
        ("--report no/report.json", "no/report.json: there is no such folder"),
        ("--output folder", "folder: is a folder; name a file in it"),
        ("--report folder/", "folder/: is a folder; name a file in it"),
        (
            "--output out.csv.gz",
            "out.csv.gz: rows are written as plain CSV or Parquet; name the file .csv or .parquet",
        ),
        (
            "--output platform.csv",
            "platform.csv: would be replaced, and it is read here; name another file",
        ),
        (
            "--report folder/../advertiser.csv",
            "folder/../advertiser.csv: would be replaced, and it is read here; name another file",
        ),
        ("--output x --report ./x", "./x: named for two things"),
        (
            "--output - --report -",
            "only one thing can go to standard output; name a file for the other",
        ),
        (
            "--output - --output-format parquet",
            "Parquet cannot be written to standard output; name a file",
        ),
        ("--reveal count --output out.csv", "--reveal count gives nobody rows: leave out --output"),
        ("--platform-output out.csv", "--platform-output goes with --reveal both"),
        (
            "--protocol count --output out.csv",
            "--protocol count gives nobody rows: leave out --output",
        ),
        (
            "--protocol count --reveal count",
            "--protocol count cannot --reveal count, but one of advertiser, platform, both",
        ),
        ("--protocol sum --clip 5", "--protocol sum needs the advertiser's --value COLUMN"),
        (
            "--protocol sum --value order_value_cents",
            "--protocol sum needs --clip N: what greater values are cut down to",
        ),
        ("--value order_value_cents", "--value goes with --protocol sum"),
        ("--clip 5", "--clip goes with --protocol sum"),
        ("--noise 0.5", "--noise goes with --protocol count or sum, not dh"),
        (
            "--protocol count --reveal both --noise 0.5",
            "--noise goes with --reveal advertiser, not both: the platform adds it, and so knows the \
             exact answer",
        ),
        (
            "--protocol sum --value order_value_cents --clip 100000 --noise 0.000001",
            "with an epsilon of 0.000001, noise could come to more than can be found in an encrypted \
             total below 2^40; lower the clip, count in a larger unit, or agree on a greater epsilon",
        ),
    ];
    for (flags, text) in cases {
        let ran = folder.run(&format!("{MATCH} {flags}"));
        assert_error(&ran, USAGE, &format!("error: {text}"));
        assert_eq!(folder.names("."), before, "{flags}");
    }
}

/// As root everything can be written, except where the kernel alone makes files.
#[cfg(target_os = "linux")]
#[test]
fn devices_and_closed_folders_are_left_alone() {
    let folder = Folder::with_examples();
    let null = folder.run(&format!("{MATCH} --report /dev/null"));
    let text = "error: /dev/null: is no plain file; name another, or `-` for standard output";
    assert_error(&null, USAGE, text);
    let closed = folder.run(&format!("{MATCH} --report /proc/report"));
    assert_error(&closed, IO, "error: writing to the folder /proc: [..]");
}

#[test]
fn standard_input_is_one_list_that_is_read_once() {
    let folder = Folder::with_examples();
    let both = folder.run_with_input("match --advertiser - --platform -", "platform.csv");
    assert_error(&both, USAGE, "error: only one list can come from standard input");
    let line = "match --advertiser - --platform platform.csv --output out.csv";
    let text = "error: a list whose matched rows are written is read twice, which standard input \
                cannot be; save it to a file first";
    assert_error(&folder.run_with_input(line, "advertiser.csv"), USAGE, text);
    let line = "serve --list - --listen 127.0.0.1:0 --identity k --trust k";
    let text = "error: a server reads its lists again when they change: name files, not `-`";
    assert_error(&folder.run_with_input(line, "platform.csv"), USAGE, text);
}

// ---- keys and peers ----

#[test]
fn keygen_overwrites_nothing_and_leaves_no_half_pair() {
    let folder = Folder::new();
    folder.stdout("keygen a");
    let text = "error: a.key: already exists; a key is never overwritten";
    assert_error(&folder.run("keygen a"), INPUT, text);
    fs::remove_file(folder.path("a.key")).unwrap();
    let text = "error: a.pub: already exists; a key is never overwritten";
    assert_error(&folder.run("keygen a"), INPUT, text);
    assert_eq!(folder.names("."), ["a.pub"]);
    assert_error(&folder.run("keygen no/a"), IO, "error: writing no/a.key: [..]");
}

#[test]
fn keys_that_cannot_be_used() {
    let folder = Folder::with_examples();
    folder.make_keys();
    folder.write("not.key", "-----BEGIN NOTHING-----\n");
    folder.write("empty.pub", "\n");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::Permissions::from_mode;
        fs::set_permissions(folder.path("not.key"), mode(0o600)).unwrap();
        fs::copy(folder.path("advertiser.key"), folder.path("open.key")).unwrap();
        fs::set_permissions(folder.path("open.key"), mode(0o644)).unwrap();
    }
    let mine = "advertiser.key";
    let theirs = "platform.pub";
    let cases = [
        (
            "none.key",
            theirs,
            "reading none.key: no such file; `blindmatch keygen NAME` makes NAME.key",
        ),
        ("not.key", theirs, "not.key: no private key (PKCS#8 PEM) in it; `keygen` makes one"),
        #[cfg(unix)]
        (
            "open.key",
            theirs,
            "open.key: others than its owner may use this private key; run `chmod 600` on it",
        ),
        (mine, "none.pub", "reading none.pub: no such file; ask the peer for its .pub file"),
        (mine, "empty.pub", "empty.pub: no public key in it"),
        (
            mine,
            "platform.key",
            "platform.key: line 1: not a public key; one starts with `blindmatch-ed25519`",
        ),
    ];
    for (identity, trust, text) in cases {
        let keys = format!("--identity {identity} --trust {trust}");
        for command in
            ["connect --list advertiser.csv --peer", "serve --list platform.csv --listen"]
        {
            let ran = folder.run(&format!("{command} 127.0.0.1:1 {keys}"));
            assert_error(&ran, INPUT, &format!("error: {text}"));
        }
    }
}

#[test]
fn an_output_never_replaces_a_key() {
    let folder = Folder::with_examples();
    folder.make_keys();
    let line = "connect --list advertiser.csv --peer 127.0.0.1:1 --identity advertiser.key \
                --trust platform.pub --report";
    for key in ["advertiser.key", "platform.pub"] {
        let text =
            format!("error: {key}: would be replaced, and it is read here; name another file");
        assert_error(&folder.run(&format!("{line} {key}")), USAGE, &text);
    }
}

#[test]
fn nobody_listens() {
    let folder = Folder::with_examples();
    folder.make_keys();
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap(); // closed again
    let line = "connect --list advertiser.csv --identity advertiser.key --trust platform.pub";
    let ran = folder.run(&format!("{line} --peer {address}"));
    let text = format!(
        "error: connecting to {address}: Connection refused[..]\n  \
         help: nobody listens there: see --peer, and whether `blindmatch serve` runs"
    );
    assert_error(&ran, IO, &text);
}

#[test]
fn a_peer_that_is_something_else() {
    let folder = Folder::with_examples();
    folder.make_keys();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stranger = thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let mut socket = listener.accept().unwrap().0;
        socket.write_all(b"SSH-2.0-OpenSSH_9.6\r\n").unwrap();
        while socket.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {} // until the peer leaves
    });
    let line = "connect --list advertiser.csv --identity advertiser.key --trust platform.pub";
    let ran = folder.run(&format!("{line} --peer {address}"));
    let text = "error: not a blindmatch peer, or one of another version: [..]";
    assert_error(&ran, PEER, text);
    stranger.join().unwrap();
}

#[cfg(unix)]
#[test]
fn a_port_that_is_taken() {
    let folder = Folder::with_examples();
    folder.make_keys();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let ran = folder.run(&format!(
        "serve --list platform.csv --listen {address} --identity platform.key --trust \
         advertiser.pub"
    ));
    let text = "error: listening on [..]: Address already in use[..]\n  \
                help: another program listens there; choose another port (0 takes a free one)";
    assert_data_eq!(error_of(&ran).to_owned(), text.to_owned());
    assert_eq!(ran.code, Some(IO));
}

#[cfg(unix)]
#[test]
fn strangers_are_told_both_ways() {
    let folder = Folder::with_examples();
    folder.make_keys();
    folder.stdout("keygen eve");
    let server = Server::start(&folder, "");
    let line = format!("connect --list advertiser.csv --peer {}", server.address);

    let ran = folder.run(&format!("{line} --identity eve.key --trust platform.pub"));
    let text = "error: the peer does not trust our key SHA256:[..]; give it our .pub file";
    assert_error(&ran, PEER, text);
    server.wait_for("is not trusted here; if it is theirs, trust their .pub file", 1);

    let ran = folder.run(&format!("{line} --identity advertiser.key --trust eve.pub"));
    let text = "error: the peer's key SHA256:[..] is not trusted here; if it is theirs, trust their \
                .pub file";
    assert_error(&ran, PEER, text);
    server.wait_for("the peer does not trust our key", 1);
    assert!(!server.log().contains("session begun"));
    assert_eq!(server.stop().code, Some(0));
}

#[cfg(unix)]
#[test]
fn a_difference_in_terms_is_named_on_both_sides() {
    let folder = Folder::with_examples();
    folder.make_keys();
    let server = Server::start(&folder, "--max-elements 1000");
    let cases = [
        (
            "--profile meta",
            "profile",
            "meta/1",
            "pair/1",
            "both sides must pass the same --profile",
        ),
        (
            "--purpose DirectMarketing",
            "purpose",
            "DirectMarketing",
            "TargetedAdvertising",
            "both sides must pass the same --purpose",
        ),
        (
            "--reveal both",
            "reveal",
            "both",
            "advertiser",
            "agree with your peer on --reveal; the platform decides",
        ),
        (
            "--min-audience 7",
            "minimum audience",
            "7",
            "100",
            "leave out --min-audience to take the platform's",
        ),
        (
            "--max-elements 9",
            "list size",
            "at most 9",
            "478",
            "raise --max-elements on the side that refuses, or split the list",
        ),
    ];
    for (flags, field, ours, theirs, help) in cases {
        let ran = folder.run(&server.visit(flags));
        let text = format!(
            "error: {field} differs: ours is {ours}, the peer's is {theirs}\n  help: {help}"
        );
        assert_error(&ran, INCOMPATIBLE, &text);
        server.wait_for(&format!("{field} differs: ours is {theirs}, the peer's is {ours}"), 1);
    }
    let ran = server.stop();
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.stdout, b"sessions: 5, of which failed: 5\n");
}

#[cfg(unix)]
#[test]
fn a_list_that_is_too_long_for_the_server() {
    let folder = Folder::with_examples();
    folder.make_keys();
    let server = Server::start(&folder, "--max-elements 9");
    let ran = folder.run(&server.visit(""));
    let text = "error: list size differs: ours is 315, the peer's is at most 9\n  help: raise \
                --max-elements on the side that refuses, or split the list";
    assert_error(&ran, INCOMPATIBLE, text);
    server.wait_for("list size differs: ours is at most 9, the peer's is 315", 1);
}
