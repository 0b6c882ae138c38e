//! The language of scripts: one step a line, words parted by spaces, `#` begins a comment.

use crate::playfield::layout::Target;
use bevy::prelude::*;
use keyboardia_session::{Command, Gain, SceneId, Tempo, TrackId};
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

/// One step of a script.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Goes on when something is the case.
    Wait(Condition),
    /// Goes on after a while.
    Pause(Duration),
    /// The mouse presses something of the playfield.
    Press(Target),
    /// The mouse goes to something of the playfield.
    Hover(Target),
    /// The mouse clicks at a place, logical pixels.
    Click(Vec2),
    /// A key goes down and up.
    Key(KeyCode),
    /// Space, if the transport is not so already.
    Play(bool),
    /// Asks the session for something that has no key and no pad.
    Ask(Command),
    /// Gives the window another size, logical pixels.
    Resize(UVec2),
    /// Prints the state as a line of JSON.
    PrintState,
    /// Prints where the pads are, pixels of a screenshot, as a line of JSON.
    PrintLayout,
    /// Takes a picture.
    Screenshot(PathBuf),
    /// Ends the program.
    Quit,
}

/// What a script can wait for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Condition {
    /// In a session, with a clock.
    Joined,
    /// At the title.
    Title,
    /// The transport plays and has reached a beat.
    Beat(f64),
    /// A clip plays.
    Playing(TrackId, SceneId),
    /// A clip waits for its beat.
    Queued(TrackId, SceneId),
    /// A track is silent.
    Stopped(TrackId),
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
        let code = line.split('#').next().unwrap_or_default();
        let words: Vec<&str> = code.split_whitespace().collect();
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

fn step(words: &[&str]) -> Result<Step, String> {
    Ok(match words {
        ["wait", "seconds", seconds] => Step::Pause(pause(seconds)?),
        ["wait", condition @ ..] => Step::Wait(wait(condition)?),
        ["press", track, scene] => Step::Press(Target::Pad(self::track(track)?, self::scene(scene)?)),
        ["scene", scene] => Step::Press(Target::Scene(self::scene(scene)?)),
        ["stop", "all"] => Step::Press(Target::StopAll),
        ["stop", track] => Step::Press(Target::Stop(self::track(track)?)),
        ["hover", track, scene] => Step::Hover(Target::Pad(self::track(track)?, self::scene(scene)?)),
        ["click", x, y] => Step::Click(Vec2::new(coordinate(x)?, coordinate(y)?)),
        ["key", key] => Step::Key(self::key(key)?),
        ["play", switch] => Step::Play(self::switch(switch)?),
        ["tempo", bpm] => Step::Ask(Command::SetTempo(tempo(bpm)?)),
        ["mute", track, switch] => {
            Step::Ask(Command::SetMute { track: self::track(track)?, mute: self::switch(switch)? })
        }
        ["solo", track, switch] => {
            Step::Ask(Command::SetSolo { track: self::track(track)?, solo: self::switch(switch)? })
        }
        ["volume", track, db] => Step::Ask(Command::SetGain { track: self::track(track)?, gain: gain(db)? }),
        ["resize", size] => Step::Resize(crate::cli::size(size)?),
        ["print", "state"] => Step::PrintState,
        ["print", "layout"] => Step::PrintLayout,
        ["screenshot", file] => Step::Screenshot(picture(file)?),
        ["quit"] => Step::Quit,
        [word, ..] => return Err(format!("“{}” is no step, or has too few or too many words", short(word))),
        [] => return Err("an empty step".into()),
    })
}

fn wait(words: &[&str]) -> Result<Condition, String> {
    Ok(match words {
        ["joined"] => Condition::Joined,
        ["title"] => Condition::Title,
        ["loaded"] => Condition::Loaded,
        ["beat", beat] => Condition::Beat(number(beat)?),
        ["playing", track, scene] => Condition::Playing(self::track(track)?, self::scene(scene)?),
        ["queued", track, scene] => Condition::Queued(self::track(track)?, self::scene(scene)?),
        ["stopped", track] => Condition::Stopped(self::track(track)?),
        ["players", count] => Condition::Players(count.parse().map_err(|_| format!("“{}” is no count", short(count)))?),
        _ => return Err(format!("“wait {}” is nothing to wait for", short(&words.join(" ")))),
    })
}

fn index(word: &str) -> Result<u8, String> {
    word.parse().map_err(|_| format!("“{}” is no track or scene; they are counted from 0", short(word)))
}

fn track(word: &str) -> Result<TrackId, String> {
    index(word).map(TrackId)
}

fn scene(word: &str) -> Result<SceneId, String> {
    index(word).map(SceneId)
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

fn gain(word: &str) -> Result<Gain, String> {
    Gain::from_db(number(word)?).ok_or_else(|| format!("“{}” is no volume", short(word)))
}

fn key(word: &str) -> Result<KeyCode, String> {
    match word {
        "space" => Ok(KeyCode::Space),
        "esc" => Ok(KeyCode::Escape),
        "enter" => Ok(KeyCode::Enter),
        "tab" => Ok(KeyCode::Tab),
        _ => Err(format!("“{}” is no key; space, esc, enter and tab are", short(word))),
    }
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
        let pad = |track, scene| Target::Pad(TrackId(track), SceneId(scene));
        let text = "# a jam\nwait joined\n\npress 0 3   # drums\nwait playing 0 3\nwait seconds 0.5\nstop all\nscreenshot a.png\nquit";
        assert_eq!(
            steps(text),
            [
                Step::Wait(Condition::Joined),
                Step::Press(pad(0, 3)),
                Step::Wait(Condition::Playing(TrackId(0), SceneId(3))),
                Step::Pause(Duration::from_millis(500)),
                Step::Press(Target::StopAll),
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
            "volume 0 loud",
            "mute 0 yes",
            "wait beat inf",
            "wait",
            "wait rain",
            "wait seconds -1",
            "wait seconds 1e9",
            "key q",
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
        assert_eq!(steps("volume 1 -61"), [Step::Ask(Command::SetGain { track: TrackId(1), gain: Gain::SILENCE })]);
        assert_eq!(steps("wait beat -4"), [Step::Wait(Condition::Beat(-4.0))]);
    }

    #[test]
    fn a_script_has_a_bound() {
        let text = "quit\n".repeat(STEPS_MAX + 1);
        assert_eq!(parse(&text).map_err(|error| error.line), Err(STEPS_MAX + 1));
    }
}
