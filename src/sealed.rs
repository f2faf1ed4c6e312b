//! Records in a folder, each authenticated with the folder's own key.
//!
//! ```text
//! key             32 random bytes
//! <hash>.record   one line of JSON, one line of its HMAC-SHA-256 in hexadecimal
//! ```
//!
//! Whoever has records says what their HMACs begin with, so that none stands in another's place.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use hmac::{Hmac, Mac};
use rand::Rng;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::{Error, Result, hex};
use crate::file::write_durable;

/// The key's file.
pub(crate) const KEY: &str = "key";

/// What records' names end with.
pub(crate) const RECORD: &str = ".record";

pub(crate) type Key = Zeroizing<[u8; 32]>;

/// The file's content for a record. `keyed` has what its HMAC begins with.
pub(crate) fn seal(keyed: Hmac<Sha256>, record: &impl Serialize) -> String {
    let json = serde_json::to_string(record).expect("a record has only text keys");
    let tag = keyed.chain_update(&json).finalize().into_bytes();
    format!("{json}\n{}\n", hex(&tag))
}

/// The record of a file's content; none of one that is damaged, or of another key.
pub(crate) fn unseal<T: DeserializeOwned>(keyed: Hmac<Sha256>, bytes: &[u8]) -> Option<T> {
    let lines = bytes.strip_suffix(b"\n")?;
    let end = lines.iter().rposition(|&byte| byte == b'\n')?;
    let (json, tag) = (&lines[..end], &lines[end + 1..]);
    keyed.chain_update(json).verify_slice(&unhex(tag)?).ok()?;
    serde_json::from_slice(json).ok()
}

/// What files of a peer begin with: it tells nothing but a hash of the peer's name.
pub(crate) fn stem(peer: &str) -> String {
    hex(&Sha256::digest(peer)[..16])
}

/// The key of a folder, if it has one. `damaged` says what to do about one that is damaged.
///
/// # Errors
/// [`Error::Record`] for a damaged one; [`Error::Io`].
pub(crate) fn read_key(folder: &Path, damaged: &str) -> Result<Option<Key>> {
    let path = folder.join(KEY);
    let Some(bytes) = read(&path, 33)?.map(Zeroizing::new) else { return Ok(None) };
    match bytes.as_slice().try_into() {
        Ok(key) => Ok(Some(Zeroizing::new(key))),
        Err(_) => Err(problem(&path, damaged)),
    }
}

/// A key for a folder without one; not where there are records, which were made with another: `gone` says
/// what to do then.
///
/// # Errors
/// [`Error::Record`]; [`Error::Io`].
pub(crate) fn make_key(folder: &Path, gone: &str) -> Result<Key> {
    let path = folder.join(KEY);
    if names(folder)?.iter().any(|name| name.ends_with(RECORD)) {
        return Err(problem(&path, gone));
    }
    let mut key = Zeroizing::new([0; 32]);
    UnwrapErr(SysRng).fill_bytes(&mut *key);
    write_durable(&path, &*key)?;
    Ok(key)
}

/// Names of files that are text; all of ours are.
///
/// # Errors
/// [`Error::Io`] with the folder.
pub(crate) fn names(folder: &Path) -> Result<Vec<String>> {
    let name = |entry: std::io::Result<fs::DirEntry>| {
        entry.map(|entry| entry.file_name().into_string().unwrap_or_default())
    };
    let names = fs::read_dir(folder).and_then(|entries| entries.map(name).collect());
    names.map_err(Error::io(format!("reading {}", folder.display())))
}

/// At most this many bytes of a file, if it is there.
///
/// # Errors
/// [`Error::Io`] with the path.
pub(crate) fn read(path: &Path, most: u64) -> Result<Option<Vec<u8>>> {
    let read = || match File::open(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        file => {
            let mut bytes = Vec::new();
            file?.take(most).read_to_end(&mut bytes).map(|_| Some(bytes))
        }
    };
    read().map_err(Error::io(format!("reading {}", path.display())))
}

/// The bytes of a text that [`hex`] wrote.
fn unhex(text: &[u8]) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Vec<u8> = pairs.iter().map(|pair| byte(pair)).collect::<Option<_>>()?;
    (hex(&bytes).as_bytes() == text).then_some(bytes)
}

/// What is wrong with a file of records.
pub(crate) fn problem(path: &Path, problem: &str) -> Error {
    Error::Record { place: path.display().to_string(), problem: problem.into() }
}
