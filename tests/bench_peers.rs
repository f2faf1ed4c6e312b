//! Other programs beside ours. What stands for one here is a stub that speaks as they do; the real ones
//! run where `BLINDMATCH_REQUIRE_PEERS` is set, and then they must be there.
#![cfg(all(unix, feature = "bench"))]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use blindmatch::bench::peers::folder::Folder;
use blindmatch::bench::peers::over_link;
use blindmatch::bench::peers::round::{Loopback, Played, Round};
use blindmatch::bench::peers::{self, Peer, Python};
use blindmatch::bench::record::Network;
use blindmatch::error::{Error, Result};

const LIMIT: Duration = Duration::from_secs(60);

/// Two lists in files, of which every third person is on both.
struct Lists {
    folder: Folder,
    paths: [PathBuf; 2],
    common: Vec<u32>,
    size: u64,
}

impl Lists {
    fn new(size: u64) -> Lists {
        let folder = Folder::new().unwrap();
        let write = |name: &str, numbers: Vec<u64>| {
            let people = numbers.iter().map(|n| format!("person.{n}@example.com"));
            folder.write_list(name, people).unwrap()
        };
        let advertiser = write("advertiser", (0..size).map(|n| n * 7 + 1).collect());
        let theirs = |n: u64| if n.is_multiple_of(3) { n * 7 + 1 } else { n * 7 };
        let platform = write("platform", (0..size).rev().map(theirs).collect());
        let common = (0..size as u32).filter(|row| row.is_multiple_of(3)).collect();
        Lists { paths: [advertiser, platform], common, folder, size }
    }

    fn round<'a>(&'a self, peer: &'a Peer, python: &'a Python) -> Round<'a> {
        let lists = [self.paths[0].as_path(), &self.paths[1]];
        Round { peer, python, lists, elements: self.size, threads: 1, limit: LIMIT }
    }

    /// A program that takes the arguments of a peer and does this, with `$role`, `$list` and `$output`.
    fn program(&self, script: &str) -> Python {
        let program = self.folder.path().join("stub");
        let text = format!(
            "#!/bin/sh\nshift 2\nwhile [ $# -gt 0 ]; do\n case $1 in\n --role) role=$2;;\n \
             --list) list=$2;;\n --output) output=$2;;\n esac\n shift 2\ndone\n{script}\n"
        );
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
        Python::new(program)
    }

    /// What it comes to.
    fn stub(&self, script: &str, limit: Duration) -> Result<Played> {
        let python = self.program(script);
        let round = Round { limit, ..self.round(&peers::ALL[0], &python) };
        round.play(&mut Loopback, &AtomicBool::new(false))
    }
}

/// Says that rows matched, writes them, and ends.
fn says(matched: u64, rows: &str) -> String {
    format!(
        "echo 'ready {{}}'; read go\n\
         [ $role = sender ] && matched=0 || matched={matched}\n\
         echo \"{{\\\"cpu\\\":1,\\\"phases\\\":{{}},\\\"matched\\\":$matched}}\"\n\
         [ $role = sender ] || printf '{rows}' > \"$output\""
    )
}

fn text(error: &Error) -> String {
    let text = error.to_string();
    assert!(!text.contains("example.com"), "an identifier in an error");
    text
}

#[test]
fn what_a_peer_says_is_what_is_told() {
    let lists = Lists::new(7);
    let played = lists.stub(&says(3, "0\\n3\\n6\\n"), LIMIT).unwrap();
    assert_eq!(played.rows, lists.common);
    assert_eq!(
        (played.said[0].matched, played.said[0].cpu, played.said[0].peak_memory),
        (3, 1.0, None)
    );
    assert!(played.total > 0.0);
    // Rows that are not the right ones are told as they are: whoever asks for a run knows better.
    assert_eq!(lists.stub(&says(2, "1\\n2\\n"), LIMIT).unwrap().rows, [1, 2]);
}

#[test]
fn answers_that_cannot_be_are_refused() {
    let lists = Lists::new(7);
    let wrong = [
        says(3, "0\\n3\\n"),
        says(1, "7\\n"),
        says(2, "3\\n0\\n"),
        says(2, "3\\n3\\n"),
        says(1, "person.1@example.com\\n"),
    ];
    for script in wrong {
        let error = lists.stub(&script, LIMIT).unwrap_err();
        assert!(matches!(error, Error::WrongAnswer(_)), "{script}: {}", text(&error));
    }
    // Rows that could be, and are not the right ones.
    let network = Network { name: "none".into(), rate: None, rtt: 0.0 };
    for (script, error) in [
        (says(3, "0\\n3\\n6\\n"), None),
        (says(2, "0\\n3\\n"), Some("1 of 3 rows in common are missing, 0 others matched")),
        (says(3, "0\\n3\\n5\\n"), Some("1 of 3 rows in common are missing, 1 others matched")),
    ] {
        let python = lists.program(&script);
        let round = lists.round(&peers::ALL[0], &python);
        let stop = AtomicBool::new(false);
        let run = over_link::measure(&round, &lists.common, &network, [&[], &[]], &stop);
        assert_eq!(run.err().map(|e| text(&e)), error.map(|e| format!("wrong answer: {e}")));
    }
    let nothing = lists.stub(&says(0, "").replace("printf", "true"), LIMIT);
    assert!(nothing.unwrap().rows.is_empty());
    let none = says(0, "").replace("> \"$output\"", "");
    assert!(matches!(lists.stub(&none, LIMIT), Err(Error::Io { .. })));
}

#[test]
fn a_crash_tells_whose_and_how() {
    let lists = Lists::new(7);
    let script = "echo 'ready {}'; read go\n\
                  if [ $role = sender ]; then head -1 \"$list\" >&2; echo \"bad row $(head -1 \"$list\")\" >&2; exit 3\n\
                  else exec sleep 60; fi";
    let error = lists.stub(script, LIMIT).unwrap_err();
    let expected = "openmined-raw, the platform's side: it ended (exit status: 3): bad row ...";
    assert_eq!(text(&error), expected);
}

#[test]
fn silence_ends_a_run() {
    let lists = Lists::new(7);
    let error =
        lists.stub("echo 'ready {}'; exec sleep 60", Duration::from_millis(300)).unwrap_err();
    assert!(text(&error).contains("the advertiser's side: no answer"), "{}", text(&error));
}

/// Of 512 elements: where a size is no multiple of 32, SPU 0.9.5 loses matches in its mode of low
/// communication (`benchmarks/BIAS.md`), and a run of it is refused.
#[test]
fn the_real_ones_find_what_is_common() {
    for_each_real_one(|lists, round, stop| {
        let played = round.play(&mut Loopback, stop).unwrap();
        assert_eq!(played.rows, lists.common, "{}", round.peer.name);
        for said in &played.said {
            assert!(said.cpu > 0.0 && said.cpu < 60.0 && said.peak_memory > Some(1 << 20));
            let phases: f64 = said.phases.values().sum();
            assert!(phases > 0.0 && phases < played.total * 1.1, "{} {said:?}", round.peer.name);
        }
    });
}

/// A megabyte a second, 50 ms there and back: never less than the link takes, and all bytes go over it.
#[test]
fn the_real_ones_run_over_a_link() {
    let network = Network { name: "test".into(), rate: Some(8e6), rtt: 0.05 };
    for_each_real_one(|lists, round, stop| {
        let run = over_link::measure(round, &lists.common, &network, [&[0], &[0]], stop).unwrap();
        assert_eq!(run.matched, lists.common.len() as u64);
        let sent = [run.advertiser.sent, run.platform.sent];
        assert!(sent.iter().all(|sent| *sent > 4 * lists.size), "{run:?}");
        let least = sent[0].max(sent[1]) as f64 / 1e6 * 0.99 + network.rtt;
        assert!(run.total > least && run.advertiser.flights > 0, "{run:?}");
        println!("{}: {} s, {sent:?} bytes", round.peer.name, run.total);
    });
}

/// Nothing is assumed of a machine without the programs: it says so.
fn for_each_real_one(check: impl Fn(&Lists, &Round, &AtomicBool)) {
    if std::env::var_os("BLINDMATCH_REQUIRE_PEERS").is_none() {
        // Past the capture of output: a test that was skipped is not to look like one that passed.
        let _ = writeln!(std::io::stderr(), "skipped: BLINDMATCH_REQUIRE_PEERS is not set");
        return;
    }
    let (lists, python) = (Lists::new(512), Python::from_environment());
    let stop = AtomicBool::new(false);
    for peer in &peers::ALL {
        let found = peer.find(&python, LIMIT, &stop).unwrap();
        let version = found.unwrap_or_else(|absent| panic!("{}: {}", absent.name, absent.why));
        println!("{} {version}", peer.name);
        check(&lists, &lists.round(peer, &python), &stop);
    }
}

#[test]
fn what_is_not_installed_is_absent_with_a_reason() {
    let stop = AtomicBool::new(false);
    for peer in &peers::ALL {
        let absent =
            peer.find(&Python::new("/nowhere/python3"), LIMIT, &stop).unwrap().unwrap_err();
        assert_eq!(absent.name, peer.name);
        assert!(absent.why.contains("pip install"), "{}", absent.why);
    }
}
