//! `--people`: who has several identifiers counts once, on one machine and on two.

use crate::oracle::Oracle;
use crate::program::{Folder, Ran, Server};

const MATCH: &str = "match --advertiser advertiser.csv --platform platform.csv";

/// Ann matches by both, Ben by phone, Cleo and Dora share a landline, Eve opted out of her address,
/// Fred is nobody's customer; Ann is there twice.
const ADVERTISER: &str = "customer,email,phone,purposes,spent\n\
    1,ann@example.com,+12015550101,TargetedAdvertising,100\n\
    2,ben@example.com,+12015550102,TargetedAdvertising,200\n\
    3,cleo@example.com,+12015550103,TargetedAdvertising,400\n\
    4,dora@example.com,+12015550103,TargetedAdvertising,800\n\
    5,eve@example.com,,DirectMarketing,1600\n\
    1,ann@example.com,,TargetedAdvertising,3200\n";

const PLATFORM: &str = "email,phone,purposes\n\
    Ann@example.com,+12015550101,TargetedAdvertising\n\
    other@example.com,+12015550102,TargetedAdvertising\n\
    ,+12015550103,TargetedAdvertising\n\
    eve@example.com,,TargetedAdvertising\n";

/// The advertiser's list in the long form.
const LONG: &str = "customer,kind,value,purposes,spent\n\
    1,phone,+12015550101,TargetedAdvertising,100\n\
    2,email,ben@example.com,TargetedAdvertising,200\n\
    1,email,ann@example.com,TargetedAdvertising,3200\n\
    3,email,cleo@example.com,TargetedAdvertising,400\n\
    2,phone,+12015550102,TargetedAdvertising,0\n\
    3,phone,+12015550103,TargetedAdvertising,0\n\
    4,phone,+12015550103,TargetedAdvertising,0\n\
    4,email,dora@example.com,TargetedAdvertising,800\n\
    5,email,eve@example.com,DirectMarketing,1600\n";

fn small() -> Folder {
    let folder = Folder::new();
    folder.write("advertiser.csv", ADVERTISER);
    folder.write("platform.csv", PLATFORM);
    folder.write("long.csv", LONG);
    folder
}

#[track_caller]
fn assert_refused(ran: &Ran, code: i32, text: &str) {
    assert_eq!(ran.code, Some(code), "{}", ran.stderr);
    assert!(ran.stderr.contains(text), "{}", ran.stderr);
}

/// Names of people, and by what they matched.
fn matched(folder: &Folder, name: &str) -> Vec<(String, String)> {
    let rows = folder.rows(name);
    let on = rows[0].iter().position(|name| name == "matched_on").unwrap();
    rows.into_iter().skip(1).map(|row| (row[0].clone(), row[on].clone())).collect()
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(a, b)| (a.to_owned(), b.to_owned())).to_vec()
}

#[test]
fn each_person_is_written_once_with_its_best_identifier() {
    let folder = small();
    for protocol in ["dh", "oprf", "voprf", "two-hash"] {
        let line = format!("{MATCH} --protocol {protocol} --output out.csv");
        let report = folder.report(&line);
        assert_eq!(report["matched"]["identifiers"], 4);
        assert_eq!((report.get("counted"), report["matched"].get("people")), (None, None));
        for (flags, ann) in
            [("", "email"), ("--rank email", "email"), ("--rank phone,email", "phone")]
        {
            let report = folder.report(&format!("{line} --people {flags}"));
            assert_eq!(report["counted"], "people");
            let parties = &report["parties"];
            assert_eq!(parties["advertiser"]["people"], 4);
            assert_eq!(parties["advertiser"]["shared"], 1);
            assert_eq!(parties["platform"].get("people"), None);
            let found = &report["matched"];
            assert_eq!((&found["people"], &found["identifiers"]), (&3.into(), &4.into()));
            let emails = u64::from(ann == "email");
            let ranks = serde_json::json!({"email": emails, "phone": 3 - emails});
            assert_eq!(found["people_by_rank"], ranks);
            assert_eq!(found["rate"], 0.75);
            let expected = pairs([("1", ann), ("2", "phone"), ("3", "phone")]);
            assert_eq!(matched(&folder, "out.csv"), expected, "{protocol} {flags}");
        }
    }
}

#[test]
fn rows_of_one_person_are_told_by_a_column() {
    let folder = small();
    let long = MATCH.replace("advertiser.csv", "long.csv");
    let report = folder.report(&format!("{long} --person customer --output out.csv"));
    assert_eq!(report["matched"]["people"], 3);
    assert_eq!(report["parties"]["advertiser"]["people"], 4);
    assert_eq!(report["parties"]["advertiser"]["shared"], 1);
    assert_eq!(
        matched(&folder, "out.csv"),
        pairs([("1", "value"), ("2", "value"), ("3", "value")])
    );
    assert_eq!(folder.rows("out.csv")[1][2], "ann@example.com");
    // Without the column each row is one.
    assert_eq!(folder.report(&format!("{long} --people"))["matched"]["people"], 4);

    let ran = folder.run(&format!("{long} --person nothing"));
    assert_refused(&ran, 3, "has no column `nothing` of its own data; name one of `customer`");
    let ran = folder.run(&format!("{long} --person value"));
    assert_refused(&ran, 2, "column `value` holds identifiers");
    let many: String =
        (0..65).map(|n| format!("{n}@example.com,x,TargetedAdvertising\n")).collect();
    folder.write("many.csv", format!("email,country,purposes\n{many}"));
    let ran =
        folder.run(&format!("{} --person country", MATCH.replace("advertiser.csv", "many.csv")));
    assert_refused(&ran, 2, "many.csv: one person has more than 64 identifiers; name a column");
    let ran = folder.run_with_input(
        "match --advertiser - --platform platform.csv --person customer",
        "long.csv",
    );
    assert_refused(&ran, 2, "read twice");
}

/// People's values are added once, those of rows that only repeat as well.
#[test]
fn sums_add_a_person_once() {
    let folder = small();
    let sum = "--protocol sum --value spent --clip 10000";
    for (list, flags) in [
        ("advertiser.csv", "--people"),
        ("advertiser.csv", "--person customer"),
        ("long.csv", "--person CUSTOMER"),
    ] {
        let line = MATCH.replace("advertiser.csv", list);
        let report = folder.report(&format!("{line} {sum} {flags}"));
        let found = &report["matched"];
        assert_eq!((&found["people"], &found["sum"]), (&3.into(), &(3300 + 200 + 400).into()));
        assert_eq!((found.get("identifiers"), found.get("people_by_rank")), (None, None));
        let least = |n: u64| folder.report(&format!("{line} {sum} {flags} --min-audience {n}"));
        assert_eq!(least(3)["matched"]["sum"], 3900);
        assert_eq!((&least(4)["withheld"], least(4).get("matched")), (&true.into(), None));
    }
    // By identifiers Ben's value is left out: it goes with his address.
    let report = folder.report(&format!("{MATCH} {sum}"));
    assert_eq!(
        (&report["matched"]["identifiers"], &report["matched"]["sum"]),
        (&4.into(), &3300.into())
    );
}

#[test]
fn a_minimum_audience_counts_people_and_no_identifiers() {
    let folder = small();
    for (flags, reveals) in [("", &["advertiser", "both"][..]), ("--protocol count", &["both"])] {
        for reveal in reveals {
            let line = format!("{MATCH} --people --reveal {reveal} {flags}");
            let enough = folder.report(&format!("{line} --min-audience 3"));
            assert_eq!(
                (&enough["withheld"], &enough["matched"]["people"]),
                (&false.into(), &3.into())
            );
            let few = folder.report(&format!("{line} --min-audience 4"));
            assert_eq!((&few["withheld"], few.get("matched")), (&true.into(), None), "{line}");
        }
    }
    // The platform's people, where the platform learns matches.
    let line = format!("{MATCH} --people --reveal platform --output out.csv --min-audience");
    let report = folder.report(&format!("{line} 3"));
    assert_eq!((&report["matched"]["people"], &report["matched"]["rows"]), (&3.into(), &3.into()));
    assert_eq!(report["parties"]["platform"]["people"], 4);
    assert_eq!(folder.report(&format!("{line} 4"))["withheld"], true);
    let text = folder.stdout(&format!("{MATCH} --people --min-audience 4"));
    assert!(text.contains("Withheld: fewer than 4 people match"), "{text}");
    assert!(text.contains(
        "The platform learnt the size of the advertiser's list, and how many people match"
    ));
    let text = folder.stdout(&format!("{MATCH} --people"));
    assert!(
        text.contains("Matched: 3 people (1 by email, 2 by phone, of theirs 4 identifiers)"),
        "{text}"
    );
}

#[test]
fn what_cannot_be_counted_in_people_is_said_before_anything_is_read() {
    let folder = Folder::new();
    let count = "--people --protocol count --reveal platform --min-audience 5";
    for (flags, text) in [
        ("--rank phone", "--rank goes with --people"),
        ("--people --reveal count", "--protocol count --reveal both does"),
        (count, "--min-audience 0"),
        ("--people --rank phone,fax", "ranks are kinds, each once, as in email,phone"),
    ] {
        assert_refused(&folder.run(&format!("{MATCH} {flags}")), 2, text);
    }
    let serve = "serve --listen 127.0.0.1:0 --identity p.key --trust a.pub --list p.csv";
    let ran = folder.run(&format!("{serve} --person id"));
    assert_refused(&ran, 2, "only the peer's people are counted here; pass --people alone");
    let ran = folder.run("check --rank phone p.csv");
    assert_refused(&ran, 2, "--rank goes with --people");
}

#[test]
fn people_are_counted_over_the_network() {
    let folder = small();
    folder.make_keys();
    for (protocol, serve, visit) in [
        ("dh", "--min-audience 3", "--person customer --output out.csv"),
        ("voprf", "--min-audience 0", "--person customer --output out.csv"),
        ("count", "--min-audience 3", "--people"),
        ("sum", "--min-audience 3 --clip 10000", "--people --value spent --clip 10000"),
    ] {
        let flags = format!("--people --protocol {protocol} {serve} --results {protocol}");
        let server = Server::start(&folder, &flags);
        let report = folder.report(&server.visit(&format!("--protocol {protocol} {visit}")));
        assert_eq!(report["matched"]["people"], 3, "{protocol}");
        if protocol == "sum" {
            assert_eq!(report["matched"]["sum"], 3900);
        }
        // Identifiers on one side, people on the other.
        let visit = visit.replace("--person customer", "").replace("--people", "");
        let ran = folder.run(&server.visit(&format!("--protocol {protocol} {visit}")));
        assert_refused(&ran, 5, "counting differs: ours is identifiers, the peer's is people");
        assert!(ran.stderr.contains("both sides must pass --people, or neither"), "{}", ran.stderr);
        assert_eq!(server.stop().code, Some(0));
        let name = &folder.names(protocol)[0];
        let theirs: serde_json::Value =
            serde_json::from_str(&folder.read(&format!("{protocol}/{name}"))).unwrap();
        assert_eq!(theirs["counted"], "people");
        let told = theirs.get("matched").map(|matched| matched["people"].clone());
        assert_eq!(told, (protocol != "voprf").then(|| 3.into()), "{protocol}");
    }
}

/// The shipped lists, against a plain loop over what their records admit.
#[test]
fn the_example_lists_give_what_a_plain_loop_gives() {
    let folder = Folder::with_examples();
    let [ours, theirs] =
        ["advertiser.csv", "platform.csv"].map(|name| Oracle::read(&folder, name, &[]));
    for (reveal, expected) in
        [("advertiser", ours.matched_people(&theirs)), ("platform", theirs.matched_people(&ours))]
    {
        let line = format!("{MATCH} --people --reveal {reveal} --output out.csv");
        let report = folder.report(&line);
        assert_eq!(folder.rows("out.csv"), expected, "{reveal}");
        assert_eq!(report["matched"]["people"], expected.len() - 1);
        let ranks = &report["matched"]["people_by_rank"];
        let emails = expected.iter().filter(|row| row.last().unwrap() == "email").count();
        assert_eq!((&ranks["email"], emails > 0), (&emails.into(), true));
        assert_eq!(report["matched"]["identifiers"], ours.common(&theirs));
        assert!(expected.len() - 1 < ours.common(&theirs), "nobody has two");
    }
}

#[test]
fn check_says_how_many_people() {
    let folder = small();
    let text = folder.stdout("check --people advertiser.csv");
    assert!(text.contains("7 identifiers of 4 people would take part in a match."), "{text}");
    let report = folder.report("check --person customer long.csv");
    assert_eq!((&report["people"], &report["shared"]), (&4.into(), &1.into()));
    assert_eq!(folder.report("check long.csv").get("people"), None);
}
