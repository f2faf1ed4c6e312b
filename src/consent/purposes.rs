//! A set of purposes, as one cell of a list states it.

use std::fmt;

use super::Purpose;

/// A set of purposes, and whether something stood among them that is not a known purpose.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Purposes {
    known: u128,
    unknown: bool,
}

impl Purposes {
    /// Reads purposes that are parted by `;`, `,`, `|` or line ends; a list in brackets and quotes
    /// (JSON) reads the same. What [`Purpose::parse`] does not know is remembered as unknown.
    pub fn parse(text: &str) -> Purposes {
        let mut purposes = Purposes::default();
        for part in text.split([';', ',', '|', '\n', '\r']) {
            let part = part.trim_matches(|c: char| c.is_whitespace() || "[]{}\"'".contains(c));
            if !part.is_empty() {
                purposes.add(part);
            }
        }
        purposes
    }

    /// One statement; where it is no purpose as a whole, perhaps several with blanks between.
    fn add(&mut self, part: &str) {
        if let Some(purpose) = Purpose::parse(part) {
            return self.insert(purpose);
        }
        match part.split_whitespace().map(Purpose::parse).collect::<Option<Vec<_>>>() {
            Some(purposes) => purposes.into_iter().for_each(|purpose| self.insert(purpose)),
            None => self.unknown = true,
        }
    }

    fn insert(&mut self, purpose: Purpose) {
        self.known |= bit(purpose);
    }

    /// Whether nothing was stated, not even something unknown.
    pub fn is_empty(self) -> bool {
        self.known == 0 && !self.unknown
    }

    /// Whether this very purpose is in the set.
    pub fn contains(self, purpose: Purpose) -> bool {
        self.known & bit(purpose) != 0
    }

    /// Whether the set states this purpose and nothing else.
    pub fn is_only(self, purpose: Purpose) -> bool {
        self.known == bit(purpose) && !self.unknown
    }

    /// Whether something was stated that is not a known purpose.
    pub fn has_unknown(self) -> bool {
        self.unknown
    }

    /// Whether a purpose of security is in the set.
    pub fn has_security(self) -> bool {
        self.known & Purpose::SECURITY_BITS != 0
    }

    /// The known purposes.
    pub fn iter(self) -> impl Iterator<Item = Purpose> {
        Purpose::all().filter(move |purpose| self.contains(*purpose))
    }
}

impl From<Purpose> for Purposes {
    fn from(purpose: Purpose) -> Self {
        Purposes { known: bit(purpose), unknown: false }
    }
}

impl FromIterator<Purpose> for Purposes {
    fn from_iter<I: IntoIterator<Item = Purpose>>(purposes: I) -> Self {
        let mut set = Purposes::default();
        purposes.into_iter().for_each(|purpose| set.insert(purpose));
        set
    }
}

impl fmt::Debug for Purposes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unknown = self.unknown.then_some("unknown");
        let names = self.iter().map(Purpose::name).chain(unknown);
        f.debug_set().entries(names).finish()
    }
}

fn bit(purpose: Purpose) -> u128 {
    purpose.bit()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells() {
        let cases = [
            ("TargetedAdvertising", "{\"TargetedAdvertising\"}"),
            ("targeted_advertising;account", "{\"AccountManagement\", \"TargetedAdvertising\"}"),
            (
                "dpv:TargetedAdvertising dpv:DirectMarketing",
                "{\"DirectMarketing\", \"TargetedAdvertising\"}",
            ),
            (
                "[\"TargetedAdvertising\", \"newsletter\"]",
                "{\"DirectMarketing\", \"TargetedAdvertising\"}",
            ),
            ("two-factor authentication", "{\"IdentityAuthentication\"}"),
            ("TargetedAdvertising|whatever", "{\"TargetedAdvertising\", \"unknown\"}"),
            ("whatever", "{\"unknown\"}"),
            (" ; ,", "{}"),
        ];
        for (text, expected) in cases {
            assert_eq!(format!("{:?}", Purposes::parse(text)), expected, "{text}");
        }
    }

    #[test]
    fn only_means_alone() {
        let p = Purpose::TARGETED_ADVERTISING;
        assert!(Purposes::parse("TargetedAdvertising").is_only(p));
        assert!(!Purposes::parse("TargetedAdvertising;x").is_only(p));
        assert!(!Purposes::parse("TargetedAdvertising;account").is_only(p));
    }
}
