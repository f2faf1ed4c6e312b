//! `blindmatch bench`, at sizes where its figures mean nothing and its checks everything; and
//! `--backend`, with which every answer is the same.

use blindmatch::group::Backend;

use crate::program::{Folder, finish};

/// Whole protocols, a line for each size, backend and number of threads; then stages.
#[test]
fn a_line_for_each_configuration() {
    let out = Folder::new().stdout("bench --size 1,2^4,2e1 --threads 1,2,1 --repeat 1 --seed 5");
    let names: Vec<&str> = Backend::available().into_iter().map(Backend::name).collect();
    let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();

    let whole: Vec<_> = rows.iter().filter(|row| row.first() == Some(&"dh")).collect();
    let mut expected = Vec::new();
    for size in ["1", "16", "20"] {
        for name in &names {
            expected.extend(["1", "2"].map(|threads| [size, *name, threads]));
        }
    }
    assert_eq!(whole.iter().map(|row| [row[1], row[2], row[3]]).collect::<Vec<_>>(), expected);
    for row in whole {
        assert_eq!(row.len(), 10, "{row:?}");
        let [size, .., sent, received] = [1, 4, 6, 8, 9].map(|at| row[at].parse::<f64>().unwrap());
        assert!(row[4].parse::<f64>().unwrap() > 0.0 && row[6].parse::<f64>().unwrap() > 0.0);
        assert!(sent > 32.0 * size && received > sent, "{row:?}"); // tags come back
    }

    for stage in ["hash_blind", "blind", "hash", "decode", "fixed"] {
        let rows: Vec<_> = rows.iter().filter(|row| row.first() == Some(&stage)).collect();
        let whose: Vec<&str> = rows.iter().map(|row| row[1]).collect();
        assert_eq!(whose, [&["dalek"], &names[..]].concat(), "{stage}");
        assert_eq!(rows[0][4], "1.00");
        for row in rows {
            assert_eq!(row.len(), 6, "{row:?}");
            assert!(row[2].parse::<f64>().unwrap() > 0.0 && row[4].parse::<f64>().unwrap() > 0.0);
        }
    }
}

#[test]
fn one_backend_alone() {
    let out =
        Folder::new().stdout("bench --size 3 --backend portable,portable --threads 1 --repeat 1");
    assert_eq!(out.matches("portable").count(), 1 + 5, "{out}");
    assert!(!out.contains("avx"), "{out}");
}

/// Bytes depend on the sizes alone, and times on the machine; a seed chooses the lists.
#[test]
fn any_seed_is_right() {
    for seed in ["0", "18446744073709551615"] {
        let line =
            format!("bench --size 33 --backend portable --threads 2 --repeat 1 --seed {seed}");
        Folder::new().stdout(&line);
    }
}

/// A definition decides all that is measured, and a run over links has no choice of blinding.
#[test]
fn flags_that_would_change_nothing_are_refused() {
    let folder = Folder::new();
    let refused = |line: &str, flag: &str, other: &str| {
        let ran = folder.run(line);
        assert_eq!(ran.code, Some(2), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("cannot be used with"), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(flag) && ran.stderr.contains(other), "{line}: {}", ran.stderr);
    };
    for flag in [
        "--protocol dh",
        "--size 8",
        "--unbalanced 4x8",
        "--network none",
        "--backend portable",
        "--threads 1",
        "--repeat 5",
        "--seed 1",
    ] {
        let name = flag.split(' ').next().unwrap();
        refused(&format!("bench --out o --definition d.toml {flag}"), name, "--definition");
    }
    refused("bench --out o --blinding additive", "--blinding", "--out");
    assert!(folder.names(".").is_empty(), "nothing was begun");
}

/// What the terminal says is what the report says, on lists of different sizes too.
#[test]
fn bits_are_those_of_the_report() {
    let folder = Folder::new();
    let sizes = "--size 8 --unbalanced 4x16,16x4,8x8,4x16";
    let line = format!("bench --protocol insecure-sha256 {sizes} --network none --threads 1");
    let out = folder.stdout(&format!("{line} --repeat 1 --out report"));
    let rows = folder.rows("report/report.csv");
    let at = |name: &str| rows[0].iter().position(|column| column == name).unwrap();
    assert_eq!(rows.len(), 1 + 3, "each once");
    for row in &rows[1..] {
        let key =
            ["subject", "advertiser_elements", "platform_elements"].map(|name| &*row[at(name)]);
        let bits = row[at("bits_per_element")].parse::<f64>().unwrap();
        let told = out.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let told = told.filter(|line| line.starts_with(&key)).collect::<Vec<_>>();
        assert_eq!(told.len(), 1, "{key:?}: {out}");
        assert_eq!(
            told[0].last().unwrap().parse::<f64>().unwrap(),
            bits.round_ties_even(),
            "{out}"
        );
    }
}

/// One that is not there, and one that answers wrongly: the rest is measured, and the last lines say what is not.
#[cfg(unix)]
#[test]
fn what_was_not_measured_is_said_last() {
    let folder = Folder::new();
    let stub = "#!/bin/sh\nif [ $# = 2 ]; then echo 'ready {\"python\":\"3\",\"openmined-psi\":\"1\"}'; exit; fi\n\
                while [ $# -gt 0 ]; do\n case $1 in --role) role=$2;; --output) output=$2;; esac\n shift\ndone\n\
                echo 'ready {}'; read go\n\
                echo '{\"cpu\":1,\"phases\":{},\"matched\":1}'\n\
                [ $role = sender ] || printf '0\\n1\\n' > \"$output\"\n";
    folder.write("python", stub);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
    std::fs::set_permissions(folder.path("python"), mode).unwrap();
    let line = "bench --protocol spu-rr22,openmined-raw,insecure-sha256 --size 8 --network none";
    let mut command = folder.command(&format!("{line} --threads 1 --repeat 1 --out report"));
    command.env("BLINDMATCH_PYTHON", folder.path("python"));
    let ran = finish(command);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    let out = String::from_utf8(ran.stdout).unwrap();
    let (_, end) = out.split_once("\ninsecure-sha256 ").unwrap();
    let missing = "not measured: spu-rr22: the package spu does not tell its version";
    assert!(end.contains(missing), "{out}");
    let wrong = "not measured: openmined-raw: wrong answer: 2 rows matched, where 1 are said to";
    assert!(end.contains(wrong), "{out}");
}

#[test]
fn every_backend_gives_the_same_matches() {
    let folder = Folder::with_examples();
    let line = "match --advertiser advertiser.csv --platform platform.csv --output";
    folder.stdout(&format!("{line} best.csv"));
    let matched = folder.read("best.csv");
    assert!(matched.lines().count() > 10);
    for name in Backend::NAMES.iter().filter(|name| Backend::by_name_or_skip(name).is_some()) {
        let ran = folder.run(&format!("{line} {name}.csv --backend {name} --threads 1 -vv"));
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        let used = ran.stderr.matches(&format!("backend=\"{name}\"")).count();
        assert_eq!(used, 2, "both sides: {}", ran.stderr);
        assert_eq!(folder.read(&format!("{name}.csv")), matched, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn two_sides_may_use_different_backends() {
    use crate::program::Server;

    let folder = Folder::with_examples();
    folder.make_keys();
    let best = Backend::detect().name();
    let server = Server::start(&folder, "--backend portable --min-audience 0");
    let visit = |backend| folder.report(&server.visit(&format!("--backend {backend}")));
    let (ours, reference) = (visit(best), visit("portable"));
    assert!(ours["matched"]["rows"].as_u64() > Some(0), "{ours}");
    assert_eq!(ours["matched"], reference["matched"]);
    assert_eq!(server.stop().code, Some(0));
}
