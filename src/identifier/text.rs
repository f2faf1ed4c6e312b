//! What e-mail addresses, phone numbers and digests have in common: a field of a dirty file.

use super::Unreadable;

/// The text of a field, without the blanks around it; never empty.
///
/// The length is checked before anything else looks at the bytes, so that every later step works
/// on a bounded input.
pub(super) fn read(raw: &[u8]) -> Result<&str, Unreadable> {
    if raw.len() > MAX_LEN {
        return Err(Unreadable::TooLong);
    }
    let text = std::str::from_utf8(raw).map_err(|_| Unreadable::InvalidUtf8)?;
    let text = text.trim_matches(is_blank);
    if text.is_empty() { Err(Unreadable::Empty) } else { Ok(text) }
}

/// White space of any kind, NUL padding, and the characters that cannot be seen.
pub(super) fn is_blank(c: char) -> bool {
    c.is_whitespace() || c == '\0' || is_invisible(c)
}

/// Soft hyphens, byte order marks, zero-width and direction marks: what comes along when text is
/// copied from a web page or a contact card.
pub(super) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
        || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{2069}')
}

/// The ASCII character that a full-width one (U+FF01 to U+FF5E) stands for; others as they are.
pub(super) fn narrow(c: char) -> char {
    match c {
        '\u{ff01}'..='\u{ff5e}' => char::from((c as u32 - 0xff01 + 0x21) as u8),
        _ => c,
    }
}

/// Bytes that a field may have. The longest address has 320; the rest is room for padding.
const MAX_LEN: usize = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_go_and_bounds_hold() {
        assert_eq!(read("\u{feff}\u{a0}\ta b\0\0\u{200b}\u{3000}\r\n".as_bytes()), Ok("a b"));
        assert_eq!(read(b" \t\0"), Err(Unreadable::Empty));
        assert_eq!(read(b""), Err(Unreadable::Empty));
        assert_eq!(read(b"a\xff"), Err(Unreadable::InvalidUtf8));
        assert_eq!(read(&[b'a'; MAX_LEN]).map(str::len), Ok(MAX_LEN));
        assert_eq!(read(&[b' '; MAX_LEN + 1]), Err(Unreadable::TooLong));
    }

    #[test]
    fn full_width_is_all_of_printable_ascii() {
        let wide = ('\u{ff01}'..='\u{ff5e}').map(narrow);
        assert!(wide.eq('!'..='~'));
        assert_eq!(narrow('\u{ff5f}'), '\u{ff5f}');
    }
}
