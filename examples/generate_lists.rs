//! How do I get two large lists to try this on?
//!
//! Writes an advertiser's and a platform's list with made-up addresses and full consent records:
//!
//! ```text
//! cargo run --release --example generate_lists -- ROWS COMMON FOLDER
//! ```
//!
//! `COMMON` of the `ROWS` addresses stand on both lists, in no common order. `ROWS` may be two numbers,
//! as in `1024x10000000`: the advertiser's and the platform's. Without arguments: 1000 rows, 400 of them
//! common, in `target/lists`.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let number = |text: &str| text.parse::<u64>().expect("a whole number");
    let rows = arguments.next().unwrap_or_else(|| "1000".into());
    let (ours, theirs) = rows.split_once('x').unwrap_or((&rows, &rows));
    let (ours, theirs) = (number(ours), number(theirs));
    let common = arguments.next().map_or(400, |text| number(&text));
    let folder = arguments.next().map_or_else(|| PathBuf::from("target/lists"), PathBuf::from);
    assert!(common <= ours.min(theirs), "at most as many common rows as rows");

    fs::create_dir_all(&folder)?;
    let (advertiser, platform) = (folder.join("advertiser.csv"), folder.join("platform.csv"));
    write_list(&advertiser, "customer", ours, 0)?;
    write_list(&platform, "member", theirs, ours - common)?;
    println!("{}: {ours} rows, {}: {theirs} rows", advertiser.display(), platform.display());
    println!("{common} people stand on both");
    Ok(())
}

/// Rows for the people numbered `first .. first + rows`, in an order that looks random.
fn write_list(path: &Path, role: &str, rows: u64, first: u64) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "{role}_id,email,collected_for,purposes,consented_at")?;
    // Stepping by a prime that does not divide `rows` visits every row once.
    let step =
        [2_654_435_761, 2_246_822_519].into_iter().find(|prime| !rows.is_multiple_of(*prime));
    let step = step.expect("no list is that long") % rows.max(1);
    let consent = "AccountManagement,TargetedAdvertising,2026-01-15T09:30:00Z";
    let mut row = 0;
    for id in 0..rows {
        let person = first + row;
        writeln!(out, "{role}-{id},person.{person}@example.com,{consent}")?;
        row = (row + step) % rows;
    }
    out.flush()
}
