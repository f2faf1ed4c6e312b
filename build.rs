//! Tells the crate what compiles it and from which commit, for the records of benchmarks. Nothing depends on either:
//! outside a repository of its own the commit is unknown.

use std::path::Path;
use std::process::Command;

fn main() {
    for path in ["build.rs", "Cargo.toml", "Cargo.lock", "src"] {
        println!("cargo::rerun-if-changed={path}");
    }
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiler = run(&rustc, &["-V"]).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo::rustc-env=BLINDMATCH_COMPILER={compiler}");
    println!("cargo::rustc-env=BLINDMATCH_COMMIT={}", commit().unwrap_or_default());
}

/// Of the repository whose root this crate is: another one, such as that of who vendors it, tells nothing.
fn commit() -> Option<String> {
    let root = run("git", &["rev-parse", "--show-toplevel"])?;
    let same = |path: &str| Path::new(path).canonicalize().ok();
    if same(&root)? != same(&std::env::var("CARGO_MANIFEST_DIR").ok()?)? {
        return None;
    }
    let log = run("git", &["rev-parse", "--git-path", "logs/HEAD"]);
    if let Some(log) = log.filter(|log| Path::new(log).exists()) {
        println!("cargo::rerun-if-changed={log}");
    }
    let commit = run("git", &["rev-parse", "--short=12", "HEAD"])?;
    let changed = run("git", &["status", "--porcelain", "--", "src", "Cargo.toml", "Cargo.lock"])?;
    Some(if changed.is_empty() { commit } else { commit + "-dirty" })
}

/// What a program says, if it is there and succeeds.
fn run(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
