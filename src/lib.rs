//! Private matching of two consented lists.
//!
//! An advertiser and a platform each hold a list of e-mail addresses and phone numbers. blindmatch
//! finds the entries that both lists hold, without either side handing its list over, and only for
//! identifiers whose owners consented to *that use*. Both lists are blinded with secret keys on the
//! ristretto255 group; what crosses the wire is indistinguishable from random points.
//!
//! ```text
//! identifiers --normalise--> records --consent gate--> consented list
//!     --blind (batched group)--> protocol <--frames--> peer
//!     --> result (rows or count) + report
//! ```
//!
//! The modules stand in that order, and each uses only those before it:
//!
//! - [`identifier`]: e-mail addresses and phone numbers, and the profiles that normalise them;
//! - [`consent`]: purposes, consent records, and the gate that alone makes a
//!   [`ConsentedList`];
//! - [`list`](mod@list): reading lists from files into the gate, writing matched rows;
//! - [`group`]: batched ristretto255; [`key`]: secret keys, each for one role;
//! - [`proof`]: proofs that one key made a batch of evaluations;
//! - [`set`]: compressed sets of outputs; [`label`]: what matched entries come with;
//! - [`rfc9497`]: oblivious pseudorandom functions as others have them, for interoperability;
//! - [`wire`]: versioned frames; [`protocol`]: what they mean; [`session`]: one run with one peer;
//! - [`prepare`]: a list evaluated once for many sessions;
//! - [`pair`]: IAB Tech Lab PAIR between two clean rooms;
//! - [`sketch`]: how much of one list stands in another, without the lists;
//! - [`budget`]: how much one peer may ask, remembered across sessions and crashes;
//! - [`transport`]: what carries a session's bytes;
//! - `server` (feature `tls`): many sessions, with peers whose keys are pinned;
//! - [`report`]: what a run did, as facts;
//! - [`plan`](mod@plan): what a run will take, before it is run;
//! - [`bench`](mod@bench): workloads for benchmarks, tests and examples.
#![deny(unsafe_code)]
#![warn(missing_docs)]

pub mod bench;
pub mod budget;
pub mod consent;
pub mod error;
mod file;
pub mod group;
pub mod identifier;
pub mod key;
pub mod label;
pub mod list;
pub mod pair;
pub mod plan;
pub mod prepare;
pub mod proof;
pub mod protocol;
pub mod report;
pub mod rfc9497;
mod sealed;
#[cfg(feature = "tls")]
pub mod server;
pub mod session;
pub mod set;
pub mod sketch;
pub mod transport;
pub mod wire;

/// The README's library example compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub use consent::ConsentedList;
pub use error::{Error, Result};
pub use file::write_whole;
