//! Files that we and another program pass one another.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// A new folder for temporary files that its owner alone may look into. It goes with all that is in
/// it when this is dropped.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// # Errors
    /// [`Error::Io`] with the path.
    pub fn new() -> Result<Folder> {
        let name = format!("blindmatch-bench-{:016x}", rand::random::<u64>());
        let path = std::env::temp_dir().join(name);
        let path = std::path::absolute(&path).unwrap_or(path);
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&path).map_err(Error::io(format!("making {}", path.display())))?;
        Ok(Folder(path))
    }

    /// Where it is: absolute.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Writes a new file with one identifier a line. Made-up people only: see
    /// [`workload`](crate::bench::workload).
    ///
    /// # Errors
    /// [`Error::Io`] with the path; [`Error::Misuse`] where an identifier could not stand on a line,
    /// or in a CSV file, as it is.
    pub fn write_list<T: AsRef<str>>(
        &self,
        name: &str,
        list: impl IntoIterator<Item = T>,
    ) -> Result<PathBuf> {
        let path = self.0.join(name);
        let failed = || Error::io(format!("writing {}", path.display()));
        let mut file = BufWriter::new(File::create_new(&path).map_err(failed())?);
        for identifier in list {
            let plain = |byte: u8| byte.is_ascii_graphic() && !b",\"'".contains(&byte);
            let identifier = identifier.as_ref();
            if identifier.is_empty() || !identifier.bytes().all(plain) {
                return Err(Error::Misuse("an identifier that is no plain text".into()));
            }
            writeln!(file, "{identifier}").map_err(failed())?;
        }
        file.flush().map_err(failed())?;
        Ok(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.0) {
            tracing::warn!("{} could not be removed: {error}", self.0.display());
        }
    }
}

/// The rows, from 0 and increasing, that another program says have matched in a list of so many.
///
/// # Errors
/// [`Error::WrongAnswer`] for anything that is not such rows; [`Error::Io`] with the path.
pub fn read_rows(path: &Path, elements: u64) -> Result<Vec<u32>> {
    let failed = || Error::io(format!("reading {}", path.display()));
    let file = File::open(path).map_err(failed())?;
    let mut lines = BufReader::new(file.take((elements + 1).saturating_mul(11)));
    let (mut rows, mut line) = (Vec::new(), Vec::new());
    while lines.read_until(b'\n', &mut line).map_err(failed())? > 0 {
        let row =
            std::str::from_utf8(&line).ok().and_then(|text| text.strip_suffix('\n')?.parse().ok());
        match row {
            Some(row)
                if u64::from(row) < elements && rows.last().is_none_or(|last| *last < row) =>
            {
                rows.push(row);
            }
            _ => {
                let text =
                    format!("line {} of the matched rows is no row that can be", rows.len() + 1);
                return Err(Error::WrongAnswer(text));
            }
        }
        line.clear();
    }
    Ok(rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_private_and_goes() {
        let folder = Folder::new().unwrap();
        let list =
            folder.write_list("list", ["person.1@example.com", "person.2@example.com"]).unwrap();
        assert_eq!(
            fs::read_to_string(&list).unwrap(),
            "person.1@example.com\nperson.2@example.com\n"
        );
        assert!(matches!(folder.write_list("list", ["a@example.com"]), Err(Error::Io { .. })));
        #[cfg(unix)]
        {
            let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(folder.path()).unwrap());
            assert_eq!(mode & 0o777, 0o700);
        }
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn what_is_no_plain_line_is_not_written() {
        let folder = Folder::new().unwrap();
        for (number, bad) in
            ["", "a b", "a\n", "a,b", "\"a\"", "\u{e4}@example.com"].iter().enumerate()
        {
            let written = folder.write_list(&number.to_string(), [*bad]);
            assert!(matches!(written, Err(Error::Misuse(_))), "{bad:?}");
        }
    }

    #[test]
    fn rows_are_read_and_nothing_else_is() {
        let folder = Folder::new().unwrap();
        let path = folder.path().join("rows");
        let read = |text: &str| {
            fs::write(&path, text).unwrap();
            read_rows(&path, 10)
        };
        assert_eq!(read("0\n3\n9\n").unwrap(), [0, 3, 9]);
        assert!(read("").unwrap().is_empty());
        for wrong in [
            "10\n",
            "3\n3\n",
            "4\n3\n",
            "x\n",
            "\n",
            "-1\n",
            "1",
            "1 \n",
            "4294967296\n",
            "a@example.com\n",
        ] {
            let error = read(wrong).unwrap_err();
            assert!(matches!(error, Error::WrongAnswer(_)), "{wrong:?}");
            assert!(!error.to_string().contains('@'));
        }
        let long = "9".repeat(1000);
        assert!(matches!(read(&long), Err(Error::WrongAnswer(_))));
    }
}
