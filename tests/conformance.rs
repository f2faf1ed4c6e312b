//! One suite for every protocol, transport and backend.
//!
//! A [`Case`] says what two honest sides bring; [`check`] runs it and compares everything that each
//! side may and may not learn with a `HashSet`. A new protocol, transport or backend is a line in
//! [`protocols`], [`Transport::ALL`] or [`Backend::available`].

mod common;
#[path = "conformance/people.rs"]
mod people;

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use blindmatch::group::{Backend, Engine, Parallelism};
use blindmatch::key::epoch::{EpochBinding, EpochSecret};
use blindmatch::label::Labels;
use blindmatch::prepare::{self, PreparedSet};
use blindmatch::protocol::{Blinding, Input, Party, Phase, ProtocolName, Reveal, Values};
use blindmatch::session::{Outcome, Session, Settings};
use blindmatch::{ConsentedList, Error, Result};
use common::Seeded;

/// What is run, and how the receiver blinds.
#[derive(Clone, Copy)]
struct Protocol {
    name: ProtocolName,
    blinding: Blinding,
    /// Whether the platform brings a set that was prepared, in place of its list.
    prepared: bool,
}

/// What values are cut down to in sums: some are greater.
const CLIP: u64 = 500;

/// Every protocol; those with an oblivious function under both kinds of blind, and with prepared sets
/// where they take them.
fn protocols() -> Vec<Protocol> {
    let with = |name| Blinding::ALL.map(|blinding| Protocol { name, blinding, prepared: false });
    let all = ProtocolName::ALL.into_iter().flat_map(with);
    let asks = |name: ProtocolName| name != ProtocolName::Dh && !name.is_aggregate();
    let all = all.filter(|p| asks(p.name) || p.blinding == Blinding::default());
    let sets = ProtocolName::ALL.into_iter().filter(|name| name.takes_prepared_sets());
    let prepared = |name| Protocol { name, blinding: Blinding::Additive, prepared: true };
    all.chain(sets.map(prepared)).collect()
}

const DH: Protocol =
    Protocol { name: ProtocolName::Dh, blinding: Blinding::Additive, prepared: false };

/// Most queries that sets are prepared for.
const MAX_QUERIES: u64 = 1 << 20;

/// A list evaluated under an epoch's key.
fn prepared(list: &ConsentedList) -> Arc<PreparedSet> {
    let binding = EpochBinding::new("2026-11", "them", list.purpose(), list.profile()).unwrap();
    let secret = EpochSecret::generate(&mut Seeded::new("epoch"));
    let mut options = prepare::Options::default();
    options.max_queries = MAX_QUERIES;
    let go_on = &mut |_| ControlFlow::Continue(());
    PreparedSet::in_memory(list, &secret, &binding, &options, go_on).unwrap().into()
}

impl Protocol {
    fn settings(self, reveal: Reveal, least: u64) -> [Settings; 2] {
        let mut settings = common::settings(reveal, least);
        for side in &mut settings {
            (side.protocol, side.blinding) = (self.name, self.blinding);
            side.clip = (self.name == ProtocolName::Sum).then_some(CLIP);
            side.max_elements = if self.prepared { MAX_QUERIES } else { side.max_elements };
        }
        settings
    }

    /// The reveals that it has.
    fn reveals(self) -> impl Iterator<Item = Reveal> {
        Reveal::ALL.into_iter().filter(move |&reveal| self.name.can_reveal(reveal))
    }

    /// A minimum audience, where it keeps one.
    fn least(self, least: u64) -> u64 {
        if self.name.keeps_minimum_audience() { least } else { 0 }
    }
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let prepared = if self.prepared { ", prepared" } else { "" };
        write!(f, "{} ({}{prepared})", self.name, self.blinding.name())
    }
}

/// What carries the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    /// No transport: each frame handed over at once, by hand.
    Hand,
    /// The same, in pieces of this many bytes.
    Pieces(usize),
    /// A link within the process, and the threaded driver.
    Memory,
}

impl Transport {
    const ALL: [Transport; 2] = [Transport::Hand, Transport::Memory];

    /// Both outcomes, and what each side sent where that was seen.
    fn run(self, sides: [Session; 2]) -> ([Outcome; 2], Option<[Vec<u8>; 2]>) {
        let seen = |run: Result<([Outcome; 2], [Vec<u8>; 2])>| {
            let (outcomes, traffic) = run.unwrap();
            (outcomes, Some(traffic))
        };
        match self {
            Transport::Hand => seen(common::pump(sides, None)),
            Transport::Pieces(piece) => seen(common::pump(sides, Some(piece))),
            Transport::Memory => {
                let outcomes = common::drive_both(sides, common::timing());
                (outcomes.map(|outcome| outcome.unwrap()), None)
            }
        }
    }
}

/// Two lists, one value a row, and what the protocol makes of them.
struct Case {
    name: &'static str,
    rows: [Vec<String>; 2],
}

impl Case {
    fn new(name: &'static str, advertiser: &[u64], platform: &[u64]) -> Case {
        let rows = [advertiser, platform].map(|numbers| common::addresses(numbers.iter().copied()));
        Case { name, rows }
    }

    /// How many values both hold.
    fn overlap(&self) -> u64 {
        let [ours, theirs] = self.sets();
        ours.intersection(&theirs).count() as u64
    }

    fn sets(&self) -> [HashSet<&String>; 2] {
        self.rows.each_ref().map(|rows| rows.iter().collect())
    }

    /// The label of an entry, by the row in which it first stands.
    fn label(&self, list: &ConsentedList, side: usize, index: usize) -> String {
        let value = &self.rows[side][list.occurrences(index)[0].row as usize];
        match value.len() % 4 {
            0 => String::new(),
            1 => "gold".to_owned(),
            _ => format!("has {} letters, says the label of {value}", value.len()),
        }
    }

    /// The labels that the platform brings.
    fn labels(&self, list: &ConsentedList) -> Arc<Labels> {
        Labels::new((0..list.len()).map(|index| self.label(list, 1, index))).unwrap().into()
    }

    /// The labels that matches should come with: by value, from the list of side `side`.
    fn labels_of(&self, list: &ConsentedList, side: usize, matched: &[u32]) -> Vec<Option<String>> {
        matched.iter().map(|&index| Some(self.label(list, side, index as usize))).collect()
    }

    /// The worth of an entry: a number that its value makes, up to 699.
    fn worth(value: &str) -> u64 {
        value.bytes().fold(7, |sum, byte| (sum * 31 + u64::from(byte)) % 700)
    }

    /// The values that the advertiser brings to a sum.
    fn values(&self, list: &ConsentedList) -> Arc<Values> {
        let value = |index| &self.rows[0][list.occurrences(index)[0].row as usize];
        Arc::new(Values::new((0..list.len()).map(|index| Case::worth(value(index))).collect()))
    }

    /// The total that a sum should come to: a plain loop.
    fn total(&self) -> u64 {
        let [ours, theirs] = self.sets();
        let mut total = 0;
        for value in ours {
            if theirs.contains(value) {
                total += Case::worth(value).min(CLIP);
            }
        }
        total
    }

    /// The rows of side `side` whose value the other side holds too.
    fn matched_rows(&self, side: usize) -> Vec<u32> {
        let theirs = &self.sets()[1 - side];
        let rows = self.rows[side].iter().zip(0..);
        rows.filter(|(value, _)| theirs.contains(value)).map(|(_, row)| row).collect()
    }
}

/// The shapes that every combination sees: small, since there are many combinations.
fn small_cases() -> Vec<Case> {
    let mut rng = Seeded::new("conformance");
    let mut some = |count: usize, below: u64| -> Vec<u64> {
        (0..count).map(|_| rng.below(below)).collect() // rows repeat
    };
    let (few, many) = (some(12, 30), some(40, 60));
    vec![
        Case::new("random", &few, &many),
        Case::new("both empty", &[], &[]),
        Case::new("advertiser empty", &[], &[1, 2]),
        Case::new("platform empty", &[1, 2], &[]),
        Case::new("one, the same", &[7], &[7]),
        Case::new("one, another", &[7], &[8]),
        Case::new("all", &[5, 4, 3, 2, 1], &[1, 2, 3, 4, 5]),
        Case::new("none", &[1, 2, 3, 4], &[5, 6, 7, 8, 9]),
        Case::new("the same one in every row", &[3; 9], &[3; 4]),
        Case::new("in several rows", &[1, 2, 1, 3, 2, 1], &[2, 1, 9, 2]),
        Case::new("one among many", &[17], &(0..90).collect::<Vec<_>>()),
    ]
}

/// A whole combination.
struct Run<'a> {
    case: &'a Case,
    settings: [Settings; 2],
    transport: Transport,
    label: String,
}

/// Runs it and checks what each side learns.
fn check(run: Run) -> [Outcome; 2] {
    let lists = run.case.rows.each_ref().map(|rows| common::list(rows));
    let (reveal, least) = (run.settings[0].reveal, run.settings[0].min_audience.unwrap_or(0));
    let protocol = run.settings[0].protocol;
    let labelled = protocol == ProtocolName::Labelled;
    let [advertiser, platform] = run.settings;
    let ours = match protocol {
        ProtocolName::Sum => Input::with_values(lists[0].clone(), run.case.values(&lists[0])),
        _ => lists[0].clone().into(),
    };
    // Settings of a run with a prepared set limit the peer to what it was prepared for.
    let from_set = protocol.takes_prepared_sets() && platform.max_elements == MAX_QUERIES;
    let theirs = match labelled {
        true => Input::with_labels(lists[1].clone(), run.case.labels(&lists[1])),
        false if from_set => prepared(&lists[1]).into(),
        false => lists[1].clone().into(),
    };
    let sides = [Session::new(advertiser, ours).unwrap(), Session::new(platform, theirs).unwrap()];
    let (outcomes, traffic) = run.transport.run(sides);
    for (side, party) in [Party::Advertiser, Party::Platform].into_iter().enumerate() {
        let label = format!("{}, {party}", run.label);
        let (outcome, list) = (&outcomes[side], &lists[side]);
        let expected = match protocol.is_aggregate() {
            false => Expected::new(run.case, party, reveal, least),
            true => Expected::of_all(run.case, protocol, party, reveal, least),
        };
        assert_eq!(outcome.answer.count, expected.count, "{label}");
        assert_eq!(outcome.answer.sum, expected.sum, "{label}");
        assert_eq!(outcome.answer.withheld, expected.withheld, "{label}");
        let rows = outcome.answer.matched.as_ref().map(|matched| rows_of(list, matched));
        assert_eq!(rows, expected.rows, "{label}");
        let labels = outcome.answer.matched.as_ref().filter(|_| labelled);
        let labels = labels.map(|matched| run.case.labels_of(list, side, matched));
        assert_eq!(outcome.answer.labels, labels, "{label}");
        assert_eq!(outcome.terms.our_elements, list.len() as u64, "{label}");
        assert_eq!(outcome.terms.their_elements, lists[1 - side].len() as u64, "{label}");
        assert_eq!(outcome.bytes.sent, outcomes[1 - side].bytes.received, "{label}");
        let idle = lists.iter().any(|list| list.is_empty()); // then some phases have no work
        let skipped = from_set && side == 1; // evaluated before
        let phases = if idle || skipped { &[Phase::Handshake][..] } else { &WORKING };
        let epoch = outcome.answer.epoch.as_deref();
        assert_eq!(epoch, from_set.then_some("2026-11"), "{label}");
        assert!(phases.iter().all(|phase| outcome.phases.contains_key(phase)), "{label}");
        if let Some(traffic) = &traffic {
            assert_eq!(outcome.bytes.sent, traffic[side].len() as u64, "{label}");
        }
    }
    assert_eq!(outcomes[0].terms.session, outcomes[1].terms.session, "{}", run.label);
    outcomes
}

/// The phases in which something is done.
const WORKING: [Phase; 4] = [Phase::Handshake, Phase::Blind, Phase::Evaluate, Phase::Compare];

/// The rows behind matched indices, which must be strictly increasing; each row once.
fn rows_of(list: &Arc<ConsentedList>, matched: &[u32]) -> Vec<u32> {
    assert!(matched.is_sorted_by(|a, b| a < b), "{matched:?}");
    let occurrences = matched.iter().flat_map(|&index| list.occurrences(index as usize));
    let mut rows: Vec<u32> = occurrences.map(|at| at.row).collect();
    rows.sort_unstable();
    rows
}

/// What a party may learn: the oracle.
struct Expected {
    count: Option<u64>,
    rows: Option<Vec<u32>>,
    sum: Option<u64>,
    withheld: bool,
}

impl Expected {
    fn new(case: &Case, party: Party, reveal: Reveal, least: u64) -> Expected {
        let count = case.overlap();
        let withheld = least > 0 && count < least;
        let counts_first = least > 0 && reveal.counts_first() == party;
        let matches = reveal.gives_matches_to(party) && !withheld;
        let counts = counts_first || matches || (reveal == Reveal::Count && !withheld);
        let side = usize::from(party == Party::Platform);
        Expected {
            count: counts.then_some(count),
            rows: matches.then(|| case.matched_rows(side)),
            sum: None,
            withheld,
        }
    }

    /// The same where the answer is about all matches at once: no rows for anybody.
    fn of_all(
        case: &Case,
        protocol: ProtocolName,
        party: Party,
        reveal: Reveal,
        least: u64,
    ) -> Expected {
        let count = case.overlap();
        let withheld = least > 0 && count < least;
        let sums = protocol == ProtocolName::Sum;
        let counts_first = match sums {
            true => party == Party::Platform,
            false => least > 0 && reveal.counts_first() == party,
        };
        let counts = counts_first || !withheld && (sums || reveal.gives_matches_to(party));
        let totals = sums && !withheld && reveal.gives_matches_to(party);
        Expected {
            count: counts.then_some(count),
            rows: None,
            sum: totals.then(|| case.total()),
            withheld,
        }
    }
}

/// Minimum audiences that matter: none, and around the true number.
fn audiences(overlap: u64) -> Vec<u64> {
    let mut audiences = vec![0, overlap.saturating_sub(1), overlap, overlap + 1, 1 << 40];
    audiences.sort_unstable();
    audiences.dedup();
    audiences
}

/// Every protocol x transport x reveal x minimum audience over every small case, on the reference
/// backend; and on every other backend over the first case, since backends differ in nothing but
/// group arithmetic.
#[test]
fn every_combination_gives_each_side_its_due_and_no_more() {
    let cases = small_cases();
    for protocol in protocols() {
        for transport in Transport::ALL {
            for backend in Backend::available() {
                let cases = if backend == Backend::portable() { &cases[..] } else { &cases[..1] };
                cases.iter().for_each(|case| for_each_reveal(protocol, backend, transport, case));
            }
        }
    }
}

fn for_each_reveal(protocol: Protocol, backend: Backend, transport: Transport, case: &Case) {
    for reveal in protocol.reveals() {
        for least in audiences(case.overlap()) {
            if least != protocol.least(least) {
                continue; // `what_a_protocol_cannot_do_is_an_error` has these
            }
            let on = backend.name();
            let label =
                format!("{protocol}, {on}, {transport:?}, {}, {reveal}, {least}", case.name);
            let mut settings = protocol.settings(reveal, least);
            let engine = Engine::new(backend, Parallelism::Serial);
            settings.iter_mut().for_each(|settings| settings.engine = engine);
            check(Run { case, settings, transport, label });
        }
    }
}

/// A protocol that cannot give an answer says so before anything is sent, and both sides must agree.
#[test]
fn what_a_protocol_cannot_do_is_an_error() {
    for protocol in protocols() {
        for reveal in Reveal::ALL {
            for least in [0, 1] {
                let can = protocol.name.can_reveal(reveal) && protocol.least(least) == least;
                let settings = protocol.settings(reveal, least);
                for mut settings in settings {
                    let list = common::list(&["a"]);
                    let sends_labels = settings.protocol == ProtocolName::Labelled
                        && settings.party == Party::Platform;
                    let sends_values = settings.protocol == ProtocolName::Sum
                        && settings.party == Party::Advertiser;
                    let labels = || Arc::new(Labels::new(["x"]).unwrap());
                    let values = || Arc::new(Values::new(vec![7]));
                    let input = match (sends_labels, sends_values) {
                        (true, _) => Input::with_labels(list.clone(), labels()),
                        (_, true) => Input::with_values(list.clone(), values()),
                        _ => list.clone().into(),
                    };
                    let new = Session::new(settings.clone(), input.clone());
                    assert_eq!(new.is_ok(), can, "{protocol} {reveal} {least}");
                    assert!(can || matches!(new.err().unwrap(), Error::Misuse(_)));
                    // And labels where they have no business, or none where they have.
                    let nothing = || Input::from(list.clone());
                    let wrong = [
                        if sends_labels {
                            nothing()
                        } else {
                            Input::with_labels(list.clone(), labels())
                        },
                        if sends_values {
                            nothing()
                        } else {
                            Input::with_values(list.clone(), values())
                        },
                    ];
                    settings.min_audience = None;
                    for wrong in wrong {
                        let refused = Session::new(settings.clone(), wrong).err();
                        assert!(matches!(refused, Some(Error::Misuse(_))));
                    }
                    // A limit on values where there are none, or none where there are.
                    settings.clip = settings.clip.xor(Some(1));
                    let new = Session::new(settings, input);
                    assert!(matches!(new.err(), Some(Error::Misuse(_))));
                }
            }
        }
    }
}

/// Bytes may arrive in any pieces.
#[test]
fn pieces_of_any_size_make_no_difference() {
    let case = Case::new("pieces", &[1, 2, 3, 4, 5, 6], &[4, 5, 6, 7]);
    for protocol in protocols() {
        for reveal in protocol.reveals() {
            for piece in [1, 2, 3, 5, 31, 33, 127, 4096] {
                let label = format!("{protocol}, {reveal}, {piece}");
                let settings = protocol.settings(reveal, protocol.least(3));
                let transport = Transport::Pieces(piece);
                check(Run { case: &case, settings, transport, label });
            }
        }
    }
}

/// The threaded driver carries lists of several work units and frames, and so do other sizes next
/// to the boundaries of both (8,192 elements blinded at once, 16,384 points a frame).
#[test]
fn sizes_around_work_units_and_frames() {
    let sizes = [(8191, 3), (8192, 1), (8193, 2), (16_383, 1), (16_384, 3), (16_385, 2), (8193, 1)];
    let transports = Transport::ALL.into_iter().cycle();
    let mut protocols = protocols().into_iter().cycle();
    let mut reveals = Reveal::ALL.into_iter().cycle();
    // Each protocol at each size once would take long; each sees a size of either kind, and either
    // side is the long one.
    for ((size, transport), round) in sizes.into_iter().zip(transports).zip(0..) {
        for _ in 0..2 {
            let (protocol, reveal) = (protocols.next().unwrap(), reveals.next().unwrap());
            let reveal = if protocol.name.can_reveal(reveal) { reveal } else { Reveal::Advertiser };
            let (large, small) = size;
            let many: Vec<u64> = (0..large).collect();
            let few: Vec<u64> = (0..small).map(|i| large - 1 + i).collect(); // one matches
            let (advertiser, platform) = if round % 2 == 0 { (few, many) } else { (many, few) };
            let case = Case::new("boundary", &advertiser, &platform);
            let label = format!("{protocol}, {large} and {small}, {reveal}, {transport:?}");
            let settings = protocol.settings(reveal, protocol.least(1));
            check(Run { case: &case, settings, transport, label });
        }
    }
}

/// Tags of a large run span frames too: 128 KiB each.
#[test]
fn tags_span_frames() {
    let numbers: Vec<u64> = (0..20_000).collect();
    let case = Case::new("long advertiser", &numbers, &numbers[19_990..]);
    let settings = DH.settings(Reveal::Advertiser, 0);
    let label = "20,000 and 10".to_owned();
    check(Run { case: &case, settings, transport: Transport::Memory, label });
}

/// One against five thousand, either way round.
#[test]
fn very_unequal_sizes() {
    let many: Vec<u64> = (0..5000).collect();
    for (advertiser, platform) in [(&many[4321..4322], &many[..]), (&many[..], &many[..1])] {
        let case = Case::new("unequal", advertiser, platform);
        let settings = common::settings(Reveal::Both, 1);
        let label = "unequal".to_owned();
        check(Run { case: &case, settings, transport: Transport::Memory, label });
    }
}

/// One side's backend is not the other's business.
#[test]
fn two_backends_understand_each_other() {
    let case = Case::new("backends", &[1, 2, 3, 4, 5, 6, 7, 8, 9], &[8, 9, 10]);
    for [first, second] in Backend::available().windows(2).map(|pair| [pair[0], pair[1]]) {
        let mut settings = common::settings(Reveal::Both, 2);
        settings[0].engine = Engine::new(first, Parallelism::Rayon);
        settings[1].engine = Engine::new(second, Parallelism::Rayon);
        let label = format!("{} and {}", first.name(), second.name());
        check(Run { case: &case, settings, transport: Transport::Memory, label });
    }
}

/// The same answers on one thread and on many, from within pools of either size.
#[test]
fn threads_make_no_difference() {
    let mut rng = Seeded::new("threads");
    let mut some = |count: usize| (0..count).map(|_| rng.below(1000)).collect::<Vec<u64>>();
    let case = Case::new("threads", &some(700), &some(900));
    for threads in [1, 2, 5] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        for parallelism in [Parallelism::Serial, Parallelism::Rayon] {
            let mut settings = common::settings(Reveal::Both, 10);
            let engine = Engine::new(Backend::portable(), parallelism);
            settings.iter_mut().for_each(|settings| settings.engine = engine);
            let label = format!("{threads} threads, {parallelism:?}");
            let transport = Transport::Hand;
            pool.install(|| check(Run { case: &case, settings, transport, label }));
        }
    }
}

/// The order of rows says nothing: the same people match, whatever the order.
#[test]
fn order_of_rows_makes_no_difference() {
    let (ours, theirs) = ([1, 2, 3, 4, 5, 6, 7], [5, 6, 7, 8, 9]);
    let mut reversed = ours;
    reversed.reverse();
    for rows in [ours, reversed] {
        let case = Case::new("order", &rows, &theirs);
        let settings = common::settings(Reveal::Both, 0);
        let label = format!("{rows:?}");
        check(Run { case: &case, settings, transport: Transport::Memory, label });
    }
}

/// Where one side says a minimum audience and the other takes what it says, both go by it.
#[test]
fn a_minimum_audience_may_be_one_sides_word() {
    for speaker in [0, 1] {
        let mut settings = common::settings(Reveal::Advertiser, 3);
        settings[1 - speaker].min_audience = None;
        let lists = [common::list(&["a", "b"]), common::list(&["a", "b", "c"])];
        let sides = common::sessions(settings, lists.each_ref());
        let ([advertiser, platform], _) = common::pump(sides, None).unwrap();
        assert_eq!(advertiser.terms.min_audience, 3);
        assert_eq!(platform.terms.min_audience, 3);
        assert!(advertiser.answer.withheld && advertiser.answer.matched.is_none());
        assert_eq!(platform.answer.count, Some(2));
    }
}

/// Runs of values fill frames of 8192 too, whatever is in them; and clipping, counted.
#[test]
fn values_span_frames_and_are_clipped() {
    let numbers: Vec<u64> = (0..8200).collect();
    let case = Case::new("values", &numbers, &numbers[8180..]);
    let sum = Protocol { name: ProtocolName::Sum, ..DH };
    for reveal in sum.reveals() {
        let run = Run {
            case: &case,
            settings: sum.settings(reveal, 20),
            transport: Transport::Memory,
            label: format!("8200 values, {reveal}"),
        };
        let [advertiser, platform] = check(run);
        let above = case.rows[0].iter().filter(|value| Case::worth(value) > CLIP).count() as u64;
        assert_eq!(advertiser.answer.clipped, Some(above));
        assert_eq!(platform.answer.clipped, None);
    }
}

/// Totals that could come to 2^40 are refused before anything is sent, by whoever sees it first.
#[test]
fn totals_that_cannot_be_found_are_refused() {
    let lists = [common::list(&["a", "b"]), common::list(&["a"])];
    let values = || Arc::new(Values::new(vec![1, u64::MAX]));
    let sides = |clip: u64| {
        let sum = Protocol { name: ProtocolName::Sum, ..DH };
        let [mut ours, mut theirs] = sum.settings(Reveal::Advertiser, 0);
        (ours.clip, theirs.clip) = (Some(clip), Some(clip));
        let ours = Session::new(ours, Input::with_values(lists[0].clone(), values()));
        [ours, Session::new(theirs, lists[1].clone())]
    };
    let most = ((1 << 40) - 1) / 2;
    let error = sides(most + 1)[0].as_ref().err().unwrap().to_string();
    assert!(error.contains("2 values of up to 549755813888 could come to 2^40"), "{error}");
    assert!(error.contains("at most 1 entries"), "{error}");
    assert!(sides(most).iter().all(Result::is_ok));
    assert!(sides(0).iter().all(Result::is_err));
}
