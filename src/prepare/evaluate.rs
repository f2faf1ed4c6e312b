//! From identifiers to outputs.

use std::ops::ControlFlow;

use super::Watch;
use crate::consent::ConsentedList;
use crate::error::{Error, Result};
use crate::group::{DomainTag, Encoding, Engine};
use crate::identifier::Identifier;
use crate::key::epoch::{EpochBinding, EpochSecret};
use crate::key::{Key, PublicKey, role};
use crate::protocol::{HASH_TAG, Phase, Progress};
use crate::set::{Output, Outputs};

/// Evaluates the function under one key.
pub(super) struct Evaluator {
    key: Key<role::Evaluate>,
    public: PublicKey,
    engine: Engine,
    tag: DomainTag,
    outputs: Outputs,
}

impl Evaluator {
    pub(super) fn new(secret: &EpochSecret, binding: &EpochBinding, engine: Engine) -> Evaluator {
        let key = secret.evaluation_key(binding);
        let public = key.public(&engine);
        let outputs = Outputs::new(&binding.context(&public));
        Evaluator { key, public, engine, tag: DomainTag::new(HASH_TAG), outputs }
    }

    pub(super) fn public(&self) -> PublicKey {
        self.public
    }

    pub(super) fn into_key(self) -> Key<role::Evaluate> {
        self.key
    }

    /// Of a whole list, in its order.
    pub(super) fn evaluate_all(
        &self,
        list: &ConsentedList,
        watch: Watch<'_>,
    ) -> Result<Vec<Output>> {
        let mut all = Vec::with_capacity(list.len());
        self.evaluate(list.len(), |i| &list.identifiers()[i], |_, output| all.push(output), watch)?;
        Ok(all)
    }

    /// Of `count` identifiers; gives each output to `take`, with its number, in order.
    pub(super) fn evaluate<'a>(
        &self,
        count: usize,
        identifier: impl Fn(usize) -> &'a Identifier,
        mut take: impl FnMut(usize, Output),
        watch: Watch<'_>,
    ) -> Result<()> {
        for start in (0..count).step_by(WORK_UNIT) {
            let run = start..count.min(start + WORK_UNIT);
            let (phase, total) = (Phase::Evaluate, count as u64);
            if watch(Progress { phase, done: start as u64, total }) == ControlFlow::Break(()) {
                return Err(Error::Interrupted);
            }
            let run: Vec<&[u8; Identifier::LEN]> =
                run.map(|index| identifier(index).as_bytes()).collect();
            let finish =
                |index: usize, encoding: &Encoding| self.outputs.value(run[index], encoding);
            let mut outputs = vec![Output(0); run.len()];
            self.engine.hash_blind_then(&self.tag, &run, self.key.scalar(), &mut outputs, finish);
            outputs.into_iter().zip(start..).for_each(|(output, index)| take(index, output));
        }
        Ok(())
    }
}

/// Identifiers that are evaluated at a time: a fraction of a second's work for one core.
const WORK_UNIT: usize = 8 * 1024;
