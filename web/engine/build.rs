//! What the engine has to know of the library's sounds, as a table: the module carries neither the manifest, which is
//! mostly for people, nor what would read it.

use keyboardia_session::Manifest;
use std::{env, error::Error, fmt::Write, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let mut table = String::from("&[\n");
    for sound in Manifest::builtin()?.sounds {
        let (id, length, looped, frames) = (sound.id.as_str(), sound.length(), sound.looped, sound.frames);
        let ticks = length.0;
        writeln!(table, "Known {{ id: {id:?}, length: Beats({ticks}), looped: {looped}, frames: {frames} }},")?;
    }
    table.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("known.rs"), table)?;
    Ok(())
}
