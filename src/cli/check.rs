//! `blindmatch check`: what the gate would admit and refuse, and why; touches no network.

use std::path::Path;

use blindmatch::Result;
use blindmatch::consent::{Outcome, Tally};
use blindmatch::report::{CheckReport, peak_memory};

use super::Shared;
use super::args::CheckArgs;
