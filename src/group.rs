//! Batched ristretto255.
pub mod hash_to_group;
