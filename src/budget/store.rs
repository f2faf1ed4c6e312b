//! Records in a folder: locked, authenticated, written whole.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::record::Record;
use crate::error::{Error, Result};
use crate::file::{Temporary, is_exposed, make_private, try_lock, write_durable};
use crate::sealed::{self, KEY, RECORD, names, problem};

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
        let names = names(folder)?;
        let sweep = || -> std::io::Result<()> {
            sweep(folder, &names)?;
            Temporary::beside(&folder.join(TRIAL)).map(drop)
        };
        sweep().map_err(Error::io(format!("writing to the folder {}", folder.display())))?;
        let key = match read_key(folder)? {
            Some(key) => key,
            None => sealed::make_key(folder, GONE)?,
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
        let sealed = sealed::seal(self.keyed(b"record"), record);
        write_durable(&self.path(&record.peer), sealed.as_bytes())
    }

    /// All records, each as it could be read, in the order of their names.
    pub(super) fn all(&self) -> Result<Vec<Result<Record>>> {
        let mut names = names(&self.folder)?;
        names.retain(|name| name.ends_with(RECORD));
        names.sort();
        let read = |name| self.read(&self.folder.join(name)).transpose();
        Ok(names.iter().filter_map(read).collect())
    }

    /// The key of a peer's sketches.
    pub(super) fn sketch_key(&self, peer: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.keyed(b"sketch").chain_update(peer).finalize().into_bytes().into())
    }

    fn read(&self, path: &Path) -> Result<Option<Record>> {
        let Some(bytes) = sealed::read(path, MAX_RECORD)? else { return Ok(None) };
        let record: Option<Record> = sealed::unseal(self.keyed(b"record"), &bytes);
        let record = record.ok_or_else(|| {
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

    fn keyed(&self, what: &[u8]) -> Hmac<Sha256> {
        let keyed = Hmac::<Sha256>::new_from_slice(&*self.key).expect("any key is long enough");
        keyed.chain_update(b"blindmatch-v2 budget ").chain_update(what)
    }

    fn path(&self, peer: &str) -> PathBuf {
        self.folder.join(sealed::stem(peer) + RECORD)
    }
}

const LOCK: &str = "lock";

/// What is made and removed to see whether the folder can be written.
const TRIAL: &str = "trial";

/// More than a record of this version can have.
const MAX_RECORD: u64 = 1 << 20;

const GONE: &str = "is gone, and the records beside it cannot be relied on without it; restore it, or name \
                    another folder";

/// One process charges: two would each take the last unit.
fn lock(folder: &Path) -> Result<File> {
    let busy = "another server keeps its budget here; give each a folder of its own";
    try_lock(&folder.join(LOCK))?.ok_or_else(|| problem(folder, busy))
}

/// Removes what a process that was killed left half written.
fn sweep(folder: &Path, names: &[String]) -> std::io::Result<()> {
    let ours = [RECORD, KEY, TRIAL].map(|name| format!("{name}."));
    let left = |name: &&String| {
        let half = name.starts_with('.') && name.ends_with(".part");
        half && ours.iter().any(|ours| name.contains(ours))
    };
    names.iter().filter(left).try_for_each(|name| fs::remove_file(folder.join(name)))
}

fn read_key(folder: &Path) -> Result<Option<sealed::Key>> {
    let path = folder.join(KEY);
    let key = sealed::read_key(folder, "is damaged; restore it, or name another folder")?;
    let metadata = || fs::metadata(&path).map_err(Error::io(format!("reading {}", path.display())));
    if key.is_some() && is_exposed(&metadata()?) {
        return Err(problem(&path, "others than its owner may use it; run `chmod 600` on it"));
    }
    Ok(key)
}
