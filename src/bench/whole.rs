//! Whole protocols, both sides within this process.
//!
//! The two sides take turns: no channel, no waiting, and nothing but their own work in the times.
//! `threads` are those of both together. What a network adds is not in here.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rayon::{ThreadPool, ThreadPoolBuilder};

use super::measure::Cpu;
use super::workload::{self, Pair};
use crate::consent::ConsentedList;
use crate::error::{Error, Result};
use crate::group::{Backend, Engine, Parallelism};
use crate::label::Labels;
use crate::protocol::{Blinding, Input, Party, ProtocolName, Values};
use crate::session::{self, Bytes, Outcome, Session, Settings};

/// What a run is done with.
pub struct Setup {
    protocol: ProtocolName,
    blinding: Blinding,
    engine: Engine,
    pool: ThreadPool,
}

/// What a run took.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// Time on the wall.
    pub wall: Duration,
    /// CPU time of both sides.
    pub cpu: Duration,
    /// As the advertiser sees them.
    pub bytes: Bytes,
}

impl Cost {
    /// CPU time of both sides for each element of a list, in microseconds, where both lists have
    /// `size`.
    pub fn cpu_us_a_pair(&self, size: u64) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / size as f64
    }
}

impl Setup {
    /// A protocol on a backend and so many threads, with the default blinds.
    ///
    /// # Errors
    /// [`Error::Misuse`] where there cannot be so many threads.
    pub fn new(protocol: ProtocolName, backend: Backend, threads: usize) -> Result<Setup> {
        let parallelism = if threads == 1 { Parallelism::Serial } else { Parallelism::Rayon };
        let pool = ThreadPoolBuilder::new().num_threads(threads).build();
        let pool = pool.map_err(|e| Error::Misuse(format!("{threads} threads: {e}")))?;
        let (blinding, engine) = (Blinding::default(), Engine::new(backend, parallelism));
        Ok(Setup { protocol, blinding, engine, pool })
    }

    /// The same with other blinds, for protocols that ask an oblivious function.
    #[must_use]
    pub fn with_blinding(self, blinding: Blinding) -> Setup {
        Setup { blinding, ..self }
    }

    /// The backend.
    pub fn backend(&self) -> Backend {
        self.engine.backend()
    }

    /// How many threads.
    pub fn threads(&self) -> usize {
        self.pool.current_num_threads()
    }

    /// Runs the protocol once, from two consented lists to the advertiser's matches. `stop` ends it
    /// from outside.
    ///
    /// # Errors
    /// [`Error::WrongAnswer`] where the matches are not the rows that both lists hold, or the
    /// platform learnt something; [`Error::Interrupted`].
    pub fn run(&self, pair: &Pair, seed: u64, stop: &AtomicBool) -> Result<Cost> {
        let (wall, cpu) = (Instant::now(), Cpu::Process.now());
        let outcomes = self.pool.install(|| self.play(pair, seed, stop))?;
        let (wall, cpu) = (wall.elapsed(), Cpu::Process.now() - cpu);
        match self.protocol {
            ProtocolName::Count => check_count(pair, &outcomes, None)?,
            ProtocolName::Sum => check_sum(pair, &outcomes)?,
            _ => check(pair, &outcomes)?,
        }
        Ok(Cost { wall, cpu, bytes: outcomes[0].bytes })
    }

    fn play(&self, pair: &Pair, seed: u64, stop: &AtomicBool) -> Result<[Outcome; 2]> {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut side = |party, list: &Arc<ConsentedList>| {
            let mut settings = Settings::new(party);
            (settings.protocol, settings.blinding) = (self.protocol, self.blinding);
            settings.engine = self.engine;
            settings.min_audience = Some(0);
            settings.clip = (self.protocol == ProtocolName::Sum).then_some(workload::CLIP);
            settings.max_elements = u32::MAX.into();
            let list = Arc::clone(list);
            let input = match (self.protocol, party) {
                (ProtocolName::Labelled, Party::Platform) => {
                    let labels = Labels::new((0..list.len()).map(workload::label))?;
                    Input::with_labels(list, Arc::new(labels))
                }
                (ProtocolName::Sum, Party::Advertiser) => {
                    let values = (0..list.len()).map(workload::value).collect();
                    Input::with_values(list, Arc::new(Values::new(values)))
                }
                _ => list.into(),
            };
            Session::with_rng(settings, input, StdRng::from_rng(&mut rng))
        };
        let sides =
            [side(Party::Advertiser, &pair.advertiser)?, side(Party::Platform, &pair.platform)?];
        session::in_turn(sides, stop)
    }
}

/// Whether the answers are right: just the rows that both lists hold, for the advertiser alone.
fn check(pair: &Pair, [advertiser, platform]: &[Outcome; 2]) -> Result<()> {
    let matched = advertiser.answer.matched.as_deref().unwrap_or_default();
    let rows = workload::rows(&pair.advertiser, matched);
    if rows != pair.common {
        let (got, expected) = (rows.len(), pair.common.len());
        let text = format!("{got} rows matched, and they are not the {expected} common ones");
        return Err(Error::WrongAnswer(text));
    }
    if platform.answer.matched.is_some() || platform.answer.count.is_some() {
        return Err(Error::WrongAnswer("the platform learnt what it must not".into()));
    }
    Ok(())
}

/// Whether a count is right, for the advertiser; for the platform it is to be this.
fn check_count(pair: &Pair, outcomes: &[Outcome; 2], platform: Option<u64>) -> Result<()> {
    let expected = pair.common.len() as u64;
    let got = outcomes.each_ref().map(|outcome| outcome.answer.count);
    if got != [Some(expected), platform] {
        return Err(Error::WrongAnswer(format!("{got:?} counted, where {expected} are common")));
    }
    if outcomes.iter().any(|outcome| outcome.answer.matched.is_some()) {
        return Err(Error::WrongAnswer("matches, where only a count is due".into()));
    }
    Ok(())
}

/// Whether a total is right, for the advertiser alone, and the count for both.
fn check_sum(pair: &Pair, outcomes: &[Outcome; 2]) -> Result<()> {
    check_count(pair, outcomes, Some(pair.common.len() as u64))?;
    let common: HashSet<u32> = pair.common.iter().copied().collect();
    let list = &pair.advertiser;
    let matches = |index: &usize| common.contains(&list.occurrences(*index)[0].row);
    let expected = (0..list.len()).filter(matches).map(workload::value).sum::<u64>();
    let got = outcomes.each_ref().map(|outcome| outcome.answer.sum);
    if got != [Some(expected), None] {
        return Err(Error::WrongAnswer(format!("{got:?} as totals, where {expected} is right")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(pair: &Pair, threads: usize) -> Result<Cost> {
        let setup = Setup::new(ProtocolName::Dh, Backend::portable(), threads).unwrap();
        assert_eq!((setup.threads(), setup.backend()), (threads, Backend::portable()));
        setup.run(pair, 7, &AtomicBool::new(false))
    }

    #[test]
    fn costs_of_a_right_answer() {
        for (size, threads) in [(1, 1), (40, 1), (40, 2)] {
            let cost = run(&Pair::new(size, 3).unwrap(), threads).unwrap();
            assert!(cost.cpu > Duration::ZERO && cost.wall > Duration::ZERO);
            assert!(cost.cpu_us_a_pair(size) > 1.0);
            assert!(cost.bytes.sent >= 32 * size && cost.bytes.received >= 32 * size);
        }
    }

    #[test]
    fn counts_and_sums_are_checked() {
        let pair = Pair::new(40, 3).unwrap();
        let mut fewer = Pair::new(40, 3).unwrap();
        fewer.common.pop();
        for protocol in [ProtocolName::Count, ProtocolName::Sum] {
            let setup = Setup::new(protocol, Backend::portable(), 1).unwrap();
            setup.run(&pair, 7, &AtomicBool::new(false)).unwrap();
            let wrong = setup.run(&fewer, 7, &AtomicBool::new(false));
            assert!(matches!(wrong, Err(Error::WrongAnswer(_))));
        }
    }

    #[test]
    fn a_wrong_answer_is_an_error() {
        let right = Pair::new(40, 3).unwrap();
        let mut fewer = Pair::new(40, 3).unwrap();
        fewer.common.pop();
        let mut other = Pair::new(40, 3).unwrap();
        other.common = (0..20).collect();
        assert_ne!(other.common, right.common);
        for pair in [fewer, other] {
            assert!(matches!(run(&pair, 1), Err(Error::WrongAnswer(_))));
        }
    }

    #[test]
    fn it_can_be_stopped() {
        let setup = Setup::new(ProtocolName::Dh, Backend::portable(), 1).unwrap();
        let stopped = setup.run(&Pair::new(9, 1).unwrap(), 1, &AtomicBool::new(true));
        assert!(matches!(stopped, Err(Error::Interrupted)));
    }
}
