//! Which room a folder is, and which keys it has had.
//!
//! ```text
//! blindmatch-pair-room 1
//! id: 5f0c...                                     32 hexadecimal digits, random
//! key: Ks 6b0d3c52a1f7e094 2026-11-25T10:00:00Z   the digest of a key, and when it was made
//! ```

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rand::Rng;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;

use crate::error::{Error, Result, hex};
use crate::file::write_durable;
use crate::pair::key::Stamp;

/// The file `room` of a folder.
#[derive(Debug)]
pub(super) struct Card {
    path: PathBuf,
    pub(super) id: String,
    /// Keys by name and digest.
    keys: Vec<(String, String, Timestamp)>,
}

impl Card {
    /// That of a folder; one that has none is given one.
    ///
    /// # Errors
    /// [`Error::Key`] for a damaged one; [`Error::Io`].
    pub(super) fn open(folder: &Path) -> Result<Card> {
        let path = folder.join("room");
        match fs::read_to_string(&path) {
            Ok(text) => parse(&path, &text).ok_or_else(|| Error::Key {
                place: path.display().to_string(),
                problem: "is damaged; restore it. Without it the room is another one to `blindmatch pair \
                          match`, and takes keys that it had for new ones"
                    .into(),
            }),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                let mut id = [0; 16];
                UnwrapErr(SysRng).fill_bytes(&mut id);
                let card = Card { path, id: hex(&id), keys: Vec::new() };
                card.save()?;
                Ok(card)
            }
            Err(e) => Err(Error::io(format!("reading {}", path.display()))(e)),
        }
    }

    /// When a key was made that the room has had.
    pub(super) fn made(&self, name: &str, stamp: Stamp) -> Option<Timestamp> {
        let digest = stamp.name();
        let found = self.keys.iter().find(|(n, d, _)| *n == name && *d == digest);
        found.map(|(_, _, made)| *made)
    }

    /// Notes keys, once.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn note(&mut self, keys: &[(&str, Stamp)]) -> Result<()> {
        let before = self.keys.len();
        for (name, stamp) in keys {
            if self.made(name, *stamp).is_none() {
                self.keys.push(((*name).to_owned(), stamp.name(), stamp.created));
            }
        }
        if self.keys.len() > before { self.save() } else { Ok(()) }
    }

    fn save(&self) -> Result<()> {
        let lines =
            self.keys.iter().map(|(name, digest, made)| format!("key: {name} {digest} {made}\n"));
        let text = format!("{FIRST}\nid: {}\n{}", self.id, lines.collect::<String>());
        write_durable(&self.path, text.as_bytes())
    }
}

fn parse(path: &Path, text: &str) -> Option<Card> {
    let mut lines = text.lines();
    if lines.next() != Some(FIRST) {
        return None;
    }
    let id = lines.next()?.strip_prefix("id: ")?;
    let is_id = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    let key = |line: &str| {
        let (name, rest) = line.strip_prefix("key: ")?.split_once(' ')?;
        let (digest, made) = rest.split_once(' ')?;
        Some((name.to_owned(), digest.to_owned(), made.parse().ok()?))
    };
    let keys = lines.map(key).collect::<Option<Vec<_>>>()?;
    is_id.then(|| Card { path: path.to_owned(), id: id.to_owned(), keys })
}

const FIRST: &str = "blindmatch-pair-room 1";
