//! What a side brings to a session besides its settings.

use std::sync::Arc;

use super::{Party, Values};
use crate::consent::{ConsentedList, Purpose};
use crate::identifier::Profile;
use crate::label::Labels;
use crate::list::People;
use crate::pair::Side;
use crate::prepare::PreparedSet;

/// A list that passed the consent gate, in the form that a protocol takes.
#[derive(Clone)]
pub struct Input(pub(super) Brought);

/// What is brought.
#[derive(Clone)]
pub(super) enum Brought {
    List { list: Arc<ConsentedList>, people: Option<Arc<People>>, beside: Beside },
    Prepared(Arc<PreparedSet>),
    Pair(Side),
}

/// What comes with each entry of a list.
#[derive(Clone)]
pub(super) enum Beside {
    Nothing,
    Labels(Arc<Labels>),
    Values(Arc<Values>),
}

impl Beside {
    fn input(self, list: Arc<ConsentedList>, people: Option<Arc<People>>) -> Input {
        Input(Brought::List { list, people, beside: self })
    }
}

/// The list itself.
impl From<Arc<ConsentedList>> for Input {
    fn from(list: Arc<ConsentedList>) -> Input {
        Beside::Nothing.input(list, None)
    }
}

/// A set that was made of a list, for the platform's side of protocols that
/// [take one](super::ProtocolName::takes_prepared_sets).
impl From<Arc<PreparedSet>> for Input {
    fn from(set: Arc<PreparedSet>) -> Input {
        Input(Brought::Prepared(set))
    }
}

/// A clean room's list and keys.
impl From<Side> for Input {
    fn from(side: Side) -> Input {
        Input(Brought::Pair(side))
    }
}

impl Input {
    /// A list whose matched entries come with a label: what the platform of
    /// [`labelled`](super::labelled) brings.
    ///
    /// # Panics
    /// If there is not one label for each entry of the list.
    pub fn with_labels(list: Arc<ConsentedList>, labels: Arc<Labels>) -> Input {
        assert_eq!(list.len(), labels.len(), "one label for every entry");
        Beside::Labels(labels).input(list, None)
    }

    /// A list whose entries have a value each: what the advertiser of [`sum`](super::sum) brings.
    ///
    /// # Panics
    /// If there is not one value for each entry of the list.
    pub fn with_values(list: Arc<ConsentedList>, values: Arc<Values>) -> Input {
        assert_eq!(list.len(), values.len(), "one value for every entry");
        Beside::Values(values).input(list, None)
    }

    /// A list whose matches are counted in people: what a side brings whose people they are (see
    /// [`counts_people_of`](super::ProtocolName::counts_people_of)).
    ///
    /// # Panics
    /// If the people are of another list.
    pub fn with_people(list: Arc<ConsentedList>, people: Arc<People>) -> Input {
        assert_eq!(list.len(), people.elements(), "people are of the whole list");
        Beside::Nothing.input(list, Some(people))
    }

    /// A list whose people have a value each: what the advertiser of a [`sum`](super::sum) brings
    /// that counts people.
    ///
    /// # Panics
    /// If the people are of another list, and if there is not one value for each of them.
    pub fn with_values_of_people(
        list: Arc<ConsentedList>,
        people: Arc<People>,
        values: Arc<Values>,
    ) -> Input {
        assert_eq!(list.len(), people.elements(), "people are of the whole list");
        assert_eq!(people.len(), values.len(), "one value for every person");
        Beside::Values(values).input(list, Some(people))
    }

    /// Elements that take part.
    pub(crate) fn elements(&self) -> u64 {
        match &self.0 {
            Brought::List { list, .. } => list.len() as u64,
            Brought::Prepared(set) => set.elements(),
            Brought::Pair(side) => side.list.len() as u64,
        }
    }

    pub(crate) fn profile(&self) -> Profile {
        match &self.0 {
            Brought::List { list, .. } => list.profile(),
            Brought::Prepared(set) => set.profile(),
            Brought::Pair(side) => side.list.list().profile(),
        }
    }

    pub(crate) fn purpose(&self) -> Purpose {
        match &self.0 {
            Brought::List { list, .. } => list.purpose(),
            Brought::Prepared(set) => set.purpose(),
            Brought::Pair(side) => side.list.list().purpose(),
        }
    }

    pub(crate) fn attestation(&self) -> Option<&str> {
        match &self.0 {
            Brought::List { list, .. } => list.attestation(),
            Brought::Prepared(set) => set.attestation(),
            Brought::Pair(side) => side.list.list().attestation(),
        }
    }

    /// Whether it has labels.
    pub(crate) fn is_labelled(&self) -> bool {
        matches!(&self.0, Brought::List { beside: Beside::Labels(_), .. })
    }

    /// Its values, if it has any.
    pub(crate) fn values(&self) -> Option<&Arc<Values>> {
        match &self.0 {
            Brought::List { beside: Beside::Values(values), .. } => Some(values),
            _ => None,
        }
    }

    /// Its people, if it has any.
    pub(crate) fn people(&self) -> Option<&Arc<People>> {
        match &self.0 {
            Brought::List { people, .. } => people.as_ref(),
            Brought::Prepared(_) | Brought::Pair(_) => None,
        }
    }

    /// The prepared set, if it is one.
    pub(crate) fn prepared(&self) -> Option<&PreparedSet> {
        match &self.0 {
            Brought::List { .. } | Brought::Pair(_) => None,
            Brought::Prepared(set) => Some(set),
        }
    }

    /// The party of a clean room, if it is one.
    pub(crate) fn room(&self) -> Option<Party> {
        match &self.0 {
            Brought::Pair(side) => Some(side.party()),
            _ => None,
        }
    }

    /// The clean room's side.
    ///
    /// # Panics
    /// If it is anything else: a session takes nothing else for this protocol.
    pub(crate) fn pair(self) -> Side {
        match self.0 {
            Brought::Pair(side) => side,
            _ => unreachable!("checked when the session was made"),
        }
    }

    /// The list.
    ///
    /// # Panics
    /// If it is a prepared set: a session takes one for protocols that need no list only.
    pub(crate) fn list(&self) -> Arc<ConsentedList> {
        match &self.0 {
            Brought::List { list, .. } => Arc::clone(list),
            Brought::Prepared(_) | Brought::Pair(_) => {
                unreachable!("checked when the session was made")
            }
        }
    }
}

/// By its size: lists and labels are nobody's business.
impl std::fmt::Debug for Input {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Input({} elements)", self.elements())
    }
}
