//! A room's keys: made, shown, rotated.

use blindmatch::Result;
use blindmatch::pair::folder::{self, Imported, Owner, Room, Rotate, Rotated};
use blindmatch::pair::key::{Stamp, read_secret};
use jiff::Timestamp;

use super::{KeygenArgs, RoomArgs, RotateArgs, Shared};

pub fn keygen(args: &KeygenArgs, shared: &Shared) -> Result<()> {
    let imported = match &args.import {
        Some(path) => Imported::parse(&read_secret(path)?, &path.display().to_string())?,
        None => Imported::default(),
    };
    Room::create_with(&args.room, args.owner, &imported, Timestamp::now())?;
    if !shared.quiet {
        let (room, owner) = (args.room.display(), args.owner.name());
        shared.bars.print(&format!("{room}: the {owner}'s room; keep it on this machine"), false);
        print(&args.room, shared)?;
    }
    Ok(())
}

pub fn show(args: &RoomArgs, shared: &Shared) -> Result<()> {
    print(&args.room, shared)?;
    if folder::owner(&args.room)? == Owner::Publisher {
        let now = Timestamp::now();
        for space in folder::spaces(&args.room, now)?.iter().skip(1) {
            let (ks, until) = (space.ks.stamp().name(), space.until());
            let line =
                format!("Ks {ks}  put aside, its Publisher Identifiers are in use until {until}");
            shared.bars.print(&line, false);
        }
    }
    Ok(())
}

pub fn rotate(args: &RotateArgs, shared: &Shared) -> Result<()> {
    let which = match (args.ks, args.own) {
        (true, _) => Rotate::Shared,
        (_, true) => Rotate::Own,
        _ => Rotate::Expired,
    };
    let rotated = folder::rotate(&args.room.room, which, Timestamp::now())?;
    if !shared.quiet {
        if rotated.is_empty() {
            shared
                .bars
                .print("no key has expired; --ks and --own replace one before its time", false);
        }
        for Rotated { name, old, .. } in &rotated {
            shared.bars.print(&format!("{name} {}  replaced", old.name()), false);
        }
        if folder::owner(&args.room.room)? == Owner::Publisher && !rotated.is_empty() {
            let next = "run `blindmatch pair map`: the new Publisher Identifiers and those of the last 30 days";
            shared.bars.print(next, false);
        }
        print(&args.room.room, shared)?;
    }
    Ok(())
}

fn print(room: &std::path::Path, shared: &Shared) -> Result<()> {
    let now = Timestamp::now();
    for (name, stamp) in folder::stamps(room)? {
        let Stamp { created, expires, .. } = stamp;
        let state = if stamp.is_valid(now) { "expires" } else { "EXPIRED" };
        let line = format!("{name} {}  made {created}, {state} {expires}", stamp.name());
        shared.bars.print(&line, false);
    }
    Ok(())
}
