//! Noise on counts and totals: what each side learns, how far it may be off, and what cannot be asked.

mod common;

use std::sync::Arc;

use blindmatch::budget::{Budget, Policy};
use blindmatch::error::{Error, PeerFault, Result};
use blindmatch::group::Encoding;
use blindmatch::protocol::{Answer, Epsilon, Input, Party, ProtocolName, Reveal, Values};
use blindmatch::session::{Session, Settings};
use blindmatch::wire::Frame;
use common::puppet::{Honest, Puppet, exchange, greet};
use common::purse::encrypt_to;
use common::{Seeded, addresses, fault, list};

/// 20 of 30 match.
const OURS: std::ops::Range<u64> = 0..30;
const THEIRS: std::ops::Range<u64> = 10..50;
const EXACT: u64 = 20;

/// What values are cut down to; each is worth half of it.
const CLIP: u64 = 1000;

fn epsilon(text: &str) -> Epsilon {
    Epsilon::parse(text).unwrap()
}

/// Settings of both sides, the advertiser's first.
fn settings(protocol: ProtocolName, noise: &str, least: u64) -> [Settings; 2] {
    common::settings(Reveal::Advertiser, least).map(|mut settings| {
        (settings.protocol, settings.noise) = (protocol, Some(epsilon(noise)));
        settings.clip = (protocol == ProtocolName::Sum).then_some(CLIP);
        settings
    })
}

/// What a side brings.
fn input(settings: &Settings) -> Input {
    let ours = settings.party == Party::Advertiser;
    let list = list(&addresses(if ours { OURS } else { THEIRS }));
    match ours && settings.protocol == ProtocolName::Sum {
        true => Input::with_values(list.clone(), Arc::new(Values::new(vec![500; list.len()]))),
        false => list.into(),
    }
}

fn seeded(settings: Settings, seed: u32) -> Session {
    let (input, party) = (input(&settings), settings.party);
    Session::with_rng(settings, input, Seeded::new(format!("noise {seed} {party}"))).unwrap()
}

/// Both answers of one session.
fn run(protocol: ProtocolName, noise: &str, least: u64, seed: u32) -> [Answer; 2] {
    let sides = settings(protocol, noise, least).map(|settings| seeded(settings, seed));
    let (outcomes, _) = common::pump(sides, [None, Some(7)][seed as usize % 2]).unwrap();
    outcomes.map(|outcome| outcome.answer)
}

// ---- honest sides ----

/// With epsilon 0.5 the scale is 2: 56 is beyond the tail that 2^-40 leaves. One in four is exact, and
/// the mean is.
#[test]
fn counts_are_off_by_noise_at_the_advertiser_and_exact_at_the_platform() {
    let mut errors = Vec::new();
    for seed in 0..300 {
        let [advertiser, platform] = run(ProtocolName::Count, "0.5", 0, seed);
        assert_eq!(platform.count, Some(EXACT));
        let told = advertiser.count.unwrap();
        assert!(told <= 30 && told.abs_diff(EXACT) <= 56, "{told}");
        errors.push(told as f64 - EXACT as f64);
        assert_eq!((advertiser.matched, advertiser.sum, advertiser.withheld), (None, None, false));
    }
    let share = |of: &dyn Fn(f64) -> bool| {
        errors.iter().filter(|&&error| of(error)).count() as f64 / errors.len() as f64
    };
    // r = e^-0.5: (1 - r) / (1 + r) = 0.245 exact; 0.378 on either side.
    assert!((share(&|error| error == 0.0) - 0.245).abs() < 0.1);
    assert!((share(&|error| error > 0.0) - 0.378).abs() < 0.1);
    assert!((share(&|error| error < 0.0) - 0.378).abs() < 0.1);
}

/// Half of epsilon for each number: scales of 2 and 2000, at epsilon 1.
#[test]
fn sums_are_off_by_noise_at_the_advertiser_and_nobody_learns_the_exact_one() {
    let (mut counts, mut totals) = (Vec::new(), Vec::new());
    for seed in 0..60 {
        let [advertiser, platform] = run(ProtocolName::Sum, "1", 0, seed);
        assert_eq!((platform.count, platform.sum), (Some(EXACT), None));
        counts.push(advertiser.count.unwrap().abs_diff(EXACT));
        totals.push(advertiser.sum.unwrap().abs_diff(500 * EXACT));
    }
    assert!(counts.iter().any(|&error| error > 0) && counts.iter().all(|&error| error <= 56));
    assert!(totals.iter().all(|&error| error <= 56_000));
    let mean = totals.iter().sum::<u64>() / totals.len() as u64;
    assert!((1000..4000).contains(&mean), "the mean of |Z| is the scale, not {mean}");
    assert!(totals.iter().zip(&counts).any(|(total, count)| total % 500 != 0 && *count == 0));
}

/// A count that is decided on is the one with noise: with as many matches as are asked for, about half are
/// withheld, and the platform knows which number it was.
#[test]
fn a_minimum_audience_is_compared_with_what_would_be_told() {
    for (protocol, least) in [(ProtocolName::Count, EXACT), (ProtocolName::Sum, EXACT)] {
        let mut withheld = 0;
        for seed in 0..40 {
            let [advertiser, platform] = run(protocol, "0.5", least, seed);
            assert_eq!(platform.count, Some(EXACT));
            assert_eq!(advertiser.withheld, platform.withheld);
            assert_eq!(advertiser.count.is_some(), !advertiser.withheld);
            assert_eq!(
                advertiser.sum.is_some(),
                advertiser.count.is_some() && protocol == ProtocolName::Sum
            );
            assert!(advertiser.count.is_none_or(|count| count >= least));
            withheld += u32::from(advertiser.withheld);
        }
        assert!((5..30).contains(&withheld), "{protocol}: {withheld}");
    }
}

/// The noise is the platform's generator's and no other's, and a session without noise draws none.
#[test]
fn noise_comes_from_the_sessions_generator() {
    let twice = [(), ()].map(|()| run(ProtocolName::Count, "0.1", 0, 5)[0].count);
    assert_eq!(twice[0], twice[1]);
    let others = (0..8).map(|seed| run(ProtocolName::Count, "0.1", 0, 2 * seed)[0].count);
    assert!(others.collect::<std::collections::HashSet<_>>().len() > 1);
}

// ---- what cannot be ----

fn misuse(change: impl Fn(&mut Settings), party: usize) -> String {
    let mut settings = settings(ProtocolName::Sum, "0.5", 0)[party].clone();
    change(&mut settings);
    let input = input(&settings);
    match Session::new(settings, input).map(drop) {
        Err(Error::Misuse(what)) => what,
        other => panic!("{other:?}"),
    }
}

#[test]
fn noise_goes_with_answers_that_the_advertiser_alone_learns() {
    for party in [0, 1] {
        let what = misuse(|settings| settings.reveal = Reveal::Platform, party);
        assert!(what.contains("revealed to `advertiser`, not `platform`"), "{what}");
        let set = |settings: &mut Settings, protocol| {
            (settings.protocol, settings.clip) = (protocol, None);
        };
        for protocol in [ProtocolName::Dh, ProtocolName::Voprf] {
            let what = misuse(|settings| set(settings, protocol), party);
            assert!(what.contains("count and sum, not "), "{what}");
        }
        let both = |settings: &mut Settings| {
            set(settings, ProtocolName::Count);
            settings.reveal = Reveal::Both;
        };
        assert!(misuse(both, party).contains("not `both`"));
        for bad in ["0", "100.000001"] {
            let what = misuse(|settings| settings.noise = Some(epsilon(bad)), party);
            assert!(what.contains("from 0.000001 to 100"), "{what}");
        }
        let tiny = |settings: &mut Settings| settings.noise = Some(epsilon("0.000001"));
        let what = misuse(|settings| (tiny(settings), settings.clip = Some(1 << 20)).0, party);
        assert!(what.contains("agree on a greater epsilon"), "{what}");
    }
}

/// Noise takes room from totals, 28 times its scale on either side. At epsilon 0.5 that is 224 times the
/// clip, as much as 224 entries more than the 30 that there are.
#[test]
fn totals_that_noise_could_take_too_far_are_refused() {
    let most = ((1 << 40) - 1) / 254;
    let too_much = misuse(|settings| settings.clip = Some(most + 1), 0);
    assert!(too_much.contains("30 values of up to 4328785937, and noise, could"), "{too_much}");
    assert!(too_much.contains("bring at most 29 entries"), "{too_much}");
    let mut fits = settings(ProtocolName::Sum, "0.5", 0)[0].clone();
    fits.clip = Some(most);
    let input = input(&fits);
    assert!(Session::new(fits, input).is_ok());
}

#[test]
fn a_side_without_noise_or_with_another_epsilon_is_refused_on_both_sides() {
    for (ours, theirs) in [(Some("0.5"), None), (None, Some("0.5")), (Some("0.5"), Some("0.25"))] {
        let both = settings(ProtocolName::Count, "1", 0);
        let mut both = both.into_iter().zip([ours, theirs]).map(|(mut settings, noise)| {
            settings.noise = noise.map(epsilon);
            let input = input(&settings);
            Session::new(settings, input).unwrap()
        });
        let sides = [both.next().unwrap(), both.next().unwrap()];
        for end in common::drive_both(sides, common::timing()) {
            match end.unwrap_err() {
                Error::Incompatible { field: "parameters", .. } => {}
                Error::Peer(PeerFault::Aborted(why)) => {
                    assert!(why.starts_with("parameters differs"))
                }
                other => panic!("{other:?}"),
            }
        }
    }
    // Nor is there a second way to write it.
    let said = |text: &'static str| if text.is_empty() { "none" } else { text };
    for text in ["noise=0.50", "noise=.5", "noise=0,5", "noise= 0.5", "none", ""] {
        let mut puppet = Puppet::new(Party::Advertiser, Reveal::Advertiser, &addresses(OURS));
        (puppet.hello.protocol, puppet.hello.parameters) = ("count".into(), text.into());
        let [_, platform] = settings(ProtocolName::Count, "0.5", 0);
        let differs = greet(&mut puppet, seeded(platform, 1)).map(drop);
        match differs {
            Err(Error::Incompatible { field: "parameters", theirs, .. }) => {
                assert_eq!(theirs, said(text))
            }
            other => panic!("{other:?}"),
        }
    }
}

/// An epsilon budget and an exact answer do not go together.
#[test]
fn a_budget_on_epsilon_refuses_sessions_without_noise() {
    let folder = tempfile::tempdir().unwrap();
    let mut policy = Policy::per(std::time::Duration::from_secs(60)).unwrap();
    policy.max_epsilon = Some(epsilon("1"));
    let budget = Arc::new(Budget::open(folder.path(), policy).unwrap());
    for protocol in [ProtocolName::Dh, ProtocolName::Count] {
        let [_, mut platform] = common::settings(Reveal::Advertiser, 0);
        platform.protocol = protocol;
        platform.admission = Some(budget.account("SHA256:eve"));
        let refused = Session::new(platform, list(&["a"])).map(drop);
        match refused {
            Err(Error::Misuse(what)) => assert!(what.contains("needs noise"), "{what}"),
            other => panic!("{other:?}"),
        }
    }
}

// ---- platforms that tell what cannot be ----

/// An honest advertiser that has given its tags, and its key for values, if there is one, to a platform of
/// the test's.
fn comparing(protocol: ProtocolName, least: u64) -> (Honest, Option<Encoding>) {
    let [advertiser, _] = settings(protocol, "1", least);
    let mut puppet = Puppet::new(Party::Platform, Reveal::Advertiser, &addresses(20..40));
    let clip = if protocol == ProtocolName::Sum { "clip=1000 " } else { "" };
    puppet.hello.protocol = protocol.name().into();
    puppet.hello.parameters = format!("{clip}noise=1");
    puppet.hello.min_audience = Some(least);
    let (mut honest, _) = exchange(&mut puppet, seeded(advertiser, 1)).unwrap();
    let key = honest.take().into_iter().find_map(|frame| match frame {
        Frame::ValueKey(key) => Some(key.point),
        _ => None,
    });
    (honest, key)
}

fn tell(frames: impl IntoIterator<Item = Frame>, honest: &mut Honest) -> Result<()> {
    frames.into_iter().try_for_each(|frame| honest.hear(frame))
}

/// No noise makes more matches than the shorter list has entries: here 20.
#[test]
fn impossible_counts_are_refused_and_improbable_ones_are_not() {
    for (told, least, expected) in [
        (21, 0, Some(PeerFault::Malformed("count"))),
        (u64::MAX, 0, Some(PeerFault::Malformed("count"))),
        (4, 5, Some(PeerFault::Unexpected(0x32))),
        (20, 0, None),
        (0, 0, None),
    ] {
        let (mut honest, _) = comparing(ProtocolName::Count, least);
        let heard = tell([Frame::Count(told), Frame::Finished], &mut honest);
        assert_eq!(heard.map_err(fault).err(), expected);
        if expected.is_none() {
            assert_eq!(honest.outcome().answer.count, Some(told));
        }
    }
}

/// Totals are found as far as the noise may take them, and are told within what can be; none beyond.
/// The scale is 2000, so 56,000 on either side of 0 and of 20 values of 1000.
#[test]
fn totals_beyond_the_noise_are_refused() {
    for (total, told) in [
        (0, Some(0)),
        (12_345, Some(12_345)),
        (-1, Some(0)),
        (-56_000, Some(0)),
        (-56_001, None),
        (20_001, Some(20_000)),
        (76_000, Some(20_000)),
        (76_001, None),
        (1 << 50, None),
    ] {
        let (mut honest, key) = comparing(ProtocolName::Sum, 0);
        let total = encrypt_to(&key.unwrap(), total);
        let heard = tell([Frame::Count(3), Frame::Total(total), Frame::Finished], &mut honest);
        match told {
            Some(_) => {
                heard.unwrap();
                let answer = honest.outcome().answer;
                assert_eq!((answer.count, answer.sum), (Some(3), told));
            }
            None => {
                heard.unwrap();
                let end = honest.session.outcome().unwrap_err();
                assert_eq!(fault(end), PeerFault::BadTotal { most: 20_000 });
            }
        }
    }
}
