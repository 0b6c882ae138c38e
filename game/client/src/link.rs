//! The link to the player's thread: the only way in and out.
//!
//! [`Link`] holds the player and, when this window hosts, the host. Once a frame the player's picture is copied into
//! [`Now`], which everything else draws from; presses and commands go out through [`Link`].

use crate::{
    ClientSet,
    cli::Cli,
    platform::{self, Goodbye, Host, Hosted, Player, SoundFile},
    settings::Settings,
};
use bevy::prelude::*;
use keyboardia_player::{
    Ears, Output, PlayerOptions, PlayerView, PreviewStart, Transport, keep::Kept, recording::TakeRequest,
};
#[cfg(not(target_arch = "wasm32"))]
use keyboardia_player::{errand::Errand, export::BounceRequest};
use keyboardia_session::{Cell, Command, Gain, Name, SceneId, SessionCode, Song, SoundId, TrackId, View, seat::Notice};
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Bits of a code that only serves as an example.
const EXAMPLE: u64 = 0x0002_5a1c_93e7_4d86;
/// How long a press is drawn before the player's thread has taken it up.
const FRESH: Duration = Duration::from_millis(150);
/// How fast the light of a beat fades: its share after one beat is e to the minus this.
const PULSE_DECAY: f64 = 4.5;

/// Where to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Destination {
    /// A new session that nobody else knows of: on a host in this window, or in a browser on the page's.
    Alone,
    /// A new session on a host in this window, for everybody on the network.
    Network,
    /// A saved session, on a host in this window.
    #[cfg(not(target_arch = "wasm32"))]
    Kept {
        /// What was saved.
        kept: Arc<Kept>,
        /// Whether everybody on the network can join.
        to_network: bool,
    },
    /// A session on somebody's host.
    Session {
        /// Address of the host.
        address: String,
        /// The session's five words.
        code: String,
    },
}

impl Destination {
    /// What was saved of it.
    fn kept(&self) -> Option<Arc<Kept>> {
        match self {
            #[cfg(not(target_arch = "wasm32"))]
            Self::Kept { kept, .. } => Some(kept.clone()),
            Self::Alone | Self::Network | Self::Session { .. } => None,
        }
    }
}

/// How others join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Invitation {
    /// Address of the host.
    pub(crate) address: String,
    /// The session's five words.
    pub(crate) code: String,
    /// Where browsers find the host's page, if it is known to have one.
    pub(crate) page: Option<String>,
}

impl Invitation {
    /// What others are sent: a link where there is a page, which the game reads, too; else what they type.
    pub(crate) fn command(&self) -> String {
        match &self.page {
            Some(page) => format!("{page}/#{}", self.code),
            None => self.typed(),
        }
    }

    /// What those type who have the game.
    fn typed(&self) -> String {
        format!("./play --join {} {}", self.address, self.code)
    }
}

/// The player, and the host if it is in this window.
#[derive(Resource, Default)]
pub(crate) struct Link {
    player: Option<Player>,
    host: Option<Host>,
    invitation: Option<Invitation>,
    fresh: Vec<(Duration, TrackId, SceneId)>,
    retiring: Vec<Goodbye>,
    mine: Mine,
    silent: bool,
    sounds: Option<PathBuf>,
    port: Option<u16>,
}

/// What is the player's own and no session's; a new player is told all of it.
#[derive(Debug, Default)]
struct Mine {
    output: Output,
    latency_nudge_us: i32,
    metronome: Option<Gain>,
    ears: Ears,
}

impl Link {
    /// A link that is not connected yet.
    pub(crate) fn new(cli: &Cli) -> Self {
        let output = if cli.silent { Output::Silent } else { Output::Default };
        let mine = Mine { output, ..Mine::default() };
        Self { mine, silent: cli.silent, sounds: cli.sounds.clone(), port: cli.port, ..Self::default() }
    }

    /// Sets out for a session, leaving the present one. How it goes on shows in [`Now`].
    ///
    /// # Errors
    /// Why it is not even tried, as a sentence.
    pub(crate) fn join(&mut self, destination: &Destination, settings: &Settings) -> Result<(), String> {
        self.leave();
        let (address, code) = match destination {
            Destination::Session { address, code } => (address.trim().to_owned(), Some(read_code(code)?)),
            Destination::Alone => self.open_host(false, None)?,
            Destination::Network => self.open_host(true, None)?,
            #[cfg(not(target_arch = "wasm32"))]
            Destination::Kept { kept, to_network } => self.open_host(*to_network, Some(&kept.song))?,
        };
        if address.is_empty() {
            return Err("Enter the address of the host, for example 192.168.1.5.".into());
        }
        let options = PlayerOptions {
            host: address,
            code: code.map(|code| code.to_string()),
            profile: settings.profile(),
            transport: Transport::Auto,
            output: self.mine.output.clone(),
            sounds: self.sounds.clone(),
            samples: platform::samples(),
            kept: destination.kept(),
        };
        let player = Player::join(options);
        // The tracks of another session are other tracks.
        self.mine.ears = Ears::default();
        player.set_latency_nudge(self.mine.latency_nudge_us);
        player.set_metronome(self.mine.metronome);
        self.player = Some(player);
        Ok(())
    }

    /// Leaves the session; a host in this window ends with it.
    pub(crate) fn leave(&mut self) {
        self.invitation = None;
        self.fresh.clear();
        let parting = (self.player.take(), self.host.take());
        if parting.0.is_none() && parting.1.is_none() {
            return;
        }
        self.retiring.retain(|goodbye| !goodbye.is_over());
        self.retiring.extend(platform::part(parting.0, parting.1));
    }

    /// Presses a pad.
    pub(crate) fn press(&mut self, at: Duration, track: TrackId, scene: SceneId) {
        if let Some(player) = &self.player
            && player.press(track, scene)
        {
            self.fresh.push((at, track, scene));
        }
    }

    /// Asks for something. What is refused comes back as a notice.
    pub(crate) fn command(&self, command: Command) {
        if let Some(player) = &self.player {
            player.command(command);
        }
    }

    /// Lets the sound go to another device, unless the command line wants none.
    pub(crate) fn set_output(&mut self, output: Output) {
        if !self.silent && self.mine.output != output {
            self.mine.output = output;
            self.tell(|player, mine| player.set_output(mine.output.clone()));
        }
    }

    /// Corrects what the device says of its latency, microseconds.
    pub(crate) fn set_latency_nudge(&mut self, nudge_us: i32) {
        if self.mine.latency_nudge_us != nudge_us {
            self.mine.latency_nudge_us = nudge_us;
            self.tell(|player, mine| player.set_latency_nudge(mine.latency_nudge_us));
        }
    }

    /// Lets this player alone hear the counts of the bar, or not.
    pub(crate) fn set_metronome(&mut self, gain: Option<Gain>) {
        if self.mine.metronome != gain {
            self.mine.metronome = gain;
            self.tell(|player, mine| player.set_metronome(mine.metronome));
        }
    }

    /// What this player hears otherwise than the session has it.
    pub(crate) fn ears(&self) -> &Ears {
        &self.mine.ears
    }

    /// Lets this player alone hear the session differently.
    pub(crate) fn set_ears(&mut self, ears: Ears) {
        if self.mine.ears != ears {
            self.mine.ears = ears;
            self.tell(|player, mine| player.set_ears(mine.ears.clone()));
        }
    }

    fn tell(&self, say: impl FnOnce(&Player, &Mine)) {
        if let Some(player) = &self.player {
            say(player, &self.mine);
        }
    }

    /// Whether this pad was pressed a moment ago.
    pub(crate) fn is_fresh(&self, track: TrackId, scene: SceneId) -> bool {
        self.fresh.iter().any(|(_, t, s)| (*t, *s) == (track, scene))
    }

    /// The player's pointer or finger is on this slot, or on none; the others see it there.
    pub(crate) fn point_at(&self, cell: Option<Cell>) {
        if let Some(player) = &self.player {
            player.set_cursor(cell);
        }
    }

    /// Lets this player alone hear a sound of the library, in time with the session.
    pub(crate) fn preview(&self, sound: SoundId) {
        if let Some(player) = &self.player {
            player.preview(sound, PreviewStart::InTime);
        }
    }

    /// Makes a sound of the session of a file, in this slot; `replace`: what lies there already may go.
    pub(crate) fn bring_file(&self, file: SoundFile, cell: Cell, replace: bool) {
        if let Some(player) = &self.player {
            player.bring_file(file, cell, replace);
        }
    }

    /// Saves the session to a file; nothing where there is none.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn save(&self, path: PathBuf) -> Option<Errand<String>> {
        Some(self.player.as_ref()?.save(path))
    }

    /// Bounces what plays; nothing where there is no session.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn bounce(&self, request: BounceRequest) -> Option<Errand<String>> {
        Some(self.player.as_ref()?.bounce(request))
    }

    /// Takes along what is heard; nothing where there is no session.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn capture(&self, path: PathBuf) -> Option<Errand<String>> {
        Some(self.player.as_ref()?.capture(path))
    }

    /// Whether others on the network can join the host in this window.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn hosts_network(&self) -> bool {
        self.host.is_some() && self.invitation.is_some()
    }

    /// Begins to record for a slot; `replace`: what lies there already may go. `waits`: the player wants to hear it first.
    pub(crate) fn record(&self, request: TakeRequest, cell: Cell, replace: bool, name: Name, waits: bool) {
        if let Some(player) = &self.player {
            player.record(request, cell, replace, name, waits);
        }
    }

    /// Finds out how late a microphone is.
    pub(crate) fn calibrate(&self, device: Option<String>) {
        self.player.iter().for_each(|player| player.calibrate(device.clone()));
    }

    /// Puts the take that waits onto the grid, under this name.
    pub(crate) fn keep_take(&self, name: Name) {
        self.player.iter().for_each(|player| player.keep_take(name.clone()));
    }

    /// Throws away the take that waits.
    pub(crate) fn drop_take(&self) {
        self.player.iter().for_each(Player::drop_take);
    }

    /// The record button is pressed again, or let go.
    pub(crate) fn stop_recording(&self) {
        self.player.iter().for_each(Player::stop_recording);
    }

    /// Drops what is being recorded.
    pub(crate) fn cancel_recording(&self) {
        self.player.iter().for_each(Player::cancel_recording);
    }

    /// Ends the preview.
    pub(crate) fn stop_preview(&self) {
        if let Some(player) = &self.player {
            player.stop_preview();
        }
    }

    /// How others join, once known; nothing where nobody can.
    pub(crate) fn invitation(&self, view: &PlayerView) -> Option<Invitation> {
        if self.host.is_some() {
            return self.invitation.clone();
        }
        view.code.clone().map(|code| platform::invitation(view.host.clone(), code))
    }

    /// Finds a place for a new session, which begins with `song` or with the starter groove; returns where this window joins
    /// it.
    fn open_host(&mut self, to_network: bool, song: Option<&Song>) -> Result<(String, Option<SessionCode>), String> {
        // The last host may still hold the usual ports.
        self.retiring.drain(..).for_each(Goodbye::wait);
        let Hosted { host, address, code, invited_at, page } = platform::hosted(to_network, self.port, song)?;
        if let (Some(address), Some(code)) = (invited_at, code) {
            let invitation = Invitation { address, code: code.to_string(), page };
            println!("Others join with\n  {}", invitation.typed());
            if invitation.page.is_some() {
                println!("or in a browser at\n  {}", invitation.command());
            }
            self.invitation = Some(invitation);
        }
        self.host = host;
        Ok((address, code))
    }
}

/// The player's picture of this frame; nothing outside a session.
#[derive(Resource, Default)]
pub(crate) struct Now {
    view: Option<Arc<PlayerView>>,
    calm: bool,
}

impl Now {
    /// Everything that the player's thread shows.
    pub(crate) fn player(&self) -> Option<&PlayerView> {
        self.view.as_deref()
    }

    /// The session.
    pub(crate) fn session(&self) -> Option<&View> {
        self.player()?.session.as_ref()
    }

    /// How bright the light of the beat is, 0 … 1: 1 on the beat, then fading. 0 while the transport rests, and for
    /// players who want lights to stay still.
    pub(crate) fn pulse(&self) -> f32 {
        if self.calm { 0.0 } else { self.flash() }
    }

    /// The light of the beat for those who have asked for it.
    pub(crate) fn flash(&self) -> f32 {
        self.session().filter(|view| view.is_playing()).map_or(0.0, |view| pulse_at(view.beat().as_f64()))
    }
}

/// The light of the beat at `beat`.
fn pulse_at(beat: f64) -> f32 {
    (-PULSE_DECAY * (beat - beat.floor())).exp() as f32
}

/// Something that the player should be told, once.
#[derive(Message, Debug, Clone)]
pub(crate) struct Told(pub(crate) Notice);

pub(super) fn plugin(app: &mut App) {
    app.init_resource::<Now>().add_message::<Told>().add_systems(Update, (copy, tell).chain().in_set(ClientSet::Read));
}

fn copy(mut link: ResMut<Link>, mut now: ResMut<Now>, settings: Res<Settings>, time: Res<Time<Real>>) {
    now.calm = settings.graphics.calm;
    now.view = link.player.as_ref().map(Player::view);
    let present = time.elapsed();
    link.fresh.retain(|(at, ..)| present.saturating_sub(*at) < FRESH);
}

fn tell(link: Res<Link>, mut told: MessageWriter<Told>) {
    let notices = link.player.as_ref().map(Player::take_notices).unwrap_or_default();
    told.write_batch(notices.into_iter().map(Told));
}

fn read_code(text: &str) -> Result<SessionCode, String> {
    let example = SessionCode::from_entropy(EXAMPLE);
    SessionCode::parse(text).ok_or_else(|| match text.trim() {
        "" => "Enter the session's code, five words.".to_owned(),
        text => {
            let text: String = text.chars().take(40).collect();
            format!("“{text}” is not a session's code: it has five words, like {example}.")
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_code_is_refused_with_a_sentence() {
        for text in ["", "hello", "one two three four five six"] {
            let sentence = read_code(text).unwrap_err();
            assert!(sentence.ends_with('.'), "{sentence}");
        }
        let code = SessionCode::from_entropy(7);
        assert_eq!(read_code(&format!(" {code} ")), Ok(code));
    }

    #[test]
    fn an_invitation_is_a_link_where_there_is_a_page_and_a_command_elsewhere() {
        let (address, code) = ("192.168.1.5".to_owned(), "able-acid-aged-also-area".to_owned());
        let plain = Invitation { address, code, page: None };
        assert_eq!(plain.command(), "./play --join 192.168.1.5 able-acid-aged-also-area");
        let with_page = Invitation { page: Some("https://192.168.1.5:7373".into()), ..plain };
        assert_eq!(with_page.command(), "https://192.168.1.5:7373/#able-acid-aged-also-area");
    }

    #[test]
    fn the_light_is_full_on_the_beat_and_fades() {
        assert!((pulse_at(4.0) - 1.0).abs() < 1e-6);
        assert!(pulse_at(4.5) < pulse_at(4.1) && pulse_at(4.99) < 0.02);
        assert!((pulse_at(-1.0) - 1.0).abs() < 1e-6, "before the first bar too");
    }
}
