//! Reading the bit fields of consent strings: base64url without padding, six bits a character.

/// A consent string, or part of one, that cannot be read. It carries nothing of the string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unreadable consent string")]
pub struct UnreadableSignal;

/// A cursor over the bits of one base64url segment. It never allocates, and never reads past the
/// end, so that a hostile string costs no more than its own length.
pub(super) struct Bits<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    /// All characters are checked here.
    pub(super) fn new(text: &'a str) -> Result<Self, UnreadableSignal> {
        let text = text.as_bytes();
        match text.iter().all(|c| sextet(*c).is_some()) {
            true => Ok(Bits { text, at: 0 }),
            false => Err(UnreadableSignal),
        }
    }

    /// The next `count <= 32` bits, most significant first.
    pub(super) fn take(&mut self, count: usize) -> Result<u32, UnreadableSignal> {
        (0..count).try_fold(0, |value, _| Ok(value << 1 | u32::from(self.bit()?)))
    }

    /// The next bit.
    pub(super) fn bit(&mut self) -> Result<bool, UnreadableSignal> {
        let sextet = self.text.get(self.at / 6).and_then(|c| sextet(*c)).ok_or(UnreadableSignal)?;
        let bit = sextet >> (5 - self.at % 6) & 1;
        self.at += 1;
        Ok(bit == 1)
    }

    /// Passes over bits, which must be there.
    pub(super) fn skip(&mut self, count: usize) -> Result<(), UnreadableSignal> {
        self.at += count;
        // A last character holds bits of padding; beyond it there is nothing.
        if self.at <= self.text.len() * 6 { Ok(()) } else { Err(UnreadableSignal) }
    }

    /// A Fibonacci-coded integer, as the header of a GPP string has them.
    pub(super) fn fibonacci(&mut self) -> Result<u32, UnreadableSignal> {
        let (mut value, mut last) = (0u32, false);
        let (mut term, mut next) = (1u32, 2u32);
        loop {
            let bit = self.bit()?;
            if bit && last {
                return Ok(value);
            }
            if bit {
                value = value.checked_add(term).ok_or(UnreadableSignal)?;
            }
            last = bit;
            (term, next) = (next, term.checked_add(next).ok_or(UnreadableSignal)?);
        }
    }
}

fn sextet(c: u8) -> Option<u8> {
    match c {
        b'A'..=b'Z' => Some(c - b'A'),
        b'a'..=b'z' => Some(c - b'a' + 26),
        b'0'..=b'9' => Some(c - b'0' + 52),
        b'-' => Some(62),
        b'_' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        // DBABM: type 3, version 1, one range entry, not a group, Fibonacci 2 (011).
        let mut bits = Bits::new("DBABM").unwrap();
        assert_eq!((bits.take(6), bits.take(6), bits.take(12)), (Ok(3), Ok(1), Ok(1)));
        assert_eq!((bits.bit(), bits.fibonacci()), (Ok(false), Ok(2)));
        assert_eq!(bits.take(3), Err(UnreadableSignal));
        assert!(Bits::new("a=").is_err());
        assert!(Bits::new("").unwrap().fibonacci().is_err());
        assert!(Bits::new(&"A".repeat(100)).unwrap().fibonacci().is_err());
    }
}
