//! How many entries match, and nothing of which.
//!
//! # What each side learns
//!
//! Both learn the size of the other's list, and as agreed ([`Reveal`](super::Reveal)):
//!
//! | reveal | advertiser | platform |
//! |---|---|---|
//! | `advertiser` | how many match | nothing; how many match, if a minimum audience is set |
//! | `platform` | nothing; how many match, if a minimum audience is set | how many match |
//! | `both` | how many match | how many match |
//!
//! Nobody learns which of its entries match, and nothing here computes it: positions are lost before
//! anything is compared. Below the minimum audience the side that counts first (the one that is not
//! to learn the count, else the platform) learns the count, and the other that it is too small.
//!
//! Where people are counted ([`Unit::People`](super::Unit::People)), they are the advertiser's: one of
//! whom several identifiers match is one match. Two people of the advertiser's who match two identifiers
//! of one person of the platform's are two. The platform then compares, whoever is to learn the count, so:
//!
//! | reveal | advertiser | platform |
//! |---|---|---|
//! | `advertiser`, `both` | how many of its people match | how many of the advertiser's people match |
//! | `platform` (without a minimum audience) | nothing | how many of the advertiser's people match |
//!
//! A minimum audience is one of people; `platform` cannot have one, since nobody would count before the
//! side that is to learn.
//!
//! With [`noise`](super::noise), which goes with `advertiser`, the advertiser learns about how many
//! match, in a way that is differentially private, and the platform always exactly how many; below the
//! minimum audience the advertiser learns that the number with noise is too small.
//!
//! # What leaks
//!
//! Sizes and timing. The side that compares (see below) also sees which of the other's *blinded*
//! elements match. They are points under a key that it does not have, in an order that says nothing,
//! and fresh in each session: not even two sessions over the same lists can be joined by them.
//!
//! Where people are counted it sees more of those blinded elements: which of them are one person's, so
//! how many people there are, how many identifiers each has, and how many of these match. Not of which kind
//! they are or in which order the advertiser asks them; not whose they are. People come in the order of
//! their blinded elements, which is random to it. (How many people have how many identifiers is a shape that
//! hardly changes from day to day: it can tell one advertiser's list from another's, or that a list is
//! the same, though no element can be followed from session to session.)
//!
//! A side that cheats can do this, unseen:
//!
//! - *Put in identifiers that it guesses*, as in [`dh`](super::dh); with a list of one guess, the count
//!   is the answer. A minimum audience helps little against a list that is filled up with members
//!   that one knows.
//! - *Use several keys.* A comparer that blinds each of its entries with a key of its own can tell from
//!   the sorted tags which of them match, by trying each key. Positions are hidden from a comparer
//!   that follows the protocol, however long it looks at what it received, but not from one that departs
//!   from it: that takes a proof that one key blinded everything, which this protocol does not have.
//!   Where only one side is to be trusted with that, let it compare: without a minimum audience it is
//!   the one that learns the count.
//!   Where people are counted, such a comparer learns as well which of its entries the advertiser has as
//!   one person: that an address and a number that it knew apart are the same customer's.
//! - *Part or join people* (the advertiser, where they are counted): who is one person is its word. Parted,
//!   half as many reach a minimum audience; joined, a count tells whether any of several is there, which
//!   a list of these alone tells too.
//! - *Fabricate points*, multiples of others, and with them matches that do not exist. An element can
//!   be made to count several times, for which noise is not made.
//! - *Send other tags* (the giver), so that matches disappear; or fewer different ones.
//! - *Lie about the count or stop early* (the comparer). A count greater than a list, or below the
//!   minimum audience, is an error on the other side.
//! - *Leave the noise out*, or draw it from another distribution (the platform): that harms its own list.
//! - *Ask again* with a list that differs in one entry: the difference of two counts is a membership.
//!   Whoever serves must limit how often a peer may ask, and can answer with [`noise`](super::noise),
//!   so that a [budget](crate::budget) says what all answers together may tell.
//!
//! Numbers of people that are not in their one form, one person with more than 64 identifiers, points that
//! are not on the group, lists that are not what was committed to, tags that are not
//! sorted or in the wrong number are detected and end the session.
//!
//! # Data flow
//!
//! The comparer is the side that is to learn the count, the platform where both are; with a minimum
//! audience it is the side that counts first; with noise, the platform. Here it is the platform:
//!
//! ```text
//! advertiser (giver)                               platform (comparer)
//!   A = sort { a H(x) }                              B = sort { b H(y) }
//!      ------- SHA-256(session, advertiser, A) ------------>
//!      <------ SHA-256(session, platform, B) ---------------
//!      ------------------------- A ------------------------>
//!      <------------------------ B -------------------------
//!      ---------------- sort { T(a B_j) } ----------------->
//!                                                    n = |{ i : T(b A_i) in it }|
//!      <---------- n, or withheld, where it is due ---------   with noise: n + Z
//! ```
//!
//! Where people are counted, the advertiser sends `[ p_i ]` before `sort { T(a B_j) }`: the number of the
//! person behind `A_i`, people numbered as they first come in `A`. Every partition of `A` has just one such
//! run of numbers, and the platform counts numbers of which any `i` is a match.
//!
//! # Assumptions
//!
//! Those of [`dh`](super::dh): decisional Diffie-Hellman on ristretto255, random oracles, semi-honest
//! sides. (Cardinality from sorted double blinds: De Cristofaro, Gasti, Tsudik, CANS 2012; Ion et al.,
//! ia.cr/2019/723.) Several identifiers a person, and the leak of which belong together to the side that
//! joins: as in Buddhavarapu et al., *Multi-key private matching for compute*, ia.cr/2021/770, where the
//! sides go from rank to rank; a number of people is the same in any order, so ranks stay at home here.
//!
//! # Cost
//!
//! That of [`dh`](super::dh), with one run of tags: for an element of either list a hash to the group, a
//! decoding, two multiplications and two encodings, both sides together; `32 (n_A + n_P)` bytes for the
//! lists and about 10 for each element of the comparer. Where people are counted 4 bytes more for an element
//! of the advertiser's, on the wire and in memory on both sides.
//!
//! # Example
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use blindmatch::bench::workload;
//! use blindmatch::protocol::{Party, ProtocolName};
//! use blindmatch::session::{self, Session, Settings};
//!
//! let side = |party, numbers| {
//!     let mut settings = Settings::new(party);
//!     settings.protocol = ProtocolName::Count;
//!     Session::new(settings, workload::people(numbers)?)
//! };
//! let sides = [side(Party::Advertiser, 0..10)?, side(Party::Platform, 7..30)?];
//! let [advertiser, platform] = session::in_turn(sides, &AtomicBool::new(false))?;
//! assert_eq!((advertiser.answer.count, advertiser.answer.matched), (Some(3), None));
//! assert_eq!(platform.answer.count, None);
//! # Ok::<(), blindmatch::Error>(())
//! ```
//!
//! And `examples/count.rs`.
