//! `NAME.set`.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::Path;

#[cfg(feature = "tls")]
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
#[cfg(feature = "tls")]
use zeroize::Zeroizing;

use super::header::{DAMAGED, Header};
use crate::error::{Error, InputError, PeerFault, Result};
use crate::set::{CompressedSet, Keep, MAX_BLOCK, SetReader};

/// A header and its set: the content of `NAME.set`.
///
/// ```text
/// "blindmatch-set" | version: u16 = 2 | length of the header: u32 | header | MAC: 32 bytes
/// for each block: length: u32 | block
/// SHA-256 of all that precedes
/// ```
///
/// Integers are little-endian. The hash is there for damage. The MAC is there for whoever may write the
/// file: HMAC-SHA-256, under a key of the epoch, of all that precedes it, which names the set by its
/// identity. Only [`PreparedSet::load`](super::PreparedSet::load), which has the epoch's key, verifies
/// it: what is read here is *not* known to be the platform's.
#[derive(Clone, Debug)]
pub struct SetFile {
    /// What the set says of itself.
    pub header: Header,
    /// The set.
    pub set: CompressedSet,
    mac: [u8; 32],
}

impl SetFile {
    /// Of a set that nobody vouches for: it can be written and read, not loaded.
    pub fn unauthenticated(header: Header, set: CompressedSet) -> SetFile {
        SetFile { header, set, mac: [0; 32] }
    }

    /// Of a set that the holder of this key vouches for.
    #[cfg(feature = "tls")]
    pub(super) fn authenticated(
        header: Header,
        set: CompressedSet,
        key: &Zeroizing<[u8; 32]>,
    ) -> SetFile {
        let mac = mac_of(&header, key).finalize().into_bytes().into();
        SetFile { header, set, mac }
    }

    /// Whether the holder of this key vouches for it.
    #[cfg(feature = "tls")]
    pub(super) fn is_authentic(&self, key: &Zeroizing<[u8; 32]>) -> bool {
        mac_of(&self.header, key).verify_slice(&self.mac).is_ok()
    }

    /// Reads a file without knowing whose it is. Every byte of it is checked for damage: the blocks as
    /// those of a peer are.
    ///
    /// # Errors
    /// [`Error::Io`] for one that cannot be read, [`InputError::List`] for one that is not a prepared
    /// set, of another version, or damaged.
    pub fn open(path: &Path) -> Result<SetFile> {
        SetFile::read(open(path)?, &name_of(path))
    }

    /// The same from any stream; `name` is what errors call it.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn read(stream: impl Read, name: &str) -> Result<SetFile> {
        let mut bytes = Hashing { stream, hash: Sha256::new() };
        let (header, mac) = read_header(&mut bytes).map_err(|e| e.at(name))?;
        let set = read_set(&mut bytes, &header).map_err(|e| e.at(name))?;
        Ok(SetFile { header, set, mac })
    }

    /// The header of a file alone, which anybody may have written.
    #[cfg(feature = "tls")]
    pub(super) fn open_header(path: &Path) -> Result<Header> {
        SetFile::read_start(path).map(|(header, _)| header)
    }

    /// The header of a file, if the holder of this key vouches for it.
    #[cfg(feature = "tls")]
    pub(super) fn open_authentic_header(path: &Path, key: &Zeroizing<[u8; 32]>) -> Option<Header> {
        let (header, mac) = SetFile::read_start(path).ok()?;
        mac_of(&header, key).verify_slice(&mac).ok().map(|()| header)
    }

    #[cfg(feature = "tls")]
    fn read_start(path: &Path) -> Result<(Header, [u8; 32])> {
        let mut bytes = Hashing { stream: open(path)?, hash: Sha256::new() };
        read_header(&mut bytes).map_err(|e| e.at(&name_of(path)))
    }

    /// Writes it.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn write(&self, stream: impl Write) -> io::Result<()> {
        let mut out = Hashing { stream, hash: Sha256::new() };
        out.write(&start(&self.header))?;
        out.write(&self.mac)?;
        for index in 0..self.set.blocks() {
            let block = self.set.block(index);
            out.write(&(block.len() as u32).to_le_bytes())?; // below MAX_BLOCK
            out.write(block)?;
        }
        let digest = out.hash.clone().finalize();
        out.write(&digest)
    }
}

/// What the MAC is of.
fn start(header: &Header) -> Vec<u8> {
    let header = header.encode();
    let length = (header.len() as u32).to_le_bytes(); // below MAX_HEADER
    [&MAGIC[..], &VERSION.to_le_bytes(), &length, &header].concat()
}

#[cfg(feature = "tls")]
fn mac_of(header: &Header, key: &Zeroizing<[u8; 32]>) -> Hmac<Sha256> {
    let mac = Hmac::<Sha256>::new_from_slice(&**key).expect("a key of any length");
    mac.chain_update(start(header))
}

/// Why a stream gives no set.
enum Problem {
    Io(io::Error),
    Content(String),
}

impl Problem {
    fn at(self, name: &str) -> Error {
        match self {
            Problem::Io(e) if e.kind() != ErrorKind::UnexpectedEof => {
                Error::io(format!("reading {name}"))(e)
            }
            Problem::Io(_) => Problem::from(CUT).at(name),
            Problem::Content(problem) => InputError::List { list: name.into(), problem }.into(),
        }
    }
}

impl From<io::Error> for Problem {
    fn from(error: io::Error) -> Problem {
        Problem::Io(error)
    }
}

impl From<&str> for Problem {
    fn from(problem: &str) -> Problem {
        Problem::Content(problem.to_owned())
    }
}

impl From<PeerFault> for Problem {
    fn from(fault: PeerFault) -> Problem {
        match fault {
            PeerFault::BadSet { position, problem } => Problem::Content(format!(
                "is damaged at element {position} ({problem}); prepare it again"
            )),
            _ => BAD_HASH.into(),
        }
    }
}

/// A stream, and the hash of what went through it.
struct Hashing<S> {
    stream: S,
    hash: Sha256,
}

impl<S: Read> Hashing<S> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.stream.read_exact(bytes)?;
        self.hash.update(bytes);
        Ok(())
    }

    /// The bytes after their length, at most `most`.
    fn counted(&mut self, most: usize, buffer: &mut Vec<u8>) -> Result<(), Problem> {
        let length = u32::from_le_bytes(self.array()?) as usize;
        if length > most {
            return Err(DAMAGED.into());
        }
        buffer.resize(length, 0);
        Ok(self.fill(buffer)?)
    }
}

impl<S: Write> Hashing<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hash.update(bytes);
        self.stream.write_all(bytes)
    }
}

fn read_header<S: Read>(bytes: &mut Hashing<S>) -> Result<(Header, [u8; 32]), Problem> {
    let magic = bytes.array().map_err(|e| match e.kind() {
        ErrorKind::UnexpectedEof => NO_SET.into(),
        _ => Problem::Io(e),
    })?;
    if magic != *MAGIC {
        return Err(NO_SET.into());
    }
    if u16::from_le_bytes(bytes.array()?) != VERSION {
        return Err(OTHER_VERSION.into());
    }
    let mut header = Vec::new();
    bytes.counted(MAX_HEADER, &mut header)?;
    let header = Header::decode(&header)?;
    Ok((header, bytes.array()?))
}

fn read_set<S: Read>(bytes: &mut Hashing<S>, header: &Header) -> Result<CompressedSet, Problem> {
    let mut reader = SetReader::new(header.parameters(), header.digest(), Keep::default());
    let mut block = Vec::new();
    for _ in 0..header.parameters().blocks() {
        bytes.counted(MAX_BLOCK, &mut block)?;
        reader.push(&block)?;
    }
    let expected: [u8; 32] = bytes.hash.clone().finalize().into();
    if bytes.array()? != expected {
        return Err(BAD_HASH.into());
    }
    match bytes.stream.read(&mut [0])? {
        0 => Ok(reader.into_set()?),
        _ => Err("has bytes after its end; prepare it again".into()),
    }
}

pub(super) fn open(path: &Path) -> Result<BufReader<File>> {
    let file = File::open(path).map_err(Error::io(format!("reading {}", path.display())))?;
    Ok(BufReader::with_capacity(BUFFER, file))
}

pub(super) fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

const MAGIC: &[u8; 14] = b"blindmatch-set";
const VERSION: u16 = 2;

/// Longest header: an attestation and a few hundred bytes.
const MAX_HEADER: usize = 8 * 1024;

/// Bytes that are read at once.
const BUFFER: usize = 128 * 1024;

const NO_SET: &str = "is not a prepared set; `blindmatch prepare` makes one";
const OTHER_VERSION: &str = "was made by another version of blindmatch; prepare it again";
const CUT: &str = "is cut short; prepare it again";
const BAD_HASH: &str = "is damaged; prepare it again";
