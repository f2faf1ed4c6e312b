//! The files that come of PAIR: Publisher Identifiers for a buying platform, and the publisher's own.
//!
//! All are CSV in UTF-8 with a header, written whole or not at all, readable by their owner alone. Publisher
//! Identifiers are standard Base64 (RFC 4648), as the standard has it.
//!
//! | file | whose | columns |
//! |---|---|---|
//! | matched Publisher Identifiers | the advertiser's room | `publisher_id`, `adv_pub_id`, `expires_at` |
//! | mapping | the publisher | `identifier` as its list has it, `publisher_id`, `row`, `ks`, `in_use_until` |
//! | withdrawn Publisher Identifiers | whoever has to forget them | `publisher_id`, `in_use_until` |
//! | Publisher Identifiers to use | the buying platform | `publisher_id` |
//!
//! `adv_pub_id` is the AdvPubID of the standard: the same for all matches of an advertiser and a publisher.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use zeroize::Zeroize;

use super::folder::Space;
use super::key::{SKEW, later};
use super::{DAYS_VALID, PublisherId, mode};
use crate::consent::ConsentedList;
use crate::error::{Error, InputError, Result, hex};
use crate::file::{Temporary, sync_parent};
use crate::group::{Encoding, Engine};
use crate::list::Source;

/// The AdvPubID: 16 hexadecimal digits that stand for an advertiser and a publisher, by the fingerprints of
/// their identities, or by the identifiers of their rooms within one process.
pub fn adv_pub_id(advertiser: &str, publisher: &str) -> String {
    let hash =
        Sha256::new().chain_update(b"blindmatch-v2 pair relation\0").chain_update(advertiser);
    hex(&hash.chain_update([0]).chain_update(publisher).finalize()[..8])
}

/// When a match of that time ends.
pub fn expiry(matched: Timestamp) -> Timestamp {
    let whole = Timestamp::from_second(matched.as_second()).unwrap_or(matched);
    later(whole, SignedDuration::from_hours(24 * DAYS_VALID))
}

/// Matched Publisher Identifiers, and until when they may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MatchedIds {
    /// Sorted.
    pub ids: Vec<PublisherId>,
    /// The relation that they are of.
    pub adv_pub_id: String,
    /// From when on they may not be used.
    pub expires: Timestamp,
}

const MATCHED: [&str; 3] = ["publisher_id", "adv_pub_id", "expires_at"];

impl MatchedIds {
    /// Writes the file. Where nothing matched, one row without an identifier says of what, and until when.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let expires = self.expires.to_string();
        let row = |id: String| [id, self.adv_pub_id.clone(), expires.clone()];
        let none = self.ids.is_empty().then(|| row(String::new()));
        write(path, &MATCHED, self.ids.iter().map(|id| row(id.to_string())).chain(none))
    }

    /// Reads the file, if it may still be used.
    ///
    /// # Errors
    /// [`Error::Input`] for one that is past its time, that is valid for longer than a match can be, or that is
    /// no such file; [`Error::Io`].
    pub fn read(path: &Path, now: Timestamp) -> Result<MatchedIds> {
        let unusable = |problem: String| unusable(path, problem);
        let mut matched: Option<(String, Timestamp)> = None;
        let mut ids = Vec::new();
        read(path, &MATCHED, |[id, relation, expires]| {
            let id = match id {
                "" => None,
                id => Some(PublisherId::parse(id).ok_or("no Publisher Identifier")?),
            };
            let expires: Timestamp = expires.parse().map_err(|_| "no time in `expires_at`")?;
            let (first, until) = matched.get_or_insert_with(|| (relation.to_owned(), expires));
            if first != relation {
                return Err("of another advertiser or publisher than the first");
            }
            if *until != expires {
                return Err("with another `expires_at` than the first");
            }
            ids.extend(id);
            Ok(())
        })?;
        let Some((adv_pub_id, expires)) = matched else {
            return Err(unusable("has no rows: it was cut off; match again".into()));
        };
        if now >= expires {
            return Err(unusable(format!(
                "expired at {expires}: a match is valid for {DAYS_VALID} days; match again"
            )));
        }
        if expires > later(expiry(now), SKEW) {
            return Err(unusable(format!(
                "is valid until {expires}, and no match of now or before is: set the clock, or match again"
            )));
        }
        ids.sort_unstable();
        ids.dedup();
        Ok(MatchedIds { ids, adv_pub_id, expires })
    }

    /// Takes out those of people who opted out since. How many were in it.
    pub fn remove(&mut self, withdrawn: &[PublisherId]) -> u64 {
        let before = self.ids.len();
        let mut withdrawn = withdrawn.to_vec();
        withdrawn.sort_unstable();
        self.ids.retain(|id| withdrawn.binary_search(id).is_err());
        (before - self.ids.len()) as u64
    }
}

/// Writes bare Publisher Identifiers, for a buying platform to use.
///
/// # Errors
/// [`Error::Io`].
pub fn write_ids(path: &Path, ids: &[PublisherId]) -> Result<()> {
    write(path, &["publisher_id"], ids.iter().map(|id| [id.to_string()]))
}

/// A Publisher Identifier, and until when it is in use.
type InUse = (PublisherId, Timestamp);

const WITHDRAWN: [&str; 2] = ["publisher_id", "in_use_until"];

/// Reads withdrawn Publisher Identifiers.
///
/// # Errors
/// [`Error::Input`] for any other file; [`Error::Io`].
pub fn read_withdrawn(path: &Path) -> Result<Vec<PublisherId>> {
    Ok(dated_withdrawn(path)?.into_iter().map(|(id, _)| id).collect())
}

fn dated_withdrawn(path: &Path) -> Result<Vec<InUse>> {
    let mut ids = Vec::new();
    read(path, &WITHDRAWN, |[id, until]| {
        ids.push(in_use(id, until)?);
        Ok(())
    })?;
    Ok(ids)
}

fn in_use(id: &str, until: &str) -> Result<InUse, &'static str> {
    let id = PublisherId::parse(id).ok_or("no Publisher Identifier")?;
    let until = until.parse().map_err(|_| "no time in `in_use_until`")?;
    Ok((id, until))
}

/// What became of a mapping file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Identifiers that stand in it, as often as they stand in the list.
    pub identifiers: u64,
    /// Pairs of Ks and Kp: the one in use, and those of the last 30 days.
    pub spaces: u64,
    /// Rows.
    pub rows: u64,
    /// Publisher Identifiers in use that the file before had, and that are gone: opt-outs, and people who
    /// are no longer on the list.
    pub withdrawn: u64,
    /// Those, and the ones that were withdrawn before and could still be in use somewhere.
    pub to_forget: u64,
}

const MAPPING: [&str; 5] = ["identifier", "publisher_id", "row", "ks", "in_use_until"];

/// Writes the publisher's mapping: every identifier that passed the consent gate, as the list has it, with
/// its Publisher Identifier under the keys in use and, until these are out of use, under those before.
///
/// In place of an older one, adds what that had and the new one has not to the file `withdrawn`, which keeps
/// what it has as long as that could be in use, unless it is back in the mapping. It is on disk before the
/// mapping is replaced: whatever ends this halfway, the next run loses no withdrawal.
///
/// Reads the list a second time. Takes one map and one multiplication for each entry and pair of keys; in
/// memory 32 bytes for each, and 12 for each identifier.
///
/// # Errors
/// [`Error::Input`] for a list that changed meanwhile, and for files in these places that are no mapping, or
/// no withdrawn ones; [`Error::Misuse`] for a list from standard input; [`Error::Io`].
pub fn write_mapping(
    path: &Path,
    withdrawn: Option<&Path>,
    source: &Source,
    list: &ConsentedList,
    spaces: &[Space],
    engine: &Engine,
    now: Timestamp,
) -> Result<Mapped> {
    let before = if path.exists() { mapping_in_use(path, now)? } else { Vec::new() };
    let earlier = match withdrawn.filter(|file| file.exists()) {
        Some(file) => dated_withdrawn(file)?,
        None => Vec::new(),
    };
    let ids: Vec<Vec<Encoding>> =
        spaces.iter().map(|space| publisher_ids(space, list, engine)).collect();
    let io = || Error::io(format!("writing {}", path.display()));
    let mut temporary = Temporary::beside(path).map_err(io())?;
    let mut mapped = write_rows(&mut temporary, path, source, list, spaces, &ids)?;

    let mut kept: Vec<PublisherId> = ids.into_iter().flatten().map(PublisherId).collect();
    kept.par_sort_unstable();
    let is_gone = |(id, until): &InUse| now < *until && kept.binary_search(id).is_err();
    let mut gone: Vec<InUse> = before.into_iter().filter(is_gone).collect();
    mapped.withdrawn = gone.len() as u64;
    gone.extend(earlier.into_iter().filter(is_gone));
    latest_of_each(&mut gone);
    mapped.to_forget = gone.len() as u64;
    if let Some(file) = withdrawn {
        let rows = gone.iter().map(|(id, until)| [id.to_string(), until.to_string()]);
        write(file, &WITHDRAWN, rows)?;
        sync_parent(file).map_err(Error::io(format!("writing {}", file.display())))?;
    }
    temporary.keep(path).map_err(io())?;
    Ok(mapped)
}

/// The rows of a mapping. `path` is where it is to be.
fn write_rows(
    temporary: &mut Temporary,
    path: &Path,
    source: &Source,
    list: &ConsentedList,
    spaces: &[Space],
    ids: &[Vec<Encoding>],
) -> Result<Mapped> {
    let of_space = |space: &Space| (space.ks.stamp().name(), space.until().to_string());
    let names: Vec<(String, String)> = spaces.iter().map(of_space).collect();
    let io = || Error::io(format!("writing {}", path.display()));
    let failed = |e: csv::Error| io()(e.into());
    let mut mapped = Mapped { spaces: spaces.len() as u64, ..Mapped::default() };
    let mut writer = csv::Writer::from_writer(&mut temporary.file);
    writer.write_record(MAPPING).map_err(failed)?;
    source.admitted_cells(list, |cell| {
        mapped.identifiers += 1;
        for (ids, (ks, until)) in ids.iter().zip(&names) {
            let id = PublisherId(ids[cell.entry as usize]).to_string();
            let row = cell.row.to_string();
            let cells = [cell.raw, id.as_bytes(), row.as_bytes(), ks.as_bytes(), until.as_bytes()];
            writer.write_record(cells).map_err(failed)?;
            mapped.rows += 1;
        }
        Ok(())
    })?;
    writer.flush().map_err(io())?;
    Ok(mapped)
}

/// Sorts, and leaves of each identifier the latest time alone.
fn latest_of_each(ids: &mut Vec<InUse>) {
    ids.par_sort_unstable_by(|(a, until_a), (b, until_b)| a.cmp(b).then(until_b.cmp(until_a)));
    ids.dedup_by_key(|(id, _)| *id);
}

/// The Publisher Identifier of every entry.
fn publisher_ids(space: &Space, list: &ConsentedList, engine: &Engine) -> Vec<Encoding> {
    let (ks, kp) = (space.ks.key(), space.kp.key().scalar());
    let mut all = vec![Encoding::default(); list.len()];
    for (identifiers, out) in list.identifiers().chunks(CHUNK).zip(all.chunks_mut(CHUNK)) {
        let expand = |identifier| *mode::expand_identifier(ks, identifier);
        let mut uniform: Vec<[u8; 64]> = identifiers.par_iter().map(expand).collect();
        engine.map_blind(&uniform, kp, out);
        uniform.zeroize();
    }
    all
}

/// Entries whose hashes are held at once: 2 MiB.
const CHUNK: usize = 32 * 1024;

/// The Publisher Identifiers of a mapping that are in use, sorted, each once.
fn mapping_in_use(path: &Path, now: Timestamp) -> Result<Vec<InUse>> {
    let mut ids = Vec::new();
    read(path, &MAPPING, |[_, id, _, _, until]| {
        let (id, until) = in_use(id, until)?;
        if now < until {
            ids.push((id, until));
        }
        Ok(())
    })?;
    latest_of_each(&mut ids);
    Ok(ids)
}

fn write<const N: usize>(
    path: &Path,
    header: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<()> {
    let io = || Error::io(format!("writing {}", path.display()));
    let mut temporary = Temporary::beside(path).map_err(io())?;
    {
        let mut writer = csv::Writer::from_writer(&mut temporary.file);
        let failed = |e: csv::Error| io()(e.into());
        writer.write_record(header).map_err(failed)?;
        for row in rows {
            writer.write_record(&row).map_err(failed)?;
        }
        writer.flush().map_err(io())?;
    }
    temporary.keep(path).map_err(io())
}

/// Reads rows of a file with this header, at most [`MAX_CELL`] bytes a cell. An error names the row.
fn read<const N: usize>(
    path: &Path,
    header: &[&str; N],
    mut each: impl FnMut([&str; N]) -> Result<(), &'static str>,
) -> Result<()> {
    let io = |e: csv::Error| match e.kind() {
        csv::ErrorKind::Io(_) => Error::io(format!("reading {}", path.display()))(e.into()),
        _ => unusable(path, "cannot be read as CSV; restore it".into()),
    };
    let mut reader = csv::Reader::from_path(path).map_err(io)?;
    let names = reader.byte_headers().map_err(io)?;
    if !names.iter().eq(header.iter().map(|name| name.as_bytes())) {
        let columns = header.join(",");
        return Err(unusable(path, format!("has other columns than {columns}")));
    }
    let (mut record, mut row) = (csv::ByteRecord::new(), 0);
    while reader.read_byte_record(&mut record).map_err(io)? {
        row += 1;
        let mut cells = [""; N];
        for (cell, raw) in cells.iter_mut().zip(&record) {
            // Identifiers are as the list has them, in whatever encoding.
            *cell = std::str::from_utf8(raw).unwrap_or_default();
        }
        each(cells).map_err(|reason| {
            let (list, reason) = (name(path), reason.to_owned());
            Error::from(InputError::Row { list, row, reason })
        })?;
    }
    Ok(())
}

fn unusable(path: &Path, problem: String) -> Error {
    InputError::List { list: name(path), problem }.into()
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(bytes: impl IntoIterator<Item = u8>) -> Vec<PublisherId> {
        bytes.into_iter().map(|byte| PublisherId(Encoding([byte; 32]))).collect()
    }

    #[test]
    fn matched_ids_end_after_30_days() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.csv");
        let matched: Timestamp = "2026-11-25T10:00:00.5Z".parse().unwrap();
        let expires = expiry(matched);
        assert_eq!(expires.to_string(), "2026-12-25T10:00:00Z");
        let whole = MatchedIds { ids: ids([1, 2, 3]), adv_pub_id: adv_pub_id("a", "b"), expires };
        whole.write(&path).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("publisher_id,adv_pub_id,expires_at\nAQEBAQ"), "{text}");
        assert_eq!(MatchedIds::read(&path, matched).unwrap(), whole);
        let error = MatchedIds::read(&path, expires).unwrap_err().to_string();
        let expected =
            "ids.csv: expired at 2026-12-25T10:00:00Z: a match is valid for 30 days; match again";
        assert_eq!(error, expected);
        // One row that says otherwise is enough, either way.
        for date in ["2026-11-01", "2026-12-24", "2026-12-26"] {
            std::fs::write(&path, text.replacen("2026-12-25", date, 1)).unwrap();
            assert!(MatchedIds::read(&path, matched).is_err(), "{date}");
        }
        // Nor is a match valid for longer than 30 days, by a clock that is behind or a file that was edited.
        std::fs::write(&path, &text).unwrap();
        let error = MatchedIds::read(&path, later(matched, SKEW * -2)).unwrap_err().to_string();
        assert!(error.contains("is valid until 2026-12-25T10:00:00Z, and no match"), "{error}");
        std::fs::write(&path, text.replace("2026-12-25", "2027-12-25")).unwrap();
        assert!(MatchedIds::read(&path, matched).is_err());
    }

    /// A match without matches ends like any other; a file without rows is no such match.
    #[test]
    fn an_empty_match_ends_after_30_days() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.csv");
        let matched: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
        let expires = expiry(matched);
        let empty = MatchedIds { ids: ids([]), adv_pub_id: adv_pub_id("a", "b"), expires };
        empty.write(&path).unwrap();
        assert_eq!(MatchedIds::read(&path, matched).unwrap(), empty);
        assert!(MatchedIds::read(&path, expires).is_err());
        std::fs::write(&path, "publisher_id,adv_pub_id,expires_at\n").unwrap();
        let error = MatchedIds::read(&path, matched).unwrap_err().to_string();
        assert_eq!(error, "ids.csv: has no rows: it was cut off; match again");
    }

    #[test]
    fn opt_outs_are_removed_and_counted() {
        let (adv_pub_id, expires) = (String::new(), Timestamp::MAX);
        let mut matched = MatchedIds { ids: ids([1, 2, 3]), adv_pub_id, expires };
        assert_eq!(matched.remove(&ids([9, 3, 1])), 2);
        assert_eq!(matched.ids, ids([2]));
    }

    #[test]
    fn other_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ids.csv");
        for text in ["", "email\na@example.com\n", "publisher_id,x\na,b\n", "publisher_id\nAAAA\n"]
        {
            std::fs::write(&path, text).unwrap();
            assert!(matches!(read_withdrawn(&path), Err(Error::Input(_))), "{text}");
            assert!(
                matches!(MatchedIds::read(&path, Timestamp::MIN), Err(Error::Input(_))),
                "{text}"
            );
        }
        let row = format!("publisher_id,in_use_until\n{},2026-12-25T10:00:00Z\n", ids([7])[0]);
        std::fs::write(&path, row).unwrap();
        assert_eq!(read_withdrawn(&path).unwrap(), ids([7]));
        assert_ne!(adv_pub_id("a", "b"), adv_pub_id("b", "a"));
    }
}
