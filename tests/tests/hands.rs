//! The hands: whatever plays the real window, mouse, keyboard or fingers, the session ends the same.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_tests::stage::{self, Screen};
use serde_json::Value;
use tempfile::TempDir;

/// Bars last long enough for the slowest window to do several things in one.
const BEGIN: &str = "wait joined\nwait loaded\ntempo 50\nwait tempo 50\n";
/// What is queued from here on stays queued for the rest of half a minute, however slowly the window draws.
const UNHURRIED: &str = "quantise 8 bars\n";
const END: &str = "wait settled\nprint state\nquit\n";

/// Plays a script in a window with its own host; gives what it printed as JSON.
fn played(screen: &Screen, script: &str) -> Vec<Value> {
    stage::played(screen, &TempDir::new().unwrap(), &["--port", "0"], script)
}

/// A hand: how it presses pads, rows and columns, and moves clips.
struct Hand {
    name: &'static str,
    pad: fn(usize, usize) -> String,
    scene: fn(usize) -> String,
    stop: fn(usize) -> String,
    carry: fn((usize, usize), (usize, usize)) -> String,
}

const ROWS: [&str; 4] = ["12345678", "qwertyui", "asdfghjk", "zxcvbnm,"];

const HANDS: [Hand; 3] = [
    Hand {
        name: "mouse",
        pad: |track, scene| format!("press {track} {scene}\n"),
        scene: |scene| format!("scene {scene}\n"),
        stop: |track| format!("stop {track}\n"),
        carry: |(track, scene), (to, row)| format!("drag {track} {scene} {to} {row}\n"),
    },
    Hand {
        name: "keyboard",
        pad: |track, scene| format!("key {}\n", &ROWS[scene][track..=track]),
        scene: |scene| format!("key shift+{}\n", scene + 1),
        stop: |track| format!("select stop {track}\nkey enter\n"),
        carry: |(track, scene), (to, row)| {
            format!("select {track} {scene}\nkey ctrl+x\nwait empty {track} {scene}\nselect {to} {row}\nkey ctrl+v\n")
        },
    },
    Hand {
        name: "fingers",
        pad: |track, scene| format!("tap {track} {scene}\n"),
        scene: |scene| format!("tap scene {scene}\n"),
        stop: |track| format!("tap stop {track}\n"),
        carry: |(track, scene), (to, row)| format!("carry {track} {scene} {to} {row}\n"),
    },
];

/// Launches, another on a track that plays, a change of mind, a clip that is moved, a whole row, a stop.
fn performance(Hand { pad, scene, stop, carry, .. }: &Hand) -> String {
    let steps = [
        pad(0, 2),
        "wait playing 0 2\n".into(),
        pad(1, 1),
        pad(0, 1),
        "wait playing 1 1\nwait playing 0 1\n".into(),
        UNHURRIED.into(),
        pad(2, 0),
        "wait queued 2 0\n".into(),
        pad(2, 0),
        "wait settled\nquantise 1 bar\n".into(),
        carry((5, 4), (4, 7)),
        "wait empty 5 4\nwait filled 4 7\n".into(),
        scene(3),
        "wait playing 0 3\nwait playing 1 3\n".into(),
        stop(1),
        pad(0, 3),
        "wait stopped 1\nwait stopped 0\n".into(),
    ];
    [BEGIN, &steps.concat(), END].concat()
}

#[test]
fn the_same_performance_by_mouse_keyboard_and_fingers_ends_in_the_same_state() {
    let screen = Screen::open(1280, 800);
    let ends = HANDS.map(|hand| {
        let mut state = played(&screen, &performance(&hand)).pop().expect("a state")["session"].clone();
        // Cut and paste are two edits where a drag is one.
        state.as_object_mut().expect("an object").retain(|key, _| key != "undo" && key != "redo");
        (hand.name, state)
    });
    let (_, first) = &ends[0];
    assert_eq!(first["tracks"][0]["playing"], Value::Null, "{first}");
    assert_eq!(first["tracks"][2]["playing"], 3, "{first}");
    for (name, state) in &ends[1..] {
        assert_eq!(state, first, "by {name}");
    }
}

#[test]
fn what_is_cleared_is_back_after_an_undo_and_gone_again_after_a_redo() {
    let screen = Screen::open(1280, 800);
    let script = "select 0 1\nkey delete\nwait empty 0 1\nwait undo 1\nprint state\nkey ctrl+z\nwait filled 0 1\n\
                  wait redo 1\nprint state\nkey ctrl+y\nwait empty 0 1\nkey ctrl+d\nwait settled\nprint state\nquit\n";
    let said = played(&screen, &[BEGIN, script].concat());
    let [cleared, back, gone] = said.as_slice() else { panic!("three states, not {said:?}") };
    let clips = |state: &Value| state["session"]["tracks"][0]["clips"].clone();
    assert_eq!(clips(cleared)[1], Value::Null);
    assert_ne!(clips(back)[1], Value::Null);
    assert_eq!(clips(gone), clips(cleared), "there is nothing to duplicate on an empty pad");
}

#[test]
fn drags_and_long_presses_launch_nothing_and_leave_what_was_queued() {
    let screen = Screen::open(1280, 800);
    // What begins while a finger stays is not taken back.
    let script = "drag 0 3 0 4\nwait frames 30\nwait settled\nprint state\npress 1 1\nwait playing 1 1\n\
                  press 2 0\nwait queued 2 0\ndrag 2 1 2 7\nhold 3 2\nkey esc\nwait settled\nprint state\n";
    let said = played(&screen, &[BEGIN, UNHURRIED, script, "quit\n"].concat());
    let [rest, after] = said.as_slice() else { panic!("two states, not {said:?}") };
    assert_eq!(rest["playing"], false, "a drag does not start the music");
    assert_eq!(after["queued"][3], Value::Null, "a long press is no launch: {after}");
    assert_eq!(after["tracks"][3], Value::Null);
    assert_eq!(after["queued"][2], 0, "what was queued before the drag is queued after it: {after}");
}

#[test]
fn the_map_opens_and_closes_the_bank_moves_and_what_is_typed_into_a_field_presses_no_pad() {
    let screen = Screen::open(1280, 800);
    // The third thing of the bar at the top is the tempo: a click makes it a field to type into.
    let opened = "key ?\nprint clipped\nkey esc\nkey q\nwait playing 0 1\n";
    let script = "key ctrl+q\nkey alt+2\nkey pagedown\nkey 2\nkey pageup\nclick 404 34\nwait typing\nkey ctrl+a\ntype 45\nkey enter\n\
                  wait tempo 45\nselect scene 2\nkey 3\nwait queued 2 0\nselect scene 2\nkey enter\n\
                  wait queued 1 2\nwait settled\nprint state\nquit\n";
    let said = played(&screen, &[BEGIN, opened, UNHURRIED, script].concat());
    let [clipped, state] = said.as_slice() else { panic!("two lines, not {said:?}") };
    assert_eq!(clipped["clipped"], serde_json::json!([]), "texts of the map that do not fit");
    assert_eq!(state["queued"][0], 2, "the row that was selected with arrows is launched: {state}");
    assert_eq!(state["session"]["tempo"], 45.0);
}
