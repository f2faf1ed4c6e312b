//! PAIR between two rooms in one process: known answers of the published mode, whole matches against an
//! oracle of one element at a time, and rooms that cheat.

mod common;
mod group_common;

#[path = "pair/attacks.rs"]
mod attacks;
#[path = "pair/oracle.rs"]
mod oracle;

use std::path::Path;
use std::sync::Arc;

use blindmatch::consent::{Policy, Purpose, Suppression};
use blindmatch::error::{Error, Result};
use blindmatch::group::{Encoding, SecretScalar};
use blindmatch::list;
use blindmatch::pair::folder::{Owner, Room, Rotate, rotate};
use blindmatch::pair::key::{AdvertiserKey, Dated, PublisherKey, SharedKey};
use blindmatch::pair::{MatchList, OptOut, PublisherId, Run, Side, mode};
use blindmatch::plan::{Calibration, Estimate, Question, Way};
use blindmatch::protocol::{PairAnswer, ProtocolName};
use blindmatch::session::Session;
use common::addresses;
use group_common::engines;
use jiff::{SignedDuration, Timestamp};
use oracle::{ANSWERS, Oracle, base64, bytes};
use tempfile::TempDir;

/// Day 0 of every test.
fn day(days: i64) -> Timestamp {
    let start: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
    start + SignedDuration::from_hours(24 * days)
}

/// Two rooms in a folder that is removed, with the keys of a known answer.
struct Rooms {
    folder: TempDir,
    advertiser: Room,
    publisher: Room,
}

impl Rooms {
    /// Of day 0.
    fn new() -> Rooms {
        let folder = tempfile::tempdir().unwrap();
        let place = |name| folder.path().join(name);
        let [advertiser, publisher] = [place("advertiser"), place("publisher")]
            .map(|p| std::fs::create_dir(&p).map(|()| p).unwrap());
        let answer = &ANSWERS[1];
        let keys = [answer.salt(), bytes(answer.ka), bytes(answer.kp)];
        let [ks, ka, kp] = keys;
        let (ks, ka, kp) = (
            Dated::<SharedKey>::from_bytes(&ks, day(0)).unwrap(),
            Dated::<AdvertiserKey>::from_bytes(&ka, day(0)).unwrap(),
            Dated::<PublisherKey>::from_bytes(&kp, day(0)).unwrap(),
        );
        ka.save(&advertiser.join("ka.key")).unwrap();
        ks.save(&publisher.join("ks.key")).unwrap();
        kp.save(&publisher.join("kp.key")).unwrap();
        let [advertiser, publisher] = [advertiser, publisher].map(|p| Room::open(&p).unwrap());
        Rooms { folder, advertiser, publisher }
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    /// The sides of a session on that day.
    fn sides(&self, lists: [Vec<String>; 2], run: Run, days: i64) -> Result<[Side; 2]> {
        let [ours, theirs] = lists.map(|values| match_list(&values));
        Ok([
            Side::advertiser(&self.advertiser, "publisher", ours, run, day(days))?,
            Side::publisher(&self.publisher, "advertiser", theirs, day(days))?,
        ])
    }

    /// What the rooms get of a session.
    fn run(&self, lists: [Vec<String>; 2], run: Run, days: i64) -> Result<[PairAnswer; 2]> {
        let sessions = sessions(self.sides(lists, run, days)?);
        let (outcomes, _) = common::pump(sessions, None)?;
        Ok(outcomes.map(|outcome| *outcome.answer.pair.expect("PAIR")))
    }

    /// The same of a match.
    fn match_(&self, lists: [Vec<String>; 2], days: i64) -> Result<[PairAnswer; 2]> {
        self.run(lists, Run::Match, days)
    }
}

fn match_list(values: &[String]) -> Arc<MatchList> {
    Arc::new(MatchList::new(common::list(values)))
}

/// On the reference backend: the batched ones are slow where they are not optimised.
fn sessions(sides: [Side; 2]) -> [Session; 2] {
    let engine = common::settings(Default::default(), 0)[0].engine;
    sides.map(|side| side.session(|settings| settings.engine = engine).unwrap())
}

/// The published mode, step by step, on every backend.
#[test]
fn known_answers_of_the_published_mode() {
    for answer in &ANSWERS {
        let ks = SharedKey::from_bytes(answer.salt());
        let scalar = |text| SecretScalar::from_canonical_bytes(bytes(text)).unwrap();
        let (ka, kp) = (scalar(answer.ka), scalar(answer.kp));
        let uniform = [*mode::expand(&ks, answer.id.as_bytes()); 9];
        for engine in engines() {
            let mut once = [Encoding::default(); 9];
            let mut twice = once;
            let text = |points: [Encoding; 9]| {
                assert!(points.iter().all(|point| *point == points[0]));
                PublisherId(points[0]).to_string()
            };
            engine.map_blind(&uniform, &ka, &mut once);
            assert_eq!(text(once), answer.ka_id);
            engine.blind(&once, &kp, &mut twice).unwrap();
            assert_eq!(text(twice), answer.ka_kp_id);
            let pair_ids = twice;
            engine.blind(&pair_ids, &ka.invert(), &mut twice).unwrap();
            assert_eq!(text(twice), answer.publisher_id, "Ka taken off");
            engine.map_blind(&uniform, &kp, &mut once);
            assert_eq!(text(once), answer.publisher_id, "the publisher's own");
        }
    }
}

/// The oracle that whole matches are compared with gives the known answers as well.
#[test]
fn the_oracle_gives_the_known_answers() {
    for answer in &ANSWERS {
        let oracle = Oracle::of(answer);
        let ids = [oracle.publisher_id(answer.id), oracle.pair_id(answer.id)];
        assert_eq!(ids.map(|id| base64(&id)), [answer.publisher_id, answer.ka_kp_id]);
    }
}

#[test]
fn a_match_gives_what_the_published_mode_gives() {
    let rooms = Rooms::new();
    let lists = [addresses(0..1500), addresses(1200..3200)];
    let [advertiser, publisher] = rooms.match_(lists, 1).unwrap();
    let oracle = Oracle::of(&ANSWERS[1]);
    let ids = advertiser.publisher_ids.unwrap();
    let mut expected: Vec<String> =
        addresses(1200..1500).iter().map(|value| base64(&oracle.of_value(value))).collect();
    let mut texts: Vec<String> = ids.iter().map(PublisherId::to_string).collect();
    assert!(ids.is_sorted());
    expected.sort();
    texts.sort();
    assert_eq!(texts, expected);
    assert_eq!((advertiser.matched, publisher.matched), (300, 300));
    assert_eq!(advertiser.rate.unwrap().to_string(), "20%");
    assert_eq!(publisher.rate.unwrap().to_string(), "15%");
    assert_eq!(publisher.publisher_ids, None);
    assert_eq!(advertiser.ks, publisher.ks);
    assert_eq!(
        (advertiser.our_key, advertiser.their_key),
        (publisher.their_key, publisher.our_key)
    );
    assert_eq!(advertiser.ks.expires, day(30));
}

/// Frames cut anywhere, each side first.
#[test]
fn pieces_do_not_matter() {
    let rooms = Rooms::new();
    let lists = [addresses(0..1000), addresses(500..1500)];
    let whole = rooms.match_(lists.clone(), 1).unwrap();
    for piece in [1 << 10, 4099] {
        let sides = rooms.sides(lists.clone(), Run::Match, 1).unwrap();
        let (outcomes, _) = common::pump(sessions(sides), Some(piece)).unwrap();
        assert_eq!(outcomes.map(|outcome| *outcome.answer.pair.unwrap()), whole);
    }
    let results =
        common::drive_both(sessions(rooms.sides(lists, Run::Match, 1).unwrap()), common::timing());
    let answers = results.map(|outcome| *outcome.unwrap().answer.pair.unwrap());
    assert_eq!(answers, whole);
}

#[test]
fn rates_above_85_percent_are_not_told() {
    let rooms = Rooms::new();
    let [advertiser, publisher] =
        rooms.match_([addresses(0..1000), addresses(100..3000)], 1).unwrap();
    assert_eq!(advertiser.rate.unwrap().to_string(), ">85%");
    assert_eq!(publisher.rate.unwrap().to_string(), "31%");
}

// ---- rules of the standard ----

#[test]
fn lists_below_1000_are_refused_on_both_sides() {
    let rooms = Rooms::new();
    for lists in [
        [addresses(0..999), addresses(0..1000)],
        [addresses(0..1000), addresses(0..999)],
        [addresses(0..1000), [addresses(0..999), addresses(0..999)].concat()],
    ] {
        let error = rooms.sides(lists, Run::Match, 1).unwrap_err().to_string();
        let expected =
            "our list: 999 entries passed the consent gate, and PAIR takes lists of 1000 or more";
        assert_eq!(error, expected);
    }
}

/// An address and a number each are two entries and one user.
#[test]
fn a_list_of_500_people_is_refused() {
    let rooms = Rooms::new();
    let list = |people: u64| {
        let row = |n: u64| [common::address(n), format!("+4930{n:08}")];
        let (list, _) = common::people((0..people).map(row));
        Arc::new(MatchList::new(list))
    };
    let side = |people| {
        Side::advertiser(&rooms.advertiser, "publisher", list(people), Run::Match, day(1)).map(drop)
    };
    for (people, expected) in [
        (
            500,
            "our list: the entries that passed the consent gate stand in 500 rows, and PAIR takes",
        ),
        (
            999,
            "our list: the entries that passed the consent gate stand in 999 rows, and PAIR takes",
        ),
    ] {
        let error = side(people).unwrap_err();
        assert!(error.to_string().starts_with(expected), "{error}");
        let told = Session::abort(&error).unwrap();
        assert!(told.ends_with(b"the advertiser's list is below the minimum"));
    }
    side(1000).unwrap();
}

#[test]
fn expired_keys_match_nothing() {
    let rooms = Rooms::new();
    let lists = || [addresses(0..1000), addresses(0..1000)];
    assert!(rooms.match_(lists(), 29).is_ok());
    for (days, key) in [(30, "Ks"), (180, "Ka")] {
        let error = rooms.match_(lists(), days).unwrap_err();
        assert!(matches!(error.cause(), Error::Key { place, .. } if place == key), "{error}");
        assert!(error.to_string().contains("blindmatch pair rotate"), "{error}");
    }
}

/// After a rotation of Ks the same people have other identifiers, and the old ones are still told apart by
/// the pair that was put aside.
#[test]
fn rotation_changes_publisher_ids_and_nothing_else() {
    let rooms = Rooms::new();
    let lists = || [addresses(0..1000), addresses(500..1500)];
    let [before, _] = rooms.match_(lists(), 29).unwrap();
    rotate(&rooms.path("publisher"), Rotate::Expired, day(30)).unwrap();
    let [after, publisher] = rooms.match_(lists(), 30).unwrap();
    assert_eq!((after.matched, after.rate), (before.matched, before.rate));
    assert_ne!(after.ks.id, before.ks.id);
    assert_eq!((after.their_key, publisher.our_key), (before.their_key, before.their_key));
    let [before, after] = [before, after].map(|answer| answer.publisher_ids.unwrap());
    assert!(before.iter().all(|id| !after.contains(id)));
}

#[test]
fn lists_that_differ_in_fewer_than_50_are_refused() {
    let rooms = Rooms::new();
    let theirs = || addresses(500..2500);
    rooms.match_([addresses(0..1050), theirs()], 1).unwrap();
    // The same again is fine, and so is another one altogether.
    rooms.match_([addresses(0..1050), theirs()], 2).unwrap();
    rooms.match_([addresses(300..1500), theirs()], 2).unwrap();
    for (from, to, entries, remedy) in [
        (0, 1051, 1, "match it once it differs in 50 or more, or in none"),
        (25, 1074, 49, "match it once it differs in 50 or more, or in none"),
        (280, 1500, 20, "match it once it differs in 50 or more, or in none"),
        (301, 1500, 1, "match with --opt-out"),
    ] {
        let error = rooms.match_([addresses(from..to), theirs()], 3).unwrap_err().to_string();
        let expected = match entries {
            1 => "our list: differs in 1 entry from a list".to_owned(),
            _ => format!("our list: differs in {entries} entries from a list"),
        };
        assert!(error.starts_with(&expected) && error.ends_with(remedy), "{error}");
    }
    rooms.match_([addresses(25..1075), theirs()], 3).unwrap();
    // The publisher's list as well.
    let error = rooms.match_([addresses(0..1050), addresses(500..2510)], 3).unwrap_err();
    assert!(error.to_string().starts_with("our list: differs in 10 entries"), "{error}");
    // A month later there is nothing to compare with, but keys have to be rotated.
    rotate(&rooms.path("publisher"), Rotate::Expired, day(33)).unwrap();
    rooms.match_([addresses(0..1051), theirs()], 33).unwrap();
}

fn without(list: &[String], numbers: &[u64]) -> Vec<String> {
    let gone: Vec<String> = addresses(numbers.iter().copied());
    list.iter().filter(|value| !gone.contains(value)).cloned().collect()
}

/// People who opted out on either side are taken out of the last match, nothing is added to it, and nobody is
/// told a rate that could be compared with the one before.
#[test]
fn opt_outs_are_taken_out_without_a_rate() {
    let rooms = Rooms::new();
    let (ours, theirs) = (addresses(0..1500), addresses(1000..3000));
    let error = rooms.run([ours.clone(), theirs.clone()], Run::OptOut, 1).unwrap_err().to_string();
    assert!(error.contains("nothing to take opt-outs out of"), "{error}");
    let [first, _] = rooms.match_([ours.clone(), theirs.clone()], 1).unwrap();
    assert_eq!((first.expires, first.opt_out), (day(31), None));
    // One of ours that matched, one that did not, and two of theirs of which one matched. And people who came
    // since, of whom four would match: they are left out.
    let lists = || {
        [
            [without(&ours, &[1200, 3]), addresses(2998..3010)].concat(),
            [without(&theirs, &[1300, 2000]), addresses([1, 2])].concat(),
        ]
    };
    let error = rooms.match_(lists(), 2).unwrap_err().to_string();
    assert!(error.starts_with("our list: differs in 14 entries"), "{error}");
    let [second, publisher] = rooms.run(lists(), Run::OptOut, 2).unwrap();
    assert_eq!((second.rate, publisher.rate), (None, None));
    assert_eq!((second.entries, publisher.entries), ([1498, 1998], [1998, 1498]));
    // It is still the match of day 1.
    let opt_out = |left_out| OptOut { matched: day(1), left_out, taken_out: 2 };
    assert_eq!((second.opt_out, publisher.opt_out), (Some(opt_out(12)), Some(opt_out(2))));
    assert_eq!((second.expires, publisher.expires), (day(31), day(31)));
    let [first, second] = [first, second].map(|answer| answer.publisher_ids.unwrap());
    let oracle = Oracle::of(&ANSWERS[1]);
    let mut gone: Vec<Encoding> =
        first.iter().filter(|id| !second.contains(id)).map(|id| id.0).collect();
    let mut expected =
        [1200, 1300].map(|number| Encoding(oracle.of_value(&common::address(number))));
    gone.sort();
    expected.sort();
    assert_eq!(gone, expected);
    assert!(second.iter().all(|id| first.contains(id)));
    // Matches are compared with matches alone: one may go on with the list of day 1.
    rooms.match_([ours, theirs], 3).unwrap();
}

/// Taking people out one by one would tell who of them matched.
/// Files that were not finished go, and so do lists that no record names; what a record names stays.
#[test]
fn what_a_killed_run_left_is_swept() {
    let rooms = Rooms::new();
    let list = addresses(0..1100);
    rooms.match_([list.clone(), list], 1).unwrap();
    let Rooms { folder, advertiser, publisher } = rooms;
    drop((advertiser, publisher));
    let place = folder.path().join("publisher");
    let records = place.join("records");
    let names = || {
        let entries = std::fs::read_dir(&records).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    assert_eq!(before.iter().filter(|name| name.to_str().unwrap().ends_with(".lists")).count(), 1);
    let stem = "0123456789abcdef0123456789abcdef";
    for name in [format!("{stem}-0123456789abcdef.lists"), format!(".{stem}.record.77.part")] {
        std::fs::write(records.join(name), "left over").unwrap();
    }
    Room::open(&place).unwrap();
    assert_eq!(names(), before);
}

/// Whoever was taken out stays out until the next match, whatever the next list of opt-outs says.
#[test]
fn opt_outs_add_up() {
    let rooms = Rooms::new();
    let list = addresses(0..1100);
    rooms.match_([list.clone(), list.clone()], 1).unwrap();
    let ran = [(2, 1), (3, 2), (4, 3)].map(|(day, gone)| {
        let lists = [without(&list, &[gone]), list.clone()];
        let [answer, publisher] = rooms.run(lists, Run::OptOut, day).unwrap();
        assert_eq!((publisher.matched, answer.expires), (answer.matched, self::day(31)));
        let opt_out = answer.opt_out.unwrap();
        (answer.matched, opt_out.left_out, opt_out.taken_out)
    });
    assert_eq!(ran, [(1099, 0, 1), (1098, 1, 1), (1097, 2, 1)]);
    // Under another Ks the publisher cannot tell who is on the list, but how many are.
    rotate(&rooms.path("publisher"), Rotate::Shared, day(5)).unwrap();
    let [answer, _] = rooms.run([list.clone(), list.clone()], Run::OptOut, 5).unwrap();
    assert_eq!(answer.matched, 1097);
}

#[test]
fn opt_outs_are_taken_out_once_a_day() {
    let rooms = Rooms::new();
    let list = addresses(0..1100);
    let hours = |hours: i64| day(1) + SignedDuration::from_hours(hours);
    let run = |values: &[String], at: Timestamp| {
        let ours = match_list(values);
        let theirs = Side::publisher(&rooms.publisher, "advertiser", match_list(&list), at)?;
        let ours = Side::advertiser(&rooms.advertiser, "publisher", ours, Run::OptOut, at)?;
        common::pump(sessions([ours, theirs]), None).map(drop)
    };
    rooms.match_([list.clone(), list.clone()], 1).unwrap();
    run(&without(&list, &[1]), hours(1)).unwrap();
    for later in [1, 2, 23] {
        let error = run(&without(&list, &[1, 2]), hours(later)).unwrap_err();
        assert!(error.to_string().contains("once a day is the most"), "{error}");
        let told = Session::abort(&error).unwrap();
        let expected =
            b"the advertiser's room has taken opt-outs out of this match within a day already";
        assert!(told.ends_with(expected));
    }
    run(&without(&list, &[1, 2]), hours(24)).unwrap();
    // Another list altogether is none that people were taken out of; nor is what is left of a small one.
    for values in [addresses(5000..7000), addresses(101..1101)] {
        let error = run(&values, hours(48)).unwrap_err().to_string();
        assert!(error.contains("PAIR takes lists of 1000 or more"), "{error}");
    }
    // Nor is there anything left of a match that is 30 days old.
    rotate(&rooms.path("publisher"), Rotate::Expired, day(31)).unwrap();
    let error = run(&list, day(31)).unwrap_err().to_string();
    assert!(
        error.contains("was not matched with this counterparty in the last 30 days"),
        "{error}"
    );
}

/// Within one process a room is known by its own identifier, not as whoever is there; and lists that were
/// matched in one way cannot be had again in the other.
#[test]
fn rooms_of_one_process_are_told_apart() {
    let rooms = Rooms::new();
    let others = Rooms::new();
    let both = |publisher: &Room, to, days| -> Result<()> {
        let lists = [addresses(0..to), addresses(0..1500)].map(|values| match_list(&values));
        let sides = Side::both([&rooms.advertiser, publisher], lists, Run::Match, day(days))?;
        common::pump(sessions(sides), None).map(drop)
    };
    both(&rooms.publisher, 1000, 1).unwrap();
    // Another publisher has another key, and was told nothing of the first list.
    both(&others.publisher, 1001, 1).unwrap();
    let error = both(&rooms.publisher, 1001, 1).unwrap_err().to_string();
    assert!(error.starts_with("our list: differs in 1 entry "), "{error}");
    for lists in
        [[addresses(0..1001), addresses(0..1500)], [addresses(0..1000), addresses(0..1500)]]
    {
        let error = rooms.match_(lists, 2).unwrap_err();
        assert!(matches!(error.cause(), Error::Record { .. }), "{error}");
        assert!(error.to_string().contains("matched within one process"), "{error}");
    }
    rotate(&rooms.path("publisher"), Rotate::Expired, day(31)).unwrap();
    rooms.match_([addresses(0..1001), addresses(0..1500)], 31).unwrap();
    let error = both(&rooms.publisher, 1002, 31).unwrap_err().to_string();
    assert!(error.contains("has matched over the network"), "{error}");
}

/// Opt-outs are taken out of what the match's lists were, not of what somebody put in their place.
#[test]
fn lists_of_the_last_match_are_not_guessed_at() {
    let rooms = Rooms::new();
    let lists = |from| [addresses(from..from + 1100), addresses(500..2500)];
    let files = || {
        let entries = std::fs::read_dir(rooms.path("advertiser/records")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension() == Some("lists".as_ref())).collect::<Vec<_>>()
    };
    rooms.match_(lists(0), 1).unwrap();
    let [before] = files().try_into().unwrap();
    rooms.match_(lists(200), 1).unwrap();
    let [now] = files().try_into().unwrap();
    assert_ne!(before, now);
    let bytes = std::fs::read(&now).unwrap();
    let at = bytes.len() / 2;
    for damage in [vec![], bytes[..at].to_vec(), [&bytes[..at], &[7], &bytes[at + 1..]].concat()] {
        std::fs::write(&now, &damage).unwrap();
        let error = rooms.run(lists(200), Run::OptOut, 2).unwrap_err();
        assert!(matches!(error.cause(), Error::Record { .. }), "{error}");
    }
    std::fs::write(&now, bytes).unwrap();
    rooms.run(lists(200), Run::OptOut, 2).unwrap();
    // A month later they are gone, whoever the room meets then.
    let list = match_list(&addresses(0..1000));
    for (days, left) in [(30, 1), (31, 0)] {
        let other = Arc::clone(&list);
        Side::advertiser(&rooms.advertiser, "another", other, Run::Match, day(days)).unwrap();
        assert_eq!(files().len(), left, "day {days}");
    }
}

/// Withdrawals are on disk before the mapping that knew them is replaced: where they cannot be written, it stays.
#[test]
fn a_mapping_is_replaced_after_withdrawals_are_written() {
    use blindmatch::pair::files::{read_withdrawn, write_mapping};
    let rooms = Rooms::new();
    let space = [rooms.publisher.space().unwrap()];
    let (mapping, csv) = (rooms.path("mapping.csv"), rooms.path("list.csv"));
    let engine = common::settings(Default::default(), 0)[0].engine;
    let map = |numbers: std::ops::Range<u64>, gone: &Path| {
        let row = |address: String| format!("{address},TargetedAdvertising\n");
        let rows: String = addresses(numbers).into_iter().map(row).collect();
        std::fs::write(&csv, format!("email,purposes\n{rows}")).unwrap();
        let source = list::Source::open(&csv, list::Options::default()).unwrap();
        let policy = Policy::new(Purpose::TARGETED_ADVERTISING, day(1)).unwrap();
        let admitted = list::admit(&source, policy, Suppression::default(), &mut ()).unwrap();
        write_mapping(&mapping, Some(gone), &source, &admitted.list, &space, &engine, day(1))
    };
    let gone = rooms.path("gone.csv");
    map(0..10, &gone).unwrap();
    let before = std::fs::read(&mapping).unwrap();
    assert!(matches!(map(1..10, &rooms.path("no folder/gone.csv")), Err(Error::Io { .. })));
    assert_eq!(std::fs::read(&mapping).unwrap(), before);
    let mapped = map(1..10, &gone).unwrap();
    assert_eq!((mapped.withdrawn, mapped.to_forget), (1, 1));
    let expected = Oracle::of(&ANSWERS[1]).of_value(&common::address(0));
    assert_eq!(read_withdrawn(&gone).unwrap(), [PublisherId(Encoding(expected))]);
}

/// A record is remembered across processes; one that is damaged, or whose key is gone, refuses.
#[test]
fn records_outlive_the_process_and_are_not_guessed_at() {
    let Rooms { folder, advertiser, publisher } = Rooms::new();
    let rooms = Rooms { folder, advertiser, publisher };
    let lists = |to| [addresses(0..to), addresses(500..2500)];
    rooms.match_(lists(1000), 1).unwrap();
    let Rooms { folder, advertiser, publisher } = rooms;
    drop((advertiser, publisher));
    let open = || {
        let [advertiser, publisher] =
            ["advertiser", "publisher"].map(|name| Room::open(&folder.path().join(name)));
        Ok::<_, Error>([advertiser?, publisher?])
    };
    let try_match = |[advertiser, publisher]: [Room; 2], to| -> Result<()> {
        let [ours, theirs] = lists(to).map(|values| match_list(&values));
        Side::publisher(&publisher, "advertiser", theirs, day(2))?;
        Side::advertiser(&advertiser, "publisher", ours, Run::Match, day(2)).map(drop)
    };
    let error = try_match(open().unwrap(), 1001).unwrap_err();
    assert!(error.to_string().starts_with("our list: differs in 1 entry "), "{error}");
    try_match(open().unwrap(), 1000).unwrap();

    let records = folder.path().join("advertiser/records");
    let files = || std::fs::read_dir(&records).unwrap().map(|entry| entry.unwrap().path());
    let record = files().find(|path| path.extension() == Some("record".as_ref())).unwrap();
    let text = std::fs::read_to_string(&record).unwrap();
    std::fs::write(&record, text.replacen("\"clock\":", "\"clock\":1", 1)).unwrap();
    let error = try_match(open().unwrap(), 1000).unwrap_err();
    assert!(matches!(error.cause(), Error::Record { .. }), "{error}");
    std::fs::write(&record, text).unwrap();
    std::fs::remove_file(records.join("key")).unwrap();
    assert!(matches!(open(), Err(Error::Record { .. })));
}

#[test]
fn other_profiles_and_purposes_are_refused() {
    use blindmatch::consent::Gate;
    use blindmatch::identifier::Profile;
    let rooms = Rooms::new();
    for (purpose, profile) in [
        (Purpose::parse("DirectMarketing").unwrap(), Profile::Pair),
        (Purpose::TARGETED_ADVERTISING, Profile::Google),
    ] {
        let gate = Gate::new(Policy::new(purpose, day(0)).unwrap(), profile);
        let list = Arc::new(MatchList::new(Arc::new(gate.finish())));
        let side = Side::publisher(&rooms.publisher, "advertiser", list, day(1));
        assert!(matches!(side, Err(Error::Misuse(_))));
    }
}

#[test]
fn a_room_has_keys_of_one_side() {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name);
    let room = |path: &Path, owner| Room::create(path, owner, day(0)).unwrap();
    let advertiser = room(&place("a"), Owner::Advertiser);
    let list = match_list(&addresses(0..1000));
    let error = Side::publisher(&advertiser, "x", list, day(0)).unwrap_err().to_string();
    assert!(
        error.ends_with("is the advertiser's room, and this is for the publisher's"),
        "{error}"
    );
}

/// What a plan says crosses is what crosses.
#[test]
fn a_plan_has_the_bytes() {
    let calibration = Calibration::from_json(include_str!("plan/calibration.json")).unwrap();
    let way = Way { protocol: ProtocolName::Pair, prepared: false };
    let rooms = Rooms::new();
    let lists = [addresses(0..1000), addresses(500..1700)];
    let sessions = sessions(rooms.sides(lists, Run::Match, 0).unwrap());
    let [ours, _] = common::pump(sessions, None).unwrap().0;
    let estimate = Estimate::new(&calibration, &Question::new([1000, 1200]), way);
    assert_eq!(estimate.bytes, [ours.bytes.sent, ours.bytes.received]);
    assert_eq!(estimate.problem, None);
    let small = Estimate::new(&calibration, &Question::new([999, 1200]), way);
    assert!(small.problem.unwrap().contains("1000 entries"));
}
