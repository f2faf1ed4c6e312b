//! Values that were hashed at the source.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use zeroize::Zeroizing;

use super::{Identifier, Kind, Unreadable, text};

impl Identifier {
    /// From a column that was hashed at the source: the SHA-256 of a normalised value, written as
    /// 64 hexadecimal digits in either case, or as standard or URL-safe Base64 with or without its
    /// padding. Blanks around it are ignored.
    ///
    /// Whether the value was normalised before it was hashed, and by which profile, cannot be seen
    /// from the digest: ask whoever hashed it.
    ///
    /// # Errors
    ///
    /// [`Unreadable::NotADigest`] for any other text; [`Unreadable::Empty`] for none, and for the
    /// digest of none, which stands wherever a source hashed its empty fields too.
    pub fn from_hashed(kind: Kind, raw: &[u8]) -> Result<Self, Unreadable> {
        let text = text::read(raw)?;
        let digest = read_digest(text).ok_or(Unreadable::NotADigest)?;
        of_digest(kind, &digest)
    }

    /// From a value that is a digest beyond doubt, or `None`: 64 hexadecimal digits, or 44
    /// characters of padded Base64. Neither can be an e-mail address or a phone number.
    pub(super) fn passed_through(kind: Kind, text: &str) -> Option<Result<Self, Unreadable>> {
        let padded = || text.ends_with('=').then(|| base64(text)).flatten();
        let digest = hex(text).or_else(padded)?;
        Some(of_digest(kind, &digest))
    }
}

/// 32 bytes in hexadecimal or Base64.
pub(crate) fn read_digest(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    hex(text).or_else(|| base64(text))
}

fn of_digest(kind: Kind, digest: &[u8; 32]) -> Result<Identifier, Unreadable> {
    if *digest == OF_NOTHING {
        return Err(Unreadable::Empty);
    }
    Ok(Identifier::from_digest(kind, *digest))
}

fn hex(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    if text.len() != 64 {
        return None;
    }
    let mut digest = Zeroizing::new([0; 32]);
    for (byte, pair) in digest.iter_mut().zip(text.as_bytes().as_chunks::<2>().0) {
        let [high, low] = pair.map(|c| char::from(c).to_digit(16));
        *byte = (high? << 4 | low?) as u8;
    }
    Some(digest)
}

fn base64(text: &str) -> Option<Zeroizing<[u8; 32]>> {
    if !(43..=44).contains(&text.len()) {
        return None;
    }
    let mut bytes = Zeroizing::new([0; 33]);
    let decoded = [STANDARD, URL_SAFE].iter().any(|e| e.decode_slice(text, &mut *bytes) == Ok(32));
    decoded.then(|| {
        let mut digest = Zeroizing::new([0; 32]);
        digest.copy_from_slice(&bytes[..32]);
        digest
    })
}

const PADDED_OR_NOT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, PADDED_OR_NOT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, PADDED_OR_NOT);

/// SHA-256 of the empty string.
const OF_NOTHING: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    /// SHA-256 of `user@example.com`, as UID2 and PAIR publish it.
    const HEX: &str = "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514";
    const BASE64: &str = "tMmiiTI7IaAcPpQPFQ65uMVCWH8av9jw4cwf/F5HVRQ=";

    #[test]
    fn every_spelling_is_the_plain_value() {
        let plain = Identifier::from_normalised(Kind::Email, "user@example.com");
        let url_safe = BASE64.replace('/', "_");
        for spelling in [
            HEX,
            &HEX.to_uppercase(),
            &format!("\u{feff} {HEX}\r\n"),
            BASE64,
            BASE64.trim_end_matches('='),
            &url_safe,
            url_safe.trim_end_matches('='),
        ] {
            let hashed = Identifier::from_hashed(Kind::Email, spelling.as_bytes()).unwrap();
            assert_eq!(hashed.as_bytes(), plain.as_bytes(), "{spelling}");
        }
    }

    #[test]
    fn what_is_no_digest() {
        let mixed = BASE64.replacen('t', "-", 1);
        for (text, reason) in [
            ("", Unreadable::Empty),
            (&HEX[1..], Unreadable::NotADigest),
            (&format!("{HEX}0"), Unreadable::NotADigest),
            (&HEX.replacen('b', "g", 1), Unreadable::NotADigest),
            (&HEX.replacen("b4", "é", 1), Unreadable::NotADigest),
            (&mixed, Unreadable::NotADigest), // both alphabets at once
            (&BASE64.replace("RQ=", "RR="), Unreadable::NotADigest), // stray bits at the end
            (&BASE64.replace('=', "A"), Unreadable::NotADigest), // 33 bytes
            ("user@example.com", Unreadable::NotADigest),
        ] {
            assert_eq!(
                Identifier::from_hashed(Kind::Email, text.as_bytes()).unwrap_err(),
                reason,
                "{text}"
            );
        }
    }

    #[test]
    fn digest_of_nothing_is_empty() {
        assert_eq!(OF_NOTHING[..], Sha256::digest(b"")[..]);
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let hashed = Identifier::from_hashed(Kind::Phone, text.as_bytes());
        assert_eq!(hashed.unwrap_err(), Unreadable::Empty);
    }

    #[test]
    fn only_what_cannot_be_a_value_passes_through() {
        assert!(Identifier::passed_through(Kind::Phone, HEX).is_some());
        assert!(Identifier::passed_through(Kind::Phone, BASE64).is_some());
        assert!(Identifier::passed_through(Kind::Phone, BASE64.trim_end_matches('=')).is_none());
        assert!(Identifier::passed_through(Kind::Email, "user@example.com").is_none());
    }
}
