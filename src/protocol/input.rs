//! What a side brings to a session besides its settings.

use std::sync::Arc;

use crate::consent::{ConsentedList, Purpose};
use crate::identifier::Profile;
use crate::label::Labels;

/// A list that passed the consent gate, with what some protocols need besides.
#[derive(Clone, Debug)]
pub struct Input {
    pub(super) list: Arc<ConsentedList>,
    pub(super) labels: Option<Arc<Labels>>,
}

impl From<Arc<ConsentedList>> for Input {
    fn from(list: Arc<ConsentedList>) -> Input {
        Input { list, labels: None }
    }
}

impl Input {
    /// A list whose matched entries come with a label: what the sender of
    /// [`labelled`](super::labelled) brings.
    ///
    /// # Panics
    /// If there is not one label for each entry of the list.
    pub fn with_labels(list: Arc<ConsentedList>, labels: Arc<Labels>) -> Input {
        assert_eq!(list.len(), labels.len(), "one label for every entry");
        Input { list, labels: Some(labels) }
    }

    /// Elements that take part.
    pub(crate) fn elements(&self) -> u64 {
        self.list.len() as u64
    }

    pub(crate) fn profile(&self) -> Profile {
        self.list.profile()
    }

    pub(crate) fn purpose(&self) -> Purpose {
        self.list.purpose()
    }

    pub(crate) fn attestation(&self) -> Option<&str> {
        self.list.attestation()
    }

    /// Whether it has labels.
    pub(crate) fn is_labelled(&self) -> bool {
        self.labels.is_some()
    }
}
