//! `blindmatch keygen`.

use std::fs;
use std::path::{Path, PathBuf};

use blindmatch::transport::identity::Identity;
use blindmatch::{Error, Result};

use super::Shared;
use super::args::KeygenArgs;

pub fn run(args: &KeygenArgs, shared: &Shared) -> Result<()> {
    if args.name.file_name().is_none() || args.name.as_os_str().to_string_lossy().ends_with('/') {
        return Err(Error::Misuse("keygen takes the name of a key, such as keys/platform".into()));
    }
    let (private, public) = (with_ending(&args.name, "key"), with_ending(&args.name, "pub"));
    let identity = Identity::generate();
    let name = args.name.file_name().map(|name| name.to_string_lossy().into_owned());
    let line = identity.public().clone().with_comment(&name.unwrap_or_default());
    identity.save(&private)?;
    line.save(&public).inspect_err(|_| {
        let _ = fs::remove_file(&private); // half a pair is of no use, and in the way of the next try
    })?;
    if !shared.quiet {
        let say = |text: String| shared.bars.print(&text, false);
        say(format!("{}: the private key; keep it on this machine", private.display()));
        say(format!("{}: the public key; give it to your peers", public.display()));
        say(line.to_string());
        say(line.fingerprint());
    }
    Ok(())
}

/// Appends an ending, whatever dots the name has.
fn with_ending(name: &Path, ending: &str) -> PathBuf {
    let mut name = name.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}
