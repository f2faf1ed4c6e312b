//! Records in a folder: locked, authenticated, written whole.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use rand::Rng;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::record::Record;
use crate::error::{Error, Result, hex};
use crate::file::{Temporary, make_private, try_lock, write_durable};

/// A folder of records, and the key that they are authenticated with.
///
/// ```text
/// key             32 random bytes
/// lock            held by the process that charges
/// <hash>.record   one line of JSON, one line of its HMAC in hexadecimal
/// ```
pub(super) struct Store {
    folder: PathBuf,
    key: Zeroizing<[u8; 32]>,
    /// Held as long as this lives, if we may write.
    _lock: Option<File>,
}

impl Store {
    /// To read and write; makes the folder and the key where there are none.
    pub(super) fn open(folder: &Path) -> Result<Store> {
        make_private(folder)
            .map_err(Error::io(format!("making the folder {}", folder.display())))?;
        let lock = lock(folder)?;
        let sweep = || -> std::io::Result<()> {
            sweep(folder)?;
            Temporary::beside(&folder.join(TRIAL)).map(drop)
        };
        sweep().map_err(Error::io(format!("writing to the folder {}", folder.display())))?;
        let key = match read_key(folder)? {
            Some(key) => key,
            None => make_key(folder)?,
        };
        Ok(Store { folder: folder.to_owned(), key, _lock: Some(lock) })
    }

    /// To read, beside whoever may write.
    pub(super) fn open_to_read(folder: &Path) -> Result<Store> {
        let key = read_key(folder)?.ok_or_else(|| {
            problem(&folder.join(KEY), "no such file; `blindmatch serve --budget` makes it")
        })?;
        Ok(Store { folder: folder.to_owned(), key, _lock: None })
    }

    /// What is remembered of a peer; `None` for one that has not been here.
    pub(super) fn load(&self, peer: &str) -> Result<Option<Record>> {
        let path = self.path(peer);
        let Some(record) = self.read(&path)? else { return Ok(None) };
        match record.peer == peer {
            true => Ok(Some(record)),
            false => Err(problem(&path, "is the record of another peer; put each in its place")),
        }
    }

    /// Remembers it, whatever becomes of the system.
    pub(super) fn save(&self, record: &Record) -> Result<()> {
        let json = serde_json::to_string(record).expect("a record has only text keys");
        let tag = self.keyed(b"record", json.as_bytes()).finalize().into_bytes();
        write_durable(&self.path(&record.peer), format!("{json}\n{}\n", hex(&tag)).as_bytes())
    }

    /// All records, each as it could be read, in the order of their names.
    pub(super) fn all(&self) -> Result<Vec<Result<Record>>> {
        let names = names(&self.folder).map_err(reading(&self.folder))?;
        let mut names: Vec<_> = names.into_iter().filter(|name| name.ends_with(RECORD)).collect();
        names.sort();
        let read = |name| self.read(&self.folder.join(name)).transpose();
        Ok(names.iter().filter_map(read).collect())
    }

    /// The key of a peer's sketches.
    pub(super) fn sketch_key(&self, peer: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.keyed(b"sketch", peer.as_bytes()).finalize().into_bytes().into())
    }

    fn read(&self, path: &Path) -> Result<Option<Record>> {
        let Some(bytes) = read(path, MAX_RECORD).map_err(reading(path))? else { return Ok(None) };
        let record = self.open_record(&bytes).ok_or_else(|| {
            problem(
                path,
                "is damaged, or not of this folder's key: nobody knows what this peer has used. \
                 Restore it; to forget what it has used, remove it",
            )
        })?;
        match record.is_known() {
            true => Ok(Some(record)),
            false => Err(problem(path, "is of another version of blindmatch")),
        }
    }

    fn open_record(&self, bytes: &[u8]) -> Option<Record> {
        let lines = bytes.strip_suffix(b"\n")?;
        let end = lines.iter().rposition(|&byte| byte == b'\n')?;
        let (json, tag) = (&lines[..end], &lines[end + 1..]);
        let expected = self.keyed(b"record", json);
        expected.verify_slice(&unhex(tag)?).ok()?;
        serde_json::from_slice(json).ok()
    }

    fn keyed(&self, what: &[u8], bytes: &[u8]) -> Hmac<Sha256> {
        let keyed = Hmac::<Sha256>::new_from_slice(&*self.key).expect("any key is long enough");
        keyed.chain_update(b"blindmatch-v2 budget ").chain_update(what).chain_update(bytes)
    }

    /// Where a peer's record is: its name tells nothing but a hash of the fingerprint.
    fn path(&self, peer: &str) -> PathBuf {
        self.folder.join(hex(&Sha256::digest(peer)[..16]) + RECORD)
    }
}

const KEY: &str = "key";
const LOCK: &str = "lock";
const RECORD: &str = ".record";

/// What is made and removed to see whether the folder can be written.
const TRIAL: &str = "trial";

/// More than a record of this version can have.
const MAX_RECORD: u64 = 1 << 20;

/// One process charges: two would each take the last unit.
fn lock(folder: &Path) -> Result<File> {
    let busy = "another server keeps its budget here; give each a folder of its own";
    try_lock(&folder.join(LOCK))?.ok_or_else(|| problem(folder, busy))
}

/// Removes what a process that was killed left half written.
fn sweep(folder: &Path) -> std::io::Result<()> {
    let ours = [RECORD, KEY, TRIAL].map(|name| format!("{name}."));
    let left = |name: &&String| {
        let half = name.starts_with('.') && name.ends_with(".part");
        half && ours.iter().any(|ours| name.contains(ours))
    };
    names(folder)?.iter().filter(left).try_for_each(|name| fs::remove_file(folder.join(name)))
}

/// Names of files that are text; all of ours are.
fn names(folder: &Path) -> std::io::Result<Vec<String>> {
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().into_string().unwrap_or_default())
    };
    fs::read_dir(folder)?.map(name).collect()
}

fn read_key(folder: &Path) -> Result<Option<Zeroizing<[u8; 32]>>> {
    let path = folder.join(KEY);
    let Some(bytes) = read(&path, 33).map_err(reading(&path))? else { return Ok(None) };
    let bytes = Zeroizing::new(bytes);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(&path).map_err(reading(&path))?.permissions().mode();
        if mode & 0o077 != 0 {
            return Err(problem(&path, "others than its owner may use it; run `chmod 600` on it"));
        }
    }
    match bytes.as_slice().try_into() {
        Ok(key) => Ok(Some(Zeroizing::new(key))),
        Err(_) => Err(problem(&path, "is damaged; restore it, or name another folder")),
    }
}

/// A key for a folder without one; not where there are records, which were made with another.
fn make_key(folder: &Path) -> Result<Zeroizing<[u8; 32]>> {
    let path = folder.join(KEY);
    let names = names(folder).map_err(reading(folder))?;
    if names.iter().any(|name| name.ends_with(RECORD)) {
        let what = "is gone, and the records beside it cannot be relied on without it; restore it, \
                    or name another folder";
        return Err(problem(&path, what));
    }
    let mut key = Zeroizing::new([0; 32]);
    UnwrapErr(SysRng).fill_bytes(&mut *key);
    write_durable(&path, &*key)?;
    Ok(key)
}

/// At most this many bytes of a file, if it is there.
fn read(path: &Path, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

fn reading(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    Error::io(format!("reading {}", path.display()))
}

fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(|pair| byte(pair)).collect()
}

fn problem(path: &Path, problem: &str) -> Error {
    Error::Record { place: path.display().to_string(), problem: problem.into() }
}
