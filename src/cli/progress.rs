//! Progress bars: on a terminal, on standard error, and nowhere else.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use blindmatch::protocol::{Phase, Progress};
use blindmatch::transport::Observer;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

/// The bars of one command.
#[derive(Clone)]
pub struct Bars(MultiProgress);

impl Bars {
    pub fn new(quiet: bool) -> Bars {
        let shown = !quiet && io::stderr().is_terminal();
        let hidden = ProgressDrawTarget::hidden;
        Bars(MultiProgress::with_draw_target(if shown {
            ProgressDrawTarget::stderr()
        } else {
            hidden()
        }))
    }

    /// Prints a line without disturbing the bars.
    pub fn print(&self, line: &str, to_stderr: bool) {
        // A reader that left early (`| head`) is no error.
        let _ = self.0.suspend(|| match to_stderr {
            true => writeln!(io::stderr(), "{line}"),
            false => writeln!(io::stdout(), "{line}"),
        });
    }

    /// A bar for reading a list of unknown length.
    pub fn reading(&self, what: &str) -> ProgressBar {
        let style = styled("{spinner} {prefix:<11} reading   {human_pos:>11} rows  {rate}");
        let style = style.with_key("rate", |state: &ProgressState, out: &mut dyn fmt::Write| {
            let _ = write!(out, "{:.0}/s", state.per_sec()); // writing to a string does not fail
        });
        let bar = self.0.add(ProgressBar::no_length().with_style(style));
        bar.set_prefix(what.to_owned());
        bar
    }

    /// A bar over runs of a benchmark.
    pub fn rounds(&self, what: &str, length: u64) -> ProgressBar {
        let style =
            styled("{spinner} {prefix:<14} {bar:30} {human_pos:>6}/{human_len} runs {eta:>4}");
        let bar = self.0.add(ProgressBar::new(length).with_style(style));
        bar.set_prefix(what.to_owned());
        bar
    }

    /// A bar that shows how far one side of a session is.
    pub fn session(&self, who: &str) -> SessionBar {
        let style = "{spinner} {prefix:<11} {msg:<9} {bar:30} {human_pos:>11}/{human_len} {eta:>4}";
        let bar = self.0.add(ProgressBar::new(1).with_style(styled(style)));
        bar.set_prefix(who.to_owned());
        SessionBar { bar, phase: None }
    }
}

fn styled(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are valid")
}

/// Shows a session's progress.
pub struct SessionBar {
    bar: ProgressBar,
    phase: Option<Phase>,
}

impl Observer for SessionBar {
    fn progress(&mut self, progress: Progress) {
        if self.phase != Some(progress.phase) {
            self.phase = Some(progress.phase);
            self.bar.set_position(0); // else it stands beyond the new length for a moment
            self.bar.reset_eta();
            self.bar.set_message(progress.phase.name());
            self.bar.set_length(progress.total);
        }
        self.bar.set_position(progress.done);
    }
}

impl Drop for SessionBar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
