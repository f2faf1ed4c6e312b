//! A room's keys on disk, and their rotation.
//!
//! ```text
//! the publisher's room          the advertiser's room
//!   room                          room                      its identifier, and digests of its keys
//!   ks.key                        ka.key
//!   kp.key
//!   retired/20261225T100000Z/     what Publisher Identifiers were made with until then
//!     ks.key
//!     kp.key
//!   records/                      records/                  see `records`
//! ```
//!
//! Publisher Identifiers are of Ks and Kp together, so the pair is put aside whenever one of them changes,
//! and removed when its identifiers are out of use: 30 days after it was put aside, or after the first of its
//! keys expired, if that was earlier. A retired Ka serves nothing and is not kept.

mod card;

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp, civil, tz};
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use zeroize::Zeroizing;

use super::DAYS_VALID;
use super::key::{AdvertiserKey, Dated, PublisherKey, RoomKey, SharedKey, Stamp, later};
use super::records::Records;
use card::Card;

use crate::error::{Error, Result};
use crate::file::{is_exposed, make_private, sync_folder, try_lock, write_durable};

/// Whose room it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The advertiser's: Ka.
    Advertiser,
    /// The publisher's: Ks and Kp.
    Publisher,
}

impl Owner {
    /// The word of the standard.
    pub fn name(self) -> &'static str {
        match self {
            Owner::Advertiser => "advertiser",
            Owner::Publisher => "publisher",
        }
    }
}

/// The folder of one clean room.
#[derive(Debug)]
pub struct Room {
    folder: PathBuf,
    id: String,
    owner: Owner,
    records: Arc<Records>,
}

/// Ks and Kp, which make Publisher Identifiers together.
#[derive(Debug)]
pub struct Space {
    /// Ks.
    pub ks: Dated<SharedKey>,
    /// Kp.
    pub kp: Dated<PublisherKey>,
    /// When it was put aside; `None` for the one in use.
    pub retired: Option<Timestamp>,
}

impl Space {
    fn stamps(&self) -> [Stamp; 2] {
        [self.ks.stamp(), self.kp.stamp()]
    }

    /// Until when its Publisher Identifiers are in use: 30 days beyond its last possible match.
    pub fn until(&self) -> Timestamp {
        let expiries = [self.ks.stamp().expires, self.kp.stamp().expires];
        let last = expiries.into_iter().chain(self.retired).min();
        later(last.unwrap_or(Timestamp::MIN), SignedDuration::from_hours(24 * DAYS_VALID))
    }
}

/// Which keys to replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotate {
    /// Ks: every 30 days, or earlier.
    Shared,
    /// Ka or Kp: every 180 days.
    Own,
    /// Whatever has expired.
    Expired,
}

/// What a rotation did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The key's name.
    pub name: &'static str,
    /// The one before.
    pub old: Stamp,
    /// The one in use.
    pub new: Stamp,
}

impl Room {
    /// A new room with fresh keys.
    ///
    /// # Errors
    /// [`Error::Key`] where it has keys already: none is ever overwritten. [`Error::Io`].
    pub fn create(folder: &Path, owner: Owner, now: Timestamp) -> Result<Room> {
        Room::create_with(folder, owner, &Imported::default(), now)
    }

    /// A new room with keys that were made elsewhere, as far as they are given: those of another room of the
    /// same publisher or advertiser. They count as made now. In a folder that has some of its keys, what is
    /// missing is made.
    ///
    /// # Errors
    /// [`Error::Misuse`] for keys that this room does not have; [`Error::Key`] for a key that it has or had,
    /// and for a folder that others may look into; those of [`create`](Self::create).
    pub fn create_with(
        folder: &Path,
        owner: Owner,
        keys: &Imported,
        now: Timestamp,
    ) -> Result<Room> {
        keys.expect(owner)?;
        make_room(folder)?;
        expect_missing(folder, owner)?;
        let mut card = Card::open(folder)?;
        match owner {
            Owner::Advertiser => complete::<AdvertiserKey>(folder, "ka", &keys.ka, &mut card, now)?,
            Owner::Publisher => {
                for (_, place) in retired(folder)? {
                    card.note(&named(&load_retired(&place)?))?;
                }
                complete::<SharedKey>(folder, "ks", &keys.ks, &mut card, now)?;
                complete::<PublisherKey>(folder, "kp", &keys.kp, &mut card, now)?;
            }
        }
        Room::open(folder)
    }

    /// A room that is there.
    ///
    /// # Errors
    /// [`Error::Key`] for a folder without keys; those of [`Records::open`].
    pub fn open(folder: &Path) -> Result<Room> {
        let owner = owner(folder)?;
        let records = Arc::new(Records::open(&folder.join("records"), owner)?);
        let id = Card::open(folder)?.id;
        Ok(Room { folder: folder.to_owned(), id, owner, records })
    }

    /// What it is called by rooms of the same machine: 32 hexadecimal digits, always the same.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whose it is.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// What it remembers of counterparties.
    pub fn records(&self) -> &Arc<Records> {
        &self.records
    }

    /// Ka.
    ///
    /// # Errors
    /// Those of [`Dated::load`].
    pub fn advertiser_key(&self) -> Result<Dated<AdvertiserKey>> {
        expect(&self.folder, self.owner, Owner::Advertiser)?;
        Dated::load(&path(&self.folder, "ka"))
    }

    /// Ks and Kp.
    ///
    /// # Errors
    /// Those of [`Dated::load`].
    pub fn space(&self) -> Result<Space> {
        expect(&self.folder, self.owner, Owner::Publisher)?;
        load_space(&self.folder)
    }
}

/// Keys from elsewhere, 32 bytes each; what is missing is made.
#[derive(Default)]
pub struct Imported {
    /// Ks.
    pub ks: Option<Zeroizing<[u8; 32]>>,
    /// Kp, a canonical scalar, little-endian.
    pub kp: Option<Zeroizing<[u8; 32]>>,
    /// Ka, the same.
    pub ka: Option<Zeroizing<[u8; 32]>>,
}

impl Imported {
    /// That they are all of this owner's.
    fn expect(&self, owner: Owner) -> Result<()> {
        let foreign = match owner {
            Owner::Advertiser => self.ks.is_some() || self.kp.is_some(),
            Owner::Publisher => self.ka.is_some(),
        };
        match foreign {
            true => Err(Error::Misuse(
                "an advertiser's room has Ka alone, a publisher's Ks and Kp: no side has all three"
                    .into(),
            )),
            false => Ok(()),
        }
    }

    /// From text: lines such as `Ks: ...`, each with a key's name and 32 bytes in Base64 or hexadecimal.
    /// `place` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Key`] with the line's number.
    pub fn parse(text: &str, place: &str) -> Result<Imported> {
        let mut all = Imported::default();
        for (line, number) in text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty()) {
            let known = line.split_once(':').and_then(|(name, value)| {
                let slot = match name.trim().to_ascii_lowercase().as_str() {
                    "ks" => &mut all.ks,
                    "kp" => &mut all.kp,
                    "ka" => &mut all.ka,
                    _ => return None,
                };
                // A digest has the same two spellings.
                *slot = Some(crate::identifier::read_digest(value.trim())?);
                Some(())
            });
            known.ok_or_else(|| Error::Key {
                place: format!("{place}: line {number}"),
                problem:
                    "not a key: write `Ks: ` (or Kp, Ka) and 32 bytes in Base64 or hexadecimal"
                        .into(),
            })?;
        }
        Ok(all)
    }
}

/// The key that was given, or a fresh one.
fn take<K: RoomKey>(given: &Option<Zeroizing<[u8; 32]>>, now: Timestamp) -> Result<Dated<K>> {
    let Some(bytes) = given else { return Ok(Dated::generate(&mut UnwrapErr(SysRng), now)) };
    Dated::from_bytes(bytes, now).ok_or_else(|| Error::Key {
        place: K::NAME.into(),
        problem: "not a canonical scalar of ristretto255 (little-endian, not zero)".into(),
    })
}

/// Makes a key that a room lacks, and notes the one that it has.
fn complete<K: RoomKey>(
    folder: &Path,
    name: &str,
    given: &Option<Zeroizing<[u8; 32]>>,
    card: &mut Card,
    now: Timestamp,
) -> Result<()> {
    let file = path(folder, name);
    if file.exists() {
        if given.is_some() {
            return Err(problem(&file, "is there already, so none can be imported in its place"));
        }
        return card.note(&[(K::NAME, Dated::<K>::load(&file)?.stamp())]);
    }
    let key = take::<K>(given, now)?;
    if let Some(made) = card.made(K::NAME, key.stamp()) {
        let text = format!(
            "this {} was here before, made at {made}: a key is not made younger. Restore its file, or take \
             another key",
            K::NAME
        );
        return Err(problem(folder, &text));
    }
    key.save(&file)?;
    card.note(&[(K::NAME, key.stamp())])
}

/// Makes a folder that its owner alone may use.
///
/// # Errors
/// [`Error::Key`] for one that is there and that others may use; [`Error::Io`].
fn make_room(folder: &Path) -> Result<()> {
    let made = make_private(folder);
    made.map_err(Error::io(format!("making the folder {}", folder.display())))?;
    let metadata = fs::metadata(folder);
    match is_exposed(&metadata.map_err(Error::io(format!("reading {}", folder.display())))?) {
        true => {
            Err(problem(folder, "others than its owner may use this folder; run `chmod 700` on it"))
        }
        false => Ok(()),
    }
}

/// That a folder lacks a key of this owner's, and has none of the other's.
fn expect_missing(folder: &Path, owner: Owner) -> Result<()> {
    let [ks, kp, ka] = ["ks", "kp", "ka"].map(|name| path(folder, name).exists());
    match (owner, ks, kp, ka) {
        (Owner::Advertiser, false, false, false) => Ok(()),
        (Owner::Publisher, ks, kp, false) if !(ks && kp) => Ok(()),
        _ => Err(problem(
            folder,
            "the room has keys already; `blindmatch pair rotate` replaces them",
        )),
    }
}

fn named(space: &Space) -> [(&'static str, Stamp); 2] {
    let [ks, kp] = space.stamps();
    [(SharedKey::NAME, ks), (PublisherKey::NAME, kp)]
}

/// Whose room a folder is, by its keys.
///
/// # Errors
/// [`Error::Key`] for a folder without keys, or with those of both.
pub fn owner(folder: &Path) -> Result<Owner> {
    match ["ka", "ks", "kp"].map(|name| path(folder, name).exists()) {
        [true, false, false] => Ok(Owner::Advertiser),
        [false, true, true] => Ok(Owner::Publisher),
        [false, true, false] | [false, false, true] => Err(problem(
            folder,
            "one of Ks and Kp is missing; restore it, or have `blindmatch pair keygen publisher --room DIR` \
             make it",
        )),
        [false, false, false] => Err(problem(
            folder,
            "no keys of PAIR here; `blindmatch pair keygen advertiser|publisher --room DIR` makes them",
        )),
        [true, ..] => {
            Err(problem(folder, "keys of both rooms in one folder; give each a folder of its own"))
        }
    }
}

/// Whether a folder is a room, by what is in it: also one whose keys are damaged, or of which some are gone.
pub fn is_room(folder: &Path) -> bool {
    let is_ours = |name: &str| {
        let mut start = [0; OURS.len()];
        let read =
            fs::File::open(folder.join(name)).and_then(|mut file| file.read_exact(&mut start));
        read.is_ok() && start == *OURS
    };
    ["room", "ka.key", "ks.key", "kp.key"].into_iter().any(is_ours)
}

/// What the files of a room begin with.
const OURS: &[u8; 16] = b"blindmatch-pair-";

/// Keeps others from making the mapping of a publisher's room until it is dropped.
///
/// # Errors
/// [`Error::Key`] for another folder, and where somebody makes it now; [`Error::Io`].
pub fn lock_mapping(folder: &Path) -> Result<fs::File> {
    expect(folder, owner(folder)?, Owner::Publisher)?;
    let busy = || problem(folder, "another `pair map` runs with this room; wait until it is done");
    try_lock(&folder.join("mapping.lock"))?.ok_or_else(busy)
}

/// All that Publisher Identifiers are made with now: the pair in use first, then those put aside in the last
/// 30 days, the newest first.
///
/// # Errors
/// Those of [`Dated::load`].
pub fn spaces(folder: &Path, now: Timestamp) -> Result<Vec<Space>> {
    expect(folder, owner(folder)?, Owner::Publisher)?;
    let mut all = vec![load_space(folder)?];
    for (_, space) in retired_spaces(folder)?.into_iter().rev() {
        // The pair in use stands there as well if a rotation was cut off.
        let known = all.iter().any(|other: &Space| other.stamps() == space.stamps());
        if now < space.until() && !known {
            all.push(space);
        }
    }
    Ok(all)
}

/// The keys in use, by name, as far as they may be told.
///
/// # Errors
/// Those of [`Dated::load`].
pub fn stamps(folder: &Path) -> Result<Vec<(&'static str, Stamp)>> {
    Ok(match owner(folder)? {
        Owner::Advertiser => {
            vec![("Ka", Dated::<AdvertiserKey>::load(&path(folder, "ka"))?.stamp())]
        }
        Owner::Publisher => {
            let Space { ks, kp, .. } = load_space(folder)?;
            vec![("Ks", ks.stamp()), ("Kp", kp.stamp())]
        }
    })
}

/// Replaces keys, and puts the pair aside that Publisher Identifiers were made with. Pairs that are out of
/// use are removed. A process that matches meanwhile takes the new keys with its next session.
///
/// # Errors
/// [`Error::Misuse`] for Ks in the advertiser's room; [`Error::Key`] where a key is yet to come; those of
/// [`Dated::load`]; [`Error::Io`].
pub fn rotate(folder: &Path, which: Rotate, now: Timestamp) -> Result<Vec<Rotated>> {
    match owner(folder)? {
        Owner::Advertiser => {
            if which == Rotate::Shared {
                let what =
                    "Ks is the publisher's, who rotates it; an advertiser's room has Ka alone";
                return Err(Error::Misuse(what.into()));
            }
            let ka = Dated::<AdvertiserKey>::load(&path(folder, "ka"))?;
            let expired = has_expired(&ka, now)?;
            let due = which == Rotate::Own || expired;
            let rotated = if due { vec![replace(folder, "ka", &ka, now)?] } else { Vec::new() };
            note(folder, &rotated)?;
            Ok(rotated)
        }
        Owner::Publisher => {
            let Space { ks, kp, .. } = load_space(folder)?;
            let expired = [has_expired(&ks, now)?, has_expired(&kp, now)?];
            let due = match which {
                Rotate::Shared => [true, false],
                Rotate::Own => [false, true],
                Rotate::Expired => expired,
            };
            // Whatever is wrong with what was put aside shows before anything is replaced.
            let before = retired_spaces(folder)?;
            if due != [false; 2] {
                put_aside(folder, now)?;
            }
            let mut rotated = Vec::new();
            if due[0] {
                rotated.push(replace(folder, "ks", &ks, now)?);
            }
            if due[1] {
                rotated.push(replace(folder, "kp", &kp, now)?);
            }
            note(folder, &rotated)?;
            forget(&before, now)?;
            Ok(rotated)
        }
    }
}

/// Keys that were replaced, and those in their place, are known to the room from then on.
fn note(folder: &Path, rotated: &[Rotated]) -> Result<()> {
    let keys = rotated.iter().flat_map(|r| [(r.name, r.old), (r.name, r.new)]);
    Card::open(folder)?.note(&keys.collect::<Vec<_>>())
}

/// Whether a key's time is over.
///
/// # Errors
/// [`Error::Key`] for one that is yet to come: the clock is wrong, and nothing is replaced by it.
fn has_expired<K: RoomKey>(key: &Dated<K>, now: Timestamp) -> Result<bool> {
    if now >= key.stamp().expires {
        return Ok(true);
    }
    key.check(now).map(|()| false)
}

fn replace<K: RoomKey>(
    folder: &Path,
    name: &str,
    old: &Dated<K>,
    now: Timestamp,
) -> Result<Rotated> {
    let new = Dated::<K>::generate(&mut UnwrapErr(SysRng), now);
    new.replace(&path(folder, name))?;
    Ok(Rotated { name: K::NAME, old: old.stamp(), new: new.stamp() })
}

/// Copies Ks and Kp to a folder with this time's name, which is there whole or not at all.
fn put_aside(folder: &Path, now: Timestamp) -> Result<()> {
    let retired = folder.join(RETIRED);
    let place = retired.join(now.strftime(NAME).to_string());
    let half = retired.join(HALF);
    let io = || Error::io(format!("writing to {}", retired.display()));
    if half.exists() {
        fs::remove_dir_all(&half).map_err(io())?; // of a rotation that was cut off
    }
    if place.exists() {
        return Err(problem(&place, "was put aside this very second; try again"));
    }
    fs::create_dir_all(&half).map_err(io())?;
    for name in ["ks", "kp"] {
        let bytes = fs::read(path(folder, name)).map(Zeroizing::new).map_err(io())?;
        write_durable(&path(&half, name), &bytes)?;
    }
    fs::rename(&half, &place).and_then(|()| sync_folder(&retired)).map_err(io())
}

/// Removes pairs whose Publisher Identifiers are out of use.
fn forget(before: &[(PathBuf, Space)], now: Timestamp) -> Result<()> {
    for (place, _) in before.iter().filter(|(_, space)| space.until() <= now) {
        let removed = fs::remove_dir_all(place);
        removed.map_err(Error::io(format!("removing {}", place.display())))?;
    }
    Ok(())
}

/// The pairs that were put aside, the oldest first.
fn retired_spaces(folder: &Path) -> Result<Vec<(PathBuf, Space)>> {
    let load = |(at, place): (Timestamp, PathBuf)| {
        let space = Space { retired: Some(at), ..load_retired(&place)? };
        Ok((place, space))
    };
    retired(folder)?.into_iter().map(load).collect()
}

fn load_retired(place: &Path) -> Result<Space> {
    let remedy = format!(
        "restore it, or remove {}, whose Publisher Identifiers then leave the mapping before their time",
        place.display()
    );
    let (ks, kp) = (path(place, "ks"), path(place, "kp"));
    let (ks, kp) = (Dated::load_or(&ks, &remedy)?, Dated::load_or(&kp, &remedy)?);
    Ok(Space { ks, kp, retired: None })
}

/// What was put aside, the oldest first.
fn retired(folder: &Path) -> Result<Vec<(Timestamp, PathBuf)>> {
    let place = folder.join(RETIRED);
    let entries = match fs::read_dir(&place) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(Error::io(format!("reading {}", place.display())))?,
    };
    let mut all = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::io(format!("reading {}", place.display())))?;
        let name = entry.file_name().into_string().unwrap_or_default();
        let time = civil::DateTime::strptime(NAME, &name).ok();
        if let Some(time) = time.and_then(|time| tz::Offset::UTC.to_timestamp(time).ok()) {
            all.push((time, entry.path()));
        }
    }
    all.sort();
    Ok(all)
}

fn load_space(folder: &Path) -> Result<Space> {
    let (ks, kp) = (Dated::load(&path(folder, "ks"))?, Dated::load(&path(folder, "kp"))?);
    Ok(Space { ks, kp, retired: None })
}

fn expect(folder: &Path, owner: Owner, expected: Owner) -> Result<()> {
    if owner == expected {
        return Ok(());
    }
    let (owner, expected) = (owner.name(), expected.name());
    Err(problem(folder, &format!("is the {owner}'s room, and this is for the {expected}'s")))
}

fn path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.key"))
}

fn problem(folder: &Path, problem: &str) -> Error {
    Error::Key { place: folder.display().to_string(), problem: problem.into() }
}

const RETIRED: &str = "retired";
/// A pair that is being put aside.
const HALF: &str = ".half";
/// What a pair is called that was put aside.
const NAME: &str = "%Y%m%dT%H%M%SZ";

#[cfg(test)]
mod tests;
