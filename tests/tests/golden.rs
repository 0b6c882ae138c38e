//! What the window looks like at four sizes, compared with the pictures in `tests/golden`, and that no text is cut.
//!
//! `KEYBOARDIA_GOLDEN=refresh ./test golden` takes the pictures anew. Names, addresses and times differ from run to run:
//! the panel at the right and the end of the bar at the top are covered. A picture is melted down to the size at which it
//! is kept, so that edges drawn a little differently by another driver do not matter, and a moved button does.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_tests::{
    process::{Running, window},
    stage::{Picture, Screen, file},
};
use serde_json::Value;
use std::{
    fmt::Write,
    path::{Path, PathBuf},
    time::Duration,
};
use tempfile::TempDir;

/// Sizes of the window, and how many pixels of a side become one in the kept picture.
const SIZES: [(usize, usize, usize); 4] = [(1024, 600, 2), (1280, 720, 2), (1920, 1080, 3), (2560, 1440, 4)];
const SCRIPT_LIMIT: Duration = Duration::from_mins(4);
/// How far a picture may be from the kept one, steps of brightness: over all, and in its worst pixel.
const MEAN_MAX: f64 = 0.6;
const WORST_MAX: f64 = 40.0;
/// Share of the bar at the top, from the right, that shows times.
const TIMES_SHARE: f64 = 0.42;
const REFRESH: &str = "KEYBOARDIA_GOLDEN";

fn golden(name: &str) -> PathBuf {
    // Asked while it runs: a build may be older than the place where the tree lies now.
    PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("golden").join(name)
}

/// Takes pictures of a scene at every size; gives each with the layout and the cut texts that were printed with it.
fn taken(scene: &str, arguments: &[&str], begin: &str) -> Vec<(Picture, Value, Value)> {
    let (screen, dir) = (Screen::open(2560, 1440), TempDir::new().unwrap());
    let mut script = format!("{begin}freeze\n");
    for (width, height, _) in SIZES {
        let picture = format!("{scene}-{width}x{height}.png");
        // The pointer of the screen may lie anywhere; ours goes where nothing is under it.
        writeln!(script, "resize {width}x{height}\nwait size {width}x{height}\nmove 2 2\nwait frames 12").unwrap();
        writeln!(script, "print layout\nprint clipped\nscreenshot {picture}").unwrap();
    }
    let script = file(&dir, "script", &(script + "quit\n"));
    // Who has chosen nothing is given a picture by chance, and hints come when there is room for them.
    let settings = r##"{"avatar":3,"colour":"#4cc9ff","hints_seen":{"press":true,"together":true,"more":true}}"##;
    file(&dir, "settings.json", settings);
    let mut command = window(&screen.display, dir.path());
    command.args(["--silent", "--name", "Ada", "--size", "1024x600"]).args(arguments).arg("--script").arg(script);
    let (status, said, errors) = Running::start(&mut command).finish(SCRIPT_LIMIT);
    assert!(status.success(), "{status}: {errors}");
    let lines: Vec<Value> =
        said.lines().filter(|line| line.starts_with('{')).map(|line| serde_json::from_str(line).unwrap()).collect();
    let picture = |(width, height, _)| {
        let picture = Picture::read(&dir.path().join(format!("{scene}-{width}x{height}.png")));
        assert_eq!((picture.width, picture.height), (width, height), "the window has the size that was asked for");
        picture
    };
    SIZES
        .into_iter()
        .zip(lines.chunks_exact(2))
        .map(|(size, said)| (picture(size), said[0].clone(), said[1].clone()))
        .collect()
}

fn pixels(rect: &Value) -> [usize; 4] {
    std::array::from_fn(|side| rect[side].as_f64().unwrap().max(0.0) as usize)
}

/// Compares a scene with the kept pictures, or keeps it.
fn compare(scene: &str, taken: Vec<(Picture, Value, Value)>, covers: bool) {
    let mut complaints = Vec::new();
    assert_eq!(taken.len(), SIZES.len());
    for ((width, height, side), (mut picture, layout, clipped)) in SIZES.into_iter().zip(taken) {
        let name = format!("{scene}-{width}x{height}.png");
        if clipped["clipped"] != serde_json::json!([]) {
            complaints.push(format!("{name}: these texts are cut: {}", clipped["clipped"]));
        }
        if covers {
            let transport = pixels(&layout["transport"]);
            let times = (transport[2] as f64 * TIMES_SHARE) as usize;
            picture.cover(pixels(&layout["side"]));
            picture.cover([transport[0] + transport[2] - times, transport[1], times, transport[3]]);
        }
        let picture = picture.shrunk(side);
        let path = golden(&name);
        if std::env::var_os(REFRESH).is_some_and(|value| value == "refresh") {
            picture.write(&path);
            continue;
        }
        assert!(path.is_file(), "{} is missing; {REFRESH}=refresh ./test golden takes it", path.display());
        let kept = Picture::read(&path);
        let apart = picture.apart(&kept);
        if apart.mean > MEAN_MAX || apart.worst > WORST_MAX {
            let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
            picture.write(&now);
            complaints.push(format!("{name}: {apart:?}; {} shows how it is now", now.display()));
        }
    }
    assert!(complaints.is_empty(), "{complaints:#?}\nif they are as they should be: {REFRESH}=refresh ./test golden");
}

#[test]
fn the_title_looks_as_it_did_and_no_text_is_cut() {
    compare("title", taken("title", &["--title"], "wait title\n"), false);
}

#[test]
fn the_jam_at_rest_looks_as_it_did_and_no_text_is_cut() {
    // Notices come and go.
    let begin = "wait joined\nwait loaded\nwait quiet\n";
    compare("jam", taken("jam", &["--port", "0"], begin), true);
}
