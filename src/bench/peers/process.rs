//! One side of a run, in a process of its own, which speaks over lines.
//!
//! ```text
//! we start it
//!     <- ready {"python": "3.11.7", "spu": "0.9.5"}      versions; it has loaded its list
//! go  ->
//!     <- {"cpu": 0.2, "peak_memory": 240369664, "phases": {"psi": 0.4}, "matched": 2048}
//!                                                        then it writes the matched rows
//!     it ends with 0
//! ```
//!
//! Its lines are hostile: bounded, and read for figures alone. Of what it says on standard error, the last line is
//! told where it fails, without anything that looks like an address. It is killed when this is dropped, and ends by
//! itself when its standard input does.

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::error::{Error, Result};

/// A side that is running.
pub struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<Line>,
    complaint: Receiver<String>,
}

/// What a side says of its run.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Said {
    /// Seconds of CPU time, of all its threads, since it was told to go.
    pub cpu: f64,
    /// The most memory that it held, in bytes: with its interpreter, its libraries and its list.
    pub peak_memory: Option<u64>,
    /// Seconds on the wall by phase, by its own names.
    pub phases: BTreeMap<String, f64>,
    /// How many rows matched.
    pub matched: u64,
}

/// By the name of what has it.
pub type Versions = BTreeMap<String, String>;

/// When a line came, and what it says.
type Line = (Instant, String);

impl Process {
    /// Starts it. `name` is what errors call it.
    ///
    /// # Errors
    /// [`Error::Io`] where it does not start.
    pub fn start(command: &mut Command, name: &str) -> Result<Process> {
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        in_own_group(command);
        let mut child = command.spawn().map_err(Error::io(format!("starting {name}")))?;
        let (input, output, complaints) =
            (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || output.map(|output| pass_on(output, &sender)));
        let (last, complaint) = mpsc::channel();
        thread::spawn(move || last.send(complaints.map(last_line).unwrap_or_default()));
        Ok(Process { name: name.into(), child, input, lines, complaint })
    }

    /// Waits until it is ready. Returns what it is made of: a version for each name.
    ///
    /// # Errors
    /// [`Error::Io`] where it fails, says something else or nothing; [`Error::Interrupted`].
    pub fn ready(&mut self, limit: Duration, stop: &AtomicBool) -> Result<Versions> {
        let line = self.line(limit, stop)?;
        self.as_versions(&line)
    }

    /// The same for both sides of a run, which may need one another.
    ///
    /// # Errors
    /// As [`Process::ready`]; of both, where both fail at once.
    pub fn both_ready(
        sides: &mut [Process; 2],
        limit: Duration,
        stop: &AtomicBool,
    ) -> Result<[Versions; 2]> {
        both(sides, limit, stop, Process::as_versions)
    }

    /// Tells it to go.
    ///
    /// # Errors
    /// [`Error::Io`] where it has ended.
    pub fn go(&mut self) -> Result<()> {
        let told = match &mut self.input {
            Some(input) => input.write_all(b"go\n").and_then(|()| input.flush()),
            None => Err(io::ErrorKind::BrokenPipe.into()),
        };
        told.map_err(|error| self.failed(error))
    }

    /// Waits until both sides have run. Returns when each said so, and what.
    ///
    /// # Errors
    /// As [`Process::both_ready`].
    pub fn both_results(
        sides: &mut [Process; 2],
        limit: Duration,
        stop: &AtomicBool,
    ) -> Result<[(Instant, Said); 2]> {
        both(sides, limit, stop, Process::as_said)
    }

    /// Waits until it has ended.
    ///
    /// # Errors
    /// [`Error::Io`] where it fails, says more, or does not end; [`Error::Interrupted`].
    pub fn end(mut self, limit: Duration, stop: &AtomicBool) -> Result<()> {
        match self.next(limit, stop)? {
            Some(_) => Err(self.unclear()),
            // Its output has ended, and so will it.
            None => match self.status(Instant::now() + limit, stop)? {
                true => Ok(()),
                false => Err(self.ended()),
            },
        }
    }

    /// A line, which is due.
    fn line(&mut self, limit: Duration, stop: &AtomicBool) -> Result<Line> {
        self.next(limit, stop)?.ok_or_else(|| self.ended())
    }

    /// A line, if there is one by now.
    fn line_by_now(&mut self) -> Option<Result<Line>> {
        match self.lines.try_recv() {
            Ok(line) => Some(Ok(line)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(self.ended())),
        }
    }

    fn as_versions(&self, (_, line): &Line) -> Result<Versions> {
        let versions = line.strip_prefix("ready ").and_then(|json| serde_json::from_str(json).ok());
        let versions: Versions = versions.ok_or_else(|| self.unclear())?;
        let plain = |text: &str| text.len() <= 64 && text.bytes().all(|b| b.is_ascii_graphic());
        let fine = versions.len() <= 16 && versions.iter().all(|(a, b)| plain(a) && plain(b));
        if fine { Ok(versions) } else { Err(self.unclear()) }
    }

    fn as_said(&self, (when, line): &Line) -> Result<(Instant, Said)> {
        let said: Option<Said> = serde_json::from_str(line).ok();
        let said = said.filter(Said::is_sound).ok_or_else(|| self.unclear())?;
        Ok((*when, said))
    }

    /// A line, or none where there will be no more.
    fn next(&mut self, limit: Duration, stop: &AtomicBool) -> Result<Option<Line>> {
        let deadline = Instant::now() + limit;
        loop {
            if stop.load(Ordering::Relaxed) {
                return Err(Error::Interrupted);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            match self.lines.recv_timeout(LOOK_UP.min(left)) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) if Instant::now() < deadline => {}
                Err(RecvTimeoutError::Timeout) => return Err(self.silent(limit)),
            }
        }
    }

    /// Whether it ended well.
    fn status(&mut self, deadline: Instant, stop: &AtomicBool) -> Result<bool> {
        loop {
            let ended = self.child.try_wait().map_err(|error| self.failed(error))?;
            match ended {
                Some(status) => return Ok(status.success()),
                None if stop.load(Ordering::Relaxed) => return Err(Error::Interrupted),
                None if Instant::now() >= deadline => {
                    let text = "it says nothing more, and does not end";
                    return Err(self.failed(io::Error::new(io::ErrorKind::TimedOut, text)));
                }
                None => thread::sleep(LOOK_UP),
            }
        }
    }

    fn silent(&self, limit: Duration) -> Error {
        let text = format!("no answer for {} s", limit.as_secs());
        self.failed(io::Error::new(io::ErrorKind::TimedOut, text))
    }

    fn unclear(&self) -> Error {
        self.failed(io::Error::new(io::ErrorKind::InvalidData, "it says what it should not"))
    }

    /// It ended where it should not have: with what it said last.
    fn ended(&mut self) -> Error {
        let _ = self.child.kill(); // where it closed its output without ending
        let status = match self.child.wait() {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        // Something that it started may hold its standard error open: no endless wait for that.
        let text = match self.complaint.recv_timeout(Duration::from_secs(1)).unwrap_or_default() {
            complaint if complaint.is_empty() => format!("it ended ({status})"),
            complaint => format!("it ended ({status}): {complaint}"),
        };
        self.failed(io::Error::other(text))
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::io(self.name.clone())(error)
    }
}

/// Waits for a line from each side. Where one fails the other is not waited for, but what it has to say
/// of the same failure is told as well.
fn both<T>(
    sides: &mut [Process; 2],
    limit: Duration,
    stop: &AtomicBool,
    read: impl Fn(&Process, &Line) -> Result<T>,
) -> Result<[T; 2]> {
    let mut deadline = Instant::now() + limit;
    let mut got: [Option<Result<T>>; 2] = [None, None];
    while got.iter().any(Option::is_none) && Instant::now() < deadline {
        if stop.load(Ordering::Relaxed) {
            return Err(Error::Interrupted);
        }
        for (side, got) in sides.iter_mut().zip(&mut got).filter(|(_, got)| got.is_none()) {
            *got = side.line_by_now().map(|line| line.and_then(|line| read(side, &line)));
            if let Some(Err(_)) = got {
                deadline = deadline.min(Instant::now() + AFTERMATH);
            }
        }
        thread::sleep(LOOK_UP.min(deadline.saturating_duration_since(Instant::now())));
    }
    match got {
        [Some(Ok(first)), Some(Ok(second))] => Ok([first, second]),
        [Some(Err(first)), Some(Err(second))] => {
            let both = io::Error::other(format!("{first}; {second}"));
            Err(Error::Io { context: "both sides failed".into(), source: both })
        }
        [Some(Err(error)), _] | [_, Some(Err(error))] => Err(error),
        [None, _] => Err(sides[0].silent(limit)),
        [_, None] => Err(sides[1].silent(limit)),
    }
}

/// What a terminal sends to everything that was started there, such as Ctrl-C, does not reach what this starts: whoever
/// starts it is told, and ends it.
pub(in crate::bench) fn in_own_group(command: &mut Command) {
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(command, 0);
    #[cfg(not(unix))]
    let _ = command;
}

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended is not there to be killed, and is to be waited for all the same.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Said {
    fn is_sound(&self) -> bool {
        let time = |seconds: f64| seconds.is_finite() && seconds >= 0.0;
        let word =
            |name: &str| name.len() <= 32 && name.bytes().all(|byte| byte.is_ascii_lowercase());
        let phases = &self.phases;
        time(self.cpu)
            && phases.len() <= 16
            && phases.iter().all(|(name, &is)| word(name) && time(is))
    }
}

/// How often to look whether we are to stop. It lengthens no time: lines are stamped where they are read.
const LOOK_UP: Duration = Duration::from_millis(50);

/// How long a side that lost its peer may take to say so.
const AFTERMATH: Duration = Duration::from_millis(500);

/// The longest line that is read.
const LINE: u64 = 1 << 14;

/// Lines in all: more than any side has to say.
const LINES: usize = 8;

fn pass_on(output: impl Read, to: &Sender<Line>) {
    let mut output = BufReader::new(output);
    for _ in 0..LINES {
        let mut line = String::new();
        let read = output.by_ref().take(LINE).read_line(&mut line);
        let whole = read.is_ok() && line.ends_with('\n');
        if !whole && line.is_empty() && read.is_ok() {
            return;
        }
        // A line that is cut or no text goes on as nothing that could be understood.
        let line = if whole { line.trim_end().to_owned() } else { String::new() };
        if to.send((Instant::now(), line)).is_err() || !whole {
            return;
        }
    }
}

/// The last line that is not empty, cut to what a person would read. All of it is read, so that who
/// writes never waits.
fn last_line(complaints: impl Read) -> String {
    let mut complaints = BufReader::new(complaints);
    let (mut last, mut line) = (Vec::new(), Vec::new());
    loop {
        line.clear();
        match complaints.by_ref().take(LINE).read_until(b'\n', &mut line) {
            Err(_) | Ok(0) => return presentable(&last),
            Ok(_) if line.trim_ascii().is_empty() => {}
            Ok(_) => std::mem::swap(&mut last, &mut line),
        }
    }
}

/// Without what could be an identifier, and short.
fn presentable(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let shown = |word: &str| {
        let identifies = word.contains('@') || word.bytes().filter(u8::is_ascii_digit).count() > 6;
        let clean = word.chars().map(|char| if char.is_control() { '?' } else { char });
        if identifies { "...".to_owned() } else { clean.collect() }
    };
    let words: Vec<String> = text.split_whitespace().map(shown).collect();
    words.join(" ").chars().take(200).collect()
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(60);
    const RIGHT: &str = r#"{"cpu":0.5,"peak_memory":7,"phases":{"psi":0.25},"matched":3}"#;

    fn stub(script: &str) -> Process {
        Process::start(Command::new("sh").arg("-c").arg(script), "a stub").unwrap()
    }

    /// Two such sides, through the whole of what is said.
    fn play(script: &str, limit: Duration) -> Result<Said> {
        play_two([script, script], limit)
    }

    fn play_two(scripts: [&str; 2], limit: Duration) -> Result<Said> {
        let (mut sides, stop) = (scripts.map(stub), AtomicBool::new(false));
        Process::both_ready(&mut sides, limit, &stop)?;
        sides.iter_mut().try_for_each(Process::go)?;
        let [(_, said), _] = Process::both_results(&mut sides, limit, &stop)?;
        sides.into_iter().try_for_each(|side| side.end(limit, &stop))?;
        Ok(said)
    }

    fn talk(result: &str) -> String {
        format!(
            "echo 'ready {{\"stub\":\"1\"}}'; read go; [ \"$go\" = go ] || exit 9; echo '{result}'"
        )
    }

    fn kind(error: &Error) -> io::ErrorKind {
        match error {
            Error::Io { source, .. } => source.kind(),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_side_runs() {
        let said = play(&talk(RIGHT), LIMIT).unwrap();
        assert_eq!((said.cpu, said.peak_memory, said.matched), (0.5, Some(7), 3));
        assert_eq!(said.phases["psi"], 0.25);
        let versions = stub(&talk(RIGHT)).ready(LIMIT, &AtomicBool::new(false)).unwrap();
        assert_eq!(versions["stub"], "1");
    }

    #[test]
    fn a_crash_tells_its_last_line_without_identifiers() {
        let crash = "echo 'first' >&2; printf 'Bad: person.7@example.com, 12015550123 \\033[1m\\n\\n' >&2; exit 3";
        let error = stub(crash).ready(LIMIT, &AtomicBool::new(false)).unwrap_err().to_string();
        assert_eq!(error, "a stub: it ended (exit status: 3): Bad: ... ... ?[1m");
        let late = format!("{}; echo 'too late' >&2; exit 4", talk(RIGHT));
        let error = play(&late, LIMIT).unwrap_err().to_string();
        assert_eq!(error, "a stub: it ended (exit status: 4): too late");
        let long = "head -c 100000 /dev/zero | tr '\\0' x >&2; exit 5";
        assert!(play(long, LIMIT).unwrap_err().to_string().len() < 700);
    }

    #[test]
    fn who_failed_is_told_and_the_other_is_not_waited_for() {
        let hangs = "echo 'ready {}'; exec sleep 600";
        let crashes = "echo 'ready {}'; read go; echo 'out of memory' >&2; exit 1";
        let loses = "echo 'ready {}'; read go; sleep 0.1; echo 'the peer hung up' >&2; exit 1";
        for scripts in [[crashes, hangs], [hangs, crashes]] {
            let error = play_two(scripts, Duration::from_secs(600)).unwrap_err().to_string();
            assert_eq!(error, "a stub: it ended (exit status: 1): out of memory");
        }
        let error = play_two([loses, crashes], LIMIT).unwrap_err().to_string();
        assert!(error.contains("out of memory") && error.contains("the peer hung up"), "{error}");
    }

    #[test]
    fn silence_is_waited_for_so_long() {
        let short = Duration::from_millis(200);
        let never = [
            "exec sleep 60".to_owned(),
            "echo 'ready {}'; exec sleep 60".into(),
            format!("{}; exec >&-; exec sleep 60", talk(RIGHT)),
        ];
        for script in never {
            let error = play(&script, short).unwrap_err();
            assert_eq!(kind(&error), io::ErrorKind::TimedOut, "{script}: {error}");
        }
    }

    #[test]
    fn what_it_should_not_say_is_refused() {
        let wrong = [
            "echo hello".to_owned(),
            "echo 'ready [1]'".into(),
            format!("echo 'ready {{\"stub\":\"{}\"}}'", "9".repeat(65)),
            "head -c 100000 /dev/zero".into(),
            talk("{}"),
            talk(&RIGHT.replace("0.5", "-0.5")),
            talk(&RIGHT.replace("0.5", "1e999")),
            talk(&RIGHT.replace("psi", "person.7@example.com")),
            talk(&RIGHT.replace("3}", "3,\"more\":1}")),
            talk(&format!("{RIGHT}\n{RIGHT}")),
        ];
        for script in wrong {
            let error = play_two([&script, &talk(RIGHT)], LIMIT).unwrap_err();
            assert_eq!(kind(&error), io::ErrorKind::InvalidData, "{script}: {error}");
        }
    }

    #[test]
    fn it_is_stopped_and_leaves_nothing_behind() {
        let mut process = stub("exec sleep 600");
        let stopped = process.ready(LIMIT, &AtomicBool::new(true));
        assert!(matches!(stopped, Err(Error::Interrupted)));
        let id = process.child.id();
        drop(process);
        let kill =
            Command::new("kill").args(["-0", &id.to_string()]).stderr(Stdio::null()).status();
        assert!(!kill.unwrap().success());
    }
}
