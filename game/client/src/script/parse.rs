//! The language of scripts: one step a line, words parted by spaces, `#` begins a comment.

use super::keys;
use crate::keep::{Bouncing, Keep, Opening};
use bevy::prelude::*;
use keyboardia_session::{Gain, Quantise, Tempo};
use std::{path::PathBuf, time::Duration};
use thiserror::Error;

/// Steps of one script.
pub(crate) const STEPS_MAX: usize = 10_000;
/// Longest pause that a script may ask for, seconds.
const PAUSE_MAX_S: f64 = 3_600.0;

/// One step and the line it stands in, counted from 1.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) step: Step,
}

/// Somewhere in the window. Columns count from the left and rows from the top, from 0.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Spot {
    /// A slot of the grid: column, row.
    Pad(usize, usize),
    /// The launch button of a row.
    Scene(usize),
    /// The stop button of a column.
    Stop(usize),
    /// The button that stops every column.
    StopAll,
    /// The head of a column.
    Head(usize),
    /// The button that adds a column.
    AddTrack,
    /// The button that adds a row.
    AddScene,
    /// What has this name, or the text that says so.
    Named(String),
    /// A place, logical pixels.
    At(Vec2),
}

/// Something that has neither pad nor key, asked of the session.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Request {
    /// Another tempo.
    Tempo(Tempo),
    /// What launches wait for.
    Quantise(Quantise),
    /// A column's volume.
    Volume(usize, Gain),
    /// Whether a column is silenced.
    Mute(usize, bool),
    /// Whether a column is soloed.
    Solo(usize, bool),
    /// Whether nobody new is let in.
    Lock(bool),
    /// Whether a player, from the top of the list, is to leave.
    Removal(usize, bool),
}

/// A key, and what is held with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chord {
    /// Ctrl.
    pub(crate) ctrl: bool,
    /// Shift.
    pub(crate) shift: bool,
    /// Alt.
    pub(crate) alt: bool,
    /// The key.
    pub(crate) key: KeyCode,
}

/// One step of a script.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Goes on when something is the case.
    Wait(Condition),
    /// Goes on after a while.
    Pause(Duration),
    /// Goes on after so many frames.
    Frames(usize),
    /// The mouse presses something of the playfield.
    Press(Spot),
    /// The mouse goes to something of the playfield.
    Hover(Spot),
    /// The right button presses something of the playfield.
    Menu(Spot),
    /// The mouse drags from one place to another, with Ctrl if it is to be a copy.
    Drag(Spot, Spot, bool),
    /// The mouse drags something so far, logical pixels.
    Pull(Spot, Vec2),
    /// A finger touches something of the playfield for a moment.
    Tap(Spot),
    /// A finger stays on something of the playfield.
    Hold(Spot),
    /// A finger stays on a pad and then goes to another.
    Carry(Spot, Spot),
    /// A finger touches a place and goes to another at once.
    Swipe(Spot, Spot),
    /// The arrow keys go to something of the playfield.
    Select(Spot),
    /// The mouse goes to a place, logical pixels.
    Move(Vec2),
    /// The mouse clicks at a place, logical pixels.
    Click(Vec2, MouseButton),
    /// A finger touches a place for a moment, logical pixels.
    Touch(Vec2),
    /// A key goes down and up.
    Key(Chord),
    /// A text is typed.
    Type(String),
    /// A file falls where the pointer is.
    File(PathBuf),
    /// Something is kept or opened, without a question.
    Keep(Keep),
    /// Space, if the transport is not so already.
    Play(bool),
    /// Asks the session for something that has no key and no pad.
    Ask(Request),
    /// Gives the window another size, logical pixels.
    Resize(UVec2),
    /// Holds everything that moves for beauty only.
    Freeze,
    /// Prints the state as a line of JSON.
    PrintState,
    /// Prints where the pads are, pixels of a screenshot, as a line of JSON.
    PrintLayout,
    /// Prints the texts that did not fit, as a line of JSON.
    PrintClipped,
    /// Takes a picture.
    Screenshot(PathBuf),
    /// Ends the program.
    Quit,
}

/// What a script can wait for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    /// In a session, with a clock.
    Joined,
    /// At the title.
    Title,
    /// The transport plays and has reached a beat.
    Beat(f64),
    /// A clip plays.
    Playing(usize, usize),
    /// A clip waits for its beat.
    Queued(usize, usize),
    /// A track is silent.
    Stopped(usize),
    /// A slot has a clip, or has none.
    Filled(usize, usize, bool),
    /// The transport plays, or rests.
    Transport(bool),
    /// The tempo, to a hundredth.
    Tempo(f64),
    /// So many edits of this player's can be taken back.
    Undo(u8),
    /// So many edits of this player's can be made again.
    Redo(u8),
    /// Everything that this player has asked for has its answer.
    Settled,
    /// No notice is shown.
    Quiet,
    /// Something of this name is to be seen, or a text that says so; or nothing is.
    Seen(String, bool),
    /// So many columns.
    Tracks(usize),
    /// So many rows.
    Scenes(usize),
    /// A field takes what is typed.
    Typing,
    /// The window has this size, logical pixels, and everything lies as it does at it.
    Size(UVec2),
    /// Nobody new is let in, or anybody with the code.
    Locked(bool),
    /// At least this many players are connected.
    Players(usize),
    /// Every sound of the grid is loaded, or known to be damaged.
    Loaded,
}

/// Why a script cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("line {line} of the script: {reason}")]
pub(crate) struct ScriptError {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

/// Reads a script.
pub(crate) fn parse(text: &str) -> Result<Vec<Line>, ScriptError> {
    let mut lines = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let fail = |reason: String| ScriptError { line: number, reason };
        let words = words(line).map_err(fail)?;
        if words.is_empty() {
            continue;
        }
        if lines.len() == STEPS_MAX {
            return Err(fail(format!("a script has at most {STEPS_MAX} steps")));
        }
        lines.push(Line { number, step: step(&words).map_err(fail)? });
    }
    Ok(lines)
}

/// The words of a line, up to its comment. What stands in quotes is one word, which begins with a quote.
fn words(line: &str) -> Result<Vec<&str>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next().filter(|first| *first != '#') {
        let end = if first == '"' {
            let length = rest[1..].find('"').ok_or("a quote without its end")?;
            words.push(&rest[..=length]);
            length + 2
        } else {
            let end = rest.find(|sign: char| sign.is_whitespace() || sign == '#').unwrap_or(rest.len());
            words.push(&rest[..end]);
            end
        };
        rest = rest[end..].trim_start();
    }
    Ok(words)
}

fn step(words: &[&str]) -> Result<Step, String> {
    Ok(match words {
        ["wait", "seconds", seconds] => Step::Pause(pause(seconds)?),
        ["wait", "frames", count] => Step::Frames(usize::from(self::count(count)?)),
        ["wait", condition @ ..] => Step::Wait(wait(condition)?),
        ["press", spot @ ..] => Step::Press(self::spot(spot)?),
        ["scene" | "stop", _] => Step::Press(spot(words)?),
        ["hover", spot @ ..] => Step::Hover(self::spot(spot)?),
        ["menu", spot @ ..] => Step::Menu(self::spot(spot)?),
        ["tap", spot @ ..] => Step::Tap(self::spot(spot)?),
        ["hold", spot @ ..] => Step::Hold(self::spot(spot)?),
        ["select", spot @ ..] => Step::Select(self::spot(spot)?),
        ["drag", from @ .., "by", x, y] => Step::Pull(spot(from)?, place(x, y)?),
        ["drag", ways @ .., "copy"] => two(ways).map(|(from, to)| Step::Drag(from, to, true))?,
        ["drag", ways @ ..] => two(ways).map(|(from, to)| Step::Drag(from, to, false))?,
        ["carry", ways @ ..] => two(ways).map(|(from, to)| Step::Carry(from, to))?,
        ["swipe", ways @ ..] => two(ways).map(|(from, to)| Step::Swipe(from, to))?,
        ["move", x, y] => Step::Move(place(x, y)?),
        ["click", x, y] => Step::Click(place(x, y)?, MouseButton::Left),
        ["rightclick", x, y] => Step::Click(place(x, y)?, MouseButton::Right),
        ["touch", x, y] => Step::Touch(place(x, y)?),
        ["key", key] => Step::Key(chord(key)?),
        ["type", text @ ..] if !text.is_empty() => {
            let words: Vec<&str> = text.iter().map(|word| word.strip_prefix('"').unwrap_or(word)).collect();
            Step::Type(words.join(" "))
        }
        ["file", path] => Step::File(named(path)?.into()),
        ["save", path] => Step::Keep(Keep::Save(Some(named(path)?.into()))),
        ["open", path] => {
            Step::Keep(Keep::Open(Opening { path: Some(named(path)?.into()), reach: None, is_sure: true }))
        }
        ["bounce", bars, path] => Step::Keep(bounce(bars, false, path)?),
        ["stems", bars, path] => Step::Keep(bounce(bars, true, path)?),
        ["capture", "off"] => Step::Keep(Keep::EndCapture),
        ["capture", path] => Step::Keep(Keep::Capture(Some(named(path)?.into()))),
        ["play", switch] => Step::Play(self::switch(switch)?),
        ["tempo", bpm] => Step::Ask(Request::Tempo(tempo(bpm)?)),
        ["quantise", label @ ..] => Step::Ask(Request::Quantise(quantise(label)?)),
        ["mute", track, switch] => Step::Ask(Request::Mute(index(track)?, self::switch(switch)?)),
        ["solo", track, switch] => Step::Ask(Request::Solo(index(track)?, self::switch(switch)?)),
        ["lock", switch] => Step::Ask(Request::Lock(self::switch(switch)?)),
        ["removal", player, switch] => Step::Ask(Request::Removal(index(player)?, self::switch(switch)?)),
        ["volume", track, db] => Step::Ask(Request::Volume(index(track)?, gain(db)?)),
        ["resize", size] => Step::Resize(crate::cli::size(size)?),
        ["freeze"] => Step::Freeze,
        ["print", "state"] => Step::PrintState,
        ["print", "layout"] => Step::PrintLayout,
        ["print", "clipped"] => Step::PrintClipped,
        ["screenshot", file] => Step::Screenshot(picture(file)?),
        ["quit"] => Step::Quit,
        [word, ..] => return Err(format!("“{}” is no step, or has too few or too many words", short(word))),
        [] => return Err("an empty step".into()),
    })
}

fn bounce(bars: &str, stems: bool, path: &str) -> Result<Keep, String> {
    let bars = u32::from(count(bars)?);
    Ok(Keep::Bounce(Bouncing { bars, stems }, Some(named(path)?.into())))
}

fn wait(words: &[&str]) -> Result<Condition, String> {
    Ok(match words {
        ["joined"] => Condition::Joined,
        ["title"] => Condition::Title,
        ["loaded"] => Condition::Loaded,
        ["settled"] => Condition::Settled,
        ["quiet"] => Condition::Quiet,
        ["typing"] => Condition::Typing,
        ["seen", name] => Condition::Seen(named(name)?, true),
        ["unseen", name] => Condition::Seen(named(name)?, false),
        ["tracks", count] => Condition::Tracks(usize::from(self::count(count)?)),
        ["scenes", count] => Condition::Scenes(usize::from(self::count(count)?)),
        ["size", size] => Condition::Size(crate::cli::size(size)?),
        ["beat", beat] => Condition::Beat(number(beat)?),
        ["playing", track, scene] => Condition::Playing(index(track)?, index(scene)?),
        ["queued", track, scene] => Condition::Queued(index(track)?, index(scene)?),
        ["stopped", track] => Condition::Stopped(index(track)?),
        ["filled", track, scene] => Condition::Filled(index(track)?, index(scene)?, true),
        ["empty", track, scene] => Condition::Filled(index(track)?, index(scene)?, false),
        ["play", switch] => Condition::Transport(self::switch(switch)?),
        ["tempo", bpm] => Condition::Tempo(number(bpm)?),
        ["undo", count] => Condition::Undo(self::count(count)?),
        ["redo", count] => Condition::Redo(self::count(count)?),
        ["lock", switch] => Condition::Locked(self::switch(switch)?),
        ["players", count] => Condition::Players(usize::from(self::count(count)?)),
        _ => return Err(format!("“wait {}” is nothing to wait for", short(&words.join(" ")))),
    })
}

fn spot(words: &[&str]) -> Result<Spot, String> {
    match first_spot(words)? {
        (spot, []) => Ok(spot),
        _ => Err(no_place(words)),
    }
}

/// Two places, one after the other.
fn two(words: &[&str]) -> Result<(Spot, Spot), String> {
    let (from, rest) = first_spot(words)?;
    Ok((from, spot(rest)?))
}

/// The place that these words begin with, and the words after it.
fn first_spot<'a, 'b>(words: &'a [&'b str]) -> Result<(Spot, &'a [&'b str]), String> {
    Ok(match words {
        [name, rest @ ..] if name.starts_with('"') => (Spot::Named(named(name)?), rest),
        ["at", x, y, rest @ ..] => (Spot::At(place(x, y)?), rest),
        ["scene", row, rest @ ..] => (Spot::Scene(index(row)?), rest),
        ["stop", "all", rest @ ..] => (Spot::StopAll, rest),
        ["stop", column, rest @ ..] => (Spot::Stop(index(column)?), rest),
        ["head", column, rest @ ..] => (Spot::Head(index(column)?), rest),
        ["add", "track", rest @ ..] => (Spot::AddTrack, rest),
        ["add", "scene", rest @ ..] => (Spot::AddScene, rest),
        [column, row, rest @ ..] => (Spot::Pad(index(column)?, index(row)?), rest),
        _ => return Err(no_place(words)),
    })
}

fn no_place(words: &[&str]) -> String {
    format!("“{}” is no place; write a track and a scene, or a name in quotes", short(&words.join(" ")))
}

/// What stands in quotes.
fn named(word: &str) -> Result<String, String> {
    let name = word.strip_prefix('"').filter(|name| !name.is_empty());
    name.map(str::to_owned).ok_or_else(|| format!("“{}” is no name; a name stands in quotes", short(word)))
}

fn index(word: &str) -> Result<usize, String> {
    let index: Result<u8, _> = word.parse();
    index.map(usize::from).map_err(|_| format!("“{}” is no track or scene; they are counted from 0", short(word)))
}

fn count(word: &str) -> Result<u8, String> {
    word.parse().map_err(|_| format!("“{}” is no count", short(word)))
}

fn place(x: &str, y: &str) -> Result<Vec2, String> {
    Ok(Vec2::new(coordinate(x)?, coordinate(y)?))
}

fn number(word: &str) -> Result<f64, String> {
    word.parse().ok().filter(|number: &f64| number.is_finite()).ok_or_else(|| format!("“{}” is no number", short(word)))
}

fn coordinate(word: &str) -> Result<f32, String> {
    number(word).map(|number| number as f32)
}

fn pause(word: &str) -> Result<Duration, String> {
    let seconds = number(word)?;
    if (0.0..=PAUSE_MAX_S).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err(format!("a pause lasts 0 to {PAUSE_MAX_S} seconds"))
    }
}

fn switch(word: &str) -> Result<bool, String> {
    match word {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("“{}” is neither on nor off", short(word))),
    }
}

fn tempo(word: &str) -> Result<Tempo, String> {
    Tempo::from_bpm(number(word)?).ok_or_else(|| format!("“{}” is no tempo; 20 to 999 BPM are", short(word)))
}

fn quantise(words: &[&str]) -> Result<Quantise, String> {
    let label = words.join(" ");
    let found = Quantise::ALL.into_iter().find(|quantise| quantise.label() == label);
    found.ok_or_else(|| format!("“{}” is nothing that launches wait for", short(&label)))
}

fn gain(word: &str) -> Result<Gain, String> {
    Gain::from_db(number(word)?).ok_or_else(|| format!("“{}” is no volume", short(word)))
}

fn chord(word: &str) -> Result<Chord, String> {
    let mut chord = Chord { ctrl: false, shift: false, alt: false, key: KeyCode::Space };
    let (held, key) = word.rsplit_once('+').map_or((None, word), |(held, key)| (Some(held), key));
    for modifier in held.into_iter().flat_map(|held| held.split('+')) {
        match modifier {
            "ctrl" => chord.ctrl = true,
            "shift" => chord.shift = true,
            "alt" => chord.alt = true,
            _ => return Err(format!("“{}” cannot be held; ctrl, shift and alt can", short(modifier))),
        }
    }
    if key == "?" {
        return Ok(Chord { shift: true, key: KeyCode::Slash, ..chord });
    }
    let key = keys::named(key).ok_or_else(|| format!("“{}” is no key; esc, f2, q and Digit1 are", short(key)))?;
    Ok(Chord { key, ..chord })
}

fn picture(word: &str) -> Result<PathBuf, String> {
    let path = PathBuf::from(word);
    let is_png = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("png"));
    if is_png { Ok(path) } else { Err(format!("“{}” is no picture; its name ends in .png", short(word))) }
}

/// A word that is not too long to be repeated.
fn short(word: &str) -> String {
    word.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(text: &str) -> Vec<Step> {
        parse(text).unwrap().into_iter().map(|line| line.step).collect()
    }

    #[test]
    fn a_whole_script_is_read() {
        let text = "# a jam\nwait joined\n\npress 0 3   # drums\nwait playing 0 3\nwait seconds 0.5\nstop all\nscreenshot a.png\nquit";
        assert_eq!(
            steps(text),
            [
                Step::Wait(Condition::Joined),
                Step::Press(Spot::Pad(0, 3)),
                Step::Wait(Condition::Playing(0, 3)),
                Step::Pause(Duration::from_millis(500)),
                Step::Press(Spot::StopAll),
                Step::Screenshot("a.png".into()),
                Step::Quit,
            ]
        );
    }

    #[test]
    fn every_step_of_the_readme_is_known() {
        let readme = include_str!("../../README.md");
        let example = readme.split("```script\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
        assert!(steps(example).len() > 20);
    }

    #[test]
    fn a_wrong_line_is_named() {
        let error = parse("wait joined\n\njump 3").unwrap_err();
        assert_eq!(error.line, 3);
        assert!(error.to_string().starts_with("line 3 of the script: “jump”"), "{error}");
    }

    #[test]
    fn wrong_values_are_refused() {
        let wrong = [
            "press 0",
            "press a 0",
            "press 0 0 0",
            "press -1 0",
            "press 300 0",
            "tempo 5",
            "tempo NaN",
            "tempo 1000",
            "quantise",
            "quantise 3 bars",
            "volume 0 loud",
            "mute 0 yes",
            "lock",
            "removal 1",
            "wait beat inf",
            "wait",
            "wait rain",
            "wait seconds -1",
            "wait seconds 1e9",
            "key super+q",
            "key ctrl+",
            "key Key1",
            "drag 0 0 1",
            "drag 0 0 1 1 move",
            "drag 0 0 by 1",
            "drag \"Kick\"",
            "press \"Kick",
            "press \"\"",
            "press head",
            "add bar",
            "swipe 0 0",
            "wait seen Kick",
            "wait tracks",
            "hold scene",
            "type",
            "wait undo many",
            "screenshot a.jpg",
            "screenshot",
            "resize 10x10",
            "print",
            "click 1",
            "quit now",
        ];
        for line in wrong {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn silence_and_beats_before_the_first_bar_can_be_asked_for() {
        assert_eq!(steps("volume 1 -61"), [Step::Ask(Request::Volume(1, Gain::SILENCE))]);
        assert_eq!(steps("wait beat -4"), [Step::Wait(Condition::Beat(-4.0))]);
    }

    #[test]
    fn hands_of_every_kind_are_understood() {
        let chord = |ctrl, shift, key| Step::Key(Chord { ctrl, shift, alt: false, key });
        let text = "menu scene 1\ndrag 0 1 2 3 copy\nhold stop 0\ncarry 0 0 1 1\ntype Hello  you\nkey ctrl+shift+z\nkey KeyQ\nkey ?\n\
                    key f2\nselect stop all\nwait empty 3 4\nwait undo 2";
        assert_eq!(
            steps(text),
            [
                Step::Menu(Spot::Scene(1)),
                Step::Drag(Spot::Pad(0, 1), Spot::Pad(2, 3), true),
                Step::Hold(Spot::Stop(0)),
                Step::Carry(Spot::Pad(0, 0), Spot::Pad(1, 1)),
                Step::Type("Hello you".into()),
                chord(true, true, KeyCode::KeyZ),
                chord(false, false, KeyCode::KeyQ),
                chord(false, true, KeyCode::Slash),
                chord(false, false, KeyCode::F2),
                Step::Select(Spot::StopAll),
                Step::Wait(Condition::Filled(3, 4, false)),
                Step::Wait(Condition::Undo(2)),
            ]
        );
    }

    #[test]
    fn what_is_seen_is_found_by_its_name_and_anything_can_be_dragged_anywhere() {
        let named = |name: &str| Spot::Named(name.into());
        let at = |x, y| Spot::At(Vec2::new(x, y));
        let text = "press \"Paste after\"   # not \"Cut\"\nmenu head 2\npress add scene\n\
                    drag \"Deep kick #2\" 3 7\ndrag at 10 20 at 30 40.5\ndrag \"fader 1\" by 0 -30\nswipe \"Amen\" 1 1\n\
                    wait seen \"Library\"\nwait unseen \"Library\"\nwait scenes 9\ntype \"a  b\" c";
        assert_eq!(
            steps(text),
            [
                Step::Press(named("Paste after")),
                Step::Menu(Spot::Head(2)),
                Step::Press(Spot::AddScene),
                Step::Drag(named("Deep kick #2"), Spot::Pad(3, 7), false),
                Step::Drag(at(10.0, 20.0), at(30.0, 40.5), false),
                Step::Pull(named("fader 1"), Vec2::new(0.0, -30.0)),
                Step::Swipe(named("Amen"), Spot::Pad(1, 1)),
                Step::Wait(Condition::Seen("Library".into(), true)),
                Step::Wait(Condition::Seen("Library".into(), false)),
                Step::Wait(Condition::Scenes(9)),
                Step::Type("a  b c".into()),
            ]
        );
    }

    #[test]
    fn a_script_has_a_bound() {
        let text = "quit\n".repeat(STEPS_MAX + 1);
        assert_eq!(parse(&text).map_err(|error| error.line), Err(STEPS_MAX + 1));
    }
}
