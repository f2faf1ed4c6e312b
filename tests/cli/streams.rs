//! What goes where: standard output, standard error, files; and readers that leave early.

use std::io::pipe;
use std::process::Command;

use serde_json::Value;

use crate::program::{Folder, Ran, finish, rows, wait};

const MATCH: &str = "match --advertiser advertiser.csv --platform platform.csv";

/// Runs with a standard output that nobody reads.
fn run_unread(mut command: Command) -> Ran {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let stderr = tempfile::NamedTempFile::new().unwrap();
    command.stdout(writer).stderr(stderr.reopen().unwrap());
    let code = wait(command.spawn().unwrap());
    Ran { code, stdout: Vec::new(), stderr: std::fs::read_to_string(stderr.path()).unwrap() }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let folder = Folder::with_examples();
    let lines = [
        "--help",
        "check advertiser.csv --show 1000",
        "check advertiser.csv --report - -q",
        "keygen a",
        MATCH,
        &format!("{MATCH} --output - -q"),
        &format!("{MATCH} --report - -q"),
    ];
    for line in lines {
        let ran = run_unread(folder.command(line));
        assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""), "{line}");
    }
    let ran = run_unread(folder.command(&format!("{MATCH} --report report.json")));
    assert_eq!(ran.code, Some(0));
    assert!(folder.read("report.json").contains("\"matched\""));
}

#[test]
fn standard_output_holds_only_what_was_asked_for() {
    let folder = Folder::with_examples();
    let ran = folder.run(&format!("{MATCH} --report -"));
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["format"], "blindmatch-report");
    assert!(ran.stderr.contains("The advertiser learnt"), "{}", ran.stderr);

    let ran = folder.run(&format!("{MATCH} --output -"));
    let table = rows(std::str::from_utf8(&ran.stdout).unwrap());
    assert_eq!(table[0].last().unwrap(), "matched_on");
    assert!(ran.stderr.contains("The advertiser learnt"), "{}", ran.stderr);

    let ran = folder.run("check platform.csv --report -");
    let report: Value = serde_json::from_slice(&ran.stdout).unwrap();
    assert_eq!(report["format"], "blindmatch-check");
    assert!(ran.stderr.contains("would take part in a match"), "{}", ran.stderr);
}

#[test]
fn quiet_says_nothing() {
    let folder = Folder::with_examples();
    let lines =
        ["check advertiser.csv", "keygen a", MATCH, &format!("{MATCH} --output o.csv --report r")];
    for line in lines {
        let ran = folder.run(&format!("{line} -q"));
        assert_eq!(ran.code, Some(0));
        assert_eq!((ran.stdout, ran.stderr.as_str()), (Vec::new(), ""), "{line}");
    }
    assert!(folder.read("r").contains("\"matched\""));
    let ran = folder.run("check nowhere.csv -q");
    assert_eq!(ran.stderr, "error: nowhere.csv: no such file; check the path\n");
}

#[test]
fn paths_may_be_relative_or_absolute_and_outputs_stand_alone() {
    let folder = Folder::with_examples();
    std::fs::create_dir(folder.path("here")).unwrap();
    let mut command = folder.command("match --advertiser ../advertiser.csv --output out.csv");
    command.arg("--platform").arg(folder.path("platform.csv"));
    command.args(["--report", "../report.json"]).current_dir(folder.path("here"));
    let ran = finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(folder.names("here"), ["out.csv"]);
    let names = folder.names(".");
    assert_eq!(names, ["advertiser.csv", "here", "platform.csv", "report.json", "suppress.csv"]);
}

#[test]
fn check_names_rows_and_reasons() {
    let folder = Folder::with_examples();
    let text = folder.stdout("check advertiser.csv --show 3");
    let start = "row 13, phone: refused: collected for security\n\
                 row 18, email: refused: collected for security\n\
                 row 18, phone: refused: collected for security\n\
                 and 84 more (--show N names more)\n\nProfile pair/1, for TargetedAdvertising\n";
    assert!(text.starts_with(start), "{text}");
    assert!(text.ends_with("\n315 identifiers would take part in a match.\n"), "{text}");
    let all = folder.stdout("check advertiser.csv --show 1000");
    let named = all.lines().filter(|line| line.starts_with("row ")).count();
    assert_eq!(named, 76 + 11);
    let from_stdin = folder.run_with_input("check - --show 1000", "advertiser.csv");
    assert_eq!(String::from_utf8(from_stdin.stdout).unwrap(), all);
}
