//! Parts of protocols that are nobody else's business, for those who measure what they take.

use rand::Rng;

use super::tag::{Tag, TagSet, Tagger};
use crate::group::Encoding;

/// Tags of made-up elements.
#[derive(Clone)]
pub(crate) struct Tags(Vec<Tag>);

/// Tags that can be looked up in.
pub(crate) struct Table(TagSet);

impl Tags {
    /// Uniform ones.
    pub(crate) fn random<R: Rng>(count: usize, rng: &mut R) -> Tags {
        let mut bytes = vec![0; count * LENGTH];
        rng.fill_bytes(&mut bytes);
        Tags(Tag::read_all(&bytes, LENGTH).into_iter().flatten().collect())
    }

    /// Those of encodings.
    pub(crate) fn of(encodings: &[Encoding]) -> Tags {
        let mut tags = Vec::with_capacity(encodings.len());
        Tagger::new(&[7; 32], [1 << 20; 2]).extend(&mut tags, encodings);
        Tags(tags)
    }

    /// Sorted, with a table over their first bits.
    pub(crate) fn into_table(self) -> Table {
        Table(TagSet::new(self.0))
    }
}

impl Table {
    /// How many it holds.
    pub(crate) fn count(&self, tags: &Tags) -> usize {
        self.0.contains_each(&tags.0).into_iter().filter(|hit| *hit).count()
    }
}

/// Bytes of a tag, between lists of a million.
const LENGTH: usize = 10;
