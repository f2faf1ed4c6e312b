//! Comparing tags, the last step of most protocols, by itself.

use crate::group::Encoding;
use crate::protocol::tag::{Tag, TagSet, Tagger};

/// Tags of a list, in its order.
#[derive(Clone)]
pub struct Tags(Vec<Tag>);

impl Tags {
    /// The tags of `encodings` in a session between lists of these `sizes`, on all cores. 16 bytes each.
    pub fn new(session: &[u8; 32], sizes: [u64; 2], encodings: &[Encoding]) -> Tags {
        let mut tags = Vec::with_capacity(encodings.len());
        Tagger::new(session, sizes).extend(&mut tags, encodings);
        Tags(tags)
    }

    /// Sorted and indexed, on all cores; fewer than 2^32.
    pub fn into_set(self) -> Set {
        Set(TagSet::new(self.0))
    }
}

/// A list's tags, to look others up in.
pub struct Set(TagSet);

impl Set {
    /// Whether the set holds each of `tags`, in their order; on all cores.
    pub fn contains_each(&self, tags: &Tags) -> Vec<bool> {
        self.0.contains_each(&tags.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_and_others_are_not() {
        let encodings: Vec<Encoding> = (0..60).map(|i| Encoding([i; 32])).collect();
        let tags = |encodings| Tags::new(&[1; 32], [40, 40], encodings);
        let found = tags(&encodings[..40]).into_set().contains_each(&tags(&encodings[20..]));
        assert_eq!(found, (20..60).map(|i| i < 40).collect::<Vec<_>>());
        let other_session = Tags::new(&[2; 32], [40, 40], &encodings);
        let found = tags(&encodings).into_set().contains_each(&other_session);
        assert!(!found.contains(&true));
    }
}
