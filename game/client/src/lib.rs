//! Keyboardia's window.
//!
//! ```text
//! Read      the player's picture is copied            link
//! Travel    from screen to screen                     screen
//! Arrange   places for this window and grid           playfield::layout
//! Act       hands, keys, edits, notices, hints        playfield::pointer, keyboard, editing, toasts, hints
//! Draw      tiles and texts of what is the case       playfield, wordmark
//! Show      tiles become a mesh                       tiles, backdrop
//! Panels    egui, over it                             transport, mixer, players, library, keep, settings, toasts, title …
//! ```
//!
//! One plugin a feature, one file a plugin. The window only shows and asks: session and sound live on the player's own
//! threads and do not notice when it stalls.

mod avatars;
mod backdrop;
mod cli;
mod deed;
mod editing;
#[cfg(not(target_arch = "wasm32"))]
pub mod harness;
mod held;
mod hints;
mod icons;
mod joining;
mod keep;
mod keyboard;
mod labels;
mod library;
mod link;
mod mixer;
mod motion;
mod opening;
mod own;
mod pacing;
mod panel;
mod platform;
mod players;
mod playfield;
mod pocket;
mod screen;
mod script;
mod settings;
mod shot;
mod spots;
mod tessellated;
mod theme;
mod tiles;
mod title;
mod toasts;
mod transport;
mod widgets;
mod wishes;
mod wordmark;

pub use cli::Cli;

use bevy::{
    app::PluginGroupBuilder,
    prelude::*,
    sprite::SpritePlugin,
    sprite_render::{Mesh2dRenderPlugin, SpriteRenderPlugin},
    transform::StaticTransformOptimizations,
    window::{WindowResizeConstraints, WindowResolution},
};
use bevy_egui::{EguiPlugin, EguiPrimaryContextPass};
use link::Link;
use script::Script;
use std::process::ExitCode;

/// A frame allocates and frees thousands of small things, which this one does in less time than the system's own.
#[cfg(not(target_arch = "wasm32"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The steps of a frame, in order.
#[derive(SystemSet, Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum ClientSet {
    /// The player's picture is copied.
    Read,
    /// The window goes from screen to screen.
    Travel,
    /// Places are worked out.
    Arrange,
    /// Hands and keys take effect.
    Act,
    /// Tiles and texts are put up.
    Draw,
    /// Tiles become a mesh.
    Show,
    /// Panels are drawn by egui, after all of the above.
    Panels,
}

/// Begins in a page: its address may name a session.
#[cfg(target_arch = "wasm32")]
pub fn run_in_page() -> ExitCode {
    run(platform::cli())
}

/// Opens the window and runs until it is closed. Says on the terminal why, if it cannot.
pub fn run(cli: Cli) -> ExitCode {
    let script = match read_script(&cli) {
        Ok(script) => script,
        Err(sentence) => {
            eprintln!("keyboardia: {sentence}");
            return ExitCode::from(2);
        }
    };
    if let Err(sentence) = platform::can_open() {
        eprintln!("keyboardia: {sentence}");
        return ExitCode::FAILURE;
    }
    opening::explain_failure();
    match app(cli, script, |plugins| plugins).run() {
        AppExit::Success => ExitCode::SUCCESS,
        AppExit::Error(code) => ExitCode::from(code.get()),
    }
}

fn read_script(cli: &Cli) -> Result<Option<Script>, String> {
    let Some(path) = &cli.script else { return Ok(None) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("the script {} cannot be read: {error}.", path.display()))?;
    Script::parse(&text, cli.shots.clone()).map(Some).map_err(|error| format!("{error}."))
}

/// The whole app, its plugins of Bevy changed by `adapt`.
fn app(cli: Cli, script: Option<Script>, adapt: impl FnOnce(PluginGroupBuilder) -> PluginGroupBuilder) -> App {
    let mut app = App::new();
    let (settings, keeper) = settings::load(cli.name.clone());
    let size = cli.window_size(settings.graphics.size);
    let window = Window {
        title: "Keyboardia".into(),
        name: Some("keyboardia".into()),
        resolution: WindowResolution::new(size.x, size.y),
        resize_constraints: WindowResizeConstraints {
            min_width: cli::SIZE_RANGE.0.x as f32,
            min_height: cli::SIZE_RANGE.0.y as f32,
            ..default()
        },
        present_mode: settings::present_mode(&settings),
        mode: settings::window_mode(&settings),
        ..default()
    };
    let window = platform::adapt(window);
    // Of everything flat, the window has meshes with materials of its own, and nothing else.
    let bevy = platform::log(DefaultPlugins.set(WindowPlugin { primary_window: Some(window), ..default() }))
        .disable::<SpritePlugin>()
        .disable::<SpriteRenderPlugin>();
    app.add_plugins(adapt(bevy))
        .add_plugins((Mesh2dRenderPlugin, EguiPlugin::default()))
        // Nothing here has children: there are no trees to be looked through.
        .insert_resource(StaticTransformOptimizations::Disabled)
        .insert_resource(Link::new(&cli))
        .insert_resource(cli)
        .insert_resource(settings)
        .insert_resource(keeper);
    if let Some(script) = script {
        app.insert_resource(script);
    }
    let steps =
        (ClientSet::Read, ClientSet::Travel, ClientSet::Arrange, ClientSet::Act, ClientSet::Draw, ClientSet::Show);
    app.configure_sets(Update, steps.chain())
        .configure_sets(EguiPrimaryContextPass, (labels::LabelSet, ClientSet::Panels).chain());
    app.add_plugins((
        theme::plugin,
        tessellated::plugin,
        deed::plugin,
        screen::plugin,
        link::plugin,
        platform::plugin,
        opening::plugin,
        pacing::plugin,
        pocket::plugin,
        motion::plugin,
        shot::plugin,
        script::plugin,
        spots::plugin,
    ))
    .add_plugins((tiles::plugin, labels::plugin, backdrop::plugin, wordmark::plugin, playfield::plugin))
    .add_plugins((title::plugin, joining::plugin, transport::plugin, mixer::plugin, players::plugin))
    .add_plugins((
        toasts::plugin,
        keep::plugin,
        keyboard::plugin,
        hints::plugin,
        editing::plugin,
        library::plugin,
        own::plugin,
        settings::plugin,
    ));
    app
}
