//! What a bench found, as a table for people and flat JSON for programs.

use serde_json::{Map, Value, json};
use std::path::PathBuf;

/// A list of named numbers.
#[derive(Debug, Default)]
pub struct Report {
    values: Map<String, Value>,
}

impl Report {
    /// Nothing found yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Notes and prints a number, with its target as words.
    pub fn add(&mut self, key: &str, value: f64, target: &str) {
        println!("{key:<36} {value:>14.4}   {target}");
        self.values.insert(key.to_owned(), json!(value));
    }

    /// Writes the file that `--json FILE` names on the command line, if any.
    pub fn finish(self) {
        let mut arguments = std::env::args().skip_while(|argument| argument != "--json").skip(1);
        if let Some(path) = arguments.next().map(PathBuf::from) {
            // cargo runs benches in the package's folder; people mean the one that they called from.
            let base = std::env::var_os("PWD").map(PathBuf::from).unwrap_or_default();
            let path = if path.is_absolute() { path } else { base.join(path) };
            let text = serde_json::to_string_pretty(&Value::Object(self.values)).expect("numbers are JSON");
            std::fs::write(&path, text + "\n")
                .unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
        }
    }
}
