//! What the servers of both flows share: flags, what they refuse at once, and the wait for peers.

use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use blindmatch::server::{Options, Server};
use blindmatch::transport::tls::{Endpoint, Secured};
use blindmatch::{Error, Result};
use clap::Args;

use super::args::{seconds, sessions};
use super::{Shared, output};

#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
pub struct ServingArgs {
    /// Sessions at a time; more are turned away, and so is the third of one peer
    #[arg(long, default_value = "4", value_parser = sessions, value_name = "N")]
    max_sessions: u32,
    /// Stop after this many sessions
    #[arg(long, value_parser = sessions, value_name = "N")]
    sessions: Option<u32>,
    /// When told to stop: how long running sessions may go on, in seconds
    #[arg(long, default_value = "30", value_parser = seconds, value_name = "SECONDS")]
    grace: Duration,
}

impl ServingArgs {
    /// Has `session` speak with every peer that comes, until told to stop.
    pub fn run<H>(
        &self,
        listen: &str,
        endpoint: Endpoint,
        shared: &Shared,
        session: H,
    ) -> Result<()>
    where
        H: Fn(Secured, &AtomicBool, u64) -> Result<()> + Sync,
    {
        let mut options = Options::default();
        options.max_sessions = self.max_sessions as usize;
        options.sessions = self.sessions.map(u64::from);
        options.grace = self.grace;
        let server = Server::bind(listen, endpoint, options)?;
        if !shared.quiet {
            shared.bars.print(&format!("listening on {}", server.local_addr()), false);
        }
        let served = server.run(&shared.shutdown, session)?;
        if !shared.quiet {
            let (begun, failed) = (served.begun, served.failed);
            shared.bars.print(&format!("sessions: {begun}, of which failed: {failed}"), false);
        }
        Ok(())
    }
}

/// That the files of a list can be read again, and that there will be room for results.
pub fn check<'a>(mut files: impl Iterator<Item = &'a Path>, results: Option<&Path>) -> Result<()> {
    if files.any(output::is_dash) {
        return Err(Error::Misuse(
            "a server reads its lists again when they change: name files, not `-`".into(),
        ));
    }
    if let Some(folder) = results {
        let above = |folder: &Path| match folder.as_os_str().is_empty() {
            true => Path::new(".").canonicalize(),
            false => folder.canonicalize(),
        };
        if let Some(there) = folder.ancestors().find_map(|folder| above(folder).ok()) {
            output::outside_rooms(folder, &there)?;
        }
        let made = fs::create_dir_all(folder);
        made.map_err(Error::io(format!("making the folder {}", folder.display())))?;
        output::try_to_write(folder)?;
    }
    Ok(())
}
