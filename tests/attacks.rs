//! Attacks on every protocol to which they apply: a peer that is honest but for what it changes in the
//! frames that it sends.
//!
//! [`Attack::run`] has two library sessions talk, with the cheating one's frames passed through a
//! function. `adversarial.rs` has the peers that need code of their own.

#[path = "attacks/answers.rs"]
mod answers;
mod common;
#[path = "attacks/offers.rs"]
mod offers;
#[path = "attacks/people.rs"]
mod people;
#[path = "attacks/points.rs"]
mod points;
#[path = "attacks/sets.rs"]
mod sets;
#[path = "attacks/sums.rs"]
mod sums;

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
                    Action::Done => return honest.outcome(),
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
                return honest.outcome();
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
