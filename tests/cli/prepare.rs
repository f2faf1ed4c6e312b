//! Preparing a list for an epoch: what it says, what it leaves, and what it refuses.

use std::fs;

use serde_json::{Value, json};

use crate::program::{Folder, Ran};

/// A platform's list of three, one of whom the gate refuses.
const LIST: &str = "email,purposes,withdrawn_at\n\
    ann@example.com,TargetedAdvertising,\n\
    bob@example.com,TargetedAdvertising,\n\
    eve@example.com,DirectMarketing,\n\
    joe@example.com,TargetedAdvertising,\n";

const PREPARE: &str = "prepare --list platform.csv --epoch 2026-11 --identity platform.key \
                       --for advertiser.pub --output november";

fn folder() -> Folder {
    let folder = Folder::new();
    folder.make_keys();
    folder.write("platform.csv", LIST);
    folder
}

#[track_caller]
fn assert_refused(ran: &Ran, code: i32, text: &str) {
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert!(ran.stderr.contains(text), "{}", ran.stderr);
}

#[test]
fn a_new_set_and_what_is_said_of_it() {
    let folder = folder();
    let report = folder.report(&format!("{PREPARE} --expires 2099-12-01"));
    let expected = json!({
        "format": "blindmatch-prepare",
        "version": 1,
        "epoch": "2026-11",
        "profile": "pair/1",
        "purpose": "TargetedAdvertising",
        "rows": 4,
        "admitted": 3,
        "refused": {"purpose_not_granted": 1},
        "distinct": 3,
        "changes": {"updated": false, "rekeyed": false, "kept": 0, "added": 3, "withdrawn": 0},
        "valid_until": "2099-12-01T00:00:00Z",
    });
    for (field, value) in expected.as_object().unwrap() {
        assert_eq!(&report[field], value, "{field}");
    }
    assert_eq!(report["set"]["elements"], 3);
    assert_eq!(report["set"]["value_bits"], 40 + 22);
    assert!(report["counterparty"].as_str().unwrap().starts_with("SHA256:"));
    for (file, name) in [("set", "november.set"), ("entries", "november.entries")] {
        assert_eq!(report["files"][file], fs::metadata(folder.path(name)).unwrap().len());
    }
    let made = ["november.entries", "november.key", "november.set"];
    let names = folder.names("");
    assert_eq!(names.iter().filter(|name| name.starts_with("nov")).count(), 3, "{names:?}");
    assert!(made.iter().all(|name| names.contains(&(*name).to_owned())));
}

#[test]
fn the_summary_says_what_changed() {
    let folder = folder();
    let first = folder.stdout(PREPARE);
    assert!(first.starts_with("Epoch 2026-11 for SHA256:"), "{first}");
    assert!(first.contains("\nNew: 3 evaluated\nSet: 3 elements in "), "{first}");
    let month = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(30 * 24);
    let month = &month.to_string()[.."2026-12-01T".len()];
    assert!(first.contains(&format!("\nValid until {month}")), "{first}");
    // Bob withdraws, Joe leaves, Zoe comes.
    let list = LIST.replace(
        "bob@example.com,TargetedAdvertising,",
        "bob@example.com,TargetedAdvertising,2020-01-01",
    );
    folder.write("platform.csv", list.replace("joe@", "zoe@"));
    let second = folder.stdout(PREPARE);
    assert!(second.contains("\nUpdated: 1 kept, 1 added, 2 withdrawn\n"), "{second}");
    let line =
        "\n2 withdrawn: an advertiser that kept the set from before can still tell who they are";
    assert!(second.contains(line) && second.contains("--rekey evaluates all anew\n"), "{second}");
    let report: Value = folder.report(PREPARE);
    let changes = json!({"updated": true, "rekeyed": false, "kept": 2, "added": 0, "withdrawn": 0});
    assert_eq!(report["changes"], changes);
    assert_eq!(report["refused"], json!({"purpose_not_granted": 1, "withdrawn": 1}));
    assert_eq!(folder.stdout(&format!("{PREPARE} --quiet")), "");
}

#[test]
fn a_new_key_takes_the_place_of_the_old_one_when_asked_for() {
    let folder = folder();
    let never = folder.stdout(&format!("{PREPARE} --expires never"));
    assert!(never.contains("\nValid without end: no consent on the list ends\n"), "{never}");
    let before = fs::read(folder.path("november.set")).unwrap();
    folder.write("platform.csv", LIST.replace("bob@", "zoe@"));
    let again = folder.stdout(&format!("{PREPARE} --rekey"));
    assert!(again.contains("\nUpdated: 2 kept, 1 added, 1 withdrawn\nRekeyed: all"), "{again}");
    assert!(!again.contains("can still tell"), "{again}");
    let report = folder.report(&format!("{PREPARE} --rekey"));
    let changes = json!({"updated": true, "rekeyed": true, "kept": 3, "added": 0, "withdrawn": 0});
    assert_eq!(report["changes"], changes);
    // The old set does not go with the new key.
    fs::write(folder.path("november.set"), before).unwrap();
    let ran = folder.run(
        "match --advertiser platform.csv --prepared november --identity platform.key --protocol oprf",
    );
    assert_refused(&ran, 3, "november.key: is not the key of november.set");
}

#[test]
fn what_belongs_to_others_stays_as_it_is() {
    let folder = folder();
    folder.stdout(PREPARE);
    folder.stdout("keygen other");
    let before = fs::read(folder.path("november.set")).unwrap();
    let with = |from: &str, to: &str| folder.run(&PREPARE.replace(from, to));
    let epoch = with("2026-11", "2026-12");
    assert_refused(&epoch, 2, "november.set: was prepared for epoch 2026-11, not 2026-12");
    assert_refused(
        &with("advertiser.pub", "other.pub"),
        2,
        "was prepared for counterparty SHA256:",
    );
    let profile = folder.run(&format!("{PREPARE} --profile google"));
    assert_refused(&profile, 2, "was prepared for profile pair/1, not google/1");
    assert_refused(
        &with("platform.key", "other.key"),
        3,
        "november.key: sealed by the key SHA256:",
    );
    fs::write(folder.path("november.entries"), b"blindmatch-entries").unwrap();
    assert_refused(&folder.run(PREPARE), 3, "november.entries: is damaged");
    assert_eq!(fs::read(folder.path("november.set")).unwrap(), before);
    // A damaged set is made again from the other two.
    fs::remove_file(folder.path("november.entries")).unwrap();
    fs::write(folder.path("november.set"), &before[..50]).unwrap();
    folder.stdout(PREPARE);
    assert!(fs::read(folder.path("november.set")).unwrap().len() == before.len());
}

#[test]
fn what_cannot_be_is_said_before_anything_is_read() {
    let folder = folder();
    fs::remove_file(folder.path("platform.csv")).unwrap();
    folder.write("two.pub", folder.read("advertiser.pub") + &folder.read("platform.pub"));
    for (from, to, code, text) in [
        ("--output november", "--output sets/november", 2, "there is no such folder"),
        ("--output november", "--output november/", 2, "--output takes a name"),
        ("--output november", "--output advertiser --report platform.key", 2, "would be replaced"),
        ("--epoch 2026-11", "--epoch 2026-11 --report november.set", 2, "named for two things"),
        ("platform.key", "none.key", 3, "no such file; `blindmatch keygen NAME` makes NAME.key"),
        ("advertiser.pub", "none.pub", 3, "ask the advertiser for its .pub file"),
        ("advertiser.pub", "two.pub", 2, "names several keys; a set is for one advertiser"),
        ("2026-11", &*"e".repeat(65), 2, "the epoch takes a text of 1 to 64 bytes"),
        ("2026-11", "2026-11 --expires tomorrow", 2, "a date such as 2026-12-01"),
        ("2026-11", "2026-11 --expires 2026-13-01", 2, "a date such as 2026-12-01"),
        ("2026-11", "2026-11 --max-queries 0", 2, "invalid value '0'"),
        ("2026-11", "2026-11", 3, "platform.csv: no such file"),
    ] {
        assert_refused(&folder.run(&PREPARE.replace(from, to)), code, text);
    }
    folder.write("platform.csv", LIST);
    let past = folder.run(&format!("{PREPARE} --expires 2020-01-01"));
    assert_refused(&past, 2, "has expired already");
    assert!(!folder.names("").iter().any(|name| name.starts_with("november")));
}
