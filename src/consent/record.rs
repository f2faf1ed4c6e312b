//! What is on record of one person's consent for one identifier.

use std::sync::Arc;

use jiff::Timestamp;

use super::{Gpp, Purposes, Tcf};

/// What is on record of one person's consent for one identifier.
///
/// A default record says nothing, and is refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Record {
    /// What the identifier was collected for.
    pub collected_for: Purposes,
    /// Purposes that were agreed to.
    pub purposes: Purposes,
    /// When consent was given.
    pub consented_at: Option<Timestamp>,
    /// When the consent ends.
    pub expires_at: Option<Timestamp>,
    /// When the consent was withdrawn; in the future, it ends then.
    pub withdrawn_at: Option<Timestamp>,
    /// The person opted out.
    pub opt_out: bool,
    /// The person's browser sent Global Privacy Control.
    pub gpc: bool,
    /// What the person was told where the identifier was collected, or a reference to it.
    pub notice: Option<Arc<str>>,
    /// Google's signal for sending user data for advertising.
    pub ad_user_data: Option<Signal>,
    /// Google's signal for personalised advertising.
    pub ad_personalization: Option<Signal>,
    /// An IAB TC string.
    pub tcf: Option<Tcf>,
    /// An IAB GPP string.
    pub gpp: Option<Gpp>,
    /// Something stands on record that could not be read; it may be a no.
    pub unreadable: bool,
}

impl Record {
    /// Whether nothing is on record. `false` in an opt-out or GPC field is nothing.
    pub fn is_silent(&self) -> bool {
        *self == Record::default()
    }

    /// This record, which speaks for one identifier, together with one that speaks for the whole
    /// row. What was agreed to (`collected_for`, `purposes`, `consented_at`, `notice`) is this
    /// record's where it says so and the row's otherwise; a no at either level is a no, and the
    /// earliest end counts. Where this record says what the identifier was collected for or what
    /// was agreed to, the row's signals and TC strings can deny, but do not grant.
    pub fn within(self, row: &Record) -> Record {
        let broad;
        let row = match self.collected_for.is_empty() && self.purposes.is_empty() {
            true => row,
            false => {
                broad = row.denying_alone();
                &broad
            }
        };
        let purposes = |own: Purposes, row: Purposes| if own.is_empty() { row } else { own };
        Record {
            collected_for: purposes(self.collected_for, row.collected_for),
            purposes: purposes(self.purposes, row.purposes),
            consented_at: self.consented_at.or(row.consented_at),
            notice: self.notice.or_else(|| row.notice.clone()),
            expires_at: both(self.expires_at, row.expires_at, Ord::min),
            withdrawn_at: both(self.withdrawn_at, row.withdrawn_at, Ord::min),
            opt_out: self.opt_out || row.opt_out,
            gpc: self.gpc || row.gpc,
            ad_user_data: both(self.ad_user_data, row.ad_user_data, Ord::min),
            ad_personalization: both(self.ad_personalization, row.ad_personalization, Ord::min),
            tcf: both(self.tcf, row.tcf, Tcf::and),
            gpp: both(self.gpp, row.gpp, Gpp::and),
            unreadable: self.unreadable || row.unreadable,
        }
    }

    /// This record without what its signals and TC strings grant.
    fn denying_alone(&self) -> Record {
        let denied = |signal: Option<Signal>| signal.filter(|s| *s != Signal::Granted);
        Record {
            ad_user_data: denied(self.ad_user_data),
            ad_personalization: denied(self.ad_personalization),
            tcf: self.tcf.map(Tcf::denying_alone),
            gpp: self.gpp.map(|gpp| Gpp { tcf: gpp.tcf.map(Tcf::denying_alone), ..gpp }),
            ..self.clone()
        }
    }

    /// When the consent ends, if it does.
    pub(super) fn ends_at(&self) -> Option<Timestamp> {
        both(self.expires_at, self.withdrawn_at, Ord::min)
    }

    /// The TC strings on record, by themselves or in a GPP string.
    pub(super) fn tcf(&self) -> Option<Tcf> {
        both(self.tcf, self.gpp.and_then(|gpp| gpp.tcf), Tcf::and)
    }
}

/// One of Google's consent signals.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Signal {
    /// `DENIED`.
    Denied,
    /// `UNSPECIFIED`, which counts as refused.
    Unspecified,
    /// `GRANTED`.
    Granted,
}

/// The one that is there, or both combined.
fn both<T>(a: Option<T>, b: Option<T>, combine: impl FnOnce(T, T) -> T) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(combine(a, b)),
        (a, b) => a.or(b),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Purpose;
    use super::*;

    #[test]
    fn the_row_speaks_where_the_identifier_has_no_record_of_its_own() {
        let at = |second| Some(Timestamp::from_second(second).unwrap());
        let row = Record {
            collected_for: Purposes::parse("account"),
            purposes: Purpose::TARGETED_ADVERTISING.into(),
            expires_at: at(50),
            opt_out: true,
            ad_user_data: Some(Signal::Denied),
            ..Record::default()
        };
        let own = Record {
            collected_for: Purposes::parse("two_factor"),
            expires_at: at(100),
            ad_user_data: Some(Signal::Granted),
            ..Record::default()
        };
        let both = own.within(&row);
        assert_eq!(both.collected_for, Purposes::parse("two_factor"));
        assert_eq!(both.purposes, Purpose::TARGETED_ADVERTISING.into());
        assert_eq!(both.expires_at, at(50));
        assert!(both.opt_out);
        assert_eq!(both.ad_user_data, Some(Signal::Denied));
    }

    #[test]
    fn a_broad_yes_does_not_override_a_narrow_record() {
        use super::super::Policy;
        let tcf = Tcf::parse(&super::super::tcf::tests::core(&[1, 3, 4], 7, None), None).ok();
        let granted = Some(Signal::Granted);
        let signals =
            Record { ad_user_data: granted, ad_personalization: granted, ..Record::default() };
        let gpp = Some(Gpp { opted_out: false, tcf });
        let policy = Policy::new(Purpose::TARGETED_ADVERTISING, Timestamp::UNIX_EPOCH).unwrap();
        let own = |text| Record { collected_for: Purposes::parse(text), ..Record::default() };
        let agreed = |text| Record { purposes: Purposes::parse(text), ..Record::default() };
        for yes in [
            signals.clone(),
            Record { tcf, ..Record::default() },
            Record { gpp, ..Record::default() },
        ] {
            assert!(policy.judge(&Record::default().within(&yes)).is_ok());
            assert!(policy.judge(&own("account").within(&yes)).is_err());
            assert!(policy.judge(&agreed("Marketing").within(&yes)).is_err());
            assert!(policy.judge(&agreed("TargetedAdvertising").within(&yes)).is_ok());
            // Its own yes counts, unless its own purposes say otherwise.
            assert!(policy.judge(&yes.clone().within(&own("account"))).is_ok());
            assert!(policy.judge(&yes.clone().within(&agreed("Marketing"))).is_err());
            let narrow = Record { collected_for: Purposes::parse("account"), ..yes.clone() };
            assert!(policy.judge(&narrow.within(&yes)).is_ok());
            // What lies between passes the row's yes on no more than it does itself.
            let between = own("account").within(&agreed("Marketing"));
            assert!(policy.judge(&between.within(&yes)).is_err());
        }
        let denied = Record { ad_user_data: Some(Signal::Denied), ..Record::default() };
        assert!(policy.judge(&agreed("TargetedAdvertising").within(&denied)).is_err());
    }
}
