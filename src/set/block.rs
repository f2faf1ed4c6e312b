//! One block: its elements to bytes, and hostile bytes to elements.

use super::SetParameters;
use super::bits::{Reader, Writer};
use crate::error::{Error, PeerFault, Result};

/// No block is longer. Those of uniform values have 64 KiB, give or take a few hundred bytes.
pub const MAX_BLOCK: usize = 128 * 1024;

/// Writes a block of these elements, strictly increasing; at least one.
///
/// # Errors
/// [`Error::Misuse`] for elements so far apart that they cannot be uniform: among `2^32` of those it
/// happens with probability `2^-56`.
pub(super) fn encode(parameters: SetParameters, elements: &[u128]) -> Result<Vec<u8>> {
    let (bits, rice) = (parameters.value_bits(), parameters.rice_bits());
    let mut bytes = Vec::with_capacity(elements.len() * (rice as usize + 3) / 8 + 64);
    bytes.extend_from_slice(&(elements.len() as u32).to_le_bytes());
    let first = elements.first().copied().unwrap_or_default();
    bytes.extend_from_slice(&first.to_be_bytes()[16 - first_bytes(bits)..]);
    let mut writer = Writer::after(bytes);
    for (last, next) in elements.iter().zip(&elements[1..]) {
        let gap = next - last - 1;
        match u32::try_from(gap >> rice) {
            Ok(high) if high <= MAX_UNARY => writer.unary(high),
            _ => return Err(Error::Misuse("a set holds uniform values only".into())),
        }
        writer.put(gap & ((1 << rice) - 1), rice);
    }
    Ok(writer.finish())
}

/// Reads the block that begins at element `position` of a set and follows the element `last`; gives
/// each element to `take`, and the last one back.
///
/// # Errors
/// [`PeerFault::BadSet`] for anything but the one encoding of elements that may stand there, with the
/// position of the element at which that shows.
pub(super) fn decode(
    parameters: SetParameters,
    position: u64,
    last: Option<u128>,
    bytes: &[u8],
    mut take: impl FnMut(u128),
) -> Result<u128, PeerFault> {
    let bad = |position, problem| PeerFault::BadSet { position, problem };
    let (bits, rice) = (parameters.value_bits(), parameters.rice_bits());
    let (count, first, codes) =
        open(parameters, bytes).map_err(|problem| bad(position, problem))?;
    let expected = parameters.elements_in(position / parameters.block_elements());
    if u64::from(count) != expected {
        return Err(bad(position, "a block with another number of elements"));
    }
    if last.is_some_and(|last| last >= first) {
        return Err(bad(position, "not increasing"));
    }
    take(first);
    let (mut value, mut reader) = (first, Reader::new(codes));
    for position in position + 1..position + expected {
        let Some((high, low)) = reader.code(MAX_UNARY, rice) else {
            return Err(bad(position, "a gap too wide"));
        };
        // Below 2^(7 + 103) + 2^104: no overflow.
        value += (u128::from(high) << rice) + low + 1;
        if reader.is_beyond() {
            return Err(bad(position, "a block cut short"));
        }
        if value >> bits != 0 {
            return Err(bad(position, "a value out of range"));
        }
        take(value);
    }
    match reader.ends() {
        true => Ok(value),
        false => Err(bad(position + expected - 1, "bytes or bits after the last element")),
    }
}

/// The number of elements that a block claims, its first element, and what follows.
fn open(parameters: SetParameters, bytes: &[u8]) -> Result<(u32, u128, &[u8]), &'static str> {
    if bytes.len() > MAX_BLOCK {
        return Err("a block too long");
    }
    let bits = parameters.value_bits();
    let (count, rest) = bytes.split_first_chunk().ok_or("a block cut short")?;
    let (first, codes) = rest.split_at_checked(first_bytes(bits)).ok_or("a block cut short")?;
    let mut wide = [0; 16];
    wide[16 - first.len()..].copy_from_slice(first);
    let first = u128::from_be_bytes(wide);
    if first >> bits != 0 {
        return Err("a value out of range");
    }
    Ok((u32::from_le_bytes(*count), first, codes))
}

/// The first element of a block that [`decode`] has accepted.
pub(super) fn first(parameters: SetParameters, bytes: &[u8]) -> u128 {
    open(parameters, bytes).map_or(u128::MAX, |(_, first, _)| first)
}

fn first_bytes(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}

/// The most zeros before a one. A gap of uniform values has more with probability `2^-88`.
const MAX_UNARY: u32 = 128;
