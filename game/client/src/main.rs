//! The program: reads the command line and opens the window.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    keyboardia::run(keyboardia::Cli::parse())
}
