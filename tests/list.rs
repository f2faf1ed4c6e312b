//! Lists in files: every kind of dirt, the gate's counts, and writing what matched.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use blindmatch::consent::{Outcome, Policy, Purpose, Refusal, Suppression};
use blindmatch::list::{self, Admitted, Matches, Options, Output, Progress, Source, Watch};
use blindmatch::{Error, Result};
use tempfile::TempDir;

#[path = "list/data.rs"]
mod data;
#[path = "list/people.rs"]
mod people;
#[cfg(feature = "parquet")]
#[path = "list/typed.rs"]
mod typed;

fn policy() -> Policy {
    let at = "2026-11-01T00:00:00Z".parse().unwrap();
    Policy::new(Purpose::TARGETED_ADVERTISING, at).unwrap()
}

/// A folder for the files of one test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(TempDir::new().unwrap())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, content).unwrap();
        path
    }
}

fn open(path: &Path) -> Source {
    Source::open(path, Options::default()).unwrap()
}

fn read(path: &Path) -> Result<Admitted> {
    list::admit(&open(path), policy(), Suppression::default(), &mut ())
}

fn admit(content: impl AsRef<[u8]>) -> Admitted {
    read(&Folder::new().write("list.csv", content)).unwrap()
}

fn error(name: &str, content: impl AsRef<[u8]>) -> String {
    read(&Folder::new().write(name, content)).unwrap_err().to_string()
}

/// Admitted, and refused or unreadable by name.
fn counts(admitted: &Admitted) -> (u64, BTreeMap<&'static str, u64>) {
    let tally = admitted.list.tally();
    assert!(tally.is_complete(), "{tally:?}");
    let refused = tally.refused.iter().map(|(refusal, n)| (refusal.name(), *n));
    let reasons = refused.chain(tally.unreadable.iter().map(|(reason, n)| (*reason, *n)));
    (tally.admitted, reasons.collect())
}

fn all(list: &Admitted) -> Matches {
    Matches::new(&list.list, 0..list.list.len())
}

/// The rows that were admitted, from 1.
fn rows(list: &Admitted) -> Vec<u32> {
    let mut rows: Vec<u32> = all(list).iter().map(|at| at.row + 1).collect();
    rows.dedup();
    rows
}

const ADS: &str = "TargetedAdvertising";

#[test]
fn dirt_that_is_read_all_the_same() {
    let cases: [(&str, Vec<u8>, u64); 12] = [
        ("plain", format!("email,purposes\na@example.com,{ADS}\n").into(), 1),
        ("no last line end", format!("email,purposes\na@example.com,{ADS}").into(), 1),
        ("CRLF", format!("email,purposes\r\na@example.com,{ADS}\r\n\r\n").into(), 1),
        ("BOM", format!("\u{feff}email,purposes\na@example.com,{ADS}\n").into(), 1),
        ("semicolons", format!("email;purposes\na@example.com;{ADS}\n").into(), 1),
        ("tabs", format!("email\tpurposes\na@example.com\t{ADS}\n").into(), 1),
        ("pipes", format!("email|purposes\na@example.com|{ADS}\n").into(), 1),
        ("names", format!("\"E-Mail Address\",PURPOSES\n a@example.com ,{ADS}\n").into(), 1),
        ("quotes", format!("email,note,purposes\n\"a@example.com\",\"x, \"\"y\"\"\n\nz\",{ADS}\n").into(), 1),
        ("several columns", format!("email,email_2,phone,purposes\na@example.com,b@example.com,+12025550100,{ADS}\n,c@example.com,,{ADS}\n").into(), 4),
        ("duplicates", format!("email,purposes\nA@example.com,{ADS}\na@EXAMPLE.com,{ADS}\n").into(), 2),
        ("latin-1 elsewhere", [b"email,city,purposes\na@example.com,K\xf6ln,".as_slice(), ADS.as_bytes()].concat(), 1),
    ];
    for (name, content, expected) in cases {
        let list = admit(content);
        assert_eq!(counts(&list), (expected, BTreeMap::new()), "{name}");
    }
}

#[test]
fn dirt_that_is_counted() {
    let good = format!("b@example.com,{ADS}\n");
    let cases: [(&str, Vec<u8>, &str); 6] = [
        ("too few fields", b"a@example.com\n".to_vec(), "ragged"),
        ("too many fields", format!("a@example.com,{ADS},x\n").into(), "ragged"),
        ("no identifier", format!(",{ADS}\n").into(), "no_identifier"),
        ("null", format!("NULL,{ADS}\n").into(), "no_identifier"),
        (
            "not UTF-8",
            [b"\xff\xfe@example.com,".as_slice(), ADS.as_bytes(), b"\n"].concat(),
            "utf8",
        ),
        ("open quote", format!("\"a@example.com,{ADS}\n").into(), "open_quote"),
    ];
    for (name, row, reason) in cases {
        let content =
            [b"email,purposes\n".as_slice(), good.as_bytes(), &row, good.as_bytes()].concat();
        let list = admit(content);
        let (admitted, reasons) = counts(&list);
        assert_eq!((admitted, reasons.len()), (2, 1), "{name}: {reasons:?}");
        assert!(reasons.keys().all(|r| r.contains(reason)), "{name}: {reasons:?}");
        assert_eq!(list.problems[0].row, 2, "{name}");
        assert_eq!(list.list.tally().rows, 3, "{name}");
    }
}

/// Where a row does not fit the header, the no that it may have held counts in every other row.
#[test]
fn a_ragged_row_takes_out_its_identifiers() {
    let list = admit(format!(
        "email,purposes,opt_out\na@example.com,{ADS},\nb@example.com,{ADS},\n\
         A@example.com,{ADS}\nb@example.com,{ADS},x,yes\nc@example.com,{ADS},no\n"
    ));
    let expected = [("ragged_row", 2), ("unreadable_consent", 2)];
    assert_eq!(counts(&list), (1, expected.into()));
    assert_eq!(rows(&list), [5]);
}

#[test]
fn blank_lines_do_not_shift_rows() {
    let list = admit(format!(
        "\n\nemail,purposes\n\na@example.com,{ADS}\r\n\r\n\n  \nb@example.com,x\n\nc@example.com,{ADS}\n\n"
    ));
    assert_eq!(list.list.tally().rows, 3);
    assert_eq!(rows(&list), [1, 3]);
}

#[test]
fn a_lost_quote_costs_one_row() {
    for lost in [
        format!("\"lost@example.com,x,{ADS}"),
        format!("lost@example.com,\"x,{ADS}"),
        format!("lost@example.com,x,\"{ADS}"),
    ] {
        let mut content = String::from("email,note,purposes\n");
        for row in 1..=1000 {
            match row {
                2 => content.push_str(&lost),
                _ if row % 7 == 0 => {
                    content.push_str(&format!("u{row}@example.com,\"x, y\",{ADS}"))
                }
                _ => content.push_str(&format!("u{row}@example.com,x,{ADS}")),
            }
            content.push('\n');
        }
        let list = admit(content);
        assert_eq!(counts(&list), (999, BTreeMap::from([("open_quote", 1)])));
        assert_eq!(list.problems.len(), 1);
        assert_eq!(list.problems[0].row, 2);
        assert_eq!(rows(&list)[998], 1000);
    }
}

#[test]
fn files_that_cannot_be_used() {
    let header = "email,purposes\n";
    let utf16: Vec<u8> =
        [0xff, 0xfe].into_iter().chain(header.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let cases: [(&str, Vec<u8>, &str); 14] = [
        ("list.csv", vec![], "is empty"),
        ("list.csv", b"\n\n  \r\n".to_vec(), "is empty"),
        ("list.csv", header.into(), "no rows"),
        ("list.csv", b"id,name\n1,x\n".to_vec(), "no identifier column"),
        ("list.csv", format!("a@example.com,{ADS}\n").into(), "holds data"),
        ("list.csv", b"email,EMAIL,purposes\na,b,c\n".to_vec(), "same name"),
        ("list.csv", utf16, "UTF-8"),
        ("list.csv", b"PAR1xxxxPAR1".to_vec(), "format parquet"),
        ("list.csv", b"PK\x03\x04xxxx".to_vec(), "export"),
        ("list.csv", b"\x00\x01\x02\x03\n".to_vec(), "not text"),
        ("list.csv", b"email,purposes\ra@example.com,x\r".to_vec(), "carriage return"),
        ("list.csv", b"email,\"purposes\na@example.com,x\n".to_vec(), "header cannot be read"),
        ("list.parquet", header.into(), "is not Parquet"),
        ("list.parquet", b"PAR1 is not all of it".to_vec(), "damaged"),
    ];
    for (name, content, expected) in cases {
        let error = error(name, content);
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(error.starts_with(name) && !error.contains("@example"), "{error}");
    }
    let missing = Source::open("/nowhere/list.csv", Options::default()).unwrap_err().to_string();
    assert!(missing.contains("no such file"), "{missing}");
    let folder = Source::open("/", Options::default()).unwrap_err().to_string();
    assert!(folder.contains("directory"), "{folder}");
}

#[test]
fn a_list_without_consent_is_refused_unless_attested() {
    let folder = Folder::new();
    let path = folder.write("list.csv", "email\na@example.com\nb@example.com\n");
    let error = read(&path).unwrap_err();
    assert!(matches!(&error, Error::Consent(text) if text.contains("--attest-consent")), "{error}");
    let attested = policy().with_attestation("notice 12, shown at sign-up").unwrap();
    let list = list::admit(&open(&path), attested, Suppression::default(), &mut ()).unwrap();
    assert_eq!(counts(&list).0, 2);
    assert_eq!(list.list.tally().attested, 2);
    assert_eq!(list.list.attestation(), Some("notice 12, shown at sign-up"));
}

#[test]
fn an_attestation_overrides_nothing() {
    let folder = Folder::new();
    let path = folder.write(
        "list.csv",
        "email,collected_for,opt_out,withdrawn_at\na@example.com,,,\nb@example.com,2fa,,\n\
         c@example.com,,yes,\nd@example.com,,no,\ne@example.com,,,2020-01-01\nf@example.com,account,,\n",
    );
    let attested = policy().with_attestation("as told").unwrap();
    let list = list::admit(&open(&path), attested, Suppression::default(), &mut ()).unwrap();
    assert_eq!(rows(&list), [1, 4]);
    let refused = [
        ("collected_for_security", 1),
        ("opted_out", 1),
        ("purpose_not_granted", 1),
        ("withdrawn", 1),
    ];
    assert_eq!(counts(&list), (2, BTreeMap::from(refused)));
}

#[test]
fn the_two_factor_case() {
    let list = admit(
        "customer_id,email,phone,collected_for,purposes,phone_collected_for\n\
         1,a@example.com,+12025550100,account,TargetedAdvertising,two-factor authentication\n\
         2,b@example.com,+12025550101,account,TargetedAdvertising,\n",
    );
    assert_eq!(counts(&list), (3, BTreeMap::from([("collected_for_security", 1)])));
    assert_eq!(list.consent_columns, ["collected_for", "purposes", "phone_collected_for"]);
    let places: Vec<_> = all(&list).iter().map(|at| (at.row, at.column)).collect();
    assert_eq!(places, [(0, 0), (1, 0), (1, 1)]);
}

#[test]
fn prefixes_speak_for_their_column() {
    let list = admit(
        "email,email_2,phone,purposes,email_2_purposes,phone_opt_out,email_withdrawn_at\n\
         a@example.com,b@example.com,+12025550100,TargetedAdvertising,AcademicResearch,no,\n\
         c@example.com,d@example.com,+12025550101,TargetedAdvertising,,yes,\n\
         e@example.com,f@example.com,+12025550102,TargetedAdvertising,,,2020-01-01\n",
    );
    let expected = [("opted_out", 1), ("purpose_not_granted", 1), ("withdrawn", 2)];
    assert_eq!(counts(&list), (5, BTreeMap::from(expected)));
}

#[test]
fn the_long_form_and_digests() {
    let digest = "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514";
    let list = admit(format!(
        "Kind,Value,purposes\nemail,user@example.com,{ADS}\nemail_sha256,{digest},{ADS}\n\
         phone,+12025550100,{ADS}\nfax,+12025550101,{ADS}\n"
    ));
    assert_eq!(counts(&list), (3, BTreeMap::from([("unknown_kind", 1)])));
    assert_eq!(list.list.len(), 2, "a digest is the address that it is of");
    let wide = admit(format!("Email_SHA256,purposes\n{digest},{ADS}\nuser@example.com,{ADS}\n"));
    assert_eq!(counts(&wide).0, 1);
}

#[test]
fn signals_and_consent_strings() {
    let list = admit(
        "email,ad_user_data,ad_personalization,tcf,gpp\n\
         a@example.com,GRANTED,GRANTED,,\n\
         b@example.com,GRANTED,DENIED,,\n\
         c@example.com,GRANTED,,,\n\
         d@example.com,maybe,GRANTED,,\n\
         e@example.com,,,CPXxRfAPXxRfAAfKABENB-CgAAAAAAAAAAYgAAAAAAAA,\n\
         f@example.com,GRANTED,GRANTED,,DBABTA~1YYN\n\
         g@example.com,GRANTED,GRANTED,,DBABTA~1YNN\n\
         h@example.com,,,nonsense,\n",
    );
    let expected = [
        ("gpp_opted_out", 1),
        ("purpose_not_granted", 1),
        ("signal_not_granted", 1),
        ("tcf_not_granted", 1),
        ("unreadable_consent", 2),
    ];
    assert_eq!(counts(&list), (2, BTreeMap::from(expected)));
}

#[test]
fn suppression_and_a_no_in_another_row() {
    let folder = Folder::new();
    let path = folder.write(
        "list.csv",
        format!(
            "email,purposes,opt_out\na@example.com,{ADS},\nb@example.com,{ADS},\nB@example.com,{ADS},yes\nc@example.com,{ADS},\n"
        ),
    );
    let out = folder.write("suppress.csv", "email\nC@example.com\n");
    let suppressed = list::suppression(&open(&out), &mut ()).unwrap();
    assert_eq!(suppressed.len(), 1);
    let mut watch = Log::default();
    let list = list::admit(&open(&path), policy(), suppressed, &mut watch).unwrap();
    assert_eq!(counts(&list), (1, BTreeMap::from([("opted_out", 2), ("suppressed", 1)])));
    assert_eq!(
        watch.0,
        [
            "1 email admitted",
            "2 email admitted",
            "3 email opted_out",
            "4 email suppressed",
            "2 email opted_out",
        ]
    );
    let dirty = folder.write("dirty.csv", "email\nc@example.com\nnot one\n");
    let error = list::suppression(&open(&dirty), &mut ()).unwrap_err().to_string();
    assert!(error.contains("row 2") && !error.contains("not one"), "{error}");
}

/// What a watcher was told.
#[derive(Default)]
struct Log(Vec<String>);

impl Watch for Log {
    fn wants_outcomes(&self) -> bool {
        true
    }

    fn outcome(&mut self, row: u64, column: Option<&str>, outcome: Outcome) {
        let outcome = match outcome {
            Outcome::Admitted(_) => "admitted".into(),
            Outcome::Refused(refusal) => refusal.name().to_owned(),
            other => format!("{other:?}"),
        };
        self.0.push(format!("{row} {} {outcome}", column.unwrap_or("-")));
    }
}

#[test]
fn strict_stops_at_the_first_row_that_cannot_be_read() {
    let path = Folder::new();
    let path = path.write("list.csv", "email,purposes\na@example.com,x\nsecret,x\nshort\n");
    let source = Source::open(&path, Options { strict: true, ..Options::default() });
    let error = source.and_then(|s| list::admit(&s, policy(), Suppression::default(), &mut ()));
    assert!(error.is_err());
}

#[test]
fn a_watcher_can_stop_the_run() {
    struct Stop;
    impl Watch for Stop {
        fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
            assert!(progress.rows > 0 && progress.bytes <= progress.total.unwrap());
            ControlFlow::Break(())
        }
    }
    let folder = Folder::new();
    let path = folder.write("list.csv", format!("email,purposes\na@example.com,{ADS}\n"));
    let stopped = list::admit(&open(&path), policy(), Suppression::default(), &mut Stop);
    assert!(matches!(stopped, Err(Error::Interrupted)));
}

#[test]
fn compressed() {
    let folder = Folder::new();
    let content = format!("email,purposes\na@example.com,{ADS}\n").repeat(1);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(content.as_bytes()).unwrap();
    let gzip = folder.write("list.csv.gz", gzip.finish().unwrap());
    assert_eq!(counts(&read(&gzip).unwrap()).0, 1);
    let zstd = zstd::stream::encode_all(content.as_bytes(), 1).unwrap();
    let cut = folder.write("cut.csv.zst", &zstd[..zstd.len() - 3]);
    let zstd = folder.write("list.csv.zst", zstd);
    assert_eq!(counts(&read(&zstd).unwrap()).0, 1);
    let cut_gzip = fs::read(&gzip).unwrap();
    let cut_gzip = folder.write("cut.csv.gz", &cut_gzip[..cut_gzip.len() - 9]);
    for cut in [cut, cut_gzip] {
        let error = read(&cut).unwrap_err();
        assert!(matches!(error, Error::Input(_)), "{error:?}");
        assert!(error.to_string().contains("cut short"), "{error}");
    }
}

const TABLE: &str = "id,email,note,phone,purposes\n\
    01,a@example.com,\"x, \"\"y\"\"\nz\",+12025550100,TargetedAdvertising\n\
    02,b@example.com,=1+1,,nothing\n\
    \n\
    03,,\u{e9},+12025550101,TargetedAdvertising\n";

#[test]
fn matched_rows_as_csv() {
    let folder = Folder::new();
    let path = folder.write("list.csv", TABLE);
    let source = open(&path);
    let list = list::admit(&source, policy(), Suppression::default(), &mut ()).unwrap();
    let (matches, out) = (all(&list), folder.path("out.csv"));
    assert_eq!((matches.rows(), matches.len()), (2, 3));
    assert_eq!(source.write_matches(&matches, &Output::file(&out)).unwrap(), 2);
    let expected = "id,email,note,phone,purposes,matched_on\n\
        01,a@example.com,\"x, \"\"y\"\"\nz\",+12025550100,TargetedAdvertising,email;phone\n\
        03,,\u{e9},+12025550101,TargetedAdvertising,phone\n";
    assert_eq!(fs::read_to_string(&out).unwrap(), expected);
    // Once more from its own output: the column is replaced.
    let again = open(&out);
    let list = list::admit(&again, policy(), Suppression::default(), &mut ()).unwrap();
    let twice = folder.path("twice.csv");
    again.write_matches(&all(&list), &Output::file(&twice)).unwrap();
    assert_eq!(fs::read_to_string(&twice).unwrap(), expected);
    assert_eq!(fs::read_dir(folder.0.path()).unwrap().count(), 3, "no temporary file is left");
}

#[test]
fn a_list_that_changed_is_not_written() {
    let folder = Folder::new();
    let path = folder.write("list.csv", TABLE);
    let source = open(&path);
    let list = list::admit(&source, policy(), Suppression::default(), &mut ()).unwrap();
    let itself = source.write_matches(&all(&list), &Output::file(&path)).unwrap_err();
    assert!(itself.to_string().contains("replace the list"), "{itself}");
    fs::write(&path, TABLE.replace("01,", "0001,")).unwrap();
    let out = folder.path("out.csv");
    let error = source.write_matches(&all(&list), &Output::file(&out)).unwrap_err();
    assert!(error.to_string().contains("changed"), "{error}");
    assert!(!out.exists());
    let stdin = Source::open("-", Options::default()).unwrap();
    let error = stdin.write_matches(&all(&list), &Output::file(&out)).unwrap_err();
    assert!(matches!(error, Error::Misuse(_)));
}

#[cfg(feature = "parquet")]
#[test]
fn parquet_there_and_back() {
    let folder = Folder::new();
    let path = folder.write("list.csv", TABLE);
    let source = open(&path);
    let list = list::admit(&source, policy(), Suppression::default(), &mut ()).unwrap();
    let parquet = folder.path("out.parquet");
    assert_eq!(source.write_matches(&all(&list), &Output::file(&parquet)).unwrap(), 2);

    let source = open(&parquet);
    let list = list::admit(&source, policy(), Suppression::default(), &mut ()).unwrap();
    assert_eq!(counts(&list).0, 3);
    let csv = folder.path("back.csv");
    source.write_matches(&all(&list), &Output::file(&csv)).unwrap();
    let text = fs::read_to_string(&csv).unwrap();
    assert!(text.contains("03,,\u{e9},+12025550101,TargetedAdvertising,phone\n"), "{text}");

    let copy = folder.path("copy.parquet");
    source.write_matches(&all(&list), &Output::file(&copy)).unwrap();
    let list = read(&copy).unwrap();
    assert_eq!(rows(&list), [1, 2]);
    let named = Options { format: Some(list::Format::Parquet), ..Options::default() };
    let odd = folder.path("odd.dat");
    fs::copy(&copy, &odd).unwrap();
    let source = Source::open(&odd, named).unwrap();
    list::admit(&source, policy(), Suppression::default(), &mut ()).unwrap();
}

/// A linear congruential generator: the same files in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) as usize % n
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

#[test]
fn counts_add_up_for_any_dirt() {
    let mut random = Random(1);
    for _ in 0..30 {
        let mut content = String::from("email,collected_for,purposes,expires_at,opt_out,note\n");
        let (mut expected, n) = (0, 1 + random.below(300));
        for _ in 0..n {
            let cells = [
                random.pick(&["a@example.com", "b@example.org", "nobody", "", "\"c@example.net\""]),
                random.pick(&["account", "2fa", "", "what", "newsletter"]),
                random.pick(&["TargetedAdvertising", "", "Marketing", "what"]),
                random.pick(&["", "2020-01-01", "2030-01-01", "soon"]),
                random.pick(&["", "yes", "no", "perhaps"]),
                random.pick(&["", "\"x\ny\"", "\"z", "z"]),
            ];
            let fields = 3 + random.below(4);
            content.push_str(&cells[..fields].join(","));
            content.push_str(random.pick(&["\n", "\r\n", "\n\n"]));
            expected += 1;
        }
        let list = admit(&content);
        let tally = list.list.tally();
        assert!(tally.is_complete());
        assert_eq!(tally.identifiers, tally.rows, "one identifier a row");
        // A stray quotation mark splits a row that spans lines, and never joins rows.
        assert!(tally.rows >= expected as u64, "{} rows of {expected}", tally.rows);
    }
}

#[test]
fn hostile_bytes_never_panic() {
    let mut random = Random(2);
    let folder = Folder::new();
    for round in 0..300 {
        let header: &[u8] = if round % 2 == 0 { b"email,purposes\n" } else { b"" };
        let length = random.below(400);
        let set = b"\"\",,\n\r\0;\t|@a.\xff\xc3=0";
        let byte = |random: &mut Random| match round % 3 {
            0 => random.below(256) as u8,
            _ => set[random.below(set.len())],
        };
        let body: Vec<u8> = (0..length).map(|_| byte(&mut random)).collect();
        let name = if round % 10 == 0 { "x.parquet" } else { "x.csv" };
        let magic: &[u8] = match round % 20 {
            0 => b"PAR1",
            3 => b"\x1f\x8b\x08\0",
            7 => b"\x28\xb5\x2f\xfd",
            _ => b"",
        };
        let path = folder.write(name, [magic, header, &body].concat());
        if let Ok(list) = read(&path) {
            assert!(list.list.tally().is_complete());
        }
    }
}

/// The readers panic on some of these; here every one is a list or an error.
#[cfg(feature = "parquet")]
#[test]
fn damaged_parquet_never_panics() {
    let folder = Folder::new();
    let path = folder.write("list.csv", TABLE);
    let source = open(&path);
    let list = list::admit(&source, policy(), Suppression::default(), &mut ()).unwrap();
    let parquet = folder.path("list.parquet");
    source.write_matches(&all(&list), &Output::file(&parquet)).unwrap();
    let whole = fs::read(&parquet).unwrap();
    let mut random = Random(3);
    let mut damaged = 0;
    for round in 0..3000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.below(3) {
            // Half of them in the footer, where the shape of the file is told.
            let from = if round % 2 == 0 { 4 } else { bytes.len() / 2 };
            let at = from + random.below(bytes.len() - from);
            bytes[at] = random.below(256) as u8;
        }
        let path = folder.write("bad.parquet", &bytes);
        match read(&path) {
            Ok(list) => {
                assert!(list.list.tally().is_complete());
                let out = Output::file(folder.path("out.parquet"));
                let _ = open(&path).write_matches(&all(&list), &out);
                let _ = open(&path).labels("note", &list.list, 1024);
            }
            Err(error) => {
                assert!(matches!(error, Error::Input(_) | Error::Consent(_)), "{error:?}");
                damaged += 1;
            }
        }
    }
    assert!(damaged > 100, "{damaged}");
}

#[test]
fn the_examples_hold_every_refusal() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data");
    let suppressed = list::suppression(&open(&folder.join("suppress.csv")), &mut ()).unwrap();
    let mut refused = BTreeMap::new();
    for name in ["advertiser.csv", "platform.csv"] {
        let source = open(&folder.join(name));
        let suppressed = match name {
            "platform.csv" => Suppression::default(),
            _ => list::suppression(&open(&folder.join("suppress.csv")), &mut ()).unwrap(),
        };
        let list = list::admit(&source, policy(), suppressed, &mut ()).unwrap();
        let tally = list.list.tally();
        assert!(tally.is_complete() && tally.rows >= 200 && tally.duplicates > 0, "{tally:?}");
        assert!(tally.unreadable() > 0 && tally.admitted > 100, "{tally:?}");
        refused.extend(tally.refused.iter().map(|(refusal, n)| (*refusal, *n)));
    }
    assert!(!suppressed.is_empty());
    for refusal in [
        Refusal::Suppressed,
        Refusal::CollectedForSecurity,
        Refusal::Withdrawn,
        Refusal::OptedOut,
        Refusal::Gpc,
        Refusal::SignalNotGranted,
        Refusal::TcfNotGranted,
        Refusal::GppOptedOut,
        Refusal::UnreadableConsent,
        Refusal::UnknownPurpose,
        Refusal::NotYetGiven,
        Refusal::Expired,
        Refusal::PurposeNotGranted,
        Refusal::NoRecord,
    ] {
        assert!(refused.contains_key(&refusal), "{refusal:?}");
    }
}
