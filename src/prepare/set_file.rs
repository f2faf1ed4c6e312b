//! `NAME.set`.

use std::fs::File;
use std::io::{self, BufReader, ErrorKind, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::header::{DAMAGED, Header};
use crate::error::{Error, InputError, PeerFault, Result};
use crate::set::{CompressedSet, Keep, MAX_BLOCK, SetReader};

/// A header and its set: the content of `NAME.set`.
///
/// ```text
/// "blindmatch-set" | version: u16 = 1 | length of the header: u32 | header
/// for each block: length: u32 | block
/// SHA-256 of all that precedes
/// ```
///
/// Integers are little-endian. The hash is there for damage, not for attackers: who can write the file
/// can write another hash.
#[derive(Clone, Debug)]
pub struct SetFile {
    /// What the set says of itself.
    pub header: Header,
    /// The set.
    pub set: CompressedSet,
}

impl SetFile {
    /// Reads a file. Every byte of it is checked: the blocks as those of a peer are.
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
        let header = read_header(&mut bytes).map_err(|e| e.at(name))?;
        let set = read_set(&mut bytes, &header).map_err(|e| e.at(name))?;
        Ok(SetFile { header, set })
    }

    /// The header of a file alone.
    #[cfg(feature = "tls")]
    pub(super) fn open_header(path: &Path) -> Result<Header> {
        let mut bytes = Hashing { stream: open(path)?, hash: Sha256::new() };
        read_header(&mut bytes).map_err(|e| e.at(&name_of(path)))
    }

    /// Writes it.
    ///
    /// # Errors
    /// Those of the stream.
    pub fn write(&self, stream: impl Write) -> io::Result<()> {
        let mut out = Hashing { stream, hash: Sha256::new() };
        let header = self.header.encode();
        out.write(MAGIC)?;
        out.write(&VERSION.to_le_bytes())?;
        out.write(&(header.len() as u32).to_le_bytes())?; // below MAX_HEADER
        out.write(&header)?;
        for index in 0..self.set.blocks() {
            let block = self.set.block(index);
            out.write(&(block.len() as u32).to_le_bytes())?; // below MAX_BLOCK
            out.write(block)?;
        }
        let digest = out.hash.clone().finalize();
        out.write(&digest)
    }
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

fn read_header<S: Read>(bytes: &mut Hashing<S>) -> Result<Header, Problem> {
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
    Header::decode(&header).map_err(Problem::from)
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
const VERSION: u16 = 1;

/// Longest header: an attestation and a few hundred bytes.
const MAX_HEADER: usize = 8 * 1024;

/// Bytes that are read at once.
const BUFFER: usize = 128 * 1024;

const NO_SET: &str = "is not a prepared set; `blindmatch prepare` makes one";
const OTHER_VERSION: &str = "was made by another version of blindmatch; prepare it again";
const CUT: &str = "is cut short; prepare it again";
const BAD_HASH: &str = "is damaged; prepare it again";
