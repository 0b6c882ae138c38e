//! The program: reads the command line, or the page's address, and opens the window.

use std::process::ExitCode;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> ExitCode {
    use clap::Parser;

    keyboardia::run(keyboardia::Cli::parse())
}

#[cfg(target_arch = "wasm32")]
fn main() -> ExitCode {
    keyboardia::run_in_page()
}
