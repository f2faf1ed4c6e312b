//! Evidence for the four design goals of the standard, from a run.
//!
//! The standard asks solutions to "document and provide evidence" for them. What is constant stands in the
//! documentation; this is the part that a run can show: what went in, what was refused and why, which keys of
//! which age were used, what crossed, and what came out for whom. It has counts, dates and digests, and
//! nothing that identifies anybody; not how many matched either, since it is made for clients.

use std::fmt::{self, Display, Formatter};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::folder::Owner;
use super::key::Stamp;
use super::{DAYS_VALID, FEWEST, LEAST_ENTRIES, OptOut, Run, mode};
use crate::consent::Tally;
use crate::protocol::{PairAnswer, Party};
use crate::session::{Bytes, Outcome};

/// What one room can show of a session. Shown as Markdown.
#[derive(Clone, Debug)]
pub struct Evidence {
    owner: Owner,
    session: String,
    adv_pub_id: String,
    peer: String,
    at: Timestamp,
    purpose: &'static str,
    attested: [bool; 2],
    sizes: [u64; 2],
    tally: Tally,
    admitted_rows: u64,
    suppressed: u64,
    answer: PairAnswer,
    bytes: Bytes,
    channel: Channel,
}

/// What the session crossed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Channel {
    /// TLS 1.3 between two rooms that have pinned each other's keys.
    #[default]
    Tls,
    /// Nothing: both rooms were one process.
    OneProcess,
}

/// What else is known of a run.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The AdvPubID.
    pub adv_pub_id: &'a str,
    /// The peer's fingerprint or name.
    pub peer: &'a str,
    /// When it was.
    pub at: Timestamp,
    /// What the gate did to our list.
    pub tally: &'a Tally,
    /// Rows of our list with an admitted identifier.
    pub admitted_rows: u64,
    /// Whether we attested consent.
    pub attested: bool,
    /// Different identifiers on suppression lists.
    pub suppressed: u64,
    /// What it crossed.
    pub channel: Channel,
}

impl Evidence {
    /// Of a session of PAIR; `None` for any other.
    pub fn new(outcome: &Outcome, facts: &Facts<'_>) -> Option<Evidence> {
        let mut answer = *outcome.answer.pair.clone()?;
        answer.publisher_ids = None; // nothing of them is shown
        let terms = &outcome.terms;
        let owner = match terms.party {
            Party::Advertiser => Owner::Advertiser,
            Party::Platform => Owner::Publisher,
        };
        Some(Evidence {
            owner,
            session: terms.session_name(),
            adv_pub_id: facts.adv_pub_id.to_owned(),
            peer: facts.peer.to_owned(),
            at: facts.at,
            purpose: terms.purpose.name(),
            attested: [facts.attested, terms.their_attestation.is_some()],
            sizes: answer.entries,
            tally: facts.tally.clone(),
            admitted_rows: facts.admitted_rows,
            suppressed: facts.suppressed,
            answer,
            bytes: outcome.bytes,
            channel: facts.channel,
        })
    }

    fn other(&self) -> Owner {
        match self.owner {
            Owner::Advertiser => Owner::Publisher,
            Owner::Publisher => Owner::Advertiser,
        }
    }

    fn write_run(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (owner, other) = (self.owner.name(), self.other().name());
        writeln!(f, "# PAIR: evidence of one session, the {owner}'s room\n")?;
        writeln!(f, "Made by blindmatch {} from the run itself.\n", env!("CARGO_PKG_VERSION"))?;
        writeln!(f, "| | |\n|---|---|")?;
        writeln!(f, "| time | {} |", self.at)?;
        writeln!(f, "| session | {} |", self.session)?;
        writeln!(f, "| AdvPubID | {} |", self.adv_pub_id)?;
        writeln!(f, "| the {other}'s room | {} |", self.peer)?;
        writeln!(f, "| what for | {}, {} |", self.answer.run.name(), self.purpose)?;
        writeln!(f, "| mode | {}, match keys {} |", mode::NAME, mode::MATCH_KEYS)?;
        let [ours, theirs] = self.sizes;
        writeln!(f, "| entries, ours | {ours} |\n| entries, the {other}'s | {theirs} |")?;
        writeln!(f, "| match rate, as told to the {owner} | {} |\n", self.rate())
    }

    fn rate(&self) -> String {
        match (self.answer.rate, self.answer.run) {
            (Some(rate), _) => rate.to_string(),
            (None, Run::OptOut) => "not told: opt-outs were taken out".into(),
            (None, Run::Match) => "not told".into(),
        }
    }

    fn write_data(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (owner, other) = (self.owner.name(), self.other().name());
        writeln!(f, "## Goal 1: security of personal data\n")?;
        let Bytes { sent, received } = self.bytes;
        let channel = match self.channel {
            Channel::Tls => "TLS 1.3, each room accepting the other's pinned key alone",
            Channel::OneProcess => "none, as both rooms were one process",
        };
        writeln!(
            f,
            "- Crossed: {sent} bytes to the {other}'s room and {received} from it, channel: {channel}. In \
             them: terms, Ks from the publisher's room, and {ours} + {theirs} entries as points under Ks and \
             one more key, then under all three. No identifier, and no hash of one.",
            ours = self.sizes[0],
            theirs = self.sizes[1]
        )?;
        let apart = match self.channel {
            Channel::Tls => format!(
                "The {owner}'s room never has the {other}'s own key; Ks stays with the publisher, the \
                 advertiser's room holds it for the session only"
            ),
            Channel::OneProcess => {
                "Both rooms were one process on one machine, so Ks, Ka and Kp and both lists \
                 were in one place: nothing but that process kept them apart"
                    .into()
            }
        };
        writeln!(f, "- Keys, each within its time when it was used. {apart}.\n")?;
        writeln!(f, "| key | digest | made | expires |\n|---|---|---|---|")?;
        let (ours, theirs) = match self.owner {
            Owner::Advertiser => ("Ka (ours)", "Kp (the publisher's, as announced)"),
            Owner::Publisher => ("Kp (ours)", "Ka (the advertiser's, as announced)"),
        };
        let PairAnswer { ks, our_key, their_key, .. } = &self.answer;
        for (name, stamp) in [("Ks", ks), (ours, our_key), (theirs, their_key)] {
            let Stamp { created, expires, .. } = stamp;
            writeln!(f, "| {name} | {} | {created} | {expires} |", stamp.name())?;
        }
        writeln!(f)
    }

    fn write_identity(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let other = self.other().name();
        writeln!(f, "## Goal 2: privacy of user identity\n")?;
        writeln!(
            f,
            "- Of the {other}'s {} entries this room saw points under keys that it does not have{}.",
            self.sizes[1],
            match self.channel {
                Channel::Tls => "",
                Channel::OneProcess => "; the process that both rooms were had them all",
            }
        )?;
        writeln!(f, "- Who took part of ours, by the consent gate:\n")?;
        let t = &self.tally;
        writeln!(f, "| identifiers | |\n|---|---|")?;
        writeln!(f, "| rows read | {} |\n| identifiers in them | {} |", t.rows, t.identifiers)?;
        writeln!(f, "| rows with an admitted one | {} |", self.admitted_rows)?;
        writeln!(f, "| admitted | {} |\n| of them on attestation | {} |", t.admitted, t.attested)?;
        for (refusal, count) in &t.refused {
            writeln!(f, "| refused: {} | {count} |", refusal.name())?;
        }
        for (reason, count) in &t.unreadable {
            writeln!(f, "| unreadable: {reason} | {count} |")?;
        }
        writeln!(f, "| repeated | {} |", t.duplicates)?;
        writeln!(f, "| on suppression lists (different ones) | {} |\n", self.suppressed)?;
        let says =
            |yes| if yes { "attests it for rows without a record" } else { "by record alone" };
        let [ours, theirs] = self.attested.map(says);
        writeln!(f, "- Consent, ours: {ours}; the {other}'s, as it says: {theirs}.\n")
    }

    fn write_membership(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Goal 3: privacy of audience membership\n")?;
        match &self.answer.opt_out {
            None => self.write_match(f)?,
            Some(opt_out) => self.write_opt_out(f, opt_out)?,
        }
        writeln!(
            f,
            "- {}\n",
            match self.owner {
                Owner::Advertiser =>
                    "The matched Publisher Identifiers are for the buying platform: random numbers to \
                     whoever lacks Ks and Kp.",
                Owner::Publisher =>
                    "The publisher has a Publisher Identifier for each of its rows, matched or not.",
            }
        )
    }

    fn write_match(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let owner = self.owner.name();
        writeln!(
            f,
            "- Entries came back sorted under the other room's key: this room cannot tell which of its own \
             entries match. The {owner} is told a match rate alone, in whole percents, and \">85%\" above 85."
        )?;
        writeln!(
            f,
            "- Both lists have at least {LEAST_ENTRIES} entries, counted before matching, and ours has them in \
             at least as many rows. Ours was compared with all lists of ours that were matched with this counterparty in the last {DAYS_VALID} \
             days, theirs with all of theirs under the same keys, and neither differs from one of them in 1 to \
             {} entries.",
            FEWEST - 1
        )
    }

    fn write_opt_out(&self, f: &mut Formatter<'_>, opt_out: &OptOut) -> fmt::Result {
        let OptOut { matched, left_out, taken_out } = opt_out;
        writeln!(
            f,
            "- Opt-outs were taken out of the match of {matched}, and nothing was added: of our list, {} \
             entries took part that were left of that match's; {left_out} that were not were left out, and \
             {taken_out} more of that match's are gone. The other room does the same with its list; that nothing \
             was added there was checked if its keys are those of the run before, else only that it is no longer.",
            self.sizes[0]
        )?;
        let learns = match self.owner {
            Owner::Advertiser => {
                "The advertiser's room sees which matched Publisher Identifiers are gone, and so by how many \
                 they are fewer"
            }
            Owner::Publisher => {
                "The publisher's room sees how many entries still match, and the advertiser's which matched \
                 Publisher Identifiers are gone"
            }
        };
        writeln!(
            f,
            "- {learns}. No client is told that, nor a match rate. Such a run is admitted once a day for each \
             counterparty, with at least {LEAST_ENTRIES} entries left of both lists."
        )
    }

    fn write_context(&self, f: &mut Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Goal 4: privacy of user context\n")?;
        let expires = self.answer.expires;
        writeln!(f, "- Matched Publisher Identifiers are refused from {expires} on.")?;
        writeln!(
            f,
            "- Publisher Identifiers change with Ks, which expires at {}; those of keys before are in use for \
             {DAYS_VALID} days more and are then forgotten.",
            self.answer.ks.expires
        )?;
        writeln!(
            f,
            "- Ks, Ka and Kp serve PAIR alone, and the purpose {} alone. No identifier of PAIR stands in any \
             file beside one of another system.",
            self.purpose
        )
    }
}

impl Display for Evidence {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.write_run(f)?;
        self.write_data(f)?;
        self.write_identity(f)?;
        self.write_membership(f)?;
        self.write_context(f)
    }
}
