//! Rooms that do not follow the protocol, played by hand: the protocol written a second time, one element
//! after another, straight on curve25519-dalek. Every step can be done wrong.

use blindmatch::error::{Error, PeerFault, Result};
use blindmatch::group::Encoding;
use blindmatch::pair::folder::{Rotate, rotate};
use blindmatch::pair::{Run, Side};
use blindmatch::protocol::{PairAnswer, Party, Reveal};
use blindmatch::wire::{Commitment, Frame, Hello, PairKeys, PairReply};
use curve25519_dalek::scalar::Scalar;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::common::puppet::{Honest, Puppet, decode, hello};
use crate::common::{addresses, fault};
use crate::oracle::{ANSWERS, Oracle, bytes, match_key};
use crate::{Rooms, day, match_list, sessions};

/// A cheating room, and the honest one that it meets.
struct Meeting {
    honest: Honest,
    puppet: Puppet,
    oracle: Oracle,
    /// The cheating room's own key.
    key: Scalar,
    /// When it says that Ks was made.
    ks_created: i64,
}

const LIST: u8 = 1;
const PAIR_IDS: u8 = 2;

impl Meeting {
    /// With an honest advertiser, who has `user0` to `user999`.
    fn of_advertiser(rooms: &Rooms, theirs: &[String]) -> Meeting {
        let list = match_list(&addresses(0..1000));
        let side = Side::advertiser(&rooms.advertiser, "publisher", list, Run::Match, day(1));
        Meeting::new(side.unwrap(), Party::Platform, theirs)
    }

    /// With an honest publisher, who has `user500` to `user1499`.
    fn of_publisher(rooms: &Rooms, theirs: &[String]) -> Meeting {
        let list = match_list(&addresses(500..1500));
        let side = Side::publisher(&rooms.publisher, "advertiser", list, day(1)).unwrap();
        Meeting::new(side, Party::Advertiser, theirs)
    }

    fn new(side: Side, party: Party, values: &[String]) -> Meeting {
        let engine = crate::common::settings(Reveal::Both, 0)[0].engine;
        let session = side.session(|settings| settings.engine = engine).unwrap();
        let oracle = Oracle::of(&ANSWERS[1]);
        let key = if party == Party::Platform { oracle.kp } else { oracle.ka };
        let mut meeting = Meeting {
            honest: Honest::new(session),
            puppet: Puppet {
                hello: Hello {
                    ciphersuite: "ristretto255-SHA256Ristretto255".into(),
                    protocol: "pair".into(),
                    parameters: "match-keys=sha256-hex".into(),
                    ..hello(party, Reveal::Advertiser, values.len() as u64)
                },
                key,
                points: Vec::new(),
                values: Vec::new(),
                theirs: None,
            },
            oracle,
            key,
            ks_created: day(0).as_second(),
        };
        meeting.blind(values);
        meeting
    }

    /// Makes our list.
    fn blind(&mut self, values: &[String]) {
        let blind = |value: &String| {
            Encoding((self.oracle.point(&match_key(value)) * self.key).compress().0)
        };
        self.puppet.points = values.iter().map(blind).collect();
        self.puppet.points.sort();
    }

    /// Exchanges hellos.
    fn greet(&mut self) -> Result<()> {
        self.honest.hear(Frame::Hello(self.puppet.hello.clone()))?;
        let said = self.honest.take();
        let Some(Frame::Hello(theirs)) = said.into_iter().next() else { panic!("no hello") };
        self.puppet.theirs = Some(theirs);
        Ok(())
    }

    fn keys(&self) -> PairKeys {
        let ks = Zeroizing::new(self.oracle.ks);
        let kp_created = day(0).as_second();
        PairKeys { ks, ks_created: self.ks_created, kp_id: [7; 8], kp_created }
    }

    fn reply(&self) -> PairReply {
        let hash = Sha256::new().chain_update(b"blindmatch-v2 pair Ks");
        let hash = hash.chain_update(self.puppet.session_id()).chain_update(self.oracle.ks);
        let (confirmation, ka_created) = (hash.finalize().into(), day(0).as_second());
        PairReply { opt_out: false, ka_id: [7; 8], ka_created, confirmation }
    }

    /// Our first word.
    fn open(&mut self) -> Result<()> {
        let frame = match self.puppet.hello.party {
            1 => Frame::PairReply(self.reply()),
            _ => Frame::PairKeys(self.keys()),
        };
        self.honest.hear(frame)
    }

    fn commitment(&self, stage: u8, points: &[Encoding]) -> Frame {
        let session = self.puppet.session_id();
        let mut hash = Sha256::new();
        hash.update(b"blindmatch-v2 pair ");
        hash.update([stage]);
        hash.update(session);
        hash.update([self.puppet.hello.party]);
        points.iter().for_each(|point| hash.update(point.0));
        Frame::Commitment(Commitment { session, list: hash.finalize().into() })
    }

    /// Commits to our list and sends it.
    fn send_list(&mut self, points: Vec<Encoding>) -> Result<()> {
        self.honest.hear(self.commitment(LIST, &points))?;
        self.honest.hear(Frame::Points(points))
    }

    /// The points that the honest room said, with our key on them, sorted.
    fn pair_ids(&mut self) -> Vec<Encoding> {
        let points = self.honest.take_points();
        let again = |point| Encoding((decode(point) * self.key).compress().0);
        let mut pair_ids: Vec<Encoding> = points.iter().map(again).collect();
        pair_ids.sort();
        pair_ids
    }

    /// All up to our list.
    fn begin(&mut self) -> Result<()> {
        self.greet()?;
        self.open()?;
        let points = self.puppet.points.clone();
        self.send_list(points)
    }

    /// All of it.
    fn finish(mut self) -> Result<PairAnswer> {
        self.begin()?;
        self.finish_ids()
    }

    /// An advertiser's session that takes out opt-outs, up to our list.
    fn begin_opt_out(&mut self) -> Result<()> {
        self.greet()?;
        let reply = PairReply { opt_out: true, ..self.reply() };
        self.honest.hear(Frame::PairReply(reply))?;
        let points = self.puppet.points.clone();
        self.send_list(points)
    }

    /// What comes after our list.
    fn finish_ids(mut self) -> Result<PairAnswer> {
        let pair_ids = self.pair_ids();
        self.honest.hear(self.commitment(PAIR_IDS, &pair_ids))?;
        self.honest.hear(Frame::Points(pair_ids))?;
        self.honest.hear(Frame::Finished)?;
        assert!(self.honest.done);
        Ok(*self.honest.session.outcome().unwrap().answer.pair.unwrap())
    }
}

fn incompatible(error: Error) -> (&'static str, String) {
    match error {
        Error::Incompatible { field, theirs, .. } => (field, theirs),
        other => panic!("{other:?}"),
    }
}

/// The puppet that does everything right is taken for an honest room, so that what is refused below is
/// refused for what it does wrong.
#[test]
fn the_puppet_can_behave() {
    let rooms = Rooms::new();
    let answer = Meeting::of_advertiser(&rooms, &addresses(900..2000)).finish().unwrap();
    assert_eq!(answer.publisher_ids.unwrap().len(), 100);
    let answer = Meeting::of_publisher(&rooms, &addresses(0..1000)).finish().unwrap();
    assert_eq!((answer.matched, answer.publisher_ids), (500, None));
}

#[test]
fn bad_lists_are_named_by_their_position() {
    type Change = fn(&mut Vec<Encoding>);
    let cases: [(Change, PeerFault); 6] = [
        (|points| points.swap(10, 11), PeerFault::NotSorted { position: 11 }),
        (|points| points[20] = points[19], PeerFault::NotSorted { position: 20 }),
        (|points| points[0] = Encoding::IDENTITY, PeerFault::InvalidPoint { position: 0 }),
        (
            |points| points[999] = Encoding([0xff; 32]), // no field element
            PeerFault::InvalidPoint { position: 999 },
        ),
        (
            |points| points[30].0[31] |= 0x80, // not canonical
            PeerFault::InvalidPoint { position: 30 },
        ),
        (
            |points| points.push(Encoding([0xff; 32])),
            PeerFault::WrongCount { what: "points", got: 1001, expected: 1000 },
        ),
    ];
    for (change, expected) in cases {
        for party in [Party::Advertiser, Party::Platform] {
            let rooms = Rooms::new();
            let mut meeting = match party {
                Party::Advertiser => Meeting::of_publisher(&rooms, &addresses(0..1000)),
                Party::Platform => Meeting::of_advertiser(&rooms, &addresses(0..1000)),
            };
            meeting.greet().unwrap();
            meeting.open().unwrap();
            let mut points = meeting.puppet.points.clone();
            change(&mut points);
            let found = fault(meeting.send_list(points).unwrap_err());
            assert_eq!(found, expected, "{party}");
        }
    }
}

/// What is sent must be what was committed to, and the commitment of this session, side and list.
#[test]
fn lists_are_what_was_committed_to() {
    let rooms = Rooms::new();
    let start = || {
        let mut meeting = Meeting::of_advertiser(&rooms, &addresses(0..1000));
        meeting.greet().unwrap();
        meeting.open().unwrap();
        meeting
    };
    let mut meeting = start();
    let other = meeting.commitment(PAIR_IDS, &meeting.puppet.points);
    meeting.honest.hear(other).unwrap();
    let points = meeting.puppet.points.clone();
    let found = fault(meeting.honest.hear(Frame::Points(points)).unwrap_err());
    assert_eq!(found, PeerFault::BrokenCommitment("list"));

    // One of an earlier session, as a replay would have it.
    let mut earlier = start();
    let frames = [earlier.commitment(LIST, &earlier.puppet.points)];
    let mut meeting = start();
    assert_ne!(meeting.puppet.session_id(), earlier.puppet.session_id());
    for frame in frames {
        let found = fault(meeting.honest.hear(frame).unwrap_err());
        assert_eq!(found, PeerFault::BrokenCommitment("session"));
    }
    assert!(earlier.honest.take_points().is_empty());
}

/// A publisher that hands the advertiser's own PAIR IDs back would make everything match.
#[test]
fn pair_ids_cannot_be_copied() {
    for copies_commitment in [false, true] {
        let rooms = Rooms::new();
        let mut meeting = Meeting::of_advertiser(&rooms, &addresses(5000..6000));
        meeting.begin().unwrap();
        let said = meeting.honest.take();
        let mut commitments = said.iter().filter_map(|frame| match frame {
            Frame::Commitment(commitment) => Some(commitment.clone()),
            _ => None,
        });
        let theirs = commitments.next_back().unwrap();
        let ours = match copies_commitment {
            true => Frame::Commitment(theirs),
            false => meeting.commitment(PAIR_IDS, &meeting.puppet.points),
        };
        meeting.honest.hear(ours).unwrap();
        let pair_ids = meeting.honest.take_points();
        assert_eq!(pair_ids.len(), 1000);
        let found = fault(meeting.honest.hear(Frame::Points(pair_ids)).unwrap_err());
        assert_eq!(found, PeerFault::BrokenCommitment("list of PAIR IDs"));
    }
}

/// PAIR IDs in no order, or too few, end the session without an answer.
#[test]
fn pair_ids_are_checked_like_lists() {
    let rooms = Rooms::new();
    let mut meeting = Meeting::of_advertiser(&rooms, &addresses(0..1000));
    meeting.begin().unwrap();
    let mut pair_ids = meeting.pair_ids();
    meeting.honest.hear(meeting.commitment(PAIR_IDS, &pair_ids)).unwrap();
    let last = pair_ids.pop().unwrap();
    meeting.honest.hear(Frame::Points(pair_ids)).unwrap();
    let found = fault(meeting.honest.hear(Frame::Points(vec![last, last])).unwrap_err());
    assert_eq!(found, PeerFault::WrongCount { what: "points", got: 1001, expected: 1000 });
    assert!(meeting.honest.session.hung_up().is_err());
}

#[test]
fn keys_must_be_within_their_time() {
    let rooms = Rooms::new();
    type Change = fn(&mut PairKeys);
    let cases: [(&str, Change); 4] = [
        ("Ks", |keys| keys.ks_created = day(-29).as_second()),
        ("Ks", |keys| keys.ks_created = day(2).as_second()),
        ("Kp", |keys| keys.kp_created = day(-179).as_second()),
        ("Kp", |keys| keys.kp_created = day(2).as_second()),
    ];
    for (field, change) in cases {
        let mut meeting = Meeting::of_advertiser(&rooms, &addresses(0..1000));
        meeting.greet().unwrap();
        let mut keys = meeting.keys();
        change(&mut keys);
        let error = meeting.honest.hear(Frame::PairKeys(keys)).unwrap_err();
        assert_eq!(incompatible(error).0, field);
        assert!(meeting.honest.take_points().is_empty());
    }
    let mut meeting = Meeting::of_publisher(&rooms, &addresses(0..1000));
    meeting.greet().unwrap();
    let reply = PairReply { ka_created: day(-179).as_second(), ..meeting.reply() };
    let error = meeting.honest.hear(Frame::PairReply(reply)).unwrap_err();
    assert_eq!(incompatible(error).0, "Ka");
}

/// An advertiser with another Ks than it was given, or that was not listening.
#[test]
fn ks_is_confirmed_before_any_list_moves() {
    let rooms = Rooms::new();
    let mut meeting = Meeting::of_publisher(&rooms, &addresses(0..1000));
    meeting.oracle.ks[0] ^= 1;
    meeting.greet().unwrap();
    let (field, theirs) = incompatible(meeting.open().unwrap_err());
    assert_eq!((field, theirs.as_str()), ("Ks", "another"));
    assert!(meeting.honest.take().iter().all(|f| !matches!(f, Frame::Commitment(_))));
}

/// A publisher that goes back to a Ks from before keeps old matches alive. A new one may be of the same
/// second as the one that it replaced.
#[test]
fn ks_never_goes_back() {
    let rooms = Rooms::new();
    let people = addresses(0..1000);
    let meeting = |ks: Option<[u8; 32]>, seconds: i64| {
        let mut meeting = Meeting::of_advertiser(&rooms, &people);
        meeting.ks_created += seconds;
        if let Some(ks) = ks {
            meeting.oracle.ks = ks;
            meeting.blind(&people);
        }
        meeting
    };
    meeting(None, 0).finish().unwrap();
    let older = meeting(Some([9; 32]), -1).begin().unwrap_err();
    assert_eq!(incompatible(older).0, "Ks");
    meeting(Some([9; 32]), 0).finish().unwrap();
    let known = meeting(None, 0).begin().unwrap_err();
    assert_eq!(incompatible(known).0, "Ks");
    meeting(Some([9; 32]), 0).finish().unwrap();
    meeting(Some([8; 32]), 1).finish().unwrap();
}

#[test]
fn lists_below_1000_are_refused_in_the_hello() {
    let rooms = Rooms::new();
    for mut meeting in [
        Meeting::of_advertiser(&rooms, &addresses(0..999)),
        Meeting::of_publisher(&rooms, &addresses(0..999)),
    ] {
        let (field, theirs) = incompatible(meeting.greet().unwrap_err());
        assert_eq!((field, theirs.as_str()), ("smallest list", "999"));
    }
}

/// The difference attack: two lists that differ in one person, whose match the second answer would tell.
#[test]
fn a_list_that_differs_in_one_person_gets_no_answer() {
    let rooms = Rooms::new();
    Meeting::of_publisher(&rooms, &addresses(0..1000)).finish().unwrap();
    for values in [addresses(0..1001), addresses(1..1000 + 1), addresses(20..1025)] {
        let mut meeting = Meeting::of_publisher(&rooms, &values);
        let (field, theirs) = incompatible(meeting.begin().unwrap_err());
        assert_eq!(field, "difference to an earlier list");
        assert!(["1", "2", "45"].contains(&theirs.as_str()), "{theirs}");
        // It heard our list and nothing of its own under Kp.
        let said = meeting.honest.take();
        let commitments = said.iter().filter(|frame| matches!(frame, Frame::Commitment(_)));
        assert_eq!(commitments.count(), 1);
        assert!(meeting.honest.session.outcome().is_err());
    }
    // Under cover of opt-outs only removals pass, and bring no rate.
    for values in [addresses(0..1001), addresses(1..1001), addresses(5000..6000)] {
        let mut meeting = Meeting::of_publisher(&rooms, &values);
        let (field, theirs) = incompatible(meeting.begin_opt_out().unwrap_err());
        assert_eq!(field, "difference to an earlier list");
        assert!(["1 added", "1000 added"].contains(&theirs.as_str()), "{theirs}");
    }
    let mut meeting = Meeting::of_publisher(&rooms, &addresses(0..1000));
    meeting.begin_opt_out().unwrap();
    let answer = meeting.finish_ids().unwrap();
    assert_eq!((answer.matched, answer.rate), (500, None));
    // Once a day, whatever the advertiser's room says to that.
    let mut meeting = Meeting::of_publisher(&rooms, &addresses(0..1000));
    let error = meeting.begin_opt_out().unwrap_err();
    assert!(error.to_string().contains("once a day is the most"), "{error}");
}

/// A publisher says how much of its list takes part in taking out opt-outs: no more than it announced, and no
/// less than the minimum.
#[test]
fn remaining_entries_are_checked() {
    let rooms = Rooms::new();
    Meeting::of_advertiser(&rooms, &addresses(0..1010)).finish().unwrap();
    let start = || {
        let list = match_list(&addresses(0..1000));
        let side = Side::advertiser(&rooms.advertiser, "publisher", list, Run::OptOut, day(1));
        let mut meeting = Meeting::new(side.unwrap(), Party::Platform, &addresses(0..1010));
        meeting.greet().unwrap();
        meeting
    };
    // Not before it is asked, and once.
    let found = fault(start().honest.hear(Frame::PairEntries(1000)).unwrap_err());
    assert_eq!(found, PeerFault::Unexpected(0x52));
    for (entries, expected) in [(1011, 1010), (u64::MAX, 1010)] {
        let mut meeting = start();
        meeting.open().unwrap();
        let found = fault(meeting.honest.hear(Frame::PairEntries(entries)).unwrap_err());
        let what = "remaining entries";
        assert_eq!(found, PeerFault::WrongCount { what, got: entries, expected });
    }
    let mut meeting = start();
    meeting.open().unwrap();
    let error = meeting.honest.hear(Frame::PairEntries(999)).unwrap_err();
    assert_eq!(incompatible(error), ("smallest list", "999".into()));
    let mut meeting = start();
    meeting.open().unwrap();
    meeting.honest.hear(Frame::PairEntries(1005)).unwrap();
    meeting.blind(&addresses(0..1005));
    let points = meeting.puppet.points.clone();
    meeting.send_list(points).unwrap();
    assert_eq!(meeting.finish_ids().unwrap().entries, [1000, 1005]);
}

/// A session that the peer refuses is none that later lists are compared with; one that goes on is, before a
/// PAIR ID leaves.
#[test]
fn a_session_counts_once_the_peer_goes_on_with_it() {
    let rooms = Rooms::new();
    let try_list = |to| {
        let list = match_list(&addresses(0..to));
        Side::advertiser(&rooms.advertiser, "publisher", list, Run::Match, day(1)).map(drop)
    };
    let mut meeting = Meeting::of_advertiser(&rooms, &addresses(0..1000));
    meeting.begin().unwrap();
    let said = meeting.honest.take();
    let points = |said: &[Frame]| said.iter().filter(|f| matches!(f, Frame::Points(_))).count();
    assert_eq!(points(&said), 1, "the list, and no PAIR IDs");
    try_list(1001).unwrap();
    let refusal = fault(meeting.honest.hear(Frame::Abort("no".into())).unwrap_err());
    assert_eq!(refusal, PeerFault::Aborted("no".into()));
    try_list(1001).unwrap();

    let mut meeting = Meeting::of_advertiser(&rooms, &addresses(0..1000));
    meeting.begin().unwrap();
    let pair_ids = meeting.pair_ids();
    meeting.honest.hear(meeting.commitment(PAIR_IDS, &pair_ids)).unwrap();
    assert_eq!(points(&meeting.honest.take()), 1);
    assert!(try_list(1001).unwrap_err().to_string().starts_with("our list: differs in 1 entry "));
}

/// A new Ka for every list would leave nothing to compare.
#[test]
fn a_key_that_changes_before_its_time_is_refused() {
    let rooms = Rooms::new();
    Meeting::of_publisher(&rooms, &addresses(0..1000)).finish().unwrap();
    let mut meeting = Meeting::of_publisher(&rooms, &addresses(0..1001));
    meeting.key = Scalar::from(77u8);
    meeting.blind(&addresses(0..1001));
    meeting.greet().unwrap();
    let reply = PairReply { ka_id: [8; 8], ..meeting.reply() };
    meeting.honest.hear(Frame::PairReply(reply)).unwrap();
    let points = meeting.puppet.points.clone();
    assert_eq!(incompatible(meeting.send_list(points).unwrap_err()).0, "the peer's key");
}

/// A key that is imported once more with a new date would never end.
#[test]
fn a_key_that_grows_younger_is_refused() {
    type Change = fn(&mut PairKeys);
    let changes: [Change; 2] = [|keys| keys.ks_created += 3600, |keys| keys.kp_created += 3600];
    let rooms = Rooms::new();
    Meeting::of_advertiser(&rooms, &addresses(0..1000)).finish().unwrap();
    for change in changes {
        let mut meeting = Meeting::of_advertiser(&rooms, &addresses(0..1000));
        meeting.greet().unwrap();
        let mut keys = meeting.keys();
        change(&mut keys);
        meeting.honest.hear(Frame::PairKeys(keys)).unwrap();
        let points = meeting.puppet.points.clone();
        assert_eq!(incompatible(meeting.send_list(points).unwrap_err()).0, "a key's date");
    }
    Meeting::of_publisher(&rooms, &addresses(0..1000)).finish().unwrap();
    let mut meeting = Meeting::of_publisher(&rooms, &addresses(0..1000));
    meeting.greet().unwrap();
    let reply = PairReply { ka_created: day(1).as_second(), ..meeting.reply() };
    meeting.honest.hear(Frame::PairReply(reply)).unwrap();
    let points = meeting.puppet.points.clone();
    assert_eq!(incompatible(meeting.send_list(points).unwrap_err()).0, "a key's date");
    Meeting::of_advertiser(&rooms, &addresses(0..1000)).finish().unwrap();
}

/// Rotating Ks early is the publisher's right, and does not make its own lists forgotten.
#[test]
fn our_own_lists_compare_across_keys() {
    let rooms = Rooms::new();
    let lists = |to| [addresses(0..1000), addresses(500..to)];
    rooms.match_(lists(2500), 1).unwrap();
    rotate(&rooms.path("publisher"), Rotate::Shared, day(2)).unwrap();
    let error = rooms.match_(lists(2501), 2).unwrap_err().to_string();
    assert!(error.starts_with("our list: differs in 1 entry "), "{error}");
}

#[test]
fn frames_that_are_not_due_end_the_session() {
    let rooms = Rooms::new();
    let keys = |meeting: &Meeting| Frame::PairKeys(meeting.keys());
    let reply = |meeting: &Meeting| Frame::PairReply(meeting.reply());
    let commitment = |meeting: &Meeting| meeting.commitment(LIST, &[]);
    let points = |meeting: &Meeting| Frame::Points(meeting.puppet.points.clone());
    let finished = |_: &Meeting| Frame::Finished;
    let makers: [&dyn Fn(&Meeting) -> Frame; 5] = [&keys, &reply, &commitment, &points, &finished];
    // After the hellos, each room waits for one kind of frame.
    for (due, is_advertiser) in [(0, true), (1, false)] {
        for (index, make) in makers.iter().enumerate().filter(|(index, _)| *index != due) {
            let mut meeting = match is_advertiser {
                true => Meeting::of_advertiser(&rooms, &addresses(0..1000)),
                false => Meeting::of_publisher(&rooms, &addresses(0..1000)),
            };
            meeting.greet().unwrap();
            let frame = make(&meeting);
            let found = fault(meeting.honest.hear(frame).unwrap_err());
            assert!(matches!(found, PeerFault::Unexpected(_)), "{index}: {found}");
        }
    }
    // And the same keys twice.
    let mut meeting = Meeting::of_advertiser(&rooms, &addresses(0..1000));
    meeting.greet().unwrap();
    meeting.open().unwrap();
    let found = fault(meeting.open().unwrap_err());
    assert!(matches!(found, PeerFault::Unexpected(_)), "{found}");
}

/// What crosses between the rooms, and what they show, holds no match key, no identifier, no hash of one, and
/// no key but Ks where it is handed over.
#[test]
fn nothing_identifying_crosses_or_shows() {
    let rooms = Rooms::new();
    let values = [addresses(0..1000), addresses(500..1500)];
    let sides = rooms.sides(values.clone(), Run::Match, 1).unwrap();
    let shown = format!("{sides:?}");
    let (outcomes, traffic) = crate::common::pump(sessions(sides), None).unwrap();
    let keys = PairKeys {
        ks: Zeroizing::new(ANSWERS[1].salt()),
        ks_created: 0,
        kp_id: [0; 8],
        kp_created: 0,
    };
    let shown = format!("{shown} {outcomes:?} {keys:?} {:?}", rooms.publisher);
    let mut needles = Vec::new();
    for value in values.concat() {
        needles.push(value.clone().into_bytes());
        needles.push(match_key(&value).into_bytes());
        needles.push(Sha256::digest(&value)[..8].to_vec());
        needles.push(crate::oracle::base64(&Sha256::digest(&value)).into_bytes());
    }
    for key in [bytes(ANSWERS[1].ka), bytes(ANSWERS[1].kp)] {
        needles.push(key[..8].to_vec());
        needles.push(crate::oracle::base64(&key).into_bytes());
    }
    let advertiser_said = [&traffic[0][..], shown.as_bytes()];
    let ks = ANSWERS[1].salt();
    for haystack in [&traffic[0][..], &traffic[1], shown.as_bytes()] {
        for needle in &needles {
            let finder = memchr::memmem::Finder::new(needle);
            assert!(finder.find(haystack).is_none(), "{}", String::from_utf8_lossy(needle));
        }
    }
    for haystack in advertiser_said {
        assert!(memchr::memmem::find(haystack, &ks[..8]).is_none());
    }
    // Once, from the publisher, in its first frame after the hello.
    assert_eq!(memchr::memmem::find_iter(&traffic[1], &ks).count(), 1);
}
