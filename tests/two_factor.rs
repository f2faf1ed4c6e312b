//! The case that must never pass: an e-mail address given for the account, with consent to
//! advertising, beside a phone number given for two-factor authentication, in one row. The address
//! can match; the number cannot, whichever way the list comes in and whatever the flags say.
#![cfg(feature = "cli")]

#[path = "cli/program.rs"]
mod program;

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use blindmatch::ConsentedList;
use blindmatch::consent::{Policy, Purpose, Suppression};
use blindmatch::identifier::Profile;
use blindmatch::list::{self, Options, Source};
use blindmatch::protocol::{Party, Reveal};
use blindmatch::session::{Action, Outcome, Session, Settings};
use parquet::arrow::ArrowWriter;
use program::Folder;
use sha2::{Digest, Sha256};

const EMAIL: &str = "ann@example.com";
const PHONE: &str = "+12025550123";

/// How the two stand on the list, with what the number was given for in place of `{}`.
const FORMS: [(&str, &str); 4] = [
    (
        "wide",
        "id,email,phone,collected_for,purposes,phone_collected_for\n\
         7,{email},{phone},account,TargetedAdvertising,{}\n",
    ),
    (
        "wide, hashed",
        "id,email_sha256,phone_sha256,collected_for,purposes,phone_sha256_collected_for\n\
         7,{email#},{phone#},account,TargetedAdvertising,{}\n",
    ),
    (
        "long",
        "kind,value,collected_for,purposes\n\
         email,{email},account,TargetedAdvertising\nphone,{phone},{},TargetedAdvertising\n",
    ),
    (
        "long, hashed, with a prefix",
        "kind,value,purposes,phone_collected_for\n\
         email_sha256,{email#},TargetedAdvertising,{}\nphone_sha256,{phone#},TargetedAdvertising,{}\n",
    ),
];

/// Words for what the number was given for.
const SECURITY: [&str; 6] = [
    "two-factor authentication",
    "2FA",
    "IdentityAuthentication",
    "dpv:EnforceSecurity",
    "account_recovery;TargetedAdvertising",
    "login",
];

fn filled(form: &str, given_for: &str, profile: Profile) -> String {
    let phone = if profile == Profile::Meta { &PHONE[1..] } else { PHONE };
    let hex = |text: &str| -> String {
        Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    form.replace("{email#}", &hex(EMAIL))
        .replace("{phone#}", &hex(phone))
        .replace("{email}", EMAIL)
        .replace("{phone}", PHONE)
        .replace("{}", given_for)
}

/// The other side's list: both were given to it for advertising.
fn open_list() -> String {
    filled(FORMS[2].1, "account", Profile::Pair)
}

fn write_parquet(path: &Path, csv: &str) {
    let rows = program::rows(csv);
    let columns = rows[0].iter().enumerate().map(|(cell, name)| {
        let values = rows.iter().skip(1).map(|row| Some(row[cell].as_str()));
        (name.as_str(), Arc::new(values.collect::<StringArray>()) as ArrayRef)
    });
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let mut writer =
        ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
}

// ---- the library ----

fn admit(folder: &Folder, name: &str, attested: bool) -> Arc<ConsentedList> {
    let policy = Policy::new(Purpose::TARGETED_ADVERTISING, jiff::Timestamp::now()).unwrap();
    let policy = if attested { policy.with_attestation("terms").unwrap() } else { policy };
    let source = Source::open(folder.path(name), Options::default()).unwrap();
    Arc::new(list::admit(&source, policy, Suppression::default(), &mut ()).unwrap().list)
}

/// A session in memory; the advertiser's outcome and the platform's.
fn session(lists: [&Arc<ConsentedList>; 2]) -> [Outcome; 2] {
    let mut sides =
        [(Party::Advertiser, lists[0]), (Party::Platform, lists[1])].map(|(party, list)| {
            let mut settings = Settings::new(party);
            settings.reveal = Reveal::Both;
            Session::new(settings, Arc::clone(list)).unwrap()
        });
    let mut done = [false; 2];
    while done != [true; 2] {
        for side in [0, 1] {
            match sides[side].advance(true).unwrap() {
                Action::Send(bytes) => sides[1 - side].receive(&bytes),
                Action::Done => done[side] = true,
                Action::Worked | Action::Wait => {}
            }
        }
    }
    sides.map(|side| side.outcome().unwrap())
}

#[test]
fn through_the_library() {
    let folder = Folder::new();
    folder.write("open.csv", open_list());
    let open = admit(&folder, "open.csv", false);
    for (name, form) in FORMS {
        for given_for in SECURITY {
            folder.write("list.csv", filled(form, given_for, Profile::Pair));
            write_parquet(&folder.path("list.parquet"), &filled(form, given_for, Profile::Pair));
            for (file, attested) in
                [("list.csv", false), ("list.csv", true), ("list.parquet", false)]
            {
                let list = admit(&folder, file, attested);
                assert_eq!(list.len(), 1, "{name}, {file}, {given_for}");
                assert_eq!(list.tally().refused.values().sum::<u64>(), 1);
                for lists in [[&list, &open], [&open, &list]] {
                    for outcome in session(lists) {
                        assert_eq!(outcome.answer.count, Some(1), "{name}, {file}, {given_for}");
                    }
                }
            }
        }
        // What keeps the number out is what it was given for, and nothing else.
        folder.write("list.csv", filled(form, "account", Profile::Pair));
        let [ours, _] = session([&admit(&folder, "list.csv", false), &open]);
        assert_eq!(ours.answer.count, Some(2), "{name}");
    }
}

#[test]
fn nothing_else_on_record_outweighs_it() {
    let folder = Folder::new();
    let columns = "phone,collected_for,purposes,ad_user_data,ad_personalization";
    for record in [
        "two_factor,TargetedAdvertising,GRANTED,GRANTED",
        "two_factor;TargetedAdvertising,TargetedAdvertising,GRANTED,GRANTED",
        ",TargetedAdvertising;IdentityAuthentication,GRANTED,GRANTED",
        "account;two_factor,TargetedAdvertising,,",
    ] {
        folder.write("list.csv", format!("{columns}\n{PHONE},{record}\n"));
        for attested in [false, true] {
            let list = admit(&folder, "list.csv", attested);
            let refused: Vec<_> = list.tally().refused.keys().map(|r| r.name()).collect();
            assert!(list.is_empty(), "{record}");
            assert_eq!(refused, ["collected_for_security"], "{record}");
        }
    }
}

/// Ordinary shapes of lists in which a number was given for two-factor authentication; the address
/// is in order.
const SHAPES: [(&str, &str); 22] = [
    (
        "a prefix that is another word",
        "email,phone,mobile_collected_for,collected_for,purposes\n{e},{p},2fa,account,{ads}\n",
    ),
    (
        "the column's longer name",
        "email,phone_number,phone_number_collected_for,purposes\n{e},{p},2fa,{ads}\n",
    ),
    (
        "a longer prefix than the column",
        "email,phone,phone_number_collected_for,purposes\n{e},{p},2fa,{ads}\n",
    ),
    ("a suffix", "email,phone,collected_for_phone,purposes\n{e},{p},2fa,{ads}\n"),
    ("consent between", "email,phone,email_purposes,phone_consent_purposes\n{e},{p},{ads},2fa\n"),
    ("a name that says so", "email,recovery_phone,purposes\n{e},{p},{ads}\n"),
    ("2fa in the name", "email,2fa_phone,purposes,2fa_phone_purposes\n{e},{p},{ads},{ads}\n"),
    (
        "two factor in the name",
        "email,two_factor_phone,collected_for,purposes\n{e},{p},account,{ads}\n",
    ),
    (
        "security in the name",
        "email,security_phone,purposes,security_phone_collected_for\n{e},{p},{ads},account\n",
    ),
    ("otp in the name", "email,otp_phone,collected_for,purposes\n{e},{p},{ads},{ads}\n"),
    ("recovery as the kind", "kind,value,purposes\nemail,{e},{ads}\nrecovery_phone,{p},{ads}\n"),
    ("a copy under a name that says so", "email,phone,backup_phone,purposes\n{e},{p},{p},{ads}\n"),
    ("two columns", "email,phone,mobile,mobile_collected_for,purposes\n{e},{p},{p},2fa,{ads}\n"),
    (
        "two columns, one with a record",
        "email,phone,mobile,mobile_collected_for,phone_collected_for,purposes\n{e},{p},{p},2fa,account,{ads}\n",
    ),
    ("a later row", "email,phone,phone_collected_for,purposes\n{e},{p},account,{ads}\n,{p},2fa,\n"),
    ("an earlier row", "email,phone,phone_collected_for,purposes\n,{p},2fa,\n{e},{p},,{ads}\n"),
    (
        "a later row without purposes",
        "kind,value,collected_for,purposes\nphone,{p},,{ads}\nemail,{e},,{ads}\nphone,{p},2fa,\n",
    ),
    (
        "a broad signal",
        "email,phone,ad_user_data,ad_personalization,email_purposes,phone_purposes\n{e},{p},GRANTED,GRANTED,{ads},Marketing\n",
    ),
    (
        "a broad signal over what it was given for",
        "email,phone,ad_user_data,ad_personalization,phone_collected_for\n{e},{p},GRANTED,GRANTED,account\n",
    ),
    (
        "a broad TC string",
        "email,phone,tcf,phone_collected_for\n{e},{p},CQKjWWYQKjWWYEsABBENB4FgAPLAAAAAAAYgF5wAQF5gAAAA.YAAAAAAAAAAA,order\n",
    ),
    (
        "a synonym of an opt-out",
        "email,phone,purposes,phone_unsubscribed\n{e},{p},{ads},2024-01-01\n",
    ),
    ("a withdrawal in a word", "email,phone,purposes,phone_withdrawn\n{e},{p},{ads},yes\n"),
];

/// Lists that are refused as a whole: what the number was given for stands where nobody looks.
const UNUSABLE: [&str; 6] = [
    "email,phone,mobile,home_phone,cell_collected_for,purposes\n{e},{p},,,2fa,{ads}\n",
    "email,phone,fax_collected_for,purposes\n{e},{p},2fa,{ads}\n",
    "email,phone,phone_collected_for_purpose,purposes\n{e},{p},2fa,{ads}\n",
    "email,phone,consent_status,purposes\n{e},{p},2fa only,{ads}\n",
    "email,phone,phone_opt_in,purposes\n{e},{p},no,{ads}\n",
    "email,phone,purposes,unsubscribe_date\n{e},{p},{ads},2024-01-01\n",
];

fn shape(form: &str) -> String {
    form.replace("{e}", EMAIL).replace("{p}", PHONE).replace("{ads}", "TargetedAdvertising")
}

#[test]
fn ordinary_shapes_through_the_library() {
    let folder = Folder::new();
    folder.write("open.csv", open_list());
    let open = admit(&folder, "open.csv", false);
    for (name, form) in SHAPES {
        folder.write("list.csv", shape(form));
        for attested in [false, true] {
            let list = admit(&folder, "list.csv", attested);
            assert_eq!(list.len(), 1, "{name}, attested: {attested}");
            for outcome in session([&list, &open]) {
                assert_eq!(outcome.answer.count, Some(1), "{name}");
            }
        }
    }
}

/// An attestation is for those alone about whom nothing is on record in any row.
#[test]
fn an_attestation_does_not_outweigh_another_row() {
    let folder = Folder::new();
    let columns = "email,phone,collected_for,purposes,expires_at,ad_user_data,tcf,gpp";
    for record in [
        "2fa,,,,,",
        ",Marketing,,,,",
        ",TargetedAdvertising,2020-01-01,,,",
        ",,,DENIED,,",
        "whatever,,,,,",
        ",,soon,,,",
        ",,,,nonsense,",
        ",,,,CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA,",
        ",,,,,DBABTA~1YYN",
    ] {
        let silent = format!("{EMAIL},{PHONE},,,,,,\n");
        let telling = format!(",{PHONE},{record}\n");
        for rows in [format!("{silent}{telling}"), format!("{telling}{silent}")] {
            folder.write("list.csv", format!("{columns}\n{rows}"));
            assert_eq!(admit(&folder, "list.csv", true).len(), 1, "{record}");
        }
    }
}

#[test]
fn what_reads_like_consent_is_not_overlooked() {
    let folder = Folder::new();
    for form in UNUSABLE {
        folder.write("list.csv", shape(form));
        let policy = Policy::new(Purpose::TARGETED_ADVERTISING, jiff::Timestamp::now()).unwrap();
        let source = Source::open(folder.path("list.csv"), Options::default()).unwrap();
        let policy = policy.with_attestation("terms").unwrap();
        let error = list::admit(&source, policy, Suppression::default(), &mut ()).unwrap_err();
        assert!(error.to_string().contains("reads like consent"), "{form}: {error}");
    }
}

// ---- the program ----

/// The name of a column of addresses, in any form, where it matched; and nothing of the number.
fn assert_only_the_address(table: &[Vec<String>], case: &str) {
    assert_eq!(table.len(), 2, "{case}: {table:?}");
    let matched_on = table[1].last().unwrap().as_str();
    assert!(["email", "email_sha256", "value"].contains(&matched_on), "{case}: {matched_on}");
    let kind = table[0].iter().position(|name| name == "kind");
    assert!(kind.is_none_or(|kind| table[1][kind].starts_with("email")), "{case}");
}

fn assert_match(folder: &Folder, lists: [&str; 2], mixed: usize, flags: &str) {
    let [advertiser, platform] = lists;
    let line = format!(
        "match --advertiser {advertiser} --platform {platform} --reveal both --output 0.csv \
         --platform-output 1.csv {flags}"
    );
    let report = folder.report(&line);
    assert_eq!(report["matched"]["identifiers"], 1, "{line}");
    let party = ["advertiser", "platform"][mixed];
    let refused = &report["parties"][party]["refused"];
    assert_eq!(refused, &serde_json::json!({"collected_for_security": 1}), "{line}");
    for name in ["0.csv", "1.csv"] {
        assert_only_the_address(&folder.rows(name), &line);
    }
}

#[test]
fn through_match() {
    let folder = Folder::new();
    folder.write("open.csv", open_list());
    for (_, form) in FORMS {
        let list = filled(form, "two_factor", Profile::Pair);
        folder.write("list.csv", &list);
        write_parquet(&folder.path("list.parquet"), &list);
        assert_match(&folder, ["list.csv", "open.csv"], 0, "");
        assert_match(&folder, ["open.csv", "list.parquet"], 1, "");
        assert_match(&folder, ["list.parquet", "open.csv"], 0, "--attest-consent terms");
        assert_match(&folder, ["open.csv", "list.csv"], 1, "--attest-consent terms");
    }
}

#[test]
fn through_match_with_every_profile() {
    let folder = Folder::new();
    folder.write("open.csv", open_list());
    for profile in Profile::ALL {
        let flags = format!("--profile {}", profile.name());
        for (_, form) in &FORMS[..2] {
            folder.write("list.csv", filled(form, "two_factor", profile));
            assert_match(&folder, ["list.csv", "open.csv"], 0, &flags);
        }
        let attested = format!("{flags} --attest-consent terms");
        assert_match(&folder, ["open.csv", "list.csv"], 1, &attested);
    }
}

#[test]
fn ordinary_shapes_through_match() {
    let folder = Folder::new();
    folder.write("open.csv", open_list());
    for (name, form) in SHAPES {
        folder.write("list.csv", shape(form));
        for flags in ["", "--attest-consent terms"] {
            let report = folder.report(&format!(
                "match --advertiser list.csv --platform open.csv --reveal both --output 0.csv {flags}"
            ));
            assert_eq!(report["matched"]["identifiers"], 1, "{name}");
            let rows = folder.rows("0.csv");
            assert_eq!(rows.len(), 2, "{name}");
            assert!(["email", "value"].contains(&rows[1].last().unwrap().as_str()), "{name}");
        }
    }
    for form in UNUSABLE {
        folder.write("list.csv", shape(form));
        let line = "match --advertiser list.csv --platform open.csv --attest-consent terms";
        let ran = folder.run(line);
        assert_eq!(ran.code, Some(3), "{form}");
        assert!(ran.stderr.contains("reads like consent"), "{}", ran.stderr);
    }
}

#[test]
fn check_names_the_columns_that_it_went_by() {
    let folder = Folder::new();
    folder.write("list.csv", shape(SHAPES[0].1));
    let columns = &folder.report("check list.csv")["columns"];
    let consent = ["mobile_collected_for", "collected_for", "purposes"];
    let expected = serde_json::json!({"identifiers": ["email", "phone"], "consent": consent});
    assert_eq!(columns, &expected);
    let text = folder.stdout("check list.csv");
    assert!(text.contains("Columns of identifiers: email, phone\n"), "{text}");
    assert!(text.contains("Columns of consent: mobile_collected_for, collected_for,"), "{text}");
}

#[cfg(unix)]
#[test]
fn over_the_network() {
    let folder = Folder::new();
    folder.make_keys();
    folder.write("open.csv", open_list());
    for (_, form) in [FORMS[0], FORMS[3]] {
        let list = filled(form, "two_factor", Profile::Pair);
        folder.write("list.csv", &list);
        write_parquet(&folder.path("list.parquet"), &list);
        for [advertiser, platform] in [["list.parquet", "open.csv"], ["open.csv", "list.csv"]] {
            let line = format!(
                "serve --list {platform} --listen 127.0.0.1:0 --identity platform.key --trust \
                 advertiser.pub --reveal both --min-audience 0 --results results \
                 --attest-consent terms --sessions 1"
            );
            let server = program::Server::of(&folder, &line);
            let line = format!(
                "connect --list {advertiser} --peer {} --identity advertiser.key --trust \
                 platform.pub --reveal both --attest-consent terms --output 0.csv",
                server.address
            );
            assert_eq!(folder.report(&line)["matched"]["identifiers"], 1, "{line}");
            assert_only_the_address(&folder.rows("0.csv"), &line);
            assert_eq!(server.end().code, Some(0));
            let names = folder.names("results");
            let kept = names.iter().find(|name| name.ends_with(".csv")).unwrap();
            assert_only_the_address(&folder.rows(&format!("results/{kept}")), &line);
            std::fs::remove_dir_all(folder.path("results")).unwrap();
        }
    }
}
