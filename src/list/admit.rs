//! Reading a list into the gate.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, bounded};
use rayon::prelude::*;

use super::cells::{Found, Memory, Reading, Unread};
use super::columns::{Column, Plan};
use super::rows::{Batch, Reader};
use super::source::Source;
use crate::consent::{ConsentedList, Gate, Occurrence, Outcome, Policy, Suppression};
use crate::error::{Error, InputError, Result};
use crate::identifier::{Identifier, Unreadable};

/// What came of reading a list.
#[derive(Debug)]
pub struct Admitted {
    /// What may be matched.
    pub list: ConsentedList,
    /// The list's identifier columns; occurrences name them by index.
    pub columns: Vec<Column>,
    /// The names of its consent columns: what the gate went by.
    pub consent_columns: Vec<String>,
    /// The first rows or identifiers that could not be read, at most [`Admitted::MAX_PROBLEMS`];
    /// the [tally](ConsentedList::tally) has them all.
    pub problems: Vec<Problem>,
}

impl Admitted {
    /// The most problems that are kept.
    pub const MAX_PROBLEMS: usize = 20;
}

/// Something that could not be read, and where. It carries nothing of the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The row, from 1, not counting the header or blank lines.
    pub row: u64,
    /// The identifier column, as an index; `None` where it is the row as a whole.
    pub column: Option<u16>,
    /// Why.
    pub reason: Unreadable,
}

/// Looks on while a list is read. `()` looks away.
pub trait Watch {
    /// Called after each batch of rows. Breaking ends the run with [`Error::Interrupted`].
    fn progress(&mut self, progress: Progress) -> ControlFlow<()> {
        let _ = progress;
        ControlFlow::Continue(())
    }

    /// Whether [`Watch::outcome`] is to be called, which takes time.
    fn wants_outcomes(&self) -> bool {
        false
    }

    /// What became of one identifier, in order of rows (from 1) and columns; a row that cannot be
    /// read has no column. After the last row, what was admitted and then removed for a no in
    /// another row is told again, as refused.
    fn outcome(&mut self, row: u64, column: Option<&str>, outcome: Outcome) {
        let _ = (row, column, outcome);
    }
}

impl Watch for () {}

/// How far reading has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Rows read.
    pub rows: u64,
    /// Bytes read, compressed ones where the file is.
    pub bytes: u64,
    /// Bytes of the file, if it is one.
    pub total: Option<u64>,
}

/// Reads a list through the gate.
///
/// One thread reads; rows are parsed, normalised and judged in parallel. No more than a few MiB of
/// the text are held at a time.
///
/// # Errors
///
/// [`Error::Consent`] for a list without any consent column, unless the policy carries an
/// attestation; [`Error::Input`] where the list cannot be used, or, if its options are strict, at
/// the first row that cannot be read; [`Error::Interrupted`] if `watch` said so.
pub fn admit(
    source: &Source,
    policy: Policy,
    suppression: Suppression,
    watch: &mut dyn Watch,
) -> Result<Admitted> {
    let count = Arc::new(AtomicU64::new(0));
    let reader = Reader::open(source, Arc::clone(&count))?;
    let plan = checked(source, Plan::new(reader.header()))?;
    if !plan.has_consent() && policy.attestation().is_none() {
        return Err(Error::Consent(NO_CONSENT.replace("{}", source.name())));
    }
    let consent_columns = plan.consent_names(reader.header());
    let vendor = policy.vendor();
    let options = &source.options;
    let gate = Gate::new(policy, options.profile).suppressing(suppression);
    let reading = Reading { plan: &plan, profile: options.profile, region: options.region, vendor };
    let mut run = Run { source, plan: &plan, gate, problems: Vec::new(), watch };
    batches(source, reader, &plan, &count, |batch, progress| {
        run.take(found(&batch, &reading), batch.rows())?;
        run.progress(progress)
    })?;
    let (list, problems) = run.finish();
    let columns = plan.columns.into_iter().map(|planned| planned.column).collect();
    Ok(Admitted { list, columns, consent_columns, problems })
}

/// Reads a suppression list: any list with an identifier column. Consent columns are ignored.
///
/// # Errors
///
/// As [`admit`]; and [`InputError::Row`] at the first row or identifier that cannot be read,
/// strict or not: what cannot be read cannot be suppressed.
pub fn suppression(source: &Source, watch: &mut dyn Watch) -> Result<Suppression> {
    let count = Arc::new(AtomicU64::new(0));
    let reader = Reader::open(source, Arc::clone(&count))?;
    let plan = checked(source, Plan::of_identifiers(reader.header()))?;
    let options = &source.options;
    let (profile, region) = (options.profile, options.region);
    let reading = Reading { plan: &plan, profile, region, vendor: None };
    let mut batches_of: Vec<Vec<Identifier>> = Vec::new();
    batches(source, reader, &plan, &count, |batch, progress| {
        let found = found(&batch, &reading);
        if let Some(unread) = found.unreadable.first() {
            return Err(row_error(source, &plan, unread));
        }
        batches_of.push(found.candidates.into_iter().map(|c| c.identifier).collect());
        interruptible(watch.progress(progress))
    })?;
    let mut identifiers = Vec::with_capacity(batches_of.iter().map(Vec::len).sum());
    batches_of.into_iter().for_each(|batch| identifiers.extend(batch));
    Ok(Suppression::new(identifiers))
}

fn checked(source: &Source, plan: Result<Plan, String>) -> Result<Plan> {
    let plan = plan.map_err(|problem| source.unusable(problem))?;
    match plan.columns.len() > usize::from(u16::MAX) {
        true => Err(source.unusable("has more than 65535 identifier columns; leave some out")),
        false => Ok(plan),
    }
}

/// Reads batches on a thread of its own and hands them over in order.
fn batches(
    source: &Source,
    reader: Reader,
    plan: &Plan,
    count: &AtomicU64,
    mut each: impl FnMut(Batch, Progress) -> Result<()>,
) -> Result<()> {
    let (send, receive) = bounded(2);
    let (mut reader, mut rows) = (reader.project(plan)?, 0);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            loop {
                let batch = reader.next_batch().transpose();
                let ended = !matches!(batch, Some(Ok(_)));
                if batch.is_some_and(|batch| send.send(batch).is_err()) || ended {
                    break;
                }
            }
        });
        let receive: Receiver<Result<Batch>> = receive;
        for batch in receive {
            let batch = batch?;
            rows += batch.rows();
            let bytes = count.load(Ordering::Relaxed);
            each(batch, Progress { rows, bytes, total: source.length() })?;
        }
        match rows {
            0 => Err(source.unusable("has a header and no rows")),
            _ => Ok(()),
        }
    })
}

/// Parses the rows of a batch, in parallel, in order.
fn found(batch: &Batch, reading: &Reading<'_>) -> Found {
    let rows = batch.rows() as usize;
    let chunks: Vec<Found> = (0..rows.div_ceil(CHUNK))
        .into_par_iter()
        .map(|chunk| {
            let (mut found, mut memory) = (Found::default(), Memory::default());
            let end = rows.min((chunk + 1) * CHUNK);
            batch.read(chunk * CHUNK..end, reading, &mut memory, &mut found);
            found
        })
        .collect();
    let mut all = Found {
        candidates: Vec::with_capacity(chunks.iter().map(|c| c.candidates.len()).sum()),
        unreadable: Vec::new(),
        lost: Vec::new(),
    };
    for chunk in chunks {
        all.candidates.extend(chunk.candidates);
        all.unreadable.extend(chunk.unreadable);
        all.lost.extend(chunk.lost);
    }
    all
}

/// A list on its way through the gate.
struct Run<'a> {
    source: &'a Source,
    plan: &'a Plan,
    gate: Gate,
    problems: Vec<Problem>,
    watch: &'a mut dyn Watch,
}

impl Run<'_> {
    fn take(&mut self, found: Found, rows: u64) -> Result<()> {
        if let (true, Some(unread)) = (self.source.options.strict, found.unreadable.first()) {
            return Err(row_error(self.source, self.plan, unread));
        }
        self.gate.count_rows(rows);
        for unread in &found.unreadable {
            self.gate.count_unreadable(unread.reason);
            if self.problems.len() < Admitted::MAX_PROBLEMS {
                let Unread { row, column, reason } = *unread;
                self.problems.push(Problem { row: u64::from(row) + 1, column, reason });
            }
        }
        self.gate.veto(found.lost);
        let watched = self.watch.wants_outcomes();
        let places: Vec<Occurrence> = match watched {
            true => found.candidates.iter().map(place).collect(),
            false => Vec::new(),
        };
        let outcomes = self.gate.offer(found.candidates)?;
        if watched {
            self.tell(&places, &outcomes, &found.unreadable);
        }
        Ok(())
    }

    /// Tells the outcomes of a batch in order of rows and columns.
    fn tell(&mut self, places: &[Occurrence], outcomes: &[Outcome], unreadable: &[Unread]) {
        let judged = places.iter().zip(outcomes).map(|(at, o)| (at.row, Some(at.column), *o));
        let unread = unreadable.iter().map(|u| (u.row, u.column, Outcome::Unreadable(u.reason)));
        let mut all: Vec<_> = judged.chain(unread).collect();
        all.sort_by_key(|(row, column, _)| (*row, *column));
        for (row, column, outcome) in all {
            tell(self.watch, self.plan, row, column, outcome);
        }
    }

    fn progress(&mut self, progress: Progress) -> Result<()> {
        interruptible(self.watch.progress(progress))
    }

    fn finish(self) -> (ConsentedList, Vec<Problem>) {
        let Run { gate, plan, problems, watch, .. } = self;
        let (list, removals) = gate.finish_with_removals();
        if watch.wants_outcomes() {
            for removal in removals {
                let outcome = Outcome::Refused(removal.refusal);
                tell(watch, plan, removal.at.row, Some(removal.at.column), outcome);
            }
        }
        (list, problems)
    }
}

fn tell(watch: &mut dyn Watch, plan: &Plan, row: u32, column: Option<u16>, outcome: Outcome) {
    let column = column.and_then(|c| plan.columns.get(usize::from(c)));
    let name = column.map(|planned| planned.column.name.as_str());
    watch.outcome(u64::from(row) + 1, name, outcome);
}

fn place(candidate: &crate::consent::Candidate) -> Occurrence {
    Occurrence { row: candidate.row, column: candidate.column }
}

fn interruptible(flow: ControlFlow<()>) -> Result<()> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Interrupted),
    }
}

fn row_error(source: &Source, plan: &Plan, unread: &Unread) -> Error {
    let column = unread.column.and_then(|column| plan.columns.get(usize::from(column)));
    let reason = match column {
        Some(planned) => format!("{}: {}", planned.column.name, unread.reason),
        None => unread.reason.to_string(),
    };
    let (list, row) = (source.name().to_owned(), u64::from(unread.row) + 1);
    InputError::Row { list, row, reason }.into()
}

const NO_CONSENT: &str = "{}: no consent column, so nothing shows that its people agreed; add \
    `purposes` or `collected_for` (see the documentation for all of them), or attest the notice \
    that everyone on it saw with --attest-consent";

/// Rows that a worker parses at once.
const CHUNK: usize = 2048;
