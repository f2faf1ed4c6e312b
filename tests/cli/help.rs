//! What the program says about itself, frozen. `SNAPSHOTS=overwrite cargo test` writes it anew.

use std::path::Path;

use snapbox::Data;

use crate::program::Folder;

fn assert_help(command: &str, name: &str) {
    let help = Folder::new().stdout(command);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(name);
    snapbox::assert_data_eq!(help, Data::read_from(&path, None));
}

#[test]
fn help() {
    assert_help("--help", "help.txt");
    for command in
        ["match", "check", "keygen", "prepare", "serve", "connect", "budget", "bench", "plan"]
    {
        assert_help(&format!("{command} --help"), &format!("help-{command}.txt"));
    }
    assert_help("pair --help", "help-pair.txt");
    for command in ["keygen", "keys", "rotate", "serve", "connect", "match", "map", "activate"] {
        assert_help(&format!("pair {command} --help"), &format!("help-pair-{command}.txt"));
    }
}

#[test]
fn version() {
    let expected = concat!("blindmatch ", env!("CARGO_PKG_VERSION"), "\n");
    assert_eq!(Folder::new().stdout("--version"), expected);
}

#[test]
fn no_command_shows_the_help_as_an_error() {
    let ran = Folder::new().run("");
    assert_eq!(ran.code, Some(2));
    assert!(ran.stderr.contains("Usage: blindmatch [OPTIONS] <COMMAND>"), "{}", ran.stderr);
}
