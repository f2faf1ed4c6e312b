//! The three files of a prepared set.

use std::fs::{self, File};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::rand_core::UnwrapErr;
use rand::rngs::SysRng;
use serde::Serialize;

use super::entries::{Entries, Known};
use super::evaluate::Evaluator;
use super::set_file::name_of;
use super::{Header, Options, PreparedSet, SetFile, Watch, check};
use crate::consent::ConsentedList;
use crate::error::{Error, InputError, Result};
use crate::file::{Stamp, Temporary, write_new};
use crate::key::epoch::{EpochBinding, EpochSecret};
use crate::set::CompressedSet;
use crate::transport::identity::Identity;

/// What preparing did.
#[derive(Debug)]
#[non_exhaustive]
pub struct Prepared {
    /// The set, as it was written.
    pub set: PreparedSet,
    /// What changed.
    pub changes: Changes,
    /// How long evaluating took, with naming and looking up what was known.
    pub evaluating: Duration,
    /// How long writing took, with compressing.
    pub writing: Duration,
    /// Bytes of the set, the entries and the key.
    pub bytes: [u64; 3],
}

/// What changed since the set was last prepared; of a new one, all is added.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Whether there was a set before.
    pub updated: bool,
    /// Whether it has a new key, so that all were evaluated.
    pub rekeyed: bool,
    /// Identifiers that stood in it before.
    pub kept: u64,
    /// Identifiers that did not, and were evaluated.
    pub added: u64,
    /// Identifiers that are no longer in it: their consent is gone, or they left the list.
    pub withdrawn: u64,
}

/// Prepares a list under a name, or updates what stands there under the same binding.
///
/// The key stays, unless [`Options::rekey`] asks for another: that replaces it, and nothing else ever does.
///
/// Each file is written whole or not at all, and none is replaced before all are written. Of an update
/// that fails the set from before stands: until it is stale, it can be served.
///
/// Memory: 36 bytes for an identifier beside the list, and 4 to 8 more for one that is new; then 16,
/// and 8 to 13 for the set.
///
/// # Errors
/// [`Error::Misuse`] where the name stands for a set of another binding, where the binding has another
/// purpose or profile than the list, or for options that cannot be; [`Error::Key`] where the epoch's
/// key does not open; [`Error::Input`] where a file of it is damaged; [`Error::Io`];
/// [`Error::Interrupted`] where `watch` breaks.
pub fn prepare(
    name: &Path,
    list: &ConsentedList,
    identity: &Identity,
    binding: &EpochBinding,
    options: &Options,
    watch: Watch<'_>,
) -> Result<Prepared> {
    check(list, binding, options)?;
    let (started, files) = (Instant::now(), Files::of(name));
    let fresh = || EpochSecret::generate(&mut UnwrapErr(SysRng));
    let path = Some(&*files.entries).filter(|path| path.exists());
    let (secret, changes, number) = match files.secret(binding, identity)? {
        None => (fresh(), Changes::default(), 1),
        Some((secret, last)) if !options.rekey => {
            (secret, Changes { updated: true, ..Changes::default() }, last + 1)
        }
        Some((secret, last)) => {
            let (added, withdrawn) = count(&secret, list, binding, options, path)?;
            let kept = list.len() as u64 - added;
            let changes = Changes { updated: true, rekeyed: true, kept, added, withdrawn };
            (fresh(), changes, last + 1)
        }
    };
    let Changes { updated, rekeyed, .. } = changes;
    let evaluator = Evaluator::new(&secret, binding, options.engine);
    let key = secret.entries_key(binding);
    let entries = Entries::new(&key, binding.context(&evaluator.public()));

    let named = entries.name(list);
    let known = match path.filter(|_| updated && !rekeyed) {
        Some(path) => entries.read(path, &named)?,
        None => Entries::all_new(&named),
    };
    let Known { mut outputs, new, withdrawn } = known;
    let identifier =
        |number: usize| &list.identifiers()[named[new[number] as usize].index as usize];
    let take = |number: usize, output| outputs[new[number] as usize] = output;
    evaluator.evaluate(new.len(), identifier, take, watch)?;
    let (evaluating, started) = (started.elapsed(), Instant::now());

    let sealed = secret.seal(binding, number, identity, &mut UnwrapErr(SysRng));
    if !updated {
        write_new(&files.key, &sealed)?;
    }
    let write = || {
        let written = stage(&files.entries, |stream| entries.write(stream, &named, &outputs))?;
        drop(named);
        let added = new.len() as u64;
        let changes = match rekeyed {
            true => changes,
            false => Changes { kept: outputs.len() as u64 - added, added, withdrawn, ..changes },
        };
        let set = CompressedSet::new(outputs, options.max_queries)?;
        let header = Header::new(list, binding, evaluator.public(), &set, number, options);
        let file = SetFile::authenticated(header, set, &secret.set_key(binding));
        let mut staged = vec![(written, &files.entries)];
        staged.push((stage(&files.set, |stream| file.write(stream))?, &files.set));
        if updated {
            let key = (stage(&files.key, |stream| stream.write_all(&sealed))?, &files.key);
            // A set may be newer than its key says, not older. A new key comes before its set: cut off
            // between the two, the next run has the entries, and makes the set.
            staged.insert(if rekeyed { 1 } else { 2 }, key);
        }
        for (temporary, path) in staged {
            temporary.keep(path).map_err(Error::io(format!("writing {}", path.display())))?;
        }
        let mut set = PreparedSet::of_parts(file, evaluator.into_key());
        set.files = files.stamps()?;
        let (writing, bytes) = (started.elapsed(), files.lengths()?);
        Ok(Prepared { set, changes, evaluating, writing, bytes })
    };
    write().inspect_err(|_| {
        if !updated {
            let _ = files.remove(); // what there is of it is of no use, and in the way of the next try
        }
    })
}

/// How many of a list are new beside the entries of an earlier run, and how many of those are gone.
fn count(
    secret: &EpochSecret,
    list: &ConsentedList,
    binding: &EpochBinding,
    options: &Options,
    path: Option<&Path>,
) -> Result<(u64, u64)> {
    let Some(path) = path else { return Ok((list.len() as u64, 0)) };
    let public = secret.evaluation_key(binding).public(&options.engine);
    let entries = Entries::new(&secret.entries_key(binding), binding.context(&public));
    let known = entries.read(path, &entries.name(list))?;
    Ok((known.new.len() as u64, known.withdrawn))
}

impl PreparedSet {
    /// Loads what [`prepare`] wrote under `name`. Every byte of it is checked; 15 to 30 ns an element.
    ///
    /// # Errors
    /// [`Error::Input`] for a set that is damaged, of another version, not as it was prepared, or older
    /// than its key; [`Error::Key`] where its key does not open for `identity` or is another set's;
    /// [`Error::Io`] for files that cannot be read.
    pub fn load(name: &Path, identity: &Identity) -> Result<PreparedSet> {
        let files = Files::of(name);
        let stamps = files.stamps()?; // first: what changes while it is read is stale
        let file = SetFile::open(&files.set)?;
        let binding = file.header.binding();
        let (secret, last) = files.open_key(binding, identity)?;
        let key = secret.evaluation_key(binding);
        if key.public(&crate::group::Engine::detect()) != file.header.public_key() {
            let problem = format!("is not the key of {}", name_of(&files.set));
            return Err(Error::Key { place: name_of(&files.key), problem });
        }
        let refused = |problem: &str| {
            let (list, problem) = (name_of(&files.set), problem.to_owned());
            Err(InputError::List { list, problem }.into())
        };
        if !file.is_authentic(&secret.set_key(binding)) {
            return refused(CHANGED);
        }
        if file.header.number() < last {
            return refused(OLDER);
        }
        let mut set = PreparedSet::of_parts(file, key);
        set.files = stamps;
        Ok(set)
    }
}

/// Where the files are.
struct Files {
    set: PathBuf,
    entries: PathBuf,
    key: PathBuf,
}

impl Files {
    fn of(name: &Path) -> Files {
        let [set, entries, key] = super::file_names(name);
        Files { set, entries, key }
    }

    /// The secret of an earlier run, if there was one, and the number of its set.
    fn secret(
        &self,
        binding: &EpochBinding,
        identity: &Identity,
    ) -> Result<Option<(EpochSecret, u64)>> {
        if !self.key.exists() {
            let left = [&self.set, &self.entries].into_iter().find(|path| path.exists());
            return match left {
                None => Ok(None),
                Some(path) => Err(Error::Misuse(format!(
                    "{}: is there without {}, so that it cannot be updated; remove it, or prepare \
                     under another name",
                    path.display(),
                    name_of(&self.key),
                ))),
            };
        }
        // The key knows its binding too, but a header can say what differs.
        let header = SetFile::open_header(&self.set).ok();
        if let Some(difference) = header.and_then(|h| binding.difference(h.binding())) {
            let (field, ours, theirs) = difference;
            return Err(Error::Misuse(format!(
                "{}: was prepared for {field} {theirs}, not {ours}; prepare under another name",
                self.set.display(),
            )));
        }
        let (secret, last) = self.open_key(binding, identity)?;
        // A run that was cut off may have left a set that the key does not know of.
        let header = SetFile::open_authentic_header(&self.set, &secret.set_key(binding));
        let last = header.map_or(last, |header| last.max(header.number()));
        Ok(Some((secret, last)))
    }

    fn open_key(&self, binding: &EpochBinding, identity: &Identity) -> Result<(EpochSecret, u64)> {
        let reading = || Error::io(format!("reading {}", self.key.display()));
        let file = File::open(&self.key).map_err(reading())?;
        let mut sealed = Vec::new();
        let most = EpochSecret::MAX_SEALED as u64 + 1; // one more is too long to open
        file.take(most).read_to_end(&mut sealed).map_err(reading())?;
        EpochSecret::open(&sealed, binding, identity, &name_of(&self.key))
    }

    /// What tells whether the set is written anew.
    fn stamps(&self) -> Result<Vec<(PathBuf, Stamp)>> {
        let stamp = |path: &PathBuf| {
            let stamp = Stamp::of(path).map_err(|e| match e.kind() {
                ErrorKind::NotFound => {
                    let problem = "no such file; `blindmatch prepare` makes it".into();
                    Error::Key { place: path.display().to_string(), problem }
                }
                _ => Error::io(format!("reading {}", path.display()))(e),
            });
            Ok((path.clone(), stamp?))
        };
        [&self.set, &self.key].into_iter().map(stamp).collect()
    }

    fn lengths(&self) -> Result<[u64; 3]> {
        let length = |path: &Path| {
            let stamp = Stamp::of(path).map_err(Error::io(format!("reading {}", path.display())));
            stamp.map(|stamp| stamp.length)
        };
        Ok([length(&self.set)?, length(&self.entries)?, length(&self.key)?])
    }

    fn remove(&self) -> std::io::Result<()> {
        [&self.set, &self.entries].into_iter().for_each(|path| drop(fs::remove_file(path)));
        fs::remove_file(&self.key)
    }
}

/// Writes what is to stand at `path`, beside it.
fn stage(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<Temporary> {
    let staged = Temporary::beside(path).and_then(|mut temporary| {
        write(&mut temporary.file)?;
        Ok(temporary)
    });
    staged.map_err(Error::io(format!("writing {}", path.display())))
}

const CHANGED: &str = "is not as it was prepared: somebody changed it; prepare it again";
const OLDER: &str =
    "is older than its key: a set from before an update was put back; prepare it again";
