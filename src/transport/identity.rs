//! Who a side is: long-term Ed25519 keys, and the set of keys that it trusts.
//!
//! An [`Identity`] is a private key in a file that only its owner can read (PKCS#8 PEM, as OpenSSL
//! writes it). Its [`PublicIdentity`] is one line of text that the owner gives to each peer:
//!
//! ```text
//! blindmatch-ed25519 8f3K0dN1Zz0h8R0mYx5mQe0J2o3x7b1s9a4c6e8g0i0= platform.example
//! ```
//!
//! A [`Trust`] is the set of such lines that a side accepts. There are no authorities, names or
//! dates: a key is trusted because somebody put its line there, until somebody takes it out.
//!
//! ```
//! use blindmatch::transport::identity::{Identity, PublicIdentity, Trust};
//!
//! let ours = Identity::generate();
//! let line = ours.public().clone().with_comment("platform.example").to_string();
//!
//! let at_the_peer: PublicIdentity = line.parse()?;
//! assert_eq!(&at_the_peer, ours.public());
//! assert!(Trust::new([at_the_peer])?.knows(ours.public()));
//! # Ok::<(), blindmatch::Error>(())
//! ```

mod file;
mod trust;

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use hkdf::Hkdf;
use rand::Rng;
use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256, Sha512};
use zeroize::Zeroizing;

use crate::error::{Error, Result, printable};

pub use trust::Trust;

/// A side's private key.
///
/// Our copies are zeroised on drop. The TLS library keeps a copy of its own while an endpoint lives,
/// and does not promise to clear it.
pub struct Identity {
    /// PKCS#8, version 1 or 2.
    pkcs8: Zeroizing<Vec<u8>>,
    public: PublicIdentity,
}

impl Identity {
    /// A fresh key from the operating system's random source.
    pub fn generate() -> Identity {
        let mut pkcs8 = Zeroizing::new(PKCS8_START.to_vec());
        pkcs8.reserve_exact(KEY); // growing would leave a copy behind
        let mut seed = Zeroizing::new([0; KEY]);
        UnwrapErr(SysRng).fill_bytes(&mut *seed);
        pkcs8.extend_from_slice(&*seed);
        Identity::from_pkcs8(pkcs8).expect("any 32 bytes are an Ed25519 seed")
    }

    /// From PKCS#8 DER; `None` where that is not an Ed25519 key.
    fn from_pkcs8(pkcs8: Zeroizing<Vec<u8>>) -> Option<Identity> {
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&pkcs8).ok()?;
        let key = pair.public_key().as_ref().try_into().ok()?;
        Some(Identity { pkcs8, public: PublicIdentity { key, comment: String::new() } })
    }

    /// Reads a private key from a PEM file.
    ///
    /// # Errors
    /// [`Error::Io`] for a file that cannot be read, [`Error::Key`] for one that holds no Ed25519
    /// key, or that (on Unix) others than its owner may read.
    pub fn load(path: impl AsRef<Path>) -> Result<Identity> {
        let path = path.as_ref();
        let pkcs8 = file::read_private(path)?;
        Identity::from_pkcs8(pkcs8)
            .ok_or_else(|| file::problem(path, "not an Ed25519 key; make one with `keygen`"))
    }

    /// Writes the private key to a new PEM file that (on Unix) only its owner may read.
    ///
    /// # Errors
    /// [`Error::Key`] where the file exists: a key is never overwritten. [`Error::Io`] where it
    /// cannot be written; nothing is left behind then.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write_private(path.as_ref(), &self.pkcs8)
    }

    /// The half that peers are given.
    pub fn public(&self) -> &PublicIdentity {
        &self.public
    }

    /// A key that nobody else can derive, for files of our own: HKDF-SHA-512 of the seed, which is the
    /// same however the key is written, with this label.
    pub(crate) fn derive(&self, label: &[u8]) -> Zeroizing<[u8; 32]> {
        let at = self.pkcs8.windows(SEED_FOLLOWS.len()).position(|run| run == SEED_FOLLOWS);
        let seed = at.and_then(|at| self.pkcs8.get(at + SEED_FOLLOWS.len()..)?.get(..KEY));
        let seed = seed.expect("a key that was read has a seed");
        let mut key = Zeroizing::new([0; 32]);
        let extracted = Hkdf::<Sha512>::new(Some(b"blindmatch-v2 identity"), seed);
        extracted.expand(label, &mut *key).expect("short enough");
        key
    }

    /// The private key in DER, for the TLS library.
    pub(super) fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("public", &self.public).finish_non_exhaustive()
    }
}

/// A side's public key, with a comment that says whose it is. Comparisons leave the comment out.
#[derive(Clone)]
pub struct PublicIdentity {
    key: [u8; KEY],
    comment: String,
}

impl PublicIdentity {
    /// The same key with another comment; control characters and whatever exceeds 200 characters
    /// are left out.
    pub fn with_comment(self, comment: &str) -> PublicIdentity {
        PublicIdentity { comment: printable(comment.trim()), ..self }
    }

    /// Whose key it is, as the line says; may be empty, and proves nothing.
    pub fn comment(&self) -> &str {
        &self.comment
    }

    /// SHA-256 of the key, in base64: what logs and errors show, and what two people can compare
    /// over the telephone.
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(self.key)))
    }

    /// Writes the line to a new file.
    ///
    /// # Errors
    /// [`Error::Key`] where the file exists, [`Error::Io`] where it cannot be written.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        file::write_public(path.as_ref(), &format!("{self}\n"))
    }

    /// The key as `SubjectPublicKeyInfo` (RFC 8410), which is what crosses the wire.
    pub(super) fn spki(&self) -> Vec<u8> {
        [SPKI_START, &self.key].concat()
    }

    /// From a `SubjectPublicKeyInfo`; `None` for anything but an Ed25519 key in its one encoding.
    pub(super) fn from_spki(spki: &[u8]) -> Option<PublicIdentity> {
        let key = spki.strip_prefix(SPKI_START)?.try_into().ok()?;
        Some(PublicIdentity { key, comment: String::new() })
    }

    /// From a line, or what is wrong with it.
    fn from_line(line: &str) -> Result<PublicIdentity, &'static str> {
        let mut words = line.trim().splitn(3, char::is_whitespace);
        if words.next() != Some(LABEL) {
            return Err("not a public key; one starts with `blindmatch-ed25519`");
        }
        let key = words.next().and_then(|word| STANDARD.decode(word).ok());
        let key = key.and_then(|bytes| bytes.try_into().ok());
        let key = key.ok_or("the public key is damaged: it should be 32 bytes in base64")?;
        let bare = PublicIdentity { key, comment: String::new() };
        Ok(bare.with_comment(words.next().unwrap_or_default()))
    }
}

impl PartialEq for PublicIdentity {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for PublicIdentity {}

impl FromStr for PublicIdentity {
    type Err = Error;

    fn from_str(line: &str) -> Result<PublicIdentity> {
        PublicIdentity::from_line(line)
            .map_err(|problem| Error::Key { place: "public key".into(), problem: problem.into() })
    }
}

impl fmt::Display for PublicIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{LABEL} {}", STANDARD.encode(self.key))?;
        if self.comment.is_empty() { Ok(()) } else { write!(f, " {}", self.comment) }
    }
}

impl fmt::Debug for PublicIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicIdentity({self})")
    }
}

/// The first word of a public key's line.
const LABEL: &str = "blindmatch-ed25519";

/// Bytes of a public key, and of a private key's seed.
const KEY: usize = 32;

/// PKCS#8 version 1 of an Ed25519 key up to its seed (RFC 8410 section 7).
const PKCS8_START: &[u8] = b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20";

/// What the seed follows in any version of PKCS#8: the algorithm and two octet strings.
const SEED_FOLLOWS: &[u8] = PKCS8_START.split_at(7).1;

/// `SubjectPublicKeyInfo` of an Ed25519 key up to the key (RFC 8410 section 4).
const SPKI_START: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8410 section 10: the private key of 10.3 and the public key of 10.1.
    const RFC_8410_PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
        -----END PRIVATE KEY-----\n";
    const RFC_8410_SPKI: &str = "MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=";

    fn write(folder: &Path, name: &str, text: &str) -> std::path::PathBuf {
        let path = folder.join(name);
        file::write_public(&path, text).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        path
    }

    #[test]
    fn reads_the_key_of_rfc_8410() {
        let folder = tempfile::tempdir().unwrap();
        let key = Identity::load(write(folder.path(), "rfc.key", RFC_8410_PRIVATE)).unwrap();
        let spki = STANDARD.decode(RFC_8410_SPKI).unwrap();
        assert_eq!(key.public().spki(), spki);
        assert_eq!(PublicIdentity::from_spki(&spki).as_ref(), Some(key.public()));
    }

    /// The key of RFC 8410 section 10.3 in version 1, and in version 2 with its public key.
    #[test]
    fn derived_keys_do_not_depend_on_how_the_key_is_written() {
        let v1 =
            STANDARD.decode("MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC");
        let v1 = Identity::from_pkcs8(Zeroizing::new(v1.unwrap())).unwrap();
        let mut v2 = v1.pkcs8.to_vec();
        (v2[1], v2[4]) = (0x2e + 35, 1);
        v2.extend_from_slice(b"\x81\x21\x00");
        v2.extend_from_slice(&v1.public.key);
        let v2 = Identity::from_pkcs8(Zeroizing::new(v2)).unwrap();
        assert_eq!(*v1.derive(b"a"), *v2.derive(b"a"));
        assert_ne!(*v1.derive(b"a"), *v1.derive(b"b"));
        assert_ne!(*v1.derive(b"a"), *Identity::generate().derive(b"a"));
    }

    #[test]
    fn saved_keys_are_private_whole_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ours.key");
        let key = Identity::generate();
        key.save(&path).unwrap();
        assert_eq!(Identity::load(&path).unwrap().public(), key.public());
        let again = Identity::generate().save(&path).unwrap_err();
        assert!(again.to_string().contains("already exists"), "{again}");
        assert_eq!(Identity::load(&path).unwrap().public(), key.public());
    }

    #[cfg(unix)]
    #[test]
    fn keys_that_others_can_read_are_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ours.key");
        Identity::generate().save(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for mode in [0o640, 0o604, 0o644] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let error = Identity::load(&path).unwrap_err().to_string();
            assert!(error.contains("chmod 600"), "{error}");
        }
    }

    #[test]
    fn files_that_hold_no_key_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let public = Identity::generate().public().to_string();
        let broken = RFC_8410_PRIVATE.replace("MC4C", "MC4D");
        for (name, text) in [("empty", ""), ("public", &public), ("broken", &broken)] {
            let error = Identity::load(write(folder.path(), name, text)).unwrap_err();
            assert!(matches!(error, Error::Key { .. }), "{name}: {error}");
            assert!(error.to_string().contains(name), "{error}");
        }
        let missing = Identity::load(folder.path().join("missing")).unwrap_err();
        assert!(matches!(missing, Error::Io { .. }));
    }

    #[test]
    fn lines_round_trip_and_damage_is_named() {
        let key = Identity::generate().public().clone().with_comment("a\tpeer \n");
        let line = key.to_string();
        let back: PublicIdentity = line.parse().unwrap();
        assert_eq!((&back, back.comment()), (&key, "a?peer"));
        for line in ["", "ssh-ed25519 AAAA", LABEL, "blindmatch-ed25519 AAAA", &line[..40]] {
            assert!(line.parse::<PublicIdentity>().is_err(), "{line}");
        }
    }

    #[test]
    fn debug_shows_no_private_key() {
        let key = Identity::generate();
        let shown = format!("{key:?}");
        assert!(shown.contains("blindmatch-ed25519"));
        assert!(!shown.contains("pkcs8"));
    }
}
