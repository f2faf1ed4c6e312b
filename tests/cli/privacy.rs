//! Nothing identifying leaves: whatever the program writes, beside the receiver's own rows, is
//! searched for every identifier of the lists, as it stands and normalised, and for its SHA-256.
//! (`tests/privacy.rs` and `tests/network.rs` do the same with traffic and the library's types.)

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

use crate::program::{Folder, Server, finish};

/// What must not be found, by its first bytes, in lower case.
struct Secrets(HashMap<[u8; HEAD], Vec<Vec<u8>>>);

/// Shorter ones, such as `n/a`, identify nobody.
const HEAD: usize = 8;

impl Secrets {
    fn of(folder: &Folder, lists: &[&str]) -> Secrets {
        let mut secrets = Secrets(HashMap::new());
        for list in lists {
            let text = folder.read(list);
            let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
            let header = reader.headers().unwrap().clone();
            for row in reader.records().map(Result::unwrap) {
                let cells = header.iter().zip(&row);
                cells.filter(|(name, _)| COLUMNS.contains(name)).for_each(|(_, c)| secrets.add(c));
            }
        }
        secrets
    }

    /// An identifier: as it stands, in the forms that profiles give it, and their digests.
    fn add(&mut self, raw: &str) {
        let raw = raw.trim();
        let digits: String = raw.replace("(0)", "").chars().filter_map(digit).collect();
        let forms = [raw.to_owned(), raw.to_lowercase(), format!("+{digits}"), digits];
        for form in forms.iter().filter(|form| form.len() >= HEAD) {
            let digest = Sha256::digest(form);
            let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let encoded = [STANDARD_NO_PAD.encode(digest), URL_SAFE_NO_PAD.encode(digest)];
            self.insert(form.as_bytes());
            self.insert(&digest);
            self.insert(hex.as_bytes());
            encoded.iter().for_each(|text| self.insert(text.as_bytes()));
        }
    }

    fn insert(&mut self, secret: &[u8]) {
        let secret = secret.to_ascii_lowercase();
        let same_head = self.0.entry(*secret.first_chunk().unwrap()).or_default();
        if !same_head.contains(&secret) {
            same_head.push(secret);
        }
    }

    /// Secrets in this text.
    fn found_in(&self, text: &[u8]) -> Vec<String> {
        let text = text.to_ascii_lowercase();
        let starts = (0..text.len()).filter_map(|at| Some((at, text[at..].first_chunk()?)));
        let found = starts.flat_map(|(at, head)| {
            let candidates = self.0.get(head).into_iter().flatten();
            let text = &text;
            candidates.filter(move |secret| text[at..].starts_with(secret))
        });
        found.map(|secret| secret.escape_ascii().to_string()).collect()
    }

    #[track_caller]
    fn assert_absent(&self, text: &[u8], place: &str) {
        let found = self.found_in(text);
        assert!(found.is_empty(), "{place}: {found:?}");
    }
}

const COLUMNS: [&str; 3] = ["email", "phone", "mobile"];

fn digit(c: char) -> Option<char> {
    match c {
        '０'..='９' => char::from_digit(c as u32 - '０' as u32, 10),
        c => c.is_ascii_digit().then_some(c),
    }
}

/// A folder with the example lists, what must not be found, and a place for temporary files.
fn folder() -> (Folder, Secrets) {
    let folder = Folder::with_examples();
    let secrets = Secrets::of(&folder, &["advertiser.csv", "platform.csv", "suppress.csv"]);
    assert!(secrets.0.len() > 2000);
    fs::create_dir(folder.path("temporary")).unwrap();
    (folder, secrets)
}

/// Runs as talkative as can be; nothing that it says may be a secret.
fn assert_discreet(folder: &Folder, secrets: &Secrets, line: &str, code: i32) {
    let mut command = folder.command(&format!("{line} -vv"));
    command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "1");
    command.env("TMPDIR", folder.path("temporary"));
    let ran = finish(command);
    assert_eq!(ran.code, Some(code), "{line}: {}", ran.stderr);
    secrets.assert_absent(&ran.stdout, line);
    secrets.assert_absent(ran.stderr.as_bytes(), line);
}

/// Looks through every file, by name and content, but for lists and matched rows.
fn assert_discreet_files(folder: &Path, secrets: &Secrets) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.to_str().unwrap();
        secrets.assert_absent(name.as_bytes(), name);
        assert!(!name.ends_with(".part") && !name.ends_with(".partial"), "{name} is left behind");
        match path.extension().is_some_and(|e| e == "csv" || e == "parquet") {
            _ if path.is_dir() => assert_discreet_files(&path, secrets),
            true => {}
            false => secrets.assert_absent(&fs::read(&path).unwrap(), name),
        }
    }
}

#[test]
fn the_search_finds_what_is_there() {
    let (folder, secrets) = folder();
    for (text, expected) in [
        (&b"row 7: Tove.Okafor71@inbox.example"[..], true),
        (b"+447700900240", true),
        (b"447700900240", true),
        (b"olga.jansen", false),
        (&Sha256::digest("tove.okafor71@inbox.example"), true),
        (STANDARD_NO_PAD.encode(Sha256::digest("+447700900240")).as_bytes(), true),
    ] {
        assert_eq!(!secrets.found_in(text).is_empty(), expected, "{}", text.escape_ascii());
    }
    assert!(secrets.found_in(&fs::read(folder.path("advertiser.csv")).unwrap()).len() > 300);
}

#[test]
fn runs_that_succeed() {
    let (folder, secrets) = folder();
    let matching = "match --advertiser advertiser.csv --platform platform.csv";
    for line in [
        "check advertiser.csv --show 1000",
        "check platform.csv --show 1000 --report check.json --suppress suppress.csv",
        &format!("{matching} --report report.json --output out.csv"),
        &format!("{matching} --report - --suppress suppress.csv --output out.parquet"),
        &format!("{matching} --reveal count --region GB --profile google"),
    ] {
        assert_discreet(&folder, &secrets, line, 0);
    }
    assert!(!secrets.found_in(&fs::read(folder.path("out.csv")).unwrap()).is_empty());
    assert_discreet_files(&folder.path(""), &secrets);
}

#[test]
fn runs_that_fail() {
    let (folder, secrets) = folder();
    let matching = "match --advertiser advertiser.csv --platform platform.csv";
    // Lists that break in ways which tempt an error to quote them.
    let text = folder.read("advertiser.csv");
    let row = text.lines().nth(4).unwrap();
    folder.write("headless.csv", text.split_once('\n').unwrap().1);
    folder.write("twice.csv", format!("email,email\n{row}\n"));
    folder.write("suppress-bad.csv", format!("phone\n{row}\n"));
    folder.write("cut.csv.gz.csv", [&[0x1f, 0x8b, 8, 0][..], text.as_bytes()].concat());
    folder.write("fake.parquet", [b"PAR1", text.as_bytes(), b"PAR1"].concat());
    folder.write("quoted.csv", format!("email,purposes\n\"{row}\n"));
    for (line, code) in [
        (&*format!("{matching} --strict --output out.csv"), 3),
        ("check advertiser.csv --strict", 3),
        ("check headless.csv", 3),
        ("check twice.csv", 3),
        ("check quoted.csv --strict", 3),
        ("check fake.parquet", 3),
        ("check cut.csv.gz.csv", 3),
        ("check advertiser.csv --suppress suppress-bad.csv", 3),
        ("check suppress.csv", 4),
        (&format!("{matching} --output no/out.csv"), 2),
    ] {
        assert_discreet(&folder, &secrets, line, code);
    }
    assert_discreet_files(&folder.path(""), &secrets);
}

#[test]
fn prepared_sets() {
    let (folder, secrets) = folder();
    folder.make_keys();
    let prepare = "prepare --list platform.csv --epoch 2026-11 --identity platform.key --for \
                   advertiser.pub --output november --report november.json";
    assert_discreet(&folder, &secrets, prepare, 0);
    assert_discreet(&folder, &secrets, &format!("{prepare} --suppress suppress.csv"), 0);
    assert_discreet(&folder, &secrets, &prepare.replace("2026-11", "2026-12"), 2);
    let made: u64 = ["november.set", "november.entries", "november.key"]
        .map(|name| fs::metadata(folder.path(name)).unwrap().len())
        .iter()
        .sum();
    assert!(made > 10_000);
    assert_discreet_files(&folder.path(""), &secrets);
}

#[test]
fn query_budgets() {
    let (folder, secrets) = folder();
    folder.make_keys();
    let flags = "--reveal platform --min-audience 1 --results results --budget budget \
                 --budget-sessions 2 --budget-overlap 100 --budget-list-overlap 100 -vv";
    let server = Server::start(&folder, flags);
    for code in [0, 0, 8] {
        assert_discreet(&folder, &secrets, &server.visit("--reveal platform --sketch"), code);
    }
    server.wait_for("session failed", 1);
    let ran = server.stop();
    assert!(ran.stderr.contains("overlap with a list before percent=100"), "{}", ran.stderr);
    assert_discreet(&folder, &secrets, "budget budget", 0);
    assert_eq!(folder.names("budget").len(), 3);
    assert_discreet_files(&folder.path(""), &secrets); // the records among them
}

#[test]
fn both_ends_of_a_network() {
    let (folder, secrets) = folder();
    folder.make_keys();
    let line = "serve --list platform.csv --listen 127.0.0.1:0 --identity platform.key --trust \
                advertiser.pub --min-audience 1 --results results --suppress suppress.csv -vv";
    let server = Server::with(&folder, line, |command| {
        command.env("RUST_LOG", "trace").env("TMPDIR", folder.path("temporary"));
    });
    assert_discreet(&folder, &secrets, &server.visit("--output out.csv --report report.json"), 0);
    assert_discreet(&folder, &secrets, &server.visit("--profile google"), 5);
    assert_discreet(&folder, &secrets, &server.visit("--strict"), 3);
    let list = folder.read("platform.csv");
    folder.write("platform.csv", list.split_once('\n').unwrap().1);
    assert_discreet(&folder, &secrets, &server.visit(""), 6);
    server.wait_for("session failed", 2);
    let ran = server.stop();
    assert_eq!(ran.code, Some(0));
    secrets.assert_absent(&ran.stdout, "what the server says");
    assert!(ran.stderr.contains("session complete")); // it does talk
    assert_discreet_files(&folder.path(""), &secrets); // server.log and results among them
}
