//! Normalisation profiles: named, versioned sets of rules.

use std::fmt;
use std::sync::LazyLock;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::email::{self, Letters, Spaces};
use super::phone::{self, Form};
use super::{Identifier, Kind, Region, Unreadable, text};
use crate::error::{Error, Result, printable};

/// A named, versioned way to normalise identifiers before they are hashed.
///
/// | profile | e-mail: local part | blanks | dots, `+...` dropped at | phone |
/// |---|---|---|---|---|
/// | `pair` (default) | A to Z lowercased | trimmed | nowhere | E.164 with `+` |
/// | `google` | lowercased | removed inside too | gmail.com, googlemail.com | E.164 with `+` |
/// | `meta` | lowercased | trimmed | nowhere | digits of E.164 |
/// | `uid2` | lowercased | trimmed | gmail.com | E.164 with `+` |
/// | `x` | lowercased | trimmed | nowhere | E.164 with `+` |
///
/// Sources: IAB Tech Lab PAIR; Google Ads Customer Match, where the documentation drops `+...` and
/// Google's own client library does not (this profile follows the documentation); Meta Custom
/// Audiences; UID2; X tailored audiences, which publish no rule for phone numbers (E.164 is ours).
///
/// What the vendors leave open is the same in every profile and part of [`rules`](Self::rules):
/// what counts as an address or a number, international domain names, full-width characters,
/// national phone formats. [`digest`](Self::digest) covers all of it, so two parties that would
/// normalise differently notice before they match. It does not cover the numbering plans (the
/// libphonenumber metadata): these grow month by month, and a number that was readable stays so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Profile {
    /// IAB Tech Lab PAIR.
    #[default]
    Pair,
    /// Google Customer Match and Data Manager.
    Google,
    /// Meta Custom Audiences.
    Meta,
    /// Unified ID 2.0.
    Uid2,
    /// X.
    X,
}

impl Profile {
    /// Every profile; the default is the first.
    pub const ALL: [Profile; 5] =
        [Profile::Pair, Profile::Google, Profile::Meta, Profile::Uid2, Profile::X];

    /// The profile of this [`name`](Self::name).
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for an unknown name; it lists those there are.
    pub fn parse(name: &str) -> Result<Profile> {
        Self::ALL.into_iter().find(|profile| profile.name() == name).ok_or_else(|| {
            let known = Self::ALL.map(Profile::name).join(", ");
            Error::Misuse(format!("unknown profile {}: there are {known}", printable(name)))
        })
    }

    /// The name that settings and handshakes use.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Pair => "pair",
            Profile::Google => "google",
            Profile::Meta => "meta",
            Profile::Uid2 => "uid2",
            Profile::X => "x",
        }
    }

    /// The version of the rules; it grows when any value would normalise differently.
    pub fn version(self) -> u32 {
        1
    }

    /// The rules in full, in plain text, one a line.
    pub fn rules(self) -> &'static str {
        static RULES: LazyLock<[String; Profile::ALL.len()]> =
            LazyLock::new(|| Profile::ALL.map(Profile::describe));
        &RULES[self as usize]
    }

    /// SHA-256 of [`rules`](Self::rules): what two parties compare.
    pub fn digest(self) -> [u8; 32] {
        Sha256::digest(self.rules()).into()
    }

    /// The identifier of one field of a file.
    ///
    /// A value that is a SHA-256 digest already (64 hexadecimal digits, or 44 characters of padded
    /// Base64) is taken as one, as Meta does: it can be neither an address nor a number. Use
    /// [`Identifier::from_hashed`] where a whole column is hashed. A phone number in a national
    /// format needs the `region` it is written in.
    ///
    /// Takes about a microsecond for an address and two for a number.
    ///
    /// # Errors
    ///
    /// Why the field gives no identifier.
    pub fn identify(
        self,
        kind: Kind,
        raw: &[u8],
        region: Option<Region>,
    ) -> Result<Identifier, Unreadable> {
        let text = text::read(raw)?;
        if let Some(identifier) = Identifier::passed_through(kind, text) {
            return identifier;
        }
        let normalised = self.normalise_text(kind, text, region)?;
        Ok(Identifier::from_normalised(kind, &normalised))
    }

    /// The normalised text of one field of a file; normalising that again gives the same.
    ///
    /// # Errors
    ///
    /// As [`identify`](Self::identify); and a digest has no text, so it is unreadable here.
    pub fn normalise(
        self,
        kind: Kind,
        raw: &[u8],
        region: Option<Region>,
    ) -> Result<Zeroizing<String>, Unreadable> {
        self.normalise_text(kind, text::read(raw)?, region)
    }

    fn normalise_text(
        self,
        kind: Kind,
        text: &str,
        region: Option<Region>,
    ) -> Result<Zeroizing<String>, Unreadable> {
        match kind {
            Kind::Email => email::normalise(text, self.email()),
            Kind::Phone => phone::normalise(text, self.phone(), region),
        }
    }

    fn email(self) -> email::Rules {
        let trimmed = email::Rules { spaces: Spaces::Ends, letters: Letters::All, gmail: &[] };
        match self {
            Profile::Pair => email::Rules { letters: Letters::Ascii, ..trimmed },
            Profile::Google => email::Rules {
                spaces: Spaces::Everywhere,
                gmail: &["gmail.com", "googlemail.com"],
                ..trimmed
            },
            Profile::Meta | Profile::X => trimmed,
            Profile::Uid2 => email::Rules { gmail: &["gmail.com"], ..trimmed },
        }
    }

    fn phone(self) -> Form {
        match self {
            Profile::Meta => Form::Digits,
            _ => Form::Plus,
        }
    }

    /// The text of the rules, written from the rules themselves.
    fn describe(self) -> String {
        let email = self.email();
        let lines = [
            format!("blindmatch normalisation profile {} version {}", self.name(), self.version()),
            VALUE.to_owned(),
            EMAIL.to_owned(),
            match email.spaces {
                Spaces::Ends => "email: blanks are removed around it only".to_owned(),
                Spaces::Everywhere => "email: blanks are removed inside it too".to_owned(),
            },
            match email.letters {
                Letters::Ascii => "email: A-Z of the local part are lowercased".to_owned(),
                Letters::All => "email: the local part is lowercased as in Unicode".to_owned(),
            },
            match email.gmail {
                [] => "email: dots and + are kept".to_owned(),
                domains => format!(
                    "email: local parts at {} first lose their dots, and + with all after it",
                    domains.join(" and ")
                ),
            },
            PHONE.to_owned(),
            match self.phone() {
                Form::Plus => PHONE_PLUS.to_owned(),
                Form::Digits => PHONE_DIGITS.to_owned(),
            },
            "digest: SHA-256 of the text in UTF-8".to_owned(),
        ];
        lines.join("\n") + "\n"
    }
}

/// Rules of every profile, for any value.
const VALUE: &str = "\
value: at most 1024 bytes of UTF-8
value: blanks around it are removed (White_Space, U+0000, and the invisible U+00AD, U+061C, \
U+180E, U+200B-200F, U+202A-202E, U+2060-2064, U+2066-2069, U+FEFF)
value: U+FF01-FF5E become ASCII
value: 64 hexadecimal digits, or the padded Base64 of 32 bytes, are a digest; not that of nothing";

/// Rules of every profile, for e-mail addresses.
const EMAIL: &str = "\
email: one @
email: the domain becomes ASCII by UTS 46: non-transitional, STD3 rules, no hyphen at either end \
of a label, DNS lengths; at least two labels, the last not a number
email: the local part is composed (NFC); 1 to 64 bytes, not all dots, no white space, no control \
or invisible characters, none of ()<>[]:;,\\\"";

/// Rules of every profile, for phone numbers.
const PHONE: &str = "\
phone: decimal digits (ASCII, Arabic, Persian, Devanagari, Bengali, Thai) become ASCII
phone: blanks and -./()[] U+00B7 U+2010-2015 U+2022 U+2212 U+30FC are removed
phone: an end of ;ext= extension extn ext x or # and 1 to 7 digits is removed; so is .0 after \
nothing but digits
phone: + only in front, nothing but digits else; at most 17 characters
phone: country and trunk prefix as in libphonenumber, for the region given
phone: 00 stands for + after a +, without a region, and where it makes no number in the region
phone: 7 to 15 digits with the calling code of a country or network
phone: a national part that begins with 0 is valid in its plan";

const PHONE_PLUS: &str = "\
phone: written as + and digits
phone: without + or 00 and without a region, unreadable
phone: without + and with a region, of a length possible in its plan";

const PHONE_DIGITS: &str = "\
phone: written as digits
phone: without + or 00 and without a region, read as after +, if it does not begin with 0
phone: of a length possible in its plan";

/// Name and version, as `pair/1`.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.name(), self.version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        bytes.iter().map(|b| format!("{b:02x}")).collect()
    }

    #[test]
    fn published_digests() {
        let user = "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514";
        let jane = "92ee26057ed9dea2535d6c8b141d48373932476599196e00352254896db5888f";
        let alex = "509e933019bb285a134a9334b8bb679dff79d0ce023d529af4bd744d47b4fd8a";
        let uid2_phone = "10e6f0b47054a83359477dcb35231db6de5c69fb1816e1a6b98e192de9e5b9ee";
        let pair_phone = "c1d3756a586b6f0d419b3e3d1b328674fbc6c4b842367ee7ded780390fc548ae";
        let meta_phone = "e323ec626319ca94ee8bff2e4c87cf613be6ea19919ed1364124e16807ab3176";
        for (profile, kind, raw, digest) in [
            (Profile::Uid2, Kind::Email, "user@example.com", user),
            (Profile::Pair, Kind::Email, "user@example.com", user),
            (Profile::Pair, Kind::Email, "USER@EXAMPLE.COM", user),
            (Profile::Uid2, Kind::Email, "JaneSaoirse+Work@gmail.com", jane),
            (Profile::Google, Kind::Email, "alexz@example.com", alex),
            (Profile::Uid2, Kind::Phone, "+12345678901", uid2_phone),
            (Profile::Pair, Kind::Phone, "+1111111111", pair_phone),
            (Profile::Meta, Kind::Phone, "16505551212", meta_phone),
            (Profile::Meta, Kind::Phone, "+1 (650) 555-1212", meta_phone),
        ] {
            let identifier = profile.identify(kind, raw.as_bytes(), None).unwrap();
            assert_eq!(hex(&identifier.as_bytes()[1..]), digest, "{profile:?} {raw}");
        }
    }

    #[test]
    fn hashed_at_the_source_is_the_same() {
        for profile in Profile::ALL {
            let plain = profile.identify(Kind::Email, b"User@Example.com", None).unwrap();
            for hashed in [
                "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514",
                " B4C9A289323B21A01C3E940F150EB9B8C542587F1ABFD8F0E1CC1FFC5E475514\n",
                "tMmiiTI7IaAcPpQPFQ65uMVCWH8av9jw4cwf/F5HVRQ=",
            ] {
                let passed = profile.identify(Kind::Email, hashed.as_bytes(), None).unwrap();
                assert_eq!(passed.as_bytes(), plain.as_bytes());
                let text = profile.normalise(Kind::Email, hashed.as_bytes(), None);
                assert_eq!(text.unwrap_err(), Unreadable::NotAnEmail);
            }
        }
    }

    #[test]
    fn reasons() {
        let identify = |kind, raw: &[u8]| Profile::Pair.identify(kind, raw, None).unwrap_err();
        for kind in Kind::ALL {
            assert_eq!(identify(kind, b" \xc2\xa0"), Unreadable::Empty);
            assert_eq!(identify(kind, b"\xff\xfea"), Unreadable::InvalidUtf8);
            assert_eq!(identify(kind, &[b'1'; 2000]), Unreadable::TooLong);
        }
        assert_eq!(identify(Kind::Email, b"n/a"), Unreadable::NotAnEmail);
        assert_eq!(identify(Kind::Phone, b"n/a"), Unreadable::NotAPhone);
        assert_eq!(identify(Kind::Phone, b"0301234567"), Unreadable::NoCountry);
    }

    #[test]
    fn names() {
        for profile in Profile::ALL {
            assert_eq!(Profile::parse(profile.name()).unwrap(), profile);
        }
        assert_eq!(Profile::default(), Profile::ALL[0]);
        let error = Profile::parse("Pair\u{1b}").unwrap_err().to_string();
        assert_eq!(error, "unknown profile Pair?: there are pair, google, meta, uid2, x");
    }

    /// Two builds with the same version must agree. If a change here is meant, raise the version.
    #[test]
    fn digests_are_frozen() {
        let digests =
            Profile::ALL.map(|p| format!("{} {} {}", p.name(), p.version(), hex(&p.digest())));
        assert_eq!(digests, FROZEN);
    }

    const FROZEN: [&str; 5] = [
        "pair 1 547d606d54e6f9067549968c7eba122b2de5d8e04a8454d71978876ec4c5d19b",
        "google 1 260553210e940003b90fbe29b23fa3005baba59729818887ab52fee29fc427af",
        "meta 1 778c0264ebc00d1d6bb2f041f5f50d6d575f7f9fe73fff0ee3ebf73df8b04664",
        "uid2 1 70064b5226089c0d3be0013b596afbba37bec5b438298c43a11102e045d46816",
        "x 1 967995214e0b8272be69c2d24c9bb8a7aa68d000e2d871a34a220b83a7e83c96",
    ];

    #[test]
    fn rules_name_their_profile_and_differ() {
        for (i, profile) in Profile::ALL.into_iter().enumerate() {
            assert!(profile.rules().contains(&format!(" {} version ", profile.name())));
            assert!(profile.rules().lines().all(|line| line.len() <= 220));
            assert!(Profile::ALL[..i].iter().all(|other| other.digest() != profile.digest()));
        }
    }

    /// Nothing that a file may hold panics, and what is readable is read the same again.
    #[test]
    fn hostile_values_neither_panic_nor_drift() {
        let regions = ["DE", "US", "IT", "AR", "BR", "RU", "JP"].map(|r| Region::parse(r).ok());
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        let mut readable = [0; 2];
        for _ in 0..100_000 {
            let raw = random.mutated();
            let profile = Profile::ALL[random.below(5)];
            let kind = Kind::ALL[random.below(2)];
            let region = regions.get(random.below(8)).copied().flatten();
            let _ = Identifier::from_hashed(kind, &raw);
            let identified = profile.identify(kind, &raw, region).is_ok();
            if let Ok(once) = profile.normalise(kind, &raw, region) {
                assert!(identified);
                readable[kind as usize] += 1;
                let twice = profile.normalise(kind, once.as_bytes(), None);
                assert_eq!(twice.as_deref(), Ok(&*once), "{profile:?} {raw:?} {region:?}");
            }
        }
        assert!(readable.iter().all(|&n| n > 1000), "mutations too wild: {readable:?}");
    }

    /// A xorshift generator: the same inputs in every run.
    struct Random(u64);

    impl Random {
        fn below(&mut self, n: usize) -> usize {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            (self.0 % n as u64) as usize
        }

        /// A plausible value with a few pieces or bytes put in, taken out or replaced.
        fn mutated(&mut self) -> Vec<u8> {
            let mut raw = SEEDS[self.below(SEEDS.len())].as_bytes().to_vec();
            for _ in 0..self.below(5) {
                let at = self.below(raw.len() + 1);
                let to = (at + self.below(4)).min(raw.len());
                let piece = PIECES[self.below(PIECES.len())].as_bytes();
                match self.below(5) {
                    0 => drop(raw.drain(at..to)),
                    1 => raw.insert(at, self.below(256) as u8),
                    2 => drop(raw.splice(at..to, piece.iter().copied())),
                    _ => drop(raw.splice(at..at, piece.iter().copied())),
                }
            }
            raw
        }
    }

    const SEEDS: [&str; 14] = [
        "",
        "Jane.Doe+News@Gmail.com",
        "a.b@googlemail.com",
        "jürgen@BÜCHER.example",
        "ｕｓｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ",
        "ΟΔΥΣΣΕΥΣ@example.gr",
        "İ@xn--bcher-kva.example",
        "+49 (0)30 1234567",
        "0049 170 1234567",
        "011 15 1234-5678",
        "8 (800) 555-35-35",
        "+39 06 6982 0000",
        "(650) 253-0000 ext. 12",
        "b4c9a289323b21a01c3e940f150eb9b8c542587f1abfd8f0e1cc1ffc5e475514",
    ];

    const PIECES: [&str; 24] = [
        "@", ".", "+", "0", "00", "1", "9", "8", "-", "xn--", " ", "\u{a0}", "\u{200b}",
        "\u{feff}", "９", "\u{301}", "\u{212a}", "\u{37e}", "ß", "ﬁ", "。", ";ext=1", "x", "=",
    ];
}
