//! Identifiers: a kind and the SHA-256 of a normalised value.
//!
//! Two lists match only where both sides write a person's address or number in the same way before
//! they hash it. A [`Profile`] is such a way, with a name, a version and a digest that the parties
//! compare; [`Profile::identify`] takes one field of a file to an [`Identifier`], or says why it
//! cannot ([`Unreadable`]).
//!
//! ```
//! use blindmatch::identifier::{Kind, Profile, Region, Unreadable};
//!
//! let profile = Profile::default();
//! let germany = Region::parse("DE")?;
//! assert_eq!(*profile.normalise(Kind::Email, b" Ada@Example.com", None)?, "ada@example.com");
//! assert_eq!(*profile.normalise(Kind::Phone, b"030/1234567", Some(germany))?, "+49301234567");
//! let unknown_country = profile.normalise(Kind::Phone, b"030/1234567", None);
//! assert_eq!(unknown_country.unwrap_err(), Unreadable::NoCountry);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod email;
mod hashed;
mod phone;
mod profile;
mod text;
mod unreadable;

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

pub(crate) use hashed::read_digest;
pub use phone::Region;
pub use profile::Profile;
pub use unreadable::Unreadable;

/// What an identifier is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// An e-mail address.
    Email,
    /// A phone number.
    Phone,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Kind; 2] = [Kind::Email, Kind::Phone];

    /// The name that column headers and reports use.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Email => "email",
            Kind::Phone => "phone",
        }
    }

    /// The byte that stands for the kind where an identifier is hashed to the group.
    fn tag(self) -> u8 {
        match self {
            Kind::Email => 1,
            Kind::Phone => 2,
        }
    }
}

/// One identifier: its kind and the SHA-256 digest of its normalised value.
///
/// This is a secret: an unkeyed hash of a phone number is as good as the number. It is wiped when
/// dropped, prints as `Identifier(..)` and has no comparison operators.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Identifier([u8; Identifier::LEN]);

impl Identifier {
    /// Length of the form that is hashed to the group: the kind's tag and 32 bytes of digest.
    pub(crate) const LEN: usize = 33;

    /// From a digest that was computed elsewhere.
    pub fn from_digest(kind: Kind, digest: [u8; 32]) -> Self {
        let mut bytes = [0; Self::LEN];
        bytes[0] = kind.tag();
        bytes[1..].copy_from_slice(&digest);
        Identifier(bytes)
    }

    /// From a value that is already normalised.
    pub fn from_normalised(kind: Kind, value: &str) -> Self {
        Self::from_digest(kind, Sha256::digest(value).into())
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        let of = |kind: &Kind| kind.tag() == self.0[0];
        Kind::ALL.into_iter().find(of).expect("made from a kind")
    }

    /// The bytes that are hashed to the group.
    pub(crate) fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

impl fmt::Debug for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identifier(..)")
    }
}
