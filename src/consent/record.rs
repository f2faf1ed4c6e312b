//! What is on record of one person's consent for one identifier.

use jiff::Timestamp;

use super::Purpose;

/// What is on record of one person's consent for one identifier.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// What the identifier was collected for.
    pub collected_for: Option<Purpose>,
    /// Purposes that were agreed to.
    pub purposes: Vec<Purpose>,
    /// When the consent was withdrawn.
    pub withdrawn_at: Option<Timestamp>,
}
