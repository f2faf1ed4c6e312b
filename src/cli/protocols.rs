//! `--protocol` and what goes with it.

use std::path::PathBuf;

use blindmatch::protocol::{Blinding, Party, ProtocolName, Reveal};
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
    /// comes with the platform's --label
    #[arg(long, default_value = "dh", value_parser = protocol, value_name = "NAME")]
    pub protocol: ProtocolName,
    /// How a side hides what it asks in a protocol other than dh: additive, which is cheaper, or
    /// multiplicative
    #[arg(long, default_value = "additive", value_parser = blinding, value_name = "NAME")]
    pub blinding: Blinding,
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
    }

    /// Whether the protocol can do what other flags ask for, and they what it needs. `label` is that
    /// of the platform, where we are the platform.
    pub fn check(&self, reveal: Reveal, least: u64, label: Option<Option<&str>>) -> Result<()> {
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
        match (protocol == ProtocolName::Labelled, label) {
            (true, Some(None)) => {
                misuse("--protocol labelled needs the platform's --label COLUMN".to_owned())
            }
            (false, Some(Some(_))) => misuse("--label goes with --protocol labelled".to_owned()),
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

fn blinding(text: &str) -> Result<Blinding, String> {
    let found = Blinding::ALL.into_iter().find(|blinding| blinding.name() == text);
    found.ok_or_else(|| one_of(Blinding::ALL.map(Blinding::name)))
}
