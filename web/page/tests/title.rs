//! The page as the packer lays it out, served by a host, in Chromium. The game and its sound are stand-ins from
//! `fixture`; what is tried is in `title.mjs`.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

use keyboardia_server::{Host, HostConfig, PageDir};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// A module of one memory, exported as `memory`.
const MODULE: &[u8] = b"\0asm\x01\0\0\0\x05\x03\x01\x00\x01\x07\x0a\x01\x06memory\x02\x00";
/// A section of 500,000 bytes of no meaning, so that there is something to wait for.
const FILLER: &[u8] = b"\0\xa3\xc2\x1e\x02no";
const FILLER_BYTES: usize = 500_000;

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn copy_into(dir: &Path, from: &Path, kinds: &[&str]) {
    for entry in fs::read_dir(from).unwrap() {
        let path: PathBuf = entry.unwrap().path();
        if path.extension().is_some_and(|kind| kinds.contains(&kind.to_str().unwrap())) {
            fs::copy(&path, dir.join(path.file_name().unwrap())).unwrap();
        }
    }
}

/// Packs the page with stand-ins for what others write.
fn pack(dir: &Path) -> PathBuf {
    let (page, sounds, out) = (dir.join("page"), dir.join("sounds"), dir.join("dist"));
    for made in [&page, &sounds] {
        fs::create_dir(made).unwrap();
    }
    copy_into(&page, here(), &["html", "css", "js", "webmanifest"]);
    copy_into(&page, &here().join("tests/fixture"), &["js"]);
    fs::write(sounds.join("manifest.json"), "{}").unwrap();
    let filler = [FILLER, &vec![7; FILLER_BYTES][..]].concat();
    fs::write(dir.join("game.wasm"), [MODULE, &filler[..]].concat()).unwrap();
    fs::write(dir.join("engine.wasm"), MODULE).unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_keyboardia-page"))
        .arg("pack")
        .arg("--client")
        .arg(dir.join("game.wasm"))
        .arg("--engine")
        .arg(dir.join("engine.wasm"))
        .arg("--page")
        .arg(page)
        .arg("--sounds")
        .arg(sounds)
        .arg("--typeface")
        .arg(here().join("../../assets/fonts/Inter-subset.ttf"))
        .arg("--out")
        .arg(&out)
        .args(["--brotli", "5"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    out
}

#[test]
fn the_page_loads_starts_and_says_what_is_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    let page = PageDir::find(Some(&pack(dir.path()))).unwrap();
    let host = Host::start(HostConfig { page, ..HostConfig::loopback() }).unwrap();
    let origin = format!("http://{}", host.http_addr());
    let tried = Command::new("node").arg(here().join("tests/title.mjs")).arg(origin).output();
    let tried = tried.expect("Node.js and Chromium run; ./test installs them");
    let said = String::from_utf8_lossy(&tried.stdout) + String::from_utf8_lossy(&tried.stderr);
    assert!(tried.status.success(), "{said}");
    println!("{said}");
}
