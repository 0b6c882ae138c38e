//! What the window looks like at four sizes, compared with the pictures in `tests/golden`, and that no text is cut.
//!
//! `KEYBOARDIA_GOLDEN=refresh ./test -E 'binary(golden)'` takes the pictures anew, and those of the README as well. Names, addresses and
//! times differ from run to run: the panel at the right and the end of the bar at the top are covered. A picture is melted
//! down to the size at which it is kept, so that edges drawn a little differently by another driver do not matter, and a
//! moved button does.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_player::{Output, Player, PlayerOptions};
use keyboardia_session::{Avatar, Cell, Colour, Name, Profile, SceneId, TrackId};
use keyboardia_tests::{
    bots::ready,
    process::{Running, window},
    stage::{self, Picture, Room, Screen, file},
};
use serde_json::Value;
use std::{
    fmt::Write,
    fs,
    io::{BufRead, BufReader},
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

/// What is taken.
struct Scene<'a> {
    name: &'a str,
    /// How the window is started.
    arguments: &'a [&'a str],
    /// What is done once.
    begin: &'a str,
    /// What is done at each size, before its picture and after it.
    open: &'a str,
    close: &'a str,
    /// What differs from run to run.
    varies: &'a [Varies],
}

/// A part of the window that differs from run to run.
#[derive(Clone, Copy)]
enum Varies {
    /// Names, addresses and the connection at the right.
    Side,
    /// Times at the end of the bar at the top.
    Times,
}

/// Takes pictures of a scene at every size; gives each with the layout and the cut texts that were printed with it.
fn taken(scene: &Scene) -> Vec<(Picture, Value, Value)> {
    let (screen, dir) = (Screen::open(2560, 1440), TempDir::new().unwrap());
    let Scene { name, arguments, begin, open, close, .. } = *scene;
    let in_jam = !arguments.contains(&"--title");
    let mut script = format!("{begin}freeze\n");
    for (width, height, _) in SIZES {
        // The pointer of the screen may lie anywhere; ours goes where nothing is under it.
        writeln!(script, "resize {width}x{height}\nwait size {width}x{height}\n{open}move 2 2\nwait frames 12")
            .unwrap();
        writeln!(script, "{}", if in_jam { "wait loaded\nwait quiet" } else { "" }).unwrap();
        writeln!(script, "print layout\nprint clipped\nscreenshot {name}-{width}x{height}.png\n{close}").unwrap();
    }
    // Who has chosen nothing is given a picture by chance, and hints come when there is room for them.
    let settings = r##"{"avatar":3,"colour":"#4cc9ff","hints_seen":{"press":true,"together":true,"more":true}}"##;
    file(&dir, "settings.json", settings);
    let arguments = [&["--name", "Ada", "--size", "1024x600"][..], arguments].concat();
    let lines = stage::played(&screen, &dir, &arguments, &(script + "quit\n"));
    let picture = |(width, height, _)| {
        let picture = Picture::read(&dir.path().join(format!("{name}-{width}x{height}.png")));
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

/// Whether pictures are to be taken anew.
fn refreshes() -> bool {
    std::env::var_os(REFRESH).is_some_and(|value| value == "refresh")
}

/// Compares a scene with the kept pictures, or keeps it.
fn compare(scene: &Scene) {
    let (name, taken) = (scene.name, taken(scene));
    let mut complaints = Vec::new();
    assert_eq!(taken.len(), SIZES.len());
    for ((width, height, side), (mut picture, layout, clipped)) in SIZES.into_iter().zip(taken) {
        let name = format!("{name}-{width}x{height}.png");
        if clipped["clipped"] != serde_json::json!([]) {
            complaints.push(format!("{name}: these texts are cut: {}", clipped["clipped"]));
        }
        let transport = pixels(&layout["transport"]);
        let times = (transport[2] as f64 * TIMES_SHARE) as usize;
        for varies in scene.varies {
            picture.cover(match varies {
                Varies::Side => pixels(&layout["side"]),
                Varies::Times => [transport[0] + transport[2] - times, transport[1], times, transport[3]],
            });
        }
        let picture = picture.shrunk(side);
        let path = golden(&name);
        if refreshes() {
            picture.write(&path);
            continue;
        }
        assert!(path.is_file(), "{} is missing; {REFRESH}=refresh ./test -E 'binary(golden)' takes it", path.display());
        let kept = Picture::read(&path);
        let apart = picture.apart(&kept);
        if apart.mean > MEAN_MAX || apart.worst > WORST_MAX {
            let now = Path::new(env!("CARGO_TARGET_TMPDIR")).join(&name);
            picture.write(&now);
            complaints.push(format!("{name}: {apart:?}; {} shows how it is now", now.display()));
        }
    }
    assert!(
        complaints.is_empty(),
        "{complaints:#?}\nif they are as they should be: {REFRESH}=refresh ./test -E 'binary(golden)'"
    );
}

/// Notices come and go.
const JAM: &str = "wait joined\nwait loaded\nwait quiet\n";
const PLAIN: Scene<'static> = Scene {
    name: "jam",
    arguments: &["--port", "0"],
    begin: JAM,
    open: "",
    close: "",
    varies: &[Varies::Side, Varies::Times],
};

#[test]
fn the_title_looks_as_it_did_and_no_text_is_cut() {
    compare(&Scene { name: "title", arguments: &["--title"], begin: "wait title\n", varies: &[], ..PLAIN });
}

#[test]
fn the_jam_at_rest_looks_as_it_did_and_no_text_is_cut() {
    compare(&PLAIN);
}

#[test]
fn the_menu_of_a_pad_looks_as_it_did_and_no_text_is_cut() {
    let open = "menu 1 2\nwait seen \"Duplicate\"\n";
    compare(&Scene { name: "menu", open, close: "key esc\nwait unseen \"Duplicate\"\n", ..PLAIN });
}

#[test]
fn the_library_looks_as_it_did_and_no_text_is_cut() {
    let begin = "wait joined\nwait loaded\nwait quiet\nkey l\nwait seen \"Library\"\nwait frames 3\n";
    compare(&Scene { name: "library", begin, varies: &[Varies::Times], ..PLAIN });
}

#[test]
fn the_settings_look_as_they_did_and_no_text_is_cut() {
    let begin = "wait title\nwait frames 3\npress \"Settings\"\nwait seen \"What the others call you\"\n";
    compare(&Scene { name: "settings", arguments: &["--title"], begin, varies: &[], ..PLAIN });
}

#[test]
fn the_largest_grid_looks_as_it_should_and_no_text_is_cut() {
    let mut begin = JAM.to_owned();
    for count in 9..=16 {
        writeln!(begin, "press head 0\nkey ctrl+d\nwait tracks {count}\nmenu scene 0\nwait seen \"Duplicate\"")
            .unwrap();
        writeln!(begin, "wait frames 3\npress \"Duplicate\"\nwait scenes {count}").unwrap();
    }
    compare(&Scene { name: "grid", begin: &(begin + "wait loaded\nwait quiet\n"), ..PLAIN });
}

/// What the README shows of a session: who else is in it, and what they have launched when the script begins.
#[test]
fn the_pictures_of_the_readme_are_taken_anew_when_that_is_asked_for() {
    if !refreshes() {
        return;
    }
    let pictures = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR").unwrap()).join("../assets/pictures");
    for (name, arguments) in [("title", &["--title"][..]), ("jam", &["--port", "0"][..])] {
        let (screen, room, dir) = (Screen::open(1280, 800), Room::open(), TempDir::new().unwrap());
        let settings = r##"{"avatar":1,"colour":"#4cc9ff","hints_seen":{"press":true,"together":true,"more":true}}"##;
        file(&dir, "settings.json", settings);
        let mut command = window(&screen.display, dir.path());
        command.args(["--name", "Ada", "--size", "1280x720", "--script"]).arg(pictures.join(format!("{name}.script")));
        let mut game = Running::start(room.invite(command.args(arguments)));
        let mut said = BufReader::new(game.stdout().expect("a piped output")).lines().map_while(Result::ok);
        let invitation = (name == "jam").then(|| said.find(|line| line.contains("--join")).expect("words"));
        let friends = invitation.map(|invitation| friends(&invitation)).unwrap_or_default();
        let (status, _, errors) = game.finish(SCRIPT_LIMIT);
        assert!(status.success(), "{status}: {errors}");
        drop(friends);
        for entry in fs::read_dir(dir.path()).unwrap().flatten() {
            if entry.path().extension().is_some_and(|extension| extension == "png") {
                fs::copy(entry.path(), pictures.join(entry.file_name())).unwrap();
            }
        }
    }
}

/// Two friends who join, play along, and point at what they do.
fn friends(invitation: &str) -> Vec<Player> {
    let words: Vec<&str> = invitation.split_whitespace().skip_while(|word| *word != "--join").collect();
    let port = words[1].rsplit(':').next().unwrap();
    let friends =
        [("Ben", 12, [0xff, 0xb5, 0x47], [(6, 2), (0, 2)]), ("Clara", 4, [0xff, 0x7a, 0xd9], [(2, 3), (4, 1)])];
    let join = |(name, avatar, colour, pads): (&str, u8, [u8; 3], [(u8, u8); 2])| {
        let profile =
            Profile { name: Some(Name::sanitised(name)), colour: Some(Colour(colour)), avatar: Avatar::new(avatar) };
        let player = Player::join(PlayerOptions {
            host: format!("127.0.0.1:{port}"),
            code: Some(words[2].to_owned()),
            profile,
            output: Output::Silent,
            ..PlayerOptions::default()
        });
        ready(&player);
        for (track, scene) in pads {
            assert!(player.press(TrackId(track), SceneId(scene)));
            player.set_cursor(Some(Cell::new(TrackId(track), SceneId(scene))));
        }
        player
    };
    friends.map(join).into()
}
