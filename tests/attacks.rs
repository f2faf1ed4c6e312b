//! Attacks on every protocol to which they apply: a peer that is honest but for what it changes in the
//! frames that it sends.
//!
//! [`Attack::run`] has two library sessions talk, with the cheating one's frames passed through a
//! function. `adversarial.rs` has the peers that need code of their own.

mod common;
#[path = "attacks/people.rs"]
mod people;

use std::sync::Arc;

use blindmatch::error::{Error, PeerFault};
use blindmatch::group::Encoding;
use blindmatch::label::Labels;
use blindmatch::list::{People, Ranks};
use blindmatch::protocol::{Input, Party, ProtocolName, Reveal, Unit};
use blindmatch::session::{Action, Outcome, Session, Settings};
use blindmatch::wire::{Decoder, Frame, Offer};
use common::{addresses, fault};
use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;

/// What a cheating side does to each frame that it sends: sends others in its place, none or several.
type Tamper<'a> = &'a mut dyn FnMut(Frame) -> Vec<Frame>;

/// A session in which one side cheats.
#[derive(Clone, Copy, Debug)]
struct Attack {
    protocol: ProtocolName,
    reveal: Reveal,
    cheat: Party,
    /// Elements of each side; half of the smaller number match.
    sizes: [u64; 2],
    /// The minimum audience.
    least: u64,
    /// Where people are counted, each has one identifier; `people.rs` has others.
    unit: Unit,
}

/// Every protocol with every reveal and unit, either side cheating.
fn all() -> Vec<Attack> {
    let mut all = Vec::new();
    for protocol in ProtocolName::ALL {
        for reveal in Reveal::ALL.into_iter().filter(|&reveal| protocol.can_reveal(reveal)) {
            for cheat in [Party::Advertiser, Party::Platform] {
                let attack =
                    |unit| Attack { protocol, reveal, cheat, sizes: [12, 30], least: 0, unit };
                all.push(attack(Unit::Identifiers));
                all.extend(protocol.can_count_people(reveal, 0).then(|| attack(Unit::People)));
            }
        }
    }
    all
}

impl Attack {
    /// Those in which the cheating side is asked, and answers with an oblivious function.
    fn cheating_senders() -> impl Iterator<Item = Attack> {
        all().into_iter().filter(|a| !a.lists_cross() && a.reveal.gives_matches_to(a.cheat.peer()))
    }

    /// Those in which the cheating side sends a list of points.
    fn cheating_askers() -> impl Iterator<Item = Attack> {
        all()
            .into_iter()
            .filter(|attack| attack.lists_cross() || attack.reveal.gives_matches_to(attack.cheat))
    }

    /// Sums, the cheating side bringing values or comparing.
    fn sums(cheat: Party) -> impl Iterator<Item = Attack> {
        let sums = move |a: &Attack| a.protocol == ProtocolName::Sum && a.cheat == cheat;
        all().into_iter().filter(sums)
    }

    /// Whether either side sends a list of points.
    fn lists_cross(self) -> bool {
        self.protocol == ProtocolName::Dh || self.protocol.is_aggregate()
    }

    /// Whether a wrong answer is proven to be wrong.
    fn is_proven(self) -> bool {
        self.protocol != ProtocolName::Oprf
    }

    fn sessions(self) -> [Session; 2] {
        self.sessions_seeded(None)
    }

    fn sessions_seeded(self, seed: Option<&str>) -> [Session; 2] {
        let [few, many] = self.sizes;
        let common = few.min(many) / 2;
        let rows = [addresses(0..few), addresses(few - common..few - common + many)];
        let lists = rows.each_ref().map(|rows| common::list(rows));
        let settings: [Settings; 2] = common::settings(self.reveal, 0);
        let mut sessions = settings.into_iter().zip(lists).map(|(mut settings, list)| {
            settings.protocol = self.protocol;
            let sums = self.protocol == ProtocolName::Sum;
            settings.clip = sums.then_some(1000);
            settings.min_audience = Some(self.least);
            settings.max_elements = u32::MAX.into();
            let labelled = self.protocol == ProtocolName::Labelled;
            settings.unit = self.unit;
            let counts = self.protocol.counts_people_of(self.reveal, settings.party);
            let people = || Arc::new(People::by_row(&list, Ranks::default()).unwrap());
            let input = match settings.party {
                _ if self.unit == Unit::People && counts => {
                    let people = people();
                    common::with_people(list, people, self.protocol)
                }
                Party::Platform if labelled => {
                    let label = |index| format!("label {index}");
                    let labels = Labels::new((0..list.len()).map(label)).unwrap();
                    Input::with_labels(list, Arc::new(labels))
                }
                Party::Advertiser if sums => {
                    let values = common::values(&list);
                    Input::with_values(list, values)
                }
                _ => list.into(),
            };
            let party = settings.party;
            match seed {
                None => Session::new(settings, input).unwrap(),
                Some(seed) => {
                    let rng = common::Seeded::new(format!("{seed} {party}"));
                    Session::with_rng(settings, input, rng).unwrap()
                }
            }
        });
        [sessions.next().unwrap(), sessions.next().unwrap()]
    }

    /// What the honest side comes to. The cheating side hangs up once it can do no more.
    fn run(self, tamper: Tamper<'_>) -> Result<Outcome, Error> {
        self.run_between(self.sessions(), tamper)
    }

    fn run_between(self, sides: [Session; 2], tamper: Tamper<'_>) -> Result<Outcome, Error> {
        let [advertiser, platform] = sides;
        let (mut honest, mut cheat) = match self.cheat {
            Party::Advertiser => (platform, advertiser),
            Party::Platform => (advertiser, platform),
        };
        let mut frames = Decoder::default();
        let mut cheat_ended = false;
        loop {
            let mut stirred = false;
            loop {
                match honest.advance(true)? {
                    Action::Send(bytes) => cheat.receive(&bytes),
                    Action::Worked => {}
                    Action::Wait => break,
                    Action::Done => return Ok(honest.outcome().unwrap()),
                }
                stirred = true;
            }
            while !cheat_ended {
                match cheat.advance(true) {
                    Ok(Action::Send(bytes)) => {
                        frames.push(&bytes);
                        let frame = frames.next_frame().unwrap().expect("one whole frame");
                        tamper(frame).iter().for_each(|frame| honest.receive(&frame.encode()));
                    }
                    Ok(Action::Worked) => {}
                    Ok(Action::Wait) => break,
                    Ok(Action::Done) | Err(_) => cheat_ended = true,
                }
                stirred = true;
            }
            if !stirred {
                honest.hung_up()?;
                return Ok(honest.outcome().unwrap());
            }
        }
    }

    /// Runs it with a change to the frames of one kind.
    fn change(self, mut change: impl FnMut(&mut Frame)) -> Result<Outcome, Error> {
        self.run(&mut |mut frame| {
            change(&mut frame);
            vec![frame]
        })
    }

    fn change_points(self, mut change: impl FnMut(&mut Vec<Encoding>)) -> Result<Outcome, Error> {
        self.change(|frame| {
            if let Frame::Points(points) = frame {
                change(points);
            }
        })
    }

    fn change_answers(self, mut change: impl FnMut(&mut Vec<Encoding>)) -> Result<Outcome, Error> {
        self.change(|frame| {
            if let Frame::Evaluated(points) = frame {
                change(points);
            }
        })
    }

    fn change_offer(self, mut change: impl FnMut(&mut Offer)) -> Result<Outcome, Error> {
        self.change(|frame| {
            if let Frame::Offer(offer) = frame {
                change(offer);
            }
        })
    }

    /// The number of elements that the cheating side announces.
    fn announced(self) -> u64 {
        self.sizes[usize::from(self.cheat == Party::Platform)]
    }
}

/// The fault that ends an attack.
fn blamed(attack: Attack, outcome: Result<Outcome, Error>) -> PeerFault {
    match outcome {
        Ok(_) => panic!("{attack:?}: went unnoticed"),
        Err(error) => fault(error),
    }
}

fn decode(point: &Encoding) -> RistrettoPoint {
    CompressedRistretto(point.0).decompress().unwrap()
}

fn encode(point: &RistrettoPoint) -> Encoding {
    Encoding(point.compress().0)
}

/// The encoding of some point, and one of none that sorts right after it.
fn invalid_after(point: &Encoding) -> Encoding {
    let mut bytes = point.0;
    loop {
        *bytes.iter_mut().rev().find(|byte| **byte != 0xff).unwrap() += 1;
        if CompressedRistretto(bytes).decompress().is_none() {
            return Encoding(bytes);
        }
    }
}

#[test]
fn without_a_change_every_session_is_complete() {
    for attack in all() {
        let outcome = attack.change(|_| {}).unwrap();
        let honest = attack.cheat.peer();
        let all = attack.reveal == Reveal::Count || attack.protocol == ProtocolName::Sum;
        // Where people are counted the platform compares.
        let compares = attack.protocol == ProtocolName::Count && honest == Party::Platform;
        let compares = compares && attack.unit == Unit::People;
        let learns = attack.reveal.gives_matches_to(honest) || all || compares;
        assert_eq!(outcome.answer.count, learns.then_some(6), "{attack:?}");
    }
}

// --- Lists of points ----------------------------------------------------------------------------

#[test]
fn a_bad_point_is_named_by_its_position() {
    for attack in Attack::cheating_askers() {
        for position in [0, 5, 11] {
            let end = attack.change_points(|points| {
                points[position] = invalid_after(&points[position]);
            });
            let expected = PeerFault::InvalidPoint { position: position as u64 };
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
        let end = attack.change_points(|points| points[0] = Encoding::IDENTITY);
        assert_eq!(blamed(attack, end), PeerFault::InvalidPoint { position: 0 }, "{attack:?}");
        // p + 8 in the last place: the same element as 8, not its encoding.
        let end = attack.change_points(|points| {
            let last = points.last_mut().unwrap();
            *last = Encoding([0xff; 32]);
        });
        let position = attack.announced() - 1;
        assert_eq!(blamed(attack, end), PeerFault::InvalidPoint { position }, "{attack:?}");
    }
}

#[test]
fn points_out_of_order_or_twice_are_refused() {
    for attack in Attack::cheating_askers() {
        let end = attack.change_points(|points| points.swap(3, 4));
        assert_eq!(blamed(attack, end), PeerFault::NotSorted { position: 4 }, "{attack:?}");
        let end = attack.change_points(|points| points[4] = points[3]);
        assert_eq!(blamed(attack, end), PeerFault::NotSorted { position: 4 }, "{attack:?}");
    }
}

/// One answer more than was announced would be one guess more.
#[test]
fn more_points_than_announced_are_refused() {
    for attack in Attack::cheating_askers() {
        let end = attack.change_points(|points| {
            let more = encode(&(decode(&points[0]) + RISTRETTO_BASEPOINT_POINT));
            points.push(more);
            points.sort_unstable();
        });
        let expected = attack.announced();
        let fault = PeerFault::WrongCount { what: "points", got: expected + 1, expected };
        assert_eq!(blamed(attack, end), fault, "{attack:?}");
        // And in a frame of their own, once all were there.
        let mut more = None;
        let end = attack.run(&mut |frame| match &frame {
            Frame::Points(points) => {
                more = Some(points[0]);
                vec![frame]
            }
            _ => match more.take() {
                Some(point) => vec![Frame::Points(vec![point]), frame],
                None => vec![frame],
            },
        });
        assert!(end.is_err(), "{attack:?}");
    }
}

#[test]
fn fewer_points_and_a_hang_up_are_noticed() {
    for attack in Attack::cheating_askers() {
        let end = attack.change_points(|points| {
            points.pop();
        });
        let expected = match attack.protocol {
            ProtocolName::Dh | ProtocolName::Count | ProtocolName::Sum => vec![
                PeerFault::HungUp("evaluate"),
                PeerFault::Unexpected(0x12),
                PeerFault::Unexpected(0x15),
                PeerFault::Unexpected(0x30),
            ],
            _ => {
                let length = 32 * (attack.announced() as usize - 1);
                vec![PeerFault::BadLength { frame: "points", length }]
            }
        };
        let fault = blamed(attack, end);
        assert!(expected.contains(&fault), "{attack:?} {fault:?}");
    }
}

// --- Answers of an oblivious function -----------------------------------------------------------

/// A wrong key for one element, two answers swapped, an answer that is shifted, one that is another
/// question's: caught where answers are proven. Where they are not, the session ends with a wrong
/// answer, as the documentation of `oprf` says.
#[test]
fn wrong_answers_are_caught_where_they_are_proven() {
    let changes: [fn(&mut Vec<Encoding>); 4] = [
        |answers| answers[2] = encode(&(decode(&answers[2]) * Scalar::from(2u8))),
        |answers| answers.swap(1, 2),
        |answers| answers[5] = encode(&(decode(&answers[5]) + RISTRETTO_BASEPOINT_POINT)),
        |answers| answers[3] = answers[4],
    ];
    for attack in Attack::cheating_senders() {
        let count = attack.sizes[usize::from(attack.cheat == Party::Advertiser)];
        for change in changes {
            let end = attack.change_answers(change);
            if attack.is_proven() {
                let expected = PeerFault::BadProof { position: 0, count };
                assert_eq!(blamed(attack, end), expected, "{attack:?}");
            } else {
                // One change, or two answers swapped: one or two matches are lost at most.
                assert!((4..=6).contains(&end.unwrap().answer.count.unwrap()));
            }
        }
    }
}

/// The undetected one, spelt out: a platform that answers with another key makes matches disappear.
#[test]
fn undetected_by_design_oprf_a_platform_may_answer_with_another_key() {
    let attack = Attack::cheating_senders().find(|a| !a.is_proven()).unwrap();
    let end = attack.change_answers(|answers| {
        let twice = |answer: &Encoding| encode(&(decode(answer) * Scalar::from(2u8)));
        answers.iter_mut().for_each(|answer| *answer = twice(answer));
    });
    assert_eq!(end.unwrap().answer.count, Some(0));
}

/// A key that changes in mid-session: the first run is honest, the second is made with another key.
#[test]
fn a_key_changed_in_mid_session_is_caught_at_the_run_where_it_changed() {
    for protocol in [ProtocolName::Voprf, ProtocolName::TwoHash, ProtocolName::Labelled] {
        let attack = Attack {
            protocol,
            reveal: Reveal::Advertiser,
            cheat: Party::Platform,
            sizes: [16_384 + 100, 5],
            least: 0,
            unit: Unit::Identifiers,
        };
        let mut run = 0;
        let end = attack.change_answers(|answers| {
            run += 1;
            if run == 2 {
                let other = curve25519_dalek::Scalar::from(3u8);
                answers.iter_mut().for_each(|answer| *answer = encode(&(decode(answer) * other)));
            }
        });
        let expected = PeerFault::BadProof { position: 16_384, count: 100 };
        assert_eq!(blamed(attack, end), expected, "{attack:?}");
    }
}

#[test]
fn answers_that_are_no_points_or_too_many_or_too_few_are_refused() {
    for attack in Attack::cheating_senders() {
        let count = attack.sizes[usize::from(attack.cheat == Party::Advertiser)];
        for bad in [Encoding::IDENTITY, Encoding([0xff; 32])] {
            let end = attack.change_answers(|answers| answers[7] = bad);
            let expected = PeerFault::InvalidPoint { position: 7 };
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
        let too_few: fn(&mut Vec<Encoding>) = |answers| answers.truncate(answers.len() - 1);
        let too_many: fn(&mut Vec<Encoding>) = |answers| answers.push(answers[0]);
        for (got, change) in [(count - 1, too_few), (count + 1, too_many)] {
            let end = attack.change_answers(change);
            let expected = PeerFault::WrongCount { what: "answers", got, expected: count };
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
    }
}

#[test]
fn answers_before_questions_are_refused() {
    for attack in Attack::cheating_senders() {
        let end = attack.run(&mut |frame| match frame {
            Frame::Offer(offer) => {
                vec![
                    Frame::Offer(offer),
                    Frame::Evaluated(vec![Encoding::GENERATOR]),
                    Frame::Proof([0; 64]),
                ]
            }
            frame => vec![frame],
        });
        let fault = blamed(attack, end);
        let expected = [
            PeerFault::WrongCount { what: "answers", got: 1, expected: 0 },
            PeerFault::WrongCount {
                what: "answers",
                got: 1,
                expected: attack.sizes[usize::from(attack.cheat == Party::Advertiser)],
            },
        ];
        assert!(expected.contains(&fault), "{attack:?} {fault:?}");
    }
}

// --- Offers and proofs --------------------------------------------------------------------------

#[test]
fn a_key_without_a_proof_is_refused() {
    for attack in Attack::cheating_senders() {
        let other = encode(&(RISTRETTO_BASEPOINT_POINT * curve25519_dalek::Scalar::from(77u8)));
        // The proof covers the whole offer: what else it says cannot be changed either.
        let changes: [&dyn Fn(&mut Offer); 7] = [
            &|offer| offer.set[0] ^= 1,
            &|offer| offer.label_salt[0] ^= 1,
            &|offer| offer.public_key = other,
            &|offer| offer.public_key = Encoding::IDENTITY,
            &|offer| offer.public_key = Encoding([0xff; 32]),
            &|offer| offer.key_proof[3] ^= 1,
            &|offer| offer.key_proof = [0xff; 64],
        ];
        for change in changes {
            let end = attack.change_offer(change);
            assert_eq!(blamed(attack, end), PeerFault::BadKeyProof, "{attack:?}");
        }
    }
}

#[test]
fn offers_that_do_not_fit_the_terms_are_refused() {
    for attack in Attack::cheating_senders() {
        let labelled = attack.protocol == ProtocolName::Labelled;
        let changes: [&dyn Fn(&mut Offer); 6] = [
            &|offer| offer.elements = 1 << 20,
            &|offer| offer.elements = u64::MAX,
            &|offer| offer.max_queries = 1,
            &|offer| offer.max_queries = 1 << 40,
            &|offer| offer.label_width = if labelled { 0 } else { 32 },
            &|offer| offer.label_width = 8,
        ];
        for change in changes {
            let end = attack.change_offer(change);
            assert_eq!(blamed(attack, end), PeerFault::Malformed("offer"), "{attack:?}");
        }
        for change in [(|o| o.session = [1; 32]) as fn(&mut Offer), |o| o.context = [1; 32]] {
            let end = attack.change_offer(change);
            let expected = PeerFault::BrokenCommitment("session");
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
    }
}

/// An epoch is for protocols that take prepared sets; elsewhere it would be a way around the session.
#[test]
fn an_epoch_where_there_is_none_is_refused() {
    for attack in Attack::cheating_senders().filter(|a| !a.protocol.takes_prepared_sets()) {
        let end = attack.change_offer(|offer| {
            offer.epoch = "2026-11".into();
            offer.context = [1; 32];
        });
        assert_eq!(blamed(attack, end), PeerFault::Malformed("offer"), "{attack:?}");
    }
}

/// What one session said is of no use in another between the same sides.
#[test]
fn offers_answers_and_proofs_of_another_session_are_refused() {
    for attack in Attack::cheating_senders() {
        let mut recorded = Vec::new();
        attack
            .run(&mut |frame| {
                recorded.push(frame.clone());
                vec![frame]
            })
            .unwrap();
        let replayed = |wanted: fn(&Frame) -> bool| {
            let old = recorded.iter().find(|frame| wanted(frame)).cloned();
            attack.change(|frame| {
                if wanted(frame) {
                    *frame = old.clone().unwrap();
                }
            })
        };
        let end = replayed(|frame| matches!(frame, Frame::Offer(_)));
        assert_eq!(blamed(attack, end), PeerFault::BrokenCommitment("session"), "{attack:?}");
        let end = replayed(|frame| matches!(frame, Frame::Set(_)));
        let fault = blamed(attack, end);
        assert_eq!(fault, PeerFault::BrokenCommitment("compressed set"), "{attack:?}");
        if attack.is_proven() {
            for wanted in
                [(|frame| matches!(frame, Frame::Proof(_))) as fn(&Frame) -> bool, |frame| {
                    matches!(frame, Frame::Evaluated(_))
                }]
            {
                let fault = blamed(attack, replayed(wanted));
                assert!(matches!(fault, PeerFault::BadProof { .. }), "{attack:?}: {fault:?}");
            }
        }
    }
}

#[test]
fn a_proof_with_any_bit_changed_is_refused() {
    let attack = Attack::cheating_senders().find(|a| a.is_proven()).unwrap();
    for bit in (0..512).step_by(37) {
        let end = attack.change(|frame| {
            if let Frame::Proof(proof) = frame {
                proof[bit / 8] ^= 1 << (bit % 8);
            }
        });
        let expected = PeerFault::BadProof { position: 0, count: 12 };
        assert_eq!(blamed(attack, end), expected, "bit {bit}");
    }
}

// --- Sets and labels ----------------------------------------------------------------------------

#[test]
fn a_changed_set_is_refused() {
    for attack in Attack::cheating_senders() {
        for byte in [0, 4, 9, 40, 100] {
            let end = attack.change(|frame| {
                if let Frame::Set(block) = frame {
                    let byte = byte % block.len();
                    block[byte] ^= 4;
                }
            });
            let fault = blamed(attack, end);
            let expected = matches!(
                fault,
                PeerFault::BadSet { .. } | PeerFault::BrokenCommitment("compressed set")
            );
            assert!(expected, "{attack:?}: {fault:?}");
        }
        let end = attack.run(&mut |frame| match frame {
            Frame::Set(block) => vec![Frame::Set(block.clone()), Frame::Set(block)],
            frame => vec![frame],
        });
        assert!(end.is_err(), "{attack:?}");
    }
}

fn labelled() -> Attack {
    Attack::cheating_senders().find(|a| a.protocol == ProtocolName::Labelled).unwrap()
}

#[test]
fn labels_that_do_not_fit_are_refused() {
    let attack = labelled();
    for change in [(|run| run.truncate(run.len() - 1)) as fn(&mut Vec<u8>), |run| run.push(0)] {
        let end = attack.change(|frame| {
            if let Frame::Labels(run) = frame {
                change(run);
            }
        });
        assert!(matches!(blamed(attack, end), PeerFault::BadLength { frame: "labels", .. }));
    }
    for attack in Attack::cheating_senders().filter(|a| a.protocol != ProtocolName::Labelled) {
        let end = attack.run(&mut |frame| match frame {
            Frame::Set(block) => vec![Frame::Set(block), Frame::Labels(vec![0; 32])],
            frame => vec![frame],
        });
        assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x24), "{attack:?}");
    }
}

/// The attack: damage one label, and see whether the session ends. Were it to end, its owner would be
/// on the advertiser's list. So nothing that the advertiser sends may depend on it.
#[test]
fn a_damaged_label_tells_nobody_whether_it_was_looked_at() {
    let attack = labelled();
    let mut readable = Vec::new();
    for damaged in 0..30 {
        let end = attack.change(|frame| {
            if let Frame::Labels(run) = frame {
                let length = run.len() / 30;
                run[damaged * length] ^= 1;
            }
        });
        let outcome = end.unwrap();
        assert_eq!(outcome.answer.count, Some(6));
        assert_eq!(outcome.bytes.sent, attack.change(|_| {}).unwrap().bytes.sent);
        let labels = outcome.answer.labels.unwrap();
        assert_eq!(labels.len(), 6);
        readable.push(labels.iter().flatten().count());
    }
    // The order of a set is fresh in each session, so which ones are hit is chance.
    assert!(readable.iter().all(|&count| count >= 5), "{readable:?}");
    // Labels in another order: none opens under the output of another element.
    let end = attack.change(|frame| {
        if let Frame::Labels(run) = frame {
            let half = run.len() / 2;
            run.rotate_left(half);
        }
    });
    assert!(end.unwrap().answer.labels.unwrap().iter().all(Option::is_none));
}

/// Answers that nobody asked for, without end, would fill the receiver's memory.
#[test]
fn answers_are_not_hoarded() {
    for attack in Attack::cheating_senders() {
        let end = attack.run(&mut |frame| match frame {
            Frame::Evaluated(run) => vec![Frame::Evaluated(run.clone()), Frame::Evaluated(run)],
            Frame::Proof(_) => vec![],
            frame => vec![frame],
        });
        let expected = PeerFault::Unexpected(0x21);
        assert_eq!(blamed(attack, end), expected, "{attack:?}");
    }
}

/// Questions one at a time would cost the sender a proof each.
#[test]
fn questions_come_in_whole_runs() {
    for attack in Attack::cheating_askers().filter(|a| !a.lists_cross()) {
        let end = attack.run(&mut |frame| match frame {
            Frame::Points(run) => run.iter().map(|point| Frame::Points(vec![*point])).collect(),
            frame => vec![frame],
        });
        let expected = PeerFault::BadLength { frame: "points", length: 32 };
        assert_eq!(blamed(attack, end), expected, "{attack:?}");
    }
}

// --- Counts and sums ----------------------------------------------------------------------------

/// A key for values without its private half: one for which the total is known to somebody else, or
/// one that was the other side's in another session.
#[test]
fn a_key_for_values_without_a_proof_is_refused() {
    for attack in Attack::sums(Party::Advertiser) {
        for bit in [0, 100, 255, 300, 511] {
            let end = attack.change(|frame| {
                if let Frame::ValueKey(key) = frame {
                    key.proof[bit / 8] ^= 1 << (bit % 8);
                }
            });
            assert_eq!(blamed(attack, end), PeerFault::BadKeyProof, "{attack:?}");
        }
        let end = attack.change(|frame| {
            if let Frame::ValueKey(key) = frame {
                key.point = Encoding::GENERATOR;
            }
        });
        assert_eq!(blamed(attack, end), PeerFault::BadKeyProof, "{attack:?}");
        let mut recorded = None;
        for round in 0..2 {
            let end = attack.change(|frame| {
                if let Frame::ValueKey(_) = frame {
                    *frame = recorded.get_or_insert_with(|| frame.clone()).clone();
                }
            });
            match round {
                0 => assert!(end.is_ok()),
                _ => assert_eq!(blamed(attack, end), PeerFault::BadKeyProof, "{attack:?}"),
            }
        }
    }
}

/// Every value is checked, also of elements that do not match: otherwise a bad one in a chosen place
/// would tell whether that element does.
#[test]
fn values_that_are_no_ciphertexts_are_named_by_position_before_anything_is_compared() {
    for attack in Attack::sums(Party::Advertiser) {
        for (position, half) in (0..12).flat_map(|position| [(position, 0), (position, 1)]) {
            for bad in [Encoding::IDENTITY, Encoding([0xff; 32])] {
                let end = attack.change(|frame| {
                    if let Frame::Ciphertexts(run) = frame {
                        run[position][half] = bad;
                    }
                });
                let expected = PeerFault::InvalidPoint { position: position as u64 };
                assert_eq!(blamed(attack, end), expected, "{attack:?}");
            }
        }
        let end = attack.change(|frame| {
            if let Frame::Ciphertexts(run) = frame {
                run.push(run[0]);
            }
        });
        let fault = PeerFault::WrongCount { what: "ciphertexts", got: 13, expected: 12 };
        assert_eq!(blamed(attack, end), fault, "{attack:?}");
        let end = attack.change(|frame| {
            if let Frame::Ciphertexts(run) = frame {
                run.pop();
            }
        });
        assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x12), "{attack:?}");
    }
}

/// Tags in an order that would tell positions, and more or fewer than there are.
#[test]
fn tags_to_count_by_come_sorted_and_all() {
    let with_tags = |attack: Attack, change: fn(&mut Vec<u8>)| {
        attack.change(|frame| {
            if let Frame::Tags(tags) = frame {
                change(tags);
            }
        })
    };
    let gives = |a: &Attack| match (a.protocol, a.reveal) {
        (ProtocolName::Sum, _) => a.cheat == Party::Advertiser,
        (ProtocolName::Count, _) if a.unit == Unit::People => a.cheat == Party::Advertiser,
        (ProtocolName::Count, Reveal::Advertiser) => a.cheat == Party::Platform,
        (ProtocolName::Count, _) => a.cheat == Party::Advertiser,
        _ => false,
    };
    for attack in all().into_iter().filter(gives) {
        let end = with_tags(attack, |tags| tags.rotate_left(7));
        assert_eq!(blamed(attack, end), PeerFault::Malformed("tags"), "{attack:?}");
        let end = with_tags(attack, |tags| {
            tags.pop();
        });
        assert!(matches!(blamed(attack, end), PeerFault::BadLength { frame: "tags", .. }));
        let end = with_tags(attack, |tags| tags.extend_from_slice(&[0xff; 7]));
        assert!(matches!(blamed(attack, end), PeerFault::WrongCount { what: "tags", .. }));
        let end = with_tags(attack, |tags| tags.truncate(7));
        assert!(end.is_err(), "{attack:?}");
        // One match repeated makes no audience.
        let end = with_tags(attack, |tags| {
            let first = tags[..7].to_vec();
            tags.chunks_mut(7).for_each(|tag| tag.copy_from_slice(&first));
        });
        let count = end.map(|outcome| outcome.answer.count);
        assert!(count.is_ok_and(|count| count.is_some_and(|count| count <= 1)), "{attack:?}");
    }
}

/// More entries than values of that size can be added for.
#[test]
fn totals_that_could_be_too_great_are_refused_in_the_greeting() {
    for attack in Attack::sums(Party::Advertiser) {
        let end = attack.change(|frame| {
            if let Frame::Hello(hello) = frame {
                hello.elements = (1 << 40) / 1000 + 1;
            }
        });
        match end.err() {
            Some(Error::Incompatible { field: "list size", ours, .. }) => {
                assert!(ours.starts_with("at most 1099511627 with this clip"), "{ours}");
            }
            other => panic!("{attack:?}: {other:?}"),
        }
    }
}

/// A count that cannot be, or that is below the minimum audience.
#[test]
fn impossible_counts_are_refused() {
    for attack in Attack::sums(Party::Platform) {
        for (told, least) in [(13, 0), (u64::MAX, 0), (3, 4), (0, 4)] {
            let attack = Attack { least, ..attack };
            let end = attack.change(|frame| {
                if let Frame::Count(count) = frame {
                    *count = told;
                }
            });
            let expected = match told < least {
                true => PeerFault::Unexpected(0x32),
                false => PeerFault::Malformed("count"),
            };
            assert_eq!(blamed(attack, end), expected, "{attack:?}");
        }
        let end = attack.change(|frame| {
            if let Frame::Count(_) = frame {
                *frame = Frame::Withheld;
            }
        });
        assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x14), "{attack:?}");
    }
}

/// A total that is none, one under nobody's key, and one that would be decrypted for a side that is
/// not to learn it.
#[test]
fn bad_totals_are_refused() {
    for attack in Attack::sums(Party::Platform) {
        let change = |total: [Encoding; 2]| {
            attack.change(move |frame| match frame {
                Frame::Total(sent) => *sent = total,
                Frame::Query(sent) => *sent = total[0],
                _ => {}
            })
        };
        let malformed = |what| PeerFault::Malformed(what);
        let other = Encoding::GENERATOR;
        match attack.reveal {
            Reveal::Advertiser => {
                for half in [0, 1] {
                    let mut total = [other; 2];
                    total[half] = Encoding::IDENTITY;
                    assert_eq!(blamed(attack, change(total)), malformed("total"), "{attack:?}");
                }
                // Six matches of at most 1000.
                let fault = blamed(attack, change([other; 2]));
                assert_eq!(fault, PeerFault::BadTotal { most: 6000 }, "{attack:?}");
                let end = attack.change(|frame| {
                    if let Frame::Total(total) = frame {
                        *frame = Frame::Query(total[0]);
                    }
                });
                assert_eq!(blamed(attack, end), PeerFault::Unexpected(0x34), "{attack:?}");
            }
            _ => {
                let end = change([Encoding([0xff; 32]); 2]);
                assert_eq!(blamed(attack, end), malformed("query"), "{attack:?}");
            }
        }
    }
}

/// A partial decryption that is not the one of the query.
#[test]
fn wrong_partial_decryptions_are_refused() {
    for attack in Attack::sums(Party::Advertiser).filter(|a| a.reveal == Reveal::Platform) {
        let bad = PeerFault::BadProof { position: 0, count: 1 };
        let changes: [fn(&mut blindmatch::wire::Proven); 4] = [
            |share| share.point = encode(&(decode(&share.point) + RISTRETTO_BASEPOINT_POINT)),
            |share| share.point = Encoding::IDENTITY,
            |share| share.proof[0] ^= 1,
            |share| share.proof[63] = 0xff,
        ];
        for change in changes {
            let end = attack.change(|frame| {
                if let Frame::Share(share) = frame {
                    change(share);
                }
            });
            assert_eq!(blamed(attack, end), bad, "{attack:?}");
        }
        let mut recorded = None;
        for round in 0..2 {
            let end = attack.change(|frame| {
                if let Frame::Share(_) = frame {
                    *frame = recorded.get_or_insert_with(|| frame.clone()).clone();
                }
            });
            assert!(round == 0 && end.is_ok() || end.is_err_and(|error| fault(error) == bad));
        }
    }
}

/// An advertiser that follows its own rules for values: one that is greater than the clip is noticed
/// only where the total then is impossible.
#[test]
fn a_value_far_out_of_range_is_noticed_in_the_total() {
    for attack in Attack::sums(Party::Advertiser).filter(|a| a.reveal == Reveal::Platform) {
        let end = attack.change(|frame| {
            if let Frame::Ciphertexts(run) = frame {
                for pair in run {
                    pair[1] = encode(
                        &(decode(&pair[1]) + RISTRETTO_BASEPOINT_POINT * Scalar::from(1u64 << 50)),
                    );
                }
            }
        });
        assert_eq!(blamed(attack, end), PeerFault::BadTotal { most: 6000 }, "{attack:?}");
    }
}

/// Values that are powers of two read memberships out of a total: the limit on a value is kept by the
/// side that brings it and by nobody else, and only the minimum audience stands in the way.
#[test]
fn undetected_by_design_sum_values_can_name_a_match() {
    let attack = Attack::sums(Party::Advertiser).find(|a| a.reveal == Reveal::Platform).unwrap();
    let totals = [0, 1].map(|extra| {
        let end = attack.change(|frame| {
            if let Frame::Ciphertexts(run) = frame {
                let first = run.first_mut().unwrap();
                let more = RISTRETTO_BASEPOINT_POINT * Scalar::from(2000u64 * extra);
                first[1] = encode(&(decode(&first[1]) + more));
            }
        });
        end.unwrap().answer.sum.unwrap()
    });
    // The first element of a list whose order says nothing matches, or it does not.
    assert!([0, 2000].contains(&(totals[1] - totals[0])));
}

// --- The stream as a whole ----------------------------------------------------------------------

/// A mirror: it sends back whatever it hears. Were it let, everything would seem to match.
#[test]
fn a_mirror_is_refused() {
    for attack in all() {
        let [advertiser, platform] = attack.sessions();
        let (mut honest, mut peer) = match attack.cheat {
            Party::Advertiser => (platform, advertiser),
            Party::Platform => (advertiser, platform),
        };
        let Ok(Action::Send(hello)) = peer.advance(true) else { panic!("no hello") };
        honest.receive(&hello);
        let mut hellos = 0;
        let end = loop {
            match honest.advance(true) {
                Ok(Action::Send(bytes)) => {
                    hellos += 1;
                    if hellos > 1 {
                        honest.receive(&bytes);
                    }
                }
                Ok(Action::Worked) => {}
                Ok(Action::Wait) => break honest.hung_up().err(),
                Ok(Action::Done) => break None,
                Err(error) => break Some(error),
            }
        };
        assert!(end.is_some(), "{attack:?}");
    }
}

/// Frames that are dropped, doubled, swapped, cut short or changed, one at a time, on a stream that is
/// otherwise the same: an error, or the right answer, and never a panic or a wait without end. Where
/// nothing proves the peer's words (tags of `dh`, answers of `oprf`) the answer may be another.
#[test]
fn whatever_happens_to_one_frame_the_honest_side_ends_well() {
    let happenings: [fn(Frame) -> Vec<Frame>; 4] = [
        |_| vec![],
        |frame| vec![frame.clone(), frame],
        |frame| vec![Frame::KeepAlive, frame, Frame::KeepAlive],
        |frame| vec![Frame::Finished, frame],
    ];
    for attack in all() {
        let mut frames = 0;
        attack.change(|_| frames += 1).unwrap();
        for at in 0..frames {
            for (number, happening) in happenings.iter().enumerate() {
                let mut index = 0;
                let end = attack.run(&mut |frame| {
                    index += 1;
                    if index == at + 1 { happening(frame) } else { vec![frame] }
                });
                if let Ok(outcome) = end {
                    let told = outcome.answer.count.is_none_or(|count| count == 6);
                    assert!(told, "{attack:?}: frame {at}, happening {number}");
                }
            }
        }
    }
}
