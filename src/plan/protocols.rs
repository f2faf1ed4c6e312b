//! What protocols consist of: the stages of each, as its module has them.
//!
//! A new protocol gets its stages here, its bytes in `traffic`, its memory in `memory` and what its
//! sides learn in `facts`.

use super::model::{Stage, Work};
use super::traffic::{self, sent_by};
use super::{Question, Units, Way};
use crate::protocol::{Party, ProtocolName, Reveal};
use crate::set::SetParameters;

/// A protocol for one question, on one kind of machine.
pub(super) struct Parts<'a> {
    pub(super) way: Way,
    pub(super) question: &'a Question,
    pub(super) units: &'a Units,
}

/// Stages of a session, from the first word to the last that the advertiser waits for.
pub(super) fn stages(parts: &Parts<'_>) -> Vec<Stage> {
    let mut stages = vec![parts.greeting()];
    stages.extend(match parts.way.protocol {
        ProtocolName::Dh => parts.dh(),
        ProtocolName::Count | ProtocolName::Sum => parts.aggregate(),
        ProtocolName::Pair => parts.pair(),
        _ => parts.oblivious(),
    });
    let whole = parts.units.whole;
    stages.iter_mut().for_each(|stage| stage.work = stage.work.map(|work| work.times(whole)));
    stages
}

/// What happens once an epoch, before any session.
pub(super) fn preparation(parts: &Parts<'_>) -> Work {
    let elements = parts.question.sizes[1];
    // Each entry is also authenticated, four blocks of a hash, and written.
    parts.evaluated(elements) + Work::serial(elements as f64 * 4.0 * 64.0 * parts.units.hash_byte)
}

/// What a server does before it listens, where its set is prepared: reads it twice, for its check and
/// its hash.
pub(super) fn loading(parts: &Parts<'_>) -> Work {
    let elements = parts.question.sizes[1];
    Work::serial(elements as f64 * parts.units.set_read.at(elements))
}

const ADVERTISER: usize = 0;
const PLATFORM: usize = 1;

fn index(party: Party) -> usize {
    match party {
        Party::Advertiser => ADVERTISER,
        Party::Platform => PLATFORM,
    }
}

/// Work of one side alone.
fn by(party: Party, work: Work) -> [Work; 2] {
    let mut both = [Work::default(); 2];
    both[index(party)] = work;
    both
}

fn plus(one: [u64; 2], other: [u64; 2]) -> [u64; 2] {
    [one[0] + other[0], one[1] + other[1]]
}

fn plus_work(one: [Work; 2], other: [Work; 2]) -> [Work; 2] {
    [one[0] + other[0], one[1] + other[1]]
}

impl Parts<'_> {
    fn size(&self, party: Party) -> u64 {
        self.question.sizes[index(party)]
    }

    fn tag_length(&self) -> u64 {
        traffic::tag_length(self.question.sizes)
    }

    /// Both hellos. The handshakes below them are in the flights.
    fn greeting(&self) -> Stage {
        let hello = traffic::hello(self.way, self.question);
        // TCP: two; TLS: two, then the client's keys and the server's word; hellos either way: one.
        Stage { name: "handshake", bytes: [hello; 2], flights: 7, ..Stage::default() }
    }

    /// `count` elements sorted. A level of the sort is one thread's at first, then two threads', and so on.
    fn sorted(&self, count: u64, curve: super::Curve) -> Work {
        let (count, cores) = (count as f64, self.question.cores as f64);
        let all = count * curve.at(count as u64);
        let alone = (count * curve.doubling() * (2.0 - 2.0 / cores)).min(all);
        Work::parallel(all - alone) + Work::serial(alone)
    }

    /// A frame's worth of points, at one end.
    fn framed(&self, bytes: u64) -> Work {
        Work::serial(bytes as f64 * self.units.frame_byte / 2.0)
    }

    // What compares points under two keys: `exchange`.

    /// Blinding, sorting and committing; then both lists cross.
    fn crossing(&self) -> Vec<Stage> {
        let u = self.units;
        let blind = |party| {
            let own = self.size(party);
            Work::parallel(own as f64 * u.hash_blind)
                + self.sorted(own, u.sort_slots)
                + Work::serial(own as f64 * 32.0 * u.hash_byte)
        };
        let evaluate = |party: Party| {
            let (own, peers) = (self.size(party), self.size(party.peer()));
            Work::parallel(peers as f64 * (u.blind + u.tag))
                + Work::serial(peers as f64 * 32.0 * u.hash_byte)
                + self.framed(32 * (own + peers))
        };
        let points = self.question.sizes.map(traffic::points);
        let both = [Party::Advertiser, Party::Platform];
        vec![
            Stage {
                name: "blind",
                work: both.map(blind),
                bytes: [traffic::commitment(); 2],
                flights: 1,
            },
            Stage { name: "evaluate", work: both.map(evaluate), bytes: points, flights: 1 },
        ]
    }

    /// A run of `to`'s tags from the other side, as many as `to` has elements, and what `to` does with
    /// it: looks them up among those that it made itself.
    fn tags_to(&self, to: Party, sorted_first: bool, table: bool) -> Stage {
        let (u, own, peers) = (self.units, self.size(to), self.size(to.peer()));
        let bytes = traffic::tags(own, self.tag_length());
        let sort = if sorted_first { self.sorted(own, u.sort_tags) } else { Work::default() };
        let table = if table { self.sorted(peers, u.sort_tags) } else { Work::default() };
        let look_up = Work::parallel(own as f64 * u.look_up.at(peers));
        Stage {
            name: "compare",
            work: plus_work(
                by(to.peer(), sort + self.framed(bytes)),
                by(to, table + look_up + self.framed(bytes)),
            ),
            bytes: sent_by(to.peer(), bytes),
            flights: 1,
        }
    }

    fn dh(&self) -> Vec<Stage> {
        let (reveal, gated) = (self.question.reveal, self.question.min_audience > 0);
        let first = reveal.counts_first();
        let mut stages = self.crossing();
        if gated {
            stages.push(self.tags_to(first, true, true));
            stages.push(word_from(first));
        }
        if reveal == Reveal::Count {
            if !gated {
                stages.push(self.tags_to(first, true, true));
            }
            stages.push(self.tags_to(first.peer(), true, true));
        }
        for party in [Party::Advertiser, Party::Platform] {
            if reveal.gives_matches_to(party) {
                stages.push(self.tags_to(party, false, !gated || party != first));
            }
        }
        if matches!(reveal, Reveal::Both) || reveal == Reveal::Count && !gated {
            merge_last_two(&mut stages); // neither waits for the other
        }
        // The advertiser hears that the platform has everything.
        stages.push(last_words(if reveal == Reveal::Advertiser { 0 } else { 1 }));
        stages
    }

    /// The side that compares in `count` and `sum`.
    fn comparer(&self) -> Party {
        let (reveal, gated) = (self.question.reveal, self.question.min_audience > 0);
        match (self.way.protocol, reveal) {
            (ProtocolName::Sum, _) => Party::Platform,
            (_, reveal) if gated => reveal.counts_first(),
            (_, Reveal::Advertiser) => Party::Advertiser,
            _ => Party::Platform,
        }
    }

    fn aggregate(&self) -> Vec<Stage> {
        let (u, comparer) = (self.units, self.comparer());
        let giver = comparer.peer();
        let sums = self.way.protocol == ProtocolName::Sum;
        let mut stages = self.crossing();
        if sums {
            stages.push(self.values());
        }
        // The comparer has many to look up, in those that are sent.
        let (own, peers) = (self.size(comparer), self.size(giver));
        let bytes = traffic::tags(own, self.tag_length());
        let compare = self.sorted(own, u.sort_tags)
            + Work::parallel(peers as f64 * u.look_up.at(own))
            + self.framed(bytes);
        let give = self.sorted(own, u.sort_tags) + self.framed(bytes);
        stages.push(Stage {
            name: "compare",
            work: plus_work(by(giver, give), by(comparer, compare)),
            bytes: sent_by(giver, bytes),
            flights: 1,
        });
        if sums || self.question.reveal.gives_matches_to(giver) {
            let bytes = sent_by(comparer, traffic::count());
            stages.push(Stage { name: "count", bytes, flights: 1, ..Stage::default() });
        }
        if sums {
            stages.extend(self.total());
        }
        stages.push(last_words(u32::from(comparer == Party::Platform && !sums)));
        stages
    }

    /// Encrypted values of a sum, on their way from the advertiser.
    fn values(&self) -> Stage {
        let (u, own) = (self.units, self.question.sizes[ADVERTISER] as f64);
        let bytes = traffic::ciphertexts(self.question.sizes[ADVERTISER]);
        Stage {
            name: "values",
            work: [
                Work::parallel(own * u.encrypt) + Work::serial(own * u.scalar) + self.framed(bytes),
                Work::parallel(own * 2.0 * u.decode) + self.framed(bytes),
            ],
            bytes: [bytes + traffic::value_key(), 0],
            flights: 0, // tags follow at once
        }
    }

    /// Adding what matches, and finding the total.
    fn total(&self) -> Vec<Stage> {
        let u = self.units;
        let matches = self.question.matches() as f64;
        let add = Work::parallel(matches * 2.0 * u.decode);
        let most = self.question.matches().saturating_mul(self.question.clip).max(1);
        let table = 1u64 << (most.ilog2() / 2 + 1).clamp(6, 20);
        // Half of the range on average: values are as likely to be small as large.
        let steps = table + most / 2 / table;
        let search = Work::parallel(steps as f64 * u.step) + Work::serial(steps as f64 * 10.0);
        let [add, search] = match self.question.reveal {
            Reveal::Platform => [by(Party::Platform, add), by(Party::Platform, search)],
            _ => [by(Party::Platform, add), by(Party::Advertiser, search)],
        };
        let (ask, answer) = match self.question.reveal {
            Reveal::Platform => ([0, traffic::query()], [traffic::value_key(), 0]),
            _ => ([0, traffic::total()], [0, 0]),
        };
        let flights = if answer == [0, 0] { 0 } else { 2 };
        vec![
            Stage { name: "add", work: add, bytes: ask, flights: 1 },
            Stage { name: "search", work: search, bytes: answer, flights },
        ]
    }

    // What two clean rooms do: `pair`.

    /// Keys; lists under two keys; then all of it under three.
    fn pair(&self) -> Vec<Stage> {
        let u = self.units;
        let hashed = |count: u64| Work::serial(count as f64 * 32.0 * u.hash_byte);
        let blind = |party| {
            let own = self.size(party);
            let point = Work::parallel(own as f64 * u.hash_blind);
            point + self.sorted(own, u.sort_slots) + hashed(own)
        };
        let encrypt = |party: Party| {
            let (own, peers) = (self.size(party), self.size(party.peer()));
            let again = Work::parallel(peers as f64 * u.blind) + self.framed(32 * (own + peers));
            // The peer's list is hashed as it arrives, and its PAIR IDs are committed to.
            again + self.sorted(peers, u.sort_slots) + hashed(2 * peers)
        };
        let compare = |party: Party| {
            let (own, peers) = (self.size(party), self.size(party.peer()));
            hashed(own) + self.framed(32 * (own + peers))
        };
        let both = [Party::Advertiser, Party::Platform];
        let points = both.map(|party| traffic::points(self.size(party)));
        let stage = |name, work, bytes, flights| Stage { name, work, bytes, flights };
        let commitments = [traffic::commitment(); 2];
        vec![
            stage("keys", Default::default(), traffic::pair_keys(), 2),
            stage("blind", both.map(blind), commitments, 1),
            stage("encrypt", both.map(encrypt), plus(points, commitments), 2),
            stage("compare", both.map(compare), [points[1], points[0]], 1),
            last_words(1),
        ]
    }

    // What asks an oblivious function: `oprf`.

    fn labelled(&self) -> bool {
        self.way.protocol == ProtocolName::Labelled
    }

    fn proven(&self) -> bool {
        self.way.protocol != ProtocolName::Oprf
    }

    /// A sender's own list evaluated and compressed.
    fn evaluated(&self, elements: u64) -> Work {
        let u = self.units;
        let count = elements as f64;
        let secret = if self.labelled() { u.output + u.seal } else { 0.0 };
        let build = self.built(elements);
        // Labels need the order as well.
        let order = match self.labelled() {
            true => self.sorted(elements, u.sort_outputs),
            false => Work::default(),
        };
        Work::parallel(count * (u.hash_blind + u.output + secret)) + build + order
    }

    /// Outputs sorted, coded and hashed: the hash of the set is one thread's.
    fn built(&self, elements: u64) -> Work {
        let all = self.sorted(elements, self.units.set_build);
        let bytes = self.set_of(elements, self.question.sizes[ADVERTISER]).map_or(0, traffic::set);
        let hash = (bytes as f64 * self.units.hash_byte * 1e-9).min(all.parallel);
        Work { parallel: all.parallel - hash, serial: all.serial + hash }
    }

    fn set_of(&self, elements: u64, queries: u64) -> Option<SetParameters> {
        let queries = if self.way.prepared { self.question.max_queries() } else { queries };
        SetParameters::new(elements, queries.max(1)).ok()
    }

    fn oblivious(&self) -> Vec<Stage> {
        let mut stages: Vec<Stage> = Vec::new();
        for receiver in [Party::Advertiser, Party::Platform] {
            if self.question.reveal.gives_matches_to(receiver) {
                let fresh = self.asked_by(receiver);
                if stages.is_empty() {
                    stages = fresh;
                } else {
                    stages
                        .iter_mut()
                        .zip(fresh)
                        .for_each(|(stage, fresh)| both_at_once(stage, fresh));
                }
            }
        }
        stages.push(last_words(u32::from(self.question.reveal == Reveal::Platform)));
        stages
    }

    /// Everything in which this side learns.
    fn asked_by(&self, receiver: Party) -> Vec<Stage> {
        let (u, sender) = (self.units, receiver.peer());
        let (own, theirs) = (self.size(receiver), self.size(sender));
        let count = own as f64;
        let mask =
            Work::parallel(count * (u.hash_mask + u.scalar)) + self.sorted(own, u.sort_slots);
        let evaluated = if self.way.prepared { Work::default() } else { self.evaluated(theirs) };
        let [prove, check] = if self.proven() { [u.prove, u.check] } else { [0.0; 2] };
        let secret = if self.labelled() { u.output } else { 0.0 };
        let (points, proofs) =
            (traffic::points(own), if self.proven() { traffic::proofs(own) } else { 0 });
        let answer = Work::parallel(count * (u.blind + prove)) + self.framed(64 * own);
        let unmask =
            Work::parallel(count * (u.unmask + u.output + secret + check)) + self.framed(64 * own);
        let set = self.set_of(theirs, own).map_or(0, traffic::set);
        let read =
            self.sorted(own, u.sort_outputs) + Work::serial(theirs as f64 * u.set_read.at(theirs));
        vec![
            Stage {
                name: "blind",
                work: plus_work(by(receiver, mask), by(sender, evaluated)),
                bytes: sent_by(sender, traffic::offer(self.way)),
                flights: 1,
            },
            Stage {
                name: "evaluate",
                work: plus_work(by(receiver, unmask), by(sender, answer)),
                bytes: plus(sent_by(receiver, points), sent_by(sender, points + proofs)),
                flights: 2,
            },
            Stage {
                name: "compare",
                work: by(receiver, read),
                bytes: sent_by(sender, set),
                flights: 0, // blocks follow the last answer at once
            },
            self.labels(receiver, theirs),
        ]
    }

    /// Labels after the set; nothing in other protocols.
    fn labels(&self, receiver: Party, elements: u64) -> Stage {
        if !self.labelled() {
            return Stage::default();
        }
        let bytes = traffic::labels(elements, self.question.label_bytes);
        let open = Work::serial(self.question.matches() as f64 * self.units.open);
        Stage {
            name: "labels",
            work: plus_work(
                by(receiver, open + self.framed(bytes)),
                by(receiver.peer(), self.framed(bytes)),
            ),
            bytes: sent_by(receiver.peer(), bytes),
            flights: 0,
        }
    }
}

/// Two roles of each side at once: work adds up, and what crosses.
fn both_at_once(stage: &mut Stage, other: Stage) {
    stage.work = plus_work(stage.work, other.work);
    stage.bytes = plus(stage.bytes, other.bytes);
    stage.flights = stage.flights.max(other.flights);
}

fn merge_last_two(stages: &mut Vec<Stage>) {
    if let (Some(last), Some(stage)) = (stages.pop(), stages.last_mut()) {
        both_at_once(stage, last);
    }
}

fn word_from(party: Party) -> Stage {
    let bytes = sent_by(party, traffic::word());
    Stage { name: "decision", bytes, flights: 1, ..Stage::default() }
}

fn last_words(flights: u32) -> Stage {
    Stage { name: "finish", bytes: [traffic::word(); 2], flights, ..Stage::default() }
}
