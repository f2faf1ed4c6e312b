//! The lists of the last match with a counterparty, by a value of each entry.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use hmac::Mac;
use rayon::prelude::*;

use super::{MAX_RECORD, Matched, Peer, Record, Records};
use crate::error::{Error, Result, hex};
use crate::file::write_durable;
use crate::pair::difference::Table;
use crate::pair::refusal::Refusal;
use crate::sealed::{self, RECORD, names, problem, stem};

/// A list by keyed values.
pub(super) struct Values {
    pub(super) sorted: Vec<u64>,
    pub(super) table: Table,
}

impl Values {
    pub(super) fn of(mut values: Vec<u64>) -> Values {
        let table = Table::of(values.iter().copied());
        values.par_sort_unstable();
        Values { sorted: values, table }
    }
}

impl Records {
    /// Writes ours and theirs to a new file. Its tag, which the record has to name before the file counts.
    pub(super) fn save_lists(&self, peer: &Peer, [ours, theirs]: [&[u64]; 2]) -> Result<String> {
        let mut bytes = Vec::with_capacity(8 * (1 + ours.len() + theirs.len()));
        for number in [&[ours.len() as u64], ours, theirs].concat() {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let tag = self.lists_tag(peer, &bytes);
        write_durable(&self.lists_path(&peer.name, &tag), &bytes)?;
        Ok(tag)
    }

    /// Ours and theirs of a match, each sorted.
    pub(super) fn lists(&self, peer: &Peer, matched: &Matched) -> Result<[Vec<u64>; 2]> {
        let path = self.lists_path(&peer.name, &matched.lists);
        let bytes = match fs::read(&path) {
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            bytes => bytes.map_err(Error::io(format!("reading {}", path.display())))?,
        };
        let damaged = || {
            let text = "the lists of the last match are gone or damaged. Restore them; else opt-outs can be \
                        taken out of the next match only";
            Refusal::Room.of(self.owner, problem(&path, text))
        };
        if self.lists_tag(peer, &bytes) != matched.lists {
            return Err(damaged());
        }
        let numbers = bytes.as_chunks().0.iter().copied().map(u64::from_le_bytes);
        let numbers: Vec<u64> = numbers.collect();
        let (&length, lists) = numbers.split_first().ok_or_else(damaged)?;
        let (ours, theirs) = lists.split_at_checked(length as usize).ok_or_else(damaged)?;
        Ok([ours.to_vec(), theirs.to_vec()])
    }

    /// Removes the lists of matches before the record's last one.
    pub(super) fn remove_other_lists(&self, record: &Record) -> Result<()> {
        let kept = record.matched.as_ref().map(|m| self.lists_path(&record.peer, &m.lists));
        let start = stem(&record.peer) + "-";
        self.remove_where(|name| {
            let is_of_peer = name.starts_with(&start) && name.ends_with(ENDING);
            Ok(is_of_peer && Some(self.folder.join(name)) != kept)
        })
    }

    /// Removes what runs left that were killed: files that were not finished, and lists that no record names.
    /// Those of a record that cannot be read stay with it.
    pub(super) fn sweep(&self) -> Result<()> {
        self.remove_where(|name| {
            let unfinished = name.starts_with('.') && name.ends_with(".part");
            Ok(unfinished || self.is_orphan(name)?)
        })
    }

    fn remove_where(&self, is_over: impl Fn(&str) -> Result<bool>) -> Result<()> {
        for name in names(&self.folder)? {
            if is_over(&name)? {
                let path = self.folder.join(name);
                let removed = fs::remove_file(&path);
                removed.map_err(Error::io(format!("removing {}", path.display())))?;
            }
        }
        Ok(())
    }

    fn is_orphan(&self, name: &str) -> Result<bool> {
        let lists = name.strip_suffix(ENDING).and_then(|name| name.split_once('-'));
        let Some((stem, tag)) = lists else { return Ok(false) };
        let path = self.folder.join(format!("{stem}{RECORD}"));
        let Some(bytes) = sealed::read(&path, MAX_RECORD)? else { return Ok(true) };
        let Some(record) = self.parse(&bytes) else { return Ok(false) };
        Ok(record.matched.is_none_or(|matched| matched.lists.get(..16) != Some(tag)))
    }

    fn lists_tag(&self, peer: &Peer, bytes: &[u8]) -> String {
        let keyed = self.keyed(b"lists").chain_update(stem(&peer.name)).chain_update(bytes);
        hex(&keyed.finalize().into_bytes())
    }

    fn lists_path(&self, peer: &str, tag: &str) -> PathBuf {
        self.folder.join(format!("{}-{}{ENDING}", stem(peer), tag.get(..16).unwrap_or_default()))
    }
}

const ENDING: &str = ".lists";
