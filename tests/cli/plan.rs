//! `blindmatch plan`: what it prints, what it takes, and that its check runs every command.

use std::path::Path;

use blindmatch::plan::Calibration;

use crate::program::Folder;

/// A folder with the calibration of some machine.
fn folder() -> Folder {
    let folder = Folder::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan/calibration.json");
    std::fs::copy(path, folder.path("machine.json")).unwrap();
    folder
}

const SIZES: &str = "plan --calibration machine.json --advertiser 1e6 --platform 1e9";

#[test]
fn a_table_of_every_protocol_that_fits_and_a_choice() {
    let out = folder().stdout(&format!("{SIZES} --bandwidth 100Mbps --rtt 40ms --cores 64"));
    assert!(out.contains("two machines of 64 cores, 100 Mbit/s, 40 ms"), "{out}");
    for name in ["dh", "oprf", "voprf prepared", "two-hash", "(labelled)", "(count)", "(sum)"] {
        assert!(out.lines().any(|line| line.starts_with(name)), "{name}: {out}");
    }
    assert!(out.contains("\nChoose oprf:\n"), "{out}");
    assert!(
        out.contains("the advertiser learns its rows that match, the platform nothing"),
        "{out}"
    );
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
}

#[test]
fn a_report_holds_the_same() {
    let folder = folder();
    let out =
        folder.stdout(&format!("{SIZES} --setting match --trust malicious --report plan.json"));
    assert!(out.contains("Choose two-hash"), "{out}");
    let plan: serde_json::Value = serde_json::from_str(&folder.read("plan.json")).unwrap();
    assert_eq!(plan["format"], "blindmatch-plan");
    assert_eq!(plan["choice"]["way"], "two-hash");
    assert_eq!(plan["question"]["setting"]["where"], "process");
    let dashed = folder.report(&format!("{SIZES} --setting match --trust malicious"));
    assert_eq!(dashed["choice"], plan["choice"]);
}

#[test]
fn questions_that_no_protocol_answers() {
    for (flags, why) in [
        ("--trust malicious --want count", "count           not for this: trusts both sides"),
        ("--min-audience 1000001", "at most 1000000 can match, and 1000001 is the minimum"),
        ("--want publisher-ids --advertiser 999", "PAIR asks for 1000 entries in each list"),
    ] {
        let sizes = SIZES.replace("--advertiser 1e6", "");
        let sizes = if flags.contains("--advertiser") { sizes.as_str() } else { SIZES };
        let out = folder().stdout(&format!("{sizes} {flags}"));
        assert!(out.contains("No protocol does that") && out.contains(why), "{flags}: {out}");
    }
}

#[test]
fn who_is_to_learn_is_said_in_words() {
    for (flags, words) in [
        ("--reveal both", "matches to both sides"),
        ("--reveal count", "the count alone to both sides"),
        ("--reveal platform", "matches to the platform"),
        ("--want publisher-ids", "ways that give publisher IDs where"),
    ] {
        let out = folder().stdout(&format!("{SIZES} {flags}"));
        let out = out.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(out.contains(words), "{flags}: {out}");
    }
}

#[test]
fn a_calibration_is_neither_overwritten_nor_trusted_with_the_terminal() {
    let folder = folder();
    let before = folder.read("machine.json");
    let ran = folder.run(&format!("{SIZES} --report machine.json"));
    assert_eq!((ran.code, folder.read("machine.json")), (Some(2), before.clone()));
    let ran = folder.run(&format!("{SIZES} --backend portable"));
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("name another file to measure portable"), "{}", ran.stderr);

    let mut calibration = Calibration::from_json(&before).unwrap();
    calibration.cpu = "a CPU\u{1b}[2J\nChoose nothing".into();
    calibration.cores = 3;
    folder.write("machine.json", calibration.to_json());
    let out = folder.stdout(SIZES);
    assert!(out.contains("units of a CPU?[2J?Choose nothing"), "{out}");
    assert!(out.contains("two machines of 3 cores"), "{out}");
}

#[test]
fn publisher_identifiers_are_what_pair_gives() {
    let out = folder().stdout(&format!("{SIZES} --want publisher-ids"));
    assert!(out.contains("\nChoose pair:\n"), "{out}");
    assert!(out.contains("the advertiser learns a match rate, and IDs that match"), "{out}");
    assert!(out.lines().all(|line| line.chars().count() <= 100), "{out}");
}

#[test]
fn flags_that_cannot_be() {
    let folder = folder();
    for (flags, word) in [
        ("--bandwidth 100", "100Mbps"),
        ("--rtt 40", "40ms"),
        ("--cores 0", "0"),
        ("--setting moon", "loopback"),
        ("--want gold", "labels"),
        ("--trust nobody", "semi-honest"),
        ("--common 101", "101"),
        ("--check", "cannot be used with"),
    ] {
        let ran = folder.run(&format!("{SIZES} {flags}"));
        assert_eq!(ran.code, Some(2), "{flags}: {}", ran.stderr);
        assert!(ran.stderr.contains(word), "{flags}: {}", ran.stderr);
    }
    assert_eq!(folder.run("plan --calibration machine.json --platform 5").code, Some(2));
    assert_eq!(folder.run("plan --advertiser 2^32 --platform 5").code, Some(2));
    folder.write("machine.json", "{}");
    let ran = folder.run(SIZES);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("machine.json: "), "{}", ran.stderr);
}

/// Every command runs, beside its prediction; bytes are the same. Times mean nothing at this size.
#[cfg(unix)]
#[test]
fn a_check_runs_every_command() {
    let folder = folder();
    let line = "-q plan --calibration machine.json --check --size 16,16x40 --repeat 1";
    let out = folder.stdout(line);
    let rows: Vec<&str> = out.lines().filter(|line| line.starts_with("| 2^4 x ")).collect();
    // Seven protocols in one program and in two; preparing, and two that are prepared.
    assert_eq!(rows.len(), 2 * (7 * 2 + 3), "{out}");
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 10, "{row}");
        assert!(cells[4].contains(" / ") && cells[4].ends_with("%)"), "{row}");
        assert!(!row.contains("NaN"), "{row}");
    }
    assert_eq!(folder.names("."), ["machine.json"]);
}

/// The first time it is measured, then it is read.
#[test]
fn a_calibration_is_kept() {
    let folder = Folder::new();
    let line =
        "-q plan --advertiser 10 --platform 10 --calibration here.json --calibrate-seconds 0";
    folder.stdout(&format!("{line} --backend portable"));
    let first = folder.read("here.json");
    let calibration = Calibration::from_json(&first).unwrap();
    assert_eq!(calibration.backend, "portable");
    folder.stdout(line);
    assert_eq!(folder.read("here.json"), first);
    assert_eq!(folder.names("."), ["here.json"]);
}
