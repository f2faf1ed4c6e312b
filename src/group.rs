//! Batched ristretto255: the performance core.
//!
//! Every operation takes and returns slices. An [`Engine`] joins a [`Backend`] (which instructions
//! do the arithmetic) with a [`Parallelism`] (which cores), and both are values that are passed on,
//! never global state. All backends give the same bytes.
//!
//! # The two operations that matching costs
//!
//! - [`Engine::hash_blind`]: message -> `k H(m)`, encoded. One hash to the group (RFC 9380
//!   `expand_message_xmd` with SHA-512, then the RFC 9496 section 4.3.4 map), one multiplication,
//!   one encoding.
//! - [`Engine::blind`]: encoding -> `k P`, encoded. One decoding (RFC 9496 section 4.3.1), one
//!   multiplication, one encoding.
//!
//! [`Engine::map_blind`] is the first for messages that were expanded to 64 uniform bytes elsewhere.
//!
//! Both have a form with one scalar for each element ([`Engine::hash_blind_each`],
//! [`Engine::blind_each`]), which costs the same, and forms that pass every result to a function while
//! it is at hand ([`Engine::hash_blind_then`], [`Engine::blind_then`], [`Engine::blind_each_then`]), for
//! lists whose points need not be kept.
//!
//! # Masks
//!
//! A blind can also be added: [`Engine::hash_mask`] makes `H(m) + r B` for a [`FixedPoint`] `B`, and
//! [`Engine::unmask_then`] takes `r k B` off the peer's product. With vector instructions the two together
//! cost less than [`Engine::hash_blind`].
//!
//! # Points
//!
//! Protocols that do more with a point before it travels keep it as [`Points`]: add, subtract, sum,
//! multiply, multiply a [`FixedPoint`], and sums of products ([`Engine::multiscalar`], and
//! [`Engine::vartime_multiscalar`] for public weights).
//!
//! # Backends
//!
//! `portable` is curve25519-dalek, one element at a time, and the reference. `avx2` does four at a
//! time and `avx512` eight: the same field operations in every lane of a vector register, with the
//! curve written once on top. [`Backend::detect`] takes the best that the CPU has;
//! `docs/kernel.md` says what each reaches.
//!
//! # Encoding in batches
//!
//! A ristretto255 encoding needs an inverse square root, about a sixth of a multiplication, and
//! inverse square roots do not batch. The encoding of a *double*, `2 P`, needs only an inversion,
//! and inversions do (Montgomery's trick). So a key `k` is kept as `k / 2` as well: points are
//! multiplied by that, and encoded as their doubles. Encoding then costs a tenth.
//!
//! # What it is not
//!
//! This module is arithmetic on bytes, and knows nothing of identifiers. That only consented
//! identifiers are matched holds because nothing outside this crate can read the bytes of an
//! [`Identifier`](crate::identifier::Identifier), and a [`Session`](crate::session::Session) takes
//! a [`ConsentedList`](crate::ConsentedList) and nothing else. A program that hashes addresses
//! itself can blind them here, as it could with any library of elliptic curves.
//!
//! # Secrets
//!
//! Scalars and hashed messages are secret: hashing, multiplication and encoding run in constant
//! time. Encodings that come from a peer are public, and so is whether they are valid.

mod backend;
mod encoding;
mod engine;
mod fused;
mod hash_to_group;
mod points;
mod scalar;

pub use backend::Backend;
pub use encoding::Encoding;
pub use engine::{Engine, InvalidPoint, Parallelism};
pub use hash_to_group::DomainTag;
pub use points::{FixedPoint, Points};
pub use scalar::SecretScalar;
