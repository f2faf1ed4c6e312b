//! `serve --budget` and `blindmatch budget`: what a peer has used outlives sessions, restarts and kills.

use std::fs;
use std::thread;

use snapbox::assert_data_eq;

use crate::network::{Hold, parties, result_reports};
use crate::program::{Folder, Server, finish};

const SPENT: i32 = 8;

/// The record of the only peer.
fn record(folder: &Folder) -> String {
    let names = folder.names("budget");
    let name = names.into_iter().find(|name| name.ends_with(".record"));
    format!("budget/{}", name.expect("a record"))
}

#[test]
fn sessions_and_elements_are_counted_reported_and_refused() {
    let folder = parties();
    let flags = "--min-audience 0 --results results --budget budget --budget-elements 700 \
                 --budget-sessions 9 --budget-period 7";
    let server = Server::start(&folder, flags);
    folder.stdout(&server.visit("--output out.csv"));
    folder.stdout(&server.visit("--output out.csv"));
    let before = folder.read("out.csv");
    let ran = folder.run(&server.visit("--output out.csv"));
    assert_eq!(ran.code, Some(SPENT));
    let text = "error: our query budget with the peer is spent: 630 of 700 elements are used, and this \
                list has 315; the next period begins at [..]Z\n  help: nothing was matched; come again \
                in the next period with no more than is left, or ask the platform for more\n";
    assert_data_eq!(ran.stderr, text.to_owned());
    assert_eq!(folder.read("out.csv"), before);
    server.wait_for("session failed", 1);
    server.wait_for("the peer's query budget is spent: 630 of 700 elements are used", 1);
    server.wait_for("charged, in this period", 2);

    let reports = result_reports(&folder);
    let mut seen: Vec<_> = reports
        .iter()
        .map(|report| {
            let budget = &report["budget"];
            assert_eq!(
                (&budget["max_sessions"], &budget["max_elements"]),
                (&9.into(), &700.into())
            );
            let time =
                |name: &str| budget[name].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
            assert_eq!((time("until") - time("since")).as_secs(), 7 * 24 * 3600);
            (budget["sessions"].as_u64().unwrap(), budget["elements"].as_u64().unwrap())
        })
        .collect();
    seen.sort();
    assert_eq!(seen, [(1, 315), (2, 630)]);

    let text = "SHA256:[..]\n  since [..]Z: sessions 2, elements 630\n  since [..]Z: sessions 2, \
                elements 630\n  last here [..]Z\n";
    assert_data_eq!(folder.stdout("budget budget"), text.to_owned());
    let ran = server.stop();
    assert_eq!(ran.stdout, b"sessions: 3, of which failed: 1\n");
}

#[test]
fn a_server_that_is_killed_in_mid_session_has_not_forgotten() {
    let folder = parties();
    let flags = "--min-audience 0 --budget budget --budget-sessions 1";
    let server = Server::start(&folder, flags);
    let hold = Hold::new(&server);
    let line = server.visit("").replace(&server.address, &hold.address);
    let command = folder.command(&line);
    let client = thread::spawn(|| finish(command));
    server.wait_for("charged, in this period", 1);
    server.signal("KILL");
    let _ = hold.let_on.send(()); // the connection may be gone already
    assert_eq!(client.join().unwrap().code, Some(6));
    assert_eq!(server.end().code, None);
    hold.thread.join().unwrap();

    let server = Server::start(&folder, flags);
    let ran = folder.run(&server.visit(""));
    assert_eq!(ran.code, Some(SPENT), "{}", ran.stderr);
    assert!(ran.stderr.contains("1 of 1 sessions are used"), "{}", ran.stderr);
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn an_advertiser_that_is_killed_in_mid_session_has_paid() {
    let folder = parties();
    let server = Server::start(&folder, "--budget budget --budget-sessions 1");
    let hold = Hold::new(&server);
    let line = server.visit("").replace(&server.address, &hold.address);
    let mut client = folder.command(&line).spawn().unwrap();
    server.wait_for("charged, in this period", 1);
    client.kill().unwrap();
    client.wait().unwrap();
    let _ = hold.let_on.send(());
    server.wait_for("session failed", 1);
    assert_eq!(folder.run(&server.visit("")).code, Some(SPENT));
    assert_eq!(server.stop().code, Some(0));
    hold.thread.join().unwrap();
}

#[test]
fn a_second_key_has_a_budget_of_its_own() {
    let folder = parties();
    folder.stdout("keygen other");
    let server = Server::start(&folder, "--trust other.pub --budget budget --budget-sessions 1");
    folder.stdout(&server.visit(""));
    assert_eq!(folder.run(&server.visit("")).code, Some(SPENT));
    folder.stdout(&server.visit("").replace("advertiser.key", "other.key"));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn a_damaged_record_refuses_its_peer_and_is_named_here_and_not_there() {
    let folder = parties();
    let server = Server::start(&folder, "--budget budget --budget-sessions 9");
    folder.stdout(&server.visit(""));
    let name = record(&folder);
    let whole = folder.read(&name);
    folder.write(&name, &whole[..whole.len() / 2]);
    let ran = folder.run(&server.visit(""));
    assert_eq!(ran.code, Some(6));
    assert!(ran.stderr.contains("the peer ended the session: internal error"), "{}", ran.stderr);
    server.wait_for(&format!("{name}: is damaged"), 1);
    let ran = folder.run("budget budget");
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.starts_with(&format!("error: {name}: is damaged")), "{}", ran.stderr);
    folder.write(&name, whole);
    folder.stdout(&server.visit(""));
    assert_eq!(server.stop().code, Some(0));
}

#[test]
fn matches_that_overlap_refuse_the_next_session() {
    let folder = parties();
    let flags = "--reveal platform --min-audience 0 --results results --budget budget \
                 --budget-overlap 90";
    let server = Server::start(&folder, flags);
    for _ in 0..2 {
        folder.stdout(&server.visit("--reveal platform"));
    }
    server.wait_for("overlap with a list before percent=100.0", 1);
    let ran = folder.run(&server.visit("--reveal platform"));
    assert_eq!(ran.code, Some(SPENT));
    assert!(ran.stderr.contains("successive lists overlap by more than 90 %"), "{}", ran.stderr);
    assert_eq!(server.stop().code, Some(0));
    let record = folder.read(&record(&folder));
    assert!(record.contains("SHA256:") && !record.contains('@'));
}

#[test]
fn a_list_that_overlaps_is_refused_before_anything_is_answered() {
    let folder = parties();
    let flags = "--min-audience 0 --budget budget --budget-list-overlap 90";
    let server = Server::start(&folder, flags);
    let ran = folder.run(&server.visit(""));
    let text = "error: parameters differs: ours is none, the peer's is sketch\n  help: a platform with \
                --budget-list-overlap matches with `connect --sketch`, and no other\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(5), text));
    folder.stdout(&server.visit("--sketch"));
    let text = folder.read("advertiser.csv");
    let fewer: String = text.lines().take(300).fold(String::new(), |all, line| all + line + "\n");
    folder.write("advertiser.csv", fewer);
    let ran = folder.run(&server.visit("--sketch --output out.csv"));
    assert_eq!(ran.code, Some(SPENT));
    assert!(ran.stderr.contains("successive lists overlap by more than 90 %"), "{}", ran.stderr);
    assert!(!folder.path("out.csv").exists());
    assert!(folder.stdout("budget budget").contains("sessions 1, elements 315"));
    folder.write("advertiser.csv", "email,purposes\nx@example.com,TargetedAdvertising\n");
    folder.stdout(&server.visit("--sketch"));
    assert_eq!(server.stop().code, Some(0));
}

/// Repeated questions average noise away; the epsilon that each takes is remembered across a restart.
#[test]
fn epsilon_is_charged_shown_and_refused() {
    let folder = parties();
    let flags = "--protocol count --noise 0.4 --min-audience 0 --results results --budget budget \
                 --budget-epsilon 1";
    let visit = |server: &Server| folder.run(&server.visit("--protocol count --noise 0.4"));
    for used in ["elements 315, epsilon 0.4", "elements 630, epsilon 0.8"] {
        let server = Server::start(&folder, flags);
        let ran = visit(&server);
        assert_eq!(ran.code, Some(0), "{}", ran.stderr);
        assert_eq!(server.stop().code, Some(0));
        let shown = folder.stdout("budget budget");
        assert!(shown.contains(&format!("{used}\n")), "{shown}");
    }
    let server = Server::start(&folder, flags);
    let ran = visit(&server);
    assert_eq!(ran.code, Some(SPENT));
    let text = "error: our query budget with the peer is spent: 0.8 of epsilon 1 is used, and this \
                session takes 0.4; the next period begins at ";
    assert!(ran.stderr.starts_with(text), "{}", ran.stderr);
    assert_eq!(server.stop().code, Some(0));
    for report in result_reports(&folder) {
        assert_eq!(
            (&report["noise"], &report["budget"]["max_epsilon"]),
            (&0.4.into(), &1.0.into())
        );
    }
}

#[test]
fn flags_and_folders_that_cannot_be() {
    let folder = parties();
    let serve = "serve --list platform.csv --listen 127.0.0.1:0 --identity platform.key --trust \
                 advertiser.pub";
    fs::create_dir(folder.path("keyless")).unwrap();
    folder.write("keyless/00.record", "");
    for (flags, code, text) in [
        ("--budget-sessions 1", 2, "--budget <DIR>"),
        ("--budget b --budget-sessions 1 --budget-period 0", 2, "from 1 to 36525"),
        ("--budget b", 2, "--budget refuses nothing by itself"),
        ("--budget b --budget-overlap 90", 2, "--reveal advertiser does not tell us"),
        ("--budget-epsilon 1", 2, "--budget <DIR>"),
        ("--budget b --budget-epsilon 1", 2, "or an exact answer would cost nothing"),
        ("--budget b --budget-epsilon 0", 2, "from 0.000001 on"),
        (
            "--budget b --budget-epsilon 1 --protocol count --noise 1.5",
            2,
            "--noise 1.5 takes more than --budget-epsilon 1 has in a period",
        ),
        ("--budget b --budget-list-overlap x", 2, "a whole number from 0 to 100"),
        ("--budget b --budget-overlap 101", 2, "a whole number from 0 to 100"),
        ("--budget platform.csv --budget-sessions 1", 7, "making the folder platform.csv"),
        ("--budget keyless --budget-sessions 1", 3, "keyless/key: is gone"),
    ] {
        let ran = folder.run(&format!("{serve} {flags}"));
        assert_eq!(ran.code, Some(code), "{flags}: {}", ran.stderr);
        assert!(ran.stderr.contains(text), "{flags}: {}", ran.stderr);
    }
    assert!(!folder.path("b").exists());

    let server = Server::start(&folder, "--budget shared --budget-sessions 1");
    let ran = folder.run(&format!("{serve} --budget shared --budget-sessions 1"));
    let text =
        "error: shared: another server keeps its budget here; give each a folder of its own\n";
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(3), text));
    assert_eq!(folder.stdout("budget shared"), "");
    assert_eq!(server.stop().code, Some(0));
    assert_eq!(folder.run("budget nowhere").code, Some(3));
}
