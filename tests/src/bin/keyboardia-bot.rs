//! A player without a window: joins a session, plays through the system's sound device, and does what it reads.
//!
//! `keyboardia-bot HOST CODE SOUNDS`: address of the host, the five words, directory of the sound library. It reads
//! `press TRACK SCENE` and `tempo BPM`, line by line, and leaves at the end of its input. Every [`TELL`] it writes a
//! line of JSON: see [`keyboardia_tests::concert::Told`].

use keyboardia_player::{Connection, Hearing, Player, PlayerOptions, PlayerView};
use keyboardia_session::{Command, SceneId, Tempo, TrackId};
use keyboardia_tests::concert::Told;
use std::{
    io::{BufRead, Write},
    process::ExitCode,
    sync::mpsc::{Receiver, TryRecvError, sync_channel},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// How often the bot says how it is doing.
const TELL: Duration = Duration::from_millis(250);
/// How often it looks.
const LOOK: Duration = Duration::from_millis(2);
/// Lines that may wait to be obeyed.
const LINES_MAX: usize = 64;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [host, code, sounds] = arguments.as_slice() else {
        eprintln!("keyboardia-bot HOST CODE SOUNDS");
        return ExitCode::FAILURE;
    };
    let player = Player::join(PlayerOptions {
        host: host.clone(),
        code: Some(code.clone()),
        sounds: Some(sounds.into()),
        ..PlayerOptions::default()
    });
    match play(&player, &lines()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("keyboardia-bot: {why}");
            ExitCode::FAILURE
        }
    }
}

/// The lines of standard input; the channel closes at its end.
fn lines() -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES_MAX);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

fn play(player: &Player, lines: &Receiver<String>) -> Result<(), String> {
    let mut told = Instant::now();
    let mut clock_us = None;
    loop {
        match lines.try_recv() {
            Ok(line) => obey(player, &line)?,
            Err(TryRecvError::Disconnected) => return Ok(()),
            Err(TryRecvError::Empty) => {}
        }
        let view = player.view();
        if let Connection::Failed(why) = &view.connection {
            return Err(why.clone());
        }
        // A picture is some milliseconds old; the newest of many is nearly true.
        clock_us = clock_us.max(clock_ahead_us(&view));
        if told.elapsed() >= TELL {
            told = Instant::now();
            let line = serde_json::to_string(&tell(&view, clock_us.take())).map_err(|error| error.to_string())?;
            let mut out = std::io::stdout();
            writeln!(out, "{line}").and_then(|()| out.flush()).map_err(|error| error.to_string())?;
        }
        std::thread::sleep(LOOK);
    }
}

fn obey(player: &Player, line: &str) -> Result<(), String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let taken = match words.as_slice() {
        ["press", track, scene] => match (track.parse(), scene.parse()) {
            (Ok(track), Ok(scene)) => Some(player.press(TrackId(track), SceneId(scene))),
            _ => None,
        },
        ["tempo", bpm] => {
            let tempo = bpm.parse().ok().and_then(Tempo::from_bpm);
            tempo.map(|tempo| player.command(Command::SetTempo(tempo)))
        }
        _ => None,
    };
    match taken {
        Some(true) => Ok(()),
        Some(false) => Err(format!("“{line}” found no room.")),
        None => Err(format!("“{line}” is not understood.")),
    }
}

/// Session time less this machine's, microseconds, as the player has them.
fn clock_ahead_us(view: &PlayerView) -> Option<i64> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_micros();
    Some(view.session.as_ref()?.now?.0 as i64 - now as i64)
}

fn tell(view: &PlayerView, clock_us: Option<i64>) -> Told {
    let session = view.session.as_ref();
    let latency_us = match &view.hearing {
        Hearing::Playing { latency_us, .. } => Some(*latency_us),
        Hearing::Starting | Hearing::Silent(_) => None,
    };
    let has_sounds = view.loading.is_empty() && !view.overviews.is_empty();
    Told {
        ready: has_sounds && latency_us.is_some() && session.is_some_and(|session| session.now.is_some()),
        connected: view.connection == Connection::Connected,
        seat: session.map(|session| session.me.0),
        latency_us,
        phase_error_us: view.phase_error_us,
        clock_us,
        round_trip_us: session.and_then(|session| session.round_trip_us),
        uncertainty_us: session.and_then(|session| session.uncertainty_us),
    }
}
