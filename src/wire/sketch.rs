//! A sketch of the sender's list.

use super::fields::Fields;
use crate::error::{PeerFault, Result};
use crate::sketch::Sketch;

/// ```text
/// elements in the list: u64 | values: u64 each, increasing; as many as elements, at most 1024
/// ```
pub(super) fn encode(sketch: &Sketch, out: &mut Vec<u8>) {
    out.extend_from_slice(&sketch.size().to_le_bytes());
    sketch.lowest().iter().for_each(|value| out.extend_from_slice(&value.to_le_bytes()));
}

pub(super) fn decode(payload: &[u8]) -> Result<Sketch> {
    let size = Fields::new(payload, MALFORMED).number()?;
    let (values, rest) = payload[8..].as_chunks();
    if values.len() > crate::sketch::LOWEST || !rest.is_empty() {
        return Err(MALFORMED.into());
    }
    let values = values.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect();
    Ok(Sketch::from_parts(size, values).ok_or(MALFORMED)?)
}

const MALFORMED: PeerFault = PeerFault::Malformed("sketch");
