//! Query budgets under attack: what a peer, a crash, a clock or a damaged file could do to forget what
//! was asked.

mod common;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use blindmatch::budget::{Budget, Charge, Epsilon, Policy, standings};
use blindmatch::error::{Error, Limit, PeerFault, Result, Spent};
use blindmatch::protocol::{Input, ProtocolName, Reveal};
use blindmatch::session::{Action, Session};
use blindmatch::sketch::{Sketch, SketchKey};
use blindmatch::wire::Frame;
use common::{addresses, drive_both, list, pump, sessions, settings, timing};
use jiff::Timestamp;
use tempfile::TempDir;

const DAY: i64 = 24 * 3600;
const EVE: &str = "SHA256:eve";
const ANN: &str = "SHA256:ann";

fn policy(sessions: Option<u64>, elements: Option<u64>) -> Policy {
    let mut policy = Policy::per(Duration::from_secs(30 * DAY as u64)).unwrap();
    (policy.max_sessions, policy.max_elements) = (sessions, elements);
    policy
}

fn open(folder: &TempDir, sessions: Option<u64>, elements: Option<u64>) -> Budget {
    Budget::open(folder.path(), policy(sessions, elements)).unwrap()
}

fn day(day: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + day * DAY).unwrap()
}

fn spent<T: std::fmt::Debug>(refused: Result<T>) -> Spent {
    match refused.unwrap_err() {
        Error::BudgetSpent(spent) => spent,
        other => panic!("{other}"),
    }
}

/// The problem of a record, whose place ends so.
fn problem<T: std::fmt::Debug>(refused: Result<T>, ending: &str) -> String {
    match refused.unwrap_err() {
        Error::Record { place, problem } if place.ends_with(ending) => problem,
        other => panic!("{other:?}"),
    }
}

fn record(folder: &Path) -> PathBuf {
    let mut files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.find(|path| path.extension().is_some_and(|e| e == "record")).unwrap()
}

// ---- limits ----

#[test]
fn each_limit_refuses_and_says_how_far_and_until_when() {
    let folder = TempDir::new().unwrap();
    let mut policy = policy(Some(3), Some(1000));
    policy.max_epsilon = Epsilon::rounded_up(1.0);
    let budget = Budget::open(folder.path(), policy).unwrap();
    let charge = |elements, epsilon| {
        let epsilon = Epsilon::rounded_up(epsilon).unwrap();
        budget.charge_at(EVE, Charge::of(elements).with_epsilon(epsilon), day(0))
    };
    assert_eq!(charge(600, 0.5).unwrap().used.elements, 600);
    let elements = spent(charge(401, 0.0));
    let expected =
        Spent { limit: Limit::Elements, used: 600, asked: 401, allowed: 1000, until: day(30) };
    assert_eq!(elements, expected);
    let text = "600 of 1000 elements are used, and this list has 401; the next period begins at \
                2027-02-14T08:00:00Z";
    assert_eq!(elements.to_string(), text);
    let too_many = spent(charge(1001, 0.0)).to_string();
    assert!(too_many.ends_with("has 1001; no period has room for it"), "{too_many}");
    assert!(spent(charge(u64::MAX, 0.0)).used == 600);
    let epsilon = spent(charge(0, 0.500001));
    assert_eq!((epsilon.limit, epsilon.used, epsilon.asked), (Limit::Epsilon, 500_000, 500_001));
    charge(400, 0.5).unwrap();
    charge(0, 0.0).unwrap();
    let sessions = spent(charge(0, 0.0));
    assert_eq!((sessions.limit, sessions.used, sessions.allowed), (Limit::Sessions, 3, 3));
    let standing = budget.standing(EVE).unwrap().unwrap();
    assert_eq!((standing.used.sessions, standing.used.elements), (3, 1000));
    assert_eq!(standing.used.epsilon.millionths(), 1_000_000);
}

#[test]
fn each_key_has_a_budget_of_its_own_and_so_has_a_second_key_of_one_peer() {
    let folder = TempDir::new().unwrap();
    let budget = open(&folder, Some(1), None);
    budget.charge(EVE, Charge::of(5)).unwrap();
    spent(budget.charge(EVE, Charge::of(5)));
    budget.charge(ANN, Charge::of(7)).unwrap();
    let seen = standings(folder.path()).unwrap().into_iter().map(Result::unwrap);
    let mut seen: Vec<_> = seen.map(|standing| (standing.peer, standing.used.elements)).collect();
    seen.sort();
    assert_eq!(seen, [(ANN.to_owned(), 7), (EVE.to_owned(), 5)]);
}

#[test]
fn a_period_ends_and_the_total_goes_on() {
    let folder = TempDir::new().unwrap();
    let budget = open(&folder, Some(1), None);
    budget.charge_at(EVE, Charge::of(5), day(0)).unwrap();
    spent(budget.charge_at(EVE, Charge::of(5), day(29)));
    let next = budget.charge_at(EVE, Charge::of(6), day(30)).unwrap();
    assert_eq!((next.used.elements, next.total.elements), (6, 11));
    assert_eq!((next.first, next.began), (day(0), day(30)));
}

// ---- forgetting ----

#[test]
fn a_restart_forgets_nothing_and_a_stricter_policy_speaks_at_once() {
    let folder = TempDir::new().unwrap();
    open(&folder, Some(2), None).charge(EVE, Charge::of(5)).unwrap();
    open(&folder, Some(2), None).charge(EVE, Charge::of(5)).unwrap();
    spent(open(&folder, Some(2), None).charge(EVE, Charge::of(5)));
    spent(open(&folder, None, Some(10)).charge(EVE, Charge::of(1)));
    open(&folder, None, Some(11)).charge(EVE, Charge::of(1)).unwrap();
}

#[test]
fn what_a_killed_process_left_is_swept_and_the_record_stands() {
    let folder = TempDir::new().unwrap();
    open(&folder, Some(1), None).charge(EVE, Charge::of(5)).unwrap();
    let name = record(folder.path()).file_name().unwrap().to_str().unwrap().to_owned();
    let left = folder.path().join(format!(".{name}.{}.part", std::process::id()));
    fs::write(&left, "half").unwrap();
    let budget = open(&folder, Some(1), None);
    assert!(!left.exists());
    spent(budget.charge(EVE, Charge::of(5)));
}

#[test]
fn a_clock_that_is_turned_back_begins_no_period() {
    let folder = TempDir::new().unwrap();
    let budget = open(&folder, Some(2), None);
    budget.charge_at(EVE, Charge::of(1), day(40)).unwrap();
    for back in [0, 9, 39] {
        budget.standing(EVE).unwrap();
        assert!(budget.charge_at(EVE, Charge::of(1), day(back)).is_ok() == (back == 0));
    }
    spent(budget.charge_at(EVE, Charge::of(1), day(69)));
    // A clock that was ahead: the period that it began lasts until time has caught up.
    budget.charge_at(EVE, Charge::of(1), day(4000)).unwrap();
    budget.charge_at(EVE, Charge::of(1), day(71)).unwrap();
    assert_eq!(spent(budget.charge_at(EVE, Charge::of(1), day(72))).until, day(4030));
    spent(budget.charge_at(EVE, Charge::of(1), day(4029)));
    budget.charge_at(EVE, Charge::of(1), day(4030)).unwrap();
}

#[test]
fn the_last_unit_is_given_once() {
    let folder = TempDir::new().unwrap();
    let budget = open(&folder, Some(10), Some(50));
    let given = thread::scope(|scope| {
        let racing: Vec<_> =
            (0..40).map(|_| scope.spawn(|| budget.charge(EVE, Charge::of(10)).is_ok())).collect();
        racing.into_iter().map(|thread| u32::from(thread.join().unwrap())).sum::<u32>()
    });
    assert_eq!(given, 5);
    assert_eq!(budget.standing(EVE).unwrap().unwrap().used.elements, 50);
}

#[test]
fn a_second_server_in_the_same_folder_is_refused() {
    let folder = TempDir::new().unwrap();
    let first = open(&folder, Some(1), None);
    let second = Budget::open(folder.path(), policy(Some(1), None)).map(drop);
    assert!(problem(second, "").starts_with("another server keeps its budget here"));
    drop(first);
    open(&folder, Some(1), None);
}

// ---- damage ----

#[test]
fn every_damage_to_a_record_is_a_refusal_that_names_it() {
    let folder = TempDir::new().unwrap();
    let budget = open(&folder, Some(9), None);
    budget.charge(EVE, Charge::of(5)).unwrap();
    let path = record(folder.path());
    let whole = fs::read(&path).unwrap();
    let refused = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let text = problem(budget.charge(EVE, Charge::of(5)), ".record");
        assert!(text.starts_with("is damaged, or not of this folder's key"), "{text}");
        assert_eq!(fs::read(&path).unwrap(), bytes, "left as it is");
    };
    for index in 0..whole.len() {
        let mut changed = whole.clone();
        changed[index] ^= 1;
        refused(&changed);
        refused(&whole[..index]);
    }
    refused(&[&whole[..], b"\n"].concat());
    refused(&vec![b'x'; 3 << 20]);
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(budget.charge(EVE, Charge::of(5)), Err(Error::Io { .. })));
    fs::remove_dir(&path).unwrap();
    fs::write(&path, &whole).unwrap();
    assert_eq!(budget.charge(EVE, Charge::of(5)).unwrap().used.sessions, 2);
}

#[test]
fn the_record_of_another_peer_is_not_taken() {
    let folder = TempDir::new().unwrap();
    let budget = open(&folder, Some(9), None);
    budget.charge(EVE, Charge::of(5)).unwrap();
    let path = record(folder.path());
    let of_eve = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    budget.charge(ANN, Charge::of(5)).unwrap();
    fs::write(record(folder.path()), of_eve).unwrap();
    let text = problem(budget.charge(ANN, Charge::of(5)), ".record");
    assert!(text.starts_with("is the record of another peer"), "{text}");
}

#[test]
fn a_key_that_is_gone_cut_changed_or_open_to_others_is_a_refusal() {
    let folder = TempDir::new().unwrap();
    open(&folder, Some(9), None).charge(EVE, Charge::of(5)).unwrap();
    let key = folder.path().join("key");
    let whole = fs::read(&key).unwrap();
    let again = || Budget::open(folder.path(), policy(Some(9), None)).map(drop);
    fs::remove_file(&key).unwrap();
    assert!(problem(again(), "key").starts_with("is gone, and the records beside it"));
    assert!(problem(standings(folder.path()), "key").starts_with("no such file"));
    let put = |bytes: &[u8]| {
        fs::write(&key, bytes).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        }
    };
    for bytes in [&whole[..31], &[&whole[..], &[0]].concat(), &[]] {
        put(bytes);
        assert!(problem(again(), "key").starts_with("is damaged"));
    }
    put(&[7; 32]);
    let refused = open(&folder, Some(9), None).charge(EVE, Charge::of(5));
    assert!(problem(refused, ".record").contains("not of this folder's key"));
    put(&whole);
    open(&folder, Some(9), None).charge(EVE, Charge::of(5)).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(problem(again(), "key").contains("chmod 600"));
    }
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_at_the_start() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    for place in ["file", "file/below"] {
        let refused = Budget::open(folder.path().join(place), policy(Some(1), None)).map(drop);
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    }
    #[cfg(target_os = "linux")]
    {
        let refused = Budget::open("/proc/budget", policy(Some(1), None)).map(drop);
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    }
}

#[test]
fn a_folder_that_goes_away_refuses_instead_of_forgetting() {
    let folder = TempDir::new().unwrap();
    let budget = open(&folder, Some(9), None);
    budget.charge(EVE, Charge::of(5)).unwrap();
    fs::rename(folder.path(), folder.path().with_extension("gone")).unwrap();
    assert!(matches!(budget.charge(EVE, Charge::of(5)), Err(Error::Io { .. })));
    fs::rename(folder.path().with_extension("gone"), folder.path()).unwrap();
    assert_eq!(budget.charge(EVE, Charge::of(5)).unwrap().used.sessions, 2);
}

// ---- sessions ----

/// An advertiser with 40 elements and a platform that keeps this budget.
fn two(budget: &Arc<Budget>, protocol: ProtocolName) -> [Session; 2] {
    let [mut advertiser, mut platform] = settings(Reveal::Advertiser, 0);
    (advertiser.protocol, platform.protocol) = (protocol, protocol);
    platform.admission = Some(budget.account(EVE));
    let (ours, theirs) = (list(&addresses(0..40)), list(&addresses(20..60)));
    sessions([advertiser, platform], [&ours, &theirs])
}

#[test]
fn a_session_is_charged_once_and_the_next_is_refused_on_both_sides() {
    for protocol in [ProtocolName::Dh, ProtocolName::Oprf, ProtocolName::TwoHash] {
        let folder = TempDir::new().unwrap();
        let budget = Arc::new(open(&folder, None, Some(79)));
        let ends = drive_both(two(&budget, protocol), timing());
        let [advertiser, _] = ends.map(|end| end.unwrap());
        assert_eq!(advertiser.answer.count, Some(20));
        let [advertiser, platform] = drive_both(two(&budget, protocol), timing());
        let refused = spent(platform);
        assert_eq!((refused.limit, refused.used, refused.asked), (Limit::Elements, 40, 40));
        match advertiser.unwrap_err() {
            Error::Refused(told) => assert_eq!(told, refused),
            other => panic!("{other}"),
        }
    }
}

#[test]
fn a_peer_that_leaves_early_has_paid() {
    let folder = TempDir::new().unwrap();
    let budget = Arc::new(open(&folder, Some(3), None));
    for _ in 0..3 {
        let [mut advertiser, mut platform] = two(&budget, ProtocolName::Dh);
        let Ok(Action::Send(hello)) = advertiser.advance(true) else { panic!("a hello") };
        platform.receive(&hello);
        while platform.terms().is_none() {
            platform.advance(true).unwrap();
        }
    } // it hangs up
    assert_eq!(spent(pump(two(&budget, ProtocolName::Dh), None)).limit, Limit::Sessions);
}

/// The mean of `n` noisy answers is `sqrt(n)` times as good as one, and an exact count in the end. The
/// budget is there to stop that: across restarts, whatever came of each answer, and for this peer
/// alone.
#[test]
fn questions_that_would_average_noise_away_are_refused() {
    for (protocol, least) in
        [(ProtocolName::Count, 0), (ProtocolName::Count, 40), (ProtocolName::Sum, 0)]
    {
        let folder = TempDir::new().unwrap();
        let ask = |peer: &str| {
            let mut policy = policy(None, None);
            policy.max_epsilon = Epsilon::parse("1");
            let budget = Arc::new(Budget::open(folder.path(), policy).unwrap());
            let [mut advertiser, mut platform] = settings(Reveal::Advertiser, least);
            for side in [&mut advertiser, &mut platform] {
                (side.protocol, side.noise) = (protocol, Epsilon::parse("0.3"));
                side.clip = (protocol == ProtocolName::Sum).then_some(10);
            }
            platform.admission = Some(budget.account(peer));
            let (ours, theirs) = (list(&addresses(0..40)), list(&addresses(20..60)));
            let ours = match protocol {
                ProtocolName::Sum => Input::with_values(ours.clone(), common::values(&ours)),
                _ => ours.into(),
            };
            let sides = [Session::new(advertiser, ours), Session::new(platform, theirs)];
            let ends = drive_both(sides.map(|side| side.unwrap()), timing());
            let standing = budget.standing(peer).unwrap().unwrap();
            (ends, standing.used.epsilon.to_string())
        };
        for used in ["0.3", "0.6", "0.9"] {
            let ([advertiser, platform], standing) = ask(EVE);
            assert_eq!(platform.unwrap().answer.count, Some(20));
            assert_eq!(standing, used);
            let answer = advertiser.unwrap().answer;
            assert!(answer.withheld != answer.count.is_some());
        }
        let ([advertiser, platform], standing) = ask(EVE);
        let refused = spent(platform);
        assert_eq!(
            (refused.limit, refused.used, refused.asked),
            (Limit::Epsilon, 900_000, 300_000)
        );
        let text = "0.9 of epsilon 1 is used, and this session takes 0.3; the next period";
        assert!(refused.to_string().starts_with(text), "{refused}");
        assert!(matches!(advertiser, Err(Error::Refused(told)) if told == refused));
        assert_eq!(standing, "0.9");
        assert_eq!(ask(ANN).1, "0.3");
    }
}

#[test]
fn of_a_refused_session_nothing_leaves_but_the_hello_and_the_refusal() {
    let folder = TempDir::new().unwrap();
    let budget = Arc::new(open(&folder, Some(0), None));
    for protocol in [ProtocolName::Dh, ProtocolName::Oprf] {
        let [mut advertiser, mut platform] = two(&budget, protocol);
        let Ok(Action::Send(hello)) = advertiser.advance(true) else { panic!("a hello") };
        platform.receive(&hello);
        assert!(matches!(platform.advance(true), Ok(Action::Send(_))));
        let error = loop {
            match platform.advance(true) {
                Ok(Action::Send(bytes)) => panic!("{bytes:?}"),
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(Session::abort(&error).unwrap()[4], 5);
        assert_eq!(budget.standing(EVE).unwrap(), None);
    }
}

#[test]
fn different_terms_cost_nothing() {
    let folder = TempDir::new().unwrap();
    let budget = Arc::new(open(&folder, Some(1), None));
    let [advertiser, mut platform] = settings(Reveal::Advertiser, 0);
    platform.admission = Some(budget.account(EVE));
    platform.reveal = Reveal::Both;
    let both = list(&addresses(0..3));
    let ended = pump(sessions([advertiser, platform], [&both, &both]), None);
    assert!(matches!(ended, Err(Error::Incompatible { .. })));
    assert_eq!(budget.standing(EVE).unwrap(), None);
}

#[test]
fn a_record_that_cannot_be_relied_on_ends_the_session_and_the_peer_is_not_told_why() {
    let folder = TempDir::new().unwrap();
    let budget = Arc::new(open(&folder, Some(9), None));
    budget.charge(EVE, Charge::of(1)).unwrap();
    fs::write(record(folder.path()), "").unwrap();
    let [advertiser, platform] = drive_both(two(&budget, ProtocolName::Dh), timing());
    problem(platform, ".record");
    let told = common::fault(advertiser.unwrap_err()).to_string();
    assert_eq!(told, "the peer ended the session: internal error");
}

// ---- overlap ----

/// Both sides, where the platform asks for a sketch of these numbers.
fn shown(budget: &Arc<Budget>, numbers: std::ops::Range<u64>, key: u8) -> [Session; 2] {
    let [mut advertiser, mut platform] = settings(Reveal::Count, 0);
    advertiser.sketch_key = Some(SketchKey::from_bytes([key; 32]));
    platform.admission = Some(budget.account(EVE));
    let (ours, theirs) = (list(&addresses(numbers)), list(&addresses(20..60)));
    sessions([advertiser, platform], [&ours, &theirs])
}

fn comparing(folder: &TempDir) -> Arc<Budget> {
    let mut policy = policy(None, None);
    policy.max_list_overlap = Some(900);
    Arc::new(Budget::open(folder.path(), policy).unwrap())
}

#[test]
fn a_list_that_was_there_but_for_one_is_refused_before_it_is_answered() {
    let folder = TempDir::new().unwrap();
    let budget = comparing(&folder);
    for pieces in [None, Some(7)] {
        let numbers = if pieces.is_none() { 0..40 } else { 1000..1040 };
        let more = numbers.start..numbers.end + 1;
        let ([advertiser, _], _) = pump(shown(&budget, numbers.clone(), 1), pieces).unwrap();
        assert!(advertiser.answer.count.is_some());
        assert_eq!(spent(pump(shown(&budget, more, 1), pieces)).limit, Limit::Overlap);
        pump(shown(&budget, numbers.start + 30..numbers.end + 30, 1), pieces).unwrap();
        // And again: whatever was refused is not kept.
        assert_eq!(spent(pump(shown(&budget, numbers, 1), pieces)).limit, Limit::Overlap);
    }
    assert_eq!(budget.standing(EVE).unwrap().unwrap().used.sessions, 4);
    // What nothing can hold an advertiser to: under another key, every list is new.
    pump(shown(&budget, 0..40, 2), None).unwrap();
}

#[test]
fn a_sketch_goes_with_a_platform_that_asks() {
    let folder = TempDir::new().unwrap();
    let budget = comparing(&folder);
    let [mut advertiser, mut platform] = settings(Reveal::Count, 0);
    let both = list(&addresses(0..3));
    let refused = |sides| match pump(sessions(sides, [&both, &both]), None).unwrap_err() {
        Error::Incompatible { field, .. } => field,
        other => panic!("{other}"),
    };
    advertiser.sketch_key = Some(SketchKey::from_bytes([1; 32]));
    assert_eq!(refused([advertiser.clone(), platform.clone()]), "parameters");
    advertiser.sketch_key = None;
    platform.admission = Some(budget.account(EVE));
    assert_eq!(refused([advertiser.clone(), platform.clone()]), "parameters");
    platform.sketch_key = Some(SketchKey::from_bytes([1; 32]));
    let misuse = Session::new(platform, Arc::clone(&both)).map(drop);
    assert!(matches!(misuse, Err(Error::Misuse(_))));
    advertiser.admission = Some(budget.account(EVE));
    let misuse = Session::new(advertiser, both).map(drop);
    assert!(matches!(misuse, Err(Error::Misuse(_))));
    assert_eq!(budget.standing(EVE).unwrap(), None);
}

#[test]
fn a_sketch_of_another_length_twice_or_too_early_ends_the_session() {
    let folder = TempDir::new().unwrap();
    let budget = comparing(&folder);
    let key = SketchKey::from_bytes([1; 32]);
    let sketch =
        |numbers| Frame::Sketch(Sketch::of_list(&key, &list(&addresses(numbers)))).encode();
    let platform = |first: bool, frames: &[Vec<u8>]| {
        let [mut advertiser, mut platform] = shown(&budget, 0..40, 1);
        let Ok(Action::Send(hello)) = advertiser.advance(true) else { panic!("a hello") };
        if first {
            platform.receive(&hello);
        }
        frames.iter().for_each(|frame| platform.receive(frame));
        loop {
            match platform.advance(true) {
                Ok(Action::Wait) => panic!("it waits"),
                Ok(_) => {}
                Err(error) => break common::fault(error),
            }
        }
    };
    let wrong = platform(true, &[sketch(0..39)]);
    assert_eq!(wrong.to_string(), "elements of a sketch: 39 where 40 were announced");
    assert_eq!(platform(false, &[sketch(0..40)]), PeerFault::NotBlindmatch);
    let skipped = Frame::Points(vec![Default::default()]).encode();
    assert_eq!(platform(true, &[skipped]), PeerFault::Unexpected(0x11));
    assert_eq!(budget.standing(EVE).unwrap(), None);
    assert_eq!(platform(true, &[sketch(0..40), sketch(0..40)]), PeerFault::Unexpected(6));
}

#[test]
fn lists_that_overlap_refuse_the_rest_of_the_period() {
    let folder = TempDir::new().unwrap();
    let mut policy = policy(None, None);
    policy.max_overlap = Some(900);
    let budget = Budget::open(folder.path(), policy).unwrap();
    let ours = list(&addresses(0..3000));
    let note = |day_: i64, matched: std::ops::Range<u32>| {
        budget.charge_at(EVE, Charge::of(1), day(day_))?;
        budget.note_matches(EVE, &ours, &matched.collect::<Vec<_>>())
    };
    assert_eq!(note(0, 0..100).unwrap(), None);
    assert_eq!(note(0, 100..200).unwrap(), Some(0));
    assert_eq!(note(0, 150..250).unwrap(), Some(500));
    // What matches nothing pushes nothing out, however often it comes.
    for _ in 0..5 {
        assert_eq!(note(0, 0..0).unwrap(), None);
    }
    // One more than in the session before last: its neighbour is in between.
    assert_eq!(note(0, 150..251).unwrap(), Some(1000));
    let refused = spent(note(0, 1000..2000));
    assert_eq!((refused.limit, refused.used, refused.allowed), (Limit::Overlap, 0, 900));
    assert!(refused.to_string().starts_with("successive lists overlap by more than 90 %;"));
    // In the next period there is room again, and the lists before are still known.
    assert_eq!(note(30, 150..251).unwrap(), Some(1000));
    spent(note(30, 1000..2000));
}

/// An exact answer and noisy ones are not private together.
#[test]
fn after_an_answer_without_noise_epsilon_cannot_hold_until_the_next_period() {
    let folder = TempDir::new().unwrap();
    let mut noisy = policy(None, None);
    noisy.max_epsilon = Epsilon::parse("1");
    let charge = |policy: &Policy, epsilon: &str, day_| {
        let epsilon = Epsilon::parse(epsilon).unwrap_or_default();
        let budget = Budget::open(folder.path(), *policy).unwrap();
        budget.charge_at(EVE, Charge::of(10).with_epsilon(epsilon), day(day_))
    };
    charge(&noisy, "0.5", 0).unwrap();
    charge(&policy(Some(100), None), "", 1).unwrap();
    let refused = spent(charge(&noisy, "0.5", 2));
    assert_eq!((refused.limit, refused.used), (Limit::Epsilon, Spent::BOUNDLESS));
    let text =
        "answers without noise were given, so that epsilon 1 cannot hold; the next period begins";
    assert!(refused.to_string().starts_with(text), "{refused}");
    charge(&noisy, "0.5", 30).unwrap();
}

#[test]
fn records_are_small_private_and_name_nobody_on_a_list() {
    let folder = TempDir::new().unwrap();
    let mut policy = policy(None, None);
    policy.max_overlap = Some(1000);
    let budget = Budget::open(folder.path(), policy).unwrap();
    let people = addresses(0..3000);
    let (ours, all) = (list(&people), (0..3000).collect::<Vec<_>>());
    for _ in 0..6 {
        budget.charge(EVE, Charge::of(3000)).unwrap();
        budget.note_matches(EVE, &ours, &all).unwrap();
    }
    let path = record(folder.path());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.len() < 50_000, "{}", text.len());
    for person in people.iter().take(50) {
        assert!(!text.contains(person.as_str()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        for path in [path, folder.path().join("key")] {
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }
}
