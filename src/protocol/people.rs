//! Counting matches in people, on the side that learns which of its elements match: nothing of it
//! crosses the wire.

use std::sync::Arc;

use super::{Answer, Progress, Protocol, Step};
use crate::error::Result;
use crate::list::People;
use crate::wire::Frame;

/// A protocol whose matches are counted in people.
struct InPeople<P> {
    protocol: P,
    people: Arc<People>,
}

/// The protocol as it is, or with its matches counted in people.
pub(super) fn counting<P: Protocol + 'static>(
    protocol: P,
    people: Option<Arc<People>>,
) -> Box<dyn Protocol> {
    match people {
        Some(people) => Box::new(InPeople { protocol, people }),
        None => Box::new(protocol),
    }
}

impl<P> InPeople<P> {
    fn count(&self, mut answer: Answer) -> Answer {
        if let Some(matched) = &answer.matched {
            answer.count = Some(self.people.count(matched));
        }
        answer
    }
}

impl<P: Protocol> Protocol for InPeople<P> {
    fn receive(&mut self, frame: Frame) -> Result<()> {
        self.protocol.receive(frame)
    }

    fn advance(&mut self, room: bool) -> Result<Step> {
        Ok(match self.protocol.advance(room)? {
            Step::Done(answer) => Step::Done(self.count(answer)),
            step => step,
        })
    }

    fn settle(&mut self) -> Option<Answer> {
        self.protocol.settle().map(|answer| self.count(answer))
    }

    fn progress(&self) -> Progress {
        self.protocol.progress()
    }
}
