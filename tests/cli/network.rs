//! `keygen`, `serve` and `connect`: two machines over the loopback.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;

use crate::program::{Folder, Server, finish, wait};

const MATCH: &str = "match --advertiser advertiser.csv --platform platform.csv";

pub fn parties() -> Folder {
    let folder = Folder::with_examples();
    folder.make_keys();
    folder
}

/// The results of a server, of one kind.
fn results(folder: &Folder, ending: &str) -> Vec<String> {
    folder.names("results").into_iter().filter(|name| name.ends_with(ending)).collect()
}

pub fn result_reports(folder: &Folder) -> Vec<Value> {
    let read = |name: &String| folder.read(&format!("results/{name}"));
    results(folder, ".json").iter().map(|n| serde_json::from_str(&read(n)).unwrap()).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn keygen_makes_a_pair_and_says_what_to_do_with_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = Folder::new();
    let text = folder.stdout("keygen shop.example");
    let public = folder.read("shop.example.pub");
    assert!(public.starts_with("blindmatch-ed25519 ") && public.ends_with(" shop.example\n"));
    let expected = format!(
        "shop.example.key: the private key; keep it on this machine\n\
         shop.example.pub: the public key; give it to your peers\n{public}SHA256:"
    );
    assert!(text.starts_with(&expected), "{text}");
    let mode = fs::metadata(folder.path("shop.example.key")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

// ---- answers ----

#[test]
fn each_side_learns_what_match_says_and_no_more() {
    for (reveal, advertiser_learns, platform_learns) in [
        ("advertiser", true, false),
        ("platform", false, true),
        ("both", true, true),
        ("count", false, false),
    ] {
        let folder = parties();
        let second = if reveal == "both" { "--platform-output platform.out.csv" } else { "" };
        let output = match reveal {
            "count" => "",
            "platform" => "--output platform.out.csv",
            _ => "--output advertiser.out.csv",
        };
        let local = folder.report(&format!("{MATCH} --reveal {reveal} {output} {second}"));

        let flags = format!("--reveal {reveal} --min-audience 0 --results results");
        let server = Server::start(&folder, &flags);
        let output = if advertiser_learns { "--output out.csv" } else { "" };
        let ours = folder.report(&server.visit(&format!("--reveal {reveal} {output}")));
        assert_eq!(server.stop().code, Some(0));
        let theirs = result_reports(&folder).remove(0);

        assert_eq!(ours["session"], theirs["session"]);
        assert_eq!(ours["parties"]["advertiser"], local["parties"]["advertiser"]);
        assert_eq!(theirs["parties"]["platform"], local["parties"]["platform"]);
        for (report, peer) in [(&ours, "platform"), (&theirs, "advertiser")] {
            assert_eq!(keys(&report["parties"][peer]), ["distinct"], "{reveal}");
            let distinct = &local["parties"][peer]["distinct"];
            assert_eq!(&report["parties"][peer]["distinct"], distinct);
        }
        for (report, learns) in [(&ours, advertiser_learns), (&theirs, platform_learns)] {
            let expected = match (learns, reveal) {
                (true, _) => vec!["identifiers", "rate", "rows"],
                (false, "count") => vec!["identifiers", "rate"],
                (false, _) => vec![],
            };
            let known = report.get("matched").map(keys).unwrap_or_default();
            assert_eq!(known, expected, "{reveal}");
        }
        if advertiser_learns {
            assert_eq!(folder.read("out.csv"), folder.read("advertiser.out.csv"));
            assert_eq!(ours["matched"], local["matched"]);
        }
        let rows = results(&folder, ".csv");
        assert_eq!(rows.len(), usize::from(platform_learns), "{reveal}");
        for name in rows {
            let kept = folder.read(&format!("results/{name}"));
            assert_eq!(kept, folder.read("platform.out.csv"));
        }
    }
}

#[test]
fn a_server_withholds_below_100_unless_told_otherwise() {
    let folder = parties();
    let server = Server::start(&folder, "--results results");
    let report = folder.report(&server.visit("--output out.csv"));
    assert_eq!(server.stop().code, Some(0));
    for report in [report, result_reports(&folder).remove(0)] {
        assert_eq!(report["min_audience"], 100);
        assert_eq!((&report["withheld"], report.get("matched")), (&true.into(), None));
    }
    assert_eq!(folder.rows("out.csv").len(), 1);
    assert_eq!(results(&folder, ".csv"), [""; 0]);
}

#[test]
fn a_minimum_audience_lets_the_platform_count_and_no_more() {
    let folder = parties();
    let server = Server::start(&folder, "--min-audience 10 --results results");
    let report = folder.report(&server.visit(""));
    assert_eq!(server.stop().code, Some(0));
    let kept = result_reports(&folder).remove(0);
    assert_eq!(keys(&kept["matched"]), ["identifiers", "rate"]);
    assert_eq!(kept["matched"]["identifiers"], report["matched"]["identifiers"]);
}

#[test]
fn a_platform_that_learns_must_say_where_the_rows_go() {
    let folder = parties();
    let line = "serve --list platform.csv --listen 127.0.0.1:0 --identity platform.key --trust \
                advertiser.pub --reveal both";
    let ran = folder.run(line);
    let text = "error: --reveal both gives us matched rows: say where they go with --results DIR\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(2), text));
}

#[test]
fn advertisers_side_by_side_each_get_their_own_answer() {
    let folder = parties();
    folder.stdout("keygen other");
    let text = folder.read("advertiser.csv");
    let half: String = text.lines().take(40).fold(String::new(), |all, line| all + line + "\n");
    folder.write("half.csv", half);
    folder.stdout(&format!("{MATCH} --output expected.csv"));
    folder.stdout("match --advertiser half.csv --platform platform.csv --output half.expected.csv");

    let server = Server::start(&folder, "--trust other.pub --min-audience 1 --results results");
    let address = &server.address;
    thread::scope(|scope| {
        for (list, key) in [("advertiser", "advertiser"), ("half", "other")] {
            for visit in 0..2 {
                let line = format!(
                    "connect --list {list}.csv --peer {address} --identity {key}.key --trust \
                     platform.pub --output {key}.{visit}.csv"
                );
                let folder = &folder;
                scope.spawn(move || folder.stdout(&line));
            }
        }
    });
    for visit in 0..2 {
        assert_eq!(folder.read(&format!("advertiser.{visit}.csv")), folder.read("expected.csv"));
        assert_eq!(folder.read(&format!("other.{visit}.csv")), folder.read("half.expected.csv"));
    }
    let ran = server.stop();
    assert_eq!(ran.stdout, b"sessions: 4, of which failed: 0\n");
    assert_eq!(result_reports(&folder).len(), 4);
}

#[test]
fn a_server_of_so_many_sessions_ends_by_itself() {
    let folder = parties();
    let server = Server::start(&folder, "--sessions 1");
    folder.stdout(&server.visit(""));
    let ran = server.end();
    assert_eq!(ran.code, Some(0));
    assert_eq!(ran.stdout, b"sessions: 1, of which failed: 0\n");
}

// ---- stopping ----

/// Stands between an advertiser and a server, and holds the advertiser's list back in the middle
/// until it is let on.
pub struct Hold {
    pub address: String,
    pub let_on: Sender<()>,
    pub thread: JoinHandle<()>,
}

/// More bytes than the channel's handshake and the terms take, fewer than the list does.
const HELD_AT: usize = 4000;

impl Hold {
    pub fn new(server: &Server) -> Hold {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (target, (let_on, may_go)) = (server.address.clone(), channel());
        let thread = thread::spawn(move || {
            let client = listener.accept().unwrap().0;
            let server = TcpStream::connect(target).unwrap();
            thread::scope(|scope| {
                scope.spawn(|| forward(&server, &client, None));
                forward(&client, &server, Some(may_go));
            });
        });
        Hold { address, let_on, thread }
    }
}

fn forward(mut from: &TcpStream, mut to: &TcpStream, may_go: Option<Receiver<()>>) {
    let (mut passed, mut buffer) = (0, [0; 1024]);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let held = passed < HELD_AT && passed + read >= HELD_AT;
        if let (true, Some(may_go)) = (held, &may_go) {
            let _ = may_go.recv_timeout(Duration::from_secs(60));
        }
        passed += read;
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(std::net::Shutdown::Write);
}

#[test]
fn told_to_stop_a_server_finishes_what_runs_and_keeps_the_result() {
    let folder = parties();
    folder.stdout(&format!("{MATCH} --output expected.csv"));
    let server = Server::start(&folder, "--min-audience 1 --results results");
    let hold = Hold::new(&server);
    let line = server.visit("--output out.csv").replace(&server.address, &hold.address);
    let command = folder.command(&line);
    let client = thread::spawn(|| finish(command));
    server.wait_for("session begun", 1);
    server.signal("TERM");
    server.wait_for("shutting down", 1);
    hold.let_on.send(()).unwrap();
    let ran = client.join().unwrap();
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    assert_eq!(folder.read("out.csv"), folder.read("expected.csv"));
    let ran = server.end();
    assert_eq!((ran.code, ran.stdout), (Some(0), b"sessions: 1, of which failed: 0\n".to_vec()));
    assert_eq!(result_reports(&folder)[0]["matched"]["identifiers"], 93);
    hold.thread.join().unwrap();
}

#[test]
fn told_twice_a_server_waits_for_nobody() {
    let folder = parties();
    let server = Server::start(&folder, "--results results");
    let hold = Hold::new(&server);
    let line = server.visit("--output out.csv").replace(&server.address, &hold.address);
    let command = folder.command(&line);
    let client = thread::spawn(|| finish(command));
    server.wait_for("session begun", 1);
    server.signal("INT");
    server.wait_for("shutting down", 1);
    server.signal("INT");
    server.wait_for("session failed", 1);
    let _ = hold.let_on.send(()); // the connection may be gone already
    let ran = client.join().unwrap();
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    // It may be gone before its last word is read.
    let told = ["the peer broke the protocol: hung up", "the peer ended the session: interrupted"];
    assert!(told.iter().any(|text| ran.stderr.contains(text)), "{}", ran.stderr);
    let ran = server.end();
    assert_eq!((ran.code, ran.stdout), (Some(0), b"sessions: 1, of which failed: 1\n".to_vec()));
    assert_eq!(folder.names("results"), [""; 0]);
    assert!(!folder.path("out.csv").exists());
    hold.thread.join().unwrap();
}

#[test]
fn an_advertiser_that_is_interrupted_leaves_in_good_order() {
    let folder = parties();
    let server = Server::start(&folder, "");
    let hold = Hold::new(&server);
    let line = server.visit("--output out.csv").replace(&server.address, &hold.address);
    let mut command = folder.command(&line);
    let client = command.stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    server.wait_for("session begun", 1);
    let kill = format!("kill -INT {}", client.id());
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let _ = hold.let_on.send(()); // as above
    assert_eq!(wait(client), Some(130));
    server.wait_for("session failed", 1);
    assert_eq!(folder.names(".").iter().filter(|name| name.contains("out.csv")).count(), 0);
    assert_eq!(server.stop().code, Some(0));
    hold.thread.join().unwrap();
}

// ---- lists that change under a server ----

const ANN: &str = "ann@example.com,TargetedAdvertising,,\n";
const BOB: &str = "bob@example.com,TargetedAdvertising,,\n";
const CYD: &str = "cyd@example.com,TargetedAdvertising,,\n";

/// A platform's list of these people.
fn platform(people: &[&str]) -> String {
    format!("email,purposes,withdrawn_at,expires_at\n{}", people.concat())
}

/// Both parties with Ann, Bob and Cyd on their lists, and Dan on the suppression list.
fn three_people() -> Folder {
    let folder = Folder::new();
    folder.make_keys();
    folder.write("advertiser.csv", platform(&[ANN, BOB, CYD]));
    folder.write("platform.csv", platform(&[ANN, BOB, CYD]));
    folder.write("no.csv", "email\ndan@example.com\n");
    folder
}

/// Who matches now.
fn visit(folder: &Folder, server: &Server) -> Vec<String> {
    folder.stdout(&server.visit("--output out.csv -q"));
    folder.rows("out.csv").into_iter().skip(1).map(|row| row[0][..3].to_owned()).collect()
}

#[test]
fn what_is_withdrawn_or_suppressed_stops_matching_in_the_next_session() {
    let folder = three_people();
    let server = Server::start(&folder, "--min-audience 0 --suppress no.csv");
    assert_eq!(visit(&folder, &server), ["ann", "bob", "cyd"]);

    let withdrawn = "ann@example.com,TargetedAdvertising,2026-01-01,\n";
    folder.write("platform.csv", platform(&[withdrawn, BOB, CYD]));
    assert_eq!(visit(&folder, &server), ["bob", "cyd"]);

    folder.write("no.csv", "email\ndan@example.com\nbob@example.com\n");
    assert_eq!(visit(&folder, &server), ["cyd"]);

    folder.write("platform.csv", platform(&[withdrawn, BOB]));
    assert_eq!(visit(&folder, &server), [""; 0]);
    assert_eq!(server.log().matches("list read again").count(), 3);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn without_its_list_a_server_matches_nothing() {
    let folder = three_people();
    let server = Server::start(&folder, "--min-audience 0 --suppress no.csv");
    for name in ["platform.csv", "no.csv"] {
        let content = folder.read(name);
        fs::remove_file(folder.path(name)).unwrap();
        let ran = folder.run(&server.visit("--output gone.csv"));
        assert_eq!(ran.code, Some(6), "{}", ran.stderr);
        assert!(!folder.path("gone.csv").exists());
        server.wait_for(&format!("{name}: no such file"), 1);
        folder.write(name, content);
        assert_eq!(visit(&folder, &server), ["ann", "bob", "cyd"]);
    }
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn what_expires_between_sessions_stops_matching() {
    let folder = three_people();
    let expiry = Timestamp::now() + Duration::from_millis(2500);
    let expiring = format!("bob@example.com,TargetedAdvertising,,{expiry}\n");
    folder.write("platform.csv", platform(&[ANN, &expiring]));
    let server = Server::start(&folder, "--min-audience 0");
    loop {
        let before = Timestamp::now();
        let matched = visit(&folder, &server);
        let after = Timestamp::now();
        if after < expiry {
            assert_eq!(matched, ["ann", "bob"]);
        }
        if before >= expiry {
            assert_eq!(matched, ["ann"]);
            break;
        }
    }
    assert_eq!(server.stop().code, Some(0));
}
