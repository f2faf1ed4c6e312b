//! PAIR as two people at two machines run it: each room a folder of its own, processes over TLS on the
//! loopback, nothing but the commands. What comes out is compared with the published mode, one element at a
//! time on curve25519-dalek.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blindmatch::pair::key::{Dated, RoomKey, SharedKey};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};

use crate::program::{Folder, Server};

#[path = "../pair/oracle.rs"]
mod oracle;

use oracle::{ANSWERS, Oracle, bytes, match_key};

/// Two machines, of which each has its own list, keys and identity, and the other's public key.
struct Machines {
    folder: Folder,
}

const CONNECT: &str = "pair connect --room adv --list advertiser.csv --identity advertiser.key \
                       --trust publisher.pub --backend portable";

impl Machines {
    /// `user0` to `user1199` at the advertiser, `user1000` to `user2999` at the publisher.
    fn new() -> Machines {
        let folder = Folder::new();
        for name in ["advertiser", "publisher"] {
            folder.stdout(&format!("keygen {name}"));
        }
        let machines = Machines { folder };
        machines.write("advertiser.csv", &machines.rows(0..1200, |_| "no"));
        machines.write("publisher.csv", &machines.rows(1000..3000, |_| "no"));
        machines
    }

    fn write(&self, name: &str, rows: &str) {
        let header = "name,email,purposes,opt_out\n";
        self.folder.write(name, format!("{header}{rows}"));
    }

    /// Rows of people, who may have opted out.
    fn rows(&self, numbers: std::ops::Range<u64>, opt_out: impl Fn(u64) -> &'static str) -> String {
        let row = |n| format!("n{n},User{n}@Example.com,TargetedAdvertising,{}\n", opt_out(n));
        numbers.map(row).collect()
    }

    /// Puts keys in place that were made so many days ago.
    fn age<K: RoomKey>(&self, name: &str, secret: [u8; 32], days: i64) {
        let path = self.folder.path(name);
        let _ = fs::remove_file(&path);
        let made = Timestamp::now() - SignedDuration::from_hours(24 * days);
        Dated::<K>::from_bytes(&secret, made).unwrap().save(&path).unwrap();
    }

    /// A file that only we may read.
    fn private(&self, name: &str, text: &str) {
        use std::os::unix::fs::PermissionsExt as _;
        self.folder.write(name, text);
        let owner = fs::Permissions::from_mode(0o600);
        fs::set_permissions(self.folder.path(name), owner).unwrap();
    }

    fn serve(&self, flags: &str) -> Server {
        let line = "pair serve --room pub --list publisher.csv --listen 127.0.0.1:0 --identity \
                    publisher.key --trust advertiser.pub --results results --backend portable";
        Server::of(&self.folder, &format!("{line} {flags}"))
    }

    fn connect(&self, server: &Server, flags: &str) -> String {
        self.folder.stdout(&format!("{CONNECT} --peer {} {flags}", server.address))
    }

    fn map(&self, flags: &str) -> String {
        let line =
            "pair map --room pub --list publisher.csv --output mapping.csv --backend portable";
        self.folder.stdout(&format!("{line} {flags}"))
    }

    /// The first column of a CSV file.
    fn column(&self, name: &str) -> BTreeSet<String> {
        self.folder.rows(name).into_iter().skip(1).map(|mut row| row.swap_remove(0)).collect()
    }

    /// The mapping: identifiers as written, by Publisher Identifier.
    fn mapping(&self) -> BTreeMap<String, String> {
        let rows = self.folder.rows("mapping.csv").into_iter().skip(1);
        rows.map(|row| (row[1].clone(), row[0].clone())).collect()
    }

    /// The keys as they are on the publisher's and the advertiser's disk, together, as nobody has them.
    fn oracle(&self) -> Oracle {
        let key = |name: &str| {
            let text = self.folder.read(name);
            let line = text.lines().find_map(|line| line.strip_prefix("key: ")).unwrap();
            bytes(line)
        };
        Oracle::new(key("pub/ks.key"), key("adv/ka.key"), key("pub/kp.key"))
    }
}

fn ids(oracle: &Oracle, numbers: impl IntoIterator<Item = u64>) -> BTreeSet<String> {
    let value = |n: u64| oracle::base64(&oracle.of_value(&format!("user{n}@example.com")));
    numbers.into_iter().map(value).collect()
}

/// Keys, match, rates, identifiers and their use, rotation, opt-outs, and the end of a match.
#[test]
fn a_whole_cycle_over_tls() {
    let m = Machines::new();
    // Each side makes its room.
    let text = m.folder.stdout("pair keygen advertiser --room adv");
    assert!(text.contains("Ka ") && text.contains(", expires "), "{text}");
    let text = m.folder.stdout("pair keygen publisher --room pub");
    assert!(text.contains("Ks ") && text.contains("Kp "), "{text}");

    // They match. Both are told a rate; the advertiser's room gets the identifiers.
    let server = m.serve("");
    let told = m.connect(&server, "--ids ids.csv --evidence advertiser.md");
    assert!(
        told.starts_with("match rate of the advertiser: 16%\nids.csv: Publisher Ident"),
        "{told}"
    );
    let first = m.oracle();
    assert_eq!(m.column("ids.csv"), ids(&first, 1000..1200));

    // The publisher maps all of its people; the buying platform's file is for those that match.
    let text = m.map("");
    assert!(text.contains("mapping.csv: 2000 rows, under the keys in use and 0 before"), "{text}");
    let mapping = m.mapping();
    assert_eq!(mapping.keys().cloned().collect::<BTreeSet<_>>(), ids(&first, 1000..3000));
    let of_1000 = ids(&first, [1000]).pop_first().unwrap();
    assert_eq!(mapping[&of_1000], "User1000@Example.com");
    m.folder.stdout("pair activate --ids ids.csv --output dsp.csv");
    assert_eq!(m.column("dsp.csv"), m.column("ids.csv"));

    // Somebody opts out on each side. A match that lacks just them is refused ...
    let opt_out = |out: u64| move |n| if n == out { "yes" } else { "no" };
    m.write("publisher.csv", &m.rows(1000..3000, opt_out(1100)));
    m.write("advertiser.csv", &m.rows(0..1200, opt_out(1005)));
    let ran = m.folder.run(&format!("{CONNECT} --peer {} --ids ids2.csv", server.address));
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("differs in 1 entry "), "{}", ran.stderr);
    assert!(ran.stderr.contains("match with --opt-out"), "{}", ran.stderr);
    // ... and a run that takes them out gives no rate.
    let told = m.connect(&server, "--ids ids2.csv --evidence second.md --opt-out");
    assert!(told.starts_with("match rate of the advertiser: not told after opt-outs"), "{told}");
    let left = (1000..1200).filter(|n| ![1005, 1100].contains(n));
    assert_eq!(m.column("ids2.csv"), ids(&first, left));
    // The publisher's own are gone from its mapping, and told to the buying platform.
    let text = m.map("--withdrawn gone.csv");
    assert!(text.contains("  opted_out: 1\n") && text.contains("withdrawn: 1 Publisher"), "{text}");
    assert_eq!(m.column("gone.csv"), ids(&first, [1100]));
    assert!(!m.mapping().values().any(|identifier| identifier == "User1100@Example.com"));
    let text = m.folder.stdout("pair activate --ids ids.csv --withdrawn gone.csv --output dsp.csv");
    assert!(text.ends_with("withdrawn: 1\n"), "{text}");
    let left = (1000..1200).filter(|n| *n != 1100);
    assert_eq!(m.column("dsp.csv"), ids(&first, left));

    // Ks is 30 days old: nothing is matched or mapped with it.
    m.age::<SharedKey>("pub/ks.key", first.ks, 31);
    m.write("advertiser.csv", &m.rows(0..1200, |_| "no"));
    let line = format!("{CONNECT} --peer {} --ids ids3.csv", server.address);
    let ran = m.folder.run(&line);
    assert_eq!(ran.code, Some(6));
    let told =
        "error: the peer ended the session: the publisher's key has expired, or is not valid yet";
    assert!(ran.stderr.starts_with(told), "{}", ran.stderr);
    server.wait_for("Ks: expired at", 1);
    let ran = m.folder.run("pair map --room pub --list publisher.csv --output mapping.csv");
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("`blindmatch pair rotate`"), "{}", ran.stderr);

    // The publisher rotates, under the server that runs; people have other identifiers, and those of the old
    // Ks stay in use beside them.
    let text = m.folder.stdout("pair rotate --room pub");
    let replaced = text.lines().filter(|line| line.ends_with("  replaced"));
    assert_eq!(replaced.map(|line| &line[..3]).collect::<Vec<_>>(), ["Ks "], "{text}");
    let second = m.oracle();
    assert_ne!(first.ks, second.ks);
    assert_eq!(first.kp, second.kp);
    let text = m.map("--withdrawn gone.csv");
    assert!(text.contains("under the keys in use and 1 before"), "{text}");
    let people: Vec<u64> = (1000..3000).filter(|n| *n != 1100).collect();
    let both = &ids(&first, people.iter().copied()) | &ids(&second, people.iter().copied());
    assert_eq!(m.mapping().keys().cloned().collect::<BTreeSet<_>>(), both);
    assert_eq!(m.column("gone.csv"), ids(&first, [1100]));
    // Opt-outs were taken out today.
    let ran = m.folder.run(&format!("{line} --opt-out"));
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("once a day is the most, so come again at "), "{}", ran.stderr);
    server.wait_for("the peer ended the session: the advertiser's room has taken opt-outs out", 1);
    // And the match of then again, under the new Ks.
    m.write("publisher.csv", &m.rows(1000..3000, |_| "no"));
    assert!(m.connect(&server, "--ids ids3.csv").starts_with("match rate of the advertiser: 16%"));
    assert_eq!(m.column("ids3.csv"), ids(&second, 1000..1200));
    assert_eq!(server.stop().code, Some(0));

    // A match that is older than 30 days is of no use.
    let ends = |name: &str| m.folder.rows(name)[1][2].clone();
    assert_eq!(ends("ids2.csv"), ends("ids.csv"), "opt-outs do not renew a match");
    let old = m.folder.read("ids.csv");
    let expires = old.lines().nth(1).unwrap().rsplit(',').next().unwrap().to_owned();
    let earlier: Timestamp = expires.parse().unwrap();
    let earlier = earlier - SignedDuration::from_hours(24 * 30);
    m.folder.write("old.csv", old.replace(&expires, &earlier.to_string()));
    let ran = m.folder.run("pair activate --ids old.csv --output dsp.csv");
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("a match is valid for 30 days; match again"), "{}", ran.stderr);

    check_evidence(&m, &[&first, &second]);
}

/// Evidence states the run's facts for all four goals, and neither it nor what the processes said holds
/// anything that identifies somebody, any key, or how many matched.
fn check_evidence(m: &Machines, oracles: &[&Oracle]) {
    let names = m.folder.names("results");
    let rate = names.iter().find(|name| name.ends_with(".rate.txt")).unwrap();
    assert_eq!(m.folder.read(&format!("results/{rate}")), "10%\n");
    let evidence = names.iter().filter(|name| name.ends_with(".evidence.md"));
    let mut texts: Vec<String> = evidence.map(|n| m.folder.read(&format!("results/{n}"))).collect();
    assert_eq!(texts.len(), 3);
    let advertiser = m.folder.read("advertiser.md");
    for fact in [
        "| entries, ours | 1200 |",
        "| entries, the publisher's | 2000 |",
        "| match rate, as told to the advertiser | 16% |",
        "| rows read | 1200 |",
        "| rows with an admitted one | 1200 |",
        "TLS 1.3",
    ] {
        assert!(advertiser.contains(fact), "{fact}: {advertiser}");
    }
    let second = m.folder.read("second.md");
    assert!(second.contains("| refused: opted_out | 1 |"), "{second}");
    assert!(second.contains("not told: opt-outs were taken out"), "{second}");
    assert!(second.contains("of our list, 1199 entries took part"), "{second}");
    assert!(second.contains("0 that were not were left out, and 1 more of that match's are gone"));
    assert!(!second.contains("cannot tell which of its own"), "{second}");
    assert!(advertiser.contains("cannot tell which of its own"), "{advertiser}");
    assert!(texts[0].contains("| match rate, as told to the publisher | 10% |"), "{}", texts[0]);
    texts.extend([advertiser, second]);
    for text in &texts {
        for goal in 1..=4 {
            assert!(text.contains(&format!("\n## Goal {goal}: ")), "{text}");
        }
        assert!(!text.contains(" 200 |") && !text.contains(" 198 |"), "how many matched: {text}");
    }
    texts.push(m.folder.read("server.log"));
    for text in &texts {
        let lower = text.to_lowercase();
        assert!(!lower.contains("@example.com"));
        for number in [1000u64, 1005, 1100, 2000] {
            let value = format!("user{number}@example.com");
            let digest = Sha256::digest(&value);
            for trace in
                [match_key(&value)[..16].to_owned(), STANDARD.encode(digest)[..12].to_owned()]
            {
                assert!(!lower.contains(&trace.to_lowercase()), "{trace}");
            }
            for oracle in oracles {
                let id = oracle::base64(&oracle.of_value(&value));
                assert!(!text.contains(&id[..12]), "a Publisher Identifier");
            }
        }
        for oracle in oracles {
            for secret in [oracle.ks, oracle.ka.to_bytes(), oracle.kp.to_bytes()] {
                assert!(!text.contains(&STANDARD.encode(secret)[..12]));
                let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
                assert!(!lower.contains(&hex[..12]));
            }
        }
    }
}

/// People who opted out stay out on the days after, whatever ran in between.
#[test]
fn withdrawals_outlive_the_day() {
    let m = Machines::new();
    m.folder.stdout("pair keygen advertiser --room adv");
    m.folder.stdout("pair keygen publisher --room pub");
    let oracle = m.oracle();
    let suppress = |numbers: &[u64]| {
        let rows: String = numbers.iter().map(|n| format!("user{n}@example.com\n")).collect();
        m.folder.write("out.csv", format!("email\n{rows}"));
    };
    let map = || m.map("--suppress out.csv --withdrawn gone.csv");
    suppress(&[1]);
    assert!(map().ends_with("withdrawn: 0 Publisher Identifiers\ngone.csv: 0 to forget\n"));
    suppress(&[1100]);
    assert!(map().ends_with("withdrawn: 1 Publisher Identifiers\ngone.csv: 1 to forget\n"));
    // The same day again, and the next one.
    assert!(map().ends_with("withdrawn: 0 Publisher Identifiers\ngone.csv: 1 to forget\n"));
    let of_the_first_day = m.folder.read("mapping.csv");
    suppress(&[1100, 1101]);
    assert!(map().ends_with("withdrawn: 1 Publisher Identifiers\ngone.csv: 2 to forget\n"));
    assert_eq!(m.column("gone.csv"), ids(&oracle, [1100, 1101]));
    // A run that was cut off before it replaced the mapping.
    m.folder.write("mapping.csv", &of_the_first_day);
    map();
    assert_eq!(m.column("gone.csv"), ids(&oracle, [1100, 1101]));
    let matched = ids(&oracle, 1000..1200).into_iter();
    let soon = Timestamp::now() + SignedDuration::from_hours(24);
    let rows: String = matched.map(|id| format!("{id},aa,{soon}\n")).collect();
    m.folder.write("ids.csv", format!("publisher_id,adv_pub_id,expires_at\n{rows}"));
    m.folder.stdout("pair activate --ids ids.csv --withdrawn gone.csv --output dsp.csv");
    let left = (1000..1200).filter(|n| ![1100, 1101].contains(n));
    assert_eq!(m.column("dsp.csv"), ids(&oracle, left));
    // Who is back is not to be forgotten; nor what is out of use.
    suppress(&[1101]);
    map();
    assert_eq!(m.column("gone.csv"), ids(&oracle, [1101]));
    let text = m.folder.read("gone.csv");
    let until = text.lines().nth(1).unwrap().split(',').nth(1).unwrap();
    m.folder.write("gone.csv", text.replace(until, "2026-01-01T00:00:00Z"));
    map();
    assert!(m.column("gone.csv").is_empty());
    // What cannot be kept stops the run before anything is replaced.
    m.folder.write("gone.csv", "email\n");
    suppress(&[1101, 1102]);
    let before = m.folder.read("mapping.csv");
    let line = "pair map --room pub --list publisher.csv --output mapping.csv --suppress out.csv";
    let ran = m.folder.run(&format!("{line} --withdrawn gone.csv"));
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("has other columns than publisher_id,in_use_until"));
    assert_eq!(m.folder.read("mapping.csv"), before);
}

/// With the keys of a known answer in place, the program gives what the mode gives under them.
#[test]
fn keys_of_the_known_answers_in_one_process() {
    let m = Machines::new();
    let mut relations = BTreeSet::new();
    for (name, answer) in ["one", "two"].iter().zip(&ANSWERS) {
        for room in ["adv", "pub"] {
            let _ = fs::remove_dir_all(m.folder.path(room));
        }
        m.private("a.txt", &format!("Ka: {}\n", answer.ka));
        m.private("p.txt", &format!("Ks: {}\n\nkp: {}\n", answer.salt, answer.kp));
        m.folder.stdout("pair keygen advertiser --room adv --import a.txt");
        m.folder.stdout("pair keygen publisher --room pub --import p.txt");
        let told = m.folder.stdout(&format!(
            "pair match --advertiser advertiser.csv --advertiser-room adv --publisher publisher.csv \
             --publisher-room pub --ids {name}.csv --evidence {name}.md --publisher-evidence p.md \
             --backend portable"
        ));
        assert!(
            told.starts_with("match rate of the publisher: 10%\nmatch rate of the adv"),
            "{told}"
        );
        assert_eq!(m.column(&format!("{name}.csv")), ids(&Oracle::of(answer), 1000..1200));
        let evidence = m.folder.read("p.md");
        assert!(evidence.contains("the publisher's room"));
        assert!(evidence.contains("Ks, Ka and Kp and both lists were in one place"), "{evidence}");
        relations.insert(m.folder.rows(&format!("{name}.csv"))[1][1].clone());
    }
    assert_eq!(relations.len(), 2, "other rooms have another AdvPubID");
    // These rooms match in no other way now.
    let server = m.serve("");
    let ran = m.folder.run(&format!("{CONNECT} --peer {} --ids x.csv", server.address));
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("matched within one process"), "{}", ran.stderr);
    server.wait_for("this room has matched within one process", 1);
}

#[test]
fn errors_have_their_remedies() {
    let m = Machines::new();
    m.folder.stdout("pair keygen advertiser --room adv");
    m.folder.stdout("pair keygen publisher --room pub");
    m.private("ka.txt", &format!("ka: {}\n", ANSWERS[0].ka));
    m.private("bad.txt", "\nks: 12\n");
    m.folder.write("open.txt", "");
    for (line, code, text) in [
        ("pair keygen publisher --room p --import ka.txt", 2, "no side has all three"),
        ("pair keygen publisher --room p --import bad.txt", 3, "bad.txt: line 2: not a key"),
        ("pair keygen publisher --room p --import open.txt", 3, "run `chmod 600` on it"),
        ("pair keygen publisher --room pub", 3, "the room has keys already"),
        ("pair keys --room nowhere", 3, "`blindmatch pair keygen advertiser|publisher --room DIR`"),
        ("pair rotate --room adv --ks", 2, "Ks is the publisher's"),
        ("pair map --room adv --list publisher.csv --output x.csv", 3, "is the advertiser's room"),
        (
            "pair activate --ids publisher.csv --output x.csv",
            3,
            "has other columns than publisher_id",
        ),
        (
            "pair match --advertiser advertiser.csv --advertiser-room pub --publisher publisher.csv \
             --publisher-room pub --ids x.csv",
            3,
            "is the publisher's room, and this takes the advertiser's",
        ),
    ] {
        let ran = m.folder.run(line);
        assert_eq!(ran.code, Some(code), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(text), "{line}: {}", ran.stderr);
    }
    // Nothing is written over a room's keys, by whatever way to it, or to places that cannot be.
    m.folder.write("ids.csv", "");
    std::os::unix::fs::symlink("ids.csv", m.folder.path("link.csv")).unwrap();
    std::os::unix::fs::symlink("adv", m.folder.path("way")).unwrap();
    let keys = m.folder.read("adv/ka.key");
    let here = "pair match --advertiser advertiser.csv --advertiser-room adv --publisher publisher.csv \
                --publisher-room pub";
    let map = "pair map --room pub --list publisher.csv";
    let serve = "pair serve --room pub --list publisher.csv --listen 127.0.0.1:0 --identity publisher.key \
                 --trust advertiser.pub";
    for (line, text) in [
        (format!("{CONNECT} --peer 127.0.0.1:1 --ids adv/ka.key"), "a room of PAIR"),
        (
            format!("{CONNECT} --peer 127.0.0.1:1 --ids x.csv --evidence way/ka.key"),
            "a room of PAIR",
        ),
        (format!("{here} --ids pub/ks.key"), "a room of PAIR"),
        (format!("{here} --ids x.csv --publisher-evidence pub/records/x"), "a room of PAIR"),
        (format!("{map} --output pub/kp.key"), "a room of PAIR"),
        (format!("{map} --output x.csv --withdrawn pub/../adv/ka.key"), "a room of PAIR"),
        ("pair activate --ids ids.csv --output adv/ka.key".into(), "a room of PAIR"),
        (format!("{serve} --results pub/results"), "a room of PAIR"),
        (format!("{here} --ids -"), "name one, not `-`"),
        (format!("{here} --ids x.csv --evidence -"), "name one, not `-`"),
        (format!("{map} --output -"), "name one, not `-`"),
        (format!("{here} --ids link.csv"), "link.csv: is no plain file; name another\n"),
    ] {
        let ran = m.folder.run(&line);
        assert_eq!(ran.code, Some(2), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains(text), "{line}: {}", ran.stderr);
    }
    assert_eq!(m.folder.read("adv/ka.key"), keys);
    // Too few, before anything is sent.
    m.write("advertiser.csv", &m.rows(0..999, |_| "no"));
    let server = m.serve("");
    let ran = m.folder.run(&format!("{CONNECT} --peer {} --ids x.csv", server.address));
    assert_eq!(ran.code, Some(3));
    server.wait_for("the peer ended the session: the advertiser's list is below the minimum", 1);
    assert!(ran.stderr.contains("PAIR takes lists of 1000 or more"), "{}", ran.stderr);
    assert!(!Path::new(&m.folder.path("x.csv")).exists());
    // Another protocol at the same door.
    m.write("advertiser.csv", &m.rows(0..1200, |_| "no"));
    let line = "connect --list advertiser.csv --identity advertiser.key --trust publisher.pub";
    let ran = m.folder.run(&format!("{line} --peer {}", server.address));
    assert_eq!(ran.code, Some(5), "{}", ran.stderr);
    assert!(ran.stderr.contains("one side runs `blindmatch pair`"), "{}", ran.stderr);
    // What one room refuses by its own rules, the other is told, without numbers or names.
    m.write("publisher.csv", &m.rows(1000..1999, |_| "no"));
    let ran = m.folder.run(&format!("{CONNECT} --peer {} --ids x.csv", server.address));
    assert_eq!(ran.code, Some(6), "{}", ran.stderr);
    let told = "error: the peer ended the session: the publisher's list is below the minimum\n";
    assert_eq!(ran.stderr, told);
    fs::rename(m.folder.path("publisher.csv"), m.folder.path("away.csv")).unwrap();
    let ran = m.folder.run(&format!("{CONNECT} --peer {} --ids x.csv", server.address));
    assert_eq!(
        ran.stderr,
        "error: the peer ended the session: the publisher's list cannot be read\n"
    );
    m.write("publisher.csv", &m.rows(1000..3000, |_| "no"));
    // PAIR has one purpose and one profile.
    for flag in ["--profile google", "--purpose DirectMarketing"] {
        let ran = m.folder.run(&format!("{map} --output x.csv {flag}"));
        assert_eq!(ran.code, Some(2));
        assert!(ran.stderr.contains("unexpected argument"), "{}", ran.stderr);
    }
    // A list of an advertiser whose room is new has nothing to take opt-outs out of.
    let ran = m.folder.run(&format!("{CONNECT} --peer {} --ids x.csv --opt-out", server.address));
    assert_eq!(ran.code, Some(3));
    assert!(ran.stderr.contains("match without --opt-out"), "{}", ran.stderr);
    server.stop();
}
