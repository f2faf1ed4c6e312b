//! Prepared sets: a platform's consented list, evaluated once for an epoch.
//!
//! Evaluating a list costs one hash to the group and one multiplication an identifier. A platform does
//! that once an epoch and counterparty, and serves any number of sessions from the result: three files
//! that stand next to each other.
//!
//! | file | holds | for |
//! |---|---|---|
//! | `NAME.set` | the [header](Header) and the [compressed set](crate::set) | sessions; says nothing about identifiers to anyone who cannot have the function evaluated |
//! | `NAME.key` | the [epoch secret](crate::key::epoch), sealed for the platform's identity | the platform alone |
//! | `NAME.entries` | for each identifier, a MAC of it under a key of the epoch and its output | updates; the platform alone |
//!
//! No identifier stands in any of them, nor a hash of one without a key.
//!
//! Preparing again under the same name and binding (epoch, counterparty, purpose, profile) is an
//! update: the list goes through the consent gate as ever, outputs of identifiers that stood in the set
//! before are taken over, new ones are evaluated, and those whose consent is gone, or that left the
//! list, are dropped from all files.
//!
//! *What an update does not do.* The key stays, so an advertiser that kept the set from before can go on
//! asking, look the answers up in the old set, and so tell of an identifier that it knows that it *was*
//! there and is gone. An honest advertiser uses the set of the session, in which it no longer matches.
//! Against one that is not, only a new key helps: [`Options::rekey`], or another epoch, evaluates
//! everything anew. Values of the one key never match under the other. And give sets an end
//! ([`Options::expires`]).
//!
//! *Who may write these files.* All are authenticated under the epoch's secret, and that under the
//! platform's identity, so whoever may write to the folder but has no identity can neither extend a set's
//! end nor put identifiers in. Sets are numbered, and the key knows the last number: a set from before an
//! update is refused beside the key from after it. Set and key put back *together*, as they once were,
//! cannot be told from what was never updated, until their end. Against that, keep the folder from
//! others, and give sets an end.
//!
//! A set ends with the first consent that it rests on: see [`PreparedSet::is_stale`].

mod codec;
#[cfg(feature = "tls")]
mod entries;
mod evaluate;
mod header;
mod set_file;
#[cfg(feature = "tls")]
mod store;
#[cfg(all(test, feature = "tls"))]
mod tests;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::consent::{ConsentedList, Purpose};
use crate::error::{Error, Result};
use crate::file::Stamp;
use crate::group::Engine;
use crate::identifier::Profile;
use crate::key::epoch::{EpochBinding, EpochSecret};
use crate::key::{Key, PublicKey, role};
use crate::protocol::Progress;
use crate::set::{CompressedSet, Outputs};

use evaluate::Evaluator;

pub use header::Header;
pub use set_file::SetFile;
#[cfg(feature = "tls")]
pub use store::{Changes, Prepared, prepare};

/// How a list is prepared.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Options {
    /// Most queries in one session: they decide how many bits an element takes.
    pub max_queries: u64,
    /// When the set ends, where no consent on it ends before.
    pub expires: Option<Timestamp>,
    /// Whether an update makes a new key and evaluates the whole list anew, so that sets from before it
    /// are of no use to whoever kept them.
    pub rekey: bool,
    /// The backend and the cores.
    pub engine: Engine,
}

impl Default for Options {
    fn default() -> Options {
        Options { max_queries: MAX_QUERIES, expires: None, rekey: false, engine: Engine::detect() }
    }
}

/// Looks on while a list is evaluated, after each few thousand identifiers. Breaking ends the run with
/// [`Error::Interrupted`]; nothing is written then.
pub type Watch<'a> = &'a mut dyn FnMut(Progress) -> ControlFlow<()>;

/// A list that was evaluated, and what sessions need beside it. Clones share all of it.
#[derive(Clone, Debug)]
pub struct PreparedSet {
    header: Arc<Header>,
    context: [u8; 32],
    key: Arc<Key<role::Evaluate>>,
    set: CompressedSet,
    /// The files that it was read from.
    files: Vec<(PathBuf, Stamp)>,
}

impl PreparedSet {
    /// Evaluates a list and keeps the result in memory: for both sides in one process, and for tests.
    ///
    /// # Errors
    /// [`Error::Misuse`] where the binding has another purpose or profile than the list, or for options
    /// that cannot be; [`Error::Interrupted`] where `watch` breaks.
    pub fn in_memory(
        list: &ConsentedList,
        secret: &EpochSecret,
        binding: &EpochBinding,
        options: &Options,
        watch: Watch<'_>,
    ) -> Result<PreparedSet> {
        check(list, binding, options)?;
        let evaluator = Evaluator::new(secret, binding, options.engine);
        let set = CompressedSet::new(evaluator.evaluate_all(list, watch)?, options.max_queries)?;
        let header = Header::new(list, binding, evaluator.public(), &set, 0, options);
        let file = SetFile::unauthenticated(header, set);
        Ok(PreparedSet::of_parts(file, evaluator.into_key()))
    }

    fn of_parts(file: SetFile, key: Key<role::Evaluate>) -> PreparedSet {
        let SetFile { header, set, .. } = file;
        let context = header.binding().context(&header.public_key());
        let (header, key) = (Arc::new(header), Arc::new(key));
        PreparedSet { header, context, key, set, files: Vec::new() }
    }

    /// What the set says of itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// The profile of the identifiers.
    pub fn profile(&self) -> Profile {
        self.header.binding().profile()
    }

    /// What every identifier was admitted for.
    pub fn purpose(&self) -> Purpose {
        self.header.binding().purpose()
    }

    /// The epoch's name.
    pub fn epoch(&self) -> &str {
        self.header.binding().epoch()
    }

    /// The peer that the set is for.
    pub fn counterparty(&self) -> &str {
        self.header.binding().counterparty()
    }

    /// The notice that was attested for rows without a record of their own, if one was.
    pub fn attestation(&self) -> Option<&str> {
        self.header.attestation()
    }

    /// Elements in the set.
    pub fn elements(&self) -> u64 {
        self.set.parameters().elements()
    }

    /// Most queries in one session.
    pub fn max_queries(&self) -> u64 {
        self.set.parameters().max_queries()
    }

    /// When the set ends.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.header.valid_until()
    }

    /// What the set's outputs are hashed with.
    pub fn context(&self) -> &[u8; 32] {
        &self.context
    }

    /// Makes outputs that can be looked up in the set.
    pub fn outputs(&self) -> Outputs {
        Outputs::new(&self.context)
    }

    /// The public half of the key.
    pub fn public_key(&self) -> PublicKey {
        self.header.public_key()
    }

    /// The key that the list was evaluated with.
    pub(crate) fn key(&self) -> &Arc<Key<role::Evaluate>> {
        &self.key
    }

    /// The outputs.
    pub fn set(&self) -> &CompressedSet {
        &self.set
    }

    /// Whether a consent that the set rests on, or the set itself, has ended: it must then be prepared
    /// again.
    pub fn has_ended(&self) -> bool {
        self.valid_until().is_some_and(|until| until <= Timestamp::now())
    }

    /// Whether the set [has ended](Self::has_ended), or a file that it was read from was written anew: it
    /// must then be prepared or loaded again before it is used, and no session takes it.
    pub fn is_stale(&self) -> bool {
        self.has_ended()
            || self.files.iter().any(|(path, stamp)| Stamp::of(path).ok() != Some(*stamp))
    }
}

/// The files of a name: its set, its entries, its key. Endings are appended, whatever dots it has.
pub fn file_names(name: &Path) -> [PathBuf; 3] {
    ["set", "entries", "key"].map(|ending| {
        let mut name = name.as_os_str().to_owned();
        name.push(".");
        name.push(ending);
        PathBuf::from(name)
    })
}

/// Whether a list can be prepared so.
fn check(list: &ConsentedList, binding: &EpochBinding, options: &Options) -> Result<()> {
    if (list.purpose(), list.profile()) != (binding.purpose(), binding.profile()) {
        return Err(Error::Misuse("the epoch is for another purpose or profile".into()));
    }
    if options.expires.is_some_and(|expires| expires <= Timestamp::now()) {
        return Err(Error::Misuse("a set that has expired already is of no use".into()));
    }
    // Checks max_queries before any work is done.
    crate::set::SetParameters::new(list.len() as u64, options.max_queries).map(|_| ())
}

/// Queries in a session unless said otherwise.
const MAX_QUERIES: u64 = 1 << 20;
