//! `--people`, and who they are.

use blindmatch::list::Ranks;
use blindmatch::protocol::{Party, ProtocolName, Reveal, Unit};
use blindmatch::{Error, Result};
use clap::Args;

/// Whether people are counted, and whose identifiers are whose.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "People")]
pub struct PeopleArgs {
    /// Count people, not identifiers: one who matches by e-mail and by phone is one. Each row is a
    /// person, unless --person says otherwise; both sides must pass it, or neither
    #[arg(long)]
    pub people: bool,
    /// The column that tells people apart, such as a customer number: all rows with the same text in it
    /// are one person. It stays here. Implies --people
    #[arg(long, value_name = "COLUMN")]
    pub person: Option<String>,
    /// In which order a person's identifiers are asked, email,phone unless given; a person is matched by
    /// the best that matches
    #[arg(long, value_parser = ranks, value_name = "KIND,...")]
    pub rank: Option<Ranks>,
}

impl PeopleArgs {
    /// What matches are counted in.
    pub fn unit(&self) -> Unit {
        match self.people || self.person.is_some() {
            true => Unit::People,
            false => Unit::Identifiers,
        }
    }

    /// Whose people of a list are counted, if anybody's are.
    pub fn of(&self, protocol: ProtocolName, reveal: Reveal, party: Party) -> Option<Who<'_>> {
        let counted = self.unit() == Unit::People && protocol.counts_people_of(reveal, party);
        counted.then(|| self.who())
    }

    /// Whose identifiers are whose.
    pub fn who(&self) -> Who<'_> {
        Who { person: self.person.as_deref(), ranks: self.rank.unwrap_or_default() }
    }

    /// Whether people can be counted as the other flags have it; `parties` are those that we are.
    pub fn check(
        &self,
        protocol: ProtocolName,
        reveal: Reveal,
        least: u64,
        parties: &[Party],
    ) -> Result<()> {
        self.check_rank()?;
        if self.unit() == Unit::Identifiers {
            return Ok(());
        }
        if !protocol.can_count_people(reveal, least) {
            return misuse(match protocol {
                ProtocolName::Count => {
                    "--protocol count --reveal platform cannot keep a minimum audience of people: the \
                     platform compares, so nobody counts before it. Accept that with --min-audience 0"
                }
                _ => "--reveal count cannot count people; --protocol count --reveal both does",
            });
        }
        let counted = |party: &Party| protocol.counts_people_of(reveal, *party);
        let names = self.person.as_ref().map(|_| "--person").or(self.rank.map(|_| "--rank"));
        match names {
            Some(flag) if !parties.iter().any(counted) => misuse(format!(
                "{flag}: only the peer's people are counted here; pass --people alone"
            )),
            _ => Ok(()),
        }
    }

    /// Whether ranks come with people.
    pub fn check_rank(&self) -> Result<()> {
        match self.rank {
            Some(_) if self.unit() == Unit::Identifiers => {
                misuse("--rank goes with --people or --person")
            }
            _ => Ok(()),
        }
    }

    /// Whether the column of people takes a second reading of the list of `party`.
    pub fn read_twice(&self, protocol: ProtocolName, reveal: Reveal, party: Party) -> bool {
        self.of(protocol, reveal, party).is_some_and(|who| who.person.is_some())
    }
}

/// Whose identifiers are whose.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    /// The column that tells people apart; each row is a person otherwise.
    pub person: Option<&'a str>,
    pub ranks: Ranks,
}

fn misuse(text: impl Into<String>) -> Result<()> {
    Err(Error::Misuse(text.into()))
}

fn ranks(text: &str) -> Result<Ranks, String> {
    Ranks::parse(text).map_err(|error| error.to_string())
}
