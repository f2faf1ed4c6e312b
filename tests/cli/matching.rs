//! `match`: the answer is the plain intersection of what the gate admits, in every form.

use std::fs::File;
use std::io::Write;

use serde_json::Value;

use crate::oracle::Oracle;
use crate::program::{Folder, rows};

const MATCH: &str = "match --advertiser advertiser.csv --platform platform.csv";

/// Both example lists, without suppression.
fn oracles(folder: &Folder) -> [Oracle; 2] {
    ["advertiser.csv", "platform.csv"].map(|name| Oracle::read(folder, name, &[]))
}

fn sum(reasons: &Value) -> u64 {
    reasons.as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

#[test]
fn counts_add_up() {
    let folder = Folder::with_examples();
    let report = folder.report(MATCH);
    for party in ["advertiser", "platform"] {
        let counts = &report["parties"][party];
        let count = |name: &str| counts[name].as_u64().unwrap();
        assert_eq!(
            count("admitted") + sum(&counts["refused"]) + count("unreadable"),
            count("identifiers"),
            "{party}"
        );
        assert_eq!(sum(&counts["unreadable_by_reason"]), count("unreadable"), "{party}");
        assert_eq!(count("distinct") + count("duplicates"), count("admitted"), "{party}");
        let check = folder.report(&format!("check {party}.csv"));
        for (name, value) in counts.as_object().unwrap() {
            assert_eq!(&check[name], value, "{party}: {name}");
        }
    }
    let matched = report["matched"]["identifiers"].as_f64().unwrap();
    let distinct = report["parties"]["advertiser"]["distinct"].as_f64().unwrap();
    assert_eq!(report["matched"]["rate"].as_f64(), Some(matched / distinct));
}

#[test]
fn rows_are_the_plain_intersection_whoever_learns() {
    let folder = Folder::with_examples();
    let [ours, theirs] = oracles(&folder);
    let common = ours.common(&theirs);
    assert!(common > 50);
    let both = [ours.matched(&theirs), theirs.matched(&ours)];
    for (reveal, expected) in
        [("advertiser", &both[..1]), ("platform", &both[1..]), ("both", &both[..])]
    {
        let second = if reveal == "both" { "--platform-output second.csv" } else { "" };
        let line = format!("{MATCH} --reveal {reveal} --output first.csv {second}");
        let report = folder.report(&line);
        assert_eq!(report["reveal"], reveal);
        assert_eq!(report["matched"]["identifiers"], common);
        assert_eq!(report["matched"]["rows"], expected[0].len() - 1);
        for (name, expected) in ["first.csv", "second.csv"].iter().zip(expected) {
            assert_eq!(&folder.rows(name), expected, "{reveal}");
        }
    }
}

/// The protocols that answer about all matches at once, with values from a column of the list.
#[test]
fn counts_and_sums_are_those_of_the_plain_intersection() {
    let folder = Folder::with_examples();
    let [ours, theirs] = oracles(&folder);
    for reveal in ["advertiser", "platform", "both"] {
        let report = folder.report(&format!("{MATCH} --protocol count --reveal {reveal}"));
        assert_eq!(report["protocol"], "count");
        assert_eq!(report["matched"]["identifiers"], ours.common(&theirs));
        assert_eq!(report["matched"].get("rows"), None);
    }
    let clip = 20_000;
    let sum = format!("{MATCH} --protocol sum --value order_value_cents --clip {clip}");
    let mut totals = Vec::new();
    for reveal in ["advertiser", "platform"] {
        let report = folder.report(&format!("{sum} --reveal {reveal} --min-audience 10"));
        assert_eq!(report["clip"], clip);
        assert!(report["clipped"].as_u64().unwrap() > 0);
        assert_eq!(report["matched"]["identifiers"], ours.common(&theirs));
        totals.push(report["matched"]["sum"].as_u64().unwrap());
    }
    assert_eq!(totals[0], totals[1]);
    assert!(totals[0] > 0 && totals[0] <= 20_000 * ours.common(&theirs) as u64);
    let text = folder.stdout(&format!("{sum} --min-audience 10"));
    assert!(text.contains("Total of their values: "), "{text}");
    let line =
        "The advertiser learnt the size of the platform's list, how many match, and the total";
    assert!(text.contains(line), "{text}");
    let withheld = folder.report(&format!("{sum} --min-audience 9999"));
    assert_eq!((withheld["withheld"].as_bool(), withheld.get("matched")), (Some(true), None));
}

/// With noise the report is the advertiser's, and off by no more than the tail that 2^-40 leaves.
#[test]
fn noise_is_in_what_the_advertiser_learns() {
    let folder = Folder::with_examples();
    let [ours, theirs] = oracles(&folder);
    let exact = ours.common(&theirs) as u64;
    let count = format!("{MATCH} --protocol count --noise 0.5");
    let mut told = Vec::new();
    for _ in 0..12 {
        let report = folder.report(&count);
        assert_eq!(report["noise"], 0.5);
        told.push(report["matched"]["identifiers"].as_u64().unwrap());
    }
    assert!(told.iter().all(|count| count.abs_diff(exact) <= 56), "{exact}: {told:?}");
    assert!(told.iter().any(|&count| count != exact), "all exact: one in 2 * 10^7");
    let text = folder.stdout(&count);
    for line in [
        "Noise of epsilon 0.5 is in what the advertiser learns\n",
        "The advertiser learnt the size of the platform's list, and about how many match\n",
        "The platform learnt the size of the advertiser's list, and exactly how many match\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
    let sum = "--protocol sum --value order_value_cents --clip 20000";
    let [plain, noisy] = ["", "--noise 2"]
        .map(|noise| folder.report(&format!("{MATCH} {sum} {noise}"))["matched"]["sum"].clone());
    let [plain, noisy] = [plain, noisy].map(|sum| sum.as_u64().unwrap());
    assert!(plain.abs_diff(noisy) <= 28 * 20_000, "{plain} {noisy}");
    let withheld = folder.stdout(&format!("{count} --min-audience 9999"));
    assert!(withheld.contains("fewer than 9999 seem to match"), "{withheld}");
    assert!(withheld.contains("and exactly how many match"), "{withheld}");
}

/// A list small enough to add up by eye: a row counts once, and no value for more than the clip.
#[test]
fn a_sum_counts_each_row_once_and_clips() {
    let folder = Folder::new();
    let consent = "TargetedAdvertising";
    folder.write(
        "ours.csv",
        format!(
            "email,phone,spent,purposes\n\
             ada@example.com,+12025550143,100,{consent}\n\
             ben@example.com,,7,{consent}\nben@example.com,,8,{consent}\n\
             cleo@example.com,+12025550144,5000,{consent}\n\
             dora@example.com,+12025550145,33,{consent}\n"
        ),
    );
    folder.write(
        "theirs.csv",
        format!(
            "email,phone,purposes\n\
             ada@example.com,+12025550143,{consent}\nben@example.com,,{consent}\n\
             cleo@example.com,,{consent}\n,+12025550145,{consent}\n"
        ),
    );
    let report = folder.report(
        "match --advertiser ours.csv --platform theirs.csv --protocol sum --value spent --clip 1000",
    );
    // Dora's row counts for its e-mail address, which does not match.
    assert_eq!(report["matched"]["identifiers"], 5);
    assert_eq!(report["matched"]["sum"], 100 + 15 + 1000);
    assert_eq!(report["clipped"], 1);
}

#[test]
fn a_count_is_all_that_count_gives() {
    let folder = Folder::with_examples();
    let [ours, theirs] = oracles(&folder);
    let report = folder.report(&format!("{MATCH} --reveal count"));
    assert_eq!(report["matched"]["identifiers"], ours.common(&theirs));
    assert_eq!(report["matched"].get("rows"), None);
    let text = folder.stdout(&format!("{MATCH} --reveal count"));
    for party in ["advertiser", "platform"] {
        let line = text.lines().find(|line| line.starts_with(&format!("The {party} learnt")));
        assert!(line.unwrap().ends_with("list, and how many match"), "{text}");
    }
}

#[test]
fn every_profile_finds_the_same_people_here() {
    let folder = Folder::with_examples();
    let [ours, theirs] = oracles(&folder);
    for profile in ["pair", "google", "meta", "uid2", "x"] {
        let report = folder.report(&format!("{MATCH} --profile {profile} --output out.csv"));
        assert_eq!(report["profile"], format!("{profile}/1"));
        assert_eq!(folder.rows("out.csv"), ours.matched(&theirs), "{profile}");
    }
}

#[test]
fn who_is_suppressed_does_not_match() {
    let folder = Folder::with_examples();
    let list = folder.read("suppress.csv");
    let suppressed: Vec<&str> = list.lines().skip(1).collect();
    let [ours, theirs] =
        ["advertiser.csv", "platform.csv"].map(|n| Oracle::read(&folder, n, &suppressed));
    let line = format!("{MATCH} --suppress suppress.csv --output out.csv");
    let report = folder.report(&line);
    assert!(report["parties"]["advertiser"]["refused"]["suppressed"].as_u64() > Some(0));
    assert_eq!(folder.rows("out.csv"), ours.matched(&theirs));
    assert_ne!(ours.matched(&theirs), oracles(&folder)[0].matched(&oracles(&folder)[1]));
}

#[test]
fn the_rate_is_the_advertisers_wherever_it_learns_a_count() {
    let folder = Folder::with_examples();
    for reveal in ["advertiser", "both", "count"] {
        let report = folder.report(&format!("{MATCH} --reveal {reveal}"));
        let distinct = report["parties"]["advertiser"]["distinct"].as_f64().unwrap();
        let matched = |field: &str| report["matched"][field].as_f64().unwrap();
        assert_eq!(matched("rate"), matched("identifiers") / distinct, "{reveal}");
    }
}

#[test]
fn below_the_minimum_audience_nobody_gets_matches() {
    let folder = Folder::with_examples();
    let [ours, theirs] = oracles(&folder);
    let common = ours.common(&theirs);
    let enough = folder.report(&format!("{MATCH} --min-audience {common}"));
    assert_eq!(
        (&enough["withheld"], &enough["matched"]["identifiers"]),
        (&false.into(), &common.into())
    );
    let line = format!("{MATCH} --min-audience {}", common + 1);
    for reveal in ["advertiser", "platform", "count"] {
        let report = folder.report(&format!("{line} --reveal {reveal}"));
        assert_eq!((&report["withheld"], report.get("matched")), (&true.into(), None), "{reveal}");
    }
    let text = folder.stdout(&format!("{line} --output out.csv"));
    let expected = format!("Withheld: fewer than {} match, so nobody gets matches\n", common + 1);
    assert!(text.contains(&expected), "{text}");
    assert_eq!(folder.rows("out.csv"), &ours.matched(&theirs)[..1]);
}

// ---- formats ----

#[test]
fn parquet_carries_what_csv_does() {
    let folder = Folder::with_examples();
    let [ours, theirs] = oracles(&folder);
    let expected = ours.matched(&theirs);
    folder.stdout(&format!("{MATCH} --output once.parquet"));
    let again = "match --advertiser once.parquet --platform platform.csv";
    folder.stdout(&format!("{again} --output back.csv"));
    assert_eq!(folder.rows("back.csv"), expected);
    folder.stdout(&format!("{again} --output twice.parquet"));
    folder.stdout("match --advertiser twice.parquet --platform platform.csv --output back.csv");
    assert_eq!(folder.rows("back.csv"), expected);
    folder.stdout(&format!("{MATCH} --output odd.name --output-format parquet"));
    let named = folder.report("check odd.name --format parquet");
    assert_eq!(named["rows"], expected.len() - 1);
}

#[test]
fn compressed_and_piped_lists_give_the_same_report() {
    let folder = Folder::with_examples();
    let plain = folder.report(MATCH);
    let text = folder.read("advertiser.csv");
    let file = File::create(folder.path("list.csv.gz")).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(file, flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap();
    let file = File::create(folder.path("list.csv.zst")).unwrap();
    zstd::stream::copy_encode(text.as_bytes(), file, 0).unwrap();
    let assert_same = |report: &Value| {
        assert_eq!(report["parties"], plain["parties"]);
        assert_eq!(report["matched"], plain["matched"]);
    };
    for name in ["list.csv.gz", "list.csv.zst"] {
        let line = format!("match --advertiser {name} --platform platform.csv");
        assert_same(&folder.report(&format!("{line} --output {name}.out.csv")));
        assert_eq!(folder.rows(&format!("{name}.out.csv")).len(), 85);
    }
    let piped = "match --advertiser - --platform platform.csv --report -";
    let ran = folder.run_with_input(piped, "advertiser.csv");
    assert_same(&serde_json::from_slice(&ran.stdout).unwrap());
}

// ---- lists of every shape ----

fn small(advertiser: &str, platform: &str) -> (Folder, Value, Vec<Vec<String>>) {
    let folder = Folder::new();
    folder.write("advertiser.csv", format!("id,email,purposes\n{advertiser}"));
    folder.write("platform.csv", format!("email,purposes\n{platform}"));
    let report = folder.report(&format!("{MATCH} --output out.csv"));
    let table = folder.rows("out.csv");
    (folder, report, table)
}

const ADS: &str = "TargetedAdvertising";

#[test]
fn one_person_in_many_rows_is_one_identifier() {
    let advertiser = format!(
        "1,Ann@example.com,{ADS}\n2,bob@example.com,{ADS}\n3, ann@EXAMPLE.com ,{ADS}\n\
         4,ann@example.com,{ADS}\n"
    );
    let platform = format!("ann@example.com,{ADS}\nann@example.com,{ADS}\neve@example.com,{ADS}\n");
    let (_, report, table) = small(&advertiser, &platform);
    assert_eq!(report["matched"]["identifiers"], 1);
    assert_eq!(report["matched"]["rows"], 3);
    assert_eq!(report["parties"]["advertiser"]["duplicates"], 2);
    assert_eq!(report["parties"]["platform"]["duplicates"], 1);
    assert_eq!(table.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["id", "1", "3", "4"]);
}

#[test]
fn a_list_that_is_empty_after_the_gate_matches_nobody() {
    let [yes, no] = [ADS, "ServiceProvision"].map(|p| format!("ann@example.com,{p}\n"));
    for (advertiser, platform) in [(&yes, &no), (&no, &yes), (&no, &no)] {
        let (folder, report, table) = small(&format!("1,{advertiser}"), platform);
        let expected = serde_json::json!({"identifiers": 0, "rows": 0, "rate": 0.0});
        assert_eq!(report["matched"], expected);
        assert_eq!(table, rows("id,email,purposes,matched_on\n"));
        assert!(folder.stdout(MATCH).contains("Matched: 0 identifiers"));
    }
}

#[test]
fn an_attestation_is_on_the_record_and_overrides_no_refusal() {
    let folder = Folder::new();
    let list = "email,opt_out\nann@example.com,\nbob@example.com,yes\n";
    folder.write("advertiser.csv", list);
    folder.write("platform.csv", list);
    let report = folder.report(&format!("{MATCH} --attest-consent terms-7 --output out.csv"));
    for party in ["advertiser", "platform"] {
        let counts = &report["parties"][party];
        assert_eq!(counts["attestation"], "terms-7");
        assert_eq!((&counts["attested"], &counts["refused"]["opted_out"]), (&1.into(), &1.into()));
    }
    assert_eq!(folder.read("out.csv"), "email,opt_out,matched_on\nann@example.com,,email\n");
}
