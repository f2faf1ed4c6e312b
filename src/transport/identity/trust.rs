//! The keys that a side accepts.

use std::path::Path;

use super::{LABEL, PublicIdentity, file};
use crate::error::{Error, Result};

/// The pinned keys of the peers that a side accepts; never empty.
#[derive(Clone, Debug)]
pub struct Trust {
    keys: Vec<PublicIdentity>,
}

impl Trust {
    /// Of these keys.
    ///
    /// # Errors
    /// [`Error::Misuse`] for none: that would trust nobody.
    pub fn new(keys: impl IntoIterator<Item = PublicIdentity>) -> Result<Trust> {
        let keys: Vec<_> = keys.into_iter().collect();
        if keys.is_empty() {
            return Err(Error::Misuse("no key of a peer to trust; name its .pub file".into()));
        }
        Ok(Trust { keys })
    }

    /// From what a user names: public keys as text, or files of them, one a line. Blank lines and
    /// lines that start with `#` are left out.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::Key`] for a line that is no public
    /// key or a file without one, [`Error::Misuse`] for no source at all.
    pub fn read<S: AsRef<str>>(sources: impl IntoIterator<Item = S>) -> Result<Trust> {
        let mut keys = Vec::new();
        for source in sources {
            let source = source.as_ref();
            match source.split_whitespace().next() {
                Some(LABEL) => keys.push(source.parse()?),
                _ => keys.append(&mut read_file(Path::new(source))?),
            }
        }
        Trust::new(keys)
    }

    /// Whether this key is among them.
    pub fn knows(&self, key: &PublicIdentity) -> bool {
        self.find(key).is_some()
    }

    /// The same key with the comment that stands here.
    pub(in crate::transport) fn find(&self, key: &PublicIdentity) -> Option<&PublicIdentity> {
        self.keys.iter().find(|known| *known == key)
    }

    /// All of them.
    pub fn keys(&self) -> &[PublicIdentity] {
        &self.keys
    }
}

fn read_file(path: &Path) -> Result<Vec<PublicIdentity>> {
    let text = file::read_public(path)?;
    let mut keys = Vec::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let key = PublicIdentity::from_line(line)
            .map_err(|problem| file::problem(path, format!("line {number}: {problem}")))?;
        keys.push(key);
    }
    if keys.is_empty() {
        return Err(file::problem(path, "no public key in it"));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::identity::Identity;

    #[test]
    fn files_and_literals_add_up() {
        let [a, b, c] = [(); 3].map(|()| Identity::generate().public().clone());
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.pub");
        file::write_public(&path, &format!("# ours\r\n\r\n{a} first\r\n  {b}\n")).unwrap();
        let trust = Trust::read([path.to_str().unwrap(), &c.to_string()]).unwrap();
        assert!([&a, &b, &c].into_iter().all(|key| trust.knows(key)));
        assert_eq!(trust.find(&a).unwrap().comment(), "first");
        assert!(!trust.knows(Identity::generate().public()));
    }

    #[test]
    fn nothing_to_trust_is_an_error() {
        assert!(matches!(Trust::new([]), Err(Error::Misuse(_))));
        assert!(matches!(Trust::read::<&str>([]), Err(Error::Misuse(_))));
        assert!(matches!(Trust::read(["/nonexistent/peer.pub"]), Err(Error::Io { .. })));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.pub");
        file::write_public(&path, "# nobody\n").unwrap();
        assert!(matches!(Trust::read([path.to_str().unwrap()]), Err(Error::Key { .. })));
    }

    #[test]
    fn a_bad_line_is_named_by_number() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("peers.pub");
        let good = Identity::generate().public().to_string();
        file::write_public(&path, &format!("{good}\nssh-ed25519 AAAA\n")).unwrap();
        let error = Trust::read([path.to_str().unwrap()]).unwrap_err().to_string();
        assert!(error.contains("peers.pub: line 2"), "{error}");
    }
}
