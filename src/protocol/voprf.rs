//! Matching through a *verifiable* oblivious function: [`oprf`](super::oprf), every answer proven.
//!
//! # What each side learns
//!
//! As with [`oprf`](super::oprf): the advertiser learns which of its entries match and the size of the
//! platform's list, the platform the size of the advertiser's list.
//!
//! # What leaks
//!
//! Sizes and timing, and with an epoch's key how the set changed between sessions. What a platform
//! could do unseen in `oprf`, it cannot do here: each run of answers comes with a proof that the one
//! key which it offered made all of them. A wrong key for one element, answers in another order, a
//! key changed in mid-session, a shift added to an answer, an answer from another session: each is
//! detected, named by the run that it is in, and ends the session before the run is used. That holds with either
//! kind of blind.
//!
//! What stays possible: lists padded with guesses; a set that is not the platform's list (each value
//! still binds to an identifier that the platform knows, and was fixed before it saw a question);
//! stopping early.
//!
//! The proof says that *the offered* key was used. Whether the platform offers each advertiser the
//! same key, or each a different one, no proof can say; here each has a different one on purpose.
//!
//! # Data flow
//!
//! ```text
//! advertiser (receiver)                            platform (sender)
//!      <------- session, K, proof of k, SHA-256(S), sizes ---------
//!      ------ A_0 .. A_m-1 ---------------------------------------->   m <= 16,384
//!      <------ k A_0 .. k A_m-1, proof: 64 bytes -------------------   for each run
//!      <------------------------ S ---------------------------------
//! ```
//!
//! The proof is a batched Chaum-Pedersen proof ([`proof`](crate::proof)). Its weights are drawn from a
//! hash of the whole run, and of the session, the key and all runs before.
//!
//! # Assumptions
//!
//! Those of [`oprf`](super::oprf), and discrete logarithms with SHA-512 as a random oracle for the
//! proofs. The platform may be malicious but for the choice of its set.
//!
//! # Cost
//!
//! That of [`oprf`](super::oprf), and for a question the sums of the proof: one at the platform, two at
//! the advertiser, a few microseconds each (`cargo bench --bench proof`), and 64 bytes for a run.
//!
//! # Example
//!
//! [`oprf`](super::oprf#example)'s, with `ProtocolName::Voprf`; and
//! `examples/verifiable.rs`, where a platform that cheats is caught.
