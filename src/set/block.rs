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

/// A place in a block from which it can be read: an element, and the bit after it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark {
    value: u128,
    at: u32,
}

/// Marks at every [`STRIDE`]th element of a block that [`decode`] has accepted, the first among them.
pub(super) fn marks(parameters: SetParameters, bytes: &[u8]) -> Vec<Mark> {
    let Ok((count, first, codes)) = open(parameters, bytes) else { return Vec::new() };
    let (mut reader, mut value) = (Reader::new(codes), first);
    let mut marks = Vec::with_capacity(count as usize / STRIDE + 1);
    for index in 0..count as usize {
        if index > 0 {
            value = value.saturating_add(next_gap(&mut reader, parameters));
        }
        if index % STRIDE == 0 {
            marks.push(Mark { value, at: reader.at() as u32 }); // below 8 MAX_BLOCK
        }
    }
    marks
}

/// Whether a block that [`decode`] has accepted, with these marks, holds a value.
pub(super) fn holds(parameters: SetParameters, bytes: &[u8], marks: &[Mark], value: u128) -> bool {
    let after = marks.partition_point(|mark| mark.value <= value);
    let Some(mark) = after.checked_sub(1).map(|before| marks[before]) else { return false };
    let Ok((count, _, codes)) = open(parameters, bytes) else { return false };
    let mut reader = Reader::from(codes, mark.at as usize);
    let (mut element, left) = (mark.value, count as usize - (after - 1) * STRIDE);
    for _ in 1..left.min(STRIDE) {
        if element >= value {
            break;
        }
        element = element.saturating_add(next_gap(&mut reader, parameters));
    }
    element == value
}

/// The distance to the next element.
fn next_gap(reader: &mut Reader<'_>, parameters: SetParameters) -> u128 {
    let rice = parameters.rice_bits();
    let (high, low) = reader.code(MAX_UNARY, rice).unwrap_or_default();
    (u128::from(high) << rice) + low + 1
}

fn first_bytes(bits: u32) -> usize {
    bits.div_ceil(8) as usize
}

/// Elements from one mark to the next: half a byte of memory an element.
pub(super) const STRIDE: usize = 64;

/// The most zeros before a one. A gap of uniform values has more with probability `2^-88`.
const MAX_UNARY: u32 = 128;
