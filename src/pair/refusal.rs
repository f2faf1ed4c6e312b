//! What a room tells its peer when it ends a session by its own rules.

use super::folder::Owner;
use crate::error::Error;

/// Why a room ends a session. The peer is told in fixed words, without numbers or names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A key of its own is past its time, or before it.
    Key,
    /// Its list is below the minimum.
    Minimum,
    /// Its list differs too little from an earlier one.
    Difference,
    /// It matched too many different lists.
    Lists,
    /// There is no match that opt-outs could be taken out of.
    NoMatch,
    /// Opt-outs were taken out within a day.
    OptOut,
    /// Its list is gone, or cannot be read.
    List,
    /// It cannot match as it is: a record is damaged, or it matches in another way.
    Room,
}

impl Refusal {
    fn words(self) -> &'static str {
        match self {
            Refusal::Key => "key has expired, or is not valid yet",
            Refusal::Minimum => "list is below the minimum",
            Refusal::Difference => "list differs too little from an earlier one",
            Refusal::Lists => "list is one too many in 30 days",
            Refusal::NoMatch => "room has no match of the last 30 days to take opt-outs out of",
            Refusal::OptOut => "room has taken opt-outs out of this match within a day already",
            Refusal::List => "list cannot be read",
            Refusal::Room => "room cannot match as it is; its own log says why",
        }
    }

    /// An error of `owner`'s room that this is told for.
    pub fn of(self, owner: Owner, error: Error) -> Error {
        let told = format!("the {}'s {}", owner.name(), self.words());
        Error::Declined { told, error: Box::new(error) }
    }
}
