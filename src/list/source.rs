//! Where a list comes from: a file or standard input, its format, and whether it stayed the same.

use std::fmt;
use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, InputError, Result};
use crate::file::Stamp;
use crate::identifier::{Profile, Region};

/// How a list is read.
#[derive(Clone, Debug)]
pub struct Options {
    /// The format; told by the name of the file otherwise (`.parquet`, anything else is CSV).
    pub format: Option<Format>,
    /// The profile that normalises identifiers.
    pub profile: Profile,
    /// The region of phone numbers that are written without a country code.
    pub region: Option<Region>,
    /// Whether to stop at the first row or identifier that cannot be read.
    pub strict: bool,
    /// The delimiter of CSV; told by the header otherwise (`,`, `;`, tab or `|`).
    pub delimiter: Option<u8>,
    /// The most bytes that one record of CSV may have.
    pub max_record: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            format: None,
            profile: Profile::default(),
            region: None,
            strict: false,
            delimiter: None,
            max_record: 1 << 20,
        }
    }
}

/// The format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Format {
    /// Delimited text, perhaps compressed with gzip or zstd.
    Csv,
    /// Apache Parquet.
    Parquet,
}

impl Format {
    /// The format that a file name tells.
    pub fn of(path: &Path) -> Format {
        match path.extension() {
            Some(e) if ["parquet", "pq"].iter().any(|p| e.eq_ignore_ascii_case(p)) => {
                Format::Parquet
            }
            _ => Format::Csv,
        }
    }
}

/// A list that can be read, and how. Opening it reads nothing yet.
#[derive(Clone, Debug)]
pub struct Source {
    /// `None` is standard input.
    path: Option<PathBuf>,
    name: String,
    stamp: Option<Stamp>,
    pub(super) options: Options,
}

impl Source {
    /// A list in a file, or standard input for `-`.
    ///
    /// # Errors
    ///
    /// [`InputError::List`] where there is no such file, or where it is a directory.
    pub fn open(path: impl AsRef<Path>, options: Options) -> Result<Source> {
        let path = path.as_ref();
        if path == Path::new("-") {
            let name = "standard input".to_owned();
            return Ok(Source { path: None, name, stamp: None, options });
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
        let source = Source { path: Some(path.to_owned()), name, stamp: None, options };
        let metadata = match std::fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => {
                return Err(source.unusable("is a directory; name the file in it"));
            }
            Ok(metadata) => metadata,
            Err(e) if e.kind() == io::ErrorKind::NotFound => {
                return Err(source.unusable("no such file; check the path"));
            }
            Err(e) => return Err(source.io("opening")(e)),
        };
        // A pipe cannot be read twice, and says so as standard input does.
        let stamp = metadata.is_file().then(|| Stamp::of_metadata(&metadata));
        Ok(Source { stamp, ..source })
    }

    /// The file name, or `standard input`: what errors and reports call the list.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The format that it is read as.
    pub fn format(&self) -> Format {
        let told = self.path.as_deref().map_or(Format::Csv, Format::of);
        self.options.format.unwrap_or(told)
    }

    /// The bytes of the file, if it is one.
    pub fn length(&self) -> Option<u64> {
        self.stamp.map(|stamp| stamp.length)
    }

    #[cfg(feature = "parquet")]
    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// Whether this path leads to the list.
    pub(super) fn is_at(&self, path: &Path) -> bool {
        let own = self.path.as_deref().and_then(|own| own.canonicalize().ok());
        own.is_some() && own == path.canonicalize().ok()
    }

    /// Whether the list is a file that has not changed, by length, time and inode, since it was opened.
    pub fn is_unchanged(&self) -> bool {
        self.check_unchanged().is_ok()
    }

    /// Checks that the list is a file which can be read again and has not changed.
    pub(super) fn check_unchanged(&self) -> Result<()> {
        self.check_unchanged_before("matched rows can be written")
    }

    /// The same before something else that takes a second reading.
    pub(super) fn check_unchanged_before(&self, what: &str) -> Result<()> {
        let (Some(stamp), Some(path)) = (self.stamp, &self.path) else {
            return Err(Error::Misuse(format!(
                "{}: {what} for a file only, because it is read twice; save the list to a file \
                 first",
                self.name
            )));
        };
        if Stamp::of(path).map_err(self.io("looking at"))? == stamp {
            return Ok(());
        }
        Err(self.unusable("changed since it was read; match again with the file as it is now"))
    }

    /// The bytes of the list, counted as they are read.
    pub(super) fn bytes(&self, count: Arc<AtomicU64>) -> Result<Box<dyn Read + Send>> {
        let inner: Box<dyn Read + Send> = match &self.path {
            Some(path) => Box::new(File::open(path).map_err(self.io("opening"))?),
            None => Box::new(io::stdin()),
        };
        Ok(Box::new(Counted { inner, count }))
    }

    pub(super) fn unusable(&self, problem: impl fmt::Display) -> Error {
        let (list, problem) = (self.name.clone(), problem.to_string());
        InputError::List { list, problem }.into()
    }

    /// The error of reading, where what a decoder says of its data is the list's fault.
    pub(super) fn reading(&self) -> impl FnOnce(io::Error) -> Error + use<> {
        let (list, io) = (self.name.clone(), self.io("reading"));
        move |error| {
            use io::ErrorKind::{InvalidData, InvalidInput, Other, UnexpectedEof};
            // A decoder's own errors have no number of the system.
            let decoding =
                [InvalidData, InvalidInput, Other, UnexpectedEof].contains(&error.kind());
            if !decoding || error.raw_os_error().is_some() {
                return io(error);
            }
            let problem = "is cut short or damaged; compress it again, or fetch it again".into();
            InputError::List { list, problem }.into()
        }
    }

    /// The error of a row, by its number from 0.
    pub(super) fn bad_row(&self, row: u32, reason: &str) -> Error {
        let (list, row) = (self.name.clone(), u64::from(row) + 1);
        InputError::Row { list, row, reason: reason.into() }.into()
    }

    /// The error of a list that ends before its last matched or admitted row.
    pub(super) fn shorter(&self) -> Error {
        self.unusable("is shorter than when it was read; match again")
    }

    pub(super) fn io(&self, doing: &str) -> impl FnOnce(io::Error) -> Error + use<> {
        Error::io(format!("{doing} {}", self.name))
    }
}

struct Counted {
    inner: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buf)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// A stream that gives again what was taken from it.
pub(super) type Peeked<R> = io::Chain<Cursor<Vec<u8>>, R>;

/// The first bytes of a stream, and the stream as if they had not been read.
pub(super) fn peek<R: Read>(mut reader: R, bytes: u64) -> io::Result<(Vec<u8>, Peeked<R>)> {
    let mut head = Vec::new();
    reader.by_ref().take(bytes).read_to_end(&mut head)?;
    Ok((head.clone(), Cursor::new(head).chain(reader)))
}
