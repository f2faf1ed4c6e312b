//! What a match is for, and the rules that admit or refuse a record.

use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use super::{Purpose, PurposeClass, Record, Signal};
use crate::error::{Error, Result};

/// What a match is for, and when.
///
/// The rules, of which the first that applies decides; whatever none of them admits is refused:
///
/// | rule | refusal |
/// |---|---|
/// | the identifier stands on the suppression list | `suppressed` |
/// | a purpose it was collected for is one of security; or nothing says what it was collected for and security is among `purposes` | `collected_for_security` |
/// | withdrawn by now | `withdrawn` |
/// | opted out | `opted_out` |
/// | Global Privacy Control | `gpc` |
/// | `ad_user_data` or `ad_personalization` on record and not `GRANTED` | `signal_not_granted` |
/// | a TC string without consent to purposes 1, 3 and 4, or to the policy's vendor | `tcf_not_granted` |
/// | a GPP string with an opt-out of sale, sharing or targeted advertising, or GPC | `gpp_opted_out` |
/// | something on record cannot be read | `unreadable_consent` |
/// | `collected_for` has an unknown purpose, or `purposes` nothing else | `unknown_purpose` |
/// | consent given later than now | `not_yet_given` |
/// | ended by now | `expired` |
/// | `purposes` has the policy's purpose | admitted |
/// | `purposes` is blank and `collected_for` is that purpose alone | admitted |
/// | the purpose is one of advertising, `purposes` is blank, and both signals are `GRANTED` or a TC string grants | admitted |
/// | something is on record | `purpose_not_granted` |
/// | nothing is on record, and a notice was attested for the list | admitted, counted as attested |
/// | nothing is on record | `no_record` |
///
/// Over the whole list, one no is a no: an identifier that was given for security, withdrawn or
/// opted out (also by GPC or a GPP string) in any row or column is taken out of every other, and so
/// is one with something on record that cannot be read, which may be a no. And an
/// attestation speaks for those alone about whom nothing is on record anywhere: a silent row is not
/// admitted on it where another one refuses the same identifier, for whatever reason. See
/// [`Gate::finish`](super::Gate::finish).
#[derive(Clone, Debug)]
pub struct Policy {
    purpose: Purpose,
    at: Timestamp,
    vendor: Option<u16>,
    attestation: Option<Arc<str>>,
}

impl Policy {
    /// A policy for matching for `purpose`, with consent valid at `at`.
    ///
    /// # Errors
    ///
    /// [`Error::Consent`] where the purpose is one of security or authentication: identifiers
    /// given for that are not matched, and no match is made for it.
    pub fn new(purpose: Purpose, at: Timestamp) -> Result<Policy> {
        if purpose.is_security() {
            return Err(Error::Consent(format!(
                "{purpose} is a purpose of security or authentication; lists are not matched for it"
            )));
        }
        Ok(Policy { purpose, at, vendor: None, attestation: None })
    }

    /// Asks of TC strings that they also grant this vendor (its number in IAB's global list).
    pub fn with_vendor(self, vendor: u16) -> Policy {
        Policy { vendor: Some(vendor), ..self }
    }

    /// Admits what has no record at all on the word of the caller, who attests that everyone on
    /// the list was told `notice` and agreed. It overrides nothing that is on record.
    ///
    /// # Errors
    ///
    /// [`Error::Consent`] where the notice is blank or longer than [`Policy::MAX_NOTICE`] bytes.
    pub fn with_attestation(self, notice: &str) -> Result<Policy> {
        let notice = notice.trim();
        if notice.is_empty() {
            return Err(Error::Consent("an attestation needs the notice that people saw".into()));
        }
        if notice.len() > Policy::MAX_NOTICE {
            let (len, max) = (notice.len(), Policy::MAX_NOTICE);
            return Err(Error::Consent(format!(
                "the attested notice has {len} bytes, at most {max} are kept; give a reference to it"
            )));
        }
        Ok(Policy { attestation: Some(notice.into()), ..self })
    }

    /// The longest notice that can be attested, in bytes.
    pub const MAX_NOTICE: usize = 4096;

    /// The purpose that consent must cover.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// The time at which consent must be valid.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// The vendor that TC strings must grant.
    pub fn vendor(&self) -> Option<u16> {
        self.vendor
    }

    /// The notice that was attested for rows without a record.
    pub fn attestation(&self) -> Option<&str> {
        self.attestation.as_deref()
    }

    /// Whether this policy admits an identifier with this record, and on what ground.
    pub fn judge(&self, record: &Record) -> Result<Ground, Refusal> {
        if let Some(refusal) = self.no(record).or_else(|| self.doubt(record)) {
            return Err(refusal);
        }
        match (self.grants(record), record.is_silent(), &self.attestation) {
            (true, ..) => Ok(Ground::Record),
            (false, true, Some(_)) => Ok(Ground::Attestation),
            (false, true, None) => Err(Refusal::NoRecord),
            (false, false, _) => Err(Refusal::PurposeNotGranted),
        }
    }

    /// A no that holds for the identifier wherever it stands; what cannot be read may be one.
    pub(super) fn lasting_no(&self, record: &Record) -> Option<Refusal> {
        let unreadable = record.unreadable.then_some(Refusal::UnreadableConsent);
        self.plain_no(record).or(unreadable)
    }

    fn plain_no(&self, record: &Record) -> Option<Refusal> {
        let collected_for = match record.collected_for.is_empty() {
            true => record.purposes,
            false => record.collected_for,
        };
        let opted_out = record.gpp.is_some_and(|gpp| gpp.opted_out);
        [
            (collected_for.has_security(), Refusal::CollectedForSecurity),
            (record.withdrawn_at.is_some_and(|at| at <= self.at), Refusal::Withdrawn),
            (record.opt_out, Refusal::OptedOut),
            (record.gpc, Refusal::Gpc),
            (opted_out, Refusal::GppOptedOut),
        ]
        .into_iter()
        .find_map(|(holds, refusal)| holds.then_some(refusal))
    }

    /// What was plainly refused.
    fn no(&self, record: &Record) -> Option<Refusal> {
        let lasting = self.plain_no(record);
        let denied = |signal: Option<Signal>| signal.is_some_and(|s| s != Signal::Granted);
        let signals = denied(record.ad_user_data) || denied(record.ad_personalization);
        let tcf = record.tcf().is_some_and(|tcf| !tcf.permits(self.vendor));
        match lasting {
            Some(refusal) if refusal != Refusal::GppOptedOut => Some(refusal),
            _ if signals => Some(Refusal::SignalNotGranted),
            _ if tcf => Some(Refusal::TcfNotGranted),
            refusal => refusal,
        }
    }

    /// What keeps a yes, if there is one, from counting.
    fn doubt(&self, record: &Record) -> Option<Refusal> {
        let only_unknown = record.purposes.has_unknown() && record.purposes.iter().next().is_none();
        [
            (record.unreadable, Refusal::UnreadableConsent),
            (record.collected_for.has_unknown() || only_unknown, Refusal::UnknownPurpose),
            (record.consented_at.is_some_and(|at| at > self.at), Refusal::NotYetGiven),
            (record.ends_at().is_some_and(|at| at <= self.at), Refusal::Expired),
        ]
        .into_iter()
        .find_map(|(holds, refusal)| holds.then_some(refusal))
    }

    fn grants(&self, record: &Record) -> bool {
        let advertising = self.purpose.class() == PurposeClass::Advertising;
        let signals = record.ad_user_data == Some(Signal::Granted)
            && record.ad_personalization == Some(Signal::Granted);
        let tcf = record.tcf().is_some_and(|tcf| tcf.grants(self.vendor));
        match record.purposes.is_empty() {
            true => record.collected_for.is_only(self.purpose) || (advertising && (signals || tcf)),
            false => record.purposes.contains(self.purpose),
        }
    }
}

/// What an identifier was admitted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ground {
    /// A record of consent.
    Record,
    /// The caller's word for the whole list.
    Attestation,
}

/// Why an identifier is not admitted. See [`Policy`] for the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// On the suppression list.
    Suppressed,
    /// Given for security or authentication.
    CollectedForSecurity,
    /// Withdrawn.
    Withdrawn,
    /// Opted out.
    OptedOut,
    /// Global Privacy Control.
    Gpc,
    /// One of Google's signals is denied or unspecified.
    SignalNotGranted,
    /// A TC string does not grant.
    TcfNotGranted,
    /// A GPP string opts out.
    GppOptedOut,
    /// Something on record cannot be read.
    UnreadableConsent,
    /// A purpose that is not known.
    UnknownPurpose,
    /// Consent dated in the future.
    NotYetGiven,
    /// Consent that has ended.
    Expired,
    /// The record does not cover the purpose.
    PurposeNotGranted,
    /// Nothing on record.
    NoRecord,
}

impl Refusal {
    /// Every reason, in order.
    pub const ALL: [Refusal; 14] = [
        Refusal::Suppressed,
        Refusal::CollectedForSecurity,
        Refusal::Withdrawn,
        Refusal::OptedOut,
        Refusal::Gpc,
        Refusal::SignalNotGranted,
        Refusal::TcfNotGranted,
        Refusal::GppOptedOut,
        Refusal::UnreadableConsent,
        Refusal::UnknownPurpose,
        Refusal::NotYetGiven,
        Refusal::Expired,
        Refusal::PurposeNotGranted,
        Refusal::NoRecord,
    ];

    /// Whether it holds for the identifier in every row and column, whatever they say.
    pub(super) fn lasts(self) -> bool {
        use Refusal::*;
        let plain = matches!(self, CollectedForSecurity | Withdrawn | OptedOut | Gpc | GppOptedOut);
        plain || self == UnreadableConsent
    }

    /// A stable name, as reports have it.
    pub fn name(self) -> &'static str {
        self.texts().0
    }

    /// The name and what it means, for people.
    fn texts(self) -> (&'static str, &'static str) {
        match self {
            Refusal::Suppressed => ("suppressed", "on the suppression list"),
            Refusal::CollectedForSecurity => ("collected_for_security", "collected for security"),
            Refusal::Withdrawn => ("withdrawn", "consent withdrawn"),
            Refusal::OptedOut => ("opted_out", "opted out"),
            Refusal::Gpc => ("gpc", "Global Privacy Control"),
            Refusal::SignalNotGranted => ("signal_not_granted", "advertising signal not granted"),
            Refusal::TcfNotGranted => ("tcf_not_granted", "TC string does not grant"),
            Refusal::GppOptedOut => ("gpp_opted_out", "opted out in the GPP string"),
            Refusal::UnreadableConsent => ("unreadable_consent", "consent record unreadable"),
            Refusal::UnknownPurpose => ("unknown_purpose", "unknown purpose"),
            Refusal::NotYetGiven => ("not_yet_given", "consent dated in the future"),
            Refusal::Expired => ("expired", "consent expired"),
            Refusal::PurposeNotGranted => ("purpose_not_granted", "consent to something else"),
            Refusal::NoRecord => ("no_record", "no consent on record"),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.texts().1)
    }
}
