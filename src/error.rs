//! One error type, parted by whose fault it is.
//!
//! Variants carry row numbers, positions, lengths and names of settings. They never carry an
//! identifier, a hash of one, or a key, so that an error can be logged and shown as it is.

mod spent;

use std::io;

pub use spent::{Limit, Spent};

/// What every fallible function of this crate returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, parted by fault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The peer broke the protocol, or ended the session. Nothing it sent was used.
    #[error("{intro}{0}", intro = .0.introduction())]
    Peer(#[from] PeerFault),
    /// Both sides behave, but want different things. Nothing was exchanged but the handshake.
    #[error("{field} differs: ours is {ours}, the peer's is {theirs}")]
    Incompatible {
        /// The setting that differs, as it is called in the documentation.
        field: &'static str,
        /// Our value.
        ours: String,
        /// The peer's value, with control characters replaced.
        theirs: String,
    },
    /// The peer has spent its query budget with us. Nothing was exchanged but the handshake.
    #[error("the peer's query budget is spent: {0}")]
    BudgetSpent(Spent),
    /// We have spent our query budget with the peer. Nothing was exchanged but the handshake.
    #[error("our query budget with the peer is spent: {0}")]
    Refused(Spent),
    /// A record of our own cannot be relied on, so what depends on it is refused.
    #[error("{place}: {problem}")]
    Record {
        /// The file or folder.
        place: String,
        /// What is wrong and the remedy.
        problem: String,
    },
    /// We end a session by a rule of our own: what the peer is told, and the whole error for ourselves.
    #[error("{error}")]
    Declined {
        /// For the peer: fixed words.
        told: String,
        /// What was wrong.
        error: Box<Error>,
    },
    /// The caller asked for something that this library does not do.
    #[error("{0}")]
    Misuse(String),
    /// A list cannot be used at all.
    #[error(transparent)]
    Input(#[from] InputError),
    /// The consent gate refuses the list as a whole, or the purpose itself.
    #[error("{0}")]
    Consent(String),
    /// No secure channel to the peer. No list data moved.
    #[error(transparent)]
    Channel(#[from] ChannelFault),
    /// A key file, or a key as text, cannot be used.
    #[error("{place}: {problem}")]
    Key {
        /// The file, with the line where that helps.
        place: String,
        /// What is wrong and the remedy.
        problem: String,
    },
    /// Reading, writing or the network failed.
    #[error("{context}: {source}")]
    Io {
        /// What was being done, such as `reading platform.csv`.
        context: String,
        /// Why it failed.
        source: io::Error,
    },
    /// A benchmark got another answer than it should have: what it measured means nothing.
    #[error("wrong answer: {0}")]
    WrongAnswer(String),
    /// A benchmark is worse than an earlier one, beyond the noise.
    #[error("{figures} figures are worse than before, beyond the noise")]
    Worse {
        /// How many.
        figures: usize,
    },
    /// The run was stopped from outside (a signal, or a caller that gave up).
    #[error("interrupted")]
    Interrupted,
}

impl Error {
    /// An I/O error with what was being done; for use in `map_err`.
    pub fn io(context: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let context = context.into();
        move |source| Error::Io { context, source }
    }

    /// The error behind what a peer is told, and any other error itself.
    pub fn cause(&self) -> &Error {
        match self {
            Error::Declined { error, .. } => error.cause(),
            error => error,
        }
    }
}

/// How a peer broke the protocol.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PeerFault {
    /// The bytes are not a frame of this protocol at all.
    #[error("not a blindmatch peer")]
    NotBlindmatch,
    /// A frame is longer than a frame may be, or shorter than its type needs.
    #[error("a {frame} frame of {length} bytes")]
    BadLength {
        /// The kind of frame.
        frame: &'static str,
        /// The length that it claimed or had.
        length: usize,
    },
    /// A frame of an unknown type, or one that is not due now.
    #[error("a frame of type {0:#04x} is not due now")]
    Unexpected(u8),
    /// A frame could not be decoded.
    #[error("a malformed {0} frame")]
    Malformed(&'static str),
    /// An encoding is not canonical, not on the group, or the identity.
    #[error("invalid point at position {position} of its list")]
    InvalidPoint {
        /// Index in the peer's list, from 0.
        position: u64,
    },
    /// The list is not strictly increasing at this position.
    #[error("list out of order or repeating at position {position}")]
    NotSorted {
        /// Index in the peer's list, from 0.
        position: u64,
    },
    /// More elements or tags than announced.
    #[error("{what}: {got} where {expected} were announced")]
    WrongCount {
        /// What was counted.
        what: &'static str,
        /// How many arrived.
        got: u64,
        /// How many were announced.
        expected: u64,
    },
    /// People's numbers are not in their one form, or a person has too many identifiers.
    #[error("a bad grouping into people at position {position}: {problem}")]
    BadPeople {
        /// Index of the element in the peer's list, from 0.
        position: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// A compressed set is not in its one encoding, or not in order.
    #[error("a bad compressed set at element {position}: {problem}")]
    BadSet {
        /// Index of the element, from 0.
        position: u64,
        /// What is wrong.
        problem: &'static str,
    },
    /// What arrived is not what the peer had committed to.
    #[error("the {0} does not match the peer's commitment")]
    BrokenCommitment(&'static str),
    /// There is no proof that the peer knows the key that it offers.
    #[error("its public key comes without a proof that holds")]
    BadKeyProof,
    /// The proof does not hold that one key, the one offered, made a run of answers: a wrong key for
    /// some element, swapped elements, or another key than before.
    #[error("the proof of {count} answers from position {position} on does not hold")]
    BadProof {
        /// Index of the first answer of the run in our list as sent, from 0.
        position: u64,
        /// Answers in the run.
        count: u64,
    },
    /// An encrypted total that is not between 0 and what the matched values can come to, or too far
    /// beyond for the agreed noise.
    #[error("the total is not between 0 and {most}: not one of the values that were agreed on")]
    BadTotal {
        /// The number of matches times the agreed limit of a value; with noise, of all that could match.
        most: u64,
    },
    /// The peer hung up in the middle.
    #[error("hung up during {0}")]
    HungUp(&'static str),
    /// The peer sent nothing, or took nothing, for longer than the limit.
    #[error("silent for {seconds} s during {during}")]
    Stalled {
        /// The step that was waited for.
        during: &'static str,
        /// The limit that passed.
        seconds: u64,
    },
    /// The session as a whole took longer than the limit.
    #[error("not done after {seconds} s, during {during}")]
    OutOfTime {
        /// The step that it had come to.
        during: &'static str,
        /// The limit that passed.
        seconds: u64,
    },
    /// The peer ended the session and said why.
    #[error("the peer ended the session: {0}")]
    Aborted(String),
}

impl PeerFault {
    /// What an error begins with: a peer that ends a session may be right to.
    fn introduction(&self) -> &'static str {
        match self {
            PeerFault::Aborted(_) => "",
            _ => "the peer broke the protocol: ",
        }
    }
}

/// Why there is no secure channel to a peer. Keys are named by their fingerprints.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChannelFault {
    /// The peer showed a key that is not pinned here.
    #[error("the peer's key {key} is not trusted here; if it is theirs, trust their .pub file")]
    Stranger {
        /// Fingerprint of the peer's key.
        key: String,
    },
    /// Our key is not pinned at the peer.
    #[error("the peer does not trust our key {key}; give it our .pub file")]
    NotTrusted {
        /// Fingerprint of our key.
        key: String,
    },
    /// The handshake was not complete in time.
    #[error("no secure channel within {seconds} s")]
    TooSlow {
        /// The limit that passed.
        seconds: u64,
    },
    /// What the peer speaks is not what we speak.
    #[error("not a blindmatch peer, or one of another version: {0}")]
    NotBlindmatch(String),
    /// The peer hung up before there was a channel.
    #[error("the peer closed the connection during the handshake")]
    Closed,
    /// The peer knows us, but runs as many sessions as it may.
    #[error("the peer is running as many sessions as it allows; try again later")]
    Busy,
    /// The peer knows us, but takes no new sessions.
    #[error("the peer is shutting down")]
    Closing,
}

/// Why a list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The list as a whole is unusable; the text says why and what to do.
    #[error("{list}: {problem}")]
    List {
        /// The list, by file name.
        list: String,
        /// What is wrong and the remedy.
        problem: String,
    },
    /// A row that cannot be read, where the caller asked to stop at the first one.
    #[error("{list}: row {row}: {reason}")]
    Row {
        /// The list, by file name.
        list: String,
        /// The row, from 1, not counting the header.
        row: u64,
        /// Why.
        reason: String,
    },
}

/// Text from a peer, made safe to show: no control characters, at most 200 characters.
pub(crate) fn printable(text: &str) -> String {
    text.chars().take(200).map(|c| if is_invisible(c) { '?' } else { c }).collect()
}

/// The same at whatever length it has: for a text that is kept on record.
pub(crate) fn printable_whole(text: &str) -> String {
    text.chars().map(|c| if is_invisible(c) { '?' } else { c }).collect()
}

/// Controls, and what reorders or hides the text around it.
fn is_invisible(c: char) -> bool {
    let format =
        matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}');
    c.is_control() || format || c == '\u{feff}'
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
