//! Reading and writing the fields of a payload.

use crate::error::PeerFault;

/// Appends a text: its length as u16, then its bytes.
pub(super) fn put_text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).expect("texts are bounded where they are made");
    out.extend_from_slice(&length.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

/// What is left of a payload, and what to say where it is malformed.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    malformed: PeerFault,
}

impl<'a> Fields<'a> {
    pub(super) fn new(payload: &'a [u8], malformed: PeerFault) -> Fields<'a> {
        Fields { rest: payload, malformed }
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], PeerFault> {
        let split = self.rest.split_at_checked(length);
        let (field, rest) = split.ok_or_else(|| self.malformed.clone())?;
        self.rest = rest;
        Ok(field)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], PeerFault> {
        self.take(N)?.try_into().map_err(|_| self.malformed.clone())
    }

    pub(super) fn byte(&mut self) -> Result<u8, PeerFault> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(super) fn number(&mut self) -> Result<u64, PeerFault> {
        self.array().map(u64::from_le_bytes)
    }

    /// A text, as it came: whoever shows it makes it printable first.
    pub(super) fn text(&mut self, most: usize) -> Result<String, PeerFault> {
        let length = usize::from(u16::from_le_bytes(self.array()?));
        if length > most {
            return Err(self.malformed.clone());
        }
        let bytes = self.take(length)?;
        let text = std::str::from_utf8(bytes).map_err(|_| self.malformed.clone())?;
        Ok(text.to_owned())
    }

    /// Nothing may be left.
    pub(super) fn finish(self) -> Result<(), PeerFault> {
        if self.rest.is_empty() { Ok(()) } else { Err(self.malformed) }
    }
}
