//! The command line of blindmatch: a thin layer over the library.
#![deny(unsafe_code)]

mod cli;

fn main() -> std::process::ExitCode {
    cli::main()
}
