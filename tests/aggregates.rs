//! Counts and sums with a peer that is played by hand: first one that behaves, then what one that does not
//! can try in code of its own. `attacks.rs` has what a changed frame can do, `noise.rs` what noise adds.

mod common;

use blindmatch::error::PeerFault;
use blindmatch::group::Encoding;
use blindmatch::protocol::{Answer, Epsilon, Input, Party, ProtocolName, Reveal};
use blindmatch::session::Session;
use blindmatch::wire::Frame;
use common::puppet::{Honest, Puppet, decode, exchange};
use common::purse::{Purse, encode, sum, times};
use common::{Seeded, addresses, fault, list, settings, values};
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;

/// What a session is about. The honest side has people 0 to 9, the puppet 5 to 11: five match.
#[derive(Clone, Copy, Debug)]
struct Setting {
    protocol: ProtocolName,
    reveal: Reveal,
    least: u64,
    noise: Option<&'static str>,
}

const COUNT: Setting =
    Setting { protocol: ProtocolName::Count, reveal: Reveal::Advertiser, least: 0, noise: None };

const SUM: Setting = Setting { protocol: ProtocolName::Sum, ..COUNT };

/// What values are cut down to in sums.
const CLIP: u64 = 1000;

impl Setting {
    /// The honest side.
    fn honest(self, party: Party) -> Session {
        let [advertiser, platform] = settings(self.reveal, self.least);
        let mut ours = if party == Party::Advertiser { advertiser } else { platform };
        ours.protocol = self.protocol;
        ours.noise = self.noise.and_then(Epsilon::parse);
        let (list, sums) = (list(&addresses(0..10)), self.protocol == ProtocolName::Sum);
        ours.clip = sums.then_some(CLIP);
        let input = match sums && party == Party::Advertiser {
            true => Input::with_values(list.clone(), values(&list)),
            false => list.into(),
        };
        Session::with_rng(ours, input, Seeded::new("aggregates")).unwrap()
    }

    /// The puppet, on the other side.
    fn puppet(self, party: Party) -> Puppet {
        let mut puppet = Puppet::new(party, self.reveal, &addresses(5..12));
        puppet.hello.protocol = self.protocol.name().into();
        let clip = (self.protocol == ProtocolName::Sum).then(|| format!("clip={CLIP}"));
        let noise = self.noise.map(|epsilon| format!("noise={epsilon}"));
        puppet.hello.parameters = clip.into_iter().chain(noise).collect::<Vec<_>>().join(" ");
        puppet
    }

    /// Up to where lists have crossed: the honest side, the puppet as `party`, and the honest side's
    /// points.
    fn crossed(self, party: Party) -> (Honest, Puppet, Vec<Encoding>) {
        let mut puppet = self.puppet(party);
        let (honest, points) = exchange(&mut puppet, self.honest(party.peer())).unwrap();
        (honest, puppet, points)
    }
}

/// The tags that a giver sends.
fn sorted_tags(puppet: &Puppet, points: &[Encoding]) -> Frame {
    let mut tags = puppet.tags(points);
    tags.sort_unstable();
    Frame::Tags(tags.concat())
}

/// What the honest giver sent: its key, its values, and the puppet's tags.
struct Given {
    key: Option<Encoding>,
    values: Vec<[Encoding; 2]>,
    tags: Vec<Vec<u8>>,
}

fn given(honest: &mut Honest, puppet: &Puppet) -> Given {
    let mut given = Given { key: None, values: Vec::new(), tags: Vec::new() };
    for frame in honest.take() {
        match frame {
            Frame::ValueKey(key) => given.key = Some(key.point),
            Frame::Ciphertexts(run) => given.values.extend(run),
            Frame::Tags(tags) => {
                given.tags.extend(tags.chunks(puppet.tag_length()).map(<[u8]>::to_vec));
            }
            Frame::Finished => {} // nothing is to be told
            other => panic!("not due: {other:?}"),
        }
    }
    assert!(given.tags.is_sorted() && given.tags.len() == puppet.points.len());
    given
}

/// Which of the honest side's elements match, for a puppet that compares.
fn hits(puppet: &Puppet, points: &[Encoding], given: &Given) -> Vec<bool> {
    puppet.tags(points).iter().map(|tag| given.tags.contains(tag)).collect()
}

/// What an honest advertiser's values come to: 100 and an index for each of five people; whichever
/// five, its own oracle knows.
fn expected_total() -> u64 {
    let (list, theirs) = (list(&addresses(0..10)), addresses(5..12));
    let rows = addresses(0..10);
    let matches = |index: &usize| theirs.contains(&rows[list.occurrences(*index)[0].row as usize]);
    (0..10).filter(matches).map(|index| 100 + index as u64).sum()
}

fn finish(mut honest: Honest) -> Answer {
    honest.hear(Frame::Finished).unwrap();
    honest.outcome().answer
}

// --- A peer that behaves ------------------------------------------------------------------------

#[test]
fn a_second_implementation_of_count_interoperates() {
    // Who compares: the one that learns; with a minimum audience, the one that does not.
    for (reveal, least, noise, comparer) in [
        (Reveal::Advertiser, 0, None, Party::Advertiser),
        (Reveal::Platform, 0, None, Party::Platform),
        (Reveal::Both, 0, None, Party::Platform),
        (Reveal::Advertiser, 4, None, Party::Platform),
        (Reveal::Platform, 4, None, Party::Advertiser),
        (Reveal::Advertiser, 0, Some("0.5"), Party::Platform),
    ] {
        let setting = Setting { reveal, least, noise, ..COUNT };
        let told = least > 0 || reveal == Reveal::Both || noise.is_some();
        // The puppet gives.
        let (mut honest, puppet, points) = setting.crossed(comparer.peer());
        honest.hear(sorted_tags(&puppet, &points)).unwrap();
        let counts: Vec<u64> = honest
            .take()
            .into_iter()
            .filter_map(|frame| if let Frame::Count(count) = frame { Some(count) } else { None })
            .collect();
        assert_eq!(counts.len(), usize::from(told), "{setting:?}");
        assert!(noise.is_some() || counts.iter().all(|&count| count == 5), "{setting:?}");
        assert_eq!(finish(honest).count, Some(5), "{setting:?}");
        // The puppet compares.
        let (mut honest, puppet, points) = setting.crossed(comparer);
        let given = given(&mut honest, &puppet);
        let count = hits(&puppet, &points, &given).into_iter().filter(|hit| *hit).count() as u64;
        assert_eq!(count, 5);
        if told {
            honest.hear(Frame::Count(count)).unwrap();
        }
        assert_eq!(finish(honest).count, told.then_some(5), "{setting:?}");
    }
}

/// The puppet brings the values.
#[test]
fn a_second_implementation_of_the_advertiser_of_a_sum_interoperates() {
    for (reveal, noise) in
        [(Reveal::Advertiser, None), (Reveal::Platform, None), (Reveal::Advertiser, Some("1"))]
    {
        let setting = Setting { reveal, noise, ..SUM };
        let (mut honest, puppet, points) = setting.crossed(Party::Advertiser);
        let mut purse = Purse::new();
        honest.hear(Frame::ValueKey(purse.introduction(&puppet))).unwrap();
        let worth = |value: &String| value.len() as i64 + 10 * i64::from(value.contains('1'));
        let encrypted = puppet.values.iter().map(|value| purse.encrypt(worth(value))).collect();
        honest.hear(Frame::Ciphertexts(encrypted)).unwrap();
        honest.hear(sorted_tags(&puppet, &points)).unwrap();
        let total = addresses(5..10).iter().map(worth).sum::<i64>();
        match (&honest.take()[..], noise) {
            ([Frame::Count(5), Frame::Total(sent), Frame::Finished], None) => {
                assert_eq!(purse.decrypt(sent), times(total));
            }
            ([Frame::Count(count), Frame::Total(sent), Frame::Finished], Some(_)) => {
                // Scales of 2 and 2000; with this seed neither is exact.
                let told = purse.decrypt(sent);
                let off = (-56_000..=56_000).find(|off| times(total + off) == told);
                assert!(*count <= 7 && off.is_some_and(|off| off != 0), "{count} {off:?}");
            }
            ([Frame::Count(5), Frame::Query(query)], None) => {
                honest.hear(Frame::Share(purse.share(&puppet, query))).unwrap();
            }
            (other, _) => panic!("{other:?}"),
        }
        let answer = finish(honest);
        let sum = (reveal == Reveal::Platform).then_some(total as u64);
        assert_eq!((answer.count, answer.sum), (Some(5), sum));
    }
}

/// The puppet adds what it cannot read.
#[test]
fn a_second_implementation_of_the_platform_of_a_sum_interoperates() {
    for reveal in [Reveal::Advertiser, Reveal::Platform] {
        let setting = Setting { reveal, ..SUM };
        let (mut honest, puppet, points) = setting.crossed(Party::Platform);
        let given = given(&mut honest, &puppet);
        let hits = hits(&puppet, &points, &given);
        let matching = given.values.iter().zip(&hits).filter_map(|(one, hit)| hit.then_some(*one));
        // Made afresh, as an honest platform would.
        let (s, key) = (Scalar::from(987_654_321_u64), decode(&given.key.unwrap()));
        let [first, second] = sum(matching).each_ref().map(decode);
        let total = [first + RistrettoPoint::mul_base(&s), second + key * s].each_ref().map(encode);
        honest.hear(Frame::Count(5)).unwrap();
        if reveal == Reveal::Advertiser {
            honest.hear(Frame::Total(total)).unwrap();
        } else {
            honest.hear(Frame::Query(total[0])).unwrap();
            let share = honest.take().into_iter().find_map(|frame| match frame {
                Frame::Share(share) => Some(share),
                _ => None,
            });
            let opened = decode(&total[1]) - decode(&share.expect("a share").point);
            assert_eq!(opened, times(expected_total() as i64));
        }
        let answer = finish(honest);
        let learns = reveal == Reveal::Advertiser;
        assert_eq!((answer.count, answer.sum), (Some(5), learns.then(expected_total)));
    }
}

// --- Frames out of order ------------------------------------------------------------------------

/// The byte that stands for a frame.
fn kind(frame: &Frame) -> u8 {
    frame.encode()[4]
}

/// An honest platform that waits for the next of what a giver sends, after `after` of them.
#[test]
fn what_a_giver_sends_out_of_order_is_refused() {
    for (protocol, sends) in [(COUNT, 1), (SUM, 3)] {
        let setting = Setting { reveal: Reveal::Platform, ..protocol };
        for after in 0..=sends {
            // Which frames are refused where the giver has sent so many of its own.
            let probe = |frame: u8| {
                let (mut honest, puppet, points) = setting.crossed(Party::Advertiser);
                let mut purse = Purse::new();
                let key = Frame::ValueKey(purse.introduction(&puppet));
                let run: Vec<_> = (0..puppet.points.len()).map(|_| purse.encrypt(3)).collect();
                let tags = sorted_tags(&puppet, &points);
                let all = [key.clone(), Frame::Ciphertexts(run.clone()), tags.clone()];
                let due = &all[3 - sends..];
                due[..after].iter().for_each(|frame| honest.hear(frame.clone()).unwrap());
                let next = match frame {
                    0x10 => Frame::Commitment(puppet.commitment()),
                    0x11 => Frame::Points(puppet.points.clone()),
                    0x12 => tags,
                    0x13 => Frame::Released,
                    0x14 => Frame::Withheld,
                    0x30 => key,
                    0x31 => Frame::Ciphertexts(run),
                    0x32 => Frame::Count(5),
                    0x33 => Frame::Total([Encoding::GENERATOR; 2]),
                    0x34 => Frame::Query(Encoding::GENERATOR),
                    _ => Frame::Share(purse.introduction(&puppet)),
                };
                assert_eq!(kind(&next), frame);
                (due.get(after).map(kind) == Some(frame), honest.hear(next).map_err(fault))
            };
            for frame in [0x10, 0x11, 0x12, 0x13, 0x14, 0x30, 0x31, 0x32, 0x33, 0x34, 0x35] {
                let (due, heard) = probe(frame);
                let bad = match (setting.protocol, after, frame) {
                    _ if due => None,
                    // More of what is welcome until there is too much.
                    (ProtocolName::Sum, 2, 0x31) => {
                        Some(PeerFault::WrongCount { what: "ciphertexts", got: 14, expected: 7 })
                    }
                    // A query is out.
                    (ProtocolName::Sum, 3, 0x35) => {
                        Some(PeerFault::BadProof { position: 0, count: 1 })
                    }
                    _ => Some(PeerFault::Unexpected(frame)),
                };
                assert_eq!(heard.err(), bad, "{setting:?}, {after}, {frame:#04x}");
            }
        }
    }
}

/// An honest advertiser that waits for the word of a platform that compares.
#[test]
fn what_a_comparer_says_out_of_order_is_refused() {
    let generator = Encoding::GENERATOR;
    let others = |puppet: &Puppet| {
        vec![
            Frame::Commitment(puppet.commitment()),
            Frame::Points(puppet.points.clone()),
            Frame::Tags(vec![0; puppet.tag_length()]),
            Frame::Released,
            Frame::ValueKey(Purse::new().introduction(puppet)),
            Frame::Ciphertexts(vec![[generator; 2]]),
            Frame::Share(Purse::new().introduction(puppet)),
        ]
    };
    for reveal in [Reveal::Advertiser, Reveal::Platform] {
        let setting = Setting { reveal, ..SUM };
        let (total, query) = (Frame::Total([generator; 2]), Frame::Query(generator));
        let (right, wrong) = match reveal {
            Reveal::Advertiser => (total, query),
            _ => (query, total),
        };
        // Before the count, after it, and after the total.
        let stages = [
            (vec![], vec![right.clone(), wrong.clone(), Frame::Withheld, Frame::Finished]),
            (vec![Frame::Count(5)], vec![wrong, Frame::Count(5), Frame::Withheld, Frame::Finished]),
        ];
        for (said, more) in stages {
            for index in 0.. {
                let (mut honest, puppet, _) = setting.crossed(Party::Platform);
                said.iter().for_each(|frame| honest.hear(frame.clone()).unwrap());
                let mut all = more.iter().cloned().chain(others(&puppet));
                let Some(next) = all.nth(index) else { break };
                let unexpected = PeerFault::Unexpected(kind(&next));
                let heard = honest.hear(next).map_err(fault);
                assert_eq!(heard, Err(unexpected), "{setting:?} {said:?}");
            }
        }
        if reveal == Reveal::Platform {
            // One decryption in a session.
            let (mut honest, ..) = setting.crossed(Party::Platform);
            honest.hear(Frame::Count(5)).unwrap();
            honest.hear(right.clone()).unwrap();
            assert_eq!(fault(honest.hear(right).unwrap_err()), PeerFault::Unexpected(0x34));
        }
    }
}

// --- What cannot be seen ------------------------------------------------------------------------

/// Two multiples of one guess are two elements of a list. With tags for half of the peer's elements under
/// the one multiple and again under the other, the guess counts twice where it is in that half, and
/// not at all where it is in the other.
/// One value of 2^50 among zeros: the total is out of range where that element matches. The platform knows;
/// the advertiser, who is to learn the count alone, sees the same frames and the same end.
#[test]
fn a_poisoned_value_does_not_tell_whether_its_element_matches() {
    let setting = Setting { reveal: Reveal::Platform, least: 5, ..SUM };
    let seen = [(5, false), (11, false), (5, true), (11, true)].map(|(poisoned, silent)| {
        let (mut honest, puppet, points) = setting.crossed(Party::Advertiser);
        let target = &addresses(poisoned..poisoned + 1)[0];
        let mut purse = Purse::new();
        let key = purse.introduction(&puppet);
        let values = puppet.values.iter();
        let values = values.map(|value| purse.encrypt(if value == target { 1 << 50 } else { 0 }));
        let values = values.collect();
        let tags = sorted_tags(&puppet, &points);
        for frame in [Frame::ValueKey(key), Frame::Ciphertexts(values), tags] {
            honest.hear(frame).unwrap();
        }
        let frames = honest.take();
        let [Frame::Count(5), Frame::Query(query)] = &frames[..] else { panic!("{frames:?}") };
        honest.hear(Frame::Share(purse.share(&puppet, query))).unwrap();
        let last = honest.take();
        // It is over without the peer's last word, too: a peer that falls silent sees no difference.
        match silent {
            true => honest.session.hung_up().unwrap(),
            false => honest.hear(Frame::Finished).unwrap(),
        }
        match honest.session.outcome() {
            Ok(outcome) => assert_eq!((poisoned, outcome.answer.sum), (11, Some(0))),
            Err(error) => {
                assert!(poisoned == 5 && Session::abort(&error).is_none());
                assert_eq!(fault(error), PeerFault::BadTotal { most: 5000 });
            }
        }
        last
    });
    assert!(seen.iter().all(|last| *last == [Frame::Finished]), "{seen:?}");
}

#[test]
fn undetected_by_design_fabricated_points_make_one_element_match_twice() {
    for noise in [None, Some("100")] {
        let reveal = if noise.is_some() { Reveal::Advertiser } else { Reveal::Both };
        let setting = Setting { reveal, noise, ..COUNT };
        let counts = [0..5, 5..10].map(|half| {
            let mut puppet = setting.puppet(Party::Advertiser);
            let guess = common::puppet::hash_to_group("user3@example.com") * puppet.key;
            let multiples = [Scalar::ONE, Scalar::from(2u64)];
            puppet.points = multiples.iter().map(|two| encode(&(guess * two))).collect();
            puppet.points.sort_unstable();
            puppet.hello.elements = 2;
            let session = setting.honest(Party::Platform);
            let (mut honest, points) = exchange(&mut puppet, session).unwrap();
            let half = &points[half];
            let tags = multiples.iter().flat_map(|two| {
                let key = puppet.key * two;
                half.iter().map(move |point| decode(point) * key)
            });
            let mut tags: Vec<Vec<u8>> = tags.map(|point| puppet.tag(&point)).collect();
            tags.sort_unstable();
            honest.hear(Frame::Tags(tags.concat())).unwrap();
            let told = honest.take().into_iter().find_map(|frame| match frame {
                Frame::Count(count) => Some(count),
                _ => None,
            });
            told.unwrap()
        });
        // One of each, whichever half it is in; an honest list of one would have counted 1 at most.
        assert!(counts == [0, 2] || counts == [2, 0], "{counts:?}");
    }
}
