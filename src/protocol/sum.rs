//! The total of the advertiser's values over what matches: private join and compute.
//!
//! The question it is made for: what did the people who saw an advertisement spend? The advertiser has
//! customers and what each spent; the platform has the people who were shown the advertisement.
//!
//! # What each side learns
//!
//! Both learn the size of the other's list, and how many match. The total goes to one side:
//!
//! | reveal | advertiser | platform |
//! |---|---|---|
//! | `advertiser` | how many match, and the total of their values | how many match |
//! | `platform` | how many match | how many match, and the total of their values |
//!
//! Nobody learns which of its entries match. Below the minimum audience the platform learns the count,
//! the advertiser that it is too small, and nobody a total.
//!
//! Where people are counted ([`Unit::People`](super::Unit::People)), they are the advertiser's, and each
//! has one value: it is added once, however many of a person's identifiers match. The count and the
//! minimum audience are of people.
//!
//! With [`noise`](super::noise), which goes with `advertiser`, the advertiser learns about how many
//! match and about the total of their values, in a way that is differentially private; the platform
//! still learns exactly how many match. Epsilon is halved between the two numbers, also where the count
//! alone is told because it is too small.
//!
//! # What leaks
//!
//! Sizes and timing, and to the platform which of the advertiser's *blinded* elements match: points under
//! a key that it does not have, in an order that says nothing, each with an encrypted value. A count and
//! a total say something about people, too: of one match the total is the value. The minimum audience is
//! there for that, and it is small comfort against a peer that asks again with one entry less: whoever
//! serves must limit how often a peer may ask, and can answer with [`noise`](super::noise), so that a
//! [budget](crate::budget) says what all answers together may tell.
//!
//! Where people are counted, the platform sees which of the blinded elements are one person's, as in
//! [`count`](super::count#what-leaks): how many people there are, and of each how many identifiers it has
//! and how many of these match, not of which kind or whose.
//!
//! A side that cheats can do this, unseen:
//!
//! - *Choose values that name their rows* (the advertiser, where it learns the total, or has somebody
//!   who does). With values 1, 2, 4, .. a total is a list of who matches. The agreed clip and the bound
//!   of 2^40 are kept by the side that brings the values: the other cannot see into them, and notices
//!   only a total that exceeds the number of matches times the clip. Noise is made for values up to the
//!   clip.
//! - *Use the owner of the key to decrypt* (the platform, where it learns the total). It asks for one
//!   decryption in a session, of a point that looks random whatever it is: so it can have the value of a
//!   single element, or of elements that do not match, in place of the total. It does not know whose
//!   they are unless it also departs from the protocol in what follows.
//! - *Use several keys* (the platform), which tells it which of its entries match, as in
//!   [`count`](super::count#what-leaks).
//! - *Send a total of other elements, or any number* (the platform), *lie about the count*, put in guessed
//!   identifiers or fabricated points, *stop early*.
//! - *Watch whether you are satisfied.* Whether a total is out of range depends on who matches: with one value of
//!   2^50 among zeros it is exactly where that element does, and a total less a guess is where the guess is
//!   too great. So the session then ends for the peer as every other does, after as long a search, and
//!   only then is an error here, which is not sent. Whoever complains, or comes back at once for
//!   another try, tells it anyway.
//!
//! Detected, and the end of the session: what is detected in [`count`](super::count#what-leaks); a key for
//! values whose private half the advertiser cannot prove to have, in this session; halves of
//! ciphertexts that are not on the group, all of which are looked at before anything is compared, so
//! that it does not tell whether an element matches; counts that cannot be or are below the minimum
//! audience; a partial decryption without a proof that holds. A total out of range is an error on the side that
//! finds it, and nothing is learnt there.
//!
//! The peer waits while a total is looked for. That takes as long as the greatest total that can be, which both
//! know, whatever it is.
//!
//! # Data flow
//!
//! `v_i` is the value of `x_i`, cut down to the agreed clip; `k` a fresh key, `K = k G`.
//!
//! ```text
//! advertiser                                       platform
//!   A = sort { a H(x) }                              B = sort { b H(y) }
//!      ------- SHA-256(session, advertiser, A) ------------>
//!      <------ SHA-256(session, platform, B) ---------------
//!      ------------------------- A ------------------------>
//!      <------------------------ B -------------------------
//!      ------ K, proof of k; (r_i G, r_i K + v_i G), .. --->   in the order of A
//!      ---------------- sort { T(a B_j) } ----------------->
//!                                                    I = { i : T(b A_i) in it },  n = |I|
//!      <---------------- n, or withheld --------------------
//!                                                    (C, D) = sum over I, and (s G, s K + Z G)
//! reveal advertiser:
//!      <--------------------- (C, D) -----------------------
//!   D - k C = (sum of v) G
//! reveal platform:
//!      <----------------------- C --------------------------
//!      ------------ k C, proof that it is ----------------->
//!                                                    D - k C = (sum of v) G
//! ```
//!
//! Where people are counted, the advertiser sends their numbers before `K`, as in
//! [`count`](super::count#data-flow), and then a ciphertext for each number, in the order of numbers; `I` are
//! the numbers of which any element matches, and `n` is how many these are.
//!
//! `Z` is 0, or the noise on the total; the count that is told then has noise of its own.
//!
//! `(s G, s K)` makes the sum a fresh ciphertext, so that the advertiser cannot tell which of its own
//! are in it, and `C` alone is a random point. The total is found from `(sum of v) G` by baby steps and
//! giant steps. That takes totals below 2^40: where the advertiser's entries times the clip come to more,
//! the session is refused before anything is sent, so a total cannot overflow.
//!
//! **With noise** a total is looked for from `-t` to `m c + t`, for the clip `c`, the length `m` of the
//! shorter list, and `t = 56 c / epsilon`, 28 times the scale of the noise: 2^40 has to hold all of it.
//! It lies beyond with a probability below 2^-40; the session then fails at the advertiser, as if the
//! platform had cheated, and is charged. What is found below 0 is told as 0, what is found above `m c`
//! as that.
//!
//! # Assumptions
//!
//! Those of [`dh`](super::dh), which also make the encryption safe (decisional Diffie-Hellman), and
//! discrete logarithms with SHA-512 as a random oracle for the [proofs](crate::proof). Semi-honest
//! sides. (Ion et al., *On deploying secure computing: private intersection-sum-with-cardinality*,
//! ia.cr/2019/723; exponent ElGamal after Cramer, Gennaro, Schoenmakers, EUROCRYPT 1997.)
//!
//! # Cost
//!
//! That of [`count`](super::count), and for an element of the advertiser two multiples of the generator
//! (not three: whoever has `k` computes `(r k + v) G`), two encodings, two decodings, two more where it
//! matches, and 64 bytes. In memory 64 bytes more for it at the platform.
//!
//! Between lists of 2^16 on one core of an AMD EPYC (2026-11-23, `blindmatch bench --protocol sum`), both
//! sides together: 54 us of CPU an element pair with AVX2 and 31 with AVX-512 (`count`: 49 and 26), 9.0 MB
//! in all.
//!
//! Finding a total takes a table that grows with the square root of what the total can come to, 16 MiB
//! at most, and as many steps again. It is kept for the life of the process. For totals to 2^37 the table
//! takes about 0.2 s to make on one core with AVX2, and 0.13 s with AVX-512.
//!
//! The greatest totals, 2^40 - 1 and its neighbours, on one core of an Intel Xeon (2026-11-25,
//! `benches/total.rs`, rustc 1.95): the first 0.31 s of CPU with AVX-512, table and session
//! included, and the process grew by 19 MiB; with the table there, 0.18 s, 0.32 s with AVX2 and 0.76 s
//! without vectors. A smaller total in the same range takes as long: see [above](#what-leaks).
//!
//! # Example
//!
//! ```
//! use std::sync::Arc;
//! use std::sync::atomic::AtomicBool;
//! use blindmatch::bench::workload;
//! use blindmatch::protocol::{Input, Party, ProtocolName, Values};
//! use blindmatch::session::{self, Session, Settings};
//!
//! let settings = |party| {
//!     let mut settings = Settings::new(party);
//!     (settings.protocol, settings.clip) = (ProtocolName::Sum, Some(50_000));
//!     settings
//! };
//! let customers = workload::list(["ann@example.com", "bob@example.com"])?;
//! let spent = Arc::new(Values::new(vec![1_299; customers.len()])); // in cents
//! let exposed = workload::list(["bob@example.com", "eve@example.com"])?;
//! let sides = [
//!     Session::new(settings(Party::Advertiser), Input::with_values(customers, spent))?,
//!     Session::new(settings(Party::Platform), exposed)?,
//! ];
//! let [advertiser, platform] = session::in_turn(sides, &AtomicBool::new(false))?;
//! assert_eq!((advertiser.answer.count, advertiser.answer.sum), (Some(1), Some(1_299)));
//! assert_eq!((platform.answer.count, platform.answer.sum), (Some(1), None));
//! # Ok::<(), blindmatch::Error>(())
//! ```
//!
//! And `examples/conversions.rs`.
