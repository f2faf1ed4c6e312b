//! Matching against a malicious peer: the two-hash form, for either side or both.
//!
//! Named for its function, `F(x) = H2(x, k H1(x))`: the second hash binds each value of a published
//! set to the identifier itself. It is the machine of [`voprf`](super::voprf) with a fresh key for
//! every session and each direction, and where both sides are to learn, both are sender and receiver at
//! once.
//!
//! # What each side learns
//!
//! | reveal | advertiser | platform |
//! |---|---|---|
//! | `advertiser` | which of its entries match | nothing |
//! | `platform` | nothing | which of its entries match |
//! | `both` | which of its entries match | which of its entries match |
//!
//! And each the size of the other's list. There is no count alone and no minimum audience.
//!
//! # What leaks
//!
//! Sizes and timing.
//!
//! *What it promises*, to a receiver whose sender is malicious: its questions stay hidden
//! unconditionally, each is uniform and independent of what it asks; a match means that the sender
//! evaluated `H2` on that very identifier, so it knows it; the set was fixed before the first question;
//! one key answered all questions. To a sender whose receiver is malicious: it learns the function for at
//! most as many identifiers as it announced, and nothing about others. In `both`, nobody can send
//! back what it was sent: keys, proofs and values are bound to the session and the side.
//!
//! *What it does not promise*:
//!
//! - *Truthful lists.* Either side may put in identifiers that it guesses, or leave out its own.
//! - *Fairness.* In `both`, a side that has its matches may stop before the other has.
//! - *That the answer is used*: a receiver may claim any count.
//! - *Hidden sizes*, or service against a peer that stalls: limits end the session.
//! - *Post-quantum security* of the sender's list. (Questions stay hidden from any computer.)
//!
//! # Data flow
//!
//! That of [`voprf`](super::voprf), in one direction or both. Where both, the two directions share
//! nothing but the session.
//!
//! # Assumptions
//!
//! One-more gap Diffie-Hellman on ristretto255 and random oracles, malicious sides: Jarecki and Liu
//! (SCN 2010) for matching, Jarecki, Kiayias and Krawczyk (ASIACRYPT 2014) for the function. The
//! proof of the key lets a simulator extract `k` by rewinding, so a set's entries can be read off the
//! queries to `H2`: that is security for sessions one at a time, not a claim of universal composability.
//!
//! # Cost
//!
//! That of [`voprf`](super::voprf) for each direction.
//!
//! # Example
//!
//! [`oprf`](super::oprf#example)'s, with `ProtocolName::TwoHash`; and `examples/two_hash.rs`.
