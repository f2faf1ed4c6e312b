//! Other programs' private set intersection, run beside ours where they are installed.
//!
//! Each is driven by a small script in Python, which this crate holds: `benchmarks/peers/`. A script plays one
//! side of one run in a process of its own, and speaks with us over lines: see [`process`]. What
//! is not installed is listed as absent, with the reason, and nothing else depends on it.
//!
//! Interpreter: the environment variable `BLINDMATCH_PYTHON`, or `python3`.

pub mod folder;
pub mod over_link;
pub mod process;
pub mod round;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use self::process::{Process, Versions};
use super::record::Absent;
use crate::error::{Error, Result};
use crate::protocol::Party;

/// A protocol of another program. The advertiser is the receiver, who learns.
#[derive(Debug, PartialEq, Eq)]
pub struct Peer {
    /// As in [`Subject::name`](super::record::Subject::name): `openmined-raw`.
    pub name: &'static str,
    /// How the two sides find one another.
    pub connections: Connections,
    package: &'static Package,
    variant: &'static str,
}

/// Who listens and who connects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connections {
    /// The platform listens and the advertiser connects, after it was told to go.
    One,
    /// Each side listens, and connects to the other before it says that it is ready.
    Both,
}

/// A Python package.
#[derive(Debug, PartialEq, Eq)]
struct Package {
    /// As it is installed.
    name: &'static str,
    /// The version that the script was written for.
    known: &'static str,
    /// What the script imports.
    module: &'static str,
    /// Given to the interpreter as an argument: no file of ours needs to be there.
    script: &'static str,
}

macro_rules! script {
    ($name:literal) => {
        concat!(
            include_str!("../../benchmarks/peers/side.py"),
            include_str!(concat!("../../benchmarks/peers/", $name))
        )
    };
}

static OPENMINED: Package = Package {
    name: "openmined-psi",
    known: "2.0.6",
    module: "private_set_intersection.python",
    script: script!("openmined.py"),
};

static SPU: Package =
    Package { name: "spu", known: "0.9.5", module: "spu.psi", script: script!("spu_psi.py") };

const fn openmined(name: &'static str, variant: &'static str) -> Peer {
    Peer { name, variant, package: &OPENMINED, connections: Connections::One }
}

const fn spu(name: &'static str, variant: &'static str) -> Peer {
    Peer { name, variant, package: &SPU, connections: Connections::Both }
}

/// Every protocol of another program that there is a script for.
pub static ALL: [Peer; 7] = [
    openmined("openmined-raw", "raw"),
    openmined("openmined-gcs", "gcs"),
    spu("spu-ecdh-fourq", "ecdh-fourq"),
    spu("spu-ecdh-25519", "ecdh-25519"),
    spu("spu-kkrt", "kkrt"),
    spu("spu-rr22", "rr22"),
    spu("spu-rr22-lowcomm", "rr22-lowcomm"),
];

/// One side of one run.
#[derive(Clone, Copy, Debug)]
pub struct Side<'a> {
    /// Whose.
    pub party: Party,
    /// Its list: one identifier a line, [written](folder::Folder::write_list) by us.
    pub list: &'a Path,
    /// Where it listens, if it does.
    pub listen: SocketAddr,
    /// Where it connects to, if it does: to the other side, or to what stands between them.
    pub peer: SocketAddr,
    /// Where the advertiser's side writes the rows that matched, to be [read](folder::read_rows) by
    /// us: a file that is not there yet, in a folder where files may be left.
    pub output: &'a Path,
    /// How many threads it may use.
    pub threads: usize,
}

impl Peer {
    /// The one of this name.
    pub fn named(name: &str) -> Option<&'static Peer> {
        ALL.iter().find(|peer| peer.name == name)
    }

    /// What starts one side.
    pub fn side(&self, python: &Python, side: &Side) -> Command {
        let role = match side.party {
            Party::Advertiser => "receiver",
            Party::Platform => "sender",
        };
        let threads = side.threads.to_string();
        let mut command = Command::new(&python.0);
        command.arg("-c").arg(self.package.script);
        command.args(["--variant", self.variant, "--role", role]);
        command.arg("--list").arg(side.list).arg("--output").arg(side.output);
        command.args(["--listen", &side.listen.to_string(), "--peer", &side.peer.to_string()]);
        // What the libraries and what they stand on look at, besides the cores they are let run on.
        for variable in ["OMP_NUM_THREADS", "YACL_NUM_THREADS", "OPENBLAS_NUM_THREADS"] {
            command.env(variable, &threads);
        }
        // A folder of ours: Python looks for modules where it is started, and SPU leaves files in
        // that of temporary ones, with hashes of the list.
        if let Some(folder) = side.output.parent().filter(|folder| folder.is_absolute()) {
            command.current_dir(folder).env("TMPDIR", folder);
        }
        command
    }

    /// Its version and Python's, or why it cannot be run. Takes as long as its library takes to
    /// load, and no longer than `limit`.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub fn find(
        &self,
        python: &Python,
        limit: Duration,
        stop: &AtomicBool,
    ) -> Result<Result<String, Absent>> {
        let found = python.versions(self.package, limit, stop);
        let absent = |why: String| Absent { name: self.name.into(), why };
        match found {
            Err(Error::Interrupted) => Err(Error::Interrupted),
            Err(error) => Ok(Err(absent(why(self.package, &error)))),
            Ok(versions) => Ok(version(self.package, &versions).map_err(absent)),
        }
    }
}

/// An interpreter of Python.
#[derive(Clone, Debug)]
pub struct Python(OsString);

impl Python {
    /// The one that `BLINDMATCH_PYTHON` names, or `python3`.
    pub fn from_environment() -> Python {
        let named = std::env::var_os("BLINDMATCH_PYTHON").filter(|name| !name.is_empty());
        Python(named.unwrap_or_else(|| "python3".into()))
    }

    /// This one.
    pub fn new(program: impl Into<OsString>) -> Python {
        Python(program.into())
    }

    fn versions(&self, package: &Package, limit: Duration, stop: &AtomicBool) -> Result<Versions> {
        let Package { name, module, .. } = package;
        let mut command = Command::new(&self.0);
        // Not from where we happen to be: see `Peer::side`.
        command.current_dir(std::env::temp_dir()).arg("-c").arg(format!(
            "import json, sys, platform, importlib.metadata, os\n\
             sys.path = [path for path in sys.path if path]\n\
             say = os.dup(1); os.dup2(2, 1)\n\
             import {module}\n\
             found = {{'python': platform.python_version(), \
                 '{name}': importlib.metadata.version('{name}')}}\n\
             os.write(say, ('ready ' + json.dumps(found) + '\\n').encode())"
        ));
        let mut process = Process::start(&mut command, &format!("Python package {name}"))?;
        process.ready(limit, stop)
    }
}

fn version(package: &Package, versions: &Versions) -> Result<String, String> {
    match (versions.get(package.name), versions.get("python")) {
        (Some(own), Some(python)) => Ok(format!("{own} (Python {python})")),
        _ => Err(format!("the package {} does not tell its version", package.name)),
    }
}

/// With the remedy.
fn why(package: &Package, error: &Error) -> String {
    let Package { name, known, .. } = package;
    format!("{error}; `pip install {name}=={known}` for `python3` or $BLINDMATCH_PYTHON")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);

    fn find(python: &Python) -> Result<Result<String, Absent>> {
        ALL[0].find(python, LIMIT, &AtomicBool::new(false))
    }

    #[test]
    fn every_name_is_found_and_is_one_of_a_kind() {
        for peer in &ALL {
            assert_eq!(Peer::named(peer.name), Some(peer));
            assert!(ALL.iter().filter(|other| other.name == peer.name).count() == 1);
        }
        assert_eq!(Peer::named("openmined"), None);
    }

    #[test]
    fn an_absent_interpreter_is_a_reason() {
        let absent = find(&Python::new("/nowhere/python3")).unwrap().unwrap_err();
        assert_eq!(absent.name, "openmined-raw");
        assert!(absent.why.contains("No such file"), "{}", absent.why);
        assert!(absent.why.contains("pip install openmined-psi==2.0.6"), "{}", absent.why);
    }

    #[cfg(unix)]
    #[test]
    fn an_interpreter_without_the_library_is_a_reason() {
        // Takes its arguments and fails as Python does.
        let folder = folder::Folder::new().unwrap();
        let program = folder.path().join("python");
        let text = "#!/bin/sh\necho Traceback >&2\n\
                    echo \"ModuleNotFoundError: No module named 'private_set_intersection'\" >&2\nexit 1\n";
        std::fs::write(&program, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&program, mode).unwrap();
        let absent = find(&Python::new(program)).unwrap().unwrap_err();
        assert!(
            absent.why.contains("No module named 'private_set_intersection'"),
            "{}",
            absent.why
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_signal_ends_the_search() {
        let found = ALL[0].find(&Python::new("cat"), LIMIT, &AtomicBool::new(true));
        assert!(matches!(found, Err(Error::Interrupted)));
    }
}
