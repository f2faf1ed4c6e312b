//! `--budget` and what goes with it, and `blindmatch budget`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use blindmatch::budget::{self, Budget, Policy, Standing, Used};
use blindmatch::protocol::{Epsilon, Party, Reveal};
use blindmatch::{Error, Result};
use clap::Args;

use super::Shared;
use super::protocols::ProtocolArgs;

/// How much each advertiser may ask.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Query budget")]
pub struct BudgetArgs {
    /// Folder of what each advertiser's key has used, which is remembered across restarts; made where
    /// there is none. Nobody else may read it
    #[arg(long, value_name = "DIR")]
    pub budget: Option<PathBuf>,
    /// Sessions of one advertiser in a period; one that fails counts as well
    #[arg(long, value_name = "N", requires = "budget")]
    pub budget_sessions: Option<u64>,
    /// Elements of one advertiser in a period, in all its sessions together; one that is asked again
    /// counts again
    #[arg(long, value_name = "N", requires = "budget")]
    pub budget_elements: Option<u64>,
    /// Epsilon of the noise in one advertiser's answers in a period, in all its sessions together. Needs
    /// --noise, which is what each session takes
    #[arg(long, value_parser = total, value_name = "EPSILON", requires = "budget")]
    pub budget_epsilon: Option<Epsilon>,
    /// Largest overlap of what matched in successive sessions, in percent of the smaller; beyond it, the
    /// rest of the period is refused. Needs --reveal platform or both, as nothing else tells us
    #[arg(long, value_parser = percent, value_name = "PERCENT", requires = "budget")]
    pub budget_overlap: Option<u16>,
    /// Largest overlap of successive lists, in percent of the smaller; a list beyond it is refused.
    /// Advertisers have to show a sketch of their list (`connect --sketch`), which we cannot verify
    #[arg(long, value_parser = percent, value_name = "PERCENT", requires = "budget")]
    pub budget_list_overlap: Option<u16>,
    /// Days in a period
    #[arg(
        long,
        default_value = "30",
        value_parser = days,
        value_name = "DAYS",
        requires = "budget"
    )]
    pub budget_period: Duration,
}

impl BudgetArgs {
    /// Opens it, if there is to be one.
    pub fn open(&self, reveal: Reveal, protocol: &ProtocolArgs) -> Result<Option<Arc<Budget>>> {
        let Some(folder) = &self.budget else { return Ok(None) };
        let mut policy = Policy::per(self.budget_period)?;
        policy.max_sessions = self.budget_sessions;
        policy.max_elements = self.budget_elements;
        policy.max_epsilon = self.budget_epsilon;
        policy.max_overlap = self.budget_overlap;
        policy.max_list_overlap = self.budget_list_overlap;
        if self.budget_overlap.is_some() && !reveal.gives_matches_to(Party::Platform) {
            return Err(Error::Misuse(format!(
                "--budget-overlap compares what matched, which --reveal {reveal} does not tell us; \
                 there is --budget-list-overlap"
            )));
        }
        match (self.budget_epsilon, protocol.noise) {
            (Some(_), None) => {
                return Err(Error::Misuse(
                    "--budget-epsilon charges what each session's --noise takes: set that too, or an exact \
                     answer would cost nothing"
                        .into(),
                ));
            }
            (Some(most), Some(noise)) if noise > most => {
                return Err(Error::Misuse(format!(
                    "--noise {noise} takes more than --budget-epsilon {most} has in a period: nobody \
                     could ask"
                )));
            }
            _ => {}
        }
        let counts = policy.max_sessions.or(policy.max_elements);
        let overlaps = policy.max_overlap.or(policy.max_list_overlap);
        if counts.is_none() && overlaps.is_none() && policy.max_epsilon.is_none() {
            return Err(Error::Misuse(
                "--budget refuses nothing by itself: set --budget-sessions or --budget-elements"
                    .into(),
            ));
        }
        Ok(Some(Arc::new(Budget::open(folder, policy)?)))
    }
}

/// Shows what each advertiser has used: keys by their fingerprints, counts and times.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The folder that `blindmatch serve --budget` keeps; it may run meanwhile
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

pub fn run(args: &ShowArgs, shared: &Shared) -> Result<()> {
    let mut damaged = Ok(());
    for standing in budget::standings(&args.folder)? {
        match standing {
            Ok(standing) => shared.bars.print(&text(&standing), false),
            Err(error) => damaged = damaged.and(Err(error)),
        }
    }
    damaged
}

fn text(standing: &Standing) -> String {
    let Standing { peer, used, total, overlap, first, began, last, .. } = standing;
    let overlap = overlap
        .map_or_else(String::new, |overlap| format!(", overlap {} %", f64::from(overlap) / 10.0));
    format!(
        "{peer}\n  since {began}: {}{overlap}\n  since {first}: {}\n  last here {last}",
        counts(used),
        counts(total)
    )
}

fn counts(used: &Used) -> String {
    let mut text = format!("sessions {}, elements {}", used.sessions, used.elements);
    if used.epsilon.millionths() > 0 {
        text += &format!(", epsilon {}", used.epsilon);
    }
    text
}

/// An amount of epsilon for a whole period.
fn total(text: &str) -> Result<Epsilon, String> {
    let epsilon = Epsilon::parse(text).filter(|&epsilon| epsilon > Epsilon::default());
    epsilon.ok_or_else(|| "a decimal number from 0.000001 on, such as 2 or 0.5".into())
}

/// In thousandths.
fn percent(text: &str) -> Result<u16, String> {
    match text.parse::<u16>() {
        Ok(percent) if percent <= 100 => Ok(10 * percent),
        _ => Err("a whole number from 0 to 100".into()),
    }
}

fn days(text: &str) -> Result<Duration, String> {
    match text.parse::<u32>() {
        Ok(days) if (1..=MAX_DAYS).contains(&days) => {
            Ok(Duration::from_secs(86_400 * u64::from(days)))
        }
        _ => Err(format!("a whole number of days, from 1 to {MAX_DAYS}")),
    }
}

/// A century.
const MAX_DAYS: u32 = 36_525;
