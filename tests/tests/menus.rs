//! What is not a pad: menus, the library, the mixer's strips, the bar at the top, title and settings, each by the hand that
//! players use for it, in the real window.

#![cfg(target_os = "linux")]
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use keyboardia_tests::stage::{self, Screen, file};
use serde_json::{Value, json};
use std::fs;
use tempfile::TempDir;

/// Bars last long enough for the slowest window to do several things in one, and what is queued stays queued.
const BEGIN: &str = "wait joined\nwait loaded\ntempo 50\nwait tempo 50\nquantise 8 bars\nwait settled\n";
/// Hints would come and go.
const HINTED: &str = r#"{"name":"Ada","hints_seen":{"press":true,"together":true,"more":true}}"#;

/// Plays a script in a window with its own host; gives what it printed as JSON.
fn played(script: &str) -> Vec<Value> {
    let (screen, dir) = (Screen::open(1280, 800), TempDir::new().unwrap());
    file(&dir, "settings.json", HINTED);
    stage::played(&screen, &dir, &["--port", "0"], &[BEGIN, script, "quit\n"].concat())
}

/// Opens the menu of what is there, and waits until it lies still.
fn menu(spot: &str) -> String {
    let sign = menu_sign(spot);
    format!("menu {spot}\nwait seen \"{sign}\"\nwait frames 3\n")
}

/// A text that only this menu has.
fn menu_sign(spot: &str) -> &'static str {
    match spot.split(' ').next() {
        Some("head") => "Remove track",
        Some("scene") => "Remove scene",
        _ => "Duplicate",
    }
}

/// Presses what is called so, and waits for the answer.
fn choose(name: &str) -> String {
    format!("wait seen \"{name}\"\npress \"{name}\"\nwait settled\n")
}

fn clip(state: &Value, track: usize, scene: usize) -> &Value {
    &state["session"]["tracks"][track]["clips"][scene]
}

/// What each track, or each scene, is called.
fn track_names(state: &Value) -> Vec<&str> {
    state["session"]["tracks"].as_array().unwrap().iter().map(|track| track["name"].as_str().unwrap()).collect()
}

fn scene_names(state: &Value) -> Vec<&str> {
    state["session"]["scenes"].as_array().unwrap().iter().map(|scene| scene["name"].as_str().unwrap()).collect()
}

#[test]
fn the_menu_of_a_pad_renames_recolours_changes_replaces_and_clears() {
    let script = [
        "print state\n".into(),
        menu("0 1"),
        "wait typing\nkey ctrl+a\ntype Night Train\nkey enter\nwait seen \"Night Train\"\nwait unseen \"Duplicate\"\n".into(),
        menu("0 1"),
        choose("Coral"),
        "drag \"volume\" by 30 0\nwait settled\n".into(),
        choose("One-shot"),
        choose("1/8"),
        "key esc\nwait unseen \"Duplicate\"\nprint state\n".into(),
        menu("0 1"),
        choose("Replace from library"),
        "wait seen \"Library\"\nwait frames 3\npress \"search\"\nwait typing\ntype kalim\nwait seen \"listen Kalimba\"\nkey enter\n\
         wait unseen \"Night Train\"\nwait settled\nprint state\nkey l\nwait unseen \"Library\"\n"
            .into(),
        menu("0 1"),
        choose("Clear"),
        "wait empty 0 1\nprint state\n".into(),
    ]
    .concat();
    let said = played(&script);
    let [before, changed, replaced, cleared] = said.as_slice() else { panic!("four states, not {said:?}") };
    let (old, new) = (clip(before, 0, 1), clip(changed, 0, 1));
    assert_eq!((&new["name"], &new["colour"]), (&json!("Night Train"), &json!([0xff, 0x6b, 0x5e])));
    assert_eq!((&old["looped"], &new["looped"]), (&json!(true), &json!(false)));
    assert_eq!((&old["quantise"], &new["quantise"]), (&Value::Null, &json!("1/8")));
    assert_ne!(old["gain_db"], new["gain_db"]);
    assert_eq!(new["sound"], old["sound"], "it is still the same sound");
    assert_eq!(clip(replaced, 0, 1)["sound"], "pluck-kalimba");
    assert_eq!(clip(cleared, 0, 1), &Value::Null);
}

#[test]
fn the_menu_of_a_track_adds_copies_renames_recolours_and_removes() {
    let script = [
        menu("head 1"),
        "wait typing\nkey ctrl+a\ntype Low\nkey enter\nwait seen \"Low\"\n".into(),
        menu("head 1"),
        choose("Sky"),
        "key esc\nwait unseen \"Remove track\"\nprint state\n".into(),
        menu("head 1"),
        choose("Add track to the left"),
        "wait tracks 9\nprint state\n".into(),
        menu("head 2"),
        choose("Duplicate"),
        "wait tracks 10\nprint state\n".into(),
        menu("head 2"),
        choose("Copy"),
        menu("head 0"),
        choose("Paste after"),
        "wait tracks 11\nprint state\n".into(),
        menu("head 1"),
        choose("Remove track"),
        "wait tracks 10\npress add track\nwait tracks 11\nprint state\n".into(),
    ]
    .concat();
    let said = played(&script);
    let [changed, added, doubled, pasted, removed] = said.as_slice() else { panic!("five states, not {said:?}") };
    assert_eq!(changed["session"]["tracks"][1]["colour"], json!([0x4c, 0xc9, 0xff]));
    let of = track_names(changed);
    assert_eq!(of[1], "Low");
    assert_eq!((track_names(added)[0], track_names(added)[2]), (of[0], "Low"), "there is one between them");
    assert!(
        added["session"]["tracks"][1]["clips"].as_array().unwrap().iter().all(Value::is_null),
        "with nothing in it"
    );
    let clips = |state: &Value, track: usize| state["session"]["tracks"][track]["clips"].clone();
    assert_eq!((track_names(doubled)[3], clips(doubled, 3)), ("Low", clips(doubled, 2)));
    assert_eq!((track_names(pasted)[1], clips(pasted, 1)), ("Low", clips(doubled, 2)));
    assert_eq!(&track_names(removed)[..10], &track_names(doubled)[..]);
}

#[test]
fn the_menu_of_a_scene_launches_adds_copies_renames_recolours_and_removes() {
    let script = [
        menu("scene 1"),
        "wait typing\nkey ctrl+a\ntype Rise\nkey enter\nwait seen \"Rise\"\n".into(),
        menu("scene 1"),
        choose("Coral"),
        "key esc\nwait unseen \"Remove scene\"\n".into(),
        menu("scene 3"),
        choose("Sky"),
        choose("Sky"),
        "key esc\nwait unseen \"Remove scene\"\n".into(),
        menu("scene 1"),
        choose("Add scene above"),
        "wait scenes 9\n".into(),
        menu("scene 2"),
        choose("Duplicate"),
        "wait scenes 10\nprint state\n".into(),
        menu("scene 2"),
        choose("Copy"),
        menu("scene 0"),
        choose("Paste below"),
        "wait scenes 11\nprint state\n".into(),
        menu("scene 1"),
        choose("Remove scene"),
        "wait scenes 10\npress add scene\nwait scenes 11\nprint state\n".into(),
        menu("scene 2"),
        choose("Launch"),
        "wait playing 0 2\n".into(),
        menu("scene 2"),
        choose("Stop scene"),
        "print state\n".into(),
    ]
    .concat();
    let said = played(&script);
    let [doubled, pasted, removed, stopped] = said.as_slice() else { panic!("four states, not {said:?}") };
    assert_eq!((scene_names(doubled)[2], scene_names(doubled)[3]), ("Rise", "Rise"));
    let row = |state: &Value, scene| -> Vec<Value> { (0..8).map(|track| clip(state, track, scene).clone()).collect() };
    assert_eq!(row(doubled, 3), row(doubled, 2));
    let colours = |state: &Value| -> Vec<Value> {
        state["session"]["scenes"].as_array().unwrap().iter().map(|scene| scene["colour"].clone()).collect()
    };
    let coral = json!([0xff, 0x6b, 0x5e]);
    assert_eq!(colours(doubled)[1..4], [Value::Null, coral.clone(), coral], "a copy has it too");
    assert_eq!(colours(doubled)[5], Value::Null, "the colour it has already takes it away");
    assert!(row(doubled, 1).iter().all(Value::is_null), "a new scene is empty");
    assert_eq!((scene_names(pasted)[1], row(pasted, 1)), ("Rise", row(doubled, 2)));
    assert_eq!(&scene_names(removed)[..10], &scene_names(doubled)[..]);
    assert_eq!(stopped["queued"][0], "stop", "{stopped}");
}

#[test]
fn sounds_go_from_the_library_onto_pads_by_key_mouse_and_finger() {
    let script = [
        // The selected pad is filled by what is found first.
        "select 5 7\nkey l\nwait seen \"Library\"\nwait frames 3\npress \"search\"\nwait typing\ntype mari\n\
         wait seen \"listen Marimba\"\nkey enter\nwait filled 5 7\n",
        // Mouse and finger pull a row onto a pad.
        "drag \"Marimba\" 6 7\nwait filled 6 7\nswipe \"Marimba\" 7 7\nwait filled 7 7\n",
        // One that is let go beside the pads stays in the library.
        "drag \"Marimba\" \"Library\"\nwait frames 5\nwait settled\nprint state\n",
        "press \"listen Marimba\"\nwait frames 5\nprint state\n",
        "press \"star Marimba\"\nwait frames 3\npress \"search\"\nwait typing\nkey ctrl+a\nkey delete\n\
         wait seen \"listen Minimal\"\npress \"favourites\"\nwait unseen \"listen Minimal\"\nwait seen \"listen Marimba\"\n",
    ]
    .concat();
    let said = played(&script);
    let [filled, listening] = said.as_slice() else { panic!("two states, not {said:?}") };
    for track in 5..8 {
        assert_eq!(clip(filled, track, 7)["sound"], "pluck-marimba", "track {track}");
    }
    assert_eq!(filled["session"]["undo"], 3, "nothing else was edited: {filled}");
    assert_eq!((&filled["previewing"], &listening["previewing"]), (&Value::Null, &json!("pluck-marimba")));
    assert_eq!(filled["playing"], false, "and nothing was launched");
}

#[test]
fn strips_are_dragged_and_switched_and_the_private_mix_is_nobody_else_s() {
    let script = "drag \"fader 2\" by 0 25\nwait settled\ndrag \"pan 3\" by 25 0\nwait settled\npress \"mute 4\"\nwait settled\n\
                  press \"solo 5\"\nwait settled\nprint state\npress \"solo 5\"\nwait settled\n\
                  wait unseen \"differs 0\"\npress \"Ears\"\nwait frames 3\npress \"mute 0\"\nwait frames 3\n\
                  press \"Shared\"\nwait seen \"differs 0\"\nprint state\npress \"reset\"\nwait unseen \"reset\"\n\
                  wait unseen \"differs 0\"\ndrag \"master\" by -30 0\nwait seen \"reset\"\nwait frames 3\nprint state\n\
                  press \"reset\"\nwait unseen \"reset\"\nwait frames 3\nprint state\n";
    let said = played(script);
    let [shared, private, softer, reset] = said.as_slice() else { panic!("four states, not {said:?}") };
    let track = |state: &Value, index: usize| state["session"]["tracks"][index].clone();
    assert!(track(shared, 2)["gain_db"].as_f64().unwrap() < -1.0, "{shared}");
    assert!(track(shared, 3)["pan"].as_f64().unwrap() > 0.1, "{shared}");
    assert_eq!((track(shared, 4)["mute"].clone(), track(shared, 5)["solo"].clone()), (json!(true), json!(true)));
    assert_eq!(track(private, 5)["solo"], false);
    assert_eq!(track(private, 0)["mute"], false, "only the ears have it muted: {private}");
    assert_eq!((&private["master_db"], &reset["master_db"]), (&Value::Null, &Value::Null), "as the session has it");
    let master = softer["master_db"].as_f64().unwrap();
    assert!((-40.0..-1.0).contains(&master), "{master} dB");
    assert_eq!(softer["session"], reset["session"], "and it is nobody else's");
}

#[test]
fn the_tempo_is_nudged_dragged_typed_and_tapped_and_lists_choose_signature_and_boundary() {
    let tap = "key shift+t\nwait seconds 0.4\n".repeat(5);
    let script = [
        "press \"faster\"\nwait tempo 50.1\npress \"slower\"\nwait tempo 50\ndrag \"tempo\" by 40 0\nwait settled\n\
         wait frames 5\nprint state\n\
         press \"tempo\"\nwait typing\nkey ctrl+a\ntype 73.5\nkey enter\nwait tempo 73.5\n",
        // Nothing is faster than the fastest, and what is no number changes nothing.
        "press \"tempo\"\nwait typing\nkey ctrl+a\ntype quick\nkey enter\nwait frames 5\nwait settled\nwait tempo 73.5\n",
        &tap,
        // Esc closes a list, and as often as one likes: it is no step towards leaving.
        &"press \"Signature\"\nwait seen \"7/8\"\nwait frames 2\nkey esc\nwait unseen \"7/8\"\n".repeat(3),
        "wait settled\nprint state\n\
         press \"Signature\"\nwait seen \"7/8\"\nwait frames 2\npress \"7/8\"\nwait settled\nwait seen \"7/8\"\n\
         press \"Launch\"\nwait seen \"1/4\"\nwait frames 2\npress \"1/4\"\nwait settled\n",
        // A touch beside an open list closes the list, and that is all that it does.
        "press \"Launch\"\nwait seen \"1/16\"\nwait frames 2\ntap 0 2\nwait unseen \"1/16\"\nwait settled\nprint state\n",
    ]
    .concat();
    let said = played(&script);
    let [dragged, tapped, chosen] = said.as_slice() else { panic!("three states, not {said:?}") };
    let tempo = |state: &Value| state["tempo"].as_f64().unwrap();
    assert!((54.0..66.0).contains(&tempo(dragged)), "a quarter of a beat for each point: {}", tempo(dragged));
    assert!((20.0..160.0).contains(&tempo(tapped)) && tempo(tapped) != tempo(dragged), "{}", tempo(tapped));
    assert_eq!(chosen["session"]["signature"], "SevenEight");
    assert_eq!(chosen["session"]["quantise"], "1/4");
    assert_eq!(chosen["playing"], false, "the touch that closed the list launched nothing: {chosen}");
}

#[test]
fn from_the_title_a_groove_takes_two_presses_and_three_hints_say_how_it_goes_on() {
    let (screen, dir) = (Screen::open(1280, 800), TempDir::new().unwrap());
    let script = "wait title\nwait seen \"Host\"\nwait frames 3\npress \"Play\"\nwait joined\nwait loaded\n\
                  wait seen \"Press a pad: it starts on the next bar.\"\npress 0 2\nwait playing 0 2\n\
                  wait seen \"Press another one: they stay together.\"\npress 1 2\n\
                  wait seen \"Right-click a pad for more. The key ? shows all keys.\"\n\
                  tap 2 2\nwait seen \"Touch a pad and stay for a moment: lift for more, drag to move it.\"\n\
                  hold 0 2\nwait seen \"Duplicate\"\n\
                  wait unseen \"Touch a pad and stay for a moment: lift for more, drag to move it.\"\n\
                  key esc\nwait unseen \"Duplicate\"\nprint state\nquit\n";
    let said = stage::played(&screen, &dir, &["--title"], script);
    assert_eq!(said[0]["tracks"][0], 2, "{said:?}");
    let kept: Value = serde_json::from_slice(&fs::read(dir.path().join("settings.json")).unwrap()).unwrap();
    assert_eq!(kept["hints_seen"], json!({ "press": true, "together": true, "more": true }), "once");
}

#[test]
fn settings_are_kept_between_runs() {
    let (screen, dir) = (Screen::open(1280, 800), TempDir::new().unwrap());
    file(&dir, "settings.json", HINTED);
    let change = "wait title\nwait seen \"Settings\"\nwait frames 3\npress \"Settings\"\nwait seen \"What the others call you\"\n\
                  wait frames 5\npress \"name\"\nwait typing\nkey ctrl+a\ntype Grace\nkey enter\npress \"Fox\"\nwait frames 2\n\
                  press \"Mint\"\nwait frames 2\npress \"Look\"\nwait seen \"110 %\"\nwait frames 3\npress \"110 %\"\n\
                  wait frames 5\nkey esc\nwait unseen \"110 %\"\nquit\n";
    stage::played(&screen, &dir, &["--title"], change);
    let again = "wait title\nwait seen \"Grace\"\nwait seen \"Settings\"\nwait frames 3\npress \"Play\"\nwait joined\nprint state\nquit\n";
    let said = stage::played(&screen, &dir, &["--title"], again);
    assert_eq!(said[0]["players"], json!(["Grace"]));
    let kept: Value = serde_json::from_slice(&fs::read(dir.path().join("settings.json")).unwrap()).unwrap();
    assert_eq!((&kept["name"], &kept["avatar"], &kept["colour"]), (&json!("Grace"), &json!(1), &json!("#5ee6a8")));
    assert_eq!(kept["graphics"]["scale_percent"], 110);
}
