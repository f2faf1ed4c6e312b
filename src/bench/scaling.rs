//! How time and memory grow.

use super::record::Record;

/// How they grow.
#[derive(Debug, Default)]
pub struct Growth {}

impl Growth {
    /// Whether there was too little to tell.
    pub fn is_empty(&self) -> bool {
        true
    }
    /// HTML.
    pub fn html(&self) -> String {
        String::new()
    }
    /// Markdown.
    pub fn markdown(&self) -> String {
        String::new()
    }
}

/// Looks at a record.
pub fn analyse(_record: &Record) -> Growth {
    Growth::default()
}
