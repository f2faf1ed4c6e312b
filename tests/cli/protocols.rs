//! `--protocol` and what goes with it: the answer is always the same, on one machine and on two.

use std::fs;

use crate::program::{Folder, Ran, Server};

const MATCH: &str = "match --advertiser advertiser.csv --platform platform.csv";

/// Protocols in which the advertiser asks.
const ASKING: [&str; 4] = ["oprf", "voprf", "two-hash", "labelled"];

const ADVERTISER: &str = "email,purposes,order\n\
    ann@example.com,TargetedAdvertising,7\n\
    bob@example.com,TargetedAdvertising,8\n\
    carl@example.com,TargetedAdvertising,9\n\
    dora@example.com,DirectMarketing,10\n\
    eve@example.com,TargetedAdvertising,11\n";

const PLATFORM: &str = "email,purposes,withdrawn_at,tier\n\
    bob@example.com,TargetedAdvertising,,gold\n\
    BOB@example.com,TargetedAdvertising,,\"silver, since 2019\"\n\
    carl@example.com,TargetedAdvertising,2020-01-01T00:00:00Z,bronze\n\
    dora@example.com,TargetedAdvertising,,gold\n\
    eve@example.com,TargetedAdvertising,,\n\
    fred@example.com,TargetedAdvertising,,gold\n";

const PREPARE: &str = "prepare --list platform.csv --epoch 2026-11 --identity platform.key \
                       --for advertiser.pub --output november";

const SERVE: &str = "serve --listen 127.0.0.1:0 --identity platform.key --trust advertiser.pub \
                     --min-audience 0 --results results";

fn small() -> Folder {
    let folder = Folder::new();
    folder.make_keys();
    folder.write("advertiser.csv", ADVERTISER);
    folder.write("platform.csv", PLATFORM);
    folder
}

#[track_caller]
fn assert_refused(ran: &Ran, code: i32, text: &str) {
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert!(ran.stderr.contains(text), "{}", ran.stderr);
}

/// The first two columns and what was added, of the rows that matched.
fn emails(folder: &Folder, name: &str) -> Vec<String> {
    folder.rows(name).into_iter().skip(1).map(|row| row[0].clone()).collect()
}

#[test]
fn every_protocol_gives_the_same_rows_on_one_machine_and_on_two() {
    let folder = Folder::with_examples();
    folder.make_keys();
    let label = |protocol| if protocol == "labelled" { "--label segment" } else { "" };
    let platform = folder.read("platform.csv");
    let mut lines = platform.lines();
    let header = format!("{},segment", lines.next().unwrap());
    let labelled = lines.enumerate().map(|(row, line)| format!("{line},segment {row}"));
    let labelled: Vec<String> = [header].into_iter().chain(labelled).collect();
    let plain = folder.report(&format!("{MATCH} --output plain.csv"));
    for protocol in ASKING {
        let list = if protocol == "labelled" {
            folder.write("labelled.csv", labelled.join("\n"));
            "labelled.csv"
        } else {
            "platform.csv"
        };
        let label = label(protocol);
        for blinding in ["additive", "multiplicative"] {
            let line = format!(
                "match --advertiser advertiser.csv --platform {list} --protocol {protocol} \
                 --blinding {blinding} {label} --output local.csv"
            );
            let local = folder.report(&line);
            assert_eq!(local["protocol"], protocol);
            assert_eq!(local["matched"], plain["matched"], "{protocol} {blinding}");
        }
        let serve = format!("{SERVE} --list {list} --protocol {protocol} {label}");
        let server = Server::of(&folder, &serve);
        let ours = folder.report(&server.visit(&format!("--protocol {protocol} --output out.csv")));
        assert_eq!(server.stop().code, Some(0));
        assert_eq!(ours["matched"], plain["matched"], "{protocol}");
        assert_eq!(folder.read("out.csv"), folder.read("local.csv"), "{protocol}");
        let (rows, plain) = (folder.rows("out.csv"), folder.rows("plain.csv"));
        let width = plain[0].len();
        assert!(rows.iter().zip(&plain).all(|(row, plain)| row[..width] == plain[..]));
        assert_eq!(
            (rows.len(), rows[0].len() - width),
            (plain.len(), (protocol == "labelled").into())
        );
    }
    // The platform learnt sizes and nothing else.
    for name in folder.names("results") {
        let report: serde_json::Value =
            serde_json::from_str(&folder.read(&format!("results/{name}"))).unwrap();
        assert_eq!(report.get("matched"), None);
    }
}

#[test]
fn two_hash_gives_each_side_its_rows() {
    let folder = small();
    let line = format!(
        "{MATCH} --protocol two-hash --reveal both --output ours.csv --platform-output theirs.csv"
    );
    let report = folder.report(&line);
    assert_eq!(report["matched"]["identifiers"], 2);
    assert_eq!(emails(&folder, "ours.csv"), ["bob@example.com", "eve@example.com"]);
    assert_eq!(
        emails(&folder, "theirs.csv"),
        ["bob@example.com", "BOB@example.com", "eve@example.com"]
    );
    folder.stdout(&format!("{MATCH} --protocol two-hash --reveal platform --output theirs.csv"));
    assert_eq!(emails(&folder, "theirs.csv").len(), 3);
}

#[test]
fn labels_come_with_matched_rows_and_no_others() {
    let folder = small();
    folder.stdout(&format!("{MATCH} --protocol labelled --label tier --output out.csv"));
    let rows = folder.rows("out.csv");
    assert_eq!(rows[0], ["email", "purposes", "order", "matched_on", "matched_label"]);
    assert_eq!(rows[1][4], "gold; silver, since 2019");
    assert_eq!((rows[2][0].as_str(), rows[2][4].as_str()), ("eve@example.com", ""));
    assert_eq!(rows.len(), 3);
    assert!(!folder.read("out.csv").contains("bronze"), "carl withdrew");
    let ran = folder.run(&format!("{MATCH} --protocol labelled --label email"));
    assert_refused(&ran, 2, "identifier");
    let ran = folder.run(&format!("{MATCH} --protocol labelled --label nothing"));
    assert_refused(&ran, 3, "tier");
}

#[test]
fn what_cannot_be_is_said_before_anything_is_read() {
    let folder = Folder::new();
    for (flags, text) in [
        ("--protocol oprf --reveal count", "cannot --reveal count"),
        ("--protocol voprf --reveal both", "cannot --reveal both"),
        ("--protocol two-hash --reveal count", "one of advertiser, platform, both"),
        ("--protocol oprf --min-audience 5", "cannot keep a minimum audience"),
        ("--protocol labelled", "--label COLUMN"),
        ("--label tier", "--label goes with --protocol labelled"),
    ] {
        assert_refused(&folder.run(&format!("{MATCH} {flags}")), 2, text);
    }
    let ran = folder.run("match --advertiser a.csv --prepared november");
    assert_refused(&ran, 2, "--prepared goes with --protocol oprf or voprf");
    let ran = folder.run("match --advertiser a.csv --prepared november --protocol oprf");
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    let serve = "serve --listen 127.0.0.1:0 --identity p.key --trust a.pub --list p.csv";
    assert_refused(&folder.run(&format!("{serve} --protocol voprf")), 2, "--min-audience 0");
    assert_refused(&folder.run(&format!("{MATCH} --protocol kkrt")), 2, "one of dh, oprf");
}

#[test]
fn both_sides_must_name_the_same_protocol() {
    let folder = small();
    let server = Server::of(&folder, &format!("{SERVE} --list platform.csv --protocol voprf"));
    let ran = folder.run(&server.visit("--protocol oprf"));
    assert_refused(&ran, 5, "protocol differs: ours is oprf, the peer's is voprf");
    assert!(ran.stderr.contains("both sides must pass the same --protocol"), "{}", ran.stderr);
    server.wait_for("protocol differs: ours is voprf, the peer's is oprf", 1);
    server.stop();
}

#[test]
fn both_sides_must_name_the_same_noise() {
    let folder = small();
    let serve = format!("{SERVE} --list platform.csv --protocol count --noise 0.5");
    let server = Server::of(&folder, &serve);
    for (flags, ours) in [("", "none"), ("--noise 1", "noise=1")] {
        let ran = folder.run(&server.visit(&format!("--protocol count {flags}")));
        let text = format!(
            "error: parameters differs: ours is {ours}, the peer's is noise=0.5\n  help: both sides must \
             pass the same --clip and the same --noise\n"
        );
        assert_eq!((ran.code, ran.stderr), (Some(5), text));
    }
    let report = folder.report(&server.visit("--protocol count --noise 0.50"));
    assert_eq!(report["noise"], 0.5);
    assert_eq!(server.stop().code, Some(0));
}

// ---- prepared sets ----

#[test]
fn a_prepared_set_serves_sessions_without_the_list() {
    for protocol in ["oprf", "voprf"] {
        let folder = small();
        folder.stdout(PREPARE);
        let local = format!(
            "match --advertiser advertiser.csv --prepared november --identity platform.key \
             --protocol {protocol} --output local.csv"
        );
        let report = folder.report(&local);
        assert_eq!(
            (&report["epoch"], &report["matched"]["identifiers"]),
            (&"2026-11".into(), &2.into())
        );
        assert_eq!(report["parties"]["platform"]["rows"], 6);

        fs::remove_file(folder.path("platform.csv")).unwrap(); // a server need not have it
        let server =
            Server::of(&folder, &format!("{SERVE} --prepared november --protocol {protocol}"));
        for _ in 0..2 {
            let visit = server.visit(&format!("--protocol {protocol} --output out.csv"));
            let ours = folder.report(&visit);
            assert_eq!(ours["epoch"], "2026-11");
            assert_eq!(ours["matched"]["identifiers"], 2);
            assert_eq!(folder.read("out.csv"), folder.read("local.csv"));
        }
        assert_eq!(server.stop().code, Some(0));
        for name in folder.names("results") {
            let theirs: serde_json::Value =
                serde_json::from_str(&folder.read(&format!("results/{name}"))).unwrap();
            assert_eq!(theirs["parties"]["platform"]["refused"]["withdrawn"], 1);
            assert_eq!((&theirs["epoch"], theirs.get("matched")), (&"2026-11".into(), None));
        }
    }
}

/// The case that epochs make hard: the set is there already when somebody withdraws.
#[test]
fn a_withdrawn_consent_stops_matching_in_the_next_session() {
    let folder = small();
    folder.stdout(PREPARE);
    let server = Server::of(&folder, &format!("{SERVE} --prepared november --protocol voprf"));
    let visit = server.visit("--protocol voprf --output out.csv");
    folder.stdout(&visit);
    assert_eq!(emails(&folder, "out.csv"), ["bob@example.com", "eve@example.com"]);

    let withdrawn = PLATFORM.replace(
        "eve@example.com,TargetedAdvertising,,",
        "eve@example.com,TargetedAdvertising,2026-01-01T00:00:00Z,",
    );
    folder.write("platform.csv", withdrawn + "ann@example.com,TargetedAdvertising,,gold\n");
    let report = folder.report(PREPARE);
    let changes = serde_json::json!(
        {"updated": true, "rekeyed": false, "kept": 3, "added": 1, "withdrawn": 1}
    );
    assert_eq!(report["changes"], changes);

    folder.stdout(&visit); // the same server, which was not told
    assert_eq!(emails(&folder, "out.csv"), ["ann@example.com", "bob@example.com"]);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_set_serves_the_advertiser_that_it_is_for_alone() {
    let folder = small();
    folder.stdout("keygen other");
    folder.stdout(PREPARE);
    let serve = "serve --listen 127.0.0.1:0 --identity platform.key --trust advertiser.pub --trust \
                 other.pub --min-audience 0 --protocol oprf --prepared november";
    let server = Server::of(&folder, serve);
    let stranger = server.visit("--protocol oprf").replace("advertiser.key", "other.key");
    let ran = folder.run(&stranger);
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    server.wait_for("no set is prepared for SHA256:", 1);
    assert_eq!(folder.report(&server.visit("--protocol oprf"))["matched"]["identifiers"], 2);
    server.stop();
}

#[test]
fn a_set_takes_no_more_queries_than_it_was_made_for() {
    let folder = small();
    folder.stdout(&format!("{PREPARE} --max-queries 3"));
    let server = Server::of(&folder, &format!("{SERVE} --prepared november --protocol oprf"));
    let ran = folder.run(&server.visit("--protocol oprf"));
    assert_refused(&ran, 5, "list size differs: ours is 4, the peer's is at most 3");
    server.stop();
}

#[test]
fn a_set_that_has_ended_serves_nobody() {
    let folder = small();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(3);
    folder.stdout(&format!("{PREPARE} --expires {soon}"));
    let server = Server::of(&folder, &format!("{SERVE} --prepared november --protocol oprf"));
    std::thread::sleep(std::time::Duration::from_secs(4));
    for knock in 1..=3 {
        let ran = folder.run(&server.visit("--protocol oprf"));
        assert_eq!(ran.code, Some(6), "{}", ran.stderr);
        server.wait_for("prepare it again", knock);
    }
    let ran = folder.run(&format!("{SERVE} --prepared november --protocol oprf"));
    assert_refused(&ran, 4, "prepare it again");
    folder.stdout(&format!("{PREPARE} --rekey")); // and the same server goes on
    assert_eq!(folder.report(&server.visit("--protocol oprf"))["matched"]["identifiers"], 2);
    server.stop();
}
