//! The keys of PAIR: Ks, Ka and Kp, each with its dates.
//!
//! | key | whose | what it is here | lasts |
//! |---|---|---|---|
//! | Ks | the publisher's; given to the advertiser's room | the salt of the mode, 32 bytes | 30 days |
//! | Kp | the publisher's | a scalar | 180 days |
//! | Ka | the advertiser's | a scalar | 180 days |
//!
//! Each is a type of its own, so none can stand in another's place. A [`Dated`] key counts as expired at
//! the moment its time is over, and nothing in this crate encrypts a list under an expired one.
//!
//! # Files
//!
//! ```text
//! blindmatch-pair-key 1
//! role: Ks
//! mode: SHA256Ristretto255
//! created: 2026-11-25T10:00:00Z
//! expires: 2026-12-25T10:00:00Z
//! key: 3nX...= (Base64 of 32 bytes; a scalar is little-endian, as the mode's own tools write it)
//! seal: 5d..   (HMAC-SHA-256 under the key over the lines before `key`, in hexadecimal)
//! ```
//!
//! Only the owner may read it. The seal is against slips: a date that somebody edits is noticed. Whoever
//! holds the key can make a new seal, and rotates properly with less trouble.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use jiff::{SignedDuration, Timestamp};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::mode;
use crate::error::{Error, Result, hex};
use crate::file::{is_exposed, write_durable, write_new};
use crate::group::SecretScalar;
use crate::key::{Key, role};

/// Ks: the salt under which both rooms hash match keys. Wiped when dropped; prints as `SharedKey(..)`.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct SharedKey([u8; 32]);

impl SharedKey {
    /// From 32 bytes.
    pub fn from_bytes(bytes: [u8; 32]) -> SharedKey {
        SharedKey(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SharedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SharedKey(..)")
    }
}

/// Kp.
pub type PublisherKey = Key<role::PairPublisher>;

/// Ka.
pub type AdvertiserKey = Key<role::PairAdvertiser>;

/// A key that PAIR has.
pub trait RoomKey: Sized + sealed::Sealed {
    /// Its name in the standard.
    const NAME: &'static str;
    /// Days that it lasts.
    const DAYS: i64;

    #[doc(hidden)]
    fn random<R: CryptoRng>(rng: &mut R) -> Self;
    #[doc(hidden)]
    fn parse(bytes: &[u8; 32]) -> Option<Self>;
    #[doc(hidden)]
    fn secret(&self) -> Zeroizing<[u8; 32]>;
}

impl RoomKey for SharedKey {
    const NAME: &'static str = "Ks";
    const DAYS: i64 = 30;

    fn random<R: CryptoRng>(rng: &mut R) -> Self {
        let mut key = SharedKey([0; 32]);
        rng.fill_bytes(&mut key.0);
        key
    }

    fn parse(bytes: &[u8; 32]) -> Option<Self> {
        Some(SharedKey(*bytes))
    }

    fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0)
    }
}

impl RoomKey for PublisherKey {
    const NAME: &'static str = "Kp";
    const DAYS: i64 = 180;

    fn random<R: CryptoRng>(rng: &mut R) -> Self {
        Key::fresh(rng)
    }

    fn parse(bytes: &[u8; 32]) -> Option<Self> {
        SecretScalar::from_canonical_bytes(*bytes).map(Key::from_scalar)
    }

    fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.scalar().value().to_bytes())
    }
}

impl RoomKey for AdvertiserKey {
    const NAME: &'static str = "Ka";
    const DAYS: i64 = 180;

    fn random<R: CryptoRng>(rng: &mut R) -> Self {
        Key::fresh(rng)
    }

    fn parse(bytes: &[u8; 32]) -> Option<Self> {
        SecretScalar::from_canonical_bytes(*bytes).map(Key::from_scalar)
    }

    fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.scalar().value().to_bytes())
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for super::SharedKey {}
    impl Sealed for super::PublisherKey {}
    impl Sealed for super::AdvertiserKey {}
}

/// What may be told of a key: its name, a digest, its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The first 8 bytes of SHA-256 over "blindmatch-v2 pair key", the key's name and the key. The key has
    /// 250 bits or more that nobody can guess, so this says nothing of it.
    pub id: [u8; 8],
    /// When it was made.
    pub created: Timestamp,
    /// From when on it may not be used.
    pub expires: Timestamp,
}

impl Stamp {
    /// Of a key whose dates are known, by its name.
    pub(crate) fn new<K: RoomKey>(secret: &[u8; 32], created: Timestamp) -> Stamp {
        Stamp { id: id(K::NAME, secret), created, expires: end::<K>(created) }
    }

    /// Of a key of another room, as that tells it.
    pub(crate) fn announced<K: RoomKey>(id: [u8; 8], created: Timestamp) -> Stamp {
        Stamp { id, created, expires: end::<K>(created) }
    }

    /// Its digest, as reports write it.
    pub fn name(&self) -> String {
        hex(&self.id)
    }

    /// Whether it may be used.
    pub fn is_valid(&self, now: Timestamp) -> bool {
        now < self.expires && self.created <= later(now, SKEW)
    }
}

/// When a key that was made then ends.
pub(crate) fn end<K: RoomKey>(created: Timestamp) -> Timestamp {
    later(created, SignedDuration::from_hours(24 * K::DAYS))
}

/// A time after another one; the last that there is, beyond that.
pub(crate) fn later(time: Timestamp, by: SignedDuration) -> Timestamp {
    time.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// How far the clocks of two rooms may be apart.
pub(crate) const SKEW: SignedDuration = SignedDuration::from_mins(5);

fn id(name: &str, secret: &[u8; 32]) -> [u8; 8] {
    let hash = Sha256::new().chain_update(b"blindmatch-v2 pair key ").chain_update(name);
    let digest = hash.chain_update([0]).chain_update(secret).finalize();
    *digest.first_chunk().expect("32 bytes")
}

/// A key and its dates.
pub struct Dated<K: RoomKey> {
    key: K,
    stamp: Stamp,
}

impl<K: RoomKey> fmt::Debug for Dated<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(K::NAME).field("stamp", &self.stamp).finish_non_exhaustive()
    }
}

impl<K: RoomKey> Dated<K> {
    /// A fresh one that begins now.
    pub fn generate<R: CryptoRng>(rng: &mut R, now: Timestamp) -> Dated<K> {
        Dated::new(K::random(rng), now)
    }

    /// One that was made elsewhere: 32 bytes, for Ka and Kp a canonical scalar, little-endian, not zero.
    pub fn from_bytes(bytes: &[u8; 32], created: Timestamp) -> Option<Dated<K>> {
        K::parse(bytes).map(|key| Dated::new(key, created))
    }

    fn new(key: K, created: Timestamp) -> Dated<K> {
        let created = Timestamp::from_second(created.as_second()).unwrap_or(created);
        let stamp = Stamp::new::<K>(&key.secret(), created);
        Dated { key, stamp }
    }

    /// What may be told of it.
    pub fn stamp(&self) -> Stamp {
        self.stamp
    }

    /// For the operations of its role.
    pub(crate) fn key(&self) -> &K {
        &self.key
    }

    /// Whether it may be used now.
    ///
    /// # Errors
    /// [`Error::Key`] with the remedy.
    pub fn check(&self, now: Timestamp) -> Result<()> {
        let (name, Stamp { created, expires, .. }) = (K::NAME, self.stamp);
        if self.stamp.is_valid(now) {
            return Ok(());
        }
        let problem = match now < expires {
            true => format!("was made at {created}, which is yet to come; set the clock"),
            false => format!(
                "expired at {expires}, {} days after it was made; `blindmatch pair rotate` makes the \
                 next one",
                K::DAYS
            ),
        };
        Err(Error::Key { place: name.into(), problem })
    }

    /// Writes it to a new file that only its owner may read.
    ///
    /// # Errors
    /// [`Error::Key`] where there is one; [`Error::Io`].
    pub fn save(&self, path: &Path) -> Result<()> {
        write_new(path, self.text().as_bytes())
    }

    /// The same in place of an older one.
    pub(crate) fn replace(&self, path: &Path) -> Result<()> {
        write_durable(path, self.text().as_bytes())
    }

    /// Reads it from a file.
    ///
    /// # Errors
    /// [`Error::Key`] for a file that is no key of this role, is damaged, or that others than its owner may
    /// read; [`Error::Io`].
    pub fn load(path: &Path) -> Result<Dated<K>> {
        let remedy = "restore it, or remove it and have `blindmatch pair keygen` make another";
        Dated::load_or(path, remedy)
    }

    /// The same, with what to do about one that is damaged or gone.
    ///
    /// # Errors
    /// Those of [`load`](Self::load).
    pub(crate) fn load_or(path: &Path, remedy: &str) -> Result<Dated<K>> {
        let unusable = |problem| Error::Key { place: path.display().to_string(), problem };
        let text = read_secret(path).map_err(|error| match error {
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                unusable(format!("is gone; {remedy}"))
            }
            error => error,
        })?;
        let parsed = parse(&text).map_err(|problem| match problem {
            Unusable::Damaged => format!("is damaged; {remedy}"),
            Unusable::Other(problem) => problem,
        });
        parsed.map_err(unusable)
    }

    fn text(&self) -> Zeroizing<String> {
        let head = head::<K>(self.stamp.created);
        let secret = self.key.secret();
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize));
        text.push_str(&head);
        text.push_str("key: ");
        text.push_str(&Zeroizing::new(STANDARD.encode(*secret)));
        text.push_str("\nseal: ");
        text.push_str(&hex(&seal(&secret, &head).finalize().into_bytes()));
        text.push('\n');
        text
    }
}

fn head<K: RoomKey>(created: Timestamp) -> String {
    let (name, mode, expires) = (K::NAME, mode::NAME, end::<K>(created));
    format!("{FIRST}\nrole: {name}\nmode: {mode}\ncreated: {created}\nexpires: {expires}\n")
}

fn seal(secret: &[u8; 32], head: &str) -> Hmac<Sha256> {
    let keyed = Hmac::<Sha256>::new_from_slice(secret).expect("any key is long enough");
    keyed.chain_update(b"blindmatch-v2 pair seal ").chain_update(head)
}

/// Why a text is no key of a role.
enum Unusable {
    Damaged,
    Other(String),
}

fn parse<K: RoomKey>(text: &str) -> Result<Dated<K>, Unusable> {
    let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
    if text.lines().next() != Some(FIRST) {
        let problem = "not a key of PAIR; `blindmatch pair keygen` makes them".into();
        return Err(Unusable::Other(problem));
    }
    let role = field("role: ").unwrap_or_default();
    if role != K::NAME {
        let role = crate::error::printable(role);
        let problem = format!("is {role}, and {} is asked for: each key has one role", K::NAME);
        return Err(Unusable::Other(problem));
    }
    let created = field("created: ").and_then(|time| time.parse::<Timestamp>().ok());
    let bytes = field("key: ").and_then(|key| STANDARD.decode(key).ok()).map(Zeroizing::new);
    let (Some(created), Some(bytes)) = (created, bytes) else { return Err(Unusable::Damaged) };
    let bytes: Zeroizing<[u8; 32]> = match bytes.as_slice().try_into() {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(_) => return Err(Unusable::Damaged),
    };
    let dated = Dated::<K>::from_bytes(&bytes, created).ok_or(Unusable::Damaged)?;
    match *dated.text() == *text {
        true => Ok(dated),
        false => Err(Unusable::Damaged), // a date was changed, or anything else
    }
}

/// The text of a small file that only its owner may read.
///
/// # Errors
/// [`Error::Key`] where others may read it, or it is no text or too long; [`Error::Io`].
pub fn read_secret(path: &Path) -> Result<Zeroizing<String>> {
    let io = || Error::io(format!("reading {}", path.display()));
    let problem = |problem: &str| Error::Key {
        place: path.display().to_string(),
        problem: problem.to_owned(),
    };
    let file = File::open(path).map_err(io())?;
    if is_exposed(&file.metadata().map_err(io())?) {
        return Err(problem("others than its owner may use this key; run `chmod 600` on it"));
    }
    let mut text = Zeroizing::new(String::with_capacity(MAX_FILE as usize + 1));
    match file.take(MAX_FILE + 1).read_to_string(&mut text) {
        Ok(length) if length as u64 <= MAX_FILE => Ok(text),
        Ok(_) => Err(problem("too long for a key")),
        Err(e) if e.kind() == std::io::ErrorKind::InvalidData => Err(problem("not a text")),
        Err(e) => Err(io()(e)),
    }
}

const FIRST: &str = "blindmatch-pair-key 1";

/// More than a key takes.
const MAX_FILE: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn day(days: i64) -> Timestamp {
        let start: Timestamp = "2026-11-25T10:00:00Z".parse().unwrap();
        later(start, SignedDuration::from_hours(24 * days))
    }

    fn ks() -> Dated<SharedKey> {
        Dated::from_bytes(&[9; 32], day(0)).unwrap()
    }

    #[test]
    fn keys_last_as_long_as_the_standard_says() {
        let second = SignedDuration::from_secs(1);
        let almost = |days| day(days).checked_sub(second).unwrap();
        let (ks, mut rng) = (ks(), rand::rng());
        assert!(ks.check(day(0)).is_ok() && ks.check(almost(30)).is_ok());
        let text = ks.check(day(30)).unwrap_err().to_string();
        let expected = "Ks: expired at 2026-12-25T10:00:00Z, 30 days after it was made; \
                        `blindmatch pair rotate` makes the next one";
        assert_eq!(text, expected);
        assert!(ks.check(day(-1)).unwrap_err().to_string().contains("yet to come"));
        let kp = Dated::<PublisherKey>::generate(&mut rng, day(0));
        let ka = Dated::<AdvertiserKey>::generate(&mut rng, day(0));
        assert!(kp.check(almost(180)).is_ok() && ka.check(almost(180)).is_ok());
        assert!(kp.check(day(180)).is_err() && ka.check(day(180)).is_err());
    }

    #[test]
    fn files_come_back_and_nobody_else_reads_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ks.key");
        ks().save(&path).unwrap();
        let back = Dated::<SharedKey>::load(&path).unwrap();
        assert_eq!((back.stamp(), back.key.0), (ks().stamp(), [9; 32]));
        assert!(matches!(ks().save(&path), Err(Error::Key { .. })));
        let error = Dated::<PublisherKey>::load(&path).unwrap_err().to_string();
        assert!(error.ends_with("is Ks, and Kp is asked for: each key has one role"), "{error}");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |mode| {
                let permissions = std::fs::Permissions::from_mode(mode);
                std::fs::set_permissions(&path, permissions).unwrap();
            };
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
            mode(0o640);
            assert!(Dated::<SharedKey>::load(&path).is_err());
            mode(0o600);
        }
        // Another date, or any other byte.
        let text = std::fs::read_to_string(&path).unwrap();
        for at in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[at] ^= 1;
            std::fs::write(&path, bytes).unwrap();
            assert!(Dated::<SharedKey>::load(&path).is_err(), "byte {at}");
        }
    }

    #[test]
    fn nothing_of_a_key_shows() {
        let key = format!("{:?} {:?}", ks(), ks().key());
        assert!(key.contains("Ks") && !key.contains("9, 9") && !key.contains("0909"), "{key}");
        let other = Dated::<PublisherKey>::from_bytes(&[9; 32], day(0)).unwrap();
        assert_ne!(other.stamp().id, ks().stamp().id);
        assert!(Dated::<AdvertiserKey>::from_bytes(&[0xff; 32], day(0)).is_none());
        assert!(Dated::<AdvertiserKey>::from_bytes(&[0; 32], day(0)).is_none());
    }
}
