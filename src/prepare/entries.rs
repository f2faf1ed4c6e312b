//! `NAME.entries`: outputs by the MACs of their identifiers, for updates.
//!
//! ```text
//! "blindmatch-entries" | version: u16 = 1 | context of the outputs: 32 bytes | number of entries: u64
//! for each: MAC of the identifier: 16 bytes | output: 16 bytes      strictly increasing by MAC
//! MAC of all that precedes: 32 bytes
//! ```
//!
//! Integers are little-endian, outputs big-endian. MACs are HMAC-SHA-256 under a key of the epoch; the
//! one of an identifier (its kind and digest) is cut to 16 bytes. No identifier begins like the file.

use std::cmp::Ordering;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use hmac::{Hmac, KeyInit, Mac};
use rayon::prelude::*;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::set_file::{name_of, open};
use crate::consent::ConsentedList;
use crate::error::{Error, InputError, Result};
use crate::identifier::Identifier;
use crate::set::Output;

/// The MAC of an identifier, and where that stands in its list.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Named {
    mac: [u8; 16],
    pub(super) index: u32,
}

/// What becomes of the entries of an earlier run.
#[derive(Default)]
pub(super) struct Known {
    /// Outputs of the identifiers, in order of their MACs; zero for those that are new.
    pub(super) outputs: Vec<Output>,
    /// Places of those that are new.
    pub(super) new: Vec<u32>,
    /// Entries whose identifiers are not in the list any more.
    pub(super) withdrawn: u64,
}

/// Names identifiers, and keeps the files that do.
pub(super) struct Entries {
    mac: Hmac<Sha256>,
    context: [u8; 32],
}

impl Entries {
    pub(super) fn new(key: &Zeroizing<[u8; 32]>, context: [u8; 32]) -> Entries {
        let mac = Hmac::new_from_slice(&**key).expect("a key of any length");
        Entries { mac, context }
    }

    /// The MACs of a list, in order.
    pub(super) fn name(&self, list: &ConsentedList) -> Vec<Named> {
        let name = |(index, identifier): (usize, &Identifier)| {
            let mac = self.mac.clone().chain_update(identifier.as_bytes()).finalize().into_bytes();
            let (mac, _) = mac.split_first_chunk().expect("32 bytes hold 16");
            Named { mac: *mac, index: index as u32 } // a list holds less than 2^32
        };
        let mut named: Vec<Named> = list.identifiers().par_iter().enumerate().map(name).collect();
        named.par_sort_unstable();
        named
    }

    /// Nothing is known.
    pub(super) fn all_new(named: &[Named]) -> Known {
        let outputs = vec![Output(0); named.len()];
        Known { outputs, new: (0..named.len() as u32).collect(), withdrawn: 0 }
    }

    /// Looks up what is known in the file of an earlier run. 36 bytes of memory for an identifier, 4 to 8
    /// more for one that is new, none for an entry.
    pub(super) fn read(&self, path: &Path, named: &[Named]) -> Result<Known> {
        let length = path.metadata().map_or(0, |metadata| metadata.len());
        let mut stream = Checked { stream: open(path)?, mac: self.mac.clone() };
        self.merge(&mut stream, length, named).map_err(|e| match e.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::InvalidData => {
                InputError::List { list: name_of(path), problem: DAMAGED.into() }.into()
            }
            _ => Error::io(format!("reading {}", path.display()))(e),
        })
    }

    fn merge<S: Read>(
        &self,
        stream: &mut Checked<S>,
        length: u64,
        named: &[Named],
    ) -> io::Result<Known> {
        let expected = (*MAGIC, VERSION.to_le_bytes(), self.context);
        if (stream.array()?, stream.array()?, stream.array()?) != expected {
            return Err(ErrorKind::InvalidData.into());
        }
        let count = u64::from_le_bytes(stream.array()?);
        if count.checked_mul(32).and_then(|bytes| bytes.checked_add(OVERHEAD)) != Some(length) {
            return Err(ErrorKind::InvalidData.into());
        }
        let mut known = Known { outputs: Vec::with_capacity(named.len()), ..Known::default() };
        let mut last = None;
        for _ in 0..count {
            let entry: ([u8; 16], [u8; 16]) = (stream.array()?, stream.array()?);
            if last.replace(entry.0).is_some_and(|last| last >= entry.0) {
                return Err(ErrorKind::InvalidData.into());
            }
            known.take(named, entry.0, Output(u128::from_be_bytes(entry.1)));
        }
        known.skip_until(named, None);
        stream.verify()?;
        Ok(known)
    }

    /// Writes the file.
    pub(super) fn write(
        &self,
        stream: impl Write,
        named: &[Named],
        outputs: &[Output],
    ) -> io::Result<()> {
        let mut out = Checked { stream, mac: self.mac.clone() };
        out.write(MAGIC)?;
        out.write(&VERSION.to_le_bytes())?;
        out.write(&self.context)?;
        out.write(&(named.len() as u64).to_le_bytes())?;
        for (named, output) in named.iter().zip(outputs) {
            let mut entry = [0; 32];
            entry[..16].copy_from_slice(&named.mac);
            entry[16..].copy_from_slice(&output.0.to_be_bytes());
            out.write(&entry)?;
        }
        let mac = out.mac.clone().finalize().into_bytes();
        out.stream.write_all(&mac)
    }
}

impl Known {
    /// Takes the next entry, in order.
    fn take(&mut self, named: &[Named], mac: [u8; 16], output: Output) {
        self.skip_until(named, Some(mac));
        match named.get(self.outputs.len()) {
            Some(next) if next.mac == mac => self.outputs.push(output),
            _ => self.withdrawn += 1,
        }
    }

    /// Identifiers before this MAC, or all that are left, are new.
    fn skip_until(&mut self, named: &[Named], mac: Option<[u8; 16]>) {
        let before = |next: &&Named| mac.is_none_or(|mac| next.mac.cmp(&mac) == Ordering::Less);
        while named.get(self.outputs.len()).filter(before).is_some() {
            self.new.push(self.outputs.len() as u32);
            self.outputs.push(Output(0));
        }
    }
}

/// A stream, and the MAC of what went through it.
struct Checked<S> {
    stream: S,
    mac: Hmac<Sha256>,
}

impl<S: Read> Checked<S> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.stream.read_exact(&mut bytes)?;
        self.mac.update(&bytes);
        Ok(bytes)
    }

    /// Whether the MAC follows.
    fn verify(&mut self) -> io::Result<()> {
        let mut found = [0; 32];
        self.stream.read_exact(&mut found)?;
        let verified = self.mac.clone().verify_slice(&found);
        verified.map_err(|_| ErrorKind::InvalidData.into())
    }
}

impl<S: Write> Checked<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.mac.update(bytes);
        self.stream.write_all(bytes)
    }
}

const MAGIC: &[u8; 18] = b"blindmatch-entries";
const VERSION: u16 = 1;

/// Bytes before and after the entries.
const OVERHEAD: u64 = 18 + 2 + 32 + 8 + 32;

const DAMAGED: &str = "is damaged, or belongs to another key; remove it, and preparing evaluates the \
                       whole list anew";
