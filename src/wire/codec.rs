//! From a stream of bytes to frames.

use super::{Frame, HELLO, MAX_FRAME, type_name};
use crate::error::{PeerFault, Result};

/// Turns bytes, in whatever pieces they arrive, into frames.
///
/// Never holds more than one frame's length beyond what the caller pushed, and refuses a length
/// before it waits for that many bytes.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// How much of `bytes` has been taken as frames.
    taken: usize,
    greeted: bool,
}

/// The longest first frame: six texts and some numbers fit, a list does not.
const MAX_HELLO: usize = 8 * 1024;

impl Decoder {
    /// Adds bytes that arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..std::mem::take(&mut self.taken));
        self.bytes.extend_from_slice(bytes);
    }

    /// How many bytes it holds that are not taken as frames yet.
    pub fn held(&self) -> usize {
        self.bytes.len() - self.taken
    }

    /// The next whole frame, `None` where more bytes are needed.
    ///
    /// # Errors
    /// A [`PeerFault`] for bytes that are no frame, [`Error::Incompatible`](crate::Error::Incompatible)
    /// for another wire version; the stream is then unusable.
    pub fn next_frame(&mut self) -> Result<Option<Frame>> {
        let rest = &self.bytes[self.taken..];
        let Some((length, body)) = rest.split_first_chunk::<4>() else { return Ok(None) };
        let length = u32::from_le_bytes(*length) as usize;
        let type_byte = body.first().copied();
        if !self.greeted && (length > MAX_HELLO || type_byte.is_some_and(|t| t > HELLO + 1)) {
            return Err(PeerFault::NotBlindmatch.into());
        }
        if length == 0 || length > MAX_FRAME {
            let frame = type_byte.map_or("unknown", type_name);
            return Err(PeerFault::BadLength { frame, length }.into());
        }
        let Some((type_byte, payload)) = body.get(..length).and_then(<[u8]>::split_first) else {
            return Ok(None);
        };
        let frame = Frame::decode(*type_byte, payload)?;
        self.greeted = true;
        self.taken += 4 + length;
        Ok(Some(frame))
    }
}
