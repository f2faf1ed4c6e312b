//! Files that are written whole or not at all, and whether a file is still the same.

use std::fs::{self, File, Metadata, TryLockError};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::error::{Error, Result};

/// Writes a file whole or not at all, readable by its owner alone: beside its place first, then to
/// disk, then into its place.
///
/// # Errors
/// [`Error::Io`] with the path.
pub fn write_whole(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let mut temporary = Temporary::beside(path)?;
        // Not by way of the buffer, which is not wiped: the bytes may be a key.
        temporary.file.get_mut().write_all(bytes)?;
        temporary.keep(path)
    };
    write().map_err(Error::io(format!("writing {}", path.display())))
}

/// The same, and once this returns the file is there whatever becomes of the system: the folder that
/// names it is on disk too.
///
/// # Errors
/// [`Error::Io`] with the path.
pub(crate) fn write_durable(path: &Path, bytes: &[u8]) -> Result<()> {
    write_whole(path, bytes)?;
    sync_parent(path).map_err(Error::io(format!("writing {}", path.display())))
}

/// The name of a file is on disk once this returns, where the system has that.
pub(crate) fn sync_parent(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    sync_folder(folder.unwrap_or(Path::new(".")))
}

/// The names in a folder are on disk once this returns, where the system has that.
pub(crate) fn sync_folder(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(folder)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Makes a folder, and those above it, that its owner alone may use; one that is there stays as it is. Its
/// name is on disk once this returns: else it could be forgotten with all that is in it.
pub(crate) fn make_private(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    sync_parent(folder)
}

/// Whether others than its owner may use a file or folder, where the system tells.
pub(crate) fn is_exposed(metadata: &Metadata) -> bool {
    #[cfg(unix)]
    return std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077 != 0;
    #[cfg(not(unix))]
    {
        let _ = metadata;
        false
    }
}

/// Makes a file and locks it, until it is dropped; none where somebody else has it.
///
/// # Errors
/// [`Error::Io`] with the path.
pub(crate) fn try_lock(path: &Path) -> Result<Option<File>> {
    let file = File::options().create(true).truncate(false).write(true).open(path);
    let file = file.map_err(Error::io(format!("writing {}", path.display())))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(e)) => Err(Error::io(format!("locking {}", path.display()))(e)),
    }
}

/// Writes a whole new file, readable by its owner alone, or none.
///
/// # Errors
/// [`Error::Key`] where there is one, [`Error::Io`] with the path.
pub(crate) fn write_new(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = private().open(path).map_err(|e| match e.kind() {
        io::ErrorKind::AlreadyExists => {
            let problem = "already exists; a key is never overwritten".into();
            Error::Key { place: path.display().to_string(), problem }
        }
        _ => Error::io(format!("writing {}", path.display()))(e),
    })?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|e| {
        let _ = fs::remove_file(path); // the first failure is the one to tell
        Error::io(format!("writing {}", path.display()))(e)
    })
}

/// For a new file that only its owner may read.
fn private() -> fs::OpenOptions {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// What tells whether a file is still the same: length, time and, where there are such, the number of
/// its inode, which a file that replaces it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) length: u64,
    modified: Option<SystemTime>,
    inode: u64,
}

impl Stamp {
    /// Of the file that is there now.
    pub(crate) fn of(path: &Path) -> io::Result<Stamp> {
        fs::metadata(path).map(|metadata| Stamp::of_metadata(&metadata))
    }

    pub(crate) fn of_metadata(metadata: &Metadata) -> Stamp {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Stamp { length: metadata.len(), modified: metadata.modified().ok(), inode }
    }
}

/// A file that is removed unless it is kept.
pub(crate) struct Temporary {
    path: PathBuf,
    pub(crate) file: BufWriter<File>,
    kept: bool,
}

impl Temporary {
    /// A new file in the folder of `path`, readable by its owner alone.
    pub(crate) fn beside(path: &Path) -> io::Result<Temporary> {
        let mut name = std::ffi::OsString::from(".");
        name.push(path.file_name().ok_or(io::ErrorKind::InvalidInput)?);
        // Of a run that was killed one may be left, and its number may come again.
        name.push(format!(".{:016x}.part", rand::random::<u64>()));
        let path = path.with_file_name(name);
        let file = BufWriter::new(private().open(&path)?);
        Ok(Temporary { path, file, kept: false })
    }

    /// Moves it to its place, once it is on disk.
    pub(crate) fn keep(mut self, path: &Path) -> io::Result<()> {
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.path, path)?;
        self.kept = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if !self.kept {
            let _ = fs::remove_file(&self.path); // there is no one left to tell
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a run left that was killed is in nobody's way.
    #[test]
    fn leftovers_do_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let number = std::process::id();
        fs::write(folder.path().join(format!(".a.{number}.part")), "half").unwrap();
        let one = Temporary::beside(&path).unwrap();
        std::mem::forget(Temporary::beside(&path).unwrap());
        write_whole(&path, b"whole").unwrap();
        one.keep(&path).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"");
        write_whole(&path, b"whole").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
