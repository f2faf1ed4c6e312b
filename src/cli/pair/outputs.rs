//! What comes of matches: the publisher's mapping, and the buying platform's file.

use std::path::{Path, PathBuf};

use blindmatch::Result;
use blindmatch::pair::files::{MatchedIds, read_withdrawn, write_ids, write_mapping};
use blindmatch::pair::folder;
use jiff::Timestamp;

use super::super::output::{Dash, Files};
use super::{ActivateArgs, MapArgs, Shared};

pub fn map(args: &MapArgs, shared: &Shared) -> Result<()> {
    let written: Vec<&Path> = [Some(&args.output), args.withdrawn.as_ref()]
        .into_iter()
        .flatten()
        .map(PathBuf::as_path)
        .collect();
    let read: Vec<&Path> = args.list.files(&args.path).collect();
    Files { read, read_twice: vec![&args.path], written, dash: Dash::Refused }.check()?;
    let now = Timestamp::now();
    // Two at once could each overwrite what the other noted as withdrawn.
    let _turn = folder::lock_mapping(&args.room.room)?;
    let spaces = folder::spaces(&args.room.room, now)?;
    if let Some(space) = spaces.first() {
        space.ks.check(now).and_then(|()| space.kp.check(now))?;
    }
    let loaded = args.list.of_pair().load(&args.path, "publisher", shared)?;
    let (list, engine) = (&loaded.list, args.compute.engine());
    let (output, withdrawn) = (&args.output, args.withdrawn.as_deref());
    let mapped = write_mapping(output, withdrawn, &loaded.source, list, &spaces, &engine, now)?;
    if !shared.quiet {
        let say = |text: String| shared.bars.print(&text, false);
        let tally = list.tally();
        say(format!("identifiers: {} admitted, {} refused", tally.admitted, tally.refused()));
        for (refusal, count) in &tally.refused {
            say(format!("  {}: {count}", refusal.name()));
        }
        let (output, before) = (args.output.display(), mapped.spaces - 1);
        say(format!("{output}: {} rows, under the keys in use and {before} before", mapped.rows));
        say(format!("withdrawn: {} Publisher Identifiers", mapped.withdrawn));
        match withdrawn {
            Some(file) => say(format!("{}: {} to forget", file.display(), mapped.to_forget)),
            None if mapped.withdrawn > 0 => {
                say("their Publisher Identifiers were not written: name a file with --withdrawn"
                    .into());
            }
            None => {}
        }
    }
    Ok(())
}

pub fn activate(args: &ActivateArgs, shared: &Shared) -> Result<()> {
    let read = args.withdrawn.iter().chain([&args.ids]).map(PathBuf::as_path).collect();
    let written = vec![args.output.as_path()];
    Files { read, written, dash: Dash::Refused, ..Files::default() }.check()?;
    let mut matched = MatchedIds::read(&args.ids, Timestamp::now())?;
    let mut removed = 0;
    for path in &args.withdrawn {
        removed += matched.remove(&read_withdrawn(path)?);
    }
    write_ids(&args.output, &matched.ids)?;
    if !shared.quiet {
        let (output, expires) = (args.output.display(), matched.expires);
        let text = format!("{output}: Publisher Identifiers, to be used until {expires}");
        shared.bars.print(&text, false);
        if !args.withdrawn.is_empty() {
            shared.bars.print(&format!("withdrawn: {removed}"), false);
        }
    }
    Ok(())
}
