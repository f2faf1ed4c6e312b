//! Runs the program as a user does: in a folder of its own, with arguments as they are typed.
#![allow(dead_code)] // each test binary uses its part

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

/// No run takes nearly as long; one that does hangs.
const HANGS: Duration = Duration::from_secs(60);

/// A folder to work in.
pub struct Folder(TempDir);

/// What a run left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Folder {
        Folder(TempDir::new().unwrap())
    }

    /// With the example lists.
    pub fn with_examples() -> Folder {
        let folder = Folder::new();
        for name in ["advertiser.csv", "platform.csv", "suppress.csv"] {
            fs::copy(example(name), folder.path(name)).unwrap();
        }
        folder
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        fs::write(self.path(name), content).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    /// Files and folders, by name.
    pub fn names(&self, below: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(below)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The program with arguments that are parted by blanks, ready to run here.
    pub fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_blindmatch"));
        command.args(line.split_whitespace()).current_dir(self.0.path());
        command.env("COLUMNS", "100").env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, line: &str) -> Ran {
        finish(self.command(line))
    }

    pub fn run_with_input(&self, line: &str, input: &str) -> Ran {
        let mut command = self.command(line);
        command.stdin(File::open(self.path(input)).unwrap());
        finish(command)
    }

    /// Of a run that must succeed: what it wrote to standard output.
    pub fn stdout(&self, line: &str) -> String {
        let ran = self.run(line);
        assert_eq!(ran.code, Some(0), "{line}: {}", ran.stderr);
        String::from_utf8(ran.stdout).unwrap()
    }

    /// The report of a run that must succeed.
    pub fn report(&self, line: &str) -> Value {
        serde_json::from_str(&self.stdout(&format!("{line} --report -"))).unwrap()
    }

    /// The rows of a CSV file, the header first.
    pub fn rows(&self, name: &str) -> Vec<Vec<String>> {
        rows(&self.read(name))
    }

    /// Keys for both parties: `advertiser.key` and so on.
    pub fn make_keys(&self) {
        for name in ["advertiser", "platform"] {
            self.stdout(&format!("keygen {name}"));
        }
    }
}

pub fn example(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/data").join(name)
}

pub fn rows(text: &str) -> Vec<Vec<String>> {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect()
}

/// Runs to the end. Output goes through files, so that nobody has to read pipes meanwhile.
pub fn finish(mut command: Command) -> Ran {
    let [mut stdout, mut stderr] = [(); 2].map(|()| tempfile::tempfile().unwrap());
    command.stdout(stdout.try_clone().unwrap()).stderr(stderr.try_clone().unwrap());
    let code = wait(command.spawn().unwrap());
    Ran { code, stdout: content(&mut stdout), stderr: text(content(&mut stderr)) }
}

/// Waits for the end of a process, but not for ever.
pub fn wait(mut child: Child) -> Option<i32> {
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if started.elapsed() > HANGS {
            child.kill().unwrap();
            panic!("hangs");
        }
        thread::sleep(Duration::from_millis(2));
    }
}

fn content(file: &mut File) -> Vec<u8> {
    use std::io::Seek as _;
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

/// A server that runs in a folder, on a port of its own.
pub struct Server {
    child: Option<Child>,
    stdout: BufReader<ChildStdout>,
    pub address: String,
    log: PathBuf,
}

impl Server {
    /// Serves `platform.csv` with `platform.key` to whoever `advertiser.pub` names.
    pub fn start(folder: &Folder, flags: &str) -> Server {
        let line = "serve --list platform.csv --listen 127.0.0.1:0 --identity platform.key";
        Server::of(folder, &format!("{line} --trust advertiser.pub {flags}"))
    }

    pub fn of(folder: &Folder, line: &str) -> Server {
        Server::with(folder, line, |_| {})
    }

    pub fn with(folder: &Folder, line: &str, change: impl FnOnce(&mut Command)) -> Server {
        let log = folder.path("server.log");
        let mut command = folder.command(line);
        change(&mut command);
        command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        stdout.read_line(&mut first).unwrap();
        let address = first.strip_prefix("listening on ").map(|a| a.trim().to_owned());
        let child = Some(child);
        let log_now = || fs::read_to_string(&log).unwrap();
        let address = address.unwrap_or_else(|| panic!("{first}{}", log_now()));
        Server { child, stdout, address, log }
    }

    /// The command of an advertiser who matches with this server.
    pub fn visit(&self, flags: &str) -> String {
        let keys = "--identity advertiser.key --trust platform.pub";
        format!("connect --list advertiser.csv --peer {} {keys} {flags}", self.address)
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until the log has a word as often as this.
    pub fn wait_for(&self, word: &str, times: usize) {
        let started = Instant::now();
        while self.log().matches(word).count() < times {
            assert!(started.elapsed() < HANGS, "never logs {word:?}: {}", self.log());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Sends a signal, by its short name.
    pub fn signal(&self, name: &str) {
        let id = self.child.as_ref().unwrap().id();
        let kill = format!("kill -{name} {id}");
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ran {
        let code = wait(self.child.take().unwrap());
        let mut stdout = Vec::new();
        self.stdout.read_to_end(&mut stdout).unwrap();
        Ran { code, stdout, stderr: self.log() }
    }

    /// Asks it to stop and waits for its end.
    pub fn stop(self) -> Ran {
        self.signal("TERM");
        self.end()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = (child.kill(), child.wait()); // the test has failed already
        }
    }
}
