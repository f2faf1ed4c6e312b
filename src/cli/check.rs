//! `blindmatch check`: what the gate would admit and refuse, and why; touches no network.

use blindmatch::Result;
use blindmatch::consent::Outcome;
use blindmatch::protocol::Unit;
use blindmatch::report::CheckReport;

use super::Shared;
use super::args::CheckArgs;
use super::output::{self, Files};

pub fn run(args: &CheckArgs, shared: &Shared) -> Result<()> {
    let read = args.list.files(&args.path).collect();
    let written = args.report.as_deref().into_iter().collect();
    args.people.check_rank()?;
    let counted = args.people.unit() == Unit::People;
    let by_column = args.people.person.is_some();
    let read_twice = by_column.then_some(args.path.as_path()).into_iter().collect();
    Files { read, read_twice, written, ..Files::default() }.check()?;
    let mut told = 0;
    let stdout_taken = args.report.as_deref().is_some_and(output::is_dash);
    let mut tell = |row: u64, column: Option<&str>, outcome: Outcome| {
        let reason = match outcome {
            Outcome::Refused(refusal) => format!("refused: {refusal}"),
            Outcome::Unreadable(reason) => format!("unreadable: {reason}"),
            _ => return,
        };
        told += 1;
        if told <= args.show && !shared.quiet {
            let place = column.map_or_else(String::new, |column| format!(", {column}"));
            shared.bars.print(&format!("row {row}{place}: {reason}"), stdout_taken);
        }
    };
    let loaded = args.list.load_telling(&args.path, "list", shared, Some(&mut tell))?;
    if told > args.show && args.show > 0 && !shared.quiet {
        let more = told - args.show;
        shared.bars.print(&format!("and {more} more (--show N names more)"), stdout_taken);
    }
    if told > 0 && args.show > 0 && !shared.quiet {
        shared.bars.print("", stdout_taken);
    }
    let loaded = loaded.with_people(counted.then(|| args.people.who()))?;
    let report = CheckReport::new(&loaded.list, &loaded.columns, &loaded.consent_columns);
    let report = loaded.people.as_deref().into_iter().fold(report, CheckReport::with_people);
    output::publish(&report, &report.to_json(), args.report.as_deref(), stdout_taken, shared)
}
