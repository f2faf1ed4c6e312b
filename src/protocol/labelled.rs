//! A labelled match: the advertiser gets the platform's label for each entry that matches.
//!
//! [`voprf`](super::voprf), and for each element of the platform's set a label, such as a segment or a
//! status, sealed under a key that follows from the function's output for that identifier
//! ([`label`](crate::label)). Whoever has the output can open the label; nobody else can.
//!
//! # What each side learns
//!
//! The advertiser learns which of its entries match, the label of each of these, the size of the
//! platform's list, and the length of its longest label, rounded up to 16 bytes. The platform
//! learns the size of the advertiser's list, and not whose labels were opened.
//!
//! # What leaks
//!
//! What leaks in [`voprf`](super::voprf). Labels are padded to one length, so the length of one says
//! nothing. They are sealed under a fresh salt in each session: two sessions share no key, and
//! no nonce is used twice whatever happens to labels in between.
//!
//! A platform that cheats can send labels that are not what its column says, or that do not open. What
//! the advertiser sends does not depend on whether they open: a session that ended at a damaged label
//! would tell that its owner matches. A match whose label does not open has none
//! ([`Answer::labels`](super::Answer)). Labels are shown with control characters replaced.
//!
//! # Data flow
//!
//! ```text
//! advertiser (receiver)                            platform (sender)
//!      <------- session, K, proof of k, SHA-256(S), sizes, salt ----
//!      ------------------------- A ------------------------------->
//!      <------------------ k A, proofs -----------------------------
//!      <------------------------ S ---------------------------------
//!      <---- AEAD(key(y), label(y)) for each y, in the order of S ---
//! ```
//!
//! # Assumptions
//!
//! Those of [`voprf`](super::voprf), and that ChaCha20-Poly1305 hides and authenticates.
//!
//! # Cost
//!
//! That of [`voprf`](super::voprf); for an element of the platform's list also one sealing (under a
//! microsecond) and the padded label's length and 16 bytes on the wire.
//!
//! # Example
//!
//! `examples/labelled.rs`.
