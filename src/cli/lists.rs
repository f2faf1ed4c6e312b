//! From flags to a list that passed the gate.

use std::io::{self, ErrorKind};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use blindmatch::consent::{self, ConsentedList, Policy, Purpose, Suppression};
use blindmatch::identifier::Profile;
use blindmatch::label::{Labels, MAX_LABEL};
use blindmatch::list::{
    self, Admitted, Column, Format, Options, Output, People, Progress, Source, Watch,
};
use blindmatch::prepare::PreparedSet;
use blindmatch::protocol::{Input, Values};
use blindmatch::report::Own;
use blindmatch::session::Outcome;
use blindmatch::transport::identity::Identity;
use blindmatch::{Error, Result};
use indicatif::ProgressBar;
use jiff::Timestamp;

use super::args::{ListArgs, ReadArgs};
use super::people::Who;
use super::{Shared, output};

/// A list that was read.
pub struct Loaded {
    pub source: Source,
    pub list: Arc<ConsentedList>,
    /// Its identifier columns.
    pub columns: Vec<Column>,
    /// The names of its consent columns.
    pub consent_columns: Vec<String>,
    /// What each element is labelled with, in a labelled match.
    labels: Option<Arc<Labels>>,
    /// Whose each element is, where people are counted who are on this list.
    pub people: Option<Arc<People>>,
    /// What each element is worth, or each person, in a sum.
    values: Option<Arc<Values>>,
    /// The suppression lists that went into it.
    suppressed_by: Vec<Source>,
    /// Different identifiers on them.
    pub suppressed: u64,
    pub took: Duration,
}

impl Loaded {
    /// The same with labels from a column, if one is named.
    pub fn with_labels(mut self, column: Option<&str>) -> Result<Loaded> {
        let Some(column) = column else { return Ok(self) };
        let started = Instant::now();
        let texts = self.source.labels(column, &self.list, MAX_LABEL)?;
        self.labels = Some(Arc::new(Labels::new(texts.iter())?));
        self.took += started.elapsed();
        Ok(self)
    }

    /// The same with its people, if they are counted. Values come after them.
    pub fn with_people(mut self, who: Option<Who<'_>>) -> Result<Loaded> {
        let Some(Who { person, ranks }) = who else { return Ok(self) };
        let started = Instant::now();
        let people = match person {
            Some(column) => self.source.people(column, &self.list, ranks),
            None => People::by_row(&self.list, ranks),
        };
        self.people = Some(Arc::new(people?));
        self.took += started.elapsed();
        Ok(self)
    }

    /// The same with values from a column, if one is named.
    pub fn with_values(mut self, column: Option<&str>) -> Result<Loaded> {
        let Some(column) = column else { return Ok(self) };
        let started = Instant::now();
        let values = match &self.people {
            Some(people) => self.source.amounts_of_people(column, &self.list, people)?,
            None => self.source.amounts_once(column, &self.list)?,
        };
        self.values = Some(Arc::new(Values::new(values)));
        self.took += started.elapsed();
        Ok(self)
    }

    /// What a session takes.
    fn input(&self) -> Input {
        let list = Arc::clone(&self.list);
        let (people, values) = (self.people.clone(), self.values.clone());
        match (&self.labels, values, people) {
            (Some(labels), ..) => Input::with_labels(list, Arc::clone(labels)),
            (None, Some(values), None) => Input::with_values(list, values),
            (None, Some(values), Some(people)) => {
                Input::with_values_of_people(list, people, values)
            }
            (None, None, Some(people)) => Input::with_people(list, people),
            (None, None, None) => list.into(),
        }
    }

    /// Whether a file that it came from changed, or a consent on it expired.
    pub fn is_stale(&self) -> bool {
        let expired = self.list.valid_until().is_some_and(|until| until <= Timestamp::now());
        expired
            || !self.source.is_unchanged()
            || !self.suppressed_by.iter().all(Source::is_unchanged)
    }
}

/// What a side brings.
pub enum Side {
    List(Box<Loaded>),
    Prepared { set: Arc<PreparedSet>, took: Duration },
}

impl Side {
    /// A set that was prepared, with what opens it.
    pub fn prepared(name: &Path, identity: &Identity) -> Result<Side> {
        let started = Instant::now();
        for _ in 0..LOADS {
            let set = Arc::new(PreparedSet::load(name, identity)?);
            if set.has_ended() {
                return Err(ended(name));
            }
            if !set.is_stale() {
                return Ok(Side::Prepared { set, took: started.elapsed() });
            }
        }
        let busy = io::Error::new(ErrorKind::ResourceBusy, "replaced while it was read; try again");
        Err(Error::io(format!("loading {}", name.display()))(busy))
    }

    /// What a session takes.
    pub fn input(&self) -> Input {
        match self {
            Side::List(loaded) => loaded.input(),
            Side::Prepared { set, .. } => Arc::clone(set).into(),
        }
    }

    /// What a report takes.
    pub fn own(&self) -> Own<'_> {
        match self {
            Side::List(loaded) => {
                let own = Own::from(&loaded.list);
                loaded.people.as_deref().map_or(own, |people| own.with_people(people))
            }
            Side::Prepared { set, .. } => Own::from(&**set),
        }
    }

    /// Elements that take part.
    pub fn elements(&self) -> u64 {
        match self {
            Side::List(loaded) => loaded.list.len() as u64,
            Side::Prepared { set, .. } => set.elements(),
        }
    }

    /// The most that may be accepted from the peer.
    pub fn most(&self, limit: u64) -> u64 {
        match self {
            Side::List(_) => limit,
            Side::Prepared { set, .. } => limit.min(set.max_queries()),
        }
    }

    /// Whether a file that it came from changed, or a consent on it expired.
    pub fn is_stale(&self) -> bool {
        match self {
            Side::List(loaded) => loaded.is_stale(),
            Side::Prepared { set, .. } => set.is_stale(),
        }
    }

    pub fn took(&self) -> Duration {
        match self {
            Side::List(loaded) => loaded.took,
            Side::Prepared { took, .. } => *took,
        }
    }

    /// Writes the rows that matched, if this side learnt them.
    pub fn write_rows(&self, to: Option<&Output>, outcome: &Outcome) -> Result<()> {
        match self {
            Side::List(loaded) => output::write_rows(to, loaded, outcome),
            Side::Prepared { .. } => Ok(()), // it never learns any
        }
    }
}

/// A set that cannot be used until it is prepared again.
fn ended(name: &Path) -> Error {
    let name = name.display();
    Error::Consent(format!(
        "{name}: a consent that it rests on has ended, or its time has; prepare it again"
    ))
}

/// Tries to load a set that is replaced meanwhile.
const LOADS: usize = 3;

impl ReadArgs {
    /// As PAIR takes lists, for its one purpose and by its one profile.
    pub fn of_pair(&self) -> ListArgs {
        let (purpose, profile) = (Purpose::TARGETED_ADVERTISING, Profile::Pair);
        ListArgs { purpose, profile, read: self.clone() }
    }

    /// This list and the suppression lists.
    pub fn files<'a>(&'a self, list: &'a Path) -> impl Iterator<Item = &'a Path> {
        [list].into_iter().chain(self.suppress.iter().map(PathBuf::as_path))
    }
}

impl ListArgs {
    fn options(&self, format: Option<Format>) -> Options {
        Options {
            format,
            profile: self.profile,
            region: self.read.region,
            strict: self.read.strict,
            ..Options::default()
        }
    }

    fn policy(&self) -> Result<Policy> {
        let mut policy = Policy::new(self.purpose, Timestamp::now())?;
        if let Some(vendor) = self.read.tcf_vendor {
            policy = policy.with_vendor(vendor);
        }
        if let Some(notice) = &self.read.attest_consent {
            policy = policy.with_attestation(notice)?;
        }
        Ok(policy)
    }

    /// This list and the suppression lists.
    pub fn files<'a>(&'a self, list: &'a Path) -> impl Iterator<Item = &'a Path> {
        self.read.files(list)
    }

    /// Opens the suppression lists. Each tells its format by its name.
    fn suppression_sources(&self) -> Result<Vec<Source>> {
        self.read.suppress.iter().map(|path| Source::open(path, self.options(None))).collect()
    }

    /// Reads a list through the gate.
    pub fn load(&self, path: &Path, who: &str, shared: &Shared) -> Result<Loaded> {
        self.load_telling(path, who, shared, None)
    }

    /// The same, telling what became of each identifier.
    pub fn load_telling(
        &self,
        path: &Path,
        who: &str,
        shared: &Shared,
        tell: Option<Tell<'_>>,
    ) -> Result<Loaded> {
        let started = Instant::now();
        let policy = self.policy()?; // whether there may be a match at all comes first
        let source = Source::open(path, self.options(self.read.format))?;
        let suppressed_by = self.suppression_sources()?;
        let mut suppression = Suppression::default();
        for source in &suppressed_by {
            let mut watch = Reading::new(shared, "suppression", None);
            suppression = suppression.and(list::suppression(source, &mut watch)?);
        }
        let suppressed = suppression.len() as u64;
        let mut watch = Reading::new(shared, who, tell);
        let admitted = list::admit(&source, policy, suppression, &mut watch)?;
        for problem in &admitted.problems {
            tracing::info!(row = problem.row, reason = %problem.reason, "{who}: cannot be read");
        }
        let Admitted { list, columns, consent_columns, .. } = admitted;
        let (list, took) = (Arc::new(list), started.elapsed());
        Ok(Loaded {
            source,
            list,
            columns,
            consent_columns,
            labels: None,
            people: None,
            values: None,
            suppressed_by,
            suppressed,
            took,
        })
    }
}

/// Hears what became of each identifier: row, column, outcome.
pub type Tell<'a> = &'a mut dyn FnMut(u64, Option<&str>, consent::Outcome);

/// Shows how far reading is, and stops it on a signal.
struct Reading<'a, 'b> {
    bar: ProgressBar,
    stop: &'a AtomicBool,
    tell: Option<Tell<'b>>,
}

impl<'a, 'b> Reading<'a, 'b> {
    fn new(shared: &'a Shared, who: &str, tell: Option<Tell<'b>>) -> Self {
        Reading { bar: shared.bars.reading(who), stop: &shared.stop, tell }
    }
}

impl Watch for Reading<'_, '_> {
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        self.bar.set_position(progress.rows);
        match self.stop.load(Ordering::Relaxed) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    fn wants_outcomes(&self) -> bool {
        self.tell.is_some()
    }

    fn outcome(&mut self, row: u64, column: Option<&str>, outcome: consent::Outcome) {
        if let Some(tell) = &mut self.tell {
            tell(row, column, outcome);
        }
    }
}

impl Drop for Reading<'_, '_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
