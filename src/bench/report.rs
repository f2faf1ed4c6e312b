//! A record as files: CSV for machines, Markdown for papers, one HTML page to look at.
//!
//! Everything is made from the [`Record`] alone, so a report can be written again from a record that
//! was kept. Whatever the record says is text: names in it may come from anyone.
//!
//! | file | holds |
//! |---|---|
//! | `report.csv` | a line for each configuration: medians and half the distance between the quartiles |
//! | `runs.csv` | a line for each run, with its phases |
//! | `report.md` | what was run, findings in sentences, tables |
//! | `report.html` | the same with plots, in one page that needs no other file and no script |

mod bars;
pub(in crate::bench) mod chart;
mod csv;
pub(in crate::bench) mod figures;
mod findings;
pub(in crate::bench) mod html;
pub(in crate::bench) mod markdown;
pub(in crate::bench) mod plot;
pub(in crate::bench) mod scale;
pub(in crate::bench) mod table;
pub(in crate::bench) mod text;
pub(in crate::bench) mod view;
#[cfg(test)]
mod well_formed;

use std::path::Path;

pub use self::figures::bits_each;
use super::record::Record;
use crate::error::{Error, Result};

/// Writes the report of a record into a folder, which is made where there is none. Files of an
/// earlier report there are replaced.
///
/// # Errors
/// [`Error::Io`] with the path.
pub fn write(record: &Record, folder: &Path) -> Result<()> {
    let making = format!("making {}", folder.display());
    std::fs::create_dir_all(folder).map_err(Error::io(making))?;
    for (name, content) in files(record)? {
        let path = folder.join(name);
        let writing = format!("writing {}", path.display());
        std::fs::write(&path, content).map_err(Error::io(writing))?;
    }
    Ok(())
}

/// Names and contents.
fn files(record: &Record) -> Result<[(&'static str, String); 4]> {
    Ok([
        ("report.csv", csv::cells(record)?),
        ("runs.csv", csv::runs(record)?),
        ("report.md", markdown::report(record)),
        ("report.html", html::page(record)),
    ])
}

/// How it was measured, for whoever reads the figures.
fn method(record: &Record) -> Vec<String> {
    let repeat = record.definition.repeat;
    vec![
        format!(
            "Each configuration ran once to warm up and then {repeat} times; figures are medians of those \
             runs ± half the distance between the quartiles."
        ),
        "Total time goes from the start of the first side's work to the end of the last one's, with what \
         was prepared; online time leaves out what was prepared before the advertiser came."
            .to_owned(),
        "CPU time counts all threads of a side without reading and checking lists. Costs per element are \
         divided by the elements of the larger list. SPU reads and writes its lists inside its own time: \
         its times and CPU time hold that, its phase `online` is the protocol alone."
            .to_owned(),
        "Bytes are those that a side put on the link. A flight is a time that a side began to send after it \
         had heard something new: of our protocols, counted in the messages of one short session; of other \
         programs, in turns of bytes on the link, acknowledgements included."
            .to_owned(),
        "Links are simulated on one machine: a rate and a delay, without loss, slow start or other traffic. \
         Both sides ran on that machine, each with the threads that are named, and shared its cores, \
         caches and memory."
            .to_owned(),
        "Every answer was checked against a plain intersection; a run with a wrong answer is an error, and \
         not in here. False positives are allowed where a protocol has them, and are counted."
            .to_owned(),
        "Tables and plots show each subject with the most threads and the best backend that it was \
         measured with; report.csv has every configuration, runs.csv every run."
            .to_owned(),
        "Rows, lines and marks that are called INSECURE are what people do today. They protect nobody: \
         whoever sees what is sent learns the lists, or finds them out by trying all phone numbers."
            .to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::made_up::MadeUp;

    /// With `BLINDMATCH_MADE_UP_REPORT=folder` the report of the made-up record stays there to look at.
    #[test]
    fn four_files_are_written_and_written_again() {
        let record = MadeUp { noise: 0.03, seed: 1, slower: None }.record();
        let temporary = tempfile::tempdir().unwrap();
        let kept = std::env::var_os("BLINDMATCH_MADE_UP_REPORT").map(std::path::PathBuf::from);
        let folder = kept.unwrap_or_else(|| temporary.path().join("new"));
        for _ in 0..2 {
            write(&record, &folder).unwrap();
        }
        for (name, content) in files(&record).unwrap() {
            assert_eq!(std::fs::read_to_string(folder.join(name)).unwrap(), content);
        }
    }
}
