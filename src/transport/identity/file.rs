//! Key files.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Error, Result};
use crate::file::is_exposed;

/// No key file is longer.
const MAX_FILE: u64 = 64 * 1024;

/// PKCS#8 DER from a PEM file that only its owner may read.
pub(super) fn read_private(path: &Path) -> Result<Zeroizing<Vec<u8>>> {
    let file = open(path)?;
    refuse_exposed(path, &file)?;
    let mut text = Zeroizing::new(Vec::with_capacity(1024));
    read(path, file, &mut text)?;
    let mut pem = PrivatePkcs8KeyDer::from_pem_slice(&text)
        .map_err(|_| problem(path, "no private key (PKCS#8 PEM) in it; `keygen` makes one"))?;
    let der = Zeroizing::new(pem.secret_pkcs8_der().to_vec());
    pem.zeroize();
    Ok(der)
}

/// A new PEM file that only its owner may read.
pub(super) fn write_private(path: &Path, pkcs8: &[u8]) -> Result<()> {
    let body = Zeroizing::new(STANDARD.encode(pkcs8));
    let mut text = Zeroizing::new(String::with_capacity(2 * body.len() + 128));
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    for start in (0..body.len()).step_by(PEM_LINE) {
        text.push_str(&body[start..body.len().min(start + PEM_LINE)]);
        text.push('\n');
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    write_new(path, text.as_bytes(), 0o600)
}

/// Characters in a line of PEM (RFC 7468).
const PEM_LINE: usize = 64;

/// The text of a file of public keys.
pub(super) fn read_public(path: &Path) -> Result<String> {
    let mut text = Vec::new();
    read(path, open(path)?, &mut text)?;
    String::from_utf8(text).map_err(|_| problem(path, "not a text file of public keys"))
}

/// A new file that anybody may read.
pub(super) fn write_public(path: &Path, text: &str) -> Result<()> {
    write_new(path, text.as_bytes(), 0o644)
}

/// What is wrong with a key file.
pub(super) fn problem(path: &Path, problem: impl Into<String>) -> Error {
    Error::Key { place: path.display().to_string(), problem: problem.into() }
}

fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(Error::io(format!("reading {}", path.display())))
}

fn read(path: &Path, file: File, text: &mut Vec<u8>) -> Result<()> {
    let read = file.take(MAX_FILE + 1).read_to_end(text);
    let length = read.map_err(Error::io(format!("reading {}", path.display())))?;
    if length as u64 > MAX_FILE {
        return Err(problem(path, "too long for a key file"));
    }
    Ok(())
}

/// Looks at the open file, so that it is the one that is then read.
fn refuse_exposed(path: &Path, file: &File) -> Result<()> {
    let metadata = file.metadata().map_err(Error::io(format!("reading {}", path.display())))?;
    if is_exposed(&metadata) {
        let remedy = "others than its owner may use this private key; run `chmod 600` on it";
        return Err(problem(path, remedy));
    }
    Ok(())
}

/// Writes a whole new file, or none.
fn write_new(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    set_mode(&mut options, mode);
    let mut file = options.open(path).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => problem(path, "already exists; a key is never overwritten"),
        _ => Error::io(format!("writing {}", path.display()))(e),
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| {
        let _ = fs::remove_file(path); // the first failure is the one to tell
        Error::io(format!("writing {}", path.display()))(e)
    })
}

#[cfg(unix)]
fn set_mode(options: &mut OpenOptions, mode: u32) {
    use std::os::unix::fs::OpenOptionsExt as _;
    options.mode(mode);
}

#[cfg(not(unix))]
fn set_mode(_: &mut OpenOptions, _: u32) {}
