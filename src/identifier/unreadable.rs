//! Why a value, or the row it stands in, cannot be read.

/// Why a value, or the row it stands in, gives no identifier.
///
/// It says what is wrong and never carries the value, so it can be counted, logged and shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Unreadable {
    /// Nothing there: no characters, only blanks, or the digest of nothing.
    #[error("the value is empty")]
    Empty,
    /// More bytes than any identifier can have.
    #[error("the value is too long")]
    TooLong,
    /// Not UTF-8.
    #[error("the value is not UTF-8 text")]
    InvalidUtf8,
    /// Not one bare e-mail address.
    #[error("the value is not an e-mail address")]
    NotAnEmail,
    /// Not one phone number.
    #[error("the value is not a phone number")]
    NotAPhone,
    /// A phone number without its country, and no region to take it from.
    #[error("the phone number has no country code and no region is set")]
    NoCountry,
    /// Neither 64 hexadecimal digits nor the Base64 of 32 bytes.
    #[error("the value is not a SHA-256 digest")]
    NotADigest,
    /// A row without a single identifier.
    #[error("the row has no identifier")]
    NoIdentifier,
    /// A row with more or fewer fields than the header.
    #[error("the row has a different number of fields than the header")]
    Ragged,
    /// A row whose column for the kind names none.
    #[error("the kind of identifier is not known")]
    UnknownKind,
    /// A quoted field that does not end.
    #[error("a quotation mark is not closed")]
    OpenQuote,
}

impl Unreadable {
    /// Every reason, in order.
    pub const ALL: [Unreadable; 11] = [
        Unreadable::Empty,
        Unreadable::TooLong,
        Unreadable::InvalidUtf8,
        Unreadable::NotAnEmail,
        Unreadable::NotAPhone,
        Unreadable::NoCountry,
        Unreadable::NotADigest,
        Unreadable::NoIdentifier,
        Unreadable::Ragged,
        Unreadable::UnknownKind,
        Unreadable::OpenQuote,
    ];

    /// The name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Unreadable::Empty => "empty",
            Unreadable::TooLong => "too_long",
            Unreadable::InvalidUtf8 => "invalid_utf8",
            Unreadable::NotAnEmail => "not_an_email",
            Unreadable::NotAPhone => "not_a_phone",
            Unreadable::NoCountry => "no_country",
            Unreadable::NotADigest => "not_a_digest",
            Unreadable::NoIdentifier => "no_identifier",
            Unreadable::Ragged => "ragged_row",
            Unreadable::UnknownKind => "unknown_kind",
            Unreadable::OpenQuote => "open_quote",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_clauses_differ() {
        let names: Vec<_> = Unreadable::ALL.iter().map(|u| u.name()).collect();
        let clauses: Vec<_> = Unreadable::ALL.iter().map(|u| u.to_string()).collect();
        for i in 0..names.len() {
            assert!(names[i].bytes().all(|b| b.is_ascii_lowercase() || b"_8".contains(&b)));
            assert!(!names[..i].contains(&names[i]));
            assert!(!clauses[..i].contains(&clauses[i]));
            assert!(clauses[i].len() <= 60 && !clauses[i].ends_with('.'));
        }
    }
}
