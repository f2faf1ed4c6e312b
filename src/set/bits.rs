//! Streams of bits, from the highest of each byte on.

/// Writes bits.
pub(super) struct Writer {
    bytes: Vec<u8>,
    /// Bits that do not fill a byte yet, in the lowest places.
    held: u128,
    count: u32,
}

impl Writer {
    /// Goes on after these bytes.
    pub(super) fn after(bytes: Vec<u8>) -> Writer {
        Writer { bytes, held: 0, count: 0 }
    }

    /// The lowest `bits` bits of `value`, whose others are zero; at most [`MAX_RUN`].
    pub(super) fn put(&mut self, value: u128, bits: u32) {
        debug_assert!(bits <= MAX_RUN && value >> bits == 0);
        let count = self.count + bits;
        let all = (self.held << bits) | value;
        let whole = count / 8;
        if whole > 0 {
            let aligned = (all << (u128::BITS - count)).to_be_bytes();
            self.bytes.extend_from_slice(&aligned[..whole as usize]);
        }
        self.count = count % 8;
        self.held = all & ((1 << self.count) - 1);
    }

    /// `count` zeros and a one.
    pub(super) fn unary(&mut self, mut count: u32) {
        while count > 63 {
            self.put(0, 63);
            count -= 63;
        }
        self.put(1, count + 1);
    }

    /// The bytes, the last one filled with zeros.
    pub(super) fn finish(mut self) -> Vec<u8> {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
        self.bytes
    }
}

/// Reads bits that anybody may have written. Beyond the end stand zeros: whoever reads looks at
/// [`Reader::is_beyond`].
pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// In bits.
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader::from(bytes, 0)
    }

    /// From this bit on.
    pub(super) fn from(bytes: &'a [u8], at: usize) -> Reader<'a> {
        Reader { bytes, at }
    }

    /// The bit that comes next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The next `bits` bits; 1 to [`MAX_RUN`] of them.
    #[inline]
    pub(super) fn take(&mut self, bits: u32) -> u128 {
        debug_assert!((1..=MAX_RUN).contains(&bits));
        let value = self.window() >> (u128::BITS - bits);
        self.at += bits as usize;
        value
    }

    /// The number of zeros before the next one, which is taken too; `None` for more than `most`.
    #[inline]
    pub(super) fn unary(&mut self, most: u32) -> Option<u32> {
        let mut zeros = 0;
        loop {
            let run = self.window().leading_zeros();
            if run <= MAX_RUN {
                zeros += run;
                self.at += run as usize + 1;
                return (zeros <= most).then_some(zeros);
            }
            zeros += MAX_RUN;
            self.at += MAX_RUN as usize;
            if zeros > most {
                return None;
            }
        }
    }

    /// [`unary`](Self::unary), then [`take`](Self::take): in one step, where both are short.
    #[inline]
    pub(super) fn code(&mut self, most: u32, bits: u32) -> Option<(u32, u128)> {
        let window = self.window();
        let zeros = window.leading_zeros();
        let length = zeros + 1 + bits;
        if length <= MAX_RUN && zeros <= most {
            self.at += length as usize;
            return Some((zeros, (window << (zeros + 1)) >> (u128::BITS - bits)));
        }
        let zeros = self.unary(most)?;
        Some((zeros, self.take(bits)))
    }

    /// Whether more was taken than there is.
    #[inline]
    pub(super) fn is_beyond(&self) -> bool {
        self.at > 8 * self.bytes.len()
    }

    /// Whether all that is left is the zeros that fill the last byte.
    pub(super) fn ends(mut self) -> bool {
        let left = (8 * self.bytes.len()).checked_sub(self.at);
        match left {
            Some(0) => true,
            Some(left @ 1..8) => self.take(left as u32) == 0,
            _ => false,
        }
    }

    /// The bits from here on, the next one highest: [`MAX_RUN`] of them at least.
    #[inline]
    fn window(&self) -> u128 {
        let start = self.at / 8;
        let whole = match self.bytes.get(start..).and_then(<[u8]>::first_chunk) {
            Some(chunk) => u128::from_be_bytes(*chunk),
            None => self.last_window(start),
        };
        whole << (self.at % 8)
    }

    #[cold]
    fn last_window(&self, start: usize) -> u128 {
        let rest = self.bytes.get(start..).unwrap_or_default();
        let mut padded = [0; 16];
        padded[..rest.len()].copy_from_slice(rest);
        u128::from_be_bytes(padded)
    }
}

/// Most bits that one step writes or reads: those of a `u128` that begins anywhere in a byte.
const MAX_RUN: u32 = u128::BITS - 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = Writer::after(vec![0xff]);
        for bits in 1..=MAX_RUN {
            writer.put((1 << bits) - 1, bits);
            writer.unary(bits);
            writer.put(0, bits);
        }
        let bytes = writer.finish();
        let mut reader = Reader::new(&bytes[1..]);
        for bits in 1..=MAX_RUN {
            assert_eq!(reader.take(bits), (1 << bits) - 1);
            assert_eq!(reader.unary(bits), Some(bits));
            assert_eq!(reader.take(bits), 0);
            assert!(!reader.is_beyond());
        }
        assert!(reader.ends());
    }

    #[test]
    fn codes_are_read_as_their_parts() {
        for (zeros, bits) in [(0, 1), (3, 60), (58, 61), (59, 61), (128, 103), (100, 1)] {
            let mut writer = Writer::after(Vec::new());
            writer.unary(zeros);
            writer.put(1, bits);
            let bytes = writer.finish();
            assert_eq!(Reader::new(&bytes).code(128, bits), Some((zeros, 1)));
            assert_eq!(Reader::new(&bytes).code(2, bits), (zeros <= 2).then_some((zeros, 1)));
        }
    }

    #[test]
    fn long_runs_and_the_end_are_noticed() {
        let zeros = [0; 100];
        assert_eq!(Reader::new(&zeros).unary(128), None);
        assert_eq!(Reader::new(&[]).unary(128), None);
        let mut reader = Reader::new(&[0, 1]);
        assert_eq!(reader.unary(14), None);
        let mut reader_again = Reader::new(&[0, 1]);
        assert_eq!(reader_again.unary(15), Some(15));
        reader.take(1);
        assert!(reader.is_beyond() && !reader_again.is_beyond());
        assert!(!reader.ends());
        assert!(reader_again.ends());
        assert!(!Reader::new(&[0]).ends());
    }
}
