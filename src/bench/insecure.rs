//! What people do today, as insecure baselines: exchanges of hashed lists.
//!
//! **None of this protects anybody.** There are some 10^10 phone numbers in a country's plan, and a
//! processor hashes them all in minutes: whoever receives such a list, or such a filter, can test every
//! number there is and keeps those that stand on it, matched or not
//! (`examples/hashed_list_attack.rs`). They stand here to be measured beside the protocols, and
//! nothing but benchmarks comes here: `match`, `serve` and `connect` cannot. They take
//! [`ConsentedList`]s like everything else, so the gate stands before them as well.
//!
//! | name | what travels | bytes an element | who can enumerate what |
//! |---|---|---|---|
//! | `insecure-sha256` | the advertiser's list, as SHA-256 of each identifier; a bit for each comes back | 32.125 of the advertiser's | the platform, the advertiser's whole list |
//! | `insecure-salted-sha256` | the same, hashed once more with a salt that both sides know | 32.125 of the advertiser's | the same: it knows the salt |
//! | `insecure-bloom` | a Bloom filter of the platform's list, 2^-40 false matches a look-up | 7.2 of the platform's | the advertiser, the platform's whole list |
//!
//! In all of them the advertiser learns which of its elements match, as in most protocols here, and
//! work begins where theirs does: at the SHA-256 of a normalised identifier, which is in the list already.
//! Digests alone are compared, without the kind of identifier.
//!
//! # On the wire
//!
//! Each side sends a greeting and reads the other's:
//!
//! ```text
//! "insecure" | method: 1 byte | elements: u32 | purpose and profile: 32 bytes | salt: 16 bytes
//! ```
//!
//! Then comes one body from the advertiser and one from the platform, or the platform's filter alone, each
//! behind its length as a `u64`. Numbers are little-endian. The salt is the advertiser's; the platform's
//! is ignored. Lengths follow from the number of elements, at most [`MAX_ELEMENTS`], and memory grows
//! with what arrives and not with what is announced.

use std::collections::HashSet;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write, pipe};
use std::time::Instant;

use rand::RngExt;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::measure::Cpu;
use super::whole::Cost;
use super::workload::{self, Pair};
use crate::consent::ConsentedList;
use crate::error::{Error, PeerFault, Result};
use crate::session::Bytes;

/// The most elements that a side may announce.
pub const MAX_ELEMENTS: u32 = 1 << 28;

/// An insecure way to compare two lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Insecure {
    /// Insecure: the advertiser uploads the SHA-256 of each identifier.
    Sha256,
    /// Insecure: the same with a salt that both sides know.
    SaltedSha256,
    /// Insecure: the platform publishes a Bloom filter of its identifiers.
    Bloom,
}

impl Insecure {
    /// All of them, all insecure.
    pub const ALL: [Insecure; 3] = [Insecure::Sha256, Insecure::SaltedSha256, Insecure::Bloom];

    /// Its name in figures and on command lines. It says that it is insecure.
    pub fn name(self) -> &'static str {
        match self {
            Insecure::Sha256 => "insecure-sha256",
            Insecure::SaltedSha256 => "insecure-salted-sha256",
            Insecure::Bloom => "insecure-bloom",
        }
    }

    /// The insecure baseline of that name.
    pub fn parse(name: &str) -> Option<Insecure> {
        Insecure::ALL.into_iter().find(|insecure| insecure.name() == name)
    }

    /// The advertiser's side, over a stream to the platform's. **Insecure**, see the
    /// [module](self). Gives the indices into `list` of what matched, increasing; of `insecure-bloom`
    /// each element that does not match is among them with probability 2^-40.
    ///
    /// # Errors
    /// [`Error::Peer`] where the peer is none, hangs up, or sends other lengths than are due;
    /// [`Error::Incompatible`] for another method, purpose or profile; [`Error::Misuse`] for a list
    /// of more than [`MAX_ELEMENTS`]; [`Error::Io`].
    pub fn advertiser(
        self,
        list: &ConsentedList,
        stream: &mut (impl Read + Write),
    ) -> Result<Vec<u32>> {
        let ours = Greeting::new(self, list, rand::rng().random())?;
        let platform = self.greet(&ours, stream)?;
        let digests = self.digests(list, &ours.salt);
        match self {
            Insecure::Bloom => {
                let filter = Filter::read(platform.elements, self, stream)?;
                let found: Vec<bool> = digests.par_iter().map(|d| filter.contains(d)).collect();
                Ok((0..).zip(found).filter_map(|(index, found)| found.then_some(index)).collect())
            }
            Insecure::Sha256 | Insecure::SaltedSha256 => {
                self.write_body(digests.as_flattened(), stream)?;
                self.read_answer(list.len(), stream)
            }
        }
    }

    /// The platform's side, over a stream to the advertiser's. **Insecure**, see the
    /// [module](self). The platform could tell what matched, and more; it is not asked to.
    ///
    /// # Errors
    /// As [`Insecure::advertiser`].
    pub fn platform(self, list: &ConsentedList, stream: &mut (impl Read + Write)) -> Result<()> {
        let ours = Greeting::new(self, list, [0; SALT])?;
        let advertiser = self.greet(&ours, stream)?;
        let digests = self.digests(list, &advertiser.salt);
        let body = match self {
            Insecure::Bloom => Filter::new(&digests).bytes,
            Insecure::Sha256 | Insecure::SaltedSha256 => {
                self.look_up(&digests, advertiser.elements, stream)?
            }
        };
        self.write_body(&body, stream)
    }

    /// Both sides in this process, each on a thread of its own and on rayon's pool, over pipes; the answer
    /// is checked. **Insecure**, see the [module](self).
    ///
    /// # Errors
    /// [`Error::WrongAnswer`] where the matches are not the rows that both lists hold; as
    /// [`Insecure::advertiser`].
    pub fn run(self, pair: &Pair) -> Result<Cost> {
        let [mut ours, mut theirs] = Duplex::pair()?;
        let (wall, cpu) = (Instant::now(), Cpu::Process.now());
        let (matched, bytes, platform) = std::thread::scope(|scope| {
            let platform = scope.spawn(move || self.platform(&pair.platform, &mut theirs));
            let matched = self.advertiser(&pair.advertiser, &mut ours);
            let bytes = ours.close(); // a platform that still waits for something ends
            (matched, bytes, platform.join().expect("the platform's side does not panic"))
        });
        let (wall, cpu) = (wall.elapsed(), Cpu::Process.now() - cpu);
        let matched = matched?;
        platform?;
        if workload::rows(&pair.advertiser, &matched) != pair.common {
            let (got, expected) = (matched.len(), pair.common.len());
            let text = format!("{}: {got} matches, of {expected} common rows", self.name());
            return Err(Error::WrongAnswer(text));
        }
        Ok(Cost { wall, cpu, bytes })
    }

    /// What stands for the identifiers, in the list's order.
    fn digests(self, list: &ConsentedList, salt: &[u8; SALT]) -> Zeroizing<Vec<[u8; 32]>> {
        let digests = list.identifiers().par_iter().map(|identifier| {
            let digest: [u8; 32] = std::array::from_fn(|i| identifier.as_bytes()[1 + i]);
            match self {
                Insecure::Sha256 | Insecure::Bloom => digest,
                Insecure::SaltedSha256 => salted(salt, &digest),
            }
        });
        Zeroizing::new(digests.collect())
    }

    /// Sends our greeting and reads the peer's.
    fn greet(self, ours: &Greeting, stream: &mut (impl Read + Write)) -> Result<Greeting> {
        stream.write_all(&ours.to_bytes()).map_err(|e| self.broken(e))?;
        stream.flush().map_err(|e| self.broken(e))?;
        let mut bytes = [0; GREETING];
        stream.read_exact(&mut bytes).map_err(|e| self.broken(e))?;
        ours.check(&bytes)
    }

    fn write_body(self, body: &[u8], stream: &mut impl Write) -> Result<()> {
        let length = (body.len() as u64).to_le_bytes();
        stream.write_all(&length).map_err(|e| self.broken(e))?;
        stream.write_all(body).map_err(|e| self.broken(e))?;
        stream.flush().map_err(|e| self.broken(e))
    }

    /// Passes the peer's body to `take`, piece by piece, where it has the length that is due. Pieces are
    /// whole digests.
    fn read_body(
        self,
        expected: u64,
        stream: &mut impl Read,
        mut take: impl FnMut(&[u8]),
    ) -> Result<()> {
        let mut length = [0; 8];
        stream.read_exact(&mut length).map_err(|e| self.broken(e))?;
        let got = u64::from_le_bytes(length);
        if got != expected {
            return Err(PeerFault::WrongCount { what: "bytes", got, expected }.into());
        }
        let mut piece = vec![0; expected.min(PIECE as u64) as usize];
        let mut left = expected;
        while left > 0 {
            let run = piece.len().min(left.try_into().unwrap_or(usize::MAX));
            stream.read_exact(&mut piece[..run]).map_err(|e| self.broken(e))?;
            take(&piece[..run]);
            left -= run as u64;
        }
        Ok(())
    }

    /// A bit for each digest that the advertiser uploads: whether it is one of `ours`.
    fn look_up(self, ours: &[[u8; 32]], elements: u32, stream: &mut impl Read) -> Result<Vec<u8>> {
        let ours: HashSet<&[u8; 32]> = ours.iter().collect();
        let mut answer = Vec::new();
        self.read_body(u64::from(elements) * 32, stream, |piece| {
            let (digests, _) = piece.as_chunks::<32>();
            answer.par_extend(digests.par_chunks(8).map(|eight| {
                let bits = eight.iter().enumerate();
                bits.fold(0, |byte, (i, digest)| byte | u8::from(ours.contains(digest)) << i)
            }));
        })?;
        Ok(answer)
    }

    /// The bits that are set in the platform's answer about `elements`.
    fn read_answer(self, elements: usize, stream: &mut impl Read) -> Result<Vec<u32>> {
        let mut bits = Vec::new();
        self.read_body(elements.div_ceil(8) as u64, stream, |piece| bits.extend_from_slice(piece))?;
        let matched: Vec<u32> = (0..8 * bits.len() as u32)
            .filter(|&index| bits[index as usize / 8] >> (index % 8) & 1 == 1)
            .collect();
        match matched.last() {
            Some(&last) if last as usize >= elements => Err(PeerFault::Malformed("answer").into()),
            _ => Ok(matched),
        }
    }

    fn broken(self, error: std::io::Error) -> Error {
        match error.kind() {
            ErrorKind::UnexpectedEof | ErrorKind::BrokenPipe | ErrorKind::ConnectionReset => {
                PeerFault::HungUp(self.name()).into()
            }
            _ => Error::io(self.name())(error),
        }
    }

    fn code(self) -> u8 {
        self as u8
    }
}

/// SHA-256 of salt and digest: one block.
fn salted(salt: &[u8; SALT], digest: &[u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update(salt).chain_update(digest).finalize().into()
}

/// What each side says first.
struct Greeting {
    method: Insecure,
    elements: u32,
    /// Digest of purpose and profile.
    terms: [u8; 32],
    salt: [u8; SALT],
}

impl Greeting {
    fn new(method: Insecure, list: &ConsentedList, salt: [u8; SALT]) -> Result<Greeting> {
        let elements = u32::try_from(list.len()).ok().filter(|&elements| elements <= MAX_ELEMENTS);
        let elements = elements.ok_or_else(|| {
            Error::Misuse(format!("{} takes at most {MAX_ELEMENTS} elements", method.name()))
        })?;
        let terms = Sha256::new()
            .chain_update(list.profile().digest())
            .chain_update(list.purpose().name())
            .finalize()
            .into();
        Ok(Greeting { method, elements, terms, salt })
    }

    fn to_bytes(&self) -> [u8; GREETING] {
        let mut bytes = [0; GREETING];
        bytes[..8].copy_from_slice(MAGIC);
        bytes[8] = self.method.code();
        bytes[9..13].copy_from_slice(&self.elements.to_le_bytes());
        bytes[13..45].copy_from_slice(&self.terms);
        bytes[45..].copy_from_slice(&self.salt);
        bytes
    }

    /// The peer's greeting, where it agrees with ours.
    fn check(&self, bytes: &[u8; GREETING]) -> Result<Greeting> {
        let (magic, rest) = bytes.split_at(MAGIC.len());
        if magic != MAGIC {
            return Err(PeerFault::NotBlindmatch.into());
        }
        let differ = |field, ours: &str, theirs: &str| {
            Err(Error::Incompatible { field, ours: ours.into(), theirs: theirs.into() })
        };
        let method = Insecure::ALL.into_iter().find(|method| method.code() == rest[0]);
        let method = method.ok_or(PeerFault::Malformed("greeting"))?;
        if method != self.method {
            return differ("insecure baseline", self.method.name(), method.name());
        }
        let theirs = Greeting {
            method,
            elements: u32::from_le_bytes(std::array::from_fn(|i| bytes[9 + i])),
            terms: std::array::from_fn(|i| bytes[13 + i]),
            salt: std::array::from_fn(|i| bytes[45 + i]),
        };
        if theirs.terms != self.terms {
            return differ("purpose or profile", "this list's", "another");
        }
        if theirs.elements > MAX_ELEMENTS {
            let (got, expected) = (theirs.elements.into(), MAX_ELEMENTS.into());
            return Err(PeerFault::WrongCount { what: "elements", got, expected }.into());
        }
        Ok(theirs)
    }
}

/// A Bloom filter with [`PROBES`] bits an element, half of all bits set: 2^-40 false matches a look-up.
struct Filter {
    bytes: Vec<u8>,
}

impl Filter {
    fn new(digests: &[[u8; 32]]) -> Filter {
        let mut filter = Filter { bytes: vec![0; filter_bytes(digests.len() as u32)] };
        for digest in digests {
            filter.probes(digest).for_each(|bit| filter.bytes[bit / 8] |= 1 << (bit % 8));
        }
        filter
    }

    /// The filter of the peer's `elements`.
    fn read(elements: u32, method: Insecure, stream: &mut impl Read) -> Result<Filter> {
        let mut bytes = Vec::new();
        let length = filter_bytes(elements) as u64;
        method.read_body(length, stream, |piece| bytes.extend_from_slice(piece))?;
        Ok(Filter { bytes })
    }

    fn contains(&self, digest: &[u8; 32]) -> bool {
        self.probes(digest).all(|bit| self.bytes[bit / 8] >> (bit % 8) & 1 == 1)
    }

    /// The bits of an element: mixed anew for each probe, for with plain double hashing (`a + i b` modulo
    /// the bits) whole sequences of probes would collide in small filters.
    fn probes(&self, digest: &[u8; 32]) -> impl Iterator<Item = usize> + use<> {
        let bits = 8 * self.bytes.len() as u64;
        let word = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| digest[at + i]));
        let (start, step) = (word(0), word(8) | 1);
        (0..PROBES).map(move |probe| {
            let mixed = mix(start.wrapping_add(step.wrapping_mul(probe)));
            ((u128::from(mixed) * u128::from(bits)) >> 64) as usize
        })
    }
}

/// The finaliser of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
fn mix(mut word: u64) -> u64 {
    word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}

/// `PROBES / ln 2` bits an element, which leaves half of them unset; and so many at least that chance does
/// not fill more of a small filter.
fn filter_bytes(elements: u32) -> usize {
    (u64::from(elements) * 57_708).div_ceil(8_000).max(512) as usize
}

/// Two pipes, and how much went through them.
struct Duplex {
    reader: PipeReader,
    writer: PipeWriter,
    bytes: Bytes,
}

impl Duplex {
    fn pair() -> Result<[Duplex; 2]> {
        let open = || pipe().map_err(Error::io("opening a pipe"));
        let ((left, to_left), (right, to_right)) = (open()?, open()?);
        let end = |reader, writer| Duplex { reader, writer, bytes: Bytes::default() };
        Ok([end(left, to_right), end(right, to_left)])
    }

    /// What went through.
    fn close(self) -> Bytes {
        self.bytes
    }
}

impl Read for Duplex {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let read = self.reader.read(out)?;
        self.bytes.received += read as u64;
        Ok(read)
    }
}

impl Write for Duplex {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.writer.write(bytes)?;
        self.bytes.sent += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const MAGIC: &[u8; 8] = b"insecure";
const SALT: usize = 16;
const GREETING: usize = 8 + 1 + 4 + 32 + SALT;
/// Bits an element sets in a filter.
const PROBES: u64 = 40;
/// Bytes that are read at a time: a multiple of 256, so that answers about pieces are whole bytes.
const PIECE: usize = 1 << 20;

#[cfg(test)]
mod tests;
