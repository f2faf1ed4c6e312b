//! `--protocol` and what goes with it.

use std::path::PathBuf;

use blindmatch::protocol::{Blinding, Epsilon, Party, ProtocolName, Reveal};
use blindmatch::session::Settings;
use blindmatch::{Error, Result};
use clap::Args;

use super::args::one_of;

/// Which protocol, and how it is run.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Protocol")]
pub struct ProtocolArgs {
    /// How lists are compared; both sides must use the same. dh: both lists blinded, any --reveal.
    /// oprf: the advertiser asks, the platform's list is evaluated once. voprf: the same, each answer
    /// proven. two-hash: proven, for either side or both. labelled: as voprf, and each matched row
    /// comes with the platform's --label. count: how many match and nothing of which. sum: the total
    /// of the advertiser's --value over what matches
    #[arg(long, default_value = "dh", value_parser = protocol, value_name = "NAME")]
    pub protocol: ProtocolName,
    /// How a side hides what it asks in a protocol other than dh: additive, which is cheaper, or
    /// multiplicative
    #[arg(long, default_value = "additive", value_parser = blinding, value_name = "NAME")]
    pub blinding: Blinding,
    /// In a sum: what greater values are cut down to; both sides must say the same. The advertiser's
    /// entries times this must stay below 2^40
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub clip: Option<u64>,
    /// In count and sum, with --reveal advertiser: the platform adds noise to what the advertiser learns,
    /// so that it is differentially private with this epsilon, such as 0.5; both sides must say the
    /// same. The platform learns the exact count. Noise averages out over many questions: see `serve
    /// --budget-epsilon`
    #[arg(long, value_parser = epsilon, value_name = "EPSILON")]
    pub noise: Option<Epsilon>,
}

/// Columns of lists that protocols need, of the sides that we are; `None` for one that we are not.
#[derive(Clone, Copy, Default)]
pub struct Columns<'a> {
    /// The platform's `--label`.
    pub label: Option<Option<&'a str>>,
    /// The advertiser's `--value`.
    pub value: Option<Option<&'a str>>,
}

/// Sets in place of the platform's list.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Protocol")]
pub struct PreparedArgs {
    /// In place of the platform's list: the set that `blindmatch prepare` made of it, by its NAME,
    /// with --protocol oprf or voprf. A server may name several, each for one advertiser
    #[arg(long = "prepared", value_name = "NAME")]
    pub sets: Vec<PathBuf>,
}

impl ProtocolArgs {
    /// Whether the protocol takes prepared sets, where there are some.
    pub fn check_prepared(&self, prepared: &PreparedArgs) -> Result<()> {
        let protocol = self.protocol;
        if !prepared.sets.is_empty() && !protocol.takes_prepared_sets() {
            return misuse(format!(
                "--prepared goes with --protocol oprf or voprf, not {protocol}"
            ));
        }
        Ok(())
    }

    /// Sets them.
    pub fn apply(&self, settings: &mut Settings) {
        (settings.protocol, settings.blinding) = (self.protocol, self.blinding);
        (settings.clip, settings.noise) = (self.clip, self.noise);
    }

    /// Whether we learn which of our rows match, under this reveal.
    pub fn gives_rows_to(&self, reveal: Reveal, party: Party) -> bool {
        self.protocol.gives_matches_to(reveal, party)
    }

    /// Whether the protocol can do what other flags ask for, and they what it needs.
    pub fn check(&self, reveal: Reveal, least: u64, columns: Columns<'_>) -> Result<()> {
        let protocol = self.protocol;
        if !protocol.can_reveal(reveal) {
            let can = Reveal::ALL.into_iter().filter(|&reveal| protocol.can_reveal(reveal));
            let can = one_of(can.map(Reveal::name));
            return misuse(format!("--protocol {protocol} cannot --reveal {reveal}, but {can}"));
        }
        if least > 0 && !protocol.keeps_minimum_audience() {
            return misuse(format!(
                "--protocol {protocol} cannot keep a minimum audience (here {least}): nobody counts \
                 before the {} sees its matches. Accept that with --min-audience 0, or use dh",
                if reveal == Reveal::Platform { Party::Platform } else { Party::Advertiser }
            ));
        }
        let goes_with = |flag: &str, wanted: ProtocolName, given: Option<bool>, need: &str| match (
            protocol == wanted,
            given,
        ) {
            (true, Some(false)) => misuse(format!("--protocol {wanted} needs {need}")),
            (false, Some(true)) => misuse(format!("{flag} goes with --protocol {wanted}")),
            _ => Ok(()),
        };
        let given = |column: Option<Option<&str>>| column.map(|column| column.is_some());
        let (labelled, sum) = (ProtocolName::Labelled, ProtocolName::Sum);
        goes_with("--label", labelled, given(columns.label), "the platform's --label COLUMN")?;
        goes_with("--value", sum, given(columns.value), "the advertiser's --value COLUMN")?;
        let need = "--clip N: what greater values are cut down to";
        goes_with("--clip", sum, Some(self.clip.is_some()), need)?;
        match self.noise {
            Some(_) if !protocol.is_aggregate() => {
                misuse(format!("--noise goes with --protocol count or sum, not {protocol}"))
            }
            Some(_) if reveal != Reveal::Advertiser => misuse(format!(
                "--noise goes with --reveal advertiser, not {reveal}: the platform adds it, and so knows \
                 the exact answer"
            )),
            _ => Ok(()),
        }
    }
}

fn misuse(text: String) -> Result<()> {
    Err(Error::Misuse(text))
}

/// A protocol by its name.
fn protocol(text: &str) -> Result<ProtocolName, String> {
    ProtocolName::by_name(text).ok_or_else(|| one_of(ProtocolName::ALL.map(ProtocolName::name)))
}

/// An amount of epsilon that says something: of 0 there is no answer.
pub fn epsilon(text: &str) -> Result<Epsilon, String> {
    let most = Epsilon::MOST;
    match Epsilon::parse(text) {
        Some(epsilon) if epsilon > Epsilon::default() && epsilon <= most => Ok(epsilon),
        _ => Err(format!("a decimal number from 0.000001 to {most}, such as 0.5")),
    }
}

pub fn blinding(text: &str) -> Result<Blinding, String> {
    let found = Blinding::ALL.into_iter().find(|blinding| blinding.name() == text);
    found.ok_or_else(|| one_of(Blinding::ALL.map(Blinding::name)))
}
