//! The command line, run as a user runs it: help, errors with their remedies and exit codes, answers,
//! and two machines over the loopback.
#![cfg(feature = "cli")]

#[path = "cli/bench.rs"]
mod bench;
#[cfg(unix)]
#[path = "cli/budget.rs"]
mod budget;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/matching.rs"]
mod matching;
#[cfg(unix)]
#[path = "cli/network.rs"]
mod network;
#[path = "cli/oracle.rs"]
mod oracle;
#[path = "cli/pair.rs"]
mod pair;
#[cfg(unix)]
#[path = "cli/people.rs"]
mod people;
#[path = "cli/plan.rs"]
mod plan;
#[path = "cli/prepare.rs"]
mod prepare;
#[cfg(unix)]
#[path = "cli/privacy.rs"]
mod privacy;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/protocols.rs"]
mod protocols;
#[path = "cli/streams.rs"]
mod streams;
