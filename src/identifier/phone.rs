//! Phone numbers.
//!
//! A number is read in two steps. The first is ours: digits of common scripts become ASCII; blanks,
//! hyphens, dots, slashes, brackets and invisible characters go; an extension at the end
//! (`ext. 12`, `x12`, `#12`, `;ext=12`) goes too, as E.164 has none; so does the `.0` of a number
//! that was once a float. Anything else is not a phone number: not `tel:`, not letters for digits
//! (1-800-...), not two numbers in one field. Guessing would put one person's record on another's
//! number.
//!
//! The second step is libphonenumber's: country calling codes, the international and trunk prefixes
//! of each region, and numbers that keep a leading zero (Italy). It works on a string of at most 17
//! ASCII digits. Then:
//!
//! - the whole number has 7 to 15 digits, after the calling code of a real country or network;
//! - where the country came from the region rather than the number, the length is possible in that
//!   country's plan. An international number is taken as it is: published test numbers
//!   (`+1111111111`) and those set aside for fiction are not valid ones;
//! - a national part that begins with 0 is valid in its plan, which keeps placeholders out;
//! - reading the result again gives the same.
//!
//! `00` is the international prefix where no region is set, and in one where `00` makes no possible
//! national number.
//!
//! The library describes what it parses in trace records of the `log` crate. `Cargo.toml` has these
//! compiled out, and a test here looks that it stays so. Its own copies of a number are not wiped.

use std::fmt;

use rlibphonenumber::{NumberLengthType, PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat};
use zeroize::{Zeroize, Zeroizing};

use super::Unreadable;
use super::text::{is_blank, narrow};
use crate::error::{Error, Result, printable};

/// What profiles differ in: how a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// E.164 with its plus sign.
    Plus,
    /// The digits of E.164 alone. So that its own results are readable, a number without a region
    /// and without `+` or `00` is taken to begin with a country calling code, and every number to
    /// be of a possible length.
    Digits,
}

/// The region whose national formats a list's phone numbers are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Region(rlibphonenumber::Region);

impl Region {
    /// The region of an ISO 3166 two-letter code, in either case; `UK` is `GB`.
    ///
    /// # Errors
    ///
    /// [`Error::Misuse`] for a code that is none, or whose region has no phone numbers.
    pub fn parse(code: &str) -> Result<Region> {
        let code = code.trim().to_ascii_uppercase();
        let code = if code == "UK" { "GB" } else { code.as_str() };
        let region = (code.len() == 2).then(|| code.parse().ok()).flatten();
        region
            .filter(|&region| PHONE_NUMBER_UTIL.get_country_code_for_region(region).is_some())
            .map(Region)
            .ok_or_else(|| {
                let code = printable(code);
                Error::Misuse(format!("unknown region {code}: use a two-letter code such as DE"))
            })
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.as_region_str())
    }
}

/// The normalised number of a text that [`text::read`](super::text::read) gave.
pub(super) fn normalise(
    text: &str,
    form: Form,
    region: Option<Region>,
) -> Result<Zeroizing<String>, Unreadable> {
    let dialled = dialled(text)?;
    let mut number = match region {
        _ if dialled.starts_with('+') => international(&dialled, form)?,
        Some(region) => {
            national(&dialled, region).or_else(|e| match dialled.strip_prefix("00") {
                Some(rest) => with_plus(rest, Length::Possible),
                None => Err(e),
            })?
        }
        None => unplaced(&dialled, form)?,
    };
    if form == Form::Digits {
        number.remove(0);
    }
    Ok(number)
}

fn international(dialled: &str, form: Form) -> Result<Zeroizing<String>, Unreadable> {
    let digits = &dialled[1..];
    with_plus(digits.strip_prefix("00").unwrap_or(digits), form.length())
}

fn unplaced(dialled: &str, form: Form) -> Result<Zeroizing<String>, Unreadable> {
    match dialled.strip_prefix("00") {
        Some(rest) => with_plus(rest, form.length()),
        None if form == Form::Plus || dialled.starts_with('0') => Err(Unreadable::NoCountry),
        None => with_plus(dialled, form.length()),
    }
}

impl Form {
    fn length(self) -> Length {
        match self {
            Form::Plus => Length::Any,
            Form::Digits => Length::Possible,
        }
    }
}

/// The lengths that are accepted, within those of E.164.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Length {
    Any,
    /// Those of the country's plan, for a number with its area code.
    Possible,
}

fn with_plus(digits: &str, length: Length) -> Result<Zeroizing<String>, Unreadable> {
    let mut number = Zeroizing::new(String::with_capacity(MAX_DIALLED + 1));
    number.push('+');
    number.push_str(digits);
    settle(number, length)
}

fn national(dialled: &str, region: Region) -> Result<Zeroizing<String>, Unreadable> {
    settle(parse(dialled, Some(region), Length::Possible)?, Length::Possible)
}

/// Reads a number with `+` until reading it changes nothing: a trunk prefix may stand in it.
fn settle(mut number: Zeroizing<String>, length: Length) -> Result<Zeroizing<String>, Unreadable> {
    for _ in 0..MAX_READINGS {
        let again = parse(&number, None, length)?;
        if *again == *number {
            return Ok(number);
        }
        number = again;
    }
    Err(Unreadable::NotAPhone)
}

/// One reading by libphonenumber, and our conditions on what it gives.
fn parse(
    number: &str,
    region: Option<Region>,
    length: Length,
) -> Result<Zeroizing<String>, Unreadable> {
    if number.starts_with('+') && !is_e164(number) {
        return Err(Unreadable::NotAPhone);
    }
    let region = region.map(|Region(region)| region);
    let mut parsed = PHONE_NUMBER_UTIL.parse(number, region).map_err(|_| Unreadable::NotAPhone)?;
    let accepted = (length == Length::Any || has_possible_length(&parsed))
        && (!parsed.italian_leading_zero() || parsed.is_valid());
    let e164 = PHONE_NUMBER_UTIL.format(&parsed, PhoneNumberFormat::E164).into_owned();
    let e164 = Zeroizing::new(e164);
    parsed.national_number.zeroize();
    if accepted && is_e164(&e164) { Ok(e164) } else { Err(Unreadable::NotAPhone) }
}

/// Whether the length is that of a whole number, not of one that only the same town can dial.
fn has_possible_length(number: &PhoneNumber) -> bool {
    number.is_possible_with_reason() == Ok(NumberLengthType::IsPossible)
}

fn is_e164(number: &str) -> bool {
    number.starts_with('+') && (MIN_DIGITS..=MAX_DIGITS).contains(&(number.len() - 1))
}

/// The number as it would be dialled: ASCII digits, after a `+` if there is one.
fn dialled(text: &str) -> Result<Zeroizing<String>, Unreadable> {
    let mut dialled = Zeroizing::new(String::with_capacity(MAX_DIALLED + 1));
    let text = without_fraction(text);
    for (at, c) in text.char_indices() {
        match (narrow(c), digit(c)) {
            (_, Some(digit)) if dialled.len() < MAX_DIALLED => dialled.push(digit),
            ('+', _) if dialled.is_empty() => dialled.push('+'),
            (c, None) if is_separator(c) => {}
            (_, None) if is_extension(&text[at..]) => break,
            _ => return Err(Unreadable::NotAPhone),
        }
    }
    if dialled.bytes().any(|b| b != b'+') { Ok(dialled) } else { Err(Unreadable::NotAPhone) }
}

/// `491701234567.0`, as data frames write a column of numbers with gaps, without its end.
fn without_fraction(text: &str) -> &str {
    match text.strip_suffix(".0") {
        Some(whole) if whole.bytes().all(|b| b.is_ascii_digit()) => whole,
        _ => text,
    }
}

/// The ASCII digit that a decimal digit of a common script stands for.
fn digit(c: char) -> Option<char> {
    let zero = ZEROS.into_iter().find(|&zero| (zero..zero + 10).contains(&u32::from(c)))?;
    char::from_digit(u32::from(c) - zero, 10)
}

fn is_separator(c: char) -> bool {
    is_blank(c)
        || matches!(
            c,
            '-' | '.' | '/' | '(' | ')' | '[' | ']' | '\u{b7}' | '\u{2010}'
                ..='\u{2015}' | '\u{2022}' | '\u{2212}' | '\u{30fc}'
        )
}

/// Whether this is an extension and nothing more: a mark and one to seven digits.
fn is_extension(text: &str) -> bool {
    let after = |mark: &&str| {
        let head = text.get(..mark.len())?;
        head.eq_ignore_ascii_case(mark).then(|| &text[mark.len()..])
    };
    let Some(rest) = EXTENSION_MARKS.iter().find_map(after) else { return false };
    let number = rest.trim_start_matches(|c| is_separator(c) || c == ':');
    (1..=7).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
}

/// Digits of an E.164 number: at least those of the shortest plans (Niue), at most those of E.164.
const MIN_DIGITS: usize = 7;
const MAX_DIGITS: usize = 15;

/// Digits, or digits and `+`, that a number may have before it is read: an international prefix
/// comes on top. libphonenumber knows no national part longer than this.
const MAX_DIALLED: usize = 17;

/// Readings until a number must have settled; real ones need two.
const MAX_READINGS: usize = 3;

/// Code points of the digit zero: ASCII, Arabic, Persian, Devanagari, Bengali, Thai, full-width.
const ZEROS: [u32; 7] = [0x30, 0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0xff10];

/// What introduces an extension; a longer mark comes before one that it begins with.
const EXTENSION_MARKS: [&str; 6] = [";ext=", "extension", "extn", "ext", "x", "#"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, form: Form, region: &str) -> Result<String, Unreadable> {
        let region = Region::parse(region).ok();
        normalise(text, form, region).map(|mut number| std::mem::take(&mut *number))
    }

    fn check(region: &str, cases: &[(&str, Result<&str, Unreadable>)]) {
        for (text, expected) in cases {
            let read = read(text, Form::Plus, region);
            assert_eq!(read.as_deref(), expected.as_ref().copied(), "{text:?} in {region:?}");
        }
    }

    const NONE: Result<&str, Unreadable> = Err(Unreadable::NotAPhone);
    const NO_COUNTRY: Result<&str, Unreadable> = Err(Unreadable::NoCountry);

    #[test]
    fn international_numbers_need_no_region_and_no_validity() {
        let cases = [
            ("+12345678901", Ok("+12345678901")),
            ("+1111111111", Ok("+1111111111")), // nine digits after +1
            ("+1 202 555 0123", Ok("+12025550123")), // fictional
            ("+44 7700 900123", Ok("+447700900123")), // fictional
            ("+49 (0)30 1234567", Ok("+49301234567")),
            ("0049 30 1234567", Ok("+49301234567")),
            ("+0049 30 1234567", Ok("+49301234567")),
            ("(+49) 30/123-45-67", Ok("+49301234567")),
            ("+1 1 650 253 0000", Ok("+16502530000")),
            ("+39 06 6982 0000", Ok("+390669820000")),
            ("+7 800 555 35 35", Ok("+78005553535")),
            ("+683 4002", Ok("+6834002")),
            ("+800 1234 5678", Ok("+80012345678")),
            ("+999 123456789", NONE),
            ("+0 123 456 789", NONE),
            ("+49 00 30 1234567", NONE),
            ("+1 23456", NONE),
            ("+4930123456789012", NONE), // 16 digits
        ];
        for region in ["", "DE", "US", "HK"] {
            check(region, &cases);
        }
    }

    #[test]
    fn national_numbers_need_their_region() {
        check("", &[("030 1234567", NO_COUNTRY), ("16505551212", NO_COUNTRY), ("911", NO_COUNTRY)]);
        check(
            "DE",
            &[
                ("030/1234567", Ok("+49301234567")),
                ("0171 2345678", Ok("+491712345678")),
                ("0044 7700 900123", Ok("+447700900123")),
                ("110", NONE),
            ],
        );
        check(
            "GB",
            &[("07700 900123", Ok("+447700900123")), ("020 7031 3000", Ok("+442070313000"))],
        );
        check(
            "RU",
            &[
                ("8 800 555 35 35", Ok("+78005553535")),
                ("8 (495) 123-45-67", Ok("+74951234567")),
                ("8~10 49 30 1234567", NONE),
                ("8 10 49 30 1234567", Ok("+49301234567")),
            ],
        );
        check(
            "IT",
            &[("06 6982 0000", Ok("+390669820000")), ("347 123 4567", Ok("+393471234567"))],
        );
        check(
            "US",
            &[
                ("(650) 555-1212", Ok("+16505551212")),
                ("1 650 555 1212", Ok("+16505551212")),
                ("011 49 30 1234567", Ok("+49301234567")),
                ("00 49 30 1234567", Ok("+49301234567")),
                ("555-0123", NONE), // no area code
                ("000-000-0000", NONE),
            ],
        );
        check("AR", &[("011 15 1234-5678", Ok("+5491112345678"))]);
        check("BR", &[("0 15 11 96123-4567", Ok("+5511961234567"))]);
        check("HK", &[("001 44 7700 900123", Ok("+447700900123"))]);
        check("FR", &[("06 12 34 56 78", Ok("+33612345678"))]);
    }

    #[test]
    fn dirt() {
        check(
            "US",
            &[
                ("６５０２５３００００", Ok("+16502530000")),
                ("＋１（６５０）２５３－００００", Ok("+16502530000")),
                ("٦٥٠٢٥٣٠٠٠٠", Ok("+16502530000")),
                ("650\u{a0}253\u{2011}0000", Ok("+16502530000")),
                ("(650) 253\u{2013}0000", Ok("+16502530000")),
                ("\u{202a}+1 650\u{200b}253 0000\u{202c}", Ok("+16502530000")),
                ("[650] 253·0000", Ok("+16502530000")),
                ("6502530000.0", Ok("+16502530000")),
                ("650.253.0000", Ok("+16502530000")),
                ("650 253 0000 ext. 123", Ok("+16502530000")),
                ("650 253 0000 Extn:123", Ok("+16502530000")),
                ("650 253 0000x1", Ok("+16502530000")),
                ("650 253 0000 #42", Ok("+16502530000")),
                ("+1-650-253-0000;ext=1234567", Ok("+16502530000")),
                ("650 253 0000 ext. 12345678", NONE),
                ("650 253 0000 x", NONE),
                ("650 253 0000 x1x2", NONE),
                ("x123", NONE),
                ("1-800-FLOWERS", NONE),
                ("6.502530000E9", NONE),
                ("tel:+16502530000", NONE),
                ("+1 650 253 0000 / +1 650 253 0001", NONE),
                ("650 253 0000, 650 253 0001", NONE),
                ("650+2530000", NONE),
                ("++16502530000", NONE),
                ("home: 650 253 0000", NONE),
                ("user@example.com", NONE),
                ("+", NONE),
                ("--", NONE),
            ],
        );
    }

    #[test]
    fn digits_alone() {
        for (text, region, expected) in [
            ("16505551212", "", Ok("16505551212")),
            ("+1 (650) 555-1212", "", Ok("16505551212")),
            ("0049 30 1234567", "", Ok("49301234567")),
            ("650 555 1212", "US", Ok("16505551212")),
            ("+44 7700 900123", "", Ok("447700900123")),
            ("447700900123", "", Ok("447700900123")),
            ("030 1234567", "", NO_COUNTRY),
            ("6502530000", "", NONE), // would be one of +65
            ("+1111111111", "", NONE),
        ] {
            let read = read(text, Form::Digits, region);
            assert_eq!(read.as_deref(), expected.as_ref().copied(), "{text} in {region:?}");
        }
    }

    #[test]
    fn regions() {
        assert_eq!(Region::parse(" de").unwrap(), Region::parse("DE").unwrap());
        assert_eq!(Region::parse("uk").unwrap().to_string(), "GB");
        for unknown in ["", "D", "DEU", "001", "ZZ", "QQ", "ß", "é", "+49", "D\u{1b}"] {
            let error = Region::parse(unknown).unwrap_err();
            assert!(error.to_string().starts_with("unknown region "), "{error}");
        }
    }

    #[test]
    fn every_example_number_reads_as_itself() {
        let examples = PHONE_NUMBER_UTIL.get_supported_regions().filter_map(|region| {
            Some((region, PHONE_NUMBER_UTIL.get_example_number(region).ok()?))
        });
        let mut count = 0;
        for (region, example) in examples {
            let e164 = PHONE_NUMBER_UTIL.format(&example, PhoneNumberFormat::E164);
            let national = PHONE_NUMBER_UTIL.format(&example, PhoneNumberFormat::National);
            assert_eq!(*normalise(&e164, Form::Plus, None).unwrap(), *e164);
            assert_eq!(*normalise(&national, Form::Plus, Some(Region(region))).unwrap(), *e164);
            count += 1;
        }
        assert!(count > 200);
    }

    /// The library's trace records hold numbers; whatever a logger is set to, none may come out.
    #[test]
    fn numbers_cannot_be_logged() {
        assert!(log::STATIC_MAX_LEVEL < log::LevelFilter::Trace);
    }
}
