//! A window in a page. The seat and the sound are elsewhere, in a worker and in the AudioWorklet; the page's loader has
//! started them and hands messages through, see `web/page/loader.js`; sounds are made in the window, see [`studio`].

mod studio;

pub(crate) use studio::{PageFile, next_file, pick_file};

use super::Hosted;
use crate::{
    Cli,
    link::{Invitation, Now},
    screen::Screen,
    settings::Settings,
};
use bevy::{app::PluginGroupBuilder, prelude::*, window::WindowMode};
use js_sys::Uint8Array;
use keyboardia_player::{
    Ears, Output, PlayerOptions, PlayerView, PreviewStart,
    port::{Album, FromWindow},
    recording::TakeRequest,
    view::Wish,
};
use keyboardia_session::{Cell, Command, Gain, Name, Notice, SceneId, Song, SoundId, TrackId, limits::NOTICES_MAX};
use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};
use studio::Studio;
use tracing::Level;
use tracing_wasm::{WASMLayerConfigBuilder, set_as_global_default_with_config};
use wasm_bindgen::prelude::*;

/// Whether a window can host.
pub(crate) const HOSTS: bool = false;
/// Whether there is a way out of the program.
pub(crate) const QUITS: bool = false;
/// Whether the player can choose a sound device here.
pub(crate) const HAS_DEVICES: bool = false;
/// Whether the game itself reads and writes files of this machine.
pub(crate) const HAS_FILES: bool = false;
/// Whether the window can have a size of the player's choice.
pub(crate) const RESIZES: bool = false;
/// What is said where nothing can be drawn.
pub(crate) const NO_ADAPTER: &str = "This browser does not let the game draw: WebGL 2 is there and does not work. Look for \
                                     “hardware acceleration” in the settings, or open the page in another browser.";
/// What the button says that hands an invitation on.
pub(crate) const INVITE: &str = "Share invitation";
/// The element that the window is drawn in.
const CANVAS: &str = "#keyboardia";
/// Where the settings are kept.
const KEY: &str = "keyboardia-settings";

#[wasm_bindgen]
extern "C" {
    /// Says something to the seat.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn post(bytes: &[u8]);
    /// The next picture of the seat, if there is one.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn take() -> Option<Uint8Array>;
    /// The code in the page's address, or nothing.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn code() -> String;
    /// The page's origin.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn host() -> String;
    /// The origin at which others find the page.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn guests() -> String;
    /// The token of the seat that this tab had in a session, or nothing.
    #[wasm_bindgen(js_namespace = keyboardia, js_name = tokenOf)]
    fn token_of(code: &str) -> String;
    /// The session that the page's address is to name from now on; nothing for none.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn arrived(code: &str);
    /// Hands the link to a session on.
    #[wasm_bindgen(js_namespace = keyboardia, js_name = share)]
    fn hand_on(code: &str);
    /// Covers the screen, or no longer.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn fullscreen();
    /// Whether the system was told that less motion is wanted.
    #[wasm_bindgen(js_namespace = keyboardia, js_name = calm)]
    fn wants_calm() -> bool;
    /// The game cannot go on.
    #[wasm_bindgen(js_namespace = keyboardia)]
    fn failed(sentence: &str);
}

/// Lets errors be written to the browser's console. Nobody there can do anything about Bevy's warnings.
pub(crate) fn log(plugins: PluginGroupBuilder) -> PluginGroupBuilder {
    let mut config = WASMLayerConfigBuilder::new();
    config.set_max_level(Level::ERROR).set_report_logs_in_timings(false);
    set_as_global_default_with_config(config.build());
    plugins
}

/// What the page's address says.
pub(crate) fn cli() -> Cli {
    let code = code();
    Cli { join: (!code.is_empty()).then(|| vec![host(), code]), ..Cli::default() }
}

/// A player that is elsewhere.
pub(crate) struct Player {
    told: Mutex<Told>,
}

/// What has come of it.
struct Told {
    album: Album,
    view: Arc<PlayerView>,
    notices: VecDeque<Notice>,
    studio: Studio,
}

impl Player {
    /// Lets the player set out.
    pub(crate) fn join(options: PlayerOptions) -> Self {
        // Pictures of a session before this one.
        while take().is_some() {}
        let PlayerOptions { host, code, profile, .. } = options;
        let token = code.as_deref().map(token_of).filter(|token| !token.is_empty());
        let player = Self {
            told: Mutex::new(Told {
                album: Album::default(),
                view: Arc::new(PlayerView::new(host)),
                notices: VecDeque::new(),
                studio: Studio::default(),
            }),
        };
        player.say(&FromWindow::Join { code, profile, token });
        player.say(&FromWindow::Next);
        player
    }

    /// A page has one thread, so nobody waits.
    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, said: &FromWindow) {
        post(&said.encode());
    }

    /// The latest picture.
    pub(crate) fn view(&self) -> Arc<PlayerView> {
        let mut told = self.told();
        let told = &mut *told;
        while let Some(bytes) = take() {
            match told.album.take(&bytes.to_vec()) {
                Some((view, notices, _heard)) => {
                    told.view = view;
                    told.notices.extend(notices);
                    while told.notices.len() > NOTICES_MAX {
                        told.notices.pop_front();
                    }
                }
                None => tracing::error!("a picture of the seat could not be read"),
            }
            self.say(&FromWindow::Next);
        }
        for said in told.studio.turn(&told.view) {
            self.say(&said);
        }
        let shown = told.studio.shown();
        if !told.view.shows(shown) {
            Arc::make_mut(&mut told.view).take_over(shown.clone());
        }
        told.view.clone()
    }

    /// Presses a pad. Returns whether the wish was taken.
    pub(crate) fn press(&self, track: TrackId, scene: SceneId) -> bool {
        self.say(&FromWindow::Wish(Wish::Press(track, scene)));
        true
    }

    /// Asks for something. Returns whether the wish was taken.
    pub(crate) fn command(&self, command: Command) -> bool {
        self.say(&FromWindow::Wish(Wish::Command(command)));
        true
    }

    /// The player's pointer or finger is on this slot, or on none.
    pub(crate) fn set_cursor(&self, cell: Option<Cell>) {
        self.say(&FromWindow::Cursor(cell));
    }

    /// Lets this player alone hear the session differently.
    pub(crate) fn set_ears(&self, ears: Ears) {
        self.say(&FromWindow::Ears(ears));
    }

    /// Lets this player alone hear the counts of the bar, this loud, or not.
    pub(crate) fn set_metronome(&self, gain: Option<Gain>) {
        self.say(&FromWindow::Metronome(gain));
    }

    /// Lets this player alone hear a sound of the library.
    pub(crate) fn preview(&self, sound: SoundId, start: PreviewStart) {
        self.say(&FromWindow::Preview(Some((sound, start))));
    }

    /// Ends the preview.
    pub(crate) fn stop_preview(&self) {
        self.say(&FromWindow::Preview(None));
    }

    /// The browser decides where the sound goes.
    pub(crate) fn set_output(&self, _output: Output) {}

    /// Corrects what the device says of its latency, microseconds.
    pub(crate) fn set_latency_nudge(&self, nudge_us: i32) {
        self.say(&FromWindow::LatencyNudge(nudge_us));
    }

    /// Begins to record a sound for this slot, see the player's own `record`.
    pub(crate) fn record(&self, request: TakeRequest, cell: Cell, replace: bool, name: Name, waits: bool) {
        self.told().studio.record(request, cell, replace, name, waits);
    }

    /// Finds out how late the microphone is.
    pub(crate) fn calibrate(&self, _device: Option<String>) {
        self.told().studio.calibrate();
    }

    /// Puts the take that waits onto the grid, under this name.
    pub(crate) fn keep_take(&self, name: Name) {
        let told = &mut *self.told();
        told.studio.keep(name, &told.view);
    }

    /// Throws away the take that waits.
    pub(crate) fn drop_take(&self) {
        self.told().studio.drop_take();
    }

    /// Ends a one-shot or a free loop.
    pub(crate) fn stop_recording(&self) {
        self.told().studio.stop();
    }

    /// Drops what is being recorded.
    pub(crate) fn cancel_recording(&self) {
        self.told().studio.cancel();
    }

    /// Makes a sound of the session of a file, in this slot; `replace`: what lies there already may go.
    pub(crate) fn bring_file(&self, file: PageFile, cell: Cell, replace: bool) {
        let told = &mut *self.told();
        told.studio.bring_file(file, cell, replace, &told.view);
    }

    /// What the player should be told, oldest first; each once.
    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        self.told().notices.drain(..).collect()
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        self.say(&FromWindow::Leave);
        arrived("");
    }
}

/// No window in a page hosts.
pub(crate) enum Host {}

/// Nothing is left behind here that would have to be waited for.
pub(crate) enum Goodbye {}

impl Goodbye {
    /// Whether it is over.
    pub(crate) fn is_over(&self) -> bool {
        match *self {}
    }

    /// Waits until it is.
    pub(crate) fn wait(self) {
        match self {}
    }
}

/// Leaves a session.
pub(crate) fn part(player: Option<Player>, _host: Option<Host>) -> Option<Goodbye> {
    drop(player);
    None
}

/// A new session on the page's host.
///
/// # Errors
/// Never; the host is asked on joining.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn hosted(_to_network: bool, _port: Option<u16>, _song: Option<&Song>) -> Result<Hosted, String> {
    Ok(Hosted { host: None, address: host(), code: None, invited_at: None, page: None })
}

/// The host that is meant where none is named.
pub(crate) fn home() -> Option<String> {
    Some(host())
}

/// The page itself keeps players' own sounds.
pub(crate) fn samples() -> Option<PathBuf> {
    None
}

/// How others join a session of the page's host: it may be another machine's for them than for this browser.
pub(crate) fn invitation(_address: String, code: String) -> Invitation {
    Invitation { address: guests(), code, page: Some(guests()) }
}

/// Hands an invitation on by the platform's own means. Returns whether there are any.
pub(crate) fn share(code: &str) -> bool {
    hand_on(code);
    true
}

/// What the platform adds to the app.
pub(crate) fn plugin(app: &mut App) {
    app.add_systems(Last, (cover, tell_arrival, tell_end));
}

/// The page learns of the session once it is shown and can be played.
fn tell_arrival(screen: Res<State<Screen>>, now: Res<Now>, mut told: Local<bool>) {
    let shown = *screen.get() == Screen::Jam;
    if shown && !*told {
        arrived(now.player().and_then(|view| view.code.as_deref()).unwrap_or_default());
    }
    *told = shown;
}

/// Lets the page cover the screen, which only it can; the wish does not outlive the press.
fn cover(mut settings: ResMut<Settings>) {
    if settings.graphics.fullscreen {
        settings.bypass_change_detection().graphics.fullscreen = false;
        fullscreen();
    }
}

/// An app that ends has failed: there is no other way out of a page.
fn tell_end(mut exits: MessageReader<AppExit>) {
    if exits.read().next().is_some() {
        failed("The game cannot draw any more. Reload to go on; your seat is kept for a moment.");
    }
}

/// There is nothing to choose from.
pub(crate) fn outputs() -> Arc<OnceLock<Vec<String>>> {
    Arc::new(OnceLock::from(Vec::new()))
}

/// Nor here.
pub(crate) fn inputs() -> Arc<OnceLock<Vec<String>>> {
    Arc::new(OnceLock::from(Vec::new()))
}

/// Whether lights stay still unless the player says otherwise.
pub(crate) fn calm() -> bool {
    wants_calm()
}

/// A number that is another one each time.
pub(crate) fn seed() -> u64 {
    (js_sys::Math::random() * 9e15) as u64
}

/// The window fills the page, and keys are the game's; but the browser's own ones are its own.
pub(crate) fn adapt(window: Window) -> Window {
    Window {
        canvas: Some(CANVAS.into()),
        fit_canvas_to_parent: true,
        // Reloading and the like stay the browser's.
        prevent_default_event_handling: false,
        mode: WindowMode::Windowed,
        resize_constraints: default(),
        ..window
    }
}

/// Whether a window can be opened here: the loader has looked.
///
/// # Errors
/// Never.
#[allow(clippy::unnecessary_wraps)]
pub(crate) fn can_open() -> Result<(), &'static str> {
    Ok(())
}

/// Shows a sentence: the window could not be opened. What panics goes on to trap.
pub(crate) fn fail(sentence: &str) {
    failed(sentence);
}

/// The page's storage.
#[derive(Debug, Clone)]
pub(crate) struct Store;

impl Store {
    fn storage() -> Option<web_sys::Storage> {
        web_sys::window()?.local_storage().ok()?
    }

    /// The place for settings, if the browser has one.
    pub(crate) fn find() -> Option<Self> {
        Self::storage().map(|_| Self)
    }

    /// What is kept; nothing if there is nothing yet.
    ///
    /// # Errors
    /// When the browser does not let us.
    pub(crate) fn read(&self, bytes_max: u64) -> io::Result<Option<Vec<u8>>> {
        let refused = |_| io::Error::other("the browser does not let us");
        let text =
            Self::storage().and_then(|storage| storage.get_item(KEY).map_err(refused).transpose()).transpose()?;
        Ok(text.map(|text| text.into_bytes().into_iter().take(bytes_max as usize + 1).collect()))
    }

    /// Puts what is damaged aside; returns what it is called from then on.
    pub(crate) fn put_aside(&self) -> Option<String> {
        let (storage, aside) = (Self::storage()?, format!("{KEY}-damaged"));
        let text = storage.get_item(KEY).ok()??;
        storage.set_item(&aside, &text).ok()?;
        storage.remove_item(KEY).ok()?;
        Some(aside)
    }

    /// Keeps this.
    ///
    /// # Errors
    /// When the browser does not let us.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let text = std::str::from_utf8(bytes).map_err(io::Error::other)?;
        let storage = Self::storage().ok_or_else(|| io::Error::other("the browser has no place for them"))?;
        storage.set_item(KEY, text).map_err(|_| io::Error::other("the browser does not let us"))
    }
}
