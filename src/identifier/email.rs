//! E-mail addresses.
//!
//! One bare address, with a domain under a top-level one. Every profile does the following; what
//! profiles differ in is [`Rules`].
//!
//! - Full-width ASCII becomes ASCII. Other compatibility forms (ligatures, superscripts) stay:
//!   folding them, as NFKC does, would make one address of two.
//! - The domain becomes ASCII as in UTS 46 (non-transitional, STD3 rules, DNS lengths), which also
//!   lowers its case. The last label is not a number.
//! - The local part is composed (NFC) and has 1 to 64 bytes. Dots may stand anywhere, as some
//!   providers handed out such addresses. White space, control and invisible characters and
//!   `( ) < > [ ] : ; , \ "` are not allowed, so quoted local parts, `Name <a@b.example>`,
//!   `mailto:a@b.example` and several addresses in one field are unreadable rather than guessed at.

use idna::AsciiDenyList;
use idna::uts46::{DnsLength, Hyphens, Uts46};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::Unreadable;
use super::text::{is_blank, is_invisible, narrow};

/// What profiles differ in.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) spaces: Spaces,
    pub(super) letters: Letters,
    /// The domains in whose local parts dots, and a plus sign with what follows it, are dropped.
    pub(super) gmail: &'static [&'static str],
}

/// Which white space is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spaces {
    /// Around the address.
    Ends,
    /// Around the address and inside it.
    Everywhere,
}

/// Which letters of the local part are lowercased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Letters {
    /// A to Z; others keep their case.
    Ascii,
    /// All that Unicode has a lowercase for.
    All,
}

/// The normalised address of a text that [`text::read`](super::text::read) gave.
pub(super) fn normalise(text: &str, rules: Rules) -> Result<Zeroizing<String>, Unreadable> {
    let folded = fold(text, rules.spaces);
    let (local, domain) = folded.split_once('@').ok_or(Unreadable::NotAnEmail)?;
    let domain = ascii_domain(domain)?;
    let local = if rules.gmail.contains(&domain.as_str()) {
        local_part(&without_dots_and_plus(local), rules.letters)?
    } else {
        local_part(local, rules.letters)?
    };
    Ok(join(&local, &domain))
}

/// Full-width ASCII to ASCII, and that to lower case.
fn fold(text: &str, spaces: Spaces) -> Zeroizing<String> {
    let mut folded = Zeroizing::new(String::with_capacity(text.len()));
    let kept = text.chars().filter(|&c| spaces == Spaces::Ends || !is_blank(c));
    folded.extend(kept.map(|c| narrow(c).to_ascii_lowercase()));
    folded
}

fn ascii_domain(domain: &str) -> Result<Zeroizing<String>, Unreadable> {
    let ascii = Uts46::new()
        .to_ascii(domain.as_bytes(), DENIED, Hyphens::CheckFirstLast, DnsLength::Verify)
        .map_err(|_| Unreadable::NotAnEmail)?;
    let ascii = Zeroizing::new(ascii.into_owned());
    match ascii.rsplit_once('.') {
        Some((_, top)) if !top.bytes().all(|b| b.is_ascii_digit()) => Ok(ascii),
        _ => Err(Unreadable::NotAnEmail),
    }
}

/// What is left when all dots and whatever follows a plus sign are dropped. This comes before
/// composing: a dot can stand between a letter and its accent.
fn without_dots_and_plus(local: &str) -> Zeroizing<String> {
    let mut kept = Zeroizing::new(String::with_capacity(local.len()));
    kept.extend(local.chars().take_while(|&c| c != '+').filter(|&c| c != '.'));
    kept
}

/// The local part, composed and lowercased, if it is one.
fn local_part(local: &str, letters: Letters) -> Result<Zeroizing<String>, Unreadable> {
    let local = if local.is_ascii() {
        Zeroizing::new(local.to_owned()) // lowercase by now
    } else {
        lowercase(composed(local), letters)
    };
    let fits = local.len() <= MAX_LOCAL && local.bytes().any(|b| b != b'.');
    if fits && local.chars().all(is_allowed) { Ok(local) } else { Err(Unreadable::NotAnEmail) }
}

fn lowercase(mut local: Zeroizing<String>, letters: Letters) -> Zeroizing<String> {
    match letters {
        // Composing can bring new ones: the Kelvin sign becomes a K.
        Letters::Ascii => {
            local.make_ascii_lowercase();
            local
        }
        Letters::All => composed(&Zeroizing::new(local.to_lowercase())),
    }
}

fn composed(text: &str) -> Zeroizing<String> {
    // A character grows at most threefold (UAX 15), so this is never reallocated unwiped.
    let mut composed = Zeroizing::new(String::with_capacity(3 * text.len()));
    composed.extend(text.nfc());
    composed
}

fn is_allowed(c: char) -> bool {
    let special =
        matches!(c, '(' | ')' | '<' | '>' | '[' | ']' | ':' | ';' | ',' | '\\' | '"' | '@');
    !(special || c.is_whitespace() || c.is_control() || is_invisible(c))
}

fn join(local: &str, domain: &str) -> Zeroizing<String> {
    let mut address = Zeroizing::new(String::with_capacity(local.len() + 1 + domain.len()));
    for part in [local, "@", domain] {
        address.push_str(part);
    }
    address
}

/// Bytes of a local part (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;

/// In a domain's ASCII, only letters, digits, hyphens and dots are allowed.
const DENIED: AsciiDenyList = AsciiDenyList::STD3;

#[cfg(test)]
mod tests {
    use super::*;

    const TRIMMED: Rules = Rules { spaces: Spaces::Ends, letters: Letters::All, gmail: &[] };
    const PAIR: Rules = Rules { letters: Letters::Ascii, ..TRIMMED };
    const UID2: Rules = Rules { gmail: &["gmail.com"], ..TRIMMED };
    const GOOGLE: Rules =
        Rules { spaces: Spaces::Everywhere, gmail: &["gmail.com", "googlemail.com"], ..TRIMMED };

    fn read(text: &str, rules: Rules) -> Result<String, Unreadable> {
        normalise(text, rules).map(|mut address| std::mem::take(&mut *address))
    }

    #[test]
    fn in_every_profile() {
        for (text, expected) in [
            ("user@example.com", "user@example.com"),
            ("User.Name+Tag@Example.COM", "user.name+tag@example.com"),
            ("o'hara!#$%&*-/=?^_`{|}~@example.co.uk", "o'hara!#$%&*-/=?^_`{|}~@example.co.uk"),
            ("a@r3---sn.example", "a@r3---sn.example"),
            (".dots..anywhere.@docomo.example", ".dots..anywhere.@docomo.example"),
            ("ｕｓｅｒ＠ｅｘａｍｐｌｅ．ｃｏｍ", "user@example.com"),
            ("user@example。com", "user@example.com"),
            ("user@BÜCHER.example", "user@xn--bcher-kva.example"),
            ("user@XN--BCHER-KVA.example", "user@xn--bcher-kva.example"),
            ("user@straße.example", "user@xn--strae-oqa.example"),
            ("user@例え.テスト", "user@xn--r8jz45g.xn--zckzah"),
            ("ju\u{308}rgen@example.de", "jürgen@example.de"),
            ("\u{212a}elvin@example.com", "kelvin@example.com"),
            ("ﬁ@example.com", "ﬁ@example.com"),
        ] {
            for rules in [PAIR, TRIMMED, UID2, GOOGLE] {
                assert_eq!(read(text, rules).as_deref(), Ok(expected), "{text} {rules:?}");
            }
        }
    }

    #[test]
    fn in_none() {
        for text in [
            "user",
            "@",
            "@example.com",
            "user@",
            "a@b@example.com",
            "user@localhost",
            "user@example..com",
            "user@.example.com",
            "user@example.com.",
            "user@-example.com",
            "user@under_score.com",
            "user@192.0.2.1",
            "user@[192.0.2.1]",
            "user@exa\u{7f}mple.com",
            "...@example.com",
            "\"a b\"@example.com",
            "\"a\"@example.com",
            "Ada <ada@example.com>",
            "<ada@example.com>",
            "mailto:ada@example.com",
            "a@example.com, b@example.com",
            "a@example.com;b@example.com",
            "a,b@example.com",
            "a\u{200b}b@example.com",
            "a\u{37e}b@example.com", // composes to a semicolon
            "a\u{1}b@example.com",
            "user@xn--.com",
        ] {
            for rules in [PAIR, TRIMMED, UID2, GOOGLE] {
                let google_drops_it =
                    rules.spaces == Spaces::Everywhere && text.contains('\u{200b}');
                assert!(read(text, rules).is_err() || google_drops_it, "{text} {rules:?}");
            }
        }
    }

    #[test]
    fn lengths() {
        let of =
            |local: usize, label: usize| format!("{}@{}.com", "a".repeat(local), "b".repeat(label));
        assert!(read(&of(64, 63), TRIMMED).is_ok());
        assert_eq!(read(&of(65, 63), TRIMMED), Err(Unreadable::NotAnEmail));
        assert_eq!(read(&of(64, 64), TRIMMED), Err(Unreadable::NotAnEmail));
        let labels = format!("a@{}com", "b.".repeat(125)); // a domain of 253
        assert!(read(&labels, TRIMMED).is_ok());
        assert!(read(&labels.replace("com", "info"), TRIMMED).is_err());
    }

    #[test]
    fn where_profiles_differ() {
        let error = Err(Unreadable::NotAnEmail);
        for (text, pair, uid2, google) in [
            ("É@a.fr", Ok("É@a.fr"), Ok("é@a.fr"), Ok("é@a.fr")),
            ("ΟΔΟΣ@a.gr", Ok("ΟΔΟΣ@a.gr"), Ok("οδος@a.gr"), Ok("οδος@a.gr")),
            ("j. d@a.com", error, error, Ok("j.d@a.com")),
            ("j\u{a0}d@a.com", error, error, Ok("jd@a.com")),
            ("jd@a .com", error, error, Ok("jd@a.com")),
            ("J.D+x+y@Gmail.com", Ok("j.d+x+y@gmail.com"), Ok("jd@gmail.com"), Ok("jd@gmail.com")),
            (
                "J.D+x@googlemail.com",
                Ok("j.d+x@googlemail.com"),
                Ok("j.d+x@googlemail.com"),
                Ok("jd@googlemail.com"),
            ),
            ("j.d+x@ｇｍａｉｌ.com", Ok("j.d+x@gmail.com"), Ok("jd@gmail.com"), Ok("jd@gmail.com")),
            (
                "j.d@my.gmail.com",
                Ok("j.d@my.gmail.com"),
                Ok("j.d@my.gmail.com"),
                Ok("j.d@my.gmail.com"),
            ),
            (
                "e.\u{301}@gmail.com",
                Ok("e.\u{301}@gmail.com"),
                Ok("é@gmail.com"),
                Ok("é@gmail.com"),
            ),
            ("+x@gmail.com", Ok("+x@gmail.com"), error, error),
        ] {
            assert_eq!(read(text, PAIR).as_deref(), pair.as_ref().copied(), "{text}");
            assert_eq!(read(text, UID2).as_deref(), uid2.as_ref().copied(), "{text}");
            assert_eq!(read(text, GOOGLE).as_deref(), google.as_ref().copied(), "{text}");
        }
    }
}
